package sweeps

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"racelab/scenario"
	"racelab/sim"
)

// smallRun are the parameters of small.
type smallRun struct {
	n    int
	late sim.Delay
	down bool
}

func (p *smallRun) flags(f *scenario.Flags) {
	f.Int(&p.n, "n", 2, 1, 9, "how many")
	f.Delay(&p.late, "late", "exp:2ms", "how late")
	f.Switch(&p.down, "mode", "up", "down", false, "which way")
}

// small is a sweep of two panels and two series, 10 points, whose numbers are a
// function of the point and the seed. It counts its runs.
func small(runs *atomic.Int64) *Sweep {
	return &Sweep{
		Name: "small", Title: "A small sweep", Question: "How many?",
		Panels:   []Panel{{Vary: "n", Values: []string{"1", "2", "4"}}, {Vary: "mode", Values: []string{"up", "down"}, With: []string{"n=9"}}},
		Series:   []Series{{"a", "the first"}, {"b", "the second"}},
		Measures: []string{"hits", "trials"},
		Columns: []Column{
			{"hits", "hits", "how many hit", Median("hits")},
			{"odds", "per 1,000", "how often", Odds("hits", "trials", 1000)},
		},
		Seeds: 3,
		Model: ModelOf((*smallRun).flags, func(series string, p smallRun, seed uint64) ([]float64, error) {
			if runs != nil {
				runs.Add(1)
			}
			draws := sim.NewRandom(seed, fmt.Sprint(series, p))
			return []float64{float64(p.late.Draw(&draws)%97) / 7, 20}, nil
		}),
	}
}

func set(t testing.TB, s *Sweep, settings ...string) Setup {
	t.Helper()
	setup, err := s.Set(settings)
	if err != nil {
		t.Fatal(err)
	}
	return setup
}

// few are settings of a sweep for a test that asks no more than that it runs.
func few(s *Sweep) []string {
	if slices.ContainsFunc(s.Parameters, func(p scenario.Parameter) bool { return p.Name == "transactions" }) {
		return []string{"transactions=10"}
	}
	switch s {
	case &orderingCost, &commitBatch:
		return []string{"records=100"}
	case &rewindOdds:
		return []string{"messages=12"}
	case &throttle:
		return []string{"quota=5"}
	}
	return nil
}

func table(t testing.TB, s *Sweep, o Options, settings ...string) string {
	t.Helper()
	r, err := s.Run(set(t, s, settings...), o)
	if err != nil {
		t.Fatal(err)
	}
	return text(t, r)
}

