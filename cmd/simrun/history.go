package main

import (
	"fmt"
	"slices"
	"strings"

	"racelab/properties"
	"racelab/scenarios"
	"racelab/sim"
)

// hasHistory says that the scenario has no history of commits and fetches, and
// which have one.
func (s *subject) hasHistory() error {
	var names []string
	for _, other := range scenarios.All() {
		if slices.ContainsFunc(other.Properties, isHistory) {
			names = append(names, other.Name)
		}
	}
	if slices.Contains(names, s.scenario.Name) {
		return nil
	}
	return fmt.Errorf("--format porcupine: %s has no history of commits and fetches; possible: %s", s.scenario.Name, strings.Join(names, ", "))
}

func isHistory(claim scenarios.Claimed) bool {
	return claim.Property == (&properties.CommitHistoryIsMonotone{}).Name()
}

// commitHistory is the history of a run, whose clients come in the order of
// their first request.
func commitHistory(trace *sim.Trace) *properties.CommitHistoryIsMonotone {
	history := &properties.CommitHistoryIsMonotone{}
	for _, step := range trace.Steps {
		for _, act := range step.Acts {
			if !history.Watches(act) {
				continue
			}
			if act.Action == sim.Sent && !slices.Contains(history.Clients, act.Actor) {
				history.Clients = append(history.Clients, act.Actor)
			}
			_, _ = history.Observe(act) // What it says of the run stands in the report.
		}
	}
	return history
}
