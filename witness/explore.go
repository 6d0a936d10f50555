package witness

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/internal/names"
	"racelab/witness/internal/search"
	"racelab/witness/rt"
)

// Variable is the environment variable that names the file of the Settings of a search;
// without it nothing is explored.
const Variable = "WITNESS"

// given is that file. Processes that a test starts do not see it: they are its own.
var given = func() string {
	file := os.Getenv(Variable)
	os.Unsetenv(Variable)
	return file
}()

// Settings are what the command tells the tests that it built.
type Settings struct {
	Strategy    string // see Strategies
	Runs        int
	RunsOf      map[string]int // of some tests, in place of Runs
	Seed        uint64
	Depth       int      // of pct and mixed
	Preemptions int      // of bounded
	Count       bool     // do not stop at the first run that breaks
	Schedule    string   // repeat this; see Decisions
	Orders      string   // keep these; see ParseOrders
	Leaks       bool     // goroutines left at the end break a test
	AsyncTimers bool     // timers as before Go 1.23
	Keep        bool     // write what is found to testdata/witness
	Atomic      []string // see rt.Atomic
	Command     string   // that repeats a finding, up to the schedule; TEST stands for the test, EXPERIMENT for its name as an experiment
	Missed      []string
	Args        []string // of the test binary
	RaceLog     string   // see rt.RaceLog
	Debug       bool     // a debugger may stop the process for as long as it likes
	Answers     string   // a file for what was found, one JSON a line
	Workers     int      // how many processes explore at a time
	Part        *part    // what this process is to do; nil: all
}

// Strategies are the searches that there are.
func Strategies() []string {
	return slices.Concat([]string{"mixed"}, search.Ways, []string{"pct", "walk", "uniform", "feedback", "bounded"})
}

// settings returns the settings of the search; nil: none.
func settings() *Settings {
	if given == "" {
		return nil
	}
	s := &Settings{}
	text, err := os.ReadFile(given)
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err != nil {
		panic(fmt.Sprintf("witness: %s: %v", Variable, err))
	}
	return s
}

// Save writes the settings to a file, and returns the environment of a process that is to
// read them.
func (s *Settings) Save(file string) ([]string, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return append(os.Environ(), Variable+"="+file), os.WriteFile(file, text, 0o666)
}

// Explore runs body under many schedules and fails t with the one that breaks it,
// if any does. A body breaks when it fails, panics or deadlocks, leaves goroutines
// that wait for ever, or does not end although everybody gets a turn.
//
// Without the command witness, it runs body once, natively.
func Explore(t *testing.T, body func(w *T)) {
	t.Helper()
	if rt.InRun() { // of witness test -all
		body(Of(t))
		return
	}
	s := settings()
	if s == nil {
		t.Log("runs once, natively: nothing is explored; use witness test")
		body(&T{T: t})
		return
	}
	exploreTest(t, s, false, body)
}

// Test explores a whole test, unmodified. It reports false if the test is to run
// as it is: in a run, or without a search.
func Test(t *testing.T, f func(*testing.T)) bool {
	t.Helper()
	if rt.InRun() {
		return false
	}
	s := settings()
	if s == nil {
		return false
	}
	exploreTest(t, s, true, func(w *T) { f(w.T) })
	return true
}

// Answer is what a search of one test found.
type Answer struct {
	Test     string
	Property string // empty: nothing broke
	Sentence string
	Explored string
	Bad      int // runs
	Runs     int
	Seed     uint64
	Schedule string
	Steps    int
	Again    int // of 100 repetitions, how many took the same steps to the same end
	Vacuous  bool
	Beside   []string `json:",omitempty"` // what went on out of control, with its line
}

// exploring is held by the search of this process: there is one run at a time.
var exploring sync.Mutex

// calls counts the searches of each test.
var calls = map[string]int{}

// exploreTest explores a body. unasked says that the test does not call Explore itself.
func exploreTest(t *testing.T, s *Settings, unasked bool, body func(w *T)) {
	t.Helper()
	exploring.Lock()
	defer exploring.Unlock()
	if n, ok := s.RunsOf[t.Name()]; ok {
		s.Runs = n
	}
	calls[t.Name()]++
	call := calls[t.Name()]
	if s.Part != nil && (s.Part.Test != t.Name() || s.Part.Call != call) {
		return
	}
	if s.Part == nil && !s.Debug {
		s.search(t, call, unasked)
		return
	}
	rt.AsyncTimers, rt.Atomic, rt.RaceLog = s.AsyncTimers, s.Atomic, s.RaceLog
	if s.Debug {
		rt.Patience = 1000 * time.Hour
	} else {
		endsWithItsParent()
	}
	sys := systemOf(t, body)
	defer sys.Close()
	sys.Leaks = s.Leaks
	// What a process makes once (in a sync.Once of a package) is made before the
	// search, so that all runs are alike.
	first := measure(sys)
	if s.Debug {
		f, said, err := repeat(t, sys, s)
		s.report(t, f, said, err)
		return
	}
	if err := s.Part.make(t, sys, s, first); err != nil {
		t.Fatal(err)
	}
}

