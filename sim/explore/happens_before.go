package explore

import (
	"math/bits"
	"slices"
)

// Which steps of an execution come before which, by clocks.

// order gives the last step its clock: it comes after the step of its thread
// before it, after each step that it depends on, and an arrival after its send.
func (d *dpor) order(f *frame) {
	p := f.taken.Thread
	f.before = d.clockOf(p)
	f.clock = append(f.clock[:0], make([]int32, d.width)...)
	join(f.clock, f.before)
	for _, a := range f.step {
		list, at := d.trail.last(a.Object, !a.Write)
		for ; at >= 0; at-- {
			join(f.clock, d.stack[list[at].step].clock)
			if list[at].wrote == at { // What comes before the last that wrote is known from that.
				break
			}
		}
		if a.Pair > 0 {
			join(f.clock, d.sendOf(a))
		}
	}
	f.clock[p]++
}

// dependent says whether the order of two steps matters.
func dependent(a, b []Access) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Object == y.Object && (x.Write || y.Write) {
				return true
			}
		}
	}
	return false
}

// clockOf is the clock of the last step of a thread; nil: it has taken none.
func (d *dpor) clockOf(thread int) []int32 {
	if thread >= len(d.trail.threads) || len(d.trail.threads[thread]) == 0 {
		return nil
	}
	steps := d.trail.threads[thread]
	return d.stack[steps[len(steps)-1]].clock
}

// sendOf returns the clock of the step that put a message into a channel, given
// its arrival.
func (d *dpor) sendOf(arrival Access) []int32 {
	_, arrived := d.trail.last(arrival.Object, false)
	sends, last := d.trail.last(arrival.Pair, false)
	if arrived >= last {
		return nil
	}
	return d.stack[sends[arrived+1].step].clock
}

// join makes a clock at least another one.
func join(clock, other []int32) {
	for i, n := range other {
		clock[i] = max(clock[i], n)
	}
}

// isBefore says whether a step comes before another one, or is it.
func isBefore(f *frame, clock []int32) bool {
	p := f.taken.Thread
	return p < len(clock) && f.clock[p] <= clock[p]
}

// independent lists the steps after one that do not come after it in their clocks, in
// their order.
func (d *dpor) independent(step int32) []*frame {
	e := d.stack[step]
	if e.beside == 0 {
		return nil
	}
	list := make([]int32, 0, e.beside)
	for _, steps := range d.trail.threads {
		// Of a thread, all that come after one that comes after e do so, too.
		from, _ := slices.BinarySearch(steps, step+1)
		for _, later := range steps[from:] {
			if isBefore(e, d.stack[later].clock) {
				break
			}
			list = append(list, later)
		}
	}
	slices.Sort(list)
	frames := make([]*frame, len(list))
	for i, later := range list {
		frames[i] = d.stack[later]
	}
	return frames
}

// initials is the threads with which a run of some events, and then a last
// one, can begin: those whose first event there comes after no other there.
func initials(events []*frame, last *frame) threads {
	var firsts [64]*frame
	var can, met threads
	add := func(e *frame) {
		if p := e.taken.Thread; !met.has(p) {
			after := false
			for others := met; others != 0 && !after; others &= others - 1 {
				after = isBefore(firsts[bits.TrailingZeros64(uint64(others))], e.clock)
			}
			met.add(p)
			if firsts[p] = e; !after {
				can.add(p)
			}
		}
	}
	for _, e := range events {
		add(e)
	}
	if last != nil {
		add(last)
	}
	return can
}
