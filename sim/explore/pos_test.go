package explore_test

import (
	"math"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
)

// Goal: steps that do not depend on a pending one leave its priority, and those that do
// draw it anew. Method: B's step comes after all three of A's. In one program only the
// last of these depends on it: B's priority is the least of four. In the other each
// does: three times one of two is drawn.
func TestPOSDrawsOrdersOfDependentSteps(t *testing.T) {
	const runs = 20_000
	for _, test := range []struct {
		dependent bool
		want      float64
	}{{false, 1.0 / 4}, {true, 1.0 / 8}} {
		sys, err := explore.NewWorlds(tasks(nil,
			func(b *table, t *sim.Task, c *coded) {
				for _, label := range []string{"one", "two", "three"} {
					t.Step(label)
					if c.a++; test.dependent || c.a == 3 {
						b.x.Set(t, c.a)
					}
				}
			},
			func(b *table, t *sim.Task, _ *coded) {
				t.Step("read")
				t.Assert(b.x.Get(t) < 3, "last")
			}))
		if err != nil {
			t.Fatal(err)
		}
		r := must(explore.POS(sys, 1, explore.Options{Limit: runs}))
		sys.Close()
		got := float64(r.Verdict(sim.Assertions).Bad) / runs
		if margin := 4 * math.Sqrt(test.want*(1-test.want)/runs); math.Abs(got-test.want) > margin {
			t.Errorf("dependent %v: %.4f of the runs, want %.4f +- %.4f", test.dependent, got, test.want, margin)
		}
	}
}
