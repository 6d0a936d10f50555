package advise

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/sweeps"
)

// question asks of windows that are distributed so.
func question(t *testing.T, window string, settings ...string) Question {
	t.Helper()
	w, err := WindowsOf(window)
	if err != nil {
		t.Fatal(err)
	}
	load, err := sweeps.NewTransactionLoad(append([]string{"transactions=100"}, settings...)...)
	if err != nil {
		t.Fatal(err)
	}
	return Question{Windows: w, Clients: Clients(), Failures: 0.001, Load: load}
}

// advised answers it.
func advised(t *testing.T, q Question, seeds int) *Advice {
	t.Helper()
	a, err := Advise(q, sweeps.Options{Seeds: seeds, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Goal: where the window is 3 ms the advice is what the closed form says: the
// optimum, the defaults, and that no backoff beats it.
func TestAdviceAgreesWithTheClosedForm(t *testing.T) {
	for _, gap := range []time.Duration{0, 500 * time.Microsecond} {
		q := question(t, "3ms", "record=0s", "gap="+gap.String())
		const seeds = 5
		a := advised(t, q, seeds)
		var bounds, defaults []float64
		for seed := uint64(1); seed <= seeds; seed++ {
			window := drawn(q.Windows, seed, 1)[0]
			// Three requests of 1 ms, the gap, and what a window of more than a
			// round trip and the gap leaves.
			base, wait := 0.003+gap.Seconds(), (window - time.Millisecond - gap).Seconds()
			bounds = append(bounds, 1/(base+wait))
			defaults = append(defaults, 1/(base+math.Ceil(wait/0.021)*0.021))
		}
		near := func(what string, got, want sweeps.Estimate) {
			t.Helper()
			for _, pair := range [][2]float64{{got.Value, want.Value}, {got.Low, want.Low}, {got.High, want.High}} {
				if math.Abs(pair[0]/pair[1]-1) > 0.002 {
					t.Errorf("gap %v, %s: %v, want %v", gap, what, got, want)
				}
			}
		}
		near("optimum", a.Optimum, sweeps.MedianOf(bounds))
		for _, c := range a.Clients {
			near("default of "+c.Client, c.ByDefault.Throughput, sweeps.MedianOf(defaults))
			if c.Verdict != Matters || c.Gain.Low < 2 {
				t.Errorf("gap %v, %s: %v, a gain of %v, want one that matters", gap, c.Client, c.Verdict, c.Gain)
			}
		}
		for _, row := range a.Result.Rows {
			// TV2 has a round trip less, which is not in the bound.
			if share := a.Result.Cell(row, "share"); share.High > 100.1 && row.Series.Name != tv2 {
				t.Errorf("gap %v: %s at %s gets %v %% of the optimum", gap, row.Series.Name, row.Text, share)
			}
		}
		last := a.Result.Rows[len(a.Result.Rows)-1]
		for _, series := range []string{"sarama", "java"} { // 200 ms, but 20 on the first add.
			if got := a.Result.Cell(a.Result.Row("backoff", last.Text, series), "throughput"); got != a.Clients[0].ByDefault.Throughput {
				t.Errorf("gap %v: %s with %s gives %v, want as by default, %v", gap, series, last.Text, got, a.Clients[0].ByDefault.Throughput)
			}
		}
		// With 20 ms the broker's side is as slow, but for that round trip.
		if want := 1 / (0.002 + gap.Seconds() + 0.020); math.Abs(a.TV2.Throughput.Value/want-1) > 0.03 {
			t.Errorf("gap %v: TV2 gives %v, want about %.4g", gap, a.TV2.Throughput, want)
		}
	}
}

// Goal: the rule, on numbers that were made up: the longest backoff after the best
// that stays within 2 % of it, of those that the client takes.
func TestTheRule(t *testing.T) {
	for _, test := range []struct {
		name   string
		client Client
		shares map[string]float64 // of the optimum, by backoff; the others have 50
		want   string
	}{
		{"the longest within 2 %", sarama, map[string]float64{"500µs": 90, "700µs": 89.5, "1ms": 88.3, "1.5ms": 87}, "1ms"},
		{"the best is not the shortest", sarama, map[string]float64{"500µs": 80, "700µs": 90, "1ms": 89, "1.5ms": 85}, "1ms"},
		{"no accidental peak", sarama, map[string]float64{"500µs": 90, "700µs": 89, "1ms": 80, "1.5ms": 89.9}, "700µs"},
		{"by BackoffFunc", sarama, map[string]float64{"15ms": 98, "20ms": 97.5, "30ms": 97, "50ms": 90}, "30ms"},
		{"whole milliseconds", java, map[string]float64{"500µs": 90, "700µs": 90, "1ms": 80, "1.5ms": 80, "2ms": 79}, "2ms"},
		{"no more than 20 ms", java, map[string]float64{"10ms": 89, "15ms": 90, "20ms": 90, "30ms": 90, "50ms": 90}, "20ms"},
		{"franz-go takes all", kgo, map[string]float64{"15ms": 89, "30ms": 90, "50ms": 89}, "50ms"},
	} {
		got := madeUp(t, test.client, func(of trial, _ int) sweeps.LoadRun {
			share, ok := test.shares[of.setting.Backoff.String()]
			if !ok {
				share = 50
			}
			return sweeps.LoadRun{Throughput: share, Answers: 100}
		}, sweeps.LoadRun{Throughput: 20, Answers: 100}).Setting.Backoff
		if want, _ := time.ParseDuration(test.want); got != want {
			t.Errorf("%s: %v is advised, want %v", test.name, got, want)
		}
	}
}

// madeUp is the advice for a client upon made-up runs of five seeds, of 100
// transactions and a second, in clusters of an optimum of 100.
func madeUp(t *testing.T, c Client, run func(of trial, seed int) sweeps.LoadRun, standard sweeps.LoadRun) ClientAdvice {
	t.Helper()
	q := question(t, "3ms")
	a := &adviser{question: q, load: q.Load, backoffs: backoffs(q.Windows), slack: 1, runs: map[trial][]sweeps.LoadRun{}}
	keep := func(of trial, run func(trial, int) sweeps.LoadRun) {
		if a.runs[of] == nil {
			for seed := range 5 {
				r := run(of, seed)
				r.Tried, r.Seconds, r.Committed = 100, 1, 100+r.Committed
				a.runs[of] = append(a.runs[of], r)
			}
		}
	}
	keep(a.byDefault(c), func(trial, int) sweeps.LoadRun { return standard })
	for _, b := range a.backoffs {
		for _, series := range c.series {
			keep(a.trial(series.Name, b), run)
		}
	}
	for range 5 {
		a.clusters = append(a.clusters, cluster{optimum: 100})
	}
	return a.choose(c)
}

// Goal: a gain matters if it is more than 2 %, and one in all clusters; else the
// default is advised, but with another Max if it loses transactions.
func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name            string
		gains           [5]float64
		refused, failed float64
		want            Verdict
		setting         Setting
	}{
		{"gains", [5]float64{1.03, 1.05, 1.1, 1.2, 1.3}, 100, 0, Matters, Setting{700 * time.Microsecond, 7200}},
		{"gains, and the default fails", [5]float64{1.03, 1.05, 1.1, 1.2, 1.3}, 100, 5, Matters, Setting{700 * time.Microsecond, 7200}},
		{"not everywhere", [5]float64{0.9, 1.05, 1.1, 1.2, 1.3}, 100, 0, NoDifference, sarama.Default},
		{"a percent", [5]float64{1.01, 1.01, 1.01, 1.01, 1.01}, 100, 0, NoDifference, sarama.Default},
		{"a percent, and the default fails", [5]float64{1.01, 1.01, 1.01, 1.01, 1.01}, 100, 5, OutOfRetries, Setting{saramaBackoff, 250}},
		{"nothing is refused", [5]float64{1, 1, 1, 1, 1}, 0, 0, NoConflict, sarama.Default},
	} {
		got := madeUp(t, sarama, func(of trial, seed int) sweeps.LoadRun {
			if of.setting.Backoff == 700*time.Microsecond {
				return sweeps.LoadRun{Throughput: 50 * test.gains[seed]}
			}
			return sweeps.LoadRun{Throughput: 40}
		}, sweeps.LoadRun{Throughput: 50, Answers: test.refused, Committed: -test.failed})
		if got.Verdict != test.want || got.Setting != test.setting || got.Best != 700*time.Microsecond {
			t.Errorf("%s: %v, %v, best %v, want %v, %v", test.name, got.Verdict, got.Setting, got.Best, test.want, test.setting)
		}
	}
}

// Goal: a gap that is longer than all windows leaves nothing to advise; windows
// that take much longer than any backoff leave little; and what does not matter is
// not to be pasted.
func TestItDoesNotMatter(t *testing.T) {
	for _, test := range []struct {
		window, gap string
		want        Verdict
	}{
		{"3ms", "20ms", NoConflict},
		{"uniform:1ms,3ms", "4ms", NoConflict},
		{"800ms", "0s", NoDifference},
		{"3ms", "0s", Matters},
	} {
		a := advised(t, question(t, test.window, "gap="+test.gap), 5)
		for _, c := range a.Clients {
			if c.Verdict != test.want || (c.Paste == "") != (test.want != Matters) || (c.Setting == c.Default) != (test.want != Matters) {
				t.Errorf("windows of %s and a gap of %s, %s: %v, paste %q, want %v", test.window, test.gap, c.Client, c.Verdict, c.Paste, test.want)
			}
			if says := strings.Join(c.Says, " "); strings.HasPrefix(says, "It does not matter") != (test.want != Matters) {
				t.Errorf("windows of %s and a gap of %s, %s: %q", test.window, test.gap, c.Client, says)
			}
		}
		if strings.Contains(a.Finding, "does not matter") != (test.want != Matters) || len(a.Finding) > 160 {
			t.Errorf("windows of %s and a gap of %s: %q", test.window, test.gap, a.Finding)
		}
	}
}

// Goal: Max lasts for the windows that may not fail, and not for much more; a
// quarter of it would not do.
func TestMaxLastsForTheWindows(t *testing.T) {
	// Sarama's default gives up after 4 x 51 x 21 ms, and loses no time by it.
	q := question(t, "6s")
	q.Clients = []Client{sarama}
	c := advised(t, q, 4).Clients[0]
	if c.ByDefault.Failed.Value < 10 || c.Verdict != OutOfRetries || c.Failed.Value != 0 || c.Paste != "config.Producer.Transaction.Retry.Max = 380 // x 20ms: tries for 7.6s" {
		t.Errorf("%v: by default %v %% run out, advised %v %%: %q", c.Verdict, c.ByDefault.Failed, c.Failed, c.Paste)
	}
	load, err := sweeps.NewTransactionLoad("window=6s", "transactions=20", "producer-max=1", "max="+fmt.Sprint(c.Setting.Max/4))
	if err != nil {
		t.Fatal(err)
	}
	if run, err := load.Run("sarama", 1); err != nil || run.Committed == run.Tried {
		t.Errorf("a quarter of Max %d: %v of %v transactions commit, %v", c.Setting.Max, run.Committed, run.Tried, err)
	}
	// One window in fifty takes 9 s, a quarter longer 11.25 s.
	for _, test := range []struct {
		failures float64
		want     time.Duration
	}{{0.001, 11250 * time.Millisecond}, {0.05, 5 * time.Second}} {
		q := question(t, "bimodal:200ms,9s,0.02")
		q.Clients, q.Failures = []Client{sarama}, test.failures
		c := advised(t, q, 4).Clients[0]
		if budget := time.Duration(c.Setting.Max) * c.Setting.Backoff; budget < test.want || budget > test.want*11/10 || c.Failed.Value > 100*test.failures {
			t.Errorf("if %g may fail: %v tries for %v, want %v; %v %% fail", test.failures, c.Setting, budget, test.want, c.Failed)
		}
	}
}

// Goal: producers that queue for the markers need a higher Max than the windows
// alone ask for, since who needed a second budget has one less for the next
// record; it is raised until it holds, at the least Producer.Retry.Max too.
func TestMaxIsEnoughForAQueue(t *testing.T) {
	q := question(t, "4500ms", "producers=8", "transactions=80", "producer-max=1")
	q.Clients = []Client{sarama}
	c := advised(t, q, 2).Clients[0]
	pace := c.Setting.Backoff
	if c.Verdict == OutOfRetries {
		pace = firstAdd
	}
	alone := (&adviser{question: q, slack: 1}).retries(pace)
	if c.Failed.Value > 0 || c.ByDefault.Failed.Value == 0 || c.Setting.Max < alone*19/10 || c.Setting.Max > alone*21/10 {
		t.Errorf("%v %% run out of Max %d, by default %v %%; want 0, more, and twice the %d that the windows alone ask for", c.Failed, c.Setting.Max, c.ByDefault.Failed, alone)
	}
}

// Goal: the backoffs go from well below the windows to well above them, and have
// the defaults' 20 ms among them.
func TestBackoffsFitTheWindows(t *testing.T) {
	for _, test := range []struct{ window, first, last string }{
		{"3ms", "500µs", "200ms"},
		{"100us", "500µs", "200ms"},
		{"150ms", "3ms", "1.5s"},
		{"5s", "20ms", "10s"},
	} {
		all := backoffs(question(t, test.window).Windows)
		if all[0].String() != test.first || all[len(all)-1].String() != test.last || !slices.Contains(all, firstAdd) {
			t.Errorf("windows of %s: backoffs %v, want %s to %s", test.window, all, test.first, test.last)
		}
	}
}

// Goal: no answer depends on the workers; one that is stopped says how far it is.
func TestAdviseIsDeterministic(t *testing.T) {
	q := question(t, "lognormal:3ms,0.5", "producers=2")
	text := func(workers int) string {
		a, err := Advise(q, sweeps.Options{Seeds: 2, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		if err := a.Text(&said); err != nil {
			t.Fatal(err)
		}
		return said.String() + fmt.Sprint(a.Result.Rows)
	}
	if text(1) != text(5) {
		t.Error("five workers give another answer than one")
	}
	done := 0
	_, err := Advise(q, sweeps.Options{Seeds: 2, Workers: 1, Progress: func(d, _ int) { done = d }, Stop: func() bool { return done == 3 }})
	if stopped := (*sweeps.Stopped)(nil); !errors.As(err, &stopped) || stopped.Done != 3 || stopped.Points < 50 {
		t.Errorf("stopped after three points: %v", err)
	}
	asked := 0
	_, err = Advise(q, sweeps.Options{Seeds: 100_000, Workers: 1, Stop: func() bool { asked++; return asked == 100 }})
	if stopped := (*sweeps.Stopped)(nil); !errors.As(err, &stopped) || stopped.Done > 0 {
		t.Errorf("stopped before the first point: %v", err)
	}
}

// goStubs are the packages that the Go snippets are pasted to, as far as they
// need them, with the names and types of Sarama 1.61.1 and franz-go 1.22.2.
var goStubs = map[string]string{
	"time": "package time; type Duration int64; const (Nanosecond Duration = 1; Microsecond = 1000 * Nanosecond; Millisecond = 1000 * Microsecond)",
	"sarama": `package sarama; import "time"; type Config struct { Producer struct { Transaction struct { Retry struct {
		Max int; Backoff time.Duration; BackoffFunc func(retries, maxRetries int) time.Duration } } } }`,
	"kgo": `package kgo; import "time"; type Opt interface{}; type Client struct{}; func NewClient(...Opt) (*Client, error) { return nil, nil }; func ConcurrentTransactionsBackoff(time.Duration) Opt { return nil }`,
}

// stubs imports them, each once.
type stubs map[string]*types.Package

func (s stubs) Import(path string) (*types.Package, error) {
	if s[path] != nil {
		return s[path], nil
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, goStubs[path], 0)
	if err != nil {
		return nil, err
	}
	s[path], err = (&types.Config{Importer: s}).Check(path, fset, []*ast.File{file}, nil)
	return s[path], err
}

// Goal: what is to be pasted compiles, and sets what is advised.
func TestPaste(t *testing.T) {
	for _, test := range []struct {
		advice  ClientAdvice
		want    string
		program string
	}{
		{ClientAdvice{Client: "sarama", Setting: Setting{700 * time.Microsecond, 7200}},
			"config.Producer.Transaction.Retry.Backoff = 700 * time.Microsecond\nconfig.Producer.Transaction.Retry.Max = 7200 // x 700µs: tries for 5.04s", ""},
		{ClientAdvice{Client: "sarama", Setting: Setting{2 * time.Millisecond, 2500}},
			"config.Producer.Transaction.Retry.Backoff = 2 * time.Millisecond\nconfig.Producer.Transaction.Retry.Max = 2500 // x 2ms: tries for 5s", ""},
		{ClientAdvice{Client: "sarama", Setting: Setting{50 * time.Millisecond, 100}},
			"config.Producer.Transaction.Retry.BackoffFunc = func(retries, maxRetries int) time.Duration {\n\treturn 50 * time.Millisecond\n}\nconfig.Producer.Transaction.Retry.Max = 100 // x 50ms: tries for 5s", ""},
		{ClientAdvice{Client: "sarama", Verdict: OutOfRetries, Setting: Setting{100 * time.Millisecond, 380}}, "config.Producer.Transaction.Retry.Max = 380 // x 20ms: tries for 7.6s", ""},
		{ClientAdvice{Client: "kgo", Setting: Setting{time.Millisecond, Endless}}, "kgo.ConcurrentTransactionsBackoff(time.Millisecond),", ""},
		{ClientAdvice{Client: "kgo", Setting: Setting{1500 * time.Microsecond, Endless}}, "kgo.ConcurrentTransactionsBackoff(1500 * time.Microsecond),", ""},
		{ClientAdvice{Client: "java", Setting: Setting{2 * time.Millisecond, Endless}}, "retry.backoff.ms=2", "-"},
		{ClientAdvice{Client: "kgo", Setting: kgo.Default, Default: kgo.Default}, "", "-"},
	} {
		got := test.advice.paste()
		if got != test.want {
			t.Errorf("%s, %v: %q, want %q", test.advice.Client, test.advice.Setting, got, test.want)
		}
		if test.program == "-" {
			continue
		}
		program := "package main\nimport \"sarama\"\nimport \"time\"\nfunc set(config *sarama.Config, _ time.Duration) {\n" + got + "\n}"
		if test.advice.Client == "kgo" {
			program = "package main\nimport \"kgo\"\nimport \"time\"\nfunc client(_ time.Duration) { kgo.NewClient(\n" + got + "\n) }"
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "paste.go", program, 0)
		if err == nil {
			_, err = (&types.Config{Importer: stubs{}}).Check("main", fset, []*ast.File{file}, nil)
		}
		if err != nil {
			t.Errorf("%s, %v: does not compile: %v in\n%s", test.advice.Client, test.advice.Setting, err, program)
		}
	}
}

func TestClientsNamed(t *testing.T) {
	for name, want := range map[string]int{"sarama": 1, "java": 1, "kgo": 1, "all": 3} {
		clients, err := ClientsNamed(name)
		if err != nil || len(clients) != want || want == 1 && clients[0].Name != name {
			t.Errorf("ClientsNamed(%q): %d clients, %v", name, len(clients), err)
		}
	}
	if _, err := ClientsNamed("librdkafka"); err == nil || !strings.Contains(err.Error(), "all, sarama, java, kgo") {
		t.Errorf("an unknown client: %v", err)
	}
}

// Goal: each seed is a run of its own, also where all have the same windows.
func TestSeedsAreRuns(t *testing.T) {
	q := question(t, "0s", "latency=exp:500us")
	q.Clients = []Client{kgo}
	if c := advised(t, q, 3).Clients[0]; c.ByDefault.Throughput.Low == c.ByDefault.Throughput.High {
		t.Errorf("three seeds give %v", c.ByDefault.Throughput)
	}
}

// Goal: no backoff beats the optimum, whatever the windows are: in every seed it
// is the bound of the very windows that the run had.
func TestNothingBeatsTheOptimum(t *testing.T) {
	for _, window := range []string{"lognormal:3ms,0.5", "exp:20ms", "lognormal:1ms,2", "bimodal:2ms,300ms,0.02"} {
		q := question(t, window, "transactions=20")
		q.Clients = []Client{sarama, java}
		a := advised(t, q, 12)
		for _, row := range a.Result.Rows {
			if share := a.Result.Cell(row, "share"); share.High > 100.1 && row.Series.Name != tv2 {
				t.Errorf("%s: %s at %s gets %v %% of the optimum", window, row.Series.Name, row.Text, share)
			}
		}
		if c := a.Clients[0]; c.Share.Value < 60 {
			t.Errorf("%s: what is advised gets %v %% of the optimum", window, c.Share)
		}
	}
}
