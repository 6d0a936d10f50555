package sim

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"racelab/sim/internal/hook"
)

// World is a closed system: tasks, nodes, connections and properties, and
// nothing else that can surprise. What happens next is always one of the enabled events;
// a run is a function of which one is taken each time.
//
// Nodes, connections, tasks, shared structures and properties are handed over
// before the first step, and stay.
type World struct {
	tasks      []*Task
	nodes      []*nodeState
	conns      []*Conn
	asking     []*asking
	shared     []root
	claims     []*Property
	properties []string // names of all that is judged; made when first asked for
	processes  []*process

	objects      []objectHolder // with an object each, by number, from 1
	names        []string       // of the objects; made when first asked for
	started      bool
	enabled      []Event
	accesses     []hook.Access // of the current or last step
	putOff       []int         // of the timers that it armed or stopped: their threads
	outbox       Outbox
	clock        clock
	otherThreads int // that are neither a task nor a connection
	pace         pacer
	faults       *faults // nil: none
	trace        *Trace  // nil: not recording
	looked       object  // what an Always judges; unbound: there is none
	closed       bool    // a channel was, in some run; no part of the state
	remade       bool    // a channel was made anew, in some run; no part of the state
	givenBack    bool    // a task called RUnlock that did not read, in some run; no part of the state

	// runEnd is a pseudo-object. A task's last step reads it; ticks and faults
	// write it, because they are disabled once all tasks have ended.
	runEnd object

	starts     object // what tasks touch when they start others
	goroutines int    // how many of these there can be
	mutexes    []*Mutex
	rwMutexes  []*RWMutex

	channels   []*channel  // of clients, in the order of the walk
	ways       []way       // room to list them
	violations []Violation // of the last step
	asserted   bool        // a task called Assert in the last step
	began      []Violation // before the first step
	contended  bool        // a task had to wait for a lock after the last step
	chain      []waiter    // room to look for deadlocks
	races      races       // the clocks of the run, and the accesses to each Var

	// For save and goTo.
	maxCoroutines int       // of a task
	jumps         bool      // states are saved and loaded, so coroutines are kept
	base          *snapshot // of the state that the world is in, if it was saved or loaded
	last          *snapshot // the last base
	since         []int32   // the choices since then
	raw           walker    // the state before the tasks ran to their first point
	beginning     *snapshot // the same, once it is needed
	driving       bool      // a coroutine is being moved: what it does to the world is undone
	estranged     bool      // a check has given variables other values
	plan          plan
	saved         walker
	loader        walker
	records       []*record // of each group, as far as it is not stale
	sum           uint64    // of their hashes
	tracked       bool      // what a step touches is marked
	stale         []*group
	room          []*record // to cut snapshots from
	made          []*record // records by their hash, as far as they are kept
}

// NewWorld returns an empty world.
func NewWorld() *World {
	w := &World{goroutines: defaultGoroutines, maxCoroutines: maxCoroutines, plan: plan{shapes: make(map[reflect.Type]*typeShape, 64)}}
	w.outbox.world, w.pace = w, &untimed{w}
	w.saved.world, w.loader = w, walker{world: w, loading: true}
	return w
}

// AddNode adds a participant that reacts to messages.
func (w *World) AddNode(name string, node Node) {
	w.mustNotRun("AddNode")
	if slices.ContainsFunc(w.conns, func(c *Conn) bool { return c.name == name }) {
		panic(fmt.Sprintf("sim: %s dials before it is added", name))
	}
	w.mustBeNew("node", name)
	m := &nodeState{world: w, name: name, node: node, number: len(w.nodes) + 1}
	m.label = name
	m.addAlarms()
	w.nodes = append(w.nodes, m)
}

