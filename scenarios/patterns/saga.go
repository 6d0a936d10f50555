package patterns

import (
	"racelab/model/app"
	"racelab/scenario"
	"racelab/sim"
)

// SagaParams are the parameters.
type SagaParams struct {
	Crash bool
}

func (p *SagaParams) flags(f *scenario.Flags) {
	f.Switch(&p.Crash, "fault", "none", "crash", true, "the stock service crashes once, at any moment, and so gets a message again")
}

type (
	sagaSetting = scenario.Setting[SagaParams]
	sagaClaim   = scenario.Claim[SagaParams]
	sagaExpect  = []scenario.Expect[SagaParams]
)

var (
	sagaCrash = &sagaSetting{Name: "crash"}
	sagaCalm  = &sagaSetting{Name: "calm", Set: func(p *SagaParams) { p.Crash = false }}

	sagaBack = &sagaClaim{Name: stockComesBack, Says: "in the end the cancelled order has no stock"}
	sagaOnce = &sagaClaim{Name: stockGoesOnce, Says: "no order has stock twice, at any moment"}
	sagaGoes = &sagaClaim{Name: orderHasStock, Says: "in the end the confirmed order has its stock"}
	sagaSees = &sagaClaim{Name: neverBelowZero, Says: "nobody sees an order with less than no stock, which others could sell again"}
)

const (
	stockComesBack = "stock-comes-back"
	stockGoesOnce  = "stock-goes-once"
	orderHasStock  = "order-has-stock"
	neverBelowZero = "never-below-zero"
)

// The messages of the saga: order 1 is placed and then cancelled, as its payment fails;
// order 2 is placed.
const (
	reserve1 app.Message = 11
	reserve2 app.Message = 12
	release1 app.Message = 21
)

// sagas is how the messages travel, and what the stock service does with one.
type sagas struct {
	topics [][]app.Message // each is read by a consumer of its own
	handle func(tx *app.Tx, reserves bool, order int)
	dedupe bool // one transaction with the message's id
}

var (
	twoTopics = [][]app.Message{{reserve1, reserve2}, {release1}}
	oneTopic  = [][]app.Message{{reserve1, release1, reserve2}}
	retried   = [][]app.Message{{release1, reserve2}, {reserve1}}
)

