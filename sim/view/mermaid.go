package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"racelab/sim"
)

// Mermaid writes the run as a Mermaid sequence diagram, for pages that draw
// those. It says what Text says: a message is an arrow at the moment it is
// taken, whatever else a step does is a note in its lane, and a break is a
// note across all lanes.
//
// Mermaid refuses more than 50,000 characters (its maxTextSize), some 800
// steps, unless the page raises that.
func Mermaid(w io.Writer, r *Report) error {
	m := &mermaid{diagram: diagram{trace: r.Trace}}
	m.line("sequenceDiagram")
	for i, lane := range r.Trace.Lanes {
		m.line("  participant %s as %s", laneID(i), escape(lane.Name))
	}
	m.across(r.Title) // Mermaid cuts off a title that is wider than the lanes.
	if facts := m.start(); facts != "" {
		m.across("at the start: " + facts)
	}
	for i := range r.Trace.Steps {
		m.step(i+1, &r.Trace.Steps[i])
		for _, broken := range r.Broken {
			if broken.Step == i+1 {
				m.line("  rect rgba(220, 40, 40, 0.4)")
				m.across(fmt.Sprintf("✗ %v", broken.Err))
				m.line("  end")
			}
		}
	}
	m.below(r)
	_, err := io.WriteString(w, m.text.String())
	return err
}

// mermaid is a diagram that Mermaid will place.
type mermaid struct {
	diagram
	text strings.Builder
}

func (m *mermaid) line(format string, args ...any) {
	fmt.Fprintf(&m.text, format+"\n", args...)
}

// step is an arrow, with a note of what it changed, or just a note.
func (m *mermaid) step(number int, step *sim.TraceStep) {
	from, to, text := m.arrow(step)
	if from < 0 {
		for _, lane := range m.lanesOf(step) {
			m.beside("over "+laneID(lane), fmt.Sprintf("%d %s", number, label(step)))
		}
		return
	}
	arrow := "->>"
	if slices.ContainsFunc(step.Acts, func(act sim.Observation) bool { return act.Action == sim.Received }) {
		arrow = "-->>" // An answer.
	}
	m.line("  %s%s%s: %s", laneID(from), arrow, laneID(to), escape(fmt.Sprintf("%d %s", number, text)))
	if what := effects(step); what != "" {
		m.beside("right of "+laneID(to), what)
	}
}

// beside writes a note at one lane, which makes room for it.
func (m *mermaid) beside(place, text string) {
	lines := Wrap(text, 40)
	for i := range lines {
		lines[i] = escape(lines[i])
	}
	m.line("  Note %s: %s", place, strings.Join(lines, "<br/>"))
}

// across writes a note over all lanes. They make no room for it, so Mermaid
// must break its lines.
func (m *mermaid) across(text string) {
	place := laneID(0)
	if last := len(m.trace.Lanes) - 1; last > 0 {
		place += "," + laneID(last)
	}
	m.line("  Note over %s:wrap: %s", place, escape(text))
}

// below says what the picture shows. A command to copy is a comment, in which
// nothing is escaped: Mermaid looks for nothing there but directives.
func (m *mermaid) below(r *Report) {
	for _, s := range r.words() {
		switch {
		case s.head == repeat:
			m.line("  %%%% %s: %s", s.head, strings.ReplaceAll(oneLine(s.text), "%%{", "%% {"))
		case s.head == "":
			m.across(s.text)
		default:
			m.across(s.head + ": " + s.text)
		}
	}
}

// laneID stands for a lane where its name might mean something to Mermaid.
func laneID(lane int) string { return fmt.Sprintf("p%d", lane) }

// escape makes text that Mermaid shows as it is. A semicolon would end the
// statement and # begin a comment, braces hold directives and settings, % and $
// begin comments and formulas, and < > & are HTML in the end.
func escape(text string) string {
	var b strings.Builder
	for _, r := range oneLine(text) {
		if strings.ContainsRune("#;{}<>&%$\\`\"", r) {
			fmt.Fprintf(&b, "#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
