package simrun

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// difference is the flags of diff.
type difference struct {
	subject
	cases    [2]*scenario.Case
	text     string
	schedule sim.Schedule
	json     bool
}

func (a *app) diffCommand() *cobra.Command {
	var d difference
	c := &cobra.Command{
		Use:   "diff SCENARIO[@SETTING] VARIANT VARIANT",
		Short: "Play one schedule against two variants, and show where they part",
		Long: "Play one schedule against two variants, and show where they part. Without a schedule\n" +
			"it is the shortest that breaks what only one of the two is expected to break.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 3 {
				return fmt.Errorf("diff takes a scenario and two of its variants, not %d arguments", len(args))
			}
			return nil
		},
		ValidArgsFunction: a.complete,
	}
	c.Flags().StringArrayVar(&d.settings, "set", nil, "a parameter, as NAME=VALUE; may be repeated; goes with --schedule")
	c.Flags().StringVar(&d.text, "schedule", "", scheduleFlag+"; it is one of the first variant")
	c.Flags().BoolVar(&d.json, "json", false, "write JSON")
	c.PreRunE = func(c *cobra.Command, args []string) error { return d.read(a, c, args) }
	c.RunE = func(*cobra.Command, []string) error { return d.run(a) }
	return c
}

func (d *difference) read(a *app, c *cobra.Command, args []string) (err error) {
	if err := d.find(a, args[0]); err != nil {
		return err
	}
	for i, name := range args[1:] {
		if d.cases[i], err = d.Of(name); err != nil {
			return err
		}
	}
	if c.Flags().Changed("schedule") {
		d.schedule, _, err = readSchedule("--schedule", d.text)
	} else if len(d.Changed) > 0 {
		err = errors.New("--set and @SETTING go with --schedule; without one, the setting is one in which the two variants differ")
	}
	return err
}

func (d *difference) run(a *app) error {
	var found *scenario.Diff
	var err error
	if d.schedule != nil {
		found, err = scenario.DiffCases(d.cases, d.schedule)
	} else {
		found, err = d.Race.Diff(d.cases[0].Variant.Name, d.cases[1].Variant.Name)
	}
	if err != nil {
		return err
	}
	for _, report := range found.Runs {
		report.Repeat, report.Search = a.printed(report.Repeat), a.inText(report.Search)
	}
	if d.json {
		return view.JSON(a.stdout, diffJSON{
			header: a.header("diff"), Scenario: d.Race.Name, Variants: []string{d.cases[0].Variant.Name, d.cases[1].Variant.Name},
			From: found.From, Fit: found.Fit, Same: found.Same, Runs: []view.RunJSON{found.Runs[0].AsJSON(), found.Runs[1].AsJSON()},
		})
	}
	return diffText(a.stdout, found, a.wantsColour())
}

type diffJSON struct {
	header
	Scenario string         `json:"scenario"`
	Variants []string       `json:"variants"`
	From     string         `json:"from"`          // where the schedule is from
	Fit      string         `json:"fit,omitempty"` // what became of it in the variant that it is not from
	Same     int            `json:"same"`          // steps at the start that both take
	Runs     []view.RunJSON `json:"runs"`          // in the order of the variants
}

func diffText(w io.Writer, d *scenario.Diff, colour bool) error {
	fmt.Fprintf(w, "%s: %s and %s\nschedule: %s\n", d.Cases[0].Race.Name, d.Cases[0].Variant.Name, d.Cases[1].Variant.Name, d.From)
	if d.Fit != "" {
		fmt.Fprintln(w, strings.Join(view.Wrap("in "+d.Fit, 100), "\n  "))
	}
	a, b := d.Runs[0].Trace.Schedule, d.Runs[1].Trace.Schedule
	if d.Same == len(a) && d.Same == len(b) {
		fmt.Fprintf(w, "they do the same, for all of %s\n", explore.Count(d.Same, "step"))
	} else {
		fmt.Fprintf(w, "they do the same for %s, and part there:\n", explore.Count(d.Same, "step"))
		for i, c := range d.Cases {
			next := "nothing more happens"
			if schedule := d.Runs[i].Trace.Schedule; d.Same < len(schedule) {
				next = "step " + fmt.Sprint(d.Same+1) + ", " + schedule[d.Same].String()
			}
			fmt.Fprintf(w, "  %s: %s\n", c.Variant.Name, next)
		}
	}
	d.Runs[1].Same = d.Same
	for _, report := range d.Runs {
		fmt.Fprintln(w)
		if err := view.Text(w, report, view.Options{Colour: colour}); err != nil {
			return err
		}
	}
	return nil
}
