// Package throttlestall is Sarama's throttle race: the response reader replaces a timer
// that the sender waits for.
package throttlestall

import (
	"time"

	"racelab/model/broker"
	"racelab/model/producer/sarama"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct {
	Messages               int
	Throttles              int
	Throttle, LastThrottle time.Duration
	Quota                  int
	Muting                 bool
	MaxOpen                int
	OneMore                bool
	Go122Timers            bool

	Async       bool
	Input       int
	Flush       time.Duration
	Batch       int
	CloseBeside bool
	CloseAfter  time.Duration
	Pause       time.Duration

	Timed            bool
	Latency, Service sim.Delay
}

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Messages, "messages", 3, 1, 10_000, "messages, each in a request of its own unless batch says otherwise")
	f.Int(&p.Throttles, "throttles", 2, 0, 16, "answers, from the first on, that throttle")
	f.Millis(&p.Throttle, "throttle", 200, 1, 3_600_000, "how long each does, in ms")
	f.Millis(&p.LastThrottle, "last-throttle", 200, 1, 3_600_000, "how long the last of them does, in ms")
	f.Int(&p.Quota, "quota", 0, 0, 1_000_000, "messages a second, in a timed world: then the answers throttle by Kafka's formula, not as many and as long as above; 0 is none")
	f.Switch(&p.Muting, "muting", "off", "on", true, "whether the broker does not listen during a throttle (KIP-219)")
	f.Int(&p.MaxOpen, "max-open", 1, 1, 64, "Net.MaxOpenRequests")
	f.Switch(&p.OneMore, "one-more", "off", "on", true, "whether one more than that are in flight, as before 1.61.1")
	f.Switch(&p.Go122Timers, "timers", "go1.23", "go1.22", false, "whose timers the client has")
	f.Switch(&p.Async, "producer", "broker", "async", false, "who sends: one goroutine, or the asynchronous producer")
	f.Int(&p.Input, "input", 1, 0, 1_000_000, "of the asynchronous producer: how many messages may be ahead of it")
	f.Millis(&p.Flush, "flush", 0, 0, 60_000, "of the asynchronous producer: Flush.Frequency, in ms; 0 is none")
	f.Int(&p.Batch, "batch", 1, 1, 1000, "of the asynchronous producer: Flush.MaxMessages")
	f.Switch(&p.CloseBeside, "close", "end", "beside", false, "who closes the connection: the sender in the end, or another goroutine")
	f.Millis(&p.CloseAfter, "close-after", 0, 0, 3_600_000, "when another goroutine does, in ms; 0 is at any moment")
	f.Millis(&p.Pause, "pause", 0, 0, 60_000, "between the messages before and after the first two, in ms")
	f.Switch(&p.Timed, "clock", "untimed", "timed", false, "whether things take their time")
	f.Delay(&p.Latency, "latency", "1ms", "of a message, in a timed world")
	f.Delay(&p.Service, "service", "20ms", "of a request at the broker, in a timed world")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

const ms = time.Millisecond

var (
	untimed      = &setting{Name: "untimed"}
	go122        = &setting{Name: "go1.22", Set: func(p *Params) { p.Go122Timers = true }}
	closing      = &setting{Name: "close", Set: func(p *Params) { p.CloseBeside = true }}
	async        = &setting{Name: "async", Set: func(p *Params) { p.Async = true }}
	timed        = &setting{Name: "timed", Set: func(p *Params) { p.Timed, p.Messages, p.Muting = true, 4, false }}
	timedMuting  = &setting{Name: "timed-muting", Set: func(p *Params) { p.Timed, p.Messages = true, 4 }}
	timedShorter = &setting{Name: "timed-shorter", Set: func(p *Params) {
		p.Timed, p.Muting, p.LastThrottle, p.MaxOpen, p.Pause = true, false, 50*ms, 2, 50*ms
	}}
	timedClose = &setting{Name: "timed-close", Set: func(p *Params) {
		p.Timed, p.Muting, p.Throttles, p.Throttle, p.LastThrottle = true, false, 1, 700*ms, 700*ms
		p.CloseBeside, p.CloseAfter = true, 42*ms
	}}
	stalling = []*setting{untimed, go122, closing, async, timedMuting}
)

// hasClock: without a clock nothing is late.
func hasClock(p Params) bool { return p.Timed }

