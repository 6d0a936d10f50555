package sim

import (
	"fmt"
	"math/bits"
	"slices"

	"racelab/sim/internal/hook"
)

// Property is a claim, with memory of its own. It judges what participants do,
// never their private fields, so it does not matter whether they are a model, a
// released client, or the log of a real system.
//
//	var last struct{ token int }
//	p := sim.NewProperty("tokens of writes never go back", &last)
//	sim.On(p, sim.Answered, func(c *sim.Claim, a sim.Act, m OK) {
//		c.Assert(m.Token >= last.token, "lease %d is accepted after %d", m.Token, last.token)
//		last.token = m.Token
//	})
//	w.Watch(p)
type Property struct {
	object
	name       string
	memory     any
	acts       []handler
	always     func(*Claim)
	finally    func(*Claim)
	eventually func(*Claim)
	probe      func() bool
	violated   bool // part of the state: the search goes on past a violation
	tested     bool // by the last step
}

// handler judges the acts of some kinds.
type handler struct {
	actions Action
	judge   func(c *Claim, a Act) // it skips those of other messages
}

func (p *Property) prepare(*World) { p.kind, p.label = hook.Memory, p.name }

// NewProperty returns a property that claims nothing yet. The name is how
// verdicts call it: "committed-offset-never-rewinds". Memory points to what it
// remembers from act to act; nil: nothing. It is part of the state of a world.
func NewProperty(name string, memory any) *Property { return &Property{name: name, memory: memory} }

// Name is how verdicts call the property.
func (p *Property) Name() string { return p.name }

// On lets judge see each act of these actions, joined by |, whose message is an
// M. Two steps with such acts depend on each other, so a property should see no
// more than it needs: judge calls Skip for an act that does not concern it.
func On[M any](p *Property, actions Action, judge func(c *Claim, a Act, m M)) {
	p.acts = append(p.acts, handler{actions, func(c *Claim, a Act) {
		if m, ok := a.Message.(M); ok {
			judge(c, a, m)
		} else {
			c.Skip()
		}
	}})
}

// OnReply lets judge see each response R of a node to a request Q.
func OnReply[Q, R any](p *Property, judge func(c *Claim, a Act, request Q, response R)) {
	On(p, Answered, func(c *Claim, a Act, response R) {
		if request, ok := a.Request.(Q); ok {
			judge(c, a, request, response)
		} else {
			c.Skip()
		}
	})
}

// Always lets judge see each state: after each step, until it is violated once.
// It sees who waits for what (Claim.Waits), and keeps nothing.
//
// Where a property judges states, any two steps depend on each other, so the
// strategy exhaustive has nothing to leave out: use states.
func (p *Property) Always(judge func(c *Claim)) *Property { p.always = judge; return p }

// Finally lets judge see the state at the end of each run: nothing can happen any
// more, faults aside.
func (p *Property) Finally(judge func(c *Claim)) *Property { p.finally = judge; return p }

// Eventually lets judge see the state, and wants it content in the end: in each run
// in which faults stop and whoever can go on gets its turn, it is content again and
// again, or at the end of the run.
//
// So "each request is answered" is content where none is outstanding, and "P0 makes
// progress" where the last act was progress of P0. A search of all states judges it
// wherever they can repeat for ever; a sampler judges the last steps of a run that
// does not end; exhaustive judges the ends alone.
func (p *Property) Eventually(judge func(c *Claim)) *Property { p.eventually = judge; return p }

// Judge lets the property see one act: of a world, of a released client, or from
// a log. It says whether the act concerns the property, whether it put it to the
// test, and how it broke it.
func (p *Property) Judge(a Act) (seen, tested bool, err error) {
	for i := range p.acts {
		h := &p.acts[i]
		if h.actions&a.Action == 0 {
			continue
		}
		c := Claim{}
		h.judge(&c, a)
		seen, tested = seen || !c.skipped, tested || c.tested
		if err == nil {
			err = c.err
		}
	}
	return seen, tested, err
}

