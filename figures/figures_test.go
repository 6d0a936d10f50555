package figures

import (
	"bytes"
	"cmp"
	"html"
	"image/png"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"racelab/sweeps"
)

var results = map[*sweeps.Sweep]*sweeps.Result{}

// few makes the sweeps small that would take seconds.
var few = map[string][]string{"ordering-cost": {"records=200"}, "rewind-odds": {"messages=12"}, "throttle": {"quota=5"}}

// result runs a sweep with few seeds, once for all tests. Who changes it puts it
// back.
func result(t *testing.T, s *sweeps.Sweep) *sweeps.Result {
	t.Helper()
	if r := results[s]; r != nil {
		return r
	}
	few := few[s.Name]
	for _, p := range s.Parameters {
		if p.Name == "transactions" {
			few = []string{"transactions=20"}
		}
	}
	r, err := s.Run(set(t, s, few...), sweeps.Options{Seeds: 2, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	results[s] = r
	return r
}

func drawn(t *testing.T, draw func(*sweeps.Result, sweeps.Figure) ([]byte, error), r *sweeps.Result, f sweeps.Figure) []byte {
	t.Helper()
	picture, err := draw(r, f)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

var svgText = regexp.MustCompile(`<text x="([-0-9.e+]+)" y="([-0-9.e+]+)"[^>]*\n?[^>]*font-size:([0-9.]+)px[^>]*>([^<]*)</text>`)

// box is where a text lies.
type box struct {
	text                     string
	left, right, bottom, top vg.Length
}

// boxOf is about the letters: two lines of a paragraph do not meet.
func boxOf(text string, x, y, size vg.Length, bold bool) box {
	s := note
	if bold {
		s = headline
	}
	s.Font.Size = size
	return box{text, x, x + s.Width(text), y - 0.7*size, y}
}

func (b box) meets(other box) bool {
	return b.left < other.right && other.left < b.right && b.bottom < other.top && other.bottom < b.top
}

// Goal: a picture says what it must, in the font that it was set in, on the page;
// the name of each series stands beside each of its lines; and the first number of
// a picture is where it lies. One is drawn twice: the same result gives the same bytes.
func TestFigures(t *testing.T) {
	for i, s := range sweeps.All() {
		r := result(t, s)
		for _, f := range s.Figures {
			name := s.Name + " " + f.Name
			picture, vectors := drawn(t, PNG, r, f), drawn(t, SVG, r, f)
			if i == 0 && (!bytes.Equal(drawn(t, PNG, r, f), picture) || !bytes.Equal(drawn(t, SVG, r, f), vectors)) {
				t.Errorf("%s: drawn twice, it has other bytes", name)
			}
			image, err := png.Decode(bytes.NewReader(picture))
			if err != nil {
				t.Fatal(err)
			}
			if size := image.Bounds().Size(); size.X != 1040 || size.Y < 608 {
				t.Errorf("%s is %v pixels large, want 1040 x 608 or higher", name, size)
			}
			var said strings.Builder
			var boxes []box
			for _, text := range svgText.FindAllStringSubmatch(string(vectors), -1) {
				x, _ := strconv.ParseFloat(text[1], 64)
				y, _ := strconv.ParseFloat(text[2], 64)
				if size, _ := strconv.ParseFloat(text[3], 64); strings.TrimSpace(text[4]) != "" {
					here := boxOf(html.UnescapeString(text[4]), vg.Length(x), vg.Length(y), vg.Length(size), strings.Contains(text[0], "weight:bold"))
					for _, other := range boxes {
						if here.meets(other) {
							t.Errorf("%s: %q and %q lie over each other", name, other.text, here.text)
						}
					}
					boxes = append(boxes, here)
				}
				if x < 0 || x > float64(width.Points()) || -y < 0 || -y > newDrawing(r, f).height().Points() {
					t.Errorf("%s: %q stands at %g, %g, off the page", name, text[4], x, y)
				}
				said.WriteString(html.UnescapeString(text[4]) + " ")
			}
			words := strings.Join(strings.Fields(said.String()), " ")
			want := []string{f.Headline(r), strconv.Itoa(r.Seeds) + " seeds", "95 % interval"}
			for _, series := range s.Series {
				want = append(want, series.Name)
				if f.Kind == sweeps.Lines {
					want = append(want, series.Name+": "+series.What)
					beside := regexp.MustCompile(">(≈ )?" + regexp.QuoteMeta(series.Name) + "</text>")
					if got, plots := len(beside.FindAll(vectors, -1)), len(f.Columns)*len(s.PanelsOf(f)); got != plots {
						t.Errorf("%s: %s is named beside %d lines of %d", name, series.Name, got, plots)
					}
				}
			}
			if f.Kind == sweeps.Bars {
				want = append(want, "model, median", "(measured)")
			}
			panels := s.PanelsOf(f)
			everywhere, only := r.Holds(panels)
			for i, held := range append(only, everywhere) {
				for _, v := range held {
					want = append(want, v.Name+"="+v.Text)
				}
				if i < len(panels) && len(held) > 0 {
					want = append(want, "with "+held.String())
				}
			}
			for _, p := range s.Parameters {
				if !slices.ContainsFunc(panels, func(panel sweeps.Panel) bool { return panel.Vary != p.Name }) && strings.Contains(" "+words, " "+p.Name+"=") {
					t.Errorf("%s says %s=, which all its axes vary: %s", name, p.Name, words)
				}
			}
			for _, w := range want {
				if !strings.Contains(words, w) {
					t.Errorf("%s does not say %q: %s", name, w, words)
				}
			}
			if strings.Count(string(vectors), "Liberation Sans,Arial,sans-serif") != strings.Count(string(vectors), "font-family") {
				t.Errorf("%s: not every text has the fonts that may stand in", name)
			}
			shown := slices.IndexFunc(r.Rows, func(row sweeps.Row) bool { return f.Panels == nil || slices.Contains(f.Panels, row.Panel.Name()) })
			first := &r.Rows[shown].Cells[s.Index(f.Columns[0])].Value
			was := *first
			*first = was + 1
			if bytes.Equal(drawn(t, SVG, r, f), vectors) {
				t.Errorf("%s does not show the first number", name)
			}
			*first = was
		}
	}
}

// Goal: of two lines of which one would hide the other one is drawn, and no other.
func TestCoincide(t *testing.T) {
	line := func(heights ...vg.Length) (points []vg.Point) {
		for _, y := range heights {
			points = append(points, vg.Point{Y: y})
		}
		return points
	}
	level := line(9, 9, 9, 9)
	for _, test := range []struct {
		other []vg.Point
		want  bool
	}{
		{level, true}, {line(9, 8, 11, 10), true}, {line(9, 9, 9, 15), true},
		{line(9, 9, 9, 18), false}, {line(9, 9, 6, 6), false}, {line(0, 9, 9, 9), false},
	} {
		if got := coincide(level, test.other); got != test.want {
			t.Errorf("%v and %v coincide: %v, want %v", level, test.other, got, test.want)
		}
	}
}

func TestTicks(t *testing.T) {
	log := func(length vg.Length) logarithmic {
		return logarithmic{length: length, size: func(string) vg.Length { return 15 }}
	}
	for _, test := range []struct {
		ticker      plot.Ticker
		least, most float64
		want        string
	}{
		{linear(4), 0, 2200, "0 500 1,000 1,500 2,000"},
		{linear(4), 0, 1, "0 0.2 0.4 0.6 0.8 1"},
		{linear(5), 3, 47, "10 20 30 40"},
		{log(240), 0.5, 2000, "0.5 1 2 5 10 20 50 100 200 500 1,000 2,000"},
		{log(240), 1, 32, "1 2 5 10 20"},
		{log(50), 1, 32, "1 - - 10 -"},
		{log(110), 1, 1e6, "1 - - 10 - - 100 - - 1,000 - - 10,000 - - 100,000 - - 1,000,000"},
		{log(70), 1, 1e6, "1 - - - - - 100 - - - - - 10,000 - - - - - 1,000,000"},
		{log(1), 1, 100, "1 - - - - - -"},
		{logarithmic{240, func(string) vg.Length { return 15 }, true}, 0.5, 100, "0 1 2 5 10 20 50 100"},
		{words{"manual", "auto"}, 0, 1, "manual auto"},
	} {
		var got []string
		for _, mark := range test.ticker.Ticks(test.least, test.most) {
			got = append(got, cmp.Or(mark.Label, "-"))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%v from %g to %g: %v, want %s", test.ticker, test.least, test.most, got, test.want)
		}
	}
}

// Goal: lines are as long as they may be, and the last one has more than one word.
func TestWrapped(t *testing.T) {
	for words, want := range map[string]string{
		"one two three four": "one two|three four",
		"one two three":      "one|two three",
		"one two":            "one two",
		"six insurmountable": "six|insurmountable",
	} {
		if got := strings.Join(wrapped(note, words, note.Width("three four")), "|"); got != want {
			t.Errorf("%q: %s, want %s", words, got, want)
		}
	}
}
