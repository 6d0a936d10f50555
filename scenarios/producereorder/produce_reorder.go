// Package producereorder is franz-go's gap: records overtake those that have failed,
// before the application can know of it.
package producereorder

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/model/producer/kgo"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct {
	Records, Producers     int
	Turns                  bool
	Keys, Batch            int
	Trigger                Trigger
	Idempotent             bool
	InFlight               int
	Failures, First, Every int
	Times                  int
	Misuse                 kgo.Misuse
	Linger                 time.Duration
	Flush, Timed           bool
}

// Trigger is what fails.
type Trigger uint8

const (
	InvalidRecord Trigger = iota
	Retries
	Timeout
	Metadata
	Cancelled
	TooLarge
)

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Records, "records", 3, 1, 100_000, "records, of which each producer has its share")
	f.Int(&p.Producers, "producers", 2, 1, 8, "goroutines that produce")
	f.Switch(&p.Turns, "share", "blocks", "turns", false, "whether producers have records that follow one another, or take turns: then, of a multiple of as many keys, each has its own")
	f.Int(&p.Keys, "keys", 1, 1, 10_000, "keys, which the records have in turn")
	f.Int(&p.Batch, "batch", 2, 1, 10_000, "records that fill a batch")
	scenario.Choice(f, &p.Trigger, "trigger", scenario.Words{"invalid-record", "retries", "timeout", "metadata", "cancelled", "too-large"}, "what fails")
	f.Switch(&p.Idempotent, "idempotent", "off", "on", true, "whether the producer is")
	f.Int(&p.InFlight, "in-flight", 1, 1, 100, "requests in flight, if the producer is not idempotent; else it is 5")
	f.Int(&p.Failures, "failures", 1, 0, 100_000, "records that fail")
	f.Int(&p.First, "first", 1, 1, 100_000, "the first of them, from 1")
	f.Int(&p.Every, "every", 1, 1, 100_000, "from one of them to the next")
	f.Int(&p.Times, "times", 1, 0, 100, "how often each fails, if the broker refuses it; 0 is always")
	scenario.Choice(f, &p.Misuse, "misuse", scenario.Words{"nothing", "stop", "promises", "resume"},
		"what sticky gets wrong: it does not stop producing, does not wait for the promises, or resumes before it has produced again")
	f.Duration(&p.Linger, "linger", 0, "how long a batch waits for more")
	f.Switch(&p.Flush, "flush", "off", "on", false, "whether each producer flushes in the end")
	f.Switch(&p.Timed, "clock", "untimed", "timed", false, "whether things take their time: then there are the points submit and scheduled")
}

// Remedy is what a client and its application do about a failure.
type Remedy struct {
	client        kgo.Proposal
	app           kgo.Remedy
	reentrant     bool // the hook may clear the buffer
	transactional bool
	partitions    int                         // of the broker; 0: one
	own           func(kgo.Steps) sim.Program // in place of app, or nil
}

// Own is the proposal's client, with an application that reacts to failures in a way
// of its own.
func Own(react func(kgo.Steps) sim.Program) Remedy {
	return Remedy{client: kgo.FailPartition, own: react}
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
	counts  = map[*setting]int
)

// one is a setting with one producer.
func one(name string, set func(*Params)) *setting {
	return &setting{Name: name, Set: func(p *Params) {
		p.Producers = 1
		set(p)
	}}
}

// of is a setting in which one producer meets a trigger.
func of(name string, trigger Trigger) *setting {
	return one(name, func(p *Params) { p.Trigger = trigger })
}

// plain is the same without idempotence, of which a transaction knows nothing.
func plain(s *setting) *setting {
	return &setting{Name: s.Name + "-plain", Set: func(p *Params) {
		s.Set(p)
		p.Idempotent = false
	}}
}