// systemOf is a test's body as searches see it.
func systemOf(t *testing.T, body func(w *T)) *search.System {
	return search.New(func() {
		w := begin(t.Name())
		defer w.end()
		body(w)
		w.returned = true
	})
}

// search lets other processes explore a test, and says what they found. A run that hangs
// ends its process; this one makes none, and goes on with the next test.
func (s *Settings) search(t *testing.T, call int, unasked bool) {
	t.Helper()
	if s.Schedule != "" || s.Orders != "" {
		done, err := s.process(&part{Test: t.Name(), Call: call})
		if err != nil {
			done = &partial{}
		}
		s.report(t, done.Finding, done.Said, err)
		return
	}
	kept := folder(t)
	f, err := s.before(t, call, kept)
	if err == nil && f == nil {
		var found *partial
		if found, err = s.explore(t, call); err == nil {
			f, err = s.conclude(t, call, found, kept, unasked)
		}
	}
	s.report(t, f, "", err)
}

// report fails the test with what was found, or says what there is to say.
func (s *Settings) report(t *testing.T, f *finding, said string, err error) {
	t.Helper()
	var h hung
	switch {
	case errors.As(err, &h):
		f = &finding{Answer: Answer{Test: t.Name(), Property: rt.UnderControl, Sentence: h.Error()}}
		f.Text = f.Answer.Property + ": " + f.Answer.Sentence
	case err != nil:
		t.Fatal(err)
	}
	switch {
	case f != nil:
		f.Answer.write(s)
		t.Error(f.Text)
	case said != "":
		t.Log(said)
	}
}

// before repeats what was found before.
func (s *Settings) before(t *testing.T, call int, kept string) (*finding, error) {
	for _, file := range saved(kept) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if _, err := ParseDecisions(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		f, err := s.tell(&part{Test: t.Name(), Call: call, Schedule: string(text), Answer: Answer{Explored: "repeated from " + file}})
		if err != nil || f != nil {
			return f, err
		}
	}
	return nil, nil
}

// finding is a run that breaks a test, as it is told.
type finding struct {
	Answer Answer
	Text   string
	Lines  string // its decisions
	Name   string // of the file to keep it in
}

// conclude says what a search found; nil: nothing broke.
func (s *Settings) conclude(t *testing.T, call int, found *partial, kept string, unasked bool) (*finding, error) {
	t.Helper()
	answer := Answer{Test: t.Name(), Explored: found.Result.Explored(), Runs: found.Result.Runs}
	if len(found.Broken) > 0 {
		b := found.Broken[0]
		answer.Property, answer.Bad, answer.Seed, answer.Sentence = b.Property, b.Bad, b.Seed, b.Sentence
		says := fmt.Sprintf("%s: %s\n  %s of %s runs, seed %d first", b.Property, b.Sentence, explore.Thousands(b.Bad), explore.Thousands(answer.Runs), b.Seed)
		if b.Endless {
			return &finding{Answer: answer, Text: says}, nil
		}
		f, err := s.tell(&part{Test: t.Name(), Call: call, Schedule: b.Lines, Property: b.Property, Answer: answer})
		switch {
		case err != nil:
			return nil, err
		case f != nil && f.Answer.Property == rt.UnderControl:
			return f, nil
		case f == nil && len(found.Outsiders) > 0:
			answer.Property = rt.UnderControl
			answer.Sentence = fmt.Sprintf("a schedule breaks the test in one process (%s: %s) and not in another; what the test did not start decides too, at %s", b.Property, b.Sentence, strings.Join(found.Outsiders, ", "))
			return &finding{Answer: answer, Text: answer.Property + ": " + answer.Sentence}, nil
		case f == nil:
			return &finding{Answer: answer, Text: says + "; the same schedule in another process does not break: something is kept from run to run, such as a variable of a package"}, nil
		case s.Keep:
			keep(t, kept, f)
		}
		return f, nil
	}
	missed := slices.Clone(s.Missed)
	for _, at := range found.Outsiders {
		missed = append(missed, at+": a goroutine that the test did not start")
	}
	uncontrolled := ""
	if len(missed) > 0 {
		uncontrolled = "\n  not controlled: " + strings.Join(missed, "; ")
	}
	answer.Vacuous, answer.Beside = found.Points == 0, missed
	answer.write(s)
	switch {
	case answer.Vacuous && unasked:
		t.Logf("vacuous: nothing was to be chosen; the test ran%s", uncontrolled)
	case answer.Vacuous:
		t.Errorf("vacuous: nothing was to be chosen, so no schedule could break it%s", uncontrolled)
	default:
		if found.Longest > sim.MaxSteps {
			answer.Explored += fmt.Sprintf("; a run may have %d steps, so there are %d in place of %d", found.Longest, answer.Runs, s.Runs)
		}
		t.Logf("holds: no failure in %s%s", answer.Explored, uncontrolled)
	}
	return nil, nil
}

