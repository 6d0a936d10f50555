package scenarios_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/trace"
	"racelab/sim/view"
)

// speaks holds pictures of a run to the schedule's language: the names that a
// reader finds in one, folded or not, at any width, are a schedule, and it gives
// the run again. No line but a command is wider than asked for.
func speaks(t *testing.T, c *scenario.Case, report *view.Report) {
	t.Helper()
	for _, o := range []view.Options{{}, {Full: true}, {Width: 60}, {Width: 140}} {
		var b strings.Builder
		if err := view.Text(&b, report, o); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if size := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); size > max(o.Width, 60) && (o.Width > 0 || size > 100) {
				t.Errorf("%s, %+v: a line has %d columns\n%s", report.Title, o, size, line)
			}
		}
		schedule, err := sim.ParseSchedule(strings.Join(namesOf(b.String(), report.Trace.Lanes), "\n"))
		if err != nil {
			t.Fatalf("%s, %+v: %v\n%s", report.Title, o, err, b.String())
		}
		for i, step := range report.Trace.Schedule {
			if i == len(schedule) || schedule[i].String() != step.String() {
				t.Fatalf("%s, %+v: step %d reads %q, want %q\n%s", report.Title, o, i+1, schedule[i:min(i+1, len(schedule))], step, b.String())
			}
		}
	}
	w := c.World()
	defer w.Close()
	again := &view.Report{Trace: trace.Record(w)}
	if _, err := sim.Run(w, sim.NewReplay(report.Trace.Schedule)); err != nil {
		t.Fatalf("%s: %v", report.Title, err)
	}
	if !reflect.DeepEqual(again.AsJSON().Steps, report.AsJSON().Steps) {
		t.Errorf("%s: what the picture names gives another run", report.Title)
	}
}

// Goal: README shows what the first command draws, small enough to be read.
func TestPictureInReadme(t *testing.T) {
	c := theCase(t, "offset-rewind", "")
	report, err := c.Play(c.Default())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := view.Text(&b, report, view.Options{}); err != nil {
		t.Fatal(err)
	}
	picture, _, _ := strings.Cut(b.String(), "\n\nwhy ")
	if lines := strings.Count(picture, "\n") + 1; lines > 20 {
		t.Errorf("the picture has %d lines, want 20 at most", lines)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil || !strings.Contains(string(readme), picture) {
		t.Errorf("README.md (%v) does not show\n%s", err, picture)
	}
	releases := func(variants ...string) string { return c.Race.Has(scenario.Symptom{Variants: variants}) }
	for _, says := range []string{
		releases("unfixed", "send-lock") + " does this", "`unfixed` is " + releases("unfixed"), "is " + releases("send-lock"),
		releases("broker-lock") + " does not, but can deadlock", releases("broker-lock-released") + " does neither",
	} {
		if !strings.Contains(strings.Join(strings.Fields(string(readme)), " "), says) {
			t.Errorf("README.md does not say %q", says)
		}
	}
}

// pictureRow begins a row: its number or numbers, and a time if there is one.
var pictureRow = regexp.MustCompile(`^ *\d+(-\d+)?  `)

// namesOf reads the events off a picture, as its doc comment tells a reader to.
func namesOf(picture string, lanes []trace.Lane) (names []string) {
	_, picture, _ = strings.Cut(picture, "\n\n")
	picture, _, _ = strings.Cut(picture, "\n\n")
	lines := strings.Split(picture, "\n")
	at := map[int]trace.Lane{} // by column
	left := 1 << 30
	for i, line := range lines {
		if pictureRow.MatchString(line) {
			lines = lines[i:]
			break
		}
		for _, lane := range lanes {
			if before, _, ok := strings.Cut(" "+line+" ", " "+lane.Name+" "); ok {
				column := utf8.RuneCountInString(before)
				at[column], left = lane, min(left, column)
			}
		}
	}
	var row [][]rune
	broke := false // what wraps below a break is no part of a row
	for _, line := range append(lines, "0  ") {
		// A number that stands on the lanes is the end of a text that wraps.
		begins := len(pictureRow.FindString(line)) > 0 && len(pictureRow.FindString(line)) <= left
		broke = !begins && (broke || strings.HasPrefix(strings.TrimSpace(line), "✗"))
		if begins {
			if row != nil {
				names = append(names, eventsOf(row, at)...)
			}
			row = nil
		}
		if !broke {
			runes := []rune(line)
			row = append(row, runes[min(left, len(runes)):])
		}
	}
	return names
}

// eventsOf reads one row.
func eventsOf(row [][]rune, at map[int]trace.Lane) []string {
	left := 1 << 30
	for column := range at {
		left = min(left, column)
	}
	lane := func(column int) trace.Lane {
		last := trace.Lane{}
		for x := 0; x <= column+left; x++ {
			if l, ok := at[x]; ok {
				last = l
			}
		}
		return last
	}
	main := row[0]
	mark := slices.IndexFunc(main, func(r rune) bool { return r == '●' || r == '○' })
	from := slices.IndexFunc(main, func(r rune) bool { return r == '├' || r == '┤' })
	text := ""
	if from >= 0 {
		on := string(main[min(from, mark)+1 : max(from, mark)])
		text = strings.TrimSpace(strings.Trim(on, "─┼▶◀ "))
	}
	if text == "" {
		text = textBeside(row, max(from, mark), mark)
	}
	text, _, _ = strings.Cut(text+" ", ": ")
	names := strings.Split(strings.TrimSpace(text), ", ")
	for i, name := range names {
		first, _, _ := strings.Cut(name, " ")
		switch {
		case main[mark] == '○', from >= 0 && strings.Contains(first, "->"):
		case from >= 0 && lane(mark).Kind == trace.NodeLane:
			names[i] = lane(from).Name + "->" + lane(mark).Name + " " + name
		default:
			names[i] = lane(mark).Name + " " + name
		}
	}
	return names
}

// textBeside reads the text of a row that is on no arrow: behind its right end,
// at the left of its mark, or on the lines below the mark.
func textBeside(row [][]rune, end, mark int) string {
	const lines = "│─┼├┤▶◀●○"
	get := func(y, x int) rune {
		if x < 0 || x >= len(row[y]) {
			return ' '
		}
		return row[y][x]
	}
	blank := func(y, x int) bool { return get(y, x) == ' ' || strings.ContainsRune(lines, get(y, x)) }
	right := func(y, x int) (text string) { // from a column on
		for ; !blank(y, x) || get(y, x) == ' ' && !blank(y, x+1); x++ {
			text += string(get(y, x))
		}
		return text
	}
	start := func(y int) int { // of what stands at the left of the mark
		x := mark - 1
		for ; x > 0 && get(y, x) == ' '; x-- {
		}
		for ; x > 0 && (!blank(y, x-1) || get(y, x-1) == ' ' && x > 1 && !blank(y, x-2)); x-- {
		}
		return x
	}
	x := -1
	var text []string
	for y := range row {
		switch {
		case x >= 0:
		case y == 0 && !blank(0, end+2) && get(0, end+1) == ' ':
			x = end + 2
		case y > 0 && !blank(y, mark+2) && blank(y, mark+1):
			x = mark + 2
		case start(y) >= 0 && !blank(y, start(y)):
			x = start(y)
		}
		if x >= 0 && !blank(y, x) {
			text = append(text, right(y, x))
		}
	}
	return strings.Join(text, " ")
}
