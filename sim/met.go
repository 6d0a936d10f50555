package sim

import "math/bits"

// met is what a world has had in some run so far. It is no part of the state.
type met struct {
	ticker    bool
	closed    bool // a channel was closed
	remade    bool // a channel was made anew
	givenBack bool // a task called RUnlock that did not read
	forOthers bool // a task unlocked what another one had locked
	apart     apart
	accesses  []accessors // to Vars, by object
}

// accessors are the tasks that have read or written a Var, a bit each, by number, and
// the locks without which that was once.
type accessors struct{ read, wrote, without uint64 }

// accessed notes an access. All tasks from the 64th on share a bit; locks from there on
// do not count.
func (m *met) accessed(w *World, object int, t *Task, write bool) {
	m.knows(object)
	a := &m.accesses[object]
	if bit := uint64(1) << min(t.number-1, 63); write {
		a.wrote |= bit
	} else {
		a.read |= bit
	}
	for rest := m.always(w, object); rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		w.locks[i].seenBy(w)
		if !w.locks[i].guards(t, write) {
			a.without |= 1 << i
		}
	}
}

// always is the locks under which every access to a Var was. Such a Var is free of
// races, unless tasks unlock what others have locked.
func (m *met) always(w *World, object int) uint64 {
	return (1<<min(len(w.locks), 64) - 1) &^ m.accesses[object].without
}

func (m *met) knows(object int) {
	if object >= len(m.accesses) {
		m.accesses = append(m.accesses, make([]accessors, object+1-len(m.accesses))...)
	}
}

// contended says whether accesses to a Var could race: two tasks had some, one of them
// wrote, and no lock was always held.
func (m *met) contended(w *World, object int) bool {
	if object >= len(m.accesses) {
		return false
	}
	a := m.accesses[object]
	alone := a.read|a.wrote == a.wrote&-a.wrote && a.wrote>>63 == 0
	return a.wrote != 0 && !alone && (m.forOthers || m.always(w, object) == 0)
}

// mayRace says whether a task has an access that could race with one of another task.
func (m *met) mayRace(object, task int, write bool) bool {
	a := m.accesses[object]
	others := a.wrote
	if write {
		others |= a.read
	}
	return others>>min(task, 63)&1 != 0
}

// learn adds what another world that was built alike has met.
func (m *met) learn(from *met) {
	m.ticker = m.ticker || from.ticker
	m.closed = m.closed || from.closed
	m.remade = m.remade || from.remade
	m.givenBack = m.givenBack || from.givenBack
	m.apart |= from.apart
	m.forOthers = m.forOthers || from.forOthers
	for i, a := range from.accesses {
		m.knows(i)
		m.accesses[i].read |= a.read
		m.accesses[i].wrote |= a.wrote
		m.accesses[i].without |= a.without
	}
}
