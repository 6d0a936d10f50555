package sweeps

import (
	"fmt"
	"time"

	"racelab/scenario"
	"racelab/scenarios/offsetrewind"
	"racelab/sim"
)

// rewindOdds asks how often a commit takes a committed offset back, and which
// work-around helps how much.
//
// A stale commit overtakes where a goroutine that was woken for the broker's
// lock finds that another has taken it. Go's mutex allows that until somebody
// has waited for 1 ms, and then serves in order; while it is never free, it
// stays so. A run that is busy from its start has therefore about one rewind,
// however long it is, and the odds depend on how many commits it makes.
//
// Held against the released client: Sarama 1.43.2 with partitions, process and
// 2.5 ms to an answer as here, 50 commits of each goroutine, 12 runs each, on
// two cores; the model with --set latency=1ms --set service=500us:
//
//	partitions  process   released             model
//	4           exp:5ms   1.2 [0.4, 3.7]       2.2
//	4           exp:2ms   2.5 [1.1, 5.4]       3.7
//	4           exp:500us 2.1 [0.9, 4.9]       3.9
//	2           exp:5ms   0   [0, 3.2]         0.2
//	8           exp:5ms   2.3 [1.3, 4.1]       1.8
//
// A stale commit takes back every partition that it has and that was committed since.
// So partitions that are taken back rise with their number to the end, while stale
// commits fall from six on. In 1,000 messages, at exp:5ms (two series of the release on
// a loaded machine: only the trend counts):
//
//	partitions  released, taken back  model, taken back  model, stale commits
//	2           0, 0                  0                  0
//	4           4.6, 3.5              1.3                1.3
//	6           6.9, 10.4             6.1                2.6
//	8           10.4, 9.1             6.9                2.1
//	12          17.4, 12.2            11                 1.6
//	16          16.0                  11                 1.0
var rewindOdds = Sweep{
	Name:     "rewind-odds",
	Title:    "How often a commit takes a committed offset back",
	Question: "What are the odds that a commit rewinds a partition, and what do fewer partitions, rarer commits and a closer coordinator change?",
	Measured: "One run is a consumer whose goroutines process a number of messages each and commit as they go. " +
		"A rewind is a commit that takes the committed offset of a partition back. " +
		"latency is one way, service is the coordinator's time with a commit (one after the other), process is the application's with a message: " +
		"plausible values, not measured ones. step is the client's time from one lock to the next, and wake that of the Go scheduler " +
		"until a goroutine runs to which a lock was released; with these the odds are those of the released client, as far as 12 runs can tell. " +
		"A run that is always busy has about one rewind, so the odds depend on the number of commits.",
	Panels: []Panel{
		{Vary: "latency", Log: true, Values: []string{
			"lognormal:100us,0.5", "lognormal:200us,0.5", "lognormal:500us,0.5", "lognormal:1ms,0.5", "lognormal:2ms,0.5",
			"lognormal:5ms,0.5", "lognormal:10ms,0.5", "lognormal:20ms,0.5", "lognormal:50ms,0.5"}},
		{Vary: "partitions", Log: true, Values: []string{"1", "2", "3", "4", "6", "8", "12", "16", "24", "32"}},
		{Vary: "instances", Log: true, With: []string{"partitions=12"}, Values: []string{"1", "2", "3", "4", "6", "12"}},
		{Vary: "batch", Log: true, With: []string{"process=exp:1ms"}, Values: []string{"1", "2", "3", "4", "6", "8", "12", "16"}},
		{Vary: "commit", With: []string{"process=exp:1ms"}, Values: []string{"manual", "auto"}},
		{Vary: "process", Log: true, Values: []string{
			"exp:200us", "exp:500us", "exp:1ms", "exp:2ms", "exp:5ms", "exp:10ms", "exp:20ms", "exp:50ms", "exp:100ms"}},
	},
	Series:   variants(&offsetrewind.Scenario, "send-lock", "unfixed", "broker-lock"),
	Measures: []string{"rewinds", "taken back", "commits", "messages", "total"},
	Columns: []Column{
		{"rewinds", "in 1,000 commits", "commits that take an offset back", Odds("rewinds", "commits", 1000)},
		{"rewinds by work", "in 1,000 messages", "rewinds, by the work that is done", Odds("rewinds", "messages", 1000)},
		{"taken back", "in 1,000 messages", "partitions that are taken back, by the work that is done: a commit may take back several", Odds("taken back", "messages", 1000)},
		{"total", "ms", "length of the run", Median("total")},
	},
	Figures: []Figure{{Kind: Lines, Columns: []string{"rewinds by work"}, Headline: rewindOddsHeadline}},
	Seeds:   100,
	Model:   ModelOf((*rewindRun).flags, measureRewindOdds),
}

