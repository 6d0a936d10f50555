package rt

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// UnlockPoints makes each release of a lock a point. The rewriter sets it where
// the source tries locks (TryLock): only that can see a section that holds a lock
// and has no point within.
var UnlockPoints bool

// Mutex is sync.Mutex.
type Mutex struct {
	real  sync.Mutex
	run   *run // whose state the rest is: a lock is free at the start of a run
	held  bool
	owner *goroutine
	o     *object
}

// fresh forgets what another run left.
func (m *Mutex) fresh() {
	if m.run != active {
		*m = Mutex{run: active, o: active.objectAt(unsafe.Pointer(m), "mutex", m, 3)}
	}
}

// Lock locks the mutex.
func (m *Mutex) Lock() {
	g := current()
	if g == nil {
		m.real.Lock()
		return
	}
	if !active.killed {
		m.fresh()
	}
	g.at((*locking)(m))
	Acquire(unsafe.Pointer(m))
}

// TryLock tries to lock the mutex.
func (m *Mutex) TryLock() bool {
	g := current()
	if g == nil {
		return m.real.TryLock()
	}
	if active.killed {
		return false
	}
	m.fresh()
	g.at(&look{m.o, "TryLock"})
	if active.killed || m.held {
		active.progress = false
		return false
	}
	m.held, m.owner = true, g
	g.holds = append(g.holds, m.o)
	active.touch(m.o, true)
	Acquire(unsafe.Pointer(m))
	return true
}

// Unlock unlocks the mutex.
func (m *Mutex) Unlock() {
	g := current()
	if g == nil {
		m.real.Unlock()
		return
	}
	if active.killed {
		return
	}
	m.fresh()
	if UnlockPoints {
		g.at(&look{m.o, "Unlock"})
	}
	if !m.held {
		fatal("unlock of unlocked mutex")
	}
	m.owner.gives(m.o)
	m.held, m.owner = false, nil
	active.touch(m.o, true)
	Release(unsafe.Pointer(m))
}

// fatal ends the run as an error that no recover of Go's stops.
func fatal(what string) {
	active.fail(NoPanic, fmt.Errorf("fatal error: sync: %s", what))
	runtime.Goexit()
}

type locking Mutex

func (m *locking) ways() int {
	if m.held {
		return 0
	}
	return 1
}
func (m *locking) label(int) string { return "Lock" }
func (m *locking) object() *object  { return m.o }
func (m *locking) do(g *goroutine, _ int) result {
	m.held, m.owner = true, g
	g.holds = append(g.holds, m.o)
	active.touch(m.o, true)
	return done
}

// holders names who holds the lock that an operation waits for.
func (m *locking) holders() []*goroutine { return []*goroutine{m.owner} }

// RWMutex is sync.RWMutex: a writer that waits keeps new readers out.
type RWMutex struct {
	real    sync.RWMutex
	run     *run
	readers []*goroutine
	writer  *goroutine
	want    []*goroutine // writers that wait
	o       *object
}

func (m *RWMutex) fresh() {
	if m.run != active {
		*m = RWMutex{run: active, o: active.objectAt(unsafe.Pointer(m), "RWMutex", m, 3)}
	}
}

// Lock locks for writing.
func (m *RWMutex) Lock() {
	g := current()
	if g == nil {
		m.real.Lock()
		return
	}
	if !active.killed {
		m.fresh()
	}
	g.at(&writing{m, false})
	m.acquires(true)
}

// acquires orders a lock after the Unlock before it, and one for writing after each
// RUnlock too.
func (m *RWMutex) acquires(writes bool) {
	Acquire(unsafe.Pointer(&m.writer))
	if writes {
		Acquire(unsafe.Pointer(&m.readers))
	}
}

