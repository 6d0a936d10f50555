package explore

import (
	"slices"
	"strings"
	"testing"
)

// Goal: each state is told from the one that is most alike, in the fewest fields, and no
// innocent field is named. Method: of states by hand, of which the next in line differs in
// more than another does.
func TestCausesAreTheFewestFields(t *testing.T) {
	state := func(rest uint64, fields ...string) []StatePart {
		parts := []StatePart{{Path: "N", Rest: rest}, {Path: "N->M", Value: "none"}}
		for _, f := range fields {
			path, value, _ := strings.Cut(f, "=")
			parts = append(parts, StatePart{Path: path, Value: value})
		}
		return parts
	}
	together := newComparison([][]StatePart{
		state(1, "N.a=1", "N.b=1"),
		state(2, "N.a=2", "N.b=2"),
		state(3, "N.a=1", "N.b=2"),
		state(4, "N.a=1", "N.b=2", "N.list[10].x=5", "N.list[10].y=6"),
		state(5, "N.a=1", "N.b=2", "N.list[10].x=5", "N.list[10].y=6"),
		state(6, "N.a=1", "N.b=2", "N.list[10].x=5", "N.list[10].y=6", "Z=3"),
	})
	var got []string
	together.tree(func(a, b int) {
		c := together.cause(a, b)
		text := strings.Join(c.Names, "+") + ":"
		for _, d := range c.Example {
			text += " " + d.Name + " " + d.First + "|" + d.Second
		}
		got = append(got, text)
	})
	want := []string{
		"N.b: N.b 1|2",
		"N.a: N.a 1|2",
		"N.list[*]: N.list[10] none|some",
		"N: N one|another", // What no field shows.
		"N+Z: N one|another Z none|3",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
