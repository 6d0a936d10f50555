package sweeps

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"racelab/scenarios"
	"racelab/sim"
)

// Question is what a user asks of Advise: how the clients are best set where
// transactions take as long to complete as they do there.
type Question struct {
	Windows  *Windows
	Clients  []Client
	Failures float64 // the share of the transactions that may run out of retries
	// Settings are NAME=VALUE of the sweep backoff: producers, latency, gap.
	Settings []string
}

// Check says whether the settings are possible.
func (q Question) Check() error {
	_, err := backoff.Set(q.Settings)
	return err
}

// Advice is the answer to a Question.
type Advice struct {
	Question Question
	Clients  []ClientAdvice
	Result   *Result  // throughput against backoff
	Figure   Figure   // of it
	TV2      Estimate // commits a second under TV2, whose broker tries again by itself
	Optimum  Estimate // commits a second of who waits exactly, if he adds partitions himself
}

// ClientAdvice is how one client is best set.
type ClientAdvice struct {
	Client  Client
	Verdict Verdict
	Setting Setting // advised: the default, where that does as well

	Throughput Estimate // commits a second
	Share      Estimate // % of the optimum
	Gain       Estimate // throughput, times that of the default
	Answers    Estimate // CONCURRENT_TRANSACTIONS a transaction
	Load       Estimate // requests a second at the coordinator
	Failed     Estimate // % of the transactions
	Tried      float64  // transactions

	DefaultThroughput, DefaultShare, DefaultFailed Estimate

	// Best is the backoff of the highest throughput, and BestGain what it gains.
	Best     time.Duration
	BestGain Estimate
}

// Setting is what a client is told.
type Setting struct {
	Backoff time.Duration
	Max     int // retries; Endless: nothing counts them
}

// Endless is the Max of clients that do not count.
const Endless = -1

// Verdict is whether the setting matters at all.
type Verdict uint8

const (
	// Matters: the default costs throughput.
	Matters Verdict = iota
	// OutOfRetries: the default costs no throughput, but transactions.
	OutOfRetries
	// NoConflict: with the default no transaction is refused.
	NoConflict
	// NoDifference: what another setting gains is less than tolerance, or nothing
	// in some of the clusters.
	NoDifference
)

const (
	// tolerance is how much of the best throughput may be given up.
	tolerance = 0.02
	// leastBudget is for how long Sarama tries by default, 50 times 100 ms.
	// Whatever else is retried needs it still, as where a coordinator moves.
	leastBudget = 5 * time.Second
	// mostRetries and maxSlack are as far as a Max is tried: so many retries, so
	// many times what the windows ask for.
	mostRetries = 100_000
	maxSlack    = 1 << 10
)

// Advise answers a question.
//
// The rule: of all backoffs that a client can be set to, it begins at the one of
// the highest throughput, the median over the seeds, and goes on to longer ones
// while they are within tolerance of that: a shorter one only asks the
// coordinator more often. Each seed is a cluster of its own (Windows.another), so
// that no backoff is advised for fitting the very windows that were measured, and
// the intervals hold how few they were.
//
// Max lets a client try for as long as a window lasts that only the given share
// of them exceeds, were it a quarter longer, and for no less than leastBudget. If
// transactions still run out of it in the runs, as several producers queue for
// the markers, it is doubled until no more do than may.
//
// The optimum is no policy but a bound: a producer that knew how long to wait,
// 1 / (base + max(0, window - gap)) over the windows of the run, where base is what
// a transaction takes whose predecessor leaves no window. It does not queue behind others, and adds its
// partitions itself: under TV2, which saves that round trip, more is possible.
func Advise(q Question, o Options) (*Advice, error) {
	values, err := backoff.Set(q.Settings)
	if err != nil {
		return nil, err
	}
	// As many transactions in all, however many producers share them.
	each := max(20, values.Int("transactions")/values.Int("producers"))
	values = with(values, "transactions", fmt.Sprint(each))
	a := &adviser{question: q, values: values, slack: 1, clusters: map[uint64]cluster{}, kept: map[string]map[string]float64{}}
	for ; ; a.slack *= 2 {
		result, err := a.sweep().Run(values, o)
		if err != nil {
			return nil, err
		}
		advice := a.advise(result)
		if a.slack == maxSlack || !slices.ContainsFunc(advice.Clients, func(c ClientAdvice) bool {
			return c.Setting.Max != Endless && c.Setting.Max < mostRetries && c.Failed.Value > 100*q.Failures
		}) {
			return advice, nil
		}
	}
}

