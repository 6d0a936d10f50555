package sweeps

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"slices"
	"strconv"
	"time"

	"racelab/model"
	"racelab/model/app"
	"racelab/model/broker"
	"racelab/model/producer/librdkafka"
	"racelab/scenario"
	"racelab/sim"
)

// backoffMeasured takes the windows and gaps of a measured log, and asks what its
// client would have got with another backoff.
var backoffMeasured = Sweep{
	Name:     "backoff-measured",
	Title:    "A measured workload at other backoffs",
	Question: "A librdkafka client took 14 ms a transaction one after the other and 104 ms back to back. How long would it have taken with another retry.backoff.ms?",
	Measured: "One run is 200 transactions of the model of librdkafka 1.5, with windows and gaps drawn from those that were read off the broker's log of 2 x 20 transactions " +
		"(Kafka 2.5 and 2.6, one broker; github.com/Traktormaster/kafka-tr-issue-201011). A round trip to the coordinator takes what EndTxn took there, " +
		"one to the leader what WriteTxnMarkers took, and wire more in each direction, which is plausible for one machine and not measured. " +
		"Nothing is fitted to the periods.",
	Panels:   []Panel{{Vary: "backoff", Values: backoffs, Log: true}},
	Series:   []Series{{"serial", "each transaction waits for its message"}, {"back-to-back", "the next one is begun at once"}},
	Measures: []string{"period", "answers", "transactions"},
	Columns: []Column{
		{"period", "ms", "from commit to commit, the median of a run", Median("period")},
		{"answers", "per transaction", "CONCURRENT_TRANSACTIONS answers", Ratio("answers", "transactions")},
	},
	References: []Reference{
		{Series: "serial", At: "100ms", Column: "period", Value: newLoggedMode("serial").period, With: []string{"linger=5ms"}},
		{Series: "back-to-back", At: "100ms", Column: "period", Value: newLoggedMode("back-to-back").period, With: []string{"linger=5ms"}},
	},
	Figures: []Figure{{Kind: Lines, Columns: []string{"period"}, Log: true, Headline: backoffMeasuredHeadline}},
	Seeds:   30,
	Model:   ModelOf((*loggedRun).flags, measureBackoffMeasured),
}

// loggedTransaction is a transaction as the brokers' log has it, to the
// millisecond. What the first one of a mode lacks is 0.
type loggedTransaction struct {
	mode          string        // "serial"
	window        time.Duration // from PrepareCommit to CompleteCommit
	answers       int           // CONCURRENT_TRANSACTIONS
	gap           time.Duration // from the last EndTxn's answer to the first add's
	period        time.Duration // from commit to commit
	firstAccepted time.Duration // from the first add's answer to that of the first accepted one
	acceptedToEnd time.Duration // from there to EndTxn's answer
	endTxn        time.Duration // the broker's time with EndTxn
	writeMarkers  time.Duration // and with WriteTxnMarkers
}

// transactionsLog was read off the brokers' logs of a public report.
//
// Source: github.com/Traktormaster/kafka-tr-issue-201011; Kafka 2.5 and 2.6, one
// broker, librdkafka 1.5, a record and offsets a transaction.
//
//go:embed data/transactions-kafka-2.x.csv
var transactionsLog []byte

var loggedTransactions = readTransactionsLog(transactionsLog)

func readTransactionsLog(table []byte) []loggedTransaction {
	rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil {
		panic("sweeps: " + err.Error())
	}
	number := func(text string) time.Duration {
		if text == "" {
			return 0
		}
		ms, err := strconv.ParseFloat(text, 64)
		if err != nil {
			panic("sweeps: " + err.Error())
		}
		return time.Duration(ms*1000+0.5) * time.Microsecond
	}
	var logged []loggedTransaction
	for _, row := range rows[1:] {
		answers, err := strconv.Atoi(row[3])
		if err != nil {
			panic("sweeps: " + err.Error())
		}
		logged = append(logged, loggedTransaction{
			mode: row[0], window: number(row[2]), answers: answers, gap: number(row[4]), period: number(row[5]),
			firstAccepted: number(row[6]), acceptedToEnd: number(row[7]), endTxn: number(row[8]), writeMarkers: number(row[9]),
		})
	}
	return logged
}

// loggedMode is what the model takes from the log of a mode.
type loggedMode struct {
	windows      []time.Duration // ascending
	gaps         []time.Duration // ascending
	endTxn       time.Duration   // the median
	writeMarkers time.Duration   // the median
	period       float64         // the median, in ms; no input, but what is to be predicted
}

