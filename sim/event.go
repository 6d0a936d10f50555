package sim

import "fmt"

// Event is one thing that may happen next. Actor and Label together identify
// it: no two enabled events share both.
type Event struct {
	Actor string // a task, "G0"; a request on its way, "G0->coordinator"; a timer, "om.ticker"; "network"
	Label string // the point where the task is parked; the request's name; "fires"; the fault
	// Place is the lane where it happens, as a number: tasks from 1, then nodes, then
	// timers and the network. Two steps in a row at one place are no switch.
	Place int
	// Thread is what takes the step, as a number from 1: a task, the requests of one
	// connection, a timer, a fault. The steps of one thread come in its own order. So
	// at most one of its events is enabled at a time, but for a task at a select or a
	// channel, which may have several ways to take its next step.
	Thread int
	Fault  bool // optional: a run is complete without it
	Timer  bool // a timer fires: whoever arms it anew, or stops it, puts that off
	way    way

	task   *Task
	source eventSource // of what is no step of a task
}

// String is the identity without its occurrence: "G0 snapshot".
func (e Event) String() string { return e.Actor + " " + e.Label }

// oneName says that two events have one name: a schedule could not say which of them
// comes next. Several connections and processes may be called alike, as long as no two
// of their events may come at once.
func oneName(a, b *Event) error {
	what := fmt.Sprintf("one happens in %s and one in %s: rename one of the two", a.Lane(), b.Lane())
	if c, ok := a.source.(*Conn); ok {
		what = fmt.Sprintf("the client %s has two connections to %s: give one of them another name in World.Dial", c.name, c.node.name)
	}
	return &ModelError{fmt.Sprintf("sim: two events that may come next are called %q, and no schedule could tell them apart; %s", *a, what)}
}

// checkNames looks at the names of all enabled events.
func (w *World) checkNames() error {
	for i := range w.enabled {
		a := &w.enabled[i]
		for k := range i {
			if b := &w.enabled[k]; a.Label == b.Label && a.Actor == b.Actor {
				return oneName(b, a)
			}
		}
	}
	return nil
}

// Message is what the event brings: the request that arrives, or the answer that
// a node gets. It is nil for other events, and valid until the next take.
func (e Event) Message() Message {
	if source, ok := e.source.(interface{ brings() Message }); ok {
		return source.brings()
	}
	return nil
}

// OfSameTask says whether both are steps of one task. Between two points, they
// are ways of the same step.
func (e Event) OfSameTask(other Event) bool {
	return e.task != nil && other.task != nil && e.Thread == other.Thread
}

// eventSource is where an event comes from that is no step of a task.
type eventSource interface {
	happen(w *World)
	lane() string // the participant in whose lane a picture shows it
}

// Lane is who moves: a task, the node that takes a message, a timer, the
// network.
func (e Event) Lane() string {
	if e.source != nil {
		return e.source.lane()
	}
	return e.Actor
}

// way is how a task may go on: by which case, and with whom. The zero value is
// the one way of a task that has no choice.
type way struct {
	at   int16 // index of the case; -1: the default
	with int16 // number of the task at the other end of an unbuffered channel; 0: none
}
