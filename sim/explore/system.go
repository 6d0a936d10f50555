package explore

import (
	"slices"

	"racelab/sim"
)

// System is what a search needs to know of the thing it searches. A World is
// one; anything that can start over and be steered is another.
type System interface {
	// Reset puts the system back to its start.
	Reset()
	// Enabled lists what may happen next, in an order that depends on the
	// state alone. It is empty at the end of a run.
	Enabled() []sim.Event
	// Take lets the i-th of Enabled happen.
	Take(i int)
	// Fingerprint hashes the state.
	Fingerprint() uint64
	// Properties names what is judged, at most 64.
	Properties() []string
	// Violations lists what the last step broke.
	Violations() []sim.Violation
	// Tested says which properties the last step put to the test: bit i for
	// the i-th of Properties.
	Tested() uint64
	// Accesses lists the objects that the last step read or wrote.
	Accesses() []Access
	// Blocked lists what cannot happen yet, and the object it waits for.
	Blocked() []Blocked
	// ObjectName names an object of Accesses.
	ObjectName(number int) string
	// Close gives back what the system holds.
	Close()
}

// Forker is a System of which several may run side by side. A search has
// several workers where it is offered.
type Forker interface {
	System
	// Fork returns another system, alike, that may run beside this one.
	Fork() System
}

// Prober is a System that is asked questions besides what is judged.
type Prober interface {
	System
	// Probes names those of Properties that are questions: to reach one breaks
	// nothing.
	Probes() []string
}

// Saver is a System that can go to a state without running there. A search
// uses it where it is offered.
type Saver interface {
	System
	Save() any
	Load(any)
	// CheckStep takes the i-th enabled event and checks that the record of what
	// it touched is true, and that nothing but the state decides what it does.
	CheckStep(i int) error
	// Rest is 64 bits more of the Fingerprint; see Engine.
	Rest() uint64
	// Learn makes the states that another one saved loadable here.
	Learn(from Saver)
}

// Foreseer is a System that may know where a step leads without taking it; see Engine.
type Foreseer interface {
	System
	Foresee(withRest bool) []Prospect
	Tell(i int)
	Leap(i int) (leap any, ok bool)
	Land(from, leap any) (state any)
}

// Packer is a Saver whose states can be kept on disk; see Engine.
type Packer interface {
	Saver
	Pack(to []byte, before, state any) []byte
	Unpack(from []byte, before any) (state any, rest []byte)
}

// Rebuilder is a System that can be built anew. A proof defends itself in worlds
// that nothing has been saved from or loaded into.
type Rebuilder interface {
	System
	Rebuild() Engine
}

// Unordered is a System that knows what has kept steps apart without ordering them.
type Unordered interface {
	System
	Unordered() string // see Engine
}

// Symmetric is a System that knows which of its tasks are alike; see Engine.
type Symmetric interface {
	Saver
	Alike() (classes [][]string, looked bool)
	Orbit() uint64
	OrbitRest() uint64
	CheckSymmetry(i int) error
}

// Irreducible is a System that knows when Exhaustive may leave out too much.
type Irreducible interface {
	System
	// Irreducible says what the system has had so far that is why: "faults".
	// Empty: nothing.
	Irreducible() string
}

// Worlds is the System of a model.
type Worlds struct {
	Engine
	build   func() *sim.World
	begun   sim.Schedule // what has happened before the start
	start   any
	ordered bool // what comes before what is a part of the states
	watch   *watch
	steps   *steps
	forked  bool // another one ends the watch
}

// NewWorlds returns the System of the worlds that build makes, all alike. The
// error names a field of the model that no state can hold, or the rule that it
// breaks.
func NewWorlds(build func() *sim.World) (_ *Worlds, err error) {
	defer sim.RecoverModelError(&err)
	w := &Worlds{build: build, watch: newWatch(glance, over)}
	w.steps = w.watch.world()
	started := false
	defer func() {
		if w.steps.ends(); !started {
			w.watch.end()
		}
	}()
	w.steps.begins()
	w.Engine = Of(build())
	if err := w.Start(); err != nil {
		return nil, err
	}
	w.start = w.Save()
	started = true
	return w, nil
}

// Take is that of the Engine, under the watch.
func (w *Worlds) Take(i int) {
	w.steps.begins()
	defer w.steps.ends()
	w.Engine.Take(i)
}

// CheckStep is that of the Engine, under the watch.
func (w *Worlds) CheckStep(i int) error {
	w.steps.begins()
	defer w.steps.ends()
	return w.Engine.CheckStep(i)
}

// Close is that of the Engine, and ends the watch.
func (w *Worlds) Close() {
	if w.Engine.Close(); !w.forked {
		w.watch.end()
	}
}

// Begin makes the state that a schedule leads to the start: what has broken on the
// way there does not count, and schedules that a search finds begin there. The error
// says where the schedule does not fit.
func (w *Worlds) Begin(schedule sim.Schedule) error {
	w.Reset()
	if err := follow(w.Engine, schedule); err != nil {
		return err
	}
	w.begun, w.start = w.FromBeginning(schedule), w.Save()
	return nil
}

