package sim

import (
	"racelab/sim/internal/hook"
)

// World is a closed system: tasks, nodes, connections and properties, and
// nothing else that can surprise. What happens next is always one of the enabled events;
// a run is a function of which one is taken each time.
//
// Nodes, connections, tasks, shared structures and properties are handed over
// before the first step, and stay.
type World struct {
	wiring
	current
	keeper
	met    met
	clock  clock
	timers timers
	pace   pacer
	races  races    // the clocks of the run, and the accesses to each Var
	faults *faults  // nil: none
	trace  recorder // package trace; nil: not recording
}

// wiring is what a world consists of. It is fixed by the first step.
type wiring struct {
	tasks        []*Task
	nodes        []*nodeState
	conns        []*Conn
	shared       []root
	processes    []*process
	claims       []*Property
	properties   []string       // names of all that is judged; made when first asked for
	objects      []objectHolder // with an object each, by number, from 1
	names        []string       // of the objects; made when first asked for
	locks        []holding
	passages     []passage // channels, in the order of the walk
	goroutines   int       // how many tasks a run can start
	otherThreads int       // that are neither a task nor a connection
	outbox       Outbox
	started      bool

	// runEnd is a pseudo-object. A task's last step reads it; ticks and faults
	// write it, because they are disabled once all tasks have ended.
	runEnd object
	starts object // what tasks touch when they start others
	looked object // what an Always judges; unbound: there is none
}

// root is where a walk begins, with the name it goes by.
type root struct {
	name  string
	value any
	owner objectHolder // nil: several tasks share it
}

// holding is a lock, whatever its kind.
type holding interface {
	keepsOut(t *Task) bool // the task holds it, and that keeps others out
}

// passage is a channel, whatever it carries.
type passage interface {
	forget() // who came before whom
}

// current is what the current or last step did, and what may come next.
type current struct {
	enabled  []Event
	taken    Event // the step itself
	accesses []hook.Access
	putOff   []int // the threads of the timers that it armed or stopped
	driving  bool  // a coroutine is being moved: what it does to the world is undone

	violations []Violation
	asserted   bool // a task called Assert
	contended  bool // a task has to wait for a lock now
}

// met is what a world has had in some run so far. It is no part of the state.
type met struct {
	ticker    bool
	closed    bool // a channel was closed
	remade    bool // a channel was made anew
	givenBack bool // a task called RUnlock that did not read
}

// learn adds what another world that was built alike has met.
func (m *met) learn(from *met) {
	m.ticker = m.ticker || from.ticker
	m.closed = m.closed || from.closed
	m.remade = m.remade || from.remade
	m.givenBack = m.givenBack || from.givenBack
}

func (w *World) mustNotRun(call string) {
	if w.started {
		panic("sim: " + call + " after the first step: wiring is fixed by then")
	}
}

// recorder keeps what a run does.
type recorder = interface {
	Begin(e Event)
	Act(a Act)
	End()
}

// pacer decides which events are enabled: all that are possible or, in a timed
// world, those that are due first. It hears of all that takes time.
type pacer interface {
	prepare() // once everything has its number
	layout()  // plans its part of the state
	find()    // lists the enabled events, but for faults
	begin(e *Event)
	end(e *Event)

	sent(c *Conn)        // a request was written
	answered(c *Conn)    // a response was written
	changed(c *Conn)     // the node reads it again, or no longer
	served(m *nodeState) // the node has taken a message
	idle(tasks []*Task)  // their process is gone
	loaded()             // the world is in another state
	timed() bool
	checks() bool                   // the nodes' own invariants are looked at
	now() Time                      // for acts and pictures; Never: a moment means nothing
	later(d *Delay, r *Random) Time // from now by a delay; Never, where nothing takes time
	draws(what string) Random
}

// newThread numbers what is neither a task nor a connection, behind those.
func (w *World) newThread() int {
	w.otherThreads++
	return len(w.tasks) + len(w.conns) + w.otherThreads
}
