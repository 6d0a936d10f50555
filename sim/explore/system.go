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
	Accesses() []sim.Access
	// Blocked lists what cannot happen yet, and the object it waits for.
	Blocked() []sim.Blocked
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
	Save() *sim.Snapshot
	Load(*sim.Snapshot)
	// CheckStep takes the i-th enabled event and checks that the record of what
	// it touched is true, and that nothing but the state decides what it does.
	CheckStep(i int) error
	// Learn makes the states that another one saved loadable here.
	Learn(from Saver)
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
	*sim.World
	build func() *sim.World
	start *sim.Snapshot
}

// NewWorlds returns the System of the worlds that build makes, all alike. The
// error names a field of the model that no state can hold.
func NewWorlds(build func() *sim.World) (*Worlds, error) {
	w := &Worlds{World: build(), build: build}
	if err := w.Start(); err != nil {
		return nil, err
	}
	w.start = w.Save()
	return w, nil
}

// Reset loads the state at the start.
func (w *Worlds) Reset() { w.Load(w.start) }

// Fork builds another world.
func (w *Worlds) Fork() System {
	fork := &Worlds{World: w.build(), build: w.build}
	fork.start = fork.Save()
	return fork
}

// Learn takes over how tasks come to where they park.
func (w *Worlds) Learn(from Saver) { w.World.Learn(from.(*Worlds).World) }

// cursor moves a system about: forth by choices, back to marked spots.
type cursor struct {
	System
	saver Saver   // nil: spots are reached by running there
	path  []int32 // the choices since the start; kept where there is no saver
}

// spot is a state to come back to.
type spot struct {
	snapshot *sim.Snapshot
	path     []int32
}

func newCursor(sys System) *cursor {
	c := &cursor{System: sys}
	c.saver, _ = sys.(Saver)
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

func (c *cursor) checkStep(i int) error {
	if c.saver == nil {
		c.Take(i)
		return nil
	}
	return c.saver.CheckStep(i)
}

// mark returns the spot where the system is.
func (c *cursor) mark() spot {
	if c.saver != nil {
		return spot{snapshot: c.saver.Save()}
	}
	return spot{path: slices.Clone(c.path)}
}

// back returns to a spot.
func (c *cursor) back(s spot) {
	if c.saver != nil {
		c.saver.Load(s.snapshot)
		return
	}
	c.Reset()
	for _, i := range s.path {
		c.Take(int(i))
	}
}
