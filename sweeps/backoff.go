package sweeps

import "fmt"

// backoffs are half a millisecond to two seconds.
var backoffs = []string{
	"500us", "700us", "1ms", "1.4ms", "2ms", "2.8ms", "4ms", "5.6ms", "8ms", "11ms", "15ms", "20ms", "28ms", "40ms", "56ms", "80ms",
	"100ms", "140ms", "200ms", "280ms", "400ms", "560ms", "800ms", "1.2s", "2s",
}

// loadColumns are made of loadMeasures.
var loadColumns = []Column{
	{"throughput", "commits/s", "committed transactions a second, of all producers", Median("throughput")},
	{"answers", "per transaction", "CONCURRENT_TRANSACTIONS answers", Ratio("answers", "tried")},
	{"load", "requests/s", "requests that the coordinator answers", Ratio("requests", "seconds")},
	{"p50", "ms", "from BeginTxn to CommitTxn's return: the median of a run", Median("p50")},
	{"p99", "ms", "from BeginTxn to CommitTxn's return: the 99 % quantile", Median("p99")},
	{"failed", "% of transactions", "those that run out of retries", Odds("failed", "tried", 100)},
}

// loadMeasured is how numbers of a transactionLoad come about.
const loadMeasured = "One run is the transactions of each producer, one after the other, each of one batch to one partition. " +
	"Nothing takes time but messages, markers, backoffs and records; it is a model's output, and no such curve has been measured. " +
	"window is what most clusters show (2 to 5 ms in the log of sweep backoff-measured), latency and record are plausible. " +
	"The coordinator and the partition's leader are next to each other, and before Kafka 3.6, but for TV2."

// backoff asks the question that has no published answer.
var backoff = Sweep{
	Name:     "backoff",
	Title:    "Throughput against backoff",
	Question: "How many transactions a second does a producer commit that begins the next one at once, by how long it waits after CONCURRENT_TRANSACTIONS?",
	Measured: loadMeasured,
	Panels:   []Panel{{Vary: "backoff", Values: backoffs, Log: true}},
	Series:   policies,
	Measures: loadMeasures,
	Columns:  loadColumns,
	Figures: []Figure{
		{Kind: Lines, Columns: []string{"throughput"}, Log: true, Headline: backoffHeadline},
		{Name: "load", Kind: Lines, Columns: []string{"load", "answers"}, Log: true, Headline: backoffLoadHeadline},
		{Name: "latency", Kind: Lines, Columns: []string{"p50", "p99"}, Log: true, Headline: backoffLatencyHeadline},
	},
	Seeds: 30,
	Model: ModelOf((*TransactionLoad).flags, measureLoad),
}

// backoffRetries asks what Retry.Max is worth, where windows are long now and then.
var backoffRetries = Sweep{
	Name:     "backoff-retries",
	Title:    "Retries that run out",
	Question: "Which share of transactions runs out of retries, by backoff and Retry.Max, and what load do they put on the coordinator?",
	Measured: loadMeasured + " One window in fifty takes 300 ms, all else 3. Producer.Retry.Max is 1, the least that a transactional producer may have, so a budget that is spent is granted once more, 100 ms later, but not if the record before spent one too; in the second row it is 3, the default.",
	Panels: []Panel{
		{Vary: "backoff", Values: coarse, Log: true},
		{Vary: "backoff", Values: []string{"500us", "1ms", "4ms", "15ms", "20ms", "100ms"}, Log: true, With: []string{"producer-max=3"}},
		{Vary: "max", Values: []string{"1", "2", "3", "5", "10", "20", "50", "100", "200", "500"}, Log: true, With: []string{"backoff=5ms"}},
	},
	Series:   somePolicies("fixed", "sarama", "exp-full-jitter", "exp-jitter-20", "decorrelated"),
	Measures: loadMeasures,
	Columns:  loadColumns,
	Figures:  []Figure{{Kind: Lines, Columns: []string{"failed", "load"}, Headline: backoffRetriesHeadline}},
	Seeds:    20,
	Model:    ModelOf((*TransactionLoad).flags, measureLoad, "window=bimodal:3ms,300ms,0.02", "producer-max=1", "max=10", "transactions=200"),
}

