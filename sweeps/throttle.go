package sweeps

import (
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"racelab/model"
	"racelab/scenario"
	"racelab/scenarios/throttlestall"
	"racelab/sim"
)

// throttle asks what a user of each release sees of a quota: how much is
// delivered, how late, and how much waits in memory.
var throttle = Sweep{
	Name:     "throttle",
	Title:    "What a quota does to a producer",
	Question: "How much is delivered, how late, and how many messages wait in memory, when an application offers less or more than its quota?",
	Measured: "One run is an asynchronous producer for some seconds. The broker measures the rate as Kafka does, in 11 samples of a second, and so allows a burst of ten seconds at first: " +
		"what is delivered is counted in the second half of the run, where the rate still swings by a tenth about the quota. Latency is from the moment that the producer has taken a message until the application hears of it; " +
		"of a message that it has not heard of in the end, it is how long it has waited by then. The queue is the most messages that the producer had at a time. " +
		"With a bounded input the application waits where there is no room, and offers nothing meanwhile: that wait is in no latency. A run that stalls delivers nothing more. " +
		"Quota, delays and sizes are plausible values, not measured ones.",
	Panels: []Panel{
		{Vary: "load", With: []string{"input=bounded"}, Values: []string{"50", "80", "100", "120", "150", "200", "300"}},
		{Vary: "load", With: []string{"input=unbounded"}, Values: []string{"50", "80", "100", "120", "150", "200", "300"}},
		{Vary: "seconds", With: []string{"input=bounded"}, Values: []string{"10", "20", "40", "60", "80", "100"}},
		{Vary: "seconds", With: []string{"input=unbounded"}, Values: []string{"10", "20", "40", "60", "80", "100"}},
	},
	Series:   variants(&throttlestall.Scenario, "unlocked", "atomic-pointer", "mutex", "deadline-notify", "atomic-deadline", "no-throttle"),
	Measures: []string{"delivered", "queue", "p50", "p99", "p99.9"},
	Columns: []Column{
		{"delivered", "a second", "messages that the application hears of, in the second half of the run", Median("delivered")},
		{"queue", "messages", "the most that the producer had at a time", Median("queue")},
		{"p50", "s", "latency of a message, median of the run", Median("p50")},
		{"p99", "s", "latency, 99 % of the run", Median("p99")},
		{"p99.9", "s", "latency, 99.9 % of the run", Median("p99.9")},
	},
	Figures: []Figure{
		{Kind: Lines, Panels: throttleLoads, Columns: []string{"delivered", "queue"}, Headline: throttleHeadline},
		{Name: "latency", Kind: Lines, Panels: throttleLoads, Columns: []string{"p50", "p99", "p99.9"}, Headline: throttleLatencyHeadline},
		{Name: "memory", Kind: Lines, Panels: []string{"seconds input=bounded", "seconds input=unbounded"}, Columns: []string{"queue"}, Headline: throttleMemoryHeadline},
	},
	Seeds: 10,
	Model: ModelOf((*throttleRun).flags, measureThrottle),
}

// throttleLoads are the panels with and without back-pressure.
var throttleLoads = []string{"load input=bounded", "load input=unbounded"}

// throttleRun are the parameters.
type throttleRun struct {
	load, room, quota, seconds, batch, maxOpen int
	unbounded                                  bool
	latency, service, step                     sim.Delay
}

func (p *throttleRun) flags(f *scenario.Flags) {
	f.Int(&p.load, "load", 200, 1, 300, "what the application offers, in % of the quota")
	f.Switch(&p.unbounded, "input", "bounded", "unbounded", false, "whether the producer takes no more than room, or all")
	f.Int(&p.room, "room", 32, 0, 10_000, "of a bounded input, in messages")
	f.Int(&p.quota, "quota", 20, 1, 30, "messages a second")
	f.Int(&p.seconds, "seconds", 40, 2, 100, "of a run")
	f.Int(&p.batch, "batch", 8, 1, 1000, "messages that a request may have")
	f.Int(&p.maxOpen, "max-open", 5, 1, 64, "Net.MaxOpenRequests")
	f.Delay(&p.latency, "latency", "lognormal:1ms,0.5", "of a message, one way")
	f.Delay(&p.service, "service", "lognormal:500us,0.5", "of the broker with a request")
	f.Delay(&p.step, "step", "exp:1us", "from one step of a goroutine to its next")
}

