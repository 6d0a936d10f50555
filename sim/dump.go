package sim

// Looker is a property that looks at each state, too: at who waits for what, as
// a goroutine dump shows it, and at how the run ends. Once it has fallen it need
// not look any more.
//
// Where there is one, any two steps depend on each other, so Exhaustive has
// nothing to leave out: judge such a property with States.
type Looker interface {
	Property
	// Look sees the state after a step, and keeps nothing of it. It says whether the
	// state put the property to the test, and how it breaks it.
	Look(d *Dump) (tested bool, err error)
}

// Dump is who waits for what.
type Dump struct {
	After Event  // the step that led here
	At    Time   // when, in a timed world; else Never
	Over  bool   // nothing can happen any more, faults aside
	Waits []Wait // in the order of the tasks
}

// Wait is a task that cannot go on.
type Wait struct {
	Task  string
	Point Point // before which it waits
	// Holder is the task that holds the lock which it waits for; empty: it waits
	// for something else.
	Holder string
	Timer  bool // it waits for a timer, at least among others
	// Stopped says that it waits for a timer alone, and that one is not armed.
	Stopped bool

	task *Task
}

// For is what it waits for: "b.lock, held by sender". It is for a Look, and not
// for later.
func (w Wait) For() string {
	if w.task == nil {
		return "something" // A test has made it.
	}
	return w.task.awaits.waitingFor(w.task.world)
}

// Of returns the wait of a task, and whether it waits.
func (d *Dump) Of(task string) (Wait, bool) {
	for _, wait := range d.Waits {
		if wait.Task == task {
			return wait, true
		}
	}
	return Wait{}, false
}

// prepareLooks makes the object that keeps any two steps from being independent
// where a property looks at each state.
func (w *World) prepareLooks() {
	for _, watcher := range w.watchers {
		if _, ok := watcher.property.(Looker); ok {
			w.looked.kind, w.looked.label = Whole, "the state"
			w.bind(&w.looked)
			return
		}
	}
}

// look shows the state to the properties that look.
func (w *World) look(after Event) {
	if w.looked.number == 0 {
		return
	}
	w.touched(&w.looked, true)
	var dump *Dump
	for _, watcher := range w.watchers {
		looker, ok := watcher.property.(Looker)
		if !ok || watcher.fallen {
			continue
		}
		if dump == nil {
			dump = w.dump(after)
		}
		tested, err := looker.Look(dump)
		watcher.tested = watcher.tested || tested
		if err != nil {
			watcher.fallen = true
			w.touched(&watcher.object, true)
			w.broke(watcher.property.Name(), err)
		}
	}
}

func (w *World) dump(after Event) *Dump {
	d := &Dump{After: after, At: Never, Over: true}
	if w.timed != nil {
		d.At = w.clock.now
	}
	for _, e := range w.enabled {
		d.Over = d.Over && e.Fault
	}
	for _, t := range w.tasks {
		if t.waits() {
			d.Waits = append(d.Waits, t.waiting(w))
		}
	}
	return d
}

// waiting is the wait of a task that waits.
func (t *Task) waiting(w *World) Wait {
	wait := Wait{Task: t.name, Point: t.site.point, task: t}
	switch on := t.awaits.(type) {
	case *Timer:
		wait.Timer, wait.Stopped = true, !on.armed()
	case *choice:
		for _, x := range on.cases {
			_, timer := x.of.(*Timer)
			wait.Timer = wait.Timer || timer
		}
	case lock:
		for _, holder := range w.tasks {
			if on.blocks(t, holder) {
				wait.Holder = holder.name
				break
			}
		}
	}
	return wait
}
