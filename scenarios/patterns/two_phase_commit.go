package patterns

import (
	"fmt"
	"time"

	"racelab/model/app"
	"racelab/scenario"
	"racelab/sim"
)

// TwoPhaseParams are the parameters.
type TwoPhaseParams struct {
	Event phaseEvent
}

// phaseEvent is what happens once.
type phaseEvent uint8

const (
	coordinatorCrash phaseEvent = iota
	participantCrash
	refusal
)

func (p *TwoPhaseParams) flags(f *scenario.Flags) {
	scenario.Choice(f, &p.Event, "event", scenario.Words{"coordinator-crash", "participant-crash", "refusal"},
		"what happens once: the coordinator or a participant crashes, at any moment, or the last participant votes no")
}

type (
	phaseSetting = scenario.Setting[TwoPhaseParams]
	phaseClaim   = scenario.Claim[TwoPhaseParams]
	phaseExpect  = []scenario.Expect[TwoPhaseParams]
)

var (
	phaseCoordinator = &phaseSetting{Name: "coordinator-crash"}
	phaseParticipant = &phaseSetting{Name: "participant-crash", Set: func(p *TwoPhaseParams) { p.Event = participantCrash }}
	phaseRefusal     = &phaseSetting{Name: "refusal", Set: func(p *TwoPhaseParams) { p.Event = refusal }}

	phaseAtomic  = &phaseClaim{Name: atomicOutcome, Says: "no participant has committed what another has aborted"}
	phaseSettled = &phaseClaim{Name: allSettle, Says: "in the end no participant is in doubt"}
	phaseFree    = &phaseClaim{Name: nobodyWaits, If: func(p TwoPhaseParams) bool { return p.Event == coordinatorCrash },
		Says: "no participant is in doubt, with its locks held, while the coordinator is down"}
)

const (
	atomicOutcome = "atomic"
	allSettle     = "doubt-ends"
	nobodyWaits   = "nobody-waits-for-the-dead"
)

// phases is how the two phases are done.
type phases struct {
	run func(c *twoPhase, t *sim.Task)
	participants
	own bool // the coordinator's database is itself a participant: it has the order
}

// participants are what a crash and a silence do to a participant.
type participants struct {
	names       []string
	votesFirst  bool // votes, and then flushes that it is prepared
	heuristic   bool // aborts by itself, when it has waited for long
	forgetsOpen bool // aborts what is open when its client comes back: Kafka's InitProducerId
}

var banks = participants{names: []string{"P0", "P1"}}

