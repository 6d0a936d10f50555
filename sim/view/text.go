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
// below it what broke, how and what it means.
func Text(w io.Writer, r *Report, colour bool) error {
	d := newDiagram(r.Trace)
	times := newTimes(r.Trace)
	var b strings.Builder
	b.WriteString(r.Title + "\n\n")
	b.WriteString(d.head(times.width))
	if r.Same > 0 {
		b.WriteString(fmt.Sprintf("%3s  %*s%s\n", "⋮", times.width, "", d.lanes()) + fmt.Sprintf("%3d  the same up to here\n", r.Same))
	}
	for i := r.Same; i < len(r.Trace.Steps); i++ {
		step := &r.Trace.Steps[i]
		b.WriteString(fmt.Sprintf("%3d  %*s%s\n", i+1, times.width, times.of(i), d.row(step)))
		for _, broken := range r.Broken {
			if broken.Step == i+1 {
				what := fmt.Sprint(broken.Err)
				if utf8.RuneCountInString(what) > 120 {
					what = broken.Property // It is said in full below.
				}
				b.WriteString(paint(colour, fmt.Sprintf("  ✗  %*s%s ✗ %s", times.width, "", d.rule(), what)) + "\n")
			}
		}
	}
	b.WriteString("\n")
	for _, s := range r.words() {
		for i, line := range s.lines(100) {
			head := s.head
			if i > 0 {
				head = ""
			}
			b.WriteString(paint(colour && s.head == broke, fmt.Sprintf("%-8s%s", head, line)) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// times are those of a trace's steps, for a column at the left: nothing where time
// has no meaning, or has not gone on.
type times struct {
	steps []sim.TraceStep
	width int // of the column and the room behind it; 0: there is none
}

func newTimes(t *sim.Trace) *times {
	c := &times{steps: t.Steps}
	for i := range c.steps {
		if c.steps[i].At != sim.Never {
			c.width = max(c.width, utf8.RuneCountInString(c.steps[i].At.String())+2)
		}
	}
	return c
}

// of is the time of a step, if it is another than that of the step before.
func (c *times) of(i int) string {
	at := c.steps[i].At
	if at == sim.Never || i > 0 && c.steps[i-1].At == at {
		return ""
	}
	return at.String() + "  "
}

// paint makes text stand out on a terminal.
func paint(colour bool, text string) string {
	if !colour {
		return text
	}
	return "\x1b[1;31m" + text + "\x1b[0m"
}

// diagram knows where each lane of a trace stands.
type diagram struct {
	trace *sim.Trace
	at    []int // column of each lane
}

func newDiagram(t *sim.Trace) *diagram {
	d := &diagram{trace: t, at: make([]int, len(t.Lanes))}
	gap := make([]int, len(t.Lanes)) // the room that each lane needs at its right
	for i, lane := range t.Lanes {
		gap[i] = 3 + utf8.RuneCountInString(lane.Name)
	}
	for i := range t.Steps {
		if from, _, _ := d.arrow(&t.Steps[i]); from < 0 {
			for _, lane := range d.lanesOf(&t.Steps[i]) {
				gap[lane] = max(gap[lane], 4+utf8.RuneCountInString(label(&t.Steps[i])))
			}
		}
	}
	d.place(gap)
	for i := range t.Steps {
		// An arrow that needs more room than its lanes give pushes the last one.
		from, to, text := d.arrow(&t.Steps[i])
		if from < 0 {
			continue
		}
		left, right := min(from, to), max(from, to)
		if short := utf8.RuneCountInString(text) + 8 - (d.at[right] - d.at[left]); short > 0 {
			gap[right-1] += short
			d.place(gap)
		}
	}
	return d
}

func (d *diagram) place(gap []int) {
	for i := 1; i < len(d.at); i++ {
		d.at[i] = d.at[i-1] + gap[i-1]
	}
}

func (d *diagram) lane(name string) int {
	for i, lane := range d.trace.Lanes {
		if lane.Name == name {
			return i
		}
	}
	return 0
}

// head is the lanes' names, and what each participant shows at the start.
func (d *diagram) head(times int) string {
	names := &canvas{}
	for i, lane := range d.trace.Lanes {
		names.write(d.at[i], lane.Name)
	}
	left := strings.Repeat(" ", 5+times)
	head := left + names.String() + "\n" + left + d.lanes().String() + "\n"
	if facts := d.start(); facts != "" {
		return "at the start: " + facts + "\n\n" + head
	}
	return head
}

// start is what each participant shows before the first step:
// "om P0 10 clean, P1 20 clean; coordinator P0 10, P1 20".
func (d *diagram) start() string {
	var groups []string
	for i, fact := range d.trace.Start {
		text := fact.Name + " " + fact.Value
		if i > 0 && d.trace.Start[i-1].Of == fact.Of {
			groups[len(groups)-1] += ", " + text
		} else {
			groups = append(groups, fact.Of+" "+text)
		}
	}
	return strings.Join(groups, "; ")
}

// lanes is a row in which nothing happens.
func (d *diagram) lanes() *canvas {
	c := &canvas{}
	for _, at := range d.at {
		c.write(at, "│")
	}
	return c
}

// rule is the line that marks a break.
func (d *diagram) rule() string { return strings.Repeat("━", d.at[len(d.at)-1]) }

// row draws one step.
func (d *diagram) row(step *sim.TraceStep) string {
	c := d.lanes()
	from, to, text := d.arrow(step)
	if from < 0 {
		for _, lane := range d.lanesOf(step) {
			c.write(d.at[lane], "● "+label(step))
		}
		return c.String()
	}
	left, right := min(d.at[from], d.at[to]), max(d.at[from], d.at[to])
	for x := left + 1; x < right; x++ {
		line := "─"
		if c.get(x) == '│' {
			line = "┼"
		}
		c.write(x, line)
	}
	if from < to {
		c.write(left, "├")
		c.write(right-1, "▶●")
		c.write(left+2, " "+text+" ")
	} else {
		c.write(left, "●◀")
		c.write(right, "┤")
		c.write(left+3, " "+text+" ")
	}
	if what := effects(step); what != "" {
		c.write(max(right, d.at[len(d.at)-1])+2, what)
	}
	return c.String()
}

// lanesOf is where a step without an arrow stands: in the lane of who moved, or
// in all lanes of a process.
func (d *diagram) lanesOf(step *sim.TraceStep) []int {
	var lanes []int
	for i, lane := range d.trace.Lanes {
		if lane.Process != "" && step.Actor == lane.Process && fails(step) {
			lanes = append(lanes, i)
		}
	}
	if lanes == nil {
		lanes = []int{d.lane(step.Lane)}
	}
	return lanes
}

// fails says whether the step is a fault, or the end of one.
func fails(step *sim.TraceStep) bool {
	return slices.ContainsFunc(step.Acts, func(act sim.Observation) bool { return act.Action == sim.Failed })
}

// arrow is the message that a step takes: from which lane, to which, and what
// it says. A step that takes none has no lane, nor has one that is told that
// none will come.
func (d *diagram) arrow(step *sim.TraceStep) (from, to int, text string) {
	for _, act := range step.Acts {
		if (act.Action == sim.Arrived || act.Action == sim.Received) && act.Message != sim.Cut {
			return d.lane(act.Peer), d.lane(act.Actor), message(act.Message)
		}
	}
	return -1, -1, ""
}

// message is its name, and what is in it.
func message(m sim.Message) string { return strings.TrimRight(m.Name()+" "+m.String(), " ") }

// label is what a step says in its lane: its point, what it sent, and what it
// changed. A node's timer, and a process, say which of them they are.
func label(step *sim.TraceStep) string {
	text := step.Label
	if timer, ok := strings.CutPrefix(step.Actor, step.Lane+"."); ok {
		text = timer + " " + text
	} else if fails(step) && step.Actor != step.Lane {
		text = step.Actor + " " + text
	}
	before := " " // what it changed
	for _, act := range step.Acts {
		switch {
		case act.Action == sim.Received && act.Request != nil:
			text += ": " + message(act.Request)
		case act.Action == sim.Received && act.Message == sim.Cut:
			text += ": " + act.Message.Name()
		case act.Action == sim.Sent && act.Actor == step.Actor:
			return strings.TrimRight(text+" "+act.Message.String(), " ") + " ▷"
		case act.Action == sim.Sent:
			text += " " + message(act.Message) + " ▷"
		default:
			continue
		}
		before = ", "
	}
	if what := changes(step); what != "" {
		text += before + what
	}
	return text
}

// effects lists what a step that takes a message comes to: what it changed, and
// what it asks another node.
func effects(step *sim.TraceStep) string {
	var parts []string
	if what := changes(step); what != "" {
		parts = append(parts, what)
	}
	for _, act := range step.Acts {
		if act.Action == sim.Sent {
			parts = append(parts, act.Message.Name()+" ▷")
		}
	}
	return strings.Join(parts, ", ")
}

// changes lists what a step changed. What a participant shows of itself goes
// without a name; what a node shows, with what it was.
func changes(step *sim.TraceStep) string {
	var parts []string
	for _, c := range step.Changes {
		switch {
		case c.Of != step.Lane:
			parts = append(parts, c.Name+" "+c.Value)
		case len(step.Acts) > 0:
			parts = append(parts, c.Name+" "+c.Was+" → "+c.Value)
		default:
			parts = append(parts, c.Value)
		}
	}
	return strings.Join(parts, ", ")
}

// words are what stands below the picture: what the run shows.
func (r *Report) words() []saying {
	var words []saying
	say := func(head, text string) { words = append(words, saying{head: head, text: text}) }
	for _, broken := range r.Broken {
		words = append(words, saying{head: broke, text: fmt.Sprintf("%s at step %d: %v", broken.Property, broken.Step, broken.Err), whole: true})
	}
	if r.Culprit != nil {
		say("because", fmt.Sprintf("every run that keeps these orders breaks %s (all %d states that keep them):", r.Culprit.Property, r.Culprit.States))
		for _, o := range r.Culprit.Orders {
			later := fmt.Sprintf("step %d, %s", o.LaterAt, o.Later)
			if o.LaterAt == 0 {
				later = fmt.Sprintf("%s, which never comes", o.Later)
			}
			say("", fmt.Sprintf("  step %d, %s, before %s: %s", o.EarlierAt, o.Earlier, later, o.Touches()))
		}
	}
	for _, broken := range r.Broken {
		if explained, ok := broken.Err.(sim.Explained); ok {
			say("means", explained.Meaning())
		}
	}
	if len(r.Broken) == 0 {
		say("held", fmt.Sprintf("this run broke nothing in %d steps. One run proves nothing; simrun explore does.", len(r.Trace.Steps)))
		if r.Ending == sim.ScheduleEnded && len(r.Left) > 0 {
			say("", "The schedule ended with work left for "+strings.Join(r.Left, ", ")+".")
		}
		if len(r.Untried) > 0 {
			say("untried", "no step put these to the test: "+strings.Join(r.Untried, ", "))
		}
	}
	for _, note := range r.Notes {
		say("note", note)
	}
	if r.Repeat != "" {
		words = append(words, saying{head: repeat, text: r.Repeat, whole: true})
	}
	return words
}

const (
	broke  = "BROKEN" // heads what says that a property broke
	repeat = "repeat" // heads the command that gives the run again
)

// saying is a paragraph below a picture. One without a head goes on from the
// one before.
type saying struct {
	head  string
	text  string
	whole bool // its lines are never broken
}

func (s saying) lines(width int) []string {
	if s.whole {
		return []string{s.text}
	}
	return Wrap(s.text, width)
}

// Wrap breaks text into lines of at most width characters.
func Wrap(text string, width int) []string {
	lines := []string{""}
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	for _, word := range strings.Fields(text) {
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

// canvas is a line of text that is written at columns.
type canvas struct{ cells []rune }

func (c *canvas) write(at int, text string) {
	for _, r := range text {
		for len(c.cells) <= at {
			c.cells = append(c.cells, ' ')
		}
		c.cells[at] = r
		at++
	}
}

func (c *canvas) get(at int) rune {
	if at < len(c.cells) {
		return c.cells[at]
	}
	return ' '
}

func (c *canvas) String() string { return strings.TrimRight(string(c.cells), " ") }
