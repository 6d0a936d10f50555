package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// releasesOf are the releases of a client, the oldest first, and on which of them the
// conformance tests ran which race (witness/conform); witnessed.jsonl has what the
// experiments ran. The ends of ranges in between stand for what lies there.
type releasesOf struct {
	client, title string
	releases      string
	conforms      map[string]string // by race
}

var clientReleases = []releasesOf{
	{
		"sarama", "Sarama",
		"1.37.0 1.37.2 1.38.0 1.38.1 1.40.1 1.41.0 1.41.2 1.41.3 1.42.1 1.43.0 1.43.1 1.43.2 1.43.3 1.45.0 1.45.1 1.45.2 1.46.1 1.46.2 1.46.3 " +
			"1.47.0 1.48.0 1.48.1 1.48.2 1.49.0 1.50.0 1.50.1 1.50.2 1.50.3 1.60.0 1.60.1 1.60.2 1.61.0 1.61.1",
		map[string]string{
			"concurrent-transactions": "1.48.1 1.49.0 1.50.3 1.60.0 1.61.0 1.61.1",
			"throttle-stall":          "1.43.0 1.43.1 1.48.1 1.49.0 1.50.3 1.60.0 1.61.0 1.61.1",
			"retry-order":             "1.46.2 1.47.0 1.48.0 1.48.1 1.49.0 1.50.3 1.60.0 1.61.0 1.61.1",
			"offset-rewind":           "1.43.2 1.43.3 1.48.0 1.48.1 1.49.0 1.50.3 1.60.0 1.61.0 1.61.1",
			"commit-awaits-rejoin":    "1.61.0 1.61.1",
		},
	},
	{
		"franz-go", "franz-go",
		"1.15.3 1.16.1 1.17.0 1.17.1 1.18.0 1.18.1 1.19.0 1.19.5 1.20.0 1.20.1 1.20.2 1.20.5 1.20.6 1.20.7 1.21.0 1.21.2 1.21.3 1.21.4 1.21.5 " +
			"1.21.6 1.21.7 1.22.0 1.22.1 1.22.2 1.22.3",
		map[string]string{
			"produce-reorder":         "1.22.1 1.22.2 1.22.3",
			"concurrent-transactions": "1.21.4 1.21.6 1.22.1 1.22.2 1.22.3",
			"commit-reconnect":        "1.16.1 1.17.1 1.18.1 1.19.5 1.20.7 1.21.0 1.21.3 1.21.4 1.21.6 1.22.1 1.22.2 1.22.3",
			"retry-order":             "1.22.2 1.22.3",
			"delivered-unwritten":     "1.16.1 1.17.1 1.18.1 1.19.5 1.20.7 1.21.4 1.21.6 1.22.1 1.22.2 1.22.3",
			"epoch-drops-commit":      "1.21.0 1.21.3 1.21.4 1.21.6 1.22.0 1.22.1 1.22.3",
			"rewind-again":            "1.21.0 1.21.3 1.21.4 1.21.6 1.22.1 1.22.2 1.22.3",
		},
	},
}

// releaseTables writes which release has which race.
func releaseTables(p *page, races []*Race) {
	p.heading("By release")
	p.text("✗ breaks something in every setting that checks it; (✗) only in some, which the race's page names; ✓ holds; · nothing here speaks of the release. " +
		"m: the model was held against that release, step by step (witness/conform); the rest was read in source, and is what the model of the range does.")
	for _, c := range clientReleases {
		var about []*Race
		for _, r := range races {
			if _, is, _ := r.In(c.client, ""); is {
				about = append(about, r)
			}
		}
		for few := range slices.Chunk(about, 3) {
			releaseTable(p, c, few)
		}
	}
	witnessedTables(p, races)
}

// releaseTable writes it for a client and so many races as fit into a line.
func releaseTable(p *page, c releasesOf, about []*Race) {
	head, rule := "| "+c.title+" |", "|---|"
	for _, r := range about {
		head, rule = head+fmt.Sprintf(" [%s](docs/races/%[1]s.md) |", r.Name), rule+"---|"
	}
	p.line("\n%s\n%s", head, rule)
	releases := strings.Fields(c.releases)
	row := func(release string) string {
		cells := ""
		for _, r := range about {
			cells += " " + r.cell(c.client, release, slices.Contains(strings.Fields(c.conforms[r.Name]), release)) + " |"
		}
		return cells
	}
	for from := 0; from < len(releases); {
		to := from + 1
		for to < len(releases) && row(releases[to]) == row(releases[from]) {
			to++
		}
		name := releases[from]
		if to-from > 1 {
			name += " to " + releases[to-1]
		}
		p.line("| %s |%s", name, row(releases[from]))
		from = to
	}
}

// cell is what a release does about the race: the variants that stand for it.
func (r *Race) cell(client, release string, conforms bool) string {
	variants, _, known := r.In(client, release)
	if !known {
		return "·"
	}
	var all []string
	for _, v := range variants {
		all = append(all, r.mark(v)+" `"+v.Name+"`")
	}
	if conforms {
		all[0] += " m"
	}
	return strings.Join(all, ", ")
}

// mark is ✗, (✗) or ✓.
func (r *Race) mark(v RaceVariant) string {
	mark := "✓"
	for _, p := range r.Judged() {
		switch t := r.Tally(v.Name, p); {
		case len(t.Breaks) > 0 && len(t.Breaks) == t.Settings:
			return "✗"
		case len(t.Breaks) > 0:
			mark = "(✗)"
		}
	}
	return mark
}
