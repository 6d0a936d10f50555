package view

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim"
	"racelab/sim/trace"
)

// Options are how a picture is drawn.
type Options struct {
	Width  int  // columns of text that are never passed; 0: 100
	Full   bool // a row for each step, and each break in full; else runs of steps fold
	Colour bool // for a terminal that has it
}

// picture is a run as rows over lanes, before it is placed.
type picture struct {
	report *Report
	lanes  []trace.Lane // those in which something happens
	rows   []row
}

// row is one step, or a run of steps of one task that nobody interrupts.
//
// Its names are what a schedule calls its events. A name goes without its actor
// where the picture says who that is: a step of a task stands in the lane of the
// task, and an arrow into a node is an event FROM->TO.
type row struct {
	first, last int // steps, from 1
	from, to    int // lanes of the message that it takes; from is -1: it takes none
	lanes       []int
	own         bool // it is a step of the lane; else something that happens to it: a timer, a crash
	answer      bool // the message answers a request
	names       []string
	said        []string // what it takes, and what it sends
	changes     []trace.Change
	broke       *Break // the break to look at, if this row ends with it
}

// number is the row's number, or its numbers: "7", "1-6".
func (r *row) number() string {
	if r.first == r.last {
		return fmt.Sprint(r.first)
	}
	return fmt.Sprintf("%d-%d", r.first, r.last)
}

// newPicture reads a report. A step that the culprit names is never folded. With all,
// a lane is also there if nothing happens in it.
func newPicture(r *Report, full, all bool) *picture {
	p := &picture{report: r}
	for _, lane := range r.Trace.Lanes {
		if all || p.busy(lane) {
			p.lanes = append(p.lanes, lane)
		}
	}
	named := map[int]bool{}
	if r.Culprit != nil {
		for _, o := range r.Culprit.Orders {
			named[o.EarlierAt], named[o.LaterAt] = true, true
		}
	}
	folds := false // whether the last row may go on
	for i := r.Same; i < len(r.Trace.Steps); i++ {
		next := p.row(i)
		can := !full && !named[i+1] && next.from < 0 && next.own && p.ofItself(next)
		if can && folds && p.rows[len(p.rows)-1].lanes[0] == next.lanes[0] && r.Trace.Steps[i-1].At == r.Trace.Steps[i].At {
			p.rows[len(p.rows)-1].fold(next)
		} else {
			p.rows = append(p.rows, next)
		}
		folds = can && next.broke == nil
	}
	return p
}

// busy says whether anything happens in a lane.
func (p *picture) busy(lane trace.Lane) bool {
	for i := range p.report.Trace.Steps {
		step := &p.report.Trace.Steps[i]
		if step.Lane == lane.Name || lane.Process != "" && step.Actor == lane.Process {
			return true
		}
		for _, act := range step.Acts {
			if act.Actor == lane.Name || act.Peer == lane.Name {
				return true
			}
		}
		for _, c := range step.Changes {
			if c.Of == lane.Name {
				return true
			}
		}
	}
	return false
}

// lane is the place of a participant among the lanes; -1: it has none.
func (p *picture) lane(name string) int {
	return slices.IndexFunc(p.lanes, func(l trace.Lane) bool { return l.Name == name })
}

// ofItself says whether a row changes nothing in the lane of another.
func (p *picture) ofItself(r row) bool {
	return !slices.ContainsFunc(r.changes, func(c trace.Change) bool {
		of := p.lane(c.Of)
		return of >= 0 && of != r.lanes[0]
	})
}

