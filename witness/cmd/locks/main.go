package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/mod/modfile"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/experiment"
)

// Exit codes, as simrun has them.
const (
	exitHolds       = 0
	exitBroken      = 1
	exitUsage       = 2
	exitDeadlock    = 3
	exitVacuous     = 4
	exitUnfinished  = 5 // what was found does not repeat
	exitInterrupted = 130
)

func main() {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt)
	code, err := command(ctx, os.Args[1:], os.Stdout)
	interrupted := ctx.Err() != nil
	release()
	switch {
	case interrupted && err != nil:
		code = exitInterrupted
	case err != nil:
		fmt.Fprintln(os.Stderr, "witness:", err)
		code = exitUsage
	}
	os.Exit(code)
}

// command does what the arguments ask, and returns the exit code. An error is
// why there is no verdict.
func command(ctx context.Context, args []string, w io.Writer) (int, error) {
	if err := atHome(); err != nil {
		return 0, err
	}
	r, q, err := parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		_, err = io.WriteString(w, usage())
		return exitHolds, err
	}
	if err != nil {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "witness")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	d, err := build(ctx, r, folder)
	if err != nil {
		return 0, err
	}
	a, err := d.ask(ctx, q)
	if err != nil {
		return 0, err
	}
	_, err = io.WriteString(w, text(r, q, a))
	return verdict(a), err
}

// atHome checks that the working directory is this module: it is what the
// driver is built from.
func atHome() error {
	content, err := os.ReadFile("go.mod")
	if err != nil || modfile.ModulePath(content) != module {
		return errors.New("run it as go -C witness run ./cmd/locks from the lab's root: the driver is built from this module's folder")
	}
	return nil
}

