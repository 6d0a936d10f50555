package patterns

import (
	"slices"

	"racelab/model/app"
	"racelab/scenario"
	"racelab/sim"
)

// OutboxParams are the parameters.
type OutboxParams struct {
	Fault   fault
	Writers int
}

func (p *OutboxParams) flags(f *scenario.Flags) {
	scenario.Choice(f, &p.Fault, "fault", faultWords, "what happens once, at any moment; besides a crash, a lease ends by the clock")
	f.Int(&p.Writers, "writers", 1, 1, 2, "how many transactions write to the outbox at a time; order N has id N, whenever it commits")
}

type (
	outboxSetting = scenario.Setting[OutboxParams]
	outboxClaim   = scenario.Claim[OutboxParams]
	outboxExpect  = []scenario.Expect[OutboxParams]
)

var (
	outboxCrash   = &outboxSetting{Name: "crash"}
	outboxCut     = &outboxSetting{Name: "cut", Set: func(p *OutboxParams) { p.Fault = cut }}
	outboxCalm    = &outboxSetting{Name: "calm", Set: func(p *OutboxParams) { p.Fault = calm }}
	outboxWriters = &outboxSetting{Name: "two-writers", Set: func(p *OutboxParams) { p.Fault, p.Writers = calm, 2 }}

	outboxLost  = &outboxClaim{Name: noMessageLost, Says: "in the end each order has its message"}
	outboxOnce  = &outboxClaim{Name: sentOnce, Says: "no message is in the topic twice"}
	outboxOrder = &outboxClaim{Name: firstsInOrder, If: func(p OutboxParams) bool { return p.Writers == 1 },
		Says: "of one writer's messages, none comes for the first time after a later one"}
	outboxFirst = &outboxClaim{Name: orderFirst, Says: "whoever reads a message finds its order, at any moment"}
)

// relays are those of a world, and what each does until all orders have been relayed.
type relays struct {
	run   func(s *service, t *sim.Task)
	more  bool // there are two
	lease bool
}

// repeats is why no relay is exact.
const repeats = "at least once: the relay dies, or loses the answer, between the send and the mark"

// late is why a relay that does not wait reorders.
const late = "what was sent on the old connection arrives after what the relay sends on the next"