func text(t testing.TB, r *Result) string {
	t.Helper()
	var b strings.Builder
	if err := r.CSV(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Goal: how many work at once, and on how many processors, changes no byte.
func TestWorkersDoNotMatter(t *testing.T) {
	want := table(t, small(nil), Options{Seeds: 20, Workers: 1})
	for _, processors := range []int{1, 4} {
		before := runtime.GOMAXPROCS(processors)
		if got := table(t, small(nil), Options{Seeds: 20, Workers: 4}); got != want {
			t.Errorf("4 workers on %d processors give\n%s\n1 worker\n%s", processors, got, want)
		}
		runtime.GOMAXPROCS(before)
	}
}

// Goal: wherever a kill cuts the journal, the sweep goes on and gives the same
// bytes, and no point whose line is whole is run again.
func TestCutJournalGoesOn(t *testing.T) {
	var runs atomic.Int64
	s := small(&runs)
	path := filepath.Join(t.TempDir(), "small.journal")
	o := Options{Seeds: 3, Workers: 2, Journal: path, Build: "b"}
	want := table(t, s, o)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	points := int(runs.Load()) / 3
	for n := range len(whole) + 1 {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		runs.Store(0)
		if got := table(t, s, o); got != want {
			t.Fatalf("journal cut after %d bytes: the sweep gives\n%s\nwant\n%s", n, got, want)
		}
		kept := max(0, strings.Count(string(whole[:n]), "\n")-1)
		if got := int(runs.Load()); got != 3*(points-kept) {
			t.Fatalf("journal cut after %d bytes holds %d points: %d runs, want %d", n, kept, got, 3*(points-kept))
		}
		if after, _ := os.ReadFile(path); strings.Count(string(after), "\n") != points+1 || len(after) != len(whole) {
			t.Fatalf("journal cut after %d bytes and gone on with has %d bytes, want the %d of the whole one", n, len(after), len(whole))
		}
	}
}

// Goal: a line that no sweep writes is not believed, and neither is any behind it.
func TestStrangeLinesOfAJournal(t *testing.T) {
	var runs atomic.Int64
	s := small(&runs)
	path := filepath.Join(t.TempDir(), "small.journal")
	o := Options{Seeds: 3, Workers: 1, Journal: path}
	want := table(t, s, o)
	whole, _ := os.ReadFile(path)
	lines := strings.SplitAfter(string(whole), "\n")
	for _, line := range []string{
		"", "{}", "null", "7", "\x00\x00", lines[1][:len(lines[1])-2],
		`{"point":-1,"samples":[[1,2],[1,2],[1,2]]}`, `{"point":10,"samples":[[1,2],[1,2],[1,2]]}`,
		`{"point":0,"samples":[[1,2],[1,2]]}`, `{"point":0,"samples":[[1,2],[1,2],[1]]}`, `{"point":0,"samples":[[1,2],[1,2],[1,2]],"x":1}`,
		`{"point":0,"samples":[[1,2],[1,2],[1,2]]} {}`,
	} {
		content := lines[0] + lines[1] + line + "\n" + strings.Join(lines[2:], "")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		runs.Store(0)
		if got := table(t, s, o); got != want || runs.Load() != 3*9 {
			t.Errorf("with the line %q: %d runs, want %d, and\n%s\nwant\n%s", line, runs.Load(), 3*9, got, want)
		}
		if after, _ := os.ReadFile(path); string(after) != string(whole) {
			t.Errorf("with the line %q: the journal is\n%s\nat the end, want\n%s", line, after, whole)
		}
	}
}

// Goal: a journal of other inputs is refused, by one line that names what
// differs, and is left as it was.
func TestJournalThatDoesNotFit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small.journal")
	fits := Options{Seeds: 3, Workers: 1, Journal: path, Build: "b"}
	table(t, small(nil), fits)
	was, _ := os.ReadFile(path)
	renamed, remeasured := small(nil), small(nil)
	renamed.Name = "other"
	remeasured.Measures = []string{"hits", "misses"}
	remeasured.Columns = remeasured.Columns[:1]
	seeds, build := fits, fits
	seeds.Seeds, build.Build = 4, "c"
	for _, test := range []struct {
		sweep    *Sweep
		options  Options
		settings []string
		want     string
	}{
		{renamed, fits, nil, `it is of the sweep "small"`},
		{small(nil), seeds, nil, "it was made with 3 seeds, not 4"},
		{small(nil), fits, []string{"late=1ms"}, "it was made with n=2 late=exp:2ms mode=up, not n=2 late=1ms mode=up"},
		{small(nil), build, nil, "it was made by another build of this program"},
		{remeasured, fits, nil, "it was made by another build of this program"},
	} {
		_, err := test.sweep.Run(set(t, test.sweep, test.settings...), test.options)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove it") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %v: error %v, want one line with %s", test.sweep.Name, test.settings, err, test.want)
		}
		if is, _ := os.ReadFile(path); string(is) != string(was) {
			t.Errorf("%s %v: the journal was changed", test.sweep.Name, test.settings)
		}
	}
	if err := os.WriteFile(path, []byte("my diary\nof 2026\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := small(nil).Run(set(t, small(nil)), fits); err == nil || !strings.Contains(err.Error(), "is no journal of a sweep") {
		t.Errorf("a file of something else: error %v", err)
	}
	fits.Journal = filepath.Join(path, "below")
	if _, err := small(nil).Run(set(t, small(nil)), fits); err == nil || strings.Contains(err.Error(), "open ") {
		t.Errorf("a journal that cannot be opened: error %v, want one without the system call", err)
	}
}

// Goal: a sweep that is stopped says how far it came, and goes on from there.
func TestStop(t *testing.T) {
	var runs atomic.Int64
	s := small(&runs)
	o := Options{Seeds: 3, Workers: 1, Journal: filepath.Join(t.TempDir(), "j")}
	want := table(t, small(nil), Options{Seeds: 3, Workers: 1})
	var told []int
	o.Progress = func(done, points int) { told = append(told, done, points) }
	o.Stop = func() bool { return runs.Load() >= 7 } // In the middle of the third point.
	_, err := s.Run(set(t, s), o)
	var stopped *Stopped
	if !errors.As(err, &stopped) || *stopped != (Stopped{2, 10}) {
		t.Fatalf("error %v, want that it stopped after 2 of 10", err)
	}
	if want := []int{0, 10, 1, 10, 2, 10}; !slices.Equal(told, want) {
		t.Errorf("progress %v, want %v", told, want)
	}
	o.Stop, o.Progress = nil, nil
	runs.Store(0)
	if got := table(t, s, o); got != want || runs.Load() != 3*8 {
		t.Errorf("gone on with %d runs, want %d, to\n%s\nwant\n%s", runs.Load(), 3*8, got, want)
	}
}

