package sim

import (
	"fmt"
	"strings"

	"racelab/sim/internal/hook"
)

// RWMutex is a lock that many tasks can hold for reading, or one for writing. Its
// zero value is unlocked.
//
// A writer that waits is preferred: it announces itself, and from then on no
// new reader comes in. So a task that reads and wants to read once more can
// wait for a writer that waits for it.
//
// Source: sync.RWMutex, with w, readerCount and readerWait.
// Differs: the inner mutex never turns to starvation mode; see Mutex.
//
// What follows is why the model has no queue.
//
// To wait for a lock takes no step here: a task that is parked before RLock or
// Lock has not called it yet, as far as anyone can tell. That makes a queue
// unnecessary. In Go the readers that are queued when a writer unlocks have
// the lock before the next writer; here that is the run in which they are
// chosen before it. The run in which the next writer is chosen first is the one
// in which they called RLock after it had announced itself. Only the
// announcement is seen by others, so only that is a step of its own: Lock takes
// one step if nobody reads, and else two. Writers exclude one another through
// an inner mutex that barges.
//
// What a step records is just what it reads and writes. A reader reads that no
// writer is there, and notes its hold in a place of its own, so two readers do
// not depend on each other, in whatever order they come and go. A writer reads
// all those places.
type RWMutex struct {
	object
	// NoPreference lets readers in while a writer waits, as Go's lock does not:
	// a deadlock that goes away with it closes only through the preference.
	NoPreference bool `sim:"config"`

	writer  int  // number of the task that holds the inner mutex; 0: free
	writing bool // the writer has the lock; else it has announced itself, and waits
	readers []readHold
}

// readHold is how often a task holds the lock for reading. It is an object of
// its own, and what the task waits for before RLock.
type readHold struct {
	object
	lock  *RWMutex `sim:"-"`
	task  int      `sim:"-"` // number
	count int
}

// RLock waits until it can hold the lock for reading.
func (m *RWMutex) RLock(t *Task) {
	on, ok := t.blocks(t.point("rlock", &m.object), m.hold(t))
	if !ok {
		return
	}
	mine := on.(*readHold)
	mine.count++
	t.touches(&mine.lock.object, false)
	t.touches(&mine.object, true)
	t.acquires(&mine.lock.object)
	t.did(0)
}

// RUnlock undoes one RLock. As in Go, any task may do it; one that holds none
// gives back that of the first task which does.
func (m *RWMutex) RUnlock(t *Task) {
	if !t.comes("runlock", &m.object, free) {
		return
	}
	from := m.hold(t)
	t.touches(&from.object, false)
	t.world.met.givenBack = t.world.met.givenBack || from.count == 0
	t.world.met.forOthers = t.world.met.forOthers || from.count == 0
	for i := 0; from.count == 0; i++ {
		if i == len(m.readers) {
			t.world.met.apart |= unlocked
			panic("RUnlock of unlocked RWMutex")
		}
		from = &m.readers[i]
		t.touches(&from.object, false)
	}
	from.count--
	t.touches(&from.object, true)
	t.releasesToo(&from.object)
	t.did(0)
}

// Lock waits until it can hold the lock for writing. If there are readers then,
// it has only announced itself, and waits once more until they have left.
// Schedules call that second point "P (readers leave)" if the first is P.
func (m *RWMutex) Lock(t *Task) {
	name := t.point("lock", &m.object)
	on, ok := t.blocks(name, m)
	if ok {
		m = on.(*RWMutex)
		m.writer = t.number
		t.touches(&m.object, true)
		if !m.isRead(t) {
			m.write(t)
			t.did(0)
			return
		}
		t.did(1)
	} else if t.given.word == 0 {
		return
	}
	if on, ok = t.blocks(t.sites.second(name, " (readers leave)"), m); ok {
		m = on.(*RWMutex)
		t.touches(&m.object, true)
		m.isRead(t)
		m.write(t)
		t.did(0)
	}
}

// write takes the lock for writing.
func (m *RWMutex) write(t *Task) {
	m.writing = true
	t.takes(&m.object)
	for i := range m.readers {
		t.takes(&m.readers[i].object)
	}
}

