package advise

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"racelab/sim/explore"
	"racelab/sim/view"
	"racelab/sweeps"
)

// finding is the answer in a sentence.
func (a *Advice) finding() string {
	var gains, fails []string
	for _, c := range a.Clients {
		switch c.Verdict {
		case Matters:
			gains = append(gains, fmt.Sprintf("%s %s with %s ms", c.Client, number(c.Throughput.Value), milliseconds(c.Setting.Backoff)))
		case OutOfRetries:
			fails = append(fails, fmt.Sprintf(" (%s %% of those of %s run out of retries)", number(c.ByDefault.Failed.Value), c.Client))
		}
	}
	standard := fmt.Sprintf("The defaults commit %s transactions a second%s", number(a.Clients[0].ByDefault.Throughput.Value), strings.Join(fails, ""))
	bound := fmt.Sprintf("no policy more than %s", number(a.Optimum.Value))
	if gains == nil {
		return fmt.Sprintf("%s, %s: the backoff does not matter here", standard, bound)
	}
	return fmt.Sprintf("%s, %s, %s", standard, strings.Join(gains, ", "), bound)
}

// paste is the setting in the client's own words; empty: nothing is to be set.
func (c ClientAdvice) paste() string {
	if c.Setting == c.Default {
		return ""
	}
	return strings.Join(c.of().paste(c.Setting), "\n")
}

// of is the client whose advice it is.
func (c ClientAdvice) of() Client { return clientOf(c.Client) }

// says is what there is to know of a client's advice, a sentence or two at a time.
func (a *Advice) says(c ClientAdvice) []string {
	var says []string
	say := func(format string, args ...any) { says = append(says, fmt.Sprintf(format, args...)) }
	of := c.of()
	switch c.Verdict {
	case NoConflict:
		say("It does not matter: with the default, %s, no transaction meets CONCURRENT_TRANSACTIONS. Keep it.", of.defaultText)
		return says
	case NoDifference:
		say("It does not matter: the best backoff, %s ms, commits %v times as much as the default. Keep the default, %s.", milliseconds(c.Best), c.BestGain, of.defaultText)
		return says
	case OutOfRetries:
		say("The backoff does not matter, but Max does: with the default, %s, %v %% of the transactions run out of retries.", of.defaultText, c.ByDefault.Failed)
	default:
		say("%v commits a second, %v %% of the optimum. The default, %s, gives %v, %s %%.", c.Throughput, c.Share, of.defaultText, c.ByDefault.Throughput, number(c.ByDefault.Share.Value))
		say("%v refusals a transaction; the coordinator answers %v requests a second.", c.Answers, c.Load)
		if c.ByDefault.Failed.Value > 100*a.Failures {
			say("With the default %v %% of the transactions run out of retries.", c.ByDefault.Failed)
		}
	}
	if c.Setting.Max != Endless {
		says = append(says, a.saysOfMax(c)...)
	}
	return append(says, of.notes(c.Setting)...)
}

// saysOfMax is what the runs show of the number of retries.
func (a *Advice) saysOfMax(c ClientAdvice) []string {
	allowed := number(100 * a.Failures)
	says := []string{fmt.Sprintf("With this Max %s of %s transactions ran out of retries, %v %%; %s %% may.", number(math.Round(c.Failed.Value*c.Tried/100)), number(c.Tried), c.Failed, allowed)}
	if c.Failed.Value > 100*a.Failures {
		says = append(says, "Those are too many, and a higher Max was not tried.")
	}
	if w := a.Windows; w.Measured && float64(w.Count())*a.Failures < 3 {
		says = append(says, fmt.Sprintf("But %s windows say little of the rarest %s %%.", number(float64(w.Count())), allowed))
	}
	return says
}

