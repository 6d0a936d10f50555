package sim

import (
	"fmt"
	"slices"

	"racelab/sim/internal/hook"
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
	if t.comesWith("add to", &g.object, visible) {
		g.add(t, delta)
		t.did(0)
	}
}

func (g *WaitGroup) add(t *Task, delta int) {
	t.touches(&g.object, true)
	if delta < 0 {
		t.releasesToo(&g.object)
	}
	if g.count += delta; g.count < 0 {
		t.world.met.apart |= fellBelow
		panic("sync: negative WaitGroup counter")
	}
}

// Done takes one from the count.
func (g *WaitGroup) Done(t *Task) {
	if t.comes("done", &g.object, visible) {
		g.add(t, -1)
		t.did(0)
	}
}

// Wait waits until the count is zero.
func (g *WaitGroup) Wait(t *Task) {
	on, ok := t.blocks(t.point("wait for", &g.object), g)
	if !ok {
		return
	}
	g = on.(*WaitGroup)
	t.touches(&g.object, false)
	t.acquires(&g.object)
	t.did(0)
}

func (g *WaitGroup) prepare(*World) { g.kind = hook.Channel }

func (g *WaitGroup) ready(*Task) bool { return g.count == 0 }

func (g *WaitGroup) holds() string { return fmt.Sprint(g.count) }

func (g *WaitGroup) waitingFor(w *World) string {
	return fmt.Sprintf("%s, which counts %d", w.objectName(g.number), g.count)
}

// Cond is a condition that tasks wait for, under the Mutex L. Set L before the first
// step, and Share what holds both.
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

// Wait releases the lock, waits until it is woken, and then until it has the lock
// again. Schedules call that second point "P (lock)" if the first is P.
func (c *Cond) Wait(t *Task) {
	name := t.point("wait for", &c.object)
	if c.L == nil {
		panic(fmt.Sprintf("sim: task %s comes to %q, and the Cond has no Mutex: set its L before the first step", t.name, name))
	}
	if t.program != nil || !t.again(name) {
		t.touches(&c.object, true)
		c.waiting = append(c.waiting, t.number)
		c.L.release(t)
		t.did(0)
	}
	if on, ok := t.blocks(name, c); ok {
		c = on.(*Cond)
		t.touches(&c.object, false)
		t.wakes()
		t.did(0)
	}
	c.L.lockAt(t, t.sites.second(name, " (lock)"))
}

// Signal wakes the task that has waited longest, if any waits.
func (c *Cond) Signal(t *Task) { c.wake(t, "signal", 1) }

// Broadcast wakes all tasks that wait.
func (c *Cond) Broadcast(t *Task) { c.wake(t, "broadcast", len(t.world.tasks)) }

// wake wakes up to n tasks.
func (c *Cond) wake(t *Task, how string, n int) {
	where := visible
	t.world.looksAt(&c.L.object)
	if c.L.holder == t.number && !c.L.Tried {
		where = free
	}
	if !t.comes(how, &c.object, where) {
		return
	}
	n = min(n, len(c.waiting))
	t.touches(&c.object, n > 0)
	for _, number := range c.waiting[:n] {
		if w := t.world; w.follows() {
			w.tasks[number-1].sendClock = w.release(t.number - 1)
		}
	}
	c.waiting = slices.Delete(c.waiting, 0, n)
	t.did(0)
}

func (c *Cond) prepare(*World) { c.kind = hook.Channel }

func (c *Cond) ready(t *Task) bool { return !slices.Contains(c.waiting, t.number) }

func (c *Cond) holds() string { return fmt.Sprintf("%d wait", len(c.waiting)) }

func (c *Cond) waitingFor(w *World) string { return "a signal of " + w.objectName(c.number) }
