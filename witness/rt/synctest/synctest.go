// Package synctest is testing/synctest for code under control. A run has the virtual
// clock of a bubble anyway.
package synctest

import (
	"testing"
	"testing/synctest"

	"racelab/witness"
	"racelab/witness/rt"
)

// Test is synctest.Test: it calls f, and waits until all goroutines have ended that were
// started meanwhile.
func Test(t *testing.T, f func(*testing.T)) {
	t.Helper()
	if !rt.InRun() {
		synctest.Test(t, f)
		return
	}
	witness.Bubble(t, f)
}

// Wait is synctest.Wait: it waits until all other goroutines wait.
func Wait() {
	if !rt.InRun() {
		synctest.Wait()
		return
	}
	rt.AllWait()
}
