package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"racelab/figures"
	"racelab/sim/view"
	"racelab/sweeps"
)

// advising is the flags of advise.
type advising struct {
	question sweeps.Question

	windows, brokerLog, window string
	client, failures           string
	gap, latency, producers    string
	out                        string
	seeds, workers             int
	json                       bool
}

func adviseCommand() *cobra.Command {
	var a advising
	c := &cobra.Command{
		Use:   "advise --windows FILE | --broker-log FILE | --window DISTRIBUTION",
		Short: "Say which backoff and how many retries suit your cluster, whose transactions take so long to complete",
		Long: "Say which backoff on CONCURRENT_TRANSACTIONS and how many retries suit your cluster,\n" +
			"what they gain over the client's defaults, and when it does not matter. It needs to\n" +
			"know the windows: how long a transaction takes from PrepareCommit to\n" +
			"CompleteCommit, during which the next one is refused.\n\n" +
			"  --windows FILE     one column of milliseconds; the first line may be a header\n" +
			"  --broker-log FILE  the log of the transaction coordinators, in which the logger\n" +
			"                     kafka.coordinator.transaction.TransactionMetadata (of newer\n" +
			"                     brokers org.apache.kafka.coordinator...) is at DEBUG:\n" +
			"                     [2020-10-15 10:55:47,349] DEBUG TransactionalId ID complete\n" +
			"                     transition from Ongoing to TxnTransitMetadata(...,\n" +
			"                     txnState=PrepareCommit, ...), and the same to CompleteCommit;\n" +
			"                     other lines are passed over\n" +
			"  --window DIST      a distribution, such as lognormal:3ms,0.5\n\n" +
			"Each seed is a cluster like yours: its windows are drawn anew from those, and all\n" +
			"stretched or shrunk, by up to a quarter. Of all backoffs that lose no more than 2 %\n" +
			"against the best it advises the longest.\n\n" +
			"It prints a picture and what is to be pasted; with --out it writes advise.png and\n" +
			"advise.svg as well.",
		Args: noArguments,
	}
	f := c.Flags()
	f.StringVar(&a.windows, "windows", "", "a file of windows, one a line, in milliseconds")
	f.StringVar(&a.brokerLog, "broker-log", "", "a broker's log, from which the windows are read")
	f.StringVar(&a.window, "window", "", "a distribution of windows, such as lognormal:3ms,0.5")
	f.StringVar(&a.client, "client", "all", "the client: sarama, java, kgo or all")
	f.StringVar(&a.failures, "failures", "0.1%", "the share of transactions that may run out of retries")
	f.StringVar(&a.gap, "gap", "0s", "what the application waits between two transactions; a time or a distribution")
	f.StringVar(&a.latency, "latency", "500us", "of a message, one way; a time or a distribution")
	f.StringVar(&a.producers, "producers", "1", "producers that queue for the markers; windows measured among them hold that queue already, so leave it at 1 then")
	f.StringVar(&a.out, "out", "", "the folder for PNG and SVG; made if it is not there")
	f.IntVar(&a.seeds, "seeds", 30, "clusters like yours, of which the intervals hold 95 %")
	f.IntVar(&a.workers, "workers", 0, "how many points are run at once; without it, one a processor; no result depends on it")
	f.BoolVar(&a.json, "json", false, "write JSON")
	_ = c.RegisterFlagCompletionFunc("client", cobra.FixedCompletions([]string{"sarama", "java", "kgo", "all"}, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := a.read(c.Flags().Changed); err != nil {
			return err
		}
		return a.run(c)
	}
	return c
}

// read makes the question of the flags.
func (a *advising) read(set func(string) bool) (err error) {
	given := 0
	for _, flag := range []string{"windows", "broker-log", "window"} {
		if set(flag) {
			given++
		}
	}
	switch {
	case set("windows") && a.windows == "", set("broker-log") && a.brokerLog == "":
		return errors.New("--windows or --broker-log is empty; want a file")
	case given != 1:
		return fmt.Errorf("advise needs the windows once, not %d times: --windows FILE, --broker-log FILE or --window DISTRIBUTION", given)
	case a.seeds < 1 || a.seeds > maxSeeds:
		return fmt.Errorf("--seeds %d is not possible; want 1 to %d", a.seeds, maxSeeds)
	case set("workers") && (a.workers < 1 || a.workers > 256):
		return fmt.Errorf("--workers %d is not possible; want 1 to 256", a.workers)
	case set("out") && a.out == "":
		return errors.New("--out is empty; want a folder")
	}
	q := &a.question
	if q.Failures, err = share(a.failures); err != nil {
		return err
	}
	if q.Clients, err = sweeps.ClientsNamed(a.client); err != nil {
		return err
	}
	q.Settings = []string{"gap=" + a.gap, "latency=" + a.latency, "producers=" + a.producers}
	if err := q.Check(); err != nil {
		return err
	}
	switch {
	case set("windows"):
		q.Windows, err = readFile(a.windows, sweeps.ReadWindows)
	case set("broker-log"):
		q.Windows, err = readFile(a.brokerLog, sweeps.ReadBrokerLog)
	default:
		q.Windows, err = sweeps.WindowsOf(a.window)
	}
	return err
}

// readFile opens a file for what reads windows.
func readFile(path string, read func(io.Reader, string) (*sweeps.Windows, error)) (*sweeps.Windows, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer file.Close()
	return read(file, path)
}

// share reads "0.1%" or "0.001".
func share(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(number, 64)
	if percent {
		x /= 100
	}
	const least, most = 1e-5, 0.5
	if err != nil || !(x >= least && x <= most) {
		return 0, fmt.Errorf("--failures %.60q is not possible; want a share from 0.001%% to 50%%", text)
	}
	return x, nil
}

func (a *advising) run(c *cobra.Command) error {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt)
	defer release()
	if err := a.prepareOut(); err != nil {
		return err
	}
	status := newStatus(c.ErrOrStderr())
	advice, err := sweeps.Advise(a.question, sweeps.Options{
		Seeds: a.seeds, Workers: cmp.Or(a.workers, runtime.GOMAXPROCS(0)),
		Stop: func() bool { return ctx.Err() != nil },
		Progress: func(done, points int) {
			status.show(fmt.Sprintf("advise: %d of %d points", done, points), done, points)
		},
	})
	status.clear()
	if stopped := (*sweeps.Stopped)(nil); errors.As(err, &stopped) {
		fmt.Fprintf(c.ErrOrStderr(), "simrun: interrupted after %d of %d points; advise keeps nothing\n", stopped.Done, stopped.Points)
		return exit(exitInterrupted)
	}
	if err != nil {
		return err
	}
	written, err := a.figures(advice)
	if err != nil {
		return err
	}
	if a.json {
		return view.JSON(c.OutOrStdout(), newAdviceJSON(advice, a.command(), a.seeds))
	}
	return a.text(c.OutOrStdout(), advice, written)
}

