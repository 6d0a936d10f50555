package scenarios

import (
	"cmp"
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
		return sim.NewReplay(s.shortestKnown())
	}
	return s.script()
}

// shortestKnown is the schedule that the scenario shows.
func (s *Scenario) shortestKnown() sim.Schedule {
	schedule, err := sim.ParseSchedule(s.Schedule)
	if err != nil {
		panic("scenarios: " + s.Name + ": " + err.Error())
	}
	for i := range schedule {
		schedule[i].Line = 0
	}
	return schedule
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
func (s *Scenario) Play(variant Variant, values Values, c sim.Chooser) (_ *view.Report, err error) {
	defer sim.RecoverModelError(&err)
	w := s.Build(variant.Name, values)
	defer w.Close()
	r := &view.Report{
		Title: s.Heading(variant, values),
		Trace: w.Record(),
	}
	if r.Ending, err = sim.Run(w, c); err != nil {
		return nil, err
	}
	r.Left, r.Final, r.Vacuous = w.Unfinished(), w.Fields(), r.Trace.Vacuous
	for i := range r.Trace.Steps {
		for _, v := range r.Trace.Steps[i].Broke {
			if !slices.ContainsFunc(r.Broken, func(b view.Break) bool { return b.Property == v.Property }) {
				r.Broken = append(r.Broken, view.Break{Violation: v, Step: i + 1, Means: s.means(v)})
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
		slices.SortStableFunc(r.Broken, func(a, b view.Break) int { return cmp.Compare(s.rank(a.Property), s.rank(b.Property)) })
		first := r.Broken[0]
		r.Culprit = explore.FindCulprit(sys, r.Trace.Schedule[:first.Step], first.Property)
		r.Do = s.Do
	}
	if variant == s.Variants[0] && slices.Equal(values, s.Defaults()) && r.Trace.Schedule.String() == s.shortestKnown().String() {
		r.Search = "no schedule that breaks it is shorter: " + Command("explore", s.Name)
	}
	return r, nil
}

// rank says which of two breaks to look at: what the scenario claims comes first,
// in its order, and a data race comes last, as it is only what leads to the rest.
func (s *Scenario) rank(property string) int {
	at := slices.IndexFunc(s.Properties, func(c Claimed) bool { return c.Property == property })
	switch {
	case at >= 0:
		return at
	case property == sim.NoDataRace:
		return len(s.Properties) + 1
	}
	return len(s.Properties)
}

// means is what a break means for a user: the error may know, and else it is that
// the claim does not hold.
func (s *Scenario) means(v sim.Violation) string {
	if explained, ok := v.Err.(sim.Explained); ok {
		return explained.Meaning()
	}
	for _, c := range s.Properties {
		if c.Property == v.Property {
			claim, _, _ := strings.Cut(c.Claim, "; ")
			return "You cannot rely on this: " + claim + "."
		}
	}
	switch v.Property {
	case sim.NoProgress:
		return "Nothing can happen any more. What waits here hangs until the process is started anew."
	case sim.NoDataRace:
		return "The Go memory model does not say what the program does. go test -race reports it."
	case sim.NoPanic:
		return "The process ends, with all that it has not sent yet."
	}
	return "A state that the model rules out was reached."
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

// RunCommand is the command that plays a schedule against a variant: that of the
// race itself, one that stands in it, or one that was saved to a file. ok is false
// if the schedule is too long to be printed and was not saved.
func (s *Scenario) RunCommand(variant Variant, values Values, schedule sim.Schedule, file string) (command string, ok bool) {
	subject := append([]string{"run"}, s.subject(variant, values)...)
	switch text := schedule.String(); {
	case file != "":
		return Command(append(subject, "--schedule", "@"+file)...), true
	case variant == s.Variants[0] && slices.Equal(values, s.Defaults()) && text == s.shortestKnown().String():
		return Command(subject...), true
	case len(text) <= printable:
		return Command(append(subject, "--schedule", text)...), true
	}
	return "", false
}

// printable is how many characters of a schedule a command may hold.
const printable = 200

// Command begins a simrun command that is about a variant.
func (s *Scenario) Command(verb string, variant Variant, values Values) string {
	return Command(append([]string{verb}, s.subject(variant, values)...)...)
}

// subject names a variant and its values: NAME/VARIANT@SETTING, or --set for what
// has no name.
func (s *Scenario) subject(variant Variant, values Values) []string {
	name := s.Name
	if variant != s.Variants[0] {
		name += "/" + variant.Name
	}
	changed := s.Changed(values)
	if world, ok := s.WorldOf(values); ok && len(changed) > 0 {
		return []string{name + "@" + world.Name}
	}
	words := []string{name}
	for _, value := range changed {
		words = append(words, "--set", value.Name+"="+value.Text)
	}
	return words
}
