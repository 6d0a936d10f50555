package sync

import (
	"slices"

	"racelab/witness/bubble"
)

// RWMutex is a lock that many can hold for reading, or one for writing. As Go's
// it prefers a writer: once one has announced itself, no new reader comes in. So
// a goroutine that reads and wants to read once more can wait for a writer that
// waits for it.
//
// Lock takes one step if nobody reads, and else two: to announce itself, and to
// go on when the readers have left. A goroutine that is parked before RLock has
// not called it yet, as far as anyone can tell, which makes Go's queue of readers
// unnecessary: to have the lock before the next writer is to be chosen before it.
//
// Its zero value is unlocked.
//
// Source: sync.RWMutex, with w, readerCount and readerWait.
// Differs: the inner mutex never turns to starvation mode; see Mutex.
type RWMutex struct {
	name    string
	writer  *bubble.Goroutine // that has announced itself, or writes
	writing bool
	readers []*bubble.Goroutine // one entry for each RLock
}

// Lock parks the goroutine until it is chosen while no other one writes or is
// about to, and again until the readers have left.
func (m *RWMutex) Lock() {
	r := bubble.Current()
	if m.name == "" {
		m.name = r.NameOf()
	}
	point := r.Point("Lock", m.name)
	m.writer = bubble.Park(point, m)
	if len(m.readers) > 0 {
		bubble.Park(point+" (readers leave)", m)
	}
	m.writing = true
}

// Unlock parks the goroutine and, once it is chosen, releases the lock.
func (m *RWMutex) Unlock() {
	r := bubble.Current()
	bubble.Park(r.Point("Unlock", m.name), nil)
	if !m.writing {
		panic("sync: Unlock of unlocked RWMutex")
	}
	m.writer, m.writing = nil, false
}

// RLock parks the goroutine until it is chosen while no one writes or is about
// to.
func (m *RWMutex) RLock() {
	r := bubble.Current()
	if m.name == "" {
		m.name = r.NameOf()
	}
	m.readers = append(m.readers, bubble.Park(r.Point("RLock", m.name), reading{m}))
}

// RUnlock parks the goroutine and, once it is chosen, undoes one RLock. As in
// Go, any goroutine may do it; one that holds none gives back the oldest.
func (m *RWMutex) RUnlock() {
	r := bubble.Current()
	g := bubble.Park(r.Point("RUnlock", m.name), nil)
	if len(m.readers) == 0 {
		panic("sync: RUnlock of unlocked RWMutex")
	}
	i := max(slices.Index(m.readers, g), 0)
	m.readers = slices.Delete(m.readers, i, i+1)
}

// announced says whether the goroutine is the writer that waits for the readers.
func (m *RWMutex) announced(g *bubble.Goroutine) bool { return m.writer == g && !m.writing }

// Ready, Blocks, Held and Wanted make it a bubble.Lock for writers.
func (m *RWMutex) Ready(g *bubble.Goroutine) bool {
	if m.announced(g) {
		return len(m.readers) == 0
	}
	return m.writer == nil
}

func (m *RWMutex) Blocks(waiter, holder *bubble.Goroutine) bool {
	if m.announced(waiter) {
		return slices.Contains(m.readers, holder)
	}
	return m.writer == holder
}

func (m *RWMutex) Held(waiter *bubble.Goroutine) string {
	switch {
	case m.announced(waiter):
		return m.name + " for reading"
	case m.writing:
		return m.name + " for writing"
	default:
		return m.name + " as its next writer"
	}
}

func (m *RWMutex) Wanted(*bubble.Goroutine) string { return m.name + " for writing" }

// reading is a RWMutex as its readers wait for it.
type reading struct{ m *RWMutex }

func (l reading) Ready(*bubble.Goroutine) bool            { return l.m.writer == nil }
func (l reading) Blocks(_, holder *bubble.Goroutine) bool { return l.m.writer == holder }
func (l reading) Held(waiter *bubble.Goroutine) string    { return l.m.Held(waiter) }
func (l reading) Wanted(*bubble.Goroutine) string         { return l.m.name + " for reading" }
