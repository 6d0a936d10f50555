package advise

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"racelab/sim"
)

// ms are the windows in milliseconds.
func ms(w *Windows) string {
	var all []string
	for _, d := range w.samples {
		all = append(all, fmt.Sprint(float64(d)/float64(time.Millisecond)))
	}
	return strings.Join(all, " ")
}

func TestReadWindows(t *testing.T) {
	long := strings.Repeat("9", maxLine+5)
	for _, test := range []struct{ name, text, want, err string }{
		{"plain", "3\n2.5\n0\n", "0 2.5 3", ""},
		{"header, CRLF, no newline at the end", "window_ms\r\n3\r\n2", "2 3", ""},
		{"header in quotes, numbers too", "\"window (ms)\"\n\"3\"\n\" 2\"\n", "2 3", ""},
		{"byte order mark, blank lines", "\ufeff3\n\n 2 \n\n", "2 3", ""},
		{"exponents and signs", "+1e1\n25E-1\n.5\n", "0.5 2.5 10", ""},

		{"negative", "3\n-2\n", "", "f.csv, line 2: has a window of -2 ms; want none below 0"},
		{"words", "3\nabc\n", "", `f.csv, line 2: has "abc" where a number belongs`},
		{"second header", "window\nwindow\n", "", `f.csv, line 2: has "window" where a number belongs`},
		{"one unit", "3\n4\n2ms\n", "", `f.csv, line 3: has a unit in "2ms"; want plain numbers, and their unit by --unit`},
		{"unit in the first line", "0.003 s\n", "", `f.csv, line 1: has a unit in "0.003 s"; want plain numbers, and their unit by --unit`},
		{"microseconds", "3\n7µs\n", "", `f.csv, line 2: has a unit in "7µs"; want plain numbers, and their unit by --unit`},
		{"header in minutes", "Window (Min)\n3000\n", "", `f.csv, line 1: has a header, "Window (Min)", that says min; want ms, s, us or ns`},
		{"milliseconds that are seconds", "0.002\n0.003\n0.004\n", "", "f.csv: in milliseconds half of the windows last 3µs or less, as in no cluster; are these milliseconds? say --unit ms if they are, or --unit s, us or ns"},
		{"milliseconds that are microseconds", "2000\n3000\n4000\n", "", "f.csv: in milliseconds half of the windows last 3s or less, as in no cluster; are these milliseconds? say --unit ms if they are, or --unit s, us or ns"},
		{"not a number", "NaN\n3\n", "", `f.csv, line 1: has "NaN" where a number belongs`},
		{"infinite", "3\n+Inf\n", "", `f.csv, line 2: has "+Inf" where a number belongs`},
		{"beyond any number", "1e999\n", "", `f.csv, line 1: has "1e999" where a number belongs`},
		{"hexadecimal", "3\n0x1p4\n", "", `f.csv, line 2: has "0x1p4" where a number belongs`},
		{"underscores", "1_000\n", "", `f.csv, line 1: has "1_000" where a number belongs`},
		{"two columns", "3\n3,2\n", "", `f.csv, line 2: has several columns in "3,2"; want one`},
		{"two headers", "mode;window\n", "", `f.csv, line 1: has several columns in "mode;window"; want one`},
		{"two hours", "7200001\n", "", `f.csv, line 1: has a window of 7.2e+06 ms; want at most 3600000, which is 1h0m0s`},
		{"long line", "3\n" + long + "\n2\n", "", "f.csv, line 2: is longer than 64 KiB; want a number"},
		{"long last line", long, "", "f.csv, line 1: is longer than 64 KiB; want a number"},
		{"too many", strings.Repeat("3\n", maxWindows+1), "", "f.csv, line 1000001: is window 1000001; want at most 1000000"},
		{"text of one line", strings.Repeat("a", 100) + "\n3x\n", "", `f.csv, line 2: has a unit in "3x"; want plain numbers, and their unit by --unit`},
	} {
		w := &Windows{Source: "f.csv"}
		err := w.readColumn(strings.NewReader(test.text), "")
		slices.Sort(w.samples)
		switch {
		case test.err == "" && err != nil, test.err != "" && (err == nil || err.Error() != test.err):
			t.Errorf("%s: error %v, want %q", test.name, err, test.err)
		case err == nil && ms(w) != test.want:
			t.Errorf("%s: windows %s, want %s", test.name, ms(w), test.want)
		}
	}
}

