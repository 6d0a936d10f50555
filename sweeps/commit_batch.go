package sweeps

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"racelab/scenario"
	"racelab/sim"
)

// commitBatch asks what a transaction of several records gains, and what it costs.
var commitBatch = Sweep{
	Name:     "commit-batch",
	Title:    "How many records a transaction",
	Question: "How many records a second are relayed, how long does one take, and what comes again after a crash, with so many records in a transaction?",
	Measured: "One run relays records, which come one after the other. outbox sends up to batch rows, waits for all acknowledgements and marks them in one local transaction. " +
		"transaction is consume-process-produce in a Kafka transaction under TV2: it sends up to batch records, sends the offsets, commits, and is readable when the markers are written. " +
		"A crash repeats what is sent and not marked; in a transaction that is aborted, and done again unseen. Neither loses any: simrun explore outbox/send-first. " +
		"All delays are chosen, none is measured: flush as of a disk with a cache, trip as within a data centre.",
	Panels: []Panel{
		{Vary: "batch", Values: []string{"1", "3", "10", "30", "100", "300", "1000"}, Log: true, With: []string{"every=0s"}},
		{Vary: "batch", Values: []string{"1", "3", "10", "30", "100", "300", "1000"}, Log: true, With: []string{"every=exp:8ms"}},
	},
	Series:   []Series{{"outbox", "a relay that sends, waits, then marks"}, {"transaction", "consume-process-produce in a transaction, TV2"}},
	Measures: []string{"throughput", "p50", "p99", "repeated", "unseen"},
	Columns: []Column{
		{"throughput", "records/s", "of all records, from the first to the last", Median("throughput")},
		{"p50", "ms", "from when a record is there to when it can be read", Median("p50")},
		{"p99", "ms", "from when a record is there to when it can be read", Median("p99")},
		{"repeated", "records", "that readers see again after a crash, on average over all moments of a run", Median("repeated")},
		{"unseen", "records", "that are done again after a crash, and no reader sees twice", Median("unseen")},
	},
	Figures: []Figure{
		{Kind: Lines, Panels: []string{"batch every=0s"}, Columns: []string{"throughput", "repeated"}, Log: true, Headline: commitBatchHeadline},
		{Name: "latency", Kind: Lines, Panels: []string{"batch every=exp:8ms"}, Columns: []string{"p50", "p99"}, Log: true, Headline: commitBatchLatencyHeadline},
	},
	Seeds: 20,
	Model: ModelOf((*batchRun).flags, measureCommitBatch),
}

// batchRun are the parameters.
type batchRun struct {
	records, batch          int
	every, poll, trip, send sim.Delay
	flush, markers          sim.Delay
}

func (p *batchRun) flags(f *scenario.Flags) {
	f.Int(&p.records, "records", 2000, 1, 100_000, "records of a run")
	f.Int(&p.batch, "batch", 100, 1, 10_000, "records a transaction, at most; it does not wait for more")
	f.Delay(&p.every, "every", "exp:8ms", "from one record to the next; 0s: all are there at the start")
	f.Delay(&p.poll, "poll", "200us", "a query of the outbox, or a poll of the input")
	f.Delay(&p.trip, "trip", "lognormal:1ms,0.3", "a request and its answer")
	f.Delay(&p.send, "send", "10us", "what a record adds to its batch's request")
	f.Delay(&p.flush, "flush", "lognormal:2ms,0.3", "until a local transaction is on disk")
	f.Delay(&p.markers, "markers", "lognormal:3ms,0.3", "from the answer of EndTxn until the markers are written")
}

// Points of the two loops. Each takes its time before it.
const (
	pointThere   = "there"   // the next record is
	pointTake    = "take"    // the query, or the poll
	pointAdd     = "add"     // a record to the request
	pointAwait   = "await"   // all acknowledgements
	pointMark    = "mark"    // the local transaction
	pointOffsets = "offsets" // TxnOffsetCommit
	pointEnd     = "end"     // EndTxn
	pointMarkers = "markers" // they are written
)

// batchStep is how far a run is: so many records, in all.
type batchStep struct {
	what string
	n    int
}

func (s *batchStep) Name() string   { return s.what }
func (s *batchStep) String() string { return fmt.Sprint(s.n) }