func measureThrottle(variant string, p throttleRun, seed uint64) ([]float64, error) {
	rate := float64(p.quota*p.load) / 100
	end := time.Duration(p.seconds) * time.Second
	expected := rate * end.Seconds()
	messages := int(expected+6*math.Sqrt(expected)) + 10 // more than are ever due
	s := throttlestall.Scenario.Default()
	s.Async, s.Messages, s.Quota, s.Input, s.Batch, s.MaxOpen = true, messages, p.quota, p.room, p.batch, p.maxOpen
	if p.unbounded {
		s.Input = messages
	}
	w := throttlestall.Scenario.World(variant, s)
	defer w.Close()
	sent := &sending{half: sim.Time(end / 2)}
	w.Watch(meter(sim.Returned, sent.see))
	w.Timed(sim.Timing{
		Seed:       seed,
		Step:       p.step,
		Latency:    p.latency,
		Service:    p.service,
		ThinkTimes: []sim.DelayOverride{{Of: "produce", Delay: sim.Exponential(time.Duration(float64(time.Second) / rate))}},
	})
	err := walk(w, seed, func() bool { return w.Now() < end })
	delivered := float64(sent.late) / (end / 2).Seconds()
	waited := sent.waited(end)
	quantile := func(p float64) float64 { return stat.Quantile(p, stat.Empirical, waited, nil) }
	return []float64{delivered, float64(sent.most), quantile(0.5), quantile(0.99), quantile(0.999)}, err
}

// sending follows the messages from the input of a producer to the answer: on
// one connection they are told of in the order in which they were taken.
type sending struct {
	taken []sim.Time // when each was
	done  []float64  // latencies of the first of them, in s
	most  int        // on their way at a time
	half  sim.Time
	late  int // told of in the second half
}

func (s *sending) see(a sim.Act) {
	switch a.Message.(type) {
	case *model.Accepted:
		s.taken = append(s.taken, a.At)
		s.most = max(s.most, len(s.taken)-len(s.done))
	case *model.Produced:
		s.done = append(s.done, a.At.Sub(s.taken[len(s.done)]).Seconds())
		if a.At >= s.half {
			s.late++
		}
	}
}

// waited is the latency of each message in order of length; of those not told
// of, by the end.
func (s *sending) waited(end time.Duration) []float64 {
	waited := slices.Clone(s.done)
	for _, taken := range s.taken[len(s.done):] {
		waited = append(waited, max(sim.Time(end).Sub(taken), 0).Seconds())
	}
	if len(waited) == 0 {
		return []float64{0}
	}
	slices.Sort(waited)
	return waited
}

// throttleHeadline says what is delivered where most is offered.
func throttleHeadline(r *Result) string {
	return throttleSays(r, "load", "bounded", "At %s %% of the quota, with back-pressure, ", "delivered", "", "messages/s are delivered")
}

// throttleLatencyHeadline is the same of what is late.
func throttleLatencyHeadline(r *Result) string {
	return throttleSays(r, "load", "bounded", "At %s %% of the quota, with back-pressure, p99 is ", "p99", " s", "")
}

// throttleMemoryHeadline says how far the queue grows in the longest run.
func throttleMemoryHeadline(r *Result) string {
	return throttleSays(r, "seconds", "unbounded", fmt.Sprintf("In %%s s at %d %%%% of the quota, without back-pressure, the queue gets up to ", r.Params.(throttleRun).load), "queue", "", "long")
}

// throttleSays tells of the release that stalls, and of the one that does not, at the
// last value of what varies.
func throttleSays(r *Result, vary, input, begins, column, unit, counted string) string {
	last := throttleMost(r, vary)
	of := func(series string) found { return r.cell(vary+" input="+input, last, series, column, series) }
	return fmt.Sprintf(begins, last) + told(unit, counted, "with", of("mutex"), of("unlocked"))
}

// throttleMost is the last value of the panels that vary a parameter.
func throttleMost(r *Result, vary string) string {
	text := ""
	for _, row := range r.Rows {
		if row.Panel.Vary == vary {
			text = row.Text
		}
	}
	return text
}