// row reads a step.
func (p *picture) row(i int) row {
	step := &p.report.Trace.Steps[i]
	r := row{first: i + 1, last: i + 1, from: -1, own: step.Actor == step.Lane && !fails(step), changes: step.Changes}
	if len(p.report.Broken) > 0 && p.report.Broken[0].Step == i+1 {
		r.broke = &p.report.Broken[0]
	}
	for _, act := range step.Acts {
		switch {
		case r.from < 0 && (act.Action == sim.Arrived || act.Action == sim.Received) && act.Message != sim.ErrBroken:
			r.from, r.to = p.lane(act.Peer), p.lane(act.Actor)
			r.answer = act.Action == sim.Received
			// A label that begins with the message's name goes for it.
			if strings.HasPrefix(step.Label, sim.NameOf(act.Message)) {
				r.say(sim.ContentsOf(act.Message))
			} else {
				r.say(message(act.Message))
			}
		case act.Action == sim.Received && act.Request != nil:
			r.say(message(act.Request))
		case act.Action == sim.Received:
			r.say(sim.NameOf(act.Message))
		case act.Action == sim.Sent && act.Actor == step.Actor:
			r.say(sim.ContentsOf(act.Message) + " ▷")
		case act.Action == sim.Sent:
			r.say(message(act.Message) + " ▷")
		}
	}
	if r.from < 0 {
		for i, lane := range p.lanes {
			if lane.Process != "" && step.Actor == lane.Process && fails(step) {
				r.lanes = append(r.lanes, i)
			}
		}
		if r.lanes == nil {
			r.lanes = []int{p.lane(step.Lane)}
		}
	} else {
		r.lanes = []int{r.to}
	}
	name := step.Step.String()
	if r.own {
		name = strings.TrimPrefix(name, step.Actor+" ")
	} else if r.from >= 0 {
		name = strings.TrimPrefix(name, p.lanes[r.from].Name+"->"+p.lanes[r.to].Name+" ")
	}
	r.names = []string{name}
	return r
}

func (r *row) say(text string) {
	if text = oneLine(text); text != "" {
		r.said = append(r.said, text)
	}
}

// fold adds the row that follows. Of a fact that changes again, its last value
// counts.
func (r *row) fold(next row) {
	r.last, r.broke = next.last, next.broke
	r.names = append(r.names, next.names...)
	r.said = append(r.said, next.said...)
	r.changes = slices.Clone(r.changes)
	for _, c := range next.changes {
		at := slices.IndexFunc(r.changes, func(earlier trace.Change) bool { return earlier.Of == c.Of && earlier.Name == c.Name })
		if at >= 0 {
			r.changes[at].Value = c.Value
		} else {
			r.changes = append(r.changes, c)
		}
	}
	r.changes = slices.DeleteFunc(r.changes, func(c trace.Change) bool { return c.Value == c.Was })
}

// name is what a schedule calls the row's events.
func (r *row) name() string { return strings.Join(r.names, ", ") }

// changed lists what changed, by the lane of whom it changed: what has no lane
// stands where the row does. What is not of the row's own lane says whose it is.
func (p *picture) changed(r *row) map[int][]string {
	changed := map[int][]string{}
	for _, c := range r.changes {
		if slices.Contains(r.said, c.Value+" ▷") {
			continue // It is said already.
		}
		of, text := p.lane(c.Of), c.Name+" "+c.Value
		if c.Was != "" {
			text = c.Name + " " + c.Was + " → " + c.Value
		}
		if of != r.lanes[0] {
			text = c.Of + " " + text
		}
		if of < 0 {
			of = r.lanes[0]
		}
		changed[of] = append(changed[of], oneLine(text))
	}
	return changed
}

// start is what each participant that takes part shows before the first step:
// "om P0 10 clean, P1 20 clean; coordinator P0 10, P1 20".
func (p *picture) start() string {
	var groups []string
	of := ""
	for _, fact := range p.report.Trace.Start {
		if p.lane(fact.Of) < 0 && slices.ContainsFunc(p.report.Trace.Lanes, func(l trace.Lane) bool { return l.Name == fact.Of }) {
			continue
		}
		text := fact.Name + " " + fact.Value
		if fact.Of == of {
			groups[len(groups)-1] += ", " + text
		} else {
			groups = append(groups, fact.Of+" "+text)
		}
		of = fact.Of
	}
	return oneLine(strings.Join(groups, "; "))
}

// fails says whether the step is a fault, or the end of one.
func fails(step *trace.Step) bool {
	return slices.ContainsFunc(step.Acts, func(act sim.Act) bool { return act.Action == sim.Failed })
}

// message is its name, and what is in it.
func message(m sim.Message) string { return sim.NameOf(m) + " " + sim.ContentsOf(m) }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
