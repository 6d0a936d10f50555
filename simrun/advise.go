package simrun

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"racelab/advise"
	"racelab/figures"
	"racelab/scenario"
	"racelab/sim/explore"
	"racelab/sim/view"
	"racelab/sweeps"
)

// advising is the flags of advise.
type advising struct {
	question advise.Question

	file, window, unit      string
	client, failures        string
	gap, latency, producers string
	out                     string
	seeds                   int
	parallel                workers
	json                    bool
}

func (a *app) adviseCommand() *cobra.Command {
	var q advising
	c := &cobra.Command{
		Use:   "advise FILE | --window DIST",
		Short: "Say which backoff and how many retries suit your cluster, whose transactions take so long to complete",
		Long: "Say which backoff on CONCURRENT_TRANSACTIONS and how many retries suit your cluster,\n" +
			"what they gain over the client's defaults, and when it does not matter. It needs to\n" +
			"know the windows: how long a transaction takes from PrepareCommit to\n" +
			"CompleteCommit, during which the next one is refused. FILE is one of\n\n" +
			"  - one column of milliseconds, or of what its header or --unit says;\n" +
			"  - the log of the transaction coordinators, as text or JSON, in which the logger\n" +
			"    kafka.coordinator.transaction.TransactionMetadata (of newer brokers\n" +
			"    org.apache.kafka.coordinator...) is at DEBUG:\n" +
			"    [2020-10-15 10:55:47,349] DEBUG TransactionalId ID complete transition from\n" +
			"    Ongoing to TxnTransitMetadata(..., txnState=PrepareCommit, ...), and the same\n" +
			"    to CompleteCommit; other lines are passed over;\n" +
			"  - the log of one producer of Sarama, with its lines txnmgr/add-partition-to-txn\n" +
			"    retrying after 20ms... (49 attempts remaining): to half a backoff, and without\n" +
			"    the windows that no add met.\n\n" +
			"Without a file, --window is a distribution.\n\n" +
			"Each seed is a cluster like yours: its windows are drawn anew from those, and all\n" +
			"stretched or shrunk, by up to a quarter. Of all backoffs that lose no more than 2 %\n" +
			"against the best it advises the longest.\n\n" +
			"It prints a picture and what is to be pasted; with --out it writes advise.png and\n" +
			"advise.svg as well.",
	}
	f := c.Flags()
	f.StringVar(&q.window, "window", "", "a distribution of windows, such as lognormal:3ms,0.5")
	f.StringVar(&q.unit, "unit", "", "of the column in FILE: ms, s, us or ns; without it, what the header says, or ms")
	f.StringVar(&q.client, "client", "all", "the client: sarama, java, kgo or all")
	f.StringVar(&q.failures, "failures", "0.1%", "the share of transactions that may run out of retries")
	f.StringVar(&q.gap, "gap", "0s", "what the application waits between two transactions; a time or a distribution")
	f.StringVar(&q.latency, "latency", "500us", "of a message, one way; a time or a distribution")
	f.StringVar(&q.producers, "producers", "1", "producers that queue for the markers; windows measured among them hold that queue already, so leave it at 1 then")
	f.StringVar(&q.out, "out", "", "the folder for PNG and SVG; made if it is not there")
	f.IntVar(&q.seeds, "seeds", 30, "clusters like yours, of which the intervals hold 95 %")
	q.parallel.flag(c)
	f.BoolVar(&q.json, "json", false, "write JSON")
	_ = c.RegisterFlagCompletionFunc("client", cobra.FixedCompletions([]string{"sarama", "java", "kgo", "all"}, cobra.ShellCompDirectiveNoFileComp))
	c.PreRunE = func(c *cobra.Command, args []string) error { return q.read(c, args) }
	c.RunE = func(*cobra.Command, []string) error { return q.run(a) }
	return c
}

