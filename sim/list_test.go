package sim_test

import (
	"slices"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

// Goal: a list is what it was written with, whatever is loaded; two tasks that
// append to it without a lock race, and with one they do not.
func TestList(t *testing.T) {
	for _, locked := range []bool{false, true} {
		build := func() *sim.World {
			w := sim.NewWorld()
			q := &queueing{locked: locked}
			w.Share("q", q)
			w.GoProgram("a", &appender{queueing: q, value: 1})
			w.GoProgram("b", &appender{queueing: q, value: 2})
			return w
		}
		simtest.Wired(t, build)
		sys, err := explore.NewWorlds(build)
		if err != nil {
			t.Fatal(err)
		}
		r := simtest.Must(explore.States(sys, explore.Options{Limit: 10_000}))
		sys.Close()
		want := explore.Broken
		if locked {
			want = explore.Exhausted
		}
		if got := r.Verdict(sim.NoDataRace).Outcome; got != want {
			t.Errorf("locked %v: %v, want %v", locked, got, want)
		}
		if got := r.Verdict(sim.NoPanic).Outcome; got != explore.Exhausted {
			t.Errorf("locked %v: a task found another list than was written: %v", locked, r.Verdict(sim.NoPanic).Err)
		}
	}
}

type queueing struct {
	locked bool `sim:"config"`
	mu     sim.Mutex
	values sim.List[int32]
}

// appender appends its value and then takes it away again.
type appender struct {
	*queueing
	value int32 `sim:"config"`
}

func (a *appender) Run(t *sim.Task) {
	a.enter(t)
	a.values.Append(t, a.value, -a.value)
	a.leave(t)
	a.enter(t)
	i := slices.Index(a.values.Get(t), a.value)
	if a.values.Len(t) != len(a.values.Peek()) || a.values.Get(t)[i+1] != -a.value {
		panic("sim: a list holds what was not written")
	}
	if i == 0 {
		a.values.Drop(t, 2)
	} else {
		a.values.Set(t, a.values.Get(t)[:i]...)
	}
	a.leave(t)
}

func (a *appender) enter(t *sim.Task) {
	if a.locked {
		a.mu.Lock(t.At("enter"))
	} else {
		t.Step("enter")
	}
}

func (a *appender) leave(t *sim.Task) {
	if a.locked {
		a.mu.Unlock(t)
	}
}

// Goal: Change is one step, in which nobody comes in between; a function that runs again is
// where it was; and what it was not told of the list makes no state. One function adds one
// to a number twice, and the other learns whether it is odd: 0 and 2 are one to it.
func TestListChange(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		n := &sim.List[int32]{Locked: true}
		w.Share("n", n)
		add := func(values []int32) ([]int32, int) {
			if len(values) == 0 {
				return []int32{1}, 1
			}
			return []int32{values[0] + 1}, int(values[0] + 1)
		}
		var told sim.Var[int]
		w.Share("told", &told)
		w.Go("a", func(t *sim.Task) {
			first := n.Change(t, add)
			t.Step("rest")
			told.Set(t, 10*first+n.Change(t, add))
		})
		w.Go("b", func(t *sim.Task) {
			odd := n.Change(t, func(values []int32) ([]int32, int) {
				if len(values) == 0 {
					return nil, 0
				}
				return nil, int(values[0] % 2)
			})
			t.Step("look")
			t.Assert(odd == 0 || odd == 1, "learned %d", odd)
		})
		w.Finally("both are added, and told of", func(c *sim.Claim) {
			c.Assert(slices.Equal(n.Peek(), []int32{2}) && told.Peek() == 12, "the number is %v, and %d was told", n.Peek(), told.Peek())
		})
		return w
	}
	sys, err := explore.NewWorlds(build)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	r := simtest.Must(explore.States(sys, explore.Options{Limit: 10_000}))
	for _, v := range r.Verdicts {
		if v.Err != nil {
			t.Errorf("%s: %v", v.Property, v.Err)
		}
	}
	if want := 23; r.States != want {
		t.Errorf("%d states, want %d", r.States, want)
	}
}
