package explore

import (
	"slices"

	"racelab/sim"
)

// Walks takes seeded random walks: run i has the seed `seed + i`. It ends at
// the first that breaks a property if so told, else it takes all and counts.
func Walks(sys System, seed uint64, runs int, first bool) *Result {
	r := newResult("walk", sys)
	for i := range uint64(runs) {
		broke := r.walk(sys, seed+i)
		r.Runs++
		if broke && first {
			break
		}
	}
	r.conclude(Sampled)
	return r
}

// walk takes one walk and says whether it broke anything.
func (r *Result) walk(sys System, seed uint64) bool {
	sys.Reset()
	chooser := sim.NewWalk(seed)
	var schedule sim.Schedule
	var fallen []string
	for range sim.MaxSteps {
		enabled := sys.Enabled()
		if len(enabled) == 0 {
			break
		}
		i, _ := chooser.Choose(enabled)
		schedule = schedule.Add(enabled[i])
		sys.Take(i)
		r.Steps++
		r.watch(sys)
		for _, violation := range sys.Violations() {
			if slices.Contains(fallen, violation.Property) {
				continue
			}
			fallen = append(fallen, violation.Property)
			v := r.Verdict(violation.Property)
			v.Bad++
			if v.Bad == 1 {
				v.Err, v.Seed = violation.Err, seed
				v.Schedule = append(sim.Schedule(nil), schedule...)
			}
		}
	}
	return fallen != nil
}
