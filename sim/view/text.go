package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"racelab/sim"
)

// Text draws the run as a sequence diagram, a lane a participant, and says
// below it why it broke, what that means and what to do.
//
// ● is a step of the lane, ○ something that happens to it: a timer fires, a
// process crashes. ├─▶● takes a request, ●◀─┤ an answer, and ▷ is sent and not
// yet taken. A step begins with its name in a schedule, before the colon. In
// colour, a name beside a message is dim, and a break red.
func Text(w io.Writer, r *Report, o Options) error {
	if o.Width == 0 {
		o.Width = 100
	}
	p := newPicture(r, o.Full, false)
	d := &drawing{picture: p, width: o.Width}
	d.place()
	var b strings.Builder
	write := func(colour string, lines ...string) {
		for _, line := range lines {
			b.WriteString(paint(o.Colour, colour, line) + "\n")
		}
	}
	write(plain, Wrap(r.Title, o.Width)...)
	if facts := p.start(); facts != "" {
		write(plain, hang("at the start: ", facts, o.Width)...)
	}
	write(plain, "")
	write(plain, d.head()...)
	if r.Same > 0 {
		write(plain, d.left("⋮", "")+d.empty().String(false), d.left(fmt.Sprint(r.Same), "")+"the same up to here")
	}
	for i := range p.rows {
		row := &p.rows[i]
		for j, line := range d.row(row) {
			left := d.left("", "")
			if j == 0 {
				left = d.left(row.number(), d.time(row))
			}
			write(plain, left+line.String(o.Colour))
		}
		if row.broke != nil {
			write(red, hang(d.left("✗", ""), row.broke.String(), o.Width)...)
		}
	}
	write(plain, "")
	for _, s := range r.words() {
		head, text := fmt.Sprintf("%-8s", s.head), oneLine(s.text)
		switch {
		case s.head == replay:
			write(plain, command(head, text, o.Width)...)
		case s.head == also && !o.Full:
			write(plain, cut(head+text, o.Width))
		case s.head == "":
			write(plain, hang(head+"  ", text, o.Width)...)
		default:
			write(plain, hang(head, text, o.Width)...)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Colours of a terminal.
const (
	plain = ""
	red   = "1;31"
	dim   = "2"
)

// paint gives text a colour on a terminal that has some.
func paint(on bool, colour, text string) string {
	if !on || colour == plain || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// drawing knows where each lane of a picture stands.
type drawing struct {
	*picture
	width   int   // of all
	numbers int   // width of the column of numbers
	times   int   // width of the column of times, with the room behind it; 0: there is none
	at      []int // column of each lane, from the left of the lanes
}

// left is what stands at the left of the lanes.
func (d *drawing) left(number, time string) string {
	return fmt.Sprintf("%*s  %*s", d.numbers, number, d.times, time)
}

// room is the width of the lanes.
func (d *drawing) room() int { return d.width - d.numbers - 2 - d.times }

// time is when the row happened, if that is later than the row before.
func (d *drawing) time(r *row) string {
	steps := d.report.Trace.Steps
	at := steps[r.first-1].At
	if at == sim.Never || r.first > 1 && steps[r.first-2].At == at {
		return ""
	}
	return at.String() + "  "
}

// place gives each lane its column. No text may ask for more room than keeps all
// lanes in the width; what is longer runs over other lanes, or wraps.
func (d *drawing) place() {
	d.numbers = 3
	for i := range d.rows {
		d.numbers = max(d.numbers, len(d.rows[i].number()))
	}
	for i := range d.report.Trace.Steps {
		if at := d.report.Trace.Steps[i].At; at != sim.Never {
			d.times = max(d.times, utf8.RuneCountInString(at.String())+2)
		}
	}
	d.at = make([]int, len(d.lanes))
	for most := d.room(); most > 1; most-- {
		if end := d.spread(most); end <= d.room() {
			return
		}
	}
}

// spread places the lanes with no text asking for more than the given room, and
// returns where the last text ends.
func (d *drawing) spread(most int) (end int) {
	gap := make([]int, len(d.lanes)) // the room that each lane needs at its right
	need := func(lane, room int) { gap[lane] = max(gap[lane], min(room, most)) }
	for i, lane := range d.lanes {
		need(i, utf8.RuneCountInString(lane.Name)+2) // Of two that would meet, one stands higher.
	}
	if last := len(gap) - 1; last >= 0 {
		gap[last] = max(gap[last], utf8.RuneCountInString(d.lanes[last].Name))
	}
	for i := range d.rows {
		r := &d.rows[i]
		for lane, text := range d.beside(r) {
			if len(text) > 0 {
				need(lane, longest(text)+4)
			}
		}
	}
	for range 2 {
		for i := 1; i < len(d.at); i++ {
			d.at[i] = d.at[i-1] + gap[i-1]
		}
		for i := range d.rows {
			// An arrow that needs more room than its lanes give pushes the right
			// one. It gets more than other texts, which can run over lanes.
			if r := &d.rows[i]; r.from >= 0 && r.from != r.to {
				left, right := min(r.from, r.to), max(r.from, r.to)
				short := min(utf8.RuneCountInString(d.onArrow(r))+7, most*3/2) - (d.at[right] - d.at[left])
				for j := right; short > 0 && j < len(d.at); j++ {
					d.at[j] += short
				}
				if short > 0 {
					gap[right-1] += short
				}
			}
		}
	}
	if len(d.at) == 0 {
		return 0
	}
	return d.at[len(d.at)-1] + gap[len(gap)-1]
}

// beside is what a row says beside each lane.
func (d *drawing) beside(r *row) [][]string {
	beside := make([][]string, len(d.lanes))
	changed := d.changed(r)
	for i := range d.lanes {
		beside[i] = changed[i]
	}
	if r.from >= 0 {
		return beside
	}
	what := append(slices.Clone(r.said), beside[r.lanes[0]]...)
	for i, lane := range r.lanes {
		text := r.name()
		if i == 0 && len(what) > 0 {
			text += ": " + strings.Join(what, ", ")
		} else if len(changed) > 0 {
			text += ":" // Or what stands below might be read as more of the name.
		}
		beside[lane] = []string{text}
	}
	return beside
}

// onArrow is what an arrow says.
func (d *drawing) onArrow(r *row) string {
	text := r.name()
	if len(r.said) > 0 {
		text += ": " + r.said[0]
	}
	return text
}

// longest is the room that a list takes on one line.
func longest(list []string) int { return utf8.RuneCountInString(strings.Join(list, ", ")) }

// head is the lanes' names. Of two that would meet, the left one stands higher.
func (d *drawing) head() []string {
	height := make([]int, len(d.lanes))
	for i := len(d.lanes) - 1; i >= 0; i-- {
		end := d.at[i] + utf8.RuneCountInString(d.lanes[i].Name)
		for j := i + 1; j < len(d.lanes) && d.at[j] <= end; j++ {
			height[i] = max(height[i], height[j]+1)
		}
	}
	top := 0
	if len(height) > 0 {
		top = slices.Max(height)
	}
	var lines []string
	for h := top; h >= 0; h-- {
		c := &canvas{width: d.room()}
		for i, lane := range d.lanes {
			if height[i] == h {
				c.write(d.at[i], lane.Name)
			} else if height[i] > h {
				c.write(d.at[i], "│")
			}
		}
		lines = append(lines, d.left("", "")+c.String(false))
	}
	return lines
}

// empty is a line on which nothing happens.
func (d *drawing) empty() *canvas {
	c := &canvas{width: d.room()}
	for _, at := range d.at {
		c.write(at, "│")
	}
	return c
}

// block is the lines of a row, while they are drawn.
type block struct {
	drawing *drawing
	lines   []*canvas
}

// row draws a row.
func (d *drawing) row(r *row) []*canvas {
	b := &block{d, []*canvas{d.empty()}}
	beside := d.beside(r)
	if r.from < 0 {
		mark := "○"
		if r.own {
			mark = "●"
		}
		for _, lane := range r.lanes {
			b.lines[0].write(d.at[lane], mark)
		}
		for _, lane := range r.lanes {
			b.put(lane, beside[lane][0])
			beside[lane] = nil
		}
	} else {
		b.arrow(r, beside)
	}
	for lane, text := range beside {
		if len(text) > 0 {
			b.put(lane, strings.Join(text, ", "))
		}
	}
	return b.lines
}

// arrow draws the message that a row takes. What an answer changed for whom it
// is for stands on the arrow, if there is room: that is where the lane is.
func (b *block) arrow(r *row, beside [][]string) {
	d, c := b.drawing, b.lines[0]
	left, right := d.at[min(r.from, r.to)], d.at[max(r.from, r.to)]
	for x := left + 1; x < right; x++ {
		line := "─"
		if c.get(x) == '│' {
			line = "┼"
		}
		c.write(x, line)
	}
	text := d.onArrow(r)
	sent := r.said
	if len(sent) > 0 {
		sent = sent[1:]
	}
	what := append(slices.Clone(sent), beside[r.to]...) // What it comes to.
	beside[r.to] = nil
	start := left + 2
	if r.from < r.to {
		c.write(left, "├")
		c.write(right-1, "▶●")
	} else {
		start++
		c.write(left, "●◀")
		c.write(right, "┤")
		if all := text + "; " + strings.Join(what, ", "); len(what) > 0 && utf8.RuneCountInString(all) <= right-left-6 {
			text, what = all, nil
		}
	}
	if size := utf8.RuneCountInString(text); size <= right-left-6 {
		c.write(start, " "+text+" ")
		c.dim(start+1, utf8.RuneCountInString(r.name()))
	} else {
		if len(r.said) == 0 && len(what) > 0 {
			text += ":" // Or that might be read as more of the name.
		}
		b.name(r, text)
	}
	if len(what) > 0 {
		b.put(r.to, strings.Join(what, ", "))
	}
}

// name writes what stands on no arrow, as that is too short: behind the arrow, or
// beside whom it is for.
func (b *block) name(r *row, text string) {
	behind := b.drawing.at[max(r.from, r.to)] + 2
	if utf8.RuneCountInString(text) <= b.drawing.room()-behind {
		b.lines[0].over(behind, text)
	} else {
		b.put(r.to, text)
	}
}

// put writes text beside a lane: to its right on the first line, if there is room,
// or else to its left; and where neither has, on lines of its own, at the side that
// is wider. It runs over other lanes where nothing happens there.
func (b *block) put(lane int, text string) {
	d := b.drawing
	at, size := d.at[lane], utf8.RuneCountInString(text)
	if first := b.lines[0]; len(b.lines) == 1 { // What comes first in a row stands first.
		if size <= d.room()-at-2 && first.free(at+1, at+2+size+1) {
			first.over(at+2, text)
			return
		}
		if size <= at-2 && first.free(at-2-size, at) {
			first.over(at-1-size, text)
			return
		}
	}
	right, left := d.room()-at-2, at-2
	if right >= left || right >= 40 {
		for i, line := range Wrap(text, right) {
			b.line(i, at+1, at+2+right).over(at+2, line)
		}
		return
	}
	lines := Wrap(text, left)
	wide := 0
	for _, line := range lines {
		wide = max(wide, utf8.RuneCountInString(line))
	}
	for i, line := range lines {
		b.line(i, at-2-wide, at).over(at-1-wide, line)
	}
}

// line is the line for the i-th part of a text: the first if that is free in
// the columns, and else a new one.
func (b *block) line(i, from, to int) *canvas {
	if i > 0 || len(b.lines) > 1 || !b.lines[0].free(from, to) {
		b.lines = append(b.lines, b.drawing.empty())
	}
	return b.lines[len(b.lines)-1]
}

// hang wraps text behind a head, under which nothing stands.
func hang(head, text string, width int) []string {
	indent := utf8.RuneCountInString(head)
	lines := Wrap(text, max(width-indent, 20))
	for i := range lines {
		if i == 0 {
			lines[i] = head + lines[i]
		} else {
			lines[i] = strings.Repeat(" ", indent) + lines[i]
		}
	}
	return lines
}

// command breaks a command so that it can still be copied to a shell: between
// the events of a schedule, whose lines may be any, and nowhere else.
func command(head, text string, width int) []string {
	indent := strings.Repeat(" ", len(head)+2)
	line := head
	var lines []string
	for i, part := range strings.SplitAfter(text, "; ") {
		if i > 0 && utf8.RuneCountInString(line+strings.TrimRight(part, " ")) > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line = indent
		}
		line += part
	}
	return append(lines, line)
}

// cut shortens text to a width.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:width-1]), " ") + "…"
}

// Wrap breaks text into lines of at most width characters. A word that is longer
// is cut.
func Wrap(text string, width int) []string {
	lines := []string{""}
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	for _, word := range strings.Fields(text) {
		word = cut(word, max(width-len(indent), 1))
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = indent + word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, indent+word)
		default:
			*last += " " + word
		}
	}
	return lines
}

