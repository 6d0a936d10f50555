package rt_test

import (
	"testing"

	"racelab/witness/rt"
	"racelab/witness/rt/atomic"
)

// run takes a whole run; pick chooses among so many events.
func run(b *testing.B, body func(), pick func(int) int) {
	sys := rt.NewSystem(body)
	defer sys.Close()
	b.ResetTimer()
	for {
		n := len(sys.Enabled())
		if n == 0 {
			return
		}
		sys.Take(pick(n))
	}
}

// BenchmarkPoint is a point at which the same goroutine goes on, of two that could.
func BenchmarkPoint(b *testing.B) {
	run(b, func() {
		var n atomic.Int64
		rt.Go("other", func() { n.Add(1) })
		for range b.N {
			n.Add(1)
		}
	}, func(int) int { return 0 })
}

// BenchmarkSwitch is a point at which the other one of two goroutines goes on.
func BenchmarkSwitch(b *testing.B) {
	run(b, func() {
		var n atomic.Int64
		both(func() {
			for range b.N / 2 {
				n.Add(1)
			}
		}, func() {
			for range b.N / 2 {
				n.Add(1)
			}
		})
	}, func(n int) int { return n - 1 })
}

// Goal: what happens most often allocates nothing: a point that stays, and a switch.
func TestPointsAllocateNothing(t *testing.T) {
	for name, pick := range map[string]func(int) int{"stays": func(int) int { return 0 }, "switches": func(n int) int { return n - 1 }} {
		sys := rt.NewSystem(func() {
			var n atomic.Int64
			var mu rt.Mutex
			forever := func() {
				for {
					mu.Lock()
					n.Add(1)
					mu.Unlock()
				}
			}
			both(forever, forever)
		})
		step := func() { sys.Take(pick(len(sys.Enabled()))) }
		for range 1000 {
			step() // until all that grows has grown
		}
		if n := testing.AllocsPerRun(1000, step); n != 0 {
			t.Errorf("a point that %s allocates %v times", name, n)
		}
		sys.Close()
	}
}