// Dial connects the named client to the named node. If the client is a node
// itself, it uses the connection through its Outbox, else tasks do.
func (w *World) Dial(client, node string) *Conn {
	w.mustNotRun("Dial")
	to := w.nodeNamed(node)
	if to == nil {
		panic(fmt.Sprintf("sim: %s dials %s: no such node", client, node))
	}
	by := w.nodeNamed(client)
	if by != nil && slices.ContainsFunc(w.conns, func(c *Conn) bool { return c.name == client && c.node == to }) {
		panic(fmt.Sprintf("sim: %s dials %s twice: one connection is all that a node has to another", client, node))
	}
	return w.addConn(client, by, to, 1)
}

// addConn adds the connection of the n-th dial. Tasks use it or, if that is not
// nil, a node.
func (w *World) addConn(client string, by, to *nodeState, n int) *Conn {
	c := &Conn{name: client, node: to, number: len(w.conns) + 1, dial: n}
	c.out.name(lineName(client+"->"+to.name, n), c)
	c.in.name(lineName(to.name+"->"+client, n), c)
	if by != nil {
		c.asks = &asking{conn: c, by: by}
	}
	w.conns = append(w.conns, c)
	return c
}

func (w *World) nodeNamed(name string) *nodeState {
	for _, m := range w.nodes {
		if m.name == name {
			return m
		}
	}
	return nil
}

// Go adds a task that runs a function: local variables, range, defer, and closures
// are allowed. All that it does depends on what it is given by the operations of
// this package; what it shares with others is a Var, a Mutex, or another object.
//
// Each access to shared memory is a point, which names itself: "read n". While
// the task holds a lock, its accesses to Vars and Lists are none.
//
// To go on from an earlier state, a function may have to run again from its
// beginning, in which the operations give what they gave before. So it should do
// nothing else that counts, and a search of it is slower than one of a program.
func (w *World) Go(name string, function func(t *Task)) {
	w.addTask("Go", name, nil).function = function
}

// GoProgram adds a task that runs a program: what it needs after a point stands
// in fields. Points are where it waits, and where it names one: see Task.Step and
// Task.At.
func (w *World) GoProgram(name string, program Program) {
	w.addTask("GoProgram", name, program)
}

func (w *World) addTask(call, name string, program Program) *Task {
	w.mustNotRun(call)
	w.mustBeNew("task", name)
	t := &Task{world: w, name: name, number: len(w.tasks) + 1, program: program, log: newOrigin(origin{name: name})}
	t.label = name
	w.tasks = append(w.tasks, t)
	return t
}

// Share adds a structure that several tasks use, by a pointer to it: a client, a
// lock. Its name begins the names of the objects in it.
func (w *World) Share(name string, structure any) {
	w.mustNotRun("Share")
	if v := reflect.ValueOf(structure); v.Kind() != reflect.Pointer || v.IsNil() {
		panic(fmt.Sprintf("sim: Share(%q) wants a pointer, has %T", name, structure))
	}
	w.shared = append(w.shared, root{name, structure, nil})
}

// mustBeNew refuses a name that a task or a node has already.
func (w *World) mustBeNew(what, name string) {
	mustBeActor(what, name)
	if w.nodeNamed(name) != nil || slices.ContainsFunc(w.tasks, func(t *Task) bool { return t.name == name }) {
		panic(fmt.Sprintf("sim: there is a task or a node %s already: events are told apart by names", name))
	}
}

func (w *World) mustNotRun(call string) {
	if w.started {
		panic("sim: " + call + " after the first step: wiring is fixed by then")
	}
}

// start fixes the wiring, as the first call of events does, and runs each task
// to its first point. The error names a field that no state can hold.
func (w *World) start() error {
	if w.started {
		return nil
	}
	w.prepareGoroutines()
	w.prepareProcesses()
	w.prepareLines()
	if err := w.layOut(); err != nil {
		return err
	}
	if w.clock.used || len(w.clock.timers) > 0 || w.faults != nil {
		w.runEnd.kind, w.runEnd.label = hook.Clock, "the end of the run"
		w.bind(&w.runEnd)
	}
	w.prepareLooks()
	w.prepareClock()
	w.prepareAsking()
	w.prepareFaults()
	w.pace.prepare()
	w.pace.layout()
	w.seal()
	w.raw = walker{world: w}
	for _, g := range w.plan.groups {
		w.raw.save(g)
	}
	w.raw.loading = true
	for _, t := range w.tasks {
		if !t.unused {
			t.begin(t.function)
		}
	}
	w.keepStarts()
	for _, c := range w.conns {
		c.nameSenders()
	}
	w.started = true
	w.began = slices.Clone(w.violations)
	w.races.reset(w)
	w.findEnabled()
	return nil
}

