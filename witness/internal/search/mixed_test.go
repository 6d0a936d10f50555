package search

import (
	"errors"
	"sync"
	"testing"

	"racelab/sim/explore"
	"racelab/witness/rt"
)

// hold takes locks in order, and gives them back.
func hold(locks ...sync.Locker) func() {
	return func() {
		for _, l := range locks {
			l.Lock()
			defer l.Unlock()
		}
	}
}

// four is the circle of issue 3191 of Sarama: two read locks of one RWMutex, a writer
// between them, and two mutexes; and a lock that is no part of it.
func four() {
	var table rt.RWMutex
	var conn, owner, log rt.Mutex
	var wg rt.WaitGroup
	for _, do := range []func(){
		hold(&conn, table.RLocker(), &log), hold(table.RLocker(), &owner, &log), hold(&owner, &conn), hold(&table),
	} {
		wg.Add(1)
		rt.Go("f", func() { defer wg.Done(); do() })
	}
	wg.Wait()
}

// Goal: to stand at locks that are taken in a circle finds the deadlock far more often
// than priorities do.
func TestLocksInACircle(t *testing.T) {
	sys := New(four)
	defer sys.Close()
	bad := map[string]int{}
	for _, way := range []string{"locks", "priorities"} {
		r, err := Mixed(sys, way, 1, 3, explore.Options{Limit: 500, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		bad[way] = r.Verdict(rt.NoDeadlock).Bad
	}
	t.Logf("of 500 runs: %v", bad)
	if bad["locks"] < 3*bad["priorities"] || bad["locks"] < 25 {
		t.Errorf("of 500 runs, these deadlock: %v", bad)
	}
}

// Goal: where a fault happens is drawn from all places, so that the one that matters is
// found; and the schedules without a fault are searched too.
func TestFaultsAnywhere(t *testing.T) {
	sys := New(func() {
		rt.Faults(1)
		wrong := false
		for i := range 40 {
			if rt.Fault("step", "fails") != "" {
				if wrong = true; i == 30 {
					rt.Fail(errors.New("the 31st step failed"))
				}
			}
		}
		if !wrong {
			panic("no step failed")
		}
	})
	defer sys.Close()
	r, err := Mixed(sys, "mixed", 1, 3, explore.Options{Limit: 400, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if bad := r.Verdict(rt.Fails).Bad; bad < 2 || bad > 25 {
		t.Errorf("of 400 runs, the 31st of 40 steps failed in %d; about 9 are due", bad)
	}
	if bad := r.Verdict(rt.NoPanic).Bad; bad < 25 || bad > 75 {
		t.Errorf("of 400 runs, no step failed in %d; about 50 are due", bad)
	}
}
