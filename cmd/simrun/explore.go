package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

func exploreCommand() *cobra.Command {
	var s subject
	var seed uint64
	var strategy string
	var runs int
	var first, asJSON bool
	c := &cobra.Command{
		Use:   "explore SCENARIO",
		Short: "Search a variant's runs for one that breaks a property",
		Args:  oneScenario,
	}
	s.flags(c)
	c.Flags().StringVar(&strategy, "strategy", "states", "states: every reachable state, breadth first; walk: random walks")
	c.Flags().Uint64Var(&seed, "seed", 1, "walk: the seed of the first run; each further run adds 1")
	c.Flags().IntVar(&runs, "runs", 0, "walk: how many runs (without it 1000); states: how many states at most (1000000)")
	c.Flags().BoolVar(&first, "first", false, "stop at the first that breaks")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := s.find(args[0]); err != nil {
			return err
		}
		if err := oneOf("strategy", strategy, "states", "walk"); err != nil {
			return err
		}
		if c.Flags().Changed("runs") && runs < 1 {
			return fmt.Errorf("--runs %d is too few; want 1 or more", runs)
		}
		if strategy == "states" && c.Flags().Changed("seed") {
			return errors.New("--seed goes with --strategy walk: states explores without chance")
		}
		sys, err := s.scenario.System(s.variant.Name, s.values)
		if err != nil {
			return err
		}
		defer sys.Close()
		var result *explore.Result
		if strategy == "walk" {
			if runs == 0 {
				runs = 1000
			}
			result = explore.Walks(sys, seed, explore.Options{Limit: runs, First: first})
		} else {
			if runs == 0 {
				runs = 1_000_000
			}
			result = explore.States(sys, explore.Options{Limit: runs, First: first})
		}
		if asJSON {
			err = view.JSON(c.OutOrStdout(), s.exploreJSON(result))
		} else {
			err = s.exploreText(c.OutOrStdout(), sys, result)
		}
		return cmp.Or(err, searchVerdict(result))
	}
	return c
}

// repeat is the command that plays the run which broke a property.
func (s *subject) repeat(r *explore.Result, v *explore.Verdict) string {
	if r.Strategy == "walk" {
		return s.scenario.Command("run", s.variant, s.values) + fmt.Sprintf(" --seed %d", v.Seed)
	}
	return s.scenario.RunCommand(s.variant, s.values, v.Schedule)
}

func (s *subject) exploreText(w io.Writer, sys explore.System, r *explore.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, variant %s (%s), %s\n", s.scenario.Name, s.variant.Name, s.variant.Release, s.values)
	fmt.Fprintf(&b, "strategy %s: %s\n\n", r.Strategy, r.Explored())
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		fmt.Fprintf(&b, "%-18s%s\n", v.Outcome, v.Property)
		say := func(format string, args ...any) { fmt.Fprintf(&b, "%18s"+format+"\n", append([]any{""}, args...)...) }
		say("%s", v.Sentence(r))
		if v.Outcome != explore.Broken {
			continue
		}
		if r.Strategy == "walk" {
			say("%d of %d walks break it, seed %d first, in %d steps", v.Bad, r.Runs, v.Seed, len(v.Schedule))
		} else {
			say("%d of %d transitions break it; the shortest schedule has %d steps", v.Bad, r.Transitions, len(v.Schedule))
		}
		if culprit := explore.FindCulprit(sys, v.Schedule, v.Property); culprit != nil {
			say("every run that keeps these orders breaks it (all %d states that keep them):", culprit.States)
			for _, o := range culprit.Orders {
				say("  %s before %s: %s", o.Earlier, o.Later, o.Touches())
			}
		}
		say("repeat: %s", s.repeat(r, v))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// searchVerdict is the exit code of a search.
func searchVerdict(r *explore.Result) error {
	has := func(o explore.Outcome) bool {
		for i := range r.Verdicts {
			if r.Verdicts[i].Outcome == o {
				return true
			}
		}
		return false
	}
	for i := range r.Verdicts {
		if r.Verdicts[i].Outcome == explore.Broken && r.Verdicts[i].Property != sim.NoDeadlock {
			return exit(exitBroken)
		}
	}
	switch {
	case has(explore.Broken):
		return exit(exitDeadlock)
	case has(explore.NotExercised):
		return exit(exitNotExercised)
	case has(explore.Unfinished):
		return exit(exitUnfinished)
	}
	return nil
}

type exploreJSON struct {
	Scenario    string         `json:"scenario"`
	Variant     string         `json:"variant"`
	Parameters  map[string]int `json:"parameters"`
	Strategy    string         `json:"strategy"`
	States      int            `json:"states"`
	Transitions int            `json:"transitions"`
	Runs        int            `json:"runs"`
	Steps       int            `json:"steps"`
	Complete    bool           `json:"complete"`
	Verdicts    []verdictJSON  `json:"verdicts"`
}

type verdictJSON struct {
	Property string          `json:"property"`
	Outcome  explore.Outcome `json:"outcome"`
	Bad      int             `json:"bad"`
	Error    string          `json:"error,omitempty"`
	Schedule []string        `json:"schedule,omitempty"`
	Repeat   string          `json:"repeat,omitempty"`
}

func (s *subject) exploreJSON(r *explore.Result) exploreJSON {
	out := exploreJSON{
		Scenario: s.scenario.Name, Variant: s.variant.Name, Parameters: valuesJSON(s.values), Strategy: r.Strategy,
		States: r.States, Transitions: r.Transitions, Runs: r.Runs, Steps: r.Steps, Complete: r.Complete,
	}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		row := verdictJSON{Property: v.Property, Outcome: v.Outcome, Bad: v.Bad}
		if v.Outcome == explore.Broken {
			row.Error, row.Repeat = v.Err.Error(), s.repeat(r, v)
			for _, step := range v.Schedule {
				row.Schedule = append(row.Schedule, step.String())
			}
		}
		out.Verdicts = append(out.Verdicts, row)
	}
	return out
}