var (
	delivered = &claim{Name: "every-message-is-delivered", Says: "the application hears of each message in the end: delivered, or not connected",
		Property: func(p Params) *sim.Property { return properties.EveryMessageIsDelivered(p.Messages) }}
	noStoppedTimer = &claim{Name: "no-sender-waits-for-a-stopped-timer", Says: "whoever waits for the end of a throttle waits for a timer that will fire",
		Property: func(Params) *sim.Property { return properties.NoSenderWaitsForAStoppedTimer("reader") }}
	readerFree = &claim{Name: "response-reader-is-never-blocked", Says: "the response reader never waits for a sender that waits for a throttle to end",
		Property: func(Params) *sim.Property { return properties.ResponseReaderIsNeverBlocked("reader") }}
	wakesInTime = &claim{Name: "waiter-wakes-by-the-deadline", Says: "who waits for throttles wakes no later than the last of them ends",
		If: hasClock, Property: func(Params) *sim.Property { return properties.WaiterWakesByTheDeadline() }}
	nothingSent = &claim{Name: "nothing-is-sent-during-a-throttle",
		Says: "from the instant after the client was told of a throttle, it sends nothing until that is over",
		If:   hasClock, Property: func(Params) *sim.Property { return properties.NothingIsSentDuringAThrottle() }}
	noSum = &claim{Name: "throttles-do-not-add-up", Says: "what waited for throttles is sent when the last is over, not when their sum is",
		If: hasClock, Property: func(Params) *sim.Property { return properties.ThrottlesDoNotAddUp() }}
	longerKept = &claim{Name: "longer-throttle-is-kept", Says: "a later throttle that ends earlier does not cut an earlier one short",
		If:       func(p Params) bool { return p.Timed && (p.Quota > 0 || p.LastThrottle < p.Throttle) },
		Property: func(Params) *sim.Property { return properties.LongerThrottleIsKept() }}
	closesSoon = &claim{Name: "close-ends-within-a-round-trip", Says: "Close takes no longer than what is in flight",
		If: hasClock, Property: func(Params) *sim.Property { return properties.CloseEndsWithinARoundTrip(42 * ms) }}

	noDataRace = scenario.BuiltIn[Params](sim.NoDataRace)
	noProgress = scenario.BuiltIn[Params](sim.NoProgress)
	noPanic    = scenario.BuiltIn[Params](sim.NoPanic)
)

// The reasons that several variants share.
var (
	lastCounts = scenario.Breaks(nothingSent, longerKept).Where(timedShorter).Because("the last throttle counts, not the longest")
	closeWaits = scenario.Breaks(closesSoon).Where(timedClose).Because("the sender holds the lock of the connection while it waits")
	overtaken  = scenario.Vacuous(nothingSent).Where(timedClose).Because("Close overtakes whatever would be sent")
	stalls     = expect{
		scenario.Breaks(delivered, noStoppedTimer, readerFree, noProgress, noPanic).Where(stalling...).
			Because("a throttle stops the timer that the sender waits for, and makes another one"),
		scenario.Breaks(delivered, noStoppedTimer, noProgress).Where(timed),
		scenario.Breaks(wakesInTime).Where(timed, timedMuting),
		scenario.Vacuous(nothingSent, noSum, closesSoon).Where(timed).Because("a sender that is stuck sends nothing, and does not come to close"),
		lastCounts, closeWaits,
	}
)

// symptoms are how a user meets the race. The text of Sarama was read in 1.43.0 to
// 1.61.1, and is logged at level debug only.
var symptoms = []scenario.Symptom{{
	Seen: []scenario.Seen{
		{By: "Sarama", Text: "broker/1 waiting for throttle timer"},
		{Text: "the producer hangs after throttling, nothing is sent, and Close hangs"},
		{Text: "producer stops sending for ever after it exceeded its quota"},
	},
	Cause:    "The sender waits for a timer that another goroutine has stopped.",
	Variants: []string{"unlocked"},
	Do:       "Use Sarama 1.43.1. There Close still waits until the throttle ends.",
	Command:  scenario.Command("run", "throttle-stall"),
}}

// Client is a release, and what was proposed on top of it.
type Client struct {
	release  sarama.Release
	proposal sarama.Proposal
}

// Sarama is a release.
func Sarama(release sarama.Release) Client { return Client{release, sarama.Released} }

