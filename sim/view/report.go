package view

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/trace"
)

// Report is one run, with all that is worth showing of it.
type Report struct {
	Title   string // "offset-rewind, variant unfixed (Sarama 1.38.0 to 1.43.2)"
	Trace   *trace.Trace
	Ending  sim.Ending
	Left    []string         // tasks that have not ended
	Broken  []Break          // the first of each property; the one to look at comes first
	Culprit *explore.Culprit // of the first of Broken; nil: none was found
	Do      string           // what a user should do about it
	Search  string           // what a search says of the run; empty: it was not searched
	Vacuous []string         // properties that no step tested
	Notes   []string         // what else the reader should know
	Final   []explore.Field  // the state at the end
	Next    []Choice         // what may happen next
	Waits   []Waiting        // what cannot
	Repeat  string           // the command that gives this run again; empty: there is none
	Same    int              // steps at the start that were shown before, in another run
}

// Choice is an event that may be next.
type Choice struct {
	sim.Step
	Lane    string // who moves
	Message string // what it brings: "OffsetCommit {P0: 11}"; empty: no message
	Fault   bool   // the world can do without
}

// Waiting is a task that cannot go on.
type Waiting struct {
	sim.Step
	For string // "om.lock, held by G0"
}

// Play runs a new world by the choices of c, which it leaves at the end of the run, and
// reports what came of it. The error is that of sim.Run.
func Play(w *sim.World, c sim.Chooser) (_ *Report, err error) {
	r := &Report{Trace: trace.Record(w)}
	circling := explore.NewCircling(w, c)
	if r.Ending, err = sim.Run(w, circling); err != nil {
		return nil, err
	}
	r.Left, r.Final, r.Vacuous = explore.Of(w).Unfinished(), explore.Of(w).Fields(), r.Trace.Vacuous
	broke := func(v sim.Violation, step int) {
		b := Break{Violation: v, Step: step}
		if explained, ok := v.Err.(sim.Explained); ok {
			b.Means = explained.Meaning()
		}
		r.Broken = append(r.Broken, b)
	}
	for i := range r.Trace.Steps {
		for _, v := range r.Trace.Steps[i].Broke {
			if !slices.ContainsFunc(r.Broken, func(b Break) bool { return b.Property == v.Property }) {
				broke(v, i+1)
			}
		}
	}
	for _, v := range circling.Violations() {
		broke(v, len(r.Trace.Steps))
	}
	return r, nil
}

// LookAhead notes what may happen in the world that the run has led to, and what
// cannot.
func (r *Report) LookAhead(w *sim.World) {
	for _, event := range explore.Of(w).Enabled() {
		c := Choice{Step: r.next(event.Actor, event.Label), Lane: event.Lane(), Fault: event.Fault}
		if m := event.Message(); m != nil {
			c.Message = strings.TrimSpace(message(m))
		}
		r.Next = append(r.Next, c)
	}
	for _, wait := range explore.Of(w).Waits().Waits {
		r.Waits = append(r.Waits, Waiting{r.next(wait.Task, wait.Point), wait.For()})
	}
}

// next is what the schedule would call an event.
func (r *Report) next(actor, label string) sim.Step {
	n := len(r.Trace.Schedule)
	return r.Trace.Schedule[:n:n].Add(sim.Event{Actor: actor, Label: label})[n]
}

// Break is a property that broke, and where.
type Break struct {
	sim.Violation
	Step  int    // from 1
	Means string // for a user; empty: the error says it all
}

func (b Break) String() string { return b.Property + ": " + b.Err.Error() }

// saying is a paragraph below a picture. One without a head goes on from the
// one before.
type saying struct {
	head string
	text string
}

const (
	also   = "also"   // heads a break that is not drawn
	replay = "replay" // heads the command that gives the run again
)

// words are what stands below the picture.
func (r *Report) words() []saying {
	var words []saying
	say := func(head, format string, args ...any) {
		words = append(words, saying{head, fmt.Sprintf(format, args...)})
	}
	if r.Culprit != nil {
		for i, sentence := range r.Culprit.Sentences() {
			if i == 0 {
				say("why", "%s", sentence)
			} else {
				say("", "%s", sentence)
			}
		}
	}
	for i, broken := range r.Broken {
		if i > 0 {
			say(also, "%s at step %d: %v", broken.Property, broken.Step, broken.Err)
		}
	}
	if len(r.Broken) > 0 {
		if means := r.Broken[0].Means; means != "" {
			say("means", "%s", means)
		}
		if r.Do != "" {
			say("do", "%s", r.Do)
		}
	} else {
		say("held", "nothing broke in %s. One run proves nothing: a search of all runs does.", explore.Count(len(r.Trace.Steps), "step"))
		if r.Ending == sim.ScheduleEnded && len(r.Left) > 0 {
			say("", "The schedule ended before %s did.", strings.Join(r.Left, ", "))
		}
		if len(r.Vacuous) > 0 {
			say("vacuous", "no step tested %s", strings.Join(r.Vacuous, ", "))
		}
	}
	for _, note := range r.Notes {
		say("note", "%s", note)
	}
	if r.Search != "" {
		say("search", "%s", r.Search)
	}
	if r.Repeat != "" {
		say(replay, "%s", r.Repeat)
	}
	return words
}
