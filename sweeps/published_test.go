package sweeps

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"racelab/scenario"
	"racelab/scenarios"
)

var publishedSeeds = flag.Int("published-seeds", 0, "seeds of each number that a statement has; 0: few, and the numbers need only be near; the sweep's own: to the last digit")

// published is a phrase of a statement, and how its first number is made.
type published struct {
	statement, phrase string
	near              float64 // what few seeds may miss it by
	value             func(m medianOf) float64
}

// medianOf gives a number of a sweep.
type medianOf func(sweep *Sweep, series, column string, settings ...string) float64

func cell(sweep *Sweep, series, column string, settings ...string) func(medianOf) float64 {
	return func(m medianOf) float64 { return m(sweep, series, column, settings...) }
}

// given is a phrase whose numbers no sweep makes: settings, and what releases were
// measured at.
func given(medianOf) float64 { return math.NaN() }

// statements lists all numbers of some statements.
var statements = []published{
	{"C0.3", "at 3 ms 99 of 100 do that follow at once", 0, given},
	{"C0.3", "1.7 times at 1 ms", 0.2, cell(&backoff, "sarama", "answers", "backoff=1ms")},
	{"C0.3", "with 10 retries, Producer.Retry.Max 1 (the least that Sarama accepts) and one window of 300 ms in fifty", 0, given},
	{"C0.3", "2.2 % fail at a backoff up to 8 ms", 1.5, cell(&backoffRetries, "sarama", "failed", "backoff=8ms")},
	{"C0.3", "one of 4,000 at 15 ms, and none from 20 ms on; at Producer.Retry.Max 3", 0, given},
	{"C0.4", "20 ms changes nothing, because the first add waits 20 ms at most", 0, given},
	{"C0.4", "at a window of 3 ms", 0, given},
	{"C0.4", "42 commits a second at 20 ms", 1, cell(&backoff, "sarama", "throughput", "backoff=20ms")},
	{"C0.4", "at 100 ms and at 2 s", 0, given},
	{"C0.4", "155 at 1 ms", 5, cell(&backoff, "sarama", "throughput", "backoff=1ms")},
	{"C0.4", "Where 100 ms is really waited", 0, given},
	{"C0.6", "At a window of 3 ms", 0, given},
	{"C0.6", "raises 42 commits a second", 1, cell(&transactionPause, "sarama", "throughput", "gap=0s")},
	{"C0.6", "a pause of 5 ms", 0, given},
	{"C0.6", "to 102", 5, cell(&transactionPause, "sarama", "throughput", "gap=5ms")},
	{"C0.6", "the 20 ms after a refusal", 0, given},
	{"C0.6", "A backoff of 1 ms", 0, given},
	{"C0.6", "155", 5, cell(&transactionPause, "sarama", "throughput", "gap=0s", "backoff=1ms")},
	{"C0.9", "From 20 ms to 1 ms", 0, given},
	{"C0.9", "3.7 times", 0.15, func(m medianOf) float64 {
		return m(&backoff, "sarama", "throughput", "backoff=1ms") / m(&backoff, "sarama", "throughput", "backoff=20ms")
	}},
	{"C0.9", "4.6 times", 0.2, func(m medianOf) float64 {
		return m(&backoff, "sarama", "load", "backoff=1ms") / m(&backoff, "sarama", "load", "backoff=20ms")
	}},
	{"C0.9", "p50 and p99 are both", 0, given},
	{"C0.9", "24 ms at 20 ms", 0.5, cell(&backoff, "sarama", "p50", "backoff=20ms")},
	{"C0.9", "5 and 13 ms at 1 ms", 2.5, cell(&backoff, "sarama", "p50", "backoff=1ms")},
	{"C0.9", "13 ms at 1 ms", 2, cell(&backoff, "sarama", "p99", "backoff=1ms")},
	{"C1.10", "records of 10 us: 100 a transaction", 0, given},
	{"C1.10", "4 % of the throughput by Sarama's defaults", 1, cell(&transactionSize, "sarama", "share", "records=100")},
	{"C1.10", "13 % at a backoff of 2 ms", 1, cell(&transactionSize, "sarama", "share", "records=100", "backoff=2ms")},
	{"C1.10", "1,000 leave", 0, given},
	{"C1.10", "30 % and", 1, cell(&transactionSize, "sarama", "share", "records=1000")},
	{"C1.10", "59 %", 2, cell(&transactionSize, "sarama", "share", "records=1000", "backoff=2ms")},
	{"C1.10", "10,000 leave", 0, given},
	{"C1.10", "81 % and", 1, cell(&transactionSize, "sarama", "share", "records=10000")},
	{"C1.10", "93 %", 1, cell(&transactionSize, "sarama", "share", "records=10000", "backoff=2ms")},
	{"C2.4", "twice a quota of 20 a second", 0, given},
	{"C2.4", "1,906 messages in 100 s", 40, cell(&throttle, "mutex", "queue", "seconds=100", "input=unbounded")},
	{"C2.4", "89 messages for a room of 32", 3, cell(&throttle, "mutex", "queue", "seconds=100", "input=bounded")},
	{"C3.1", "1.22.2 itself", 0, given},
	{"C3.1", "what was measured, 56 %", 0.5, fits(0, "promise=exp:200us")},
	{"C3.1", "44 % of failures", 0.5, fits(1, "promise=exp:100us")},
	{"C3.1", "promises 0.2 and 0.1 ms late", 0, given},
	{"C3.5", "if 1 % of records fail p99 goes", 0, given},
	{"C3.5", "2.7 to", 0.4, cell(&orderingCost, "none", "p99", "per-thousand=0")},
	{"C3.5", "15 ms as released", 1, cell(&orderingCost, "none", "p99", "per-thousand=10")},
	{"C3.5", "to 49 %", 2, func(m medianOf) float64 {
		return 100 * m(&orderingCost, "none", "throughput", "per-thousand=10", "submit=1us") / m(&orderingCost, "none", "throughput", "per-thousand=0", "submit=1us")
	}},
	{"C3.5", "worse by more than 10 %, whichever remedy", 0, orderCostsAtMost(10)},
	{"C3.5", "one failure in 500 on (p99", 0, given},
	{"C3.5", "5 ms), so a pause", 0.4, cell(&orderingCost, "none", "p99", "per-thousand=2")},
	{"C4.3", "released in 1.43.3", 0, given},
	{"C4.3", "300 commits took", 0, func(medianOf) float64 { return 300 }},
	{"C4.3", "511 ms with the lock of its own", 0, measuredOf("commit-lock")},
	{"C4.3", "294 ms with the broker's", 0, measuredOf("broker-lock")},
	{"README", "With a window of 3 ms, a backoff of 1 ms", 0, given},
	{"README", "commits 3.7 times as much", 0.15, func(m medianOf) float64 {
		return m(&backoff, "sarama", "throughput", "backoff=1ms") / m(&backoff, "sarama", "throughput", "backoff=20ms")
	}},
	{"README", "a backoff of about 100 ms", 0, given},
	{"README", "at 20 ms, so every value above\n20 ms behaves alike", 0, given},
	{"README", "closed form within 0.1 %", 0, given}, // TestBackoffAgainstTheClosedForm
	{"README", "3 million transactions, about", 0, transactionsOfBackoff},
	{"README", "16 s on two cores", 0, given},                   // about
	{"lesson 3", "lasts 2 to 5 ms in a good cluster", 0, given}, // the log of backoff-measured
	{"lesson 3", "The window lasts 3 ms, a round trip 1 ms", 0, given},
	{"lesson 3", "a backoff of 0.5 ms, 1 ms, 1.5 ms, 3 ms, or the 20 ms", 0, given},
	{"lesson 3", "comes 1 ms after the decision, so\n2 ms are left", 0, given},
	{"lesson 3", "all values above 20 ms alike", 0, given},
	{"lesson 3", "first request at 20 ms", 0, given},
	{"lesson 3", lessonLine("500us"), 0, given},
	{"lesson 3", lessonLine("1ms"), 0, given},
	{"lesson 3", lessonLine("1500us"), 0, given},
	{"lesson 3", lessonLine("3ms"), 0, given},
	{"lesson 3", lessonLine("20ms"), 0, given},
	{"lesson 3", fmt.Sprintf("without a window takes %g ms", inMs(period(0, 0, 0)-oneRecord)), 0, given},
	{"C4.4", "Released 1.43.2 took back 0, 4, 9, 10, 15 and 16 partitions in 1,000 messages with 2, 4, 6, 8, 12 and 16 a consumer", 0, given},
	{"C4.4", "where a message takes 10 ms, several in 1,000 messages where it takes 0.2 ms", 0, given},
	{"C4.4", "0.6 stale commits at a delay of 0.1 ms", 1, cell(&rewindOdds, "unfixed", "rewinds by work", "latency=lognormal:100us,0.5")},
	{"C4.4", "2.3 at 2 ms", 1.5, cell(&rewindOdds, "unfixed", "rewinds by work", "latency=lognormal:2ms,0.5")},
	{"C4.5", "of 12 partitions", 0, given},
	{"C4.5", "5 of 1,000 messages", 2, cell(&rewindOdds, "unfixed", "taken back", "partitions=12", "instances=2")},
	{"C4.5", "instead of 11", 3, cell(&rewindOdds, "unfixed", "taken back", "partitions=12")},
}