// JudgeState lets the property see a state, outside of a world.
func (p *Property) JudgeState(waits *WaitGraph) (tested bool, err error) {
	c := Claim{waits: waits}
	if p.always != nil {
		p.always(&c)
	}
	if p.finally != nil && waits.Over {
		p.finally(&c)
	}
	if p.eventually != nil && waits.Over {
		p.eventually(&c)
	}
	if p.probe != nil {
		c.tested = true
		if p.probe() {
			c.err = ProbeHit{}
		}
	}
	return c.tested, c.err
}

// Claim is what a property has to say of one act, or of one state. Each Assert
// puts the property to the test. A run in which nothing does proves nothing.
type Claim struct {
	tested  bool
	skipped bool
	err     error
	waits   *WaitGraph
}

// Assert breaks the property if the condition does not hold. The error is the
// format with its arguments: what happened, with both values.
func (c *Claim) Assert(holds bool, format string, args ...any) {
	c.tested = true
	if !holds {
		c.Fail(fmt.Errorf(format, args...))
	}
}

// Fail breaks the property. Of several errors the first counts. An error that is
// Explained says what the break means to a user.
func (c *Claim) Fail(err error) {
	c.tested = true
	if c.err == nil {
		c.err = err
	}
}

// Holds says that the property was put to the test, and holds so far.
func (c *Claim) Holds() { c.tested = true }

// Skip says that the act does not concern the property at all.
func (c *Claim) Skip() { c.skipped = true }

// Waits is who waits for what, as a goroutine dump shows it. It is there where
// states are judged: Always, Finally, Eventually.
func (c *Claim) Waits() *WaitGraph { return c.waits }

// Explained is an error that can say what the break means to a user.
type Explained interface {
	error
	Meaning() string
}

// Action is the kind of an act. Several are joined by |.
type Action uint8

const (
	Sent     Action = 1 << iota // a task wrote a request
	Arrived                     // a node took a request
	Answered                    // a node wrote the response to a request
	Received                    // a task took a response
	Called                      // a task entered a function of the client's API
	Returned                    // a task came back from one
	Failed                      // a fault came, or a node came back: Message is the Fault
)

// Any is every action.
const Any Action = 1<<7 - 1

func (a Action) String() string {
	return [...]string{"sent", "arrived", "answered", "received", "called", "returned", "failed"}[bits.TrailingZeros8(uint8(a))]
}

// Act is what a task or a node did.
type Act struct {
	Action  Action
	Actor   string  // who acts: a task or a node
	Peer    string  // who is at the other end: a node or a task
	Conn    string  // the client whose connection it is
	Request Message // with Answered: the request that is answered
	Message Message // what is sent or taken
	// At is when, in a timed world. In others a moment means nothing: Never.
	At Time
}

// Properties of every world. What else is claimed, a scenario adds.
const (
	NoDeadlock     = "no-deadlock"     // tasks wait in a circle, each for a lock that the next one holds
	NoProgress     = "no-progress"     // nothing can happen, a task has not ended, and no deadlock is why
	NoDataRace     = "no-data-race"    // two accesses to a Var, one a write, that nothing orders
	NoPanic        = "no-panic"        // a participant panicked
	NodeInvariants = "node-invariants" // a node's own Check failed
	Assertions     = "assertions"      // an Assert of a task failed; listed where one was tried
)

// Hangs says whether the property is that tasks go on: no-deadlock, no-progress.
func Hangs(property string) bool { return property == NoDeadlock || property == NoProgress }

// Violation is a property that a step broke.
type Violation struct {
	Property string
	Err      error
}

// PanicError is a panic of a participant.
type PanicError struct {
	Actor  string
	Reason any
	Stack  string // empty for a node
}

func (e *PanicError) Error() string { return fmt.Sprintf("%s panicked: %v", e.Actor, e.Reason) }

