package sim

import (
	"fmt"
	"unsafe"
)

// object is what every shared thing of a world has in common: a number, by
// which a step records that it read or wrote the thing, and a name.
//
// Shared means: more than one actor can touch it. The memory that tasks share
// is a Var, a Mutex or another object of this package; a field that is none of
// these belongs to the one task, node or property that walks it.
type object struct {
	number int // from 1; 0 is an object that no walk has met
	kind   Kind
	pair   int    // of the arrivals of a channel: the object that sends touch
	label  string // set for what the world itself makes; else the name comes from the walk
}

// Kind is what sort of thing an object is.
type Kind uint8

const (
	Private Kind = iota // the fields of a task, a node or a property
	Data                // a plain variable that tasks share
	Lock
	Channel // an end of one direction of a connection
	Memory  // of a property
)

func (o *object) bound() *object { return o }

// thing is anything with an object in it.
type thing interface{ bound() *object }

// bind gives the object its number, in the order of the walk, once.
func (w *World) bind(t thing) {
	if o := t.bound(); o.number == 0 {
		w.things = append(w.things, t)
		o.number = len(w.things)
	}
}

// Access is one object that a step touched.
type Access struct {
	Object int // number of the object
	Write  bool
	Kind   Kind
	// Pair, with the arrivals of a channel, is the object that sends touch: the
	// n-th arrival comes after the n-th send.
	Pair int
}

func (w *World) touched(o *object, write bool) {
	if w.driving {
		return
	}
	if o.number == 0 {
		panic("sim: a step touched an object that no State walk meets: visit it, or hand its owner to World.Share")
	}
	for i := range w.accesses {
		if w.accesses[i].Object == o.number {
			w.accesses[i].Write = w.accesses[i].Write || write
			return
		}
	}
	w.accesses = append(w.accesses, Access{Object: o.number, Write: write, Kind: o.kind, Pair: o.pair})
}

// ObjectName names an object as the model's code does: "om.broker.lock".
func (w *World) ObjectName(number int) string {
	if w.names == nil {
		w.nameObjects()
	}
	if name := w.names[number-1]; name != "" {
		return name
	}
	return w.things[number-1].bound().label
}

// Var is a plain variable that tasks share, with no lock of its own. Each Get
// and Set is recorded, so that whoever depends on it is known.
type Var[T ~int | ~int32 | ~int64 | ~uint64 | ~bool] struct {
	object
	value T
}

// Init sets the value that the variable has before the first step.
func (v *Var[T]) Init(value T) { v.value = value }

// Get reads the variable.
func (v *Var[T]) Get(t *Task) T {
	t.touches(&v.object, false)
	return v.value
}

// Set writes the variable.
func (v *Var[T]) Set(t *Task, value T) {
	t.touches(&v.object, true)
	v.value = value
}

// State is the walk of a variable.
func (v *Var[T]) State(s *State) {
	v.kind = Data
	s.begin(v)
	switch s.errand {
	case saving:
		s.words = append(s.words, scalar(&v.value))
	case loading:
		setScalar(&v.value, s.words[s.at])
		s.at++
	}
}

func (v *Var[T]) holds() string { return fmt.Sprint(v.value) }

// Peek reads the variable outside a step, for a picture or a check.
func (v *Var[T]) Peek() T { return v.value }

// Mutex is a lock with the unfairness of Go's: when it is released, whoever
// comes first takes it, and a task that has waited for long has no claim
// (barging). A held lock simply disables those who want it.
//
// Source: sync.Mutex in its normal mode.
// Differs: after a wait of 1 ms Go's mutex turns to starvation mode and hands
// itself to the one who waits; here it never does. Whatever it forbids then, a
// wait that ends a little earlier allows.
type Mutex struct {
	object
	holder int // number of the task that holds it, from 1; 0: free
}

// Lock parks the task at the point and goes on once the lock is the task's.
func (m *Mutex) Lock(t *Task, p Point) {
	taken := t.wait(p, m).(*Mutex)
	taken.holder = t.number
	t.touches(&taken.object, true)
}

// Unlock releases the lock. As in Go, any task may do it; that the lock is
// held is a condition, and breaking it is a panic of the client.
func (m *Mutex) Unlock(t *Task) {
	if m.holder == 0 {
		panic("unlock of unlocked mutex")
	}
	m.holder = 0
	t.touches(&m.object, true)
}

// State is the walk of a lock.
func (m *Mutex) State(s *State) {
	m.kind = Lock
	s.begin(m)
	word := uint64(m.holder)
	s.word(&word)
	m.holder = int(word)
}

func (m *Mutex) ready(*Task) bool { return m.holder == 0 }

func (m *Mutex) holds() string {
	if m.holder == 0 {
		return "free"
	}
	return fmt.Sprintf("held by task %d", m.holder)
}

func (m *Mutex) waitingFor(w *World) string {
	return w.ObjectName(m.number) + ", held by " + w.tasks[m.holder-1].name
}

// scalar is the one word that holds a variable's value.
func scalar[T ~int | ~int32 | ~int64 | ~uint64 | ~bool](value *T) uint64 {
	switch unsafe.Sizeof(*value) {
	case 1:
		return uint64(*(*uint8)(unsafe.Pointer(value)))
	case 4:
		return uint64(*(*uint32)(unsafe.Pointer(value)))
	default:
		return *(*uint64)(unsafe.Pointer(value))
	}
}

func setScalar[T ~int | ~int32 | ~int64 | ~uint64 | ~bool](value *T, word uint64) {
	switch unsafe.Sizeof(*value) {
	case 1:
		*(*uint8)(unsafe.Pointer(value)) = uint8(word)
	case 4:
		*(*uint32)(unsafe.Pointer(value)) = uint32(word)
	default:
		*(*uint64)(unsafe.Pointer(value)) = word
	}
}
