package explore

import (
	"strings"
	"testing"

	"racelab/sim"
)

// Goal: a search of a function that loops without end says so soon, and names it and Loop.
// Each turn is a state of its own, so the search would go on to its limit.
func TestAFunctionThatLoopsWithoutLoop(t *testing.T) {
	spin := func(loop func(*sim.Task, func() bool)) *Result {
		sys, err := NewWorlds(func() *sim.World {
			w := sim.NewWorld()
			held := &sim.Atomic[bool]{}
			w.Share("held", held)
			for _, name := range []string{"A", "B"} {
				w.Go(name, func(t *sim.Task) {
					loop(t, func() bool { return !held.CompareAndSwap(t, false, true) })
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
	if r := spin(func(_ *sim.Task, turn func() bool) {
		for turn() {
		}
	}); r.Complete || r.States > 1_000 || !strings.Contains(r.Explored(), "B can do 1000 operations in a run") || !strings.Contains(r.Explored(), "t.Loop(NAME)") || r.Foreseen() != 0 {
		t.Errorf("%s, %v", r.Explored(), r.Foreseen())
	}
	if r := spin(func(t *sim.Task, turn func() bool) { t.Loop("spin")(turn) }); !r.Complete {
		t.Error(r.Explored())
	}
}

// Goal: a condition that is waited for again and again is such a loop, which takes two to go
// round; a function that does much, and ends, is none.
func TestLongFunctions(t *testing.T) {
	search := func(build func(*sim.World)) string {
		sys, err := NewWorlds(func() *sim.World {
			w := sim.NewWorld()
			build(w)
			return w
		})
		if err != nil {
			t.Fatal(err)
		}
		defer sys.Close()
		r, err := States(sys, Options{Limit: 10_000})
		if err != nil {
			t.Fatal(err)
		}
		return r.Explored()
	}
	if said := search(func(w *sim.World) {
		mu := &sim.Mutex{}
		c := &sim.Cond{L: mu}
		w.Share("mu", mu)
		w.Share("c", c)
		w.Go("A", func(t *sim.Task) {
			mu.Lock(t)
			for {
				c.Wait(t)
			}
		})
		w.Go("B", func(t *sim.Task) {
			for range t.Loop("wake") {
				c.Signal(t)
			}
		})
	}); !strings.Contains(said, "A can do 1000 operations in a run") {
		t.Error(said)
	}
	if said := search(func(w *sim.World) {
		n := &sim.Atomic[int]{}
		w.Share("n", n)
		w.Go("A", func(t *sim.Task) {
			for range 600 {
				n.Add(t, 1)
			}
		})
	}); !strings.Contains(said, "all there are") {
		t.Error(said)
	}
}

// Goal: runs may be 10,000 steps long; whoever looks at the budget is asked soon enough.
func TestABudgetOfSteps(t *testing.T) {
	sys, err := NewWorlds(func() *sim.World {
		w := sim.NewWorld()
		n := &sim.Atomic[bool]{}
		w.Share("n", n)
		w.Go("A", func(t *sim.Task) {
			for range t.Loop("turn") {
				n.Store(t, true)
			}
		})
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	steps := 0
	r, err := Walks(sys, 1, Options{Limit: 1000, Progress: func(r *Result) { steps = r.Steps }, Stop: func() bool { return steps > sim.MaxSteps }})
	if err != nil || r.Runs > 100 {
		t.Errorf("%d runs of %d steps in all, %v", r.Runs, steps, err)
	}
}
