// Package context is context for code under control: Done, Err and cancel are
// points, and deadlines are of the virtual clock. Contexts are values of
// context.Context, so code that was not rewritten takes them.
package context

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"racelab/witness/rt"
)

// cancelable is a context that ends.
type cancelable struct {
	context.Context // the parent

	done     chan struct{}
	err      error
	cause    error
	children []*cancelable // in the order in which they were made
	after    []*stopper
	deadline time.Time
	timer    *rt.Timer
	parent   *cancelable // the nearest that ends too
	unfollow func()      // the parent, one of another package; nil: it is none
}

type selfKey struct{}

// mu guards all contexts outside runs. No section that it guards has a point.
var mu guard

// guard is a lock that orders nothing for the race detector.
type guard struct{ mu sync.Mutex }

func (g *guard) Lock()   { rt.Hidden(g.mu.Lock) }
func (g *guard) Unlock() { rt.Hidden(g.mu.Unlock) }

// Value finds the nearest context of this package.
func (c *cancelable) Value(key any) any {
	if key == (selfKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func (c *cancelable) Done() <-chan struct{} { return c.done }

func (c *cancelable) Err() error {
	rt.Point(unsafe.Pointer(c), c, "context", "Err", false)
	rt.Polled()
	rt.Acquire(unsafe.Pointer(c))
	mu.Lock()
	defer mu.Unlock()
	return c.err
}

func (c *cancelable) Deadline() (time.Time, bool) {
	if !c.deadline.IsZero() {
		return c.deadline, true
	}
	return c.Context.Deadline()
}

func (c *cancelable) String() string { return fmt.Sprintf("%v.WithCancel", c.Context) }

func nearest(ctx context.Context) *cancelable {
	c, _ := ctx.Value(selfKey{}).(*cancelable)
	return c
}

func derive(parent context.Context) *cancelable {
	if parent == nil {
		panic("cannot create context from nil parent")
	}
	c := &cancelable{Context: parent, done: make(chan struct{}), parent: nearest(parent)}
	if over := parent.Done(); over != nil && (c.parent == nil || c.parent.done != over) { // of another package
		if err := parent.Err(); err != nil {
			mu.Lock()
			defer mu.Unlock()
			c.end(err, context.Cause(parent))
			return c
		}
		c.unfollow = follow(parent, c.done, func() { c.cancel(parent.Err(), context.Cause(parent)) })
		return c
	}
	mu.Lock()
	defer mu.Unlock()
	switch {
	case c.parent == nil:
	case c.parent.err != nil:
		c.end(c.parent.err, c.parent.cause)
	default:
		c.parent.children = append(c.parent.children, c)
	}
	return c
}

// follow calls f when a context of another package has ended, unless gone is closed or
// unfollow is called before.
func follow(ctx context.Context, gone <-chan struct{}, f func()) (unfollow func()) {
	if tells, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		stop := tells.AfterFunc(f)
		return func() { stop() }
	}
	rt.Go("context", func() {
		if rt.Select(false, rt.RecvOf(ctx.Done()), rt.RecvOf(gone)) == 0 {
			f()
		}
	})
	return nil
}

// cancel ends the context in one step.
func (c *cancelable) cancel(err, cause error) {
	rt.Point(unsafe.Pointer(c), c, "context", "cancel", true)
	c.cut(err, cause)
	if c.unfollow != nil {
		c.unfollow()
	}
}

func (c *cancelable) cut(err, cause error) {
	mu.Lock()
	defer mu.Unlock()
	c.end(err, cause)
	c.leave()
}

// expire ends the context at its deadline.
func (c *cancelable) expire(cause error) {
	if c.cut(context.DeadlineExceeded, cause); c.unfollow != nil {
		rt.Go("context", c.unfollow)
	}
}

// end has no points: in Go it holds the context's lock.
func (c *cancelable) end(err, cause error) {
	if c.err != nil {
		return
	}
	if cause == nil {
		cause = err
	}
	c.err, c.cause = err, cause
	rt.ReleaseNow(unsafe.Pointer(c))
	rt.CloseNow(c.done)
	if c.timer != nil {
		c.timer.Stop()
	}
	for _, child := range c.children {
		child.end(err, cause)
	}
	c.children = nil
	for _, s := range c.after {
		s.start()
	}
	c.after = nil
}

// leave takes the context from its parent, which then need not end it.
func (c *cancelable) leave() {
	if c.parent == nil {
		return
	}
	for i, child := range c.parent.children {
		if child == c {
			c.parent.children = rt.Without(c.parent.children, i)
			return
		}
	}
}

// WithCancel is context.WithCancel.
func WithCancel(parent context.Context) (context.Context, context.CancelFunc) {
	c := derive(parent)
	return c, func() { c.cancel(context.Canceled, nil) }
}

// WithCancelCause is context.WithCancelCause.
func WithCancelCause(parent context.Context) (context.Context, context.CancelCauseFunc) {
	c := derive(parent)
	return c, func(cause error) { c.cancel(context.Canceled, cause) }
}

// WithTimeout is context.WithTimeout.
func WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return WithDeadlineCause(parent, rt.Now().Add(d), nil)
}

