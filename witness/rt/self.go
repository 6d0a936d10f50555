package rt

import (
	"runtime"
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

// awaitOutsiders gives goroutines that no run started time to do what the run waits
// for, if there are any: the more often they did not, the less. done looks whether they have.
func (s *System) awaitOutsiders(done func() bool) {
	seen := outsiders.live.Load() > 0 || s.strangers() > 0
	outsiders.seen.Range(func(_, _ any) bool { seen = true; return false })
	if !seen {
		return
	}
	patience := Patience / 10 >> min(outsiders.vain, 4)
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Millisecond) {
		if done() {
			return
		}
	}
	outsiders.vain++
}

// strangers is how many goroutines there are that packages started which are not
// rewritten, such as os/signal, since the first run.
func (s *System) strangers() int {
	own := 0
	for _, g := range s.run.goroutines {
		if g.status != ended || g.clears {
			own++
		}
	}
	return runtime.NumGoroutine() - own - s.others
}
