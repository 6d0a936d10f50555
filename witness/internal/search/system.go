// Package search lets the searches of racelab/sim/explore choose in runs of
// racelab/witness/rt.
package search

import (
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/rt"
)

// System is a body of Go code as the searches see it. It can neither save a state
// nor fork: the state is that of a Go process.
type System struct {
	*rt.System
	// Longest is how many choices a run may have; 0: sim.MaxSteps.
	Longest int

	enabled []sim.Event
}

// New returns the System of a body.
func New(body func()) *System { return &System{System: rt.NewSystem(body)} }

func event(e rt.Event) sim.Event {
	return sim.Event{Actor: e.Actor, Label: e.Label, Place: e.Process, Thread: e.Process}
}

// Enabled lists what may happen next.
func (s *System) Enabled() []sim.Event {
	s.enabled = s.enabled[:0]
	for _, e := range s.System.Enabled() {
		s.enabled = append(s.enabled, event(e))
	}
	return s.enabled
}

// Violations lists what the last step broke.
func (s *System) Violations() (all []sim.Violation) {
	for _, v := range s.System.Violations() {
		all = append(all, sim.Violation{Property: v.Property, Err: v.Err})
	}
	return all
}

// Accesses lists the objects that the last step read or wrote.
func (s *System) Accesses() (all []explore.Access) {
	for _, a := range s.System.Accesses() {
		all = append(all, explore.Access{Object: a.Object, Write: a.Write})
	}
	return all
}

// Blocked lists the goroutines that wait.
func (s *System) Blocked() (all []explore.Blocked) {
	for _, b := range s.System.Blocked() {
		all = append(all, explore.Blocked{Event: event(b.Event), Object: b.Object})
	}
	return all
}

var _ explore.System = (*System)(nil)
