package properties_test

import (
	"fmt"
	"testing"

	"racelab/scenario"
	"racelab/scenarios"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

// theCase is a variant of a race with some parameters.
func theCase(t *testing.T, race, variant string, settings ...string) *scenario.Case {
	t.Helper()
	r, err := scenarios.Find(race)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Case(variant, "", settings...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Goal: the searches count what is there. Method: two tasks whose numbers of
// interleavings, bad ones, happens-before classes and states are known.
func TestKnownCounts(t *testing.T) {
	for _, test := range []struct {
		scenario                        string
		settings                        []string
		schedules, bad, classes, states int // 0: not known
	}{
		{"lost-update", []string{"threads=2"}, 6, 4, 4, 13},
		{"lost-update", []string{"threads=3"}, 90, 84, 36, 84},
		{"lost-update", []string{"threads=4"}, 2520, 2496, 576, 755},
		{"stale-snapshot", []string{"committers=2", "marks=2"}, 90, 10, 18, 91},
		{"stale-snapshot", []string{"committers=3", "marks=2"}, 2520, 630, 162, 639},
		{"stale-snapshot", []string{"committers=4", "marks=2"}, 113400, 43248, 1944, 4823},
		{"stale-snapshot", []string{"committers=2", "marks=2", "commits=2"}, 0, 0, 0, 448},
		{"stale-snapshot", []string{"committers=3", "marks=2", "commits=2"}, 0, 0, 0, 6743},
	} {
		c := theCase(t, test.scenario, "unfixed", test.settings...)
		name := fmt.Sprint(test.scenario, test.settings)
		sys, err := c.System()
		if err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 2, 3} {
			if got := simtest.Must(explore.States(sys, explore.Options{Limit: 10_000, Workers: workers})).States; got != test.states {
				t.Errorf("%s: %d states with %d workers, want %d", name, got, workers, test.states)
			}
		}
		if test.classes > 0 {
			r := simtest.Must(explore.Exhaustive(sys, explore.Options{Limit: 10_000}))
			if r.Runs != test.classes || r.Redundant != 0 || !r.Complete {
				t.Errorf("%s: %d classes, %d redundant runs, complete %v; want %d, 0, true", name, r.Runs, r.Redundant, r.Complete, test.classes)
			}
			schedules, bad, ok := explore.CountSchedules(sys, c.Race.Claims[0].Name, 10_000)
			if schedules != uint64(test.schedules) || bad != uint64(test.bad) || !ok {
				t.Errorf("%s: %d schedules, %d bad, %v; want %d, %d", name, schedules, bad, ok, test.schedules, test.bad)
			}
		}
		sys.Close()
	}
}
