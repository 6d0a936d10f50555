package simrun

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// search is the flags of explore.
type search struct {
	subject
	strategy string
	seed     uint64
	depth    int
	limit    int
	time     limit
	failFast bool
	parallel workers
	memory   memory
	spill    string
	symmetry bool
	save     string
	json     bool
	wasteful bool // only say which states are not needed
	shard    shard
	out      string
}

func (a *app) exploreCommand() *cobra.Command {
	var s search
	c := &cobra.Command{
		Use:   "explore SCENARIO[/VARIANT][@SETTING]",
		Short: "Search a variant's runs for one that breaks a property",
		Long: "Search a variant's runs for one that breaks a property. The search goes on past a violation\n" +
			"to the end of the space or of its budget, and counts.\n\n" +
			"  states      every reachable state, breadth first: proof, or the shortest schedule\n" +
			"  exhaustive  every happens-before class of schedules once\n" +
			"  pct         random priorities: finds a bug of --depth with a guaranteed probability\n" +
			"  pos         the orders of steps that depend on each other, drawn at random\n" +
			"  uniform     every interleaving as likely as any other, as far as blocking allows\n" +
			"  walk        random walks\n" +
			"  feedback    runs that grow from those that were new: for a break that needs many orders",
	}
	a.takesScenario(c)
	s.flags(a, c)
	f := c.Flags()
	f.StringVar(&s.strategy, "strategy", "states", strings.Join(explore.Strategies(), ", "))
	f.Uint64Var(&s.seed, "seed", 1, "pct, pos, uniform, walk, feedback: the seed of the first run; each further run adds 1")
	f.IntVar(&s.depth, "depth", 3, "pct: how many orders the bug needs, 1 to 20")
	f.IntVar(&s.limit, "limit", 0, "at most this many runs (pct, pos, uniform, walk, feedback: 1000), classes (exhaustive: 1000000) or states (states: 10000000; from 100000000 on they are told apart by 128 bits)")
	s.time.flag(c)
	f.BoolVar(&s.failFast, "fail-fast", false, "stop at the first that breaks")
	s.parallel.flag(c)
	s.memory.flag(c)
	f.StringVar(&s.spill, "spill", "", "states: a folder in which to keep, at the bound of --memory, the states that are still to be expanded, and go on; what was seen stays in memory, about 40 bytes a state")
	f.BoolVar(&s.symmetry, "symmetry", false, "states: take states for one if only tasks that are alike have changed places; fewer states, by up to the number of orders of those tasks")
	f.StringVar(&s.save, "save", "", "write the schedule of the first property that breaks to a file, and those of others to FILE.PROPERTY")
	f.BoolVar(&s.json, "json", false, "write JSON")
	f.BoolVar(&s.wasteful, "waste", false, "instead say how many states differ only in what nobody needs any more, and in which fields (100,000 states)")
	s.shard.flag(c)
	f.StringVar(&s.out, "out", "", "the folder for the result of a shard; made if it is not there")
	_ = c.RegisterFlagCompletionFunc("strategy", cobra.FixedCompletions(explore.Strategies(), cobra.ShellCompDirectiveNoFileComp))
	c.PreRunE = func(c *cobra.Command, args []string) error {
		return cmp.Or(s.find(a, args[0]), s.validate(c), s.shard.read(c, args, s.out))
	}
	c.RunE = func(*cobra.Command, []string) error { return s.explore(a) }
	return c
}