// TwoPhaseCommit is the race. A variant is a protocol.
var TwoPhaseCommit = scenario.Scenario[TwoPhaseParams, phases]{
	Name:  "two-phase-commit",
	Title: "Two participants commit together, and somebody crashes in between",
	Stake: "A coordinator asks two participants to prepare, and once both have it tells them to commit. " +
		"Whoever crashes goes on from its log. What was not in the log before the act is gone, and one participant commits what the other aborts. " +
		"And a prepared participant waits for the coordinator, with its locks held, for as long as that is down.",
	Do: "Write the decision to the log before you tell anybody, the vote before you give it. Nothing takes the wait away, so keep the coordinator's log where another " +
		"process can go on from it. With Kafka use an outbox, until KIP-939 lets a database's transaction decide.",
	Group: scenario.Pattern,
	Sources: []string{"write-up W1, claim C1.5", "Gray, Notes on Data Base Operating Systems (1978)", "KIP-939, Support Participation in 2PC",
		"KafkaProducer.initTransactions, InitProducerId"},
	Code: []string{"model/app/database.go", "scenarios/patterns/two_phase_commit.go"},
	Symptoms: []scenario.Symptom{
		{
			Seen: []scenario.Seen{
				{Text: "in-doubt transactions hold their locks until the transaction manager is back"},
				{Text: "prepared transactions in pg_prepared_xacts block vacuum and other writers after the coordinator was lost"},
			},
			Cause:   "A prepared participant may neither commit nor abort without the coordinator's decision.",
			Also:    "all two-phase commit",
			Do:      "Bring the coordinator back with its log. Deciding by hand is a guess: heuristic shows what it costs.",
			Command: scenario.Command("explore", "two-phase-commit/log-first"),
		},
	},

	Flags:    (*TwoPhaseParams).flags,
	Settings: []*phaseSetting{phaseCoordinator, phaseParticipant, phaseRefusal},
	Claims:   []*phaseClaim{phaseAtomic, phaseSettled, phaseFree},
	Variants: []scenario.Variant[TwoPhaseParams, phases]{
		{Name: "act-first", Release: "a coordinator", Is: phases{run: (*twoPhase).actFirst, participants: banks},
			Does: "tells the participants to commit, then logs that",
			Expect: phaseExpect{
				scenario.Breaks(phaseAtomic).Where(phaseCoordinator).Because("it comes back, finds no decision, and aborts the rest"),
				scenario.Breaks(phaseFree).Because(inDoubt),
			}},
		{Name: "no-log", Release: "a coordinator", Is: phases{run: (*twoPhase).noLog, participants: banks},
			Does: "keeps the decision in memory",
			Expect: phaseExpect{
				scenario.Breaks(phaseSettled).Where(phaseCoordinator).Because("it comes back, and knows of nothing"),
				scenario.Breaks(phaseFree).Because(inDoubt),
			}},
		{Name: "vote-first", Release: "a participant", Is: phases{run: (*twoPhase).logFirst, participants: participants{names: banks.names, votesFirst: true}},
			Does: "votes yes, then flushes that it is prepared",
			Expect: phaseExpect{
				scenario.Breaks(phaseAtomic).Where(phaseParticipant).Because("it comes back, and has nothing to commit"),
				scenario.Breaks(phaseFree).Because(inDoubt),
			}},
		{Name: "heuristic", Release: "a participant: XA's heuristic outcome", Is: phases{run: (*twoPhase).logFirst, participants: participants{names: banks.names, heuristic: true}},
			Does: "aborts by itself when it has waited for long",
			Expect: phaseExpect{
				scenario.Breaks(phaseAtomic).Where(phaseCoordinator, phaseParticipant).Because("the decision was to commit, and is on its way"),
				scenario.Breaks(phaseFree).Because(inDoubt),
			}},
		{Name: "log-first", Release: "the protocol", Is: phases{run: (*twoPhase).logFirst, participants: banks},
			Does:   "flushes the vote before giving it, the decision before telling it; no decision in the log: abort",
			Expect: phaseExpect{scenario.Breaks(phaseFree).Because(inDoubt)}},
		{Name: "kafka-today", Release: "Kafka without KIP-939: flush, commit the database, commitTransaction", Is: phases{
			run: (*twoPhase).databaseDecides, participants: participants{names: []string{"Kafka"}, forgetsOpen: true}, own: true},
			Does: "the database's commit decides; a producer that comes back aborts what it had open",
			Expect: phaseExpect{
				scenario.Breaks(phaseAtomic).Where(phaseCoordinator).Because("initTransactions aborts what the database has committed"),
				scenario.Breaks(phaseFree).Because(inDoubt),
			}},
		{Name: "kip-939", Release: "Kafka with KIP-939", Is: phases{run: (*twoPhase).databaseDecides, participants: participants{names: []string{"Kafka"}}, own: true},
			Does:   "the database's commit decides, and has Kafka's prepared state in it; a producer that comes back keeps what is prepared, and completes it as the database says",
			Expect: phaseExpect{scenario.Breaks(phaseFree).Because(inDoubt)}},
	},
	Statements: []scenario.Statement{
		{
			ID: "C1.5",
			Says: "The coordinator's log is written before any state change, so a crashed coordinator recovers by replaying it; one participant's refusal rolls everything back; " +
				"two-phase commit blocks when the coordinator is lost.",
			Verdict: scenario.True,
			Evidence: "log-first is atomic in every state with one crash of anybody, and with a refusal. act-first, which logs after the act, is not. " +
				"With every protocol here a prepared participant waits while the coordinator is down; heuristic, which does not, is not atomic.",
			Command: "simrun explore two-phase-commit/log-first",
		},
	},
	Schedule: `
		coordinator read log; coordinator begin; coordinator prepare; coordinator prepare#2
		coordinator->P0 prepare; coordinator->P1 prepare; coordinator await vote; coordinator await vote#2
		coordinator tell; coordinator-process crash; coordinator-process restart; coordinator read log#2
		coordinator begin#2; coordinator tell#2; coordinator->P0 commit; coordinator->P0/2 abort
		coordinator await done; coordinator tell#3; coordinator->P1/2 abort`,
	Build: func(w *sim.World, is phases, p TwoPhaseParams) {
		w.Goroutines(0)
		switch p.Event {
		case coordinatorCrash:
			w.Allow(sim.Faults{ProcessCrashes: 1})
		case participantCrash:
			w.Allow(sim.Faults{NodeCrashes: 1})
		}
		log := app.NewDatabase()
		w.Share("log", log)
		c := &twoPhase{log: log}
		var list []*participant
		for i, name := range is.names {
			node := &participant{participants: is.participants, refuses: p.Event == refusal && i == len(is.names)-1}
			w.AddNode(name, node)
			list, c.to = append(list, node), append(c.to, w.Dial("coordinator", name))
		}
		w.Go("coordinator", func(t *sim.Task) { is.run(c, t) })
		w.Process("coordinator-process", "coordinator")
		judgePhases(w, log, list, is, p)
	},
}