// rewindRun are the parameters.
type rewindRun struct {
	partitions, instances, messages, batch int
	auto                                   bool
	interval                               time.Duration
	latency, service, process, step, wake  sim.Delay
}

func (p *rewindRun) flags(f *scenario.Flags) {
	f.Int(&p.partitions, "partitions", 4, 1, 64, "partitions of the instance, and goroutines: one claims each")
	f.Int(&p.instances, "instances", 1, 1, 64, "consumers, among which the partitions are divided")
	f.Int(&p.messages, "messages", 48, 1, 10_000, "messages of each partition")
	f.Int(&p.batch, "batch", 1, 1, 1000, "messages that a goroutine marks before each commit")
	f.Switch(&p.auto, "commit", "manual", "auto", false, "whether goroutines commit, or a ticker does")
	f.Millis(&p.interval, "interval", 20, 1, 60_000, "of automatic commits, in ms")
	f.Delay(&p.latency, "latency", "lognormal:1ms,0.5", "of a message, one way")
	f.Delay(&p.service, "service", "lognormal:500us,0.5", "of the coordinator with a commit")
	f.Delay(&p.process, "process", "exp:5ms", "of the application with a message")
	f.Delay(&p.step, "step", "exp:1us", "from one step of a goroutine to its next")
	f.Delay(&p.wake, "wake", "exp:10us", "until a goroutine that waited for a lock goes on")
}

func measureRewindOdds(variant string, p rewindRun, seed uint64) ([]float64, error) {
	s := offsetrewind.Scenario.Default()
	s.Partitions, s.Instances, s.Batch, s.Commits = p.partitions, p.instances, p.batch, max(p.messages/p.batch, 1)
	s.Auto, s.Interval = p.auto, p.interval
	w := offsetrewind.Scenario.World(variant, s)
	commits := countCommits(w)
	w.Timed(sim.Timing{
		Seed:       seed,
		Wake:       p.wake,
		Step:       p.step,
		Latency:    p.latency,
		Service:    p.service,
		ThinkTimes: []sim.DelayOverride{{Of: "mark", Delay: p.process}},
	})
	rewinds, err := finishCounting(w, seed, "committed-offset-never-rewinds")
	return []float64{float64(rewinds), float64(commits.takenBack), float64(commits.requests), float64(p.partitions * s.Commits * p.batch), milliseconds(w)}, err
}

// rewindOddsHeadline says how far the panel reaches in which that is farthest.
func rewindOddsHeadline(r *Result) string {
	const series = "unfixed"
	odds := func(row Row) float64 { return r.Cell(row, "rewinds by work").Value }
	var least, most Row
	spread := -1.0
	for _, panel := range r.Sweep.Panels {
		low, high := best(r, panel.Name(), series, func(row Row) float64 { return -odds(row) }), best(r, panel.Name(), series, odds)
		if d := odds(high) - odds(low); d > spread {
			spread, least, most = d, low, high
		}
	}
	if odds(most) == 0 {
		return "No run of " + series + " rewinds"
	}
	at := func(row Row) found { return found{Number(odds(row)), r.Sweep.AxisText(row)} }
	return fmt.Sprintf("The odds that %s rewinds are %s", series, told("", "in 1,000 messages", "at "+most.Panel.Vary, at(least), at(most)))
}