func inMs(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// lessonLine is a line of lesson 3's table, by the closed form, which the sweep is held
// against: a window of 3 ms, and records that take no time.
func lessonLine(text string) string {
	b, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	whole := period(3*time.Millisecond, 0, b) - oneRecord
	refused := whole - period(0, 0, b) + oneRecord
	return fmt.Sprintf("| %g ms | %d | %g ms | %g ms |", inMs(b), refused/(b+roundTrip), inMs(refused), inMs(whole))
}

// transactionsOfBackoff is how many millions of transactions the sweep backoff makes.
func transactionsOfBackoff(medianOf) float64 {
	p := scenario.Defaults((*TransactionLoad).flags)
	return math.Round(float64(len(backoff.Panels[0].Values)*len(backoff.Series)*backoff.Seeds*p.Transactions) / 1e6)
}

// section is a part of a file between two texts.
func section(t *testing.T, file, from, to string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(content), from)
	part, _, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q before %q", file, from, to)
	}
	return regexp.MustCompile(`(?m)^## .*|\[.*?\]\(.*?\)`).ReplaceAllString(part, "") // headings and links
}

// fits is what franz-go was measured to do in % of failures, if the model does as much,
// at a setting, within 12.
func fits(i int, setting string) func(medianOf) float64 {
	return func(m medianOf) float64 {
		measured := measuredOvertaken[i]
		if model := m(&reorderOdds, measured.series, "overtaken", setting); math.Abs(model-measured.share) > 12 {
			return model
		}
		return measured.share
	}
}

