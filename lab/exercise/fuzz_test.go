package exercise

import (
	"strings"
	"testing"
)

// Goal: a line of a board is refused in one line, or is read again from what it prints
// as the same; and whatever a board is, it is read.
func FuzzParseEntry(f *testing.F) {
	for _, line := range []string{"racelab 1 abc holds 12 -", "racelab 2 abc broken 12 no-deadlock # text", "racelab x y z", "x racelab 1 a holds -1 -", ""} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		_ = Board(line)
		e, err := ParseEntry(line)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error has more than one line: %v", line, err)
			}
			return
		}
		if again, err := ParseEntry(e.String()); err != nil || again != e {
			t.Errorf("%q is %q, and that is %q, %v", line, e, again, err)
		}
	})
}