// Goal: a file is told by its content, and its unit is what the flag says or the
// header does; what is too little or too long is refused.
func TestRead(t *testing.T) {
	column := strings.Repeat("3\n", leastWindows)
	log := ""
	for i := range leastWindows {
		log += at(fmt.Sprintf("10:55:%02d,349", i), "a", "Ongoing", "PrepareCommit") + at(fmt.Sprintf("10:55:%02d,352", i), "a", "PrepareCommit", "CompleteCommit")
	}
	retry := func(attempts ...int) (lines string) {
		for _, left := range attempts {
			lines += fmt.Sprintf("2024/03/02 14:01:07 [sarama] txnmgr/add-partition-to-txn retrying after 20ms... (%d attempts remaining) "+
				"(kafka server: The producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing)\n[sarama] state change to [open]\n", left)
		}
		return lines
	}
	for _, test := range []struct {
		name, text, unit string
		want             time.Duration // of the median
		err              string
	}{
		{"a column", column, "", 3 * time.Millisecond, ""},
		{"a log", log, "", 3 * time.Millisecond, ""},
		{"a log in JSON", strings.ReplaceAll(log, "[2020", `{"level":"DEBUG","time":"[2020`), "", 3 * time.Millisecond, ""},
		{"a producer's log", strings.Repeat(retry(49, 48, 47), leastWindows), "", 50 * time.Millisecond, ""},
		{"a producer's log of single refusals", strings.Repeat(retry(49), leastWindows), "", 10 * time.Millisecond, ""},
		{"a producer's log with a second budget", strings.Repeat(retry(1, 0, 1), leastWindows), "", 50 * time.Millisecond, ""},
		{"a producer's log of other retries", strings.ReplaceAll(retry(49), "while another", "and"), "", 0, "f has no retry for CONCURRENT_TRANSACTIONS; want lines of Sarama such as " +
			"txnmgr/add-partition-to-txn retrying after 20ms... (49 attempts remaining) (kafka server: The producer attempted to update a transaction while another"},
		{"too few in a producer's log", retry(49, 48), "", 0, "f has 1 of the at least 20 windows without which advice is a guess"},
		{"seconds", column, "s", 3 * time.Second, ""},
		{"nanoseconds", column, "ns", 3, ""},
		{"milliseconds that no cluster has", strings.ReplaceAll(column, "3", "0.003"), "ms", 3 * time.Microsecond, ""},
		{"a header in microseconds", "window_us\n" + column, "", 3 * time.Microsecond, ""},
		{"a header in seconds", "Window (Seconds)\n" + column, "s", 3 * time.Second, ""},

		{"two units", "Window (Seconds)\n" + column, "ms", 0, `f, line 1: has a header, "Window (Seconds)", that says seconds, not ms`},
		{"a unit for a log", log, "ms", 0, "f is a log, whose times have their unit; want no --unit"},
		{"no unit", column, "h", 0, `there is no unit "h"; there is ms, s, us, ns`},
		{"nothing", "", "", 0, "f has no window; want one column of numbers, or a broker's log"},
		{"a header alone", "window\n", "", 0, "f has no window; want one column of numbers, or a broker's log"},
		{"too few", column[2:], "", 0, "f has 19 of the at least 20 windows without which advice is a guess"},
		{"too few in a log", log[:len(log)/2], "", 0, "f has 10 of the at least 20 windows without which advice is a guess"},
		{"too long", strings.ReplaceAll(column, "3", "15"), "s", 0, "f: the windows are 15s on average; beyond 10s no backoff helps, the transactions hang"},
	} {
		w, err := Read(strings.NewReader(test.text), "f", test.unit)
		switch {
		case test.err == "" && err != nil, test.err != "" && (err == nil || err.Error() != test.err):
			t.Errorf("%s: error %v, want %q", test.name, err, test.err)
		case err == nil && w.Quantile(0.5) != test.want:
			t.Errorf("%s: the median is %v, want %v", test.name, w.Quantile(0.5), test.want)
		}
	}
	gone := errors.New("gone")
	if _, err := Read(iotest.ErrReader(gone), "f", ""); !errors.Is(err, gone) {
		t.Errorf("a file that cannot be read: %v, want %v", err, gone)
	}
}

