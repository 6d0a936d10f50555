package scenarios_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
	"racelab/sim/view"
)

// each calls the test for every variant of every scenario.
func each(t *testing.T, test func(t *testing.T, s *scenarios.Scenario, v scenarios.Variant)) {
	for _, s := range scenarios.All() {
		for _, v := range s.Variants {
			t.Run(s.Name+"/"+v.Name, func(t *testing.T) { test(t, s, v) })
		}
	}
}

// Goal: no State walk of any model forgets a field.
func TestEveryFieldIsVisited(t *testing.T) {
	each(t, func(t *testing.T, s *scenarios.Scenario, v scenarios.Variant) {
		simtest.Visited(t, func() *sim.World { return s.Build(v.Name, s.Defaults()) })
	})
}

// Goal: the table of expected verdicts is true. Method: what simrun check does.
func TestEveryVerdictIsAsExpected(t *testing.T) {
	for _, s := range scenarios.All() {
		rows, err := s.Check()
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

// Goal: the schedule that a scenario shows is one that the search finds.
func TestShownScheduleIsTheShortest(t *testing.T) {
	for _, s := range scenarios.All() {
		sys, err := s.System(s.Variants[0].Name, s.Defaults())
		if err != nil {
			t.Fatal(err)
		}
		verdict := explore.States(sys, explore.Options{Limit: scenarios.CheckStates}).Verdict(s.Properties[0].Property)
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
		w := s.Build(s.Variants[0].Name, s.Defaults())
		for _, p := range w.Properties() {
			known[p] = true
		}
		w.Close()
		for _, p := range s.Properties {
			if !known[p.Property] {
				t.Errorf("%s claims %s, which its world does not watch", s.Name, p.Property)
			}
		}
		for _, b := range s.Breaks {
			if _, err := s.FindVariant(b.Variant); err != nil || !known[b.Property] {
				t.Errorf("%s expects %v to break: no such variant or property", s.Name, b)
			}
			found := false
			for _, world := range s.Worlds {
				found = found || world.Name == b.World
			}
			if !found {
				t.Errorf("%s expects %v to break: no such world", s.Name, b)
			}
		}
		for _, file := range s.Code {
			if _, err := os.Stat("../" + file); err != nil {
				t.Errorf("%s says its code is in %s: %v", s.Name, file, err)
			}
		}
		for _, c := range s.Claims {
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
	if err := view.Text(&b, report, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRacesIsFresh(t *testing.T) {
	got, err := os.ReadFile("../RACES.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != scenarios.Markdown() {
		t.Error("RACES.md is stale; run: make races")
	}
}

func TestSetRefuses(t *testing.T) {
	s, err := scenarios.Find("offset-rewind")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ setting, want string }{
		{"partitions", `"partitions" is no setting; want NAME=VALUE, of partitions (1 to 64), commits (1 to 1000)`},
		{"threads=2", `offset-rewind has no parameter "threads"; it has partitions (1 to 64), commits (1 to 1000)`},
		{"commits=1001", "commits=1001 is out of range; want 1 to 1000"},
		{"commits=two", "commits=two is out of range; want 1 to 1000"},
	} {
		if _, err := s.Set([]string{test.setting}); fmt.Sprint(err) != test.want {
			t.Errorf("Set(%q): %v, want %s", test.setting, err, test.want)
		}
	}
}
