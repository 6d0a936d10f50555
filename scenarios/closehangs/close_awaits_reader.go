package closehangs

import (
	"time"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/producer/sarama"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// ReaderParams are the parameters of close-awaits-reader.
type ReaderParams struct {
	Callback    sarama.Callback
	Silent      bool
	ReadTimeout time.Duration
	Limit       time.Duration
}

func (p *ReaderParams) flags(f *scenario.Flags) {
	scenario.Choice(f, &p.Callback, "callback", scenario.Words{"tells", "sends-again", "closes"}, "what the callback of a message does")
	f.Default("callback=sends-again")
	f.Switch(&p.Silent, "broker", "answers", "silent", false, "whether the broker answers; if it does not, things take their time")
	f.Millis(&p.ReadTimeout, "read-timeout", 30_000, 1, 300_000, "Net.ReadTimeout, in ms")
	f.Millis(&p.Limit, "grace", 10_000, 1, 300_000, "how long a process has from SIGTERM to SIGKILL, in ms; docker stop has 10,000")
}

var (
	sendsAgain = &scenario.Setting[ReaderParams]{Name: "sends-again"}
	closes     = &scenario.Setting[ReaderParams]{Name: "closes", Set: func(p *ReaderParams) { p.Callback = sarama.Closes }}
	silent     = &scenario.Setting[ReaderParams]{Name: "silent", Set: func(p *ReaderParams) { p.Callback, p.Silent = sarama.OnlyTells, true }}

	connectionCloses = &scenario.Claim[ReaderParams]{Name: "close-ends", Says: "Close returns in the end",
		Property: func(ReaderParams) *sim.Property { return properties.CloseEnds[*model.CloseConnection]() }}
	closesInTime = &scenario.Claim[ReaderParams]{Name: "close-ends-in-time", Says: "Close returns before the process is killed",
		If:       func(p ReaderParams) bool { return p.Silent },
		Property: func(p ReaderParams) *sim.Property { return properties.CloseEndsWithin[*model.CloseConnection](p.Limit) }}
	readerProgress = scenario.BuiltIn[ReaderParams](sim.NoProgress)
)

// connection is a release, what was proposed on top of it, and whether callbacks hand
// their work to a goroutine of its own.
type connection struct {
	release  sarama.Release
	proposal sarama.Proposal
	hands    bool
}

// Reader is Close of a connection. A variant is a release.
var Reader = scenario.Scenario[ReaderParams, connection]{
	Name:  "close-awaits-reader",
	Title: "Close awaits the response reader, whose callback wants the lock that Close holds",
	Stake: "Sarama's Broker.Close holds the lock of the connection while it waits for the goroutine that reads answers and runs " +
		"the callbacks of AsyncProduce. A callback that sends the next message needs that lock, and waits for Close. " +
		"Close never returns, and neither does anybody else who uses the connection.",
	Do:    "In a callback of AsyncProduce only hand over: use the connection in a goroutine of your own. AsyncProducer does so by itself.",
	Group: scenario.ClientRace,
	Symptoms: []scenario.Symptom{{
		Seen: []scenario.Seen{
			{Text: "Sarama Broker.Close hangs, and a goroutine waits for broker.lock in AsyncProduce"},
			{Text: "deadlock when AsyncProduce is called in the callback of AsyncProduce"},
		},
		Cause:    "Close waits for the callbacks with the lock held that the callbacks need.",
		Variants: []string{"awaits-first", "closes-first"},
		Do:       "Use the connection in a goroutine of your own, not in the callback.",
		Command:  scenario.Command("run", "close-awaits-reader"),
	}, {
		Seen: []scenario.Seen{
			{Text: "Sarama Close takes 30 seconds when the broker does not answer"},
		},
		Cause:    "Close waits for the goroutine that reads answers, which is in a read, and closes the socket after that.",
		Variants: []string{"awaits-first"},
		Also:     "; by the source, before too",
		Do:       "Use Sarama 1.48.0.",
		Command:  scenario.Command("explore", "close-awaits-reader/awaits-first@silent"),
	}},
	Sources: []string{
		"sarama issues 2129, 2155 (release 1.32.0 says in a comment that a callback must not close)",
		"Broker.Close, Broker.closeLocked, Broker.responseReceiver and Broker.AsyncProduce of Shopify/sarama 1.31.0 and sarama 1.43.3, 1.47.0, 1.48.0 and 1.61.1",
	},
	Code: []string{
		"model/producer/sarama/broker.go", "model/producer/sarama/callback.go", "model/producer/sarama/application.go", "properties/close.go",
	},
	Flags:    (*ReaderParams).flags,
	Settings: []*scenario.Setting[ReaderParams]{sendsAgain, closes, silent},
	Claims:   []*scenario.Claim[ReaderParams]{connectionCloses, closesInTime},
	Variants: []scenario.Variant[ReaderParams, connection]{
		{Name: "awaits-first", Is: connection{release: sarama.Release1_43_1}, Release: "Sarama 1.31.0 to 1.47",
			Does: "waits for the reader, and closes the socket after that",
			Expect: []scenario.Expect[ReaderParams]{
				hangs, awaitsItself,
				scenario.Breaks(closesInTime).Where(silent).Because("the reader is in a read, which lasts until Net.ReadTimeout"),
			}},
		{Name: "closes-first", Is: connection{release: sarama.Release1_48_0}, Release: "Sarama 1.48.0 to 1.61.1",
			Does:   "closes the socket, which ends a read, and waits for the reader",
			Expect: []scenario.Expect[ReaderParams]{hangs, awaitsItself}},
		{Name: "unlocked", Is: connection{release: sarama.Release1_48_0, proposal: sarama.AwaitUnlocked}, Release: "nobody's yet",
			Does:   "likewise, but releases the lock while it waits",
			Expect: []scenario.Expect[ReaderParams]{awaitsItself}},
		{Name: "handed-over", Is: connection{release: sarama.Release1_48_0, hands: true}, Release: "used well, in the same releases",
			Does: "callbacks hand their work to a goroutine of the application"},
	},
	Schedule: `
		sender async produce; sender throttle lock; sender check throttle; sender write; sender promise
		closer call close; closer close; sender->broker Produce; reader next promise; reader read response
		reader callback`,
	Statements: []scenario.Statement{
		{
			ID:       "2129",
			Says:     "To close the broker in a callback is a deadlock.",
			Verdict:  scenario.True,
			Evidence: "The reader waits for its own end. No release to 1.61.1 mends it; since 1.32.0 a comment says so.",
			Command:  "simrun explore close-awaits-reader/closes-first@closes",
		},
		{
			ID:       "2155",
			Says:     "A callback may use the connection, as long as it does not close it.",
			Verdict:  scenario.False,
			Evidence: "If another goroutine is in Close, a callback that sends waits for the lock that Close holds until the callback has returned. Handed over to a goroutine of its own, the same send returns an error. Since 1.61.1 the comment of AsyncProduce forbids any call of the connection.",
			Command:  "simrun explore close-awaits-reader/closes-first",
		},
	},
	Build: buildReader,
}

var (
	hangs = scenario.Breaks(connectionCloses, readerProgress).Where(sendsAgain).
		Because("the callback waits for the lock, and Close, who holds it, for the callback")
	awaitsItself = scenario.Breaks(connectionCloses, readerProgress).Where(closes).
			Because("the reader waits for its own end")
)

// buildReader makes a connection with its response reader, somebody who sends, and
// somebody who closes.
func buildReader(w *sim.World, is connection, p ReaderParams) {
	after := time.Duration(0)
	if p.Silent {
		after = time.Second
		w.Timed(sim.Timing{Latency: sim.Constant(time.Millisecond), Service: sim.Constant(time.Hour)})
	}
	w.AddNode("broker", broker.NewQuotaBroker(broker.QuotaConfig{}))
	b := sarama.NewBroker(w.Dial("sarama", "broker"), sarama.BrokerConfig{
		Release: is.release, Proposal: is.proposal, MaxOpenRequests: 5, OneMore: true,
	})
	w.Share("b", b)
	w.Allow(sim.Faults{Closes: 2}) // By Close, and by the deadline; nobody dials again.
	w.GoProgram("sender", sarama.NewSender(b, 1, 1, 0, false))
	reader := sarama.NewCallingReceiver(b, p.Callback, 2)
	if is.hands {
		w.GoProgram("worker", sarama.NewHanded(reader))
	}
	w.GoProgram("reader", reader)
	if p.Callback != sarama.Closes {
		w.GoProgram("closer", sarama.NewCloser(b, after))
	}
	if p.Silent {
		w.GoProgram("deadline", sarama.NewReadDeadline(b, p.ReadTimeout))
	}
}
