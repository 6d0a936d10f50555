package simrun

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// running is the flags of run.
type running struct {
	subject
	seed       uint64
	schedule   string
	rebase     bool
	format     string
	picture    view.Options
	save       string
	exitStatus bool
	json       bool

	seeded bool         // --seed is given
	asked  sim.Schedule // --schedule; nil: not given
	file   string       // it was read from
}

func (a *app) runCommand() *cobra.Command {
	var r running
	c := &cobra.Command{
		Use:   "run SCENARIO[/VARIANT][@SETTING]",
		Short: "Run a variant once and draw what happened",
		Long: "Run a variant once and draw what happened. Without a seed or a schedule the unfixed\n" +
			"variant runs on its shortest breaking schedule, and a fix on the story of the race, or, if it\n" +
			"has none, on what fits the fix of that schedule. A scenario that has neither is searched for\n" +
			"the shortest break.\n" +
			"It exits with 0 if the run breaks nothing but what the scenario's table expects.\n\n" +
			"In the picture, \u25cf is a step of the lane and \u25cb a timer or a fault. An arrow takes a message;\n" +
			"\u25b7 is one that is sent and not yet taken. Each step begins with its name in a schedule: LANE NAME,\n" +
			"or FROM->TO NAME for an arrow into a node.",
	}
	a.takesScenario(c)
	r.flags(a, c)
	f := c.Flags()
	f.Uint64Var(&r.seed, "seed", 0, "choose at random, by this seed")
	f.StringVar(&r.schedule, "schedule", "", scheduleFlag)
	f.BoolVar(&r.rebase, "rebase", false, "play what still fits of a schedule that was made before the model was edited")
	f.StringVar(&r.format, "format", "text", formatsHelp())
	f.IntVar(&r.picture.Width, "width", 100, "columns of the picture, 40 or more")
	f.BoolVar(&r.picture.Full, "full", false, "draw each step, and say each break in full")
	f.StringVar(&r.save, "save", "", "write the schedule of this run to a file, for --schedule @FILE")
	f.BoolVar(&r.exitStatus, "exit-status", false, "exit with the verdict of the run: 1 broken, 3 deadlock, 4 vacuous, 5 unfinished")
	f.BoolVar(&r.json, "json", false, "write JSON")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp))
	c.PreRunE = func(c *cobra.Command, args []string) error { return r.read(a, c, args[0]) }
	c.RunE = func(*cobra.Command, []string) error { return r.run(a) }
	return c
}

// read checks what was asked for.
func (r *running) read(a *app, c *cobra.Command, name string) error {
	set := c.Flags().Changed
	if err := cmp.Or(r.find(a, name), atMostOne(c, "seed", "schedule"), atMostOne(c, "json", "format"), oneOf("format", r.format, formatNames()...)); err != nil {
		return err
	}
	if refuse := r.drawn().refuse; refuse != nil {
		if err := refuse(a, r.Race); err != nil {
			return err
		}
	}
	switch {
	case r.picture.Width < 40:
		return fmt.Errorf("--width %d is too narrow; want 40 or more", r.picture.Width)
	case set("save") && r.save == "":
		return errors.New("--save is empty; want a file")
	case r.rebase && !set("schedule"):
		return errors.New("--rebase goes with --schedule")
	case !set("schedule"):
		r.seeded = set("seed")
		return nil
	}
	var err error
	r.asked, r.file, err = readSchedule("--schedule", r.schedule)
	return err
}

func (r *running) drawn() format {
	return formats[slices.IndexFunc(formats, func(f format) bool { return f.name == r.format })]
}

func (r *running) run(a *app) error {
	report, err := r.play()
	if err != nil {
		return err
	}
	if taken := len(report.Trace.Schedule); taken < len(r.asked) {
		return fmt.Errorf("schedule line %d: event %d, %.60q, does not fit: the run has ended (%s) with event %d",
			r.asked[taken].Line, taken+1, r.asked[taken], report.Ending, taken)
	}
	if r.save != "" {
		if err := saveSchedule(r.save, report.Title, report.Trace.Schedule); err != nil {
			return err
		}
	}
	report.Repeat, report.Search = a.printed(r.repeat(report)), a.inText(report.Search)
	if r.json {
		err = view.JSON(a.stdout, runJSON{a.header("run"), report.AsJSON()})
	} else {
		r.picture.Colour = a.wantsColour()
		err = r.drawn().write(a.stdout, report, r.picture)
	}
	if err != nil || r.exitStatus {
		return cmp.Or(err, runVerdict(report))
	}
	if surprise := r.surprise(report); surprise != "" {
		a.say("not as expected: %s", surprise)
		return exit(exitBroken)
	}
	return nil
}

// play runs the variant.
func (r *running) play() (*view.Report, error) {
	chooser := r.Default()
	var notes []string
	switch {
	case r.seeded:
		chooser = sim.NewWalk(r.seed)
	case r.rebase:
		w := r.World()
		fit := explore.Rebase(w, r.asked)
		w.Close()
		if fit.Matched == 0 {
			return nil, fmt.Errorf("nothing of the schedule fits %s: %v", r.Race.Name, fit)
		}
		r.asked, r.file, notes = fit.Schedule, "", []string{fit.String()}
	}
	if r.asked != nil {
		chooser = sim.NewReplay(r.asked)
	}
	report, err := r.Play(chooser)
	if refusal := (*sim.ModelError)(nil); err != nil && r.asked != nil && !errors.As(err, &refusal) {
		err = fmt.Errorf("%w; --rebase plays what still fits", err)
	}
	if err != nil {
		return nil, err
	}
	report.Notes = append(report.Notes, notes...)
	return report, nil
}

// repeat is the command that gives the run again. There is none for a schedule that
// is long and stands in no file; then a note says how to save it.
func (r *running) repeat(report *view.Report) string {
	switch {
	case r.save == "" && r.seeded:
		return r.Command("run") + " --seed " + strconv.FormatUint(r.seed, 10)
	case r.save == "" && r.asked == nil:
		return r.Command("run")
	}
	command, ok := r.RunCommand(report.Trace.Schedule, cmp.Or(r.save, r.file))
	if !ok {
		report.Notes = append(report.Notes, "--save FILE writes the schedule of this run to a file.")
	}
	return command
}

// surprise is what the run did and the table of expectations does not have; empty:
// nothing. One run can show that a property breaks, never that it holds, so only the
// race on its own schedule has to break something.
func (r *running) surprise(report *view.Report) string {
	name := r.Race.Name + "/" + r.Variant.Name
	for _, broken := range report.Broken {
		if !r.Expects(broken.Property) {
			return fmt.Sprintf("%s breaks %s at step %d, which the scenario does not expect", name, broken.Property, broken.Step)
		}
	}
	race := !r.seeded && r.asked == nil && r.Shown()
	if race && len(report.Broken) == 0 && r.Race.BreaksAnything(r.Variant) {
		return name + " breaks nothing on the schedule of the race"
	}
	return ""
}

// runVerdict is the exit code of one run.
func runVerdict(r *view.Report) error {
	hangs := false
	for _, broken := range r.Broken {
		if !explore.Hangs(broken.Property) {
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
		return exit(exitVacuous)
	}
	return nil
}

type runJSON struct {
	header
	view.RunJSON
}
