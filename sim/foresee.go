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

// foresee says of each enabled event where it leads, if the step is remembered: by the
// fingerprint or, of orbits, without names; and, if it is asked for that, with the rest. The
// world stays where it is.
func (w *World) foresee(withRest, orbits bool) []hook.Prospect {
	r, rest, others := &w.recall, uint64(0), (*tally)(nil)
	switch {
	case withRest && orbits:
		others = w.symmetry.others()
	case withRest:
		rest = w.rest()
	}
	r.prospects, r.foreseen = r.prospects[:0], r.foreseen[:0]
	for i := range w.enabled {
		p, m := hook.Prospect{}, w.foreseeable(&w.enabled[i])
		if m != nil {
			p = hook.Prospect{Known: true, Fingerprint: w.sum, Rest: rest, Tested: m.tested, Quiet: m.quiet}
			if orbits {
				p.Fingerprint = w.symmetry.orbitAfter(&w.symmetry.now, m)
			} else {
				for _, x := range m.changes {
					p.Fingerprint += x.is.hash - w.records[x.group].hash
				}
			}
			if others != nil {
				p.Rest = w.symmetry.orbitAfter(others, m)
			} else if withRest {
				for _, x := range m.changes {
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
	if w.recall.mode != recallOn || w.looked.number > 0 || !w.mayRecall(e) {
		return nil
	}
	if m := w.remembers(e); m != nil && m.confirmed && m.elapsed == 0 && (m.cameTo == nil || w.waitsForItself(e.task, m.cameTo, m) < 0) {
		return m
	}
	return nil
}

// tell says of the i-th enabled event, which was foreseen, what it touches, breaks, tests
// and puts off: all as after take, as far as the state as a whole has no part in it.
func (w *World) tell(i int) {
	w.outcome.set(&w.recall.foreseen[i].outcome)
}

// leap is the step that the i-th enabled event is, which was foreseen, if the run surely
// goes on after it: only its end is judged by the state as a whole.
func (w *World) leap(i int) (*remembered, bool) {
	m := w.recall.foreseen[i]
	for k := range w.enabled {
		if m.goesOn || w.stays(&w.enabled[k], m) {
			return m, true
		}
	}
	return m, false
}

// land is the snapshot of the state that a step leads to, out of one that was saved. No
// world goes there.
func (w *World) land(from *snapshot, step *remembered) *snapshot {
	s := w.newSnapshot(from.now, from.blocks)
	for changes := step.changes; len(changes) > 0; {
		k := changes[0].group / blockSize
		b := *s.blocks[k]
		for ; len(changes) > 0 && changes[0].group/blockSize == k; changes = changes[1:] {
			b[changes[0].group%blockSize] = changes[0].is
		}
		s.blocks[k] = w.blockOf(b)
	}
	return s
}

// stays says whether an event that may happen surely still may after a step: nothing
// has changed of what decides that.
func (w *World) stays(e *Event, step *remembered) bool {
	if e.task == nil {
		c, ok := e.source.(*Conn)
		return ok && !w.changes(step, &c.out.head.object, &c.node.object)
	}
	own := &e.task.object
	switch on := e.task.awaits.(type) {
	case nil:
		return !w.changes(step, own)
	case *Mutex, *WaitGroup, *Cond:
		return !w.changes(step, own, on.bound())
	case *readHold:
		return !w.changes(step, own, &on.lock.object)
	case *head:
		return !w.changes(step, own, &on.object, &on.conn.dialPoint.object)
	}
	return false
}

// changes says whether a step has changed one of some objects.
func (w *World) changes(step *remembered, objects ...*object) bool {
	return slices.ContainsFunc(step.changes, func(x change) bool { return slices.Contains(objects, w.plan.groups[x.group].owner) })
}

// changesLock says whether a step has changed who holds a lock.
func (w *World) changesLock(step *remembered, l lock) bool {
	if r, ok := l.(*readHold); ok {
		return w.changes(step, &r.lock.object)
	}
	if m, ok := l.(*RWMutex); ok {
		for i := range m.readers {
			if w.changes(step, &m.readers[i].object) {
				return true
			}
		}
	}
	return w.changes(step, l.bound())
}