func measureCommitBatch(series string, p batchRun, seed uint64) ([]float64, error) {
	w := sim.NewWorld()
	var there sim.Atomic[int]
	w.Share("there", &there)
	w.Go("source", func(t *sim.Task) {
		for n := 1; n <= p.records; n++ {
			there.Add(t.At(pointThere), 1)
			t.Return(&batchStep{"there", n})
		}
	})
	w.Go("relay", func(t *sim.Task) {
		for done := 0; done < p.records; {
			n := min(there.Load(t.At(pointTake)), done+p.batch)
			if n > done {
				relayBatch(t, series, done, n)
			}
			done = n
		}
	})
	o := newBatchOutcome(p.records)
	w.Watch(meter(sim.Returned, o.see))
	w.Timed(sim.Timing{Seed: seed, ThinkTimes: []sim.DelayOverride{
		{Of: pointThere, Delay: p.every}, {Of: pointTake, Delay: p.poll}, {Of: pointAdd, Delay: p.send}, {Of: pointAwait, Delay: p.trip},
		{Of: pointMark, Delay: p.flush}, {Of: pointOffsets, Delay: p.trip}, {Of: pointEnd, Delay: p.trip}, {Of: pointMarkers, Delay: p.markers},
	}})
	err := finish(w, seed, func() {})
	return o.measures(series), err
}

// relayBatch relays the records behind done, up to n.
func relayBatch(t *sim.Task, series string, done, n int) {
	for range n - done {
		t.Step(pointAdd)
	}
	t.Return(&batchStep{"sent", n})
	t.Step(pointAwait)
	if series == "outbox" {
		t.Return(&batchStep{"readable", n})
		t.Step(pointMark)
	} else {
		t.Step(pointOffsets)
		t.Step(pointEnd)
		t.Step(pointMarkers)
		t.Return(&batchStep{"readable", n})
	}
	t.Return(&batchStep{"done", n})
}

// batchOutcome follows the records of a run.
type batchOutcome struct {
	there, readable []sim.Time // by record
	sent, done      int
	since           sim.Time // when either last changed
	open            float64  // records that are sent and not done, times the seconds of that
}

func newBatchOutcome(records int) *batchOutcome {
	return &batchOutcome{there: make([]sim.Time, 0, records), readable: make([]sim.Time, 0, records)}
}

func (o *batchOutcome) see(a sim.Act) {
	step, ok := a.Message.(*batchStep)
	if !ok {
		return
	}
	switch step.what {
	case "there":
		o.there = append(o.there, a.At)
		return
	case "readable":
		for len(o.readable) < step.n {
			o.readable = append(o.readable, a.At)
		}
		return
	}
	o.open += float64(o.sent-o.done) * a.At.Sub(o.since).Seconds()
	o.since = a.At
	if step.what == "sent" {
		o.sent = step.n
	} else {
		o.done = step.n
	}
}

func (o *batchOutcome) measures(series string) []float64 {
	var latencies []float64
	for i, at := range o.readable {
		latencies = append(latencies, at.Sub(o.there[i]).Seconds()*1000)
	}
	slices.Sort(latencies)
	quantile := func(p float64) float64 { return stat.Quantile(p, stat.Empirical, latencies, nil) }
	took := o.since.Sub(0).Seconds()
	repeated, unseen := o.open/took, 0.0
	if series == "transaction" {
		repeated, unseen = unseen, repeated
	}
	return []float64{float64(len(o.readable)) / took, quantile(0.5), quantile(0.99), repeated, unseen}
}

func commitBatchHeadline(r *Result) string {
	of := func(series, name string) found { return r.cell("batch every=0s", "100", series, "throughput", name) }
	return "In batches of up to 100, throughput is " + told("", "records/s", "with", of("outbox", "an outbox"), of("transaction", "Kafka transactions"))
}

func commitBatchLatencyHeadline(r *Result) string {
	at := func(batch, of string) found { return r.cell("batch every=exp:8ms", batch, "transaction", "p99", of) }
	return "At 125 records/s the p99 of Kafka transactions is " + told(" ms", "", "", at("1", "one by one"), at("100", "in batches of up to 100"))
}
