package patterns

import (
	"fmt"

	"racelab/model/app"
	"racelab/scenario"
	"racelab/sim"
)

// HalfMessageParams are the parameters.
type HalfMessageParams struct {
	Fault  halfFault
	Orders int
}

// halfFault is what goes wrong once, at any moment.
type halfFault uint8

const (
	lostMessage halfFault = iota
	producerCrash
	rolledBack
)

func (p *HalfMessageParams) flags(f *scenario.Flags) {
	scenario.Choice(f, &p.Fault, "fault", scenario.Words{"lost", "crash", "rollback"},
		"what happens once: a request or an answer is lost, the producer crashes, or nothing, and the local transaction of order 1 is rolled back")
	f.Int(&p.Orders, "orders", 2, 1, 2, "orders, one after the other")
}

type (
	halfSetting = scenario.Setting[HalfMessageParams]
	halfClaim   = scenario.Claim[HalfMessageParams]
	halfExpect  = []scenario.Expect[HalfMessageParams]
)

var (
	halfLost     = &halfSetting{Name: "lost"}
	halfCrash    = &halfSetting{Name: "crash", Set: func(p *HalfMessageParams) { p.Fault, p.Orders = producerCrash, 1 }}
	halfRollback = &halfSetting{Name: "rollback", Set: func(p *HalfMessageParams) { p.Fault = rolledBack }}

	halfFollows = &halfClaim{Name: messageFollows, Says: "in the end the message of each order can be read"}
	halfGhost   = &halfClaim{Name: noGhost, Says: "whoever reads a message finds its order, at any moment"}
	halfEnds    = &halfClaim{Name: halfIsSettled, Says: "in the end no half message waits for its confirmation"}
)

const (
	messageFollows = "message-follows-order"
	halfIsSettled  = "half-message-settled"
)

// answer is what the producer says when the broker asks back, of an order that it does
// not find in its database.
type answer uint8

const (
	sayUnknown answer = iota
	sayCancel
	sayConfirm
	forbidThenCancel
)

// halfMessages is how a broker and a producer settle what has no confirmation.
type halfMessages struct {
	asks    bool // the broker asks back; else it does as aborts says
	aborts  bool // the broker cancels by itself, some time
	missing answer
}

