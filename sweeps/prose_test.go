package sweeps

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// prose is a phrase of a text with measured numbers, and how they are held.
type prose struct {
	file, phrase string
	// by is a test that makes the phrase, "FILE:NAME"; a func(t) of numbers, in the order of
	// the phrase's, which are compared to the last digit that it has; or a reason why nothing
	// makes them.
	by any
}

// because is a reason.
type because string

const (
	readme   = "../README.md"
	scale    = "../docs/scale.md"
	teaching = "../workshop/TEACHING.md"
)

// measuredProse lists the phrases of these texts that have measured numbers, but for those of
// README.md that TestPublishedNumbers holds.
var measuredProse = []prose{
	{readme, "searches all 13 states", "../scenarios/published_test.go:TestPublishedCounter"},
	{readme, "Each finding is repeated 100 times of 100", "../witness/cmd/witness/kernels_test.go:TestKernels"},

	{scale, "30 s without that flag", because("a default")},
	{scale, "up to 10^9 states", because("what the plan is for")},
	{scale, "Proved for a graph of 5 states", because("a parameter of TestPartition")},
	{scale, "in all 35,526 states", "../sim/explore/partition_test.go:TestPartition"},
	{scale, "the search finds that in 24 steps", "../sim/explore/partition_test.go:TestPartition"},
	{scale, "A run over 100,002 states with 4 owners and batches of at most 1,024 has 602 batches and 6,036 messages", "../sim/explore/partition_test.go:TestPartitionMessages"},
	{scale, "6,036 messages, 0.06 a state", func(t *testing.T) []float64 {
		run := numbersOf(t, scale, "A run over ", " messages")
		return []float64{run[4], run[4] / run[0]}
	}},
	{scale, "With 64 owners and full batches, 10^9 states take 1.3 x 10^8 messages", func(t *testing.T) []float64 {
		batch := numbersOf(t, scale, "batches of at most ", " has")[0]
		return []float64{64, 1e9, 2 * (64 + 1) * 1e9 / batch / 1e8, 1e8}
	}},
	{scale, "At the 3.2 steps a state of `stale-snapshot` that is at most 26 GB for 10^9 states", func(t *testing.T) []float64 {
		return []float64{stepsAState(t), 8 * stepsAState(t), 1e9}
	}},
	{scale, "20.1 bytes a state, so 20.1 GB for 10^9", func(t *testing.T) []float64 {
		bytes := numbersOf(t, "../docs/performance.md", "memory of the set of seen states | ", " bytes a state")[0]
		return []float64{bytes, bytes, 1e9}
	}},
	{scale, "Two of 10^9 fingerprints of 64 bits are equal with odds of 3 %", func(*testing.T) []float64 {
		return []float64{1e9, 64, 100 * 1e9 * 1e9 / 2 / math.Exp2(64)}
	}},

	{teaching, "From lesson 0 to the end of exercise 02 there are 1,651 words, eight minutes at 200 words a minute", func(t *testing.T) []float64 {
		words := 0
		for _, file := range []string{"lessons/0-who-moves-next.md", "lessons/1-the-rewind.md", "01-counter/README.md", "02-offset-lock/README.md"} {
			words += len(strings.Fields(read(t, "../workshop/"+file)))
		}
		return []float64{0, 2, float64(words), 200}
	}},
	{teaching, "An agent that walked it made 59 acts: 38 steps, 7 questions, 8 bets and 6 grades", because("counted once")},
	{teaching, "The rest of the 85 minutes", func(t *testing.T) []float64 {
		at := numbersOf(t, teaching, "who is done begins 03 |", "break") // in the plan of three hours
		return []float64{60*at[0] + at[1]}
	}},
	{teaching, "short enough for 3 ms", because("a setting of the exercise")},
}

// stepsAState is what docs/performance.md says of the search of stale-snapshot.
func stepsAState(t *testing.T) float64 {
	search := numbersOf(t, "../docs/performance.md", "3 committers, 4 commits, 6 marks: ", " transitions")
	return search[1] / search[0]
}

