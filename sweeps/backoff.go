package sweeps

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
	{"p99", "ms", "the same: the 99 % quantile", Median("p99")},
	{"failed", "% of transactions", "those that run out of retries", Odds("failed", "tried", 100)},
}

// backoff asks the question that has no published answer.
var backoff = Sweep{
	Name:     "backoff",
	Title:    "Throughput against backoff",
	Question: "How many transactions a second does a producer commit that begins the next one at once, by how long it waits after CONCURRENT_TRANSACTIONS?",
	Measured: "One run is a producer's transactions, one after the other, each of one batch to one partition. " +
		"Nothing takes time but messages, markers, backoffs and batches. It is model output: no such curve has been measured.",
	Parameters: transactionLoad,
	Panels:     []Panel{{Vary: "backoff", Values: backoffs, Log: true}},
	Series:     policies,
	Measures:   loadMeasures,
	Columns:    loadColumns,
	Figures: []Figure{
		{Kind: Lines, Columns: []string{"throughput"}, Headline: backoffHeadline},
		{Name: "load", Kind: Lines, Columns: []string{"load", "failed"}, Headline: backoffLoadHeadline},
		{Name: "latency", Kind: Lines, Columns: []string{"p50", "p99"}, Headline: backoffLatencyHeadline},
	},
	Seeds:   30,
	Measure: measureLoad,
}

// best is the point of a series with the largest value of a column.
func best(r *Result, panel, series, column string) Row {
	var most Row
	for _, row := range r.Rows {
		if row.Panel.Name() == panel && row.Series.Name == series && (most.Cells == nil || r.Cell(row, column).Value > r.Cell(most, column).Value) {
			most = row
		}
	}
	return most
}
func backoffHeadline(r *Result) string        { return "TODO" }
func backoffLoadHeadline(r *Result) string    { return "TODO" }
func backoffLatencyHeadline(r *Result) string { return "TODO" }
