package patterns

import (
	"racelab/model/app"
	"racelab/scenario"
	"racelab/sim"
)

// DualWriteParams are the parameters.
type DualWriteParams struct {
	Fault   fault
	Refused bool
}

func (p *DualWriteParams) flags(f *scenario.Flags) {
	scenario.Choice(f, &p.Fault, "fault", faultWords, "what happens once, at any moment")
	f.Switch(&p.Refused, "order2", "commits", "refused", false, "what the database does with order 2; it refuses it for a constraint, or to end a deadlock")
}

type (
	dualSetting = scenario.Setting[DualWriteParams]
	dualClaim   = scenario.Claim[DualWriteParams]
	dualExpect  = []scenario.Expect[DualWriteParams]
)

var (
	dualCrash   = &dualSetting{Name: "crash"}
	dualCut     = &dualSetting{Name: "cut", Set: func(p *DualWriteParams) { p.Fault = cut }}
	dualRefused = &dualSetting{Name: "refused", Set: func(p *DualWriteParams) { p.Fault, p.Refused = calm, true }}

	dualLost  = &dualClaim{Name: noMessageLost, Says: "in the end each order has its message"}
	dualGhost = &dualClaim{Name: noGhost, Says: "in the end each message has its order"}
	dualFirst = &dualClaim{Name: orderFirst, Says: "whoever reads a message finds its order, at any moment"}
	dualOnce  = &dualClaim{Name: sentOnce, Says: "no message is in the topic twice"}
)

// place is how a service answers one request: place this order, and tell others. The
// caller asks again until it has an answer, or gives up.
type place func(s *service, t *sim.Task, p DualWriteParams, order int)

// DualWrite is the race. A variant is a service.
var DualWrite = scenario.Scenario[DualWriteParams, dualWriter]{
	Name:  "dual-write",
	Title: "A service writes to its database and to a topic, and crashes in between",
	Stake: "A service places an order in its database, and publishes a message about it. " +
		"These are two systems, so one of the two writes can be there without the other. " +
		"A crash, a broken connection or a rollback at the right point leaves it so for good.",
	Do: "Write the message to a table of the same database, in the transaction of the order, and let a relay publish it: see outbox. " +
		"A transaction of the database does not cover a send.",
	Group:   scenario.Pattern,
	Sources: []string{"write-up W1, claim C1.7", "Debezium, \"Reliable Microservices Data Exchange With the Outbox Pattern\"", "microservices.io, Transactional outbox"},
	Code:    []string{"model/app/database.go", "model/app/topic.go", "scenarios/patterns/dual_write.go"},
	Symptoms: []scenario.Symptom{
		{
			Seen: []scenario.Seen{
				{Text: "an order is in the database, and its event was never published, after a crash or a deployment"},
				{Text: "events are missing in Kafka although the database transaction was committed"},
			},
			Cause:   "The service died, or its send failed, between the commit and the send.",
			Also:    "all: it is in the application",
			Do:      "Use an outbox: the message is a row of the same transaction.",
			Command: scenario.Command("run", "dual-write"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "the consumer of an event does not find the row that the event is about"},
				{Text: "an event was published for an order whose transaction was rolled back"},
			},
			Cause:   "The message was sent before the commit, maybe inside the transaction, which does not cover it.",
			Also:    "all: it is in the application",
			Do:      "Send after the commit, from an outbox.",
			Command: scenario.Command("explore", "dual-write/in-a-transaction"),
		},
	},

	Flags:    (*DualWriteParams).flags,
	Settings: []*dualSetting{dualCrash, dualCut, dualRefused},
	Claims:   []*dualClaim{dualLost, dualGhost, dualFirst, dualOnce},
	Variants: []scenario.Variant[DualWriteParams, dualWriter]{
		{Name: "database-first", Release: "an application", Is: dualWriter{place: databaseFirst},
			Does: "commits the order, then sends; an error of the send goes to the log",
			Expect: dualExpect{
				scenario.Breaks(dualLost).Where(dualCrash, dualCut).Because("the order is committed, and nothing knows any more that a message is due"),
			}},
		{Name: "message-first", Release: "an application", Is: dualWriter{place: messageFirst},
			Does: "sends and does not wait, then commits the order",
			Expect: dualExpect{
				scenario.Breaks(dualFirst).Because("a message is read sooner than the commit"),
				scenario.Breaks(dualLost).Where(dualCrash, dualCut).Because("what is sent and not acknowledged may never arrive"),
				scenario.Breaks(dualGhost).Where(dualRefused).Because("nothing takes a message back"),
				scenario.Breaks(dualOnce).Where(dualCrash).Because("the caller asks again, and the service has no order to tell it from"),
			}},
		{Name: "in-a-transaction", Release: "an application: @Transactional around both", Is: dualWriter{place: inATransaction},
			Does: "begins, inserts, sends, waits for the acknowledgement, commits; rolls back if the send fails",
			Expect: dualExpect{
				scenario.Breaks(dualFirst).Because("the transaction covers the database, and not the topic"),
				scenario.Breaks(dualGhost).Where(dualCut, dualRefused).Because("the rollback takes the order back, and not the message"),
				scenario.Breaks(dualOnce).Where(dualCrash).Because("the caller asks again, and the service has no order to tell it from"),
			}},
		{Name: "caller-repeats", Release: "an application whose callers never give up", Is: dualWriter{place: callerRepeats},
			Does: "commits the order, sends until the topic has it, then answers; asked again, it sends again",
			Expect: dualExpect{
				scenario.Breaks(dualOnce).Where(dualCrash, dualCut).Because("at least once: nobody knows whether the first one arrived"),
			}},
		{Name: "outbox", Release: "the pattern", Is: dualWriter{place: intoOutbox, relay: true},
			Does: "commits the order and the message in one transaction; a relay sends, then marks",
			Expect: dualExpect{
				scenario.Breaks(dualOnce).Where(dualCrash, dualCut).Because("at least once: nobody knows whether the first one arrived"),
			}},
	},
	Schedule: `
		service look up; service insert; service-process crash; service-process restart; service look up#2
		service look up#3; service insert#2; service publish; service->topic/2 publish; service await topic`,
	Story: `
		service insert before service-process crash
		service-process restart before service publish`,
	Build: func(w *sim.World, is dualWriter, p DualWriteParams) {
		p.Fault.allow(w)
		db, topic := app.NewDatabase(), &app.Topic{}
		w.Share("db", db)
		w.AddNode("topic", topic)
		process(w, "service", db, func(s *service, t *sim.Task) {
			for order := 1; order <= orders; order++ {
				is.place(s, t, p, order)
			}
		})
		if is.relay {
			relay := process(w, "relay", db, (*service).sendThenMark)
			if p.Refused {
				relay.due--
			}
		}
		judgeMessages(w, db, topic, noMessageLost, noGhost, orderFirst, sentOnce)
	},
}

