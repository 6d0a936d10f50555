package view

import (
	"encoding/json"
	"io"

	"racelab/sim"
)

// JSON writes a value as indented JSON, with < and > as they are.
func JSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// The types below are the stable form of a run in JSON. Names of fields are
// added, never changed.

// RunJSON is a Report.
type RunJSON struct {
	Title    string            `json:"title"`
	Ending   string            `json:"ending"` // finished, stuck, schedule ended, step limit
	Broken   []BreakJSON       `json:"broken"`
	Culprit  []OrderJSON       `json:"culprit"`
	Untried  []string          `json:"untried"` // properties that no step put to the test
	Schedule []string          `json:"schedule"`
	Lanes    []string          `json:"lanes"`
	Steps    []StepJSON        `json:"steps"`
	Final    map[string]string `json:"final"` // every field of the state at the end
	Repeat   string            `json:"repeat"`
}

// BreakJSON is a property that broke.
type BreakJSON struct {
	Property string `json:"property"`
	Step     int    `json:"step"` // from 1
	Error    string `json:"error"`
	Meaning  string `json:"meaning,omitempty"`
}

// OrderJSON is one of the orders that force the first break.
type OrderJSON struct {
	Earlier   string `json:"earlier"`
	EarlierAt int    `json:"earlier_at"`
	Later     string `json:"later"`
	LaterAt   int    `json:"later_at"`
	Object    string `json:"object"`
}

// StepJSON is one step.
type StepJSON struct {
	Event   string       `json:"event"`
	Lane    string       `json:"lane"`
	At      string       `json:"at,omitempty"` // since the start, in a timed world: "3.5ms"
	Acts    []ActJSON    `json:"acts"`
	Reads   []string     `json:"reads"`
	Writes  []string     `json:"writes"`
	Changes []ChangeJSON `json:"changes"`
}

// ActJSON is a message sent or taken.
type ActJSON struct {
	Action  string `json:"action"` // sent, arrived, answered, received
	Actor   string `json:"actor"`
	Peer    string `json:"peer"`
	Message string `json:"message"`
	Content string `json:"content"`
}

// ChangeJSON is something that a participant shows, and that the step changed.
type ChangeJSON struct {
	Of   string `json:"of"`
	Name string `json:"name"`
	Was  string `json:"was"`
	Is   string `json:"is"`
}

// AsJSON returns the report in its stable form.
func (r *Report) AsJSON() RunJSON {
	run := RunJSON{
		Title: r.Title, Ending: string(r.Ending), Repeat: r.Repeat,
		Broken: []BreakJSON{}, Culprit: []OrderJSON{}, Untried: append([]string{}, r.Untried...),
		Schedule: []string{}, Steps: []StepJSON{}, Final: map[string]string{},
	}
	for _, broken := range r.Broken {
		b := BreakJSON{Property: broken.Property, Step: broken.Step, Error: broken.Err.Error()}
		if explained, ok := broken.Err.(sim.Explained); ok {
			b.Meaning = explained.Meaning()
		}
		run.Broken = append(run.Broken, b)
	}
	if r.Culprit != nil {
		for _, o := range r.Culprit.Orders {
			run.Culprit = append(run.Culprit, OrderJSON{o.Earlier.String(), o.EarlierAt, o.Later.String(), o.LaterAt, o.Object})
		}
	}
	for _, lane := range r.Trace.Lanes {
		run.Lanes = append(run.Lanes, lane.Name)
	}
	for i := range r.Trace.Steps {
		run.Schedule = append(run.Schedule, r.Trace.Schedule[i].String())
		run.Steps = append(run.Steps, stepJSON(&r.Trace.Steps[i]))
	}
	for _, field := range r.Final {
		run.Final[field.Path] = field.Value
	}
	return run
}

func stepJSON(step *sim.TraceStep) StepJSON {
	s := StepJSON{
		Event: step.Step.String(), Lane: step.Lane,
		Acts: []ActJSON{}, Reads: []string{}, Writes: []string{}, Changes: []ChangeJSON{},
	}
	if step.At != sim.Never {
		s.At = step.At.String()
	}
	for _, act := range step.Acts {
		s.Acts = append(s.Acts, ActJSON{act.Action.String(), act.Actor, act.Peer, act.Message.Name(), act.Message.String()})
	}
	for _, touch := range step.Touched {
		if touch.Write {
			s.Writes = append(s.Writes, touch.Object)
		} else {
			s.Reads = append(s.Reads, touch.Object)
		}
	}
	for _, c := range step.Changes {
		s.Changes = append(s.Changes, ChangeJSON{c.Of, c.Name, c.Was, c.Value})
	}
	return s
}
