package scenarios

import (
	"slices"
	"strings"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// Default is the Chooser that shows a variant best: the shortest known schedule
// for the unfixed one, the story of the race for a fix. The defaults of the
// parameters are what both are made for; with others the story is tried.
func (s *Scenario) Default(variant Variant, values Values) sim.Chooser {
	if variant == s.Variants[0] && slices.Equal(values, s.Defaults()) {
		schedule, err := sim.ParseSchedule(s.Schedule)
		if err != nil {
			panic("scenarios: " + s.Name + ": " + err.Error())
		}
		return sim.NewReplay(schedule)
	}
	return s.script()
}

// script plays the scenario's story.
func (s *Scenario) script() *explore.Script {
	orders, err := explore.ParseOrders(s.Story)
	if err != nil {
		panic("scenarios: " + s.Name + ": " + err.Error())
	}
	return explore.NewScript(orders...)
}

// Play runs a variant by the choices of c and reports what happened. The error
// is that of a schedule that does not fit.
func (s *Scenario) Play(variant Variant, values Values, c sim.Chooser) (*view.Report, error) {
	w := s.Build(variant.Name, values)
	defer w.Close()
	r := &view.Report{
		Title: s.Heading(variant, values),
		Trace: w.Record(),
	}
	var err error
	if r.Ending, err = sim.Run(w, c); err != nil {
		return nil, err
	}
	r.Left, r.Final, r.Untried = w.Unfinished(), w.Fields(), r.Trace.Untested
	for i := range r.Trace.Steps {
		for _, v := range r.Trace.Steps[i].Broke {
			if !slices.ContainsFunc(r.Broken, func(b view.Break) bool { return b.Property == v.Property }) {
				r.Broken = append(r.Broken, view.Break{Violation: v, Step: i + 1})
			}
		}
	}
	if script, ok := c.(*explore.Script); ok {
		r.Notes = append(r.Notes, scriptNotes(script)...)
	}
	if len(r.Broken) > 0 {
		sys, err := s.System(variant.Name, values)
		if err != nil {
			return nil, err
		}
		defer sys.Close()
		worst := r.Broken[0]
		for _, b := range r.Broken {
			// What a user feels is worth more than what led to it, and anything
			// is more than a data race.
			if _, ok := b.Err.(sim.Explained); ok || worst.Property == sim.NoDataRace {
				worst = b
			}
		}
		r.Culprit = explore.FindCulprit(sys, r.Trace.Schedule[:worst.Step], worst.Property)
	}
	return r, nil
}

// Heading says what is run, and what is not as usual.
func (s *Scenario) Heading(variant Variant, values Values) string {
	heading := s.Name + ", variant " + variant.Name + " (" + variant.Release + ")"
	if changed := s.Changed(values); len(changed) > 0 {
		heading += ", " + changed.String()
	}
	return heading
}

func scriptNotes(script *explore.Script) []string {
	var notes []string
	for _, order := range script.GaveWay {
		notes = append(notes, "the order \""+order.String()+"\" could not be kept: at some point only its later step could happen.")
	}
	for _, order := range script.Unmet() {
		notes = append(notes, "the order \""+order.String()+"\" did not come up: not both of its steps happened.")
	}
	return notes
}

// RunCommand is the command that plays a schedule against a variant.
func (s *Scenario) RunCommand(variant Variant, values Values, schedule sim.Schedule) string {
	return s.Command("run", variant, values) + " --schedule '" + schedule.String() + "'"
}

// Command begins a simrun command that is about a variant.
func (s *Scenario) Command(verb string, variant Variant, values Values) string {
	parts := []string{"go run ./cmd/simrun", verb, s.Name, "--variant", variant.Name}
	for _, value := range s.Changed(values) {
		parts = append(parts, "--set", Values{value}.String())
	}
	return strings.Join(parts, " ")
}
