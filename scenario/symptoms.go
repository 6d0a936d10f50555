package scenario

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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
	Seen  []Seen
	Cause string // the race, in one sentence
	// Variants are those whose releases have it: see Race.Has. Also is who has it besides,
	// and names no release: a release has what a variant says of it.
	Variants []string
	Also     string
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

// Finder finds symptoms by what a text says.
type Finder struct {
	known   []known
	holders map[string]int     // how many symptoms have a word
	before  map[string][]Match // what Why has found, by what was said: logs repeat themselves
}

// known is a text of a symptom.
type known struct {
	scenario *Race
	symptom  *Symptom
	seen     Seen
	words    []string
	squeezed string
	code     string   // all that it says; empty: it says more
	clients  []string // whose releases have it; none: it is not a matter of the client
}

// NewFinder returns the Finder of the symptoms of all scenarios.
func NewFinder(all []*Race) *Finder {
	f := &Finder{holders: map[string]int{}, before: map[string][]Match{}}
	for _, s := range all {
		for i := range s.Symptoms {
			var words []string
			clients := clientsIn(s.Has(s.Symptoms[i]))
			for _, seen := range s.Symptoms[i].Seen {
				k := known{scenario: s, symptom: &s.Symptoms[i], seen: seen, words: significant(seen.Text), squeezed: squeeze(seen.Text), clients: clients}
				if !strings.Contains(seen.Text, " ") {
					k.code = codeOf(seen.Text)
				}
				f.known = append(f.known, k)
				words = append(words, k.words...)
			}
			slices.Sort(words)
			for _, word := range slices.Compact(words) {
				f.holders[word]++
			}
		}
	}
	return f
}

// Why finds the symptoms that a text shows, a line of a log or a few words, the
// best first. Case, numbers, timestamps and what else stands around the words of a
// symptom do not matter, nor how a client spells the name of an error:
// REBALANCE_IN_PROGRESS, RebalanceInProgress or RebalanceInProgressException. Beside a
// symptom that is sure, one that only resembles the text says nothing.
func (f *Finder) Why(text string) []Match {
	said := say(text)
	key := fmt.Sprint(said.words, said.codes, said.clients)
	found, ok := f.before[key]
	if !ok {
		found = f.matches(said, why)
		if len(found) > 0 {
			least := min(sure, fairly*found[0].score)
			if found[0].score >= sure {
				least = sure
			}
			found = slices.DeleteFunc(found, func(m Match) bool { return m.score < least })
		}
		if len(f.before) < remembered {
			f.before[key] = found
		}
	}
	return found
}

// Near finds the symptoms that share words with a text, those with the rarest words
// first: what to show if Why finds nothing.
func (f *Finder) Near(text string) []Match {
	return f.matches(say(text), func(said said, k *known) float64 {
		score := 0.0
		for _, word := range k.words {
			if slices.Contains(said.words, word) {
				score += 1 / float64(f.holders[word])
			}
		}
		return score
	})
}

// matches lists the symptoms of which a text has a score, each with its best text, the
// highest first.
func (f *Finder) matches(said said, score func(said said, k *known) float64) []Match {
	var found []Match
	var last *Symptom
	for i := range f.known {
		k := &f.known[i]
		score := score(said, k)
		switch {
		case score <= 0:
		case last == k.symptom:
			if best := &found[len(found)-1]; score > best.score {
				best.Seen, best.score = k.seen, score
			}
		default:
			found, last = append(found, Match{k.scenario, *k.symptom, k.seen, score}), k.symptom
		}
	}
	slices.SortStableFunc(found, func(a, b Match) int { return cmp.Compare(b.score, a.score) })
	return found
}

const (
	alike      = 0.6 // the least likeness of a match
	sure       = 1.0 // of a text that has all that was said, or the name of an error; beside it, what is less does not count
	entire     = 2.0 // of a text that is there as a whole
	fairly     = 0.8 // of the best, what another has to have
	remembered = 1 << 16
)