// mostWork bounds the default run of a test that is long: steps times goroutines.
const mostWork = 10_000_000

// measure takes the default run, tells the system how long a run may be, and returns
// what the run broke. A run may have four times as many steps as this one has to the end
// of the test, if it comes to that.
func measure(sys *search.System) (broke string) {
	steps, work, body := 0, 0, 0
	sys.Reset()
	for ; len(sys.Enabled()) > 0 && (steps < sim.MaxSteps || body == 0 && work < mostWork); steps++ {
		sys.Take(0)
		work += len(sys.Trace()) * sys.Goroutines()
		if v := sys.Violations(); len(v) > 0 {
			return v[0].Property
		}
		if body == 0 && sys.Ended() {
			body = steps
		}
	}
	if body > sim.MaxSteps/2 {
		sys.Longest = 4 * body
	}
	return ""
}

// runs makes runs of a search: so many, after so many others; fewer if they are long.
func runs(sys *search.System, s *Settings, from, n int) (*explore.Result, error) {
	if sys.Longest > 0 {
		n = max(1, n*sim.MaxSteps/sys.Longest)
	}
	o := explore.Options{Limit: n, First: !s.Count, Workers: 1, Longest: sys.Longest}
	seed := s.Seed + uint64(from)
	switch s.Strategy {
	case "walk":
		return explore.Walks(sys, seed, o)
	case "uniform":
		return explore.Uniform(sys, seed, o)
	case "feedback":
		return explore.Feedback(sys, seed, o)
	case "bounded":
		return explore.Bounded(sys, s.Preemptions, o)
	case "pct":
		return explore.PCT(sys, seed, s.Depth, o)
	default:
		return search.Mixed(sys, s.Strategy, seed, s.Depth, o)
	}
}

// tries is how often a finding is repeated.
const tries = 100

// found is the finding that a run is.
func (o *outcome) found(t *testing.T, sys *search.System, s *Settings, a Answer) *finding {
	for range tries {
		if again := play(sys, o.decisions); again.history == o.history && again.property() == o.property() {
			a.Again++
		}
	}
	a.Test, a.Property, a.Sentence = t.Name(), o.property(), o.broke.Err.Error()
	a.Schedule, a.Steps = o.decisions.String(), len(o.steps)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", a.Property, a.Sentence)
	b.WriteString(o.picture())
	how := a.Explored
	if a.Runs > 0 {
		how = fmt.Sprintf("found: %s of %s runs", explore.Thousands(a.Bad), explore.Thousands(a.Runs))
	}
	fmt.Fprintf(&b, "  %s; repeated: %d of %d did the same", how, a.Again, tries)
	if a.Again < tries {
		b.WriteString(": something that is not controlled decides too")
	}
	b.WriteString("\n")
	fmt.Fprintf(&b, "  repeat: %s -schedule '%s'", strings.NewReplacer("TEST", t.Name(), "EXPERIMENT", names.Experiment(t.Name())).Replace(s.Command), a.Schedule)
	return &finding{a, b.String(), o.decisions.Lines(), fmt.Sprintf("%08x.schedule", uint32(o.history))}
}

// repeat takes one run by a schedule, and says what it did if it broke nothing. A debugger
// that breaks here has come past all runs before it.
func repeat(t *testing.T, sys *search.System, s *Settings) (f *finding, said string, err error) {
	d, err := ParseDecisions(s.Schedule)
	if err != nil {
		return nil, "", err
	}
	out := play(sys, d)
	switch {
	case out.broke == nil:
		how := ""
		if out.unused > 0 {
			how = fmt.Sprintf("; %d of %d decisions found nothing to decide: the code or the test is another", out.unused, len(d))
		}
		return nil, fmt.Sprintf("nothing broke in %d steps%s\n%s", len(out.steps), how, out.picture()), nil
	case s.Debug:
		return &finding{Text: fmt.Sprintf("%s: %s\n%s", out.property(), out.broke.Err, out.picture())}, "", nil
	}
	return out.found(t, sys, s, Answer{Explored: "by the schedule that was given"}), "", nil
}

func (a Answer) write(s *Settings) {
	if s.Answers == "" {
		return
	}
	f, err := os.OpenFile(s.Answers, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return
	}
	defer f.Close()
	_ = json.NewEncoder(f).Encode(a)
}

// folder is where a test's findings are kept.
func folder(t *testing.T) string {
	return filepath.Join("testdata", "witness", strings.ReplaceAll(t.Name(), "/", "."))
}

func saved(folder string) []string {
	files, _ := filepath.Glob(filepath.Join(folder, "*.schedule"))
	slices.Sort(files)
	return files
}

func keep(t *testing.T, folder string, f *finding) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Log(err)
		return
	}
	if err := os.WriteFile(filepath.Join(folder, f.Name), []byte(f.Lines), 0o666); err != nil {
		t.Log(err)
	}
}
