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
// beside the run, with the operations of Go.
var outsiders struct {
	live atomic.Int32 // that rewritten code started outside runs
	seen sync.Map     // where one came to a point during a run
}

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
// under way, in no order. They are not controlled.
func Outsiders() (places []string) {
	outsiders.seen.Range(func(at, _ any) bool { places = append(places, at.(string)); return true })
	return places
}

// awaitOutsiders gives goroutines that no run started time to do what the run waits
// for, if there are any. done looks whether they have.
func awaitOutsiders(done func() bool) {
	seen := outsiders.live.Load() > 0
	outsiders.seen.Range(func(_, _ any) bool { seen = true; return false })
	for began := time.Now(); seen && time.Since(began) < Patience/10; time.Sleep(time.Millisecond) {
		if done() {
			return
		}
	}
}
