// Package advise says how the clients are best set where transactions take as
// long to complete as they do in one cluster. It reads how long that is
// (Windows), runs the transactional load of package sweeps with such windows,
// and writes what to set in the words of each client (Advice).
package advise

import (
	"fmt"
	"math"
	"slices"
	"time"

	"racelab/scenario"
	"racelab/sim"
	"racelab/sweeps"
)

// Question is what a user asks.
type Question struct {
	Windows  *Windows
	Clients  []Client
	Failures float64 // the share of the transactions that may run out of retries
	Load     sweeps.TransactionLoad
}

// Advice is the answer to a Question.
type Advice struct {
	Windows    *Windows          `json:"windows"`
	Parameters map[string]string `json:"parameters"`
	Failures   float64           `json:"failures"` // the share that may run out of retries
	Seeds      int               `json:"seeds"`
	Finding    string            `json:"finding"` // in one sentence
	Optimum    sweeps.Estimate   `json:"optimum"` // upper bound, commits/s: a client that adds partitions itself and waits exactly until the window closes
	Clients    []ClientAdvice    `json:"clients"`
	TV2        TV2               `json:"tv2"`

	Result *sweeps.Result `json:"-"` // throughput against backoff
	Figure sweeps.Figure  `json:"-"` // of it
}

// ClientAdvice is how one client is best set.
type ClientAdvice struct {
	Client  string   `json:"client"`  // "sarama"
	Release string   `json:"release"` // "Sarama 1.61.1"
	Verdict Verdict  `json:"verdict"`
	Setting Setting  `json:"setting"` // advised: the default, where that does as well
	Default Setting  `json:"default"`
	Paste   string   `json:"paste"` // the setting in the client's own words; empty: keep the default
	Says    []string `json:"says"`  // what there is to know, a sentence or two at a time
	Numbers

	ByDefault Numbers         `json:"-"` // the numbers of the client's default
	Best      time.Duration   `json:"-"` // the backoff of the highest throughput
	BestGain  sweeps.Estimate `json:"-"`
}

// Numbers are what a setting gives.
type Numbers struct {
	Throughput sweeps.Estimate `json:"throughput"` // commits a second
	Share      sweeps.Estimate `json:"share"`      // % of the optimum
	Gain       sweeps.Estimate `json:"gain"`       // throughput, times that of the default
	Answers    sweeps.Estimate `json:"answers"`    // CONCURRENT_TRANSACTIONS a transaction
	Load       sweeps.Estimate `json:"load"`       // requests a second at the coordinator
	Failed     sweeps.Estimate `json:"failed"`     // % of the transactions
	Tried      float64         `json:"-"`          // transactions
}

// columns are the Numbers of a result, in their order.
var columns = []sweeps.Column{
	{Name: "throughput", Unit: "commits/s", What: "committed transactions of all producers"},
	{Name: "share", Unit: "% of the optimum", What: "throughput"},
	{Name: "gain", Unit: "times the default", What: "throughput"},
	{Name: "answers", Unit: "per transaction", What: "CONCURRENT_TRANSACTIONS answers"},
	{Name: "load", Unit: "requests/s", What: "requests that the coordinator answers"},
	{Name: "failed", Unit: "% of transactions", What: "those that run out of retries"},
}

func (n Numbers) cells() []sweeps.Estimate {
	return []sweeps.Estimate{n.Throughput, n.Share, n.Gain, n.Answers, n.Load, n.Failed}
}

// TV2 is what brokers do by themselves, where transaction.version is 2.
type TV2 struct {
	Throughput sweeps.Estimate `json:"throughput"` // commits a second
	Says       string          `json:"says"`
}

// Verdict is whether the setting matters at all.
type Verdict string

