package explore_test

import (
	"strings"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/explore"
)

// desk answers "no" until its alarm has fired, which the first request arms.
type desk struct {
	alarmed     bool `sim:"config"`
	armed, open bool
}

func (*desk) Timers() []string          { return []string{"alarm"} }
func (d *desk) Expire(int, *sim.Outbox) { d.open = true }
func (d *desk) Handle(e sim.Envelope, out *sim.Outbox) {
	if d.alarmed && !d.armed {
		d.armed = true
		out.After(0, time.Second)
	}
	answer := word("no")
	if d.open {
		answer = "yes"
	}
	out.Reply(e, answer)
}

// asks sends until the answer is yes.
func asks(alarmed bool, faults sim.Faults) func() *sim.World {
	return func() *sim.World {
		w := sim.NewWorld()
		w.AddNode("n", &desk{alarmed: alarmed})
		c := w.Dial("A", "n")
		w.GoProgram("A", &coded{run: func(t *sim.Task, s *coded) {
			for t.Step("send"); s.a == 0; t.Step("send") {
				c.Send(t, word("please"))
				switch c.Receive(t.At("receive")) {
				case word("yes"):
					s.a = 1
				case sim.ErrBroken:
					c.Redial(t.At("redial"))
				}
			}
		}})
		w.Allow(faults)
		return w
	}
}

// tries takes its first lock, tries the second and, if that is not free, lets go of the
// first and begins again.
func tries(first, second int) func(b *trials, t *sim.Task, c *coded) {
	return func(b *trials, t *sim.Task, c *coded) {
		for c.a == 0 {
			b.locks[first].Lock(t.At("lock"))
			t.Step("try")
			if b.locks[second].TryLock(t) {
				b.locks[second].Unlock(t)
				c.a = 1
			}
			t.Step("unlock")
			b.locks[first].Unlock(t)
		}
	}
}

// trials are locks that can be tried.
type trials struct{ locks [2]sim.Mutex }

// Goal: states tells a run that never ends from one that only an unfair scheduler
// keeps from its end, and a run that is fair in the end comes to it.
func TestRunsThatNeverEnd(t *testing.T) {
	sets := func(b *table, t *sim.Task, c *coded) { t.Step("set"); b.x.Set(t, 1) }
	watchesUnderLock := func(b *table, t *sim.Task, c *coded) {
		for c.a == 0 {
			b.lock.Lock(t.At("lock"))
			c.a = b.x.Get(t)
			t.Step("unlock")
			b.lock.Unlock(t)
		}
	}
	setsUnderLock := func(b *table, t *sim.Task, c *coded) {
		b.lock.Lock(t.At("lock"))
		b.x.Set(t, 1)
		b.lock.Unlock(t)
	}
	polls := func(rearm bool) func(b *table, t *sim.Task, c *coded) {
		return func(b *table, t *sim.Task, c *coded) {
			t.Step("start")
			b.timer.Start(t, time.Second)
			for c.a == 0 {
				t.Step("poll")
				if b.timer.TryReceive(t) {
					c.a = 1
				} else if rearm {
					b.timer.Reset(t, time.Second)
				}
			}
		}
	}
	ticks := func() *sim.World {
		w := sim.NewWorld()
		b := &struct {
			timer sim.Timer
			never sim.Chan[int]
		}{}
		w.Share("b", b)
		w.GoProgram("A", &coded{run: func(t *sim.Task, c *coded) {
			t.Step("start")
			b.timer.StartTicker(t, time.Second)
			b.never.Receive(t.At("receive"))
		}})
		return w
	}
	picks := func(b *table, t *sim.Task, c *coded) {
		t.Step("make")
		b.chans[0].Make(t, 1)
		b.chans[1].Make(t, 1)
		b.chans[0].Send(t.At("work"), 1)
		b.chans[1].Send(t.At("quit"), 1)
		for c.a == 0 {
			if t.At("next").Select(b.chans[0].Receiving(), b.chans[1].Receiving()) == &b.chans[1] {
				c.a = 1
			} else {
				b.chans[0].Send(t.At("work"), 1)
			}
		}
	}
	picksTwice := func(ends int) func(b *table, t *sim.Task, c *coded) {
		return func(b *table, t *sim.Task, c *coded) {
			t.Step("start")
			t.Step("make")
			for i := range 2 {
				b.chans[i].Make(t, 1)
				b.chans[i].Send(t, 1)
			}
			for c.a == 0 {
				if t.At("next").Select(b.chans[0].Receiving(), b.chans[1].Receiving()) == &b.chans[0] {
					b.chans[0].Send(t, 1)
				} else {
					b.chans[1].Send(t, 1)
				}
				if t.At("other").Select(b.chans[0].Receiving(), b.chans[1].Receiving()) == &b.chans[ends] {
					c.a = 1
				} else {
					b.chans[1-ends].Send(t, 1)
				}
			}
		}
	}
	trying := func() *sim.World {
		w := sim.NewWorld()
		b := &trials{}
		b.locks[0].Tried, b.locks[1].Tried = true, true
		w.Share("b", b)
		for i, name := range []string{"A", "B"} {
			w.GoProgram(name, &coded{run: func(t *sim.Task, c *coded) { tries(i, 1-i)(b, t, c) }})
		}
		return w
	}
	for _, test := range []struct {
		name  string
		build func() *sim.World
		round int // how many steps repeat for ever; 0: it ends
		who   string
	}{
		{"a spin that nobody ends", tasks(nil, forever), 1, "A"},
		{"a spin that another task ends", tasks(nil, forever, sets), 0, ""},
		{"a spin under a lock that the other task needs", tasks(nil, watchesUnderLock, setsUnderLock), 0, ""},
		{"two that try each other's lock", trying, 6, "A, B"},
		{"a select that may always take the other case", tasks(nil, picks), 0, ""},
		{"two selects in a round, of which the second ends it by its first case", tasks(nil, picksTwice(0)), 0, ""},
		{"two selects in a round, of which the second ends it by its other case", tasks(nil, picksTwice(1)), 0, ""},
		{"a retry storm", asks(false, sim.Faults{}), 3, "A->n, A"},
		{"retries until the node's alarm", asks(true, sim.Faults{}), 0, ""},
		{"retries over a connection that is cut", asks(true, sim.Faults{Cuts: 2}), 0, ""},
		{"a poll until a timer fires", tasks(nil, polls(false)), 0, ""},
		{"a poll that arms its timer anew", tasks(nil, polls(true)), 1, "A"},
		{"a ticker while a task waits for ever", ticks, 1, "b.timer"},
	} {
		r := must(explore.States(system(t, test.build), explore.Options{Limit: 10_000}))
		v := r.Verdict(explore.EndsWhenFair)
		if (v.Outcome == explore.Broken) != (test.round > 0) || v.Round != test.round {
			t.Errorf("%s: %s, %d steps repeat for ever, want %d (%v; %v)", test.name, v.Outcome, v.Round, test.round, v.Err, v.Schedule)
		}
		if test.round > 0 && v.Err != nil && !strings.Contains(v.Err.Error(), "(of "+test.who+")") {
			t.Errorf("%s: %v, want steps of %s", test.name, v.Err, test.who)
		}
		t.Logf("%s: %v: %v; %v", test.name, v.Outcome, v.Err, v.Schedule)
		r = must(explore.Sample("first", system(t, test.build), 0, explore.Options{Limit: 1, Longest: 1000}, func(uint64) sim.Chooser { return first{} }))
		if v := r.Verdict(explore.EndsWhenFair); test.round == 0 && v.Bad > 0 {
			t.Errorf("%s: a run that is fair in the end does not: %v", test.name, v.Err)
		}
	}
}