// FromBeginning is a schedule that begins at the start, with all that comes before.
func (w *Worlds) FromBeginning(schedule sim.Schedule) sim.Schedule {
	whole := slices.Clip(w.begun)
	for _, s := range schedule {
		whole = whole.Add(sim.Event{Actor: s.Actor, Label: s.Label})
	}
	return whole
}

// follow takes the events of a schedule, all of them.
func follow(w Engine, schedule sim.Schedule) error {
	replay := sim.NewReplay(schedule)
	for range schedule {
		i, err := replay.Choose(w.Enabled())
		if err != nil {
			return err
		}
		w.Take(i)
	}
	return nil
}

// Orderer is a System that can make what comes before what a part of its states.
type Orderer interface {
	System
	// WithOrder returns another system, alike, in which it is. Nil: it cannot.
	WithOrder() System
}

// WithOrder builds another world, in whose states clocks judge data races. Nil: the
// clocks do not know how the start was come to.
func (w *Worlds) WithOrder() System {
	fork := &Worlds{Engine: w.Rebuild(), build: w.build, begun: w.begun, ordered: true, watch: w.watch, steps: w.watch.world(), forked: true}
	fork.Engine.Learn(w.Engine)
	if !fork.FollowOrder() {
		return nil
	}
	fork.start = fork.Save()
	return fork
}

// Reset loads the state at the start.
func (w *Worlds) Reset() { w.Load(w.start) }

// Fork builds another world.
func (w *Worlds) Fork() System {
	if w.ordered {
		return w.WithOrder()
	}
	fork := &Worlds{Engine: w.Rebuild(), build: w.build, begun: w.begun, watch: w.watch, steps: w.watch.world(), forked: true}
	fork.start = fork.Save()
	return fork
}

// Rebuild builds a world, and takes it to the start.
func (w *Worlds) Rebuild() Engine {
	world := Of(w.build())
	world.Resemble(w.Engine)
	if err := follow(world, w.begun); err != nil {
		panic(&sim.ModelError{Reason: "explore: worlds that are built alike differ: " + err.Error()})
	}
	return world
}

// Learn takes over how tasks come to where they park.
func (w *Worlds) Learn(from Saver) { w.Engine.Learn(from.(*Worlds).Engine) }

// cursor moves a system: forth by choices, back to checkpoints.
type cursor struct {
	System
	sees   Foreseer  // nil: each step has to be taken
	saver  Saver     // nil: checkpoints are reached by running there
	lives  Lively    // nil: nothing is known of timers and of what is wanted in the end
	alike  Symmetric // nil: states are not taken for one where alike tasks have changed places
	looked bool      // then each step is checked for that
	wide   bool      // states are told apart by 128 bits
	path   []int32   // the choices since the start; kept where there is no saver
}

// checkpoint is a state to come back to.
type checkpoint struct {
	at any // what the Saver saved; without one, the choices since the start
}

func newCursor(sys System) *cursor {
	c := &cursor{System: sys}
	c.saver, _ = sys.(Saver)
	c.lives, _ = sys.(Lively)
	c.sees, _ = sys.(Foreseer)
	c.Reset()
	return c
}

func (c *cursor) Reset() {
	c.System.Reset()
	c.path = c.path[:0]
}

func (c *cursor) Take(i int) {
	if c.saver == nil {
		c.path = append(c.path, int32(i))
	}
	c.System.Take(i)
}

// checkStep is Take, and checks what the search takes for granted about the
// step. What fails there is a ModelError, and ends the search.
func (c *cursor) checkStep(i int) {
	if c.saver == nil {
		c.Take(i)
	} else if err := c.saver.CheckStep(i); err != nil {
		panic(&sim.ModelError{Reason: err.Error()})
	}
}

// print is by what states are told apart: their fingerprint and, in a search so large that
// its 64 bits are too few, 64 more.
type print struct{ hash, rest uint64 }

// print is that of the state.
func (c *cursor) print() print {
	if c.wide {
		return print{c.Fingerprint(), c.saver.Rest()}
	}
	return print{hash: c.Fingerprint()}
}

// state is the print by which the search takes states for one.
func (c *cursor) state() print {
	switch {
	case c.alike == nil:
		return c.print()
	case c.wide:
		return print{c.alike.Orbit(), c.alike.OrbitRest()}
	}
	return print{hash: c.alike.Orbit()}
}

// checkSymmetry checks that tasks are alike where they are taken for that, at the
// i-th enabled event, which has been taken then.
func (c *cursor) checkSymmetry(i int) {
	if err := c.alike.CheckSymmetry(i); err != nil {
		panic(&sim.ModelError{Reason: err.Error()})
	}
}

// The first checkFirst steps of a search are checked, so that in a small model
// all are, and then one in checkEvery of what a search counts: of the states that
// it expands, of its steps, of its runs.
const (
	checkFirst = 2000
	checkEvery = 500
)

// save returns the checkpoint where the system is.
func (c *cursor) save() checkpoint {
	if c.saver != nil {
		return checkpoint{c.saver.Save()}
	}
	return checkpoint{slices.Clone(c.path)}
}

// restore returns to a checkpoint.
func (c *cursor) restore(s checkpoint) {
	if c.saver != nil {
		c.saver.Load(s.at)
		return
	}
	c.Reset()
	for _, i := range s.at.([]int32) {
		c.Take(int(i))
	}
}
