package sim

import (
	"fmt"
	"strings"
	"unsafe"

	"racelab/sim/internal/hook"
)

// Var is a plain variable that tasks share, with no lock of its own. Each Get
// and Set is recorded, so that whoever depends on it is known, and is checked
// for a data race.
type Var[T Word] struct {
	object
	value T
}

// Init sets the value that the variable has before the first step.
func (v *Var[T]) Init(value T) { v.value = value }

// Get reads the variable.
func (v *Var[T]) Get(t *Task) T {
	if !t.plain() {
		if !t.comes("read", &v.object, guarded) {
			return fromWord[T](t.given.word)
		}
	}
	t.touches(&v.object, false)
	t.races(&v.object, false)
	t.did(scalar(&v.value))
	return v.value
}

// Set writes the variable.
func (v *Var[T]) Set(t *Task, value T) {
	if !t.plain() {
		if !t.comesWith("write", &v.object, guarded) {
			return
		}
	}
	t.touches(&v.object, true)
	t.races(&v.object, true)
	v.value = value
	t.did(0)
}

func (v *Var[T]) prepare(*World) { v.kind = hook.Data }

func (v *Var[T]) holds() string { return fmt.Sprint(v.value) }

// strange is another value than the given one.
func (v *Var[T]) strange(word uint64) uint64 { return strangeWord[T](word) }

// Peek reads the variable for a claim or a picture. In a task use Get: the search
// does not see a Peek.
func (v *Var[T]) Peek() T {
	v.peeked()
	return v.value
}

// Atomic is a variable of sync/atomic. Each call is one step, and who reads what a
// task wrote also sees what that task did before. It takes no part in a data race.
//
// Source: package sync/atomic, and "Atomic Values" in The Go Memory Model.
type Atomic[T Word] struct {
	object
	value T
}

// Init sets the value that the variable has before the first step.
func (a *Atomic[T]) Init(value T) { a.value = value }

// Load reads the variable.
func (a *Atomic[T]) Load(t *Task) T {
	if !t.plain() {
		if !t.comes("load", &a.object, visible) {
			return fromWord[T](t.given.word)
		}
	}
	value := a.load(t)
	t.did(scalar(&value))
	return value
}

func (a *Atomic[T]) load(t *Task) T {
	t.touches(&a.object, false)
	t.acquires(&a.object)
	return a.value
}

// Store writes the variable. What this task did before is ordered before what a
// reader of the value does next. What earlier writers did is not: Swap and Add keep
// that order too.
func (a *Atomic[T]) Store(t *Task, value T) {
	if !t.plain() {
		if !t.comesWith("store", &a.object, visible) {
			return
		}
	}
	a.store(t, value)
	t.did(0)
}

func (a *Atomic[T]) store(t *Task, value T) {
	t.touches(&a.object, true)
	t.releases(&a.object)
	a.value = value
}

// Swap writes the variable and returns what it held.
func (a *Atomic[T]) Swap(t *Task, value T) T {
	if !t.plain() {
		if !t.comesWith("swap", &a.object, visible) {
			return fromWord[T](t.given.word)
		}
	}
	was := a.swap(t, value)
	t.did(scalar(&was))
	return was
}

func (a *Atomic[T]) swap(t *Task, value T) T {
	t.touches(&a.object, true)
	t.acquires(&a.object)
	t.releases(&a.object)
	was := a.value
	a.value = value
	return was
}

// CompareAndSwap writes the variable if it holds the old value, and says
// whether it did. If it does not, that is a Load.
func (a *Atomic[T]) CompareAndSwap(t *Task, old, value T) bool {
	if !t.plain() {
		if !t.comesWith("compare and swap", &a.object, visible) {
			return t.given.word != 0
		}
	}
	if a.load(t) != old {
		t.did(0)
		return false
	}
	a.store(t, value)
	t.did(1)
	return true
}

// Add adds to the variable and returns what it holds then. A bool has no Add.
func (a *Atomic[T]) Add(t *Task, delta T) T {
	if unsafe.Sizeof(delta) == 1 {
		panic("sim: Add to an atomic bool; use Store, Swap or CompareAndSwap")
	}
	if !t.plain() {
		if !t.comesWith("add to", &a.object, visible) {
			return fromWord[T](t.given.word)
		}
	}
	sum := fromWord[T](scalar(&a.value) + scalar(&delta))
	a.swap(t, sum)
	t.did(scalar(&sum))
	return sum
}

