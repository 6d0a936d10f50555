package scenarios_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"racelab/scenario"
	"racelab/scenarios"
	"racelab/scenarios/closehangs"
	"racelab/scenarios/patterns"
	"racelab/scenarios/transactionprotocol"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
	"racelab/sim/trace"
	"racelab/sim/view"
)

// quick lists the races that a test of the lab itself goes through: all, and with
// -short, which is for the race detector, those with few states.
func quick() []*scenario.Race {
	if !testing.Short() {
		return scenarios.All()
	}
	return slices.DeleteFunc(scenarios.All(), func(r *scenario.Race) bool {
		return r.Name != "stale-snapshot" && r.Name != "lost-update"
	})
}

// families is quick with one race of each package, which ends by itself: what a test asks of the lab and not
// of a race, those of one package answer alike.
func families() []*scenario.Race {
	like := slices.Concat(closehangs.All()[:1], closehangs.All()[2:], transactionprotocol.All()[1:], patterns.All()[1:])
	return slices.DeleteFunc(quick(), func(r *scenario.Race) bool {
		return slices.ContainsFunc(like, func(s scenario.Any) bool { return s.Race().Name == r.Name })
	})
}

// long skips a test of the models with -short: the race detector slows a search
// tenfold and more, and looks for nothing there, where one goroutine runs.
func long(t *testing.T) {
	if testing.Short() {
		t.Skip("a search of a model, with one goroutine")
	}
}

