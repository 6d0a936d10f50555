package explore_test

import (
	"fmt"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
)

// muter mutes the second connection when a request comes by the first.
type muter struct{ other sim.Envelope }

func (m *muter) Handle(e sim.Envelope, out *sim.Outbox) {
	defer out.Reply(e, e.Message)
	switch e.Message.(word) {
	case "mute me":
		out.Mute(e)
	case "keep":
		m.other = e
	case "mute":
		if m.other.Message != nil {
			out.Mute(m.other)
		}
	}
}

type word string

func (w word) Name() string   { return "Word" }
func (w word) String() string { return string(w) }

// Goal: whether a connection is muted is a part of the state. Method: a mute that
// comes before there is anything to mute leaves the rest as one that comes after.
func TestAMuteIsState(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		w.AddNode("n", &muter{})
		one, two := w.Dial("one", "n"), w.Dial("two", "n")
		b := &table{}
		b.chans[0].Init(1)
		w.Share("b", b)
		w.GoProgram("A", &coded{run: func(t *sim.Task, c *coded) {
			t.Step("keep")
			two.Send(t, word("keep"))
			two.Receive(t.At("kept"))
			b.chans[0].Receive(t.At("after the mute"))
			two.Send(t, word("late"))
			two.Receive(t.At("await"))
			panic("answered")
		}})
		w.GoProgram("B", &coded{run: func(t *sim.Task, c *coded) {
			t.Step("send")
			one.Send(t, word("mute"))
			one.Receive(t.At("muted"))
			b.chans[0].Send(t.At("tell"), 1)
		}})
		return w
	}
	r := must(explore.States(system(t, build), explore.Options{Limit: 1000}))
	for _, property := range []string{sim.NoPanic, sim.NoProgress} {
		if got := r.Verdict(property).Outcome; got != explore.Broken {
			t.Errorf("%s is %q, want it broken: the late request is answered, or it never is", property, got)
		}
	}
	if want := 30; r.States != want {
		t.Errorf("%d states, want %d, with those that differ in it alone", r.States, want)
	}
}

// Goal: an answer does not unmute the connection that it goes back on.
func TestAReplyDoesNotUnmute(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		w.AddNode("n", &muter{})
		c := w.Dial("A", "n")
		w.GoProgram("A", &coded{run: func(t *sim.Task, _ *coded) {
			t.Step("send")
			c.Send(t, word("mute me"))
			c.Receive(t.At("await"))
			c.Send(t, word("late"))
			c.Receive(t.At("await more"))
			panic("answered")
		}})
		return w
	}
	r := must(explore.States(system(t, build), explore.Options{Limit: 1000}))
	if v := r.Verdict(sim.NoPanic); v.Outcome != explore.Exhausted {
		t.Errorf("no-panic is %q (%v): a muted connection is read", v.Outcome, v.Err)
	}
}

// Goal: whether a channel is closed is a part of the state. Method: a close that
// somebody else hides by making the same steps without one.
func TestACloseIsState(t *testing.T) {
	closes := func(b *table, t *sim.Task, c *coded) {
		t.Step("look")
		if b.x.Get(t) == 0 {
			b.chans[0].Close(t)
		}
		t.Step("end")
	}
	sets := func(b *table, t *sim.Task, c *coded) {
		t.Step("set")
		b.x.Set(t, 1)
	}
	made := func() *sim.World {
		w := sim.NewWorld()
		b := &table{}
		b.chans[0].Init(1)
		w.Share("b", b)
		for i, run := range []func(b *table, t *sim.Task, c *coded){closes, sets, func(b *table, t *sim.Task, c *coded) {
			b.chans[0].Receive(t.At("receive"))
			panic("closed")
		}} {
			w.GoProgram(string(rune('A'+i)), &coded{run: func(t *sim.Task, c *coded) { run(b, t, c) }})
		}
		return w
	}
	r := must(explore.States(system(t, made), explore.Options{Limit: 1000}))
	for _, property := range []string{sim.NoPanic, sim.NoProgress} {
		if got := r.Verdict(property).Outcome; got != explore.Broken {
			t.Errorf("%s is %q, want it broken: the receiver finds the channel closed, or waits for ever", property, got)
		}
	}
}

// Goal: who waits for a condition first is woken first, and that order is state.
// Method: apart from it, nothing tells who came first.
func TestTheOrderOfACondIsState(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		r := &room{}
		r.cond.L = &r.lock
		w.Share("r", r)
		for _, name := range []string{"A", "B"} {
			w.GoProgram(name, &coded{run: func(t *sim.Task, _ *coded) {
				r.lock.Lock(t.At("lock"))
				r.came.Set(t, r.came.Get(t)+1)
				r.cond.Wait(t.At("wait"))
				panic(name + " is woken")
			}})
		}
		w.GoProgram("C", &coded{run: func(t *sim.Task, _ *coded) {
			r.lock.Lock(t.At("lock"))
			if r.came.Get(t) == 2 {
				r.cond.Signal(t)
			}
			r.lock.Unlock(t)
		}})
		return w
	}
	ends := map[string]bool{}
	sys := system(t, build)
	all(sys, func(path []int, broke []sim.Violation) { ends[fmt.Sprint(sys.Unfinished())] = true })
	// A panics, or B does, or C came too early.
	if len(ends) != 3 {
		t.Fatalf("who is left at the end: %v", ends)
	}
	r := must(explore.States(sys, explore.Options{Limit: 1000}))
	if got := r.Verdict(sim.NoPanic).Bad; got != 2 {
		t.Errorf("%d steps panic, want 2: that of A, and that of B (%s)", got, r.Explored())
	}
}

type room struct {
	lock sim.Mutex
	cond sim.Cond
	came sim.Var[int]
}