// Unlock undoes Lock.
func (m *RWMutex) Unlock() {
	g := current()
	if g == nil {
		m.real.Unlock()
		return
	}
	if active.killed {
		return
	}
	m.fresh()
	if UnlockPoints {
		g.at(&look{m.o, "Unlock"})
	}
	if m.writer == nil {
		fatal("Unlock of unlocked RWMutex")
	}
	m.writer.gives(m.o)
	m.writer = nil
	active.touch(m.o, true)
	Release(unsafe.Pointer(&m.writer))
}

// RLock locks for reading.
func (m *RWMutex) RLock() {
	g := current()
	if g == nil {
		m.real.RLock()
		return
	}
	if !active.killed {
		m.fresh()
	}
	g.at((*reading)(m))
	m.acquires(false)
}

// RUnlock undoes RLock.
func (m *RWMutex) RUnlock() {
	g := current()
	if g == nil {
		m.real.RUnlock()
		return
	}
	if active.killed {
		return
	}
	m.fresh()
	if UnlockPoints {
		g.at(&look{m.o, "RUnlock"})
	}
	if len(m.readers) == 0 {
		fatal("RUnlock of unlocked RWMutex")
	}
	// Go lets another goroutine give a lock back: then any holder does.
	gone := 0
	for i, r := range m.readers {
		if r == g {
			gone = i
		}
	}
	m.readers[gone].gives(m.o)
	m.readers = Without(m.readers, gone)
	active.touch(m.o, true)
	Release(unsafe.Pointer(&m.readers))
}

// TryLock tries to lock for writing.
func (m *RWMutex) TryLock() bool {
	g := current()
	if g == nil {
		return m.real.TryLock()
	}
	if active.killed {
		return false
	}
	m.fresh()
	g.at(&look{m.o, "TryLock"})
	if active.killed || m.writer != nil || len(m.readers) > 0 || len(m.want) > 0 {
		active.progress = false
		return false
	}
	m.writer = g
	g.holds = append(g.holds, m.o)
	active.touch(m.o, true)
	m.acquires(true)
	return true
}

// TryRLock tries to lock for reading.
func (m *RWMutex) TryRLock() bool {
	g := current()
	if g == nil {
		return m.real.TryRLock()
	}
	if active.killed {
		return false
	}
	m.fresh()
	g.at(&look{m.o, "TryRLock"})
	if active.killed || m.writer != nil || len(m.want) > 0 {
		active.progress = false
		return false
	}
	m.readers = append(m.readers, g)
	g.holds = append(g.holds, m.o)
	active.touch(m.o, true)
	m.acquires(false)
	return true
}

// RLocker is a Locker whose Lock is RLock.
func (m *RWMutex) RLocker() sync.Locker { return (*rlocker)(m) }

type rlocker RWMutex

func (r *rlocker) Lock()   { (*RWMutex)(r).RLock() }
func (r *rlocker) Unlock() { (*RWMutex)(r).RUnlock() }

type reading RWMutex

func (m *reading) ways() int {
	if m.writer != nil || len(m.want) > 0 {
		return 0
	}
	return 1
}
func (m *reading) label(int) string { return "RLock" }
func (m *reading) object() *object  { return m.o }
func (m *reading) do(g *goroutine, _ int) result {
	m.readers = append(m.readers, g)
	g.holds = append(g.holds, m.o)
	active.touch(m.o, true)
	return done
}
func (m *reading) holders() []*goroutine {
	if m.writer != nil {
		return []*goroutine{m.writer}
	}
	return m.want // each waits for a reader
}

// writing is a Lock of a RWMutex: it takes place, or announces itself and waits.
type writing struct {
	m         *RWMutex
	announced bool
}

func (w *writing) free() bool { return w.m.writer == nil && len(w.m.readers) == 0 }

func (w *writing) ways() int {
	if w.announced && !w.free() {
		return 0
	}
	return 1
}

