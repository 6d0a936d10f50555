package scenarios_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
	"racelab/sim/view"
)

// quick lists the scenarios that a test of the lab itself goes through: all, and
// with -short, which is for the race detector, those with few states.
func quick() []*scenarios.Scenario {
	if !testing.Short() {
		return scenarios.All()
	}
	return slices.DeleteFunc(scenarios.All(), func(s *scenarios.Scenario) bool {
		return s.Name != "stale-snapshot" && s.Name != "lost-update"
	})
}

// long skips a test of the models with -short: the race detector slows a search
// tenfold and more, and looks for nothing there, where one goroutine runs.
func long(t *testing.T) {
	if testing.Short() {
		t.Skip("a search of a model, with one goroutine")
	}
}

// each calls the test for every variant of every scenario.
func each(t *testing.T, test func(t *testing.T, s *scenarios.Scenario, v scenarios.Variant)) {
	for _, s := range quick() {
		for _, v := range s.Variants {
			t.Run(s.Name+"/"+v.Name, func(t *testing.T) { test(t, s, v) })
		}
	}
}

// Goal: wiring and what is tagged `sim:"config"` stay as they are.
func TestWhatIsFixedStays(t *testing.T) {
	each(t, func(t *testing.T, s *scenarios.Scenario, v scenarios.Variant) {
		simtest.Wired(t, func() *sim.World { return s.Build(v.Name, s.Defaults()) })
	})
}

// Goal: the table of expected verdicts is true. Method: what simrun check does.
func TestEveryVerdictIsAsExpected(t *testing.T) {
	long(t)
	for _, s := range scenarios.All() {
		for _, search := range s.Searches(false) {
			rows, err := s.Check(search, explore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if !row.AsExpected() {
					t.Errorf("%s %s, world %s: %s is %q, want %q", row.Scenario, row.Variant, row.World, row.Property, row.Verdict.Outcome, row.Expected)
				}
			}
		}
	}
}

// Goal: the schedule that a scenario shows is one that the search finds.
func TestShownScheduleIsTheShortest(t *testing.T) {
	for _, s := range quick() {
		sys, err := s.System(s.Variants[0].Name, s.Defaults())
		if err != nil {
			t.Fatal(err)
		}
		verdict := simtest.Must(explore.States(sys, explore.Options{Limit: scenarios.CheckStates})).Verdict(s.Properties[0].Property)
		sys.Close()
		shown, err := sim.ParseSchedule(s.Schedule)
		if err != nil {
			t.Fatal(err)
		}
		if shown.String() != verdict.Schedule.String() {
			t.Errorf("%s shows\n%v\nwant what the search finds\n%v", s.Name, shown, verdict.Schedule)
		}
	}
}

// Goal: every name in the registry means something.
func TestRegistryIsWhole(t *testing.T) {
	for _, s := range scenarios.All() {
		known := map[string]bool{}
		for _, world := range s.Worlds {
			for _, p := range s.Watched(s.Variants[0], world) {
				known[p] = true
			}
		}
		for _, p := range s.Properties {
			if !known[p.Property] {
				t.Errorf("%s claims %s, which none of its worlds watches", s.Name, p.Property)
			}
		}
		worlds := map[string]bool{}
		for _, world := range s.Worlds {
			worlds[world.Name] = true
			for _, v := range strings.Fields(world.Deep) {
				if _, err := s.FindVariant(v); err != nil {
					t.Errorf("%s, world %s: %v", s.Name, world.Name, err)
				}
			}
		}
		for _, e := range append(slices.Clone(s.Breaks), s.Idle...) {
			for _, v := range strings.Fields(e.Variants) {
				if _, err := s.FindVariant(v); err != nil {
					t.Errorf("%s expects something of %v: %v", s.Name, e, err)
				}
			}
			for _, p := range strings.Fields(e.Properties) {
				if !known[p] {
					t.Errorf("%s expects something of %v: none of its worlds watches %s", s.Name, e, p)
				}
			}
			for _, world := range strings.Fields(e.Worlds) {
				if !worlds[world] {
					t.Errorf("%s expects something of %v: there is no world %s", s.Name, e, world)
				}
			}
		}
		for _, file := range s.Code {
			if _, err := os.Stat("../" + file); err != nil {
				t.Errorf("%s says its code is in %s: %v", s.Name, file, err)
			}
		}
		for _, c := range s.Claims {
			if _, err := os.Stat("../" + c.Figure); c.Figure != "" && err != nil {
				t.Errorf("%s, claim %s: %v", s.Name, c.ID, err)
			}
			if (c.Command == "") != (c.Verdict == scenarios.Open) {
				t.Errorf("%s, claim %s: verdict %q with the command %q", s.Name, c.ID, c.Verdict, c.Command)
			}
		}
	}
}

