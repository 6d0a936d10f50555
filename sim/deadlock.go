package sim

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim/internal/hook"
)

// A deadlock is found by the step that closes it, while other tasks may still
// run on: tasks that wait in a circle, each for a lock that the next one holds.
//
// No state is needed to report it just once. A step adds a wait only to the
// task that takes it, which parks before a lock, or makes others wait for that
// task alone, which takes a lock or announces itself. So every new circle goes
// through the task that moved; and a circle that was there before does not, for
// none of its tasks can move.

// lock is an object that tasks hold and wait for.
type lock interface {
	awaited
	// blocks says whether a task that waits for the lock cannot have it before
	// another one, or itself, has let go.
	blocks(waiter, holder *Task) bool
	// held says as what others hold the lock against the waiter.
	held(w *World, waiter *Task) string
	// wanted says as what the tasks that wait here want the lock.
	wanted(w *World) string
}

// deadlockError is a circle of tasks, each of which waits for a lock that the
// next one holds, and the last for one that the first holds.
//
// Differs: Go lets any task unlock a lock. If one outside the circle did, the
// tasks would go on; here a lock counts as released by whoever holds it.
type deadlockError struct{ Circle []waiting }

// waiting is one task of a deadlock.
type waiting struct {
	Task  string
	Holds string // the lock that the one before it wants: "om.lock", "om.lock for reading"
	Wants string
	Point string // before which it waits
}

func (e *deadlockError) Error() string {
	var parts []string
	for _, t := range e.Circle {
		parts = append(parts, fmt.Sprintf("%s holds %s and wants %s (before %q)", t.Task, t.Holds, t.Wants, t.Point))
	}
	return strings.Join(parts, "; ")
}

// Meaning is the break as a user sees it.
func (e *deadlockError) Meaning() string {
	var names []string
	for _, t := range e.Circle {
		names = append(names, t.Task)
	}
	who := strings.Join(names, " and ")
	if len(names) == 1 {
		return who + " waits for itself, and hangs until the process is started anew."
	}
	return who + " wait for one another, and hang until the process is started anew; so does whoever comes to need a lock of theirs."
}

// waiter is a task that stands before a lock, on the way along who waits for whom.
type waiter struct {
	task  *Task
	at    lock
	after int // index of the one that waits for it
}

// checkDeadlock looks for a circle that the last step, of the given task, has
// closed.
func (w *World) checkDeadlock(t *Task) {
	if circle := w.findCircle(t); circle != nil {
		w.broke(NoDeadlock, deadlock(w, circle))
	}
}

// findCircle looks for the shortest way on which the task waits, over others,
// for itself. Each task of the circle waits for the next one; nil: there is none.
func (w *World) findCircle(t *Task) (circle []*Task) {
	if at := t.lockAwaited(); at != nil {
		for k := w.waitsForItself(t, at, nil); k >= 0; k = w.waiters[k].after {
			circle = append(circle, w.waiters[k].task)
		}
		slices.Reverse(circle)
	}
	return circle
}

// waitsForItself walks from a lock, at which a task stands, to who holds it, on to the lock
// that this one waits for, and so on, until the task itself holds one. It returns the index
// of the last waiter of a shortest circle; -1: there is none. If a step is still to be
// taken before, a lock that it may change ends the walk, too: who holds it then is not
// known.
func (w *World) waitsForItself(t *Task, at lock, step *remembered) int {
	w.waiters = append(w.waiters[:0], waiter{t, at, -1})
	for i := 0; i < len(w.waiters); i++ {
		last := w.waiters[i]
		if step != nil && w.changesLock(step, last.at) {
			return i
		}
		if i > 0 && last.at.ready(last.task) {
			continue
		}
		for _, holder := range w.tasks {
			switch {
			case !last.at.blocks(last.task, holder):
			case holder == t:
				return i
			case !slices.ContainsFunc(w.waiters, func(x waiter) bool { return x.task == holder }):
				if at := holder.lockBefore(); at != nil {
					w.waiters = append(w.waiters, waiter{holder, at, i})
				}
			}
		}
	}
	return -1
}

// lockBefore is the lock before which the task is parked, or nil.
func (t *Task) lockBefore() lock {
	if t.done || t.gone || t.awaits == nil || t.awaits.bound().kind != hook.Lock {
		return nil
	}
	return t.awaits.(lock)
}

// lockAwaited is the lock that keeps the task from going on, or nil.
func (t *Task) lockAwaited() lock {
	if at := t.lockBefore(); at != nil && !at.ready(t) {
		return at
	}
	return nil
}

// deadlock puts a circle in words. It begins with the first of its tasks,
// whichever closed it.
func deadlock(w *World, circle []*Task) error {
	first := 0
	for i, t := range circle {
		if t.number < circle[first].number {
			first = i
		}
	}
	circle = append(circle[first:], circle[:first]...)
	e := &deadlockError{}
	for i, t := range circle {
		before := circle[(i+len(circle)-1)%len(circle)]
		e.Circle = append(e.Circle, waiting{t.name, before.lockAwaited().held(w, before), t.lockAwaited().wanted(w), t.site.point})
	}
	return e
}
