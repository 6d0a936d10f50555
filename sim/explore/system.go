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

// model is the System of a model, as Worlds is. All that a search can do beyond taking
// steps, it can do with a model only.
type model interface {
	System
	Engine
	Fork() *Worlds
	WithOrder() *Worlds
	Rebuild() Engine
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

// WithOrder builds another world, in whose states clocks judge data races. Nil: the
// clocks do not know how the start was come to.
func (w *Worlds) WithOrder() *Worlds {
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

// Fork builds another world, that may run beside this one.
func (w *Worlds) Fork() *Worlds {
	if w.ordered {
		return w.WithOrder()
	}
	fork := &Worlds{Engine: w.Rebuild(), build: w.build, begun: w.begun, watch: w.watch, steps: w.watch.world(), forked: true}
	fork.start = fork.Save()
	return fork
}

// Rebuild builds a world that nothing has been saved from or loaded into, and takes it to
// the start.
func (w *Worlds) Rebuild() Engine {
	world := Of(w.build())
	world.Resemble(w.Engine)
	if err := follow(world, w.begun); err != nil {
		panic(&sim.ModelError{Reason: "explore: worlds that are built alike differ: " + err.Error()})
	}
	return world
}

// Learn takes over from another one how tasks come to where they park.
func (w *Worlds) Learn(from any) { w.Engine.Learn(from.(*Worlds).Engine) }

// cursor moves a system: forth by choices, back to checkpoints.
type cursor struct {
	System
	world  model   // that it is; nil: another system, whose checkpoints are reached by running there
	alike  bool    // states are taken for one where alike tasks have changed places
	looked bool    // then each step is checked for that
	wide   bool    // states are told apart by 128 bits
	path   []int32 // the choices since the start; kept where there is no world
}

// checkpoint is a state to come back to.
type checkpoint struct {
	at any // what the world saved; without one, the choices since the start
}

func newCursor(sys System) *cursor {
	c := &cursor{System: sys}
	c.world, _ = sys.(model)
	c.Reset()
	return c
}

func (c *cursor) Reset() {
	c.System.Reset()
	c.path = c.path[:0]
}

func (c *cursor) Take(i int) {
	if c.world == nil {
		c.path = append(c.path, int32(i))
	}
	c.System.Take(i)
}

// checkStep is Take, and checks what the search takes for granted about the
// step. What fails there is a ModelError, and ends the search.
func (c *cursor) checkStep(i int) {
	if c.world == nil {
		c.Take(i)
	} else if err := c.world.CheckStep(i); err != nil {
		panic(&sim.ModelError{Reason: err.Error()})
	}
}

// print is by what states are told apart: their fingerprint and, in a search so large that
// its 64 bits are too few, 64 more.
type print struct{ hash, rest uint64 }

// print is that of the state.
func (c *cursor) print() print {
	if c.wide {
		return print{c.Fingerprint(), c.world.Rest()}
	}
	return print{hash: c.Fingerprint()}
}

// state is the print by which the search takes states for one.
func (c *cursor) state() print {
	switch {
	case !c.alike:
		return c.print()
	case c.wide:
		return print{c.world.Orbit(), c.world.OrbitRest()}
	}
	return print{hash: c.world.Orbit()}
}

// checkSymmetry checks that tasks are alike where they are taken for that, at the
// i-th enabled event, which has been taken then.
func (c *cursor) checkSymmetry(i int) {
	if err := c.world.CheckSymmetry(i); err != nil {
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
	if c.world != nil {
		return checkpoint{c.world.Save()}
	}
	return checkpoint{slices.Clone(c.path)}
}

// restore returns to a checkpoint.
func (c *cursor) restore(s checkpoint) {
	if c.world != nil {
		c.world.Load(s.at)
		return
	}
	c.Reset()
	for _, i := range s.at.([]int32) {
		c.Take(int(i))
	}
}
