package rt

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// self is the address of the runtime's own record of the goroutine that calls: no
// two that live have the same.
func self() uintptr

// outsiders are goroutines that no run started: of init, of TestMain, or of a package
// that is not rewritten, such as net/http's server. They go on by Go's scheduler,
// beside the run, with the operations of Go. So do timers that were made before.
var outsiders struct {
	live atomic.Int32 // that rewritten code started outside runs, and timers that it made
	seen sync.Map     // where one came to a point during a run, or a run got what it waits for from one
	vain int          // how often a run waited for them, and nothing came
	idle int          // how often the clock did, since something came
}

// clockOutside counts a timer that is made outside runs, and may tick during one.
func clockOutside() { outsiders.live.Add(1) }

// outsider keeps where a goroutine that is not the run's came to a point.
func outsider() {
	var pcs [8]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "racelab/witness/rt.") && !strings.HasPrefix(f.Function, "racelab/witness/rt/") {
			outsiders.seen.Store(place(f), true)
			return
		}
		if !more {
			return
		}
	}
}

// Outsiders says where goroutines that no run started came to a point while one was
// under way, or sent to it, in no order. They are not controlled.
func Outsiders() (places []string) {
	outsiders.seen.Range(func(at, _ any) bool { places = append(places, at.(string)); return true })
	return places
}

// Beside says whether anything goes on beside the runs, as far as can be seen.
func (s *System) Beside() bool {
	beside := outsiders.live.Load() > 0 || s.strangers() > 0
	outsiders.seen.Range(func(_, _ any) bool { beside = true; return false })
	return beside
}

// awaitOutsiders gives goroutines that no run started time to do what the run waits
// for, if there are any, and says whether they have.
func (s *System) awaitOutsiders(patience time.Duration) bool {
	if s.woken() {
		return true
	}
	if patience < time.Millisecond || !slices.ContainsFunc(s.run.goroutines, (*goroutine).wakes) || !s.Beside() {
		return false
	}
	for ; patience > 0; patience -= time.Millisecond {
		if time.Sleep(time.Millisecond); s.woken() {
			outsiders.vain = min(outsiders.vain, 3)
			return true
		}
	}
	outsiders.vain++
	return false
}

// wakes says whether code outside the run can let a goroutine go on.
func (g *goroutine) wakes() bool {
	_, ok := g.op.(interface{ wake() bool })
	return ok && g.status == waiting
}

// woken looks whether it did: it may have closed or filled a channel.
func (s *System) woken() bool {
	for _, g := range s.run.goroutines {
		if g.wakes() && g.op.(interface{ wake() bool }).wake() {
			*g.gone = true
			g.status = ready
			s.offer(g)
			outsiders.seen.Store(g.line.place, true)
		}
	}
	return len(s.enabled) > 0
}

// strangers is how many goroutines there are that packages started which are not
// rewritten, such as net/http, since the first run.
func (s *System) strangers() int {
	own := 0
	for _, g := range s.run.goroutines {
		if g.status != ended || g.clears {
			own++
		}
	}
	return runtime.NumGoroutine() - own - s.others
}
