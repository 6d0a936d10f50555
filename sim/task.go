package sim

import (
	"errors"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
)

// Point names a place where a task may be interrupted, for what comes next
// there: "send" is parked before it sends.
type Point string

// Program is the code of a task: one goroutine of a client, written as
// straight-line Go that reads like the client.
//
// What it needs after a point stands in the fields that State walks, never in
// a local variable.
type Program interface {
	Stateful
	Run(t *Task)
}

// Task is a client's goroutine under control: it runs from one point to the
// next as one step, and then waits to be chosen.
type Task struct {
	world   *World
	name    string
	number  int // from 1, in order of making
	program Program

	point  Point
	site   uint64  // identity of the point: its name and its call stack
	awaits awaited // what must be ready before the task can go on; nil: nothing
	done   bool

	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
}

// awaited is an object that a parked task may have to wait for.
type awaited interface {
	bound() *object
	ready(t *Task) bool
	waitingFor(w *World) string // for the report of who waits for what
}

// errKilled unwinds the stack of a task whose world is closed.
var errKilled = errors.New("sim: task killed")

// start makes the coroutine and runs it to its first point.
func (t *Task) start() {
	t.resume, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		t.run()
	})
	t.resume()
}

// run is the bottom of a task's stack: sites are told apart by the calls above it.
//
//go:noinline
func (t *Task) run() {
	defer func() {
		t.done = true
		if reason := recover(); reason != nil && reason != any(errKilled) {
			t.world.broke(NoPanic, &PanicError{Actor: t.name, Reason: reason, Stack: string(debug.Stack())})
		}
	}()
	t.program.Run(t)
}

// Name is the task's name, as schedules and pictures have it.
func (t *Task) Name() string { return t.name }

// Yield parks the task at the point, where it can always go on.
func (t *Task) Yield(p Point) { t.wait(p, nil) }

// wait parks the task until it is chosen. It returns the awaited object from
// the task's state, which is what the caller must use: its own argument is as
// old as the call.
func (t *Task) wait(p Point, on awaited) awaited {
	t.point, t.awaits = p, on
	t.site = site(p)
	if !t.yield(struct{}{}) {
		panic(errKilled)
	}
	on, t.awaits = t.awaits, nil
	return on
}

// site hashes a point's name and the calls that lead to it: a helper called
// from two places has one name there and two futures.
func site(p Point) uint64 {
	var stack [32]uintptr
	n := runtime.Callers(3, stack[:])
	hash := mixString(0, string(p))
	for _, pc := range stack[:n] {
		hash = mix(hash, uint64(pc))
	}
	return hash
}

func (t *Task) ready() bool {
	return !t.done && (t.awaits == nil || t.awaits.ready(t))
}

// touches records an access of the current step.
func (t *Task) touches(o *object, write bool) {
	if !t.world.started {
		panic(fmt.Sprintf("sim: task %s touches shared memory before its first point: start it with a Yield", t.name))
	}
	t.world.touched(o, write)
}

// State walks the task: where it is parked, what it waits for, and its frame.
func (t *Task) State(s *State) {
	if s.errand == fingerprinting {
		number := uint64(0)
		if t.awaits != nil {
			number = uint64(t.awaits.bound().number)
		}
		done := uint64(0)
		if t.done {
			done = 1
		}
		s.words = append(s.words, t.site, number, done)
	}
	t.program.State(s)
}
