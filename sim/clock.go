package sim

import (
	"math"
	"strings"
	"time"
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
	now       time.Duration // since the start of the run
	timers    []*Timer      // of clients, in the order of the walk
	sets      []*Timers
	alarms    []*alarm // of nodes
}

// Now is how long the run has taken, in the world's own time.
func (w *World) Now() time.Duration { return w.clock.now }

// Now is the world's time, for a client that asks for it.
func (t *Task) Now() time.Duration {
	t.touches(&t.world.clock.object, false)
	return t.world.clock.now
}

// Now is the world's time, for a node that asks for it.
func (o *Outbox) Now() time.Duration {
	o.world.touched(&o.world.clock.object, false)
	return o.world.clock.now
}

// Never is the moment of what does not happen.
const Never = time.Duration(math.MinInt64)

// Moment walks a field that holds a moment of the world's time, or Never. Its
// distance from now is what counts: two states that differ only in the time of
// day are one.
func Moment(s *State, field *time.Duration) {
	switch s.errand {
	case binding:
		s.world.clock.used = true
	case auditing:
		Int(s, field)
	default:
		s.moment(field)
	}
}

func (s *State) moment(at *time.Duration) {
	switch s.errand {
	case saving:
		word := uint64(1) << 63
		if *at != Never {
			word = s.relative(*at)
		}
		s.words = append(s.words, word)
	case loading:
		word := s.words[s.at]
		s.at++
		if *at = Never; word != 1<<63 {
			*at = s.instant(word)
		}
	}
}

// instant is the moment at a distance from now; the inverse of relative.
func (s *State) instant(word uint64) time.Duration {
	if s.absolute {
		return time.Duration(word)
	}
	return s.world.clock.now + time.Duration(word)
}

// relative is the distance of a moment from now.
func (s *State) relative(at time.Duration) uint64 {
	if s.absolute {
		return uint64(at)
	}
	return uint64(at - s.world.clock.now)
}

// past is moment for what is as good as now once it has passed.
func (s *State) past(at *time.Duration) {
	if s.errand == saving && !s.absolute {
		s.words = append(s.words, uint64(max(*at-s.world.clock.now, 0)))
		return
	}
	s.moment(at)
}

// State walks the time itself, before anything that is relative to it. It is
// saved, and is no part of the fingerprint.
func (c *clock) State(s *State) {
	s.begin(c)
	switch s.errand {
	case saving:
		s.ghosts = append(s.ghosts, uint64(c.now))
	case loading:
		c.now = time.Duration(s.ghosts[s.ghost])
		s.ghost++
	}
}

// advance moves the clock to a moment, if that is still to come. Whatever
// reads the clock depends on whatever moves it.
func (w *World) advance(to time.Duration) {
	moves := to > w.clock.now
	if moves {
		w.clock.now = to
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
	c.kind, c.label = Clock, "clock"
	w.bind(c)
	for _, set := range c.sets {
		set.nameTimers(w)
	}
	places := len(w.tasks) + len(w.nodes)
	for i, m := range c.timers {
		m.event = Event{Actor: w.ObjectName(m.number), Label: "fires", Place: places + 1 + i, Process: w.newActor(), other: m}
		m.owner = m.event.Actor
		for _, t := range w.tasks {
			if strings.HasPrefix(m.event.Actor, t.name+".") {
				m.owner = t.name
			}
		}
	}
	for _, a := range c.alarms {
		a.event = Event{Actor: a.node.name + "." + a.name, Label: "fires", Place: a.node.place(), Process: w.newActor(), other: a}
	}
}

// newActor numbers what is neither a task nor a connection, behind those.
func (w *World) newActor() int {
	w.actors++
	return len(w.tasks) + len(w.conns) + w.actors
}

// findFiring lists the timers that may fire: those with the least deadline. In
// a world without timing a timer may fire at any moment, but none may overtake
// another that is due before it.
func (w *World) findFiring() {
	if !w.clock.used {
		return
	}
	running := w.unfinished()
	least := time.Duration(math.MaxInt64)
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

// happening is an event that is neither a task's step nor a message's arrival.
type happening interface {
	happen(w *World)
	lane() string // the participant in whose lane a picture shows it
}

// lane is who moves: a task, the node that takes a message, a timer, the
// network.
func (e Event) lane() string {
	switch {
	case e.conn != nil:
		return e.conn.node.name
	case e.other != nil:
		return e.other.lane()
	}
	return e.Actor
}
