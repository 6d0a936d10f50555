package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"racelab/scenarios"
	"racelab/sim/explore"
	"racelab/sim/view"
)

func checkCommand() *cobra.Command {
	var asJSON, deep bool
	c := &cobra.Command{
		Use:       "check [SCENARIO...]",
		Short:     "Search every variant in every world, and compare with what is expected",
		ValidArgs: scenarioNames(),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.Flags().BoolVar(&deep, "deep", false, "also the searches that take minutes")
	c.RunE = func(c *cobra.Command, args []string) error {
		checked := scenarios.All()
		if len(args) > 0 {
			checked = nil
		}
		for _, name := range args {
			s, err := scenarios.Find(name)
			if err != nil {
				return err
			}
			checked = append(checked, s)
		}
		var rows []scenarios.Checked
		for _, s := range checked {
			more, err := s.Check(deep)
			if err != nil {
				return err
			}
			rows = append(rows, more...)
		}
		var err error
		if asJSON {
			err = view.JSON(c.OutOrStdout(), newCheckJSON(rows))
		} else {
			err = checkText(c.OutOrStdout(), rows)
		}
		if unexpected(rows) > 0 {
			return cmp.Or(err, error(exit(exitBroken)))
		}
		return err
	}
	return c
}

func unexpected(rows []scenarios.Checked) int {
	n := 0
	for _, row := range rows {
		if !row.AsExpected() {
			n++
		}
	}
	return n
}

func checkText(w io.Writer, rows []scenarios.Checked) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "scenario\tvariant\tworld\tproperty\tverdict\texplored\t")
	for _, row := range rows {
		mark := "as expected"
		if !row.AsExpected() {
			mark = fmt.Sprintf("NOT AS EXPECTED: want %s", row.Expected)
		}
		outcome := string(row.Verdict.Outcome)
		if row.Verdict.Outcome == explore.Broken {
			outcome = fmt.Sprintf("broken in %d steps", len(row.Verdict.Schedule))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d states\t%s\n",
			row.Scenario, row.Variant, row.World, row.Property, outcome, row.Result.States, mark)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d verdicts, %d not as expected\n", len(rows), unexpected(rows))
	return err
}

type checkJSON struct {
	AsExpected bool           `json:"as_expected"`
	Rows       []checkRowJSON `json:"rows"`
}

type checkRowJSON struct {
	Scenario    string          `json:"scenario"`
	Variant     string          `json:"variant"`
	World       string          `json:"world"`
	Property    string          `json:"property"`
	Expected    explore.Outcome `json:"expected"`
	Outcome     explore.Outcome `json:"outcome"`
	AsExpected  bool            `json:"as_expected"`
	States      int             `json:"states"`
	Transitions int             `json:"transitions"`
}

func newCheckJSON(rows []scenarios.Checked) checkJSON {
	out := checkJSON{AsExpected: unexpected(rows) == 0, Rows: []checkRowJSON{}}
	for _, row := range rows {
		out.Rows = append(out.Rows, checkRowJSON{
			row.Scenario, row.Variant, row.World, row.Property, row.Expected, row.Verdict.Outcome, row.AsExpected(),
			row.Result.States, row.Result.Transitions,
		})
	}
	return out
}
