package explore

import (
	"slices"

	"racelab/sim"
	"racelab/sim/internal/hook"
)

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
	o.First, o.Symmetry, o.atEnd, o.trusting = false, false, nil, true
	s := newSearch(pool, newResult("states", sys))
	s.clocked = true
	if s.frontiers(&o) != nil || !s.run(o, memory) {
		return
	}
	s.shortest(pool.cursors[0])
	found := s.result.Verdict(sim.NoDataRace)
	v.ordered, v.Bad, v.Err, v.Schedule, v.Shortest = s.seen.n(), found.Bad, found.Err, found.Schedule, found.Shortest
}

// step is an event with what it touched.
type step struct {
	event    sim.Event
	accesses []Access
}

// race compares the step just taken with the others out of the same state: two
// that touch the same variable, one of them writing, race, unless a lock that
// both take keeps them apart. It returns the other step and the variable.
func (e *expansion) race(at System, event sim.Event) (other *step, object int) {
	if !slices.ContainsFunc(at.Accesses(), func(a Access) bool { return a.Kind == Data }) {
		return nil, 0
	}
	n := len(e.steps)
	if n < cap(e.steps) {
		e.steps = e.steps[:n+1]
	} else {
		e.steps = append(e.steps, step{})
	}
	now := &e.steps[n]
	now.event = event
	now.accesses = append(now.accesses[:0], at.Accesses()...)
	for i := range n {
		if e.steps[i].event.Thread == event.Thread {
			continue // Two ways of one step.
		}
		if object := races(e.steps[i].accesses, now.accesses); object > 0 {
			return &e.steps[i], object
		}
	}
	return nil, 0
}

// races returns the variable on which two steps race, or 0.
func races(a, b []Access) int {
	object := 0
	for _, x := range a {
		for _, y := range b {
			if x.Object != y.Object || !x.Write && !y.Write {
				continue
			}
			if x.Kind == Lock {
				return 0
			}
			if x.Kind == Data {
				object = x.Object
			}
		}
	}
	return object
}

// raceError is the data race of two steps that can both be next: first and then
// second, the n-th step of the run.
func raceError(sys System, first, second step, object, n int) *hook.RaceError {
	racing := func(s step, n int) hook.RacingAccess {
		writes := slices.ContainsFunc(s.accesses, func(a Access) bool { return a.Object == object && a.Write })
		return hook.RacingAccess{Task: s.event.Actor, Point: string(s.event.Label), Step: n, Write: writes}
	}
	return &hook.RaceError{Object: sys.ObjectName(object), First: racing(first, n-1), Second: racing(second, n)}
}
