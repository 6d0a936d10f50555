package main

import (
	"fmt"
	"io"
	"time"
)

// status is one line on a terminal that says how far a long search is. In a
// pipe it says nothing.
type status struct {
	w     io.Writer // nil: not a terminal
	last  time.Time
	shown bool
}

func newStatus(w io.Writer) *status {
	if !isTerminal(w) {
		return &status{}
	}
	return &status{w: w, last: time.Now()}
}

// show writes the line anew, at most ten times a second.
func (s *status) show(text string) {
	if s.w == nil || time.Since(s.last) < 100*time.Millisecond {
		return
	}
	s.last, s.shown = time.Now(), true
	fmt.Fprintf(s.w, "\r\x1b[K%.100s", text)
}

func (s *status) clear() {
	if s.shown {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
}
