package sim

import (
	"fmt"
	"math"
	"strings"
	"time"

	"racelab/sim/internal/hook"
)

// UseGo122Timers gives the clients the timers that Go had before 1.23. Go 1.23 and
// later have them in a module whose go line says less, and under
// GODEBUG=asynctimerchan=1. A value that is still in C when Stop or Reset is called
// stays there. Default: the timers of Go 1.23, where Stop and Reset throw it away
// and return true.
//
// Source: "Timer changes" in the release notes of Go 1.23.
func (w *World) UseGo122Timers() {
	w.mustNotRun("UseGo122Timers")
	w.timers.go122 = true
}

// timers is all that a world has.
type timers struct {
	go122  bool     // UseGo122Timers
	single []*Timer // of clients, in the order of the walk
	sets   []*Timers
	alarms []*alarm // of nodes
}

// Timer is a time.Timer or a time.Ticker of a client. Until Start or
// StartTicker it is the nil channel: nothing ever comes from it. Share it, or what
// holds it. Start may be called again and again; Timers is for a client that has a
// number of them at a time which only the run decides.
//
// When it fires is an event of its own: its actor is the timer. What came
// before the timer was armed comes before what follows the receive.
//
// Source: time.Timer, time.Ticker, time.sendTime; runtime.timer.stop,
// runtime.timer.modify, runtime.timerchandrain.
// Differs: what comes from C carries no time.
type Timer struct {
	object
	full     bool          // a value is in C
	deadline Time          // Never: it is not armed
	period   time.Duration // of a ticker; 0: it fires once
	event    Event         `sim:"-"`
	owner    string        `sim:"-"` // in whose lane it stands
}

func (m *Timer) prepare(w *World) {
	m.kind, m.deadline = hook.Clock, Never
	w.timers.single = append(w.timers.single, m)
}

// Sleep waits until the time has passed. It is for functions; a Program has a Timer,
// and its Sleep. In a world without a clock (see Now) that is a Step: nobody could
// tell how long it took.
//
// Source: time.Sleep.
func (t *Task) Sleep(d time.Duration) {
	switch {
	case t.program != nil:
		panic(fmt.Sprintf("sim: task %s is a program, whose state stands in fields: give it a sim.Timer, Start that, and Receive", t.name))
	case t.sleeps.number == 0:
		t.Step("sleep")
	default:
		t.sleeps.Start(t, d)
		t.sleeps.Receive(t)
	}
}

func (m *Timer) armed() bool { return m.deadline != Never }

// Start makes a new timer here, which fires once.
//
// Source: time.NewTimer. What was here before is out of everyone's reach.
func (m *Timer) Start(t *Task, d time.Duration) {
	if !t.comesWith("start", &m.object, visible) {
		return
	}
	m.full, m.period = false, 0
	m.arm(t, d)
	t.did(0)
}

// StartTicker makes a new ticker here. A tick that finds C full is dropped.
//
// Source: time.NewTicker.
func (m *Timer) StartTicker(t *Task, d time.Duration) {
	if d <= 0 {
		panic("non-positive interval for NewTicker")
	}
	if !t.comesWith("start", &m.object, visible) {
		return
	}
	t.world.met.ticker = true
	m.full, m.period = false, d
	m.arm(t, d)
	t.did(0)
}

// Reset arms the timer anew, and a ticker with another period. It says whether
// the timer was still running; from Go 1.23 on an unread value counts as that.
//
// Source: time.Timer.Reset, time.Ticker.Reset.
func (m *Timer) Reset(t *Task, d time.Duration) bool {
	if !t.comesWith("reset", &m.object, visible) {
		return t.given.word != 0
	}
	if m.period > 0 {
		if d <= 0 {
			panic("non-positive interval for Ticker.Reset")
		}
		m.period = d
	}
	t.world.met.apart |= asked
	running := m.halt(t)
	m.arm(t, d)
	t.didSay(running)
	return running
}

// Stop keeps the timer from firing, and says whether it did: false if it has
// fired or was stopped. From Go 1.23 on an unread value is thrown away, and
// counts as not having fired.
//
// Source: time.Timer.Stop, time.Ticker.Stop.
func (m *Timer) Stop(t *Task) bool {
	if !t.comes("stop", &m.object, visible) {
		return t.given.word != 0
	}
	t.world.met.apart |= asked
	stopped := m.halt(t)
	t.didSay(stopped)
	return stopped
}

