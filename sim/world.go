package sim

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// World is a closed system: tasks, nodes, connections and properties, and
// nothing else that can surprise. What happens next is always one of Enabled;
// a run is a function of which one is taken each time.
//
// Nodes, connections, tasks, shared structures and properties are handed over
// before the first call of Enabled, and stay.
type World struct {
	tasks    []*Task
	nodes    []*member
	conns    []*Conn
	shared   []root
	watchers []*watcher

	objects  []*object // by number, from 1
	names    []string  // of the objects; made when first asked for
	started  bool
	enabled  []Event
	accesses []Access // of the current or last step
	outbox   Outbox
	trace    *Trace // nil: nobody looks

	violations []Violation // of the last step
	contended  bool        // a task had to wait for a lock after the last step
	scratch    State
}

// root is something that State walks start from, with the name it goes by.
type root struct {
	name string
	Stateful
}

// NewWorld returns an empty world.
func NewWorld() *World {
	w := &World{}
	w.outbox.world = w
	return w
}

// AddNode adds a participant that reacts to messages.
func (w *World) AddNode(name string, node Node) {
	w.mustNotRun("AddNode")
	m := &member{world: w, name: name, node: node}
	m.label = name
	w.bind(&m.object)
	w.nodes = append(w.nodes, m)
}

// Dial connects the named client to the named node.
func (w *World) Dial(client, node string) *Conn {
	w.mustNotRun("Dial")
	for _, m := range w.nodes {
		if m.name != node {
			continue
		}
		c := &Conn{name: client, node: m}
		c.out.conn, c.in.conn = c, c
		c.out.sync, c.in.sync = true, true
		c.out.label = client + "->" + node
		c.in.label = node + "->" + client
		w.conns = append(w.conns, c)
		return c
	}
	panic(fmt.Sprintf("sim: %s dials %s: no such node", client, node))
}

// Go adds a task that runs the program.
func (w *World) Go(name string, program Program) {
	w.mustNotRun("Go")
	w.tasks = append(w.tasks, &Task{world: w, name: name, number: len(w.tasks) + 1, program: program})
}

// Share adds a structure that several tasks use: a client, a lock. Its name
// begins the names of the objects in it.
func (w *World) Share(name string, structure Stateful) {
	w.mustNotRun("Share")
	w.shared = append(w.shared, root{name, structure})
}

// Watch adds a property that is judged at each step.
func (w *World) Watch(p Property) {
	w.mustNotRun("Watch")
	w.watchers = append(w.watchers, &watcher{property: p})
}

func (w *World) mustNotRun(call string) {
	if w.started {
		panic("sim: " + call + " after the first step: wiring is fixed by then")
	}
}

// start binds the objects and runs each task to its first point.
func (w *World) start() {
	s := State{errand: binding, world: w}
	w.State(&s)
	for _, t := range w.tasks {
		t.start()
	}
	w.started = true
	w.findEnabled()
}

// Close ends the tasks. A world that is dropped without it leaks their
// coroutines.
func (w *World) Close() {
	for _, t := range w.tasks {
		if t.stop != nil {
			t.stop()
		}
	}
}

// Event is one thing that may happen next. Actor and Label together identify
// it: at most one event of an actor is enabled at a time.
type Event struct {
	Actor string // a task, "G0", or a request on its way, "G0->coordinator"
	Label string // the point where the task is parked, or the request's name
	// Place is where it happens: the number of the task, or of the node behind
	// the tasks. Two steps in a row at one place are no switch.
	Place int

	task *Task
	conn *Conn
}

// String is the identity without its occurrence: "G0 snapshot".
func (e Event) String() string { return e.Actor + " " + e.Label }

// Enabled lists what may happen next, always in the same order: tasks as they
// were added, then connections. It is valid until the next Take. An empty list
// is the end of the run.
func (w *World) Enabled() []Event {
	if !w.started {
		w.start()
	}
	return w.enabled
}

