package rt

import (
	"cmp"
	"runtime"
	"slices"
	"time"
	"unsafe"
)

// timer is something that happens at a moment of the virtual clock.
type timer struct {
	name    string
	site    uintptr
	when    time.Duration
	fire    func()     // in the search: it must not block
	who     *goroutine // who sleeps until then; nil: nobody
	armed   bool
	since   time.Duration // when it was armed
	repeats bool
	full    func() bool // a tick would be lost; nil: it is no ticker
	// process is the number that the search knows it by.
	process int
	by      unsafe.Pointer // released by who armed it
}

// moment releases an address for the goroutine that runs, and returns it. While a timer
// goes off, that is who armed the timer.
func (r *run) moment(own unsafe.Pointer) unsafe.Pointer {
	if r.cur == nil {
		return r.by
	}
	Release(own)
	return own
}

// ReleaseNow is Release in the step that is under way. One of a timer orders nothing.
func ReleaseNow(at unsafe.Pointer) {
	if current() != nil {
		Release(at)
	}
}

func (r *run) arm(t *timer) {
	t.armed, t.since = true, r.now
	t.by = r.moment(unsafe.Pointer(t))
	switch {
	case t.who != nil:
		t.process = t.who.process
	case t.process == 0:
		t.process = r.newProcess()
	}
	r.timers = append(r.timers, t)
}

func (r *run) disarm(t *timer) bool {
	if !t.armed {
		return false
	}
	t.armed = false
	for i, other := range r.timers {
		if other == t {
			r.timers = Without(r.timers, i)
			break
		}
	}
	return true
}

// Now is time.Now.
func Now() time.Time {
	if current() == nil && (active == nil || !active.firing) {
		return time.Now()
	}
	return epoch.Add(active.now)
}

// Sleep is time.Sleep.
func Sleep(d time.Duration) {
	g := current()
	if g == nil {
		time.Sleep(d)
		return
	}
	if active.killed {
		g.dying()
		return
	}
	if d <= 0 {
		g.at(&yielding{"Sleep"})
		return
	}
	t := &timer{name: g.name, when: active.now + d, who: g}
	active.arm(t)
	g.queue(&queued{nil, "Sleep"})
}

// Gosched is runtime.Gosched.
func Gosched() {
	if g := current(); g != nil {
		g.at(&yielding{"Gosched"})
		return
	}
	runtime.Gosched()
}

// LockOSThread is runtime.LockOSThread. In a run it does nothing: goroutines that take
// turns stay on one thread, which none may have for itself.
func LockOSThread() {
	if current() == nil {
		runtime.LockOSThread()
	}
}

// UnlockOSThread is runtime.UnlockOSThread.
func UnlockOSThread() {
	if current() == nil {
		runtime.UnlockOSThread()
	}
}

// yielding is a point that gives the turn away.
type yielding struct{ what string }

func (y *yielding) ways() int        { return 1 }
func (y *yielding) label(int) string { return y.what }
func (y *yielding) object() *object  { return nil }
func (y *yielding) do(*goroutine, int) result {
	active.progress = false
	return done
}

// Timer is time.Timer.
type Timer struct {
	C <-chan time.Time

	c      chan time.Time
	real   *time.Timer
	t      *timer
	run    *run
	repeat time.Duration
	f      func()
	inline bool // f happens in the search
	name   string
	site   uintptr
}

// newTimer makes a timer that is not armed.
func newTimer(f func(), repeat time.Duration) *Timer {
	t := &Timer{run: active, f: f, repeat: repeat}
	var pc [1]uintptr
	runtime.Callers(3, pc[:])
	t.site = pc[0]
	if f == nil {
		t.c = make(chan time.Time, 1)
		if t.C = t.c; !AsyncTimers {
			tick, _ := active.ticks.at(uint64(uintptr(pointerOf(t.c))))
			*tick, active.kept = true, append(active.kept, pointerOf(t.c))
		}
	}
	return t
}

// AsyncTimers is how timers were before Go 1.23: Stop and Reset leave a tick that
// nobody took in the channel, and its length and capacity are to be seen.
var AsyncTimers bool

func (t *Timer) start(d time.Duration) {
	kind := "timer"
	switch {
	case t.inline:
		kind = t.name
	case t.repeat > 0:
		kind = "ticker"
	case t.f != nil:
		kind = "AfterFunc"
	}
	before := t.t
	t.t = &timer{name: kind + ":" + at(t.site).function, site: t.site, when: active.now + max(d, 0), repeats: t.repeat > 0}
	if before != nil {
		t.t.process, t.t.name = before.process, before.name
	} else {
		t.t.name = active.numbered(t.t.name)
	}
	if t.repeat > 0 {
		t.t.full = func() bool { return len(t.c) == cap(t.c) }
	}
	t.t.fire = func() {
		if t.repeat > 0 {
			t.start(t.repeat)
		}
		if t.inline {
			t.f()
			return
		}
		if t.f != nil {
			active.start("AfterFunc:"+at(t.site).function, t.f)
			return
		}
		SendNow(t.c, epoch.Add(active.now))
	}
	active.arm(t.t)
}

