package properties_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
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

var rewrite = flag.Bool("rewrite", false, "write testdata/counts.txt anew")

// counts is the work of one search.
type counts struct {
	states, transitions, driven int
	allocations                 float64 // a transition
}

// counted searches the first variant of a race in its first setting, with one worker, so
// that nothing else takes memory meanwhile.
func counted(t *testing.T, r *scenario.Race) (*explore.Result, counts) {
	t.Helper()
	c, err := r.Case(r.Variants[0].Name, r.Settings[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	sys, err := c.System()
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	// A search checks its first 2,000 steps, which takes far more memory than to take them.
	// Where there are as many again, what comes then is counted. The last progress comes
	// before the proof is defended in new worlds.
	const checked = 2000
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	start, from := memory.Mallocs, 0
	var perStep float64
	result, err := explore.States(sys, explore.Options{
		Limit: scenario.CheckStates, Workers: 1,
		Progress: func(r *explore.Result) {
			runtime.ReadMemStats(&memory)
			if from == 0 && r.Transitions >= 2*checked {
				start, from = memory.Mallocs, r.Transitions
				return
			}
			perStep = float64(memory.Mallocs-start) / float64(r.Transitions-from)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return result, counts{result.States, result.Transitions, sys.Driven(), perStep}
}

// Goal: no search comes to do more than it did without anybody seeing it: more states,
// more steps, more of them to bring coroutines where they are wanted, more allocations.
// Method: the counts of one search of each race, which other tests need as well, against
// those that are written down; a fifth more or less is too much.
func TestWorkStays(t *testing.T) {
	if testing.Short() {
		t.Skip("searches all states")
	}
	const file = "testdata/counts.txt"
	written, err := os.ReadFile(file)
	if err != nil && !*rewrite {
		t.Fatal(err)
	}
	was := map[string]counts{}
	for line := range strings.Lines(string(written)) {
		var name string
		var c counts
		if _, err := fmt.Sscanf(line, "%s %d states %d transitions %d driven %f allocations", &name, &c.states, &c.transitions, &c.driven, &c.allocations); err != nil {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
		was[name] = c
	}
	var now bytes.Buffer
	for _, r := range scenarios.All() {
		if made.of(t, r, r.Variants[0].Name, r.Settings[0].Name, false) == nil {
			continue // Its search takes minutes.
		}
		got, want := made.counts[r.Name], was[r.Name]
		fmt.Fprintf(&now, "%-26s %7d states %8d transitions %7d driven %6.1f allocations\n", r.Name, got.states, got.transitions, got.driven, got.allocations)
		var changed []string
		for _, count := range []struct {
			what     string
			was, got float64
		}{
			{"states", float64(want.states), float64(got.states)},
			{"transitions", float64(want.transitions), float64(got.transitions)},
			{"steps that only bring a coroutine to its place", float64(want.driven), float64(got.driven)},
			{"allocations a transition", want.allocations, got.allocations},
		} {
			if max(count.got, count.was) > 1.2*min(count.got, count.was) {
				changed = append(changed, fmt.Sprintf("%s: from %v to %.6g", count.what, count.was, count.got))
			}
		}
		if changed != nil && !*rewrite {
			t.Errorf("%s: %s; if that is meant: go test ./properties -run TestWorkStays -rewrite", r.Name, strings.Join(changed, ", "))
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, now.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
