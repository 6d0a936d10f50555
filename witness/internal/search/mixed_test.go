package search

import (
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
