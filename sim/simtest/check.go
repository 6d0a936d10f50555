package simtest

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// Check searches the runs of the world that build makes. The test fails if a
// claim is violated, a claim of the author is vacuous, or nothing is claimed; on a
// panic, a deadlock, no progress, a data race, and a run that goes on for ever. It
// shows one break as a picture, with the command that repeats it.
//
// It stops at 100,000 states. If nothing broke by then it samples up to 10,000 runs by
// pct, and passes if they break nothing either: that is no proof, and -v tells.
// Search{Complete: true} fails instead.
//
// Build is called many times, and by several goroutines at once. Each call makes the
// world anew, and everything in it.
func Check(t testing.TB, build func(*sim.World)) *explore.Result {
	t.Helper()
	return Search{}.Check(t, build)
}

// Search is how Check searches. The zero value has the defaults.
type Search struct {
	// Strategy is "states", "exhaustive", "pct", "pos", "uniform", "walk" or "feedback". Empty: states
	// and, where Limit ends that and nothing broke, up to 10,000 runs by pct.
	Strategy string
	Limit    int      // 0: 100,000 states, or 10,000 runs
	Seed     uint64   // of pct, pos, uniform, walk and feedback; 0: 1
	Depth    int      // of pct; 0: 3
	Workers  int      // 0: as many as there are processors; no result depends on it
	FailFast bool     // ends with the first break
	Complete bool     // the test fails if something is left to explore
	Expect   []string // claims that are to break; the test fails if one holds
}

const (
	defaultStates = 100_000
	defaultRuns   = 10_000
	// sampledSteps is after how many steps no more runs are sampled where the states
	// were too many: runs that do not end are 10,000 steps long.
	sampledSteps = 1_000_000
)

// The flags stand before those of the package under test. SIM_SCHEDULE and
// SIM_SEED do the same for go test ./..., where some package may not know a flag.
var (
	scheduleFlag = flag.String("sim.schedule", "", "play this schedule, and do not search: its text, or @FILE")
	seedFlag     = flag.Uint64("sim.seed", 0, "play the one random run of this seed, and do not search")
	limitFlag    = flag.Int("sim.limit", 0, "how many states or runs a search explores")
	strategyFlag = flag.String("sim.strategy", "", strings.Join(explore.Strategies(), ", "))
	completeFlag = flag.Bool("sim.complete", false, "fail if something is left to explore")
	fullFlag     = flag.Bool("sim.full", false, "draw each step")
)

// longSchedule is how many steps a schedule may have to be printed; a longer one
// goes to a file.
const longSchedule = 40

// worlds makes a build function return its world.
func worlds(build func(*sim.World)) func() *sim.World {
	return func() *sim.World { return sim.Build(build) }
}

// Run searches. The error says that the model is at fault, not a property.
func (s Search) Run(build func(*sim.World)) (*explore.Result, error) {
	sys, err := explore.NewWorlds(worlds(build))
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	return s.search(sys)
}

func (s Search) search(sys explore.System) (*explore.Result, error) {
	strategy := cmp.Or(*strategyFlag, s.Strategy)
	limit := cmp.Or(*limitFlag, s.Limit)
	options := explore.Options{Limit: cmp.Or(limit, defaultRuns), First: s.FailFast, Workers: s.Workers}
	seed, depth := cmp.Or(s.Seed, 1), cmp.Or(s.Depth, 3)
	if strategy != "" && strategy != "states" {
		return explore.Search(strategy, sys, seed, depth, options)
	}
	states := options
	states.Limit = cmp.Or(limit, defaultStates)
	r, err := explore.States(sys, states)
	if err != nil || strategy == "states" || r.Complete || r.AnyBroken() {
		return r, err
	}
	options.Limit = defaultRuns
	steps := 0
	options.Progress = func(r *explore.Result) { steps = r.Steps }
	options.Stop = func() bool { return steps > sampledSteps }
	sampled, err := explore.PCT(sys, seed, depth, options)
	if err != nil {
		return nil, err
	}
	r.Runs, r.Steps, r.Sampler, r.Guarantee = sampled.Runs, sampled.Steps, sampled.Sampler, sampled.Guarantee
	for _, v := range sampled.Verdicts {
		i := slices.IndexFunc(r.Verdicts, func(of explore.Verdict) bool { return of.Property == v.Property })
		switch {
		case i < 0:
			r.Verdicts = append(r.Verdicts, v) // Only runs to their end judge it.
		case v.Bad > 0 || r.Verdicts[i].Outcome == explore.Vacuous:
			r.Verdicts[i] = v
		}
	}
	return r, nil
}

