package sim

import (
	"errors"
	"fmt"
	"iter"

	"racelab/sim/internal/hook"
)

// Program is the code of a task whose local state stands in fields: one goroutine
// of a client, written as straight-line Go that reads like the client. A search
// goes to a state of a program by loading fields, which is much faster than
// running a function again; see World.Go.
//
// What it needs after a point stands in fields, never in a local variable. What it
// does before its first point touches only its own fields.
type Program interface {
	Run(t *Task)
}

// Task is a client's goroutine under control: it runs from one point to the
// next as one step, and then waits to be chosen.
type Task struct {
	object
	world    *World
	name     string
	number   int         // from 1, in order of making
	program  Program     // nil: it runs a function
	function func(*Task) // of a task that a run starts: nil
	log      *entry      // of a function: what it was given
	doing    string      // the operation that it takes part in
	given    entry       // what the operation gave, of one that the task has done before

	site   *site   // where it is parked; nil: it has ended
	awaits awaited // what must be ready before it can go on; nil: nothing
	next   string  // name of its next point; empty: that names itself
	done   bool
	gone   bool // its process is down: it is to begin anew, when that restarts

	process *process // that it is a goroutine of, if one is named

	choice    choice  // what it waits for at a select or a channel
	way       way     // by which it is chosen to go on from there
	carried   carried // received on the way
	sleeps    Timer   // of a function, in a world with a clock
	received  received
	reads     bool // it waits for the next response, whoever sent the request
	sendClock int  // what comes before it goes on; see World.release; no part of the state

	sites     siteTable
	coroutine *coroutine // that is parked at site; nil: one must be found first
	pool      pool
	parked    parked // of a function: the other coroutines
	unused    bool   // it is for a goroutine that a run may come to start
}

// awaited is an object that a parked task may have to wait for.
type awaited interface {
	objectHolder
	ready(t *Task) bool
	waitingFor(w *World) string // for the report of who waits for what
}

// waits says whether something keeps the task from going on.
func (t *Task) waits() bool { return !t.done && !t.gone && !t.ready() }

// coroutine runs a task's program. A task has several when states are loaded:
// whichever is parked at the right site serves.
type coroutine struct {
	task    *Task
	site    *site // where it is parked; nil: at the end of its program
	rerun   rerun // of a function
	resume  func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	runs    bool // it is not parked
	returns bool // it is about to go back to the beginning of its program
	unseen  int  // operations since its last point that are none
}

// errKilled unwinds the stack of a coroutine that is no longer needed. Nobody sees it but
// who uses a Task where no world looks.
var errKilled = errors.New("sim: a task is gone, and something still uses it: does a go statement of Go's have its Task? Task.Go starts a goroutine")

