package witness

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"racelab/sim/explore"
	"racelab/witness/internal/names"
	"racelab/witness/internal/search"
	"racelab/witness/rt"
)

// Variable is the environment variable that holds the Settings of a search; without
// it nothing is explored.
const Variable = "WITNESS"

// Settings are what the command tells the tests that it built.
type Settings struct {
	Strategy    string // see Strategies
	Runs        int
	Seed        uint64
	Depth       int      // of pct and mixed
	Preemptions int      // of bounded
	Count       bool     // do not stop at the first run that breaks
	Schedule    string   // repeat this; see Decisions
	Leaks       bool     // goroutines left at the end break a test
	AsyncTimers bool     // timers as before Go 1.23
	Keep        bool     // write what is found to testdata/witness
	Atomic      []string // see rt.Atomic
	Command     string   // that repeats a finding, up to the schedule; TEST stands for the test, EXPERIMENT for its name as an experiment
	Missed      []string
	Answers     string // a file for what was found, one JSON a line
}

// Strategies are the searches that there are.
func Strategies() []string {
	return slices.Concat([]string{"mixed"}, search.Ways, []string{"pct", "walk", "uniform", "bounded"})
}

// settings returns the settings of the search; nil: none.
func settings() *Settings {
	text := os.Getenv(Variable)
	if text == "" {
		return nil
	}
	s := &Settings{}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		panic(fmt.Sprintf("witness: %s: %v", Variable, err))
	}
	return s
}

// Explore runs body under many schedules and fails t with the one that breaks it,
// if any does. A body breaks when it fails, panics or deadlocks, leaves goroutines
// that wait for ever, or does not end although everybody gets a turn.
//
// Without the command witness, it runs body once, natively.
func Explore(t *testing.T, body func(w *T)) {
	t.Helper()
	s := settings()
	if s == nil {
		t.Log("runs once, natively: nothing is explored; use witness test")
		body(&T{T: t})
		return
	}
	exploreTest(t, s, body)
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
	exploreTest(t, s, func(w *T) { f(w.T) })
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
}

func exploreTest(t *testing.T, s *Settings, body func(w *T)) {
	t.Helper()
	rt.AsyncTimers, rt.Atomic = s.AsyncTimers, s.Atomic
	sys := search.New(func() {
		w := begin(t.Name())
		defer w.end()
		body(w)
	})
	defer sys.Close()
	sys.Leaks = s.Leaks
	// What a process makes once (in a sync.Once of a package) is made before the
	// search, so that all runs are alike.
	play(sys, nil)
	if s.Schedule != "" {
		repeat(t, sys, s)
		return
	}
	kept := folder(t)
	for _, file := range saved(kept) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := ParseDecisions(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if out := play(sys, d); out.broke != nil {
			report(t, sys, s, out, Answer{Explored: "repeated from " + file})
			return
		}
	}
	r, err := run(sys, s)
	if err != nil {
		t.Fatal(err)
	}
	answer := Answer{Test: t.Name(), Explored: r.Explored(), Runs: r.Runs}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Bad == 0 {
			continue
		}
		answer.Property, answer.Bad, answer.Seed = v.Property, v.Bad, v.Seed
		if v.Property == explore.EndsWhenFair {
			answer.Sentence = v.Err.Error()
			answer.write(s)
			t.Errorf("%s: %s\n  %d of %d runs, seed %d first", v.Property, answer.Sentence, v.Bad, r.Runs, v.Seed)
			return
		}
		out := shrink(sys, v.Schedule, v.Property)
		report(t, sys, s, out, answer)
		if s.Keep {
			keep(t, kept, out)
		}
		return
	}
	answer.Vacuous = sys.Points() == 0
	answer.write(s)
	if answer.Vacuous {
		t.Errorf("vacuous: nothing was to be chosen, so no schedule could break it%s", uncontrolled(s.Missed))
		return
	}
	t.Logf("holds: no failure in %s%s", r.Explored(), uncontrolled(s.Missed))
}

func uncontrolled(missed []string) string {
	for _, at := range slices.Sorted(slices.Values(rt.Outsiders())) {
		missed = append(missed, at+": a goroutine that the test did not start")
	}
	if len(missed) == 0 {
		return ""
	}
	return "\n  not controlled: " + strings.Join(missed, "; ")
}

// run searches.
func run(sys *search.System, s *Settings) (*explore.Result, error) {
	o := explore.Options{Limit: s.Runs, First: !s.Count, Workers: 1}
	switch s.Strategy {
	case "walk":
		return explore.Walks(sys, s.Seed, o)
	case "uniform":
		return explore.Uniform(sys, s.Seed, o)
	case "bounded":
		return explore.Bounded(sys, s.Preemptions, o)
	case "pct":
		return explore.PCT(sys, s.Seed, s.Depth, o)
	default:
		return search.Mixed(sys, s.Strategy, s.Seed, s.Depth, o)
	}
}

// tries is how often a finding is repeated.
const tries = 100

// report fails the test with what was found.
func report(t *testing.T, sys *search.System, s *Settings, out outcome, a Answer) {
	t.Helper()
	for range tries {
		if again := play(sys, out.decisions); again.history == out.history && again.property() == out.property() {
			a.Again++
		}
	}
	a.Test, a.Property, a.Sentence = t.Name(), out.property(), out.broke.Err.Error()
	a.Schedule, a.Steps = out.decisions.String(), len(out.steps)
	a.write(s)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", a.Property, a.Sentence)
	b.WriteString(out.picture())
	if a.Runs > 0 {
		fmt.Fprintf(&b, "  found: %d of %d runs; repeated: %d of %d did the same\n", a.Bad, a.Runs, a.Again, tries)
	} else {
		fmt.Fprintf(&b, "  %s; repeated: %d of %d did the same\n", a.Explored, a.Again, tries)
	}
	fmt.Fprintf(&b, "  repeat: %s -schedule '%s'", strings.NewReplacer("TEST", t.Name(), "EXPERIMENT", names.Experiment(t.Name())).Replace(s.Command), a.Schedule)
	t.Error(b.String())
}

func repeat(t *testing.T, sys *search.System, s *Settings) {
	t.Helper()
	text := s.Schedule
	if content, err := os.ReadFile(text); err == nil {
		text = string(content)
	}
	d, err := ParseDecisions(text)
	if err != nil {
		t.Fatal(err)
	}
	out := play(sys, d)
	if out.broke == nil {
		how := ""
		if out.unused > 0 {
			how = fmt.Sprintf("; %d of %d decisions found nothing to decide: the code or the test is another", out.unused, len(d))
		}
		t.Logf("nothing broke in %d steps%s\n%s", len(out.steps), how, out.picture())
		return
	}
	report(t, sys, s, out, Answer{Explored: "by the schedule that was given"})
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

func keep(t *testing.T, folder string, out outcome) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Log(err)
		return
	}
	file := filepath.Join(folder, fmt.Sprintf("%08x.schedule", uint32(out.history)))
	if err := os.WriteFile(file, []byte(out.decisions.Lines()), 0o666); err != nil {
		t.Log(err)
	}
}
