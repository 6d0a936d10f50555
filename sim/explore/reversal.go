package explore

import (
	"slices"

	"racelab/sim"
)

// Which steps of an execution could have come in the other order.

// races finds the steps that the last one could have come before, and sees to
// it that it does, in some branch.
func (d *dpor) races(f *frame, after checkpoint) {
	moved := false
	var raced []*frame
	d.conflicts(f, f.before, func(step int32) bool {
		e := d.stack[step]
		if slices.ContainsFunc(raced, func(later *frame) bool { return isBefore(e, later.clock) }) {
			return true // There is a step between the two.
		}
		between := d.independent(step)
		moved = moved || len(between) > 0
		if !d.reversible(e, between, f) {
			return false
		}
		raced = append(raced, e)
		moved = d.dataRace(e, between, f) || moved
		e.want(initials(between, f), f.taken.Thread)
		return true
	})
	if moved {
		d.cursor.restore(after)
	}
}

// reversible says whether the step of f could have come before e. The sure way
// to know is to try: to take what lies between and does not depend on e.
func (d *dpor) reversible(e *frame, between []*frame, f *frame) bool {
	enabled := e.enabled
	if len(between) > 0 {
		if !d.without(e, between) {
			return false
		}
		enabled = d.cursor.Enabled()
	}
	return slices.ContainsFunc(enabled, func(now sim.Event) bool { return sameStep(now, f.taken) })
}

// without goes to where a step is left out, and says whether all between can be taken there.
// The next execution has most of that in common, so some of the states are kept.
func (d *dpor) without(e *frame, between []*frame) bool {
	from, n := e.checkpoint, 0
	for ; len(e.detour) > 0; e.detour = e.detour[:len(e.detour)-1] {
		if last := e.detour[len(e.detour)-1]; last.steps <= len(between) && between[last.steps-1].taking == last.taking {
			from, n = last.checkpoint, last.steps
			break
		}
	}
	d.cursor.restore(from)
	for ; n < len(between); n++ {
		if !d.takeEvent(between[n].taken) {
			return false
		}
		if d.cursor.world != nil {
			e.passes(leftOut{n + 1, between[n].taking, d.cursor.save()})
		}
	}
	return true
}

// leftOut is the state to which some steps lead, if one before them is left out.
type leftOut struct {
	steps      int
	taking     int // of the last of them
	checkpoint checkpoint
}

// mostLeftOut is how many of these states are kept. When there are so many, every other one
// is forgotten: most executions part late.
const mostLeftOut = 16

func (f *frame) passes(at leftOut) {
	if len(f.detour) == mostLeftOut {
		for i := range mostLeftOut / 2 {
			f.detour[i] = f.detour[2*i+1]
		}
		f.detour = f.detour[:mostLeftOut/2]
	}
	f.detour = append(f.detour, at)
}

func (d *dpor) takeEvent(e sim.Event) bool {
	i := slices.IndexFunc(d.cursor.Enabled(), func(now sim.Event) bool { return same(now, e) })
	if i < 0 {
		return false
	}
	d.cursor.Take(i)
	return true
}

func same(a, b sim.Event) bool {
	return a.Thread == b.Thread && a.Label == b.Label && a.Actor == b.Actor
}

// sameStep is same for what may have gone another way.
func sameStep(a, b sim.Event) bool { return same(a, b) || a.OfSameTask(b) }

// blockedRaces looks, at the end of an execution, for the races of steps that
// never came because something kept them from it: of each it is known only what
// it waits for.
func (d *dpor) blockedRaces() {
	f := d.stack[len(d.stack)-1]
	d.cursor.restore(f.checkpoint)
	for _, b := range d.cursor.Blocked() {
		waits := &frame{taken: b.Event, step: []Access{{Object: b.Object, Write: true}}}
		d.conflicts(waits, d.clockOf(b.Event.Thread), func(step int32) bool {
			e, between := d.stack[step], d.independent(step)
			if !d.reversible(e, between, waits) {
				return false
			}
			// What else it would touch is unknown, so it counts as a beginning
			// only if there is no other.
			among := initials(between, nil)
			if among == 0 {
				among = 1 << b.Event.Thread
			}
			e.want(among, b.Event.Thread)
			return false
		})
	}
}

// dataRace reports two steps that race on a plain variable, where the second
// can be taken in place of the first. Taken there it may touch something else
// than it did after the first: what a channel gave it, or an atomic, told it.
// It says whether the system is elsewhere now.
func (d *dpor) dataRace(e *frame, between []*frame, f *frame) (away bool) {
	if races(e.step, f.step) == 0 {
		return false
	}
	d.without(e, between)
	here := d.cursor.save()
	for i, now := range slices.Clone(d.cursor.Enabled()) {
		if !sameStep(now, f.taken) {
			continue
		}
		d.cursor.restore(here)
		d.cursor.Take(i)
		if object := races(e.step, d.cursor.Accesses()); object > 0 {
			err := raceError(d.cursor, step{e.taken, e.step}, step{now, d.cursor.Accesses()}, object, len(d.stack))
			d.note([]sim.Violation{{Property: sim.NoDataRace, Err: err}})
			break
		}
	}
	return true
}
