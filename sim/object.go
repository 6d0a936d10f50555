package sim

import "racelab/sim/internal/hook"

// object is what every shared thing of a world has in common: a number, by
// which a step records that it read or wrote the thing, and a name.
//
// Shared means: more than one actor can touch it. The memory that tasks share
// is a Var, a Mutex or another object of this package; a field that is none of
// these belongs to the one task, node or property that has it.
type object struct {
	number int // from 1; 0 is an object that no walk has reached
	kind   hook.Kind
	pair   int      // of the arrivals of a channel: the object that sends touch
	groups []*group // of the plan that are its own
	label  string   // set for what the world itself makes; else the name comes from the walk
	points []ownPoint
	looker looker // the world; nil: no walk has reached it
}

// looker notes what a step looks at.
type looker interface{ looksAt(o *object) }

func (o *object) bound() *object { return o }

// objectHolder is anything with an object in it.
type objectHolder interface {
	bound() *object
	// prepare says of what kind it is, and makes what it needs, before the first step.
	prepare(w *World)
}

func (o *object) prepare(*World) {}

func (o *object) mustBeShared() {
	if o.number == 0 {
		panic("sim: a step touched memory that nobody shared: hand its owner to World.Share")
	}
}

// ownPoint is the name of a point where a task is about to do something to an
// object.
type ownPoint struct{ verb, name string }