// Saga is the race. A variant is a stock service.
var Saga = scenario.Scenario[SagaParams, sagas]{
	Name:  "saga",
	Title: "A compensation overtakes its action, or either comes again",
	Stake: "An order service asks for stock by a message. When the payment fails it asks, by another one, to put the stock back. " +
		"Messages come again after a crash. And the second may be handled before the first: on another topic or partition, or when the first is tried again later. " +
		"Then stock is gone for an order that nobody has, or is there twice.",
	Do: "Let the stock service remember each message's id in the transaction of its effect, and let a release that comes first leave a row that refuses the " +
		"reservation. One partition for both is enough only as long as nothing is tried again elsewhere.",
	Group:   scenario.Pattern,
	Sources: []string{"write-up W1, claim C1.9", "Garcia-Molina, Salem, Sagas (1987)", "microservices.io, Saga"},
	Code:    []string{"model/app/database.go", "model/app/topic.go", "scenarios/patterns/saga.go"},
	Symptoms: []scenario.Symptom{
		{
			Seen: []scenario.Seen{
				{Text: "stock stays reserved for orders that were cancelled"},
				{Text: "the compensation was processed before the action that it compensates"},
			},
			Cause:   "The release came before its reservation, and did nothing.",
			Also:    "all: it is in the application",
			Do:      "A release leaves a row, and the reservation that comes after it is refused.",
			Command: scenario.Command("explore", "saga/idempotent@calm"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "stock was deducted twice for one order"},
			},
			Cause:   "The message came again, and the stock service does not know it.",
			Also:    "all: it is in the application",
			Do:      "Effect and message id in one transaction: see inbox.",
			Command: scenario.Command("explore", "saga/not-idempotent"),
		},
	},

	Flags:    (*SagaParams).flags,
	Settings: []*sagaSetting{sagaCrash, sagaCalm},
	Claims:   []*sagaClaim{sagaOnce, sagaBack, sagaGoes, sagaSees},
	Variants: []scenario.Variant[SagaParams, sagas]{
		{Name: "not-idempotent", Release: "an application", Is: sagas{topics: oneTopic, handle: addIfThere},
			Does: "adds and takes away; both messages in one partition",
			Expect: sagaExpect{
				scenario.Breaks(sagaOnce, sagaBack).Where(sagaCrash).Because("a reservation that comes again is another one"),
			}},
		{Name: "idempotent", Release: "an application", Is: sagas{topics: twoTopics, handle: addIfThere, dedupe: true},
			SlowIn: []*sagaSetting{sagaCrash},
			Does:   "remembers ids; reservations and releases have a topic each",
			Expect: sagaExpect{scenario.Breaks(sagaBack).Because("a release that finds nothing does nothing, and the reservation comes after it")}},
		{Name: "one-partition", Release: "an application", Is: sagas{topics: oneTopic, handle: addIfThere, dedupe: true},
			Does: "remembers ids; both messages have the order as their key, so one partition"},
		{Name: "retry-topic", Release: "an application with a retry topic", Is: sagas{topics: retried, handle: addIfThere, dedupe: true},
			SlowIn: []*sagaSetting{sagaCrash},
			Does:   "as one-partition; a reservation that failed once is tried again from another topic",
			Expect: sagaExpect{scenario.Breaks(sagaBack).Because("what is tried again has lost its place")}},
		{Name: "commutes", Release: "an application", Is: sagas{topics: twoTopics, handle: addAlways, dedupe: true},
			SlowIn: []*sagaSetting{sagaCrash},
			Does:   "remembers ids; a release takes away also what is not there yet",
			Expect: sagaExpect{scenario.Breaks(sagaSees).Because("until the reservation comes, there is more stock than there is")}},
		{Name: "tombstone", Release: "the pattern", Is: sagas{topics: twoTopics, handle: refuseAfter, dedupe: true},
			Does: "remembers ids; a release leaves a row that refuses the reservation"},
	},
	Statements: []scenario.Statement{
		{
			ID:      "C1.9",
			Says:    "A saga creates the order, deducts the stock by a message, and compensates a failure; it is idempotent against repeated messages.",
			Verdict: scenario.PartlyTrue,
			When:    "if the compensation cannot come before its action",
			Evidence: "Idempotence is not enough: with a topic each, or a retry topic, the release comes first, does nothing, and the stock of the cancelled order is gone. " +
				"tombstone holds in every state. In between an outsider sees the order pending and its stock gone; a saga allows that.",
			Command: "simrun explore saga/idempotent@calm",
		},
	},
	Schedule: `
		stock-service poll; stock-service->topic poll; stock-service await message; stock-service apply
		stock-process crash; stock-process restart; stock-service poll#2; stock-service->topic/2 poll
		stock-service await message#2; stock-service apply#2`,
	Build: func(w *sim.World, is sagas, p SagaParams) {
		w.Goroutines(0)
		if p.Crash {
			w.Allow(sim.Faults{ProcessCrashes: 1})
		}
		db := app.NewDatabase()
		w.Share("stock", db)
		parts := []string{}
		for i, messages := range is.topics {
			name := []string{"topic", "topic2"}[i]
			w.AddNode(name, &app.Topic{Messages: messages})
			consumer := []string{"stock-service", "stock-service2"}[i]
			w.GoProgram(consumer, &stockService{is, db, app.NewReader(w.Dial(consumer, name))})
			parts = append(parts, consumer)
		}
		w.Process("stock-process", parts...)
		of := func(order int) int {
			row, _ := db.Peek(app.Stock, order)
			return row.Value - app.NoStock
		}
		w.Eventually(stockComesBack, func(c *sim.Claim) { c.Assert(of(1) <= 0, "order 1 is cancelled, and has stock") })
		w.Eventually(orderHasStock, func(c *sim.Claim) { c.Assert(of(2) > 0, "order 2 is confirmed, and has no stock") })
		w.Always(stockGoesOnce, func(c *sim.Claim) {
			for _, order := range db.Keys(app.Stock) {
				c.Assert(of(order) <= 1, "order %d has stock %d times", order, of(order))
			}
		})
		w.Always(neverBelowZero, func(c *sim.Claim) {
			for _, order := range db.Keys(app.Stock) {
				c.Assert(of(order) >= 0, "order %d has %d of the stock", order, of(order))
			}
		})
	},
}

// stockService handles a topic's messages.
type stockService struct {
	sagas `sim:"config"`
	db    *app.Database
	topic app.Reader
}

func (s *stockService) Run(t *sim.Task) {
	for s.topic.Receive(t) {
		t.Step(pointApply)
		s.db.Transact(t, func(tx *app.Tx) int {
			m := s.topic.Polled.Message
			id := int(m)
			if s.dedupe && tx.Has(app.Processed, id) {
				return 0
			}
			s.handle(tx, m < release1, id%10)
			if s.dedupe {
				tx.Put(app.Row{Table: app.Processed, Key: id, Value: 1})
			}
			return 0
		})
		s.topic.Done(t)
	}
}

// stock is how often an order has stock.
func stock(tx *app.Tx, order int) int {
	if !tx.Has(app.Stock, order) {
		return 0
	}
	return tx.Get(app.Stock, order) - app.NoStock
}

func setStock(tx *app.Tx, order, n int) {
	tx.Put(app.Row{Table: app.Stock, Key: order, Value: n + app.NoStock})
}

func addIfThere(tx *app.Tx, reserves bool, order int) {
	switch n := stock(tx, order); {
	case reserves:
		setStock(tx, order, n+1)
	case n > 0:
		setStock(tx, order, n-1)
	}
}

func addAlways(tx *app.Tx, reserves bool, order int) {
	if reserves {
		setStock(tx, order, stock(tx, order)+1)
	} else {
		setStock(tx, order, stock(tx, order)-1)
	}
}

// refuseAfter takes the row that a release leaves for the order's end.
func refuseAfter(tx *app.Tx, reserves bool, order int) {
	switch {
	case !reserves:
		setStock(tx, order, 0)
	case !tx.Has(app.Stock, order):
		setStock(tx, order, 1)
	}
}
