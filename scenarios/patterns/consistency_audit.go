package patterns

import (
	"fmt"

	"racelab/model/app"
	"racelab/scenario"
	"racelab/sim"
)

// AuditParams are the parameters.
type AuditParams struct {
	Event auditEvent
}

// auditEvent is what becomes of an event of the store.
type auditEvent uint8

const (
	lostEvent auditEvent = iota
	deadLetter
	repeatedEvent
)

func (p *AuditParams) flags(f *scenario.Flags) {
	scenario.Choice(f, &p.Event, "event", scenario.Words{"lost", "dead-letter", "repeated"},
		"what becomes of an event, besides coming late: one request or answer is lost; version 1 fails, and comes back from the dead letters at any moment; one request comes twice")
}

type (
	auditSetting = scenario.Setting[AuditParams]
	auditClaim   = scenario.Claim[AuditParams]
	auditExpect  = []scenario.Expect[AuditParams]
)

var (
	auditLost     = &auditSetting{Name: "lost"}
	auditDead     = &auditSetting{Name: "dead-letter", Set: func(p *AuditParams) { p.Event = deadLetter }}
	auditRepeated = &auditSetting{Name: "repeated", Set: func(p *AuditParams) { p.Event = repeatedEvent }}

	auditAgree = &auditClaim{Name: storesAgree, Says: "in the end the cache has the version of the store"}
	auditBack  = &auditClaim{Name: neverGoesBack, Says: "the version in the cache never goes back"}
)

const (
	storesAgree   = "stores-agree"
	neverGoesBack = "cache-never-goes-back"
)

// auditing is how a cache is fed and repaired.
type auditing struct {
	newer  bool // an event, and a repair, counts only if its version is newer
	audits int  // how: none, overwrite, or through the same comparison as an event
}

const (
	noAudit = iota
	overwrites
	compares
)

// versions is how often the store is written.
const versions = 2

// ConsistencyAudit is the race. A variant is how a cache is fed and repaired.
var ConsistencyAudit = scenario.Scenario[AuditParams, auditing]{
	Name:  "consistency-audit",
	Title: "An audit repairs a cache while the store goes on changing",
	Stake: "A store is written, and its changes go to a cache as events with a version. Events are lost, repeated, or come back from a dead-letter queue. " +
		"An audit compares the two and repairs the cache. " +
		"What it has read is old by the time it writes, if the store has changed in between.",
	Do: "Give each change a version, and let the cache take an event or a repair only if it is newer, in one step. " +
		"Audit for ever: it is the only thing that brings back what was lost.",
	Group:   scenario.Pattern,
	Sources: []string{"write-up W1, claim C1.11", "Scaling Memcache at Facebook (NSDI 2013), on leases and stale sets"},
	Code:    []string{"model/app/database.go", "scenarios/patterns/consistency_audit.go"},
	Symptoms: []scenario.Symptom{
		{
			Seen: []scenario.Seen{
				{Text: "the cache has an older value than the database, and stays so until the next update"},
				{Text: "messages replayed from the dead letter queue overwrite newer values"},
			},
			Cause:   "An event was lost, or an old one came after a newer one, and the cache takes what comes.",
			Also:    "all: it is in the application",
			Do:      "Versions, compared in one step with the write; and an audit.",
			Command: scenario.Command("explore", "consistency-audit/as-they-come@dead-letter"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "the reconciliation job writes a stale value over a live update"},
			},
			Cause:   "The job read the store, the store and the cache changed, and then it wrote.",
			Also:    "all: it is in the application",
			Do:      "Let the repair write only if its version is newer.",
			Command: scenario.Command("explore", "consistency-audit/audit-overwrites"),
		},
	},

	Flags:    (*AuditParams).flags,
	Settings: []*auditSetting{auditLost, auditDead, auditRepeated},
	Claims:   []*auditClaim{auditAgree, auditBack},
	Variants: []scenario.Variant[AuditParams, auditing]{
		{Name: "as-they-come", Release: "an application", Is: auditing{},
			Does: "the cache takes each event as it comes",
			Expect: auditExpect{
				scenario.Breaks(auditAgree).Where(auditLost, auditDead).Because("nothing comes after the last event, if that is lost, or is the old one"),
				scenario.Breaks(auditBack).Where(auditDead).Because("what returns from the dead letters is old"),
			}},
		{Name: "newer-wins", Release: "an application", Is: auditing{newer: true},
			Does:   "the cache takes an event if its version is newer",
			Expect: auditExpect{scenario.Breaks(auditAgree).Where(auditLost).Because("an event that is lost stays lost")}},
		{Name: "audit-overwrites", Release: "an application with a reconciliation job", Is: auditing{newer: true, audits: overwrites},
			Does:   "as newer-wins; a job reads the store, and writes what it read to the cache if that has another version",
			Expect: auditExpect{scenario.Breaks(auditBack).Because("a live update comes between the job's read and its write")}},
		{Name: "audit-and-no-versions", Release: "an application with a reconciliation job", Is: auditing{audits: compares},
			Does:   "the cache takes each event as it comes; the job writes only what is newer",
			Expect: auditExpect{scenario.Breaks(auditBack).Where(auditDead, auditRepeated).Because("an event comes again, or late, after the repair")}},
		{Name: "audit-newer-wins", Release: "the pattern", Is: auditing{newer: true, audits: compares},
			Does: "events and repairs go the same way: written in one step if newer"},
	},
	Statements: []scenario.Statement{
		{
			ID:      "C1.11",
			Says:    "Consistency is kept by periodic checks of the main store against caches, by versioned change events, dead-letter queues and alerts.",
			Verdict: scenario.PartlyTrue,
			When:    "if events and repairs both go by the version, in one step",
			Evidence: "A check that writes what it has read takes the cache back (audit-overwrites). Dead letters come back as old events, and without versions they stay (as-they-come). " +
				"Versions alone do not bring back what was lost (newer-wins). audit-newer-wins holds in every state.",
			Command: "simrun explore consistency-audit/audit-overwrites",
		},
	},
	Schedule: `
		service write; service send event; service->cache event; service await cache; service write#2
		service send event#2; network lose service->cache; service await cache#2; service end`,
	Build: func(w *sim.World, is auditing, p AuditParams) {
		w.Goroutines(0)
		switch p.Event {
		case lostEvent:
			w.Allow(sim.Faults{Losses: 1})
		case repeatedEvent:
			w.Allow(sim.Faults{Duplicates: 1})
		}
		store, cache := app.NewDatabase(), &cache{is: is}
		if p.Event == deadLetter {
			cache.fails = 1
		}
		w.Share("store", store)
		w.AddNode("cache", cache)
		var rest sim.Atomic[int]
		rest.Init(1)
		w.Share("under way", &rest)
		events := w.Dial("service", "cache")
		w.Go("service", func(t *sim.Task) {
			for version := 1; version <= versions; version++ {
				store.Commit(t.At(pointWrite), app.Row{Table: app.Versions, Key: 0, Value: version})
				sendEvent(t, events, &event{version, live})
			}
			rest.Add(t.At(pointEnd), -1)
		})
		if p.Event == deadLetter {
			rest.Init(2)
			replay := w.Dial("dead-letters", "cache")
			w.Go("dead-letters", func(t *sim.Task) {
				for range t.Loop("look") {
					if store.Value(t.At(pointReadStore), app.Versions, 0) > 0 { // Version 1 has been sent, and has failed or will.
						break
					}
				}
				sendEvent(t, replay, &event{1, replayed})
				rest.Add(t.At(pointEnd), -1)
			})
		}
		if is.audits != noAudit {
			w.Go("audit", (&auditor{store, w.Dial("audit", "cache"), &rest}).audit)
		}
		newest := func() int { row, _ := store.Peek(app.Versions, 0); return row.Value }
		w.Eventually(storesAgree, func(c *sim.Claim) {
			c.Assert(cache.Version == newest(), "the cache has version %d, and the store %d", cache.Version, newest())
		})
		var last int
		goesOn := sim.NewProperty(neverGoesBack, &last)
		sim.On(goesOn, sim.Answered, func(c *sim.Claim, _ sim.Act, e *event) {
			c.Assert(e.version >= last, "the cache has gone back from version %d to %d", last, e.version)
			last = e.version
		})
		w.Watch(goesOn)
	},
}

