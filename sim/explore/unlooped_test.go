package explore

import (
	"strings"
	"testing"

	"racelab/sim"
)

// Goal: a search of a function that loops without end says so, and names Loop. Before,
// each turn was a state of its own, and the search went on to its limit.
func TestAFunctionThatLoopsWithoutLoop(t *testing.T) {
	spin := func(loop func(*sim.Task) bool) *Result {
		sys, err := NewWorlds(func() *sim.World {
			w := sim.NewWorld()
			held := &sim.Atomic[bool]{}
			w.Share("held", held)
			for _, name := range []string{"A", "B"} {
				w.Go(name, func(t *sim.Task) {
					for loop(t) && !held.CompareAndSwap(t, false, true) {
					}
					held.Store(t, false)
				})
			}
			return w
		})
		if err != nil {
			t.Fatal(err)
		}
		defer sys.Close()
		// What runs did before tells States nothing.
		if _, err := Walks(sys, 1, Options{Limit: 2}); err != nil {
			t.Fatal(err)
		}
		r, err := States(sys, Options{Limit: 100_000})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := spin(func(*sim.Task) bool { return true }); r.Complete || r.States < 1_000 || r.States > 20_000 || !strings.Contains(r.Explored(), "t.Loop(NAME)") || r.Foreseen() != 0 {
		t.Errorf("%s, %v", r.Explored(), r.Foreseen())
	}
	if r := spin(func(t *sim.Task) bool { return t.Loop("spin") }); !r.Complete {
		t.Error(r.Explored())
	}
}