// Unlock releases the lock. As in Go, any task may do it.
func (m *RWMutex) Unlock(t *Task) {
	if !t.comes("unlock", &m.object, free) {
		return
	}
	t.touches(&m.object, true)
	if !m.writing {
		t.world.met.apart |= unlocked
		panic("Unlock of unlocked RWMutex")
	}
	t.world.met.forOthers = t.world.met.forOthers || m.writer != t.number
	m.writer, m.writing = 0, false
	t.releases(&m.object)
	t.did(0)
}

// hold is where the task notes that it reads.
func (m *RWMutex) hold(t *Task) *readHold {
	if m.readers == nil {
		panic("sim: a step touched memory that nobody shared: hand its owner to World.Share")
	}
	return &m.readers[t.number-1]
}

// isRead says whether anyone holds the lock for reading, as something that the
// task has looked at.
func (m *RWMutex) isRead(t *Task) bool {
	for i := range m.readers {
		t.touches(&m.readers[i].object, false)
	}
	return m.hasReaders()
}

func (m *RWMutex) hasReaders() bool {
	for i := range m.readers {
		if m.readers[i].count > 0 {
			return true
		}
	}
	return false
}

// announced says whether the task is the writer that waits for the readers to
// leave.
func (m *RWMutex) announced(t *Task) bool { return m.writer == t.number && !m.writing }

func (m *RWMutex) prepare(w *World) {
	m.kind = hook.Lock
	w.locks = append(w.locks, m)
	m.readers = make([]readHold, len(w.tasks))
	for i := range m.readers {
		m.readers[i] = readHold{object: object{kind: hook.Lock}, lock: m, task: i + 1}
	}
}

func (m *RWMutex) guards(t *Task, write bool) bool {
	return m.writing && m.writer == t.number || !write && m.readers[t.number-1].count > 0
}

func (m *RWMutex) seenBy(w *World) {
	w.looksAt(&m.object)
	for i := range m.readers {
		w.looksAt(&m.readers[i].object)
	}
}

func (m *RWMutex) keepsOut(t *Task) bool {
	return m.writing && m.writer == t.number || m.readers[t.number-1].count > 0
}

// ready is for writers: those that have announced themselves, and those that
// have not.
func (m *RWMutex) ready(t *Task) bool {
	switch {
	case m.announced(t):
		return !m.hasReaders()
	case m.NoPreference && m.hasReaders():
		return false // It does not announce itself, so it has to find the lock free.
	}
	return m.writer == 0
}

func (r *readHold) ready(*Task) bool { return r.lock.writer == 0 }

func (m *RWMutex) holds() string {
	var parts []string
	switch {
	case m.writing:
		parts = append(parts, fmt.Sprintf("written by task %d", m.writer))
	case m.writer > 0:
		parts = append(parts, fmt.Sprintf("task %d is the next to write", m.writer))
	}
	for _, r := range m.readers {
		if r.count > 0 {
			parts = append(parts, fmt.Sprintf("task %d reads", r.task))
		}
	}
	if parts == nil {
		return "free"
	}
	return strings.Join(parts, ", ")
}

func (m *RWMutex) waitingFor(w *World) string {
	var by []string
	if m.writing {
		by = append(by, w.holderName(m.writer))
	} else {
		for _, r := range m.readers {
			if r.count > 0 {
				by = append(by, w.holderName(r.task))
			}
		}
	}
	return w.objectName(m.number) + ", held by " + strings.Join(by, " and ")
}

func (r *readHold) waitingFor(w *World) string {
	how := "is the next to write"
	if r.lock.writing {
		how = "writes"
	}
	return w.objectName(r.lock.number) + ", which " + w.holderName(r.lock.writer) + " " + how
}

func (m *RWMutex) blocks(waiter, holder *Task) bool {
	if m.announced(waiter) || m.writer == 0 {
		return m.readers[holder.number-1].count > 0
	}
	return m.writer == holder.number
}

func (r *readHold) blocks(_, holder *Task) bool { return r.lock.writer == holder.number }

func (m *RWMutex) held(w *World, waiter *Task) string {
	switch name := w.objectName(m.number); {
	case m.announced(waiter) || m.writer == 0:
		return name + " for reading"
	case m.writing:
		return name + " for writing"
	default:
		return name + " as its next writer"
	}
}

func (r *readHold) held(w *World, waiter *Task) string { return r.lock.held(w, waiter) }

func (m *RWMutex) wanted(w *World) string { return w.objectName(m.number) + " for writing" }

func (r *readHold) wanted(w *World) string { return w.objectName(r.lock.number) + " for reading" }