// backoffWindows is the same for three lengths of the window, and for windows that
// are not all alike.
var backoffWindows = Sweep{
	Name:     "backoff-windows",
	Title:    "Throughput against backoff, by the window",
	Question: "What does the length of the window change, and that it varies?",
	Measured: loadMeasured + " The windows of the second row have a mean of 10 ms.",
	Panels: []Panel{
		{Vary: "backoff", Values: coarse, Log: true, With: []string{"window=2ms"}},
		{Vary: "backoff", Values: coarse, Log: true, With: []string{"window=10ms"}},
		{Vary: "backoff", Values: coarse, Log: true, With: []string{"window=50ms"}},
		{Vary: "backoff", Values: coarse, Log: true, With: []string{"window=lognormal:8.82ms,0.5"}},
		{Vary: "backoff", Values: coarse, Log: true, With: []string{"window=bimodal:2ms,82ms,0.1"}},
		{Vary: "backoff", Values: coarse, Log: true, With: []string{"window=exp:10ms"}},
	},
	Series:   somePolicies("fixed", "sarama", "exp-full-jitter", "tv2"),
	Measures: loadMeasures,
	Columns:  loadColumns,
	Figures:  []Figure{{Kind: Lines, Columns: []string{"throughput"}, Log: true, Headline: backoffWindowsHeadline}},
	Seeds:    10,
	Model:    ModelOf((*TransactionLoad).flags, measureLoad),
}

// coarse are backoffs for figures of many panels.
var coarse = []string{"500us", "1ms", "2ms", "4ms", "8ms", "15ms", "20ms", "40ms", "100ms", "200ms", "500ms", "1s", "2s"}

// backoffProducers is the same for many producers on one coordinator.
var backoffProducers = Sweep{
	Name:     "backoff-producers",
	Title:    "Many producers on one coordinator",
	Question: "What do producers cost each other, whose markers queue behind one another?",
	Measured: loadMeasured,
	Panels: []Panel{
		{Vary: "producers", Values: []string{"1", "2", "4", "8", "16", "32", "64"}, Log: true, With: []string{"backoff=1ms"}},
		{Vary: "producers", Values: []string{"1", "2", "4", "8", "16", "32", "64"}, Log: true, With: []string{"backoff=20ms"}},
	},
	Series:   somePolicies("fixed", "exp-full-jitter", "decorrelated", "tv2"),
	Measures: loadMeasures,
	Columns:  loadColumns,
	Figures:  []Figure{{Kind: Lines, Columns: []string{"throughput", "load", "p99"}, Log: true, Headline: backoffProducersHeadline}},
	Seeds:    10,
	Model:    ModelOf((*TransactionLoad).flags, measureLoad, "transactions=100"),
}

// transactionPause asks what an application gains that waits by itself.
var transactionPause = Sweep{
	Name:     "transaction-pause",
	Title:    "A pause between transactions",
	Question: "What does it cost, or gain, to wait before the next transaction?",
	Measured: loadMeasured,
	Panels: []Panel{
		{Vary: "gap", Values: []string{"0s", "1ms", "2ms", "3ms", "4ms", "5ms", "6ms", "8ms", "10ms", "15ms", "20ms", "25ms"}},
		{Vary: "gap", Values: []string{"0s", "1ms", "2ms", "3ms", "4ms", "5ms", "6ms", "8ms", "10ms", "15ms", "20ms", "25ms"}, With: []string{"backoff=1ms"}},
	},
	Series:   somePolicies("sarama", "fixed", "tv2"),
	Measures: loadMeasures,
	Columns:  loadColumns,
	Figures:  []Figure{{Kind: Lines, Columns: []string{"throughput", "answers"}, Headline: transactionPauseHeadline}},
	Seeds:    10,
	Model:    ModelOf((*TransactionLoad).flags, measureLoad),
}

// transactionSize asks where a transaction stops costing.
var transactionSize = Sweep{
	Name:     "transaction-size",
	Title:    "What a transaction costs, by its records",
	Question: "What share of the throughput without transactions is left, by the records of a transaction?",
	Measured: loadMeasured,
	Panels: []Panel{
		{Vary: "records", Values: []string{"1", "3", "10", "30", "100", "300", "1000", "3000", "10000", "30000", "100000"}, Log: true},
		{Vary: "records", Values: []string{"1", "3", "10", "30", "100", "300", "1000", "3000", "10000", "30000", "100000"}, Log: true, With: []string{"backoff=2ms"}},
	},
	Series:   somePolicies("fixed", "sarama", "tv2"),
	Measures: append([]string{"share"}, loadMeasures...),
	Columns: append([]Column{
		{"share", "%", "of the records a second that are written without transactions", Median("share")},
	}, loadColumns...),
	Figures: []Figure{{Kind: Lines, Columns: []string{"share"}, Headline: transactionSizeHeadline}},
	Seeds:   10,
	Model: ModelOf((*TransactionLoad).flags, func(policy string, l TransactionLoad, seed uint64) ([]float64, error) {
		measures, err := measureLoad(policy, l, seed)
		return append([]float64{100 * measures[0] * float64(l.Records) * l.Record.Seconds()}, measures...), err
	}, "transactions=100"),
}

