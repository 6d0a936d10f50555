package scenarios

import (
	"racelab/sim"
	"racelab/sim/explore"
)

// CheckStates bounds each search of States. It is no less than any of Check
// needs.
const CheckStates = 5_000_000

// Checked is one (variant, property, world) held against its expectation.
type Checked struct {
	Scenario, Variant, World, Property string

	Expected explore.Outcome
	Result   *explore.Result // of the search, shared by the properties
	Verdict  *explore.Verdict
}

// AsExpected says whether the search came out as the scenario says. That a timed
// world has no data race is never proved: that walks find none has to do.
func (c Checked) AsExpected() bool {
	return c.Verdict.Outcome == c.Expected || c.Expected == explore.Exhausted && c.Verdict.Property == sim.NoDataRace && c.Verdict.Outcome == explore.Sampled
}

// Search is one search of Check.
type Search struct {
	World   World
	Variant Variant
}

// Searches lists the searches of Check: every variant in every world; without slow,
// none that takes minutes.
func (s *Scenario) Searches(slow bool) []Search {
	var all []Search
	for _, world := range s.Worlds {
		for _, variant := range s.Variants {
			if slow || !lists(world.Deep, variant.Name) {
				all = append(all, Search{world, variant})
			}
		}
	}
	return all
}

// Check makes one search and holds each of its verdicts against its expectation.
// A search that o stopped gives no row.
func (s *Scenario) Check(search Search, o explore.Options) ([]Checked, error) {
	result, err := s.States(search.Variant, s.Values(search.World), o)
	if err != nil || o.Stop != nil && o.Stop() {
		return nil, err
	}
	var rows []Checked
	for i := range result.Verdicts {
		v := &result.Verdicts[i]
		rows = append(rows, Checked{
			Scenario: s.Name, Variant: search.Variant.Name, World: search.World.Name, Property: v.Property,
			Expected: s.Expected(search.Variant.Name, v.Property, search.World.Name), Result: result, Verdict: v,
		})
	}
	return rows, nil
}

// States searches the states of a variant that can be reached. The error says why
// no search of it can be trusted.
func (s *Scenario) States(variant Variant, values Values, o explore.Options) (*explore.Result, error) {
	sys, err := s.System(variant.Name, values)
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	o.Limit = CheckStates
	return explore.States(sys, o)
}
