package sim

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"racelab/sim/internal/hook"
)

// process is a client's process on its machine: the tasks that are its
// goroutines, the structures that are its memory, its connections. All of it
// crashes at once.
//
// As an object it is what keeps a crash and the steps of its tasks in order:
// each of these reads it, and a crash writes it. That makes it a lock.
type process struct {
	object
	world *World
	name  string
	parts []string
	tasks []*Task
	roots []string
	conns []*Conn // handles

	groups []*group  // its part of the state
	start  walker    // that before the first step, to be loaded
	owns   []*object // of groups
	down   bool
	up     Time // timed mode: when it restarts; Never: it is not down
	begins Event
}

// Process names a client's process and what it consists of: the tasks and the shared
// structures by their names in Go and Share, the connections by the client's name in
// Dial. One name may stand for a task and for its connection:
//
//	w.Share("cache", c)
//	conn := w.Dial("client", "bank")
//	w.Go("client", func(t *sim.Task) { ... })
//	w.Process("P0", "client", "cache") // the task, its connection, and its memory
//
// In a world that allows Faults of ProcessCrashes it may crash: its goroutines vanish
// wherever they are, and their memory, locks and timers with them. Requests that
// were sent may still arrive; nobody is left who takes the answer. It restarts
// in a later event: all is as before the first step, and its connections are
// new. What is shared with it and not named here survives, as a database does;
// but channels, wait groups and conditions are for goroutines of one process.
func (w *World) Process(name string, parts ...string) {
	w.mustNotRun("Process")
	w.processes = append(w.processes, &process{world: w, name: name, parts: parts})
}

// prepareProcesses finds the parts of each process.
func (w *World) prepareProcesses() {
	for _, p := range w.processes {
		for _, part := range p.parts {
			p.find(part)
		}
		if len(p.tasks) == 0 {
			panic(fmt.Sprintf("sim: process %s has no task", p.name))
		}
		p.kind, p.label = hook.Lock, p.name+" (running)"
	}
	if w.mayKill() && len(w.processes) == 0 {
		panic("sim: Faults of ProcessCrashes in a world without any process: name one with World.Process")
	}
}

// mayKill says whether processes may crash.
func (w *World) mayKill() bool { return w.faults != nil && w.faults.kills }

// find adds what has the name to the process.
func (p *process) find(part string) {
	w, before := p.world, len(p.tasks)+len(p.roots)+len(p.conns)
	for _, t := range w.tasks {
		if t.name == part {
			p.adopt(part, &t.process)
			p.tasks = append(p.tasks, t)
		}
	}
	for _, r := range w.shared {
		if r.name == part {
			p.roots = append(p.roots, r.name)
		}
	}
	for _, c := range w.conns {
		if c.name == part && c.asks == nil {
			p.adopt(part, &c.process)
			p.conns = append(p.conns, c)
		}
	}
	if len(p.tasks)+len(p.roots)+len(p.conns) == before {
		panic(fmt.Sprintf("sim: process %s has %q: no task, structure or connection of tasks has that name", p.name, part))
	}
}

func (p *process) adopt(part string, owner **process) {
	if *owner != nil {
		panic(fmt.Sprintf("sim: %q is a part of process %s and of process %s", part, (*owner).name, p.name))
	}
	*owner = p
}

// keepStarts notes what the processes are before the first step.
func (w *World) keepStarts() {
	if !w.mayKill() {
		return
	}
	roots := w.roots()
	of := make([]*process, len(roots))
	for i, r := range roots {
		for _, p := range w.processes {
			t, isTask := r.owner.(*Task)
			if isTask && t.process == p || r.owner == nil && slices.Contains(p.roots, r.name) {
				of[i] = p
			}
		}
	}
	w.mustBeApart(roots, of)
	for _, g := range w.plan.groups {
		if g.root == ofWorld || of[g.root] == nil {
			continue
		}
		p := of[g.root]
		p.groups = append(p.groups, g)
		if g.owner != nil {
			p.owns = append(p.owns, g.owner)
		}
	}
	for _, p := range w.processes {
		p.start = walker{world: w, absolute: true}
		for _, g := range p.groups {
			p.start.save(g)
		}
		p.start.loading = true
	}
}

// mustBeApart refuses memory that crashes with one root and not with another.
func (w *World) mustBeApart(roots []root, of []*process) {
	p := &planner{world: w, look: func(string, reflect.Value, surveyed) {}}
	p.both = func(path string, first, second int) {
		a, b := of[first], of[second]
		switch name := roots[first].name; {
		case a == b:
		case a != nil && b != nil:
			panic(fmt.Sprintf("sim: %s is in process %s and in process %s", path, a.name, b.name))
		case a != nil:
			panic(fmt.Sprintf("sim: %s is in process %s and in %s, which is not: who crashes with it?", name, a.name, path))
		default:
			panic(fmt.Sprintf("sim: %s is in process %s and in %s, which is not: who crashes with it?", path, b.name, name))
		}
	}
	p.compile()
}

