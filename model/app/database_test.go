package app

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Goal: the rows of a table are those of its log: each key once, in the order in which
// they came, with the value that was written last. Method: the log, replayed.
func TestPut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Row {
			return Row{Table(rapid.IntRange(0, 2).Draw(t, "table")), rapid.IntRange(0, 3).Draw(t, "key"), rapid.IntRange(0, 3).Draw(t, "value")}
		})).Draw(t, "log")
		var rows []word
		for _, r := range log {
			rows = put(rows, []Row{r})
		}
		for table := range Table(3) {
			var want []Row
			for _, r := range log {
				is := slices.IndexFunc(want, func(w Row) bool { return w.Key == r.Key })
				switch {
				case r.Table != table:
				case is < 0:
					want = append(want, r)
				default:
					want[is] = r
				}
			}
			if got := all(rows, table); !slices.Equal(got, want) {
				t.Fatalf("after %v the table %v has %v, want %v", log, table, got, want)
			}
			for _, w := range want {
				if got, ok := find(rows, table, w.Key); !ok || got != w {
					t.Fatalf("find %v %d: %v %v, want %v", table, w.Key, got, ok, w)
				}
			}
		}
	})
}