// HalfMessage is the race. A variant is how a half message is settled.
var HalfMessage = scenario.Scenario[HalfMessageParams, halfMessages]{
	Name:  "half-message",
	Title: "A half message waits for the local transaction, and its confirmation is lost",
	Stake: "A producer stores a message that nobody can read yet, runs its local transaction, and confirms or cancels the message. " +
		"When no confirmation comes the broker asks the producer back. " +
		"The producer looks into its database, where a transaction that still runs looks like one that never was.",
	Do: "Let the check write a row that makes the local transaction fail if it still runs, and only then cancel. " +
		"Answering unknown is enough if the local transaction always ends before the broker's last question. Over Kafka use an outbox.",
	Group: scenario.Pattern,
	Sources: []string{"write-up W1, claim C1.3", "RocketMQ: TransactionListener.checkLocalTransaction, TransactionalMessageServiceImpl.check; BrokerConfig.transactionCheckMax is 15",
		"Kafka: transaction.timeout.ms; KIP-98"},
	Code: []string{"model/app/database.go", "scenarios/patterns/half_message.go"},
	Symptoms: []scenario.Symptom{
		{
			Seen: []scenario.Seen{
				{Text: "a transactional message is rolled back by the check while the local transaction commits"},
				{Text: "checkLocalTransaction returns ROLLBACK_MESSAGE because the row is not there yet"},
			},
			Cause:   "The broker asked back while the local transaction still ran, and the check took no row for no order.",
			Also:    "RocketMQ, all: it is in the application's check",
			Do:      "Answer unknown, or write a row that keeps the local transaction from committing, and then cancel.",
			Command: scenario.Command("explore", "half-message/not-found-cancels"),
		},
	},

	Flags:    (*HalfMessageParams).flags,
	Settings: []*halfSetting{halfLost, halfCrash, halfRollback},
	Claims:   []*halfClaim{halfFollows, halfGhost, halfEnds},
	Variants: []scenario.Variant[HalfMessageParams, halfMessages]{
		{Name: "never-asks", Release: "a broker without a check", Is: halfMessages{},
			Does: "waits for the confirmation",
			Expect: halfExpect{
				scenario.Breaks(halfFollows, halfEnds).Where(halfLost, halfCrash).Because("nobody knows of the half message but the broker, and it does not ask"),
			}},
		{Name: "kafka-transaction", Release: "Kafka: begin, send, commit the database, commitTransaction", Is: halfMessages{aborts: true},
			Does: "asks nobody: the coordinator aborts what is open after transaction.timeout.ms, or when the producer is back",
			Expect: halfExpect{
				scenario.Breaks(halfFollows).Because("the database is no part of Kafka's transaction: an abort after its commit takes the message alone"),
			}},
		{Name: "not-found-cancels", Release: "RocketMQ with such a check", Is: halfMessages{asks: true, missing: sayCancel},
			Does:   "asks back; no order found: cancel",
			Expect: halfExpect{scenario.Breaks(halfFollows).Because("the local transaction still runs, and commits after the answer")}},
		{Name: "not-found-confirms", Release: "RocketMQ with such a check", Is: halfMessages{asks: true, missing: sayConfirm},
			Does:   "asks back; no order found: confirm, as most transactions commit",
			Expect: halfExpect{scenario.Breaks(halfGhost).Because("the local transaction still runs, or never commits")}},
		{Name: "not-found-unknown", Release: "RocketMQ, as its documentation has it", Is: halfMessages{asks: true, missing: sayUnknown},
			Does: "asks back, up to a number of times; no order found: unknown; after the last question the message is dropped",
			Expect: halfExpect{
				scenario.Breaks(halfFollows).Because("the local transaction takes longer than all questions"),
			}},
		{Name: "not-found-forbids", Release: "RocketMQ with such a check", Is: halfMessages{asks: true, missing: forbidThenCancel},
			Does: "asks back; no order found: a row under the order's unique key makes its transaction fail from now on, then cancel"},
	},
	Statements: []scenario.Statement{
		{
			ID: "C1.3",
			Says: "The mechanism is two-phase commit with compensation; a half message is stored, invisible, until the local transaction confirms; " +
				"when no confirmation comes the broker asks the producer back.",
			Verdict: scenario.PartlyTrue,
			When:    "RocketMQ's design; not Kafka's",
			Evidence: "Kafka never asks back: it aborts after transaction.timeout.ms, whatever the database has (kafka-transaction loses the message of a committed order). " +
				"Neither compensates. Where the broker asks, the answer decides: only a check that also keeps the running transaction from committing holds.",
			Command: "simrun explore half-message/not-found-forbids",
		},
	},
	Schedule: `
		producer look up; producer half message; producer->broker half; producer await broker; producer insert
		producer confirm; producer->broker confirm; producer await broker#2; producer look up#2
		producer half message#2; producer->broker half#2; producer await broker#3; producer insert#2
		producer confirm#2; network lose producer->broker; producer await broker#4`,
	Build: func(w *sim.World, is halfMessages, p HalfMessageParams) {
		w.Goroutines(0)
		switch p.Fault {
		case lostMessage:
			w.Allow(sim.Faults{Losses: 1})
		case producerCrash:
			w.Allow(sim.Faults{ProcessCrashes: 1})
		}
		db, broker := app.NewDatabase(), &halfBroker{orders: p.Orders}
		w.Share("db", db)
		w.AddNode("broker", broker)
		toBroker := w.Dial("producer", "broker")
		w.Go("producer", func(t *sim.Task) {
			for order := 1; order <= p.Orders; order++ {
				placeWithHalf(t, db, toBroker, order, p.Fault == rolledBack && order == 1)
			}
		})
		parts := []string{"producer"}
		switch {
		case is.asks:
			w.Go("check", (&checker{is.missing, db, w.Dial("check", "broker")}).check)
			parts = append(parts, "check")
		case is.aborts:
			w.Go("timeout", (&checker{broker: w.Dial("timeout", "broker")}).abort)
		}
		w.Process("producer-process", parts...)
		judgeHalf(w, db, broker)
	},
}

func judgeHalf(w *sim.World, db *app.Database, broker *halfBroker) {
	placed := func(order int) bool {
		row, ok := db.Peek(app.Orders, order)
		return ok && row.Value != forbidden
	}
	w.Eventually(messageFollows, func(c *sim.Claim) {
		for _, order := range db.Keys(app.Orders) {
			c.Assert(!placed(order) || broker.State[order-1] == visible, "order %d is in the database, and its message is %v", order, broker.State[order-1])
		}
	})
	w.Always(noGhost, func(c *sim.Claim) {
		for i, state := range broker.State {
			if state == visible {
				c.Assert(placed(i+1), "message %d can be read, and there is no order %d", i+1, i+1)
			}
		}
	})
	w.Eventually(halfIsSettled, func(c *sim.Claim) {
		for i, state := range broker.State {
			c.Assert(state != half, "message %d is half for ever", i+1)
		}
	})
}

// forbidden is the value of a row of an order that must not be placed any more.
const forbidden = 1

