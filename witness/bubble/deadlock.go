package bubble

import (
	"slices"

	"racelab/sim"
)

// checkDeadlock reports the first circle of goroutines that wait for one
// another.
func (r *Run) checkDeadlock() {
	if r.deadlocked {
		return
	}
	if circle := r.circle(); circle != nil {
		r.deadlocked = true
		r.violations = append(r.violations, sim.Violation{Property: sim.NoDeadlock, Err: inWords(circle)})
	}
}

// circle finds goroutines each of which waits for a lock that the next one
// holds, and the last for one that the first holds. It begins with the one that
// came first, and is nil if there is none.
func (r *Run) circle() []*Goroutine {
	for _, g := range r.goroutines {
		if way := r.wayTo(g, []*Goroutine{g}); way != nil {
			return way
		}
	}
	return nil
}

// wayTo goes on from the last of a way until somebody waits for the target.
func (r *Run) wayTo(target *Goroutine, way []*Goroutine) []*Goroutine {
	last := way[len(way)-1]
	if !last.waits() {
		return nil
	}
	for _, holder := range r.goroutines {
		switch {
		case !last.awaits.Blocks(last, holder):
		case holder == target:
			return way
		case !slices.Contains(way, holder):
			if found := r.wayTo(target, append(slices.Clip(way), holder)); found != nil {
				return found
			}
		}
	}
	return nil
}

// waits says whether a lock keeps the goroutine from going on.
func (g *Goroutine) waits() bool { return g.parked && g.awaits != nil && !g.awaits.Ready(g) }

// inWords says of each goroutine of a circle what it holds, which is what the
// one before it wants.
func inWords(circle []*Goroutine) error {
	e := &sim.DeadlockError{}
	for i, g := range circle {
		before := circle[(i+len(circle)-1)%len(circle)]
		e.Circle = append(e.Circle, sim.Waiting{
			Task:  g.Name,
			Holds: before.awaits.Held(before),
			Wants: g.awaits.Wanted(g),
			Point: string(g.point),
		})
	}
	return e
}
