package explore

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// Causes says what keeps states of one class apart, the most costly first, and how many
// were compared with others of their class. It comes before the Worlds are closed.
func (w *Waste) Causes() (causes []WasteCause, compared int) {
	members := map[uint64][]int{}
	for i, c := range w.class {
		members[c] = append(members[c], i)
	}
	var several [][]int
	for i, c := range w.class {
		if m := members[c]; m[0] == i && len(m) > 1 {
			several = append(several, m)
		}
	}
	known := map[string]int{}
	for i := 0; i < len(several); i += 1 + (w.States-w.Classes)/wasteCompared {
		for m := several[i]; len(m) > 1; {
			var parts [][]StatePart
			for _, state := range m[:min(len(m), wasteTogether)] {
				parts = append(parts, w.engine.Parts(w.search.states[state].at))
			}
			together := newComparison(parts)
			together.tree(func(a, b int) {
				c := together.cause(a, b)
				key := strings.Join(c.Names, "\n")
				k, again := known[key]
				if !again {
					c.After = w.search.schedule(m[a])
					k, known[key] = len(causes), len(causes)
					causes = append(causes, c)
				}
				causes[k].States++
				compared++
			})
			m = m[len(parts)-1:] // The next ones are compared with one of these.
		}
	}
	slices.SortStableFunc(causes, func(a, b WasteCause) int {
		return cmp.Or(cmp.Compare(b.States, a.States), cmp.Compare(len(a.Names), len(b.Names)))
	})
	return causes, compared
}

// comparison is states of one class by their parts.
type comparison struct {
	paths  []string         // sorted, each before those inside it
	inside []int            // by path: the first after it that is not inside it
	states [][]comparedPart // by path
	found  []int
	rests  []int
}

type comparedPart struct {
	StatePart
	is int32 // the number of its value; 0: there is no such part
}

// newComparison takes the parts of some states.
func newComparison(states [][]StatePart) *comparison {
	at := map[string]int{}
	for _, parts := range states {
		for _, p := range parts {
			withElements(p.Path, func(path string) { at[path] = 0 })
		}
	}
	// What separates comes before all that a name is made of, so what is inside a path follows it.
	order := strings.NewReplacer(".", "\x00", "[", "\x01")
	g := &comparison{paths: slices.Sorted(maps.Keys(at)), inside: make([]int, len(at))}
	slices.SortFunc(g.paths, func(a, b string) int { return cmp.Compare(order.Replace(a), order.Replace(b)) })
	for i, path := range g.paths {
		at[path] = i
		for g.inside[i] = i + 1; g.inside[i] < len(g.paths) && isInside(g.paths[g.inside[i]], path); {
			g.inside[i]++
		}
	}
	values := map[string]int32{}
	for _, parts := range states {
		state := make([]comparedPart, len(g.paths))
		for _, p := range parts {
			withElements(p.Path, func(path string) { state[at[path]].is = 1 })
			x := &state[at[p.Path]]
			x.Value, x.Rest, x.At = x.Value+p.Value, x.Rest^p.Rest, p.At
		}
		for i := range state {
			if x := &state[i]; x.is > 0 {
				n, known := values[x.Value]
				if !known {
					n = int32(len(values) + 1)
					values[x.Value] = n
				}
				x.is = n
			}
		}
		g.states = append(g.states, state)
	}
	return g
}

// withElements hands over a path, and those of the elements that it leads through.
func withElements(path string, add func(path string)) {
	for i, c := range path {
		if c == ']' {
			add(path[:i+1])
		}
	}
	add(path)
}

func isInside(path, of string) bool {
	return strings.HasPrefix(path, of) && (path[len(of)] == '.' || path[len(of)] == '[')
}

// tree connects all states, each to one before it, by the fewest differences.
//
// Source: Prim: Shortest Connection Networks (Bell System Technical Journal 1957).
func (g *comparison) tree(connect func(a, b int)) {
	n := len(g.states)
	least, to, in := make([]int, n), make([]int, n), make([]bool, n)
	for i := range least {
		least[i] = math.MaxInt
	}
	last := 0
	for range n - 1 {
		in[last] = true
		next := -1
		for i := range n {
			if in[i] {
				continue
			}
			if d := g.distance(last, i); d < least[i] {
				least[i], to[i] = d, last
			}
			if next < 0 || least[i] < least[next] {
				next = i
			}
		}
		connect(to[next], next)
		last = next
	}
}

// distance is how many parts differ. One that is missing counts as two, for it may be much.
func (g *comparison) distance(a, b int) int {
	n := 0
	for _, i := range g.differences(a, b) {
		if n++; g.states[a][i].is == 0 || g.states[b][i].is == 0 {
			n++
		}
	}
	return n
}

// differences lists the parts that differ, by number. One that is missing stands for all
// that is inside it. What no part shows counts where nothing inside it differs.
func (g *comparison) differences(a, b int) []int {
	x, y := g.states[a], g.states[b]
	g.found, g.rests = g.found[:0], g.rests[:0]
	for i := 0; i < len(x); i++ {
		switch {
		case x[i].is != y[i].is:
			g.found = append(g.found, i)
			if x[i].is == 0 || y[i].is == 0 {
				i = g.inside[i] - 1
			}
		case x[i].Rest != y[i].Rest:
			g.rests = append(g.rests, i)
		}
	}
	for _, i := range g.rests {
		if k, _ := slices.BinarySearch(g.found, i); k == len(g.found) || g.found[k] >= g.inside[i] {
			g.found = slices.Insert(g.found, k, i)
		}
	}
	return g.found
}

// cause names the parts in which two states differ, and shows them.
func (g *comparison) cause(a, b int) WasteCause {
	var c WasteCause
	for _, i := range g.differences(a, b) {
		first, second := g.states[a][i], g.states[b][i]
		name := g.paths[i]
		if at := cmp.Or(first.At, second.At); at != "" {
			name += ", at " + at
		}
		d := WasteDifference{name, first.show(), second.show()}
		if d.First == d.Second {
			d.First, d.Second = "one", "another"
		}
		c.Names, c.Example = append(c.Names, wastedName(name)), append(c.Example, d)
	}
	slices.Sort(c.Names)
	c.Names = slices.Compact(c.Names)
	return c
}

func (p comparedPart) show() string {
	if p.is == 0 {
		return "none"
	}
	return cmp.Or(p.Value, "some")
}

// wastedName puts [*] for every index.
func wastedName(path string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(path, "[")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		index, rest, _ := strings.Cut(after, "]")
		if strings.Trim(index, "0123456789") == "" {
			index = "*"
		}
		b.WriteString("[" + index + "]")
		path = rest
	}
}