// builtIn are the properties of every world, the one to look at first of several
// that break last: a data race is only what leads to the rest.
var builtIn = []string{explore.EndsWhenFair, sim.NoDataRace, sim.NoProgress, sim.NoDeadlock, sim.NoPanic, sim.NodeInvariants, sim.Assertions}

// Check is the function Check with the settings of s.
func (s Search) Check(t testing.TB, build func(*sim.World)) *explore.Result {
	t.Helper()
	if s.plays(t, build) {
		return nil
	}
	r, err := s.Run(build)
	if refusal := (*sim.ModelError)(nil); errors.As(err, &refusal) {
		t.Fatalf("the model is at fault: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	s.judge(t, build, r)
	return r
}

// plays plays what a flag or a file asks for. It says whether there is nothing
// left to search.
func (s Search) plays(t testing.TB, build func(*sim.World)) bool {
	t.Helper()
	text := cmp.Or(*scheduleFlag, os.Getenv("SIM_SCHEDULE"))
	seed := *seedFlag
	if value := os.Getenv("SIM_SEED"); seed == 0 && value != "" {
		if _, err := fmt.Sscan(value, &seed); err != nil {
			t.Fatalf("SIM_SEED=%q is no number", value)
		}
	}
	switch {
	case text != "":
		if file, ok := strings.CutPrefix(text, "@"); ok {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text = string(content)
		}
		s.show(t, build, parse(t, text), "")
		return true
	case seed != 0:
		s.show(t, build, sim.NewWalk(seed), fmt.Sprintf("-sim.seed=%d", seed))
		return true
	}
	if content, err := os.ReadFile(scheduleFile(t)); err == nil {
		p, err := play(build, parse(t, string(content)))
		if err != nil {
			t.Logf("%s does not fit this world any more; delete that file by hand: %v", scheduleFile(t), err)
			return false
		}
		if first := p.first(s.Expect); first >= 0 {
			t.Fatal(p.picture(t, build, first, scheduleFile(t)+" breaks it still; delete that file by hand", "@"+scheduleFile(t)))
		}
	}
	return false
}

func parse(t testing.TB, text string) sim.Chooser {
	t.Helper()
	schedule, err := sim.ParseSchedule(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range schedule {
		schedule[i].Line = 0
	}
	return sim.NewReplay(schedule)
}

// show fails the test with a run that breaks something, and else logs it.
func (s Search) show(t testing.TB, build func(*sim.World), c sim.Chooser, repeat string) {
	t.Helper()
	p := playRun(t, build, c)
	first := p.first(s.Expect)
	if repeat == "" {
		repeat = p.report.Trace.Schedule.String()
	}
	if text := p.picture(t, build, first, "", repeat); first >= 0 {
		t.Error(text)
	} else {
		t.Log(text)
	}
}

// scheduleFile is where a long schedule of the test is kept.
func scheduleFile(t testing.TB) string {
	return filepath.Join("testdata", "sim", strings.ReplaceAll(t.Name(), "/", "_")+".schedule")
}

// Replay plays a schedule: a regression test. It fails while that still breaks
// something.
func Replay(t testing.TB, build func(*sim.World), schedule string) {
	t.Helper()
	Search{}.show(t, build, parse(t, schedule), schedule)
}

// Fuzz lets go test -fuzz choose what happens, a byte a choice.
func Fuzz(f *testing.F, build func(*sim.World)) {
	f.Helper()
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, choices []byte) {
		p := playRun(t, build, &bytesChooser{choices})
		if first := p.first(nil); first >= 0 {
			t.Fatal(p.picture(t, build, first, "", p.report.Trace.Schedule.String()))
		}
	})
}

// bytesChooser takes a byte where there is a choice, and at their end the first
// that can happen.
type bytesChooser struct{ left []byte }

func (c *bytesChooser) Choose(enabled []sim.Event) (int, error) {
	if len(enabled) == 1 || len(c.left) == 0 {
		return 0, nil
	}
	choice := int(c.left[0]) % len(enabled)
	c.left = c.left[1:]
	return choice, nil
}

// played is one run.
type played struct{ report *view.Report }

func play(build func(*sim.World), c sim.Chooser) (played, error) {
	w := worlds(build)()
	defer w.Close()
	r, err := view.Play(w, c)
	return played{r}, err
}

func playRun(t testing.TB, build func(*sim.World), c sim.Chooser) played {
	t.Helper()
	p, err := play(build, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// first is the index of the break to look at, or -1.
func (p played) first(expected []string) int {
	best := -1
	broken := p.report.Broken
	for i, b := range broken {
		if slices.Contains(expected, b.Property) {
			continue
		}
		if best < 0 {
			best = i
			continue
		}
		more := rank(b.Property) - rank(broken[best].Property)
		if b.Step == broken[best].Step {
			more = cmp.Or(leads(b.Property)-leads(broken[best].Property), more)
		}
		if more > 0 {
			best = i
		}
	}
	return best
}

// leads is higher for what is why the rest of one step broke: of those that hang, and of
// what is not as it should be in the end, a panic is the reason; of the latter, who hangs.
func leads(property string) int {
	switch {
	case property == sim.NoPanic:
		return 2
	case explore.Hangs(property):
		return 1
	}
	return 0
}

// rank is higher for what is to be looked at first.
func rank(property string) int {
	if i := slices.Index(builtIn, property); i >= 0 {
		return i
	}
	return len(builtIn)
}

// picture draws the run, with what broke first in it.
func (p played) picture(t testing.TB, build func(*sim.World), first int, search, repeat string) string {
	r := p.report
	if r.Title = "nothing broke"; first >= 0 {
		b := r.Broken[first]
		r.Broken = slices.Insert(slices.Delete(r.Broken, first, first+1), 0, b)
		r.Title = b.String()
		if sys, err := explore.NewWorlds(worlds(build)); err == nil {
			r.Culprit = explore.FindCulprit(sys, r.Trace.Schedule[:b.Step], b.Property)
			sys.Close()
		}
	}
	r.Search = search
	if !strings.HasPrefix(repeat, "-sim.") {
		repeat = "-sim.schedule='" + repeat + "'"
	}
	r.Repeat = fmt.Sprintf("go test -v -run '^%s$' %s %s", strings.ReplaceAll(t.Name(), "/", "$/^"), underTest(), repeat)
	var b bytes.Buffer
	if err := view.Text(&b, r, view.Options{Full: *fullFlag}); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// underTest is the package whose tests run, as any folder of its module may call it.
func underTest() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasSuffix(info.Path, ".test") {
		return strings.TrimSuffix(info.Path, ".test")
	}
	return "."
}

// judge fails the test for what a search has found.
func (s Search) judge(t testing.TB, build func(*sim.World), r *explore.Result) {
	t.Helper()
	var broken, also, vacuous, idle, holds, asked, unexpected []string
	claimed := len(s.Expect) > 0
	for _, name := range s.Expect {
		if judged := judged(r); !slices.Contains(judged, name) {
			t.Errorf("Expect has %q, which this world does not judge; it judges %s", name, strings.Join(judged, ", "))
		}
	}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		own := !slices.Contains(builtIn, v.Property)
		tested := v.Outcome != explore.Vacuous
		claimed = claimed || own && !v.Probe || tested && (v.Property == sim.Assertions || v.Property == sim.NodeInvariants)
		expected := slices.Contains(s.Expect, v.Property)
		switch {
		case v.Probe:
			asked = append(asked, v.Property+": "+v.Sentence(r))
		case expected && v.Outcome != explore.Broken:
			unexpected = append(unexpected, v.Property)
		case expected:
			also = append(also, v.Property+" breaks, as expected")
		case v.Outcome == explore.Broken:
			broken = append(broken, v.Property)
		case !tested && own:
			vacuous = append(vacuous, v.Property)
		case !tested && v.Property != sim.Assertions:
			idle = append(idle, v.Property)
		case tested:
			holds = append(holds, v.Property)
		}
	}
	slices.SortStableFunc(broken, func(a, b string) int { return rank(b) - rank(a) })
	if len(broken) > 0 {
		end := r.Verdict(broken[0]).Schedule
		slices.SortStableFunc(broken, func(a, b string) int {
			why := func(property string) int {
				if slices.Equal(r.Verdict(property).Schedule, end) {
					return leads(property)
				}
				return 0
			}
			return why(b) - why(a)
		})
		s.fail(t, build, r, broken)
	}
	for _, property := range unexpected {
		t.Errorf("%s is expected to break, and does not: %s", property, r.Verdict(property).Sentence(r))
	}
	for _, property := range vacuous {
		t.Errorf("%s is vacuous: no step put it to the test in %s", property, r.Explored())
	}
	if !claimed {
		t.Errorf("this world claims nothing: add Always, Finally, On or Task.Assert, or Watch a property that NewProperty made")
	}
	if (s.Complete || *completeFlag) && !r.Complete {
		t.Errorf("unfinished: %s", r.Explored())
	}
	switch {
	case len(holds) == 0:
	case r.Complete:
		t.Logf("holds in %s: %s", explored(r), strings.Join(holds, ", "))
	default:
		t.Logf("unfinished: nothing broke in %s: %s. Search{Complete: true} makes this a failure", explored(r), strings.Join(holds, ", "))
	}
	races := func(v explore.Verdict) bool { return v.Property == sim.NoDataRace && v.Outcome == explore.Broken }
	if len(holds) > 0 && slices.ContainsFunc(r.Verdicts, races) {
		also = append(also, "with a data race, what holds is no proof: what is done under a lock is one step only as long as nothing races")
	}
	if len(holds) > 0 && draws(build) {
		also = append(also, "what is drawn, such as delays, is what one seed draws: with another seed, what holds may break")
	}
	if len(idle) > 0 {
		also = append(also, "no step put to the test, and the test claims nothing of it: "+strings.Join(idle, ", "))
	}
	for _, line := range append(also, asked...) {
		t.Log(line)
	}
}

// shrunk is a verdict with its schedule made short.
func shrunk(t testing.TB, build func(*sim.World), v *explore.Verdict) *explore.Verdict {
	t.Helper()
	sys, err := explore.NewWorlds(worlds(build))
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	s, short := v.Shrunk(sys, shrinkStates), *v
	short.Schedule, short.Err, short.Shortest = s.Schedule, s.Err, s.Shortest
	return &short
}

// judged lists what a search has verdicts on.
func judged(r *explore.Result) []string {
	var names []string
	for _, v := range r.Verdicts {
		names = append(names, v.Property)
	}
	return names
}

// draws says whether chance has a part in the world.
func draws(build func(*sim.World)) bool {
	w := worlds(build)()
	defer w.Close()
	return explore.Of(w).Drawn()
}

// explored says how much was explored, and by what.
func explored(r *explore.Result) string {
	text := r.Explored()
	if r.Strategy == "states" && r.Runs > 0 {
		text += fmt.Sprintf("; then in %s runs by pct (%s)", explore.Thousands(r.Runs), r.Sampler)
	}
	return text
}

// fail draws the first of what broke, and lists the rest.
func (s Search) fail(t testing.TB, build func(*sim.World), r *explore.Result, broken []string) {
	t.Helper()
	v := r.Verdict(broken[0])
	var panicked interface{ Where() string }
	if errors.As(v.Err, &panicked) && panicked.Where() != "" {
		t.Logf("the panic comes from %s", panicked.Where())
	}
	if v.Endless {
		t.Errorf("%s: %v; if a function loops for ever by design, let Task.Loop say so; "+
			"if a server counts on and on, count no further than a claim needs", v.Property, v.Err)
		return
	}
	if len(v.Schedule) == 0 {
		t.Errorf("%s, at the start, before any step: %v", v.Property, v.Err)
		return
	}
	found := len(v.Schedule)
	v = shrunk(t, build, v)
	p := playRun(t, build, sim.NewReplay(v.Schedule))
	first := slices.IndexFunc(p.report.Broken, func(b view.Break) bool { return b.Property == v.Property })
	if first < 0 && v.Property != sim.NoDataRace {
		t.Fatalf("the model is at fault: the search found a schedule that breaks %s (%v), and a new world that plays it does not break it: "+
			"is there a plain variable that tasks or properties share? Make it a sim.Var. Is a Loop left and come to again? Give it another name (schedule: %v)", v.Property, v.Err, v.Schedule)
	}
	repeat := v.Schedule.String()
	if len(v.Schedule) > longSchedule {
		file := scheduleFile(t)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err == nil && os.WriteFile(file, []byte(v.Schedule.Lines()), 0o644) == nil {
			repeat = "@" + file
		}
	}
	for _, property := range broken[1:] {
		if !slices.ContainsFunc(p.report.Broken, func(b view.Break) bool { return b.Property == property }) {
			p.report.Notes = append(p.report.Notes, fmt.Sprintf("%s breaks too, in another run: %v", property, r.Verdict(property).Err))
		}
	}
	search := explored(r)
	switch {
	case !v.Shortest && len(v.Schedule) < found:
		search += fmt.Sprintf("; shrunk from %d steps to %d, which may not be the shortest", found, len(v.Schedule))
	case !v.Shortest:
	case v.Property == sim.NoDataRace:
		search += "; in no shorter schedule can both steps be next"
	default:
		search += "; no schedule is shorter"
	}
	text := p.picture(t, build, first, search, repeat)
	if first < 0 {
		text = fmt.Sprintf("%s: %v\n%s", v.Property, v.Err, text)
	}
	t.Error(text)
}
