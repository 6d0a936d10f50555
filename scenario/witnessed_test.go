package scenario

import "testing"

// Goal: RACES.md says that what is shown of a release did so again in 100 of 100
// repetitions.
func TestWitnessedRowsWereRepeated(t *testing.T) {
	for _, w := range witnessedRows() {
		if w.Bad > 0 && w.Again != 100 {
			t.Errorf("%s %s, %s: %d of %d runs broke it, and %d of 100 repetitions did; ask it again: make witness", w.Client, w.Release, w.Experiment, w.Bad, w.Runs, w.Again)
		}
	}
}
