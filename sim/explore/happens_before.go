package explore

import "slices"

// Which steps of an execution come before which, by clocks.

// order gives the last step its clock: it comes after the step of its thread
// before it, after each step that it depends on, and an arrival after its send.
func (d *dpor) order(f *frame) {
	events := d.stack[:len(d.stack)-1]
	p := f.taken.Thread
	f.before = clockOf(events, p)
	f.clock = append(f.clock[:0], make([]int32, d.width)...)
	join(f.clock, f.before)
	for _, e := range slices.Backward(events) { // What comes before a later one is known from that.
		if !isBefore(e, f.clock) && dependent(e.step, f.step) {
			join(f.clock, e.clock)
		}
	}
	for _, a := range f.step {
		if a.Pair > 0 {
			join(f.clock, sendOf(events, a))
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
func clockOf(events []*frame, thread int) []int32 {
	for _, e := range slices.Backward(events) {
		if e.taken.Thread == thread {
			return e.clock
		}
	}
	return nil
}

// sendOf returns the clock of the step that put a message into a channel, given
// its arrival.
func sendOf(events []*frame, arrival Access) []int32 {
	arrived := 0
	for _, e := range events {
		if touchesObject(e.step, arrival.Object) {
			arrived++
		}
	}
	for _, e := range events {
		if touchesObject(e.step, arrival.Pair) {
			if arrived == 0 {
				return e.clock
			}
			arrived--
		}
	}
	return nil
}

func touchesObject(accesses []Access, object int) bool {
	return slices.ContainsFunc(accesses, func(a Access) bool { return a.Object == object })
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

// independent lists the later events that do not come after e.
func independent(e *frame, later []*frame) []*frame {
	var list []*frame
	for _, l := range later {
		if !isBefore(e, l.clock) {
			list = append(list, l)
		}
	}
	return list
}

// initials is the threads with which a run of some events, and then a last
// one, can begin: those whose first event there comes after no other there.
func initials(events []*frame, last *frame) threads {
	all := events
	if last != nil {
		all = append(slices.Clip(events), last)
	}
	var can, met threads
	for i, e := range all {
		p := e.taken.Thread
		if met.has(p) {
			continue
		}
		met.add(p)
		if !slices.ContainsFunc(all[:i], func(earlier *frame) bool { return isBefore(earlier, e.clock) }) {
			can.add(p)
		}
	}
	return can
}