// runs says whether the process is up and has not ended.
func (p *process) runs() bool {
	return !p.down && slices.ContainsFunc(p.goroutines(), func(t *Task) bool { return !t.done })
}

// goroutines are its tasks, and those that a run has started.
func (p *process) goroutines() []*Task {
	all := p.tasks
	for _, t := range p.world.tasks[len(p.world.tasks)-p.world.slots():] {
		if t.process == p {
			all = append(slices.Clip(all), t)
		}
	}
	return all
}

// setDown says of the tasks, too, that there are none.
func (p *process) setDown(down bool) {
	if p.down = down; !down {
		p.up = Never
	}
	for _, t := range p.tasks {
		t.gone = down
	}
}

// crash takes the process down.
func (p *process) crash() {
	w := p.world
	p.mustHoldNothingElse()
	w.faults.left.ProcessCrashes--
	p.up = w.pace.later(&w.faults.left.Down, &w.faults.down)
	p.start.at, p.start.ref = 0, 0
	for _, g := range p.groups {
		p.start.load(g)
	}
	p.setDown(true)
	w.touched(&p.object, true)
	for _, o := range p.owns {
		w.touched(o, true)
	}
	for _, handle := range p.conns {
		for _, c := range handle.lines[:handle.line+1] {
			c.responses = c.responses[:0]
			clear(c.owed)
			c.breaks()
		}
	}
	w.pace.idle(p.tasks)
	w.races.forget(w, p.goroutines(), p.owns)
	for _, t := range p.goroutines()[len(p.tasks):] {
		w.touched(&w.starts, true)
		w.touched(&t.object, true)
		t.vanish()
	}
	w.observe(Act{Action: Failed, Actor: p.name, Message: Crash})
}

// mustHoldNothingElse refuses a crash that would leave a lock held by a task
// that is gone.
func (p *process) mustHoldNothingElse() {
	for _, object := range p.world.objects {
		l, ok := object.(lock)
		if !ok || slices.Contains(p.owns, l.bound()) {
			continue
		}
		for _, t := range p.goroutines() {
			if l.blocks(t, t) {
				panic(fmt.Sprintf("sim: process %s crashes while its task %s holds %s, which is no part of it: add it to World.Process",
					p.name, t.name, p.world.objectName(l.bound().number)))
			}
		}
	}
}

// mustBeWith refuses a channel that goroutines of another process use: what would
// become of those who wait there, when one of the two crashes?
func (t *Task) mustBeWith(o *object) {
	w := t.world
	switch w.objects[o.number-1].(type) {
	case chanRef, *WaitGroup, *Cond:
	default:
		return
	}
	for _, p := range w.processes {
		if (p == t.process) != slices.Contains(p.owns, o) {
			panic(fmt.Sprintf("sim: task %s uses %s, and process %s has only one of them: name both in World.Process, or neither",
				t.name, w.objectName(o.number), p.name))
		}
	}
}

// happen brings the process back.
func (p *process) happen(w *World) {
	p.setDown(false)
	w.touched(&w.runEnd, true)
	w.touched(&p.object, true)
	for _, t := range p.tasks {
		w.touched(&t.object, true)
	}
	for _, handle := range p.conns {
		c := handle.current()
		c.redial(w)
		if c.node.down {
			handle.current().breaks()
		}
	}
	w.observe(Act{Action: Failed, Actor: p.name, Message: Restart})
}

func (p *process) looksWide() {}

func (p *process) lane() string { return p.tasks[0].name }

// layout plans whether the process is there.
func (p *process) layout(w *World) {
	if !w.mayKill() {
		return
	}
	w.bind(p)
	p.up = Never
	g := w.plan.group(&p.object, ofWorld)
	g.special(p, false)
	if w.pace.timed() {
		g.add(moment, unsafe.Pointer(&p.up))
	}
}

// walk walks whether the process is down, and its tasks are gone.
func (p *process) walk(s *walker) {
	if s.loading {
		p.setDown(s.next() != 0)
		return
	}
	s.put(word8, unsafe.Pointer(&p.down), nil)
}

// findRestarts lists what may come back, which it may at any moment. A run ends when its
// tasks have, but not before a Restarter is back.
func (w *World) findRestarts() {
	if w.faults == nil {
		return
	}
	running := w.goesOn()
	for _, m := range w.nodes {
		if m.down && (running || m.restarts()) {
			w.enabled = append(w.enabled, m.restart)
		}
	}
	for _, p := range w.processes {
		if p.down && running {
			w.enabled = append(w.enabled, p.begins)
		}
	}
}
