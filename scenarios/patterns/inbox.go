package patterns

import (
	"slices"

	"racelab/model/app"
	"racelab/scenario"
	"racelab/sim"
)

// InboxParams are the parameters.
type InboxParams struct {
	Again again
}

// again is why a message comes again.
type again uint8

const (
	consumerCrash again = iota
	producerRepeats
	rebalance
)

func (p *InboxParams) flags(f *scenario.Flags) {
	scenario.Choice(f, &p.Again, "again", scenario.Words{"crash", "repeated", "rebalance"},
		"why a message comes again: the consumer crashes once, the relay sent message 1 twice, or the partition goes to a second consumer while the first one works")
}

type (
	inboxSetting = scenario.Setting[InboxParams]
	inboxClaim   = scenario.Claim[InboxParams]
	inboxExpect  = []scenario.Expect[InboxParams]
)

var (
	inboxCrash     = &inboxSetting{Name: "crash"}
	inboxRepeated  = &inboxSetting{Name: "repeated", Set: func(p *InboxParams) { p.Again = producerRepeats }}
	inboxRebalance = &inboxSetting{Name: "rebalance", Set: func(p *InboxParams) { p.Again = rebalance }}

	inboxOnce = &inboxClaim{Name: effectOnce, Says: "no message takes effect twice"}
	inboxLost = &inboxClaim{Name: noEffectLost, Says: "in the end each message has taken effect"}
)

const (
	effectOnce   = "effect-once"
	noEffectLost = "no-effect-lost"
)

// handler is what a consumer does with a message.
type handler func(c *consumer, t *sim.Task)

// inbox is how a consumer tells a message that comes again.
type inbox struct {
	handle      handler
	commitFirst bool
	forgets     bool // what is remembered of message 1 goes by the clock
}

