package rt

import (
	"runtime"
	"slices"
	"strings"
	"unsafe"
)

// Go is the statement go f(). name is the source text of what is called. It has a
// parameter so that it is compiled with the code that calls it: the race detector then
// knows that line.
//
//go:noinline
func Go[F ~func()](name string, f F) { spawn(name, f, 1) }

// spawn is Go; skip is the number of frames between it and the code that was rewritten.
func spawn(name string, f func(), skip int) {
	if current() == nil && (active == nil || !active.firing) {
		outsiders.live.Add(1)
		go func() {
			defer outsiders.live.Add(-1)
			f()
		}()
		return
	}
	if active.killed {
		return
	}
	g := active.start(name, f)
	var pc [1]uintptr
	runtime.Callers(2+skip, pc[:])
	g.made = pc[0]
	if len(Atomic) > 0 {
		g.atomic = slices.ContainsFunc(Atomic, func(path string) bool { return strings.HasPrefix(at(g.made).path, path+".") })
	}
}

// Call runs f in a goroutine and waits for its end, be that by runtime.Goexit, or until
// it goes beside: a sub-test. It must be called in a run.
func Call(name string, f func(), beside *bool) {
	if active.killed {
		return
	}
	g := active.start(name, f)
	g.body = true
	current().at(&subTest{g, active.objectAt(unsafe.Pointer(g), "sub-test", g, 2), beside})
	Acquire(unsafe.Pointer(g))
}

// subTest awaits the end of a goroutine.
type subTest struct {
	g      *goroutine
	o      *object
	beside *bool
}

func (c *subTest) ways() int {
	if c.g.status == ended || *c.beside {
		return 1
	}
	return 0
}
func (c *subTest) label(int) string          { return "Run" }
func (c *subTest) do(*goroutine, int) result { return done }
func (c *subTest) object() *object           { return c.o }

// nothing is what Block waits for.
const nothing = "select {}"

// Block is select {}.
func Block() {
	g := current()
	if g == nil {
		select {}
	}
	if active.killed {
		runtime.Goexit()
	}
	g.queue(&queued{nil, nothing})
}

// Bubble calls f, and waits until all goroutines have ended that were started meanwhile.
// No timer overtakes a goroutine that can run.
func Bubble(f func()) {
	r, from := active, len(active.goroutines)
	r.drift = 0
	f()
	r.await("synctest.Test", func() bool {
		return !slices.ContainsFunc(r.goroutines[from:], func(g *goroutine) bool { return g.status != ended })
	})
	r.drift = drift
}

// AllWait waits until all other goroutines wait, be that for a timer.
func AllWait() {
	r, self := active, current()
	r.await("synctest.Wait", func() bool {
		return !slices.ContainsFunc(r.timers, func(t *timer) bool { return t.when <= r.now }) &&
			!slices.ContainsFunc(r.goroutines, func(g *goroutine) bool {
				u, is := g.op.(*until)
				return g != self && !(is && u.what == "synctest.Wait") && (g.status == ready || g.status == parked && g.op.ways() > 0)
			})
	})
}

// await waits until something holds of all goroutines, and comes after all that they did.
func (r *run) await(what string, holds func() bool) {
	Await(unsafe.Pointer(&r.end), nil, "bubble", what, holds)
	Acquire(unsafe.Pointer(&r.end))
}
