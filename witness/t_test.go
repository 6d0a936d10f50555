package witness

import "testing"

// Goal: outside a run too, what stands for a test is one thing, and the test itself where it
// is compared.
func TestOneOutsideRuns(t *testing.T) {
	var tb testing.TB = Of(t)
	if tb != Of(t) || Plain(tb) != t || tb.Name() != t.Name() {
		t.Error(tb != Of(t), Plain(tb) != t, tb.Name())
	}
}
