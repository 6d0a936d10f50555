package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// InGroup lists the scenarios of a group; one without a group is of the application.
func InGroup(all []*Scenario, group Group) []*Scenario {
	var in []*Scenario
	for _, s := range all {
		if cmp.Or(s.Group, Application) == group {
			in = append(in, s)
		}
	}
	return in
}

// Symptom is how a user meets a race, and what to do about it.
type Symptom struct {
	// Seen are texts as a log or an issue has them, word for word, or the words in
	// which users say it. Numbers and names that differ each time do not matter.
	Seen     []Seen
	Cause    string // the race, in one sentence
	Releases string // that have it
	Do       string
	Command  string // shows it
}

// Seen is one text.
type Seen struct {
	By   string // the client that logs it; empty: what a user observes
	Text string
}

func (s Seen) String() string {
	if s.By == "" {
		return s.Text
	}
	return s.By + " `" + s.Text + "`"
}

const concurrentOperation = "The producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing"

// The texts of Sarama were read in 1.43.0 to 1.61.1, those of franz-go in 1.20.7 to
// 1.22.3. The line of the throttle and that of the cancelled commit are logged at
// level debug only.
var (
	concurrentTransactionsSymptoms = []Symptom{{
		Seen: []Seen{
			{"Sarama", "kafka server: " + concurrentOperation},
			{"Sarama", "txnmgr/add-partition-to-txn retrying after 20ms... (0 attempts remaining)"},
			{"franz-go", "CONCURRENT_TRANSACTIONS: " + concurrentOperation},
			{"Java", "ConcurrentTransactionsException"},
		},
		Cause:    "The coordinator has decided the last transaction, and has not written its markers yet. Until it has, it refuses the next one.",
		Releases: "all; before Sarama 1.61.1 the producer may not recover",
		Do:       "Use Sarama 1.61.1. After an error call AbortTxn until it succeeds, then repeat the whole transaction. Set the backoff that `simrun advise --window 3ms` has for your window.",
		Command:  Command("run", "concurrent-transactions"),
	}}
	offsetRewindSymptoms = []Symptom{{
		Seen: []Seen{
			{"", "a message is processed twice after a restart, and no call failed"},
			{"", "the committed offset went back"},
			{"", "offset goes back after restart"},
			{"", "duplicate messages are consumed after a restart or rebalance"},
		},
		Cause:    "A commit that was built earlier was sent later.",
		Releases: "Sarama 1.38.0 to 1.43.2",
		Do:       "Use Sarama 1.48.0.",
		Command:  Command("run", "offset-rewind"),
	}, {
		Seen: []Seen{
			{"", "Commit or Close of a Sarama consumer hangs after the coordinator moved"},
			{"", "offset manager deadlock"},
			{"", "consumer group does not shut down, Close never returns"},
		},
		Cause:    "Four goroutines wait for each other's locks.",
		Releases: "Sarama 1.43.3 to 1.47",
		Do:       "Use Sarama 1.48.0.",
		Command:  Command("explore", "offset-rewind/broker-lock@four-committers", "--fail-fast"),
	}}
	throttleStallSymptoms = []Symptom{{
		Seen: []Seen{
			{"Sarama", "broker/1 waiting for throttle timer"},
			{"", "the producer hangs after throttling, nothing is sent, and Close hangs"},
			{"", "producer stops sending for ever after it exceeded its quota"},
		},
		Cause:    "The sender waits for a timer that another goroutine has stopped.",
		Releases: "Sarama 1.41.0 to 1.43.0",
		Do:       "Use Sarama 1.43.1. There Close still waits until the throttle ends.",
		Command:  Command("run", "throttle-stall"),
	}}
	commitReconnectSymptoms = []Symptom{{
		Seen: []Seen{
			{"franz-go", "default commit canceled"},
			{"", "a commit was cancelled, and later the committed offset goes back"},
		},
		Cause:    "A cancelled commit arrives after its successor, on an older connection.",
		Releases: "franz-go 1.0.0 to 1.20.7",
		Do:       "Use franz-go 1.21.0. It is still possible if your own context cancels a commit.",
		Command:  Command("run", "commit-reconnect"),
	}}
	produceReorderSymptoms = []Symptom{{
		Seen: []Seen{
			{"", "records of one key are out of order after a produce error"},
			{"", "messages out of order after an error"},
			{"", "an older value of a key overwrites a newer one after a failed batch was produced again"},
		},
		Cause:    "New records are accepted before your callback hears of the error.",
		Releases: "franz-go 1.22.2",
		Do:       "Write in a transaction, and abort and repeat it. The other remedies are proposals, each with its price.",
		Command:  Command("show", "produce-reorder"),
	}}
	staleMemberCommitSymptoms = []Symptom{{
		Seen: []Seen{
			{"Sarama", "kafka server: The provided generation id is not the current generation"},
			{"franz-go", "ILLEGAL_GENERATION: Specified group generation id is not valid."},
			{"Java", "CommitFailedException"},
			{"", "an older offset after a rebalance, and no error at all"},
		},
		Cause:    "A member that has lost its partition commits late.",
		Releases: "depends on what the client puts into a commit",
		Do:       "Commit with the generation under which the message was polled.",
		Command:  Command("show", "stale-member-commit"),
	}}
)

