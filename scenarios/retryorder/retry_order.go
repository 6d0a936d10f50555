// Package retryorder is what becomes of the order of a partition while a producer
// retries: Sarama's asynchronous one, franz-go's, Java's and librdkafka's.
package retryorder

import (
	"racelab/model"
	"racelab/model/broker"
	"racelab/model/producer"
	"racelab/model/producer/java"
	"racelab/model/producer/kgo"
	"racelab/model/producer/librdkafka"
	"racelab/model/producer/saramaasync"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct {
	Messages   int
	Idempotent bool
	MaxOpen    int
	Refused    int
	Refusals   int
	RetryMax   int
	Unread     bool
	Lost       int
}

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Messages, "messages", 2, 1, 6, "messages to one partition")
	f.Switch(&p.Idempotent, "idempotent", "off", "on", false, "whether the producer is; then MaxOpenRequests is 1")
	f.Int(&p.MaxOpen, "max-open", 1, 1, 5, "Net.MaxOpenRequests, of Sarama; the others have so many in flight, idempotent ones 5")
	f.Int(&p.Refused, "refused", 1, 1, 6, "the message that the broker refuses")
	f.Int(&p.Refusals, "refusals", 1, 0, 6, "how often the broker answers NOT_LEADER_OR_FOLLOWER to it")
	f.Int(&p.Lost, "lost", 0, 0, 2, "how often the connection to the broker is lost, with what is in flight: the broker has written it, or not")
	f.Int(&p.RetryMax, "retry-max", 3, 1, 3, "Producer.Retry.Max, or what the client calls it; librdkafka does not count refusals")
	f.Switch(&p.Unread, "errors", "read", "unread", false, "whether somebody reads Errors")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

var (
	plain          = &setting{Name: "plain"}
	plainFive      = &setting{Name: "plain-5", Set: func(p *Params) { p.MaxOpen = 5 }}
	idempotent     = &setting{Name: "idempotent", Set: func(p *Params) { p.Idempotent, p.Messages = true, 3 }}
	known          = &setting{Name: "known", Set: func(p *Params) { p.Idempotent, p.Messages, p.Refused = true, 3, 2 }}
	exhausted      = &setting{Name: "exhausted", Set: func(p *Params) { p.Idempotent, p.Refusals, p.RetryMax = true, 2, 1 }}
	lost           = &setting{Name: "lost", Set: func(p *Params) { p.Refusals, p.Lost, p.RetryMax = 0, 1, 2 }}
	lostFive       = &setting{Name: "lost-5", Set: func(p *Params) { p.Refusals, p.Lost, p.RetryMax, p.MaxOpen, p.Messages = 0, 1, 2, 5, 3 }}
	lostIdempotent = &setting{Name: "lost-idempotent", Set: func(p *Params) { p.Refusals, p.Lost, p.RetryMax, p.Idempotent = 0, 1, 2, true }}
	failover       = &setting{Name: "failover", Set: func(p *Params) { p.Lost = 1 }}
	unread         = &setting{Name: "unread", Set: func(p *Params) { p.Idempotent, p.Refusals, p.RetryMax, p.Unread = true, 2, 1, true }}

	order = &claim{Name: "first-appends-keep-the-order", Says: "messages of a partition are written in the order in which the application handed them over, as long as none fails",
		If:       passes,
		Property: func(Params) *sim.Property { return properties.FirstAppendsKeepTheOrder(1) }}
	noneLost = &claim{Name: "no-record-is-lost", Says: "a message of which the application hears that it is delivered is written",
		If:       hears,
		Property: func(Params) *sim.Property { return properties.NoRecordIsLost() }}
	noneTwice = &claim{Name: "no-record-is-written-twice", Says: "no message is written more than once",
		If:       hears,
		Property: func(Params) *sim.Property { return properties.NoRecordIsWrittenTwice() }}
	staysOut = &claim{Name: "failed-record-stays-out", Says: "a message of which the application hears that it failed is not written",
		If:       func(p Params) bool { return hears(p) && !passes(p) },
		Property: func(Params) *sim.Property { return properties.FailedRecordStaysOut() }}
	noneFails = &claim{Name: "a-passing-fault-fails-nothing", Says: "if the broker refuses fewer times than there are retries, every message is delivered",
		If:       passes,
		Property: func(Params) *sim.Property { return properties.NothingFails() }}
	noProgress = &claim{Name: sim.NoProgress, Says: "every message has its outcome in the end, and the producer closes"}
)

