package lab

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
)

// experimentsOf are the doc comments of a client's experiments, by name.
func experimentsOf(t *testing.T, release string) map[string]string {
	t.Helper()
	client, _, _ := strings.Cut(strings.ReplaceAll(release, "-", ""), "@")
	files, err := filepath.Glob("../witness/experiments/" + client + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var source []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, text...)
	}
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`((?://.*\n)*)func Test(\w+)\(t`).FindAllStringSubmatch(string(source), -1) {
		name := regexp.MustCompile(`[A-Z]`).ReplaceAllStringFunc(m[2], func(c string) string { return "-" + strings.ToLower(c) })
		all[strings.TrimPrefix(name, "-")] = m[1]
	}
	return all
}

// Goal: the command of a break names an experiment that there is, of the same race; and
// the orders of every run that breaks are such as the experiment can keep.
func TestReleased(t *testing.T) {
	for _, e := range experiments() {
		about, ok := experimentsOf(t, e.release)[e.name]
		if !ok || !strings.Contains(about, "// Race: "+e.race+" "+e.goals[0]+" ") {
			t.Errorf("%s: its experiment says %q; want one of that name about %s", e.name, about, e.race)
		}
		race, err := scenarios.Find(e.race)
		if err != nil {
			t.Fatal(err)
		}
		c, err := race.Case(e.variant, e.setting)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(c, e.goals[0])
		if err != nil {
			t.Fatal(err)
		}
		if command, _ := s.Released(nil); command != "" {
			t.Errorf("%s: nothing is broken yet, and Released says %q", e.name, command)
		}
		if e.setting == "" {
			continue
		}
		broken := 0
		for seed := range uint64(8) {
			if s.handsOver(t, about, seed) {
				broken++
			}
		}
		if broken < 4 {
			t.Errorf("%s: after %d of 8 walks %s can break", e.race, broken, e.goals[0])
		}
	}
}

// handsOver begins at random, breaks the goal if it still can, and looks at the orders.
func (s *Session) handsOver(t *testing.T, about string, seed uint64) (broke bool) {
	t.Helper()
	report, err := s.c.Watch(sim.NewWalk(seed))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Play(report.Trace.Schedule[:2*seed]); err != nil {
		t.Fatal(err)
	}
	ahead, err := s.Ahead(explore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if ahead.Schedule == nil {
		return false
	}
	if err := s.Play(slices.Concat(s.Schedule(), ahead.Schedule)); err != nil {
		t.Fatal(err)
	}
	culprit, err := s.Why()
	if err != nil || culprit == nil {
		t.Fatalf("seed %d: no orders (%v)", seed, err)
	}
	command, handed := s.Released(culprit)
	if !handed || strings.Count(command, " before ") != len(culprit.Orders) {
		t.Errorf("seed %d: %d orders are handed over by %q", seed, len(culprit.Orders), command)
	}
	for _, o := range culprit.Orders {
		for _, step := range []sim.Step{o.Earlier, o.Later} {
			lane, _, _ := strings.Cut(step.Actor, "->")
			if i := slices.IndexFunc([]string{"// Lane " + lane + ": ", "// Step " + step.Label + ": "}, func(line string) bool { return !strings.Contains(about, line) }); i >= 0 {
				t.Errorf("seed %d: nothing in the experiment stands for %s", seed, step)
			}
		}
	}
	return true
}
