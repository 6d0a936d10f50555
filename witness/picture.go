package witness

import (
	"fmt"
	"slices"
	"strings"

	"racelab/witness/rt"
)

// picture draws a run where control changes: a line for what each goroutine does
// until another one goes on.
func (o *outcome) picture() string {
	var b strings.Builder
	switch n := len(o.decisions); n {
	case 0:
		fmt.Fprintf(&b, "  the default schedule does it: %d steps\n", len(o.steps))
	case 1:
		fmt.Fprintf(&b, "  1 decision matters, in %d steps:\n", len(o.steps))
	default:
		fmt.Fprintf(&b, "  %d decisions matter, in %d steps:\n", n, len(o.steps))
	}
	steps := slices.DeleteFunc(slices.Clone(o.steps), func(s rt.Step) bool { return s.Aside })
	if n := len(o.steps) - len(steps); n > 0 {
		fmt.Fprintf(&b, "  (%d steps of the start, of the broker, and where nothing went wrong are left out)\n", n)
	}
	var lanes []string
	lane := map[string]int{}
	for _, s := range steps {
		if _, ok := lane[s.Event.Actor]; !ok {
			lane[s.Event.Actor] = len(lanes)
			lanes = append(lanes, s.Event.Actor)
		}
	}
	width := 0
	for _, name := range lanes {
		width = max(width, len(name))
	}
	var drawn []turn
	for from := 0; from < len(steps); {
		to := from
		for to+1 < len(steps) && steps[to+1].Event.Actor == steps[from].Event.Actor {
			to++
		}
		t := turn{number: from + 1, text: fmt.Sprintf("%-*s  %s", width, steps[from].Event.Actor, describe(steps[from]))}
		switch {
		case to == from+1:
			t.text += ", " + describe(steps[to])
		case to > from+1:
			t.text += fmt.Sprintf(" … %s  (%d steps)", describe(steps[to]), to-from+1)
		}
		for _, s := range steps[from : to+1] {
			for _, note := range s.Notes {
				t.text += fmt.Sprintf("\n        %-*s    log: %s", width, "", note)
			}
		}
		drawn = append(drawn, t)
		from = to + 1
	}
	for i := 0; i < len(drawn); {
		size, times := repeated(drawn[i:])
		for _, t := range drawn[i : i+size] {
			fmt.Fprintf(&b, "  %4d  %s\n", t.number, t.text)
		}
		if times > 1 {
			fmt.Fprintf(&b, "        … the same %d times more, up to step %d\n", times-1, drawn[i+size*times-1].number)
		}
		i += size * times
	}
	if o.broke != nil {
		fmt.Fprintf(&b, "     ✗  %s\n", o.broke.Err)
	}
	return b.String()
}

// turn is what a goroutine does until another one goes on.
type turn struct {
	number int // of its first step
	text   string
}

// repeated says how many turns at the start come how often in a row.
func repeated(all []turn) (size, times int) {
	for size = 1; size <= 8; size++ {
		times = 1
		for (times+1)*size <= len(all) && sameText(all[:size], all[times*size:(times+1)*size]) {
			times++
		}
		if times > 2 {
			return size, times
		}
	}
	return 1, 1
}

func sameText(a, b []turn) bool {
	return slices.EqualFunc(a, b, func(x, y turn) bool { return x.text == y.text })
}

func describe(s rt.Step) string {
	if s.Site() == "" {
		return s.Event.Label
	}
	return s.Site() + " " + s.Event.Label
}