// Inbox is the race. A variant is a consumer.
var Inbox = scenario.Scenario[InboxParams, inbox]{
	Name:  "inbox",
	Title: "A message comes again, and the consumer has to tell it from a new one",
	Stake: "A consumer applies a message and then commits its offset. Whatever happens in between, the message comes again. " +
		"So the consumer remembers what it has processed. Where it remembers, when, and by which id decides whether an effect is lost or comes twice.",
	Do: "Write the effect and the message's id in one local transaction, under a unique index; the id is the producer's, not the offset. " +
		"Keep ids for longer than a message can come again. If the effect is in another system, give it the id as its idempotency key.",
	Group:   scenario.Pattern,
	Sources: []string{"write-up W1, claim C1.8", "microservices.io, Idempotent Consumer", "KIP-98, on what exactly-once does not cover"},
	Code:    []string{"model/app/database.go", "model/app/topic.go", "scenarios/patterns/inbox.go"},
	Symptoms: []scenario.Symptom{
		{
			Seen: []scenario.Seen{
				{Text: "a message is processed twice after a consumer restart, although processed ids are remembered"},
				{Text: "the deduplication cache was empty after a deployment, and messages were applied again"},
			},
			Cause:   "The id is remembered in memory, or after the effect, or in a store that has forgotten it.",
			Also:    "all: it is in the application",
			Do:      "Effect and id in one local transaction, under a unique index.",
			Command: scenario.Command("explore", "inbox/memory"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "a message is marked as processed in redis, and its effect never happened"},
			},
			Cause:   "The id was remembered before the effect, and the consumer died in between.",
			Also:    "all: it is in the application",
			Do:      "Effect and id in one local transaction; where that cannot be, an idempotency key for the other system.",
			Command: scenario.Command("explore", "inbox/shared-before"),
		},
	},

	Flags:    (*InboxParams).flags,
	Settings: []*inboxSetting{inboxCrash, inboxRepeated, inboxRebalance},
	Claims:   []*inboxClaim{inboxOnce, inboxLost},
	Variants: []scenario.Variant[InboxParams, inbox]{
		{Name: "no-inbox", Release: "an application", Is: inbox{handle: (*consumer).apply},
			Does:   "applies each message, then commits its offset",
			Expect: inboxExpect{scenario.Breaks(inboxOnce).Because("at least once, and nobody looks")}},
		{Name: "commit-first", Release: "an application", Is: inbox{handle: (*consumer).apply, commitFirst: true},
			Does: "commits the offset, then applies the message",
			Expect: inboxExpect{
				scenario.Breaks(inboxLost).Where(inboxCrash).Because("at most once"),
				scenario.Breaks(inboxOnce).Where(inboxRepeated, inboxRebalance).Because("the message is there twice, or is read by both before one commits"),
			}},
		{Name: "memory", Release: "an application", Is: inbox{handle: (*consumer).inMemory},
			Does:   "skips ids that it has in memory",
			Expect: inboxExpect{scenario.Breaks(inboxOnce).Where(inboxCrash, inboxRebalance).Because("the memory dies with its process, and the next owner has its own")}},
		{Name: "shared-before", Release: "an application with Redis SET NX", Is: inbox{handle: (*consumer).sharedBefore},
			Does:   "remembers the id in a shared store if it is new, then applies the message",
			Expect: inboxExpect{scenario.Breaks(inboxLost).Where(inboxCrash).Because("who finds the id takes the effect for done")}},
		{Name: "shared-after", Release: "an application with Redis EXISTS and SET", Is: inbox{handle: (*consumer).sharedAfter},
			Does:   "asks a shared store, applies the message, remembers the id",
			Expect: inboxExpect{scenario.Breaks(inboxOnce).Where(inboxCrash, inboxRebalance).Because("the message comes again between the effect and the id")}},
		{Name: "delivery-id", Release: "an application", Is: inbox{handle: (*consumer).byDelivery},
			Does:   "one local transaction of the effect and the id of the delivery: topic, partition and offset",
			Expect: inboxExpect{scenario.Breaks(inboxOnce).Where(inboxRepeated).Because("a message that was sent twice is two deliveries")}},
		{Name: "forgets", Release: "an application", Is: inbox{handle: (*consumer).sameTransaction, forgets: true},
			Does:   "one local transaction of the effect and the id; ids are deleted after a while",
			Expect: inboxExpect{scenario.Breaks(inboxOnce).Because("the message comes again after that")}},
		{Name: "same-transaction", Release: "the pattern", Is: inbox{handle: (*consumer).sameTransaction},
			Does: "one local transaction of the effect and the message's id, under a unique index"},
		{Name: "idempotent-effect", Release: "an application whose effects allow it", Is: inbox{handle: (*consumer).set},
			Does: "sets a value in place of adding to one, and remembers nothing"},
	},
	Statements: []scenario.Statement{
		{
			ID:      "C1.8",
			Says:    "Exactly once comes from remembering processed ids in memory, in a cluster in a shared store.",
			Verdict: scenario.False,
			Evidence: "Memory dies with its process, and each member has its own: message 1 takes effect twice after a crash or a rebalance. " +
				"A shared store repeats if it is written after the effect, and loses the effect if before. " +
				"Effect and id in one local transaction hold, in every state.",
			Command: "simrun explore inbox/memory",
		},
		{
			ID:       "P1",
			Says:     "The offset of a message serves as its id.",
			Verdict:  scenario.False,
			Evidence: "It tells a delivery that comes again, and not a message that was sent again: a relay that restarts sends at a new offset.",
			Command:  "simrun explore inbox/delivery-id@repeated",
		},
	},
	Schedule: `
		consumer poll; consumer->topic poll; consumer await message; consumer apply; consumer-process crash
		consumer-process restart; consumer poll#2; consumer->topic/2 poll; consumer await message#2
		consumer apply#2`,
	Story: "consumer apply before consumer-process crash",
	Build: func(w *sim.World, is inbox, p InboxParams) {
		w.Goroutines(0)
		topic := &app.Topic{Messages: []app.Message{1, 2}}
		consumers := []string{"consumer"}
		switch p.Again {
		case consumerCrash:
			w.Allow(sim.Faults{ProcessCrashes: 1})
		case producerRepeats:
			topic.Messages = []app.Message{1, 1, 2}
		case rebalance:
			consumers = append(consumers, "consumer2")
		}
		db := app.NewDatabase()
		w.Share("db", db)
		w.AddNode("topic", topic)
		for _, name := range consumers {
			w.GoProgram(name, &consumer{is, db, app.NewReader(w.Dial(name, "topic")), nil})
			w.Process(name+"-process", name)
		}
		if is.forgets {
			w.Go("clock", func(t *sim.Task) {
				db.Transact(t.At(pointForget), func(tx *app.Tx) int {
					if tx.Has(app.Processed, 1) {
						tx.Put(app.Row{Table: app.Processed, Key: 1, Value: 0})
					}
					return 0
				})
			})
		}
		effects := func(m app.Message) int {
			row, _ := db.Peek(app.Effects, int(m))
			return row.Value
		}
		w.Always(effectOnce, func(c *sim.Claim) {
			for _, m := range db.Keys(app.Effects) {
				c.Assert(effects(app.Message(m)) == 1, "message %d has taken effect %d times", m, effects(app.Message(m)))
			}
		})
		w.Eventually(noEffectLost, func(c *sim.Claim) {
			for _, m := range topic.Messages {
				c.Assert(effects(m) > 0, "message %d never takes effect", m)
			}
		})
	},
}