// Match is a symptom that a text shows.
type Match struct {
	Scenario *Scenario
	Symptom  Symptom
	Seen     Seen // which of its texts
	score    float64
}

// Why finds the symptoms that a text shows, a line of a log or a few words, the
// best first. Case, numbers, timestamps and what else stands around the words of a
// symptom do not matter.
func Why(all []*Scenario, text string) []Match {
	asked := significant(text)
	var found []Match
	for _, s := range all {
		for _, symptom := range s.Symptoms {
			best := Match{Scenario: s, Symptom: symptom}
			for _, seen := range symptom.Seen {
				if score := likeness(asked, significant(seen.Text)); score > best.score {
					best.Seen, best.score = seen, score
				}
			}
			if best.score >= alike {
				found = append(found, best)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Match) int { return cmp.Compare(b.score, a.score) })
	return found
}

// alike is the least likeness of a match.
const alike = 0.6

// likeness is the share of the words of either text that the other has too, and a
// little more for each word: of two texts that are there as a whole, the longer.
func likeness(asked, seen []string) float64 {
	shared := 0
	for _, word := range seen {
		if slices.Contains(asked, word) {
			shared++
		}
	}
	shorter := min(len(asked), len(seen))
	if shared == 0 || shared < min(3, shorter) { // Two words in common are chance, if there are more.
		return 0
	}
	return float64(shared)/float64(shorter) + float64(shared)/1000
}

// significant lists the words of a text that say something, once each: no numbers,
// none of a letter, no articles; the endings of verbs and plurals are cut.
func significant(text string) []string {
	var words []string
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len(word) < 2 || slices.Contains(insignificant, word) {
			continue
		}
		for _, ending := range []string{"ing", "ed", "es", "s", "e"} {
			if cut, ok := strings.CutSuffix(word, ending); ok && len(cut) > 2 {
				word = strings.TrimSuffix(cut, "l") // British and American: cancelled, canceled.
				break
			}
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

var insignificant = strings.Fields("after an and are at attempts be but by error for from has have in is it its kafka ms my no not of on or our remaining retrying server so than that the then there this to until was we were while with")

// symptomTable is the table of README.md.
func symptomTable(all []*Scenario) string {
	var b strings.Builder
	b.WriteString("| In your log, or in the issue | Cause | Releases | What to do | Show me |\n|---|---|---|---|---|\n")
	for _, s := range all {
		for _, symptom := range s.Symptoms {
			var seen []string
			for _, text := range symptom.Seen {
				seen = append(seen, text.String())
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | `%s` |\n", strings.Join(seen, "; "), symptom.Cause, symptom.Releases, symptom.Do, symptom.Command)
		}
	}
	return b.String()
}

const (
	tableBegins = "<!-- By symptom: generated by simrun docs; make races writes it anew. -->\n"
	tableEnds   = "<!-- End of the table. -->\n"
)

// Readme returns the text of README.md with its table of symptoms written anew.
func Readme(old string, all []*Scenario) (string, error) {
	before, rest, ok := strings.Cut(old, tableBegins)
	_, after, closed := strings.Cut(rest, tableEnds)
	if !ok || !closed {
		return "", fmt.Errorf("README.md has no place for the table of symptoms; want the lines %q and %q", tableBegins, tableEnds)
	}
	return before + tableBegins + symptomTable(all) + tableEnds + after, nil
}