// canvas is a line that is written at columns.
type canvas struct {
	width    int
	cells    []rune
	from, to int // the columns that are dim
}

// write puts text at a column. What would pass the width is cut.
func (c *canvas) write(at int, text string) {
	for _, r := range text {
		if at >= c.width {
			c.cells[c.width-1] = '…'
			return
		}
		for len(c.cells) <= at {
			c.cells = append(c.cells, ' ')
		}
		c.cells[at] = r
		at++
	}
}

// over writes text where lanes may be, with a blank at either side.
func (c *canvas) over(at int, text string) {
	if c.get(at-1) == '│' {
		c.write(at-1, " ")
	}
	c.write(at, text)
	if end := at + utf8.RuneCountInString(text); c.get(end) == '│' {
		c.write(end, " ")
	}
}

func (c *canvas) dim(from, size int) { c.from, c.to = from, from+size }

// free says whether nothing but lanes stands in the columns.
func (c *canvas) free(from, to int) bool {
	for x := max(from, 0); x < to; x++ {
		if r := c.get(x); r != ' ' && r != '│' {
			return false
		}
	}
	return true
}

func (c *canvas) get(at int) rune {
	if at >= 0 && at < len(c.cells) {
		return c.cells[at]
	}
	return ' '
}

func (c *canvas) String(colour bool) string {
	text := string(c.cells)
	if colour && c.to > c.from {
		text = string(c.cells[:c.from]) + paint(true, dim, string(c.cells[c.from:c.to])) + string(c.cells[c.to:])
	}
	return strings.TrimRight(text, " ")
}