// at is a line of a broker's log, as Kafka 2.5 writes it.
func at(clock, id, from, to string) string {
	return fmt.Sprintf("[2020-10-15 %s] DEBUG TransactionalId %s complete transition from %s to TxnTransitMetadata(producerId=0, lastProducerId=0, producerEpoch=3, "+
		"lastProducerEpoch=-1, txnTimeoutMs=60000, txnState=%s, topicPartitions=Set(__consumer_offsets-26, out-0), txnStartTimestamp=1602759347267, "+
		"txnLastUpdateTimestamp=1602759347348) (kafka.coordinator.transaction.TransactionMetadata)\n", clock, id, from, to)
}

// in40 is one of Java's record TxnTransitMetadata.
func in40(clock, id, from, to string) string {
	return fmt.Sprintf("[2026-10-15 %s] DEBUG TransactionalId %s complete transition from %s to TxnTransitMetadata[producerId=0, prevProducerId=0, nextProducerId=-1, "+
		"producerEpoch=4, lastProducerEpoch=3, txnTimeoutMs=60000, txnState=%s, topicPartitions=[out-0], txnStartTimestamp=1, txnLastUpdateTimestamp=2, "+
		"clientTransactionVersion=TV_2] (org.apache.kafka.coordinator.transaction.TransactionMetadata)\n", clock, id, from, to)
}

