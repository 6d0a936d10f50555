package sim

import (
	"reflect"
	"slices"
	"strings"

	"racelab/sim/internal/hook"
)

// Trace is what a run did, step by step, for people and machines to look at.
type Trace struct {
	Lanes    []Lane // who takes part, in the order of the picture
	Start    []Fact // what the participants showed before the first step
	Steps    []TraceStep
	Schedule Schedule
	Vacuous  []string // properties that no step has tested

	shown []Fact
}

// Lane is a participant.
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

// Fact is one thing that a participant shows of itself.
type Fact struct {
	Of    string // the participant, or the shared structure
	Name  string // what it is: "P0"
	Value string // how it stands: "11 dirty"
}

// Change is a fact that a step changed.
type Change struct {
	Fact
	Was string // empty: there was nothing
}

// TraceStep is one step of a run.
type TraceStep struct {
	Step
	Lane    string // who moved: a task, or the node that took the request
	At      Time   // when, in a timed world; in others a moment means nothing: Never
	Acts    []Act
	Touched []Touch
	Changes []Change
	Broke   []Violation
	Reached []string // probes that the state answers with yes
	Enabled []Event  // what could have happened instead, the step itself among it
}

// Touch is an access with the object's name.
type Touch struct {
	Object string
	Write  bool
}

// Describer is a participant or a shared structure that shows something of
// itself in pictures. A value that is empty is not shown.
type Describer interface {
	Describe(show func(name, value string))
}

// Record makes the world keep a trace. Call it before the first step.
func (w *World) Record() *Trace {
	w.events()
	t := &Trace{}
	for _, task := range w.tasks {
		lane := Lane{Name: task.name, Kind: TaskLane}
		if task.process != nil {
			lane.Process = task.process.name
		}
		t.Lanes = append(t.Lanes, lane)
	}
	for _, m := range w.nodes {
		t.Lanes = append(t.Lanes, Lane{Name: m.name, Kind: NodeLane})
	}
	t.Start = w.Facts()
	t.shown = t.Start
	t.Vacuous = slices.Clone(w.judged()[:len(w.judged())-1]) // Assertions are listed where one was tried.
	w.trace = t
	return t
}

// Facts are what the participants and the shared structures show of themselves now
// (Describer).
func (w *World) Facts() []Fact {
	var facts []Fact
	ask := func(of string, who any) {
		if d, ok := who.(Describer); ok {
			d.Describe(func(name, value string) { facts = append(facts, Fact{of, name, value}) })
		}
	}
	for _, structure := range w.shared {
		ask(structure.name, structure.value)
	}
	if w.starts.number > 0 {
		w.showMemory(ask)
	}
	for _, t := range w.tasks {
		ask(t.name, t.program)
	}
	for _, m := range w.nodes {
		ask(m.name, m.node)
	}
	return facts
}

// showMemory shows, in a world of functions, the variables that these share and
// nobody describes.
func (w *World) showMemory(ask func(of string, who any)) {
	described := func(path string) bool {
		return slices.ContainsFunc(w.shared, func(r root) bool {
			_, ok := r.value.(Describer)
			return ok && strings.HasPrefix(path, r.name+".")
		})
	}
	w.survey(func(path string, v reflect.Value, kind surveyed) {
		if kind != objectField || described(path) {
			return
		}
		x := v.Addr().Interface().(objectHolder)
		if k := x.bound().kind; k == hook.Data || k == hook.Atom {
			ask(path, shown{x.(holder)})
		}
	})
}

// shown is an object as a participant that shows what it holds.
type shown struct{ holder }

func (s shown) Describe(show func(name, value string)) { show("", s.holds()) }

func (t *Trace) begin(w *World, e Event) {
	t.Schedule = t.Schedule.Add(e)
	lane := e.Lane()
	if !slices.ContainsFunc(t.Lanes, func(l Lane) bool { return l.Name == lane }) {
		kind := TimerLane
		if lane == string(NetworkLane) {
			kind = NetworkLane
		}
		t.Lanes = append(t.Lanes, Lane{Name: lane, Kind: kind}) // It has a lane once it does something.
	}
	t.Steps = append(t.Steps, TraceStep{Step: t.Schedule[len(t.Schedule)-1], Lane: lane, Enabled: slices.Clone(w.enabled)})
}

func (t *Trace) observe(o Act) {
	step := &t.Steps[len(t.Steps)-1]
	step.Acts = append(step.Acts, o)
}

func (t *Trace) end(w *World) {
	step := &t.Steps[len(t.Steps)-1]
	step.At = w.pace.now()
	for _, a := range w.accesses {
		step.Touched = append(step.Touched, Touch{w.objectName(a.Object), a.Write})
	}
	for _, v := range w.violations {
		if v.Err == error(probeHit{}) {
			step.Reached = append(step.Reached, v.Property)
		} else {
			step.Broke = append(step.Broke, v)
		}
	}
	for i, p := range w.judged() {
		if w.testedNow()>>i&1 == 1 {
			t.Vacuous = slices.DeleteFunc(t.Vacuous, func(u string) bool { return u == p })
		}
	}
	facts := w.Facts()
	for _, fact := range facts {
		was := ""
		for _, earlier := range t.shown {
			if earlier.Of == fact.Of && earlier.Name == fact.Name {
				was = earlier.Value
			}
		}
		if fact.Value != was {
			step.Changes = append(step.Changes, Change{fact, was})
		}
	}
	t.shown = facts
}
