package explore

import (
	"strings"
	"testing"

	"racelab/sim"
)

// Goal: a loop that never ends comes back to where it was.
func TestLoop(t *testing.T) {
	r, err := all(func(w *sim.World) {
		var jobs sim.Chan[int]
		jobs.Init(1)
		w.Share("jobs", &jobs)
		w.Go("server", func(t *sim.Task) {
			started := 1 // It is live over the loop, and the loop does not change it.
			for range t.Loop("poll") {
				if n, _ := jobs.Receive(t); n+started > 3 {
					return
				}
			}
		})
		w.Go("client", func(t *sim.Task) {
			for range t.Loop("next") {
				jobs.Send(t, 1)
			}
		})
	})
	if err != nil || !r.Complete || r.States != 8 {
		t.Errorf("%+v, %v; want 8 states, all there are", r, err)
	}
}

// Goal: a spin lock that a function takes twice is two loops, though they have one name: the
// second knows what was before it. Without a claim nothing else would tell.
//
// Method: 98 states and 152 transitions are those of a breadth-first search by hand, whose
// state is where each task stands, what its adds gave, the lock and the number.
func TestALoopThatIsComeToAgain(t *testing.T) {
	r, err := all(func(w *sim.World) {
		var held sim.Atomic[bool]
		var n sim.Atomic[int]
		w.Share("held", &held)
		w.Share("n", &n)
		lock := func(t *sim.Task) {
			for range t.Loop("spin") {
				if held.CompareAndSwap(t, false, true) {
					return
				}
			}
		}
		for _, task := range []string{"A", "B"} {
			w.Go(task, func(t *sim.Task) {
				for range 2 {
					lock(t)
					n.Add(t, 1)
					held.Store(t, false)
				}
			})
		}
	})
	if err != nil || r.States != 98 || r.Transitions != 152 || !r.Complete {
		t.Errorf("%+v, %v; want 98 states and 152 transitions, all there are", r, err)
	}
	if r, err = all(func(w *sim.World) {
		var n sim.Atomic[int]
		w.Share("n", &n)
		w.Go("A", func(t *sim.Task) {
			for range 2 {
				for range t.Loop("spin") {
					if n.Load(t) == 0 {
						break
					}
				}
			}
		})
	}); err != nil || r.States != 5 || !r.Complete {
		t.Errorf("%+v, %v; want 5 states: before and in each turn, and the end", r, err)
	}
}

// Goal: a loop in a turn of another begins anew in each; so does one in a function that
// waits in vain for ever, and is found to need a Loop of its own.
func TestLoopsInLoops(t *testing.T) {
	nested := func(outer func(t *sim.Task, turn func() bool)) *Result {
		r, err := all(func(w *sim.World) {
			var n sim.Atomic[int]
			w.Share("n", &n)
			w.Go("A", func(t *sim.Task) {
				outer(t, func() bool {
					for range t.Loop("inner") {
						if n.Load(t) == 0 {
							break
						}
					}
					return true
				})
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := nested(func(t *sim.Task, turn func() bool) { t.Loop("outer")(turn) }); !r.Complete || r.States != 3 {
		t.Errorf("%+v; want 3 states, all there are", r)
	}
	if r := nested(func(_ *sim.Task, turn func() bool) {
		for turn() {
		}
	}); r.Complete || !strings.Contains(r.Explored(), "t.Loop(NAME)") {
		t.Errorf("%s; want a word about Loop", r.Explored())
	}
}