// orderCostsAtMost is a bound in %, unless a remedy that keeps the order makes p99 or
// the throughput worse by more.
func orderCostsAtMost(bound float64) func(medianOf) float64 {
	return func(m medianOf) float64 {
		worst := bound
		for _, remedy := range keepOrder {
			late := m(&orderingCost, remedy, "p99", "per-thousand=10") / m(&orderingCost, "none", "p99", "per-thousand=10")
			less := m(&orderingCost, remedy, "throughput", "per-thousand=10", "submit=1us") / m(&orderingCost, "none", "throughput", "per-thousand=10", "submit=1us")
			worst = max(worst, 100*(late-1), 100*(1-less))
		}
		return worst
	}
}

// measuredOf is the total in ms that a release was measured to take.
func measuredOf(series string) func(medianOf) float64 {
	return func(medianOf) float64 {
		for _, r := range commitCost.References {
			if r.Series == series && r.Column == "total" {
				return r.Value // The first is at the defaults.
			}
		}
		return 0
	}
}

// heldElsewhere are statements whose numbers the tests of their Command compare with
// their text (C0.2, C0.7), or that say about.
var heldElsewhere = []string{"C0.2", "C0.7", "3710", "1307", "3696"}

// measure is a number with a unit.
var measure = regexp.MustCompile(`\d ?(us|ms|s|%|times|commits|messages|records|states)\b`)

var aNumber = regexp.MustCompile(`\d[\d,]*(\.\d+)?`)

// Goal: the numbers of these statements are what the sweeps give, and there are no
// others. Method: few seeds come near; -published-seeds 100, nightly, gives each digit.
func TestPublishedNumbers(t *testing.T) {
	evidence := map[string]string{
		"README":   section(t, "../README.md", "![Throughput against backoff](figures/gallery/backoff.png)", "## Why trust it"),
		"lesson 3": section(t, "../workshop/lessons/3-refused.md", "The time from", "## 3. Your turn"),
	}
	for _, s := range scenarios.All() {
		for _, of := range s.Statements {
			evidence[of.ID] = of.Evidence
		}
	}
	results := map[string]float64{}
	var m medianOf = func(sweep *Sweep, series, column string, settings ...string) float64 {
		key := fmt.Sprint(sweep.Name, series, column, settings)
		if _, ok := results[key]; !ok {
			seeds := *publishedSeeds
			if seeds == 0 {
				seeds = min(sweep.Seeds, 2)
				if sweep == &rewindOdds || sweep == &reorderOdds {
					seeds = 20 // Odds.
				}
			}
			of := row(t, sweep, series, min(seeds, sweep.Seeds), settings...)
			for _, c := range sweep.Columns {
				results[fmt.Sprint(sweep.Name, series, c.Name, settings)] = of(c.Name).Value
			}
		}
		return results[key]
	}
	left := map[string]string{}
	for _, p := range statements {
		if _, ok := left[p.statement]; !ok {
			left[p.statement] = evidence[p.statement]
		}
		if !strings.Contains(evidence[p.statement], p.phrase) {
			t.Errorf("%s does not say %q", p.statement, p.phrase)
		}
		left[p.statement] = strings.ReplaceAll(left[p.statement], p.phrase, "")
		value := p.value(m)
		if math.IsNaN(value) {
			continue
		}
		text := strings.ReplaceAll(aNumber.FindString(p.phrase), ",", "")
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		_, digits, _ := strings.Cut(text, ".")
		if exact := *publishedSeeds > 0; exact && strconv.FormatFloat(value, 'f', len(digits), 64) != text || !exact && math.Abs(value-number) > p.near {
			t.Errorf("%s says %q, and the sweep %g", p.statement, p.phrase, value)
		}
	}
	for id, text := range evidence {
		if _, listed := left[id]; listed || slices.Contains(heldElsewhere, id) {
			continue
		}
		if number := measure.FindString(text); number != "" {
			t.Errorf("%s says %q, and no published says how that is made", id, number)
		}
	}
	for id, text := range left {
		if number := aNumber.FindString(text); number != "" {
			t.Errorf("%s has the number %s, which no published says how to make: %s", id, number, text)
		}
	}
}