// WithTimeoutCause is context.WithTimeoutCause.
func WithTimeoutCause(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	return WithDeadlineCause(parent, rt.Now().Add(d), cause)
}

// WithDeadline is context.WithDeadline.
func WithDeadline(parent context.Context, d time.Time) (context.Context, context.CancelFunc) {
	return WithDeadlineCause(parent, d, nil)
}

// WithDeadlineCause is context.WithDeadlineCause.
func WithDeadlineCause(parent context.Context, d time.Time, cause error) (context.Context, context.CancelFunc) {
	c := derive(parent)
	if before, ok := parent.Deadline(); !ok || d.Before(before) {
		mu.Lock()
		defer mu.Unlock()
		c.deadline = d
		switch left := d.Sub(rt.Now()); {
		case c.err != nil:
		case left <= 0:
			c.end(context.DeadlineExceeded, cause)
			c.leave()
		default:
			c.timer = rt.FireFunc(left, "deadline", func() { c.expire(cause) })
		}
	}
	return c, func() { c.cancel(context.Canceled, nil) }
}

// Cause is context.Cause.
func Cause(ctx context.Context) error {
	if c := nearest(ctx); c != nil && c.done == ctx.Done() {
		rt.Point(unsafe.Pointer(c), c, "context", "Cause", false)
		rt.Acquire(unsafe.Pointer(c))
		return c.cause
	}
	return context.Cause(ctx)
}

// WithoutCancel is context.WithoutCancel.
func WithoutCancel(parent context.Context) context.Context {
	return withoutCancel{context.WithoutCancel(parent)}
}

type withoutCancel struct{ context.Context }

func (w withoutCancel) Value(key any) any {
	if key == (selfKey{}) {
		return nil
	}
	return w.Context.Value(key)
}

// stopper is an AfterFunc.
type stopper struct {
	f       func()
	started bool
	stopped bool
}

func (s *stopper) start() {
	if !s.stopped && !s.started {
		s.started = true
		rt.Go("context.AfterFunc", s.f)
	}
}

// AfterFunc is context.AfterFunc.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	s := &stopper{f: f}
	c := nearest(ctx)
	switch {
	case ctx.Done() == nil:
	case (c == nil || c.done != ctx.Done()) && !rt.InRun():
		return context.AfterFunc(ctx, f)
	case c == nil || c.done != ctx.Done():
		return afterForeign(ctx, s)
	case c.err != nil:
		s.start()
	default:
		c.after = append(c.after, s)
	}
	return s.stop
}

func (s *stopper) stop() bool {
	rt.Point(unsafe.Pointer(s), s, "context", "stop", true)
	was := !s.started && !s.stopped
	s.stopped = true
	return was
}

// afterForeign is AfterFunc of a context of another package.
func afterForeign(ctx context.Context, s *stopper) (stop func() bool) {
	gone := make(chan struct{})
	unfollow := follow(ctx, gone, s.start)
	return func() bool {
		was := s.stop()
		if was {
			rt.Close(gone)
		}
		if unfollow != nil {
			unfollow()
		}
		return was
	}
}
