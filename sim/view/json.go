package view

import (
	"encoding/json"
	"io"

	"racelab/sim"
	"racelab/sim/trace"
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
	Broken   []BreakJSON       `json:"broken"` // the one to look at comes first
	Culprit  []OrderJSON       `json:"culprit"`
	Do       string            `json:"do,omitempty"`
	Vacuous  []string          `json:"vacuous"` // properties that no step tested
	Schedule []string          `json:"schedule"`
	Lanes    []LaneJSON        `json:"lanes"`
	Start    []FactJSON        `json:"start"` // what participants showed before the first step
	Steps    []StepJSON        `json:"steps"`
	Final    map[string]string `json:"final"` // every field of the state at the end
	Next     []ChoiceJSON      `json:"next"`  // what may happen next
	Waits    []WaitJSON        `json:"waits"` // tasks that cannot go on
	Repeat   string            `json:"repeat"`
}

// BreakJSON is a property that broke.
type BreakJSON struct {
	Property string `json:"property"`
	Step     int    `json:"step"` // from 1
	Error    string `json:"error"`
	Meaning  string `json:"meaning,omitempty"`
}

// LaneJSON is a participant.
type LaneJSON struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`              // task, node, timer, network
	Process string `json:"process,omitempty"` // that the task is a goroutine of
}

// FactJSON is something that a participant, or a shared structure, shows.
type FactJSON struct {
	Of    string `json:"of"`
	Name  string `json:"name"`
	Value string `json:"value"`
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
	Event   string          `json:"event"` // as a schedule names it
	Lane    string          `json:"lane"`
	At      string          `json:"at,omitempty"` // since the start, in a timed world: "3.5ms"
	Choices []string        `json:"choices"`      // what could have happened, the event among it
	Acts    []ActJSON       `json:"acts"`
	Reads   []string        `json:"reads"`
	Writes  []string        `json:"writes"`
	Changes []ChangeJSON    `json:"changes"`
	Broke   []StepBreakJSON `json:"broke,omitempty"`
}

// StepBreakJSON is a property that the step broke, for the first time or again.
type StepBreakJSON struct {
	Property string `json:"property"`
	Error    string `json:"error"`
}

// ActJSON is a message sent or taken.
type ActJSON struct {
	Action  string `json:"action"` // sent, arrived, answered, received
	Actor   string `json:"actor"`
	Peer    string `json:"peer"`
	Message string `json:"message"`
	Content string `json:"content"`
	SentAt  int    `json:"sent_at,omitempty"` // of a message that is taken: the step that sent it, from 1
}

// ChoiceJSON is an event that may be next.
type ChoiceJSON struct {
	Event   string `json:"event"`
	Lane    string `json:"lane"`              // who moves
	Message string `json:"message,omitempty"` // what it brings
	Fault   bool   `json:"fault,omitempty"`   // the world can do without
}

// WaitJSON is a task that cannot go on.
type WaitJSON struct {
	Event string `json:"event"`
	For   string `json:"for"`
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
		Title: r.Title, Ending: string(r.Ending), Do: r.Do, Repeat: r.Repeat,
		Broken: []BreakJSON{}, Culprit: []OrderJSON{}, Vacuous: append([]string{}, r.Vacuous...),
		Schedule: []string{}, Lanes: []LaneJSON{}, Start: []FactJSON{}, Steps: []StepJSON{}, Final: map[string]string{},
		Next: []ChoiceJSON{}, Waits: []WaitJSON{},
	}
	for _, c := range r.Next {
		run.Next = append(run.Next, ChoiceJSON{c.Step.String(), c.Lane, c.Message, c.Fault})
	}
	for _, wait := range r.Waits {
		run.Waits = append(run.Waits, WaitJSON{wait.Step.String(), wait.For})
	}
	for _, broken := range r.Broken {
		run.Broken = append(run.Broken, BreakJSON{broken.Property, broken.Step, broken.Err.Error(), broken.Means})
	}
	if r.Culprit != nil {
		for _, o := range r.Culprit.Orders {
			run.Culprit = append(run.Culprit, OrderJSON{o.Earlier.String(), o.EarlierAt, o.Later.String(), o.LaterAt, o.Object})
		}
	}
	for _, lane := range r.Trace.Lanes {
		run.Lanes = append(run.Lanes, LaneJSON{lane.Name, string(lane.Kind), lane.Process})
	}
	for _, fact := range r.Trace.Start {
		run.Start = append(run.Start, FactJSON(fact))
	}
	flight := &inFlight{}
	for i := range r.Trace.Steps {
		run.Schedule = append(run.Schedule, r.Trace.Steps[i].Step.String())
		run.Steps = append(run.Steps, stepJSON(r.Trace, i, flight))
	}
	for _, field := range r.Final {
		run.Final[field.Path] = field.Value
	}
	return run
}

func stepJSON(trace *trace.Trace, i int, flight *inFlight) StepJSON {
	step := &trace.Steps[i]
	s := StepJSON{
		Event: step.Step.String(), Lane: step.Lane,
		Choices: []string{}, Acts: []ActJSON{}, Reads: []string{}, Writes: []string{}, Changes: []ChangeJSON{},
	}
	if step.At != sim.Never {
		s.At = step.At.String()
	}
	for _, event := range step.Enabled {
		s.Choices = append(s.Choices, trace.Schedule[:i:i].Add(event)[i].String())
	}
	for _, act := range step.Acts {
		s.Acts = append(s.Acts, ActJSON{act.Action.String(), act.Actor, act.Peer, sim.NameOf(act.Message), sim.ContentsOf(act.Message), flight.act(act, i+1)})
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
	for _, b := range step.Broke {
		s.Broke = append(s.Broke, StepBreakJSON{b.Property, b.Err.Error()})
	}
	return s
}

// inFlight is the messages that were sent, and not taken yet.
type inFlight struct{ sent []flying }

type flying struct {
	from, to, conn, text string
	step                 int
}

// act follows a message: it returns the step that sent it once it is taken, and
// 0 before. Of several that look alike the last one counts: those before were
// lost with a connection.
func (f *inFlight) act(act sim.Act, step int) int {
	m := flying{act.Actor, act.Peer, act.Conn, message(act.Message), step}
	switch act.Action {
	case sim.Sent, sim.Answered:
		f.sent = append(f.sent, m)
	case sim.Arrived, sim.Received:
		for i := len(f.sent) - 1; i >= 0; i-- {
			if s := f.sent[i]; s.from == m.to && s.to == m.from && s.conn == m.conn && s.text == m.text {
				f.sent = append(f.sent[:i], f.sent[i+1:]...)
				return s.step
			}
		}
	}
	return 0
}