// dualWriter is a service, and whether a relay runs beside it.
type dualWriter struct {
	place place
	relay bool
}

// insert commits an order, unless the database refuses it.
func insert(s *service, t *sim.Task, p DualWriteParams, order int, more ...app.Row) {
	if !p.Refused || order < orders {
		s.db.Insert(t.At(pointInsert), append([]app.Row{{Table: app.Orders, Key: order}}, more...)...)
	}
}

func placed(s *service, t *sim.Task, order int) bool {
	_, ok := s.db.Get(t.At(pointLookUp), app.Orders, order)
	return ok
}

// databaseFirst takes a request that comes again for one that has been served.
func databaseFirst(s *service, t *sim.Task, p DualWriteParams, order int) {
	if placed(s, t, order) {
		return
	}
	insert(s, t, p, order)
	if p.Refused && order == orders {
		return
	}
	if !app.Send(t, s.topic, app.Message(order)) {
		s.topic.Redial(t.At(pointRedial)) // For the next one.
	}
}

func messageFirst(s *service, t *sim.Task, p DualWriteParams, order int) {
	if placed(s, t, order) {
		return
	}
	s.topic.Send(t.At(app.PointPublish), &app.Publish{Message: app.Message(order)})
	insert(s, t, p, order)
	if _, ok := s.topic.Receive(t.At(app.PointAwaitTopic)).(*app.Published); !ok {
		s.topic.Redial(t.At(pointRedial))
	}
}

func inATransaction(s *service, t *sim.Task, p DualWriteParams, order int) {
	if placed(s, t, order) {
		return
	}
	if !app.Send(t, s.topic, app.Message(order)) {
		s.topic.Redial(t.At(pointRedial))
		return // Rolled back; the caller gets the error, and gives up.
	}
	insert(s, t, p, order)
}

func callerRepeats(s *service, t *sim.Task, p DualWriteParams, order int) {
	insert(s, t, p, order)
	if !p.Refused || order < orders {
		s.publish(t, app.Message(order))
	}
}

func intoOutbox(s *service, t *sim.Task, p DualWriteParams, order int) {
	insert(s, t, p, order, app.Row{Table: app.Outbox, Key: order, Value: app.Unsent})
}
