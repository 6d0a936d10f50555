package explore

import (
	"math/rand/v2"
	"testing"

	"racelab/sim"
)

// Goal: a shrunk schedule is as short as the breadth-first shortest where that
// ends, and breaks the property in any case. Method: random programs, schedules
// from random walks.
func TestShrinkFindsTheShortest(t *testing.T) {
	shrunk, left, programs := 0, 0, uint64(1500)
	if testing.Short() {
		programs = 400
	}
	for seed := range programs {
		p := newProgram(rand.New(rand.NewPCG(seed, 2)))
		sys := p.system()
		walks, err := Walks(sys, seed, Options{Limit: 20, Workers: 1, trusting: true})
		if err != nil {
			sys.Close()
			continue // A program may be refused.
		}
		for _, property := range []string{"rising", sim.NoDeadlock, sim.NoProgress} {
			v := walks.Verdict(property)
			if v.Bad == 0 {
				continue
			}
			want := must(States(sys, Options{Limit: 1 << 20, Workers: 1, trusting: true})).Verdict(property).Schedule
			got := Shrink(sys, v.Schedule, property, 1<<20)
			if !got.Shortest || got.Schedule.String() != want.String() {
				t.Errorf("program %d, %s: shrunk to %v (shortest: %v), want %v%v", seed, property, got.Schedule, got.Shortest, want, p)
			}
			// Without room to search it has to do with leaving out and swapping.
			rough := Shrink(sys, v.Schedule, property, 0)
			if _, err := plays(p.build, rough.Schedule, property); rough.Shortest && len(want) > 0 || err != nil {
				t.Errorf("program %d, %s: without room, shrunk to %v (shortest: %v): %v%v", seed, property, rough.Schedule, rough.Shortest, err, p)
			}
			if len(rough.Schedule) < len(want) {
				t.Errorf("program %d, %s: %v is shorter than the shortest %v", seed, property, rough.Schedule, want)
			}
			shrunk++
			if len(rough.Schedule) > len(want) {
				left++
			}
		}
		sys.Close()
	}
	t.Logf("%d schedules; %d were not the shortest without a search", shrunk, left)
	if shrunk < int(programs)/20 {
		t.Error("too few schedules to shrink")
	}
}
