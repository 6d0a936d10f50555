package sweeps

import (
	"fmt"
	"math"

	"racelab/scenarios"
	"racelab/sim"
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
	Parameters: []scenarios.Parameter{
		{Name: "messages", Help: "messages of a run", Default: "48", Takes: scenarios.Numbers{Min: 1, Max: 64}},
		{Name: "throttles", Help: "answers, from the first on, that throttle", Default: "2", Takes: scenarios.Numbers{Min: 0, Max: 16}},
		{Name: "throttle", Help: "how long each does, in ms", Default: "200", Takes: scenarios.Numbers{Min: 1, Max: 3_600_000}},
		{Name: "muting", Help: "whether the broker does not listen during a throttle", Default: "on", Takes: scenarios.Words{"on", "off"}},
		{Name: "max-open", Help: "Net.MaxOpenRequests", Default: "5", Takes: scenarios.Numbers{Min: 1, Max: 64}},
		{Name: "timers", Help: "whose timers the client has", Default: "go1.22", Takes: scenarios.Words{"go1.22", "go1.23"}},
		{Name: "send", Help: "until the application has its next message", Default: "exp:5ms", Takes: scenarios.Delays{}},
		{Name: "latency", Help: "of a message, one way", Default: "lognormal:1ms,0.5", Takes: scenarios.Delays{}},
		{Name: "service", Help: "of the broker with a request", Default: "lognormal:500us,0.5", Takes: scenarios.Delays{}},
		{Name: "step", Help: "from one step of a goroutine to its next", Default: "exp:1us", Takes: scenarios.Delays{}},
	},
	Panels: []Panel{
		{Vary: "max-open", Log: true, With: []string{"send=exp:200us"}, Values: []string{"1", "2", "3", "4", "5", "8", "16"}},
		{Vary: "throttle", Log: true, Values: []string{"1", "2", "5", "10", "20", "50", "100", "200", "500", "1000", "5000"}},
		{Vary: "send", Log: true, Values: []string{
			"exp:500us", "exp:1ms", "exp:2ms", "exp:5ms", "exp:10ms", "exp:20ms", "exp:50ms", "exp:100ms", "exp:200ms", "exp:500ms"}},
		{Vary: "max-open", Log: true, With: []string{"muting=off", "send=exp:200us"}, Values: []string{"1", "2", "3", "4", "5", "8", "16"}},
		{Vary: "throttle", Log: true, With: []string{"muting=off"}, Values: []string{"1", "2", "5", "10", "20", "50", "100", "200", "500", "1000", "5000"}},
		{Vary: "throttles", Values: []string{"1", "2", "3", "4", "6", "8", "12", "16"}},
	},
	Series:   variants("throttle-stall", "unlocked", "atomic-pointer", "mutex"),
	Measures: []string{"runs", "stalls", "panics", "total"},
	Columns: []Column{
		{"stalls", "% of runs", "runs that stall", Odds("stalls", "runs", 100)},
		{"panics", "% of runs", "runs in which the response reader panics on a timer that is nil by then", Odds("panics", "runs", 100)},
		{"total", "ms", "until nothing happens any more", Median("total")},
	},
	Figures: []Figure{{Kind: Lines, Columns: []string{"stalls"}, Headline: stallOddsHeadline}},
	Seeds:   200,
	Measure: measureStallOdds,
}

func measureStallOdds(variant string, values scenarios.Values, seed uint64) ([]float64, error) {
	w := build("throttle-stall", variant, "messages="+values.Word("messages"), "throttles="+values.Word("throttles"),
		"throttle="+values.Word("throttle"), "last-throttle="+values.Word("throttle"), "muting="+values.Word("muting"),
		"max-open="+values.Word("max-open"), "timers="+values.Word("timers"))
	defer w.Close()
	w.Timed(sim.Timing{
		Seed:    seed,
		Step:    values.Delay("step"),
		Latency: values.Delay("latency"),
		Service: values.Delay("service"),
		Before:  []sim.Taking{{Of: "async produce", Delay: values.Delay("send")}},
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

// stallOddsHeadline says what more throttles do, and how far the atomic pointer
// and the lock are from the release that stalls.
func stallOddsHeadline(r *Result) string {
	stalls := func(row Row, series string) float64 {
		return r.Cell(r.Row(row.Panel.Name(), row.Text, series), "stalls").Value
	}
	var throttles []Row
	apart, fixed := 0.0, 0.0
	for _, row := range r.Rows {
		if row.Series.Name != "unlocked" {
			continue
		}
		if row.Panel.Vary == "throttles" && stalls(row, "unlocked") > 0 {
			throttles = append(throttles, row)
		}
		apart = max(apart, math.Abs(stalls(row, "unlocked")-stalls(row, "atomic-pointer")))
		fixed = max(fixed, stalls(row, "mutex"))
	}
	text := "unlocked never stalls"
	if len(throttles) > 0 {
		few, many := throttles[0], throttles[len(throttles)-1]
		text = fmt.Sprintf("unlocked stalls in %s %% of runs with %s throttles, %s %% with %s",
			Number(stalls(few, "unlocked")), few.Text, Number(stalls(many, "unlocked")), many.Text)
	}
	if apart == 0 {
		text += "; atomic-pointer in as many"
	} else {
		text += fmt.Sprintf("; atomic-pointer differs by at most %s points", Number(apart))
	}
	if fixed == 0 {
		return text + "; mutex in none"
	}
	return fmt.Sprintf("%s; mutex in at most %s %%", text, Number(fixed))
}
