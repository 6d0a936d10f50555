package simrun

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"racelab/scenario"
	"racelab/sim/view"
)

func (a *app) whyCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "why [TEXT]",
		Short: "Find the race behind a line of a log, an error or a symptom",
		Long: "Find the race behind a line of a log, an error or a symptom: which releases have it, and\n" +
			"what to do. Without a text it reads stdin, line by line. It exits with 4 if nothing\n" +
			"that is known fits.",
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.RunE = func(_ *cobra.Command, args []string) error {
		text := strings.Join(args, " ")
		if len(args) == 0 {
			input, err := io.ReadAll(io.LimitReader(a.stdin, maxLog))
			if err != nil {
				return err
			}
			text = string(input)
		}
		if strings.TrimSpace(text) == "" {
			return errors.New("why has no text; want a line of a log, an error or a symptom")
		}
		return a.why(text, asJSON)
	}
	return c
}

// maxLog is how much of stdin why reads.
const maxLog = 16 << 20

// why answers for each line, and says each symptom once.
func (a *app) why(text string, asJSON bool) error {
	var found []scenario.Match
	for line := range strings.Lines(text) {
		for _, match := range scenario.Why(a.all, line) {
			if !slices.ContainsFunc(found, func(m scenario.Match) bool { return m.Symptom.Cause == match.Symptom.Cause }) {
				found = append(found, match)
			}
		}
	}
	var err error
	if asJSON {
		out := whyJSON{header: a.header("why"), Matches: []matchJSON{}}
		for _, m := range found {
			out.Matches = append(out.Matches, matchJSON{m.Scenario.Name, m.Seen.String(), a.newSymptomJSON(m.Symptom)})
		}
		err = view.JSON(a.stdout, out)
	} else {
		_, err = io.WriteString(a.stdout, a.whyText(text, found))
	}
	if err == nil && len(found) == 0 {
		return exit(exitVacuous)
	}
	return err
}

// nearest is how many symptoms are listed that share words with a text.
const nearest = 5

func (a *app) whyText(text string, found []scenario.Match) string {
	var b strings.Builder
	for _, m := range found {
		fmt.Fprintf(&b, "%s: %s\n", m.Scenario.Name, m.Scenario.Title)
		for _, part := range [][2]string{
			{"seen", m.Seen.String()}, {"cause", m.Symptom.Cause}, {"has it", m.Symptom.Releases},
			{"do", a.inText(m.Symptom.Do)}, {"show", a.printed(m.Symptom.Command)},
		} {
			for i, line := range view.Wrap(part[1], 90) {
				head := part[0]
				if i > 0 {
					head = ""
				}
				fmt.Fprintf(&b, "  %-8s%s\n", head, line)
			}
		}
		b.WriteString("\n")
	}
	if len(found) > 0 {
		return strings.TrimSuffix(b.String(), "\n")
	}
	near := scenario.Near(a.all, text)
	if len(near) == 0 || strings.Contains(strings.TrimSpace(text), "\n") {
		return fmt.Sprintf("nothing that is known fits; %s list lists the races\n", a.program)
	}
	b.WriteString("nothing that is known fits; these share words with it:\n")
	for _, m := range near[:min(nearest, len(near))] {
		fmt.Fprintf(&b, "  %-27s %s\n", m.Scenario.Name, m.Seen)
	}
	return b.String()
}

// inText is a sentence whose commands name the program as it was called.
func (a *app) inText(text string) string {
	return strings.NewReplacer("`simrun ", "`"+a.program+" ", ": simrun ", ": "+a.program+" ").Replace(text)
}

type whyJSON struct {
	header
	Matches []matchJSON `json:"matches"` // the best first
}

type matchJSON struct {
	Scenario string `json:"scenario"`
	Matched  string `json:"matched"` // which of the texts
	symptomJSON
}

type symptomJSON struct {
	Seen     []string `json:"seen"`
	Cause    string   `json:"cause"`
	Releases string   `json:"releases"`
	Do       string   `json:"do"`
	Command  string   `json:"command"`
}

func (a *app) newSymptomJSON(s scenario.Symptom) symptomJSON {
	out := symptomJSON{Cause: s.Cause, Releases: s.Releases, Do: a.inText(s.Do), Command: a.printed(s.Command)}
	for _, seen := range s.Seen {
		out.Seen = append(out.Seen, seen.String())
	}
	return out
}
