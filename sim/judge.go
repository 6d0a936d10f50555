package sim

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim/internal/hook"
)

// Watch adds a property that is judged at each step.
func (w *World) Watch(p *Property) {
	w.mustNotRun("Watch")
	switch {
	case p == nil:
		panic("sim: Watch wants a property, has nil")
	case strings.TrimSpace(p.name) == "":
		panic(fmt.Sprintf("sim: a property is named %q: a verdict could not say which one it is about", p.name))
	case p.memory != nil:
		mustPoint(fmt.Sprintf("the memory of NewProperty(%q)", p.name), p.memory)
	}
	own := []string{NoDeadlock, NoProgress, NoPanic, NoDataRace, NodeInvariants, Assertions}
	if slices.Contains(own, p.name) || slices.ContainsFunc(w.claims, func(other *Property) bool { return other.name == p.name }) {
		panic(fmt.Sprintf("sim: there are two properties %s: which of them would a verdict be about?", p.name))
	}
	w.claims = append(w.claims, p)
}

// Always adds an invariant: judge sees the state after each step. What a function
// does under a lock is one step with the Lock: see World.Go.
func (w *World) Always(name string, judge func(c *Claim)) {
	w.Watch(NewProperty(name, nil).Always(judge))
}

// Finally adds a claim about the end of each run.
func (w *World) Finally(name string, judge func(c *Claim)) {
	w.Watch(NewProperty(name, nil).Finally(judge))
}

// Eventually adds a claim about what each run comes to once faults stop: see
// Property.Eventually.
func (w *World) Eventually(name string, judge func(c *Claim)) {
	w.Watch(NewProperty(name, nil).Eventually(judge))
}

// Probe asks whether a state can be reached in which reached is true. A search
// answers with a shortest schedule, or that there is none. It claims nothing.
func (w *World) Probe(name string, reached func() bool) {
	mustJudge(name, reached == nil)
	p := NewProperty(name, nil)
	p.probe = reached
	w.Watch(p)
}

// Assert breaks the world's property Assertions if the condition does not hold.
func (t *Task) Assert(holds bool, format string, args ...any) {
	if t.reruns() {
		return
	}
	w := t.world
	w.tested |= 1 << (len(w.judged()) - 1)
	if !holds {
		w.broke(Assertions, fmt.Errorf(t.name+": "+format, args...))
	}
}

// Call tells the properties that the task enters a function of the client's
// public API.
func (t *Task) Call(call Message) { t.acts("call ", Called, call) }

// Return tells the properties that the task comes back from such a function.
func (t *Task) Return(result Message) { t.acts("return ", Returned, result) }

func (t *Task) acts(verb string, action Action, m Message) {
	if t.plain() || t.comesByWith(verb+NameOf(m)) {
		t.world.observe(Act{Action: action, Actor: t.name, Message: m})
		t.did(0)
	}
}

// Violations lists what the last step broke, and no step before it. It is valid until
// the next step. All that broke in a run: simtest.Broken.
func (w *World) Violations() []Violation { return w.violations }

// mostJudged is how many properties a step's mask of them holds; see testedNow.
const mostJudged = 64

// judged names what is judged: what the scenario claims and asks, and the
// world's own properties.
func (w *World) judged() []string {
	if w.properties != nil {
		return w.properties
	}
	var names []string
	for _, p := range w.claims {
		names = append(names, p.name)
	}
	names = append(names, NoDeadlock, NoProgress, NoPanic)
	if w.mayRace() {
		names = append(names, NoDataRace)
	}
	if slices.ContainsFunc(w.nodes, func(m *nodeState) bool { _, ok := m.node.(Checker); return ok }) {
		names = append(names, NodeInvariants)
	}
	w.properties = append(names, Assertions)
	return w.properties
}

// asked names those of judged that are questions.
func (w *World) asked() []string {
	var names []string
	for _, p := range w.claims {
		if p.probe != nil {
			names = append(names, p.name)
		}
	}
	return names
}

// testedNow says which properties the last step put to the test: bit i for the
// i-th of judged. A scenario's property knows by itself; a deadlock needs
// a task that waits for a lock; to get stuck at all needs one that waits for
// anything; an assertion needs one that asserts; any step might panic, race or
// break an invariant.
func (w *World) testedNow() uint64 {
	tested := ^(uint64(1)<<len(w.claims)-1)&^(1<<(len(w.judged())-1)) | w.tested
	if !w.contended {
		tested &^= 1 << len(w.claims) // NoDeadlock
	}
	if !slices.ContainsFunc(w.tasks, (*Task).waits) {
		tested &^= 1 << (len(w.claims) + 1) // NoProgress
	}
	return tested
}

// discontent lists the properties that want something in the end which the state
// does not have, with what they say of it. It puts them to the test.
func (w *World) discontent() []Violation {
	var list []Violation
	for i, p := range w.claims {
		if p.eventually == nil {
			continue
		}
		c := p.wants(w.waits(Event{}))
		if c.tested {
			w.tested |= 1 << i
		}
		if c.err != nil {
			list = append(list, Violation{p.name, c.err})
		}
	}
	return list
}

// prepareClaims notes which acts are judged, and makes the object that keeps any two
// steps from being independent where a property judges each state. The state at the end
// of a run is that of its happens-before class, so Finally needs none.
func (w *World) prepareClaims() {
	for _, p := range w.claims {
		for i := range p.acts {
			w.judgedActs |= p.acts[i].actions
		}
	}
	if slices.ContainsFunc(w.claims, func(p *Property) bool { return p.always != nil || p.probe != nil }) {
		w.looked.kind, w.looked.label = hook.Whole, "the state"
		w.bind(&w.looked)
	}
}

// look shows the state to the properties that judge states. What a check has given
// other values is no state that they need to understand.
func (w *World) look(after *Event) {
	if w.estranged {
		return
	}
	if w.looked.number > 0 {
		w.touched(&w.looked, true)
	}
	var waits *WaitGraph
	for i, p := range w.claims {
		if p.violated || !p.looks() {
			continue
		}
		if waits == nil {
			waits = w.waits(*after)
		}
		tested, err := p.JudgeState(waits)
		if err != nil {
			w.touched(&p.object, true)
		}
		w.judgedBy(i, tested, err)
	}
}

// waitGraph is who waits for what now.
func (w *World) waitGraph() *WaitGraph {
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
	wait := Wait{Task: t.name, Point: t.site.point, on: t}
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

// waitsFor says what the task waits for.
func (t *Task) waitsFor() string { return t.awaits.waitingFor(t.world) }