// saysOfTV2 is what TV2 makes of the question.
func (a *Advice) saysOfTV2() string {
	says := fmt.Sprintf("Where transaction.version is 2 (Kafka 4) and the client speaks it (Java 4 and franz-go do, Sarama 1.61.1 does not), no client adds partitions: "+
		"the broker tries by itself, every %v for up to %v. That gives franz-go %v commits a second. ", brokerBackoff, brokerPatience, a.TV2.Throughput)
	if longer := a.Windows.Longer(brokerPatience); longer > 0 {
		return says + fmt.Sprintf("But %s %% of the windows are longer than that: then CONCURRENT_TRANSACTIONS comes back to the client, and franz-go waits for its metadata, up to 5 s.", number(100*longer))
	}
	return says + "The client's backoff is not used then. What counts is the broker's add.partitions.to.txn.retry.backoff.ms."
}

func number(x float64) string { return sweeps.Number(x) }

// milliseconds is a duration in milliseconds, as a sentence has it.
func milliseconds(d time.Duration) string { return number(inMilliseconds(d)) }

// Curve is throughput against backoff for a client that waits as long as it is
// told.
func (a *Advice) Curve() []sweeps.Row {
	series := clientOf(a.Clients[0].Client).series
	var rows []sweeps.Row
	for _, row := range a.Result.Rows {
		if row.Series == series[len(series)-1] {
			rows = append(rows, row)
		}
	}
	return rows
}

// Text writes the advice as people read it.
func (a *Advice) Text(w io.Writer) error {
	var b, head strings.Builder
	fmt.Fprintf(&head, "windows: %v, median %s ms, 99 %% up to %s ms", a.Windows, milliseconds(a.Windows.Quantile(0.5)), milliseconds(a.Windows.Quantile(0.99)))
	if a.Windows.Unpaired > 0 {
		fmt.Fprintf(&head, "; %s without the other end of their window", explore.Count(a.Windows.Unpaired, "transition"))
	}
	if a.Windows.Retries {
		fmt.Fprint(&head, "; from a client's retries: to half a backoff each, and without those that no add met")
	}
	for _, text := range []string{
		head.String(), fmt.Sprintf("%s, each a cluster like this one; 95 %% intervals in brackets; %v", explore.Count(a.Seeds, "seed"), a.Result.Values[1:]), "", a.Finding, "",
	} {
		b.WriteString(strings.Join(view.Wrap(text, 100), "\n") + "\n")
	}
	a.chart(&b)
	for _, c := range a.Clients {
		fmt.Fprintf(&b, "\n%s\n", c.Release)
		if c.Paste != "" {
			fmt.Fprintf(&b, "\n        %s\n\n", strings.ReplaceAll(c.Paste, "\n", "\n        "))
		}
		for _, sentence := range c.Says {
			paragraph(&b, sentence)
		}
	}
	fmt.Fprint(&b, "\nTV2\n")
	paragraph(&b, a.TV2.Says)
	fmt.Fprint(&b, "\nModel output, not a measurement: simrun sweep has what backoff rests on.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// paragraph writes words in lines of at most 90 characters, by four to the right.
func paragraph(b *strings.Builder, text string) {
	for _, line := range view.Wrap(text, 90) {
		b.WriteString("    " + line + "\n")
	}
}

// chart shows throughput against backoff, for a client that waits as long as it
// is told.
func (a *Advice) chart(b *strings.Builder) {
	most := a.Optimum.Value
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "backoff, ms\tcommits/s\trefusals each\t\n")
	for _, row := range a.Curve() {
		throughput, answers := a.Result.Cell(row, "throughput"), a.Result.Cell(row, "answers")
		fmt.Fprintf(table, "%s\t%s\t%s\t%s%s\n", number(row.At), throughput, number(answers.Value), sweeps.Bar(throughput.Value, most), a.named(row))
	}
	bound := optimum
	if a.Result.Params.(sweeps.TransactionLoad).Producers > 1 {
		bound += ", if nobody queued"
	}
	fmt.Fprintf(table, "no policy\t%s\t\t%s  %s\n", a.Optimum, sweeps.Bar(most, most), bound)
	_ = table.Flush() // A strings.Builder takes everything.
}

// named is what there is to say of a row of the chart.
func (a *Advice) named(row sweeps.Row) string {
	for _, m := range a.Figure.Marks {
		if m.At == row.At {
			return "  " + m.Text
		}
	}
	return ""
}
