package sync

import "racelab/witness/bubble"

// Mutex is a mutual exclusion lock. As Go's, it barges: whoever is chosen when
// it is free has it, however long others have waited.
//
// Its zero value is unlocked.
//
// Source: sync.Mutex.
// Differs: it never turns to starvation mode, in which a waiter of more than
// a millisecond is handed the lock.
type Mutex struct {
	name   string
	holder *bubble.Goroutine
}

// Lock parks the goroutine until it is chosen while the lock is free.
func (m *Mutex) Lock() {
	r := bubble.Current()
	if m.name == "" {
		m.name = r.NameOf()
	}
	m.holder = bubble.Park(r.Point("Lock", m.name), m)
}

// TryLock parks the goroutine and, once it is chosen, takes the lock if it is
// free.
func (m *Mutex) TryLock() bool {
	r := bubble.Current()
	if m.name == "" {
		m.name = r.NameOf()
	}
	g := bubble.Park(r.Point("TryLock", m.name), nil)
	if m.holder != nil {
		return false
	}
	m.holder = g
	return true
}

// Unlock parks the goroutine and, once it is chosen, releases the lock. As in
// Go, any goroutine may do it.
func (m *Mutex) Unlock() {
	r := bubble.Current()
	bubble.Park(r.Point("Unlock", m.name), nil)
	if m.holder == nil {
		panic("sync: unlock of unlocked mutex")
	}
	m.holder = nil
}

// Ready, Blocks, Held and Wanted make it a bubble.Lock.
func (m *Mutex) Ready(*bubble.Goroutine) bool            { return m.holder == nil }
func (m *Mutex) Blocks(_, holder *bubble.Goroutine) bool { return m.holder == holder }
func (m *Mutex) Held(*bubble.Goroutine) string           { return m.name }
func (m *Mutex) Wanted(*bubble.Goroutine) string         { return m.name }
