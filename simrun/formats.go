package simrun

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"racelab/properties"
	"racelab/scenario"
	"racelab/sim/view"
)

// format is a way to draw a run. A new one is a row of formats.
type format struct {
	name string
	help string
	// refuse says why a scenario cannot be drawn so; nil: each can.
	refuse func(a *app, s *scenario.Race) error
	write  func(w io.Writer, r *view.Report, o view.Options) error
}

var formats = []format{
	{name: "text", help: "a diagram, and what broke", write: view.Text},
	{name: "mermaid", help: "a sequence diagram for Markdown", write: view.Mermaid},
	{name: "html", help: "a page to step through, in one file", write: view.HTML},
	{name: "porcupine", help: "the history of commits and fetches, or of transactions, as a page", refuse: withoutHistory,
		write: func(w io.Writer, r *view.Report, _ view.Options) error {
			if h := properties.TransactionHistoryOf(r.Trace); len(h.Clients) > 0 {
				return h.WriteHTML(w)
			}
			return properties.CommitHistoryOf(r.Trace).WriteHTML(w)
		}},
}

func formatNames() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// formatsHelp is the help of --format.
func formatsHelp() string {
	var lines []string
	for _, f := range formats {
		lines = append(lines, f.name+": "+f.help)
	}
	return strings.Join(lines, "; ")
}

// withoutHistory says that a scenario has no history that porcupine judges, and
// which have one.
func withoutHistory(a *app, s *scenario.Race) error {
	var names []string
	for _, other := range a.all {
		if slices.ContainsFunc(other.Claims, isHistory) {
			names = append(names, other.Name)
		}
	}
	if slices.Contains(names, s.Name) {
		return nil
	}
	return fmt.Errorf("--format porcupine: %s has no history of commits and fetches, nor of transactions; possible: %s", s.Name, strings.Join(names, ", "))
}

func isHistory(claim scenario.RaceClaim) bool {
	return claim.Name == properties.CommitHistoryIsMonotone(nil).Name() ||
		claim.Name == properties.TransactionHistoryIsFenced(nil).Name()
}