// theCase is a variant of a race with some parameters; the empty variant is the
// first.
func theCase(t *testing.T, race, variant string, settings ...string) *scenario.Case {
	t.Helper()
	r, err := scenarios.Find(race)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Case(variant, "", settings...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// each calls the test for every variant of every race.
func each(t *testing.T, test func(t *testing.T, c *scenario.Case)) {
	for _, r := range families() {
		for _, v := range r.Variants {
			t.Run(r.Name+"/"+v.Name, func(t *testing.T) { test(t, theCase(t, r.Name, v.Name)) })
		}
	}
}

// Goal: wiring and what is tagged `sim:"config"` stay as they are.
func TestWhatIsFixedStays(t *testing.T) {
	each(t, func(t *testing.T, c *scenario.Case) { simtest.Wired(t, c.World) })
}

// whole lets the table be searched to its end, however many states there are.
var whole = flag.Bool("whole-table", false, "search every setting of the table to its end")

// tableStates is how many states of each setting are searched otherwise.
const tableStates = 5_000

// Goal: the table of expected verdicts is true. Method: what simrun check does, with
// fewer checks of the models, which stand against all of them in the first setting,
// and up to tableStates; make nightly searches all to the end.
func TestEveryVerdictIsAsExpected(t *testing.T) {
	long(t)
	for _, r := range scenarios.All() {
		for _, search := range r.Searches(false) {
			if search.Setting.Name == r.Settings[0].Name {
				continue // The tests of properties search these.
			}
			o := explore.Options{Again: true}
			if !*whole {
				o.Limit = tableStates
			}
			rows, err := r.Check(search, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				fine := row.AsExpected()
				if !row.Result.Complete && !*whole { // It was cut; what it found must be expected.
					fine = row.Verdict.Probe || row.Verdict.Outcome != explore.Broken || row.Expected.Breaks()
				}
				if !fine {
					t.Errorf("%s %s, setting %s: %s is %q in %d states, want %s",
						row.Scenario, row.Variant, row.Setting, row.Property, row.Verdict.Outcome, row.Result.States, row.Want())
				}
			}
		}
	}
}

// Goal: the model of each variant is checked whole once, and in every search by --slow.
func TestEachModelIsCheckedWhole(t *testing.T) {
	for _, r := range scenarios.All() {
		for _, slow := range []bool{false, true} {
			whole := map[string]int{}
			for _, search := range r.Searches(slow) {
				if !search.Again {
					whole[search.Variant.Name]++
				}
			}
			for _, v := range r.Variants {
				want := 1
				if slow {
					want = len(r.Settings)
				}
				if whole[v.Name] != want {
					t.Errorf("%s, slow %v: %s is checked whole in %d searches, want %d", r.Name, slow, v.Name, whole[v.Name], want)
				}
			}
		}
	}
	lost, err := scenarios.Find("lost-update")
	if err != nil {
		t.Fatal(err)
	}
	for _, search := range lost.Searches(false) {
		walks := 100
		if search.Again {
			walks = 10
		}
		if result, err := lost.Search(search, explore.Options{}); err != nil || result.Walks != walks {
			t.Errorf("lost-update %s in %s stands against %d walks (%v), want %d", search.Variant.Name, search.Setting.Name, result.Walks, err, walks)
		}
	}
}

// Goal: what the compiler does not see of the registry: each claim is watched
// somewhere, and each file is there.
func TestRegistryIsWhole(t *testing.T) {
	for _, r := range scenarios.All() {
		known := map[string]bool{}
		for _, s := range r.Settings {
			for _, p := range r.Watched(r.Variants[0].Name, s.Name) {
				known[p] = true
			}
		}
		for _, c := range r.Claims {
			if !known[c.Name] {
				t.Errorf("%s claims %s, which is watched in none of its settings", r.Name, c.Name)
			}
		}
		for _, file := range r.Code {
			if _, err := os.Stat("../" + file); err != nil {
				t.Errorf("%s says its code is in %s: %v", r.Name, file, err)
			}
		}
		for _, s := range r.Statements {
			if _, err := os.Stat("../" + s.Figure); s.Figure != "" && err != nil {
				t.Errorf("%s, statement %s: %v", r.Name, s.ID, err)
			}
			if (s.Command == "") != (s.Verdict == scenario.Open) {
				t.Errorf("%s, statement %s: verdict %q with the command %q", r.Name, s.ID, s.Verdict, s.Command)
			}
		}
	}
}

// Goal: the same seed gives the same bytes, whatever GOMAXPROCS is; and the
// schedule of a run, played again, gives the run again.
func TestSameSeedSameBytes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	each(t, func(t *testing.T, c *scenario.Case) {
		const seed = 1
		first := ""
		for _, procs := range []int{1, 8} {
			runtime.GOMAXPROCS(procs)
			got := played(t, c, sim.NewWalk(seed))
			if first == "" {
				first = got
			}
			if got != first {
				t.Fatalf("GOMAXPROCS %d: the run differs from the first one", procs)
			}
		}
		w := c.World()
		trace := trace.Record(w)
		if _, err := sim.Run(w, sim.NewWalk(seed)); err != nil {
			t.Fatal(err)
		}
		w.Close()
		schedule, err := sim.ParseSchedule(trace.Schedule.Lines())
		if err != nil {
			t.Fatal(err)
		}
		if steps(played(t, c, sim.NewReplay(schedule))) != steps(first) {
			t.Error("the replay of its schedule differs from the run")
		}
	})
}

// steps leaves out how the run ended: a replay ends with its schedule.
func steps(played string) string {
	_, rest, _ := strings.Cut(played, `"broken"`)
	return rest
}

func played(t *testing.T, c *scenario.Case, chooser sim.Chooser) string {
	t.Helper()
	report, err := c.Play(chooser)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := view.JSON(&b, report.AsJSON()); err != nil {
		t.Fatal(err)
	}
	if err := view.Text(&b, report, view.Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Goal: the generated pages are fresh, there is one for each race and no other,
// and what a reader would have to scroll is a command or a link.
func TestPagesAreFresh(t *testing.T) {
	pages := scenario.Pages(scenarios.All())
	if want := len(scenarios.All()) + 1; len(pages) != want {
		t.Errorf("%d pages, want %d: is a scenario in no group?", len(pages), want)
	}
	files, err := os.ReadDir("../docs/races")
	if err != nil || len(files) != len(pages)-1 {
		t.Errorf("docs/races has %d files (%v), want %d", len(files), err, len(pages)-1)
	}
	for _, page := range pages {
		got, err := os.ReadFile("../" + page.Path)
		if err != nil || string(got) != page.Text {
			t.Errorf("%s is stale (%v); run: make races", page.Path, err)
		}
		for line := range strings.Lines(page.Text) {
			if utf8.RuneCountInString(line) > 101 && !strings.Contains(line, "simrun ") && !strings.Contains(line, "](") {
				t.Errorf("%s has a line of more than 100 columns: %s", page.Path, line)
			}
		}
	}
}

func TestSpecificationIsFresh(t *testing.T) {
	if got, err := os.ReadFile("../docs/specification.md"); err != nil || string(got) != transactionprotocol.Specification() {
		t.Errorf("docs/specification.md is stale (%v); run: make races", err)
	}
}

func TestReadmeIsFresh(t *testing.T) {
	got, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := scenario.Readme(string(got), scenarios.All())
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("the table of symptoms in README.md is stale; run: make races")
	}
}

func TestCaseRefuses(t *testing.T) {
	s, err := scenarios.Find("offset-rewind")
	if err != nil {
		t.Fatal(err)
	}
	transactions, err := scenarios.Find("concurrent-transactions")
	if err != nil {
		t.Fatal(err)
	}
	refused := "Sarama refuses this configuration: kafka: invalid configuration (Idempotent producer requires Producer.Retry.Max >= 1)"
	if _, err := transactions.Case("sarama-1.61.1", "", "producer-max=0"); fmt.Sprint(err) != refused {
		t.Errorf("producer-max=0: %v, want %s", err, refused)
	}
	if _, err := transactions.Case("kgo", "", "producer-max=0"); err != nil {
		t.Errorf("producer-max=0 of franz-go, which has no such setting: %v", err)
	}
	for _, test := range []struct{ setting, want string }{
		{"partitions", `"partitions" is no setting; want NAME=VALUE, of partitions, instances, commits, `},
		{"threads=2", `there is no parameter of offset-rewind "threads"; possible: partitions, instances, commits, `},
		{"commits=0", "commits=0 is out of range; want 1 to 100000"},
		{"commits=two", "commits=two is out of range; want 1 to 100000"},
		{"commits=02", "commits=02 is out of range; want 1 to 100000"},
		{"writer-preference=yes", "writer-preference=yes is out of range; want on or off"},
	} {
		if _, err := s.Case("", "", test.setting); !strings.HasPrefix(fmt.Sprint(err), test.want) {
			t.Errorf("%q: %v, want %s", test.setting, err, test.want)
		}
	}
}