// adviser makes the runs.
type adviser struct {
	question Question
	values   scenarios.Values // of the sweep backoff
	slack    int              // how many times what the windows ask for Max allows

	mu       sync.Mutex
	clusters map[uint64]cluster            // by seed
	kept     map[string]map[string]float64 // runs: several points need that of a default, and a higher Max none but its own
}

// cluster is one that is like the user's.
type cluster struct {
	window  string  // of the sweep backoff
	optimum float64 // commits a second
}

// The series that are no client's own.
const (
	tv2     = "tv2"
	optimum = "optimum"
)

// sweep is what is run: the sweep backoff, but that every seed has windows of its
// own, and that the default and the optimum are in every run.
func (a *adviser) sweep() *Sweep {
	s := &Sweep{
		Name:       "advise",
		Title:      "Throughput against backoff, in clusters with such windows",
		Parameters: backoff.Parameters,
		Panels:     []Panel{{Vary: "backoff", Values: a.backoffs(), Log: true}},
		Measures: []string{"throughput", "share", "gain", "answers", "requests", "seconds", "tried", "failed",
			"default", "default-share", "default-answers", "default-tried", "default-failed"},
		Columns: []Column{
			{"throughput", "commits/s", "committed transactions a second, of all producers", Median("throughput")},
			{"share", "% of the optimum", "throughput", Median("share")},
			{"gain", "times the default", "throughput", Median("gain")},
			{"answers", "per transaction", "CONCURRENT_TRANSACTIONS answers", Ratio("answers", "tried")},
			{"load", "requests/s", "requests that the coordinator answers", Ratio("requests", "seconds")},
			{"failed", "% of transactions", "those that run out of retries", Odds("failed", "tried", 100)},
			{"tried", "transactions", "in all runs", total("tried")},
			{"default", "commits/s", "throughput of the client's default", Median("default")},
			{"default-share", "% of the optimum", "throughput of the client's default", Median("default-share")},
			{"default-answers", "per transaction", "CONCURRENT_TRANSACTIONS answers to the client's default", Ratio("default-answers", "default-tried")},
			{"default-failed", "% of transactions", "those that run out of the default's retries", Odds("default-failed", "default-tried", 100)},
		},
		Measure: a.measure,
	}
	for _, c := range a.question.Clients {
		s.Series = append(s.Series, c.series...)
	}
	s.Series = append(s.Series, Series{tv2, "the broker tries again, every 20 ms"}, Series{optimum, "who waits exactly, a bound"})
	return s
}

// total is a Column's estimate: the sum over the seeds.
func total(measure string) func(Runs) Estimate {
	return func(runs Runs) Estimate {
		x := sum(runs.Of(measure))
		return Estimate{x, x, x}
	}
}

// backoffs are the numbers that a person would set, from one so short that what
// it waits too long does not count, to one that is plainly too long.
func (a *adviser) backoffs() []string {
	least := max(500*time.Microsecond, a.question.Windows.Mean()/50)
	most := min(max(200*time.Millisecond, 10*a.question.Windows.Quantile(0.99)), 10*time.Second)
	var all []string
	for decade := 100 * time.Microsecond; decade <= most; decade *= 10 {
		for _, tenths := range []time.Duration{10, 15, 20, 30, 50, 70} {
			if b := decade * tenths / 10; b >= least && b <= most || b == firstAdd {
				all = append(all, b.String())
			}
		}
	}
	return all
}

