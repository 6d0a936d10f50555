package sweeps

import (
	"fmt"
	"time"

	"racelab/scenario"
	"racelab/scenarios/throttlestall"
	"racelab/sim"
	"racelab/sim/explore"
)

// stallOdds asks how often throttles end in a sender that waits for ever, and
// what requests in flight and the length of a throttle change.
//
// A broker that does not listen during a throttle goes on when that is over, and
// the client's timer fires as much later as the answer was late that began it.
// So the timer and the next answer race, by how late the two answers are, and
// the odds hardly depend on the length of the throttles, once a sender is sure
// to wait before they are over. With every further throttle they race again.
var stallOdds = Sweep{
	Name:     "stall-odds",
	Title:    "How often a throttled sender waits for ever",
	Question: "What are the odds that a run stalls, by the requests in flight, the length and number of throttles, and how busy the sender is?",
	Measured: "One run is a goroutine that sends messages, each in a request of its own, to a broker that throttles its first answers. " +
		"A run stalls if the sender or the response reader waits for what never comes, and not all messages are delivered; a run that panics is counted for itself. " +
		"latency is one way, service is the broker's time with a request, send the application's with its next message, " +
		"and step the client's time from one access to the next: plausible values, not measured ones.",
	Panels: []Panel{
		{Vary: "max-open", Log: true, With: []string{"send=exp:200us"}, Values: []string{"1", "2", "3", "4", "5", "8", "16"}},
		{Vary: "throttle", Log: true, Values: []string{"1", "2", "5", "10", "20", "50", "100", "200", "500", "1000", "5000"}},
		{Vary: "send", Log: true, Values: []string{
			"exp:500us", "exp:1ms", "exp:2ms", "exp:5ms", "exp:10ms", "exp:20ms", "exp:50ms", "exp:100ms", "exp:200ms", "exp:500ms"}},
		{Vary: "max-open", Log: true, With: []string{"muting=off", "send=exp:200us"}, Values: []string{"1", "2", "3", "4", "5", "8", "16"}},
		{Vary: "throttle", Log: true, With: []string{"muting=off"}, Values: []string{"1", "2", "5", "10", "20", "50", "100", "200", "500", "1000", "5000"}},
		{Vary: "throttles", Values: []string{"1", "2", "3", "4", "6", "8", "12", "16"}},
	},
	Series:   variants(&throttlestall.Scenario, "unlocked", "atomic-pointer", "mutex"),
	Measures: []string{"runs", "stalls", "panics", "total"},
	Columns: []Column{
		{"stalls", "% of runs", "runs that stall", Odds("stalls", "runs", 100)},
		{"panics", "% of runs", "runs in which the response reader panics on a timer that is nil by then", Odds("panics", "runs", 100)},
		{"total", "ms", "until nothing happens any more", Median("total")},
	},
	Figures: []Figure{{Kind: Lines, Columns: []string{"stalls"}, Headline: stallOddsHeadline}},
	Seeds:   200,
	Model:   ModelOf((*stallRun).flags, measureStallOdds),
}

// stallRun are the parameters.
type stallRun struct {
	messages, throttles, maxOpen int
	throttle                     time.Duration
	muting, go122Timers          bool
	send, latency, service, step sim.Delay
}

func (p *stallRun) flags(f *scenario.Flags) {
	f.Int(&p.messages, "messages", 48, 1, 64, "messages of a run")
	f.Int(&p.throttles, "throttles", 2, 0, 16, "how many answers throttle, from the first on")
	f.Millis(&p.throttle, "throttle", 200, 1, 3_600_000, "how long an answer throttles, in ms")
	f.Switch(&p.muting, "muting", "off", "on", true, "whether the broker does not listen during a throttle")
	f.Int(&p.maxOpen, "max-open", 5, 1, 64, "Net.MaxOpenRequests")
	f.Switch(&p.go122Timers, "timers", "go1.23", "go1.22", true, "whose timers the client has")
	f.Delay(&p.send, "send", "exp:5ms", "until the application has its next message")
	f.Delay(&p.latency, "latency", "lognormal:1ms,0.5", "of a message, one way")
	f.Delay(&p.service, "service", "lognormal:500us,0.5", "of the broker with a request")
	f.Delay(&p.step, "step", "exp:1us", "from one step of a goroutine to its next")
}

func measureStallOdds(variant string, p stallRun, seed uint64) ([]float64, error) {
	s := throttlestall.Scenario.Default()
	s.Messages, s.Throttles, s.Throttle, s.LastThrottle = p.messages, p.throttles, p.throttle, p.throttle
	s.Muting, s.MaxOpen, s.Go122Timers = p.muting, p.maxOpen, p.go122Timers
	w := throttlestall.Scenario.World(variant, s)
	defer w.Close()
	w.Timed(sim.Timing{
		Seed:       seed,
		Step:       p.step,
		Latency:    p.latency,
		Service:    p.service,
		ThinkTimes: []sim.DelayOverride{{Of: "async produce", Delay: p.send}},
	})
	err := walk(w, seed, func() bool { return true })
	stalls, panics := 0.0, 0.0
	for _, v := range w.Violations() {
		switch v.Property {
		case sim.NoPanic:
			panics = 1
		case sim.NoDeadlock, sim.NoProgress, "no-sender-waits-for-a-stopped-timer", "every-message-is-delivered":
			stalls = 1
		}
	}
	if panics > 0 {
		stalls = 0 // The process is gone.
	}
	return []float64{1, stalls, panics, milliseconds(w)}, err
}

// stallOddsHeadline says what more throttles do; if they do nothing, how often a run
// stalls at most.
func stallOddsHeadline(r *Result) string {
	const series = "unlocked"
	stalls := func(row Row) float64 { return r.Cell(row, "stalls").Value }
	var throttles []found
	most := 0.0
	for _, row := range r.Rows {
		if row.Series.Name != series {
			continue
		}
		most = max(most, stalls(row))
		if row.Panel.Vary == "throttles" && stalls(row) > 0 {
			throttles = append(throttles, found{Number(stalls(row)), explore.Count(int(row.At), "throttle")})
		}
	}
	switch {
	case most == 0:
		return "No run of " + series + " stalls"
	case throttles == nil:
		return fmt.Sprintf("%s stalls in at most %s %% of runs", series, Number(most))
	}
	return series + " stalls in " + told(" %", "of runs", "with", throttles[0], throttles[len(throttles)-1])
}
