package witness_test

import (
	"strings"
	"testing"

	"racelab/witness"
)

// Goal: a schedule by decisions is refused in one line, or is read again from what it
// prints as the same.
func FuzzParseDecisions(f *testing.F) {
	for _, text := range []string{"default", "main@3: worker starts", "main@3: worker starts; a@b@1: x: y\n# note\n", "main@0: x", "@1: ", "m@99999999999999999999: x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := witness.ParseDecisions(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error has more than one line: %v", text, err)
			}
			return
		}
		for _, printed := range []string{d.String(), d.Lines()} {
			if again, err := witness.ParseDecisions(printed); err != nil || again.String() != d.String() {
				t.Errorf("%q prints %q, and that is %q, %v", text, printed, again, err)
			}
		}
	})
}
