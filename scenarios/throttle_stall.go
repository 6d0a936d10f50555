package scenarios

import (
	"time"

	"racelab/model/broker"
	"racelab/model/producer/sarama"
	"racelab/properties"
	"racelab/sim"
)

// throttleStall is Sarama's throttle race: the response reader replaces a timer
// that the sender waits for.
var throttleStall = Scenario{
	Name:     "throttle-stall",
	Title:    "A throttle replaces the timer that a sender waits for, and the sender waits for ever",
	Fixed:    "Sarama 1.43.1",
	Symptoms: throttleStallSymptoms,
	Stake: "A broker that is over its quota tells the client how long to send nothing, and the client keeps that " +
		"in a timer: the response reader makes it, the sender waits for it, holding the lock of the connection. " +
		"A second answer stops the timer and makes another one, and the sender waits on for the first, which will " +
		"never fire. " +
		"Nothing is sent to this broker any more, Close hangs, and messages pile up until the process dies.",
	Do:    "Use Sarama 1.43.1 or later. There Close still waits until the throttle ends.",
	Group: ClientRace,
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

	Parameters: []Parameter{
		{Name: "messages", Help: "messages, each in a request of its own unless batch says otherwise", Default: "3", Takes: Numbers{1, 10_000}},
		{Name: "throttles", Help: "answers, from the first on, that throttle", Default: "2", Takes: Numbers{0, 16}},
		{Name: "throttle", Help: "how long each does, in ms", Default: "200", Takes: Numbers{1, 3_600_000}},
		{Name: "last-throttle", Help: "how long the last of them does, in ms", Default: "200", Takes: Numbers{1, 3_600_000}},
		{Name: "quota", Help: "messages a second, in a timed world: then the answers throttle by Kafka's formula, not as many and as long as above; 0 is none", Default: "0", Takes: Numbers{0, 1_000_000}},
		{Name: "muting", Help: "whether the broker does not listen during a throttle (KIP-219)", Default: "on", Takes: Words{"on", "off"}},
		{Name: "max-open", Help: "Net.MaxOpenRequests", Default: "1", Takes: Numbers{1, 64}},
		{Name: "one-more", Help: "whether one more than that are in flight, as before 1.61.1", Default: "on", Takes: Words{"on", "off"}},
		{Name: "timers", Help: "whose timers the client has", Default: "go1.23", Takes: Words{"go1.23", "go1.22"}},
		{Name: "producer", Help: "who sends: one goroutine, or the asynchronous producer", Default: "broker", Takes: Words{"broker", "async"}},
		{Name: "input", Help: "of the asynchronous producer: how many messages may be ahead of it", Default: "1", Takes: Numbers{0, 1_000_000}},
		{Name: "flush", Help: "of the asynchronous producer: Flush.Frequency, in ms; 0 is none", Default: "0", Takes: Numbers{0, 60_000}},
		{Name: "batch", Help: "of the asynchronous producer: Flush.MaxMessages", Default: "1", Takes: Numbers{1, 1000}},
		{Name: "close", Help: "who closes the connection: the sender in the end, or another goroutine", Default: "end", Takes: Words{"end", "beside"}},
		{Name: "close-after", Help: "when another goroutine does, in ms; 0 is at any moment", Default: "0", Takes: Numbers{0, 3_600_000}},
		{Name: "pause", Help: "between the messages before and after the first two, in ms", Default: "0", Takes: Numbers{0, 60_000}},
		{Name: "clock", Help: "whether things take their time", Default: "untimed", Takes: Words{"untimed", "timed"}},
		{Name: "latency", Help: "of a message, in a timed world", Default: "1ms", Takes: Delays{}},
		{Name: "service", Help: "of a request at the broker, in a timed world", Default: "20ms", Takes: Delays{}},
	},
	Variants: []Variant{
		{"unlocked", "Sarama 1.41.0 to 1.43.0", "shares a timer, with no lock"},
		{"atomic-pointer", "the write-up's proposal, never released", "the same steps, over an atomic pointer to the timer"},
		{"mutex", "Sarama 1.43.1 and later", "the same steps under a lock, which the sender holds while it waits"},
		{"deadline-notify", "Sarama pull request 3711, open", "shares a deadline under a lock; the sender waits by a timer of its own, and Close wakes it"},
		{"atomic-deadline", "nobody's yet", "shares an atomic deadline that only grows; the sender sleeps until then"},
		{"no-throttle", "Sarama before 1.41.0", "ignores what the broker says"},
	},
	Worlds: []World{
		{Name: "untimed", Set: ""},
		{Name: "go1.22", Set: "timers=go1.22"},
		{Name: "close", Set: "close=beside"},
		{Name: "async", Set: "producer=async"},
		{Name: "timed", Set: "clock=timed messages=4 muting=off"},
		{Name: "timed-muting", Set: "clock=timed messages=4"},
		{Name: "timed-shorter", Set: "clock=timed muting=off last-throttle=50 max-open=2 pause=50"},
		{Name: "timed-close", Set: "clock=timed muting=off throttles=1 throttle=700 last-throttle=700 close=beside close-after=42"},
	},
	Properties: []Claimed{
		{"every-message-is-delivered", "the application hears of each message in the end: delivered, or not connected"},
		{"no-sender-waits-for-a-stopped-timer", "whoever waits for the end of a throttle waits for a timer that will fire"},
		{"response-reader-is-never-blocked", "the response reader never waits for a sender that waits for a throttle to end"},
		{"waiter-wakes-by-the-deadline", "who waits for throttles wakes no later than the last of them ends"},
		{"nothing-is-sent-during-a-throttle", "from the instant after the client was told of a throttle, it sends nothing until that is over"},
		{"throttles-do-not-add-up", "what waited for throttles is sent when the last is over, not when their sum is"},
		{"longer-throttle-is-kept", "a later throttle that ends earlier does not cut an earlier one short"},
		{"close-ends-within-a-round-trip", "Close takes no longer than what is in flight"},
	},
	Breaks: []Expectation{
		{"unlocked", "no-data-race", "untimed go1.22 close async timed timed-muting timed-shorter timed-close"},
		// An atomic pointer takes the data race away, and nothing else.
		{"unlocked atomic-pointer",
			"every-message-is-delivered no-sender-waits-for-a-stopped-timer response-reader-is-never-blocked no-progress no-panic",
			"untimed go1.22 close async timed-muting"},
		{"unlocked atomic-pointer",
			"every-message-is-delivered no-sender-waits-for-a-stopped-timer no-progress", "timed"},
		{"unlocked atomic-pointer", "waiter-wakes-by-the-deadline", "timed timed-muting"},
		// The sender holds the lock while it waits, so that the next throttle only
		// begins when the one before is over.
		{"mutex", "response-reader-is-never-blocked", "untimed go1.22 close async timed timed-muting"},
		{"mutex", "waiter-wakes-by-the-deadline nothing-is-sent-during-a-throttle throttles-do-not-add-up", "timed"},
		// The last throttle counts, not the longest.
		{"unlocked atomic-pointer mutex deadline-notify", "nothing-is-sent-during-a-throttle longer-throttle-is-kept", "timed-shorter"},
		// The sender holds the lock of the connection while it waits.
		{"unlocked atomic-pointer mutex atomic-deadline", "close-ends-within-a-round-trip", "timed-close"},
		{"no-throttle", "nothing-is-sent-during-a-throttle", "timed timed-shorter"},
	},
	Idle: []Expectation{
		// Without a clock nothing is late.
		{allThrottles, timedThrottle, "untimed go1.22 close async"},
		// Who ignores throttles never waits.
		{"no-throttle", "no-sender-waits-for-a-stopped-timer response-reader-is-never-blocked waiter-wakes-by-the-deadline throttles-do-not-add-up longer-throttle-is-kept",
			"untimed go1.22 close async timed timed-muting timed-shorter timed-close"},
		// A sender that is stuck sends nothing, and does not come to close.
		{"unlocked atomic-pointer", "nothing-is-sent-during-a-throttle throttles-do-not-add-up close-ends-within-a-round-trip", "timed"},
		// No throttle is shorter than one before it.
		{allThrottles, "longer-throttle-is-kept", "timed timed-muting timed-close"},
		// Close overtakes whatever would be sent.
		{"deadline-notify", "nothing-is-sent-during-a-throttle throttles-do-not-add-up", "timed-close"},
		{"no-throttle", "nothing-is-sent-during-a-throttle", "timed-close"},
		// One goroutine takes all locks, or none comes when another one is there.
		{"unlocked atomic-pointer atomic-deadline no-throttle", sim.NoDeadlock, "untimed go1.22 async timed timed-muting timed-shorter"},
		{"mutex", sim.NoDeadlock, "timed-shorter"},
		{"deadline-notify", sim.NoDeadlock, "timed timed-shorter"},
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
	Claims: []Claim{
		{
			ID:       "C2.1",
			Says:     "setThrottle (response goroutine) and waitIfThrottled (producer goroutine) share a timer without synchronisation: a data race.",
			Verdict:  Confirmed,
			Evidence: "Every access of one side races with a write of the other. It is the least of what is wrong.",
			Command:  "simrun explore throttle-stall --variant unlocked",
		},
		{
			ID:      "C2.2",
			Says:    "Its effects: inconsistent reads of the throttle state; sends that do not wait; in the worst case a producer blocked for good.",
			Verdict: Confirmed,
			Evidence: "And two more: the response reader waits for ever for what the sender has taken from the timer, or panics on a timer that is nil by now. " +
				"For a sender to block, no two accesses need to be at once: it waits for the timer, and a second answer stops that. " +
				"A broker that does not listen during a throttle sends the second answer just when the timer fires; one that does not mute leaves the whole throttle for it.",
			Command: "simrun run throttle-stall",
		},
		{
			ID:      "C2.3",
			Says:    "atomic.Value in place of the plain variable removes the race and keeps performance, without locks.",
			Verdict: "only the data race; an atomic deadline, with no timer shared, does what was hoped for",
			Evidence: "With an atomic pointer to the timer all other properties break as before, in as few steps: what the two sides need is one view of timer and wait, and not of a pointer. " +
				"An atomic deadline that only grows keeps every property but one: Close waits for the throttle, as in the mutex that was released.",
			Command: "simrun explore throttle-stall --variant atomic-pointer",
		},
		{
			ID:      "C2.4",
			Says:    "Upgrade, watch the throttle metrics, set retries and timeouts, and build back-pressure against exhaustion of memory.",
			Verdict: "only upgrade and back-pressure together",
			Evidence: "The upgrade ends the stall: in no state of mutex is a message lost, and above the quota it delivers the quota, where unlocked soon delivers nothing. " +
				"It leaves memory as it was: with an input that takes all, the queue grows for as long as more is offered than the quota, 1,900 messages in 100 s of twice a quota of 20 a second. " +
				"Back-pressure bounds that, 89 messages for a room of 32, and ends no stall. Retries, timeouts and metrics are not modelled.",
			Command: "simrun sweep throttle",
		},
		{
			ID:       "3710",
			Says:     "Broker.Close can be blocked for the full broker throttle duration.",
			Verdict:  Confirmed,
			Evidence: "Close wants the lock that the sender holds while it waits: of a throttle of 700 ms that began 20 ms before, it waits for 680. A deadline alone does not help; that Close wakes the sender does.",
			Command:  "simrun explore throttle-stall --variant mutex --set clock=timed --set muting=off --set throttles=1 --set last-throttle=700 --set close=beside --set close-after=42",
		},
		{
			ID:       "3711",
			Says:     "A deadline and a notification make throttle waits interruptible, and honour replacement throttles.",
			Verdict:  "only when no later throttle is shorter",
			Evidence: "Of all that was released or proposed it alone lets Close through. A later, shorter throttle replaces a longer one, and requests go out before the longer one is over.",
			Command:  "simrun explore throttle-stall --variant deadline-notify --set clock=timed --set muting=off --set last-throttle=50 --set max-open=2 --set pause=50",
		},
	},
	Build: buildThrottleStall,
}

const (
	allThrottles  = "unlocked atomic-pointer mutex deadline-notify atomic-deadline no-throttle"
	timedThrottle = "waiter-wakes-by-the-deadline nothing-is-sent-during-a-throttle throttles-do-not-add-up longer-throttle-is-kept close-ends-within-a-round-trip"
)

// throttlings says which release a variant stands for, or what was proposed on
// top of it.
var throttlings = map[string]struct {
	release  sarama.Release
	proposal sarama.Proposal
}{
	"unlocked":        {sarama.Release1_43_0, sarama.Released},
	"atomic-pointer":  {sarama.Release1_43_0, sarama.AtomicPointer},
	"mutex":           {sarama.Release1_43_1, sarama.Released},
	"deadline-notify": {sarama.Release1_43_1, sarama.DeadlineNotify},
	"atomic-deadline": {sarama.Release1_43_1, sarama.AtomicDeadline},
	"no-throttle":     {sarama.Release1_40_1, sarama.Released},
}

// buildThrottleStall makes a client that writes to one broker.
func buildThrottleStall(variant string, values Values) *sim.World {
	w := sim.NewWorld()
	timeThrottleStall(w, values)
	quota := broker.QuotaConfig{Throttles: throttleTimes(values), WithoutMuting: values.Word("muting") == "off"}
	throttles := len(quota.Throttles)
	if messages := values.Int("quota"); messages > 0 {
		quota.Throttles, throttles = nil, values.Int("messages") // Any answer may throttle.
		quota.ProducerByteRate, quota.RecordBytes = broker.Quota{PerSecond: int64(messages)}, 1
	}
	w.AddNode("broker", broker.NewQuotaBroker(quota))
	b := sarama.NewBroker(w.Dial("sarama", "broker"), sarama.BrokerConfig{
		Release: throttlings[variant].release, Proposal: throttlings[variant].proposal, MaxOpenRequests: values.Int("max-open"), OneMore: values.Word("one-more") == "on",
		Throttles: throttles,
	})
	w.Share("b", b)
	if values.Word("producer") == "async" {
		shareAsyncProducer(w, b, values)
	} else {
		w.Go("sender", sarama.NewSender(b, values.Int("messages"), 2, milliseconds(values, "pause"), values.Word("close") == "end"))
		w.Go("reader", sarama.NewResponseReceiver(b))
	}
	if values.Word("close") == "beside" {
		w.Go("closer", sarama.NewCloser(b, milliseconds(values, "close-after")))
	}
	w.Watch(properties.EveryMessageIsDelivered(values.Int("messages")))
	w.Watch(properties.NoSenderWaitsForAStoppedTimer("reader"))
	w.Watch(properties.ResponseReaderIsNeverBlocked("reader"))
	w.Watch(properties.WaiterWakesByTheDeadline())
	w.Watch(properties.NothingIsSentDuringAThrottle())
	w.Watch(properties.ThrottlesDoNotAddUp())
	w.Watch(properties.LongerThrottleIsKept())
	w.Watch(properties.CloseEndsWithinARoundTrip(42 * time.Millisecond))
	return w
}

// timeThrottleStall says what takes how long.
func timeThrottleStall(w *sim.World, values Values) {
	if values.Word("timers") == "go1.22" {
		w.SetTimers(sim.TimersGo122)
	}
	if values.Word("clock") == "timed" {
		w.Timed(sim.Timing{Latency: values.Delay("latency"), Service: values.Delay("service")})
	}
}

// throttleTimes are what the first answers say.
func throttleTimes(values Values) []time.Duration {
	var times []time.Duration
	for i := range values.Int("throttles") {
		if i < values.Int("throttles")-1 {
			times = append(times, milliseconds(values, "throttle"))
		} else {
			times = append(times, milliseconds(values, "last-throttle"))
		}
	}
	return times
}

// shareAsyncProducer makes the goroutines of the asynchronous sarama.
func shareAsyncProducer(w *sim.World, b *sarama.Broker, values Values) {
	p := sarama.NewAsyncProducer(b, sarama.AsyncProducerConfig{
		Input: values.Int("input"), FlushFrequency: milliseconds(values, "flush"), MaxMessages: int32(values.Int("batch")), Messages: values.Int("messages"),
	})
	w.Share("p", p)
	w.Go("app", p.NewApplication(milliseconds(values, "pause")))
	w.Go("bp", p.NewBrokerProducer())
	w.Go("bridge", p.NewBridge())
	w.Go("reader", p.NewResponseReceiver())
}

// milliseconds is the value of a parameter that counts them.
func milliseconds(values Values, name string) time.Duration {
	return time.Duration(values.Int(name)) * time.Millisecond
}
