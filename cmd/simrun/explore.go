package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// strategies are the searches that explore offers.
var strategies = []string{"states", "exhaustive", "pct", "uniform", "walk"}

// search is the flags of explore.
type search struct {
	subject
	strategy string
	seed     uint64
	depth    int
	runs     int
	limit    time.Duration
	first    bool
	workers  int
	json     bool
}

func exploreCommand() *cobra.Command {
	var s search
	c := &cobra.Command{
		Use:   "explore SCENARIO",
		Short: "Search a variant's runs for one that breaks a property",
		Long: "Search a variant's runs for one that breaks a property. The search goes on past a violation\n" +
			"to the end of the space or of its budget, and counts.\n\n" +
			"  states      every reachable state, breadth first: proof, or the shortest schedule\n" +
			"  exhaustive  every happens-before class of schedules once\n" +
			"  pct         random priorities: finds a bug of --depth with a guaranteed probability\n" +
			"  uniform     every interleaving as likely as any other, as far as blocking allows\n" +
			"  walk        random walks",
		Args: oneScenario,
	}
	s.flags(c)
	f := c.Flags()
	f.StringVar(&s.strategy, "strategy", "states", strings.Join(strategies, ", "))
	f.Uint64Var(&s.seed, "seed", 1, "pct, uniform, walk: the seed of the first run; each further run adds 1")
	f.IntVar(&s.depth, "depth", 3, "pct: how many orders the bug needs, 1 to 20")
	f.IntVar(&s.runs, "runs", 0, "at most this many runs (pct, uniform, walk: 1000), classes (exhaustive: 1000000) or states (states: 10000000)")
	f.DurationVar(&s.limit, "for", 0, "stop after this time, such as 30s")
	f.BoolVar(&s.first, "first", false, "stop at the first that breaks")
	f.IntVar(&s.workers, "workers", 0, "how many work at once; without it, one a processor; no result depends on it")
	f.BoolVar(&s.json, "json", false, "write JSON")
	_ = c.RegisterFlagCompletionFunc("strategy", cobra.FixedCompletions(strategies, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := s.find(args[0]); err != nil {
			return err
		}
		if err := s.validate(c.Flags().Changed); err != nil {
			return err
		}
		return s.explore(c)
	}
	return c
}

func (s *search) validate(set func(string) bool) error {
	if err := oneOf("strategy", s.strategy, strategies...); err != nil {
		return err
	}
	sampler := s.strategy == "pct" || s.strategy == "uniform" || s.strategy == "walk"
	switch {
	case set("runs") && s.runs < 1:
		return fmt.Errorf("--runs %d is too few; want 1 or more", s.runs)
	case set("workers") && (s.workers < 1 || s.workers > 256):
		return fmt.Errorf("--workers %d is not possible; want 1 to 256", s.workers)
	case s.depth < 1 || s.depth > 20:
		return fmt.Errorf("--depth %d is not possible; want 1 to 20", s.depth)
	case set("for") && s.limit <= 0:
		return fmt.Errorf("--for %v is too short; want a time such as 30s", s.limit)
	case set("seed") && !sampler:
		return fmt.Errorf("--seed goes with --strategy pct, uniform or walk: %s explores without chance", s.strategy)
	case set("depth") && s.strategy != "pct":
		return fmt.Errorf("--depth goes with --strategy pct, not %s", s.strategy)
	}
	if s.runs == 0 {
		s.runs = map[bool]int{true: 1000, false: 1_000_000}[sampler]
		if s.strategy == "states" {
			s.runs = 10_000_000
		}
	}
	return nil
}

// explore searches, writes what was found, and returns the exit code.
func (s *search) explore(c *cobra.Command) error {
	sys, err := s.scenario.System(s.variant.Name, s.values)
	if err != nil {
		return err
	}
	defer sys.Close()
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt)
	defer release()
	began := time.Now()
	status := newStatus(c.ErrOrStderr())
	result := s.run(sys, explore.Options{
		Limit: s.runs, First: s.first, Workers: s.workers,
		Stop:     func() bool { return ctx.Err() != nil || s.limit > 0 && time.Since(began) > s.limit },
		Progress: func(r *explore.Result) { status.show(r.Explored(), 0, 0) },
	})
	status.clear()
	if result.Fault != nil {
		return result.Fault
	}
	if s.json {
		err = view.JSON(c.OutOrStdout(), s.exploreJSON(sys, result))
	} else {
		err = s.exploreText(c.OutOrStdout(), sys, result)
	}
	if ctx.Err() != nil {
		fmt.Fprintln(c.ErrOrStderr(), "simrun: interrupted; what stands above is what was reached")
		return cmp.Or(err, error(exit(exitInterrupted)))
	}
	return cmp.Or(err, searchVerdict(result))
}

