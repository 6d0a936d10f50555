package sim_test

import (
	"iter"
	"testing"

	"racelab/sim"
)

// BenchmarkResume is a bare iter.Pull resume: what a switch cannot be below.
func BenchmarkResume(b *testing.B) {
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		for yield(struct{}{}) {
		}
	})
	defer stop()
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}

// BenchmarkSwitch is a task that goes on and parks again, bookkeeping included.
func BenchmarkSwitch(b *testing.B) {
	w := sim.NewWorld()
	w.GoProgram("A", &stepper{})
	defer w.Close()
	w.Enabled()
	b.ReportAllocs()
	for b.Loop() {
		w.Resume(0)
	}
}

// BenchmarkStep is a whole step: choosing, going on, and finding what is enabled.
func BenchmarkStep(b *testing.B) {
	w := sim.NewWorld()
	w.GoProgram("A", &stepper{})
	defer w.Close()
	w.Enabled()
	b.ReportAllocs()
	for b.Loop() {
		w.Take(0)
	}
}