func newLoggedMode(mode string) loggedMode {
	var m loggedMode
	var ends, writes []time.Duration
	var periods []float64
	for i, l := range loggedTransactions {
		if l.mode != mode {
			continue
		}
		m.windows, ends, writes = append(m.windows, l.window), append(ends, l.endTxn), append(writes, l.writeMarkers)
		if i > 0 && loggedTransactions[i-1].mode == mode {
			m.gaps = append(m.gaps, l.gap)
			periods = append(periods, l.period.Seconds()*1000)
		}
	}
	for _, list := range [][]time.Duration{m.windows, m.gaps, ends, writes} {
		slices.Sort(list)
	}
	m.endTxn, m.writeMarkers = ends[len(ends)/2], writes[len(writes)/2]
	m.period = MedianOf(periods).Value
	return m
}

// pause is the application's part of a gap: without the way of EndTxn's answer,
// that of the add, and the broker's time with it.
func (m loggedMode) pause(gap, wire time.Duration) time.Duration {
	return max(0, gap-m.endTxn-m.coordinatorTrip(wire))
}

// coordinatorTrip is a round trip to the coordinator.
func (m loggedMode) coordinatorTrip(wire time.Duration) time.Duration { return m.endTxn + 2*wire }

// leaderTrip is one to the leader: appending a batch takes what appending a
// marker does.
func (m loggedMode) leaderTrip(wire time.Duration) time.Duration { return m.writeMarkers + 2*wire }

// world is the measured cluster and its client.
func (m loggedMode) world(p loggedRun, transactions int, windows, pauses sim.Delay, seed uint64) *sim.World {
	w := sim.NewWorld()
	addCluster(w, 1, broker.Config{
		Partitions: []model.Partition{0, model.ConsumerOffsets}, Rules: model.Rules{Without: model.Verification},
		MarkerAppend: windows, Draws: sim.NewRandom(seed, "window"),
	})
	client, main := librdkafka.NewTransactions(
		librdkafka.Config{RetryBackoff: p.backoff, Linger: p.linger},
		w.Dial("librdkafka", "coordinator"), w.Dial("librdkafka", leader))
	w.GoProgram("application", app.NewTransactional(client, app.TxnPlan{Transactions: transactions, Records: 1, Partitions: 1, Tries: 1}))
	w.GoProgram("main", main)
	toCoordinator, toLeader := sim.Constant(m.coordinatorTrip(p.wire)/2), sim.Constant(m.leaderTrip(p.wire)/2)
	w.Timed(sim.Timing{
		Seed: seed, Unchecked: true,
		Overrides: []sim.DelayOverride{
			{Of: "librdkafka->coordinator", Delay: toCoordinator}, {Of: "coordinator->librdkafka", Delay: toCoordinator},
			{Of: "librdkafka->" + leader, Delay: toLeader}, {Of: leader + "->librdkafka", Delay: toLeader},
		},
		ThinkTimes: []sim.DelayOverride{{Of: string(app.PointBegin), Delay: pauses}},
	})
	return w
}

// loggedRun are the parameters.
type loggedRun struct {
	backoff, linger, wire time.Duration
}

func (p *loggedRun) flags(f *scenario.Flags) {
	f.Duration(&p.backoff, "backoff", 100*time.Millisecond, "retry.backoff.ms")
	f.Duration(&p.linger, "linger", 5*time.Millisecond, "linger.ms")
	f.Duration(&p.wire, "wire", 100*time.Microsecond, "of a message, besides the broker's time with it")
}

func measureBackoffMeasured(mode string, p loggedRun, seed uint64) ([]float64, error) {
	m := newLoggedMode(mode)
	var pauses []time.Duration
	for _, gap := range m.gaps {
		pauses = append(pauses, m.pause(gap, p.wire))
	}
	w := m.world(p, 200, sim.Empirical(m.windows), sim.Empirical(pauses), seed)
	l := &load{producers: make([]progress, 1)}
	w.Watch(l.on())
	err := finish(w, seed, func() {})
	return []float64{MedianOf(l.periods).Value, float64(l.answers), float64(l.tried)}, err
}

func backoffMeasuredHeadline(r *Result) string {
	at := func(text, of string) found {
		if measured, ok := r.Reference(r.Row("backoff", text, "back-to-back"), "period"); ok {
			of += " (measured: " + Number(measured) + " ms)"
		}
		return r.cell("backoff", text, "back-to-back", "period", of)
	}
	return "Back to back a transaction takes " + told(" ms", "", "at a backoff of", at("100ms", "100 ms"), at("1ms", "1 ms"))
}
