package scenario

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// InGroup lists the scenarios of a group; one without a group is of the application.
func InGroup(all []*Race, group Group) []*Race {
	var in []*Race
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

// Match is a symptom that a text shows.
type Match struct {
	Scenario *Race
	Symptom  Symptom
	Seen     Seen // which of its texts
	score    float64
}

// Why finds the symptoms that a text shows, a line of a log or a few words, the
// best first. Case, numbers, timestamps and what else stands around the words of a
// symptom do not matter, nor how a client spells the name of an error:
// REBALANCE_IN_PROGRESS, RebalanceInProgress or RebalanceInProgressException.
func Why(all []*Race, text string) []Match {
	return matches(all, text, func(asked, seen []string) float64 {
		if score := likeness(asked, seen); score >= alike {
			return score
		}
		return 0
	})
}

// Near finds the symptoms that share words with a text, those with the rarest words
// first: what to show if Why finds nothing.
func Near(all []*Race, text string) []Match {
	holders := map[string]int{}
	for _, s := range all {
		for _, symptom := range s.Symptoms {
			for _, word := range symptom.words() {
				holders[word]++
			}
		}
	}
	return matches(all, text, func(asked, seen []string) float64 {
		score := 0.0
		for _, word := range seen {
			if slices.Contains(asked, word) {
				score += 1 / float64(holders[word])
			}
		}
		return score
	})
}

// matches lists the symptoms of which a text has a score, each with its best text, the
// highest first.
func matches(all []*Race, text string, score func(asked, seen []string) float64) []Match {
	asked := significant(text)
	var found []Match
	for _, s := range all {
		for _, symptom := range s.Symptoms {
			best := Match{Scenario: s, Symptom: symptom}
			for _, seen := range symptom.Seen {
				if score := score(asked, significant(seen.Text)); score > best.score {
					best.Seen, best.score = seen, score
				}
			}
			if best.score > 0 {
				found = append(found, best)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Match) int { return cmp.Compare(b.score, a.score) })
	return found
}

// words is all that its texts say, once each.
func (s Symptom) words() []string {
	var all []string
	for _, seen := range s.Seen {
		all = append(all, significant(seen.Text)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
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

// camel is where a word begins within a name: RebalanceInProgress.
var camel = regexp.MustCompile(`([a-z])([A-Z])`)

// significant lists the words of a text that say something, once each: no numbers,
// none of a letter, no articles; the endings of verbs and plurals are cut.
func significant(text string) []string {
	text = strings.ToLower(camel.ReplaceAllString(text, "$1 $2"))
	var words []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
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

var insignificant = strings.Fields("after although an and apache are at attempts be but by common each error errors exception for from has have in is it its kafka ms my no not of on or org our remaining retrying server so than that the then there this to until was we were while with")

// symptomTable is the table of README.md: a part a group. Those of clients and of the
// protocol are open.
func symptomTable(all []*Race) string {
	var b strings.Builder
	for _, group := range Groups() {
		rows, n := symptomRows(InGroup(all, group))
		if n == 0 {
			continue
		}
		open := ""
		if group == ClientRace || group == Protocol {
			open = " open"
		}
		fmt.Fprintf(&b, "<details%s><summary><b>%s</b>, %d symptoms</summary>\n\n", open, group, n)
		fmt.Fprintf(&b, "| In your log, or in the issue | Cause | Releases | What to do | Show me |\n|---|---|---|---|---|\n%s\n</details>\n", rows)
	}
	return b.String()
}

func symptomRows(races []*Race) (rows string, n int) {
	var b strings.Builder
	for _, s := range races {
		for _, symptom := range s.Symptoms {
			var seen []string
			for _, text := range symptom.Seen {
				seen = append(seen, text.String())
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | `%s` |\n", strings.Join(seen, "; "), symptom.Cause, symptom.Releases, symptom.Do, symptom.Command)
			n++
		}
	}
	return b.String(), n
}

const (
	tableBegins = "<!-- By symptom: generated by simrun docs; make races writes it anew. -->\n"
	tableEnds   = "<!-- End of the table. -->\n"
)

// Readme returns the text of README.md with its table of symptoms written anew.
func Readme(old string, all []*Race) (string, error) {
	before, rest, ok := strings.Cut(old, tableBegins)
	_, after, closed := strings.Cut(rest, tableEnds)
	if !ok || !closed {
		return "", fmt.Errorf("README.md has no place for the table of symptoms; want the lines %q and %q", tableBegins, tableEnds)
	}
	return before + tableBegins + symptomTable(all) + tableEnds + after, nil
}
