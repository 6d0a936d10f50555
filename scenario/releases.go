package scenario

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Releases says which releases of which client a variant stands for, as its
// Release text tells: "Sarama 1.38.0 to 1.43.2". ok is false where it stands for
// no release that was numbered: a proposal, a write-up.
func (v RaceVariant) Releases() (r Releases, ok bool) {
	m := releaseText().FindStringSubmatch(v.Release)
	if m == nil {
		return Releases{}, false
	}
	r = Releases{Client: strings.ToLower(m[1]), Title: m[1], From: m[3], To: m[3]}
	switch {
	case m[2] == "up to":
		r.From = ""
	case m[2] == "before":
		r.From, r.Before = "", true
	case m[2] == "since", m[4] == "and later":
		r.To = ""
	case m[5] != "":
		r.To = strings.TrimSuffix(m[5], ".x")
	}
	return r, true
}

// releaseText is compiled when it is asked for: as a variable of the package it would
// put all of regexp into the lab's page, which asks for no release.
func releaseText() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|\()(Sarama|franz-go|kafka-go|librdkafka|Java|Kafka) (?:(up to|before|since) )?(\d+(?:\.\d+)+)(?: (and later)| to (\d+(?:\.[\dx]+)+))?`)
}

// Has says which releases have a symptom: those of its variants, from the first to the
// last, and what else there is to say.
func (s *Race) Has(symptom Symptom) string {
	if len(symptom.Variants) == 0 {
		return symptom.Also
	}
	var all []Releases
	for _, name := range symptom.Variants {
		i := slices.IndexFunc(s.Variants, func(v RaceVariant) bool { return v.Name == name })
		if i < 0 {
			panic(fault("%s has no variant %q for a symptom", s.Name, name))
		}
		r, ok := s.Variants[i].Releases()
		if !ok || len(all) > 0 && all[0].Client != r.Client {
			panic(fault("%s: the variant %q stands for no releases, or for those of another client", s.Name, name))
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(x, y Releases) int { return compareReleases(x.From, y.From) })
	first, last := all[0], all[len(all)-1]
	text := first.Title
	switch {
	case first.From == last.To:
		text += " " + first.From
	case last.To == "":
		text += " " + first.From + " and later"
	case last.Before:
		text += " before " + last.To
	case first.From == "":
		text += " to " + last.To
	default:
		text += " " + first.From + " to " + last.To
	}
	return text + symptom.Also
}

// Releases is a range of a client's releases. Both ends belong to it, unless Before
// is set: then To does not.
type Releases struct {
	Client   string // "sarama", "franz-go", "kafka-go", "librdkafka", "java", "kafka"
	Title    string // "Sarama"
	From, To string // "1.38.0"; empty: from the first, to the last
	Before   bool
}

// Has says whether a release is in the range. An end with fewer numbers stands for
// all that begin with them: 1.47.3 is within "to 1.47".
func (r Releases) Has(release string) bool {
	if r.From != "" && compareReleases(release, r.From) < 0 {
		return false
	}
	if r.To == "" {
		return true
	}
	c := compareReleases(release, r.To)
	return c < 0 || c == 0 && !r.Before
}

// compareReleases compares number by number, as far as the end has any.
func compareReleases(release, end string) int {
	numbers := strings.Split(release, ".")
	for i, text := range strings.Split(end, ".") {
		want, _ := strconv.Atoi(text)
		got := 0
		if i < len(numbers) {
			got, _ = strconv.Atoi(numbers[i])
		}
		if c := cmp.Compare(got, want); c != 0 {
			return c
		}
	}
	return 0
}

// In lists the variants that a client's release runs. known is false if the
// scenario is about that client and no variant says anything of the release.
func (s *Race) In(client, release string) (variants []RaceVariant, about, known bool) {
	for _, v := range s.Variants {
		r, ok := v.Releases()
		if !ok || r.Client != client {
			continue
		}
		about = true
		if r.Has(release) {
			variants = append(variants, v)
		}
	}
	return variants, about, len(variants) > 0
}

// Clients lists the clients of which a variant stands for numbered releases.
func Clients(all []*Race) []string {
	var clients []string
	for _, s := range all {
		for _, v := range s.Variants {
			if r, ok := v.Releases(); ok && !slices.Contains(clients, r.Client) {
				clients = append(clients, r.Client)
			}
		}
	}
	slices.Sort(clients)
	return clients
}

// BreaksAnything says whether a variant is expected to break anything that the
// scenario claims, in any of its settings.
func (s *Race) BreaksAnything(v RaceVariant) bool {
	return slices.ContainsFunc(s.Judged(), func(p string) bool { return len(s.Tally(v.Name, p).Breaks) > 0 })
}
