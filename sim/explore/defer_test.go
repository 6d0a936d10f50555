package explore_test

import (
	"fmt"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
)

// adder adds one to what it shares, three times, under a lock.
type adder struct {
	shared  *sum
	defers  bool
	i, seen int
}

type sum struct {
	mu sim.Mutex
	n  sim.Var[int]
}

func (a *adder) Run(t *sim.Task) {
	for a.i = 0; a.i < 3; a.i++ {
		a.add(t)
	}
}

func (a *adder) add(t *sim.Task) {
	a.shared.mu.Lock(t.At("lock"))
	if a.defers {
		defer a.release(t)
	}
	a.seen = a.shared.n.Get(t)
	t.Step("think")
	a.shared.n.Set(t, a.seen+1)
	if !a.defers {
		a.release(t)
	}
}

func (a *adder) release(t *sim.Task) {
	a.seen = 0
	t.Step("release")
	a.shared.mu.Unlock(t)
}

// idler goes on while an adder thinks.
type idler struct{ i int }

func (p *idler) Run(t *sim.Task) {
	for p.i = 0; p.i < 4; p.i++ {
		t.Step("idle")
	}
}

// Goal: what a program defers runs where it returns, and nowhere else, though a search gives
// up coroutines that are in the midst of it. Method: the states of a program that defers, and
// of one that does the same at its end, with more and fewer coroutines.
func TestProgramThatDefers(t *testing.T) {
	for _, coroutines := range []int{1, 2, 3, 128} {
		found := map[bool]string{}
		for _, defers := range []bool{false, true} {
			sys, err := explore.NewWorlds(func() *sim.World {
				w := sim.NewWorld()
				shared := &sum{}
				shared.n.Init(1) // A forgotten number is another one.
				w.Share("sum", shared)
				for _, name := range []string{"a", "b", "c"} {
					w.GoProgram(name, &adder{shared: shared, defers: defers})
				}
				w.GoProgram("idler", &idler{})
				return w
			})
			if err != nil {
				t.Fatal(err)
			}
			sys.SetMaxCoroutines(coroutines)
			r, err := explore.States(sys, explore.Options{Limit: 10_000, Workers: 1})
			sys.Close()
			if err != nil {
				t.Fatalf("%d coroutines, defers %v: %v", coroutines, defers, err)
			}
			found[defers] = fmt.Sprint(r.States, r.Transitions, r.Complete)
		}
		if found[true] != found[false] {
			t.Errorf("%d coroutines: a program that defers has states, transitions, complete: %s; one that does the same at its end: %s", coroutines, found[true], found[false])
		}
	}
}
