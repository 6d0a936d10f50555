package scenarios_test

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

// searches are all strategies, with a budget for tests. Others check the models.
func searches(t *testing.T, c *scenario.Case, workers int, first bool) map[string]*explore.Result {
	t.Helper()
	sys, err := c.System()
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	o := explore.Options{Limit: 1000, Workers: workers, First: first, Again: true}
	return map[string]*explore.Result{
		"states":     simtest.Must(explore.States(sys, o)),
		"exhaustive": simtest.Must(explore.Exhaustive(sys, o)),
		"pct":        simtest.Must(explore.PCT(sys, 7, 3, o)),
		"pos":        simtest.Must(explore.POS(sys, 7, o)),
		"uniform":    simtest.Must(explore.Uniform(sys, 7, o)),
		"walk":       simtest.Must(explore.Walks(sys, 7, o)),
		"feedback":   simtest.Must(explore.Feedback(sys, 7, o)),
	}
}

// searched is what one worker finds in the first case of a race, each searched once.
var searched = map[string]map[string]*explore.Result{}

func searchesOnce(t *testing.T, r *scenario.Race) map[string]*explore.Result {
	t.Helper()
	if searched[r.Name] == nil {
		searched[r.Name] = searches(t, theCase(t, r.Name, ""), 1, false)
	}
	return searched[r.Name]
}

// Goal: neither the number of workers nor GOMAXPROCS changes anything that a
// search says, and each schedule of it breaks what the search says it breaks.
func TestWorkersChangeNothing(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	all := families()
	all = all[:4]
	if testing.Short() { // The race detector is slow, and sees the same code.
		all = all[:2]
	}
	for _, s := range all {
		for _, first := range []bool{false, true} {
			want := map[string]string{}
			several := 2
			if first {
				several = 5
			}
			for _, workers := range []int{1, several} {
				runtime.GOMAXPROCS(workers)
				c := theCase(t, s.Name, "")
				results := searchesOnce(t, s)
				if first || workers > 1 {
					results = searches(t, c, workers, first)
				}
				for name, r := range results {
					for i := range r.Verdicts {
						if workers > 1 || !first { // The next test plays all that are not First.
							break
						}
						if err := simtest.PlayAgain(c.World(), &r.Verdicts[i]); err != nil {
							t.Errorf("%s, %s: %v", s.Name, name, err)
						}
					}
					r.Memory = 0 // It is the process's.
					got := fmt.Sprintf("%+v", *r)
					if want[name] == "" {
						want[name] = got
					}
					if got != want[name] {
						t.Errorf("%s, %s, %d workers, first %v:\n%s\nwant, as with one:\n%s", s.Name, name, workers, first, got, want[name])
					}
				}
			}
		}
	}
}

// Goal: what a search shows breaks what it says it breaks. Method: replay.
func TestEverySchedulePrintedBreaksItsProperty(t *testing.T) {
	for _, s := range families() {
		c := theCase(t, s.Name, "")
		for name, r := range searchesOnce(t, s) {
			for _, v := range r.Verdicts {
				if v.Outcome != explore.Broken || v.Property == sim.NoDataRace {
					continue
				}
				report, err := c.Watch(sim.NewReplay(v.Schedule))
				if err != nil {
					t.Errorf("%s, %s: %v", s.Name, name, err)
					continue
				}
				found := false
				for _, b := range report.Broken {
					found = found || b.Property == v.Property && b.Err.Error() == v.Err.Error()
				}
				if !found {
					t.Errorf("%s, %s: the schedule for %s broke %v: %v", s.Name, name, v.Property, report.Broken, v.Schedule)
				}
			}
		}
	}
}

// Goal: uniform sampling is uniform, and a walk is not. Method: 10 of the 90
// interleavings of stale-snapshot 2x2 are bad; of that many runs the share lies
// within four standard deviations.
func TestUniformIsUniform(t *testing.T) {
	sys, err := theCase(t, "stale-snapshot", "").System()
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	const runs = 20_000
	share := func(r *explore.Result) float64 { return float64(r.Verdicts[0].Bad) / float64(r.Runs) }
	margin := 4 * math.Sqrt(1.0/9*8/9/runs)
	if got := share(simtest.Must(explore.Uniform(sys, 1, explore.Options{Limit: runs}))); math.Abs(got-1.0/9) > margin {
		t.Errorf("uniform finds it in %.4f of its runs, want %.4f +- %.4f", got, 1.0/9, margin)
	}
	// Each of the first two steps of the one bad order, and so on: 0.0741.
	if got := share(simtest.Must(explore.Walks(sys, 1, explore.Options{Limit: runs}))); math.Abs(got-0.0741) > margin {
		t.Errorf("a walk finds it in %.4f of its runs, want 0.0741 +- %.4f", got, margin)
	}
}

// Goal: PCT keeps its guarantee. The fall is of depth 3 at the most.
func TestPCTKeepsItsGuarantee(t *testing.T) {
	for _, test := range []struct {
		scenario string
		depth    int
	}{{"lost-update", 2}, {"stale-snapshot", 3}, {"offset-rewind", 3}} {
		sys, err := theCase(t, test.scenario, "").System()
		if err != nil {
			t.Fatal(err)
		}
		r := simtest.Must(explore.PCT(sys, 1, test.depth, explore.Options{Limit: 20_000}))
		if got := float64(r.Verdicts[0].Bad) / float64(r.Runs); got < r.Guarantee {
			t.Errorf("%s: pct of depth %d finds it in %.4f of its runs, want at least %.4f", test.scenario, test.depth, got, r.Guarantee)
		}
		sys.Close()
	}
}

// Goal: a search that may leave out too much does not say that it has seen all.
func TestExhaustiveWithFaultsIsNotComplete(t *testing.T) {
	for _, test := range []struct {
		scenario, why string
		settings      []string
	}{
		{"stale-snapshot", "", nil},
		{"offset-rewind", "", []string{"commits=1"}},
		{"offset-rewind", "faults", []string{"partitions=1", "cuts=1"}},
	} {
		sys, err := theCase(t, test.scenario, "", test.settings...).System()
		if err != nil {
			t.Fatal(err)
		}
		r := simtest.Must(explore.Exhaustive(sys, explore.Options{Limit: 100_000}))
		sys.Close()
		if (r.Left != "") != (test.why != "") || !strings.Contains(r.Left, test.why) || r.Complete != (test.why == "") {
			t.Errorf("%s %v: complete %v, because of %q; want %v, %q", test.scenario, test.settings, r.Complete, r.Left, test.why == "", test.why)
		}
		if said := strings.Contains(r.Explored(), "there may be more"); said != (test.why != "") {
			t.Errorf("%s %v: %q", test.scenario, test.settings, r.Explored())
		}
	}
}
