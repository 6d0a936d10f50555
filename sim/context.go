package sim

import (
	"fmt"
	"time"
)

// Context is a context.Context: it tells those who work for somebody to stop. Its
// zero value is context.Background, which is never done and cannot be cancelled;
// Init makes one that can.
//
// It is one memory for all who have it, so Share it, or what holds it.
//
// Source: context.WithCancel, context.WithTimeout, context.cancelCtx.cancel.
// Differs: a Context has no values, and its children are made before the first step.
type Context struct {
	done     Chan[bool] // closed when it is over
	deadline Timer
	reason   Atomic[int32]
	children []*Context
}

// Why a Context is done.
const (
	notDone int32 = iota
	canceled
	exceeded
)

// ContextError is why a Context is done.
type ContextError string

const (
	ErrCanceled         ContextError = "context canceled"
	ErrDeadlineExceeded ContextError = "context deadline exceeded"
)

func (e ContextError) Error() string { return string(e) }

// Init makes a Context that can be cancelled, before the first step.
func (c *Context) Init() { c.done.Init(0) }

// InitChild makes a Context that ends with its parent, or before it, before the first
// step.
func (c *Context) InitChild(parent *Context) {
	c.Init()
	parent.children = append(parent.children, c)
}

// Cancel ends what works for the Context, and for its children after it. A second
// call does nothing.
func (c *Context) Cancel(t *Task) { c.end(t, canceled) }

func (c *Context) end(t *Task, why int32) {
	if !c.done.made {
		panic(fmt.Sprintf("sim: task %s ends a Context that nobody made: call its Init or InitChild before the first step", t.name))
	}
	if c.reason.CompareAndSwap(t, notDone, why) {
		c.done.Close(t)
		for _, child := range c.children {
			child.end(t, why)
		}
	}
}

// Expire waits until the time has passed, or the Context is done, and then ends
// it: it is the goroutine of a timeout. Start it with World.Go or Task.Go.
//
// Source: context.WithTimeout, whose timer calls cancel by time.AfterFunc.
func (c *Context) Expire(t *Task, d time.Duration) {
	c.deadline.Start(t, d)
	if t.Select(c.deadline.Receiving(), c.done.Receiving()) == any(&c.deadline) {
		c.end(t, exceeded)
	} else {
		c.deadline.Stop(t)
	}
}

// Done is the case of a select that the Context is done.
func (c *Context) Done() SelectCase { return c.done.Receiving() }

// Err is why the Context is done; nil: it is not.
func (c *Context) Err(t *Task) error {
	switch c.reason.Load(t) {
	case canceled:
		return ErrCanceled
	case exceeded:
		return ErrDeadlineExceeded
	}
	return nil
}

// AfterFunc lets the time pass and then calls f, unless the timer is stopped: it
// is the goroutine of a time.AfterFunc. Start it with World.Go or Task.Go, and
// stop the timer with Stop of the same AfterFunc.
//
// Source: time.AfterFunc.
type AfterFunc struct {
	timer   Timer
	stopped Chan[bool]
	fires   Atomic[bool]
}

// Init makes it ready, before the first step. It is needed: without it Stop waits
// for ever.
func (a *AfterFunc) Init() { a.stopped.Init(1) }

// Run waits, and calls f unless Stop was faster.
func (a *AfterFunc) Run(t *Task, d time.Duration, f func()) {
	a.timer.Start(t, d)
	if t.Select(a.timer.Receiving(), a.stopped.Receiving()) == any(&a.timer) && a.fires.CompareAndSwap(t, false, true) {
		f()
	} else {
		a.timer.Stop(t)
	}
}

// Stop keeps f from being called, and says whether it did.
func (a *AfterFunc) Stop(t *Task) bool {
	if !a.fires.CompareAndSwap(t, false, true) {
		return false
	}
	a.stopped.Send(t, true)
	return true
}
