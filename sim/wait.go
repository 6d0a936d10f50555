package sim

import (
	"fmt"
	"slices"
)

// WaitGroup counts what is still to be done.
//
// Source: sync.WaitGroup.
// Differs: that Add from zero must not run beside Wait is not checked.
type WaitGroup struct {
	object
	count int
}

// Init sets the count before the first step.
func (g *WaitGroup) Init(count int) { g.count = count }

// Add adds to the count, which must not fall below zero.
func (g *WaitGroup) Add(t *Task, delta int) {
	t.touches(&g.object, true)
	if delta < 0 {
		t.releasesToo(&g.object)
	}
	if g.count += delta; g.count < 0 {
		panic("sync: negative WaitGroup counter")
	}
}

// Done takes one from the count.
func (g *WaitGroup) Done(t *Task) { g.Add(t, -1) }

// Wait parks the task at the point until the count is zero.
func (g *WaitGroup) Wait(t *Task, p Point) {
	on := t.wait(p, g).(*WaitGroup)
	t.touches(&on.object, false)
	t.acquires(&on.object)
}

func (g *WaitGroup) prepare(*World) { g.kind = Channel }

func (g *WaitGroup) ready(*Task) bool { return g.count == 0 }

func (g *WaitGroup) holds() string { return fmt.Sprint(g.count) }

func (g *WaitGroup) waitingFor(w *World) string {
	return fmt.Sprintf("%s, which counts %d", w.ObjectName(g.number), g.count)
}

// Cond is a condition that tasks wait for, under a Mutex.
//
// Tasks are woken in the order in which they came to wait: that order is one of
// steps, for each holds the lock when it does.
//
// Source: sync.Cond, sync.runtime_notifyListNotifyOne.
type Cond struct {
	object
	L       *Mutex
	waiting []int // numbers of tasks, in the order in which they came
}

// Wait releases the lock, parks the task at the point until it is woken, and
// then until it has the lock again. Schedules call that point "P (lock)" if the
// first is P.
func (c *Cond) Wait(t *Task, p Point) {
	t.touches(&c.object, true)
	c.waiting = append(c.waiting, t.number)
	c.L.Unlock(t)
	on := t.wait(p, c).(*Cond)
	t.touches(&on.object, false)
	t.world.take(t.number-1, t.mail)
	on.L.Lock(t, t.sites.second(p, " (lock)"))
}

// Signal wakes the task that has waited longest, if any waits.
func (c *Cond) Signal(t *Task) { c.wake(t, min(1, len(c.waiting))) }

// Broadcast wakes all tasks that wait.
func (c *Cond) Broadcast(t *Task) { c.wake(t, len(c.waiting)) }

func (c *Cond) wake(t *Task, n int) {
	t.touches(&c.object, n > 0)
	for _, number := range c.waiting[:n] {
		if w := t.world; w.follows() {
			w.tasks[number-1].mail = w.post(t.number - 1)
		}
	}
	c.waiting = slices.Delete(c.waiting, 0, n)
}

func (c *Cond) prepare(*World) { c.kind = Channel }

func (c *Cond) ready(t *Task) bool { return !slices.Contains(c.waiting, t.number) }

func (c *Cond) holds() string { return fmt.Sprintf("%d wait", len(c.waiting)) }

func (c *Cond) waitingFor(w *World) string { return "a signal of " + w.ObjectName(c.number) }
