package sweeps

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"racelab/model"
	"racelab/scenarios"
	"racelab/sim"
)

// reorderOdds asks how often the released client reorders after a failure.
var reorderOdds = Sweep{
	Name:     "reorder-odds",
	Title:    "How often records overtake one that failed",
	Question: "What are the odds that a newer record is written before the application is told of a failure, by how late the promises run and how busy the application is?",
	Measured: "One run is an application that hands over one record after the other, of which the one in the middle is refused for good. " +
		"It is overtaken if a newer record is written before its promise is called, and the order is lost if a newer record of its key is written first at all. " +
		"promise is how late the promise goroutine runs, submit the application's time with its next record, latency a message's one way and service the broker's time: " +
		"plausible values for one machine, not measured ones. Measured was franz-go 1.22.2 over TCP: overtaken in 167 of 300 failures with idempotence, in 132 without. " +
		"At one lateness the model has more without idempotence, and measured was less: what the measured application did between two records is not known.",
	Parameters: []scenarios.Parameter{
		{Name: "records", Help: "records of a run", Default: "40", Takes: scenarios.Numbers{Min: 3, Max: 1000}},
		{Name: "batch", Help: "records that fill a batch", Default: "10", Takes: scenarios.Numbers{Min: 1, Max: 1000}},
		{Name: "submit", Help: "until the application has its next record", Default: "exp:50us", Takes: scenarios.Delays{}},
		{Name: "promise", Help: "from a failure until the goroutine that calls promises runs", Default: "exp:100us", Takes: scenarios.Delays{}},
		{Name: "latency", Help: "of a message, one way", Default: "lognormal:30us,0.5", Takes: scenarios.Delays{}},
		{Name: "service", Help: "of the broker with a request", Default: "lognormal:20us,0.5", Takes: scenarios.Delays{}},
		{Name: "step", Help: "from one step of a goroutine to its next", Default: "exp:1us", Takes: scenarios.Delays{}},
	},
	Panels: []Panel{
		{Vary: "promise", Log: true, Values: []string{"exp:1us", "exp:3us", "exp:10us", "exp:30us", "exp:100us", "exp:300us", "exp:1ms", "exp:3ms", "exp:10ms"}},
		{Vary: "submit", Log: true, Values: []string{"exp:3us", "exp:10us", "exp:30us", "exp:100us", "exp:300us", "exp:1ms", "exp:3ms", "exp:10ms"}},
		{Vary: "latency", Log: true, Values: []string{"lognormal:3us,0.5", "lognormal:10us,0.5", "lognormal:30us,0.5", "lognormal:100us,0.5", "lognormal:300us,0.5", "lognormal:1ms,0.5"}},
	},
	Series:   []Series{{"idempotent", "franz-go 1.22.2"}, {"not idempotent", "with DisableIdempotentWrite"}},
	Measures: []string{"failures", "overtaken", "reordered", "late"},
	Columns: []Column{
		{"overtaken", "% of failures", "a newer record is written before the failure is told", Odds("overtaken", "failures", 100)},
		{"reordered", "% of failures", "a newer record of the key is written before it", Odds("reordered", "failures", 100)},
		{"late", "ms", "from the broker's refusal until the failure is told", Median("late")},
	},
	Figures: []Figure{{Kind: Lines, Columns: []string{"overtaken", "reordered"}, Headline: reorderOddsHeadline}},
	Seeds:   300,
	Measure: measureReorderOdds,
}

func measureReorderOdds(series string, values scenarios.Values, seed uint64) ([]float64, error) {
	idempotent := map[string]string{"idempotent": "on", "not idempotent": "off"}[series]
	records := values.Int("records")
	middle := (records + 1) / 2
	w := build("produce-reorder", "none", "clock=timed", "producers=1", "records="+strconv.Itoa(records), "batch="+values.Word("batch"),
		"idempotent="+idempotent, "failures=1", "first="+strconv.Itoa(middle))
	o := &overtaking{failing: model.Record(middle)}
	w.Watch(o)
	reordered, err := finishProducing(w, values, seed)
	overtaken := 0.0
	if o.overtaken {
		overtaken = 1
	}
	return []float64{1, overtaken, float64(min(reordered, 1)), o.toldAt.Sub(o.refusedAt).Seconds() * 1000}, err
}

// finishProducing takes a world of produce-reorder to its end, at the pace that
// the values have, and counts the records that are out of order.
func finishProducing(w *sim.World, values scenarios.Values, seed uint64) (reordered int, err error) {
	w.Timed(sim.Timing{
		Seed: seed, Unchecked: true,
		Step: values.Delay("step"), Latency: values.Delay("latency"), Service: values.Delay("service"),
		Before: []sim.Taking{{Of: "submit", Delay: values.Delay("submit")}, {Of: "scheduled", Delay: values.Delay("promise")}},
	})
	return finishCounting(w, seed, "first-appends-keep-the-order")
}

// overtaking sees whether a newer record is written before a failure is told. It
// is a property that always holds.
type overtaking struct {
	failing   model.Record
	told      bool
	overtaken bool

	refusedAt, toldAt sim.Time
}

func (*overtaking) Name() string { return "overtaking" }

func (*overtaking) Watches(o sim.Observation) bool {
	return o.Action == sim.Answered && sim.NameOf(o.Request) == "Produce" || isPromise(o)
}

func (x *overtaking) Observe(o sim.Observation) (tested bool, err error) {
	switch message := o.Message.(type) {
	case *model.Promised:
		if !x.told && message.Record == x.failing && message.Failed != "" {
			x.told, x.toldAt = true, o.At
		}
	case *model.ProduceResponse:
		for i, p := range message.Partitions {
			if p.Error != model.None && x.refusedAt == 0 {
				x.refusedAt = o.At
			}
			for _, r := range o.Request.(*model.ProduceRequest).Partitions[i].Batch.Records {
				x.overtaken = x.overtaken || p.Error == model.None && !x.told && r > x.failing
			}
		}
	}
	return true, nil
}

// measuredOvertaken are the shares that were measured, in %.
var measuredOvertaken = []struct {
	series string
	share  float64
}{{"idempotent", 100 * 167.0 / 300}, {"not idempotent", 100 * 132.0 / 300}}

// reorderOddsHeadline says how late the promises must be for what was measured.
func reorderOddsHeadline(r *Result) string {
	text := "Overtaken:"
	for _, m := range measuredOvertaken {
		late := "no lateness of the promises"
		if ms, ok := r.crossing("promise", m.series, "overtaken", m.share); ok {
			late = fmt.Sprintf("promises that run %s us late", Number(1000*ms))
		}
		text += fmt.Sprintf(" %s %% measured %s is %s;", Number(m.share), m.series, late)
	}
	return strings.TrimSuffix(text, ";")
}

// crossing is where on its logarithmic axis a series first reaches a value of a
// column, between two points as on the line that is drawn.
func (r *Result) crossing(panel, series, column string, value float64) (at float64, ok bool) {
	var last *Row
	for i, row := range r.Rows {
		if row.Panel.Name() != panel || row.Series.Name != series {
			continue
		}
		if here := r.Cell(row, column).Value; here >= value && last != nil {
			before := r.Cell(*last, column).Value
			if before >= value {
				return 0, false
			}
			share := (value - before) / (here - before)
			return last.At * math.Pow(row.At/last.At, share), true
		}
		last = &r.Rows[i]
	}
	return 0, false
}