// What is buffered or not, and who overtakes whom, three records show.
var (
	invalidRecord = of("invalid-record", InvalidRecord)
	retries       = of("retries", Retries)
	timeout       = of("timeout", Timeout)
	metadata      = of("metadata", Metadata)
	cancelled     = of("cancelled", Cancelled)
	tooLarge      = of("too-large", TooLarge)

	invalidRecordPlain = plain(invalidRecord)
	retriesPlain       = plain(retries)
	timeoutPlain       = plain(timeout)
	metadataPlain      = plain(metadata)
	cancelledPlain     = plain(cancelled)
	tooLargePlain      = plain(tooLarge)

	inFlight      = one("in-flight", func(p *Params) { p.Batch, p.First = 1, 2 })
	inFlightPlain = one("in-flight-plain", func(p *Params) { p.Batch, p.First, p.Idempotent, p.InFlight = 1, 2, false, 2 })
	twice         = one("twice", func(p *Params) { p.Times = 2 })
	twoKeys       = one("two-keys", func(p *Params) { p.Keys = 2 })
	flush         = one("flush", func(p *Params) { p.Flush = true })
	twoProducers  = &setting{Name: "two-producers"}
	twoByTwo      = &setting{Name: "2x2", Set: func(p *Params) { p.Records = 4 }}

	// purging are those in which a batch fails, and all that is buffered with it.
	purging = []*setting{
		invalidRecord, retries, timeout, metadata, cancelled,
		invalidRecordPlain, retriesPlain, timeoutPlain, metadataPlain, cancelledPlain,
		inFlight, inFlightPlain, twice, twoKeys, flush, twoProducers, twoByTwo,
	}
)

var (
	order = &claim{Name: "first-appends-keep-the-order",
		Says:     "of each key, records are first written in the order in which the application handed them over, given that it hands those that fail over again in the order of their promises",
		Property: func(p Params) *sim.Property { return properties.FirstAppendsKeepTheOrder(p.Keys) }}
	promisesInOrder = &claim{Name: "promises-run-in-order",
		Says:     "the promises of a partition run in the order in which its records were handed over, but for those of records that were refused before they were in any buffer",
		Property: func(Params) *sim.Property { return properties.PromisesRunInOrder() }}
	noneLost = &claim{Name: "no-record-is-lost", Says: "a promise that runs without an error is kept, and every promise has run when the client is closed",
		Property: func(Params) *sim.Property { return properties.NoRecordIsLost() }}
	noneTwice = &claim{Name: "no-record-is-written-twice", Says: "an idempotent producer writes no record twice, even if it is handed over again",
		If:       func(p Params) bool { return p.Idempotent },
		Property: func(Params) *sim.Property { return properties.NoRecordIsWrittenTwice() }}
	noProgress = &claim{Name: sim.NoProgress, Says: "every Flush returns, and so does every Produce"}
	noDeadlock = scenario.BuiltIn[Params](sim.NoDeadlock)

	// A client that hangs writes nothing out of order.
	orderOfAKey = []*claim{order, noDeadlock}
)

// The expectations that several variants share.
var (
	overtakes = scenario.Breaks(order).Because("others produce before the application hears of the failure")
	tooLate   = scenario.Breaks(order).Where(tooLarge, tooLargePlain).Because("nothing is purged, so nobody is told that the partition has failed")
	behind    = scenario.Breaks(order).Where(inFlightPlain).Because("what was in flight behind the batch that fails is written all the same")
	noLocks   = scenario.Vacuous(noDeadlock).Because("nobody holds a lock at a preemption point")
	notCalled = scenario.Vacuous(noDeadlock).Where(tooLarge, tooLargePlain).Because("the callback is not called")
)

// symptoms are how a user meets the race.
var symptoms = []scenario.Symptom{{
	Seen: []scenario.Seen{
		{Text: "records of one key are out of order after a produce error"},
		{Text: "messages out of order after an error"},
		{Text: "an older value of a key overwrites a newer one after a failed batch was produced again"},
	},
	Cause:    "New records are accepted before your callback hears of the error.",
	Variants: []string{"none"},
	Do:       "Write in a transaction, and abort and repeat it. The other remedies are proposals, each with its price.",
	Command:  scenario.Command("show", "produce-reorder"),
}}

