// Package trace records what a run did, for pictures, for reports, and for tests
// that look at single steps. A model has no use for it.
package trace

import (
	"slices"

	"racelab/sim"
	"racelab/sim/internal/hook"
)

// Trace is what a run did, step by step.
type Trace struct {
	Lanes    []Lane   // who takes part, in the order of the picture
	Start    []Detail // what the participants showed before the first step
	Steps    []Step
	Schedule sim.Schedule
	Vacuous  []string // properties that no step has tested

	world engine
	shown []Detail
}

// Lane is a participant: a column of the picture.
type Lane struct {
	Name    string
	Kind    LaneKind
	Process string // that the task is a goroutine of, if one is named
}

// LaneKind says what a participant is.
type LaneKind string

const (
	TaskLane    LaneKind = "task"
	NodeLane    LaneKind = "node"
	TimerLane   LaneKind = "timer"   // one that belongs to no single task
	NetworkLane LaneKind = "network" // that cuts connections
)

// Detail is one thing that a participant shows of itself; see sim.Describer.
type Detail struct {
	Of    string // the participant, or the shared structure
	Name  string // what it is: "P0"
	Value string // how it stands: "11 dirty"
}

// Change is a detail that a step changed.
type Change struct {
	Detail
	Was string // empty: there was nothing
}

// Step is one step of a run.
type Step struct {
	sim.Step
	Lane    string   // who moved: a task, or the node that took the request
	At      sim.Time // when, in a timed world; in others a moment means nothing: sim.Never
	Acts    []sim.Act
	Touched []Access
	Changes []Change
	Broke   []sim.Violation
	Reached []string    // probes that the state answers with yes
	Enabled []sim.Event // what could have happened instead, the step itself among it
}

// Access is an object that a step touched, by its name.
type Access struct {
	Object string
	Write  bool
}

// engine is what a world shows to a trace.
type engine interface {
	Record(interface {
		Begin(sim.Event)
		Act(sim.Act)
		End()
	})
	Participants(add func(name, process string, node bool))
	Show(add func(of, name, value string))
	Enabled() []sim.Event
	Accesses() []hook.Access
	ObjectName(number int) string
	Violations() []sim.Violation
	Properties() []string
	Probes() []string
	Tested() uint64
	Moment() sim.Time
}

// Record makes the world keep a trace. Call it before the first step.
func Record(w *sim.World) *Trace {
	e := w.Engine(hook.Key{}).(engine)
	properties := e.Properties() // It starts the world.
	t := &Trace{world: e}
	e.Participants(func(name, process string, node bool) {
		kind := TaskLane
		if node {
			kind = NodeLane
		}
		if name == "" {
			return // Room for a goroutine that the run may come to start.
		}
		t.Lanes = append(t.Lanes, Lane{name, kind, process})
	})
	t.Start = Details(w)
	t.shown = t.Start
	// Assertions are listed where one was tried.
	t.Vacuous = slices.DeleteFunc(slices.Clone(properties), func(p string) bool { return p == sim.Assertions })
	e.Record(t)
	return t
}

// Details are what the participants and the shared structures of a world show of
// themselves now; see sim.Describer.
func Details(w *sim.World) []Detail {
	var details []Detail
	w.Engine(hook.Key{}).(engine).Show(func(of, name, value string) { details = append(details, Detail{of, name, value}) })
	return details
}

// Begin is for package sim: an event is about to happen.
func (t *Trace) Begin(e sim.Event) {
	t.Schedule = t.Schedule.Add(e)
	lane := e.Lane()
	if !slices.ContainsFunc(t.Lanes, func(l Lane) bool { return l.Name == lane }) {
		kind := TimerLane
		switch {
		case lane == string(NetworkLane):
			kind = NetworkLane
		case e.OfSameTask(e):
			kind = TaskLane // A goroutine that the run started.
		}
		t.Lanes = append(t.Lanes, Lane{Name: lane, Kind: kind}) // It has a lane once it does something.
	}
	t.Steps = append(t.Steps, Step{Step: t.Schedule[len(t.Schedule)-1], Lane: lane, Enabled: slices.Clone(t.world.Enabled())})
}

// Act is for package sim: the step does something that properties see.
func (t *Trace) Act(a sim.Act) {
	step := &t.Steps[len(t.Steps)-1]
	step.Acts = append(step.Acts, a)
}

// End is for package sim: the step is over.
func (t *Trace) End() {
	e := t.world
	step := &t.Steps[len(t.Steps)-1]
	step.At = e.Moment()
	for _, a := range e.Accesses() {
		step.Touched = append(step.Touched, Access{e.ObjectName(a.Object), a.Write})
	}
	for _, v := range e.Violations() {
		if slices.Contains(e.Probes(), v.Property) {
			step.Reached = append(step.Reached, v.Property)
		} else {
			step.Broke = append(step.Broke, v)
		}
	}
	for i, p := range e.Properties() {
		if e.Tested()>>i&1 == 1 {
			t.Vacuous = slices.DeleteFunc(t.Vacuous, func(u string) bool { return u == p })
		}
	}
	var now []Detail
	e.Show(func(of, name, value string) {
		d := Detail{of, name, value}
		now = append(now, d)
		was := ""
		for _, earlier := range t.shown {
			if earlier.Of == of && earlier.Name == name {
				was = earlier.Value
			}
		}
		if value != was {
			step.Changes = append(step.Changes, Change{d, was})
		}
	})
	t.shown = now
}
