package lab_test

import (
	"slices"
	"strings"
	"testing"

	"racelab/lab"
	"racelab/scenarios"
)

// Goal: a link is refused in one line, or leads to a run whose link leads there too.
func FuzzParseLink(f *testing.F) {
	for _, link := range []string{"r=stale-snapshot///", "r=offset-rewind/broker-lock/committers=2/", "r=offset-rewind", "r=stale-snapshot//marks=/AAAA",
		"r=stale-snapshot///c1NQcvXTLShKzUvOT0kFAgAA__8", "r=////", "x"} {
		f.Add(link)
	}
	races := scenarios.All()
	f.Fuzz(func(t *testing.T, link string) {
		c, schedule, err := lab.ParseLink(races, link)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error has more than one line: %v", link, err)
			}
			return
		}
		same, again, err := lab.ParseLink(races, lab.Link(c, schedule))
		if err != nil || same.Race != c.Race || same.Variant.Name != c.Variant.Name || !slices.Equal(same.Values, c.Values) || !slices.Equal(again, schedule) {
			t.Errorf("%q leads to %s and %s, and its link to %v, %s, %v", link, c.Changed.Settings(), schedule, same, again, err)
		}
	})
}
