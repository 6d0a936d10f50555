package sim

import (
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
)

// Point names a place where a task may be interrupted, for what comes next
// there: "send" is parked before it sends.
type Point string

// Program is the code of a task: one goroutine of a client, written as
// straight-line Go that reads like the client.
//
// What it needs after a point stands in fields, never in a local variable. What it does before its first point touches only its own
// fields.
type Program interface {
	Run(t *Task)
}

// Task is a client's goroutine under control: it runs from one point to the
// next as one step, and then waits to be chosen.
type Task struct {
	object
	world   *World
	name    string
	number  int // from 1, in order of making
	program Program

	site   *site   // where it is parked; nil: it has ended
	awaits awaited // what must be ready before it can go on; nil: nothing
	done   bool
	gone   bool // its process is down: it is to begin anew, when that restarts

	process *process // that it is a goroutine of, if one is named

	choice   choice // what it waits for at a select or a channel
	way      way    // by which it is chosen to go on from there
	word     uint64 // received on the way
	received received
	reads    bool // it waits for the next response, whoever sent the request
	mail     int  // what comes before it goes on; see World.post; no part of the state

	sites     siteTable
	coroutine *coroutine // that is parked at site; nil: one must be found first
	pool      pool
}

// awaited is an object that a parked task may have to wait for.
type awaited interface {
	thing
	ready(t *Task) bool
	waitingFor(w *World) string // for the report of who waits for what
}

// waits says whether something keeps the task from going on.
func (t *Task) waits() bool { return !t.done && !t.gone && !t.ready() }

// coroutine runs a task's program. A task has several when states are loaded:
// whichever is parked at the right site serves.
type coroutine struct {
	task   *Task
	site   *site // where it is parked; nil: at the end of its program
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
}

// errKilled unwinds the stack of a coroutine that is no longer needed.
var errKilled = errors.New("sim: task killed")

// newCoroutine returns a coroutine that has not begun its program yet.
func (t *Task) newCoroutine() *coroutine {
	c := &coroutine{task: t}
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for !t.run() {
			// It has ended, and can begin anew.
			t.done, t.site, c.site = true, nil, nil
			if !yield(struct{}{}) {
				return
			}
		}
	})
	t.pool.alive++
	return c
}

// run is the bottom of a task's stack: sites are told apart by the calls above
// it. It says whether the coroutine was killed.
//
//go:noinline
func (t *Task) run() (killed bool) {
	defer func() {
		reason := recover()
		if reason == any(errKilled) {
			killed = true
		} else if reason != nil {
			t.world.panicked(&PanicError{Actor: t.name, Reason: reason, Stack: string(debug.Stack())})
		}
	}()
	t.program.Run(t)
	return false
}

// start runs the task to its first point.
func (t *Task) start() {
	t.site, t.awaits, t.done = nil, nil, false
	t.coroutine = t.newCoroutine()
	t.world.mark(&t.object)
	t.coroutine.resume()
	t.sites.first = t.site
}

// step runs the task to its next point.
func (t *Task) step() {
	from, way := t.site, t.way // Both change where the state before is looked for.
	if t.process != nil && t.process.number > 0 {
		t.world.touched(&t.process.object, false)
	}
	t.world.mark(&t.object)
	t.coroutine.resume()
	if t.done {
		// The coroutine is parked at the end of the program.
		t.pool.ended = append(t.pool.ended, t.coroutine)
		t.coroutine = nil
		if t.world.ends.number > 0 {
			t.world.touched(&t.world.ends, false)
		}
	}
	if t.world.jumps && t.site != nil && !t.world.driving && !t.site.knows(from) {
		t.site.recipes = append(t.site.recipes, recipe{from, way, t.world.before()})
	}
}

// Name is the task's name, as schedules and pictures have it.
func (t *Task) Name() string { return t.name }

// Yield parks the task at the point, where it can always go on.
func (t *Task) Yield(p Point) { t.wait(p, nil) }

// wait parks the task until it is chosen. It returns the awaited object from
// the task's state, which is what the caller must use: its own argument is as
// old as the call, and the state may have been loaded since.
func (t *Task) wait(p Point, on awaited) awaited {
	c := t.coroutine
	c.site = t.sites.find(t, p)
	t.site, t.awaits = c.site, on
	if !c.yield(struct{}{}) {
		panic(errKilled)
	}
	on, t.awaits = t.awaits, nil
	t.received = nothing
	return on
}

func (t *Task) ready() bool {
	return !t.done && !t.gone && (t.awaits == nil || t.awaits.ready(t))
}

// touches records an access of the current step.
func (t *Task) touches(o *object, write bool) {
	if !t.world.started {
		panic(fmt.Sprintf("sim: task %s touches shared memory before its first point: start it with a Yield", t.name))
	}
	t.world.touched(o, write)
	if o.kind == Channel && t.world.mayKill() {
		t.mustBeWith(o)
	}
}

// walk walks where the task is parked, and what it waits for.
func (t *Task) walk(s *walker) {
	if s.loading {
		site, number := s.next(), s.next()
		if t.putAt(site, number); number == aChoice {
			t.choice.load(s)
		}
		return
	}
	site, number := uint64(0), uint64(0)
	if t.site != nil {
		site = t.site.hash
	}
	if t.awaits != nil {
		number = uint64(t.awaits.bound().number)
	}
	if t.choosing() {
		number = aChoice
	} else if t.reads {
		number |= anyAnswer
	}
	s.words = append(s.words, site, number)
	if number == aChoice {
		t.choice.save(s)
	}
}

// aChoice stands in a saved state for the number of what a task waits for, where
// that is not one object.
const aChoice = 1 << 40

// anyAnswer is set there if the task reads a connection.
const anyAnswer = 1 << 41

// putAt puts the task where a saved state has it.
func (t *Task) putAt(hash, awaits uint64) {
	t.awaits, t.reads = nil, awaits&anyAnswer != 0
	awaits &^= anyAnswer
	switch {
	case awaits == aChoice:
		t.awaits = &t.choice
	case awaits > 0:
		t.awaits = t.world.things[awaits-1].(awaited)
	}
	t.done = hash == 0
	if t.done {
		t.site = nil
	} else if t.site == nil || t.site.hash != hash {
		t.site = t.sites.get(hash)
	}
	if t.coroutine != nil && t.coroutine.site != t.site {
		t.pool.put(t.coroutine)
		t.coroutine = nil
	}
}