// read makes the question of the file and the flags.
func (a *advising) read(c *cobra.Command, args []string) (err error) {
	set := c.Flags().Changed
	switch {
	case len(args) > 1:
		return fmt.Errorf("advise takes one file, not %d", len(args))
	case (len(args) == 1) == set("window"):
		return errors.New("advise needs the windows once: as FILE or by --window DIST")
	case set("window") && set("unit"):
		return errors.New("--unit is of a column in FILE; a distribution has its units")
	case a.seeds < 1 || a.seeds > maxSeeds:
		return fmt.Errorf("--seeds %d is not possible; want 1 to %d", a.seeds, maxSeeds)
	case set("out") && a.out == "":
		return errors.New("--out is empty; want a folder")
	}
	if err := a.parallel.check(c); err != nil {
		return err
	}
	q := &a.question
	if q.Failures, err = share(a.failures); err != nil {
		return err
	}
	if q.Clients, err = advise.ClientsNamed(a.client); err != nil {
		return err
	}
	if q.Load, err = sweeps.NewTransactionLoad("gap="+a.gap, "latency="+a.latency, "producers="+a.producers); err != nil {
		return err
	}
	if len(args) == 0 {
		q.Windows, err = advise.WindowsOf(a.window)
		return err
	}
	a.file = args[0]
	file, err := os.Open(a.file)
	if err != nil {
		return reason(err)
	}
	defer file.Close()
	text, err := plain(bufio.NewReader(file))
	if err != nil {
		return fmt.Errorf("%s: %w", a.file, err)
	}
	q.Windows, err = advise.Read(text, a.file, a.unit)
	return reason(err)
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

func (a *advising) run(to *app) error {
	signals, release := to.watch()
	defer release()
	if err := a.prepareOut(); err != nil {
		return err
	}
	status := newStatus(to.stderr)
	answer, err := advise.Advise(a.question, sweeps.Options{
		Seeds: a.seeds, Workers: a.parallel.count(),
		Stop: signals.interrupted,
		Progress: func(done, points int) {
			status.show(fmt.Sprintf("advise: %d of %d points", done, points), done, points)
		},
	})
	status.clear()
	if stopped := (*sweeps.Stopped)(nil); errors.As(err, &stopped) {
		to.say("interrupted after %s; advise keeps nothing", explore.Count(stopped.Done, "point"))
		return signals.code()
	}
	if err != nil {
		return err
	}
	written, err := a.figures(answer)
	if err != nil {
		return err
	}
	again := to.printed(a.command())
	if a.json {
		return view.JSON(to.stdout, adviceJSON{to.header("advise"), answer, rowsJSON(answer.Result), again})
	}
	if err := answer.Text(to.stdout); err != nil {
		return err
	}
	if written == nil {
		_, err = fmt.Fprintf(to.stdout, "figure: %s --out DIR\n", again)
	} else {
		_, err = fmt.Fprintf(to.stdout, "written: %s\n", strings.Join(written, ", "))
	}
	return err
}

type adviceJSON struct {
	header
	*advise.Advice
	Rows   []sweepRowJSON `json:"rows"`
	Repeat string         `json:"repeat"`
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
func (a *advising) figures(answer *advise.Advice) ([]string, error) {
	if a.out == "" {
		return nil, nil
	}
	png, err := figures.PNG(answer.Result, answer.Figure)
	if err != nil {
		return nil, err
	}
	svg, err := figures.SVG(answer.Result, answer.Figure)
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

// command is the command that was given, but for --out, --json and --parallel.
func (a *advising) command() string {
	words := []string{"advise"}
	if a.file != "" {
		words = append(words, a.file)
	}
	for _, flag := range [][3]string{
		{"window", a.window, ""}, {"unit", a.unit, ""}, {"client", a.client, "all"}, {"failures", a.failures, "0.1%"},
		{"gap", a.gap, "0s"}, {"latency", a.latency, "500us"}, {"producers", a.producers, "1"}, {"seeds", strconv.Itoa(a.seeds), "30"},
	} {
		if flag[1] != flag[2] {
			words = append(words, "--"+flag[0], flag[1])
		}
	}
	return scenario.Command(words...)
}