func read(t *testing.T, file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// flat has one space between words.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

var powers = regexp.MustCompile(`10\^\d+|\d[\d,]*(\.\d+)?`)

// numbersIn are the numbers of a text.
func numbersIn(t *testing.T, text string) (values []float64, written []string) {
	for _, w := range powers.FindAllString(text, -1) {
		plain := strings.ReplaceAll(strings.ReplaceAll(w, ",", ""), "10^", "1e")
		v, err := strconv.ParseFloat(plain, 64)
		if err != nil {
			t.Fatal(err)
		}
		values, written = append(values, v), append(written, plain)
	}
	return values, written
}

// numbersOf are the numbers of a file between two texts.
func numbersOf(t *testing.T, file, from, to string) []float64 {
	_, rest, ok := strings.Cut(flat(read(t, file)), from)
	part, _, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q before %q", file, from, to)
	}
	values, _ := numbersIn(t, part)
	return values
}

// unspoken is what a reader does not take for a sentence's number: what is generated, code, and
// where a link leads.
var unspoken = regexp.MustCompile("(?s)<!-- By symptom.*?<!-- End of the table|(?m:^ *```)(?s:.*?)(?m:^ *```$)|`[^`\n]*`|\\]\\([^)]*\\)")

// measuredNumber is a number with the unit of something that a command counts or measures,
// and what may say that it is near.
var measuredNumber = regexp.MustCompile(`(about [\d.,]+ \w+ to |about )?(10\^\d+|\d[\d.,]*)( x 10\^\d+)?( million)? ?(states|schedules|steps|orders|runs|verdicts|transactions|commits|records|messages|batches|bytes|[KMG]B|%|times|us|ms|s|words|acts|questions|bets|grades)( |[.,;:)]|$)`)

// Goal: each measured number of these texts is made by a command, is said to be near, or has a
// reason; TestPublishedNumbers holds some. A number is measured if its unit is one that a command
// counts or measures: releases, ports, exit codes and the like are not.
func TestMeasuredNumbers(t *testing.T) {
	for _, file := range []string{readme, scale, teaching} {
		text := flat(unspoken.ReplaceAllString(read(t, file), "`"))
		for _, p := range measuredProse {
			if p.file != file {
				continue
			}
			phrase := flat(unspoken.ReplaceAllString(p.phrase, "`"))
			if !strings.Contains(text, phrase) && !strings.Contains(flat(read(t, file)), p.phrase) {
				t.Errorf("%s does not say %q", file, p.phrase)
			}
			p.holds(t)
			text = strings.ReplaceAll(text, phrase, "")
		}
		for _, p := range statements {
			if p.statement == "README" && file == readme {
				text = strings.ReplaceAll(text, flat(p.phrase), "")
			}
		}
		for _, found := range measuredNumber.FindAllStringSubmatchIndex(text, -1) {
			if found[2] < 0 {
				t.Errorf("%s has a measured number that nothing makes, and that is not said to be about: ...%s", file, text[max(0, found[0]-40):min(len(text), found[1]+20)])
			}
		}
	}
}

// holds fails unless the phrase's numbers are as they are made.
func (p prose) holds(t *testing.T) {
	switch by := p.by.(type) {
	case string:
		file, name, _ := strings.Cut(by, ":")
		if !strings.Contains(read(t, file), "\nfunc "+name+"(t *testing.T)") {
			t.Errorf("%s has no test %s, which is to make %q", file, name, p.phrase)
		}
	case func(*testing.T) []float64:
		values := by(t)
		_, written := numbersIn(t, unspoken.ReplaceAllString(p.phrase, ""))
		for i, v := range values {
			_, digits, _ := strings.Cut(written[i], ".")
			want := strconv.FormatFloat(v, 'f', len(digits), 64)
			if number, _ := strconv.ParseFloat(written[i], 64); want != strconv.FormatFloat(number, 'f', len(digits), 64) {
				t.Errorf("%s says %q; %s is %s", p.file, p.phrase, written[i], want)
			}
		}
		if len(values) != len(written) {
			t.Errorf("%q has %d numbers, and %d are made: %s", p.phrase, len(written), len(values), fmt.Sprint(values))
		}
	}
}