func (s *search) validate(c *cobra.Command) error {
	if err := cmp.Or(oneOf("strategy", s.strategy, explore.Strategies()...), s.time.check(c), s.parallel.check(c)); err != nil {
		return err
	}
	set := c.Flags().Changed
	sampler := slices.Contains(explore.Samplers(), s.strategy)
	switch {
	case set("shard") && (!sampler || s.strategy == "feedback"):
		return fmt.Errorf("--shard goes with --strategy pct, pos, uniform or walk: what %s has left to do depends on all that it did", s.strategy)
	case set("out") && !set("shard"):
		return errors.New("--out goes with --shard")
	case set("limit") && s.limit < 1:
		return fmt.Errorf("--limit %d is too few; want 1 or more", s.limit)
	case s.depth < 1 || s.depth > 20:
		return fmt.Errorf("--depth %d is not possible; want 1 to 20", s.depth)
	case set("seed") && !sampler:
		return fmt.Errorf("--seed goes with --strategy pct, pos, uniform, walk or feedback: %s explores without chance", s.strategy)
	case set("depth") && s.strategy != "pct":
		return fmt.Errorf("--depth goes with --strategy pct, not %s", s.strategy)
	case set("memory") && s.strategy != "states":
		return fmt.Errorf("--memory goes with --strategy states, not %s: the others hold a run at a time", s.strategy)
	case set("spill") && s.strategy != "states":
		return fmt.Errorf("--spill goes with --strategy states, not %s: the others hold a run at a time", s.strategy)
	case set("spill") && s.spill == "":
		return errors.New("--spill is empty; want a folder")
	case s.symmetry && s.strategy != "states":
		return fmt.Errorf("--symmetry goes with --strategy states, not %s: the others follow runs, in which each task has its name", s.strategy)
	case s.wasteful && (s.strategy != "states" || s.json || s.failFast || s.symmetry || set("memory") || set("spill") || set("save") || set("parallel")):
		return errors.New("--waste goes with --limit and --time alone")
	case set("save") && s.save == "":
		return errors.New("--save is empty; want a file")
	case s.limit > 0:
	case s.wasteful:
		s.limit = wasteStates
	case sampler:
		s.limit = 1000
	case s.strategy == "states":
		s.limit = 10_000_000
	default:
		s.limit = 1_000_000
	}
	return nil
}

// explore searches, writes what was found, and returns the exit code.
func (s *search) explore(a *app) error {
	sys, err := s.System()
	if err != nil {
		return err
	}
	defer sys.Close()
	signals, release := a.watch()
	defer release()
	began, status := time.Now(), newStatus(a.stderr)
	if s.wasteful {
		stop := func() bool { return signals.interrupted() || s.time.over(began) }
		return cmp.Or(s.waste(a, sys, explore.Options{Limit: s.limit, Stop: stop}), signals.code())
	}
	o := explore.Options{
		Limit: s.limit, First: s.failFast, Workers: int(s.parallel), Memory: s.memory.bytes(), Symmetry: s.symmetry,
		Stop:     func() bool { return signals.interrupted() || s.time.over(began) },
		Progress: func(r *explore.Result) { status.search("", r) },
	}
	spill, err := openScratch(s.spill)
	if err != nil {
		return err
	}
	defer spill.close()
	o.Spill = spill.files
	if s.shard.of > 0 {
		from, to := s.shard.share(s.limit)
		o.From, o.Limit = from, to-from
	}
	if o.Parts, err = partsOf[explore.Part](a); err != nil {
		return err
	}
	result, err := explore.Search(s.strategy, sys, s.seed, s.depth, o)
	status.clear()
	if err != nil {
		return err
	}
	if s.shard.of > 0 {
		if signals.interrupted() {
			a.say("interrupted after %d of %d runs of this shard; nothing is written", result.Runs, o.Limit)
			return signals.code()
		}
		return s.shard.write(a, result.Part())
	}
	took := time.Since(began)
	found, err := s.findings(sys, result)
	if err != nil {
		return err
	}
	if s.json {
		err = view.JSON(a.stdout, s.exploreJSON(a, sys, result, found))
	} else {
		err = s.exploreText(a, result, found)
	}
	if err == nil && !result.Complete && s.strategy == "states" && !(s.failFast && result.AnyBroken()) {
		a.say("unfinished: %s states in %v, %.3g k/s, %d MB in use%s", explore.Thousands(result.States), took.Round(time.Second/10), float64(result.States)/took.Seconds()/1000, result.Memory>>20,
			outlook(result, took.Seconds(), float64(result.Memory)))
		if !signals.interrupted() && !s.time.over(began) && !result.AnyBroken() {
			var less string
			if less, err = s.smaller(); less != "" {
				a.say("smaller: %s", less)
			}
		}
	}
	if signals.interrupted() {
		a.say("interrupted; what stands above is what was reached")
	}
	return cmp.Or(err, signals.code(), searchVerdict(result))
}

