package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Schedule is a run as text: one event a line, by its identity, so that it can
// be read, edited, and played against another variant.
//
//	G0 mark
//	G0 snapshot
//	G0->coordinator OffsetCommit
//	G0 mark#2
//
// An event that an actor repeats carries its occurrence. Blank lines and lines
// that begin with # are passed over; ";" stands for the end of a line.
type Schedule []Step

// Step is one line of a schedule.
type Step struct {
	Actor      string
	Label      string
	Occurrence int // from 1
	Line       int // where it was read, from 1; 0: it was not read
}

func (s Step) String() string {
	if s.Occurrence == 1 {
		return s.Actor + " " + s.Label
	}
	return s.Actor + " " + s.Label + "#" + strconv.Itoa(s.Occurrence)
}

// Task is the task that the event comes from: its actor, or the one whose
// request is on its way.
func (s Step) Task() string {
	sender, _, _ := strings.Cut(s.Actor, "->")
	task, _, _ := strings.Cut(sender, "/")
	return task
}

// Lines is the schedule with one event a line.
func (s Schedule) Lines() string {
	var b strings.Builder
	for _, step := range s {
		b.WriteString(step.String() + "\n")
	}
	return b.String()
}

// String is the schedule on one line, as the flag --schedule takes it.
func (s Schedule) String() string {
	return strings.ReplaceAll(strings.TrimSuffix(s.Lines(), "\n"), "\n", "; ")
}

// Add appends an event, numbered by its occurrence.
func (s Schedule) Add(e Event) Schedule {
	step := Step{Actor: e.Actor, Label: e.Label, Occurrence: 1}
	for _, earlier := range s {
		if earlier.Is(e) {
			step.Occurrence++
		}
	}
	return append(s, step)
}

// ParseSchedule reads a schedule, which may be empty: the start of every run. The
// error names the line.
func ParseSchedule(text string) (Schedule, error) {
	schedule := Schedule{}
	for i, line := range strings.Split(text, "\n") {
		if bad := strings.IndexFunc(line, isNoText); bad >= 0 {
			return nil, fmt.Errorf("schedule line %d is not text (byte %#02x at column %d); want lines such as %q", i+1, line[bad], bad+1, "G0 send")
		}
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for part := range strings.SplitSeq(line, ";") {
			part = strings.TrimSpace(part)
			if part == "" {
				continue
			}
			step, err := ParseStep(part)
			if err != nil {
				return nil, fmt.Errorf("schedule line %d: %w", i+1, err)
			}
			step.Line = i + 1
			schedule = append(schedule, step)
		}
	}
	return schedule, nil
}

// ParseStep reads one event: ACTOR LABEL, or ACTOR LABEL#OCCURRENCE.
func ParseStep(text string) (Step, error) {
	actor, label, ok := strings.Cut(text, " ")
	label = strings.TrimSpace(label)
	if !ok || label == "" {
		return Step{}, fmt.Errorf("%.60q is not an event; want ACTOR LABEL, such as %q", text, "G0 send")
	}
	if strings.HasPrefix(actor, "#") { // Within a name it tells goroutines apart: see Task.Go.
		return Step{}, fmt.Errorf("%.60q begins with a #, as a comment does; want ACTOR LABEL#OCCURRENCE, such as %q", text, "G0 send#2")
	}
	step := Step{Actor: actor, Label: label, Occurrence: 1}
	if name, number, ok := strings.Cut(label, "#"); ok {
		occurrence, err := strconv.Atoi(number)
		if err != nil || occurrence < 1 {
			return Step{}, fmt.Errorf("%.60q has no occurrence after #; want a number from 1", text)
		}
		if step.Label, step.Occurrence = strings.TrimSpace(name), occurrence; step.Label == "" {
			return Step{}, fmt.Errorf("%.60q has no label before #; want ACTOR LABEL#OCCURRENCE, such as %q", text, "G0 send#2")
		}
	}
	return step, nil
}

// replay takes a schedule's events one by one.
type replay struct {
	schedule Schedule
	done     Schedule
}

// NewReplay returns a Chooser that takes the events of a schedule one by one, and
// ends the run after the last. Where the next event is not enabled, its error says
// which line does not fit, and what is possible.
func NewReplay(s Schedule) Chooser { return &replay{schedule: s} }

func (c *replay) Choose(enabled []Event) (int, error) {
	if len(c.done) == len(c.schedule) {
		return 0, ErrScheduleEnds
	}
	next := c.schedule[len(c.done)]
	next.Line = 0
	for i, event := range enabled {
		if !next.Is(event) {
			continue
		}
		for k := range enabled[i+1:] {
			if other := &enabled[i+1+k]; next.Is(*other) {
				return 0, oneName(&event, other)
			}
		}
		now := c.done.Add(event)
		if now[len(c.done)] != next {
			return 0, c.refuse(fmt.Sprintf("this is number %d of its kind", now[len(c.done)].Occurrence), enabled)
		}
		c.done = now
		return i, nil
	}
	return 0, c.refuse("it cannot happen here", enabled)
}

func (c *replay) refuse(why string, enabled []Event) error {
	var possible []string
	for _, event := range enabled {
		possible = append(possible, c.done.Add(event)[len(c.done)].String())
	}
	slices.Sort(possible)
	next := c.schedule[len(c.done)]
	where := ""
	if next.Line > 0 {
		where = fmt.Sprintf("schedule line %d: ", next.Line)
	}
	return fmt.Errorf("%sevent %d, %.60q, does not fit: %s; possible: %s",
		where, len(c.done)+1, next, why, strings.Join(possible, ", "))
}

// Is says whether the event has the step's identity, occurrence aside.
func (s Step) Is(e Event) bool { return s.Actor == e.Actor && s.Label == e.Label }