func (w *writing) label(int) string {
	if w.free() {
		return "Lock"
	}
	return "Lock, in line"
}
func (w *writing) object() *object { return w.m.o }
func (w *writing) do(g *goroutine, _ int) result {
	active.touch(w.m.o, true)
	if !w.free() {
		w.announced = true
		w.m.want = append(w.m.want, g)
		return again
	}
	for i, other := range w.m.want {
		if other == g {
			w.m.want = Without(w.m.want, i)
			break
		}
	}
	w.m.writer = g
	g.holds = append(g.holds, w.m.o)
	return done
}
func (w *writing) holders() []*goroutine {
	if w.m.writer != nil {
		return []*goroutine{w.m.writer}
	}
	return w.m.readers
}

// Cond is sync.Cond.
type Cond struct {
	L    sync.Locker
	real *sync.Cond
	self *Cond // which of its copies is in use
	run  *run
	in   []*goroutine
	o    *object
}

// NewCond returns a Cond.
func NewCond(l sync.Locker) *Cond { return &Cond{L: l} }

func (c *Cond) fresh() {
	if c.self == nil {
		c.self = c
	}
	if c.self != c {
		panic("sync.Cond is copied")
	}
	if c.run != active {
		c.run, c.in, c.o = active, nil, active.objectAt(unsafe.Pointer(c), "Cond", c, 3)
	}
}

// native is the Cond outside runs.
func (c *Cond) native() *sync.Cond {
	if c.real == nil {
		c.real = sync.NewCond(c.L)
	}
	return c.real
}

// Wait unlocks L, waits to be woken, and locks L.
func (c *Cond) Wait() {
	g := current()
	if g == nil {
		c.native().Wait()
		return
	}
	if active.killed {
		runtime.Goexit() // It is called in a loop, until something holds.
	}
	c.fresh()
	g.at(&look{c.o, "Wait"}) // Who does not hold L may signal before.
	active.touch(c.o, true)
	c.in = append(c.in, g)
	c.L.Unlock()
	g.queue(&queued{c.o, "Wait"})
	Acquire(unsafe.Pointer(c))
	c.L.Lock()
}

// Signal wakes who waits longest.
func (c *Cond) Signal() { c.wake("Signal", 1) }

// Broadcast wakes all.
func (c *Cond) Broadcast() { c.wake("Broadcast", -1) }

func (c *Cond) wake(what string, n int) {
	g := current()
	if g == nil {
		if n == 1 {
			c.native().Signal()
		} else {
			c.native().Broadcast()
		}
		return
	}
	if active.killed {
		return
	}
	c.fresh()
	Release(unsafe.Pointer(c))
	g.at(&look{c.o, what})
	active.touch(c.o, true)
	for ; n != 0 && len(c.in) > 0; n-- {
		c.in[0].status = ready
		c.in = c.in[1:]
	}
}

// queued is what a goroutine waits in that a partner ends.
type queued struct {
	o    *object
	what string
}

func (q *queued) ways() int                 { return 0 }
func (q *queued) label(int) string          { return q.what }
func (q *queued) object() *object           { return q.o }
func (q *queued) do(*goroutine, int) result { return wait }

// queue lets a goroutine wait until a partner makes it ready.
func (g *goroutine) queue(op operation) {
	g.op, g.status = op, waiting
	g.line, g.inside = here()
	g.park()
}

// Once is sync.Once.
type Once struct {
	real sync.Once
	over bool // for good: runs share what it made
	run  *run
	in   *goroutine
	o    *object
}

// Do calls f the first time.
func (o *Once) Do(f func()) {
	g := current()
	if g == nil {
		o.real.Do(func() { o.over = true; f() })
		return
	}
	if active.killed {
		return
	}
	if o.run != active {
		if o.over {
			return // It was done before this run.
		}
		o.run, o.in, o.o = active, nil, active.objectAt(unsafe.Pointer(o), "Once", o, 2)
	}
	g.at((*doing)(o))
	if active.killed || o.over {
		Acquire(unsafe.Pointer(o))
		return
	}
	defer func() {
		if active.killed {
			return // f was cut off.
		}
		g.gives(o.o)
		o.in, o.over = nil, true
		active.touch(o.o, true)
		Release(unsafe.Pointer(o))
	}()
	f()
}