// finding is a property that broke.
type finding struct {
	verdict *explore.Verdict
	explore.Shrunk
	culprit *explore.Culprit // nil: none was found
	file    string           // of the schedule; empty: it was not saved
	repeat  string           // empty: the schedule is too long to be printed
}

// findings shrinks what was found and saves it.
func (s *search) findings(sys explore.System, r *explore.Result) ([]finding, error) {
	var all []finding
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Outcome != explore.Broken {
			continue
		}
		f := finding{verdict: v, Shrunk: v.Shrunk(sys, shrinkStates)}
		f.culprit = explore.FindCulprit(sys, f.Schedule, v.Property)
		if v.Endless {
			f.repeat = s.again(v)
			all = append(all, f)
			continue
		}
		if s.save != "" {
			f.file = s.save
			if slices.ContainsFunc(all, func(other finding) bool { return other.file != "" }) {
				f.file += "." + v.Property
			}
			if err := saveSchedule(f.file, s.Heading()+": breaks "+v.Property, f.Schedule); err != nil {
				return nil, err
			}
		}
		f.repeat, _ = s.RunCommand(f.Schedule, f.file)
		all = append(all, f)
	}
	return all, nil
}

// shrinkStates bounds the search for the shortest schedule, where the strategy
// has not found that already.
const shrinkStates = 200_000

// manyStates is from where on it is said how likely two have one fingerprint: 3e-8.
const manyStates = 1_000_000

func (s *search) exploreText(a *app, r *explore.Result, findings []finding) error {
	var b strings.Builder
	fmt.Fprintln(&b, s.Heading())
	fmt.Fprintf(&b, "strategy %s: %s\n", r.Strategy, r.Explored())
	if r.Guarantee > 0 {
		fmt.Fprintf(&b, "if there is a bug of depth %d, each run finds it with p >= %.2g\n", s.depth, r.Guarantee)
	}
	if r.States >= manyStates {
		fmt.Fprintf(&b, "the chance that two states share a fingerprint, and one was left out, is below %.1g\n", r.Collision())
	}
	fmt.Fprintln(&b)
	long := false
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		fmt.Fprintf(&b, "%-18s%s\n", v.Outcome, v.Property)
		say := func(format string, args ...any) { fmt.Fprintf(&b, "%18s"+format+"\n", append([]any{""}, args...)...) }
		if v.Outcome != explore.Broken {
			say("%s", v.Sentence(r))
			continue
		}
		f := &findings[slices.IndexFunc(findings, func(f finding) bool { return f.verdict == v })]
		say("%v", f.Err)
		say("%s", found(r, v, f.Shrunk))
		if f.culprit != nil {
			for _, sentence := range f.culprit.Sentences() {
				say("%s", sentence)
			}
		}
		if f.repeat != "" {
			say("repeat: %s", a.printed(f.repeat))
		} else {
			say("repeat: with --save, see below")
			long = true
		}
	}
	if long {
		fmt.Fprintf(&b, "\nThe same with --save FILE writes the schedules; then: %s\n",
			a.printed(s.Command("run")+" --schedule @FILE"))
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

// again is the command that finds a run that does not end once more: by its seed,
// since it has no schedule.
func (s *search) again(v *explore.Verdict) string {
	first, runs := v.Seed, uint64(1)
	if s.strategy == "feedback" { // A run grows from those before it.
		first, runs = s.seed, v.Seed-s.seed+1
	}
	again := fmt.Sprintf("%s --strategy %s --seed %d --limit %d", s.Command("explore"), s.strategy, first, runs)
	if s.strategy == "pct" {
		again += fmt.Sprintf(" --depth %d", s.depth)
	}
	return again
}

// found says how often a property broke, and how short the schedule is.
func found(r *explore.Result, v *explore.Verdict, short explore.Shrunk) string {
	of := map[string]string{
		"states":     fmt.Sprintf("broken by %s of %s transitions", explore.Thousands(v.Bad), explore.Thousands(r.Transitions)),
		"exhaustive": fmt.Sprintf("broken by %s in %s", explore.Count(v.Bad, "step"), explore.Count(r.Runs+r.Redundant, "run")),
	}[r.Strategy]
	if of == "" {
		of = fmt.Sprintf("broken in %s of %s runs, seed %d first", explore.Thousands(v.Bad), explore.Thousands(r.Runs), v.Seed)
	}
	switch {
	case v.Endless:
		return of
	case v.Round > 0:
		return fmt.Sprintf("from %s of %s states a fair run never has to come to anything else; %s lead to the first, and %s repeat",
			explore.Thousands(v.Bad), explore.Thousands(r.States), explore.Count(len(v.Schedule)-v.Round, "step"), explore.Count(v.Round, "step"))
	}
	if v.Walked {
		of = fmt.Sprintf("broken in %s of %s walks", explore.Thousands(v.Bad), explore.Thousands(r.Walks))
	}
	switch {
	case short.Shortest && v.Property == sim.NoDataRace:
		return fmt.Sprintf("%s; the shortest schedule in which both steps can be next has %s", of, explore.Count(len(short.Schedule), "step"))
	case short.Shortest:
		return fmt.Sprintf("%s; the shortest schedule has %s", of, explore.Count(len(short.Schedule), "step"))
	}
	return fmt.Sprintf("%s; shrunk from %s to %d, which may not be the shortest", of, explore.Count(len(v.Schedule), "step"), len(short.Schedule))
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
		if r.Verdicts[i].Outcome == explore.Broken && !explore.Hangs(r.Verdicts[i].Property) {
			return exit(exitBroken)
		}
	}
	switch {
	case has(explore.Broken):
		return exit(exitDeadlock)
	case has(explore.Vacuous):
		return exit(exitVacuous)
	case has(explore.Unfinished):
		return exit(exitUnfinished)
	}
	return nil
}

