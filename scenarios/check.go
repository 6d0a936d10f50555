package scenarios

import "racelab/sim/explore"

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

// AsExpected says whether the search came out as the scenario says.
func (c Checked) AsExpected() bool { return c.Verdict.Outcome == c.Expected }

// Check searches every variant in every world of the scenario; with deep, the
// searches among them that take long, too.
func (s *Scenario) Check(deep bool) ([]Checked, error) {
	var rows []Checked
	for _, world := range s.Worlds {
		for _, variant := range s.Variants {
			if lists(world.Deep, variant.Name) && !deep {
				continue
			}
			result, err := s.States(variant, s.Values(world), false)
			if err != nil {
				return nil, err
			}
			for i := range result.Verdicts {
				v := &result.Verdicts[i]
				rows = append(rows, Checked{
					Scenario: s.Name, Variant: variant.Name, World: world.Name, Property: v.Property,
					Expected: s.Expected(variant.Name, v.Property, world.Name), Result: result, Verdict: v,
				})
			}
		}
	}
	return rows, nil
}

// States searches the states of a variant that can be reached: all, or with
// first those before a property breaks. The error says why no search of it can
// be trusted.
func (s *Scenario) States(variant Variant, values Values, first bool) (*explore.Result, error) {
	sys, err := s.System(variant.Name, values)
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	result := explore.States(sys, explore.Options{Limit: CheckStates, First: first})
	return result, result.Fault
}