// placeWithHalf is the producer: half message, local transaction, confirmation. What a
// caller asked for before a crash, it asks for again.
func placeWithHalf(t *sim.Task, db *app.Database, broker *sim.Conn, order int, rollsBack bool) {
	if _, ok := db.Get(t.At(pointLookUp), app.Orders, order); ok {
		return // It has been placed; the broker will ask.
	}
	for stored := false; !stored; {
		broker.Send(t.At(pointHalf), &settle{order, half})
		_, stored = broker.Receive(t.At(pointAwaitBroker)).(*settled)
	}
	to := cancelled
	if !rollsBack && db.Insert(t.At(pointInsert), app.Row{Table: app.Orders, Key: order}) {
		to = visible
	}
	broker.Send(t.At(pointConfirm), &settle{order, to})
	broker.Receive(t.At(pointAwaitBroker)) // Nobody looks: the broker will ask.
}

// checker answers what the broker asks back.
type checker struct {
	missing answer
	db      *app.Database
	broker  *sim.Conn
}

// check goes on until all is settled.
func (k *checker) check(t *sim.Task) {
	for range t.Loop("check") {
		k.broker.Send(t.At(pointListen), &listen{})
		asked, ok := k.broker.Receive(t.At(pointAwaitQuestion)).(*question)
		if !ok {
			continue // Lost; it asks again.
		}
		if asked.over {
			return
		}
		if asked.order == 0 {
			continue
		}
		k.broker.Send(t, &settle{asked.order, k.answer(t, asked.order)})
		k.broker.Receive(t.At(pointAwaitBroker))
	}
}

// answer looks into the database.
func (k *checker) answer(t *sim.Task, order int) halfState {
	return halfState(k.db.Transact(t.At(pointLookUp), func(tx *app.Tx) int {
		to := visible
		switch {
		case tx.Has(app.Orders, order):
			if tx.Get(app.Orders, order) == forbidden {
				to = cancelled
			}
		case k.missing == sayUnknown:
			to = half
		case k.missing == sayCancel:
			to = cancelled
		case k.missing == forbidThenCancel:
			tx.Put(app.Row{Table: app.Orders, Key: order, Value: forbidden})
			to = cancelled
		}
		return int(to)
	}))
}

// abort is a coordinator's clock: it cancels what is open, once for each order.
func (k *checker) abort(t *sim.Task) {
	for range t.Loop("timeout") {
		k.broker.Send(t.At(pointListen), &listen{})
		asked, ok := k.broker.Receive(t.At(pointAwaitQuestion)).(*question)
		if ok && asked.over {
			return
		}
		if ok && asked.order != 0 {
			k.broker.Send(t.At(pointAnswer), &settle{asked.order, cancelled})
			k.broker.Receive(t.At(pointAwaitBroker))
		}
	}
}

// halfState is what became of a message.
type halfState int32

const (
	none halfState = iota
	half
	visible
	cancelled
)

func (s halfState) String() string { return [...]string{"none", "half", "visible", "cancelled"}[s] }

// checkMax is how often the broker asks back for one message.
//
// Source: BrokerConfig.transactionCheckMax, which is 15.
const checkMax = 2

// halfBroker keeps half messages, and asks back.
type halfBroker struct {
	orders int `sim:"config"`
	State  [2]halfState
	asked  [2]int
}

// settle moves a message on: to half at first, then to visible or cancelled; half, as an
// answer, is unknown. settled says that it is noted. listen asks for a question of the
// broker's; over says that there will be none.
type (
	settle struct {
		order int
		to    halfState
	}
	settled  struct{}
	listen   struct{}
	question struct {
		order int
		over  bool
	}
)

func (m *settle) Name() string   { return [...]string{"", "half", "confirm", "cancel"}[m.to] }
func (m *settle) String() string { return fmt.Sprint("message ", m.order) }
func (*settled) Name() string    { return "ok" }
func (*settled) String() string  { return "" }
func (*listen) Name() string     { return "listen" }
func (*listen) String() string   { return "" }
func (*question) Name() string   { return "question" }
func (m *question) String() string {
	switch {
	case m.over:
		return "none any more"
	case m.order == 0:
		return "none"
	}
	return fmt.Sprint("what of message ", m.order, "?")
}

// Handle settles a message that is not settled, and asks for one that is half.
func (b *halfBroker) Handle(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *settle:
		if state := &b.State[request.order-1]; *state == none && request.to == half || *state == half {
			*state = request.to
		}
		out.Reply(e, &settled{})
	case *listen:
		out.Reply(e, b.ask())
	default:
		panic(fmt.Sprintf("patterns: the broker has no handler for %T", request))
	}
}

func (b *halfBroker) ask() *question {
	over := true
	for i := range b.State[:b.orders] {
		switch {
		case b.State[i] == none:
			over = false
		case b.State[i] != half:
		case b.asked[i] == checkMax:
			b.State[i] = cancelled
		default:
			b.asked[i]++
			return &question{order: i + 1}
		}
	}
	return &question{over: over}
}

// Describe shows the messages.
func (b *halfBroker) Describe(show func(name, value string)) {
	for i, state := range b.State[:b.orders] {
		if state != none {
			show(fmt.Sprint("message ", i+1), state.String())
		}
	}
}