// somePolicies are those of the policies that have these names.
func somePolicies(names ...string) []Series {
	var some []Series
	for _, name := range names {
		for _, p := range policies {
			if p.Name == name {
				some = append(some, p)
			}
		}
	}
	return some
}

func backoffHeadline(r *Result) string {
	at := func(text, of string) found { return r.cell("backoff", text, "sarama", "throughput", of) }
	return "Sarama commits " + told("", "transactions/s", "with a Backoff of", at("1ms", "1 ms"), at("20ms", "20 ms"), at("100ms", "100 ms"))
}

func backoffLoadHeadline(r *Result) string {
	at := func(text, of string) found { return r.cell("backoff", text, "fixed", "load", of) }
	return "The coordinator answers " + told("", "requests/s", "at a backoff of", at("1ms", "1 ms"), at("20ms", "20 ms"))
}

func backoffLatencyHeadline(r *Result) string {
	at := func(text, series, of string) found { return r.cell("backoff", text, series, "p99", of) }
	return "99 % of the commits take up to " + told(" ms", "", "at a backoff of",
		at("1ms", "fixed", "1 ms"), at("20ms", "fixed", "20 ms"), at("20ms", "exp-full-jitter", "full jitter from 20 ms"))
}

func backoffRetriesHeadline(r *Result) string {
	at := func(text, of string) found { return r.cell("backoff", text, "sarama", "failed", of) }
	return fmt.Sprintf("With a Transaction.Retry.Max of %d Sarama loses %s", r.Params.(TransactionLoad).Max,
		told(" %", "of the transactions", "at a backoff of", at("1ms", "1 ms"), at("15ms", "15 ms"), at("20ms", "20 ms")))
}

func backoffWindowsHeadline(r *Result) string {
	with := func(window, of string) found {
		cell := func(backoff string) float64 {
			return r.Cell(r.Row("backoff window="+window, backoff, "fixed"), "throughput").Value
		}
		return found{Number(cell("1ms") / cell("20ms")), of}
	}
	return "A backoff of 1 ms commits " + told(" times", "as much as one of 20 ms", "with windows of", with("2ms", "2 ms"), with("10ms", "10 ms"), with("50ms", "50 ms"))
}

func backoffProducersHeadline(r *Result) string {
	at := func(backoff, of string) found {
		cell := func(producers string) float64 {
			return r.Cell(r.Row("producers backoff="+backoff, producers, "fixed"), "throughput").Value
		}
		return found{Number(cell("64") / cell("1")), of}
	}
	return "64 producers commit " + told(" times", "as much as one", "at a backoff of", at("1ms", "1 ms"), at("20ms", "20 ms"))
}

func transactionPauseHeadline(r *Result) string {
	most := best(r, "gap", "sarama", func(row Row) float64 { return r.Cell(row, "throughput").Value })
	says := fmt.Sprintf("At a Backoff of %s Sarama commits ", spaced(r.Params.(TransactionLoad).Backoff))
	numbers := []found{r.cell("gap", "0s", "sarama", "throughput", "without a pause")}
	if at := r.cell("gap", most.Text, "sarama", "throughput", "with one of "+r.Sweep.AxisText(most)); at.number != numbers[0].number {
		return says + told("", "transactions/s", "", append(numbers, at)...)
	}
	return says + told("", "transactions/s", "", numbers...) + ", and with none more"
}

// best is the point of a series with the largest value.
func best(r *Result, panel, series string, value func(Row) float64) Row {
	var most Row
	for _, row := range r.Rows {
		if row.Panel.Name() == panel && row.Series.Name == series && (most.Cells == nil || value(row) > value(most)) {
			most = row
		}
	}
	return most
}

func transactionSizeHeadline(r *Result) string {
	return "Transactions of 10,000 records leave " + told(" %", "of the throughput", "at a backoff of",
		r.cell("records", "10000", "fixed", "share", spaced(r.Params.(TransactionLoad).Backoff)), r.cell("records backoff=2ms", "10000", "fixed", "share", "2 ms"))
}