// strange is another value than the given one.
func (a *Atomic[T]) strange(word uint64) uint64 { return strangeWord[T](word) }

func (a *Atomic[T]) prepare(*World) { a.kind = hook.Atom }

func (a *Atomic[T]) holds() string { return fmt.Sprint(a.value) }

// Peek reads the variable for a claim or a picture. In a task use Load: the search
// does not see a Peek.
func (a *Atomic[T]) Peek() T {
	a.peeked()
	return a.value
}

// Mutex is a lock with the unfairness of Go's: when it is released, whoever
// comes first takes it, and a task that has waited for long has no claim
// (barging). A held lock simply disables those who want it.
//
// Source: sync.Mutex in its normal mode.
// Differs: after a wait of 1 ms Go's mutex turns to starvation mode and hands
// itself to the one who waits; here it never does. Whatever it forbids then, a
// wait that ends a little earlier allows. Where quantities are judged it counts
// who gets the lock: a timed world with Timing.Wake follows Go in both modes.
type Mutex struct {
	object
	// Tried says that functions may TryLock. They see that the lock is held, so
	// Unlock is a point then, and so is what happens under the lock.
	Tried bool `sim:"config"`

	holder int // number of the task that holds it, from 1; 0: free
}

// Lock waits for the lock, and takes it.
func (m *Mutex) Lock(t *Task) { m.lockAt(t, t.point("lock", &m.object)) }

func (m *Mutex) lockAt(t *Task, name string) {
	if on, ok := t.blocks(name, m); ok {
		on.(*Mutex).take(t)
		t.did(0)
	}
}

func (m *Mutex) take(t *Task) {
	m.holder = t.number
	t.touches(&m.object, true)
	t.takes(&m.object)
}

// TryLock takes the lock if it is free, and says whether it did. Functions need
// a Mutex that is Tried.
func (m *Mutex) TryLock(t *Task) bool {
	if t.program == nil && !m.Tried {
		panic(fmt.Sprintf("sim: task %s calls TryLock of %s: make it a sim.Mutex{Tried: true}, so that others can be seen to hold it", t.name, t.world.objectName(m.number)))
	}
	if !t.comes("try to lock", &m.object, visible) {
		return t.given.word != 0
	}
	if m.holder != 0 {
		t.world.met.apart |= tryFailed
		t.touches(&m.object, false)
		t.did(0)
		return false
	}
	m.take(t)
	t.did(1)
	return true
}

// Unlock releases the lock. As in Go, any task may do it; that the lock is
// held is a condition, and breaking it is a panic of the client.
func (m *Mutex) Unlock(t *Task) {
	where := free
	if m.Tried {
		where = visible
	}
	if t.comes("unlock", &m.object, where) {
		m.release(t)
		t.did(0)
	}
}

func (m *Mutex) release(t *Task) {
	t.touches(&m.object, true)
	if m.holder == 0 {
		t.world.met.apart |= unlocked
		panic("unlock of unlocked mutex")
	}
	t.world.met.forOthers = t.world.met.forOthers || m.holder != t.number
	m.holder = 0
	t.releases(&m.object)
}

func (m *Mutex) prepare(w *World) {
	m.kind = hook.Lock
	w.locks = append(w.locks, m)
}

func (m *Mutex) guards(t *Task, _ bool) bool { return m.holder == t.number }

func (m *Mutex) seenBy(w *World) { w.looksAt(&m.object) }

func (m *Mutex) keepsOut(t *Task) bool { return m.holder == t.number && !m.Tried }

func (m *Mutex) ready(*Task) bool { return m.holder == 0 }

func (m *Mutex) holds() string {
	if m.holder == 0 {
		return "free"
	}
	return fmt.Sprintf("held by task %d", m.holder)
}

func (m *Mutex) waitingFor(w *World) string {
	return w.objectName(m.number) + ", held by " + w.holderName(m.holder)
}

func (m *Mutex) blocks(_, holder *Task) bool { return m.holder == holder.number }

func (m *Mutex) held(w *World, _ *Task) string { return w.objectName(m.number) }

func (m *Mutex) wanted(w *World) string { return w.objectName(m.number) }

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

// holderName is the name of a task that holds a lock.
func (w *World) holderName(number int) string {
	t := w.tasks[number-1]
	if t.done {
		return t.name + ", which has ended"
	}
	return t.name
}
