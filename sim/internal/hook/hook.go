// Package hook is how searches reach what package sim shows to nobody else.
package hook

import "strings"

// Key is what a World wants to see before it shows itself to a search.
type Key struct{}

// Access is one object that a step touched.
type Access struct {
	Object int // number of the object
	Write  bool
	Kind   Kind
	// Pair, with the arrivals of a channel, is the object that sends touch: the
	// n-th arrival comes after the n-th send.
	Pair int
}

// Kind is what sort of thing an object is.
type Kind uint8

const (
	Private Kind = iota // the fields of a task, a node or a property
	Data                // a plain variable that tasks share
	Lock
	Channel // an end of one direction of a connection, or a Chan
	Memory  // of a property
	Clock   // the world's time, or a timer
	Chance  // the faults that may still come
	Atom    // a variable that is used atomically only
	Whole   // the state as an Always judges it: all steps write it
)

// Prospect is where a step leads.
type Prospect struct {
	Fingerprint uint64
	Rest        uint64 // of the fingerprint, where that is asked for
	Tested      uint64 // the properties that the step tests by itself
	Known       bool   // else nobody knows but by taking it
	Quiet       bool   // it touches no Data, breaks nothing and puts no timer off
}

// Field is one field of the model.
type Field struct {
	Path  string // "om.poms[0].offset"
	Value string
}

// StatePart is something that a state is made of: a field, one of a message that is on its
// way, the point where a task is, or all that an object holds and no other part shows.
type StatePart struct {
	Path  string // "B0->G0 (arrivals)[0].Fetch.Offset"
	Value string
	Rest  uint64 // of an object: a hash of all of it
	At    string // of a task's field: where the task is
}

// FirstDifference compares two lists of fields and names the first that differs.
func FirstDifference(was, is []Field) string {
	for i := range was {
		if i >= len(is) || was[i].Path != is[i].Path {
			return was[i].Path + " is gone"
		}
		if was[i] != is[i] {
			return strings.Join([]string{was[i].Path, "was", was[i].Value, "and is", is[i].Value}, " ")
		}
	}
	if len(is) > len(was) {
		return is[len(was)].Path + " is new"
	}
	return ""
}
