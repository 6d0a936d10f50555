package sim

import (
	"fmt"
	"slices"
	"time"
)

// NodeWithTimers is a Node with timers of its own: a session that expires, a retry.
// Outbox.After arms one, Outbox.Cancel stops it. They belong to the node alone, as
// its fields do, and a crash takes them. Starter arms the first.
//
// In an untimed world none fires before another that is due earlier. Of timers that are
// armed for 0 each may fire at any moment: so say it where clocks are not to be trusted.
type NodeWithTimers interface {
	// Timers names the timers that the node may ever arm. The list never
	// changes.
	Timers() []string
	// Expire is a step of the node: the timer with that place in Timers has
	// come to its deadline.
	Expire(timer int, out *Outbox)
}

// Starter is a Node that begins by itself: a server that waits for the messages of a
// leader and stands for election if none comes. Start is called before the first step.
// It arms timers, and sends nothing: what is to be sent first is sent by Expire. What
// comes back from a crash has armed no timer: see Restarter.
type Starter interface {
	Start(out *Outbox)
}

// startNodes lets nodes arm timers.
func (w *World) startNodes() {
	for _, m := range w.nodes {
		if node, ok := m.node.(Starter); ok {
			m.reacts(node.Start)
		}
	}
}

// alarm is a timer of a node.
type alarm struct {
	node     *nodeState
	name     string
	index    int
	deadline Time // Never: not armed
	event    Event
}

// After arms a timer of the node, by its place in Timers, or arms it anew.
func (o *Outbox) After(timer int, d time.Duration) {
	a := o.alarm(timer)
	o.world.touched(&o.world.clock.object, false)
	o.world.putsOff(a.event.Thread)
	a.deadline = o.world.clock.now.Add(max(d, 0))
}

// Cancel keeps a timer of the node from expiring, and says whether it was armed.
func (o *Outbox) Cancel(timer int) bool {
	a := o.alarm(timer)
	o.world.touched(&o.world.clock.object, false)
	o.world.putsOff(a.event.Thread)
	armed := a.deadline != Never
	a.deadline = Never
	return armed
}

func (o *Outbox) alarm(timer int) *alarm {
	if _, ok := o.node.node.(NodeWithTimers); !ok {
		panic(fmt.Sprintf("sim: node %s (%T) uses timer %d, and has no methods Timers and Expire: see NodeWithTimers", o.node.name, o.node.node, timer))
	}
	if timer < 0 || timer >= len(o.node.alarms) {
		panic(fmt.Sprintf("sim: %s has no timer %d: its Timers names %d", o.node.name, timer, len(o.node.alarms)))
	}
	return o.node.alarms[timer]
}

func (a *alarm) happen(w *World) {
	w.advance(a.deadline)
	a.deadline = Never
	a.node.reacts(func(out *Outbox) { a.node.node.(NodeWithTimers).Expire(a.index, out) })
}

func (a *alarm) lane() string { return a.node.name }

// addAlarms makes the timers that the node names.
func (m *nodeState) addAlarms() {
	node, ok := m.node.(NodeWithTimers)
	if !ok {
		return
	}
	names := node.Timers()
	for i, name := range names {
		mustBeActor("timer", name)
		if slices.Index(names, name) < i {
			panic(fmt.Sprintf("sim: %s has two timers %q: events are told apart by names", m.name, name))
		}
		a := &alarm{node: m, name: name, index: i, deadline: Never}
		m.alarms = append(m.alarms, a)
		m.world.timers.alarms = append(m.world.timers.alarms, a)
	}
}
