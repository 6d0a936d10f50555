package main

import (
	"fmt"
	"slices"
	"strings"

	"racelab/properties"
	"racelab/scenarios"
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
	return claim.Property == properties.CommitHistoryIsMonotone(nil).Name()
}
