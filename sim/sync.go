package sim

import (
	"fmt"
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

// holderName is the name of a task that holds a lock.
func (w *World) holderName(number int) string {
	t := w.tasks[number-1]
	if t.done {
		return t.name + ", which has ended"
	}
	return t.name
}
