package scenarios_test

import (
	"testing"

	"racelab/scenarios"
	"racelab/sim/explore"
)

// mostWaste is how many times as many states a race may have as can be told apart, where
// that is more than 2.
var mostWaste = map[string]float64{
	"commit-reconnect":        2.5, // What has answers behind a fetch, and offsets after the break.
	"consume-process-produce": 2.1,
	"epoch-exhaustion":        3.6, // A log keeps what nobody reads any more.
	"outbox":                  2.3,
	"produce-reorder":         8.2, // Records that are done with keep their numbers.
	"stale-member-commit":     4.2, // Generations are counted from the start.
	"stale-snapshot":          2.4,
	"zombie-reader":           2.8,
}

// Goal: no model comes to keep what nobody needs any more. Method: of the first variant
// of each race, the states that nothing tells apart, if all are few; make nightly takes
// those that are more.
func TestWasteStaysAway(t *testing.T) {
	limit := 3_000
	if *whole {
		limit = 100_000
	}
	for _, r := range scenarios.All() {
		sys, err := theCase(t, r.Name, "").System()
		if err != nil {
			t.Fatal(err)
		}
		w, err := explore.FindWaste(sys, explore.Options{Limit: limit})
		sys.Close()
		if err != nil {
			t.Fatal(err)
		}
		most, noted := mostWaste[r.Name]
		if !noted {
			most = 2
		}
		if w.Complete && w.Factor() > most {
			t.Errorf("%s has %d states, and %d would do: %.2f times as many, want at most %.1f; simrun explore %s --waste names the fields", r.Name, w.States, w.Classes, w.Factor(), most, r.Name)
		}
	}
}
