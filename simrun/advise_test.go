package simrun

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"racelab/sweeps"
)

// written puts a file into a folder of its own.
func written(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// brokerLine is a line of a broker's log.
func brokerLine(clock, id, from, to string) string {
	return fmt.Sprintf("[2020-10-15 %s] DEBUG TransactionalId %s complete transition from %s to TxnTransitMetadata(producerId=0, txnState=%s, topicPartitions=Set()) "+
		"(kafka.coordinator.transaction.TransactionMetadata)\n", clock, id, from, to)
}

func TestBadInputOfAdvise(t *testing.T) {
	csv := func(content string) string { return written(t, "w.csv", content) }
	log := func(content string) string { return written(t, "server.log", content) }
	good := csv("3\n2\n")
	prepared := brokerLine("10:55:47,349", "a", "Ongoing", "PrepareCommit")
	file := written(t, "file", "")
	sealed := t.TempDir()
	if err := os.Chmod(sealed, 0o500); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		line string
		want []string
	}{
		{"advise", []string{"the windows once", "FILE or by --window DIST"}},
		{"advise --window 3ms " + good, []string{"the windows once", "FILE or by --window DIST"}},
		{"advise " + good + " " + good, []string{"one file, not 2"}},
		{"advise --window 3ms --unit s", []string{"--unit", "a distribution has its units"}},
		{"advise --window 3ms --gap soon --out " + good + ".made", []string{"gap=soon"}},
		{"advise " + good + ".gone", []string{good + ".gone: no such file"}},
		{"advise " + filepath.Dir(good), []string{filepath.Dir(good) + ": is a directory"}},
		{"advise " + good + " --unit h", []string{`no unit "h"`, "ms, s, us, ns"}},

		{"advise " + csv(""), []string{"w.csv has no window"}},
		{"advise " + csv("\x00\x01\x02"), []string{"w.csv: the log is no text"}},
		{"advise " + csv("\xff\xfe3\x00\n\x00"), []string{"w.csv has 1 of the at least 20 windows"}},
		{"advise " + csv("3\n"), []string{"w.csv has 1 of the at least 20 windows"}},
		{"advise " + csv(strings.Repeat("0.003\n", 20)), []string{"half of the windows last 3µs", "are these milliseconds?", "--unit s"}},
		{"advise " + csv("window\n3\nfast\n"), []string{`w.csv, line 3: has "fast"`}},
		{"advise " + csv(strings.Repeat("3", 1<<20)), []string{"w.csv, line 1: is longer than 64 KiB"}},
		{"advise " + csv(strings.Repeat("20\n", 20)) + " --unit s", []string{"20s on average", "hang"}},

		{"advise " + log(prepared), []string{"server.log has no transaction from Prepare to Complete", "DEBUG", "TransactionMetadata"}},
		{"advise " + log("noise\n"+prepared+brokerLine("10:55:47,340", "a", "PrepareCommit", "CompleteCommit")), []string{"server.log, line 3: completes", "clock"}},
		{"advise " + log(prepared[26:]), []string{"server.log, line 1: has no time such as [2020-10-15 10:55:47,349]"}},

		{"advise --window ''", []string{`""`, "lognormal:3ms,0.5"}},
		{"advise --window fast", []string{`"fast"`, "lognormal:3ms,0.5"}},
		{"advise --window exp:-3ms", []string{"-3ms", "0s to 1000h"}},
		{"advise --window lognormal:3ms,-1", []string{`sigma "-1"`, "0 to 10"}},
		{"advise --window uniform:5ms,1ms", []string{`"uniform:5ms,1ms"`}},
		{"advise --window bimodal:3ms,50ms,2", []string{`share "2"`, "0 to 1"}},
		{"advise --window lognormal:3ms,10", []string{"on average", "hang"}},
		{"advise --window 20s", []string{"20s on average", "hang"}},

		{"advise --window 3ms --client librdkafka", []string{`"librdkafka"`, "all, sarama, java, kgo"}},
		{"advise --window 3ms --failures 0", []string{`--failures "0"`, "0.001% to 50%"}},
		{"advise --window 3ms --failures 60%", []string{`--failures "60%"`, "0.001% to 50%"}},
		{"advise --window 3ms --failures -1%", []string{`--failures "-1%"`, "0.001% to 50%"}},
		{"advise --window 3ms --failures NaN", []string{`--failures "NaN"`, "0.001% to 50%"}},
		{"advise --window 3ms --failures few", []string{`--failures "few"`, "0.001% to 50%"}},
		{"advise --window 3ms --gap soon", []string{"gap=soon"}},
		{"advise --window 3ms --latency -1ms", []string{"latency=-1ms"}},
		{"advise --window 3ms --latency 1h", []string{"a latency of 1h0m0s", "no transaction commits"}},
		{"advise --window 3ms --producers 65", []string{"producers=65", "1 to 64"}},
		{"advise --window 3ms --producers 0", []string{"producers=0", "1 to 64"}},
		{"advise --window 3ms --seeds 0", []string{"--seeds 0", "1 to 100000"}},
		{"advise --window 3ms --seeds many", []string{`"many"`, "whole numbers"}},
		{"advise --window 3ms --parallel 0", []string{"--parallel 0", "1 to 256"}},
		{"advise --window 3ms --out ''", []string{"--out is empty"}},
		{"advise --window 3ms --out " + file, []string{file, "not a directory", "want a folder"}},
		{"advise --window 3ms --out " + file + "/below", []string{file, "not a directory", "want a folder"}},
		{"advise --window 3ms --fast", []string{"--fast", "no flag of advise", "--client, "}},
	}
	if os.Geteuid() != 0 { // Root may write anywhere.
		tests = append(tests, struct {
			line string
			want []string
		}{"advise --window 3ms --out " + sealed, []string{sealed, "permission denied", "want a folder"}})
	}
	for _, test := range tests {
		t.Run(test.line[:min(len(test.line), 60)], func(t *testing.T) { refused(t, words(test.line), test.want...) })
	}
	if _, err := os.Stat(good + ".made"); err == nil {
		t.Error("refused advice made a folder")
	}
	if left := contents(t, sealed); len(left) != 0 {
		t.Errorf("refused advice left %d files", len(left))
	}
}

