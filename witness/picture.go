package witness

import (
	"fmt"
	"slices"
	"strings"

	"racelab/witness/rt"
)

// picture draws a run where control changes, or a decision matters: a line for what each
// goroutine does until then. Of a long run it leaves lines out.
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
	var steps []rt.Step
	var matters, decides []bool
	for i, s := range o.steps {
		if !s.Aside {
			decided := slices.Contains(o.chosen, i)
			steps, matters, decides = append(steps, s), append(matters, len(s.Notes) > 0 || decided), append(decides, decided)
		}
	}
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
		for to+1 < len(steps) && steps[to+1].Event.Actor == steps[from].Event.Actor && !decides[to+1] {
			to++
		}
		t := turn{number: from + 1, matters: slices.Contains(matters[from:to+1], true), text: fmt.Sprintf("%-*s  %s", width, steps[from].Event.Actor, describe(steps[from]))}
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
		if left := leftOut(drawn, i); left > 2 {
			fmt.Fprintf(&b, "        … %d more such lines, up to step %d\n", left, drawn[i+left].number-1)
			i += left
			continue
		}
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

// turn is what a goroutine does until another one goes on, or a decision matters.
type turn struct {
	number  int // of its first step
	text    string
	matters bool // it has a decision, or a line of the log
}

// A long run is drawn where it begins, where it ends, and around what matters.
const (
	drawnAll    = 60 // turns
	drawnFirst  = 10
	drawnLast   = 20
	drawnAround = 4
)

// leftOut is how many turns are left out of the picture, from the i-th on.
func leftOut(all []turn, i int) (n int) {
	if len(all) <= drawnAll {
		return 0
	}
	for ; i+n < len(all)-drawnLast; n++ {
		at := i + n
		if at < drawnFirst || slices.ContainsFunc(all[max(0, at-drawnAround):min(len(all), at+drawnAround+1)], func(t turn) bool { return t.matters }) {
			return n
		}
	}
	return n
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
	switch {
	case s.Late > 0:
		return fmt.Sprintf("%s, %v late", s.Event.Label, s.Late)
	case s.Site() == "":
		return s.Event.Label
	}
	return s.Site() + " " + s.Event.Label
}