type exploreJSON struct {
	header
	Scenario    string            `json:"scenario"`
	Variant     string            `json:"variant"`
	Parameters  map[string]string `json:"parameters"`
	Strategy    string            `json:"strategy"`
	States      int               `json:"states"`      // states: distinct ones
	Transitions int               `json:"transitions"` // states
	Classes     int               `json:"classes"`     // exhaustive: happens-before classes
	Redundant   int               `json:"redundant"`   // exhaustive: runs given up
	Runs        int               `json:"runs"`        // pct, pos, uniform, walk, feedback
	Steps       int               `json:"steps"`       // exhaustive, pct, pos, uniform, walk, feedback
	Complete    bool              `json:"complete"`
	Alike       [][]string        `json:"alike,omitempty"` // states with --symmetry: the tasks that are taken for each other
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
	Round    int             `json:"round,omitempty"` // so many of the last steps can repeat for ever
	Shortest bool            `json:"shortest,omitempty"`
	Seed     uint64          `json:"seed,omitempty"`   // of the first run that broke it
	Saved    string          `json:"saved,omitempty"`  // the file of the schedule
	Repeat   string          `json:"repeat,omitempty"` // none if the schedule is long and was not saved
}

// countStates is how large a space may be for its interleavings to be counted.
const countStates = 200_000

func (s *search) exploreJSON(a *app, sys explore.System, r *explore.Result, findings []finding) exploreJSON {
	out := exploreJSON{
		header:   a.header("explore"),
		Scenario: s.Race.Name, Variant: s.Variant.Name, Parameters: valuesJSON(s.Values), Strategy: r.Strategy,
		States: r.States, Transitions: r.Transitions, Redundant: r.Redundant, Steps: r.Steps, Complete: r.Complete, Alike: r.Alike,
		Guarantee: r.Guarantee,
	}
	if r.Strategy == "exhaustive" {
		out.Classes = r.Runs
	} else {
		out.Runs = r.Runs
	}
	if r.Complete {
		if schedules, bad, ok := explore.CountSchedules(sys, s.First(), countStates); ok {
			out.Schedules, out.Bad = schedules, bad
		}
	}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		row := verdictJSON{Property: v.Property, Outcome: v.Outcome, Bad: v.Bad}
		if i := slices.IndexFunc(findings, func(f finding) bool { return f.verdict == v }); i >= 0 {
			f := &findings[i]
			row.Error, row.Round, row.Shortest, row.Seed = f.Err.Error(), v.Round, f.Shortest, v.Seed
			row.Saved, row.Repeat = f.file, a.printed(f.repeat)
			for _, step := range f.Schedule {
				row.Schedule = append(row.Schedule, step.String())
			}
		}
		out.Verdicts = append(out.Verdicts, row)
	}
	return out
}
