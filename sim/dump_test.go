package sim_test

import (
	"fmt"
	"slices"
	"testing"

	"racelab/sim"
)

// onlooker notes what it is shown.
type onlooker struct{ seen []string }

func (o *onlooker) Name() string                                   { return "onlooker" }
func (o *onlooker) Watches(sim.Observation) bool                   { return false }
func (o *onlooker) Observe(sim.Observation) (tested bool, _ error) { return false, nil }

func (o *onlooker) Look(d *sim.Dump) (tested bool, err error) {
	line := fmt.Sprintf("after %v", d.After)
	for _, wait := range d.Waits {
		line += fmt.Sprintf("; %s waits for %s (holder %q, timer %v, stopped %v)", wait.Task, wait.For(), wait.Holder, wait.Timer, wait.Stopped)
	}
	if d.Over {
		return true, fmt.Errorf("%s; over", line)
	}
	o.seen = append(o.seen, line)
	return false, nil
}

// sleeper waits for a timer with a lock held, and then for one that is stopped.
type sleeper struct{ *bedroom }

func (p *sleeper) Run(t *sim.Task) {
	p.lock.Lock(t, "lock")
	p.timer.Start(t, 5*ms)
	p.timer.Receive(t, "sleep")
	p.lock.Unlock(t)
	p.timer.Receive(t, "sleep on")
}

type locker struct{ *bedroom }

func (p *locker) Run(t *sim.Task) {
	p.lock.Lock(t, "lock")
	t.Yield("unlock")
	p.lock.Unlock(t)
}

type bedroom struct {
	lock  sim.Mutex
	timer sim.Timer
}

// Goal: a property that looks sees who waits for what after each step, and the
// end.
func TestLook(t *testing.T) {
	w := sim.NewWorld()
	defer w.Close()
	b, o := &bedroom{}, &onlooker{}
	w.Share("b", b)
	w.Go("A", &sleeper{b})
	w.Go("B", &locker{b})
	w.Watch(o)
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
	if !slices.Equal(o.seen, want) {
		t.Errorf("the onlooker sees\n%q\nwant\n%q", o.seen, want)
	}
	end := `after B unlock; A waits for b.timer, which is not armed (holder "", timer true, stopped true); over`
	if broke := w.Violations(); !slices.ContainsFunc(broke, func(v sim.Violation) bool { return v.Property == "onlooker" && v.Err.Error() == end }) {
		t.Errorf("at the end: %v, want %s", broke, end)
	}
}

// appointment holds an instant while time passes.
type appointment struct {
	at    *sim.Var[sim.Time]
	timer sim.Timer
}

func (p *appointment) Run(t *sim.Task) {
	t.Yield("make")
	p.at.Set(t, t.Now().Add(5*ms))
	p.timer.Sleep(t, 5*ms, "wait")
	p.at.Set(t, t.Now().Add(5*ms))
	p.timer.Sleep(t, 5*ms, "wait")
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
	w.Go("A", &appointment{at: &a.at})
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
