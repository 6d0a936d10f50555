package explore

import "racelab/sim"

// judgeRaces looks for data races of accesses that are never both next. It goes through
// all states once more, and what comes before what is a part of each. If it cannot, or
// they are too many, the walks of the defence are the judge.
func (c *workerPool) judgeRaces(r *Result, o Options, memory *memoryBound) {
	if !r.judges(sim.NoDataRace) {
		return
	}
	v := r.Verdict(sim.NoDataRace)
	from := c.cursors[0].world
	if from == nil || v.unordered == "" || !v.tested || v.Bad > 0 {
		return
	}
	sys := from.WithOrder()
	if sys == nil {
		return
	}
	defer sys.Close()
	pool := newWorkerPool(sys, len(c.cursors))
	defer pool.close()
	o.First, o.Spill, o.Symmetry, o.atEnd, o.trusting = false, [2]Scratch{}, false, nil, true
	s := newSearch(pool, newResult("states", sys))
	s.clocked = true
	if s.frontiers(&o) != nil || !s.run(o, memory) {
		return
	}
	s.shortest(pool.cursors[0])
	found := s.result.Verdict(sim.NoDataRace)
	v.ordered, v.Bad, v.Err, v.Schedule, v.Shortest = s.seen.n(), found.Bad, found.Err, found.Schedule, found.Shortest
}
