package explore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/internal/hook"
)

// Goal: in a timed world a race is what the clocks of a run say, whichever search
// asks, since no two steps need be due at one instant.
func TestRacesOfTimedWorldsAreJudgedByClocks(t *testing.T) {
	timed := func(w *sim.World) {
		w.Timed(sim.Timing{Step: sim.Constant(10), Overrides: []sim.DelayOverride{{Of: "B", Delay: sim.Constant(7)}}})
	}
	bare := func(b *table, t *sim.Task, c *coded) {
		t.Step("start")
		t.Step("set")
		b.x.Set(t, 1)
	}
	locked := func(b *table, t *sim.Task, c *coded) {
		b.lock.Lock(t.At("lock"))
		b.x.Set(t, 1)
		t.Step("unlock")
		b.lock.Unlock(t)
	}
	for _, test := range []struct {
		name  string
		build func() *sim.World
		want  explore.Outcome
	}{
		{"timed, bare", tasks(timed, bare, bare), explore.Broken},
		{"timed, locked", tasks(timed, locked, locked), explore.Exhausted},
		{"untimed, bare", tasks(nil, bare, bare), explore.Broken},
		{"untimed, locked", tasks(nil, locked, locked), explore.Exhausted},
	} {
		for _, r := range []*explore.Result{
			must(explore.States(system(t, test.build), explore.Options{Limit: 1000})),
			must(explore.Exhaustive(system(t, test.build), explore.Options{Limit: 1000})),
		} {
			v := r.Verdict(sim.NoDataRace)
			if v.Outcome != test.want {
				t.Errorf("%s, %s: no-data-race is %q, want %q", test.name, r.Strategy, v.Outcome, test.want)
			}
			var race *hook.RaceError
			if broken := v.Outcome == explore.Broken; broken != errors.As(v.Err, &race) {
				t.Errorf("%s, %s: %v, want a hook.RaceError: %v", test.name, r.Strategy, v.Err, broken)
			}
		}
		walks := must(explore.Walks(system(t, test.build), 1, explore.Options{Limit: 100}))
		if got := walks.Verdict(sim.NoDataRace).Outcome; (got == explore.Broken) != (test.want == explore.Broken) {
			t.Errorf("%s, walk: no-data-race is %q", test.name, got)
		}
	}
}

func forever(b *table, t *sim.Task, c *coded) {
	t.Step("ask")
	for b.x.Get(t) == 0 {
		t.Step("ask again")
	}
}

// Goal: exhaustive can be stopped within a run, and says that runs need not end.
func TestExhaustiveEndsWithinARun(t *testing.T) {
	asked := 0
	r := must(explore.Exhaustive(system(t, tasks(nil, forever)), explore.Options{Limit: 1000, Stop: func() bool { asked++; return asked > 3 }}))
	if r.Complete || r.Steps > 300 {
		t.Errorf("stopped at the third asking, it took %d steps (complete: %v)", r.Steps, r.Complete)
	}
	r = must(explore.Exhaustive(system(t, tasks(nil, forever)), explore.Options{Limit: 1000}))
	if r.Complete || r.Steps > sim.MaxSteps || !strings.Contains(r.Explored(), "runs need not end") {
		t.Errorf("of a run without an end: %s (complete: %v)", r.Explored(), r.Complete)
	}
}

// Goal: an arrival that a mute keeps for ever could have come before it. Method:
// the late request is answered only if it overtakes the mute. It is sent when a
// timer has fired, so that no run has it on its way when the mute comes first.
func TestExhaustiveSeesWhatAMuteKeepsOut(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		w.AddNode("n", &muter{})
		one, two := w.Dial("one", "n"), w.Dial("two", "n")
		b := &table{}
		w.Share("b", b)
		w.GoProgram("A", &coded{run: func(t *sim.Task, c *coded) {
			t.Step("keep")
			two.Send(t, word("keep"))
			two.Receive(t.At("kept"))
			b.timer.Sleep(t.At("wake"), time.Second)
			two.Send(t, word("late"))
			two.Receive(t.At("await"))
			panic("answered")
		}})
		w.GoProgram("B", &coded{run: func(t *sim.Task, c *coded) {
			t.Step("mute")
			one.Send(t, word("mute"))
		}})
		return w
	}
	for _, r := range []*explore.Result{
		must(explore.States(system(t, build), explore.Options{Limit: 1000})),
		must(explore.Exhaustive(system(t, build), explore.Options{Limit: 1000})),
	} {
		if v := r.Verdict(sim.NoPanic); v.Outcome != explore.Broken {
			t.Errorf("%s: the request that overtakes the mute: %q, want it broken (%s)", r.Strategy, v.Outcome, r.Explored())
		}
	}
}

