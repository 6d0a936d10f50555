package kernels

import "testing"

// suite has its test within, as those of testify have, and is in no file of tests.
type suite struct {
	*testing.T
	tb testing.TB
}

// each runs a sub-test of each name. What it is given of a test is that of the run here too.
func each(t *testing.T, names []string, f func(suite)) {
	t.Helper()
	s := suite{T: t}
	for _, name := range names {
		s.Run(name, func(t *testing.T) { f(suite{t, t}) })
	}
}

// is fails unless a is b.
func (s suite) is(a, b string) {
	if s.Helper(); a != b {
		s.Errorf("%s is not %s", a, b)
	}
}