// Outbox is the race. A variant is a relay.
var Outbox = scenario.Scenario[OutboxParams, relays]{
	Name:  "outbox",
	Title: "A relay publishes what a transaction has put into the outbox",
	Stake: "A service writes its order and a message about it in one local transaction; a relay reads the table and publishes. " +
		"The relay has the problem that the service had: a send and a mark are two writes. " +
		"Which comes first, and how many relays there are, decides what is lost, repeated or reordered.",
	Do: "Send, wait for the acknowledgement, then mark; run one relay at a time, or read the database's log. Messages come again after a crash, " +
		"so let consumers tell them by an id: see inbox.",
	Group: scenario.Pattern,
	Sources: []string{"write-up W1, claim C1.7", "microservices.io, Transactional outbox, Polling publisher, Transaction log tailing",
		"Debezium outbox event router", "PostgreSQL, FOR UPDATE SKIP LOCKED"},
	Code: []string{"model/app/database.go", "model/app/topic.go", "scenarios/patterns/outbox.go"},
	Symptoms: []scenario.Symptom{
		{
			Seen: []scenario.Seen{
				{Text: "the outbox row is marked as sent, and the message is not in the topic"},
				{Text: "the outbox relay skips rows that were committed late by a concurrent transaction"},
			},
			Cause:   "The relay marked before the acknowledgement, or it remembers the highest id and a lower one is committed later.",
			Also:    "all: it is in the application",
			Do:      "Mark after the acknowledgement, row by row, or read the database's log.",
			Command: scenario.Command("explore", "outbox/cursor@two-writers"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "outbox events come twice after the relay was restarted"},
				{Text: "two instances of the outbox relay publish the same rows, or publish them out of order"},
			},
			Cause:   "Whether a send arrived is not known to a relay that has died; two relays do not know of each other.",
			Also:    "all: it is in the application",
			Do:      "One relay at a time, and consumers that tell a message by its id.",
			Command: scenario.Command("explore", "outbox/skip-locked@calm"),
		},
	},

	Flags:    (*OutboxParams).flags,
	Settings: []*outboxSetting{outboxCrash, outboxCut, outboxCalm, outboxWriters},
	Claims:   []*outboxClaim{outboxLost, outboxOnce, outboxOrder, outboxFirst},
	Variants: []scenario.Variant[OutboxParams, relays]{
		{Name: "mark-first", Release: "a polling relay", Is: relays{run: (*service).markThenSend},
			Does: "marks a row, then sends it",
			Expect: outboxExpect{
				scenario.Breaks(outboxLost).Where(outboxCrash, outboxCut).Because("a row that is marked is not read again"),
				scenario.Breaks(outboxOrder).Where(outboxCrash, outboxCut).Because(late),
			}},
		{Name: "no-acknowledgement", Release: "a polling relay", Is: relays{run: (*service).sendAndMark},
			Does: "sends a row and marks it, and does not wait for the topic",
			Expect: outboxExpect{
				scenario.Breaks(outboxLost).Where(outboxCrash, outboxCut).Because("what is sent and not acknowledged may never arrive"),
				scenario.Breaks(outboxOnce).Where(outboxCrash).Because(repeats),
				scenario.Breaks(outboxOrder).Where(outboxCrash, outboxCut).Because(late),
			}},
		{Name: "send-first", Release: "a polling relay", Is: relays{run: (*service).sendThenMark},
			Does:   "sends a row, waits for the topic, then marks it",
			Expect: outboxExpect{scenario.Breaks(outboxOnce).Where(outboxCrash, outboxCut).Because(repeats)}},
		{Name: "two-relays", Release: "a polling relay, deployed twice", Is: relays{run: (*service).sendThenMark, more: true},
			SlowIn: []*outboxSetting{outboxCrash},
			Does:   "as send-first; each reads the oldest row that is not marked",
			Expect: outboxExpect{
				scenario.Breaks(outboxOnce).Because("both read a row before either has marked it"),
			}},
		{Name: "skip-locked", Release: "a polling relay with SKIP LOCKED, deployed twice", Is: relays{run: (*service).claimAndSend, more: true},
			SlowIn: []*outboxSetting{outboxCrash},
			Does:   "locks a row that nobody has locked, sends it, marks it",
			Expect: outboxExpect{
				scenario.Breaks(outboxOnce).Where(outboxCrash, outboxCut).Because(repeats),
				scenario.Breaks(outboxOrder).Because("one relay has row 1, and the other is faster with row 2"),
			}},
		{Name: "lease", Release: "a polling relay with a lease, deployed twice", Is: relays{run: (*service).holdAndSend, more: true, lease: true},
			SlowIn: []*outboxSetting{outboxCrash},
			Does:   "sends while a row of the database says that it is its turn; the turn ends by the clock",
			Expect: outboxExpect{
				scenario.Breaks(outboxOnce).Where(outboxCrash, outboxCut).Because("the turn ends while a send is on its way; and " + repeats),
			}},
		{Name: "cursor", Release: "a polling relay", Is: relays{run: (*service).sendAfter},
			Does: "sends the rows with an id above the last one, and then writes down their last id",
			Expect: outboxExpect{
				scenario.Breaks(outboxLost).Where(outboxWriters).Because("ids are given before the commit: a lower one appears after the cursor has passed it"),
				scenario.Breaks(outboxOnce).Where(outboxCrash, outboxCut).Because(repeats),
			}},
		{Name: "change-data-capture", Release: "Debezium, logical replication", Is: relays{run: (*service).sendLog},
			Does:   "sends what the database's log has, in the order of the commits, and then writes down how far it is",
			Expect: outboxExpect{scenario.Breaks(outboxOnce).Where(outboxCrash, outboxCut).Because(repeats)}},
	},
	Chapters: []scenario.Chapter{{Title: "Which pattern", Lines: table}},
	Statements: []scenario.Statement{
		{
			ID:      "C1.7",
			Says:    "A transactional outbox, written in the local transaction of the business row and sent by a relay, has no dual-write inconsistency and delivers at least once.",
			Verdict: scenario.True,
			When:    "the relay waits for the acknowledgement before it marks, and does not go by the highest id",
			Evidence: "With send-first, lease and change-data-capture each order has its message in the end, in every state with one crash or one cut. " +
				"A relay that marks first, does not wait, or keeps a cursor over ids loses messages. All that lose nothing repeat.",
			Command: "simrun explore outbox/send-first",
		},
	},
	Schedule: `
		service insert; service insert#2; relay relay; relay poll outbox; relay mark; relay publish
		relay->topic publish; relay await topic; relay relay#2; relay poll outbox#2; relay mark#2
		relay-process crash; relay-process restart; relay relay#3; relay poll outbox#3`,
	Story: `
		relay mark before relay-process crash`,
	Build: func(w *sim.World, is relays, p OutboxParams) {
		p.Fault.allow(w)
		db, topic := app.NewDatabase(), &app.Topic{}
		w.Share("db", db)
		w.AddNode("topic", topic)
		for i := range p.Writers {
			process(w, []string{"service", "service2"}[i], db, func(s *service, t *sim.Task) {
				for order := i + 1; order <= orders; order += p.Writers {
					s.db.Insert(t.At(pointInsert), app.Row{Table: app.Orders, Key: order}, app.Row{Table: app.Outbox, Key: order, Value: app.Unsent})
				}
			})
		}
		for _, name := range []string{"relay", "relay2"} {
			if name == "relay" || is.more {
				process(w, name, db, is.run)
			}
		}
		if is.lease && p.Fault == crash {
			w.Go("clock", func(t *sim.Task) { db.Commit(t.At(pointLapse), app.Row{Table: app.Relays, Value: nobody}) })
		}
		claims := []string{noMessageLost, sentOnce, orderFirst}
		if p.Writers == 1 {
			claims = append(claims, firstsInOrder)
		}
		judgeMessages(w, db, topic, claims...)
	},
}

