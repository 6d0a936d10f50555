package scenarios_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"racelab/scenario"
	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
)

// tables are the tables of a document, each by the first line of its head.
func tables(t *testing.T, file string) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, head := map[string][][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			head = ""
			continue
		}
		if head == "" {
			head = line
			continue
		}
		if strings.HasPrefix(line, "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all[head] = append(all[head], cells)
	}
	return all
}

// number is a whole number with commas, or with a > before it.
func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.NewReplacer(",", "", "> ", "").Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var quoted = regexp.MustCompile("`([^`]+)`")

// named is the case that a cell names: `race/variant@setting`, `NAME=VALUE`.
func named(t *testing.T, cell string) *scenario.Case {
	t.Helper()
	words := quoted.FindAllStringSubmatch(cell, -1)
	name, setting, _ := strings.Cut(words[0][1], "@")
	race, variant, _ := strings.Cut(name, "/")
	r, err := scenarios.Find(race)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, w := range words[1:] {
		values = append(values, w[1])
	}
	c, err := r.Case(variant, setting, values...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Goal: the counts of states in docs/performance.md are those that a search has now.
// Method: the table of symmetry is made anew; make nightly makes that of waste, and the
// states of that of persistent sets (-whole-table).
func TestPublishedCounts(t *testing.T) {
	published := tables(t, "../docs/performance.md")
	symmetry := published["| | states | with `--symmetry` | times fewer |"]
	waste := published["| | states | that can be told apart |"]
	persistent := published["| | tasks | states | with persistent sets | times fewer |"]
	if len(symmetry) == 0 || len(waste) == 0 || len(persistent) == 0 {
		t.Fatal("docs/performance.md has no tables of states")
	}
	for _, row := range symmetry {
		var states [2]int
		for i := range states {
			sys, err := named(t, row[0]).System()
			if err != nil {
				t.Fatal(err)
			}
			r, err := explore.States(sys, explore.Options{Limit: 100_000, Symmetry: i == 1, Workers: 1})
			sys.Close()
			if err != nil {
				t.Fatal(err)
			}
			states[i] = r.States
		}
		fewer := fmt.Sprintf("%.1f", float64(states[0])/float64(states[1]))
		if number(t, row[1]) != states[0] || number(t, row[2]) != states[1] || row[3] != fewer {
			t.Errorf("%s: %v; now %d, %d, %s times fewer", row[0], row[1:], states[0], states[1], fewer)
		}
	}
	for _, row := range persistent {
		if fewer := fmt.Sprintf("%.1f", float64(number(t, row[2]))/float64(number(t, row[3]))); row[4] != fewer {
			t.Errorf("%s with persistent sets: %s times fewer, and it is %s", row[0], row[4], fewer)
		}
	}
	if !*whole {
		return
	}
	for _, row := range persistent { // The prototype is no more; what it was compared with is.
		sys, err := named(t, row[0]).System()
		if err != nil {
			t.Fatal(err)
		}
		r, err := explore.States(sys, explore.Options{Limit: 100_000, Workers: 1})
		sys.Close()
		if err != nil {
			t.Fatal(err)
		}
		if number(t, row[2]) != r.States {
			t.Errorf("%s: %s states, now %d", row[0], row[2], r.States)
		}
	}
	for _, row := range waste {
		sys, err := named(t, row[0]).System()
		if err != nil {
			t.Fatal(err)
		}
		w, err := explore.FindWaste(sys, explore.Options{Limit: 100_000})
		sys.Close()
		if err != nil {
			t.Fatal(err)
		}
		if number(t, row[1]) != w.States || number(t, row[2]) != w.Classes {
			t.Errorf("%s: %v; now %d and %d", row[0], row[1:], w.States, w.Classes)
		}
	}
}

// Goal: what docs/performance.md says of its table of samplers is what the table says.
func TestPublishedSamplers(t *testing.T) {
	text, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := tables(t, "../docs/performance.md")["| race | pct, depth 3 | pos | uniform | walk | feedback |"]
	fewest, missed := make([]int, 6), make([]int, 6)
	for _, row := range rows {
		runs := make([]int, 6)
		for i, cell := range row[1:] {
			if runs[i+1] = number(t, cell); strings.HasPrefix(cell, ">") {
				missed[i+1]++
				runs[i+1]++
			}
		}
		for i := range runs[1:] {
			if runs[i+1] == slices.Min(runs[1:]) {
				fewest[i+1]++
			}
		}
	}
	words := []string{"none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"}
	want := fmt.Sprintf("Of these %d races `feedback` misses %s, `pct` %s, `uniform` %s, `pos` %s and a walk %s. `uniform` needs the fewest runs, or as few as any, in %d races, `feedback` in %d, `pct` in %d, `pos` in %d, a walk in %d.",
		len(rows), words[missed[5]], words[missed[1]], words[missed[3]], words[missed[2]], words[missed[4]], fewest[3], fewest[5], fewest[1], fewest[2], fewest[4])
	if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), want) {
		t.Errorf("docs/performance.md does not say %q", want)
	}
}

// Goal: the counter of README.md has as many states as it says.
func TestPublishedCounter(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	races, err := scenario.Races(scenario.Of("counter", func(w *sim.World) {
		n := &sim.Var[int]{}
		w.Share("n", n)
		for i := range 2 {
			w.Go(fmt.Sprint("G", i), func(t *sim.Task) { n.Set(t, n.Get(t)+1) })
		}
		w.Finally("both updates count", func(c *sim.Claim) { c.Assert(n.Peek() == 2, "n is %d, want 2", n.Peek()) })
	}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := races[0].Case("", "")
	if err != nil {
		t.Fatal(err)
	}
	sys, err := c.System()
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	r, err := explore.States(sys, explore.Options{Limit: 100, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if says := fmt.Sprintf("`Check` searches all %d states", r.States); !strings.Contains(string(text), says) {
		t.Errorf("README.md does not say %q", says)
	}
}