// why is how like a text is to a known one. A little more for each word: of two texts that
// are there as a whole, the longer.
func why(said said, k *known) float64 {
	if len(said.clients) > 0 && len(k.clients) > 0 && !slices.ContainsFunc(said.clients, func(c string) bool { return slices.Contains(k.clients, c) }) {
		return 0 // It is another client's log.
	}
	if k.code != "" {
		if slices.ContainsFunc(said.tokens, func(token string) bool { return codeOf(token) == k.code }) {
			return entire + float64(len(k.words))/1000
		}
		if len(said.words) > 1 {
			return 0
		}
	}
	shared, telling := 0, false
	for _, word := range k.words {
		if slices.Contains(said.words, word) {
			shared++
			telling = telling || !slices.Contains(general, word) && !slices.Contains(field, word)
		}
	}
	for _, code := range said.codes {
		if at := strings.Index(k.squeezed, code); shared < len(k.words) && (at == 0 || at > 0 && said.fits(k)) {
			return sure + float64(len(code))/float64(len(k.squeezed))/10
		}
	}
	shorter := min(len(said.words), len(k.words))
	switch {
	case said.onlyCodes && shared < len(k.words),
		shared == 0:
		return 0
	case shared == len(k.words):
		return entire + float64(shared)/1000
	case !telling, shared == 1, shared < min(3, shorter): // Two words in common are chance, if there are more.
		return 0
	}
	if score := float64(shared)/float64(shorter) + float64(shared)/1000; score >= alike {
		return score
	}
	return 0
}

// said is what a text says.
type said struct {
	words     []string
	tokens    []string // as they stand there
	codes     []string // the names of errors, without case and signs
	beside    []string // the words beside those names, as far as they are English
	onlyCodes bool
	clients   []string // that it names
}

// fits says whether a text may be one that names an error in its midst: half of what it
// says beside the name has to be there. Clients log the names of errors every day, such as
// that of each heartbeat during a rebalance.
func (s *said) fits(k *known) bool {
	shared := 0
	for _, word := range s.beside {
		if slices.Contains(k.words, word) {
			shared++
		}
	}
	return 2*shared >= len(s.beside)
}

func say(text string) said {
	s := said{words: significant(text), tokens: tokensOf(text), clients: clientsIn(text)}
	rest := text
	for _, token := range s.tokens {
		named := strings.Contains(token, "_") && strings.ToUpper(token) == token
		thrown := strings.HasSuffix(token, "Exception") && strings.Contains(text, "org.apache.kafka.")
		if (named || thrown) && isCode(token) {
			s.codes = append(s.codes, codeOf(token))
			rest = strings.Replace(rest, token, "", 1)
		}
	}
	if len(s.codes) == 0 {
		return s
	}
	words := significant(rest)
	s.onlyCodes = len(words) == 0
	s.beside = slices.DeleteFunc(words, func(word string) bool { return word[0] >= utf8.RuneSelf })
	return s
}

// tokensOf are the words of a text as they stand there, with what joins the words of a name.
// Letters of another script are none of theirs.
func tokensOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r != '_' && (r >= utf8.RuneSelf || !unicode.IsLetter(r)) })
}

// isCode says whether a token is a name of several words, as those of errors are, and not of
// such that any program logs: TimeoutException, KafkaException.
func isCode(token string) bool {
	words := significant(token)
	several := strings.Contains(strings.Trim(token, "_"), "_") || strings.Contains(spaced(strings.TrimSuffix(token, "Exception")), " ")
	return several && slices.ContainsFunc(words, func(word string) bool { return !slices.Contains(general, word) })
}

