package scenarios

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/model/producer"
	"racelab/properties"
	"racelab/sim"
)

// produceReorder is franz-go's gap: records overtake those that have failed,
// before the application can know of it.
var produceReorder = Scenario{
	Name:  "produce-reorder",
	Title: "A record overtakes those that have failed, before the application can know",
	Stake: "TODO",
	Code:  []string{"model/producer/kgo_buffered.go"},
	Parameters: []Parameter{
		{Name: "records", Help: "records, of which each producer has its share", Default: "3", Takes: Numbers{1, 100_000}},
		{Name: "producers", Help: "goroutines that produce", Default: "2", Takes: Numbers{1, 8}},
		{Name: "keys", Help: "keys, which the records have in turn", Default: "1", Takes: Numbers{1, 10_000}},
		{Name: "batch", Help: "records that fill a batch", Default: "2", Takes: Numbers{1, 10_000}},
		{Name: "trigger", Help: "what fails", Default: "invalid-record", Takes: Words{"invalid-record", "retries", "timeout", "metadata", "cancelled", "too-large"}},
		{Name: "idempotent", Help: "whether the producer is", Default: "on", Takes: Words{"on", "off"}},
		{Name: "in-flight", Help: "requests in flight, if the producer is not idempotent; else it is 5", Default: "1", Takes: Numbers{1, 100}},
		{Name: "failures", Help: "records that fail, each once", Default: "1", Takes: Numbers{0, 100_000}},
		{Name: "every", Help: "from one record that fails to the next", Default: "1", Takes: Numbers{1, 100_000}},
		{Name: "linger", Help: "how long a batch waits for more", Default: "0s", Takes: Durations{}},
		{Name: "flush", Help: "whether each producer flushes in the end", Default: "off", Takes: Words{"on", "off"}},
		{Name: "clock", Help: "untimed, or timed", Default: "untimed", Takes: Words{"untimed", "timed"}},
	},
	Variants: []Variant{
		{"none", "franz-go 1.22.2", ""},
		{"sticky", "proposed", ""},
		{"sticky-misused", "", ""},
		{"sync-callback", "", ""},
		{"sync-callback-reentrant", "", ""},
		{"pause-partition", "", ""},
		{"pause-key", "", ""},
		{"abort-transaction", "", ""},
		{"dead-letter", "", ""},
	},
	Worlds: []World{{Name: "invalid-record"}},
	Properties: []Claimed{
		{"first-appends-keep-the-order", ""},
		{"promises-run-in-order", ""},
		{"no-record-is-lost", ""},
		{"no-record-is-written-twice", ""},
	},
	Build: buildProduceReorder,
}

// remedies says what a variant's client and application do.
var remedies = map[string]struct {
	client producer.KgoOnFailure
	app    producer.KgoRemedy
}{
	"none":                    {producer.Purge, producer.HandOverAgain},
	"sticky":                  {producer.FailPartition, producer.RecoverQuiescent},
	"sticky-misused":          {producer.FailPartition, producer.RecoverAtOnce},
	"sync-callback":           {producer.CallHook, producer.ClearWhenCalled},
	"sync-callback-reentrant": {producer.CallHook, producer.ClearWhenCalled},
	"pause-partition":         {producer.PausePartition, producer.ResumeAfter},
	"pause-key":               {producer.PauseKeys, producer.ResumeAfter},
	"abort-transaction":       {producer.Purge, producer.AbortTransaction},
	"dead-letter":             {producer.FailPartition, producer.DeadLetter},
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
	config := producer.KgoProducerConfig{
		Idempotent: values.Word("idempotent") == "on", InFlight: values.Int("in-flight"), BatchRecords: values.Int("batch"),
		RecordRetries: -1, Linger: values.Duration("linger"), OnFailure: remedies[variant].client,
		ReentrantHook: variant == "sync-callback-reentrant", Keys: values.Int("keys"), Partitions: partitions, Batches: records + 1,
		Paced: values.Word("clock") == "timed",
	}
	if config.Idempotent {
		config.InFlight = 5
	}
	app := producer.KgoAppConfig{Remedy: remedies[variant].app, Records: records, Flush: values.Word("flush") == "on"}
	trigger(values, &node, &config, &app)
	node.RetryBackoffMax = -1 // A transaction that is not complete yet is the client's to wait for.
	leader := broker.New(node)
	w.AddNode("broker", leader)
	var coordinates *sim.Conn
	if config.Transactional = variant == "abort-transaction"; config.Transactional {
		config.Idempotent, config.InFlight = true, 5
		transactions := coordinator.NewTransactions(coordinator.TransactionsConfig{
			TransactionalIDs: 1, ScanInterval: sim.Never, Brokers: []coordinator.Broker{{Name: "broker", Partitions: node.Partitions}},
		})
		w.AddNode("coordinator", transactions)
		transactions.Connect(w.Dial("coordinator", "broker"))
		leader.Connect(w.Dial("broker", "coordinator"))
		coordinates = w.Dial("kgo", "coordinator")
	}
	cl := producer.NewKgoProducer(w.Dial("kgo", "broker"), coordinates, config)
	application := producer.NewKgoApp(cl, app)
	w.Share("cl", cl)
	w.Share("application", application)
	next := model.Record(1)
	for i := range producers {
		to := next + model.Record((records+producers-1-i)/producers)
		w.Go(fmt.Sprint("p", i+1), application.NewSubmitter(next, to))
		next = to
	}
	w.Go("app", application.NewApplication())
	w.Go("sink", cl.NewSink())
	w.Go("responses", cl.NewResponses())
	w.Go("promises", cl.NewPromises())
	if config.RecordRetries >= 0 || config.LoadErrors > 0 || config.Transactional {
		w.Go("metadata", cl.NewMetadata())
	}
	if app.Mark == producer.WithContext {
		w.Go("context", &producer.KgoContext{Producer: cl})
	}
	w.Watch(&properties.FirstAppendsKeepTheOrder{Keys: config.Keys})
	w.Watch(&properties.PromisesRunInOrder{})
	w.Watch(&properties.NoRecordIsLost{})
	if config.Idempotent {
		w.Watch(&properties.NoRecordIsWrittenTwice{})
	}
	return w
}

// trigger says what fails, and how.
func trigger(values Values, node *broker.Config, client *producer.KgoProducerConfig, app *producer.KgoAppConfig) {
	var failing []model.Record
	for i := range values.Int("failures") {
		failing = append(failing, model.Record(1+i*values.Int("every")))
	}
	refuse := func(code model.Error, times int32) {
		for _, r := range failing {
			node.Refusals = append(node.Refusals, broker.Refusal{Record: r, Error: code, Times: times})
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
		app.Marked, app.Mark = failing, producer.WithDeadline
	case "metadata":
		client.LoadErrors = len(failing)
	case "cancelled":
		app.Marked, app.Mark = failing, producer.WithContext
	case "too-large":
		app.Marked, app.Mark = failing, producer.TooLarge
	}
}