const inDoubt = "who is prepared waits"

func judgePhases(w *sim.World, log *app.Database, list []*participant, is phases, p TwoPhaseParams) {
	w.Always(atomicOutcome, func(c *sim.Claim) {
		some := map[phase]bool{}
		for _, node := range list {
			some[node.Phase] = true
		}
		row, isDecided := log.Peek(app.Decisions, decided)
		if is.own && isDecided {
			some[row.Value] = true
		}
		if some[committed] || some[aborted] {
			c.Assert(!some[committed] || !some[aborted], "one has committed, and another has aborted")
		}
	})
	w.Eventually(allSettle, func(c *sim.Claim) {
		for _, node := range list {
			c.Assert(node.Phase != prepared, "a participant stays prepared")
		}
	})
	if p.Event != coordinatorCrash {
		return
	}
	var down bool
	waits := sim.NewProperty(nobodyWaits, &down)
	judge := func(c *sim.Claim) {
		for i, node := range list {
			c.Assert(!down || node.Phase != prepared, "%s is prepared, and the coordinator is down", is.names[i])
		}
	}
	sim.On(waits, sim.Failed, func(c *sim.Claim, a sim.Act, f sim.Fault) {
		down = f == sim.Crash
		judge(c)
	})
	sim.On(waits, sim.Answered, func(c *sim.Claim, _ sim.Act, _ *vote) { judge(c) })
	w.Watch(waits)
}

// phase is how far a participant is.
type phase = int

const (
	working phase = iota
	prepared
	committed
	aborted
)

// Rows of a coordinator's log.
const (
	begun   = 1
	decided = 2
)

// twoPhase is a coordinator: its log, and its connections to the participants.
type twoPhase struct {
	log *app.Database
	to  []*sim.Conn
}

// logFirst is the protocol. A coordinator that comes back begins here, too.
func (c *twoPhase) logFirst(t *sim.Task) {
	decision, ok := c.decision(t)
	if !ok {
		decision = c.prepare(t)
		c.decide(t, decision)
	}
	c.tell(t, decision)
}

func (c *twoPhase) actFirst(t *sim.Task) {
	decision, ok := c.decision(t)
	if !ok {
		if decision = aborted; !c.mark(t) { // It was here before, and has decided nothing that it knows of.
			decision = c.prepare(t)
		}
	}
	c.tell(t, decision)
	c.decide(t, decision)
}

func (c *twoPhase) noLog(t *sim.Task) {
	if !c.mark(t) {
		c.tell(t, c.prepare(t))
	}
}

// databaseDecides has the decision in the transaction of the order itself.
func (c *twoPhase) databaseDecides(t *sim.Task) {
	decision, ok := c.decision(t)
	if ok {
		ask(t, c.to[0], &comeBack{})
	} else {
		decision = c.prepare(t)
		c.decide(t, decision)
	}
	c.tell(t, decision)
}

// mark notes that the transaction has begun, and says whether it had.
func (c *twoPhase) mark(t *sim.Task) bool {
	return !c.log.Insert(t.At(pointBegin), app.Row{Table: app.Decisions, Key: begun})
}

