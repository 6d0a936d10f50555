package sim

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// NewWorld returns an empty world.
func NewWorld() *World {
	w := &World{}
	w.goroutines, w.maxCoroutines = defaultGoroutines, maxCoroutines
	w.outbox.world, w.pace = w, &untimed{w}
	w.saved.world, w.loader = w, walker{world: w, loading: true}
	return w
}

// Build returns the world that a function makes of an empty one. A panic of the function is a
// ModelError with its line.
func Build(build func(w *World)) *World {
	defer func() {
		if reason := recover(); reason != nil {
			if e := refusal(reason); e != nil {
				panic(e)
			}
			panic(&ModelError{fmt.Sprintf("sim: what builds the world panicked at %s: %v", panicSite(), reason)})
		}
	}()
	w := NewWorld()
	build(w)
	return w
}

// resemble takes over, before the world begins, what is the same in one that was built
// alike and has begun: what types mean, what objects are called, how large the plan
// is, and where programs return to.
func (w *World) resemble(other *World) {
	w.plan.shapes.known, w.names, w.plan.like = other.plan.shapes.known, other.names, other.plan.sizes
	for i := range min(len(w.tasks), len(other.bases)) {
		w.tasks[i].sites.base = other.bases[i]
	}
}

// AddNode adds a participant that reacts to messages.
func (w *World) AddNode(name string, node Node) {
	w.mustNotRun("AddNode")
	if v := reflect.ValueOf(node); !v.IsValid() || v.Type().Size() > 0 {
		mustPoint(fmt.Sprintf("AddNode(%q)", name), node)
	}
	if slices.ContainsFunc(w.conns, func(c *Conn) bool { return c.name == name }) {
		panic(fmt.Sprintf("sim: %s dials before it is added", name))
	}
	w.mustBeNew("node", name)
	m := &nodeState{world: w, name: name, node: node, number: len(w.nodes) + 1}
	m.label = name
	m.addAlarms()
	w.nodes = append(w.nodes, m)
}

// Dial connects a client to the named node. If the client is a node, it uses the
// connection through its Outbox. Otherwise the client is any text, often a task's
// name, and any task may use the connection. Schedules, pictures, Act.Conn and
// World.Process call the connection by it.
func (w *World) Dial(client, node string) *Conn {
	w.mustNotRun("Dial")
	to := w.nodeNamed(node)
	if to == nil {
		panic(fmt.Sprintf("sim: %s dials %s, and there is no such node: AddNode comes before Dial", client, node))
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
// the task holds a lock, its accesses to Vars and Lists are none, so no claim sees
// what is half done there. At names one that is wanted: n.Set(t.At("half done"), 1).
//
// A run is over when nothing can happen any more, and each task must have ended by
// then: there are no daemons, and a worker that still waits breaks no-progress. End
// it: Close its Chan, Cancel its Context, or Close the connection that it reads. A
// server that waits for ever is a Node.
//
// To go on from an earlier state, a function may have to run again from its
// beginning, in which the operations give what they gave before. So it should do
// nothing else that counts, and a search of it is slower than one of a program.
func (w *World) Go(name string, function func(t *Task)) {
	if function == nil {
		panic(fmt.Sprintf("sim: Go(%q) wants a function, has nil", name))
	}
	w.addTask("Go", name, nil).function = function
}

// GoProgram adds a task that runs a program: what it needs after a point stands
// in fields. Points are where it waits, and where it names one: see Task.Step and
// Task.At.
func (w *World) GoProgram(name string, program Program) {
	mustPoint(fmt.Sprintf("GoProgram(%q)", name), program)
	w.addTask("GoProgram", name, program)
}

// mustPoint refuses what is no pointer: a step could not change it.
func mustPoint(call string, thing any) {
	if v := reflect.ValueOf(thing); v.Kind() != reflect.Pointer || v.IsNil() {
		is := fmt.Sprintf("%T", thing)
		if v.Kind() == reflect.Pointer {
			is = "a nil " + is
		}
		panic(fmt.Sprintf("sim: %s wants a pointer, has %s", call, is))
	}
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
	mustPoint(fmt.Sprintf("Share(%q)", name), structure)
	if slices.ContainsFunc(w.shared, func(r root) bool { return r.name == name }) {
		panic(fmt.Sprintf("sim: Share(%q) for the second time: objects are told apart by names", name))
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

// Now is how long the run has taken, in the world's own time. Tasks have Task.Now,
// which is the same as a moment.
func (w *World) Now() time.Duration { return time.Duration(w.clock.now) }
