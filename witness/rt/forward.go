package rt

import (
	"fmt"
	"math"
	"slices"
)

const (
	// turns is how often the clock moves on, while the body's goroutine waits and the
	// same others act, until that is no part of the search any more.
	turns = 50
	// forwards is how often somebody else may act after that, and be part of it again.
	forwards = 10
	// farthest bounds how far forward goes: steps times goroutines.
	farthest = 10_000_000
)

// forward goes on by the default schedule, and is one step for the search, as long as
// only those act who act at each turn of the clock: who takes ticks, while the body's
// goroutine waits. It ends when somebody else can go on, or when that has waited too long:
// nobody knows before that what a goroutine does at its thousandth tick.
func (s *System) forward() {
	r := s.run
	for _, g := range r.goroutines {
		g.stands = r.clock-g.ran > turns
		if r.forwards >= forwards {
			g.stands = g.ran < r.since
		}
	}
	began, kept, history := r.now, len(s.trace), s.history
	var last []Step
	if end, known := s.ends[history]; known {
		r.now = end // The same run has come to it before.
		s.judge()
	} else {
		last = s.farther()
	}
	step := Step{Event: Event{Actor: "the clock", Label: fmt.Sprintf("goes on for %v", r.now-began)}, line: unknown}
	s.trace = append(s.trace[:kept:kept], step)
	s.history = mix(history, hashOf(step.Event.Label))
	switch {
	case len(s.violations) == 0:
		s.look()
	case s.finished:
		s.ends[history] = r.now
	default:
		s.trace = append(s.trace, last...)
	}
}

// farther goes on as far as forward does, and returns the last step.
func (s *System) farther() []Step {
	r := s.run
	kept, far := len(s.trace), 0
	r.calm++
	defer func() { r.calm-- }()
	for len(s.enabled) > 0 && len(s.violations) == 0 && far < farthest && !slices.ContainsFunc(r.goroutines, (*goroutine).returns) {
		s.trace, r.accesses = s.trace[:kept], r.accesses[:0]
		s.take(0)
		far += len(r.goroutines)
	}
	if r.forwards, r.quiet = r.forwards+1, r.clock; far >= farthest {
		r.quiet = math.MaxInt / 2 // Not again.
	}
	return s.trace[kept:]
}

// returns says whether a goroutine that stood, or that of the body, can go on.
func (g *goroutine) returns() bool {
	return (g.stands || g.number == 0) && (g.status == ready || g.status == parked && g.op.ways() > 0)
}
