package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"racelab/properties"
	"racelab/sim"
	"racelab/sim/view"
)

func runCommand() *cobra.Command {
	var s subject
	var seed uint64
	var schedule, format string
	var refit bool
	var picture view.Options
	c := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Run a variant once and draw what happened",
		Long: "Run a variant once and draw what happened. Without a seed or a schedule the unfixed\n" +
			"variant runs on its shortest breaking schedule, and a fix on the story of the race.\n\n" +
			"In the picture, \u25cf is a step of the lane and \u25cb a timer or a fault. An arrow takes a message;\n" +
			"\u25b7 is one that is sent and not yet taken. Each step begins with its name in a schedule: LANE NAME,\n" +
			"or FROM->TO NAME for an arrow into a node.",
		Args: oneScenario,
	}
	s.flags(c)
	c.Flags().Uint64Var(&seed, "seed", 0, "choose at random, by this seed")
	c.Flags().StringVar(&schedule, "schedule", "", "a schedule to replay: a file, or its text")
	c.Flags().BoolVar(&refit, "refit", false, "play what still fits of a schedule that was made before the model was edited")
	c.Flags().StringVar(&format, "format", "text", "text, json or mermaid; porcupine: the history of commits and fetches, as a page")
	c.Flags().IntVar(&picture.Width, "width", 100, "columns of the picture")
	c.Flags().BoolVar(&picture.Full, "full", false, "draw each step, and say each break in full")
	c.RunE = func(c *cobra.Command, args []string) error {
		if picture.Width < 40 {
			return fmt.Errorf("--width %d is too narrow; want 40 or more", picture.Width)
		}
		if err := s.find(args[0]); err != nil {
			return err
		}
		if err := atMostOne(c, "seed", "schedule"); err != nil {
			return err
		}
		if err := oneOf("format", format, "text", "json", "mermaid", "porcupine"); err != nil {
			return err
		}
		if err := s.hasHistory(); format == "porcupine" && err != nil {
			return err
		}
		var chooser sim.Chooser
		var asked sim.Schedule
		var notes []string
		if refit && !c.Flags().Changed("schedule") {
			return errors.New("--refit goes with --schedule")
		}
		repeat := s.scenario.Command("run", s.variant, s.values)
		switch {
		case c.Flags().Changed("seed"):
			chooser = sim.NewWalk(seed)
			repeat += fmt.Sprintf(" --seed %d", seed)
		case c.Flags().Changed("schedule"):
			var err error
			if asked, err = readSchedule(schedule); err != nil {
				return err
			}
			if refit {
				fit := s.refit(asked)
				if fit.Matched == 0 {
					return fmt.Errorf("nothing of the schedule fits %s: %v", s.scenario.Name, fit)
				}
				asked, notes = fit.Schedule, []string{fit.String()}
			}
			chooser = sim.NewReplay(asked)
			repeat = s.scenario.RunCommand(s.variant, s.values, asked)
		default:
			chooser = s.scenario.Default(s.variant, s.values)
		}
		report, err := s.scenario.Play(s.variant, s.values, chooser)
		if err != nil {
			return fmt.Errorf("%w; --refit plays what still fits", err)
		}
		report.Notes = append(report.Notes, notes...)
		if taken := len(report.Trace.Schedule); taken < len(asked) {
			return fmt.Errorf("schedule line %d: event %d, %.60q, does not fit: the run has ended (%s) with event %d",
				asked[taken].Line, taken+1, asked[taken], report.Ending, taken)
		}
		report.Repeat = repeat
		switch format {
		case "json":
			err = view.JSON(c.OutOrStdout(), report.AsJSON())
		case "mermaid":
			err = view.Mermaid(c.OutOrStdout(), report, picture)
		case "porcupine":
			err = properties.CommitHistoryOf(report.Trace).WriteHTML(c.OutOrStdout())
		default:
			picture.Colour = wantsColour(c.OutOrStdout())
			err = view.Text(c.OutOrStdout(), report, picture)
		}
		return cmp.Or(err, runVerdict(report))
	}
	return c
}

// refit fits a schedule to the model as it is now.
func (s *subject) refit(old sim.Schedule) *sim.Refitted {
	w := s.scenario.Build(s.variant.Name, s.values)
	defer w.Close()
	return sim.Refit(w, old)
}

// readSchedule reads a schedule from a file, or, if the text is none, from the
// text itself.
func readSchedule(text string) (sim.Schedule, error) {
	content, err := os.ReadFile(text)
	switch {
	case err == nil:
		schedule, err := sim.ParseSchedule(string(content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		return schedule, nil
	case !strings.ContainsAny(text, " ;\n"):
		return nil, fmt.Errorf("--schedule %.60q is neither a file that can be read nor a schedule, such as \"G0 mark; G0 send\"", text)
	}
	return sim.ParseSchedule(text)
}

// runVerdict is the exit code of one run.
func runVerdict(r *view.Report) error {
	hangs := false
	for _, broken := range r.Broken {
		if !sim.Hangs(broken.Property) {
			return exit(exitBroken)
		}
		hangs = true
	}
	switch {
	case hangs:
		return exit(exitDeadlock)
	case r.Ending != sim.Finished:
		return exit(exitUnfinished)
	case len(r.Vacuous) > 0:
		return exit(exitNotExercised)
	}
	return nil
}
