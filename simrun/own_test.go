package simrun

import (
	"strings"
	"testing"

	"racelab/scenario"
	"racelab/sim"
)

// Goal: a system that declares nothing but how it is built has every command. Run and
// play show how it breaks, and a world that is refused costs one line.
func TestOwn(t *testing.T) {
	all, err := scenario.Races(
		scenario.Of("embrace", func(w *sim.World) {
			var locks [2]sim.Mutex
			w.Share("lock", &locks)
			both := func(first, second *sim.Mutex) func(*sim.Task) {
				return func(t *sim.Task) {
					first.Lock(t)
					second.Lock(t)
					second.Unlock(t)
					first.Unlock(t)
				}
			}
			w.Go("A", both(&locks[0], &locks[1]))
			w.Go("B", both(&locks[1], &locks[0]))
			w.Finally("both end", func(c *sim.Claim) { c.Assert(len(c.Waits().Waits) == 0, "one waits") })
		}),
		scenario.Of("twins", func(w *sim.World) {
			w.Go("A", func(t *sim.Task) { t.Step("a") })
			w.Go("A", func(t *sim.Task) { t.Step("a") })
		}),
		scenario.Of("unbuilt", func(w *sim.World) {
			panic("no config")
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args, says string
		code       int
	}{
		{"run embrace", "✗  no-deadlock: A holds lock[0]", exitBroken},
		{"play embrace", "break no-deadlock\n", exitHolds},
		{"explore embrace --json", `"bad": 2`, exitBroken},
		{"check embrace", "embrace default defaults no-deadlock broken in 2 steps", exitBroken},
		{"show embrace", "embrace\n\nSETTINGS", exitHolds},
		{"run twins", "a task or a node A already", exitUsage},
		{"explore twins", "a task or a node A already", exitUsage},
		{"check twins", "a task or a node A already", exitUsage},
		{"run unbuilt", "what builds the world panicked at own_test.go:35: no config", exitUsage},
		{"play unbuilt", "what builds the world panicked at own_test.go:35", exitUsage},
	} {
		var out strings.Builder
		a := command(&out, &out)
		a.all = all
		a.stdin = strings.NewReader("")
		code := a.run(strings.Fields(test.args))
		if code != test.code || !strings.Contains(strings.Join(strings.Fields(out.String()), " "), strings.Join(strings.Fields(test.says), " ")) {
			t.Errorf("%s exits with %d, want %d and %q in\n%s", test.args, code, test.code, test.says, out.String())
		}
		if test.code == exitUsage && strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%s prints more than a line:\n%s", test.args, out.String())
		}
	}
}