// clientMarks are by what a line of a log, or a sentence, names a client, in lower case.
var clientMarks = []struct {
	client string
	marks  []string
}{
	{"Sarama", []string{"sarama", "kafka server: "}},
	{"franz-go", []string{"franz-go", "twmb/", "kgo."}},
	{"librdkafka", []string{"rdkafka", "confluent-kafka", "confluent.kafka", "confluent_kafka", "[thrd:"}},
	{"kafka-go", []string{"kafka-go", "segmentio/"}},
	{"Java", []string{"java ", "org.apache.kafka.clients", "clientid=", "spring-kafka"}},
	{"another", []string{"kafkajs", "kafka-python", "aiokafka", "node-kafka"}},
}

// kafkaGoError is how kafka-go says an error: [6] Not Leader For Partition: ...
var kafkaGoError = regexp.MustCompile(`\[\d+\] [A-Z][a-z]+( [A-Z][A-Za-z]+)+: `)

// clientsIn lists the clients that a text names.
func clientsIn(text string) []string {
	var clients []string
	lower := strings.ToLower(text)
	for _, c := range clientMarks {
		if slices.ContainsFunc(c.marks, func(mark string) bool { return strings.Contains(lower, mark) }) ||
			c.client == "kafka-go" && strings.Contains(text, "] ") && kafkaGoError.MatchString(text) {
			clients = append(clients, c.client)
		}
	}
	return clients
}

// codeOf is the name of an error without case and signs, and without what Java adds.
func codeOf(token string) string { return strings.TrimSuffix(squeeze(token), "exception") }

// squeeze leaves nothing of a text but its letters.
func squeeze(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

// significant lists the words of a text that say something, once each: no numbers,
// none of a letter, no articles; the endings of verbs and plurals are cut, and of some
// words that say the same one stands for all.
func significant(text string) []string {
	var words []string
	if strings.Contains(text, " clientId=") {
		text = whose.ReplaceAllString(text, " ")
	}
	for _, word := range strings.FieldsFunc(spaced(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len(word) < 2 || slices.Contains(insignificant, word) {
			continue
		}
		for _, ending := range []string{"ing", "ed", "es", "s", "e"} {
			if cut, ok := strings.CutSuffix(word, ending); ok && len(cut) > 2 {
				word = strings.TrimSuffix(cut, "l") // British and American: cancelled, canceled.
				break
			}
		}
		if same, ok := sameAs[word]; ok {
			word = same
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

// whose is how Java says which client a line is of.
var whose = regexp.MustCompile(`\[(Consumer|Producer|AdminClient) clientId=[^\]]*\]`)

// spaced is a text in lower case, with a space where a word begins within a name, as in
// RebalanceInProgress, and where another script begins.
func spaced(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 8)
	lower, ascii := false, true
	for _, r := range text {
		if lower && unicode.IsUpper(r) || ascii != (r < utf8.RuneSelf) {
			b.WriteByte(' ')
		}
		lower, ascii = unicode.IsLower(r), r < utf8.RuneSelf
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// sameAs are words that users have for others, without their endings.
var sameAs = map[string]string{"rewound": "rewind", "goe": "go", "went": "go", "gone": "go", "stal": "hang", "stuck": "hang", "hung": "hang", "freez": "hang", "froze": "hang"}

var insignificant = strings.Fields("after although an and apache are at attempts be but by common each error errors exception for from happen happens has have in is it its kafka ms my no not of on or org our remaining retrying server so than that the then there this to until was we were when while with")

// general are the words of what any program logs when a peer is slow or gone. A text that
// shares only these with a symptom is not told by them.
var general = significant("i/o timeout, request timed out, context deadline exceeded, context canceled, dial tcp: connection refused, connection reset by peer, connection closed, use of closed network connection, broken pipe, unexpected EOF")

// field are the words that half of all that is said of Kafka has. What shares only these
// with a symptom does not resemble it.
var field = significant("broker brokers client commit commits consumer coordinator group leader member message offset partition producer progress rebalance record rejoin request response topic transaction")

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
			fmt.Fprintf(&b, "| %s | %s | %s | %s | `%s` |\n", strings.Join(seen, "; "), symptom.Cause, s.Has(symptom), symptom.Do, symptom.Command)
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
