package scenarios_test

import (
	"testing"

	"racelab/scenarios"
	"racelab/sim/explore"
)

// mostWaste is how many times as many states a race may have as can be told apart, where
// that is more than 1.5, and what keeps most of them apart.
var mostWaste = map[string]float64{
	"commit-reconnect":            2.0, // what a fetch has found or may find, and nobody fetches after it
	"consume-process-produce":     1.6, // what the coordinator says of attempts whose request nobody waits for any more; markers that come again, which take an offset
	"coordinator-crash":           1.7, // markers that come again, which take an offset; whom a broker takes for the coordinator
	"delayed-marker":              1.6, // what the coordinator says of attempts whose request nobody waits for any more; attempts to verify while the transaction before is open, whose batches they judge
	"duplicate-completion":        1.6, // markers that come again; errors that say the same to the client, and not in its log
	"duplicate-retry":             1.7, // the offsets of records that nobody asks for, which answers tell, and their order
	"epoch-exhaustion":            2.7, // errors that all end a transaction, and not in a log; what was written when
	"late-record-joins-next":      1.8, // attempts to verify of a producer that has written nothing, and what a coordinator says of one that is void
	"leader-moves-in-transaction": 1.7, // what a leader writes that was deposed and does not know
	"produce-reorder":             4.6, // which of the records is which, once one has failed; that a property has broken
	"rebalance-commit":            1.8, // what was rewound, which the break tells
	"stale-member-commit":         3.7, // generations and member ids are counted from the start, as Kafka does; positions that nobody polls from
	"stale-snapshot":              2.4, // counts after the break; the numbers of its states are published
	"two-phase-commit":            1.6, // that a property has broken, of which the engine keeps note
	"zombie-producer":             2.2, // what a history keeps of calls while another is open; attempts to verify
	"zombie-reader":               2.5, // which of two transactions wrote first, and has which producer id
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