// measure makes a run, and that of the client's default.
func (a *adviser) measure(series string, values scenarios.Values, seed uint64) ([]float64, error) {
	values, bound, err := a.cluster(values, seed)
	if err != nil || series == optimum {
		return []float64{bound, 100, 1, 0, 0, 1, 1, 0, bound, 100, 0, 1, 0}, err
	}
	c, b := clientOf(series), values.Duration("backoff")
	switch series {
	case tv2:
		b = brokerBackoff
	case "sarama", "java":
		b = min(b, firstAdd) // They wait for no more, so it is the same run.
	}
	// One budget of retries has to do, without those that Producer.Retry.Max adds.
	run, err := a.run(series, with(values, "producer-max", "0"), Setting{b, a.retries(b)}, seed)
	if err != nil {
		return nil, err
	}
	standard, err := a.run(c.series[0].Name, values, c.Default, seed)
	if err != nil {
		return nil, err
	}
	gain := 0.0
	if run["throughput"] > 0 {
		gain = run["throughput"] / max(standard["throughput"], run["throughput"]/1e6)
	}
	return []float64{
		run["throughput"], 100 * run["throughput"] / bound, gain, run["answers"], run["requests"], run["seconds"], run["tried"], run["failed"],
		standard["throughput"], 100 * standard["throughput"] / bound, standard["answers"], standard["tried"], standard["failed"],
	}, nil
}

// cluster is that of a seed: the values with its windows, and its optimum in
// commits a second.
func (a *adviser) cluster(values scenarios.Values, seed uint64) (scenarios.Values, float64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.clusters[seed]
	if !ok {
		alone, err := backoff.Measure("fixed", with(values, "window", "0s"), seed)
		if err != nil {
			return nil, 0, err
		}
		c.window = a.question.Windows.another(seed)
		producers := float64(values.Int("producers"))
		base := producers / alone[slices.Index(backoff.Measures, "throughput")]
		c.optimum = producers / (base + meanWait(with(values, "window", c.window), seed).Seconds())
		a.clusters[seed] = c
	}
	return with(values, "window", c.window), c.optimum, nil
}

// meanWait is how long who waits exactly waits between two transactions: what is
// left of the window when the next add arrives. They are the windows that the
// broker of measureLoad draws, but those of the last transactions, which are
// nobody's.
func meanWait(values scenarios.Values, seed uint64) time.Duration {
	window, gap, latency := values.Delay("window"), values.Delay("gap"), values.Delay("latency")
	windows, gaps := sim.NewDraws(seed, "window"), sim.NewDraws(seed, "gaps of the optimum")
	total, n := 0.0, values.Int("producers")*(values.Int("transactions")-1)
	for range n {
		total += float64(max(0, window.Draw(&windows)-latency.Draw(&gaps)-gap.Draw(&gaps)-latency.Draw(&gaps)))
	}
	return time.Duration(total / float64(n))
}

// run makes a run of the sweep backoff, or takes it from those that were made.
func (a *adviser) run(series string, values scenarios.Values, s Setting, seed uint64) (map[string]float64, error) {
	values = with(values, "backoff", s.Backoff.String())
	if s.Max != Endless {
		values = with(values, "max", fmt.Sprint(s.Max))
	}
	key := fmt.Sprint(series, " ", values, " ", seed)
	a.mu.Lock()
	run := a.kept[key]
	a.mu.Unlock()
	if run != nil {
		return run, nil
	}
	measured, err := backoff.Measure(series, values, seed)
	if err != nil {
		return nil, err
	}
	run = map[string]float64{}
	for i, name := range backoff.Measures {
		run[name] = measured[i]
	}
	a.mu.Lock()
	a.kept[key] = run
	a.mu.Unlock()
	return run, nil
}

// with is the values with one of them changed.
func with(values scenarios.Values, name, text string) scenarios.Values {
	values = slices.Clone(values)
	at := slices.IndexFunc(values, func(v scenarios.Value) bool { return v.Name == name })
	values[at].Text = text
	return values
}

// retries is the Max that goes with a backoff, in two digits.
func (a *adviser) retries(backoff time.Duration) int {
	budget := max(leastBudget, a.question.Windows.Quantile(1-a.question.Failures)*5/4) * time.Duration(a.slack)
	retries, unit := int((budget+backoff-1)/backoff), 1
	for retries/unit >= 100 {
		unit *= 10
	}
	return min((retries+unit-1)/unit*unit, mostRetries)
}

