package sweeps

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"

	"racelab/model"
	"racelab/scenarios"
	"racelab/sim"
)

// orderingCost asks what each way to keep the order costs, and whether it keeps
// it.
var orderingCost = Sweep{
	Name:     "ordering-cost",
	Title:    "What order costs after a failure",
	Question: "How much is written, and how late, with each remedy, by the share of records that fail and the keys of a partition?",
	Measured: "One run is an application that hands over one record after the other to one partition, as fast as submit has it; of each so many, one is refused, " +
		"once, with all of its batch and all that is buffered behind it, and handed over again as the remedy says. Throughput is what was offered unless a remedy holds it up, so look at it with submit=1us, where the client is the limit. " +
		"Latency is from the first hand-over of a record to the promise that it is written; with abort-transaction all records are one transaction. sync-callback-reentrant is not there: it hangs. All delays are plausible values, not measured ones.",
	Parameters: []scenarios.Parameter{
		{Name: "records", Help: "records of a run", Default: "1000", Takes: scenarios.Numbers{Min: 10, Max: 100_000}},
		{Name: "per-thousand", Help: "records of 1,000 that fail", Default: "10", Takes: scenarios.Numbers{Min: 0, Max: 1000}},
		{Name: "keys", Help: "keys, which the records have in turn", Default: "100", Takes: scenarios.Numbers{Min: 1, Max: 10_000}},
		{Name: "batch", Help: "records that fill a batch; one that fails fails once for all that are to fail in it", Default: "10", Takes: scenarios.Numbers{Min: 1, Max: 10_000}},
		{Name: "submit", Help: "until the application has its next record", Default: "exp:50us", Takes: scenarios.Delays{}},
		{Name: "promise", Help: "from a failure until the goroutine that calls promises runs", Default: "exp:20us", Takes: scenarios.Delays{}},
		{Name: "latency", Help: "of a message, one way", Default: "lognormal:500us,0.3", Takes: scenarios.Delays{}},
		{Name: "service", Help: "of the broker with a request", Default: "lognormal:200us,0.3", Takes: scenarios.Delays{}},
		{Name: "step", Help: "from one step of a goroutine to its next", Default: "exp:500ns", Takes: scenarios.Delays{}},
	},
	Panels: []Panel{
		{Vary: "per-thousand", Values: []string{"0", "2", "5", "10", "20", "50", "100"}},
		{Vary: "per-thousand", Values: []string{"0", "2", "5", "10", "20", "50", "100"}, With: []string{"submit=1us"}},
		{Vary: "keys", Values: []string{"1", "3", "10", "30", "100", "300"}, Log: true},
	},
	Series:   variants("produce-reorder", "none", "sticky", "pause-partition", "pause-key", "abort-transaction", "dead-letter", "sync-callback", "sticky-misused"),
	Measures: []string{"throughput", "p50", "p99", "reordered", "records"},
	Columns: []Column{
		{"throughput", "records/s", "written, from the first hand-over to the last promise", Median("throughput")},
		{"p50", "ms", "from a record's first hand-over to the promise that it is written: the median of a run", Median("p50")},
		{"p99", "ms", "the same: the 99 % quantile", Median("p99")},
		{"reordered", "per 1,000 records", "records that are written first after a newer one of their key", Odds("reordered", "records", 1000)},
	},
	Figures: []Figure{
		{Kind: Lines, Panels: []string{"per-thousand", "per-thousand submit=1us"}, Columns: []string{"p99", "throughput"}, Log: true, Headline: orderingCostHeadline},
		{Name: "keys", Kind: Lines, Panels: []string{"keys"}, Columns: []string{"reordered", "p99"}, Headline: orderingKeysHeadline},
	},
	Seeds:   10,
	Measure: measureOrderingCost,
}

func measureOrderingCost(variant string, values scenarios.Values, seed uint64) ([]float64, error) {
	records, perThousand := values.Int("records"), values.Int("per-thousand")
	failures, every := records*perThousand/1000, 1
	if failures > 0 {
		every = records / failures
	}
	w := build("produce-reorder", variant, "clock=timed", "producers=1", "records="+strconv.Itoa(records), "keys="+values.Word("keys"),
		"batch="+values.Word("batch"), "failures="+strconv.Itoa(failures), "first="+strconv.Itoa((every+1)/2), "every="+strconv.Itoa(every))
	o := &outcomes{handedOver: make([]sim.Time, records+1), written: make([]sim.Time, records+1)}
	w.Watch(o)
	reordered, err := finishProducing(w, values, seed)
	var latencies []float64
	for r := 1; r <= records; r++ {
		if err == nil && o.written[r] == 0 {
			err = fmt.Errorf("record %d is not written", r)
		}
		latencies = append(latencies, o.written[r].Sub(o.handedOver[r]).Seconds()*1000)
	}
	slices.Sort(latencies)
	quantile := func(p float64) float64 { return stat.Quantile(p, stat.Empirical, latencies, nil) }
	return []float64{float64(records) / slices.Max(o.written).Sub(0).Seconds(), quantile(0.5), quantile(0.99), float64(reordered), float64(records)}, err
}

// outcomes follows each record from its first hand-over to the promise that it is
// written. It is a property that always holds.
type outcomes struct {
	handedOver []sim.Time // by record, from 1
	written    []sim.Time // the last time that a promise says so: what a transaction aborts is written again
}

func (*outcomes) Name() string { return "outcomes" }

func (*outcomes) Watches(o sim.Observation) bool {
	return o.Action == sim.Called && sim.NameOf(o.Message) == "produce" || isPromise(o)
}

// isPromise says whether an act is the call of a promise.
func isPromise(o sim.Observation) bool {
	_, ok := o.Message.(*model.Promised)
	return ok
}

func (x *outcomes) Observe(o sim.Observation) (tested bool, err error) {
	switch message := o.Message.(type) {
	case *model.Submitted:
		if !message.Again {
			x.handedOver[message.Record] = o.At
		}
	case *model.Promised:
		if message.Failed == "" {
			x.written[message.Record] = o.At
		}
	}
	return true, nil
}

// keepOrder are the remedies under which nothing is reordered, without a
// transaction around it.
var keepOrder = []string{"sticky", "sync-callback", "pause-partition", "pause-key", "dead-letter"}

func orderingCostHeadline(r *Result) string {
	least, most := math.Inf(1), 0.0
	for _, series := range keepOrder {
		p99 := r.Cell(r.Row("per-thousand", "10", series), "p99").Value
		least, most = min(least, p99), max(most, p99)
	}
	return fmt.Sprintf("If 1 %% fail p99 goes from %s ms to %s, in order to %s to %s; what can be written at most from %s records a second to %s, in order %s",
		r.at("per-thousand", "0", "none", "p99"), r.at("per-thousand", "10", "none", "p99"), Number(least), Number(most),
		r.at("per-thousand submit=1us", "0", "none", "throughput"), r.at("per-thousand submit=1us", "10", "none", "throughput"),
		r.at("per-thousand submit=1us", "10", "sticky", "throughput"))
}

func orderingKeysHeadline(r *Result) string {
	return fmt.Sprintf("As released %s of 1,000 records are out of order with 1 key a partition, %s with 100; pausing the key alone gains nothing: p99 %s ms, the partition's %s",
		r.at("keys", "1", "none", "reordered"), r.at("keys", "100", "none", "reordered"), r.at("keys", "100", "pause-key", "p99"), r.at("keys", "100", "pause-partition", "p99"))
}
