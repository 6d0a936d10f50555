package lab

import (
	"fmt"
	"slices"
	"strings"

	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/trace"
)

// asked is the name of a player's probe.
const asked = "asked"

// Reach asks whether a state can still be reached, from here, and how fast. The
// question names facts and their values as Look shows them: "shared counter = 2",
// or several: "shared counter = 1 & T0 register = 0". The error says what cannot be
// asked. It looks at o.Limit states; 0: Budget.
func (s *Session) Reach(question string, o explore.Options) (*Ahead, error) {
	here := s.facts()
	wanted, err := s.parse(question, here)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(wanted, func(f fact) bool { return !slices.Contains(here, f) }) {
		return &Ahead{Now: true, Schedule: sim.Schedule{}, States: 1, Complete: true, probe: true}, nil
	}
	sys, err := explore.NewWorlds(func() *sim.World {
		w := s.c.World()
		w.Probe(asked, func() bool {
			facts := trace.Details(w)
			return !slices.ContainsFunc(wanted, func(want fact) bool {
				return !slices.ContainsFunc(facts, func(f trace.Detail) bool { return factOf(f) == want })
			})
		})
		return w
	})
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	ahead, err := s.nearest(sys, asked, o)
	if err == nil {
		ahead.probe = true
	}
	return ahead, err
}

// fact is what is shown of something: its name and its value.
type fact struct{ name, value string }

func factOf(f trace.Detail) fact {
	return fact{strings.Join(strings.Fields(f.Of+" "+f.Name), " "), f.Value}
}

// facts are what is shown at the end of the run so far.
func (s *Session) facts() []fact {
	var facts []fact
	for _, f := range s.report.Trace.Start {
		facts = append(facts, factOf(f))
	}
	for _, step := range s.report.Trace.Steps {
		for _, c := range step.Changes {
			f := factOf(c.Detail)
			if i := slices.IndexFunc(facts, func(other fact) bool { return other.name == f.name }); i >= 0 {
				facts[i] = f
			} else {
				facts = append(facts, f)
			}
		}
	}
	return facts
}

// parse reads a question. What it names has to be shown here.
func (s *Session) parse(question string, here []fact) (wanted []fact, err error) {
	var names []string
	for _, f := range here {
		names = append(names, f.name)
	}
	for part := range strings.SplitSeq(question, " & ") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("%.60q is no question; want NAME = VALUE of the state, or several with & between them", part)
		}
		f := fact{strings.Join(strings.Fields(name), " "), strings.TrimSpace(value)}
		if !slices.Contains(names, f.name) {
			return nil, &scenario.UnknownName{Kind: "value in the state of " + s.c.Race.Name, Name: f.name, Possible: names}
		}
		wanted = append(wanted, f)
	}
	return wanted, nil
}