// next is the oldest row that nobody has marked, and whether all that are due are.
func (s *service) next(t *sim.Task) (row app.Row, ok, done bool) {
	rows := s.db.All(t.At(pointPoll), app.Outbox)
	is := func(value int) func(app.Row) bool { return func(r app.Row) bool { return r.Value == value } }
	if i := slices.IndexFunc(rows, is(app.Unsent)); i >= 0 {
		return rows[i], true, false
	}
	return app.Row{}, false, len(rows) == s.due && !slices.ContainsFunc(rows, func(r app.Row) bool { return r.Value != app.Sent })
}

func (s *service) mark(t *sim.Task, row app.Row, value int) {
	row.Value = value
	s.db.Commit(t.At(pointMark), row)
}

// sendThenMark is a relay that has the topic's word before it marks.
func (s *service) sendThenMark(t *sim.Task) {
	for range t.Loop("relay") {
		row, ok, done := s.next(t)
		if done {
			return
		}
		if ok {
			s.publish(t, app.Message(row.Key))
			s.mark(t, row, app.Sent)
		}
	}
}

// markThenSend is a relay that fears repeats more than loss.
func (s *service) markThenSend(t *sim.Task) {
	for range t.Loop("relay") {
		row, ok, done := s.next(t)
		if done {
			return
		}
		if !ok {
			continue
		}
		s.mark(t, row, app.Sent)
		if !app.Send(t, s.topic, app.Message(row.Key)) {
			s.topic.Redial(t.At(pointRedial))
		}
	}
}

// sendAndMark is a relay with an asynchronous producer whose answers nobody reads in
// time.
func (s *service) sendAndMark(t *sim.Task) {
	for range t.Loop("relay") {
		row, ok, done := s.next(t)
		if done {
			return
		}
		if !ok {
			continue
		}
		s.topic.Send(t.At(app.PointPublish), &app.Publish{Message: app.Message(row.Key)})
		s.mark(t, row, app.Sent)
		if _, ok := s.topic.Receive(t.At(app.PointAwaitTopic)).(*app.Published); !ok {
			s.topic.Redial(t.At(pointRedial))
		}
	}
}

// number is which relay a service is: what it claims rows with.
func (s *service) number() int {
	return map[string]int{"relay": app.ClaimedBy0, "relay2": app.ClaimedBy0 + 1}[s.name]
}

// claimAndSend locks a row for as long as it sends it. A relay that dies loses its
// locks; here it finds them when it is back, which no other sees either.
func (s *service) claimAndSend(t *sim.Task) {
	for range t.Loop("relay") {
		rows := s.db.All(t.At(pointPoll), app.Outbox)
		i := slices.IndexFunc(rows, func(r app.Row) bool { return r.Value == app.Unsent || r.Value == s.number() })
		if i < 0 {
			if len(rows) == s.due { // The rest is the other's.
				return
			}
			continue
		}
		if s.db.Take(t.At(pointClaim), app.Outbox, rows[i].Key, app.Unsent, s.number()) {
			s.publish(t, app.Message(rows[i].Key))
			s.mark(t, rows[i], app.Sent)
		}
	}
}

// nobody holds the lease.
const nobody = 0

// holdAndSend looks at the lease before each row.
func (s *service) holdAndSend(t *sim.Task) {
	for range t.Loop("relay") {
		row, ok, done := s.next(t)
		if done {
			return
		}
		if ok && s.db.Take(t.At(pointClaim), app.Relays, 0, nobody, s.number()) {
			s.publish(t, app.Message(row.Key))
			s.mark(t, row, app.Sent)
		}
	}
}

// position is the key of the row that says how far a relay is, in the table of relays.
const position = 1

// sendAfter reads by id. The service gives ids as a sequence does: before the commit.
func (s *service) sendAfter(t *sim.Task) {
	for range t.Loop("relay") {
		at, _ := s.db.Get(t.At(pointLookUp), app.Relays, position)
		if at.Value == s.due {
			return
		}
		rows := s.db.All(t.At(pointPoll), app.Outbox)
		slices.SortFunc(rows, func(a, b app.Row) int { return a.Key - b.Key })
		if i := slices.IndexFunc(rows, func(r app.Row) bool { return r.Key > at.Value }); i >= 0 {
			s.publish(t, app.Message(rows[i].Key))
			s.mark(t, app.Row{Table: app.Relays, Key: position}, rows[i].Key)
		}
	}
}

// sendLog reads by commit: nobody changes a row of the outbox here, so the rows are the
// database's log.
func (s *service) sendLog(t *sim.Task) {
	for range t.Loop("relay") {
		at, _ := s.db.Get(t.At(pointLookUp), app.Relays, position)
		if at.Value == s.due {
			return
		}
		if rows := s.db.All(t.At(pointPoll), app.Outbox); len(rows) > at.Value {
			s.publish(t, app.Message(rows[at.Value].Key))
			s.mark(t, app.Row{Table: app.Relays, Key: position}, at.Value+1)
		}
	}
}
