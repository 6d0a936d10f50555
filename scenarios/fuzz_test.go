package scenarios_test

import (
	"strings"
	"testing"

	"racelab/scenarios"
)

// Goal: whatever is given as a setting is refused in one line, or builds a world.
func FuzzSet(f *testing.F) {
	for _, setting := range []string{"committers=2", "clock=timed", "latency=uniform:1ms,2ms", "latency=exp:NaN", "throttle=0", "=", "messages=99999999999999999999"} {
		f.Add(setting)
	}
	f.Fuzz(func(t *testing.T, setting string) {
		for _, s := range scenarios.All() {
			values, err := s.Set([]string{setting})
			if err != nil {
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("%s, %q: the error has more than one line: %v", s.Name, setting, err)
				}
				continue
			}
			if again, err := s.Set(strings.Fields(s.Changed(values).String())); err != nil || again.String() != values.String() {
				t.Errorf("%s: %q is %s, and that is %s, %v", s.Name, setting, values, again, err)
			}
		}
	})
}