func TestReadBrokerLog(t *testing.T) {
	// The lines of a real log that are between the two; none is to be counted.
	const prepares = "[2020-10-15 10:55:47,348] DEBUG TransactionalId a prepare transition from Ongoing to TxnTransitMetadata(producerId=0, txnState=PrepareCommit, topicPartitions=Set()) (kafka.coordinator.transaction.TransactionMetadata)\n" +
		"[2020-10-15 10:55:47,349] DEBUG [Transaction State Manager 1001]: Updating a's transaction state to TxnTransitMetadata(producerId=0, txnState=PrepareCommit, topicPartitions=Set()) with coordinator epoch 0 for a succeeded (kafka.coordinator.transaction.TransactionStateManager)\n" +
		"[2020-10-15 10:55:47,349] DEBUG [TransactionCoordinator id=1001] Returning CONCURRENT_TRANSACTIONS error code to client for a's AddPartitions request (kafka.coordinator.transaction.TransactionCoordinator)\n"
	one := at("10:55:47,349", "a", "Ongoing", "PrepareCommit") + at("10:55:47,351", "a", "PrepareCommit", "CompleteCommit")
	for _, test := range []struct {
		name, text, want string
		unpaired         int
		err              string
	}{
		{"one", one, "2", 0, ""},
		{"all that is logged", prepares + at("10:55:47,267", "a", "CompleteCommit", "Ongoing") + at("10:55:47,349", "a", "Ongoing", "PrepareCommit") + prepares +
			at("10:55:47,351", "a", "PrepareCommit", "CompleteCommit") + "PARALLEL log\n\n" + prepares, "2", 0, ""},
		{"an abort", at("10:55:47,349", "a", "Ongoing", "PrepareAbort") + at("10:55:48,349", "a", "PrepareAbort", "CompleteAbort"), "1000", 0, ""},
		{"in Java", in40("10:55:47,349", "a", "ONGOING", "PREPARE_COMMIT") + in40("10:55:47,352", "a", "PREPARE_COMMIT", "COMPLETE_COMMIT"), "3", 0, ""},
		{"interleaved", at("10:55:47,100", "a", "Ongoing", "PrepareCommit") + at("10:55:47,101", "b c", "Ongoing", "PrepareCommit") +
			at("10:55:47,105", "a", "PrepareCommit", "CompleteCommit") + at("10:55:47,108", "b c", "PrepareCommit", "CompleteCommit"), "5 7", 0, ""},
		{"over midnight", strings.Replace(one, "2020-10-15 10:55:47,349", "2020-10-14 23:59:59,999", 1), "39347352", 0, "x.log, line 2: has a window of 3.93474e+07 ms; want at most 3600000, which is 1h0m0s"},
		{"several epochs", one + strings.ReplaceAll(at("10:55:47,400", "a", "Ongoing", "PrepareCommit")+at("10:55:47,404", "a", "PrepareCommit", "CompleteCommit"), "producerEpoch=3", "producerEpoch=4"), "2 4", 0, ""},
		{"from a collector", "kafka-0 | " + strings.ReplaceAll(strings.TrimSuffix(one, "\n"), "\n", "\n[pod/kafka-0] ") + "\r\n", "2", 0, ""},
		{"ends missing", at("10:55:47,000", "a", "PrepareCommit", "CompleteCommit") + one + at("10:55:47,400", "b", "Ongoing", "PrepareCommit"), "2", 2, ""},
		{"prepared twice", at("10:55:47,000", "a", "Ongoing", "PrepareCommit") + one, "2", 1, ""},
		{"cut in a line", one + at("10:55:47,400", "a", "Ongoing", "PrepareCommit")[:150], "2", 0, ""},
		{"long line", strings.Replace(one, "out-0", strings.Repeat("out-0, ", maxLine/4), 1), "2", 0, ""},
		{"Strimzi, log4j's ISO8601", strings.NewReplacer("[", "", "] DEBUG", " DEBUG").Replace(one), "2", 0, ""},
		{"ISO 8601 in microseconds, with zones", strings.NewReplacer("[2020-10-15 10:55:47,349]", "2020-10-15T10:55:47.349250Z", "[2020-10-15 10:55:47,351]", "2020-10-15T12:55:47.351+02:00").Replace(one), "1.75", 0, ""},
		{"JSON, the time behind", strings.NewReplacer("[2020-10-15 10:55:47,349] DEBUG ", `{"message":"`, "[2020-10-15 10:55:47,351] DEBUG ", `{"message":"`).Replace(
			strings.Replace(strings.Replace(one, "\n", `","@timestamp":"2020-10-15T10:55:47.349Z"}`+"\n", 1), "TransactionMetadata)\n", `","@timestamp":"2020-10-15T10:55:47.3515Z"}`+"\n", 1)), "2.5", 0, ""},
		{"JSON, log4j's instant", strings.NewReplacer("[2020-10-15 10:55:47,349]", `{"instant":{"epochSecond":1602759347,"nanoOfSecond":349000000},"message":"`,
			"[2020-10-15 10:55:47,351]", `{"instant":{"epochSecond":1602759347,"nanoOfSecond":351000000},"message":"`).Replace(one), "2", 0, ""},
		{"JSON, timeMillis", strings.NewReplacer("[2020-10-15 10:55:47,349]", `{"timeMillis":1602759347349,"message":"`, "[2020-10-15 10:55:47,351]", `{"timeMillis":1602759347353,"message":"`).Replace(one), "4", 0, ""},

		{"empty", "", "", 0, "x.log has no transaction from Prepare to Complete; want " + brokerLogLines},
		{"at INFO", prepares + "[2020-10-15 10:55:47,348] INFO Ready\n", "", 0, "x.log has no transaction from Prepare to Complete; want " + brokerLogLines},
		{"not one pair", at("10:55:47,349", "a", "Ongoing", "PrepareCommit") + at("10:55:47,351", "b", "PrepareCommit", "CompleteCommit"), "", 0, "x.log has no transaction from Prepare to Complete; want " + brokerLogLines},
		{"clock goes back", strings.Replace(one, "10:55:47,351", "10:55:47,340", 1), "", 0, `x.log, line 2: completes "a" 9ms before it was prepared; did the clock go back?`},
		{"other time", strings.Replace(one, "[2020-10-15 10:55:47,351]", "[15/Oct/2020]", 1), "", 0, `x.log, line 2: has no time such as [2020-10-15 10:55:47,349] in "[15/Oct/2020] DEBUG "`},
		{"no time", strings.Replace(one, "[2020-10-15 10:55:47,349] ", "", 1), "", 0, `x.log, line 1: has no time such as [2020-10-15 10:55:47,349] in "DEBUG "`},
		{"whole seconds", strings.ReplaceAll(one, ",349]", "]"), "", 0, `x.log, line 1: has a time without milliseconds, "2020-10-15 10:55:47"; want them, as %d{ISO8601} of log4j has them`},
		{"no such time", strings.Replace(one, "10:55:47,349", "30:55:47,349", 1), "", 0, `x.log, line 1: has "2020-10-15 30:55:47,349" where a time belongs`},
	} {
		w := &Windows{Source: "x.log"}
		err := w.readBrokerLog(strings.NewReader(test.text))
		slices.Sort(w.samples)
		switch {
		case test.err == "" && err != nil, test.err != "" && (err == nil || err.Error() != test.err):
			t.Errorf("%s: error %v, want %q", test.name, err, test.err)
		case err == nil && (ms(w) != test.want || w.Unpaired != test.unpaired):
			t.Errorf("%s: windows %s and %d unpaired, want %s and %d", test.name, ms(w), w.Unpaired, test.want, test.unpaired)
		}
	}
}

