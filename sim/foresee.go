package sim

import (
	"slices"

	"racelab/sim/internal/hook"
)

// Where a step is remembered, a search need not take it. The records of the state, with
// those that the step leaves behind in place of some, are the state that it leads to. A
// world comes there only when that state is expanded.
//
// What the state as a whole decides is then seen in time but for one thing: what is
// judged where a run ends. So a step that may end one is taken.

// foresee says of each enabled event where it leads, if the step is remembered; and, if it
// is asked for that, with the rest of the fingerprint. The world stays where it is.
func (w *World) foresee(withRest bool) []hook.Prospect {
	r, rest := &w.recall, uint64(0)
	if withRest {
		rest = w.rest()
	}
	r.prospects, r.foreseen = r.prospects[:0], r.foreseen[:0]
	for i := range w.enabled {
		p, m := hook.Prospect{}, w.foreseeable(&w.enabled[i])
		if m != nil {
			p = hook.Prospect{Known: true, Fingerprint: w.sum, Tested: m.tested, Quiet: m.quiet}
			for _, x := range m.left {
				p.Fingerprint += x.is.hash - w.records[x.group].hash
			}
			if withRest {
				p.Rest = rest
				for _, x := range m.left {
					p.Rest += x.is.rest - w.records[x.group].rest
				}
			}
		}
		r.prospects, r.foreseen = append(r.prospects, p), append(r.foreseen, m)
	}
	return r.prospects
}

// foreseeable is what is remembered of a step, if that says where it leads.
func (w *World) foreseeable(e *Event) *remembered {
	if w.recall.mode != recalls || w.looked.number > 0 || !w.mayRecall(e) {
		return nil
	}
	if m := w.remembers(e); m != nil && m.twice && m.elapsed == 0 && !m.atLock {
		return m
	}
	return nil
}

// tell says of the i-th enabled event, which was foreseen, what it touches, breaks, tests
// and puts off: all as after take, as far as the state as a whole has no part in it.
func (w *World) tell(i int) {
	w.accesses, w.putOff, w.violations = w.accesses[:0], w.putOff[:0], w.violations[:0]
	w.reports(w.recall.foreseen[i])
}

// leap is the step that the i-th enabled event is, which was foreseen, if the run surely
// goes on after it: only its end is judged by the state as a whole.
func (w *World) leap(i int) (*remembered, bool) {
	m := w.recall.foreseen[i]
	return m, slices.ContainsFunc(w.enabled, func(e Event) bool { return e.task != nil && w.stays(e.task, m) })
}

// land is the snapshot of the state that a step leads to, out of one that was saved. No
// world goes there.
func (w *World) land(from *snapshot, step *remembered) *snapshot {
	s := w.newSnapshot(from.now, from.blocks)
	for left := step.left; len(left) > 0; {
		k := left[0].group / blockSize
		b := *s.blocks[k]
		for ; len(left) > 0 && left[0].group/blockSize == k; left = left[1:] {
			b[left[0].group%blockSize] = left[0].is
		}
		s.blocks[k] = w.blockOf(b)
	}
	return s
}

// stays says whether a task that may go on still may after a step.
func (w *World) stays(t *Task, step *remembered) bool {
	var goesBy [2]*object // beside the task
	switch on := t.awaits.(type) {
	case nil:
	case *Mutex:
		goesBy[0] = &on.object
	case *readHold:
		goesBy[0] = &on.lock.object
	case *head:
		goesBy = [2]*object{&on.object, &on.conn.dialPoint.object}
	default:
		return false
	}
	return !slices.ContainsFunc(step.left, func(x leftBehind) bool {
		owner := w.plan.groups[x.group].owner
		return owner == &t.object || owner == goesBy[0] || owner == goesBy[1]
	})
}
