package scenarios

import (
	"errors"
	"fmt"
	"slices"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// Diff is one schedule through two variants.
type Diff struct {
	Values Values
	From   string          // where the schedule is from
	Same   int             // steps at the start that both take, and with the same effect
	Fit    string          // what became of the schedule in the second; empty: it fits
	Runs   [2]*view.Report // each goes on by itself where the schedule ends
}

// Diff plays a schedule of the first variant against both; what no longer fits
// the second is left out, or waits. Without a schedule it takes one that tells
// them apart: the shortest that breaks what only one of the two is expected to
// break, in the world where it does.
func (s *Scenario) Diff(variants [2]Variant, values Values, schedule sim.Schedule) (*Diff, error) {
	d := &Diff{Values: values, From: "as given"}
	owner := 0 // whose schedule it is
	if schedule == nil {
		var err error
		if owner, schedule, err = s.telling(d, variants); err != nil {
			return nil, err
		}
	}
	for i, v := range variants {
		steps := schedule
		if i != owner {
			w := s.Build(v.Name, d.Values)
			fit := sim.Refit(w, schedule)
			w.Close()
			if steps = fit.Schedule; !fit.Whole() {
				d.Fit = v.Name + ": " + fit.String()
			}
		}
		report, err := s.Play(v, d.Values, &thenOn{sim.NewReplay(steps), explore.NewScript()})
		if err != nil {
			return nil, err
		}
		report.Repeat, _ = s.RunCommand(v, d.Values, steps, "")
		d.Runs[i] = report
	}
	a, b := d.Runs[0].Trace, d.Runs[1].Trace
	for d.Same < min(len(a.Steps), len(b.Steps)) && sameStep(a, b, d.Same) {
		d.Same++
	}
	return d, nil
}

// telling finds a schedule that tells two variants apart, and whose it is.
func (s *Scenario) telling(d *Diff, variants [2]Variant) (owner int, schedule sim.Schedule, err error) {
	for _, world := range s.Worlds {
		for _, property := range s.Judged() {
			breaks := [2]bool{}
			for i, v := range variants {
				breaks[i] = s.Expected(v.Name, property, world.Name) == explore.Broken
			}
			if breaks[0] == breaks[1] {
				continue
			}
			if breaks[1] {
				owner = 1
			}
			d.Values = s.Values(world)
			d.From = fmt.Sprintf("the shortest that breaks %s in %s, world %s", property, variants[owner].Name, world.Name)
			schedule, err = s.shortest(variants[owner], d.Values, property)
			return owner, schedule, err
		}
	}
	d.From = "the story of the race, as no property is expected to tell the two apart"
	report, err := s.Play(variants[0], d.Values, s.script())
	if err != nil {
		return 0, nil, err
	}
	return 0, report.Trace.Schedule, nil
}

// shortest searches for the shortest schedule that breaks a property.
func (s *Scenario) shortest(variant Variant, values Values, property string) (sim.Schedule, error) {
	result, err := s.States(variant, values, explore.Options{})
	if err != nil {
		return nil, err
	}
	verdict := result.Verdict(property)
	if verdict.Outcome != explore.Broken {
		return nil, fmt.Errorf("%s of %s %s is expected to break, and is %q", property, s.Name, variant.Name, verdict.Outcome)
	}
	return verdict.Schedule, nil
}

// sameStep says whether the step at a place is the same in both, and shows the
// same.
func sameStep(a, b *sim.Trace, i int) bool {
	x, y := a.Schedule[i], b.Schedule[i]
	return x.String() == y.String() && slices.Equal(a.Steps[i].Changes, b.Steps[i].Changes)
}

// thenOn replays a schedule, and then goes on.
type thenOn struct {
	replay sim.Chooser
	on     sim.Chooser
}

func (c *thenOn) Choose(enabled []sim.Event) (int, error) {
	i, err := c.replay.Choose(enabled)
	if errors.Is(err, sim.ErrScheduleEnds) {
		return c.on.Choose(enabled)
	}
	return i, err
}
