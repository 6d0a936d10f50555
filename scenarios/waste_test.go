package scenarios_test

import (
	"testing"

	"racelab/scenarios"
	"racelab/sim/explore"
)

// mostWaste is how many times as many states a race may have as can be told apart, where
// that is more than 1.5, and what most of them differ in.
var mostWaste = map[string]float64{
	"commit-reconnect":            2.5, // what a history keeps of calls, and offsets after the break
	"consume-process-produce":     1.8, // batches, and attempts to verify, that nobody reads any more
	"coordinator-crash":           1.8, // batches that nobody reads any more
	"delayed-end-txn":             1.6, // the same
	"delayed-marker":              1.7, // the same
	"duplicate-completion":        2.4, // how many records of the transaction log are cleaned, which its picture shows
	"duplicate-retry":             1.8, // batches that nobody reads any more
	"epoch-exhaustion":            2.9, // the same, and errors that all end a transaction
	"inbox":                       1.8, // a database's log
	"late-record-joins-next":      1.9, // attempts to verify, and batches that nobody reads any more
	"leader-moves":                1.6, // where a log ends after the break
	"leader-moves-in-transaction": 1.7, // batches that nobody reads any more
	"offset-rewind":               1.6, // offsets after the break
	"outbox":                      2.2, // what a function was given, up to its end
	"produce-reorder":             4.6, // which of the records is which, once one has failed
	"rebalance-commit":            1.8, // what was rewound
	"saga":                        1.7, // what a function was given in its last turn
	"stale-member-commit":         4.2, // generations are counted from the start
	"stale-snapshot":              2.4, // counts after the break
	"stuck-prepare":               1.8, // what a coordinator had before it loads again
	"two-phase-commit":            1.6, // that a property has broken, of which the engine keeps note
	"zombie-producer":             2.8, // what a history keeps of calls while another is open
	"zombie-reader":               2.8, // batches that nobody reads any more
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
			most = 1.5
		}
		if w.Complete && w.Factor() > most {
			t.Errorf("%s has %d states, and %d would do: %.2f times as many, want at most %.1f; simrun explore %s --waste names the fields", r.Name, w.States, w.Classes, w.Factor(), most, r.Name)
		}
	}
}
