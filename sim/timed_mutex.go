package sim

import (
	"time"
	"unsafe"
)

// starvation is how long a task waits for a Mutex before it may ask to be
// served in its turn.
//
// Source: starvationThresholdNs in Go's internal/sync.
const starvation = time.Millisecond

// lockQueue is who gets a Mutex in a timed world whose Timing says how long a
// wake-up takes. Whoever finds the lock held lies down behind those who already
// do. When it is released the first of them is woken, and while it wakes up any
// other task that comes by takes the lock (barging). If it then finds the lock
// held once more, having waited for more than 1 ms, the lock turns to
// starvation mode: it is handed over to the first in line, and who comes by
// lines up, until one gets it that has waited for less, or is the last.
//
// Nothing happens at the moment at which a task lies down, or wakes up in vain:
// both are worked out when the lock is next released.
//
// Source: sync.Mutex.
// Differs: nobody spins.
type lockQueue struct {
	mutex    *Mutex
	wake     Delay
	draws    Random
	freed    Time  // when it was last released: who came before lies down
	woken    int32 // the task that is waking up; 0: none
	at       Time  // when it will be awake
	starving bool
}

func (m *lockQueue) layout(g *group) {
	g.draws(&m.wake, &m.draws)
	g.add(moment, unsafe.Pointer(&m.freed))
	g.add(word32, unsafe.Pointer(&m.woken))
	g.add(moment, unsafe.Pointer(&m.at))
	g.add(word8, unsafe.Pointer(&m.starving))
}

// lockQueueOf is the queue of the lock that a task is parked at; nil: it is at
// none, or wake-ups take no time.
func (td *timed) lockQueueOf(t *Task) *lockQueue {
	if m, ok := t.awaits.(*Mutex); ok {
		return td.objects[m.number].lockQueue
	}
	return nil
}

// due is when a task can take the lock, which is free.
func (m *lockQueue) due(number int32, next Time) Time {
	switch {
	case m.woken == number:
		return m.at
	case m.woken != 0 && m.starving, next < m.freed:
		return Never
	}
	return next
}

// settle works out who is next, after a step in which the lock was taken or
// released. If a task took that step, it had come to where it was at since.
func (td *timed) settle(w *World, m *lockQueue, task int32, since Time) {
	now := w.clock.now
	if task != 0 && m.woken == task {
		m.woken = 0
		if now.Sub(since) < starvation || td.firstInLine(w, m, now) == 0 {
			m.starving = false
		}
	}
	if m.mutex.holder != 0 {
		return
	}
	m.freed = now
	if m.woken != 0 {
		if m.at >= now {
			return // It will find the lock free.
		}
		if m.at.Sub(td.tasks[m.woken-1].next) > starvation {
			m.starving = true
		}
	}
	if m.woken = td.firstInLine(w, m, now); m.woken == 0 {
		return
	}
	m.at = now
	if wake := m.wake.Draw(&m.draws); m.starving && task != 0 {
		td.tasks[task-1].next = td.tasks[task-1].next.Add(wake) // It yields its processor to the next in line.
	} else {
		m.at = m.at.Add(wake)
	}
}

// firstInLine is the task that came to the lock first, before now; 0: none.
func (td *timed) firstInLine(w *World, m *lockQueue, now Time) int32 {
	first, came := int32(0), now
	for i, t := range w.tasks {
		if t.awaits == awaited(m.mutex) && td.tasks[i].next < came {
			first, came = int32(t.number), td.tasks[i].next
		}
	}
	return first
}