// layOut plans the state, and gives the objects their numbers.
func (w *World) layOut() error {
	if w.clock.used {
		w.bind(&w.clock)
	}
	p := &planner{world: w}
	p.compile()
	if p.bad {
		return w.refusal()
	}
	for _, c := range w.conns {
		c.layout(w)
	}
	for _, p := range w.processes {
		p.layout(w)
	}
	if w.faults != nil {
		w.faults.layout(w)
	}
	return nil
}

// Close ends the tasks. A world that is dropped without it leaks their
// coroutines.
func (w *World) Close() {
	for _, t := range w.tasks {
		t.close()
	}
}

// Event is one thing that may happen next. Actor and Label together identify
// it: no two enabled events share both.
type Event struct {
	Actor string // a task, "G0"; a request on its way, "G0->coordinator"; a timer, "om.ticker"; "network"
	Label string // the point where the task is parked; the request's name; "fires"; the fault
	// Place is where it happens: the number of the task, or of the node behind
	// the tasks. Two steps in a row at one place are no switch.
	Place int
	// Thread numbers who takes the step. At most one event of a thread is enabled
	// at a time, but a task at a select or a channel may have several ways to take
	// its next step. The requests of a connection are one thread.
	Thread int
	Fault  bool // optional: a run is complete without it
	Timer  bool // a timer fires: whoever arms it anew, or stops it, puts that off
	way    way

	task  *Task
	conn  *Conn
	other eventSource // neither of these
}

// String is the identity without its occurrence: "G0 snapshot".
func (e Event) String() string { return e.Actor + " " + e.Label }

// Message is what the event brings: the request that arrives, or the answer that
// a node gets. It is nil for other events, and valid until the next take.
func (e Event) Message() Message {
	if e.conn != nil {
		return e.conn.requests[0].Message
	}
	if a, ok := e.other.(*asking); ok {
		return a.back()
	}
	return nil
}

// OfSameTask says whether both are steps of one task. Between two points, they
// are ways of the same step.
func (e Event) OfSameTask(other Event) bool { return e.task != nil && e.task == other.task }

// events lists what may happen next, always in the same order: tasks as they
// were added, then connections, answers to nodes, timers, restarts and faults. It is valid until
// the next take. An empty list is the end of the run.
func (w *World) events() []Event {
	if !w.started {
		if err := w.start(); err != nil {
			panic(err)
		}
	}
	return w.enabled
}

func (w *World) findEnabled() {
	w.enabled = w.enabled[:0]
	w.contended = false
	w.pace.find()
	if len(w.enabled) == 0 {
		if err := w.stuck(); err != nil {
			w.broke(NoProgress, err)
		}
	}
	w.findFaults()
}

// arrival is the event that the oldest request arrives.
func (w *World) arrival(c *Conn) Event {
	request := c.requests[0]
	return Event{
		Actor: c.sender(request),
		Label: NameOf(request.Message),
		Place: c.node.place(), Thread: w.threadOf(c),
		conn: c,
	}
}

// threadOf is the thread of the requests of a connection.
func (w *World) threadOf(c *Conn) int { return len(w.tasks) + c.number }

// take lets the i-th enabled event happen.
func (w *World) take(i int) {
	event := w.events()[i]
	if w.jumps {
		w.since = append(w.since, int32(i))
	}
	if event.task != nil {
		event.task.attach()
	}
	w.accesses = w.accesses[:0]
	w.putOff = w.putOff[:0]
	w.violations = w.violations[:0]
	for _, p := range w.claims {
		p.tested = false
	}
	w.asserted = false
	if w.trace != nil {
		w.trace.begin(w, event)
	}
	w.pace.begin(&event)
	if w.races.on {
		w.races.step(event)
	}
	w.step(event)
	if event.task != nil {
		w.checkDeadlock(event.task)
	}
	w.pace.end(&event)
	w.base = nil
	w.findEnabled()
	w.look(event)
	if w.trace != nil {
		w.trace.end(w)
	}
}

