package lab

import (
	"fmt"
	"slices"

	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// Budget is how many states a question may look at where a person waits for the
// answer.
const Budget = 300_000

// Session is a run of a case, as far as it has been chosen.
type Session struct {
	c      *scenario.Case
	goal   string
	report *view.Report // of the run so far
}

// New returns a session at the start of a case. The goal is the property that the
// player wants to break; empty: what Case.First says. The error lists
// what there is.
func New(c *scenario.Case, goal string) (*Session, error) {
	s := &Session{c: c}
	if err := s.play(nil); err != nil {
		return nil, err
	}
	return s, s.Aim(goal)
}

// Aim changes the goal.
func (s *Session) Aim(goal string) error {
	goals := s.Goals()
	if goal == "" {
		goal = s.c.First()
	}
	if !slices.Contains(goals, goal) {
		return &scenario.UnknownName{Kind: "property of " + s.c.Race.Name, Name: goal, Possible: goals}
	}
	s.goal = goal
	return nil
}

// Goals lists what can be the goal: what the scenario claims, then what every world
// does.
func (s *Session) Goals() []string {
	w := s.c.World()
	defer w.Close()
	names := slices.Clone(explore.Of(w).Properties())
	slices.SortStableFunc(names, func(a, b string) int { return s.c.Race.Rank(a) - s.c.Race.Rank(b) })
	return names
}

// Case is what is run.
func (s *Session) Case() *scenario.Case { return s.c }

// Goal is the property that the player wants to break.
func (s *Session) Goal() string { return s.goal }

// Look is the run so far: its trace, what it broke, what may be next, who waits.
func (s *Session) Look() *view.Report { return s.report }

// Choices are the events that may be next. There are none at the end of a run.
func (s *Session) Choices() []view.Choice { return s.report.Next }

// Schedule is what has been chosen.
func (s *Session) Schedule() sim.Schedule { return s.report.Trace.Schedule }

// Reached is how the run broke the goal; nil: it did not.
func (s *Session) Reached() *view.Break {
	for i := range s.report.Broken {
		if s.report.Broken[i].Property == s.goal {
			return &s.report.Broken[i]
		}
	}
	return nil
}

// Take takes a choice, by its place among Choices.
func (s *Session) Take(i int) error {
	if len(s.Choices()) == 0 {
		return fmt.Errorf("there is no choice: the run has ended (%s)", s.report.Ending)
	}
	if i < 0 || i >= len(s.Choices()) {
		return fmt.Errorf("there is no choice %d; possible: 1 to %d", i+1, len(s.Choices()))
	}
	return s.play(append(slices.Clip(s.Schedule()), s.Choices()[i].Step))
}

// Undo takes the last n steps back, or as many as there are.
func (s *Session) Undo(n int) error {
	return s.play(s.Schedule()[:max(len(s.Schedule())-n, 0)])
}

// Play takes a whole schedule instead of what was chosen. The error says where it
// does not fit, and leaves the session as it is.
func (s *Session) Play(schedule sim.Schedule) error { return s.play(schedule) }

// Rebase is Play for a schedule that may be older than the model, or of another
// variant: what fits is played, and the answer says what does not.
func (s *Session) Rebase(schedule sim.Schedule) (fit *explore.Rebased, err error) {
	defer sim.RecoverModelError(&err)
	w := s.c.World()
	defer w.Close()
	fit = explore.Rebase(w, schedule)
	return fit, s.play(fit.Schedule)
}

func (s *Session) play(schedule sim.Schedule) error {
	report, err := s.c.Watch(sim.NewReplay(schedule))
	if err != nil {
		return err
	}
	if taken := len(report.Trace.Schedule); taken < len(schedule) {
		return fmt.Errorf("event %d, %.60q, does not fit: the run has ended (%s) with event %d", taken+1, schedule[taken], report.Ending, taken)
	}
	report.Repeat, _ = s.c.RunCommand(report.Trace.Schedule, "")
	s.report = report
	return nil
}

// Ahead is what lies ahead of a session.
type Ahead struct {
	// Schedule is the shortest way from here that breaks the goal, or to what was
	// asked; nil: none is known.
	Schedule sim.Schedule
	Now      bool // it is so here already
	States   int  // that were looked at
	Complete bool // the answer is certain; else the budget ended the search

	probe bool // it is about a question, and not about the goal
}

// Ahead asks whether the goal can still break from here, and how fast. It looks at
// o.Limit states; 0: Budget.
func (s *Session) Ahead(o explore.Options) (*Ahead, error) {
	if s.Reached() != nil {
		return &Ahead{Now: true, Complete: true}, nil
	}
	sys, err := s.c.System()
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	return s.nearest(sys, s.goal, o)
}

// nearest looks for the shortest way from here to a property's break, or to a probe.
func (s *Session) nearest(sys *explore.Worlds, property string, o explore.Options) (*Ahead, error) {
	if err := sys.Begin(s.Schedule()); err != nil {
		return nil, err
	}
	if o.Limit == 0 {
		o.Limit = Budget
	}
	near, err := explore.Nearest(sys, property, o)
	if err != nil {
		return nil, err
	}
	ahead := &Ahead{States: near.States, Complete: near.Complete}
	if near.Err != nil {
		ahead.Schedule = sys.FromBeginning(near.Schedule)[len(s.Schedule()):]
	}
	return ahead, nil
}

// String says it: "yes: in 3 steps, and no way is shorter (7 states looked at)".
func (a *Ahead) String() string {
	switch {
	case a.Now && a.probe:
		return "yes: it is so now"
	case a.Now:
		return "it is broken already"
	case len(a.Schedule) == 1:
		return fmt.Sprintf("yes: in 1 step (%s looked at)", explore.Count(a.States, "state"))
	case a.Schedule != nil:
		return fmt.Sprintf("yes: in %d steps, and no way is shorter (%s looked at)", len(a.Schedule), explore.Count(a.States, "state"))
	case a.Complete && a.States == 1:
		return "no more: nothing can happen from here"
	case a.Complete && a.probe:
		return fmt.Sprintf("no: in none of the %s that can still be reached", explore.Count(a.States, "state"))
	case a.Complete:
		return fmt.Sprintf("no more: it holds in all %s states that can still be reached", explore.Thousands(a.States))
	}
	return fmt.Sprintf("not known: %s looked at, and more are left", explore.Count(a.States, "state"))
}

// Why finds the orders that force the goal's break in the run so far; nil: there is no
// break, or too much to show.
func (s *Session) Why() (*explore.Culprit, error) {
	broken := s.Reached()
	if broken == nil {
		return nil, nil
	}
	return s.c.Culprit(s.Schedule()[:broken.Step], broken.Property)
}

// Reverse finds a whole run without the i-th of a culprit's orders that keeps the
// others and does not break the goal. ok is false if it takes too long to find.
func (s *Session) Reverse(culprit *explore.Culprit, i int) (schedule sim.Schedule, ok bool, err error) {
	if i < 0 || i >= len(culprit.Orders) {
		return nil, false, fmt.Errorf("there is no order %d; possible: 1 to %d", i+1, len(culprit.Orders))
	}
	var others []explore.Before
	for k, order := range culprit.Orders {
		if k != i {
			others = append(others, order.Before)
		}
	}
	sys, err := s.c.System()
	if err != nil {
		return nil, false, err
	}
	defer sys.Close()
	schedule, ok = explore.Surviving(sys, others, culprit.Property)
	return schedule, ok, nil
}