func (c *twoPhase) decision(t *sim.Task) (phase, bool) {
	row, ok := c.log.Get(t.At(pointReadLog), app.Decisions, decided)
	return row.Value, ok
}

func (c *twoPhase) decide(t *sim.Task, decision phase) {
	c.log.Commit(t.At(pointDecide), app.Row{Table: app.Decisions, Key: decided, Value: decision})
}

// prepare is the first phase. Who does not answer has voted no.
func (c *twoPhase) prepare(t *sim.Task) phase {
	decision := committed
	for _, to := range c.to {
		to.Send(t.At(pointPrepare), &prepare{})
	}
	for _, to := range c.to {
		if vote, ok := to.Receive(t.At(pointAwaitVote)).(*vote); !ok || !vote.yes {
			decision = aborted
		}
	}
	return decision
}

// tell is the second phase: until everybody has heard it.
func (c *twoPhase) tell(t *sim.Task, decision phase) {
	for _, to := range c.to {
		ask(t, to, &decide{decision})
	}
}

// ask sends a request until it has an answer.
func ask(t *sim.Task, to *sim.Conn, request sim.Message) {
	for {
		to.Send(t.At(pointTell), request)
		if _, broken := to.Receive(t.At(pointAwaitTold)).(sim.Fault); !broken {
			return
		}
		to.Redial(t.At(pointRedial))
	}
}

// The messages of the two phases. comeBack is a producer's initTransactions.
type (
	prepare  struct{}
	vote     struct{ yes bool }
	decide   struct{ to phase }
	comeBack struct{}
	done     struct{}
)

func (*prepare) Name() string    { return "prepare" }
func (*prepare) String() string  { return "" }
func (*vote) Name() string       { return "vote" }
func (v *vote) String() string   { return map[bool]string{false: "no", true: "yes"}[v.yes] }
func (d *decide) Name() string   { return map[phase]string{committed: "commit", aborted: "abort"}[d.to] }
func (*decide) String() string   { return "" }
func (*comeBack) Name() string   { return "init" }
func (*comeBack) String() string { return "" }
func (*done) Name() string       { return "done" }
func (*done) String() string     { return "" }

// participant has a transaction of its own, and a log in which all of its phase is, but
// what it has not flushed.
type participant struct {
	participants `sim:"config"`
	refuses      bool `sim:"config"`
	Phase        phase
	flushed      phase
}

// Handle votes, and does as it is told.
func (p *participant) Handle(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *prepare:
		p.prepare(e, out)
	case *decide:
		if p.Phase == prepared || request.to == aborted && p.Phase == working {
			p.become(request.to)
		} else if p.Phase == working {
			p.become(aborted) // It knows of nothing to commit.
		}
		out.Reply(e, &done{})
	case *comeBack:
		if p.forgetsOpen && p.Phase == prepared {
			p.become(aborted)
		}
		out.Reply(e, &done{})
	default:
		panic(fmt.Sprintf("patterns: a participant has no handler for %T", request))
	}
}

func (p *participant) prepare(e sim.Envelope, out *sim.Outbox) {
	switch {
	case p.Phase == committed: // The question of a coordinator that is no more.
		out.Reply(e, &vote{yes: true})
		return
	case p.refuses || p.Phase == aborted:
		p.become(aborted)
		out.Reply(e, &vote{})
		return
	}
	p.Phase = prepared
	if !p.votesFirst {
		p.flushed = prepared
	}
	if p.heuristic {
		out.After(0, patience)
	}
	out.Reply(e, &vote{yes: true})
}

func (p *participant) become(phase phase) { p.Phase, p.flushed = phase, phase }

// patience is how long a participant waits before it decides by itself. Untimed, it ends
// at any moment.
const patience = time.Minute

// Crash loses what is not flushed.
func (p *participant) Crash() { p.Phase = p.flushed }

// Timers has the end of a participant's patience.
func (p *participant) Timers() []string { return []string{"patience-ends"} }

// Expire is the heuristic decision.
func (p *participant) Expire(_ int, _ *sim.Outbox) {
	if p.Phase == prepared {
		p.become(aborted)
	}
}

// Describe shows the phase.
func (p *participant) Describe(show func(name, value string)) {
	show("is", [...]string{"working", "prepared", "committed", "aborted"}[p.Phase])
}