func sendEvent(t *sim.Task, cache *sim.Conn, e *event) {
	cache.Send(t.At(pointEvent), e)
	cache.Receive(t.At(pointAwaitCache))
}

// auditor compares the store with the cache. Rest is how many there are that change them.
type auditor struct {
	store *app.Database
	cache *sim.Conn
	rest  *sim.Atomic[int]
}

// audit goes on until nothing is under way and the two agree.
func (k *auditor) audit(t *sim.Task) {
	for range t.Loop("audit") {
		over := k.rest.Load(t.At(pointBeginAudit)) == 0
		version := k.store.Value(t.At(pointReadStore), app.Versions, 0)
		k.cache.Send(t.At(pointReadCache), &read{})
		has, ok := k.cache.Receive(t.At(pointAwaitCache)).(*event)
		switch {
		case !ok: // Lost; it looks again.
		case has.version != version:
			sendEvent(t, k.cache, &event{version, repair})
		case over:
			return
		}
	}
}

// cache has one value, by its version.
type cache struct {
	is      auditing `sim:"config"`
	fails   int      `sim:"config"` // the version whose live event fails
	Version int
}

// event is a version of the store on its way to the cache, and the cache's answer: what
// it has now. read asks for that.
type (
	event struct {
		version int
		kind    eventKind
	}
	read struct{}
)

// eventKind is where an event comes from.
type eventKind string

const (
	live     eventKind = "event"
	replayed eventKind = "dead letter"
	repair   eventKind = "repair"
)

func (e *event) Name() string   { return string(e.kind) }
func (e *event) String() string { return fmt.Sprint("version ", e.version) }
func (*read) Name() string      { return "read" }
func (*read) String() string    { return "" }

// Handle takes an event, or does not, and says what there is.
func (k *cache) Handle(e sim.Envelope, out *sim.Outbox) {
	if change, ok := e.Message.(*event); ok && k.takes(change) {
		k.Version = change.version
	}
	out.Reply(e, &event{k.Version, "has"})
}

func (k *cache) takes(e *event) bool {
	switch {
	case e.kind == live && e.version == k.fails:
		return false // It goes to the dead letters.
	case k.is.newer && e.kind != repair, k.is.audits == compares && e.kind == repair:
		return e.version > k.Version
	}
	return true
}

// Describe shows the version.
func (k *cache) Describe(show func(name, value string)) {
	if k.Version > 0 {
		show("version", fmt.Sprint(k.Version))
	}
}
