package scenario

import (
	"errors"
	"fmt"
	"slices"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/trace"
	"racelab/sim/view"
)

// Diff is one schedule through two variants.
type Diff struct {
	Cases [2]*Case
	From  string          // where the schedule is from
	Same  int             // steps at the start that both take, and with the same effect
	Fit   string          // what became of the schedule in the second; empty: it fits
	Runs  [2]*view.Report // each goes on by itself where the schedule ends
}

// DiffCases plays a schedule of the first case against the second, which is another
// variant in the same setting; what no longer fits that is left out, or waits.
func DiffCases(cases [2]*Case, schedule sim.Schedule) (*Diff, error) {
	return diff(cases, "as given", 0, schedule)
}

// Diff finds a schedule that tells two variants apart: the shortest that
// breaks what only one of the two is expected to break, in the setting where it
// does; if there is none, the story of the race.
func (r *Race) Diff(first, second string) (*Diff, error) {
	var at [2]int
	for i, name := range [2]string{first, second} {
		var err error
		if at[i], err = find("variant of "+r.Name, name, r.VariantNames()); err != nil {
			return nil, err
		}
	}
	for s, setting := range r.Settings {
		for _, property := range r.judged {
			breaks := [2]bool{}
			for i, v := range at {
				breaks[i] = r.expected(v, property, s).Breaks()
			}
			if breaks[0] == breaks[1] {
				continue
			}
			owner := 0
			if breaks[1] {
				owner = 1
			}
			cases := [2]*Case{r.in(at[0], s), r.in(at[1], s)}
			schedule, err := cases[owner].shortest(property)
			if err != nil {
				return nil, err
			}
			return diff(cases, fmt.Sprintf("the shortest that breaks %s in %s, setting %s", property, cases[owner].Variant.Name, setting.Name), owner, schedule)
		}
	}
	cases := [2]*Case{r.in(at[0], -1), r.in(at[1], -1)}
	report, err := cases[0].Play(r.script())
	if err != nil {
		return nil, err
	}
	return diff(cases, "the story of the race, as no property is expected to tell the two apart", 0, report.Trace.Schedule)
}

// diff plays the schedule of one of two cases against both.
func diff(cases [2]*Case, from string, owner int, schedule sim.Schedule) (*Diff, error) {
	d := &Diff{Cases: cases, From: from}
	for i, c := range cases {
		steps := schedule
		if i != owner {
			w := c.World()
			fit := explore.Rebase(w, schedule)
			w.Close()
			if steps = fit.Schedule; !fit.Whole() {
				d.Fit = c.Variant.Name + ": " + fit.String()
			}
		}
		report, err := c.Play(&replayThenContinue{sim.NewReplay(steps), explore.NewScript()})
		if err != nil {
			return nil, err
		}
		report.Repeat, _ = c.RunCommand(steps, "")
		d.Runs[i] = report
	}
	a, b := d.Runs[0].Trace, d.Runs[1].Trace
	for d.Same < min(len(a.Steps), len(b.Steps)) && sameStep(a, b, d.Same) {
		d.Same++
	}
	return d, nil
}

// shortest searches for the shortest schedule that breaks a property.
func (c *Case) shortest(property string) (sim.Schedule, error) {
	result, err := c.States(explore.Options{})
	if err != nil {
		return nil, err
	}
	verdict := result.Verdict(property)
	if verdict.Outcome != explore.Broken {
		return nil, fmt.Errorf("%s of %s %s is expected to break, and is %q", property, c.Race.Name, c.Variant.Name, verdict.Outcome)
	}
	return verdict.Schedule, nil
}

// sameStep says whether the step at a place is the same in both, and shows the
// same.
func sameStep(a, b *trace.Trace, i int) bool {
	x, y := a.Schedule[i], b.Schedule[i]
	return x.String() == y.String() && slices.Equal(a.Steps[i].Changes, b.Steps[i].Changes)
}

// replayThenContinue replays a schedule, and then goes on.
type replayThenContinue struct {
	replay sim.Chooser
	on     sim.Chooser
}

func (c *replayThenContinue) Choose(enabled []sim.Event) (int, error) {
	i, err := c.replay.Choose(enabled)
	if errors.Is(err, sim.ErrScheduleEnds) {
		return c.on.Choose(enabled)
	}
	return i, err
}