type doing Once

func (o *doing) ways() int {
	if o.in != nil {
		return 0
	}
	return 1
}
func (o *doing) label(int) string { return "Once" }
func (o *doing) object() *object  { return o.o }
func (o *doing) do(g *goroutine, _ int) result {
	active.touch(o.o, !o.over)
	if !o.over {
		o.in = g
		g.holds = append(g.holds, o.o)
	}
	return done
}
func (o *doing) holders() []*goroutine { return []*goroutine{o.in} }

// WaitGroup is sync.WaitGroup.
type WaitGroup struct {
	real  sync.WaitGroup
	run   *run
	count int
	in    []*goroutine
	o     *object

	// The first Add and the first Wait race, if nothing orders them: Wait may see zero.
	first       byte
	adds, waits spot
}

func (w *WaitGroup) fresh() {
	if w.run != active {
		*w = WaitGroup{run: active, o: active.objectAt(unsafe.Pointer(w), "WaitGroup", w, 3)}
	}
}

// Add adds to the counter.
func (w *WaitGroup) Add(n int) { w.add(n, "Add") }

// Done takes one off the counter.
func (w *WaitGroup) Done() { w.add(-1, "Done") }

func (w *WaitGroup) add(n int, what string) {
	g := current()
	if g == nil {
		w.real.Add(n)
		return
	}
	if active.killed {
		return
	}
	w.fresh()
	if n < 0 {
		Release(unsafe.Pointer(w))
	}
	g.at(&look{w.o, what})
	active.touch(w.o, true)
	if w.count += n; w.count < 0 {
		panic("sync: negative WaitGroup counter")
	}
	if Race && n > 0 && w.count == n {
		if w.adds = g.spot(); reads(unsafe.Pointer(&w.first)) {
			active.misuse(g, "adds to a WaitGroup", "waits for it", w.waits)
		}
	}
	if w.count == 0 {
		for _, g := range w.in {
			g.status = ready
		}
		w.in = nil
	}
}

// Wait waits until the counter is zero.
func (w *WaitGroup) Wait() {
	g := current()
	if g == nil {
		w.real.Wait()
		return
	}
	if active.killed {
		return
	}
	w.fresh()
	op := &awaiting{w: w}
	g.at(op)
	if Race && op.first {
		if w.waits = g.spot(); writes(unsafe.Pointer(&w.first)) {
			active.misuse(g, "waits for a WaitGroup", "adds to it", w.adds)
		}
	}
	if op.waited && !active.killed && (w.count != 0 || len(w.in) > 0) {
		panic("sync: WaitGroup is reused before previous Wait has returned")
	}
	Acquire(unsafe.Pointer(w))
}

// Go calls f in a goroutine that the group counts.
func (w *WaitGroup) Go(f func()) { GoIn("WaitGroup.Go", w, f) }

// Group returns the group: for what embeds one.
func (w *WaitGroup) Group() *WaitGroup { return w }

// GoIn is w.Go(f). name and the parameter are those of [Go].
//
//go:noinline
func GoIn[F ~func()](name string, w *WaitGroup, f F) {
	w.Add(1)
	spawn(name, func() {
		defer w.Done()
		f()
	}, 1)
}

// awaiting is a Wait.
type awaiting struct {
	w      *WaitGroup
	first  bool // nobody else waited
	waited bool
}

func (a *awaiting) ways() int        { return 1 }
func (a *awaiting) label(int) string { return "Wait" }
func (a *awaiting) object() *object  { return a.w.o }
func (a *awaiting) do(g *goroutine, _ int) result {
	w := a.w
	active.touch(w.o, true)
	if w.count == 0 {
		return done
	}
	a.first, a.waited = len(w.in) == 0, true
	w.in = append(w.in, g)
	return wait
}