// sentry arms its alarm at a request to, and says whether it is still to ring.
type sentry struct{ armed, rung bool }

func (*sentry) Timers() []string                { return []string{"alarm"} }
func (s *sentry) Expire(_ int, out *sim.Outbox) { s.rung = true }
func (s *sentry) Handle(e sim.Envelope, out *sim.Outbox) {
	if e.Message.(word) == "arm" {
		s.armed = true
		out.After(0, 3*time.Second)
	}
	answer := word("nothing to say")
	if s.armed && !s.rung {
		answer = "still to ring"
	}
	out.Reply(e, answer)
}

// Goal: when an alarm is due depends on when it was armed, so arming it depends
// on what moves the clock. Method: armed at once, it rings before B asks, after
// 4 s; armed late, it does not.
func TestArmingAnAlarmReadsTheClock(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		w.AddNode("n", &sentry{})
		a, c := w.Dial("A", "n"), w.Dial("B", "n")
		b := &table{}
		w.Share("b", b)
		w.GoProgram("A", &coded{run: func(t *sim.Task, _ *coded) { t.Step("send"); a.Send(t, word("arm")) }})
		w.GoProgram("B", &coded{run: func(t *sim.Task, _ *coded) {
			t.Step("start")
			b.timer.Sleep(t.At("tick"), 2*time.Second)
			b.timer.Sleep(t.At("tick again"), 2*time.Second)
			c.Send(t, word("ask"))
			if c.Receive(t.At("answer")).(word) == "still to ring" {
				panic("it is still to ring")
			}
		}})
		return w
	}
	for _, r := range []*explore.Result{
		must(explore.States(system(t, build), explore.Options{Limit: 10_000})),
		must(explore.Exhaustive(system(t, build), explore.Options{Limit: 10_000})),
	} {
		if got := r.Verdict(sim.NoPanic).Outcome; got != explore.Broken {
			t.Errorf("%s: the alarm that was armed late: %q, want it broken (%s)", r.Strategy, got, r.Explored())
		}
	}
}

// Goal: a timer that is dropped never fires.
func TestADroppedTimerIsStopped(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		s := &set{}
		w.Share("s", s)
		w.GoProgram("A", &coded{run: func(t *sim.Task, c *coded) {
			t.Step("make")
			r := s.timers.New(t)
			s.timers.At(r).Start(t, time.Second)
			s.timers.Drop(t, r)
			t.Step("end")
		}})
		return w
	}
	if r := must(explore.States(system(t, build), explore.Options{Limit: 1000})); r.States != 3 {
		t.Errorf("%s, want 3: nothing is left that could fire", r.Explored())
	}
}

type set struct{ timers sim.Timers }

// Goal: a channel that is made anew while somebody waits at it is refused in
// whichever order the search meets the two.
func TestSearchesSeeAChannelMadeAnew(t *testing.T) {
	make := func(b *table, t *sim.Task, c *coded) {
		t.Step("make")
		b.chans[0].Make(t, 0)
	}
	comes := func(b *table, t *sim.Task, c *coded) {
		t.Step("go")
		b.chans[0].Receive(t.At("receive"))
	}
	for name, build := range map[string]func() *sim.World{
		"the maker first": tasks(nil, make, comes), "the maker last": tasks(nil, comes, make),
	} {
		for search, err := range refusals(build) {
			if err == nil || !strings.Contains(err.Error(), "waits at the old one") {
				t.Errorf("%s, %s: %v, want a refusal", name, search, err)
			}
		}
	}
}

// Goal: a search of a model that stood one before says the same, with fewer checks.
func TestAgain(t *testing.T) {
	whole := must(explore.States(system(t, embrace(true)), explore.Options{Limit: 1000}))
	again := must(explore.States(system(t, embrace(true)), explore.Options{Limit: 1000, Again: true}))
	if whole.Walks != 100 || again.Walks != 10 {
		t.Errorf("it stands against %d walks, and against %d when it is made again; want 100 and 10", whole.Walks, again.Walks)
	}
	whole.Walks, whole.Memory, again.Walks, again.Memory = 0, 0, 0, 0
	if fmt.Sprintf("%+v", whole) != fmt.Sprintf("%+v", again) {
		t.Errorf("%+v\nmade again:\n%+v", whole, again)
	}
}
