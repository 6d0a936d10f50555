// Package patterns is what applications build around a client so that no message is
// lost, repeated or ahead of its time: right, and as it is often built.
package patterns

import (
	"slices"

	"racelab/model/app"
	"racelab/scenario"
	"racelab/sim"
)

// All lists the scenarios.
func All() []scenario.Any {
	return []scenario.Any{&DualWrite, &Outbox, &Inbox, &HalfMessage, &TwoPhaseCommit, &Saga, &ConsistencyAudit}
}

// orders is how many orders are placed: 1 and 2.
const orders = 2

// fault is what may happen once, at any moment.
type fault uint8

const (
	crash fault = iota // of one process
	cut                // of one connection
	calm
)

var faultWords = scenario.Words{"crash", "cut", "none"}

func (f fault) allow(w *sim.World) {
	w.Goroutines(0)
	switch f {
	case crash:
		w.Allow(sim.Faults{ProcessCrashes: 1})
	case cut:
		w.Allow(sim.Faults{Cuts: 1})
	}
}

// service is a process with a local database and a connection to a topic.
type service struct {
	name  string
	db    *app.Database
	topic *sim.Conn
	due   int // how many orders a relay has to relay
}

// process makes a service of one task. What it shares with others is not a part of it.
func process(w *sim.World, name string, db *app.Database, run func(s *service, t *sim.Task)) *service {
	s := &service{name, db, w.Dial(name, "topic"), orders}
	w.Go(name, func(t *sim.Task) { run(s, t) })
	w.Process(name+"-process", name)
	return s
}

// publish sends a message, and again where nobody knows whether it arrived.
func (s *service) publish(t *sim.Task, m app.Message) {
	for !app.Send(t, s.topic, m) {
		s.topic.Redial(t.At(pointRedial))
	}
}

// Points of a service.
const (
	pointRedial   = "redial"         // the connection to the topic is made anew
	pointInsert   = "insert"         // one local transaction
	pointLookUp   = "look up"        // a query
	pointPoll     = "poll outbox"    // the relay's query
	pointMark     = "mark"           // the relay's own transaction
	pointClaim    = "claim"          // SELECT ... FOR UPDATE SKIP LOCKED, or the lease
	pointLapse    = "the lease ends" // by the clock, whatever its holder does
	pointApply    = "apply"          // the effect of a message
	pointRemember = "remember"       // its id
	pointForget   = "forget"         // an id is old
)

// judgeMessages watches what an outsider sees of the orders and of the topic.
func judgeMessages(w *sim.World, db *app.Database, topic *app.Topic, claims ...string) {
	is := func(claim string) bool { return slices.Contains(claims, claim) }
	if is(noMessageLost) {
		w.Eventually(noMessageLost, func(c *sim.Claim) {
			for _, order := range db.Keys(app.Orders) {
				c.Assert(topic.Count(app.Message(order)) > 0, "order %d is in the database, and its message is not in the topic", order)
			}
		})
	}
	if is(noGhost) {
		w.Eventually(noGhost, func(c *sim.Claim) {
			for _, m := range topic.Messages {
				_, ok := db.Peek(app.Orders, int(m))
				c.Assert(ok, "message %d is in the topic, and its order is not in the database", m)
			}
		})
	}
	if is(orderFirst) {
		w.Always(orderFirst, func(c *sim.Claim) {
			for _, m := range topic.Messages {
				_, ok := db.Peek(app.Orders, int(m))
				c.Assert(ok, "message %d can be read, and a query finds no order %d", m, m)
			}
		})
	}
	if is(sentOnce) {
		w.Always(sentOnce, func(c *sim.Claim) {
			for _, m := range topic.Messages {
				c.Assert(topic.Count(m) == 1, "message %d is in the topic %d times", m, topic.Count(m))
			}
		})
	}
	if is(firstsInOrder) {
		w.Always(firstsInOrder, func(c *sim.Claim) {
			last := 0
			for i, m := range topic.Messages {
				if topic.First(m) == i {
					c.Assert(int(m) > last, "message %d comes for the first time after message %d", m, last)
					last = int(m)
				}
			}
		})
	}
}

// What is claimed of messages.
const (
	noMessageLost = "no-message-lost"
	noGhost       = "no-ghost-message"
	orderFirst    = "order-before-message"
	sentOnce      = "sent-once"
	firstsInOrder = "order-kept"
)

// Points of half-message.
const (
	pointHalf          = "half message"   // it is sent
	pointConfirm       = "confirm"        // or cancelled
	pointAwaitBroker   = "await broker"   // its answer is taken
	pointListen        = "listen"         // for a question of the broker's
	pointAwaitQuestion = "await question" // it comes
	pointAnswer        = "answer"         // it is answered
)

// Points of two-phase-commit.
const (
	pointBegin     = "begin"      // the log has that the transaction began
	pointReadLog   = "read log"   // what a coordinator that comes back does first
	pointPrepare   = "prepare"    // a participant is asked
	pointAwaitVote = "await vote" // it has voted
	pointDecide    = "decide"     // the log has the decision
	pointTell      = "tell"       // a participant is told
	pointAwaitTold = "await done" // it has done it
)

// Points of consistency-audit.
const (
	pointWrite      = "write"       // the store has a new version
	pointEvent      = "send event"  // to the cache
	pointAwaitCache = "await cache" // the cache's answer is taken
	pointEnd        = "end"         // it sends nothing any more
	pointBeginAudit = "begin audit" // is anything under way?
	pointReadStore  = "read store"  // the audit, or the dead letters
	pointReadCache  = "read cache"  // the audit
)
