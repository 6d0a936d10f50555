package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Mermaid writes the run as a Mermaid sequence diagram, for pages that draw
// those. It says what Text says: a message is an arrow at the moment it is
// taken, whatever else a step does is a note in its lane, and the break is a
// note across all lanes. The page sees to the width.
//
// Mermaid refuses more than 50,000 characters (its maxTextSize), some 800 rows,
// unless the page raises that.
func Mermaid(w io.Writer, r *Report, o Options) error {
	m := &mermaid{picture: newPicture(r, o.Full, false)}
	m.line("sequenceDiagram")
	for i, lane := range m.lanes {
		m.line("  participant %s as %s", laneID(i), escape(lane.Name))
	}
	m.across(r.Title) // Mermaid cuts off a title that is wider than the lanes.
	if facts := m.start(); facts != "" {
		m.across("at the start: " + facts)
	}
	for i := range m.rows {
		m.row(&m.rows[i])
	}
	m.below(r)
	_, err := io.WriteString(w, m.text.String())
	return err
}

// mermaid is a picture that Mermaid will place.
type mermaid struct {
	*picture
	text strings.Builder
}

func (m *mermaid) line(format string, args ...any) {
	fmt.Fprintf(&m.text, format+"\n", args...)
}

// row is an arrow, with a note of what it changed beside whom it changed, or
// just a note.
func (m *mermaid) row(r *row) {
	changed := m.changed(r)
	text := r.number() + " " + r.name()
	if r.from < 0 {
		what := append(slices.Clone(r.said), changed[r.lanes[0]]...)
		delete(changed, r.lanes[0])
		for i, lane := range r.lanes {
			if i == 0 && len(what) > 0 {
				m.beside("over "+laneID(lane), text+": "+strings.Join(what, ", "))
			} else {
				m.beside("over "+laneID(lane), text)
			}
		}
	} else {
		arrow := "->>"
		if r.answer {
			arrow = "-->>"
		}
		if len(r.said) > 0 {
			text += ": " + r.said[0]
			changed[r.to] = append(slices.Clone(r.said[1:]), changed[r.to]...)
		}
		m.line("  %s%s%s: %s", laneID(r.from), arrow, laneID(r.to), escape(text))
	}
	for i := range m.lanes {
		if len(changed[i]) > 0 {
			m.beside("right of "+laneID(i), strings.Join(changed[i], ", "))
		}
	}
	if r.broke != nil {
		m.line("  rect rgba(220, 40, 40, 0.4)")
		m.across("✗ " + r.broke.String())
		m.line("  end")
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
	if last := len(m.lanes) - 1; last > 0 {
		place += "," + laneID(last)
	}
	m.line("  Note over %s:wrap: %s", place, escape(text))
}

// below says what the picture shows. A command to copy is a comment, in which
// nothing is escaped: Mermaid looks for nothing there but directives.
func (m *mermaid) below(r *Report) {
	for _, s := range r.words() {
		switch {
		case s.head == replay:
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
