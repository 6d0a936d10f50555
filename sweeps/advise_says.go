package sweeps

import (
	"fmt"
	"strings"
	"time"
)

// Headline is the finding in a sentence.
func (a *Advice) Headline() string {
	var said []string
	for _, c := range a.Clients {
		if c.Verdict == Matters {
			said = append(said, fmt.Sprintf("%s ms in %s %s", Milliseconds(c.Setting.Backoff), c.Client.Name, Number(c.Throughput.Value)))
		}
	}
	standard := Number(a.Clients[0].DefaultThroughput.Value)
	if len(said) == 0 {
		return fmt.Sprintf("The backoff does not matter here: the defaults give %s commits a second, no policy more than %s", standard, Number(a.Optimum.Value))
	}
	return fmt.Sprintf("The defaults give %s commits a second, a backoff of %s; no policy more than %s", standard, strings.Join(said, ", of "), Number(a.Optimum.Value))
}

// Says is what there is to know of a client's advice, a sentence or two at a time.
func (a *Advice) Says(c ClientAdvice) []string {
	var says []string
	say := func(format string, args ...any) { says = append(says, fmt.Sprintf(format, args...)) }
	standard := fmt.Sprintf("The default, %s, gives %s, %s %% of the optimum.", c.Client.defaultText, c.DefaultThroughput, Number(c.DefaultShare.Value))
	switch c.Verdict {
	case NoConflict:
		say("It does not matter: with the default, %s, no transaction meets CONCURRENT_TRANSACTIONS. Keep it.", c.Client.defaultText)
		return says
	case NoDifference:
		say("It does not matter: %s ms, the best that can be set, gives %s times what the default gives. Keep the default, %s.", Milliseconds(c.Setting.Backoff), c.Gain, c.Client.defaultText)
		return says
	}
	say("%s commits a second, %s %% of the optimum. %s", c.Throughput, c.Share, standard)
	say("%s CONCURRENT_TRANSACTIONS a transaction; the coordinator answers %s requests a second.", c.Answers, c.Load)
	if failures := 100 * a.Question.Failures; c.DefaultFailed.Value > failures {
		say("With the default %s %% of the transactions run out of retries.", c.DefaultFailed)
	}
	if c.Setting.Max != Endless {
		say("%s of %s transactions ran out of retries: %s %%, and %s %% may.", Number(c.Failed.Value*c.Tried/100), Number(c.Tried), c.Failed, Number(100*a.Question.Failures))
		if c.Failed.Value > 100*a.Question.Failures {
			say("That is too many, and no higher Max was tried.")
		}
		if w := a.Question.Windows; w.Measured && float64(len(w.samples))*a.Question.Failures < 3 {
			say("%s windows say little of the rarest %s %%: measure more, or take Max for a guess.", Number(float64(len(w.samples))), Number(100*a.Question.Failures))
		}
	}
	return append(says, c.Client.notes(c.Setting)...)
}

// SaysOfTV2 is what TV2 makes of the question.
func (a *Advice) SaysOfTV2() string {
	says := fmt.Sprintf("Where transaction.version is 2 (Kafka 4) and the client speaks it (Java 4, franz-go; Sarama 1.61.1 does not), no client adds partitions: "+
		"the broker tries by itself, every %v for up to %v. That gives %s commits a second, %s %% of the optimum. ", brokerBackoff, brokerPatience, a.TV2, a.TV2Share)
	if longer := a.Question.Windows.Longer(brokerPatience); longer > 0 {
		return says + fmt.Sprintf("Of the windows %s %% are longer than that: CONCURRENT_TRANSACTIONS comes back to the client then, and franz-go waits for its metadata, up to 5 s.", Number(100*longer))
	}
	return says + "It makes the question moot: what a client waits is not asked, and add.partitions.to.txn.retry.backoff.ms is the broker's."
}

// String writes a number and the ends of its interval.
func (e Estimate) String() string {
	return fmt.Sprintf("%s [%s, %s]", Number(e.Value), Number(e.Low), Number(e.High))
}

func (v Verdict) String() string {
	return [...]string{"matters", "no conflict", "no difference"}[v]
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
