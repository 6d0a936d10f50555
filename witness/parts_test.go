package witness

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"racelab/witness/rt"
	"racelab/witness/rt/atomic"
)

// lostUpdate breaks in some schedules.
func lostUpdate(w *T) {
	var n atomic.Int64
	var all rt.WaitGroup
	for range 3 {
		all.Add(1)
		rt.Go("add", func() { defer all.Done(); n.Store(n.Load() + 1) })
	}
	all.Wait()
	if n.Load() != 3 {
		w.Errorf("3 increments make %d", n.Load())
	}
}

// Goal: what a search finds is the same, to the byte, whatever the number of
// processes; and what one process finds that makes all runs, where they depend on those
// before.
func TestWorkers(t *testing.T) {
	if s := settings(); s != nil { // a process of the search
		exploreTest(t, s, false, lostUpdate)
		return
	}
	for _, test := range []struct {
		strategy string
		count    bool
	}{{"priorities", false}, {"priorities", true}, {"feedback", true}, {"bounded", true}} {
		var first string
		for _, workers := range []int{1, 3} {
			count := test.count
			s := &Settings{Strategy: test.strategy, Runs: 3*partRuns + 1, Seed: 1, Depth: 3, Preemptions: 5, Count: count, Workers: workers}
			found, err := s.explore(t, 1)
			if err != nil {
				t.Fatal(err)
			}
			if test.strategy == "feedback" || test.strategy == "bounded" {
				sys := systemOf(t, lostUpdate)
				whole, err := runs(sys, s, 0, s.Runs)
				sys.Close()
				if err != nil {
					t.Fatal(err)
				}
				if got, want := found.Broken[0].Bad, whole.Verdict(rt.Fails).Bad; got != want || found.Result.Steps != whole.Steps {
					t.Errorf("%s: parts break %d times in %d steps, one search %d times in %d", test.strategy, got, found.Result.Steps, want, whole.Steps)
				}
			}
			text, err := json.Marshal(found)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case count && found.Result.Runs != s.Runs:
				t.Errorf("%d runs, want %d", found.Result.Runs, s.Runs)
			case len(found.Broken) != 1:
				t.Errorf("broken: %v, want one property", found.Broken)
			case first == "":
				first = string(text)
			case string(text) != first:
				t.Errorf("%d processes find\n%s\none finds\n%s", workers, text, first)
			}
		}
		t.Log(first)
	}
}

// Goal: a schedule may be as long as it likes.
func TestLongSchedule(t *testing.T) {
	if s := settings(); s != nil { // a process of the search
		exploreTest(t, s, false, lostUpdate)
		return
	}
	long := strings.Repeat("nobody@1: nobody starts\n", 10_000) + "add@3: add:2 starts\n"
	f, err := (&Settings{}).tell(&part{Test: t.Name(), Call: 1, Schedule: long})
	if err != nil || f == nil || f.Answer.Schedule != "add@3: add:2 starts" {
		t.Errorf("it is told of %+v, %v", f, err)
	}
}

// readsForReal blocks out of control in each schedule.
func readsForReal(*T) {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	defer w.Close()
	rt.Go("other", func() {})
	r.Read(make([]byte, 1))
}

// Goal: a run that hangs ends its own process, not the one that goes on to the next test,
// and is told of in one line.
func TestHangs(t *testing.T) {
	if s := settings(); s != nil { // a process of the search
		rt.Patience = 200 * time.Millisecond
		exploreTest(t, s, false, readsForReal)
		return
	}
	_, searched := (&Settings{Strategy: "walk", Runs: 1, Seed: 1}).explore(t, 1)
	_, repeated := (&Settings{Schedule: "default"}).process(&part{Test: t.Name(), Call: 1})
	_, steered := (&Settings{Orders: "other starts before main starts"}).process(&part{Test: t.Name(), Call: 1})
	for _, err := range []error{searched, repeated, steered} {
		var h hung
		if !errors.As(err, &h) || strings.Contains(h.Error(), "\n") ||
			!strings.Contains(h.Error(), ": os.(*File).Read blocks out of control; leave the test out by -skip") {
			t.Errorf("the search says %q", err)
		}
	}
}
