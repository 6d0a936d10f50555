package sim

import (
	"math"
	"strings"
	"time"

	"racelab/sim/internal/hook"
)

// clock is the time of a world. Nothing moves it but events: a timer that
// fires moves it to its deadline, and in timed mode each event has its moment.
//
// A deadline counts, the time of day does not: saved states hold every moment
// relative to now, so that two states that differ only in when they are
// reached are one.
type clock struct {
	object
	used      bool // the world has timers, or is timed: else it has no time
	ticked    bool // a ticker was started, in some run; no part of the state
	semantics TimerSemantics
	now       Time
	timers    []*Timer // of clients, in the order of the walk
	sets      []*Timers
	alarms    []*alarm // of nodes
}

// Now is how long the run has taken, in the world's own time.
func (w *World) Now() time.Duration { return time.Duration(w.clock.now) }

// Now is the world's time, for a client that asks for it.
func (t *Task) Now() Time {
	if !t.comesBy("now") {
		return Time(t.given.word)
	}
	t.touches(&t.world.clock.object, false)
	if t.did(uint64(t.world.clock.now)); t.program == nil {
		t.log.told = true
	}
	return t.world.clock.now
}

// Now is the world's time, for a node that asks for it.
func (o *Outbox) Now() Time {
	o.world.touched(&o.world.clock.object, false)
	return o.world.clock.now
}

// Time is a moment of the world's time, as the distance from the start of the
// run, or Never. What counts of one is its distance from now: two states that
// differ only in the time of day are one.
type Time time.Duration

// Never is the moment of what does not happen. It is before any other.
const Never = Time(math.MinInt64)

// Add is the moment that comes later by d.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub is how much later t is than u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Before says whether t comes before u.
func (t Time) Before(u Time) bool { return t < u }

func (t Time) String() string {
	if t == Never {
		return "never"
	}
	return time.Duration(t).String()
}

// told says whether a function has been told what time it is. A local variable may
// hold that, so then the time of day is a part of the state.
func (w *World) told() bool {
	if w.clock.used && w.starts.number > 0 {
		for _, t := range w.tasks {
			if t.log != nil && t.log.told {
				return true
			}
		}
	}
	return false
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

// prepareClock gives the timers that the walk has met their names and numbers.
func (w *World) prepareClock() {
	c := &w.clock
	if len(c.timers)+len(c.alarms) > 0 {
		c.used = true
	}
	if !c.used {
		return
	}
	c.kind, c.label = hook.Clock, "clock"
	w.bind(c)
	for _, set := range c.sets {
		set.nameTimers(w)
	}
	places := len(w.tasks) + len(w.nodes)
	for i, m := range c.timers {
		m.event = Event{Actor: w.objectName(m.number), Label: "fires", Place: places + 1 + i, Thread: w.newThread(), Timer: true, other: m}
		m.owner = m.event.Actor
		for _, t := range w.tasks {
			if strings.HasPrefix(m.event.Actor, t.name+".") {
				m.owner = t.name
			}
		}
	}
	for _, a := range c.alarms {
		a.event = Event{Actor: a.node.name + "." + a.name, Label: "fires", Place: a.node.place(), Thread: w.newThread(), Timer: true, other: a}
	}
}

// putsOff notes that a step arms or stops a timer.
func (w *World) putsOff(fires Event) { w.putOff = append(w.putOff, fires.Thread) }

// newThread numbers what is neither a task nor a connection, behind those.
func (w *World) newThread() int {
	w.otherThreads++
	return len(w.tasks) + len(w.conns) + w.otherThreads
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
	for _, m := range w.clock.timers {
		if m.fires(running) {
			least = min(least, m.deadline)
		}
	}
	for _, a := range w.clock.alarms {
		if a.deadline != Never {
			least = min(least, a.deadline)
		}
	}
	for _, m := range w.clock.timers {
		if m.fires(running) && m.deadline == least {
			w.enabled = append(w.enabled, m.event)
		}
	}
	for _, a := range w.clock.alarms {
		if a.deadline == least {
			w.enabled = append(w.enabled, a.event)
		}
	}
}

func (w *World) unfinished() bool {
	for _, t := range w.tasks {
		if !t.done {
			return true
		}
	}
	return false
}

// eventSource is an event that is neither a task's step nor a message's arrival.
type eventSource interface {
	happen(w *World)
	lane() string // the participant in whose lane a picture shows it
}

// Lane is who moves: a task, the node that takes a message, a timer, the
// network.
func (e Event) Lane() string {
	switch {
	case e.conn != nil:
		return e.conn.node.name
	case e.other != nil:
		return e.other.lane()
	}
	return e.Actor
}