func (s *search) run(sys explore.System, o explore.Options) *explore.Result {
	switch s.strategy {
	case "exhaustive":
		return explore.Exhaustive(sys, o)
	case "pct":
		return explore.PCT(sys, s.seed, s.depth, o)
	case "uniform":
		return explore.Uniform(sys, s.seed, o)
	case "walk":
		return explore.Walks(sys, s.seed, o)
	default:
		return explore.States(sys, o)
	}
}

// shrinkStates bounds the search for the shortest schedule, where the strategy
// has not found that already.
const shrinkStates = 200_000

// shrunk returns the schedule to show for a broken property.
func (s *search) shrunk(sys explore.System, v *explore.Verdict) explore.Shrunk {
	if s.strategy == "states" || v.Property == explore.EndsWhenFair {
		return explore.Shrunk{Schedule: v.Schedule, Err: v.Err, Shortest: true}
	}
	short := explore.Shrink(sys, v.Schedule, v.Property, shrinkStates)
	if short.Err == nil {
		short.Err = v.Err
	}
	return short
}

func (s *search) exploreText(w io.Writer, sys explore.System, r *explore.Result) error {
	var b strings.Builder
	fmt.Fprintln(&b, s.scenario.Heading(s.variant, s.values))
	fmt.Fprintf(&b, "strategy %s: %s\n", r.Strategy, r.Explored())
	if r.Guarantee > 0 {
		fmt.Fprintf(&b, "if there is a bug of depth %d, each run finds it with p >= %.2g\n", s.depth, r.Guarantee)
	}
	fmt.Fprintln(&b)
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		fmt.Fprintf(&b, "%-18s%s\n", v.Outcome, v.Property)
		say := func(format string, args ...any) { fmt.Fprintf(&b, "%18s"+format+"\n", append([]any{""}, args...)...) }
		if v.Outcome != explore.Broken {
			say("%s", v.Sentence(r))
			continue
		}
		short := s.shrunk(sys, v)
		say("%v", short.Err)
		say("%s", found(r, v, short))
		if culprit := explore.FindCulprit(sys, short.Schedule, v.Property); culprit != nil {
			for _, sentence := range culprit.Sentences() {
				say("%s", sentence)
			}
		}
		say("repeat: %s", s.repeat(v, short))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// repeat is the command that breaks the property again. A run that does not end
// has no schedule; the search finds it again by its seed.
func (s *search) repeat(v *explore.Verdict, short explore.Shrunk) string {
	if v.Property != explore.EndsWhenFair {
		return s.scenario.RunCommand(s.variant, s.values, short.Schedule)
	}
	again := fmt.Sprintf("%s --strategy %s --seed %d --runs 1", s.scenario.Command("explore", s.variant, s.values), s.strategy, v.Seed)
	if s.strategy == "pct" {
		again += fmt.Sprintf(" --depth %d", s.depth)
	}
	return again
}

// found says how often a property broke, and how short the schedule is.
func found(r *explore.Result, v *explore.Verdict, short explore.Shrunk) string {
	of := map[string]string{
		"states":     fmt.Sprintf("%d of %d transitions break it", v.Bad, r.Transitions),
		"exhaustive": fmt.Sprintf("%d steps break it in %d runs", v.Bad, r.Runs+r.Redundant),
	}[r.Strategy]
	if of == "" {
		of = fmt.Sprintf("%d of %d runs break it, seed %d first", v.Bad, r.Runs, v.Seed)
	}
	if v.Property == explore.EndsWhenFair {
		return of
	}
	if short.Shortest {
		return fmt.Sprintf("%s; the shortest schedule has %s", of, steps(len(short.Schedule)))
	}
	return fmt.Sprintf("%s; shrunk from %s to %d, which may not be the shortest", of, steps(len(v.Schedule)), len(short.Schedule))
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
		if r.Verdicts[i].Outcome == explore.Broken && !sim.Hangs(r.Verdicts[i].Property) {
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

func steps(n int) string {
	if n == 1 {
		return "1 step"
	}
	return fmt.Sprintf("%d steps", n)
}

type exploreJSON struct {
	Scenario    string            `json:"scenario"`
	Variant     string            `json:"variant"`
	Parameters  map[string]string `json:"parameters"`
	Strategy    string            `json:"strategy"`
	States      int               `json:"states"`      // states: distinct ones
	Transitions int               `json:"transitions"` // states
	Classes     int               `json:"classes"`     // exhaustive: happens-before classes
	Redundant   int               `json:"redundant"`   // exhaustive: runs given up
	Runs        int               `json:"runs"`        // pct, uniform, walk
	Steps       int               `json:"steps"`       // exhaustive, pct, uniform, walk
	Complete    bool              `json:"complete"`
	// Schedules counts all interleavings, and Bad those that break the first
	// property; where states or exhaustive was complete and they can be counted.
	Schedules uint64        `json:"schedules,omitempty"`
	Bad       uint64        `json:"bad,omitempty"`
	Guarantee float64       `json:"guarantee,omitempty"` // pct
	Verdicts  []verdictJSON `json:"verdicts"`
}

type verdictJSON struct {
	Property string          `json:"property"`
	Outcome  explore.Outcome `json:"outcome"`
	Bad      int             `json:"bad"` // states: transitions; exhaustive: steps; else runs
	Error    string          `json:"error,omitempty"`
	Schedule []string        `json:"schedule,omitempty"`
	Shortest bool            `json:"shortest,omitempty"`
	Seed     uint64          `json:"seed,omitempty"` // of the first run that broke it
	Repeat   string          `json:"repeat,omitempty"`
}

// countStates is how large a space may be for its interleavings to be counted.
const countStates = 200_000

func (s *search) exploreJSON(sys explore.System, r *explore.Result) exploreJSON {
	out := exploreJSON{
		Scenario: s.scenario.Name, Variant: s.variant.Name, Parameters: valuesJSON(s.values), Strategy: r.Strategy,
		States: r.States, Transitions: r.Transitions, Redundant: r.Redundant, Steps: r.Steps, Complete: r.Complete,
		Guarantee: r.Guarantee,
	}
	if r.Strategy == "exhaustive" {
		out.Classes = r.Runs
	} else {
		out.Runs = r.Runs
	}
	if r.Complete {
		if schedules, bad, ok := explore.CountSchedules(sys, s.scenario.Properties[0].Property, countStates); ok {
			out.Schedules, out.Bad = schedules, bad
		}
	}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		row := verdictJSON{Property: v.Property, Outcome: v.Outcome, Bad: v.Bad}
		if v.Outcome == explore.Broken {
			short := s.shrunk(sys, v)
			row.Error, row.Shortest, row.Seed = short.Err.Error(), short.Shortest, v.Seed
			row.Repeat = s.repeat(v, short)
			for _, step := range short.Schedule {
				row.Schedule = append(row.Schedule, step.String())
			}
		}
		out.Verdicts = append(out.Verdicts, row)
	}
	return out
}
