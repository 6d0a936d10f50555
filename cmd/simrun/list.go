package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"racelab/scenarios"
	"racelab/sim/explore"
	"racelab/sim/view"
)

func listCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios, their variants and expected verdicts",
		Args:  noArguments,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if !asJSON {
			return listText(c.OutOrStdout())
		}
		out := []scenarioJSON{}
		for _, s := range scenarios.All() {
			out = append(out, newScenarioJSON(s))
		}
		return view.JSON(c.OutOrStdout(), out)
	}
	return c
}

// docsCommand writes the pages that are generated.
func docsCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "docs",
		Short:  "Write RACES.md and docs/races below the current directory",
		Hidden: true,
		Args:   noArguments,
		RunE: func(*cobra.Command, []string) error {
			for _, page := range scenarios.Pages() {
				if err := os.MkdirAll(filepath.Dir(page.Path), 0o777); err != nil {
					return err
				}
				if err := os.WriteFile(page.Path, []byte(page.Text), 0o666); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func listText(w io.Writer) error {
	for _, s := range scenarios.All() {
		fmt.Fprintf(w, "%s: %s\n", s.Name, s.Title)
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, v := range s.Variants {
			fmt.Fprintf(table, "  %s\t%s\t%s\n", v.Name, v.Release, verdicts(s, v))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, "\nsimrun show SCENARIO tells its story; simrun run SCENARIO shows it.")
	return err
}

// verdicts sums up what a variant is expected to break.
func verdicts(s *scenarios.Scenario, v scenarios.Variant) string {
	var broken []string
	for _, p := range s.Judged() {
		if len(s.Tally(v, p).Breaks) > 0 {
			broken = append(broken, p)
		}
	}
	if broken == nil {
		return "holds"
	}
	return "breaks " + strings.Join(broken, ", ")
}

func showCommand() *cobra.Command {
	c := &cobra.Command{
		Use:       "show SCENARIO",
		Short:     "Tell a scenario's story: claims, verdicts, code, commands",
		Args:      oneScenario,
		ValidArgs: scenarioNames(),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := scenarios.Find(args[0])
		if err != nil {
			return err
		}
		return showText(c.OutOrStdout(), s)
	}
	return c
}

func showText(w io.Writer, s *scenarios.Scenario) error {
	fmt.Fprintf(w, "%s\n%s\n\n%s\n", s.Name, s.Title, indent(s.Stake))
	fmt.Fprintln(w, "VARIANTS")
	for _, v := range s.Variants {
		fmt.Fprintf(w, "  %s: %s\n%s", v.Name, v.Release, indent("  "+v.What))
	}
	if err := verdictTable(w, s); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nWHAT TO DO\n%s", indent(s.Do))
	fmt.Fprintln(w, "\nPROPERTIES")
	for _, p := range s.Properties {
		fmt.Fprintf(w, "  %s\n%s", p.Property, indent("  "+p.Claim))
	}
	fmt.Fprintln(w, "\nWHAT THE WRITE-UPS CLAIM")
	for _, claim := range s.Claims {
		fmt.Fprintf(w, "  %s: %s\n%s", claim.ID, strings.ToUpper(claim.Verdict), indent(claim.Says))
		fmt.Fprint(w, indent(claim.Evidence))
		if claim.Command != "" {
			fmt.Fprintf(w, "    $ %s\n", claim.Command)
		}
		if claim.Figure != "" {
			fmt.Fprintf(w, "    %s\n", claim.Figure)
		}
	}
	fmt.Fprintln(w, "\nPARAMETERS")
	for _, p := range s.Parameters {
		fmt.Fprintf(w, "  --set %s=%s  %s; %v\n", p.Name, p.Default, p.Help, p.Takes)
	}
	fmt.Fprintf(w, "\nCODE\n  %s\n", strings.Join(s.Code, "\n  "))
	fmt.Fprintf(w, "\nSOURCES\n  %s\n", strings.Join(s.Sources, "\n  "))
	fmt.Fprintf(w, "\nCOMMANDS\n  go run ./cmd/simrun run %[1]s\n  go run ./cmd/simrun explore %[1]s\n  go run ./cmd/simrun check %[1]s\n", s.Name)
	return needTable(w, s)
}

// needTable says which variants give what a reader may need.
func needTable(w io.Writer, s *scenarios.Scenario) error {
	if len(s.Needs) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nWHAT YOU NEED, AND WHAT GIVES IT (by the verdicts, or a sweep)")
	for _, need := range s.Needs {
		answer := s.Answer(need)
		fmt.Fprintf(w, "  %s\n%s", need.Name, indent("\u2713 "+cmp.Or(strings.Join(answer.Gives, ", "), "no variant")))
		if len(answer.Breaks) > 0 {
			fmt.Fprint(w, indent("\u2717 "+strings.Join(answer.Breaks, ", ")))
		}
		if need.Command != "" {
			fmt.Fprintf(w, "    $ %s\n", need.Command)
		}
	}
	return nil
}

// verdictTable shows at a glance what breaks where.
func verdictTable(w io.Writer, s *scenarios.Scenario) error {
	fmt.Fprintf(w, "\nVERDICTS   \u2717 6/8 = broken in 6 of the 8 worlds that check it;  \u00b7 = never tested\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range s.Variants {
		fmt.Fprint(table, "\t"+v.Name)
	}
	fmt.Fprintln(table)
	for _, p := range s.Judged() {
		fmt.Fprint(table, "  "+p)
		for _, v := range s.Variants {
			fmt.Fprint(table, "\t"+s.Tally(v, p).Cell())
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nWORLDS")
	for _, world := range s.Worlds {
		fmt.Fprintf(w, "  %s: %s\n", world.Name, cmp.Or(world.Set, "the defaults"))
	}
	return nil
}

// indent wraps a paragraph and sets it in.
func indent(text string) string {
	var b strings.Builder
	for _, line := range view.Wrap(text, 90) {
		b.WriteString("    " + line + "\n")
	}
	return b.String()
}

func valuesJSON(values scenarios.Values) map[string]string {
	out := map[string]string{}
	for _, v := range values {
		out[v.Name] = v.Text
	}
	return out
}

type scenarioJSON struct {
	Name       string            `json:"name"`
	Title      string            `json:"title"`
	Stake      string            `json:"stake"`
	Parameters []parameterJSON   `json:"parameters"`
	Variants   []variantJSON     `json:"variants"`
	Worlds     []worldJSON       `json:"worlds"`
	Properties map[string]string `json:"properties"` // claim by property
	Claims     []claimJSON       `json:"claims"`
	Needs      []needJSON        `json:"needs,omitempty"`
}

type needJSON struct {
	Name   string   `json:"name"`
	Gives  []string `json:"gives"`  // names of variants
	Breaks []string `json:"breaks"` // likewise
}

type parameterJSON struct {
	Name    string `json:"name"`
	Help    string `json:"help"`
	Default string `json:"default"`
	Takes   string `json:"takes"`
}

func newParameterJSON(p scenarios.Parameter) parameterJSON {
	return parameterJSON{p.Name, p.Help, p.Default, p.Takes.String()}
}

type variantJSON struct {
	Name    string `json:"name"`
	Release string `json:"release"`
	What    string `json:"what"`
	// Expected is the outcome by property, by world.
	Expected map[string]map[string]explore.Outcome `json:"expected"`
}

type worldJSON struct {
	Name       string            `json:"name"`
	Parameters map[string]string `json:"parameters"`
}

type claimJSON struct {
	ID       string `json:"id"`
	Says     string `json:"says"`
	Verdict  string `json:"verdict"`
	Evidence string `json:"evidence"`
	Command  string `json:"command,omitempty"`
	Figure   string `json:"figure,omitempty"` // a file of the repository
}

func newScenarioJSON(s *scenarios.Scenario) scenarioJSON {
	out := scenarioJSON{
		Name: s.Name, Title: s.Title, Stake: s.Stake, Properties: map[string]string{},
		Parameters: []parameterJSON{}, Variants: []variantJSON{}, Worlds: []worldJSON{}, Claims: []claimJSON{},
	}
	for _, p := range s.Parameters {
		out.Parameters = append(out.Parameters, newParameterJSON(p))
	}
	for _, world := range s.Worlds {
		out.Worlds = append(out.Worlds, worldJSON{world.Name, valuesJSON(s.Values(world))})
	}
	for _, p := range s.Properties {
		out.Properties[p.Property] = p.Claim
	}
	for _, v := range s.Variants {
		expected := map[string]map[string]explore.Outcome{}
		for _, world := range s.Worlds {
			expected[world.Name] = map[string]explore.Outcome{}
			for _, p := range s.Watched(v, world) {
				expected[world.Name][p] = s.Expected(v.Name, p, world.Name)
			}
		}
		out.Variants = append(out.Variants, variantJSON{v.Name, v.Release, v.What, expected})
	}
	for _, claim := range s.Claims {
		out.Claims = append(out.Claims, claimJSON(claim))
	}
	for _, need := range s.Needs {
		answer := s.Answer(need)
		out.Needs = append(out.Needs, needJSON{need.Name, answer.Gives, answer.Breaks})
	}
	return out
}
