package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/view"
)

func diffCommand() *cobra.Command {
	var settings []string
	var text string
	c := &cobra.Command{
		Use:   "diff SCENARIO VARIANT VARIANT",
		Short: "Play one schedule against two variants, and show where they part",
		Long: "Play one schedule against two variants, and show where they part. Without a schedule\n" +
			"it is the shortest that breaks what only one of the two is expected to break.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 3 {
				return fmt.Errorf("diff takes a scenario and two of its variants, not %d arguments", len(args))
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&settings, "set", nil, "a parameter, as NAME=VALUE; may be repeated; goes with --schedule")
	c.Flags().StringVar(&text, "schedule", "", "a schedule of the first variant: a file, or its text")
	c.ValidArgs = scenarioNames()
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := scenarios.Find(args[0])
		if err != nil {
			return err
		}
		var variants [2]scenarios.Variant
		for i, name := range args[1:] {
			if variants[i], err = s.FindVariant(name); err != nil {
				return err
			}
		}
		values, err := s.Set(settings)
		if err != nil {
			return err
		}
		var schedule sim.Schedule
		if c.Flags().Changed("schedule") {
			if schedule, err = readSchedule(text); err != nil {
				return err
			}
		} else if len(settings) > 0 {
			return fmt.Errorf("--set goes with --schedule; without one, the world is where the two variants differ")
		}
		d, err := s.Diff(variants, values, schedule)
		if err != nil {
			return err
		}
		return diffText(c.OutOrStdout(), s, variants, d)
	}
	return c
}

func diffText(w io.Writer, s *scenarios.Scenario, variants [2]scenarios.Variant, d *scenarios.Diff) error {
	fmt.Fprintf(w, "%s: %s and %s\nschedule: %s\n", s.Name, variants[0].Name, variants[1].Name, d.From)
	if d.Fit != "" {
		fmt.Fprintf(w, "in %s\n", d.Fit)
	}
	a, b := d.Runs[0].Trace.Schedule, d.Runs[1].Trace.Schedule
	if d.Same == len(a) && d.Same == len(b) {
		fmt.Fprintf(w, "they do the same, for all of %d steps\n", d.Same)
	} else {
		fmt.Fprintf(w, "they do the same for %d steps, and part there:\n", d.Same)
		for i, v := range variants {
			next := "nothing more happens"
			if schedule := d.Runs[i].Trace.Schedule; d.Same < len(schedule) {
				next = "step " + fmt.Sprint(d.Same+1) + ", " + schedule[d.Same].String()
			}
			fmt.Fprintf(w, "  %s: %s\n", v.Name, next)
		}
	}
	d.Runs[1].Same = d.Same
	for _, report := range d.Runs {
		fmt.Fprintln(w)
		if err := view.Text(w, report, view.Options{Colour: wantsColour(w)}); err != nil {
			return err
		}
	}
	return nil
}
