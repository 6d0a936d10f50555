package scenario

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"racelab/sim/explore"
)

// witnessedLines is what witness table --save wrote: make witness.
//
//go:embed witnessed.jsonl
var witnessedLines []byte

// witnessedRow is what an experiment of the witness found on a release of a client.
type witnessedRow struct {
	Client, Release, Experiment string

	Race    string // "race property setting", and a variant if it is not the release's
	Bad     int    // runs that broke
	Runs    int    // 0: the release could not be run
	Again   int    // of 100 repetitions of the one that is shown
	Trouble string // why not
}

func witnessedRows() (all []witnessedRow) {
	for line := range bytes.Lines(witnessedLines) {
		var w witnessedRow
		if err := json.Unmarshal(line, &w); err != nil {
			panic(fmt.Sprintf("scenario: witnessed.jsonl: %v", err))
		}
		all = append(all, w)
	}
	return all
}

// model says what the race's model of the release says of the same: ✗, ✓, or ·
// where no model speaks of it.
func (w *witnessedRow) model(races []*Race) (mark, variant string) {
	about := strings.Fields(w.Race)
	i := slices.IndexFunc(races, func(r *Race) bool { return r.Name == about[0] })
	race, property, setting := races[i], about[1], about[2]
	variants, _, _ := race.In(w.Client, w.Release)
	switch {
	case len(about) > 3:
		variant = about[3]
	case len(variants) == 0:
		return "·", ""
	default:
		variant = variants[0].Name
	}
	if race.Expected(variant, property, setting).Outcome == explore.Broken {
		return "✗", variant
	}
	return "✓", variant
}

// witnessedClients are those with rows.
var witnessedClients = append(slices.Clone(clientReleases), releasesOf{client: "kafka-go", title: "kafka-go"})

// witnessedTables writes how many runs of each release broke in each experiment, and
// what the model says.
func witnessedTables(p *page, races []*Race) {
	p.line("\n### What released clients did")
	p.text("`make witness` explores released clients themselves. 3/50 = 3 of 50 schedules broke it, and the one that is shown " +
		"did so again in 100 of 100 repetitions; 0/50 is a search that did not reach it, and no proof. " +
		"✗ and ✓: what the model of that release says of the experiment's property in its setting; · none speaks of it.")
	var differ []string
	for _, c := range witnessedClients {
		t := newWitnessedTable(c, races)
		t.write(p)
		differ = append(differ, t.differ...)
	}
	if len(differ) == 0 {
		p.text("No model says otherwise than its release.")
		return
	}
	p.line("Where a model and its release differ:\n")
	for _, text := range differ {
		p.item("%s.", text)
	}
}

// witnessedTable is what the experiments found on the releases of a client.
type witnessedTable struct {
	title                 string
	releases, experiments []string
	raceOf                map[string]string    // by experiment
	cells                 map[[2]string]string // by release and experiment
	failed                []string             // releases that could not be run, and why
	differ                []string             // where a model says otherwise
}

func newWitnessedTable(c releasesOf, races []*Race) *witnessedTable {
	t := &witnessedTable{title: c.title, raceOf: map[string]string{}, cells: map[[2]string]string{}}
	for _, w := range witnessedRows() {
		if w.Client != c.client {
			continue
		}
		if !slices.Contains(t.releases, w.Release) {
			t.releases = append(t.releases, w.Release)
		}
		if t.raceOf[w.Experiment] == "" {
			t.experiments = append(t.experiments, w.Experiment)
			t.raceOf[w.Experiment] = strings.Fields(w.Race)[0]
		}
		mark, variant := w.model(races)
		cell := fmt.Sprintf("%d/%d %s", w.Bad, w.Runs, mark)
		switch {
		case w.Runs == 0:
			cell = "not run " + mark
			if text := fmt.Sprintf("%s %s is not run: %s.", c.title, w.Release, w.Trouble); !slices.Contains(t.failed, text) {
				t.failed = append(t.failed, text)
			}
		case mark == "✗" && w.Bad == 0:
			t.differ = append(t.differ, fmt.Sprintf("%s %s, %s: `%s` breaks, and no run did", c.title, w.Release, w.Experiment, variant))
		case mark == "✓" && w.Bad > 0:
			t.differ = append(t.differ, fmt.Sprintf("%s %s, %s: runs broke it, and `%s` holds", c.title, w.Release, w.Experiment, variant))
		}
		t.cells[[2]string{w.Release, w.Experiment}] = cell
	}
	slices.SortStableFunc(t.releases, compareReleases)
	slices.SortStableFunc(t.experiments, func(a, b string) int {
		return cmp.Or(cmp.Compare(t.raceOf[a], t.raceOf[b]), cmp.Compare(a, b))
	})
	return t
}

// write writes so many experiments in a part as fit into a line.
func (t *witnessedTable) write(p *page) {
	for few := range slices.Chunk(t.experiments, 5) {
		head := ""
		for _, e := range few {
			head += fmt.Sprintf(" [%s](docs/races/%s.md) |", e, t.raceOf[e])
		}
		p.line("\n| %s |%s\n|---|%s", t.title, head, strings.Repeat("---|", len(few)))
		for _, release := range t.releases {
			row, asked := "", false
			for _, e := range few {
				cell := t.cells[[2]string{release, e}]
				asked = asked || cell != ""
				row += " " + cmp.Or(cell, "not asked") + " |"
			}
			if asked {
				p.line("| %s |%s", release, row)
			}
		}
	}
	p.line("")
	for _, text := range t.failed {
		p.text("%s", text)
	}
}
