package scenarios_test

import (
	"testing"

	"racelab/scenarios"
	"racelab/sim/explore"
)

// mostWaste is how many times as many states a race may have as can be told apart, where
// that is more than 1.5, and what most of them differ in.
var mostWaste = map[string]float64{
	"commit-reconnect":            2.0, // what a fetch found, and what it might have found, when nobody fetches any more
	"consume-process-produce":     1.8, // attempts to verify that are left over, and batches that nobody reads any more
	"coordinator-crash":           1.7, // markers that come again, whose offsets answers and pictures show, and who the coordinator was
	"delayed-end-txn":             1.6, // attempts to verify, and messages of which nothing comes any more
	"delayed-marker":              1.7, // attempts to verify that are left over, and messages of which nothing comes any more
	"duplicate-completion":        1.6, // markers that come again, and errors that say the same to the client
	"duplicate-retry":             1.7, // the offsets of records that nobody asks for, which answers tell, and their order
	"epoch-exhaustion":            2.8, // batches that nobody reads any more, and errors that all end a transaction
	"late-record-joins-next":      1.9, // attempts to verify, and batches that nobody reads any more
	"leader-moves-in-transaction": 1.7, // batches that nobody reads any more
	"produce-reorder":             4.6, // which of the records is which, once one has failed
	"rebalance-commit":            1.8, // what was rewound
	"stale-member-commit":         3.7, // generations are counted from the start
	"stale-snapshot":              2.4, // counts after the break
	"two-phase-commit":            1.6, // that a property has broken, of which the engine keeps note
	"zombie-producer":             2.2, // what a history keeps of calls while another is open, and attempts to verify that are left over
	"zombie-reader":               2.5, // batches that nobody reads any more
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
