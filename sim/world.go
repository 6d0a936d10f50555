package sim

import "unsafe"

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
	recall recall
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
	judgedActs   Action                    // that some claim sees
	properties   []string                  // names of all that is judged; made when first asked for
	objects      []objectHolder            // with an object each, by number, from 1
	names        []string                  // of the objects; made when first asked for
	messages     map[unsafe.Pointer]string // what each type of message is called, once one was sent
	bases        []uintptr                 // where the program of each task returns to; other worlds read it
	locks        []holding
	passages     []passage // channels, in the order of the walk
	goroutines   int       // how many tasks a run can start
	otherThreads int       // that are neither a task nor a connection
	outbox       Outbox
	started      bool

	// runEnd is a pseudo-object. A task's last step reads it; ticks and faults
	// write it, because they are disabled once all tasks have ended. In a world without
	// tasks each step of a node reads it: any may be the last.
	runEnd object
	starts object // pseudo-object: what tasks touch when they start others
	looked object // pseudo-object: the state as an Always judges it; unbound: no property does
}

// root is where a walk begins, with the name it goes by.
type root struct {
	name  string
	value any
	owner objectHolder // nil: several tasks share it
}

// holding is a lock, whatever its kind.
type holding interface {
	keepsOut(t *Task) bool           // the task holds it, and that keeps others out
	guards(t *Task, write bool) bool // the task holds it, as an access to what it guards needs it
	seenBy(w *World)                 // a step looks at who holds it
}

// passage is a channel, whatever it carries.
type passage interface {
	forget()          // who came before whom
	sends() [2]*[]int // the numbers of the clocks of who takes the values, and uses the room
}

// current is what the current or last step did, and what may come next.
type current struct {
	outcome
	enabled   []Event
	taken     Event     // the step itself
	noting    bool      // the step is to be remembered
	lookedAt  []*object // by that step, and not touched
	repeating bool      // a step that was taken once is taken again, while driving
	driving   bool      // a coroutine is being moved: what it does to the world is undone
	contended bool      // a task has to wait for a lock now
	waiters   []waiter  // that the last walk along who waits for whom has met
}

func (w *World) mustNotRun(call string) {
	if w.started || w.raw.loading { // Functions already run, up to their first points.
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
	changed(thread int)  // by other than what a step touches, arms or stops
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