// NewTimer is time.NewTimer.
func NewTimer(d time.Duration) *Timer {
	if current() == nil {
		real := time.NewTimer(d)
		clockOutside()
		return &Timer{C: real.C, real: real}
	}
	t := newTimer(nil, 0)
	if !active.killed {
		t.start(d)
	}
	return t
}

// AfterFunc is time.AfterFunc.
func AfterFunc(d time.Duration, f func()) *Timer {
	if current() == nil {
		return &Timer{real: time.AfterFunc(d, f)}
	}
	t := newTimer(f, 0)
	if !active.killed {
		t.start(d)
	}
	return t
}

// FireFunc is AfterFunc with an f that has no points: it happens as the timer fires.
func FireFunc(d time.Duration, name string, f func()) *Timer {
	if current() == nil {
		return &Timer{real: time.AfterFunc(d, f)}
	}
	t := newTimer(f, 0)
	t.inline, t.name = true, name
	if !active.killed {
		t.start(d)
	}
	return t
}

// After is time.After.
func After(d time.Duration) <-chan time.Time {
	if current() == nil {
		clockOutside()
		return time.After(d)
	}
	t := newTimer(nil, 0)
	if !active.killed {
		t.start(d)
	}
	return t.C
}

// Stop is that of time.Timer.
func (t *Timer) Stop() bool {
	if t.real != nil {
		return t.real.Stop()
	}
	if t.run != active || active == nil || active.killed {
		return false
	}
	pending := t.t != nil && active.disarm(t.t)
	return t.drain() || pending
}

// drain takes back a tick that nobody took, as timers do since Go 1.23, and says
// whether there was one.
func (t *Timer) drain() bool {
	if t.c == nil || AsyncTimers {
		return false
	}
	raceOff()
	defer raceOn()
	select {
	case <-t.c:
		(&clock{}).takes(&channelOf(t.c, 0).order)
		return true
	default:
		return false
	}
}

// Reset is that of time.Timer.
func (t *Timer) Reset(d time.Duration) bool {
	if t.real != nil {
		return t.real.Reset(d)
	}
	was := t.Stop()
	if t.run == active && active != nil && !active.killed {
		t.start(d)
	}
	return was
}

// Ticker is time.Ticker.
type Ticker struct {
	C <-chan time.Time

	real *time.Ticker
	t    *Timer
}

// NewTicker is time.NewTicker.
func NewTicker(d time.Duration) *Ticker {
	if d <= 0 {
		panic("non-positive interval for NewTicker")
	}
	if current() == nil {
		real := time.NewTicker(d)
		clockOutside()
		return &Ticker{C: real.C, real: real}
	}
	t := newTimer(nil, d)
	if !active.killed {
		t.start(d)
	}
	return &Ticker{C: t.C, t: t}
}

// Stop is that of time.Ticker.
func (t *Ticker) Stop() {
	if t.real != nil {
		t.real.Stop()
		return
	}
	t.t.Stop()
}

// Reset is that of time.Ticker.
func (t *Ticker) Reset(d time.Duration) {
	if d <= 0 {
		panic("non-positive interval for Ticker.Reset")
	}
	if t.real != nil {
		t.real.Reset(d)
		return
	}
	t.t.repeat = d
	t.t.Reset(d)
}

// Tick is time.Tick.
func Tick(d time.Duration) <-chan time.Time {
	if d <= 0 {
		return nil
	}
	return NewTicker(d).C
}

// due lists the timers that may fire now, the earliest first, so that none overtakes another
// in the default schedule. idle says that no goroutine can run.
func (r *run) due(idle bool) []*timer {
	if len(r.timers) == 0 {
		return nil
	}
	if idle {
		first := r.timers[0].when
		for _, t := range r.timers {
			first = min(first, t.when)
		}
		r.idle = max(r.idle, first)
	}
	var due []*timer
	for _, t := range r.timers {
		if t.when <= r.idle+r.drift {
			due = append(due, t)
		}
	}
	slices.SortStableFunc(due, func(x, y *timer) int { return cmp.Compare(x.when, y.when) })
	return due
}

// fire lets a timer go off.
func (r *run) fire(t *timer) {
	r.disarm(t)
	if t.when > r.now {
		r.now = t.when
		r.clock++
	}
	if t.who != nil {
		t.who.status = ready
		return
	}
	r.firing, r.by = true, t.by
	t.fire()
	r.firing, r.by = false, nil
}

// Since is time.Since.
func Since(t time.Time) time.Duration { return Now().Sub(t) }

// Until is time.Until.
func Until(t time.Time) time.Duration { return t.Sub(Now()) }
