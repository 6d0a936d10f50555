package sim

import (
	"fmt"
	"math/bits"

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
	violated   bool  // part of the state: the search goes on past a violation
	asked      bool  // of the last act, whether it concerns it
	claim      Claim // what a judge says of one act
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

// mustJudge refuses a property that nobody judges.
func mustJudge(name string, missing bool) {
	if missing {
		panic(fmt.Sprintf("sim: the property %q has nil in place of a function that judges it", name))
	}
}

// On lets judge see each act of these actions, joined by |, whose message is an
// M. Two steps with such acts depend on each other, so a property should see no
// more than it needs: judge calls Skip for an act that does not concern it.
// It goes by the act and by the property's memory. A search refuses a judge that looks at
// the field of another participant than the one that acts: Always sees states.
func On[M any](p *Property, actions Action, judge func(c *Claim, a Act, m M)) {
	mustJudge(p.name, judge == nil)
	p.acts = append(p.acts, handler{actions, func(c *Claim, a Act) {
		if m, ok := a.Message.(M); ok {
			judge(c, a, m)
		} else {
			c.other, c.skipped = true, true
		}
	}})
}

// OnReply lets judge see each response R of a node to a request Q.
func OnReply[Q, R any](p *Property, judge func(c *Claim, a Act, request Q, response R)) {
	On(p, Answered, func(c *Claim, a Act, response R) {
		if request, ok := a.Request.(Q); ok {
			judge(c, a, request, response)
		} else {
			c.other, c.skipped = true, true
		}
	})
}

// Always lets judge see each state: after each step, until it is violated once.
// It sees who waits for what (Claim.Waits), and keeps nothing.
//
// Where a property judges states, any two steps depend on each other, so the
// strategy exhaustive has nothing to leave out: use states.
func (p *Property) Always(judge func(c *Claim)) *Property {
	mustJudge(p.name, judge == nil)
	p.always = judge
	return p
}

// Finally lets judge see the state at the end of each run: nothing can happen any
// more, faults aside.
func (p *Property) Finally(judge func(c *Claim)) *Property {
	mustJudge(p.name, judge == nil)
	p.finally = judge
	return p
}

// Eventually lets judge see the state, and wants it content in the end: in each run
// in which faults stop and whoever can go on gets its turn, it is content again and
// again, or at the end of the run.
//
// So "each request is answered" is content where none is outstanding, and "P0 makes
// progress" where the last act was progress of P0. A search of all states judges it
// wherever they can repeat for ever; a sampler judges the last steps of a run that
// does not end; exhaustive judges the ends alone.
func (p *Property) Eventually(judge func(c *Claim)) *Property {
	mustJudge(p.name, judge == nil)
	p.eventually = judge
	return p
}

// Judge lets the property see one act, by its On and OnReply. A world does that for
// what it watches; call it for the acts of a released client, or of a log. It says
// whether the act concerns the property, whether it put it to the test, and how it
// broke it.
func (p *Property) Judge(a Act) (seen, tested bool, err error) {
	defer p.blames()
	p.asked = false
	for i := range p.acts {
		h := &p.acts[i]
		if h.actions&a.Action == 0 {
			continue
		}
		c := &p.claim
		*c = Claim{}
		h.judge(c, a)
		seen, tested, p.asked = seen || !c.skipped, tested || c.tested, p.asked || !c.other
		if err == nil {
			err = c.err
		}
	}
	return seen, tested, err
}

// JudgeState lets the property see a state, by its Always and, where waits says that
// all is over, its Finally and Eventually. As Judge, it is for what is no world.
func (p *Property) JudgeState(waits *WaitGraph) (tested bool, err error) {
	defer p.blames()
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
			c.err = probeHit{}
		}
	}
	return c.tested, c.err
}

// wants is what an Eventually says of a state.
func (p *Property) wants(waits *WaitGraph) Claim {
	defer p.blames()
	c := Claim{waits: waits}
	p.eventually(&c)
	return c
}

// blames makes the panic of a judge a refusal: nothing that it says can be trusted.
func (p *Property) blames() {
	reason := recover()
	switch e := refusal(reason); {
	case reason == nil:
	case e != nil:
		panic(e)
	default:
		panic(fmt.Sprintf("sim: what judges %s panicked at %s: %v", p.name, panicSite(), reason))
	}
}

// Claim is what a property has to say of one act, or of one state. A judge calls
// Assert with its condition; that is all most of them need. Each Assert puts the
// property to the test, and a run in which nothing does proves nothing.
//
// In place of Assert a judge that finds its answer in several branches calls Fail
// with an error, or Holds. It calls Skip where the act is none of its business, and
// returns without a call where the act counts, but tests nothing yet.
type Claim struct {
	tested  bool
	skipped bool
	other   bool // it is of another message
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

// Properties of every world. A search adds ends-when-fair: no run goes on for ever in
// which whoever can go on gets its turn. What else is claimed, a scenario adds.
const (
	NoDeadlock     = "no-deadlock"     // tasks wait in a circle, each for a lock that the next one holds
	NoProgress     = "no-progress"     // nothing can happen, a task has not ended, and no deadlock is why
	NoDataRace     = "no-data-race"    // two accesses to a Var, one a write, that nothing orders
	NoPanic        = "no-panic"        // a participant panicked
	NodeInvariants = "node-invariants" // a node's own Check failed
	Assertions     = "assertions"      // an Assert of a task failed; listed where one was tried
)

// Violation is a property that a step broke.
type Violation struct {
	Property string
	Err      error
}

// probeHit stands for the break of a probe: a state answered it with yes.
type probeHit struct{}

func (probeHit) Error() string { return "reached" }

// looks says whether the property judges states.
func (p *Property) looks() bool {
	return p.always != nil || p.finally != nil || p.eventually != nil || p.probe != nil
}