// consumer handles what the topic has, from the committed offset on.
type consumer struct {
	inbox `sim:"config"`
	db    *app.Database
	topic app.Reader
	seen  []app.Message // its memory, which a crash takes
}

func (c *consumer) Run(t *sim.Task) {
	for c.topic.Receive(t) {
		if c.commitFirst {
			c.topic.Done(t)
		}
		c.handle(c, t)
		if !c.commitFirst {
			c.topic.Done(t)
		}
	}
}

func (c *consumer) message() int { return int(c.topic.Polled.Message) }

// effect adds one to what a message does.
func effect(tx *app.Tx, m int) {
	tx.Put(app.Row{Table: app.Effects, Key: m, Value: tx.Get(app.Effects, m) + 1})
}

func (c *consumer) apply(t *sim.Task) {
	t.Step(pointApply)
	c.db.Transact(t, func(tx *app.Tx) int { effect(tx, c.message()); return 0 })
}

func (c *consumer) inMemory(t *sim.Task) {
	if !slices.Contains(c.seen, c.topic.Polled.Message) {
		c.apply(t)
		c.seen = append(c.seen, c.topic.Polled.Message)
	}
}

// remembered is the row of a message that was processed.
func (c *consumer) remembered() app.Row {
	return app.Row{Table: app.Processed, Key: c.message(), Value: 1}
}

func (c *consumer) sharedBefore(t *sim.Task) {
	t.Step(pointRemember)
	if c.db.Insert(t, c.remembered()) {
		c.apply(t)
	}
}

func (c *consumer) sharedAfter(t *sim.Task) {
	t.Step(pointLookUp)
	if _, ok := c.db.Get(t, app.Processed, c.message()); !ok {
		c.apply(t)
		t.Step(pointRemember)
		c.db.Commit(t, c.remembered())
	}
}

// once applies the message in one transaction with an id of it.
func (c *consumer) once(t *sim.Task, id int) {
	c.db.Transact(t, func(tx *app.Tx) int {
		if tx.Get(app.Processed, id) == 0 {
			tx.Put(app.Row{Table: app.Processed, Key: id, Value: 1})
			effect(tx, c.message())
		}
		return 0
	})
}

func (c *consumer) sameTransaction(t *sim.Task) {
	t.Step(pointApply)
	c.once(t, c.message())
}

func (c *consumer) byDelivery(t *sim.Task) {
	t.Step(pointApply)
	c.once(t, c.topic.Polled.Offset)
}

func (c *consumer) set(t *sim.Task) {
	t.Step(pointApply)
	c.db.Commit(t, app.Row{Table: app.Effects, Key: c.message(), Value: 1})
}