// passes: the faults are over before the retries are.
func passes(p Params) bool { return p.Refusals+p.Lost < p.RetryMax }

// hears: somebody reads Errors.
func hears(p Params) bool { return !p.Unread }

// Client is a release of Sarama, or another library.
type Client struct {
	library library
	one     bool // of librdkafka: one request is in flight
	release saramaasync.Release
}

// Sarama is a release of it.
func Sarama(release saramaasync.Release) Client { return Client{release: release} }

type library uint8

const (
	sarama library = iota
	franzGo
	javaClient
	librdkafkaClient
)

// ofItsOwn is why Sarama stalls after a lost connection.
const ofItsOwn = "the batch that was lost goes again through a brokerProducer of its own, which frees the partition; the one that has the next message is not told"

var (
	overtakes = scenario.Breaks(order).Where(plain, plainFive, failover).
			Because("a second batch is in flight, even with MaxOpenRequests 1, and is written while the first goes back")
	outOfOrder = scenario.Breaks(noneFails).Where(idempotent, known).
			Because("the batches behind the one that was refused are refused as out of order, which is final")
	takenFirst = scenario.Breaks(noneFails).Where(idempotent).
			Because("a broker that does not know the producer yet takes whatever batch comes as its first; the one before it is out of order then, for good")
	implicit = scenario.Breaks(noneLost).Where(idempotent, exhausted).
			Because("a broker that does not know the producer yet takes the second batch as its first, and the client takes the one before for written: its messages are acknowledged, and never sent again")
	again = scenario.Breaks(noneTwice).Where(lost, lostFive, failover).
		Because("the broker had written what was in flight, and nothing tells it that it comes again")
	chaser = scenario.Breaks(order).Where(lostFive).
		Because("the chaser may come back before the second set in flight does, and what waits for it goes out")
	regrouped = scenario.Breaks(noneFails).Where(lostIdempotent).
			Because("messages in flight are sent again in a batch with others, which the broker does not know as the one it has written")
	lostThenRefused = scenario.Breaks(order).Where(failover).
			Because("what was lost with the connection goes again as it was, and keeps the partition; the refusal lets the partition go, and the message goes behind the one that has gathered")
	untold = scenario.Breaks(noProgress).Where(exhausted).
		Because("the batch that fails frees the partition in a goroutine of its own, and brokerProducer waits for something else")
	notTold = scenario.Breaks(noProgress).Where(lostIdempotent).
		Because(ofItsOwn)
	notToldEither = scenario.Breaks(noProgress).Where(lost, lostFive, failover, lostIdempotent).
			Because(ofItsOwn)
	nobodyReads = scenario.Breaks(noProgress).Where(unread).
			Because("the error waits for a reader, and the goroutine that returns it has the partition's batches to go on with")
)

