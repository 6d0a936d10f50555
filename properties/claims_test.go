package properties_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"racelab/scenario"
	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

// searches makes each search once, whichever tests ask for it. That of a race's first
// variant checks its model whole, in the first setting, and is counted; the others check
// a tenth as often.
type searches struct {
	rows   map[string][]scenario.Checked
	counts map[string]counts // by race
}

// of returns the verdicts of a variant in a setting, with first up to the first that
// breaks; nil: its search takes minutes, and simrun check --slow makes it.
func (s searches) of(t *testing.T, r *scenario.Race, variant, setting string, first bool) []scenario.Checked {
	t.Helper()
	key := fmt.Sprintf("%s/%s@%s %v", r.Name, variant, setting, first)
	if rows, made := s.rows[key]; made {
		return rows
	}
	for _, search := range r.Searches(false) {
		if search.Variant.Name != variant || search.Setting.Name != setting {
			continue
		}
		if variant == r.Variants[0].Name && setting == r.Settings[0].Name && !first {
			result, counts := counted(t, r)
			s.rows[key], s.counts[r.Name] = r.Judge(search, result), counts
			continue
		}
		rows, err := r.Check(search, explore.Options{Again: true, First: first})
		if err != nil {
			t.Fatal(err)
		}
		s.rows[key] = rows
	}
	return s.rows[key]
}

var made = searches{map[string][]scenario.Checked{}, map[string]counts{}}

// line says what a search found of a property, and how much it explored.
func line(row scenario.Checked) string {
	if row.Verdict.Outcome == explore.Broken {
		return fmt.Sprintf("broken in %d steps: %v; %s", len(row.Verdict.Schedule), row.Verdict.Err, row.Result.Explored())
	}
	return row.Verdict.Sentence(row.Result)
}

// title makes words the name of a subtest.
func title(id, says string) string {
	words := strings.Fields(says)
	return id + "_" + strings.Join(words[:min(len(words), 8)], "_")
}

// Goal: what write-ups claim is judged. Method: a subtest a claim; where a search
// earns the verdict, it is made here, and each of its verdicts has to be as the
// race expects.
func TestClaims(t *testing.T) {
	if testing.Short() {
		t.Skip("searches all states")
	}
	for _, r := range scenarios.All() {
		for _, s := range r.Statements {
			t.Run(title(s.ID, s.Says), func(t *testing.T) {
				t.Logf("%s: %s", s.Finding(), s.Evidence)
				t.Logf("earned by: %s", s.Command)
				words := strings.Fields(s.Command)
				if len(words) < 3 || words[0] != "simrun" || words[1] != "explore" {
					return
				}
				path, setting, named := strings.Cut(words[2], "@")
				name, variant, _ := strings.Cut(path, "/")
				if !named {
					setting = r.Settings[0].Name
				}
				if variant == "" {
					variant = r.Variants[0].Name
				}
				if name != r.Name {
					t.Fatalf("the command is about %s", name)
				}
				first := slices.Contains(words, "--fail-fast")
				for _, row := range made.of(t, r, variant, setting, first) {
					if !row.AsExpected() && !(first && row.Verdict.Outcome == explore.Unfinished) {
						t.Errorf("%s: %s, want %s", row.Property, row.Verdict.Outcome, row.Want())
					}
					if row.Verdict.Outcome == explore.Broken {
						t.Logf("%s: %s", row.Property, line(row))
					}
				}
			})
		}
	}
}

// Goal: each property of each variant is judged at the race's first setting.
// Method: all states; each schedule that breaks one is played; and schedules that rapid
// draws break nothing that the search says holds.
func TestProperties(t *testing.T) {
	if testing.Short() {
		t.Skip("searches all states")
	}
	for _, r := range scenarios.All() {
		for _, v := range r.Variants {
			setting := r.Settings[0].Name
			rows := made.of(t, r, v.Name, setting, false)
			c, err := r.Case(v.Name, setting)
			if err != nil {
				t.Fatal(err)
			}
			holds := map[string]bool{}
			for _, row := range rows {
				holds[row.Property] = row.Verdict.Outcome != explore.Broken
				t.Run(r.Name+"/"+v.Name+"/"+row.Property, func(t *testing.T) {
					t.Log(line(row))
					if !row.AsExpected() {
						t.Errorf("%s, want %s", row.Verdict.Outcome, row.Want())
					}
					if err := simtest.PlayAgain(c.World(), row.Verdict); err != nil {
						t.Error(err)
					}
				})
			}
			if rows == nil {
				continue
			}
			t.Run(r.Name+"/"+v.Name+"/drawn", func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					broken, schedule := simtest.Broken(c.World(), simtest.NewDrawn(rt))
					for _, b := range broken {
						if holds[b.Property] {
							rt.Fatalf("%s holds in all states, and breaks: %v (schedule: %v)", b.Property, b.Err, schedule)
						}
					}
				})
			})
		}
	}
}

// Goal: the schedule that a race shows is the first that its search finds.
func TestShownScheduleIsTheShortest(t *testing.T) {
	if testing.Short() {
		t.Skip("searches all states")
	}
	for _, r := range scenarios.All() {
		c, err := r.Case("", "")
		if err != nil {
			t.Fatal(err)
		}
		shown, err := sim.ParseSchedule(r.Schedule)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range made.of(t, r, c.Variant.Name, c.Setting, false) {
			if row.Property == r.Claims[0].Name && shown.String() != row.Verdict.Schedule.String() {
				t.Errorf("%s shows\n%v\nand the search finds\n%v", r.Name, shown, row.Verdict.Schedule)
			}
		}
	}
}
