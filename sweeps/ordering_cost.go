package sweeps

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"racelab/model"
	"racelab/scenario"
	"racelab/scenarios/producereorder"
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
	Panels: []Panel{
		{Vary: "per-thousand", Values: []string{"0", "2", "5", "10", "20", "50", "100"}},
		{Vary: "per-thousand", Values: []string{"0", "2", "5", "10", "20", "50", "100"}, With: []string{"submit=1us"}},
		{Vary: "keys", Values: []string{"1", "3", "10", "30", "100", "300"}, Log: true},
	},
	Series:   variants(&producereorder.Scenario, "none", "sticky", "pause-partition", "pause-key", "abort-transaction", "dead-letter", "sync-callback", "sticky-misused"),
	Measures: []string{"throughput", "p50", "p99", "reordered", "records"},
	Columns: []Column{
		{"throughput", "records/s", "written, from the first hand-over to the last promise", Median("throughput")},
		{"p50", "ms", "from a record's first hand-over to the promise that it is written: the median of a run", Median("p50")},
		{"p99", "ms", "from a record's first hand-over to the promise that it is written: the 99 % quantile", Median("p99")},
		{"reordered", "per 1,000 records", "records that are written first after a newer one of their key", Odds("reordered", "records", 1000)},
	},
	Figures: []Figure{
		{Kind: Lines, Panels: []string{"per-thousand", "per-thousand submit=1us"}, Columns: []string{"p99", "throughput"}, Log: true, Headline: orderingCostHeadline},
		{Name: "keys", Kind: Lines, Panels: []string{"keys"}, Columns: []string{"reordered", "p99"}, Headline: orderingKeysHeadline},
	},
	Seeds: 10,
	Model: ModelOf((*orderingRun).flags, measureOrderingCost),
}

// orderingRun are the parameters.
type orderingRun struct {
	records, perThousand, keys, batch int
	pace
}

func (p *orderingRun) flags(f *scenario.Flags) {
	f.Int(&p.records, "records", 1000, 10, 100_000, "records of a run")
	f.Int(&p.perThousand, "per-thousand", 10, 0, 1000, "records of 1,000 that fail")
	f.Int(&p.keys, "keys", 100, 1, 10_000, "of the partition, which its records have in turn")
	f.Int(&p.batch, "batch", 10, 1, 10_000, "records that fill a batch; one that fails fails once for all that are to fail in it")
	f.Delay(&p.submit, "submit", "exp:50us", "until the application has its next record")
	f.Delay(&p.promise, "promise", "exp:20us", "from a failure until the goroutine that calls promises runs")
	f.Delay(&p.latency, "latency", "lognormal:500us,0.3", "of a message, one way")
	f.Delay(&p.service, "service", "lognormal:200us,0.3", "of the broker with a request")
	f.Delay(&p.step, "step", "exp:500ns", "from one step of a goroutine to its next")
}

// failures is how many records of a run fail.
func (p *orderingRun) failures() int { return p.records * p.perThousand / 1000 }

func measureOrderingCost(variant string, p orderingRun, seed uint64) ([]float64, error) {
	records := p.records
	failures, every := p.failures(), 1
	if failures > 0 {
		every = records / failures
	}
	s := producereorder.Scenario.Default()
	s.Timed, s.Producers, s.Records, s.Keys, s.Batch = true, 1, records, p.keys, p.batch
	s.Failures, s.First, s.Every = failures, (every+1)/2, every
	w := producereorder.Scenario.World(variant, s)
	o := &outcomes{handedOver: make([]sim.Time, records+1), written: make([]sim.Time, records+1)}
	w.Watch(meter(sim.Called|sim.Returned, o.see))
	reordered, err := finishProducing(w, p.pace, seed)
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
// written.
type outcomes struct {
	handedOver []sim.Time // by record, from 1
	written    []sim.Time // the last time that a promise says so: what a transaction aborts is written again
}

func (x *outcomes) see(a sim.Act) {
	switch message := a.Message.(type) {
	case *model.Submitted:
		if !message.Again {
			x.handedOver[message.Record] = a.At
		}
	case *model.Promised:
		if message.Failed == "" {
			x.written[message.Record] = a.At
		}
	}
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
	kept := found{Number(least), "in order"}
	if text := Number(most); text != kept.number {
		kept.number += " to " + text
	}
	p := r.Params.(orderingRun)
	p.perThousand = 10
	return fmt.Sprintf("If %s %% of the records fail, p99 is %s", Number(100*float64(p.failures())/float64(p.records)),
		told(" ms", "", "", kept, r.cell("per-thousand", "10", "none", "p99", "out of order"), r.cell("per-thousand", "10", "abort-transaction", "p99", "in transactions")))
}

func orderingKeysHeadline(r *Result) string {
	at := func(keys, of string) found { return r.cell("keys", keys, "none", "reordered", of) }
	return "As released, " + told("", "of 1,000 records are out of order", "with", at("1", "1 key"), at("100", "100 keys"))
}
