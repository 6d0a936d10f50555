package sweeps

import (
	"math"
	"slices"
	"strings"
	"testing"

	"racelab/model"
	"racelab/scenario"
	"racelab/scenarios"
	"racelab/scenarios/producereorder"
	"racelab/sim"
)

// Goal: what a sweep says about itself fits together.
func TestRegistry(t *testing.T) {
	for _, s := range All() {
		if _, err := s.Set(nil); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		var panels, series []string
		for _, p := range s.Panels {
			panels = append(panels, p.Name())
		}
		for _, x := range s.Series {
			series = append(series, x.Name)
		}
		for _, names := range [][]string{panels, series} {
			if sorted := slices.Sorted(slices.Values(names)); len(slices.Compact(sorted)) != len(names) {
				t.Errorf("%s names two alike: %v", s.Name, names)
			}
		}
		if len(s.Figures) == 0 || s.Seeds < 1 || s.Question == "" || s.Measured == "" {
			t.Errorf("%s lacks a figure, seeds, its question or what is measured", s.Name)
		}
		for _, f := range s.Figures {
			if shown := s.PanelsOf(f); len(shown) == 0 || f.Panels != nil && len(shown) != len(f.Panels) {
				t.Errorf("%s: the figure %q is of the panels %v; there are %v", s.Name, f.Name, f.Panels, panels)
			}
			for _, column := range f.Columns {
				s.Index(column)
			}
		}
		for _, r := range s.References {
			s.Index(r.Column)
			if !slices.Contains(series, r.Series) {
				t.Errorf("%s has a reference of %s; there is %v", s.Name, r.Series, series)
			}
		}
		// Every point can be run, and each column made; how many work at once
		// changes no byte.
		r, err := s.Run(set(t, s, few(s)...), Options{Seeds: 1, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		if one, four := text(t, r), table(t, s, Options{Seeds: 1, Workers: 4}, few(s)...); one != four {
			t.Errorf("%s with 4 workers gives\n%s\nwith 1 worker\n%s", s.Name, four, one)
		}
		for _, f := range s.Figures {
			if text := f.Headline(r); text == "" || len(text) > 160 {
				t.Errorf("%s: the figure %q has the headline %q", s.Name, f.Name, text)
			}
		}
	}
	// What sweeps count by name is there.
	for _, counted := range [][2]string{
		{"offset-rewind", "committed-offset-never-rewinds"},
		{"throttle-stall", "no-sender-waits-for-a-stopped-timer"},
		{"throttle-stall", "every-message-is-delivered"},
	} {
		r, err := scenarios.Find(counted[0])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(r.Claims, func(c scenario.RaceClaim) bool { return c.Name == counted[1] }) {
			t.Errorf("%s has no property %s", counted[0], counted[1])
		}
	}
}

// Goal: a number that was measured stands beside what was run at the settings that
// it was measured at, and at no other.
func TestReferencesKnowTheirSettings(t *testing.T) {
	for _, test := range []struct {
		sweep  *Sweep
		set    string
		series string
		at     string
		column string
		want   float64 // 0: none
	}{
		{&commitCost, "step=200ns", "unfixed", "", "total", 1803},
		{&commitCost, "partitions=4", "unfixed", "", "total", 0},
		{&commitCost, "answer=1ms", "commit-lock", "", "requests", 0},
		{&backoffMeasured, "wire=200us", "serial", "100ms", "period", 14},
		{&backoffMeasured, "linger=0s", "serial", "100ms", "period", 0},
	} {
		r := &Result{Sweep: test.sweep, Setup: set(t, test.sweep, test.set)}
		row := Row{Panel: test.sweep.Panels[0], Series: Series{Name: test.series}, Text: test.at}
		if got, ok := r.Reference(row, test.column); got != test.want || ok != (test.want > 0) {
			t.Errorf("%s with %s: %g, %v was measured of %s, want %g", test.sweep.Name, test.set, got, ok, test.series, test.want)
		}
	}
}

// row runs one series at one setting.
func row(t *testing.T, s *Sweep, series string, seeds int, settings ...string) func(column string) Estimate {
	t.Helper()
	setup := set(t, s, settings...)
	var samples [][]float64
	for seed := range uint64(seeds) {
		sample, err := setup.Measure(series, seed+1)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, sample)
	}
	return func(column string) Estimate { return s.Column(column).Estimate(Runs{s.Measures, samples}) }
}

// Goal: the model's cost of each way to keep commits in order is that of the
// releases, where the model has what makes it; see commitCost for what it lacks.
func TestCommitCostAgainstTheReleases(t *testing.T) {
	total := map[string]Estimate{}
	for _, series := range commitCost.Series {
		total[series.Name] = row(t, &commitCost, series.Name, 40)("total")
	}
	// 303 to 1484 ms in 40 runs of the released client, 511 in the first.
	if c := total["commit-lock"]; c.Low > 420 || c.High < 1300 || c.Value < 400 || c.Value > 1000 {
		t.Errorf("commit-lock takes %v ms, want it to scatter as the released client does, 303 to 1484 about 654", c)
	}
	for _, ref := range commitCost.References {
		if ref.Series == "commit-lock" {
			continue
		}
		if got := row(t, &commitCost, ref.Series, 3, ref.With...)("total").Value; math.Abs(got/ref.Value-1) > 0.15 {
			t.Errorf("%s takes %g ms with %v, want %g within 15 %%", ref.Series, got, ref.With, ref.Value)
		}
	}
	for _, order := range [][2]string{{"unfixed", "commit-lock"}, {"commit-lock", slotFirst}, {slotFirst, "broker-lock"}} {
		if slow, fast := total[order[0]].Value, total[order[1]].Value; slow <= fast {
			t.Errorf("%s takes %g ms and %s %g, want more", order[0], slow, order[1], fast)
		}
	}
	// With one processor's patience, each release of the lock comes to all who
	// wait: 56 requests in the released client with GOMAXPROCS=1.
	if r := row(t, &commitCost, "commit-lock", 3, "wake=200us")("requests"); r != (Estimate{56, 56, 56}) {
		t.Errorf("commit-lock with slow wake-ups needs %v requests, want 56", r)
	}
}

// Goal: the odds of a rewind are those of the released client. Its numbers are
// rewinds and commits of Sarama 1.43.2 in 12 runs each; see rewindOdds.
func TestRewindOddsAgainstTheReleases(t *testing.T) {
	for _, test := range []struct {
		partitions, process string
		rewinds, commits    float64
	}{{"4", "exp:5ms", 3, 2400}, {"4", "exp:2ms", 6, 2400}, {"4", "exp:500us", 5, 2400}, {"2", "exp:5ms", 0, 1200}, {"8", "exp:5ms", 11, 4800}} {
		settings := []string{"partitions=" + test.partitions, "process=" + test.process, "latency=1ms", "service=500us", "messages=50"}
		model := row(t, &rewindOdds, "unfixed", 40, settings...)("rewinds")
		released := ShareOf([]float64{test.rewinds}, []float64{test.commits}).Times(1000)
		if model.High < released.Low || model.Low > released.High {
			t.Errorf("%v: the model rewinds %v of 1,000 commits, the released client %v", settings, model, released)
		}
		if fixed := row(t, &rewindOdds, "broker-lock", 5, settings...)("rewinds"); fixed.Value != 0 {
			t.Errorf("%v: broker-lock rewinds %v of 1,000 commits, want none", settings, fixed)
		}
	}
}

// Goal: with more partitions fewer commits are stale, and more partitions are taken
// back, as the release has it.
func TestPartitionsTakenBack(t *testing.T) {
	at := func(partitions string) func(column string) Estimate {
		return row(t, &rewindOdds, "unfixed", 20, "partitions="+partitions, "latency=1ms", "service=500us")
	}
	six, twelve := at("6"), at("12")
	if six("rewinds by work").Value <= twelve("rewinds by work").Value || six("taken back").Value >= twelve("taken back").Value {
		t.Errorf("stale commits %v and %v, taken back %v and %v in 1,000 messages of 6 and 12 partitions; want fewer, and more",
			six("rewinds by work"), twelve("rewinds by work"), six("taken back"), twelve("taken back"))
	}
}

// Goal: it takes a second throttle to stall, and more make it likelier; without
// the data race as many runs stall, and with the lock of the release none.
func TestStallOdds(t *testing.T) {
	stalls := func(series string, settings ...string) float64 {
		return row(t, &stallOdds, series, 40, settings...)("stalls").Value
	}
	for _, muting := range []string{"muting=on", "muting=off"} {
		none, one := stalls("unlocked", muting, "throttles=0"), stalls("unlocked", muting, "throttles=1")
		two, eight := stalls("unlocked", muting), stalls("unlocked", muting, "throttles=8")
		if none != 0 || one != 0 || two == 0 || eight <= two {
			t.Errorf("%s: %g, %g, %g and %g %% of unlocked stall with 0, 1, 2 and 8 throttles, want none, none, some and more", muting, none, one, two, eight)
		}
		if pointer := stalls("atomic-pointer", muting); pointer != two {
			t.Errorf("%s: %g %% of atomic-pointer stall, and %g %% of unlocked, want as many", muting, pointer, two)
		}
		if lock := stalls("mutex", muting, "throttles=8"); lock != 0 {
			t.Errorf("%s: %g %% of mutex stall, want none", muting, lock)
		}
	}
}

// Goal: a client that does not stall gets its quota, whatever it does with a
// throttle; one that does gets nothing. Memory grows with the time unless there
// is back-pressure.
func TestThrottle(t *testing.T) {
	for _, series := range throttle.Series {
		stalls := series.Name == "unlocked" || series.Name == "atomic-pointer"
		delivered := row(t, &throttle, series.Name, 3)("delivered").Value
		if stalls && delivered != 0 || !stalls && math.Abs(delivered/20-1) > 0.2 {
			t.Errorf("%s delivers %g messages a second of a quota of 20", series.Name, delivered)
		}
		if p99 := row(t, &throttle, series.Name, 3)("p99").Value; stalls != (p99 > 20) {
			t.Errorf("%s has a p99 of %g s in 40 s, want more than 20 if it stalls, and less else", series.Name, p99)
		}
		queue := func(settings ...string) float64 { return row(t, &throttle, series.Name, 3, settings...)("queue").Value }
		if short, long := queue("seconds=40"), queue("seconds=80"); long > 1.05*short {
			t.Errorf("%s, bounded: the queue grows from %g to %g", series.Name, short, long)
		}
		if short, long := queue("seconds=40", "input=unbounded"), queue("seconds=80", "input=unbounded"); long < 1.8*short {
			t.Errorf("%s, unbounded: the queue grows from %g to %g, want twice as many in twice the time", series.Name, short, long)
		}
	}
}

// Goal: the later the promises, the oftener a failure is overtaken and the order
// lost; what was measured lies between what promises give that are 10 us and 1 ms
// late.
func TestReorderOdds(t *testing.T) {
	for _, m := range measuredOvertaken {
		last := Estimate{}
		for i, promise := range []string{"exp:10us", "exp:100us", "exp:1ms"} {
			odds := row(t, &reorderOdds, m.series, 100, "promise="+promise)
			if overtaken := odds("overtaken"); i > 0 && overtaken.Low <= last.High {
				t.Errorf("%s: %v %% are overtaken with promises %s late, %v %% with a tenth of it", m.series, overtaken, promise, last)
			} else {
				last = overtaken
			}
			if other := row(t, &reorderOdds, "idempotent", 100, "promise="+promise)("overtaken"); i == 1 && m.series != "idempotent" && last.Value <= other.Value {
				t.Errorf("%s: %v %% are overtaken, with idempotence %v", m.series, last, other)
			}
			if odds("reordered").Value < odds("overtaken").Value {
				t.Errorf("%s, %s: more are overtaken than reordered", m.series, promise)
			}
			if i == 0 && last.High >= m.share || i == 2 && last.Low <= m.share {
				t.Errorf("%s: %v %% with promises %s late, measured %g", m.series, last, promise, m.share)
			}
		}
	}
}

// Goal: without failures no remedy costs anything to speak of; with them each
// keeps the order, which the released client does not, at a p99 within a fifth of
// its, but for the transaction that is written anew.
func TestOrderingCost(t *testing.T) {
	released := row(t, &orderingCost, "none", 5, "keys=1")
	if released("reordered").Low == 0 {
		t.Errorf("as released %v of 1,000 are out of order", released("reordered"))
	}
	unfailed := row(t, &orderingCost, "none", 5, "per-thousand=0")("p99").Value
	for _, series := range append([]string{"abort-transaction"}, keepOrder...) {
		failing := row(t, &orderingCost, series, 5, "keys=1")
		if got := failing("reordered").Value; got != 0 {
			t.Errorf("%s: %g of 1,000 are out of order", series, got)
		}
		if p99 := failing("p99").Value; series != "abort-transaction" && math.Abs(p99/released("p99").Value-1) > 0.2 || p99 < 1.5*unfailed {
			t.Errorf("%s: p99 is %g ms; as released %v, without failures %g", series, p99, released("p99"), unfailed)
		}
		if p99 := row(t, &orderingCost, series, 5, "per-thousand=0")("p99").Value; series != "abort-transaction" && math.Abs(p99/unfailed-1) > 0.1 {
			t.Errorf("%s: p99 is %g ms without failures, as released %g", series, p99, unfailed)
		}
	}
}

// Goal: each parameter reaches the world.
func TestEveryParameterMatters(t *testing.T) {
	for _, test := range []struct {
		sweep    *Sweep
		series   string
		column   string
		settings []string
	}{
		{&commitCost, slotFirst, "total", []string{"partitions=3", "commits=4", "max-open=1", "answer=9ms", "overhead=3ms", "step=50us", "wake=1ms"}},
		{&rewindOdds, "unfixed", "total", []string{"partitions=2", "instances=2", "messages=9", "batch=2", "commit=auto", "interval=5 commit=auto", "latency=5ms", "service=5ms", "process=1ms", "step=200us", "wake=2ms"}},
		{&stallOdds, "unlocked", "total", []string{"messages=9", "throttles=4", "throttle=50", "muting=off", "max-open=1 send=1us", "timers=go1.23 throttles=8 muting=off throttle=2", "send=1ms", "latency=5ms", "service=5ms", "step=200us"}},
		{&throttle, "mutex", "p99", []string{"load=50", "input=unbounded", "room=5", "quota=10", "seconds=20", "batch=2", "max-open=1", "latency=5ms", "service=5ms", "step=1ms"}},
		{&backoff, "sarama", "throughput", []string{"window=30ms", "backoff=2ms", "max=2 window=300ms producer-max=1", "producer-max=1 window=300ms max=2", "producers=2", "records=1000", "record=1ms", "latency=2ms", "gap=2ms", "transactions=100"}},
		{&reorderOdds, "not idempotent", "late", []string{"records=4", "batch=1", "submit=exp:1ms", "promise=10ms", "latency=1ms", "service=1ms", "step=100us"}},
		{&orderingCost, "pause-key", "p99", []string{"records=100", "per-thousand=100", "keys=1", "batch=5", "submit=1us", "promise=1ms", "latency=5ms", "service=5ms", "step=20us"}},
		{&backoffMeasured, "back-to-back", "period", []string{"backoff=20ms", "linger=150ms", "wire=400us"}},
	} {
		if len(test.settings) != len(test.sweep.Parameters) {
			t.Errorf("%s has %d parameters, and %d are tried", test.sweep.Name, len(test.sweep.Parameters), len(test.settings))
		}
		for _, setting := range test.settings {
			settings := strings.Fields(setting) // The first, among the others.
			usual := row(t, test.sweep, test.series, 2, settings[1:]...)(test.column)
			if got := row(t, test.sweep, test.series, 2, settings...)(test.column); got == usual {
				t.Errorf("%s with %s has a %s of %v as without %s", test.sweep.Name, setting, test.column, got, settings[0])
			}
		}
	}
}

// Goal: what the decision table of the race says of throughput is what the sweep
// has.
func TestNeedsOfThroughput(t *testing.T) {
	released := row(t, &orderingCost, "none", 5)
	seen := 0
	for _, need := range producereorder.Scenario.Race().Needs() {
		if need.Command == "" {
			continue
		}
		seen++
		for _, variant := range slices.Concat(need.Gives, need.Breaks) {
			got := row(t, &orderingCost, variant, 5)
			alike := got("p99").Value < 1.1*released("p99").Value && got("throughput").Value > 0.95*released("throughput").Value
			if alike != slices.Contains(need.Gives, variant) {
				t.Errorf("%s: %s has a p99 of %v ms and writes %v a second, as released %v and %v", need.Name, variant, got("p99"), got("throughput"), released("p99"), released("throughput"))
			}
		}
	}
	if seen == 0 {
		t.Error("no need is answered by a sweep")
	}
}

// Goal: a record counts from its first hand-over to the last promise that it is
// written.
func TestOutcomes(t *testing.T) {
	x := &outcomes{handedOver: make([]sim.Time, 2), written: make([]sim.Time, 2)}
	for i, m := range []sim.Message{
		&model.Submitted{Record: 1}, &model.Promised{Record: 1, Failed: "context canceled"},
		&model.Submitted{Record: 1, Again: true}, &model.Promised{Record: 1}, &model.Promised{Record: 1, Failed: "aborted"},
	} {
		x.see(sim.Act{Message: m, At: sim.Time(i + 1)})
	}
	if x.handedOver[1] != 1 || x.written[1] != 4 {
		t.Errorf("handed over at %d and written at %d, want 1 and 4", x.handedOver[1], x.written[1])
	}
}

// Goal: where a line crosses a value is on the line as it is drawn, and nowhere if
// it begins above it or never gets there.
func TestCrossing(t *testing.T) {
	s := small(nil)
	s.Panels, s.Series = []Panel{{Vary: "late", Values: []string{"1ms", "4ms", "16ms"}, Log: true}}, s.Series[:1]
	r, err := s.Run(set(t, s), Options{Seeds: 1, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, value := range []float64{10, 30, 20} {
		r.Rows[i].Cells[0].Value = value
	}
	for _, test := range []struct {
		value, at float64
		ok        bool
	}{{20, 2, true}, {30, 4, true}, {5, 0, false}, {31, 0, false}} {
		if at, ok := r.crossing("late", "a", "hits", test.value); math.Abs(at-test.at) > 1e-9 || ok != test.ok {
			t.Errorf("crossing %g at %g, %v; want %g, %v", test.value, at, ok, test.at, test.ok)
		}
	}
}
