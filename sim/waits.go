package sim

import (
	"slices"

	"racelab/sim/internal/hook"
)

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

	task *Task
}

// For is what it waits for: "b.lock, held by sender". It is for the moment,
// and not for later.
func (w Wait) For() string {
	if w.task == nil {
		return "something" // A test has made it.
	}
	return w.task.awaits.waitingFor(w.task.world)
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

// prepareLooks makes the object that keeps any two steps from being independent
// where a property judges each state. The state at the end of a run is that of
// its happens-before class, so Finally needs none.
func (w *World) prepareLooks() {
	if slices.ContainsFunc(w.claims, func(p *Property) bool { return p.always != nil || p.probe != nil }) {
		w.looked.kind, w.looked.label = hook.Whole, "the state"
		w.bind(&w.looked)
	}
}

// look shows the state to the properties that judge states.
func (w *World) look(after Event) {
	if w.looked.number > 0 {
		w.touched(&w.looked, true)
	}
	var waits *WaitGraph
	for _, p := range w.claims {
		if p.violated || !p.looks() {
			continue
		}
		if waits == nil {
			waits = w.waits(after)
		}
		tested, err := p.JudgeState(waits)
		p.tested = p.tested || tested
		if err != nil {
			p.violated = true
			w.touched(&p.object, true)
			w.broke(p.name, err)
		}
	}
}

// waitGraph is who waits for what now.
func (w *World) waitGraph() *WaitGraph {
	w.events()
	return w.waits(Event{})
}

func (w *World) waits(after Event) *WaitGraph {
	g := &WaitGraph{After: after, At: w.pace.now(), Over: true}
	for _, e := range w.enabled {
		g.Over = g.Over && e.Fault
	}
	for _, t := range w.tasks {
		if t.waits() {
			g.Waits = append(g.Waits, t.waiting(w))
		}
	}
	return g
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
