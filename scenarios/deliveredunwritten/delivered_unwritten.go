// Package deliveredunwritten is a record that is acknowledged and never written: the broker
// takes its batch for one before it, whose sequence numbers it has.
package deliveredunwritten

import (
	"time"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/producer/kgo"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct {
	Records int
	Lost    int
	Trigger Trigger
}

// Trigger is for what a batch fails.
type Trigger uint8

const (
	Retries Trigger = iota
	Timeout
	Cancelled
)

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Records, "records", 2, 1, 4, "records, a batch each; what fails is handed over again")
	f.Int(&p.Lost, "lost", 1, 0, 1, "how often the connection to the broker is lost, with what is in flight: the broker has written it, or not")
	scenario.Choice(f, &p.Trigger, "trigger", scenario.Words{"retries", "timeout", "cancelled"},
		"what the first record fails for when it comes again and its leader has moved: RecordRetries, RecordDeliveryTimeout, or its context")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
)

var (
	retries   = &setting{Name: "retries"}
	timeout   = &setting{Name: "timeout", Set: func(p *Params) { p.Trigger = Timeout }}
	cancelled = &setting{Name: "cancelled", Set: func(p *Params) { p.Trigger = Cancelled }}
	three     = &setting{Name: "three", Set: func(p *Params) { p.Records = 3 }}

	noneLost = &claim{Name: "no-record-is-lost", Says: "a record of which the client says that it is delivered is written",
		Property: func(Params) *sim.Property { return properties.NoRecordIsLost() }}
	noProgress = &claim{Name: sim.NoProgress, Says: "every record has its outcome in the end, and the client closes"}
)

// client is a release of franz-go, or a way to use it.
type client struct {
	reusesNumbers bool
	unlimited     bool // a batch goes again until it is answered well
}