// Scenario is the race. A variant is a release.
var Scenario = scenario.Scenario[Params, Client]{
	Name:  "retry-order",
	Title: "A broker refuses a batch for a moment, and messages overtake, vanish or stand still",
	Stake: "Sarama's asynchronous producer sends what was refused again, while it goes on with what comes next. " +
		"Up to 1.47.0 the next batch is in flight already: it is written first, or, of an idempotent producer, refused as out of order; " +
		"and up to 1.46.2 a message that waited behind the retry has no sequence number, so that the broker takes it for another one: " +
		"acknowledged, and never written. " +
		"From 1.48.0 to 1.60.0 a partition that is free again may not be noticed. " +
		"If the connection is lost instead, a client cannot know what of its requests was written: without idempotence it comes twice.",
	Do: "Use Sarama 1.61.1, and read Errors. Before 1.48.0 no setting keeps the order: with MaxOpenRequests 1 two requests are in flight. " +
		"In every client make the producer idempotent: else a lost connection repeats, and with several requests in flight franz-go and Java reorder.",
	Group: scenario.ClientRace,
	Fixed: "Sarama 1.60.1",
	Symptoms: []scenario.Symptom{
		{
			Seen: []scenario.Seen{
				{Text: "Sarama messages are out of order after NOT_LEADER_FOR_PARTITION, with MaxOpenRequests 1"},
				{By: "Sarama", Text: "state change to [retrying] because kafka server: Tried to send a message to a replica that is not the leader for some partition"},
			},
			Cause:    "The next batch is in flight while the first is retried.",
			Variants: []string{"unnumbered", "numbered"},
			Do:       "Use Sarama 1.61.1.",
			Command:  scenario.Command("run", "retry-order"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "a message was acknowledged by Sarama's idempotent producer, and is not in the topic"},
			},
			Cause:    "What waits behind a batch that is retried goes without a sequence number, and the broker takes it for another message.",
			Variants: []string{"unnumbered"},
			Do:       "Use Sarama 1.61.1.",
			Command:  scenario.Command("explore", "retry-order/unnumbered@idempotent"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "librdkafka reported a message as delivered that is not in the topic, after a leader election"},
				{By: "librdkafka", Text: "message(s) implicitly acked by subsequent batch success"},
			},
			Cause:    "The first batch of a new producer was refused and the second was written: librdkafka takes the first for written, too.",
			Variants: []string{"librdkafka"},
			Also:     "; by the source, before too",
			Do:       "Set max.in.flight.requests.per.connection to 1, or flush after the first message to each partition.",
			Command:  scenario.Command("explore", "retry-order/librdkafka@idempotent"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "messages are in the topic twice after a connection reset, although each was sent once"},
			},
			Cause:   "The broker had written what was in flight, and it is written again.",
			Also:    "all clients, without idempotence",
			Do:      "Make the producer idempotent.",
			Command: scenario.Command("explore", "retry-order/numbered-late@lost"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "an idempotent Sarama producer fails with OUT_OF_ORDER_SEQUENCE_NUMBER after a broken connection"},
				{By: "Sarama", Text: "kafka: Failed to produce message to topic orders: kafka server: The broker received an out of order sequence number"},
			},
			Cause:    "The broker had written what was in flight. It is sent again in another batch, which the broker does not know.",
			Variants: []string{"unnumbered", "numbered"},
			Do:       "Use Sarama 1.61.1.",
			Command:  scenario.Command("explore", "retry-order/numbered@lost-idempotent"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "a Sarama producer stops sending to a partition after a batch failed for good or a connection was lost, until the next message comes"},
			},
			Cause:    "The partition is free again, and the goroutine that sends is not told.",
			Variants: []string{"muted", "resent"},
			Do:       "Use Sarama 1.61.1.",
			Command:  scenario.Command("explore", "retry-order/muted@exhausted"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "Sarama messages are out of order after a connection was lost in a failover, with MaxOpenRequests 1"},
				{By: "Sarama", Text: "state change to [closing] because EOF"},
			},
			Cause:    "What was lost goes again as it was. If it is then refused, it goes behind what has gathered.",
			Variants: []string{"resent", "woken"},
			Also:     "; not if the producer is idempotent",
			Do:       "Use Sarama 1.61.1, or make the producer idempotent.",
			Command:  scenario.Command("explore", "retry-order/woken@failover"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "Sarama AsyncProducer hangs after an error, and nobody reads Errors"},
			},
			Cause:    "The goroutine that sends waits for somebody to read the error.",
			Variants: []string{"unnumbered", "numbered", "muted", "resent", "woken", "numbered-late"},
			Do:       "Read Errors.",
			Command:  scenario.Command("explore", "retry-order/numbered-late@unread"),
		},
	},
	Sources: []string{
		"sarama issues 2619, 2860 (order), 3354 (sequence numbers, release 1.46.3), pull request 3422 (partition muting, release 1.48.0), 3689 (release 1.60.1)",
		"partitionProducer, brokerProducer, partitionMuter, retryHandler and retryBatch of sarama 1.38.0, 1.43.3, 1.47.0, 1.48.0, 1.60.0, 1.60.1 and 1.61.1, async_producer.go",
		"brokerProducer.handleError, abandonBrokerConnection and Broker.responseReceiver of the same releases and of 1.50.3",
		"sink and recBuf of franz-go 1.22.2; handleReqClientErr, brokerCxn.handleResps and loadConnection of 1.22.3",
		"Sender, RecordAccumulator and TransactionManager of Kafka 3.9, clients/producer/internals; rdkafka_request.c, rdkafka_partition.c and rdkafka_idempotence.c of librdkafka 2.3.0, 2.12.0 and 2.15.1; rd_kafka_dr_implicit_ack of 1.3.0 too",
		"confluent-kafka-go issue 921 (a refused message is reported as delivered)",
	},
	Code: []string{
		"model/producer/saramaasync/producer.go", "model/producer/saramaasync/partition_producer.go", "model/producer/saramaasync/broker_producer.go",
		"model/producer/kgo/sink.go", "model/producer/java/sender.go", "model/producer/librdkafka/producer.go", "properties/produce_order.go",
	},
	Flags:    (*Params).flags,
	Settings: []*setting{plain, plainFive, idempotent, known, exhausted, unread, lost, lostFive, lostIdempotent, failover},
	Claims:   []*claim{order, noneLost, noneTwice, noneFails, staysOut, noProgress},
	Variants: []scenario.Variant[Params, Client]{
		{Name: "unnumbered", Is: Client{release: saramaasync.Release1_43_3}, Release: "Sarama 1.38.0 to 1.46.2",
			Does: "retries, with more in flight; what is buffered behind a retry gets no sequence number",
			Expect: expect{
				overtakes, outOfOrder, nobodyReads, again, chaser, regrouped,
				scenario.Breaks(noneLost).Where(idempotent, lostIdempotent).Because("a message without a number has number 0, and the broker knows that one"),
			},
			SlowIn: []*setting{plainFive, idempotent, known, exhausted, unread, lost, lostFive, lostIdempotent, failover}},
		{Name: "numbered", Is: Client{release: saramaasync.Release1_46_3}, Release: "Sarama 1.46.3 to 1.47",
			Does:   "likewise, but what was buffered gets its number when it goes on",
			Expect: expect{overtakes, outOfOrder, nobodyReads, again, chaser, regrouped},
			SlowIn: []*setting{plainFive, idempotent, known, exhausted, unread, lost, lostFive, lostIdempotent, failover}},
		{Name: "muted", Is: Client{release: saramaasync.Release1_48_0}, Release: "Sarama 1.48.0 to 1.50.3",
			Does:   "has one batch of a partition in flight",
			Expect: expect{nobodyReads, again, untold, notTold},
			SlowIn: []*setting{idempotent, known, lost, lostFive, lostIdempotent}},
		{Name: "resent", Is: Client{release: saramaasync.Release1_60_0}, Release: "Sarama 1.60.0",
			Does:   "likewise, and sends what was lost with its connection again as it was, idempotent or not",
			Expect: expect{nobodyReads, again, untold, notToldEither, lostThenRefused},
			SlowIn: []*setting{idempotent, known, lost, lostFive, lostIdempotent, failover}},
		{Name: "woken", Is: Client{release: saramaasync.Release1_60_1}, Release: "Sarama 1.60.1 to 1.61.0",
			Does:   "likewise, and whoever waits for the partition is woken",
			Expect: expect{nobodyReads, again, lostThenRefused},
			SlowIn: []*setting{idempotent, known, lost, lostFive, lostIdempotent}},
		{Name: "numbered-late", Is: Client{release: saramaasync.Release1_61_1}, Release: "Sarama 1.61.1",
			Does:   "likewise, and a batch gets its numbers when it has the partition",
			Expect: expect{nobodyReads, again},
			SlowIn: []*setting{known, lost, lostFive, failover}},
		{Name: "franz-go", Is: Client{library: franzGo}, Release: "franz-go 1.22.2 to 1.22.3",
			Does: "after an error has one batch of a partition in flight, until one is answered well; what comes after a lost connection goes out on a new one",
			Expect: expect{again, scenario.Breaks(order).Where(lostFive).
				Because("a request that is written after the loss goes out on a new connection, before those that were in flight on the old one")}},
		{Name: "java", Is: Client{library: javaClient}, Release: "Java 3.9",
			Does: "puts a refused batch in front of its queue; an idempotent one by its sequence number, and sends only the first again",
			Expect: expect{takenFirst, again, scenario.Breaks(order).Where(plainFive, lostFive).
				Because("five requests are in flight, and each goes in front of the queue: the one that was sent last is sent again first")}},
		{Name: "librdkafka", Is: Client{library: librdkafkaClient}, Release: "librdkafka 2.3.0 to 2.15.1",
			Does: "puts refused messages back by their ids, and counts a retry only where the message may be written already; an idempotent producer sends nothing until all in flight is answered, and takes what comes before a written batch for written",
			Expect: expect{implicit, again, scenario.Vacuous(staysOut).Where(exhausted).Because("no message fails: refusals are not counted"), scenario.Breaks(order).Where(plainFive).
				Because("five requests are in flight, and the second is written before the first goes back")}},
		{Name: "librdkafka-one", Is: Client{library: librdkafkaClient, one: true}, Release: "likewise, with max.in.flight.requests.per.connection 1",
			Does:   "has one request in flight: nothing is written behind one that is refused",
			Expect: expect{again, scenario.Vacuous(staysOut).Where(exhausted).Because("no message fails: refusals are not counted")}},
	},
	Statements: []scenario.Statement{
		{
			ID:       "in-flight",
			Says:     "An idempotent producer with five requests in flight keeps the order, and loses nothing, when a broker refuses a batch for a moment.",
			Verdict:  scenario.PartlyTrue,
			When:     "if the broker knows the producer",
			Evidence: "franz-go has one batch of a partition in flight until one is acknowledged. Java and librdkafka have five from the start: if the very first batch is refused and the second is not, the broker takes the second as the producer's first. The order of what is written holds; in Java record 1 fails, and librdkafka reports it as delivered, though it is lost (confluent-kafka-go issue 921); with one request in flight it is not (librdkafka-one). Once a batch is acknowledged all three hold (setting known).",
			Command:  "simrun explore retry-order/java@idempotent",
		},
		{
			ID:       "lost-connection",
			Says:     "After a lost connection a producer that is not idempotent may repeat messages, but keeps their order.",
			Verdict:  scenario.PartlyTrue,
			When:     "with one request in flight",
			Evidence: "Of what was in flight the broker has written the first so many, so sending all again in order keeps the order of what is written first. With five requests in flight Java turns the order round, as each batch goes in front of its queue, and franz-go writes what comes next on a new connection before it has seen that the old requests failed. Sarama to 1.47.0 takes the order for settled when the first of two lost requests is back. Sarama from 1.48.0 on and librdkafka keep it, but that in Sarama 1.60.0 to 1.61.0 a message overtakes one that is refused when it comes again after its connection was lost (setting failover; docs/found-in-clients.md). Idempotent, all keep it and repeat nothing; but Sarama to 1.47.0 fails messages that are written, as it sends them again in another batch. Released franz-go 1.22.2 and 1.22.3 send what the model sends, at the same times, with 1 to 5 requests in flight, idempotent or not (go -C witness/conform test . -run TestKgoOrder).",
			Command:  "simrun explore retry-order/java@lost-5",
		},
		{
			ID:       "2619",
			Says:     "With MaxOpenRequests 1, messages keep their order over retries.",
			Verdict:  scenario.False,
			Evidence: "Up to 1.61.0 a request is written before its promise waits for room, so two are in flight; the second is written while the first goes back. From 1.48.0 on a partition has one batch in flight, whatever MaxOpenRequests is, and the order holds in all states.",
			Command:  "simrun explore retry-order",
		},
		{
			ID:       "3354",
			Says:     "Messages buffered behind a retry skip their sequence numbers.",
			Verdict:  scenario.True,
			Evidence: "Worse: they go out with number 0. If the first batch had that number and as many messages, the broker answers as to a duplicate: message 3 of 3 is acknowledged and not written. So does released 1.46.2 (docs/found-in-clients.md).",
			Command:  "simrun explore retry-order/unnumbered@idempotent",
		},
		{
			ID:       "3689",
			Says:     "A partition that is unmuted elsewhere is not noticed by the brokerProducer that waits for it.",
			Verdict:  scenario.True,
			Evidence: "A batch that has used up its retries is failed by retryBatch, which unmutes the partition. A message that has gathered meanwhile stays where it is until another message or answer comes. So does one that gathers after a lost connection, though no message fails: what was lost goes again through a brokerProducer of its own (setting lost-idempotent; in 1.60.0 lost, too; docs/found-in-clients.md). 1.60.1 waits for a signal.",
			Command:  "simrun explore retry-order/muted@exhausted",
		},
	},
	Schedule: `
		app produce; app input; app produce#2; app input#2; pp dispatch; bp run (leader1.bpInput with pp); pp hand on
		pp dispatch#2; bridge bridge (with bp); bridge async produce; bp run (leader1.output)
		bp run (leader1.bpInput with pp)#2; bridge->broker Produce; reader next promise (with bridge)
		reader read response; reader to pending; bridge write; bridge bridge (with bp)#2; bridge async produce#2
		bp run (leader1.output)#2; bp run (leader1.pending); bp to retries; reader next promise (with bridge)#2
		bridge write#2; retries take retry; retries input again; pp hand on#2; pp dispatch#3
		bp run (leader1.bpInput with pp)#3; pp send fin; pp least loaded; bp to retries#2; bp run (leader1.bpInput with pp)#4
		pp send syn; bp run (leader1.bpInput with pp)#5; bridge bridge (with bp)#3; bridge async produce#3
		bridge->broker Produce#2; bridge->broker Produce#3`,
	Build: build,
}

