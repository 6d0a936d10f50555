package sweeps

import (
	"slices"
	"strings"
	"time"

	"racelab/scenario"
)

// Holds splits the settings by where they hold: in all of these panels, or in the
// panel of that place only. What a panel varies stands nowhere for that panel.
func (r *Result) Holds(panels []Panel) (everywhere scenario.Values, in []scenario.Values) {
	in = make([]scenario.Values, len(panels))
	for _, v := range r.Values {
		var here []scenario.Value // of each panel; no name: it varies there
		for _, panel := range panels {
			own := v
			for _, with := range panel.With {
				if name, text, _ := strings.Cut(with, "="); name == v.Name {
					own.Text = text
				}
			}
			if panel.Vary == v.Name {
				own = scenario.Value{}
			}
			here = append(here, own)
		}
		if one := slices.Compact(slices.Clone(here)); len(one) == 1 {
			if one[0].Name != "" {
				everywhere = append(everywhere, one[0])
			}
			continue
		}
		for i, own := range here {
			if own.Name != "" {
				in[i] = append(in[i], own)
			}
		}
	}
	return everywhere, in
}

// found is a number of a sentence, as it is shown, and what has it.
type found struct {
	number string // "155"
	of     string // "1 ms"
}

// cell is a number of a point, under a name.
func (r *Result) cell(panel, text, series, column, of string) found {
	return found{Number(r.Cell(r.Row(panel, text, series), column).Value), of}
}

// told says numbers in their unit: "155 commits/s at a backoff of 1 ms, and 42.1 at 20 ms
// and 100 ms". What is counted stands behind the first one, and all of the joint before
// what has it; later its first word does. Equal numbers are said once, and so is
// what comes twice.
func told(unit, counted, joint string, numbers ...found) string {
	var said, of []string
	have := map[string][]string{}
	for _, n := range numbers {
		if have[n.number] == nil {
			said = append(said, n.number)
		}
		if !slices.Contains(have[n.number], n.of) {
			have[n.number] = append(have[n.number], n.of)
		}
	}
	for _, number := range said {
		of = append(of, strings.Join(strings.Fields(number+unit+" "+counted+" "+joint+" "+listed(have[number], " and ")), " "))
		counted = ""
		joint, _, _ = strings.Cut(joint, " ")
	}
	return listed(of, ", and ")
}

// listed joins texts as a sentence does.
func listed(texts []string, last string) string {
	n := len(texts) - 1
	if n < 1 {
		return strings.Join(texts, "")
	}
	return strings.Join(texts[:n], ", ") + last + texts[n]
}

// spaced writes a duration as sentences have it, "20 ms".
func spaced(d time.Duration) string { return Number(float64(d)/float64(time.Millisecond)) + " ms" }
