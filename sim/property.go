package sim

import (
	"fmt"
	"slices"
)

// Property is a claim about what participants do. It sees what they do, and
// never their private fields.
type Property interface {
	// Name is how verdicts call it: "committed-offset-never-rewinds".
	Name() string
	// Watches says whether the property wants to see an act. Two steps whose
	// acts it watches depend on each other, so it should want no more than it
	// needs.
	Watches(o Observation) bool
	// Observe sees one act. It says whether the act put the property to the
	// test (a run in which none does proves nothing), and how the act broke it.
	Observe(o Observation) (tested bool, err error)
}

// Explained is an error that can say what the break means to a user.
type Explained interface {
	error
	Meaning() string
}

// Action is the kind of an act.
type Action uint8

const (
	Sent     Action = iota // a task wrote a request
	Arrived                // a node took a request
	Answered               // a node wrote the response to a request
	Received               // a task took a response
	Called                 // a task entered a function of the client's API
	Returned               // a task came back from one
	Failed                 // a fault came, or a node came back: Message is the Fault
)

func (a Action) String() string {
	return [...]string{"sent", "arrived", "answered", "received", "called", "returned", "failed"}[a]
}

// Observation is one act of a task or a node.
type Observation struct {
	Action  Action
	Actor   string  // who acts: a task or a node
	Peer    string  // who is at the other end: a node or a task
	Conn    string  // the client whose connection it is
	Request Message // with Answered: the request that is answered
	Message Message // what is sent or taken
	// At is when, in a timed world. In others a moment means nothing: Never.
	At Time
}

// Properties of every world. What else is claimed, a scenario adds.
const (
	NoDeadlock     = "no-deadlock"     // tasks wait in a circle, each for a lock that the next one holds
	NoProgress     = "no-progress"     // nothing can happen, a task has not ended, and no deadlock is why
	NoDataRace     = "no-data-race"    // two accesses to a Var, one a write, that nothing orders
	NoPanic        = "no-panic"        // a participant panicked
	NodeInvariants = "node-invariants" // a node's own Check failed
)

// Hangs says whether the property is that tasks go on: no-deadlock, no-progress.
func Hangs(property string) bool { return property == NoDeadlock || property == NoProgress }

// Violation is a property that a step broke.
type Violation struct {
	Property string
	Err      error
}

// PanicError is a panic of a participant.
type PanicError struct {
	Actor  string
	Reason any
	Stack  string // empty for a node
}

func (e *PanicError) Error() string { return fmt.Sprintf("%s panicked: %v", e.Actor, e.Reason) }

// watcher is a property in its world. That it has fallen is state: the search
// goes on past a violation.
type watcher struct {
	object
	property Property
	fallen   bool
	tested   bool // by the last step
}

func (w *watcher) prepare(*World) { w.kind, w.label = Memory, w.property.Name() }

// Called tells the properties that the task enters a function of the client's
// public API.
func (t *Task) Called(call Message) {
	t.world.observe(Observation{Action: Called, Actor: t.name, Message: call})
}

// Returned tells the properties that the task comes back from one.
func (t *Task) Returned(result Message) {
	t.world.observe(Observation{Action: Returned, Actor: t.name, Message: result})
}

func (w *World) observe(o Observation) {
	if w.driving {
		return
	}
	if o.At = Never; w.timed != nil {
		o.At = w.clock.now
	}
	if w.trace != nil {
		w.trace.observe(o)
	}
	for _, watcher := range w.watchers {
		if !watcher.property.Watches(o) {
			continue
		}
		w.touched(&watcher.object, true)
		tested, err := watcher.property.Observe(o)
		watcher.tested = watcher.tested || tested
		if err != nil {
			watcher.fallen = true
			w.broke(watcher.property.Name(), err)
		}
	}
}

func (w *World) broke(property string, err error) {
	if w.driving {
		return
	}
	w.violations = append(w.violations, Violation{property, err})
}

// Violations lists what the last step broke. It is valid until the next Take.
func (w *World) Violations() []Violation { return w.violations }

// Properties names what is judged: what the scenario claims, and the world's
// own properties.
func (w *World) Properties() []string {
	w.Enabled()
	var names []string
	for _, watcher := range w.watchers {
		names = append(names, watcher.property.Name())
	}
	names = append(names, NoDeadlock, NoProgress, NoPanic)
	if slices.ContainsFunc(w.things, func(t thing) bool { return t.bound().kind == Data }) {
		names = append(names, NoDataRace)
	}
	for _, m := range w.nodes {
		if _, ok := m.node.(Checker); ok {
			return append(names, NodeInvariants)
		}
	}
	return names
}

// Tested says which properties the last step put to the test: bit i for the
// i-th of Properties. A scenario's property knows by itself; a deadlock needs
// a task that waits for a lock; to get stuck at all needs one that waits for
// anything; any step might panic, race or break an invariant.
func (w *World) Tested() uint64 {
	tested := ^uint64(0)
	for i, watcher := range w.watchers {
		if !watcher.tested {
			tested &^= 1 << i
		}
	}
	if !w.contended {
		tested &^= 1 << len(w.watchers) // NoDeadlock
	}
	if !slices.ContainsFunc(w.tasks, (*Task).waits) {
		tested &^= 1 << (len(w.watchers) + 1) // NoProgress
	}
	return tested
}