// parse reads the arguments.
func parse(args []string) (r Release, q experiment.Question, err error) {
	flags := pflag.NewFlagSet("witness", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.StringVar(&q.Strategy, "strategy", "pct", "")
	flags.IntVar(&q.Depth, "depth", 0, "")
	flags.Uint64Var(&q.Seed, "seed", 1, "")
	flags.IntVar(&q.Runs, "runs", 0, "")
	flags.BoolVar(&q.First, "first", false, "")
	schedule := flags.String("schedule", "", "")
	if err := flags.Parse(args); err != nil {
		return r, q, err
	}
	if flags.NArg() != 2 {
		return r, q, fmt.Errorf("want a release and an experiment, such as sarama@v1.43.2 rewind, not %d arguments", flags.NArg())
	}
	if r, err = findRelease(flags.Arg(0)); err != nil {
		return r, q, err
	}
	e, err := experiment.Find(flags.Arg(1))
	if err != nil {
		return r, q, err
	}
	q.Experiment = e.Name
	if !flags.Changed("depth") {
		q.Depth = e.Depth
	}
	if !flags.Changed("runs") {
		q.Runs = e.Runs
	}
	switch {
	case !slices.Contains(experiment.Strategies, q.Strategy):
		return r, q, fmt.Errorf("--strategy %.60q is not possible; possible: %s", q.Strategy, strings.Join(experiment.Strategies, ", "))
	case q.Depth < 1 || q.Depth > 20:
		return r, q, fmt.Errorf("--depth %d is not possible; want 1 to 20", q.Depth)
	case q.Runs < 1:
		return r, q, fmt.Errorf("--runs %d is too few; want 1 or more", q.Runs)
	case flags.Changed("schedule"):
		for _, other := range []string{"strategy", "depth", "seed", "runs", "first"} {
			if flags.Changed(other) {
				return r, q, fmt.Errorf("--%s does not go with --schedule, which leaves nothing to choose", other)
			}
		}
		q.Schedule, err = readSchedule(*schedule)
	}
	return r, q, err
}

// readSchedule reads a schedule from a file, or, if the text is none, from the
// text itself.
func readSchedule(text string) (string, error) {
	if content, err := os.ReadFile(text); err == nil {
		text = string(content)
	} else if !strings.ContainsAny(text, " ;\n") {
		return "", fmt.Errorf("--schedule %.60q is neither a file that can be read nor a schedule, such as \"G0 MarkOffset Lock pom.lock\"", text)
	}
	_, err := sim.ParseSchedule(text)
	return text, err
}

// usage is what --help says.
func usage() string {
	var b strings.Builder
	b.WriteString("Usage: go -C witness run ./cmd/locks RELEASE EXPERIMENT [flags]\n\nreleases\n")
	for _, r := range releases {
		fmt.Fprintf(&b, "  %v\n", r)
	}
	b.WriteString("experiments\n")
	for _, e := range experiment.All() {
		fmt.Fprintf(&b, "  %-11s%s\n", e.Name, e.Title)
	}
	b.WriteString("flags\n" +
		"  --strategy S       pct, uniform or walk (default pct)\n" +
		"  --depth N          pct: how many orders the bug needs, 1 to 20 (default: the experiment's)\n" +
		"  --seed N           the seed of the first run; each further run adds 1 (default 1)\n" +
		"  --runs N           how many runs (default: the experiment's)\n" +
		"  --first            stop at the first run that breaks anything\n" +
		"  --schedule S       repeat this schedule: a file, or its text\n" +
		"exit codes: 0 holds, 1 broken, 2 usage, 3 deadlock or no progress, 4 vacuous, 5 found but not repeated\n")
	return b.String()
}

// text is the answer for people.
func text(r Release, q experiment.Question, a *experiment.Answer) string {
	var b strings.Builder
	e, _ := experiment.Find(q.Experiment)
	fmt.Fprintf(&b, "%v, %s: %s\n", r, e.Name, e.Title)
	fmt.Fprintf(&b, "%d partitions x %d commits", e.Partitions, e.Commits)
	if a.Replay != nil {
		fmt.Fprintf(&b, "; %v\n\n", a.Replay.Again)
		replayText(&b, a.Replay)
		return b.String()
	}
	fmt.Fprintf(&b, "; %s\n\n", a.Explored)
	for _, v := range a.Verdicts {
		say := func(text string) { fmt.Fprintf(&b, "%18s%s\n", "", text) }
		fmt.Fprintf(&b, "%-18s%s\n", v.Outcome, v.Property)
		for part := range strings.SplitSeq(v.Sentence, "; ") {
			say(part)
		}
		if v.Found == "" {
			continue
		}
		say(v.Found)
		if v.Meaning != "" {
			say(v.Meaning)
		}
		if v.Schedule != "" {
			say(v.Again.String())
			say(fmt.Sprintf("repeat: go -C witness run ./cmd/locks %v %s --schedule '%s'", r, e.Name, v.Schedule))
		}
	}
	return b.String()
}

// replayText writes a run step by step, with what each did on the network.
func replayText(b *strings.Builder, r *experiment.Replay) {
	for i, step := range r.Steps {
		line := fmt.Sprintf("%3d  %-52s %s", i+1, step.Event, strings.Join(step.Notes, "; "))
		fmt.Fprintln(b, strings.TrimRight(line, " "))
		for _, broke := range step.Broke {
			fmt.Fprintf(b, "  ✗  %s: %s\n", broke.Property, broke.Sentence)
		}
	}
	if r.Differs != "" {
		fmt.Fprintf(b, "\nno run took all the steps, so there is no result: %s\n", r.Differs)
	}
}

// verdict is the exit code.
func verdict(a *experiment.Answer) int {
	var broken, outcomes []string
	for _, v := range a.Verdicts {
		outcomes = append(outcomes, v.Outcome)
		if v.Outcome == string(explore.Broken) {
			broken = append(broken, v.Property)
		}
	}
	switch {
	case a.Replay == nil:
	case a.Replay.Differs != "":
		outcomes = append(outcomes, experiment.Differs)
	default:
		for _, b := range a.Replay.Broke() {
			broken = append(broken, b.Property)
		}
	}
	switch {
	case slices.ContainsFunc(broken, func(p string) bool { return !sim.Hangs(p) }):
		return exitBroken
	case broken != nil:
		return exitDeadlock
	case slices.Contains(outcomes, string(explore.Vacuous)):
		return exitVacuous
	case slices.Contains(outcomes, experiment.Differs):
		return exitUnfinished
	default:
		return exitHolds
	}
}