// first chooses the first event that can happen.
type first struct{}

func (first) Choose([]sim.Event) (int, error) { return 0, nil }

// Goal: what is wanted in the end is judged by what repeats for ever and by the ends of
// runs, in states and in samples.
func TestWhatIsWantedInTheEnd(t *testing.T) {
	flips := func(x *sim.Var[int], ends bool) *coded {
		return &coded{run: func(t *sim.Task, c *coded) {
			for t.Step("flip"); !ends || x.Get(t) == 0; t.Step("flip") {
				x.Set(t, 1-x.Get(t))
			}
		}}
	}
	for _, ends := range []bool{false, true} {
		build := func() *sim.World {
			w := sim.NewWorld()
			x := &sim.Var[int]{}
			w.Share("x", x)
			w.GoProgram("A", flips(x, ends))
			for _, n := range []int{1, 2} {
				w.Eventually([]string{"", "one", "two"}[n], func(c *sim.Claim) { c.Assert(x.Peek() == n, "x is %d, want %d", x.Peek(), n) })
			}
			return w
		}
		r := must(explore.States(system(t, build), explore.Options{Limit: 100}))
		one, two := r.Verdict("one"), r.Verdict("two")
		if one.Outcome != explore.Exhausted || two.Outcome != explore.Broken || (two.Round == 2) == ends {
			t.Errorf("it ends: %v: x is one: %s (%v); two: %s, the last %d steps repeat (%v)", ends, one.Outcome, one.Err, two.Outcome, two.Round, two.Err)
		}
		if ends && !two.Shortest || !strings.Contains(two.Err.Error(), "want 2") {
			t.Errorf("it ends: %v: two breaks by %v; %v", ends, two.Schedule, two.Err)
		}
		r = must(explore.Walks(system(t, build), 1, explore.Options{Limit: 1}))
		one, two = r.Verdict("one"), r.Verdict("two")
		if one.Outcome != explore.Sampled || two.Outcome != explore.Broken || two.Endless == ends {
			t.Errorf("it ends: %v, in a sample: x is one: %s (%v); two: %s (%v)", ends, one.Outcome, one.Err, two.Outcome, two.Err)
		}
	}
}

// Goal: a run that is cut off where it was before says whether it can go on like that
// for ever.
func TestARunThatComesBack(t *testing.T) {
	sets := func(b *table, t *sim.Task, c *coded) { t.Step("set"); b.x.Set(t, 1) }
	for _, test := range []struct {
		name, schedule string
		build          func() *sim.World
		want           string // in the error; empty: nothing breaks
	}{
		{"a retry storm", "A send; A->n Word; A receive; A send#2; A->n Word#2; A receive#2", asks(false, sim.Faults{}), "steps 4 to 6 (of A, A->n)"},
		{"half of a round", "A send; A->n Word; A receive; A send#2", asks(false, sim.Faults{}), "steps 2 to 4 (of A->n, A)"},
		{"no round", "A send; A->n Word; A receive", asks(false, sim.Faults{}), ""},
		{"a round that leaves somebody out", "A ask; A ask again", tasks(nil, forever, sets), ""},
	} {
		w := test.build()
		schedule, err := sim.ParseSchedule(test.schedule)
		if err != nil {
			t.Fatal(err)
		}
		circling := explore.NewCircling(w, sim.NewReplay(schedule))
		if _, err := sim.Run(w, circling); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		broke := circling.Violations()
		if test.want == "" && len(broke) > 0 || test.want != "" && (len(broke) != 1 || !strings.Contains(broke[0].Err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, broke, test.want)
		}
		w.Close()
	}
}
