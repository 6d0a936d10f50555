package explore

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// watch looks for a step that does not end: code of a model that loops without an
// operation of package sim, or waits for a channel or a lock of Go's. Nothing can stop
// that, so the process ends, with the line where it is. No result depends on it.
type watch struct {
	mu    sync.Mutex
	steps []*steps
	stop  chan struct{}
	once  sync.Once
}

// end ends the watch, if there is one.
func (w *watch) end() {
	if w != nil {
		w.once.Do(func() { close(w.stop) })
	}
}

// steps counts where the steps of one world begin and end. It is odd within one. Of a
// world that nobody watches it is nil.
type steps struct {
	n atomic.Uint64
	_ [56]byte // no two in one line of a cache
}

func (s *steps) begins() {
	if s != nil {
		s.n.Add(1)
	}
}

func (s *steps) ends() { s.begins() }

const (
	glance  = time.Second
	patient = 20 // glances, before a step counts as one that does not end
)

// newWatch begins to look. A glance that comes late tells nothing: the process stood
// still, or somebody debugs it.
func newWatch(glance time.Duration, end func(text string)) *watch {
	w := &watch{stop: make(chan struct{})}
	go func() {
		ticker := time.NewTicker(glance)
		defer ticker.Stop()
		was, stuck, last := map[*steps]uint64{}, map[*steps]int{}, time.Now()
		for {
			select {
			case <-w.stop:
				return
			case <-ticker.C:
			}
			late := time.Since(last) > 2*glance
			last = time.Now()
			for _, s := range w.all() {
				n := s.n.Load()
				if late || n%2 == 0 || n != was[s] {
					was[s], stuck[s] = n, 0
				} else if stuck[s]++; stuck[s] == patient {
					end("sim: a step does not end" + whereStuck() + ": does it loop without an operation of package sim, or wait for a channel or a lock of Go's?")
				}
			}
		}
	}()
	return w
}

// over ends the process.
func over(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(2)
}

// world is the count of one more world.
func (w *watch) world() *steps {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &steps{}
	w.steps = append(w.steps, s)
	return s
}

func (w *watch) all() []*steps {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.steps
}

// whereStuck is the first line outside of this module and of Go's own packages of a
// goroutine within a step that is not parked, with what it waits for.
func whereStuck() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, stack := range bytes.Split(stacks, []byte("\n\n")) {
		lines := strings.Split(string(stack), "\n")
		if strings.Contains(lines[0], "[coroutine") || !strings.Contains(string(stack), "\nracelab/sim.") {
			continue
		}
		for i := 1; i+1 < len(lines); i += 2 {
			if ofGo(lines[i]) {
				continue
			}
			if strings.HasPrefix(lines[i], "racelab/sim.") {
				break
			}
			at, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " ")
			_, state, _ := strings.Cut(lines[0], "[")
			state, _, _ = strings.Cut(state, "]")
			state, _, _ = strings.Cut(state, ",")
			function := filepath.Base(lines[i][:strings.LastIndex(lines[i], "(")])
			return fmt.Sprintf(" in %s, %s (%s)", function, filepath.Base(at), state)
		}
	}
	return ""
}

// ofGo says whether a function on a stack is one of Go's own packages that block.
func ofGo(function string) bool {
	for _, pkg := range []string{"runtime.", "sync.", "internal/", "time.", "iter."} {
		if strings.HasPrefix(function, pkg) {
			return true
		}
	}
	return false
}
