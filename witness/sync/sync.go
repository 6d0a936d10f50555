package sync

import (
	"sync"
	"sync/atomic"
)

// What is Go's own.
type (
	Cond      = sync.Cond
	Locker    = sync.Locker
	Map       = sync.Map
	Pool      = sync.Pool
	WaitGroup = sync.WaitGroup
)

// NewCond returns a condition on a lock, which may be one of this package.
func NewCond(l Locker) *Cond { return sync.NewCond(l) }

// Once does something once. Go's own cannot serve: it holds a mutex while the
// function runs, which may park.
//
// Source: sync.Once.
type Once struct {
	m    Mutex
	done atomic.Bool
}

// Do calls the function if it is the first to be called. Whoever comes while
// that runs waits for its end.
func (o *Once) Do(f func()) {
	if o.done.Load() {
		return
	}
	o.m.Lock()
	defer o.m.Unlock()
	if !o.done.Load() {
		defer o.done.Store(true)
		f()
	}
}