const (
	// Matters: the default costs throughput.
	Matters Verdict = "matters"
	// OutOfRetries: the default costs no throughput, but transactions.
	OutOfRetries Verdict = "out of retries"
	// NoConflict: with the default no transaction is refused.
	NoConflict Verdict = "no conflict"
	// NoDifference: what another setting gains is less than tolerance, or nothing
	// in some of the clusters.
	NoDifference Verdict = "no difference"
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
// the markers, it is doubled until no more do than may. Sarama grants it
// Producer.Retry.Max + 1 times, but once less to the record after one that needed
// a second: at the least Producer.Retry.Max, 1, nothing but Max is to be counted on.
//
// The optimum is no policy but a bound: a producer that knew how long to wait,
// 1 / (base + max(0, window - gap)) over the windows of the run, where base is what
// a transaction takes whose predecessor leaves no window. It does not queue behind others, and adds its
// partitions itself: under TV2, which saves that round trip, more is possible.
//
// Errors: *sweeps.Stopped; a latency so long that nothing is ever committed.
func Advise(q Question, o sweeps.Options) (*Advice, error) {
	a, err := newAdviser(q, o)
	if err != nil {
		return nil, err
	}
	for ; ; a.slack *= 2 {
		if err := a.try(o); err != nil {
			return nil, err
		}
		clients := a.clients()
		if a.slack == maxSlack || !slices.ContainsFunc(clients, func(c ClientAdvice) bool {
			return c.Setting.Max != Endless && c.Setting.Max < mostRetries && c.Failed.Value > 100*q.Failures
		}) {
			return a.advice(clients), nil
		}
	}
}

// adviser makes the runs.
type adviser struct {
	question Question
	load     sweeps.TransactionLoad
	backoffs []time.Duration            // ascending
	clusters []cluster                  // by seed, from 1
	slack    int                        // how many times what the windows ask for Max allows
	runs     map[trial][]sweeps.LoadRun // by seed, from 1
}

// cluster is one that is like the user's.
type cluster struct {
	window  sim.Delay
	optimum float64 // commits a second
}

// trial is a setting of a series of the sweep backoff.
type trial struct {
	series  string
	setting Setting
}

func newAdviser(q Question, o sweeps.Options) (*adviser, error) {
	a := &adviser{question: q, load: q.Load, backoffs: backoffs(q.Windows), slack: 1, runs: map[trial][]sweeps.LoadRun{}, clusters: make([]cluster, o.Seeds)}
	// As many transactions in all, however many producers share them.
	a.load.Transactions = max(20, a.load.Transactions/a.load.Producers)
	o.Progress = nil // These are no point of the answer.
	err := sweeps.Each(1, o, func(_ int, seed uint64) error {
		load := a.load
		load.Window, load.Backoff = sim.Constant(0), time.Microsecond // Without latency, some adds are refused even so.
		alone, err := load.Run("fixed", seed)
		if err != nil {
			return err
		}
		if alone.Throughput == 0 || math.IsInf(alone.Throughput, 1) {
			return fmt.Errorf("with a latency of %v and a gap of %v no transaction commits in a time that can be measured, even without a window; want those of a cluster that works", load.Latency, load.Gap)
		}
		load.Window = q.Windows.another(seed)
		producers := float64(load.Producers)
		a.clusters[seed-1] = cluster{load.Window, producers / (producers/alone.Throughput + meanWait(load, seed).Seconds())}
		return nil
	})
	return a, err
}

// meanWait is how long who waits exactly waits between two transactions: what is
// left of the window when the next add arrives. They are the windows that the
// broker of the load draws, but those of the last transactions, which are
// nobody's.
func meanWait(load sweeps.TransactionLoad, seed uint64) time.Duration {
	windows, gaps := sim.NewRandom(seed, "window"), sim.NewRandom(seed, "gaps of the optimum")
	total, n := 0.0, load.Producers*(load.Transactions-1)
	for range n {
		total += float64(max(0, load.Window.Draw(&windows)-load.Latency.Draw(&gaps)-load.Gap.Draw(&gaps)-load.Latency.Draw(&gaps)))
	}
	return time.Duration(total / float64(n))
}

// backoffs are the numbers that a person would set, from one so short that what
// it waits too long does not count, to one that is plainly too long.
func backoffs(w *Windows) []time.Duration {
	least := max(500*time.Microsecond, w.Mean()/50)
	most := min(max(200*time.Millisecond, 10*w.Quantile(0.99)), 10*time.Second)
	var all []time.Duration
	for decade := 100 * time.Microsecond; decade <= most; decade *= 10 {
		for _, tenths := range []time.Duration{10, 15, 20, 30, 50, 70} {
			if b := decade * tenths / 10; b >= least && b <= most || b == firstAdd {
				all = append(all, b)
			}
		}
	}
	return all
}

// trial is a series at a backoff.
func (a *adviser) trial(series string, backoff time.Duration) trial {
	switch series {
	case tv2:
		return trial{tv2, Setting{brokerBackoff, Endless}}
	case "sarama", "java":
		backoff = min(backoff, firstAdd) // They wait for no more, so it is the same run.
	}
	t := trial{series, Setting{backoff, Endless}}
	if clientOf(series).Default.Max != Endless {
		t.setting.Max = a.retries(backoff)
	}
	return t
}

// byDefault is what a client does by default.
func (a *adviser) byDefault(c Client) trial {
	return trial{c.series[0].Name, c.Default}
}

// tv2 and optimum are the series that are no client's own.
const (
	tv2     = "tv2"
	optimum = "optimum"
)

// try makes the runs that are missing.
func (a *adviser) try(o sweeps.Options) error {
	missing := []trial{}
	add := func(t trial) {
		if a.runs[t] == nil {
			a.runs[t] = make([]sweeps.LoadRun, o.Seeds)
			missing = append(missing, t)
		}
	}
	add(a.trial(tv2, 0))
	add(a.byDefault(clientOf(tv2)))
	for _, c := range a.question.Clients {
		add(a.byDefault(c))
		for _, series := range c.series {
			for _, b := range a.backoffs {
				add(a.trial(series.Name, b))
			}
		}
	}
	return sweeps.Each(len(missing), o, func(i int, seed uint64) (err error) {
		t, load := missing[i], a.load
		load.Window, load.Backoff = a.clusters[seed-1].window, t.setting.Backoff
		if t.setting.Max != Endless {
			load.Max = t.setting.Max
		}
		a.runs[t][seed-1], err = load.Run(t.series, seed)
		return err
	})
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

// numbers sums up the runs of a trial, beside those of a client's default.
func (a *adviser) numbers(t, standard trial) Numbers {
	runs, usual := a.runs[t], a.runs[standard]
	median := func(of func(i int, r sweeps.LoadRun) float64) sweeps.Estimate {
		samples := make([]float64, len(runs))
		for i, r := range runs {
			samples[i] = of(i, r)
		}
		return sweeps.MedianOf(samples)
	}
	var failed, tried []float64
	n := Numbers{
		Throughput: median(func(_ int, r sweeps.LoadRun) float64 { return r.Throughput }),
		Share:      median(func(i int, r sweeps.LoadRun) float64 { return 100 * r.Throughput / a.clusters[i].optimum }),
		Gain: median(func(i int, r sweeps.LoadRun) float64 {
			// A default that commits nothing at all is gained on a millionfold.
			return r.Throughput / max(usual[i].Throughput, r.Throughput/1e6, math.SmallestNonzeroFloat64)
		}),
		Answers: median(func(_ int, r sweeps.LoadRun) float64 { return r.Answers / r.Tried }),
		Load:    median(func(_ int, r sweeps.LoadRun) float64 { return r.Requests / r.Seconds }),
	}
	for _, r := range runs {
		failed, tried = append(failed, r.Tried-r.Committed), append(tried, r.Tried)
		n.Tried += r.Tried
	}
	n.Failed = sweeps.ShareOf(failed, tried).Times(100)
	return n
}

// clients chooses for each of them.
func (a *adviser) clients() []ClientAdvice {
	var all []ClientAdvice
	for _, c := range a.question.Clients {
		all = append(all, a.choose(c))
	}
	return all
}

// choose is the rule of Advise.
func (a *adviser) choose(c Client) ClientAdvice {
	type candidate struct {
		trial
		Numbers
	}
	var candidates []candidate
	standard := a.byDefault(c)
	for _, b := range a.backoffs {
		for _, series := range c.series {
			if c.takes(series.Name, b) {
				t := a.trial(series.Name, b)
				candidates = append(candidates, candidate{t, a.numbers(t, standard)})
			}
		}
	}
	best := 0
	for i := range candidates {
		if candidates[i].Share.Value > candidates[best].Share.Value {
			best = i
		}
	}
	chosen := best
	for chosen+1 < len(candidates) && candidates[chosen+1].Share.Value >= (1-tolerance)*candidates[best].Share.Value {
		chosen++
	}
	advice := ClientAdvice{
		Client: c.Name, Release: c.Release, Verdict: Matters, Default: c.Default, ByDefault: a.numbers(standard, standard),
		Setting: candidates[chosen].setting, Numbers: candidates[chosen].Numbers,
		Best: candidates[best].setting.Backoff, BestGain: candidates[best].Gain,
	}
	if gain := advice.Gain; gain.Value <= 1+tolerance || gain.Low <= 1 {
		// The default does as well. On the first add it is this one.
		as := a.trial(c.series[0].Name, firstAdd)
		advice.Numbers, advice.Setting = a.numbers(as, standard), c.Default
		switch {
		case advice.ByDefault.Failed.Value > 100*a.question.Failures:
			advice.Verdict, advice.Setting.Max = OutOfRetries, as.setting.Max
		case advice.ByDefault.Answers.High == 0:
			advice.Verdict = NoConflict
		default:
			advice.Verdict = NoDifference
		}
	}
	return advice
}

// advice puts everything together.
func (a *adviser) advice(clients []ClientAdvice) *Advice {
	q := a.question
	advice := &Advice{Windows: q.Windows, Parameters: map[string]string{}, Failures: q.Failures, Seeds: len(a.clusters), Clients: clients}
	var bounds []float64
	for _, c := range a.clusters {
		bounds = append(bounds, c.optimum)
	}
	advice.Optimum = sweeps.MedianOf(bounds)
	t := a.trial(tv2, 0)
	advice.TV2.Throughput = a.numbers(t, t).Throughput
	advice.TV2.Says = advice.saysOfTV2()
	for i := range clients {
		clients[i].Paste, clients[i].Says = clients[i].paste(), advice.says(clients[i])
	}
	advice.Finding = advice.finding()
	advice.Result = a.result(advice.Optimum)
	for _, v := range advice.Result.Values[1:] {
		advice.Parameters[v.Name] = v.Text
	}
	advice.Figure = sweeps.Figure{
		Kind: sweeps.Lines, Columns: []string{"throughput"}, Marks: marks(clients),
		Headline: func(*sweeps.Result) string { return advice.Finding },
	}
	return advice
}

// result is what was run, as a sweep has it. Its values are those that a figure
// says: the settings that are not asked for.
func (a *adviser) result(bound sweeps.Estimate) *sweeps.Result {
	panel := sweeps.Panel{Vary: "backoff", Log: true}
	sweep := &sweeps.Sweep{Name: "advise", Title: "Throughput against backoff, in clusters with such windows", Columns: columns}
	r := &sweeps.Result{Sweep: sweep, Seeds: len(a.clusters)}
	r.Params = a.question.Load
	r.Values = scenario.Values{{Name: "windows", Text: a.question.Windows.String()}}
	if load, err := sweeps.Find("backoff"); err == nil {
		sweep.Parameters = load.Parameters
	}
	for _, v := range a.question.Load.Values() {
		if !slices.Contains([]string{"window", "backoff", "max", "producer-max", "transactions"}, v.Name) {
			r.Values = append(r.Values, v)
		}
	}
	for _, c := range a.question.Clients {
		sweep.Series = append(sweep.Series, c.series...)
	}
	sweep.Series = append(sweep.Series, sweeps.Series{Name: tv2, What: "the broker tries again, every 20 ms"}, sweeps.Series{Name: optimum, What: "who waits exactly, a bound"})
	for _, b := range a.backoffs {
		panel.Values = append(panel.Values, b.String())
	}
	sweep.Panels = []sweeps.Panel{panel}
	one := sweeps.Estimate{Value: 1, Low: 1, High: 1}
	for _, b := range a.backoffs {
		for _, series := range sweep.Series {
			n := Numbers{Throughput: bound, Share: one.Times(100), Gain: one}
			if series.Name != optimum {
				t := a.trial(series.Name, b)
				n = a.numbers(t, a.byDefault(clientOf(series.Name)))
			}
			r.Rows = append(r.Rows, sweeps.Row{Panel: panel, Series: series, Text: b.String(), At: inMilliseconds(b), Cells: n.cells()})
		}
	}
	return r
}

// marks are where the advice and the defaults lie on the axis.
func marks(clients []ClientAdvice) []sweeps.Mark {
	marks := []sweeps.Mark{{At: inMilliseconds(firstAdd), Text: "defaults, on the first add"}}
	for _, c := range clients {
		if c.Verdict != Matters {
			continue // It stays where it is.
		}
		at := inMilliseconds(c.Setting.Backoff)
		if i := slices.IndexFunc(marks[1:], func(m sweeps.Mark) bool { return m.At == at }); i >= 0 {
			marks[1+i].Text += ", " + c.Client
		} else {
			marks = append(marks, sweeps.Mark{At: at, Text: "advised: " + c.Client})
		}
	}
	return marks
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