// Scenario is the race.
var Scenario = scenario.Scenario[Params, Client]{
	Name:  "throttle-stall",
	Title: "A throttle replaces the timer that a sender waits for, and the sender waits for ever",
	Stake: "A broker that is over its quota tells the client how long to send nothing, and the client keeps that " +
		"in a timer: the response reader makes it, the sender waits for it, holding the lock of the connection. " +
		"A second answer stops the timer and makes another one, and the sender waits on for the first, which will " +
		"never fire. " +
		"Nothing is sent to this broker any more, Close hangs, and messages pile up until the process dies.",
	Do:       "Use Sarama 1.43.1 or later. There Close still waits until the throttle ends.",
	Group:    scenario.ClientRace,
	Fixed:    "Sarama 1.43.1",
	Symptoms: symptoms,
	Sources: []string{
		"sarama issue 2823, pull request 2826 (proposed as atomic, landed as a mutex; release 1.43.1)",
		"sarama issue 3710 (Close waits for the throttle, 12 h 42 m of it), pull request 3711 (open)",
		"Broker.setThrottle, Broker.waitIfThrottled and AsyncProduce of sarama 1.43.0, 1.43.1 and 1.61.1",
		"KIP-219",
	},
	Code: []string{
		"model/producer/sarama/throttle.go", "model/producer/sarama/throttle_proposals.go", "model/producer/sarama/broker.go", "model/producer/sarama/async_producer.go", "model/producer/sarama/application.go",
		"model/broker/quota.go", "properties/throttle.go",
	},

	Flags:    (*Params).flags,
	Settings: []*setting{untimed, go122, closing, async, timed, timedMuting, timedShorter, timedClose},
	Claims:   []*claim{delivered, noStoppedTimer, readerFree, wakesInTime, nothingSent, noSum, longerKept, closesSoon},
	Variants: []scenario.Variant[Params, Client]{
		{Name: "unlocked", Is: Client{sarama.Release1_43_0, sarama.Released}, Release: "Sarama 1.41.0 to 1.43.0",
			Does:   "shares a timer, with no lock",
			Expect: append(expect{scenario.Breaks(noDataRace).Where(append(stalling, timed, timedShorter, timedClose)...)}, stalls...)},
		{Name: "atomic-pointer", Is: Client{sarama.Release1_43_0, sarama.AtomicPointer}, Release: "the write-up's proposal, never released",
			Does:   "the same steps, over an atomic pointer to the timer",
			Expect: stalls},
		{Name: "mutex", Is: Client{sarama.Release1_43_1, sarama.Released}, Release: "Sarama 1.43.1 and later",
			Does: "the same steps under a lock, which the sender holds while it waits",
			Expect: expect{
				scenario.Breaks(readerFree).Where(append(stalling, timed)...).
					Because("the sender holds the lock while it waits, so that the next throttle only begins when the one before is over"),
				scenario.Breaks(wakesInTime, nothingSent, noSum).Where(timed),
				lastCounts, closeWaits,
			}},
		{Name: "deadline-notify", Is: Client{sarama.Release1_43_1, sarama.DeadlineNotify}, Release: "Sarama pull request 3711, open",
			Does: "shares a deadline under a lock; the sender waits by a timer of its own, and Close wakes it",
			Expect: expect{
				lastCounts, overtaken,
				scenario.Vacuous(noSum).Where(timedClose),
			}},
		{Name: "atomic-deadline", Is: Client{sarama.Release1_43_1, sarama.AtomicDeadline}, Release: "nobody's yet",
			Does:   "shares an atomic deadline that only grows; the sender sleeps until then",
			Expect: expect{closeWaits}},
		{Name: "no-throttle", Is: Client{sarama.Release1_40_1, sarama.Released}, Release: "Sarama before 1.41.0",
			Does: "ignores what the broker says",
			Expect: expect{
				scenario.Breaks(nothingSent).Where(timed, timedShorter).Because("nobody listens to the broker"),
				scenario.Vacuous(noStoppedTimer, readerFree, wakesInTime, noSum, longerKept).Because("who ignores throttles never waits"),
				overtaken,
			}},
	},
	Schedule: `
		sender async produce; sender check throttle; sender write; reader next promise (with sender); sender promise
		sender async produce#2; sender check throttle#2; sender write#2
		sender->broker Produce; broker.channel fires
		sender->broker Produce#2; broker.channel fires#2
		reader read response; reader nil check; reader install; reader callback; reader next promise (with sender)#2
		reader read response#2; reader nil check#2; reader stop
		sender promise#2; sender async produce#3; sender check throttle#3; sender load channel
		reader install#2; reader callback#2; b.throttle.timers[2] fires`,
	Story: `
		sender load channel before reader stop
		reader stop before b.throttle.timers[1] fires`,
	Statements: []scenario.Statement{
		{
			ID:       "C2.1",
			Says:     "setThrottle (response goroutine) and waitIfThrottled (producer goroutine) share a timer without synchronisation: a data race.",
			Verdict:  scenario.True,
			Evidence: "Every access of one side races with a write of the other. It is the least of what is wrong.",
			Command:  "simrun explore throttle-stall/unlocked",
		},
		{
			ID:      "C2.2",
			Says:    "Its effects: inconsistent reads of the throttle state; sends that do not wait; in the worst case a producer blocked for good.",
			Verdict: scenario.True,
			Evidence: "And two more: the response reader waits for ever for what the sender has taken from the timer, or panics on a timer that is nil by now. " +
				"For a sender to block, no two accesses need to be at once: it waits for the timer, and a second answer stops that. " +
				"A broker that does not listen during a throttle sends the second answer just when the timer fires; one that does not mute leaves the whole throttle for it.",
			Command: "simrun run throttle-stall",
		},
		{
			ID:      "C2.3",
			Says:    "atomic.Value in place of the plain variable removes the race and keeps performance, without locks.",
			Verdict: scenario.PartlyTrue,
			When:    "it removes the data race, and nothing else",
			Evidence: "With an atomic pointer to the timer all other properties break as before, in as few steps: what the two sides need is one view of timer and wait, and not of a pointer. " +
				"An atomic deadline that only grows keeps every property but one: Close waits for the throttle, as in the mutex that was released.",
			Command: "simrun explore throttle-stall/atomic-pointer",
		},
		{
			ID:      "C2.4",
			Says:    "Upgrade, watch the throttle metrics, set retries and timeouts, and build back-pressure against exhaustion of memory.",
			Verdict: scenario.PartlyTrue,
			When:    "when upgrade and back-pressure come together",
			Evidence: "The upgrade ends the stall: in no state of mutex is a message lost, and above the quota it delivers the quota, where unlocked soon delivers nothing. " +
				"It leaves memory as it was: with an input that takes all, the queue grows for as long as more is offered than the quota, 1,906 messages in 100 s of twice a quota of 20 a second. " +
				"Back-pressure bounds that, 89 messages for a room of 32, and ends no stall. Retries, timeouts and metrics are not modelled.",
			Command: "simrun sweep throttle",
		},
		{
			ID:       "3710",
			Says:     "Broker.Close can be blocked for the full broker throttle duration.",
			Verdict:  scenario.True,
			Evidence: "Close wants the lock that the sender holds while it waits: of a throttle of 700 ms that began 20 ms before, it waits for about 680. A deadline alone does not help; that Close wakes the sender does.",
			Command:  "simrun explore throttle-stall/mutex@timed-close",
		},
		{
			ID:       "3711",
			Says:     "A deadline and a notification make throttle waits interruptible, and honour replacement throttles.",
			Verdict:  scenario.PartlyTrue,
			When:     "when no later throttle is shorter",
			Evidence: "Of all that was released or proposed it alone lets Close through. A later, shorter throttle replaces a longer one, and requests go out before the longer one is over.",
			Command:  "simrun explore throttle-stall/deadline-notify@timed-shorter",
		},
	},
	Build: build,
}