// Goal: no input panics, and what is refused is told in one line.
func TestNoInputPanics(t *testing.T) {
	pieces := []string{"3", "2.5\n", "-1", "ms", "\n", ",", "\"", "e9", "NaN", "\ufeff", "\x00", "window", "[", "]", "TransactionalId ", " complete transition from ", " to TxnTransitMetadata",
		"txnState=", "PrepareCommit,", "COMPLETE_COMMIT]", "[2020-10-15 10:55:47,349]", at("10:55:47,349", "a", "Ongoing", "PrepareCommit"), at("10:55:47,351", "a", "PrepareCommit", "CompleteCommit"),
		"exp:", "lognormal:", "bimodal:", "empirical:", "uniform:", "3ms", "1h", "0.5", "1e-9"}
	rapid.Check(t, func(rt *rapid.T) {
		var text strings.Builder
		for _, piece := range rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.String(), rapid.StringN(0, 3, 9)), 0, 8).Draw(rt, "pieces") {
			text.WriteString(piece)
		}
		for name, read := range map[string]func() (*Windows, error){
			"Read": func() (*Windows, error) {
				return Read(strings.NewReader(strings.Repeat(text.String()+"\n", leastWindows)), "f", "")
			},
			"WindowsOf": func() (*Windows, error) { return WindowsOf(text.String()) },
		} {
			w, err := read()
			switch {
			case err != nil && (strings.Contains(err.Error(), "\n") || len(err.Error()) > 1200):
				rt.Fatalf("%s(%q): error %q, want one short line", name, text.String(), err)
			case err == nil && (w.Count() == 0 || w.Quantile(0) < 0 || w.Quantile(1) > 1000*time.Hour):
				rt.Fatalf("%s(%q): %d windows from %v to %v", name, text.String(), w.Count(), w.Quantile(0), w.Quantile(1))
			case err == nil:
				if d := drawn(w, 1, 1)[0]; d < 0 || d > 1250*time.Hour {
					rt.Fatalf("%s(%q): another cluster has a window of %v", name, text.String(), d)
				}
			}
		}
	})
}

// Goal: what was written is read, whatever the numbers are.
func TestWindowsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 9_000_000), func(us int) time.Duration { return time.Duration(us) * time.Microsecond }), leastWindows, 50).Draw(rt, "windows")
		var csv strings.Builder
		if rapid.Bool().Draw(rt, "header") {
			csv.WriteString("window (ms)\n")
		}
		for _, d := range want {
			fmt.Fprintf(&csv, "%v\n", float64(d)/float64(time.Millisecond))
		}
		w, err := Read(strings.NewReader(csv.String()), "f", "ms")
		if slices.Sort(want); err != nil || !slices.Equal(w.samples, want) {
			rt.Fatalf("%q: %v, %v, want %v", csv.String(), w, err, want)
		}
	})
}

func TestQuantiles(t *testing.T) {
	w := column(t, "1\n2\n3\n4\n")
	for p, want := range map[float64]time.Duration{0: 1, 0.49: 2, 0.5: 3, 0.99: 4, 1: 4} {
		if got := w.Quantile(p); got != want*time.Millisecond {
			t.Errorf("the %g quantile of 1 to 4 ms is %v, want %d ms", p, got, want)
		}
	}
	for d, want := range map[time.Duration]float64{0: 1, 2: 0.5, 3: 0.25, 4: 0} {
		if got := w.Longer(d * time.Millisecond); got != want {
			t.Errorf("a share of %g is longer than %d ms, want %g", got, d, want)
		}
	}
	if got := w.Mean(); got != 2500*time.Microsecond {
		t.Errorf("the mean of 1 to 4 ms is %v, want 2.5 ms", got)
	}
}