func (m *Timer) halt(t *Task) bool {
	t.touches(&m.object, true)
	t.touches(&t.world.clock.object, false) // What is due first may be another now.
	t.world.putsOff(m.event.Thread)
	stopped := m.armed()
	m.deadline = Never
	if m.full && !t.world.timers.go122 {
		m.full, stopped = false, true
	}
	return stopped
}

func (m *Timer) arm(t *Task, d time.Duration) {
	t.touches(&m.object, true)
	t.touches(&t.world.clock.object, false)
	t.world.putsOff(m.event.Thread)
	m.deadline = t.world.clock.now.Add(max(d, 0))
	t.releases(&m.object)
}

// Receive waits until a value is in C, and takes it.
func (m *Timer) Receive(t *Task) {
	if on, ok := t.blocks(t.point("receive", &m.object), m); ok {
		on.(*Timer).take(t)
		t.did(0)
	}
}

// take takes the value that is in C.
func (m *Timer) take(t *Task) {
	t.touches(&m.object, true)
	t.acquires(&m.object)
	m.full = false
}

// TryReceive takes the value that is in C, if there is one: a select with a
// default.
func (m *Timer) TryReceive(t *Task) bool {
	if !t.comes("try to receive", &m.object, visible) {
		return t.given.word != 0
	}
	t.touches(&m.object, m.full)
	full := m.full
	if m.full = false; full {
		t.acquires(&m.object)
	} else {
		t.world.met.apart |= gaveUp
	}
	t.didSay(full)
	return full
}

// Sleep waits until the time has passed: Start, and then Receive. It is the
// Task.Sleep of a Program, and needs a timer that nobody else uses.
//
// Source: time.Sleep.
func (m *Timer) Sleep(t *Task, d time.Duration) {
	name := t.point("sleep by", &m.object)
	m.Start(t, d)
	m.Receive(t.At(name))
}

func (m *Timer) happen(w *World) {
	w.advance(m.deadline)
	w.touched(&m.object, true)
	m.full = true
	if m.period > 0 {
		w.touched(&w.runEnd, true)
		m.deadline = m.deadline.Add(m.period)
	} else {
		m.deadline = Never
	}
}

// advance moves the clock to a moment, if that is still to come. Whatever
// reads the clock depends on whatever moves it.
func (w *World) advance(to Time) {
	moves := to > w.clock.now
	if moves {
		w.clock.now = to
		w.markMoments()
	}
	w.touched(&w.clock.object, moves)
}

// fires says whether the timer is still of use: a ticker would tick for ever,
// and when every task has ended that tells nobody anything.
func (m *Timer) fires(running bool) bool { return m.armed() && (running || m.period == 0) }

// lane is the task whose timer it is, or the timer's own if several tasks can get
// at it.
func (m *Timer) lane() string { return m.owner }

func (m *Timer) ready(*Task) bool { return m.full }

func (m *Timer) holds() string {
	switch {
	case m.armed() && m.full:
		return fmt.Sprintf("due at %v, a value in C", m.deadline)
	case m.armed():
		return fmt.Sprintf("due at %v", m.deadline)
	case m.full:
		return "a value in C"
	}
	return "not armed"
}

func (m *Timer) waitingFor(w *World) string {
	if m.armed() {
		return fmt.Sprintf("%s, due at %v", w.objectName(m.number), m.deadline)
	}
	return w.objectName(m.number) + ", which is not armed"
}

// Ref stands for a pointer to something that a run creates, such as a timer of
// Timers. It is a number from 1, given by whoever creates the thing; 0 is nil. A
// Var, an Atomic and a List can hold it, and a Go pointer they cannot.
type Ref int32

// Timers are the timers that a client makes as it runs, one a request for example.
// Where the code has a fixed number of them, each is a Timer. New makes one, At uses
// it by its Ref, Drop forgets it.
//
// Its zero value has room for four at a time: all there can be is known before the
// first step.
type Timers struct {
	object
	pool []Timer
	made []bool
}