// Scenario is the race. A variant is a remedy.
var Scenario = scenario.Scenario[Params, Remedy]{
	Name:  "produce-reorder",
	Title: "A record overtakes those that have failed, before the application can know",
	Stake: "When a batch fails for good, kgo drops everything that is buffered for its partition, and calls the promises in " +
		"another goroutine. Until that has run, whatever the application produces is taken, sent and written: before the " +
		"records that it is about to hear of, and will produce again. " +
		"Of a key, an older value comes after a newer one, and stays.",
	Do:       "In franz-go 1.22.2 only a transaction that is aborted and repeated keeps the order. The other remedies are proposals, each with its price.",
	Group:    scenario.ClientRace,
	Symptoms: symptoms,
	Sources: []string{
		"franz-go issue 852 (closed: FailPartitionOnProduceFailure and RecoverFailedProducePartitions were never released)",
		"producer.go, sink.go and ring.go of franz-go 1.22.2",
	},
	Code: []string{
		"model/producer/kgo/producer.go", "model/producer/kgo/rec_buf.go", "model/producer/kgo/sink.go", "model/producer/kgo/promises.go",
		"model/producer/kgo/proposals.go", "model/producer/kgo/application_proposals.go",
		"model/producer/kgo/application.go", "model/producer/kgo/application_txn.go", "model/broker/produce.go", "properties/produce_order.go",
	},

	Flags: (*Params).flags,
	Settings: []*setting{
		invalidRecord, retries, timeout, metadata, cancelled, tooLarge,
		invalidRecordPlain, retriesPlain, timeoutPlain, metadataPlain, cancelledPlain, tooLargePlain,
		inFlight, inFlightPlain, twice, twoKeys, flush, twoProducers, twoByTwo,
	},
	Claims: []*claim{order, promisesInOrder, noneLost, noneTwice, noProgress},
	Variants: []scenario.Variant[Params, Remedy]{
		{Name: "none", Is: Remedy{client: kgo.Released, app: kgo.HandOverAgain}, Release: "franz-go 1.19.5 to 1.22.3",
			Does:   "what fails is produced again, in the order in which the promises tell of it",
			Expect: expect{overtakes, noLocks}, States: counts{twoProducers: 11945}},
		{Name: "sticky", Is: Remedy{client: kgo.FailPartition, app: kgo.RecoverQuiescent}, Release: "franz-go issue 852, proposed",
			Does:   "a partition that has failed takes nothing until it is recovered, and the application does that while it produces nothing and every promise has run",
			Expect: expect{tooLate, behind}, States: counts{twoProducers: 4873, twoByTwo: 33589}},
		{Name: "sticky-misused", Is: Remedy{client: kgo.FailPartition, app: kgo.RecoverAtOnce}, Release: "franz-go issue 852, proposed",
			Does:   "the application recovers the partition as soon as it hears of a failure, while others go on",
			Expect: expect{overtakes, noLocks}},
		{Name: "sync-callback", Is: Remedy{client: kgo.CallHook, app: kgo.ClearWhenCalled}, Release: "franz-go issue 852, an alternative",
			Does:   "the application is called on the spot, under the partition's lock, and clears the buffer later by a call of its own; in the callback that call is refused",
			Expect: expect{tooLate, behind, notCalled}},
		{Name: "sync-callback-reentrant", Is: Remedy{client: kgo.CallHook, app: kgo.ClearWhenCalled, reentrant: true}, Release: "franz-go issue 852, an alternative",
			Does: "likewise, but the call is not refused",
			Expect: expect{
				tooLate, notCalled,
				scenario.Breaks(noDeadlock).Where(purging...).Because("the callback wants the lock that it is called under"),
				scenario.Vacuous(order, promisesInOrder, noneLost, noneTwice).
					Where(invalidRecord, retries, invalidRecordPlain, retriesPlain, twice, twoKeys, flush).
					Because("the first batch fails, and that is the end"),
			}},
		{Name: "pause-partition", Is: Remedy{client: kgo.PausePartition, app: kgo.ResumeAfter}, Release: "franz-go issue 852, an alternative",
			Does:   "Produce waits from the failure until what has failed was produced again",
			Expect: expect{tooLate, behind, noLocks}},
		{Name: "pause-key", Is: Remedy{client: kgo.PauseKeys, app: kgo.ResumeAfter}, Release: "nobody's yet",
			Does:   "only for the keys of what has failed",
			Expect: expect{tooLate, behind, noLocks}},
		{Name: "abort-transaction", Is: Remedy{client: kgo.Released, app: kgo.AbortTransaction, transactional: true}, Release: "franz-go 1.22.1 to 1.22.3",
			Does: "all records are of one transaction, which is aborted, and written anew",
			SlowIn: []*setting{
				invalidRecordPlain, retriesPlain, timeoutPlain, metadataPlain, cancelledPlain, tooLargePlain,
				inFlightPlain, twice, twoKeys, flush, twoByTwo,
			},
			States: counts{invalidRecord: 31752}},
		{Name: "dead-letter", Is: Remedy{client: kgo.FailPartition, app: kgo.DeadLetter, partitions: 2}, Release: "franz-go issue 852, proposed, and a topic for what cannot be sent",
			Does: "sticky, but the first of what has failed goes to another topic"},
	},
	Schedule: `
		p1 buffer; sink drain; sink create request; sink->broker Produce; responses await request; responses read response; responses handle response
		p1 buffer#2
		promises start promises; app await failure; app buffer; sink drain#2; sink create request#2; sink->broker Produce#2`,
	Story: `
		p1 buffer#2 before sink create request
		responses handle response before p2 buffer
		p2 buffer before promises start promises
		sink create request#2 before promises start promises`,
	Statements: []scenario.Statement{
		{
			ID:       "C3.1",
			Says:     "A batch fails for good; everything buffered for its partition is dropped; promises run in another goroutine; new records overtake before the application knows: order by key breaks.",
			Verdict:  scenario.True,
			Evidence: "For each of the four triggers, idempotent or not, in the model and in franz-go 1.22.2 itself (go -C witness/conform test ./franzgo). It takes one order: a record is buffered after the purge and before the first of the failed ones is buffered again. Promises run in order all the same, nothing is lost, and nothing is written twice if the producer is idempotent. How often: the later the promises run; what was measured, 56 % and 44 % of failures, fits promises 0.2 and 0.1 ms late (simrun sweep reorder-odds).",
			Command:  "simrun explore produce-reorder",
			Figure:   "figures/gallery/reorder-odds.png",
		},
		{
			ID:       "C3.2",
			Says:     "Remedy 1: mark the partition failed automatically, and recover it by an explicit call.",
			Verdict:  scenario.PartlyTrue,
			When:     "when the application is quiescent as it recovers, and the record had got into the buffer",
			Evidence: "Used so, the order holds in all states, also if what is produced again fails again. Recovered while others produce, D A B C is written. A record that is too large purges nothing, so nothing is marked; and without idempotence two requests in flight reorder whatever the application does.",
			Command:  "simrun explore produce-reorder/sticky-misused",
		},
		{
			ID:       "C3.3",
			Says:     "Remedy 2: a synchronous callback at the moment of failure, with clearing the buffer as a function of its own; remedy 3: pause and resume a partition.",
			Verdict:  scenario.PartlyTrue,
			When:     "when the callback may not clear, and what is produced again says in which pause",
			Evidence: "Both keep the order wherever the sticky error does. The callback runs under the partition's lock: if it clears the buffer itself, the goroutine waits for itself, and with it whoever produces to the partition. What is produced again passes the pause; if the partition fails again meanwhile, that has to fail too, or it overtakes (world twice).",
			Command:  "simrun explore produce-reorder/sync-callback-reentrant",
		},
		{
			ID:       "C3.4",
			Says:     "The application must: stop producing; make sure nothing is being produced; handle every promise; await all in flight; recover the partition; resume. In this order.",
			Verdict:  scenario.PartlyTrue,
			When:     "when what has failed is produced again before it resumes",
			Evidence: "The six steps do not say when, and it has to be between the last two: --set misuse=resume breaks the order. So do misuse=stop and misuse=promises, each alone. To await what is in flight is not needed: nothing in the client does, and sticky holds; the partition sends nothing before the last answer, unless it is not idempotent with more than one request in flight, and then waiting comes too late.",
			Command:  "go test ./scenarios -run TestProduceReorderSixSteps",
		},
		{
			ID:       "C3.5",
			Says:     "Synchronous handling costs throughput; finer control costs complexity; a batch fails as a whole; errors before buffering (a message too large) need their own answer; dead-letter queue for what cannot be sent.",
			Verdict:  scenario.PartlyTrue,
			When:     "when the cost is looked for in the failure, not in the order",
			Evidence: "A batch fails as a whole, and with it all that is buffered, each record with the same error, so nobody can tell which was at fault: the first goes to the other topic, and if that was another one the rest fails again (world twice). Of what was proposed only aborting the transaction and the other topic answer a record that is too large. What costs is the failure: if 1 % of records fail p99 goes from 2.7 to 15 ms as released, and what can be written at most to 49 %; to keep the order as well makes neither worse by more than 10 %, whichever remedy. Keys that have nothing to do with it are hurt by the purge, which takes them all, from one failure in 500 on (p99 5 ms), so a pause by key is no quicker than one by partition. Only a transaction that is aborted costs more, as much as it holds.",
			Command:  "simrun sweep ordering-cost",
			Figure:   "figures/gallery/ordering-cost.png",
		},
	},
	Needs: []scenario.Need[Params]{
		{Name: "order of a key, whatever fails a batch", Claims: orderOfAKey, In: []*setting{
			invalidRecord, retries, timeout, metadata, cancelled,
			invalidRecordPlain, retriesPlain, timeoutPlain, metadataPlain, cancelledPlain, inFlight, twoProducers, twoByTwo,
		}},
		{Name: "the same, if it fails again and again", Claims: orderOfAKey, In: []*setting{twice}},
		{Name: "the same, if a record is too large", Claims: orderOfAKey, In: []*setting{tooLarge, tooLargePlain}},
		{Name: "the same, with requests in flight and no idempotence", Claims: orderOfAKey, In: []*setting{inFlightPlain}},
		{Name: "no record lost without an error", Claims: []*claim{noneLost}},
		{Name: "no record written twice", Claims: []*claim{noneTwice}},
		{Name: "no goroutine that hangs", Claims: []*claim{noDeadlock, noProgress}},
		{
			Name:    "throughput, and a p99 as without order",
			Gives:   []string{"none", "sticky", "sticky-misused", "sync-callback", "pause-partition", "pause-key", "dead-letter"},
			Breaks:  []string{"abort-transaction"},
			Command: "simrun sweep ordering-cost", Figure: "figures/gallery/ordering-cost.png",
		},
	},
	Build: build,
}

