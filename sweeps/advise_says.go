package sweeps

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Headline is the finding in a sentence.
func (a *Advice) Headline() string {
	var gains, fails []string
	for _, c := range a.Clients {
		switch c.Verdict {
		case Matters:
			gains = append(gains, fmt.Sprintf("%s %s with %s ms", c.Client.Name, Number(c.Throughput.Value), Milliseconds(c.Setting.Backoff)))
		case OutOfRetries:
			fails = append(fails, fmt.Sprintf(" (%s %% of those of %s run out of retries)", Number(c.DefaultFailed.Value), c.Client.Name))
		}
	}
	standard := fmt.Sprintf("The defaults commit %s transactions a second%s", Number(a.Clients[0].DefaultThroughput.Value), strings.Join(fails, ""))
	bound := fmt.Sprintf("no policy more than %s", Number(a.Optimum.Value))
	if gains == nil {
		return fmt.Sprintf("%s, %s: the backoff does not matter here", standard, bound)
	}
	return fmt.Sprintf("%s, %s, %s", standard, strings.Join(gains, ", "), bound)
}

// Paste is the setting in the client's own words; empty: nothing is to be set.
func (c ClientAdvice) Paste() string {
	if c.Setting == c.Client.Default {
		return ""
	}
	return strings.Join(c.Client.paste(c.Setting), "\n")
}

// Says is what there is to know of a client's advice, a sentence or two at a time.
func (a *Advice) Says(c ClientAdvice) []string {
	var says []string
	say := func(format string, args ...any) { says = append(says, fmt.Sprintf(format, args...)) }
	switch c.Verdict {
	case NoConflict:
		say("It does not matter: with the default, %s, no transaction meets CONCURRENT_TRANSACTIONS. Keep it.", c.Client.defaultText)
		return says
	case NoDifference:
		say("It does not matter: what gains most, %s ms, gives %v times what the default does. Keep that, %s.", Milliseconds(c.Best), c.BestGain, c.Client.defaultText)
		return says
	case OutOfRetries:
		say("The backoff does not matter, but Max does: with the default, %s, %v %% of the transactions run out of retries.", c.Client.defaultText, c.DefaultFailed)
	default:
		say("%v commits a second, %v %% of the optimum. The default, %s, gives %v, %s %%.", c.Throughput, c.Share, c.Client.defaultText, c.DefaultThroughput, Number(c.DefaultShare.Value))
		say("%v refusals a transaction; the coordinator answers %v requests a second.", c.Answers, c.Load)
		if c.DefaultFailed.Value > 100*a.Question.Failures {
			say("With the default %v %% of the transactions run out of retries.", c.DefaultFailed)
		}
	}
	if c.Setting.Max != Endless {
		says = append(says, a.saysOfMax(c)...)
	}
	return append(says, c.Client.notes(c.Setting)...)
}

// saysOfMax is what the runs show of the number of retries.
func (a *Advice) saysOfMax(c ClientAdvice) []string {
	allowed := Number(100 * a.Question.Failures)
	says := []string{fmt.Sprintf("With this Max %s of %s transactions ran out of retries, %v %%; %s %% may.", Number(math.Round(c.Failed.Value*c.Tried/100)), Number(c.Tried), c.Failed, allowed)}
	if c.Failed.Value > 100*a.Question.Failures {
		says = append(says, "Those are too many, and a higher Max was not tried.")
	}
	if w := a.Question.Windows; w.Measured && float64(w.Count())*a.Question.Failures < 3 {
		says = append(says, fmt.Sprintf("But %s windows say little of the rarest %s %%.", Number(float64(w.Count())), allowed))
	}
	return says
}

// SaysOfTV2 is what TV2 makes of the question.
func (a *Advice) SaysOfTV2() string {
	says := fmt.Sprintf("Where transaction.version is 2 (Kafka 4) and the client speaks it (Java 4 and franz-go do, Sarama 1.61.1 does not), no client adds partitions: "+
		"the broker tries by itself, every %v for up to %v. That gives franz-go %v commits a second. ", brokerBackoff, brokerPatience, a.TV2)
	if longer := a.Question.Windows.Longer(brokerPatience); longer > 0 {
		return says + fmt.Sprintf("But %s %% of the windows are longer than that: then CONCURRENT_TRANSACTIONS comes back to the client, and franz-go waits for its metadata, up to 5 s.", Number(100*longer))
	}
	return says + "It makes the question moot: what the client waits is not asked for. What counts is the broker's add.partitions.to.txn.retry.backoff.ms."
}

// String writes a number and the ends of its interval.
func (e Estimate) String() string {
	return fmt.Sprintf("%s [%s, %s]", Number(e.Value), Number(e.Low), Number(e.High))
}

func (v Verdict) String() string {
	return [...]string{"matters", "out of retries", "no conflict", "no difference"}[v]
}

// Milliseconds is a duration in milliseconds, as a sentence has it.
func Milliseconds(d time.Duration) string { return Number(float64(d) / float64(time.Millisecond)) }

// Curve is throughput against backoff for a client that waits as long as it is
// told.
func (a *Advice) Curve() []Row {
	series := a.Clients[0].Client.series
	var rows []Row
	for _, row := range a.Result.Rows {
		if row.Series == series[len(series)-1] {
			rows = append(rows, row)
		}
	}
	return rows
}