// prepareOut makes the folder, and tries whether a file can be put there: now,
// not after the work.
func (a *advising) prepareOut() error {
	if a.out == "" {
		return nil
	}
	err := os.MkdirAll(a.out, 0o755)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(a.out, ".advise.*"); err == nil {
			err = cmp.Or(probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("--out %.120s: %w; want a folder that can be written", a.out, reason(err))
	}
	return nil
}

// figures writes the figure, and returns where to.
func (a *advising) figures(advice *sweeps.Advice) ([]string, error) {
	if a.out == "" {
		return nil, nil
	}
	png, err := figures.PNG(advice.Result, advice.Figure)
	if err != nil {
		return nil, err
	}
	svg, err := figures.SVG(advice.Result, advice.Figure)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, f := range []outFile{{"advise.png", png}, {"advise.svg", svg}} {
		path := filepath.Join(a.out, f.name)
		if err := writeWhole(path, f.content); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// command is the command that was given, but for --out, --json and --workers.
func (a *advising) command() string {
	command := "go run ./cmd/simrun advise"
	for _, flag := range [][3]string{
		{"windows", a.windows, ""}, {"broker-log", a.brokerLog, ""}, {"window", a.window, ""}, {"client", a.client, "all"}, {"failures", a.failures, "0.1%"},
		{"gap", a.gap, "0s"}, {"latency", a.latency, "500us"}, {"producers", a.producers, "1"}, {"seeds", strconv.Itoa(a.seeds), "30"},
	} {
		if flag[1] != flag[2] {
			command += " --" + flag[0] + " " + flag[1]
		}
	}
	return command
}

// text prints the advice as people read it.
func (a *advising) text(w io.Writer, advice *sweeps.Advice, written []string) error {
	var b strings.Builder
	windows := advice.Question.Windows
	fmt.Fprintf(&b, "windows: %v, median %s ms, 99 %% up to %s ms", windows, sweeps.Milliseconds(windows.Quantile(0.5)), sweeps.Milliseconds(windows.Quantile(0.99)))
	if windows.Unpaired > 0 {
		fmt.Fprintf(&b, "; %d transitions without the other end of their window", windows.Unpaired)
	}
	fmt.Fprintf(&b, "\n%d seeds, each a cluster like this one; 95 %% intervals in brackets; %v\n", advice.Result.Seeds, advice.Result.Values[1:])
	fmt.Fprintf(&b, "\n%s\n\n", advice.Headline())
	a.chart(&b, advice)
	for _, c := range advice.Clients {
		fmt.Fprintf(&b, "\n%s\n", c.Client.Release)
		if paste := c.Paste(); paste != "" {
			fmt.Fprintf(&b, "\n        %s\n\n", strings.ReplaceAll(paste, "\n", "\n        "))
		}
		for _, sentence := range advice.Says(c) {
			b.WriteString(indent(sentence))
		}
	}
	fmt.Fprintf(&b, "\nTV2\n%s", indent(advice.SaysOfTV2()))
	fmt.Fprintf(&b, "\nModel output, not a measurement: simrun sweep has what backoff rests on.\n")
	if written == nil {
		fmt.Fprintf(&b, "figure: %s --out DIR\n", a.command())
	} else {
		fmt.Fprintf(&b, "written: %s\n", strings.Join(written, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// chart shows throughput against backoff, for a client that waits as long as it
// is told.
func (a *advising) chart(b *strings.Builder, advice *sweeps.Advice) {
	rows := advice.Curve()
	most := advice.Optimum.Value
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "backoff, ms\tcommits/s\trefusals each\t\n")
	for _, row := range rows {
		throughput, answers := advice.Result.Cell(row, "throughput"), advice.Result.Cell(row, "answers")
		fmt.Fprintf(table, "%s\t%s\t%s\t%s%s\n", sweeps.Number(row.At), throughput, sweeps.Number(answers.Value), textBar(throughput.Value, most), named(advice, row))
	}
	optimum := "optimum"
	if advice.Result.Values.Int("producers") > 1 {
		optimum += ", if nobody queued"
	}
	fmt.Fprintf(table, "no policy\t%s\t\t%s  %s\n", advice.Optimum, textBar(most, most), optimum)
	_ = table.Flush() // A strings.Builder takes everything.
}

// named is what there is to say of a row of the chart.
func named(advice *sweeps.Advice, row sweeps.Row) string {
	for _, m := range advice.Figure.Marks {
		if m.At == row.At {
			return "  " + m.Text
		}
	}
	return ""
}

type adviceJSON struct {
	Windows    windowsJSON        `json:"windows"`
	Parameters map[string]string  `json:"parameters"`
	Failures   float64            `json:"failures"` // the share that may run out of retries
	Seeds      int                `json:"seeds"`
	Finding    string             `json:"finding"`
	Optimum    estimateJSON       `json:"optimum"` // commits a second
	Clients    []clientAdviceJSON `json:"clients"`
	TV2        tv2JSON            `json:"tv2"`
	Rows       []sweepRowJSON     `json:"rows"`
	Repeat     string             `json:"repeat"`
}

type windowsJSON struct {
	Source   string  `json:"source"`
	Measured int     `json:"measured"` // how many; 0: a distribution
	Unpaired int     `json:"unpaired"`
	Median   float64 `json:"median_ms"`
	P99      float64 `json:"p99_ms"`
	P999     float64 `json:"p99.9_ms"`
}

type clientAdviceJSON struct {
	Client     string       `json:"client"`
	Release    string       `json:"release"`
	Verdict    string       `json:"verdict"` // "matters", "out of retries", "no conflict" or "no difference"
	Setting    settingJSON  `json:"setting"`
	Default    settingJSON  `json:"default"`
	Paste      string       `json:"paste"` // empty: keep the default
	Says       []string     `json:"says"`
	Throughput estimateJSON `json:"throughput"`
	Share      estimateJSON `json:"share"`
	Gain       estimateJSON `json:"gain"`
	Answers    estimateJSON `json:"answers"`
	Load       estimateJSON `json:"load"`
	Failed     estimateJSON `json:"failed"`
}

type settingJSON struct {
	Backoff float64 `json:"backoff_ms"`
	Max     *int    `json:"max"` // null: nothing counts the retries
}

type tv2JSON struct {
	Throughput estimateJSON `json:"throughput"`
	Says       string       `json:"says"`
}

func newAdviceJSON(a *sweeps.Advice, repeat string, seeds int) adviceJSON {
	windows := a.Question.Windows
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	out := adviceJSON{
		Windows:    windowsJSON{windows.Source, 0, windows.Unpaired, ms(windows.Quantile(0.5)), ms(windows.Quantile(0.99)), ms(windows.Quantile(0.999))},
		Parameters: valuesJSON(a.Result.Values[1:]), Failures: a.Question.Failures, Seeds: seeds,
		Finding: a.Headline(), Optimum: estimateJSON(a.Optimum), Clients: []clientAdviceJSON{},
		TV2: tv2JSON{estimateJSON(a.TV2), a.SaysOfTV2()}, Rows: rowsJSON(a.Result), Repeat: repeat,
	}
	if windows.Measured {
		out.Windows.Measured = windows.Count()
	}
	setting := func(s sweeps.Setting) settingJSON {
		if s.Max == sweeps.Endless {
			return settingJSON{ms(s.Backoff), nil}
		}
		return settingJSON{ms(s.Backoff), &s.Max}
	}
	for _, c := range a.Clients {
		advice := clientAdviceJSON{
			Client: c.Client.Name, Release: c.Client.Release, Verdict: c.Verdict.String(),
			Setting: setting(c.Setting), Paste: c.Paste(), Default: setting(c.Client.Default), Says: a.Says(c),
			Throughput: estimateJSON(c.Throughput), Share: estimateJSON(c.Share), Gain: estimateJSON(c.Gain),
			Answers: estimateJSON(c.Answers), Load: estimateJSON(c.Load), Failed: estimateJSON(c.Failed),
		}
		out.Clients = append(out.Clients, advice)
	}
	return out
}
