package simrun

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"racelab/scenario"
	"racelab/sim/explore"
)

// smallerStates is how far a search looks into what a smaller world would be.
const smallerStates = 20_000

// smaller says what to make smaller where a search of all states does not end: each
// parameter that counts something, one less, with what that comes to.
func (s *search) smaller() (string, error) {
	var list []string
	for _, p := range s.Race.Parameters {
		counts, ok := p.Takes.(scenario.Numbers)
		at := slices.IndexFunc(s.Values, func(v scenario.Value) bool { return v.Name == p.Name })
		value, err := strconv.Atoi(s.Values[at].Text)
		if !ok || counts.Unit != "" || err != nil || value <= counts.Min {
			continue
		}
		setting := fmt.Sprintf("%s=%d", p.Name, value-1)
		states, err := s.statesWith(at, setting)
		if err != nil {
			return "", err
		}
		list = append(list, setting+" has "+states)
	}
	return strings.Join(list, ", "), nil
}

// statesWith is how many states there are with another value of a parameter.
func (s *search) statesWith(parameter int, setting string) (string, error) {
	settings := s.Values.Settings()
	settings[parameter] = setting
	c, err := s.Race.Case(s.Variant.Name, "", settings...)
	if err != nil {
		return "", err
	}
	sys, err := c.System()
	if err != nil {
		return "", err
	}
	defer sys.Close()
	r, err := explore.States(sys, explore.Options{Limit: smallerStates, Workers: int(s.parallel), Symmetry: s.symmetry})
	switch {
	case err != nil:
		return "", err
	case !r.Complete:
		return "more than " + explore.Thousands(smallerStates), nil
	}
	return explore.Count(r.States, "state"), nil
}