// newCoroutine returns a coroutine that has not begun its program yet.
func (t *Task) newCoroutine() *coroutine {
	c := &coroutine{task: t}
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield, c.runs = yield, true
		for {
			switch killed := t.run(c); {
			case killed && !c.returns:
				return
			case killed:
				c.returns, c.rerun.killed = false, false
			case c.rerun.stops():
				return
			default:
				t.done, t.site = true, nil
			}
			// It can begin anew.
			c.site = nil
			if t.program == nil || !yield(struct{}{}) {
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
func (t *Task) run(c *coroutine) (killed bool) {
	returned := false
	defer func() {
		reason := recover()
		switch {
		case reason == any(errKilled) || c.rerun.killed:
			killed = true // Whatever its deferred calls made of that.
		case returned:
		case reason == nil:
			panic(fmt.Sprintf("sim: task %s ends its goroutine by runtime.Goexit, as Fatal of a test does: use Assert, or return", t.name))
		case c.rerun.on:
			c.rerun.fault = fmt.Sprintf("it panics: %v", reason)
		default:
			t.world.panicked(&panicError{t.name, reason, panicSite()})
		}
	}()
	if t.program != nil {
		t.program.Run(t)
	} else {
		c.rerun.body(t)
	}
	t.mustUseAt()
	returned = true
	return false
}

// begin runs the task to its first point; f is its function, if it runs one.
func (t *Task) begin(f func(*Task)) {
	t.site, t.awaits, t.done = nil, nil, false
	t.coroutine = t.newCoroutine()
	t.world.mark(&t.object)
	t.coroutine.rerun.body = f
	t.coroutine.resume()
	t.sites.first = t.site
	t.ends()
}

// ends gives up the coroutine of a function that has ended.
func (t *Task) ends() {
	if t.done && t.program == nil {
		t.coroutine = nil
	}
}

// step runs the task to its next point.
func (t *Task) step() {
	if t.process != nil && t.process.number > 0 {
		t.world.touched(&t.process.object, false)
	}
	t.world.mark(&t.object)
	t.coroutine.resume()
	if t.done {
		if t.ends(); t.coroutine != nil {
			// It is parked at the end of the program.
			t.pool.ended = append(t.pool.ended, t.coroutine)
			t.coroutine = nil
		}
		if t.world.runEnd.number > 0 {
			t.world.touched(&t.world.runEnd, false)
		}
	}
}

// Name is the task's name, as schedules and pictures have it.
func (t *Task) Name() string { return t.name }

// At names the task's next point, and returns the task:
//
//	mu.Lock(t.At("snapshot"))
//
// A point is a place where another task may run instead. Its name says what comes
// next: who is parked at "send" has not sent. Without At a point names itself:
// "lock cache.mu", "receive jobs". An operation that is no point by itself, such as
// Unlock, becomes one through At.
func (t *Task) At(name string) *Task {
	t.mustUseAt()
	t.next = name
	return t
}

// mustUseAt refuses a name that no operation of a function has taken: who wrote it may
// believe that it is a point. In a program it may stand before what waits in some
// states only.
func (t *Task) mustUseAt() {
	if name := t.next; name != "" && t.program == nil {
		t.next = ""
		panic(fmt.Sprintf("sim: task %s has At(%q) and no operation that it names: Step is a point by itself", t.name, name))
	}
}

// Step parks the task at a point of that name, where it can always go on.
func (t *Task) Step(name string) {
	if _, ok := t.blocks(name, nil); ok {
		t.did(0)
	}
}

// point is the name of the task's next point: that of At or, if there was none,
// one made of what the task is about to do and the object that it does it to.
func (t *Task) point(verb string, o *object) string {
	if o.number == 0 {
		panic(fmt.Sprintf("sim: task %s is about to %s what nobody shared: hand it, or the struct that holds it, to World.Share (%s)", t.name, verb, caller()))
	}
	if name := t.next; name != "" {
		t.next = ""
		return name
	}
	return t.world.pointName(verb, o)
}

// nextOr is the name that At gave, or else the one of these two parts.
func (t *Task) nextOr(verb, object string) string {
	if name := t.next; name != "" {
		t.next = ""
		return name
	}
	return verb + object
}

// preemption says where an operation is a point that does not have to wait.
type preemption uint8

const (
	visible preemption = iota // in a function; in a program where At names it
	guarded                   // as visible, but not while the task holds a lock
	free                      // where At names it
)

// plain says whether an operation that does not wait has nothing to do but
// itself: it is one of a program, and has no name.
func (t *Task) plain() bool {
	if t == nil {
		panic(noTask)
	}
	return t.program != nil && t.next == ""
}

const noTask = "sim: an operation has no task: before the first step use Init, and in a property Peek"

// comes brings the task to an operation on an object that never waits: it parks
// where the operation is a point. It says whether the operation is to happen. If
// not, the task has done it before, and t.given is what that gave.
func (t *Task) comes(verb string, o *object, p preemption) bool {
	return t.plain() || t.comesTo(t.point(verb, o), p)
}

// comesBy is comes for an operation, visible to others, that is on no object.
func (t *Task) comesBy(name string) bool {
	return t.plain() || t.comesTo(t.nextOr(name, ""), visible)
}

// comesWith is comes for an operation that has an argument. In a program that
// would be older than the state after the point.
func (t *Task) comesWith(verb string, o *object, p preemption) bool {
	t.mustNotKeep(verb)
	return t.comes(verb, o, p)
}

// comesByWith is comesBy for an operation that has an argument.
func (t *Task) comesByWith(name string) bool {
	t.mustNotKeep(name)
	return t.comesBy(name)
}

func (t *Task) mustNotKeep(what string) {
	if t.program != nil && t.next != "" {
		panic(fmt.Sprintf("sim: task %s is a program, and would keep the argument of %q over the point %q: call Step(%q) before, and then the operation without At",
			t.name, what, t.next, t.next))
	}
}

func (t *Task) comesTo(name string, p preemption) bool {
	if t.program == nil {
		if t.again(name) {
			return false
		}
		if !t.coroutine.rerun.on && (p == free || p == guarded && t.world.holdsLock(t)) {
			t.coroutine.mustEnd()
			return true
		}
	}
	t.wait(name, nil)
	t.doing = name // Meanwhile another coroutine of the task may have run.
	return true
}

// mostWithoutPoint is how many operations of one step are no points.
const mostWithoutPoint = 1_000_000

// mustEnd refuses a step that does not end.
func (c *coroutine) mustEnd() {
	if c.unseen++; c.unseen == mostWithoutPoint {
		panic(fmt.Sprintf("sim: task %s has done 1,000,000 operations under a lock since its last point, and goes on (%s): if it waits there for another task, At makes a point of an operation",
			c.task.name, caller()))
	}
}

// blocks parks the task at a point until it can go on with an operation. It
// returns what the task has waited for, and whether the operation is to happen,
// as comes does.
func (t *Task) blocks(name string, on awaited) (awaited, bool) {
	if t.program == nil && t.again(name) {
		return nil, false
	}
	on = t.wait(name, on)
	t.doing = name
	return on, true
}

// wait parks the task until it is chosen. It returns the awaited object from
// the task's state, which is what the caller must use: its own argument is as
// old as the call, and the state may have been loaded since.
func (t *Task) wait(p string, on awaited) awaited {
	c := t.coroutine
	switch {
	case c.rerun.killed:
		return on // What is deferred comes here while the stack is unwound.
	case t.program == nil:
		c.parks(p, on)
	default:
		c.site = t.sites.find(t, p)
		t.site, t.awaits = c.site, on
	}
	if !c.runs {
		panic(fmt.Sprintf("sim: somebody else uses the Task of %s: each function has its own", t.name))
	}
	c.runs = false
	goesOn := c.yield(struct{}{})
	c.runs, c.unseen = true, 0
	if !goesOn || c.returns {
		c.rerun.killed = true
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
	if t.program == nil {
		t.coroutine.mustNotRerun()
	} else if !t.world.started {
		panic(fmt.Sprintf("sim: task %s touches shared memory before its first point: start it with a Step", t.name))
	}
	t.world.touched(o, write)
	if o.kind == hook.Channel && t.world.mayKill() {
		t.mustBeWith(o)
	}
}

// walk walks where the task is parked, and what it waits for.
func (t *Task) walk(s *walker) {
	if t.function == nil && t.program == nil && t.walkUnused(s) {
		return
	}
	if s.loading {
		if t.program == nil {
			s.next()
			t.log = s.nextRef().(*entry)
			t.name = t.log.begins().name
		}
		site, number := s.next(), s.next()
		if t.putAt(site, number); number == aChoice {
			t.choice.load(s)
		}
		return
	}
	if t.program == nil {
		s.words, s.refs = append(s.words, t.log.hash), append(s.refs, t.log)
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
		t.awaits = t.world.objects[awaits-1].(awaited)
	}
	t.done = hash == 0
	if t.done {
		t.site = nil
	} else if t.site == nil || t.site.hash != hash {
		t.site = t.sites.get(hash)
	}
	if t.coroutine == nil {
		return
	}
	if t.program == nil {
		if t.done || t.coroutine.rerun.at.hash != t.log.hash {
			t.parked.put(t.coroutine)
			t.coroutine = nil
		}
	} else if t.coroutine.site != t.site {
		t.pool.put(t.coroutine)
		t.coroutine = nil
	}
}

// goesOn says whether the run is of use yet: a task has not ended or, in a world
// without tasks, something may happen.
func (w *World) goesOn() bool {
	if len(w.tasks) == 0 {
		return len(w.enabled) > 0
	}
	return w.unfinished()
}

func (w *World) unfinished() bool {
	for _, t := range w.tasks {
		if !t.done {
			return true
		}
	}
	return false
}

// Now is the world's time: the moment of the step, for a client that asks. Take
// differences: no date is modelled, and a run begins at 0.
//
// A world has a clock if it is Timed, or has a Timer or a node with timers. In any
// other world Now is refused, as no time passes there. In an untimed world the
// clock moves only when a timer fires.
func (t *Task) Now() Time {
	if !t.world.clock.used {
		panic(fmt.Sprintf("sim: task %s asks what time it is, and this world has no clock: a Timer gives it one, or World.Timed", t.name))
	}
	if !t.comesBy("now") {
		return Time(t.given.word)
	}
	t.touches(&t.world.clock.object, false)
	if t.did(uint64(t.world.clock.now)); t.program == nil {
		t.log.told = true
	}
	return t.world.clock.now
}
