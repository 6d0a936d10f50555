package scenarios_test

import (
	"slices"
	"strings"
	"testing"

	"racelab/scenarios"
)

// Goal: whatever is given as a parameter is refused in one line, or is read again
// from its text as the same.
func FuzzParameter(f *testing.F) {
	for _, setting := range []string{"committers=2", "clock=timed", "latency=uniform:1ms,2ms", "latency=exp:NaN", "throttle=0", "=", "messages=99999999999999999999"} {
		f.Add(setting)
	}
	f.Fuzz(func(t *testing.T, setting string) {
		for _, r := range scenarios.All() {
			c, err := r.Case("", "", setting)
			if err != nil {
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("%s, %q: the error has more than one line: %v", r.Name, setting, err)
				}
				continue
			}
			if again, err := r.Case("", "", c.Changed.Settings()...); err != nil || !slices.Equal(again.Values, c.Values) {
				t.Errorf("%s: %q is %s, and that is %v, %v", r.Name, setting, c.Values, again, err)
			}
		}
	})
}
