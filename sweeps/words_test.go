package sweeps

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// filled is a result whose points have the numbers that one makes of them: what a run
// would give at held-out settings, without the run.
func filled(t *testing.T, s *Sweep, number func(point int) float64, settings ...string) *Result {
	t.Helper()
	r := &Result{Sweep: s, Setup: set(t, s, settings...), Seeds: 1}
	for i, p := range s.points(r.Setup) {
		row := Row{Panel: p.panel, Series: p.series, Text: p.text, At: p.at}
		for range s.Columns {
			row.Cells = append(row.Cells, Estimate{Value: number(i)})
		}
		r.Rows = append(r.Rows, row)
	}
	return r
}

// oneOfMany is a count of 1 before what reads as several.
var oneOfMany = regexp.MustCompile(`(^|[ (])1 [a-z-]{2,}s($|[ ,)])`)

// Goal: whatever the numbers are, a headline is one sentence that tells one finding, says
// each number once, and has no number that is none.
func TestHeadlinesTellOneFinding(t *testing.T) {
	for _, s := range All() {
		for name, number := range map[string]func(int) float64{
			"nothing": func(int) float64 { return 0 },
			"ones":    func(int) float64 { return 1 },
			"alike":   func(int) float64 { return 8765.25 },
			"falling": func(point int) float64 { return 4321 / float64(point+3) },
			"rising":  func(point int) float64 { return 0.37 * float64(point) },
		} {
			r := filled(t, s, number)
			for _, f := range s.Figures {
				says := f.Headline(r)
				if says == "" || len(says) > 160 || strings.Contains(says, ";") || strings.Contains(says, "-9") || strings.Contains(says, "  ") {
					t.Errorf("%s %s, %s: no sentence of one finding: %s", s.Name, f.Name, name, says)
				}
				if n := strings.Count(says, "8,765"); n > 1 {
					t.Errorf("%s %s, %s: %d times the same number: %s", s.Name, f.Name, name, n, says)
				}
				if found := oneOfMany.FindString(says); found != "" && found != " 1 times " {
					t.Errorf("%s %s, %s:%sin %s", s.Name, f.Name, name, found, says)
				}
			}
		}
	}
}

// Goal: a headline tells of the settings that were run, not of the defaults.
func TestHeadlinesKnowTheirSettings(t *testing.T) {
	alike := func(int) float64 { return 3 }
	for _, test := range []struct {
		sweep        *Sweep
		figure       string
		number       func(int) float64
		set          []string
		says, saysNo string
	}{
		{&transactionSize, "", alike, []string{"backoff=50ms"}, "at a backoff of 50 ms and 2 ms", "100 ms"},
		{&transactionSize, "", alike, []string{"backoff=2ms"}, "at a backoff of 2 ms", "2 ms and"},
		{&transactionPause, "", alike, []string{"backoff=1ms"}, "At a Backoff of 1 ms Sarama commits 3 transactions/s without a pause, and with none more", "100 ms"},
		{&backoffRetries, "", alike, []string{"max=1"}, "With a Transaction.Retry.Max of 1 ", "10"},
		{&orderingCost, "", alike, []string{"records=10"}, "If 0 % of the records fail", "1 %"},
		{&orderingCost, "", alike, []string{"records=150"}, "If 0.667 % of the records fail, p99 is 3 ms in order, out of order and in transactions", "to 3"},
		{&commitCost, "", alike, []string{"partitions=1", "commits=1"}, "1 commit takes 3 ms with ", "300"},
		{&throttle, "memory", alike, []string{"load=300"}, "at 300 % of the quota", "200"},
		{&stallOdds, "", func(int) float64 { return 0 }, nil, "No run of unlocked stalls", "mutex"},
		// Without one more throttle: only other panels stall.
		{&stallOdds, "", func(point int) float64 { return float64(min(1, max(0, 3-point))) * 7 }, nil, "unlocked stalls in at most 7 % of runs", "throttles"},
		{&rewindOdds, "", func(int) float64 { return 0 }, nil, "No run of unfixed rewinds", "broker-lock"},
		{&reorderOdds, "", func(int) float64 { return 0 }, nil, "the model does not overtake as often as was measured", "µs"},
		{&backoffMeasured, "", alike, []string{"linger=0s"}, "at a backoff of 100 ms and 1 ms", "measured"},
	} {
		r := filled(t, test.sweep, test.number, test.set...)
		i := slices.IndexFunc(test.sweep.Figures, func(f Figure) bool { return f.Name == test.figure })
		if says := test.sweep.Figures[i].Headline(r); !strings.Contains(says, test.says) || strings.Contains(says, test.saysNo) {
			t.Errorf("%s with %v says %q, want %q and not %q", test.sweep.Name, test.set, says, test.says, test.saysNo)
		}
	}
}

func TestTold(t *testing.T) {
	for _, test := range []struct {
		unit, counted, joint string
		numbers              []found
		want                 string
	}{
		{" %", "of runs", "at a backoff of", []found{{"2", "1 ms"}, {"0", "15 ms"}, {"0", "20 ms"}, {"0", "2 s"}}, "2 % of runs at a backoff of 1 ms, and 0 % at 15 ms, 20 ms and 2 s"},
		{"", "", "with", []found{{"3", "a"}, {"2", "b"}, {"3", "c"}, {"1", "d"}}, "3 with a and c, 2 with b, and 1 with d"},
		{" ms", "", "", []found{{"3", "in order"}, {"3", "in order"}}, "3 ms in order"},
	} {
		if got := told(test.unit, test.counted, test.joint, test.numbers...); got != test.want {
			t.Errorf("%v: %q, want %q", test.numbers, got, test.want)
		}
	}
}

// Goal: each setting stands where it holds, everywhere or at a panel; at no place stands
// what varies there.
func TestHolds(t *testing.T) {
	r := &Result{Sweep: &backoffRetries, Setup: set(t, &backoffRetries)}
	everywhere, in := r.Holds(backoffRetries.Panels)
	if want := "window=bimodal:3ms,300ms,0.02 producers=1 records=1 record=10us latency=500us gap=0s transactions=200"; everywhere.String() != want {
		t.Errorf("everywhere %v, want %s", everywhere, want)
	}
	if got, want := fmt.Sprint(in), "[max=10 producer-max=1 max=10 producer-max=3 backoff=5ms producer-max=1]"; got != want {
		t.Errorf("in a panel %s, want %s", got, want)
	}
	if everywhere, in = r.Holds(backoffRetries.Panels[:1]); fmt.Sprint(in) != "[]" || strings.Contains(everywhere.String(), "backoff=") || !strings.Contains(everywhere.String(), "max=10 producer-max=1") {
		t.Errorf("of one panel %v hold everywhere, and in it %v", everywhere, in)
	}
}
