package simrun

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"racelab/sim/explore"
)

// status says on stderr how far long work is: on a terminal in one line, from the
// first second on; else by a line every 30 s.
type status struct {
	w        io.Writer
	terminal bool
	now      func() time.Time

	mu    sync.Mutex // Workers tell of their progress side by side.
	began time.Time
	next  time.Time // when to say something again
	shown bool      // a line stands there
}

func newStatus(w io.Writer) *status {
	s := &status{w: w, terminal: isTerminal(w), now: time.Now}
	s.start()
	return s
}

func (s *status) start() {
	s.began = s.now()
	s.next = s.began.Add(s.pause(time.Second))
}

// pause is how long nothing is said.
func (s *status) pause(onTerminal time.Duration) time.Duration {
	if s.terminal {
		return onTerminal
	}
	return 30 * time.Second
}

// show tells how much of a total is done; 0: the total is not known.
func (s *status) show(text string, done, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Before(s.next) {
		return
	}
	if done > 0 && total > 0 {
		left := now.Sub(s.began) * time.Duration(total-done) / time.Duration(done)
		text += fmt.Sprintf(", about %v left", left.Round(time.Second))
	}
	s.next = now.Add(s.pause(200 * time.Millisecond))
	if s.terminal {
		text = "\r\x1b[K" + text
	} else {
		text += "\n"
	}
	_, _ = io.WriteString(s.w, text) // Who cannot be told works on all the same.
	s.shown = s.terminal
}

// search tells how far a search is: "812,403 states, 41 k/s, 0.4 GB".
func (s *status) search(what string, r *explore.Result) {
	done, unit := r.Runs, "runs"
	if r.Strategy == "states" {
		done, unit = r.States, "states"
	}
	s.mu.Lock()
	seconds, due := s.now().Sub(s.began).Seconds(), !s.now().Before(s.next)
	s.mu.Unlock()
	if !due {
		return
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	s.show(fmt.Sprintf("%s%s %s, %.3g k/s, %.1f GB%s", what, explore.Thousands(done), unit, float64(done)/seconds/1000, float64(memory.HeapInuse)/1e9,
		outlook(r, seconds, float64(memory.HeapInuse))), 0, 0)
}

// foreseeFrom is how many states there are before anything is said of those to come.
const foreseeFrom = 100_000

// outlook says how a search of all states goes on, and what it will take at the rate
// so far: "; 1.12 times as many with each step; of about 2e+06 in all, with 35s and
// 0.6 GB to come". It is for people: it depends on the machine.
func outlook(r *explore.Result, seconds, bytes float64) string {
	if r.Strategy != "states" || r.States < foreseeFrom || len(r.Levels) < 3 {
		return ""
	}
	last := len(r.Levels) - 1
	text := fmt.Sprintf("; %.2f times as many with each step", float64(r.Levels[last])/float64(r.Levels[last-1]))
	all := r.Foreseen()
	if all == 0 {
		return text + ", and no end is in sight"
	}
	more := max(0, all/float64(r.States)-1)
	return text + fmt.Sprintf("; of about %.1g in all, with %s and %.1f GB to come", all, span(more*seconds), more*bytes/1e9)
}

// span is some seconds, or days, where they are many.
func span(seconds float64) string {
	if days := seconds / (24 * 3600); days >= 2 {
		return fmt.Sprintf("%.0f days", days)
	}
	return (time.Duration(seconds) * time.Second).String()
}

// clear takes the line away.
func (s *status) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown {
		_, _ = io.WriteString(s.w, "\r\x1b[K")
		s.shown = false
	}
}