// Init sets how many timers there can be at a time.
func (ts *Timers) Init(n int) { ts.pool, ts.made = make([]Timer, n), make([]bool, n) }

// New makes a timer that is not started yet. It is the least that is free, so
// that a client that makes and drops them comes back to where it was.
func (ts *Timers) New(t *Task) Ref {
	if !t.comes("new of", &ts.object, visible) {
		return Ref(t.given.word)
	}
	t.touches(&ts.object, true)
	for i := range ts.made {
		if !ts.made[i] {
			ts.made[i] = true
			t.did(uint64(i + 1))
			return Ref(i + 1)
		}
	}
	panic(fmt.Sprintf("sim: %s has no room for more than %d timers: drop those that are out of reach, or let Init make more",
		t.world.objectName(ts.number), len(ts.pool)))
}

// At is the timer that the Ref stands for. It panics if there is none.
func (ts *Timers) At(r Ref) *Timer {
	ts.peeked()
	if r < 1 || int(r) > len(ts.pool) || !ts.made[r-1] {
		panic(fmt.Sprintf("sim: Ref %d is no timer: it is none, or was dropped", r))
	}
	return &ts.pool[r-1]
}

// Drop forgets a timer that nobody can reach any more. What is left of it would
// tell nobody anything, so it is stopped too.
func (ts *Timers) Drop(t *Task, r Ref) {
	if !t.comesWith("drop of", &ts.object, visible) {
		return
	}
	m := ts.At(r)
	m.halt(t)
	m.full, m.period = false, 0
	t.touches(&ts.object, true)
	ts.made[r-1] = false
	t.did(0)
}

func (ts *Timers) prepare(w *World) {
	ts.kind = hook.Clock
	if ts.pool == nil {
		ts.Init(4)
	}
	w.timers.sets = append(w.timers.sets, ts)
}

func (ts *Timers) nameTimers(w *World) {
	for i := range ts.pool {
		ts.pool[i].label = fmt.Sprintf("%s[%d]", w.objectName(ts.number), i+1)
	}
}

func (ts *Timers) holds() string {
	var list []string
	for i := range ts.pool {
		if ts.made[i] {
			list = append(list, fmt.Sprintf("%d %s", i+1, ts.pool[i].holds()))
		}
	}
	return fmt.Sprint(list)
}

// prepareClock gives the timers that the walk has met their names and numbers.
func (w *World) prepareClock() {
	c, all := &w.clock, &w.timers
	if len(all.single)+len(all.alarms) > 0 {
		c.used = true
	}
	if !c.used {
		return
	}
	c.kind, c.label = hook.Clock, "clock"
	w.bind(c)
	for _, set := range all.sets {
		set.nameTimers(w)
	}
	places := len(w.tasks) + len(w.nodes)
	for i, m := range all.single {
		m.event = Event{Actor: w.objectName(m.number), Label: "fires", Place: places + 1 + i, Thread: w.newThread(), Timer: true, source: m}
		mustBeActor("timer", m.event.Actor)
		m.owner = m.event.Actor
		for _, t := range w.tasks {
			if strings.HasPrefix(m.event.Actor, t.name+".") {
				m.owner = t.name
			}
		}
	}
	for _, a := range all.alarms {
		a.event = Event{Actor: a.node.name + "." + a.name, Label: "fires", Place: a.node.place(), Thread: w.newThread(), Timer: true, source: a}
	}
}

// findFiring lists the timers that may fire: those with the least deadline. In
// a world without timing a timer may fire at any moment, but none may overtake
// another that is due before it.
func (w *World) findFiring() {
	if !w.clock.used {
		return
	}
	running := w.unfinished()
	least := Time(math.MaxInt64)
	for _, m := range w.timers.single {
		if m.fires(running) {
			least = min(least, m.deadline)
		}
	}
	for _, a := range w.timers.alarms {
		if a.deadline != Never {
			least = min(least, a.deadline)
		}
	}
	for _, m := range w.timers.single {
		if m.fires(running) && m.deadline == least {
			w.enabled = append(w.enabled, m.event)
		}
	}
	for _, a := range w.timers.alarms {
		if a.deadline == least {
			w.enabled = append(w.enabled, a.event)
		}
	}
}
