package scenario

import (
	"cmp"
	"fmt"
	"slices"

	"racelab/sim"
	"racelab/sim/explore"
)

// CheckStates bounds each search of States. It is no less than any of Check
// needs.
const CheckStates = 5_000_000

// Checked is one (variant, setting, property) held against its expectation.
type Checked struct {
	Scenario, Variant, Setting, Property string

	Expected Expected
	States   int             // that the search is to visit; 0: any number
	Result   *explore.Result // of the search, shared by the properties
	Verdict  *explore.Verdict
}

// AsExpected says whether the search came out as the scenario says. That a timed
// world has no data race is never proved: that walks find none has to do.
func (c Checked) AsExpected() bool {
	outcome := c.Verdict.Outcome
	if c.Verdict.Probe {
		return true // It asks, and claims nothing.
	}
	if c.Verdict.Property == sim.NoDataRace && outcome == explore.Sampled {
		outcome = explore.Exhausted
	}
	return c.Expected.Met(outcome) && c.Result.States == cmp.Or(c.States, c.Result.States)
}

// Want says what was expected: "holds, exhausted, in 3,344 states".
func (c Checked) Want() string {
	if c.States == 0 {
		return string(c.Expected.Outcome)
	}
	return fmt.Sprintf("%s, in %s states", c.Expected.Outcome, explore.Thousands(c.States))
}

// Search is one search of Check.
type Search struct {
	Setting RaceSetting
	Variant RaceVariant
	// Again says that a search before, in another setting, checks the model whole: see
	// explore.Options.
	Again bool

	setting, variant int
}

// Searches lists the searches of Check: every variant in every setting; without slow,
// none that takes minutes, and in all settings but the first a model is checked less.
func (r *Race) Searches(slow bool) []Search {
	var all []Search
	for s, setting := range r.Settings {
		for v, variant := range r.Variants {
			if slow || !variant.slow[s] {
				again := !slow && slices.ContainsFunc(all, func(x Search) bool { return x.variant == v })
				all = append(all, Search{setting, variant, again, s, v})
			}
		}
	}
	return all
}

// Check makes one search and holds each of its verdicts against its expectation.
// A search that o stopped gives no row.
func (r *Race) Check(search Search, o explore.Options) ([]Checked, error) {
	result, err := r.Search(search, o)
	if result == nil {
		return nil, err
	}
	return r.Judge(search, result), nil
}

// Search makes one search; nil: o stopped it.
func (r *Race) Search(search Search, o explore.Options) (*explore.Result, error) {
	o.Again = o.Again || search.Again
	result, err := r.in(search.variant, search.setting).States(o)
	if err != nil || o.Stop != nil && o.Stop() {
		return nil, err
	}
	return result, nil
}

// Judge holds each verdict of a search against its expectation.
func (r *Race) Judge(search Search, result *explore.Result) []Checked {
	var rows []Checked
	for i := range result.Verdicts {
		v := &result.Verdicts[i]
		rows = append(rows, Checked{
			Scenario: r.Name, Variant: search.Variant.Name, Setting: search.Setting.Name, Property: v.Property,
			Expected: r.expected(search.variant, v.Property, search.setting), States: search.Variant.states[search.setting],
			Result: result, Verdict: v,
		})
	}
	return rows
}