// Measurement is what franz-go 1.22.2 does, as it was released, about C that
// is produced after A and B have failed, and before their promises run: which log
// there is in the end, and in which order promises run, with - for an error.
type Measurement struct{ Trigger, Log, Promises string }

// Measured is the same whether the producer is idempotent or not. The model is held
// against it by TestProduceReorderAsMeasured, and the client by
// go -C witness/conform test ./franzgo.
var Measured = []Measurement{
	{"invalid-record", "C A B", "A- B- C+ A+ B+"},
	{"retries", "C A B", "A- B- C+ A+ B+"},
	{"timeout", "C A B", "A- B- C+ A+ B+"},
	{"metadata", "C A B", "A- B- C+ A+ B+"},
	{"cancelled", "C A B", "A- B- C+ A+ B+"},
	{"too-large", "B C A", "A- B+ C+ A+"},
}

// build makes an application with its client, and a broker.
func build(w *sim.World, remedy Remedy, p Params) {
	partitions := max(1, remedy.partitions)
	node := broker.Config{}
	for i := range partitions {
		node.Partitions = append(node.Partitions, model.Partition(i))
	}
	config := kgo.ProducerConfig{
		Idempotent: p.Idempotent || remedy.transactional, InFlight: p.InFlight, BatchRecords: p.Batch,
		RecordRetries: -1, Linger: p.Linger, Proposal: remedy.client,
		ReentrantHook: remedy.reentrant, Keys: p.Keys, Partitions: partitions, Batches: p.Records + 1,
		Paced: p.Timed, Transactional: remedy.transactional,
	}
	if config.Idempotent {
		config.InFlight = 5
	}
	app := kgo.AppConfig{Remedy: remedy.app, React: remedy.own, Records: p.Records, Flush: p.Flush, Misuse: p.Misuse}
	fail(p, &node, &config, &app)
	node.RetryBackoffMax = -1 // A transaction that is not complete yet is the client's to wait for.
	leader := broker.New(node)
	w.AddNode("broker", leader)
	var coordinates *sim.Conn
	if remedy.transactional {
		transactions := coordinator.NewTransactions(coordinator.TransactionsConfig{
			TransactionalIDs: 1, ScanInterval: -1, Brokers: []coordinator.Broker{{Name: "broker", Partitions: node.Partitions}},
		})
		w.AddNode("coordinator", transactions)
		transactions.Connect(w.Dial("coordinator", "broker"))
		leader.Connect(w.Dial("broker", "coordinator"))
		coordinates = w.Dial("kgo", "coordinator")
	}
	cl := kgo.NewProducer(coordinates, config, w.Dial("kgo", "broker"))
	application := kgo.NewApp(cl, app)
	var submitters []*kgo.Submitter
	next := model.Record(1)
	for i := range min(p.Producers, p.Records) { // The others would have nothing to produce.
		to := next + model.Record((p.Records+p.Producers-1-i)/p.Producers)
		submitter := application.NewSubmitter(next, to, 1)
		if p.Turns {
			submitter = application.NewSubmitter(model.Record(1+i), model.Record(1+p.Records), model.Record(p.Producers))
		}
		submitters = append(submitters, submitter)
		next = to
	}
	application.AddTo(w, submitters...)
	if config.RecordRetries >= 0 || config.LoadErrors > 0 || config.Transactional {
		w.GoProgram("metadata", cl.NewMetadata())
	}
	for i := range partitions {
		if config.Linger > 0 {
			w.GoProgram(fmt.Sprint("linger", i), cl.NewLinger(i))
		}
	}
	if app.Mark == kgo.WithContext {
		w.GoProgram("context", &kgo.Context{Producer: cl})
	}
}

// fail says what fails, and how.
func fail(p Params, node *broker.Config, client *kgo.ProducerConfig, app *kgo.AppConfig) {
	var failing []model.Record
	for i := range p.Failures {
		failing = append(failing, model.Record(p.First+i*p.Every))
	}
	refuse := func(code model.Error, tries int) {
		for _, r := range failing {
			node.Refusals = append(node.Refusals, broker.Refusal{Record: r, Error: code, Times: int32(tries * p.Times)})
		}
	}
	switch p.Trigger {
	case InvalidRecord:
		refuse(model.ErrInvalidRecord, 1)
	case Retries:
		client.RecordRetries = 1
		refuse(model.ErrNotLeaderOrFollower, 2)
	case Timeout:
		client.RecordDeliveryTimeout = time.Second
		app.Marked, app.Mark = failing, kgo.WithDeadline
	case Metadata:
		client.LoadErrors = len(failing)
	case Cancelled:
		app.Marked, app.Mark = failing, kgo.WithContext
	case TooLarge:
		app.Marked, app.Mark = failing, kgo.TooLarge
	}
}