// Watch adds a property that is judged at each step.
func (w *World) Watch(p *Property) {
	w.mustNotRun("Watch")
	own := []string{NoDeadlock, NoProgress, NoPanic, NoDataRace, NodeInvariants, Assertions}
	if slices.Contains(own, p.name) || slices.ContainsFunc(w.claims, func(other *Property) bool { return other.name == p.name }) {
		panic(fmt.Sprintf("sim: there are two properties %s: which of them would a verdict be about?", p.name))
	}
	w.claims = append(w.claims, p)
}

// Always adds an invariant: judge sees the state after each step.
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
	p := NewProperty(name, nil)
	p.probe = reached
	w.Watch(p)
}

// ProbeHit stands for the break of a probe: a state answered it with yes.
type ProbeHit struct{}

func (ProbeHit) Error() string { return "reached" }

// Assert breaks the world's property Assertions if the condition does not hold.
func (t *Task) Assert(holds bool, format string, args ...any) {
	if t.reruns() {
		return
	}
	w := t.world
	w.asserted = true
	if !holds {
		w.broke(Assertions, fmt.Errorf(t.name+": "+format, args...))
	}
}

// Call tells the properties that the task enters a function of the client's
// public API.
func (t *Task) Call(call Message) { t.acts("call ", Called, call) }

// Return tells the properties that the task comes back from one.
func (t *Task) Return(result Message) { t.acts("return ", Returned, result) }

func (t *Task) acts(verb string, action Action, m Message) {
	if t.plain() || t.comesByWith(verb+NameOf(m)) {
		t.world.observe(Act{Action: action, Actor: t.name, Message: m})
		t.did(0)
	}
}

func (w *World) observe(o Act) {
	if w.driving {
		return
	}
	o.At = w.pace.now()
	if w.trace != nil {
		w.trace.observe(o)
	}
	for _, p := range w.claims {
		seen, tested, err := p.Judge(o)
		if !seen {
			continue
		}
		w.touched(&p.object, true)
		p.tested = p.tested || tested
		if err != nil {
			p.violated = true
			w.broke(p.name, err)
		}
	}
}

func (w *World) broke(property string, err error) {
	if w.driving {
		return
	}
	w.violations = append(w.violations, Violation{property, err})
}

// Violations lists what the last step broke. It is valid until the next step.
func (w *World) Violations() []Violation { return w.violations }

// judged names what is judged: what the scenario claims and asks, and the
// world's own properties.
func (w *World) judged() []string {
	if w.events(); w.properties != nil {
		return w.properties
	}
	var names []string
	for _, p := range w.claims {
		names = append(names, p.name)
	}
	names = append(names, NoDeadlock, NoProgress, NoPanic)
	if slices.ContainsFunc(w.objects, func(t objectHolder) bool { return t.bound().kind == hook.Data }) {
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
	tested := ^uint64(0)
	for i, p := range w.claims {
		if !p.tested {
			tested &^= 1 << i
		}
	}
	if !w.contended {
		tested &^= 1 << len(w.claims) // NoDeadlock
	}
	if !slices.ContainsFunc(w.tasks, (*Task).waits) {
		tested &^= 1 << (len(w.claims) + 1) // NoProgress
	}
	if !w.asserted {
		tested &^= 1 << (len(w.judged()) - 1)
	}
	return tested
}

// looks says whether the property judges states.
func (p *Property) looks() bool {
	return p.always != nil || p.finally != nil || p.eventually != nil || p.probe != nil
}

// discontent lists the properties that want something in the end which the state
// does not have, with what they say of it. It puts them to the test.
func (w *World) discontent() []Violation {
	var list []Violation
	for _, p := range w.claims {
		if p.eventually == nil {
			continue
		}
		c := Claim{waits: w.waits(Event{})}
		p.eventually(&c)
		if p.tested = p.tested || c.tested; c.err != nil {
			list = append(list, Violation{p.name, c.err})
		}
	}
	return list
}