// column are measured windows of so many milliseconds, each often enough.
func column(t *testing.T, text string) *Windows {
	t.Helper()
	w, err := Read(strings.NewReader(strings.Repeat(text, leastWindows)), "f", "ms")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// drawn are some windows of another cluster.
func drawn(w *Windows, seed uint64, n int) []time.Duration {
	delay, draws := w.another(seed), sim.NewRandom(seed, "test")
	var windows []time.Duration
	for range n {
		windows = append(windows, delay.Draw(&draws))
	}
	return windows
}

// Goal: other clusters are like the one that was measured: drawn from its windows,
// all of them stretched alike, by factors that lie evenly on both sides.
func TestAnotherCluster(t *testing.T) {
	measured, whole := column(t, "1.5\n3\n6\n12\n"), column(t, "0\n10\n")
	four, err := WindowsOf("4ms")
	if err != nil {
		t.Fatal(err)
	}
	var factors, ratios, cut []float64
	distinct := map[string]bool{}
	for seed := uint64(1); seed <= 100; seed++ {
		window := measured.another(seed).String()
		if again := measured.another(seed).String(); window != again {
			t.Fatalf("seed %d: windows %q, then %q", seed, window, again)
		}
		distinct[window] = true
		factor := drawn(four, seed, 1)[0].Seconds() / 0.004
		factors = append(factors, factor)
		for _, d := range drawn(measured, seed, 4) {
			// A power of two times 1.5 ms, stretched by the factor of this seed.
			ratio := math.Log2(d.Seconds() * 1000 / factor / 1.5)
			ratios = append(ratios, ratio)
			if math.Abs(ratio-math.Round(ratio)) > 0.01 || ratio < -0.1 || ratio > 3.1 {
				t.Fatalf("seed %d: a window of %v is none of 1.5, 3, 6, 12 ms times %g", seed, d, factor)
			}
		}
	}
	for seed := uint64(1); seed <= 100; seed++ {
		for _, d := range drawn(whole, seed, 4) {
			if x := d.Seconds() * 1000; x > 5 {
				cut = append(cut, x-10*factors[seed-1])
			} else if x > 1.25 {
				t.Errorf("seed %d: a window of 0 ms in whole ones may be %v", seed, d)
			}
		}
	}
	slices.Sort(cut)
	if last := len(cut) - 1; cut[0] < -1.25 || cut[0] > -0.6 || cut[last] > 1.25 || cut[last] < 0.6 || math.Abs(mean(cut)) > 0.15 {
		t.Errorf("windows of 10 ms in whole ones may be %.3g to %.3g ms more, %.3g on average, want -1 to 1 and 0", cut[0], cut[last], mean(cut))
	}
	slices.Sort(factors)
	for i, want := range map[int]float64{0: 0.75, 25: 0.875, 50: 1, 75: 1.125, 99: 1.25} {
		if math.Abs(factors[i]-want) > 0.02 {
			t.Errorf("of 100 factors in order number %d is %g, want %g", i, factors[i], want)
		}
	}
	if m := mean(ratios); math.Abs(m-1.5) > 0.15 || len(distinct) < 100 {
		t.Errorf("400 draws of 1.5 times 1, 2, 4, 8 ms have a mean logarithm of %g, want 1.5; %d of 100 clusters differ", m, len(distinct))
	}
	for _, test := range []struct{ window, want string }{
		{"lognormal:4ms,0.5", "lognormal:%v,0.5"},
		{"lognormal:4ms,0", "lognormal:%v,0"},
		{"bimodal:4ms,4ms,0.1", "bimodal:%v,%[1]v,0.1"},
		{"uniform:0s,4ms", "uniform:0s,%v"},
		{"empirical:4ms,4ms", "empirical:%v,%[1]v"},
	} {
		w, err := WindowsOf(test.window)
		if err != nil {
			t.Fatal(err)
		}
		got, d := w.another(3).String(), four.another(3).String()
		if want := fmt.Sprintf(test.want, d); got != want || d == "4ms" {
			t.Errorf("%s of another cluster is %s, want %s", test.window, got, want)
		}
	}
}

func mean(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total / float64(len(x))
}