func (w *World) findEnabled() {
	w.enabled = w.enabled[:0]
	w.contended = false
	for _, t := range w.tasks {
		switch {
		case t.ready():
			w.enabled = append(w.enabled, Event{Actor: t.name, Label: string(t.point), Place: t.number, task: t})
		case !t.done:
			if _, lock := t.awaits.(*Mutex); lock {
				w.contended = true
			}
		}
	}
	for _, c := range w.conns {
		if c.deliverable() {
			request := c.requests[0]
			w.enabled = append(w.enabled, Event{
				Actor: request.from.name + "->" + c.node.name,
				Label: request.Message.Name(),
				Place: len(w.tasks) + c.node.number,
				conn:  c,
			})
		}
	}
	if len(w.enabled) == 0 {
		if err := w.stuck(); err != nil {
			w.broke(NoDeadlock, err)
		}
	}
}

// Take lets the i-th enabled event happen.
func (w *World) Take(i int) {
	event := w.Enabled()[i]
	w.accesses = w.accesses[:0]
	w.violations = w.violations[:0]
	for _, watcher := range w.watchers {
		watcher.tested = false
	}
	if w.trace != nil {
		w.trace.begin(w, event)
	}
	w.step(event)
	w.findEnabled()
	if w.trace != nil {
		w.trace.end(w)
	}
}

func (w *World) step(event Event) {
	if event.task != nil {
		event.task.resume()
		return
	}
	defer func() {
		if reason := recover(); reason != nil {
			w.broke(NoPanic, &PanicError{Actor: event.conn.node.name, Reason: reason})
		}
	}()
	event.conn.deliver()
}

// stuck says who waits for what when nothing can happen any more, and is nil
// when every task has ended.
func (w *World) stuck() error {
	var waits []string
	for _, t := range w.tasks {
		if !t.done {
			waits = append(waits, fmt.Sprintf("%s, before %q, waits for %s", t.name, t.point, t.awaits.waitingFor(w)))
		}
	}
	if waits == nil {
		return nil
	}
	return errors.New(strings.Join(waits, "; "))
}

// Unfinished lists the tasks that have not ended.
func (w *World) Unfinished() []string {
	var names []string
	for _, t := range w.tasks {
		if !t.done {
			names = append(names, t.name)
		}
	}
	return names
}

// Accesses lists the objects that the last step read or wrote. It is valid
// until the next Take.
func (w *World) Accesses() []Access { return w.accesses }

// State walks everything that can change during a run.
func (w *World) State(s *State) {
	for _, root := range w.roots() {
		root.State(s)
	}
	for _, c := range w.conns {
		c.State(s)
	}
}

// roots lists where the walk starts: what the model brought along.
func (w *World) roots() []root {
	roots := append([]root{}, w.shared...)
	for _, m := range w.nodes {
		roots = append(roots, root{m.name, m.node})
	}
	for _, t := range w.tasks {
		roots = append(roots, root{t.name, t})
	}
	for _, watcher := range w.watchers {
		roots = append(roots, root{watcher.property.Name(), watcher})
	}
	return roots
}

// Fingerprint hashes the state: two runs that came to the same state have the
// same fingerprint. Two states share one by accident with probability 2^-64.
func (w *World) Fingerprint() uint64 {
	w.Enabled()
	w.scratch.words = w.scratch.words[:0]
	w.State(&w.scratch)
	return mixAll(w.scratch.words)
}

// scalar is the one word that holds a variable's value.
func scalar[T ~int | ~int32 | ~int64 | ~uint64 | ~bool](value *T) uint64 {
	switch unsafe.Sizeof(*value) {
	case 1:
		return uint64(*(*uint8)(unsafe.Pointer(value)))
	case 4:
		return uint64(*(*uint32)(unsafe.Pointer(value)))
	default:
		return *(*uint64)(unsafe.Pointer(value))
	}
}