// advise chooses for each client.
func (a *adviser) advise(r *Result) *Advice {
	advice := &Advice{Question: a.question, Result: r}
	for _, c := range a.question.Clients {
		advice.Clients = append(advice.Clients, a.choose(r, c))
	}
	last := r.Rows[len(r.Rows)-1]
	advice.Optimum = r.Cell(last, "throughput")
	advice.TV2 = r.Cell(r.Row(last.Panel.Name(), last.Text, tv2), "throughput")
	r.Values = a.shown()
	advice.Figure = Figure{Kind: Lines, Columns: []string{"throughput"}, Marks: advice.marks(), Headline: func(*Result) string { return advice.Headline() }}
	return advice
}

// choose is the rule of Advise.
func (a *adviser) choose(r *Result, c Client) ClientAdvice {
	candidates := c.candidates(r)
	share := func(i int) float64 { return r.Cell(candidates[i], "share").Value }
	best := 0
	for i := range candidates {
		if share(i) > share(best) {
			best = i
		}
	}
	chosen := best
	for chosen+1 < len(candidates) && share(chosen+1) >= (1-tolerance)*share(best) {
		chosen++
	}
	advice := a.adviceOf(r, c, candidates[chosen])
	if gain := advice.Gain; gain.Value <= 1+tolerance || gain.Low <= 1 {
		// The default does as well. On the first add it is this one.
		advice = a.adviceOf(r, c, r.Row(candidates[chosen].Panel.Name(), firstAdd.String(), c.series[0].Name))
		advice.Setting.Backoff = c.Default.Backoff
		switch {
		case advice.DefaultFailed.Value > 100*a.question.Failures:
			advice.Verdict = OutOfRetries
		case r.Cell(candidates[chosen], "default-answers").High == 0:
			advice.Verdict, advice.Setting = NoConflict, c.Default
		default:
			advice.Verdict, advice.Setting = NoDifference, c.Default
		}
	}
	advice.Best, advice.BestGain = backoffOf(candidates[best]), r.Cell(candidates[best], "gain")
	return advice
}

// adviceOf is a client's advice, if it is to be set as at a point.
func (a *adviser) adviceOf(r *Result, c Client, row Row) ClientAdvice {
	cell := func(column string) Estimate { return r.Cell(row, column) }
	setting := Setting{backoffOf(row), c.Default.Max}
	if setting.Max != Endless {
		setting.Max = a.retries(setting.Backoff)
	}
	return ClientAdvice{
		Client: c, Setting: setting,
		Throughput: cell("throughput"), Share: cell("share"), Gain: cell("gain"),
		Answers: cell("answers"), Load: cell("load"), Failed: cell("failed"), Tried: cell("tried").Value,
		DefaultThroughput: cell("default"), DefaultShare: cell("default-share"), DefaultFailed: cell("default-failed"),
	}
}

// backoffOf is the backoff of a point.
func backoffOf(row Row) time.Duration {
	return time.Duration(math.Round(row.At * float64(time.Millisecond)))
}

// shown is what a figure says of the settings: those that are not asked for.
func (a *adviser) shown() scenarios.Values {
	shown := scenarios.Values{{Name: "windows", Text: a.question.Windows.String()}}
	for _, v := range a.values {
		if !slices.Contains([]string{"window", "backoff", "max", "producer-max", "transactions"}, v.Name) {
			shown = append(shown, v)
		}
	}
	return shown
}

// marks are where the advice and the defaults lie on the axis.
func (a *Advice) marks() []Mark {
	marks := []Mark{{At: place(backoff.parameter("backoff"), firstAdd.String()), Text: "defaults, on the first add"}}
	for _, c := range a.Clients {
		if c.Verdict != Matters {
			continue // It stays where it is.
		}
		at := place(backoff.parameter("backoff"), c.Setting.Backoff.String())
		if i := slices.IndexFunc(marks[1:], func(m Mark) bool { return m.At == at }); i >= 0 {
			marks[1+i].Text += ", " + c.Client.Name
		} else {
			marks = append(marks, Mark{At: at, Text: "advised: " + c.Client.Name})
		}
	}
	return marks
}
