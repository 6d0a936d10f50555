package view

import (
	"racelab/sim"
	"racelab/sim/explore"
)

// Report is one run, with all that is worth showing of it.
type Report struct {
	Title   string // "offset-rewind, variant unfixed (Sarama 1.38.0 to 1.43.2)"
	Trace   *sim.Trace
	Ending  sim.Ending
	Left    []string         // tasks that have not ended
	Broken  []Break          // the first of each property
	Culprit *explore.Culprit // of one of them; nil: none was found
	Untried []string         // properties that no step put to the test
	Notes   []string         // what else the reader should know
	Final   []sim.Field      // the state at the end
	Repeat  string           // the command that gives this run again; empty: there is none
	Same    int              // steps at the start that were shown before, in another run
}

// Break is a property that broke, and where.
type Break struct {
	sim.Violation
	Step int // from 1
}