// build makes a client that writes to one broker.
func build(w *sim.World, client Client, p Params) {
	if p.Go122Timers {
		w.UseGo122Timers()
	}
	if p.Timed {
		w.Timed(sim.Timing{Latency: p.Latency, Service: p.Service})
	}
	quota := broker.QuotaConfig{WithoutMuting: !p.Muting}
	throttles := p.Throttles
	if p.Quota > 0 {
		throttles = p.Messages // Any answer may throttle.
		quota.ProducerByteRate, quota.RecordBytes = broker.Quota{PerSecond: int64(p.Quota)}, 1
	} else {
		for i := range p.Throttles {
			length := p.Throttle
			if i == p.Throttles-1 {
				length = p.LastThrottle
			}
			quota.Throttles = append(quota.Throttles, length)
		}
	}
	w.AddNode("broker", broker.NewQuotaBroker(quota))
	b := sarama.NewBroker(w.Dial("sarama", "broker"), sarama.BrokerConfig{
		Release: client.release, Proposal: client.proposal, MaxOpenRequests: p.MaxOpen, OneMore: p.OneMore, Throttles: throttles,
	})
	w.Share("b", b)
	if client.release >= sarama.Release1_48_0 {
		w.Allow(sim.Faults{Closes: 1}) // By Close, before it awaits the response reader.
	}
	if p.Async {
		shareAsyncProducer(w, b, p)
	} else {
		w.GoProgram("sender", sarama.NewSender(b, p.Messages, 2, p.Pause, !p.CloseBeside))
		w.GoProgram("reader", sarama.NewResponseReceiver(b))
	}
	if p.CloseBeside {
		w.GoProgram("closer", sarama.NewCloser(b, p.CloseAfter))
	}
}

// shareAsyncProducer makes the goroutines of the asynchronous producer.
func shareAsyncProducer(w *sim.World, b *sarama.Broker, p Params) {
	async := sarama.NewAsyncProducer(b, sarama.AsyncProducerConfig{
		Input: p.Input, FlushFrequency: p.Flush, MaxMessages: int32(p.Batch), Messages: p.Messages,
	})
	w.Share("p", async)
	w.GoProgram("app", async.NewApplication(p.Pause))
	w.GoProgram("bp", async.NewBrokerProducer())
	w.GoProgram("bridge", async.NewBridge())
	w.GoProgram("reader", async.NewResponseReceiver())
}
