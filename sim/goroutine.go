package sim

import (
	"fmt"
	"slices"

	"racelab/sim/internal/hook"
)

// Go starts a goroutine that runs the function, as World.Go adds one before the
// first step. A name that a task has already gets a number: "worker#2". A run can
// start as many as World.Goroutines says. The goroutine is one of the process of the
// task that starts it, if that has one, and is gone when it crashes.
//
// It is a point, as who is started first has the first name.
func (t *Task) Go(name string, f func(*Task)) {
	if t.program != nil {
		panic(fmt.Sprintf("sim: task %s is a program, which starts no goroutines: make it a function", t.name))
	}
	if r := &t.coroutine.rerun; r.finds && len(r.left) == 0 {
		r.found, r.killed = f, true
		panic(errKilled)
	}
	if !t.comesBy("go " + name) {
		return
	}
	mustBeActor("goroutine", name)
	w := t.world
	w.touched(&w.starts, true)
	child := w.unusedTask()
	if child == nil {
		panic(fmt.Sprintf("sim: task %s starts %s, and has no room for more than %d goroutines: World.Goroutines makes more", t.name, name, w.goroutines))
	}
	n := 1
	for _, other := range w.tasks {
		w.looksAt(&other.object)
		if !other.unused && (other.name == name || other.name == fmt.Sprintf("%s#%d", name, n)) {
			n++
		}
	}
	if n > 1 {
		name = fmt.Sprintf("%s#%d", name, n)
	}
	child.name, child.unused, child.process = name, false, t.process
	child.log = newOrigin(origin{name: name, parent: t.number, after: t.log})
	w.touched(&child.object, true)
	if w.follows() {
		w.acquire(child.number-1, w.release(t.number-1))
	}
	child.begin(f)
	t.did(uint64(child.number))
}

// defaultGoroutines is how many goroutines a run can start where functions run.
const defaultGoroutines = 8

// Goroutines sets how many goroutines a run can start; see Task.Go. Default: 8.
func (w *World) Goroutines(n int) {
	w.mustNotRun("Goroutines")
	w.goroutines = n
}

// prepareGoroutines makes room for what a run can start.
func (w *World) prepareGoroutines() {
	functions := false
	for _, t := range w.tasks {
		functions = functions || t.program == nil
	}
	if !functions {
		return
	}
	w.starts.kind, w.starts.label = hook.Memory, "goroutines"
	w.bind(&w.starts)
	for range w.goroutines {
		w.tasks = append(w.tasks, &Task{world: w, number: len(w.tasks) + 1, unused: true, done: true})
		w.tasks[len(w.tasks)-1].label = fmt.Sprintf("goroutine-%d", len(w.tasks))
	}
}

// slots is how many tasks a run may start, behind the others.
func (w *World) slots() int {
	if w.starts.number == 0 {
		return 0
	}
	return w.goroutines
}

// unusedTask is the next that a run can start.
func (w *World) unusedTask() *Task {
	for _, t := range w.tasks {
		if t.unused {
			return t
		}
	}
	return nil
}

// walkUnused walks whether a task that a run may start has been started.
func (t *Task) walkUnused(s *walker) bool {
	if !s.loading {
		started := uint64(1)
		if t.process != nil {
			started += 1 + uint64(slices.Index(t.world.processes, t.process))
		}
		if t.unused {
			started = 0
		}
		s.words = append(s.words, started)
		return t.unused
	}
	started := s.next()
	if t.process = nil; started > 1 {
		t.process = t.world.processes[started-2]
	}
	if t.unused = started == 0; t.unused {
		t.vanish()
	}
	return t.unused
}

// vanish makes room for another goroutine.
func (t *Task) vanish() {
	t.unused, t.log, t.process = true, nil, nil
	t.putAt(0, 0)
}
