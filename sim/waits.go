package sim

// WaitGraph is who waits for what.
type WaitGraph struct {
	After Event  // the step that led here; the zero Event where nobody asks after a step
	At    Time   // when, in a timed world; else Never
	Over  bool   // nothing can happen any more, faults aside
	Waits []Wait // in the order of the tasks
}

// Wait is a task that cannot go on.
type Wait struct {
	Task  string
	Point string // before which it waits
	// Holder is the task that holds the lock which it waits for; empty: it waits
	// for something else.
	Holder string
	Timer  bool // it waits for a timer, at least among others
	// Stopped says that it waits for a timer alone, and that one is not armed.
	Stopped bool

	on interface{ waitsFor() string }
}

// For is what it waits for: "b.lock, held by sender". Call it before the next step.
func (w Wait) For() string {
	if w.on == nil {
		return "something" // A test has made it.
	}
	return w.on.waitsFor()
}

// Of returns the wait of a task, and whether it waits.
func (g *WaitGraph) Of(task string) (Wait, bool) {
	for _, wait := range g.Waits {
		if wait.Task == task {
			return wait, true
		}
	}
	return Wait{}, false
}
