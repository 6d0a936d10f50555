package explore

import (
	"slices"

	"racelab/sim"
)

// Shrunk is a schedule made short.
type Shrunk struct {
	Schedule sim.Schedule
	Err      error // how it breaks the property; nil: as it was said to
	// Shortest says that no schedule breaks the property in fewer steps, nor in
	// as many with fewer switches; otherwise one may.
	Shortest bool
}

// Shrink makes a schedule that breaks a property as short as it can. While the
// states that can be reached in fewer steps are no more than maxStates, that is
// the shortest there is; beyond, it is what is left when no part can be left
// out and no two steps be swapped for the better.
func Shrink(sys System, schedule sim.Schedule, property string, maxStates int) Shrunk {
	at := newCursor(sys)
	best := attempt(at, schedule, property)
	if best == nil {
		// A race of two steps shows only when both are tried.
		best = &broken{schedule: schedule}
	} else {
		best = leaveOut(at, best, property)
	}
	if found := shortest(at, property, len(best.schedule), maxStates); found != nil {
		return Shrunk{found.schedule, found.err, !found.cut}
	}
	if best.err != nil {
		best = fewerSwitches(at, best, property)
	}
	return Shrunk{best.schedule, best.err, false}
}

// Shrunk is the schedule of a verdict that is broken, made as short as Shrink can. One that is
// the shortest, that does not end or that is a round stays as it is.
func (v *Verdict) Shrunk(sys System, maxStates int) Shrunk {
	if v.Shortest || v.Endless || v.Round > 0 {
		return Shrunk{v.Schedule, v.Err, v.Shortest}
	}
	short := Shrink(sys, v.Schedule, v.Property, maxStates)
	if short.Err == nil {
		short.Err = v.Err
	}
	return short
}

// attempt takes the events of a schedule, passes over those that cannot happen,
// and stops where the property breaks. It returns what was taken, or nil if
// nothing broke.
func attempt(at *cursor, schedule sim.Schedule, property string) *broken {
	at.Reset()
	var taken sim.Schedule
	for _, step := range schedule {
		i := slices.IndexFunc(at.Enabled(), step.Is)
		if i < 0 {
			continue
		}
		taken = taken.Add(at.Enabled()[i])
		at.Take(i)
		if err := brokenBy(at, property); err != nil {
			return &broken{schedule: taken, err: err}
		}
	}
	return nil
}

// leaveOut removes parts of a schedule, large ones first, as long as what is
// left breaks the property.
//
// Source: Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing
// Input (TSE 2002).
func leaveOut(at *cursor, best *broken, property string) *broken {
	for size := len(best.schedule) / 2; size > 0; {
		shorter := false
		for from := 0; from+size <= len(best.schedule); {
			less := slices.Delete(slices.Clone(best.schedule), from, from+size)
			if found := attempt(at, less, property); found != nil && len(found.schedule) < len(best.schedule) {
				best, shorter = found, true
			} else {
				from += size
			}
		}
		if !shorter || size > len(best.schedule) {
			size /= 2
		}
	}
	return best
}

// fewerSwitches moves single steps next to others of their actor, as long as
// the schedule stays as short and breaks the property.
func fewerSwitches(at *cursor, best *broken, property string) *broken {
	for better := true; better; {
		better = false
		for from := range best.schedule {
			for to := range best.schedule {
				step := best.schedule[from]
				moved := slices.Insert(slices.Delete(slices.Clone(best.schedule), from, from+1), to, step)
				if switches(moved) >= switches(best.schedule) {
					continue
				}
				found := attempt(at, moved, property)
				if found != nil && len(found.schedule) <= len(best.schedule) && switches(found.schedule) < switches(best.schedule) {
					best, better = found, true
					break
				}
			}
			if better {
				break
			}
		}
	}
	return best
}

func switches(s sim.Schedule) int {
	n := 0
	for i := 1; i < len(s); i++ {
		if s[i].Actor != s[i-1].Actor {
			n++
		}
	}
	return n
}
