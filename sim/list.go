package sim

import (
	"fmt"
	"slices"
)

// List is a plain slice that tasks share, with no lock of its own, as a Var is a
// plain variable: each call is recorded, and is checked for a data race.
type List[T Word] struct {
	object
	// Locked says that the list has a lock after all, which is never held at a
	// point. So nobody waits for it, and it needs no Mutex: whoever uses the list
	// holds it up to the next point.
	Locked bool `sim:"config"`
	values []T
}

// Get reads the list. What it returns is valid until the list is written, or the
// task's next point, and is not to be changed.
func (l *List[T]) Get(t *Task) []T {
	l.access(t, false)
	return l.values
}

// Len reads how long the list is.
func (l *List[T]) Len(t *Task) int { return len(l.Get(t)) }

// Set writes the list: a copy of the values.
func (l *List[T]) Set(t *Task, values ...T) {
	l.access(t, true)
	l.values = append(l.values[:0], values...)
}

// Append writes the list with more at its end.
func (l *List[T]) Append(t *Task, values ...T) {
	l.access(t, true)
	l.values = append(l.values, values...)
}

// Drop writes the list without its first n values.
func (l *List[T]) Drop(t *Task, n int) {
	l.access(t, true)
	l.values = slices.Delete(l.values, 0, n)
}

func (l *List[T]) access(t *Task, write bool) {
	t.touches(&l.object, write)
	if !l.Locked {
		t.races(&l.object, write)
		return
	}
	t.acquires(&l.object)
	t.releases(&l.object)
}

// Peek reads the list outside a step, for a picture or a check.
func (l *List[T]) Peek() []T { return l.values }

func (l *List[T]) prepare(*World) {
	if l.kind = Data; l.Locked {
		l.kind = Atom
	}
}

func (l *List[T]) holds() string { return fmt.Sprint(l.values) }
