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
		fmt.Fprintf(&b, "  (%d steps of the start and of the broker are left out)\n", n)
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
	for from := 0; from < len(steps); {
		to := from
		for to+1 < len(steps) && steps[to+1].Event.Actor == steps[from].Event.Actor {
			to++
		}
		actor := steps[from].Event.Actor
		fmt.Fprintf(&b, "  %4d  %-*s  %s", from+1, width, actor, describe(steps[from]))
		switch {
		case to == from+1:
			fmt.Fprintf(&b, ", %s", describe(steps[to]))
		case to > from+1:
			fmt.Fprintf(&b, " … %s  (%d steps)", describe(steps[to]), to-from+1)
		}
		b.WriteByte('\n')
		for _, s := range steps[from : to+1] {
			for _, note := range s.Notes {
				fmt.Fprintf(&b, "        %-*s    log: %s\n", width, "", note)
			}
		}
		from = to + 1
	}
	if o.broke != nil {
		fmt.Fprintf(&b, "     ✗  %s\n", o.broke.Err)
	}
	return b.String()
}

func describe(s rt.Step) string {
	if s.Site() == "" {
		return s.Event.Label
	}
	return s.Site() + " " + s.Event.Label
}