// Goal: the same seed gives the same bytes, whatever GOMAXPROCS is.
func TestSameSeedSameBytes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	each(t, func(t *testing.T, s *scenarios.Scenario, v scenarios.Variant) {
		for seed := range uint64(20) {
			first := ""
			for _, procs := range []int{1, 2, 8} {
				runtime.GOMAXPROCS(procs)
				for range 2 {
					got := played(t, s, v, sim.NewWalk(seed))
					if first == "" {
						first = got
					}
					if got != first {
						t.Fatalf("seed %d, GOMAXPROCS %d: the run differs from the first one", seed, procs)
					}
				}
			}
		}
	})
}

// Goal: the schedule of a run, played again, gives the run again.
func TestReplayGivesTheSameTrace(t *testing.T) {
	each(t, func(t *testing.T, s *scenarios.Scenario, v scenarios.Variant) {
		for seed := range uint64(20) {
			w := s.Build(v.Name, s.Defaults())
			trace := w.Record()
			if _, err := sim.Run(w, sim.NewWalk(seed)); err != nil {
				t.Fatal(err)
			}
			w.Close()
			schedule, err := sim.ParseSchedule(trace.Schedule.Lines())
			if err != nil {
				t.Fatal(err)
			}
			if steps(played(t, s, v, sim.NewReplay(schedule))) != steps(played(t, s, v, sim.NewWalk(seed))) {
				t.Errorf("seed %d: the replay of its schedule differs from the run", seed)
			}
		}
	})
}

// steps leaves out how the run ended: a replay ends with its schedule.
func steps(played string) string {
	_, rest, _ := strings.Cut(played, `"broken"`)
	return rest
}

func played(t *testing.T, s *scenarios.Scenario, v scenarios.Variant, c sim.Chooser) string {
	t.Helper()
	report, err := s.Play(v, s.Defaults(), c)
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
	pages := scenarios.Pages(scenarios.All())
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

func TestReadmeIsFresh(t *testing.T) {
	got, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := scenarios.Readme(string(got), scenarios.All())
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("the table of symptoms in README.md is stale; run: make races")
	}
}

func TestSetRefuses(t *testing.T) {
	s, err := scenarios.Find("offset-rewind")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ setting, want string }{
		{"partitions", `"partitions" is no setting; want NAME=VALUE, of partitions, instances, commits, `},
		{"threads=2", `there is no parameter of offset-rewind "threads"; possible: partitions, instances, commits, `},
		{"commits=0", "commits=0 is out of range; want 1 to 100000"},
		{"commits=two", "commits=two is out of range; want 1 to 100000"},
		{"commits=02", "commits=02 is out of range; want 1 to 100000"},
		{"writer-preference=yes", "writer-preference=yes is out of range; want on or off"},
	} {
		if _, err := s.Set([]string{test.setting}); !strings.HasPrefix(fmt.Sprint(err), test.want) {
			t.Errorf("Set(%q): %v, want %s", test.setting, err, test.want)
		}
	}
}