// Goal: each point is run with its own setting and with the seeds 1 to n.
func TestPointsAndSeeds(t *testing.T) {
	s := small(nil)
	s.Model = ModelOf((*smallRun).flags, func(_ string, p smallRun, seed uint64) ([]float64, error) {
		n := float64(p.n)
		if p.down {
			n = -n
		}
		return []float64{n*1000 + float64(seed), 1}, nil
	})
	r, err := s.Run(set(t, s, "n=3"), Options{Seeds: 5, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	var got []float64
	for _, row := range r.Rows {
		got = append(got, r.Cell(row, "hits").Value)
	}
	// The third of five seeds; n=3 gives way to what a panel varies or holds.
	if want := []float64{1003, 1003, 2003, 2003, 4003, 4003, 9003, 9003, -8997, -8997}; !slices.Equal(got, want) {
		t.Errorf("medians %v, want %v", got, want)
	}
	if low := r.Cell(r.Rows[0], "hits").Low; low != 1001 {
		t.Errorf("the least of the first point is %v, want that of seed 1, 1001", low)
	}
}

// Goal: a part has the whole's numbers, leaves the whole as it is, and its command
// does not pass for its own.
func TestPart(t *testing.T) {
	whole := small(nil)
	part, err := whole.Part("n", "1 4", "b")
	if err != nil {
		t.Fatal(err)
	}
	want := small(nil)
	want.Panels, want.Series = []Panel{{Vary: "n", Values: []string{"1", "4"}}}, want.Series[1:]
	o := Options{Seeds: 3, Workers: 1}
	cut := strings.NewReplacer("sweep small # has more points\n", "sweep small\n")
	if got := table(t, part, o); cut.Replace(got) != table(t, want, o) || !strings.Contains(got, "# command: simrun sweep small # has more points\n") {
		t.Errorf("the part gives\n%s\nwant, but for the command,\n%s", got, table(t, want, o))
	}
	if table(t, whole, o) != table(t, small(nil), o) {
		t.Error("the whole has changed")
	}
	if all, err := whole.Part("mode n=9", "", ""); err != nil || len(all.points(set(t, all))) != 4 {
		t.Errorf("a whole panel: %v, error: %v", all, err)
	}
	for _, test := range []struct{ panel, values, series, want string }{
		{"late", "", "", `small has no panel "late"`},
		{"n", "1 3", "", `small has no "3" in its panel n`},
		{"n", "", "a c", `small has no series "c"`},
	} {
		if _, err := whole.Part(test.panel, test.values, test.series); err == nil || err.Error() != test.want {
			t.Errorf("Part(%q, %q, %q): error %v, want %s", test.panel, test.values, test.series, err, test.want)
		}
	}
}

// Goal: of several points that fail the first is named, whichever fails first.
func TestFirstErrorIsReported(t *testing.T) {
	for _, first := range []int{2, 4} {
		s, failed := small(nil), make(chan struct{})
		s.Model = ModelOf((*smallRun).flags, func(series string, p smallRun, seed uint64) ([]float64, error) {
			n := p.n
			if series != "b" || n < 2 || seed < 2 {
				return []float64{1, 1}, nil
			}
			if n != first {
				<-failed
				time.Sleep(20 * time.Millisecond) // The other's error is kept meanwhile.
			} else {
				close(failed)
			}
			return nil, errors.New("it broke")
		})
		_, err := s.Run(set(t, s), Options{Seeds: 3, Workers: 2})
		if want := "small, seed 2 of b with n=2 late=exp:2ms mode=up: it broke"; err == nil || err.Error() != want {
			t.Errorf("n=%d fails first: error %v, want %s", first, err, want)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for _, test := range []struct{ setting, want string }{
		{"n", `"n" is no setting; want NAME=VALUE, of n, late, mode`},
		{"m=1", `there is no parameter of small "m" (nearest: n); possible: n, late, mode`},
		{"n=10", "n=10 is out of range; want 1 to 9"},
		{"n=two", "n=two is out of range; want 1 to 9"},
		{"mode=left", "mode=left is out of range; want up or down"},
		{"late=soon", "late=soon is out of range; want 3ms, uniform:"},
	} {
		if _, err := small(nil).Set([]string{test.setting}); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("Set(%q): %v, want %s", test.setting, err, test.want)
		}
	}
	if _, err := Find("smal"); err == nil || !strings.HasPrefix(err.Error(), `there is no sweep "smal"; possible: commit-cost, rewind-odds, stall-odds, throttle, `) {
		t.Errorf("Find: %v", err)
	}
}

func TestCSV(t *testing.T) {
	text := table(t, small(nil), Options{Seeds: 40, Workers: 2}, "late=exp:3ms")
	for _, line := range []string{
		"# sweep: small: A small sweep",
		"# command: simrun sweep small --seeds 40 --set late=exp:3ms",
		"# seeds: 1 to 40, of each row",
		"# parameter: n=2: how many",
		"# parameter: late=exp:3ms: how late",
		"# panel: mode n=9 varies mode, all else as above",
		"# series: b: the second",
		"# column: odds: how often, in per 1,000; _low and _high are the ends of its 95 % interval",
		"panel,value,series,hits,hits_low,hits_high,odds,odds_low,odds_high",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("CSV has no line %q:\n%s", line, text)
		}
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 11 || rows[7][0] != "mode n=9" || rows[7][1] != "up" || rows[7][2] != "a" {
		t.Errorf("rows %v, want a header and 10, the seventh of mode n=9, up, a", rows)
	}
	for _, row := range rows[1:] {
		for i := 3; i < len(row); i += 3 {
			var value, low, high float64
			if _, err := fmt.Sscan(row[i], &value); err != nil {
				t.Fatal(err)
			}
			_, _ = fmt.Sscan(row[i+1], &low)
			_, _ = fmt.Sscan(row[i+2], &high)
			if !(low <= value && value <= high && low < high) {
				t.Errorf("row %v: %g is not in [%g, %g]", row, value, low, high)
			}
		}
	}
}

func near(got, want Estimate) bool {
	close := func(a, b float64) bool { return math.Abs(a-b) < 5e-5 }
	return close(got.Value, want.Value) && close(got.Low, want.Low) && close(got.High, want.High)
}

// Each number was computed by hand.
func TestStatistics(t *testing.T) {
	var hundred []float64
	for i := range 100 {
		hundred = append(hundred, float64(100-i))
	}
	for _, test := range []struct {
		samples []float64
		want    Estimate
	}{
		{[]float64{7}, Estimate{7, 7, 7}},
		{[]float64{3, 1, 2}, Estimate{2, 1, 2.925}}, // 2.5 % of three is below the first; 97.5 % lies at 2.925 of them.
		{[]float64{4, 1, 3, 2}, Estimate{2.5, 1, 3.9}},
		{hundred, Estimate{50.5, 2.5, 97.5}},
	} {
		if got := MedianOf(test.samples); !near(got, test.want) {
			t.Errorf("MedianOf(%.4v): %v, want %v", test.samples, got, test.want)
		}
	}
	for _, test := range []struct {
		hits, trials []float64
		want         Estimate
	}{
		{[]float64{0}, []float64{10}, Estimate{0, 0, 0.277533}},  // z^2 / (10 + z^2)
		{[]float64{10}, []float64{10}, Estimate{1, 0.722467, 1}}, // the same from above
		{[]float64{5}, []float64{10}, Estimate{0.5, 0.236593, 0.763407}},
		{[]float64{0}, []float64{0}, Estimate{0, 0, 1}},
		{[]float64{2, 3}, []float64{5, 5}, Estimate{0.5, 0.236593, 0.763407}},                   // less scatter than chance has: as one run
		{[]float64{10, 0, 10, 0}, []float64{10, 10, 10, 10}, Estimate{0.5, 0.125327, 0.874673}}, // 40 trials that count for 3
	} {
		if got := ShareOf(test.hits, test.trials); !near(got, test.want) {
			t.Errorf("ShareOf(%v, %v): %v, want %v", test.hits, test.trials, got, test.want)
		}
	}
	if got, want := Odds("h", "t", 1000)(Runs{[]string{"t", "h"}, [][]float64{{10, 5}}}), (Estimate{500, 236.593, 763.407}); math.Abs(got.Low-want.Low) > 0.001 || got.Value != 500 {
		t.Errorf("odds %v, want %v", got, want)
	}
}

func TestNumber(t *testing.T) {
	for _, test := range []struct {
		x    float64
		want string
	}{{0, "0"}, {1803.4, "1,803"}, {1234567, "1,234,567"}, {999.6, "1,000"}, {0.0441248, "0.0441"}, {2.5, "2.5"}, {10, "10"}, {0.1, "0.1"}, {-1500, "-1,500"}, {24.96, "25"}, {math.NaN(), "?"}, {math.Inf(1), "?"}} {
		if got := Number(test.x); got != test.want {
			t.Errorf("Number(%v): %s, want %s", test.x, got, test.want)
		}
	}
}