// Scenario is the race. A variant is a release, or a way to use it.
var Scenario = scenario.Scenario[Params, client]{
	Name:  "delivered-unwritten",
	Title: "The client says that a record is delivered, and it is in no log",
	Stake: "An answer is lost, and the leader moves; the batch goes again, is refused, and fails for good: its retries are used up, or its time, or its context has ended. " +
		"But it was written. Up to 1.22.1 franz-go gives its sequence numbers to the next batch, in the same epoch. " +
		"The broker knows these numbers and answers as to a duplicate: that batch is acknowledged, and nobody ever reads it.",
	Do: "Use franz-go 1.22.2. Before, set neither RecordRetries nor RecordDeliveryTimeout, and give Produce a context that does not end. " +
		"In all releases take the error of a record for unknown: it may be written.",
	Group: scenario.ClientRace,
	Fixed: "franz-go 1.22.2",
	Symptoms: []scenario.Symptom{{
		Seen: []scenario.Seen{
			{Text: "a record was acknowledged by franz-go's idempotent producer, and is not in the topic"},
			{Text: "franz-go gave a record the offset of another record after a produce error"},
			{By: "franz-go", Text: "record failed after being retried too many times"},
		},
		Cause:    "A batch that failed was written, and the next one has its sequence numbers: the broker takes it for a duplicate.",
		Variants: []string{"same-epoch"},
		Also:     ", if a record may fail: RecordRetries, RecordDeliveryTimeout, a context that ends",
		Do:       "Use franz-go 1.22.2.",
		Command:  scenario.Command("run", "delivered-unwritten"),
	}},
	Sources: []string{
		"franz-go issue 1484 (release 1.22.2)",
		"recBuf.failAllRecords and resetBatchDrainIdx, recBatch.canFailFromLoadErrs, sink.handleReqRespBatch and handleRetryBatches of franz-go 1.22.1",
		"recBatch.pinned and recBuf.failAllRecords of franz-go 1.22.2; failAllRecords of 1.0.0, 1.10.0, 1.15.4, 1.17.1 and 1.19.5",
		"ProducerStateEntry.findDuplicateBatch of Kafka, storage/internals/log",
	},
	Code: []string{
		"model/producer/kgo/rec_buf.go", "model/producer/kgo/sink.go", "model/broker/partition_log.go", "model/broker/produce.go", "properties/produce_order.go",
	},
	Flags:    (*Params).flags,
	Settings: []*setting{retries, timeout, cancelled, three},
	Claims:   []*claim{noneLost, noProgress},
	Variants: []scenario.Variant[Params, client]{
		{Name: "same-epoch", Is: client{reusesNumbers: true}, Release: "franz-go 1.0.0 to 1.22.1",
			Does: "goes on with the numbers of the batch that failed",
			Expect: []scenario.Expect[Params]{scenario.Breaks(noneLost).
				Because("the next batch has the numbers of the one that failed, and the broker has that one: it answers where it is, and writes nothing")}},
		{Name: "new-epoch", Is: client{}, Release: "franz-go 1.22.2 to 1.22.3",
			Does: "begins a new epoch after a batch fails that was sent"},
		{Name: "unlimited", Is: client{reusesNumbers: true, unlimited: true}, Release: "used well, in the same release",
			Does: "the application sets no limit to the retries and the time of a record, and gives a context that does not end"},
	},
	Statements: []scenario.Statement{{
		ID:       "1484",
		Says:     "If a batch fails that the broker has written, the next one may be acknowledged and not written.",
		Verdict:  scenario.True,
		Evidence: "It takes a lost answer, then a refusal, so that the client may fail the batch, and a record that is handed over after that and before the one that failed. An application that gives up what has failed needs no such order: the next record is lost. Released 1.22.1 does it under the witness, and 1.22.2 does not (go -C witness run ./cmd/witness release franz-go@v1.22.1 delivered-unwritten). The error is no answer in either: the record is written, and a second time if it is handed over again. What nobody tries again for, such as a refusal of the metadata, fails a batch without any limit too.",
		Command:  "simrun explore delivered-unwritten",
	}},
	Schedule: `
		p1 buffer; sink drain; sink create request; network cut broker->kgo
		responses await request; responses read response; responses handle response
		sink drain#2; sink create request#2; sink load connection; sink->broker Produce; sink->broker/2 Produce
		responses await request#2; responses read response#2; responses handle response#2; p1 buffer#2
		sink drain#3; sink create request#3; sink->broker/2 Produce#2
		responses await request#3; responses read response#3; responses handle response#3; promises start promises`,
	Story: `
		network cut broker->kgo before responses read response
		sink->broker Produce before sink->broker/2 Produce
		responses handle response#2 before p1 buffer#2
		p1 buffer#2 before app buffer`,
	Build: build,
}

// build makes a franz-go client, and an application that hands over again what fails. The
// leader of the first record has moved when that comes again.
func build(w *sim.World, is client, p Params) {
	w.AddNode("broker", broker.New(broker.Config{Partitions: []model.Partition{0}, Refusals: []broker.Refusal{
		{Record: 1, Error: model.ErrNotLeaderOrFollower, After: 1, Times: 1},
	}}))
	w.Allow(sim.Faults{Cuts: p.Lost})
	config := kgo.ProducerConfig{
		Idempotent: true, InFlight: 5, BatchRecords: 1, RecordRetries: -1, ReusesNumbers: is.reusesNumbers,
		Keys: 1, Partitions: 1, Batches: p.Records + 1,
	}
	app := kgo.AppConfig{Remedy: kgo.HandOverAgain, Records: p.Records}
	if !is.unlimited {
		switch p.Trigger {
		case Retries:
			config.RecordRetries = 1
		case Timeout:
			config.RecordDeliveryTimeout = time.Second
			app.Marked, app.Mark = []model.Record{1}, kgo.WithDeadline
		case Cancelled:
			app.Marked, app.Mark = []model.Record{1}, kgo.WithContext
		}
	}
	cl := kgo.NewProducer(nil, config, w.Dial("kgo", "broker"))
	application := kgo.NewApp(cl, app)
	application.AddTo(w, application.NewSubmitter(1, model.Record(p.Records+1), 1))
	w.GoProgram("metadata", cl.NewMetadata())
	if app.Mark == kgo.WithContext {
		w.GoProgram("context", &kgo.Context{Producer: cl})
	}
}
