package sim_test

import (
	"fmt"
	"slices"
	"testing"

	"racelab/sim"
)

// inWords puts who waits for what in words.
func inWords(g *sim.WaitGraph) string {
	line := fmt.Sprintf("after %v", g.After)
	for _, wait := range g.Waits {
		line += fmt.Sprintf("; %s waits for %s (holder %q, timer %v, stopped %v)", wait.Task, wait.For(), wait.Holder, wait.Timer, wait.Stopped)
	}
	return line
}

// sleeper waits for a timer with a lock held, and then for one that is stopped.
type sleeper struct{ *bedroom }

func (p *sleeper) Run(t *sim.Task) {
	p.lock.Lock(t.At("lock"))
	p.timer.Start(t, 5*ms)
	p.timer.Receive(t.At("sleep"))
	p.lock.Unlock(t)
	p.timer.Receive(t.At("sleep on"))
}

type locker struct{ *bedroom }

func (p *locker) Run(t *sim.Task) {
	p.lock.Lock(t.At("lock"))
	t.Step("unlock")
	p.lock.Unlock(t)
}

type bedroom struct {
	lock  sim.Mutex
	timer sim.Timer
}

// Goal: Always sees who waits for what after each step, and Finally the end.
func TestAlwaysAndFinally(t *testing.T) {
	w := sim.NewWorld()
	defer w.Close()
	b := &bedroom{}
	var seen []string
	w.Share("b", b)
	w.GoProgram("A", &sleeper{b})
	w.GoProgram("B", &locker{b})
	w.Always("always", func(c *sim.Claim) {
		if !c.Waits().Over {
			seen = append(seen, inWords(c.Waits()))
		}
	})
	w.Finally("finally", func(c *sim.Claim) { c.Assert(false, "%s; over", inWords(c.Waits())) })
	first := func(actor string) {
		i := slices.IndexFunc(w.Enabled(), func(e sim.Event) bool { return e.Actor == actor })
		w.Take(i)
	}
	for _, actor := range []string{"A", "b.timer", "A", "B", "B"} {
		first(actor)
	}
	want := []string{
		`after A lock; A waits for b.timer, due at 5ms (holder "", timer true, stopped false); B waits for b.lock, held by A (holder "A", timer false, stopped false)`,
		`after b.timer fires; B waits for b.lock, held by A (holder "A", timer false, stopped false)`,
		`after A sleep; A waits for b.timer, which is not armed (holder "", timer true, stopped true)`,
		`after B lock; A waits for b.timer, which is not armed (holder "", timer true, stopped true)`,
	}
	if !slices.Equal(seen, want) {
		t.Errorf("always sees\n%q\nwant\n%q", seen, want)
	}
	end := `after B unlock; A waits for b.timer, which is not armed (holder "", timer true, stopped true); over`
	if broke := w.Violations(); !slices.ContainsFunc(broke, func(v sim.Violation) bool { return v.Property == "finally" && v.Err.Error() == end }) {
		t.Errorf("at the end: %v, want %s", broke, end)
	}
}

// appointment holds an instant while time passes.
type appointment struct {
	at    *sim.Var[sim.Time]
	timer sim.Timer
}

func (p *appointment) Run(t *sim.Task) {
	t.Step("make")
	p.at.Set(t, t.Now().Add(5*ms))
	p.timer.Sleep(t.At("wait"), 5*ms)
	p.at.Set(t, t.Now().Add(5*ms))
	p.timer.Sleep(t.At("wait"), 5*ms)
}

type agenda struct{ at sim.Var[sim.Time] }

// Goal: of an instant its distance from now counts: the same wait at another time
// of day is the same state, and what is loaded is at the loaded time of day.
func TestInstantIsRelative(t *testing.T) {
	w := sim.NewWorld()
	defer w.Close()
	a := &agenda{}
	a.at.Init(sim.Never)
	w.Share("a", a)
	w.GoProgram("A", &appointment{at: &a.at})
	w.Enabled()
	w.Take(0) // make
	saved, print := w.Save(), w.Fingerprint()
	w.Take(0) // fires
	if w.Fingerprint() == print {
		t.Error("that the instant has come makes no other state")
	}
	w.Load(saved)
	if got := a.at.Peek(); got != sim.Time(5*ms) || w.Now() != 0 {
		t.Errorf("loaded at %v: the instant is %v, want 5ms at 0s", w.Now(), got)
	}
}
