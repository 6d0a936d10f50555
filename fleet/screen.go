package fleet

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// screen says on stderr how far the whole is: on a terminal with a line a worker, else
// by a line every 30 s.
type screen struct {
	w        io.Writer
	terminal bool
	what     string
	shards   int
	missing  int // at the start
	began    time.Time
	next     time.Time // when to say something again
	lines    int       // that stand there

	mu      sync.Mutex
	workers map[string]heard
}

type heard struct {
	beat
	at time.Time
}

func newScreen(w io.Writer, what string, shards, missing int) *screen {
	f, ok := w.(*os.File)
	s := &screen{w: w, what: what, shards: shards, missing: missing, began: time.Now(), workers: map[string]heard{}}
	if s.terminal = ok && term.IsTerminal(int(f.Fd())); !s.terminal {
		s.next = s.began.Add(30 * time.Second)
	}
	return s
}

func (s *screen) hear(b beat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workers[b.Worker] = heard{b, time.Now()}
}

// The screen forgets a worker that is silent for so long, and shows at most so many.
const (
	silence     = time.Minute
	mostWorkers = 30
)

func (s *screen) show(missing int) {
	now := time.Now()
	if now.Before(s.next) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.workers, func(_ string, h heard) bool { return now.Sub(h.at) > silence })
	lines := s.text(now, missing)
	if !s.terminal {
		s.next = now.Add(30 * time.Second)
		fmt.Fprintln(s.w, lines[0])
		return
	}
	s.clear()
	s.lines = len(lines)
	fmt.Fprintln(s.w, strings.Join(lines, "\n"))
}

// text is the head, and a line a worker.
func (s *screen) text(now time.Time, missing int) []string {
	head := fmt.Sprintf("%s: %d of %d shards, %d workers", s.what, s.shards-missing, s.shards, len(s.workers))
	if done := s.missing - missing; done > 0 {
		left := now.Sub(s.began) * time.Duration(missing) / time.Duration(done)
		head += fmt.Sprintf(", about %v left", left.Round(time.Second))
	}
	lines := []string{head}
	for _, name := range slices.Sorted(maps.Keys(s.workers)) {
		if len(lines) > mostWorkers {
			return append(lines, fmt.Sprintf("  and %d more", len(s.workers)-mostWorkers))
		}
		h := s.workers[name]
		does := "waits for a shard"
		if h.Shard > 0 {
			does = fmt.Sprintf("shard %d for %v", h.Shard, h.For.Round(time.Second))
		}
		if silent := now.Sub(h.at); silent > 5*time.Second {
			does = fmt.Sprintf("silent for %v, at shard %d", silent.Round(time.Second), h.Shard)
		}
		lines = append(lines, fmt.Sprintf("  %-30s  %4d done  %s", name, h.Done, does))
	}
	return lines
}

// clear takes the lines away.
func (s *screen) clear() {
	if s.lines > 0 {
		fmt.Fprintf(s.w, "\x1b[%dA\x1b[J", s.lines)
		s.lines = 0
	}
}
