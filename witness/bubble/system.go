package bubble

import (
	"fmt"
	"slices"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
)

// System is a Program as the searches of racelab/sim/explore see it. Each Reset
// runs it in a new bubble.
//
// It can neither save a state nor fork: the state is that of a Go process.
//
// Differs: two runs by the same choices are alike only as far as the released
// code does nothing by chance; see the package comment of racelab/witness.
type System struct {
	t       *testing.T
	program Program
	run     *Run
	idle    chan *Run // both made outside the bubble, so that time stands while it waits for a choice
	choices chan int
	ended   chan error
}

// New returns the System of a program. The test is what a bubble is tied to.
func New(t *testing.T, program Program) *System { return &System{t: t, program: program} }

// Reset ends the run, if there is one, and starts another.
func (s *System) Reset() {
	s.Close()
	s.idle, s.choices, s.ended = make(chan *Run), make(chan int), make(chan error, 1)
	go func() {
		defer func() {
			var err error
			if reason := recover(); reason != nil {
				err = fmt.Errorf("bubble: %v", reason)
			}
			s.ended <- err
		}()
		runBubble(s.t, s.program, s.idle, s.choices)
	}()
	s.wait()
}

// wait waits until the run wants a choice.
func (s *System) wait() {
	select {
	case s.run = <-s.idle:
	case err := <-s.ended:
		panic(err)
	}
}

// Close ends the run.
func (s *System) Close() {
	if s.run == nil {
		return
	}
	s.run = nil
	close(s.choices)
	if err := <-s.ended; err != nil {
		panic(err)
	}
}

func (s *System) started() *Run {
	if s.run == nil {
		s.Reset()
	}
	return s.run
}

// Enabled lists the goroutines that are parked and can go on, in the order in
// which they came to be known.
func (s *System) Enabled() []sim.Event { return s.started().enabled }

// Take lets the i-th of Enabled go on.
func (s *System) Take(i int) {
	if n := len(s.Enabled()); i < 0 || i >= n {
		panic(fmt.Sprintf("bubble: choice %d of %d", i, n))
	}
	s.choices <- i
	s.wait()
}

// Fingerprint hashes the choices since the start. Two runs are never taken to
// be in one state: nobody can look at all of a Go process.
func (s *System) Fingerprint() uint64 { return s.started().history }

// Properties names what the experiment claims, and what is judged of every run.
func (s *System) Properties() []string {
	var names []string
	for _, w := range s.started().watchers {
		names = append(names, w.Name())
	}
	return append(names, sim.NoDeadlock, sim.NoProgress, sim.NoPanic)
}

// Violations lists what the last step broke.
func (s *System) Violations() []sim.Violation { return s.started().violations }

// Tested says which properties the last step put to the test; a deadlock needs
// a goroutine that waits for a lock.
func (s *System) Tested() uint64 {
	r := s.started()
	tested := ^uint64(0)
	for i, w := range r.watchers {
		if !w.tested {
			tested &^= 1 << i
		}
	}
	if !r.contended {
		tested &^= 1 << len(r.watchers)
	}
	return tested
}

// memory is the one object that there is: who can say what a step of released
// code touches.
const memory = 1

// Accesses says that each step writes the memory that all goroutines share.
func (s *System) Accesses() []explore.Access { return []explore.Access{{Object: memory, Write: true}} }

// ObjectName names that object.
func (s *System) ObjectName(int) string { return "the memory of the process" }

// Blocked lists the goroutines that wait for a lock.
func (s *System) Blocked() []explore.Blocked {
	var blocked []explore.Blocked
	for _, g := range s.started().goroutines {
		if g.waits() {
			blocked = append(blocked, explore.Blocked{Event: g.event(), Object: memory})
		}
	}
	return blocked
}

// Notes says what the last step did on the network.
func (s *System) Notes() []string { return slices.Clone(s.started().notes) }
