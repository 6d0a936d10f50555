package sim

import (
	"fmt"
	"slices"

	"racelab/sim/internal/hook"
)

// List is a plain slice that tasks share, with no lock of its own, as a Var is a
// plain variable: each call is recorded, and is checked for a data race.
type List[T Word] struct {
	object
	// Locked says that the client guards the list with a lock that it never holds
	// at a point. Nobody can be seen to wait for such a lock, so the model needs no
	// Mutex for it, and accesses to the list are no data race.
	Locked bool `sim:"config"`
	values []T
}

// Get reads the list. What it returns is valid until the list is written, or the
// task's next point, and is not to be changed.
func (l *List[T]) Get(t *Task) []T {
	if !l.comes(t, "read") {
		values, _ := t.given.ref.([]T)
		return values
	}
	l.access(t, false)
	if t.program != nil {
		return l.values
	}
	values := slices.Clone(l.values)
	hash := uint64(len(values))
	for i := range values {
		hash = mix(hash, scalar(&values[i]))
	}
	t.didAll(hash, 0, values)
	return values
}

// comes brings the task to an access, and says whether it is to happen.
func (l *List[T]) comes(t *Task, verb string) bool {
	where := guarded
	if l.Locked {
		where = visible
	}
	if verb == "read" {
		return t.comes(verb, &l.object, where)
	}
	return t.comesWith(verb, &l.object, where)
}

// Len reads how long the list is.
func (l *List[T]) Len(t *Task) int { return len(l.Get(t)) }

// Set writes the list: a copy of the values.
func (l *List[T]) Set(t *Task, values ...T) {
	if !l.comes(t, "write") {
		return
	}
	l.access(t, true)
	l.values = append(l.values[:0], values...)
	t.did(0)
}

// Append writes the list with more at its end.
func (l *List[T]) Append(t *Task, values ...T) {
	if !l.comes(t, "append to") {
		return
	}
	l.access(t, true)
	l.values = append(l.values, values...)
	t.did(0)
}

// Change reads the list, and writes what f makes of it, if that is not nil. It returns
// the number that f says. That is all that the task learns of the list, so f hands out
// nothing else.
func (l *List[T]) Change(t *Task, f func(values []T) (then []T, says int)) int {
	if !l.comes(t, "change") {
		return int(t.given.word)
	}
	l.access(t, false)
	then, says := f(slices.Clone(l.values))
	if then != nil {
		l.access(t, true)
		l.values = then
	}
	t.did(uint64(says))
	return says
}

// Drop writes the list without its first n values.
func (l *List[T]) Drop(t *Task, n int) {
	if !l.comes(t, "drop from") {
		return
	}
	l.access(t, true)
	l.values = slices.Delete(l.values, 0, n)
	t.did(0)
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

// Peek reads the list for a claim or a picture, never in a task.
func (l *List[T]) Peek() []T {
	l.peeked()
	return l.values
}

func (l *List[T]) prepare(*World) {
	if l.kind = hook.Data; l.Locked {
		l.kind = hook.Atom
	}
}

func (l *List[T]) holds() string { return fmt.Sprint(l.values) }
