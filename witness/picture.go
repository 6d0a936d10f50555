package witness

import (
	"fmt"
	"strings"
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
	var lanes []string
	lane := map[string]int{}
	for _, s := range o.steps {
		if _, ok := lane[s.event.Actor]; !ok {
			lane[s.event.Actor] = len(lanes)
			lanes = append(lanes, s.event.Actor)
		}
	}
	width := 0
	for _, name := range lanes {
		width = max(width, len(name))
	}
	for from := 0; from < len(o.steps); {
		to := from
		for to+1 < len(o.steps) && o.steps[to+1].event.Actor == o.steps[from].event.Actor {
			to++
		}
		actor := o.steps[from].event.Actor
		fmt.Fprintf(&b, "  %4d  %-*s  %s", from+1, width, actor, describe(o.steps[from]))
		switch {
		case to == from+1:
			fmt.Fprintf(&b, ", %s", describe(o.steps[to]))
		case to > from+1:
			fmt.Fprintf(&b, " … %s  (%d steps)", describe(o.steps[to]), to-from+1)
		}
		b.WriteByte('\n')
		for _, s := range o.steps[from : to+1] {
			for _, note := range s.notes {
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

func describe(s step) string {
	if s.site == "" {
		return s.event.Label
	}
	return s.site + " " + s.event.Label
}
