package witness

import (
	"strings"
	"testing"

	"racelab/sim/explore"
	"racelab/witness/internal/search"
	"racelab/witness/rt"
)

// Goal: a fault is a decision of the schedule: it is told in words, left out where it
// does not matter, and repeated.
func TestFaultsAreDecisions(t *testing.T) {
	broken := func(needed int) func() {
		return func() {
			rt.Faults(2)
			disk := 0
			var wg rt.WaitGroup
			for range 2 {
				wg.Add(1)
				rt.Go("write", func() {
					defer wg.Done()
					rt.Fault("clock", "stops")
					if rt.Fault("disk", "is full") != "" {
						disk++
					}
				})
			}
			wg.Wait()
			if disk == needed {
				rt.Fail(failed("lost"))
			}
		}
	}
	for needed, want := range map[int]string{
		1: "disk@1: disk is full",
		2: "disk@1: disk is full; disk@2: disk is full",
	} {
		sys := search.New(broken(needed))
		r, err := search.Mixed(sys, "mixed", 1, 3, explore.Options{Limit: 1000, First: true, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		v := r.Verdict(rt.Fails)
		if v.Bad == 0 {
			t.Fatalf("no run of %d failed", r.Runs)
		}
		out := shrink(sys, decisionsOf(sys, v.Schedule), rt.Fails)
		if got := out.decisions.String(); got != want {
			t.Errorf("the schedule is %q, want %q", got, want)
		}
		if picture := out.picture(); !strings.Contains(picture, "disk     is full\n") || strings.Contains(picture, "as it should") {
			t.Errorf("the picture does not tell of the fault, or tells of what did not happen:\n%s", picture)
		}
		if again := play(sys, out.decisions); again.history != out.history || again.property() != rt.Fails {
			t.Errorf("%q is not repeated", out.decisions)
		}
		sys.Close()
	}
}
