package explore

import (
	"fmt"

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
	// Properties names what is judged.
	Properties() []string
	// Violations lists what the last step broke.
	Violations() []sim.Violation
	// Accesses lists the objects that the last step read or wrote.
	Accesses() []sim.Access
	// ObjectName names an object of Accesses.
	ObjectName(number int) string
	// Tested says whether the last step put the property to the test.
	Tested(property string) bool
}

// Worlds is the System of a model. It starts over by building anew.
type Worlds struct {
	*sim.World
	build func() *sim.World
}

// NewWorlds returns the System of the worlds that build makes, all alike. The
// error names a field that the model's State walks forget.
func NewWorlds(build func() *sim.World) (*Worlds, error) {
	w := &Worlds{World: build(), build: build}
	if missed := w.Audit(); len(missed) > 0 {
		return nil, fmt.Errorf("explore: the search would merge states that differ: %w", missed[0])
	}
	return w, nil
}

// Reset builds the world anew.
func (w *Worlds) Reset() {
	w.World.Close()
	w.World = w.build()
}
