package sim

import (
	"fmt"
	"slices"
	"time"
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
	roots []root
	conns []*Conn // handles

	start  State     // all of it before the first step, to be loaded
	owns   []*object // what is in start
	down   bool
	up     time.Duration // timed mode, if it is down: when it restarts
	begins Event
}

// Process names a client's process and what it consists of: the tasks, the
// shared structures and the connections, by their names in Go, Share and Dial.
//
// In a world whose Budget has ProcessCrashes it may crash: its goroutines vanish
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
		p.kind, p.label = Lock, p.name+" (running)"
	}
	if w.mayKill() && len(w.processes) == 0 {
		panic("sim: a Budget of ProcessCrashes in a world without any process: name one with World.Process")
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
			p.roots = append(p.roots, r)
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

// walk walks what a crash takes.
func (p *process) walk(s *State) {
	for i := range p.roots {
		p.roots[i].State(s)
	}
	for _, t := range p.tasks {
		t.State(s)
	}
}

// keepStarts notes what the processes are before the first step.
func (w *World) keepStarts() {
	if !w.mayKill() {
		return
	}
	owner := map[int]*process{}
	for _, p := range w.processes {
		p.start = State{errand: saving, absolute: true, marks: true, world: w}
		p.walk(&p.start)
		for _, o := range p.start.owners {
			if other := owner[o.object]; other != nil && other != p {
				panic(fmt.Sprintf("sim: %s is in process %s and in process %s", w.ObjectName(o.object), other.name, p.name))
			}
			if owner[o.object] == nil {
				owner[o.object] = p
				p.owns = append(p.owns, w.things[o.object-1].bound())
			}
		}
		p.start.errand = loading
	}
	for _, r := range w.shared {
		if w.inProcess(r) {
			continue
		}
		s := State{marks: true, world: w}
		r.State(&s)
		for _, o := range s.owners {
			if p := owner[o.object]; p != nil {
				panic(fmt.Sprintf("sim: %s is in process %s and in %s, which is not: who crashes with it?", w.ObjectName(o.object), p.name, r.name))
			}
		}
	}
}

func (w *World) inProcess(r root) bool {
	return slices.ContainsFunc(w.processes, func(p *process) bool {
		return slices.ContainsFunc(p.roots, func(own root) bool { return own.name == r.name })
	})
}

// runs says whether the process is up and has not ended.
func (p *process) runs() bool {
	return !p.down && slices.ContainsFunc(p.tasks, func(t *Task) bool { return !t.done })
}

// setDown says of the tasks, too, that there are none.
func (p *process) setDown(down bool) {
	p.down = down
	for _, t := range p.tasks {
		t.gone = down
	}
}

// crash takes the process down.
func (p *process) crash() {
	w := p.world
	p.mustHoldNothingElse()
	w.faults.left.ProcessCrashes--
	if w.timed != nil {
		p.up = w.clock.now + w.faults.left.Down.Draw(&w.faults.down)
	}
	p.start.at, p.start.ref, p.start.ghost = 0, 0, 0
	p.walk(&p.start)
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
	if w.timed != nil {
		w.timed.idle(p.tasks)
	}
	w.races.forget(w, p)
	w.observe(Observation{Action: Failed, Actor: p.name, Message: Crash})
}

// mustHoldNothingElse refuses a crash that would leave a lock held by a task
// that is gone.
func (p *process) mustHoldNothingElse() {
	for _, thing := range p.world.things {
		l, ok := thing.(lock)
		if !ok || slices.Contains(p.owns, l.bound()) {
			continue
		}
		for _, t := range p.tasks {
			if l.blocks(t, t) {
				panic(fmt.Sprintf("sim: process %s crashes while its task %s holds %s, which is no part of it: add it to World.Process",
					p.name, t.name, p.world.ObjectName(l.bound().number)))
			}
		}
	}
}

// mustBeWith refuses a channel that goroutines of another process use: what would
// become of those who wait there, when one of the two crashes?
func (t *Task) mustBeWith(o *object) {
	w := t.world
	switch w.things[o.number-1].(type) {
	case conduit, *WaitGroup, *Cond:
	default:
		return
	}
	for _, p := range w.processes {
		if (p == t.process) != slices.Contains(p.owns, o) {
			panic(fmt.Sprintf("sim: task %s uses %s, and process %s has only one of them: name both in World.Process, or neither",
				t.name, w.ObjectName(o.number), p.name))
		}
	}
}

// happen brings the process back.
func (p *process) happen(w *World) {
	p.setDown(false)
	w.touched(&w.ends, true)
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
	w.observe(Observation{Action: Failed, Actor: p.name, Message: Restart})
}

func (p *process) lane() string { return p.tasks[0].name }

// State walks whether the process is there.
func (p *process) State(s *State) {
	if !s.world.mayKill() {
		return
	}
	s.begin(p)
	Bool(s, &p.down)
	if s.errand == loading {
		p.setDown(p.down)
	}
	if s.world.timed != nil {
		if !p.down {
			p.up = Never
		}
		s.moment(&p.up)
	}
}