// Goal: the same question gets the same bytes, with any number of workers, from a
// file as well as from a log of the same windows; and two figures.
func TestAdviseGivesTheSameBytes(t *testing.T) {
	csv, log := "window_ms\n", ""
	for i := range 20 {
		d := 2 + i%4
		csv += fmt.Sprintf("%d\n", d)
		log += brokerLine(fmt.Sprintf("10:55:%02d,100", i), "a b", "Ongoing", "PrepareCommit") + brokerLine(fmt.Sprintf("10:55:%02d,%d", i, 100+d), "a b", "PrepareCommit", "CompleteCommit")
	}
	dir := filepath.Join(t.TempDir(), "deep", "out")
	file := written(t, "f", csv)
	of := func(workers string) (string, map[string]string) {
		t.Helper()
		code, stdout, stderr := call("advise", file, "--client", "sarama", "--seeds", "2", "--out", dir, "--parallel", workers)
		if code != exitHolds || stderr != "" {
			t.Fatalf("advise: exit code %d, %q", code, stderr)
		}
		return strings.ReplaceAll(stdout, file, "FILE"), contents(t, dir)
	}
	first, figures := of("1")
	for _, want := range []string{"windows: 20 of FILE, median 4 ms", "Retry.Backoff = ", "Retry.Max = ", "defaults, on the first add", "optimum", "advised: sarama", "TV2\n",
		"20 windows say little of the rarest 0.1 %", filepath.Join(dir, "advise.svg")} {
		if !strings.Contains(first, want) {
			t.Errorf("advise says nothing of %q:\n%s", want, first)
		}
	}
	if len(figures) != 2 || !strings.HasPrefix(figures["advise.png"], "\x89PNG") || !strings.Contains(figures["advise.svg"], "advised: sarama") {
		t.Errorf("advise wrote %d files", len(figures))
	}
	if err := os.WriteFile(file, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, same := of("3"); again != first || !maps.Equal(same, figures) {
		t.Errorf("the same windows from a log, with three workers, give\n%s\nwant\n%s", again, first)
	}
}

// adviceRead is what JSON says of advice.
type adviceRead struct {
	Windows struct {
		Source   string
		Measured int
		Unpaired int
		Median   float64 `json:"median_ms"`
		P99      float64 `json:"p99_ms"`
		P999     float64 `json:"p99.9_ms"`
	}
	Parameters map[string]string
	Failures   float64
	Seeds      int
	Finding    string
	Optimum    sweeps.Estimate
	Clients    []struct {
		Client, Release, Verdict, Paste                string
		Setting, Default                               settingRead
		Says                                           []string
		Throughput, Share, Gain, Answers, Load, Failed sweeps.Estimate
	}
	TV2 struct {
		Throughput sweeps.Estimate
		Says       string
	}
	Rows   []sweepRowJSON
	Repeat string
}

type settingRead struct {
	Backoff float64 `json:"backoff_ms"`
	Max     *int
}

// Goal: JSON has its fields and agrees with itself, and its command gives it again.
func TestAdviseAsJSON(t *testing.T) {
	code, text, _ := call(words("advise --window lognormal:3ms,0.5 --failures 1% --gap 1ms --seeds 2 --json")...)
	var advice adviceRead
	if decode(t, text, &advice); code != exitHolds {
		t.Fatalf("exit code %d", code)
	}
	if w := advice.Windows; w.Source != "lognormal:3ms,0.5" || w.Measured != 0 || w.Median < 2.9 || w.P99 < 8 || w.P999 < w.P99 || advice.Parameters["gap"] != "1ms" || advice.Failures != 0.01 || advice.Seeds != 2 || len(advice.Clients) != 3 || advice.TV2.Says == "" {
		t.Errorf("advice %+v", advice)
	}
	for i, want := range []string{"sarama", "java", "kgo"} {
		c := advice.Clients[i]
		if c.Client != want || c.Verdict != "matters" || c.Paste == "" || len(c.Says) < 3 || c.Setting == c.Default || (c.Setting.Max != nil) != (want == "sarama") ||
			c.Throughput.Value > advice.Optimum.High || c.Gain.Value < 1.02 || c.Failed.Value != 0 {
			t.Errorf("advice for %s: %+v", want, c)
		}
		found := false
		for _, row := range advice.Rows {
			found = found || row.Series == want && row.Columns["throughput"] == c.Throughput
		}
		if !found {
			t.Errorf("no row has the throughput that is advised for %s", want)
		}
	}
	if code, again, _ := again(t, advice.Repeat, "--json"); code != exitHolds || again != text {
		t.Errorf("%s gives other bytes", advice.Repeat)
	}
	code, text, _ = call(words("advise --window 3ms --gap 20ms --client java --seeds 1 --json")...)
	if decode(t, text, &advice); code != exitHolds || len(advice.Clients) != 1 || advice.Clients[0].Verdict != "no conflict" || advice.Clients[0].Paste != "" || advice.Clients[0].Setting != advice.Clients[0].Default {
		t.Errorf("where it does not matter: %+v", advice.Clients)
	}
}

// Goal: JSON says how many windows were measured, and how many halves of one.
func TestAdviseCountsWindows(t *testing.T) {
	log := brokerLine("10:55:47,100", "b", "PrepareCommit", "CompleteCommit")
	for i := range 30 {
		log += brokerLine(fmt.Sprintf("10:55:%02d,100", i), "a", "Ongoing", "PrepareCommit") + brokerLine(fmt.Sprintf("10:55:%02d,103", i), "a", "PrepareCommit", "CompleteCommit")
	}
	code, text, _ := call("advise", written(t, "f", log), "--client", "kgo", "--seeds", "1", "--json")
	var advice adviceRead
	if decode(t, text, &advice); code != exitHolds || advice.Windows.Measured != 30 || advice.Windows.Unpaired != 1 || advice.Windows.Median != 3 {
		t.Errorf("exit code %d, windows %+v, want 30 and half a one", code, advice.Windows)
	}
}

// Goal: what cannot be put in its place leaves nothing half written.
func TestAdviseThatCannotWrite(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "advise.png"), 0o700); err != nil { // Nothing can be renamed to it.
		t.Fatal(err)
	}
	refused(t, words("advise --window 3ms --client java --seeds 1 --out "+dir), "advise.png")
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}