func (w *World) step(event Event) {
	if event.task != nil {
		event.task.way = event.way
		event.task.step()
		return
	}
	defer func() {
		if reason := recover(); reason != nil {
			w.panicked(&PanicError{Actor: event.Lane(), Reason: reason})
		}
	}()
	if event.other != nil {
		event.other.happen(w)
		return
	}
	event.conn.deliver()
}

// stuck says who waits for what when nothing can happen any more. It is nil
// when every task has ended, and when a deadlock is why: the step that closed
// it has broken NoDeadlock.
func (w *World) stuck() error {
	var waits []string
	for _, t := range w.tasks {
		if w.findCircle(t) >= 0 {
			return nil
		}
		if t.waits() {
			waits = append(waits, fmt.Sprintf("%s, before %q, waits for %s", t.name, t.site.point, t.awaits.waitingFor(w)))
		}
	}
	if waits == nil {
		return nil
	}
	return errors.New(strings.Join(waits, "; "))
}

// left lists the tasks that have not ended.
func (w *World) left() []string {
	var names []string
	for _, t := range w.tasks {
		if !t.done {
			names = append(names, t.name)
		}
	}
	return names
}

// blockedEvent is what cannot happen, and the object that it waits for, or one of
// several: a task that is parked, a request on a muted connection, or, when every
// task has ended, a ticker or a fault that might have come before.
type blockedEvent = struct {
	Event  Event
	Object int
}

// blocked lists what cannot happen and would in other circumstances.
func (w *World) blocked() []blockedEvent {
	var blocked []blockedEvent
	for _, t := range w.tasks {
		switch {
		case t.gone:
			blocked = append(blocked, blockedEvent{t.site.event, t.process.number})
		case t.choosing():
			if t.waits() {
				for _, x := range t.choice.cases {
					blocked = append(blocked, blockedEvent{t.site.event, x.of.bound().number})
				}
			}
		case t.waits():
			blocked = append(blocked, blockedEvent{t.site.event, t.awaits.bound().number})
		}
	}
	for _, c := range w.conns {
		if c.muted && len(c.requests) > 0 {
			blocked = append(blocked, blockedEvent{w.arrival(c), c.node.object.number})
		}
	}
	if w.runEnd.number == 0 || w.unfinished() {
		return blocked
	}
	for _, m := range w.clock.timers {
		if m.armed() && m.period > 0 {
			blocked = append(blocked, blockedEvent{m.event, w.runEnd.number})
		}
	}
	for _, m := range w.nodes {
		if m.down {
			blocked = append(blocked, blockedEvent{m.restart, w.runEnd.number})
		}
	}
	if f := w.faults; f != nil && !f.stopped {
		for _, x := range f.list {
			if x.possible(f) {
				blocked = append(blocked, blockedEvent{x.event, w.runEnd.number})
			}
		}
	}
	return blocked
}

// irreducible says what a world has had so far that keeps a search from telling
// which steps are independent; empty: nothing. Whether a ticker or a fault can
// come depends on who has ended, a send that finds its channel closed touches
// less than it would have, and that a task comes to a buffer, or to a select with
// a default, is not recorded, which who makes the channel anew would have to know.
// Which readers an RUnlock looks at depends on whether its own task reads.
func (w *World) irreducible() string {
	switch {
	case w.faults != nil:
		return "faults"
	case w.clock.ticked:
		return "a ticker"
	case w.closed:
		return "a channel that is closed"
	case w.remade:
		return "a channel that is made anew"
	case w.givenBack:
		return "an RUnlock by a task that does not read"
	}
	return ""
}
