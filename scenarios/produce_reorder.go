package scenarios

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/model/producer/kgo"
	"racelab/properties"
	"racelab/sim"
)

// produceReorder is franz-go's gap: records overtake those that have failed,
// before the application can know of it.
var produceReorder = Scenario{
	Name:     "produce-reorder",
	Title:    "A record overtakes those that have failed, before the application can know",
	Symptoms: produceReorderSymptoms,
	Stake: "When a batch fails for good, kgo drops everything that is buffered for its partition, and calls the promises in " +
		"another goroutine. Until that has run, whatever the application produces is taken, sent and written: before the " +
		"records that it is about to hear of, and will produce again. " +
		"Of a key, an older value comes after a newer one, and stays.",
	Do:    "In franz-go 1.22.2 only a transaction that is aborted and repeated keeps the order. The other remedies are proposals, each with its price.",
	Group: ClientRace,
	Sources: []string{
		"franz-go issue 852 (closed: FailPartitionOnProduceFailure and RecoverFailedProducePartitions were never released)",
		"producer.go, sink.go and ring.go of franz-go 1.22.2",
	},
	Code: []string{
		"model/producer/kgo/producer.go", "model/producer/kgo/rec_buf.go", "model/producer/kgo/sink.go", "model/producer/kgo/promises.go",
		"model/producer/kgo/proposals.go", "model/producer/kgo/application_proposals.go",
		"model/producer/kgo/application.go", "model/producer/kgo/application_txn.go", "model/broker/produce.go", "properties/produce_order.go",
	},

	Parameters: []Parameter{
		{Name: "records", Help: "records, of which each producer has its share", Default: "3", Takes: Numbers{1, 100_000}},
		{Name: "producers", Help: "goroutines that produce", Default: "2", Takes: Numbers{1, 8}},
		{Name: "share", Help: "whether producers have records that follow one another, or take turns: then, of a multiple of as many keys, each has its own", Default: "blocks", Takes: Words{"blocks", "turns"}},
		{Name: "keys", Help: "keys, which the records have in turn", Default: "1", Takes: Numbers{1, 10_000}},
		{Name: "batch", Help: "records that fill a batch", Default: "2", Takes: Numbers{1, 10_000}},
		{Name: "trigger", Help: "what fails", Default: "invalid-record", Takes: Words{"invalid-record", "retries", "timeout", "metadata", "cancelled", "too-large"}},
		{Name: "idempotent", Help: "whether the producer is", Default: "on", Takes: Words{"on", "off"}},
		{Name: "in-flight", Help: "requests in flight, if the producer is not idempotent; else it is 5", Default: "1", Takes: Numbers{1, 100}},
		{Name: "failures", Help: "records that fail", Default: "1", Takes: Numbers{0, 100_000}},
		{Name: "first", Help: "the first of them, from 1", Default: "1", Takes: Numbers{1, 100_000}},
		{Name: "every", Help: "from one of them to the next", Default: "1", Takes: Numbers{1, 100_000}},
		{Name: "times", Help: "how often each fails, if the broker refuses it; 0 is always", Default: "1", Takes: Numbers{0, 100}},
		{Name: "misuse", Help: "what sticky gets wrong: it does not stop producing, does not wait for the promises, or resumes before it has produced again", Default: "nothing", Takes: Words{"nothing", "stop", "promises", "resume"}},
		{Name: "linger", Help: "how long a batch waits for more", Default: "0s", Takes: Durations{}},
		{Name: "flush", Help: "whether each producer flushes in the end", Default: "off", Takes: Words{"on", "off"}},
		{Name: "clock", Help: "whether things take their time: then there are the points submit and scheduled", Default: "untimed", Takes: Words{"untimed", "timed"}},
	},
	Variants: []Variant{
		{"none", "franz-go 1.22.2", "what fails is produced again, in the order in which the promises tell of it"},
		{"sticky", "franz-go issue 852, proposed", "a partition that has failed takes nothing until it is recovered, and the application does that while it produces nothing and every promise has run"},
		{"sticky-misused", "franz-go issue 852, proposed", "the application recovers the partition as soon as it hears of a failure, while others go on"},
		{"sync-callback", "franz-go issue 852, an alternative", "the application is called on the spot, under the partition's lock, and clears the buffer later by a call of its own; in the callback that call is refused"},
		{"sync-callback-reentrant", "franz-go issue 852, an alternative", "likewise, but the call is not refused"},
		{"pause-partition", "franz-go issue 852, an alternative", "Produce waits from the failure until what has failed was produced again"},
		{"pause-key", "nobody's yet", "only for the keys of what has failed"},
		{"abort-transaction", "franz-go 1.22.2", "all records are of one transaction, which is aborted, and written anew"},
		{"dead-letter", "franz-go issue 852, proposed, and a topic for what cannot be sent", "sticky, but the first of what has failed goes to another topic"},
	},
	// What is buffered or not, and who overtakes whom, three records show. Of the
	// plain worlds, those without idempotence, a transaction knows nothing.
	Worlds: []World{
		{Name: "invalid-record", Set: "producers=1"},
		{Name: "retries", Set: "producers=1 trigger=retries"},
		{Name: "timeout", Set: "producers=1 trigger=timeout"},
		{Name: "metadata", Set: "producers=1 trigger=metadata"},
		{Name: "cancelled", Set: "producers=1 trigger=cancelled"},
		{Name: "too-large", Set: "producers=1 trigger=too-large"},
		{Name: "invalid-record-plain", Set: "producers=1 idempotent=off", Deep: "abort-transaction"},
		{Name: "retries-plain", Set: "producers=1 trigger=retries idempotent=off", Deep: "abort-transaction"},
		{Name: "timeout-plain", Set: "producers=1 trigger=timeout idempotent=off", Deep: "abort-transaction"},
		{Name: "metadata-plain", Set: "producers=1 trigger=metadata idempotent=off", Deep: "abort-transaction"},
		{Name: "cancelled-plain", Set: "producers=1 trigger=cancelled idempotent=off", Deep: "abort-transaction"},
		{Name: "too-large-plain", Set: "producers=1 trigger=too-large idempotent=off", Deep: "abort-transaction"},
		{Name: "in-flight", Set: "producers=1 batch=1 first=2"},
		{Name: "in-flight-plain", Set: "producers=1 batch=1 first=2 idempotent=off in-flight=2", Deep: "abort-transaction"},
		{Name: "twice", Set: "producers=1 times=2", Deep: "abort-transaction"},
		{Name: "two-keys", Set: "producers=1 keys=2", Deep: "abort-transaction"},
		{Name: "flush", Set: "producers=1 flush=on", Deep: "abort-transaction"},
		{Name: "two-producers", Set: "", Deep: "abort-transaction"},
		{Name: "2x2", Set: "records=4"},
	},
	Properties: []Claimed{
		{"first-appends-keep-the-order", "of each key, records are first written in the order in which the application handed them over, given that it hands those that fail over again in the order of their promises"},
		{"promises-run-in-order", "the promises of a partition run in the order in which its records were handed over, but for those of records that were refused before they were in any buffer"},
		{"no-record-is-lost", "a promise that runs without an error is kept, and every promise has run when the client is closed"},
		{"no-record-is-written-twice", "an idempotent producer writes no record twice, even if it is handed over again"},
		{sim.NoProgress, "every Flush returns, and so does every Produce"},
	},
	Breaks: []Expectation{
		{"none sticky-misused", "first-appends-keep-the-order", everyReorder},
		// Nothing is purged, so nobody is told that the partition has failed.
		{"sticky sync-callback sync-callback-reentrant pause-partition pause-key", "first-appends-keep-the-order", "too-large too-large-plain"},
		// What was in flight behind the batch that fails is written all the same.
		{"sticky sync-callback pause-partition pause-key", "first-appends-keep-the-order", "in-flight-plain"},
		{"sync-callback-reentrant", sim.NoDeadlock, purgingReorder},
	},
	Idle: []Expectation{
		// Nobody holds a lock at a point.
		{"none sticky-misused pause-partition pause-key", sim.NoDeadlock, everyReorder},
		// The callback is not called.
		{"sync-callback sync-callback-reentrant", sim.NoDeadlock, "too-large too-large-plain"},
		// The first batch fails, and that is the end.
		{"sync-callback-reentrant", "first-appends-keep-the-order promises-run-in-order no-record-is-lost no-record-is-written-twice",
			"invalid-record retries invalid-record-plain retries-plain twice two-keys flush"},
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
	Claims: []Claim{
		{
			ID:       "C3.1",
			Says:     "A batch fails for good; everything buffered for its partition is dropped; promises run in another goroutine; new records overtake before the application knows: order by key breaks.",
			Verdict:  Confirmed,
			Evidence: "For each of the four triggers, idempotent or not, in the model and in franz-go 1.22.2 itself (go -C witness test ./franzgo). It takes one order: a record is buffered after the purge and before the first of the failed ones is buffered again. Promises run in order all the same, nothing is lost, and nothing is written twice if the producer is idempotent. How often: the later the promises run; what was measured, 56 % and 44 % of failures, fits promises 0.2 and 0.1 ms late (simrun sweep reorder-odds).",
			Command:  "simrun explore produce-reorder",
			Figure:   "figures/gallery/reorder-odds.png",
		},
		{
			ID:       "C3.2",
			Says:     "Remedy 1: mark the partition failed automatically, and recover it by an explicit call.",
			Verdict:  "only when the application is quiescent as it recovers, and the record had got into the buffer",
			Evidence: "Used so, the order holds in all states, also if what is produced again fails again. Recovered while others produce, D A B C is written. A record that is too large purges nothing, so nothing is marked; and without idempotence two requests in flight reorder whatever the application does.",
			Command:  "simrun explore produce-reorder --variant sticky-misused",
		},
		{
			ID:       "C3.3",
			Says:     "Remedy 2: a synchronous callback at the moment of failure, with clearing the buffer as a function of its own; remedy 3: pause and resume a partition.",
			Verdict:  "only when the callback may not clear, and what is produced again says in which pause",
			Evidence: "Both keep the order wherever the sticky error does. The callback runs under the partition's lock: if it clears the buffer itself, the goroutine waits for itself, and with it whoever produces to the partition. What is produced again passes the pause; if the partition fails again meanwhile, that has to fail too, or it overtakes (world twice).",
			Command:  "simrun explore produce-reorder --variant sync-callback-reentrant",
		},
		{
			ID:       "C3.4",
			Says:     "The application must: stop producing; make sure nothing is being produced; handle every promise; await all in flight; recover the partition; resume. In this order.",
			Verdict:  "only when what has failed is produced again before it resumes",
			Evidence: "The six steps do not say when, and it has to be between the last two: --set misuse=resume breaks the order. So do misuse=stop and misuse=promises, each alone. To await what is in flight is not needed: nothing in the client does, and sticky holds; the partition sends nothing before the last answer, unless it is not idempotent with more than one request in flight, and then waiting comes too late.",
			Command:  "go test ./scenarios -run TestProduceReorderSixSteps",
		},
		{
			ID:       "C3.5",
			Says:     "Synchronous handling costs throughput; finer control costs complexity; a batch fails as a whole; errors before buffering (a message too large) need their own answer; dead-letter queue for what cannot be sent.",
			Verdict:  "only when the cost is looked for in the failure, not in the order",
			Evidence: "A batch fails as a whole, and with it all that is buffered, each record with the same error, so nobody can tell which was at fault: the first goes to the other topic, and if that was another one the rest fails again (world twice). Of what was proposed only aborting the transaction and the other topic answer a record that is too large. What costs is the failure: if 1 % of records fail p99 goes from 2.7 to 15 ms as released, and what can be written at most to half; to keep the order as well makes neither worse by more than a tenth, whichever remedy. Keys that have nothing to do with it are hurt by the purge, which takes them all, from one failure in 500 on (p99 5 ms), so a pause by key is no quicker than one by partition. Only a transaction that is aborted costs more, as much as it holds.",
			Command:  "simrun sweep ordering-cost",
			Figure:   "figures/gallery/ordering-cost.png",
		},
	},
	Needs: []Need{
		{Name: "order of a key, whatever fails a batch", Properties: orderOfAKey, Worlds: "invalid-record retries timeout metadata cancelled invalid-record-plain retries-plain timeout-plain metadata-plain cancelled-plain in-flight two-producers 2x2"},
		{Name: "the same, if it fails again and again", Properties: orderOfAKey, Worlds: "twice"},
		{Name: "the same, if a record is too large", Properties: orderOfAKey, Worlds: "too-large too-large-plain"},
		{Name: "the same, with requests in flight and no idempotence", Properties: orderOfAKey, Worlds: "in-flight-plain"},
		{Name: "no record lost without an error", Properties: "no-record-is-lost", Worlds: everyReorder},
		{Name: "no record written twice", Properties: "no-record-is-written-twice", Worlds: everyReorder},
		{Name: "no goroutine that hangs", Properties: sim.NoDeadlock + " " + sim.NoProgress, Worlds: everyReorder},
		{
			Name:  "throughput, and a p99 as without order",
			Gives: "none sticky sticky-misused sync-callback pause-partition pause-key dead-letter", Breaks: "abort-transaction",
			Command: "simrun sweep ordering-cost", Figure: "figures/gallery/ordering-cost.png",
		},
	},
	Build: buildProduceReorder,
}

const (
	orderOfAKey    = "first-appends-keep-the-order " + sim.NoDeadlock // A client that hangs writes nothing out of order.
	purgingReorder = "invalid-record retries timeout metadata cancelled invalid-record-plain retries-plain timeout-plain metadata-plain cancelled-plain " +
		"in-flight in-flight-plain twice two-keys flush two-producers 2x2"
	everyReorder = purgingReorder + " too-large too-large-plain"
)

// MeasuredReorder is what franz-go 1.22.2 does, as it was released, about C that
// is produced after A and B have failed, and before their promises run: which log
// there is in the end, and in which order promises run, with - for an error.
type MeasuredReorder struct{ Trigger, Log, Promises string }

// MeasuredReorders are the same whether the producer is idempotent or not. The
// model is held against them by TestProduceReorderAsMeasured, and the client by
// go -C witness test ./franzgo.
var MeasuredReorders = []MeasuredReorder{
	{"invalid-record", "C A B", "A- B- C+ A+ B+"},
	{"retries", "C A B", "A- B- C+ A+ B+"},
	{"timeout", "C A B", "A- B- C+ A+ B+"},
	{"metadata", "C A B", "A- B- C+ A+ B+"},
	{"cancelled", "C A B", "A- B- C+ A+ B+"},
	{"too-large", "B C A", "A- B+ C+ A+"},
}

// remedies says what a variant's client and application do.
var remedies = map[string]struct {
	client kgo.Proposal
	app    kgo.Remedy
}{
	"none":                    {kgo.Released, kgo.HandOverAgain},
	"sticky":                  {kgo.FailPartition, kgo.RecoverQuiescent},
	"sticky-misused":          {kgo.FailPartition, kgo.RecoverAtOnce},
	"sync-callback":           {kgo.CallHook, kgo.ClearWhenCalled},
	"sync-callback-reentrant": {kgo.CallHook, kgo.ClearWhenCalled},
	"pause-partition":         {kgo.PausePartition, kgo.ResumeAfter},
	"pause-key":               {kgo.PauseKeys, kgo.ResumeAfter},
	"abort-transaction":       {kgo.Released, kgo.AbortTransaction},
	"dead-letter":             {kgo.FailPartition, kgo.DeadLetter},
}

// misuses are the values of the parameter.
var misuses = map[string]kgo.Misuse{
	"nothing": kgo.NoMisuse, "stop": kgo.WithoutStopping, "promises": kgo.WithoutPromises, "resume": kgo.ResumeFirst,
}

// buildProduceReorder makes an application with its client, and a broker.
func buildProduceReorder(variant string, values Values) *sim.World {
	w := sim.NewWorld()
	records, producers := values.Int("records"), values.Int("producers")
	partitions := 1
	if variant == "dead-letter" {
		partitions = 2
	}
	node := broker.Config{}
	for p := range partitions {
		node.Partitions = append(node.Partitions, model.Partition(p))
	}
	config := kgo.ProducerConfig{
		Idempotent: values.Word("idempotent") == "on", InFlight: values.Int("in-flight"), BatchRecords: values.Int("batch"),
		RecordRetries: -1, Linger: values.Duration("linger"), Proposal: remedies[variant].client,
		ReentrantHook: variant == "sync-callback-reentrant", Keys: values.Int("keys"), Partitions: partitions, Batches: records + 1,
		Paced: values.Word("clock") == "timed",
	}
	if config.Idempotent {
		config.InFlight = 5
	}
	app := kgo.AppConfig{Remedy: remedies[variant].app, Records: records, Flush: values.Word("flush") == "on", Misuse: misuses[values.Word("misuse")]}
	trigger(values, &node, &config, &app)
	node.RetryBackoffMax = -1 // A transaction that is not complete yet is the client's to wait for.
	leader := broker.New(node)
	w.AddNode("broker", leader)
	var coordinates *sim.Conn
	if config.Transactional = variant == "abort-transaction"; config.Transactional {
		config.Idempotent, config.InFlight = true, 5
		transactions := coordinator.NewTransactions(coordinator.TransactionsConfig{
			TransactionalIDs: 1, ScanInterval: -1, Brokers: []coordinator.Broker{{Name: "broker", Partitions: node.Partitions}},
		})
		w.AddNode("coordinator", transactions)
		transactions.Connect(w.Dial("coordinator", "broker"))
		leader.Connect(w.Dial("broker", "coordinator"))
		coordinates = w.Dial("kgo", "coordinator")
	}
	cl := kgo.NewProducer(w.Dial("kgo", "broker"), coordinates, config)
	application := kgo.NewApp(cl, app)
	w.Share("cl", cl)
	w.Share("promises", application)
	next := model.Record(1)
	for i := range producers {
		to := next + model.Record((records+producers-1-i)/producers)
		submitter := application.NewSubmitter(next, to, 1)
		if values.Word("share") == "turns" {
			submitter = application.NewSubmitter(model.Record(1+i), model.Record(1+records), model.Record(producers))
		}
		w.Go(fmt.Sprint("p", i+1), submitter)
		next = to
	}
	w.Go("app", application.NewApplication())
	w.Go("sink", cl.NewSink())
	w.Go("responses", cl.NewResponses())
	w.Go("promises", cl.NewPromises())
	if config.RecordRetries >= 0 || config.LoadErrors > 0 || config.Transactional {
		w.Go("metadata", cl.NewMetadata())
	}
	for p := range partitions {
		if config.Linger > 0 {
			w.Go(fmt.Sprint("linger", p), cl.NewLinger(p))
		}
	}
	if app.Mark == kgo.WithContext {
		w.Go("context", &kgo.Context{Producer: cl})
	}
	w.Watch(properties.FirstAppendsKeepTheOrder(config.Keys))
	w.Watch(properties.PromisesRunInOrder())
	w.Watch(properties.NoRecordIsLost())
	if config.Idempotent {
		w.Watch(properties.NoRecordIsWrittenTwice())
	}
	return w
}

// trigger says what fails, and how.
func trigger(values Values, node *broker.Config, client *kgo.ProducerConfig, app *kgo.AppConfig) {
	var failing []model.Record
	for i := range values.Int("failures") {
		failing = append(failing, model.Record(values.Int("first")+i*values.Int("every")))
	}
	refuse := func(code model.Error, tries int) {
		for _, r := range failing {
			node.Refusals = append(node.Refusals, broker.Refusal{Record: r, Error: code, Times: int32(tries * values.Int("times"))})
		}
	}
	switch values.Word("trigger") {
	case "invalid-record":
		refuse(model.ErrInvalidRecord, 1)
	case "retries":
		client.RecordRetries = 1
		refuse(model.ErrNotLeaderOrFollower, 2)
	case "timeout":
		client.RecordDeliveryTimeout = time.Second
		app.Marked, app.Mark = failing, kgo.WithDeadline
	case "metadata":
		client.LoadErrors = len(failing)
	case "cancelled":
		app.Marked, app.Mark = failing, kgo.WithContext
	case "too-large":
		app.Marked, app.Mark = failing, kgo.TooLarge
	}
}
