package explore

import (
	"racelab/sim"
	"racelab/sim/internal/hook"
)

// Engine is a world as a search sees it: what a model never needs.
type Engine interface {
	// Resemble says, before the Start, that another Engine that has started is of a world
	// built alike. Nothing changes but how long the Start takes.
	Resemble(other any)
	// Start fixes the wiring and runs each task to its first point. The error names
	// a field that no state can hold. What follows starts the world by itself.
	Start() error
	// Enabled lists what may happen next, always in the same order: tasks as they
	// were added, then connections, answers to nodes, timers, restarts and faults.
	// It is empty at the end of the run, and valid until the next Take.
	Enabled() []sim.Event
	// Take lets the i-th of Enabled happen.
	Take(i int)
	// Foresee says of each of Enabled what the Fingerprint is where it leads, or the Orbit, if
	// the step is remembered, and the Rest of it, if that is asked for. It stands at a state that
	// was saved or loaded, and is valid until the next Foresee. The world stays where it
	// is; so it does at Tell and Leap.
	Foresee(withRest, orbits bool) []Prospect
	// Tell lets the world say of the i-th of Enabled, which was foreseen, what Take would
	// let it say: Violations, Tested, PutOff and Accesses, but for what the state as a
	// whole decides: that nothing can go on, and who waits for what.
	Tell(i int)
	// Leap is the way to where the i-th of Enabled leads, which was foreseen, if something
	// other than a fault can surely happen there. Land is what Save would return there,
	// out of the state that Save returned here. Any world that was built alike may Land.
	Leap(i int) (leap any, ok bool)
	Land(from, leap any) (state any)
	// Close ends the tasks.
	Close()

	// Violations lists what the last step broke.
	Violations() []sim.Violation
	// Properties names what is judged: what the model claims and asks, and the
	// world's own properties.
	Properties() []string
	// Probes names those of Properties that are questions.
	Probes() []string
	// Tested says which properties the last step put to the test: bit i for the
	// i-th of Properties.
	Tested() uint64
	// PutOff lists the timers that the last step armed or stopped, by thread.
	PutOff() []int
	// Discontent lists the claims of the kind Eventually that the state does not
	// fulfil.
	Discontent() []sim.Violation
	// Unfinished lists the tasks that have not ended.
	Unfinished() []string
	// Waits is who waits for what now.
	Waits() *sim.WaitGraph

	// Fields prints the state of the model by the paths of its fields.
	Fields() []Field
	// Wiring lists what must not change after the first step: pointers, interfaces,
	// functions, and the fields tagged `sim:"config"`.
	Wiring() []Field
	// WiringHash is a hash of Wiring, and much faster.
	WiringHash() uint64
	// Accesses lists the objects that the last step read or wrote.
	Accesses() []Access
	// Blocked lists what cannot happen yet, and the object it waits for.
	Blocked() []Blocked
	// Pending lists the points where tasks wait, and the oldest request of each
	// connection, whether it can arrive or not.
	Pending() []sim.Event
	// ObjectName names an object as the model's code does: "om.broker.lock".
	ObjectName(number int) string
	// Drawn says whether delays or other numbers are drawn. A search is of those that
	// one seed draws.
	Drawn() bool
	// Unordered says what has kept steps apart in some run so far without ordering
	// them: "a TryLock that fails". Then two may race that are never both next, and
	// only the clocks of runs see it. Empty: nothing.
	Unordered() string
	// FollowOrder makes what comes before what a part of each state that is saved from
	// now on, so that the clocks judge data races wherever a search goes. It stands
	// before the first step, or after steps of which none was loaded; false: it does not.
	// It has to Learn from Engines that have been to all states which accesses there are.
	FollowOrder() bool
	// Irreducible says what keeps Exhaustive from telling which steps are
	// independent: "faults". Empty: nothing.
	Irreducible() string
	// Busiest is the function that has done most operations since its start or the turn of
	// Task.Loop that it is in, and how many. Each is a part of its state. Empty: none has.
	Busiest() (task string, operations int)
	// StopFaults ends the faults, so that what must happen in the end can be asked
	// of a fair schedule. It stands between two steps.
	StopFaults()

	// Save returns the state. It never changes, and fits every world that was
	// built alike.
	Save() any
	// Load goes to a saved state, without running there.
	Load(state any)
	// Pack appends the bytes of a saved state to others. Before is the state that was
	// packed before it; nil: there is none. What the bytes stand for, the parts that
	// states share, stays here in memory.
	Pack(to []byte, before, state any) []byte
	// Unpack returns the state of the first of some bytes that Pack has made here, and
	// what follows them. Before is what it was for Pack.
	Unpack(from []byte, before any) (state any, rest []byte)
	// Parts names what a saved state is made of.
	Parts(state any) []StatePart
	// Fingerprint hashes the state. Two states share one by accident with
	// probability 2^-64.
	Fingerprint() uint64
	// Rest is 64 bits more of the Fingerprint, for searches so large that these are too few.
	Rest() uint64
	// Learn takes over from another Engine how tasks come to where they park, so
	// that states can be loaded here that the other one saved.
	Learn(from any)
	// CheckStep is Take, and checks that the record of what the step touched is
	// true, and that nothing but the state decides what it does.
	CheckStep(i int) error
	// Alike finds the tasks that are alike, by class, at the start of a search, which
	// is where the world is. It has to come before Orbit and CheckSymmetry. If a
	// property looks at states, each step has to be checked.
	Alike() (classes [][]string, looked bool)
	// Orbit is Fingerprint for a search that takes two states for one if all that
	// tells them apart is which of the tasks that are alike is which.
	Orbit() uint64
	// OrbitRest is to Orbit what Rest is to Fingerprint.
	OrbitRest() uint64
	// CheckSymmetry is Take, and checks that tasks which are alike are: where two of
	// them have changed places, the step does the same.
	CheckSymmetry(i int) error
	// CheckMessages looks for a message that was changed after it was sent.
	CheckMessages() error
	// SetMaxCoroutines bounds the coroutines that each task keeps for jumps; 128
	// by default. Fewer make a search slower, and do not change what it finds.
	SetMaxCoroutines(n int)
	// Driven counts the steps that tasks have taken so far only to bring a coroutine to
	// where a state has it, and of functions the operations that they did again.
	Driven() int
}

// Of returns the engine of a world.
func Of(w *sim.World) Engine { return w.Engine(hook.Key{}).(Engine) }

type (
	// Access is one object that a step touched.
	Access = hook.Access
	// Kind is what sort of thing an object is.
	Kind = hook.Kind
	// Prospect is where a step leads, if that is known before.
	Prospect = hook.Prospect
	// StatePart is something that a state is made of.
	StatePart = hook.StatePart
	// Field is one field of the model.
	Field = hook.Field
	// Blocked is what cannot happen, and the object that it waits for, or one of
	// several: a task that is parked, a request on a muted connection, or, when
	// every task has ended, a ticker or a fault that might have come before.
	Blocked = struct {
		Event  sim.Event
		Object int
	}
)

// The kinds that a search tells apart.
const (
	Private = hook.Private // the fields of a task, a node or a property
	Data    = hook.Data    // a plain variable that tasks share
	Lock    = hook.Lock
	Channel = hook.Channel // an end of one direction of a connection, or a channel
	Memory  = hook.Memory  // of a property
	Whole   = hook.Whole   // the state as an Always judges it: all steps write it
)

// FirstDifference compares two lists of fields and names the first that differs.
func FirstDifference(was, is []Field) string { return hook.FirstDifference(was, is) }