// build makes an application over a producer, and the leader of its partition.
func build(w *sim.World, is Client, p Params) {
	node := broker.Config{Partitions: []model.Partition{0}}
	if p.Refusals > 0 {
		node.Refusals = []broker.Refusal{{Record: model.Record(p.Refused), Error: model.ErrNotLeaderOrFollower, Times: int32(p.Refusals)}}
	}
	w.AddNode("broker", broker.New(node))
	if p.Lost > 0 {
		w.Allow(sim.Faults{Cuts: p.Lost})
	}
	switch is.library {
	case franzGo:
		buildFranzGo(w, p)
	case javaClient, librdkafkaClient:
		buildPipeline(w, is, p)
	default:
		buildSarama(w, is.release, p)
	}
}

// buildSarama makes an application over Sarama's asynchronous producer.
func buildSarama(w *sim.World, release saramaasync.Release, p Params) {
	saramaasync.NewProducer(saramaasync.Config{
		Release: release, Idempotent: p.Idempotent, MaxOpenRequests: p.MaxOpen, RetryMax: int32(p.RetryMax), Messages: p.Messages, Unread: p.Unread,
	}, w.Dial("sarama", "broker")).AddTo(w, p.Lost > 0)
}

// buildPipeline makes a client of Java or librdkafka that retries as often as Sarama.
func buildPipeline(w *sim.World, is Client, p Params) {
	inFlight := p.MaxOpen
	switch {
	case is.one:
		inFlight = 1
	case p.Idempotent:
		inFlight = 5
	}
	in := &producer.Input{}
	in.Init(p.Messages)
	pipe := producer.NewPipe(w.Dial("client", "broker"), inFlight)
	w.Share("in", in)
	w.Share("pipe", pipe)
	w.GoProgram("app", producer.NewApplication(in, p.Messages))
	if is.library == javaClient {
		w.GoProgram("sender", java.NewSender(in, pipe, java.SenderConfig{Idempotent: p.Idempotent, InFlight: inFlight, Retries: int32(p.RetryMax)}))
	} else {
		w.GoProgram("sender", librdkafka.NewProducer(in, pipe, librdkafka.ProducerConfig{Idempotent: p.Idempotent, InFlight: inFlight, Retries: int32(p.RetryMax)}))
	}
	w.GoProgram("reader", pipe.NewReader())
}

// buildFranzGo makes a franz-go client that retries as often as Sarama.
func buildFranzGo(w *sim.World, p Params) {
	config := kgo.ProducerConfig{
		Idempotent: p.Idempotent, InFlight: p.MaxOpen, BatchRecords: 1, RecordRetries: int32(p.RetryMax), Keys: 1, Partitions: 1, Batches: p.Messages + 1,
	}
	if p.Idempotent {
		config.InFlight = 5
	}
	cl := kgo.NewProducer(nil, config, w.Dial("kgo", "broker"))
	application := kgo.NewApp(cl, kgo.AppConfig{Remedy: kgo.HandOverAgain, Records: p.Messages})
	application.AddTo(w, application.NewSubmitter(1, model.Record(p.Messages+1), 1))
	w.GoProgram("metadata", cl.NewMetadata())
}
