// Package errorthendelivered is an error that is no answer: the client says that a record
// failed, and writes it all the same.
package errorthendelivered

import (
	"racelab/model"
	"racelab/model/broker"
	"racelab/model/producer/kafkago"
	"racelab/model/producer/kgo"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct{ Records int }

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Records, "records", 1, 1, 3, "records, each with a context that may end at any moment; what fails is handed over again")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

var (
	one = &setting{Name: "one"}
	two = &setting{Name: "two", Set: func(p *Params) { p.Records = 2 }}

	staysOut = &claim{Name: "failed-record-stays-out", Says: "a record of which the client says that it failed is not written, until it is handed over again",
		Property: func(Params) *sim.Property { return properties.FailedRecordStaysOut() }}
	noneTwice = &claim{Name: "no-record-is-written-twice", Says: "a record that is handed over again after an error is written once",
		Property: func(Params) *sim.Property { return properties.NoRecordIsWrittenTwice() }}
	noneLost = &claim{Name: "no-record-is-lost", Says: "a record of which the client says that it is delivered is written",
		Property: func(Params) *sim.Property { return properties.NoRecordIsLost() }}
)

var (
	goesOn   = scenario.Breaks(staysOut, noneTwice).Because("the end of a context ends the wait, and not what was waited for")
	noErrors = scenario.Vacuous(staysOut).Because("without a context there is no error")
)

// client is a variant: kafka-go, with or without a context that may end and what was
// proposed; or franz-go.
type client struct {
	franzGo    bool
	idempotent bool // franz-go's default
	context    bool
	proposal   kafkago.Proposal
}

// Scenario is the race. A variant is a client, or a way to use it.
var Scenario = scenario.Scenario[Params, client]{
	Name:  "error-then-delivered",
	Title: "The client says that a record failed, and writes it all the same",
	Stake: "kafka-go's WriteMessages puts a record into a queue and waits. When the context ends, it returns an error, and the record " +
		"stays in the queue: it is written a moment later. " +
		"Who writes it again has it twice; who gives it up, as one does with a payment that failed, finds it in the topic.",
	Do: "With kafka-go give WriteMessages a context that does not end, and wait for its answer; else take its error for unknown, and have consumers tell " +
		"a record by its id. franz-go's promise says what happened: a record in flight waits for its answer. " +
		"It cannot know if an answer is lost, and the leader moves then (delivered-unwritten).",
	Group: scenario.ClientRace,
	Symptoms: []scenario.Symptom{{
		Seen: []scenario.Seen{
			{Text: "kafka-go WriteMessages returned context deadline exceeded, and the message was delivered"},
			{Text: "WriteMessages returned context canceled, and the retry wrote the message twice"},
			{Text: "a produce call failed with a timeout, and consumers got the record"},
		},
		Cause:    "The context ends the wait for the record's batch, and not the batch.",
		Variants: []string{"unfixed"},
		Also:     "; by the source, before too",
		Do:       "Give WriteMessages a context that does not end, and wait for its answer.",
		Command:  scenario.Command("run", "error-then-delivered"),
	}},
	Sources: []string{
		"kafka-go issue 1427; the comment of Writer.WriteMessages, which tells of it",
		"Writer.WriteMessages, partitionWriter.writeMessages, writeBatches and writeBatch of kafka-go 0.4.18 and 0.4.51; Writer.WriteMessages of 0.1.0, 0.3.10 and 0.4.17, whose queue is another and whose wait is the same",
		"recBatch.canFailFromLoadErrs and sink.handleRetryBatches of franz-go 1.22.2 and 1.22.3",
	},
	Code: []string{
		"model/producer/kafkago/writer.go", "model/producer/kgo/rec_buf.go", "model/producer/kgo/sink.go", "properties/produce_order.go",
	},
	Flags:    (*Params).flags,
	Settings: []*setting{one, two},
	Claims:   []*claim{staysOut, noneTwice, noneLost},
	Variants: []scenario.Variant[Params, client]{
		{Name: "unfixed", Is: client{context: true}, Release: "kafka-go 0.4.18 to 0.4.51",
			Does:   "returns the context's error, and the batch stays queued",
			Expect: expect{goesOn}},
		{Name: "awaited", Is: client{}, Release: "used well, in the same release",
			Does:   "the application gives a context that does not end",
			Expect: expect{noErrors}},
		{Name: "withdraw", Is: client{context: true, proposal: kafkago.Withdraw}, Release: "nobody's yet",
			Does: "takes the batch out of the queue when the context ends; if it has gone out, waits for its outcome"},
		{Name: "franz-go", Is: client{franzGo: true, idempotent: true}, Release: "franz-go 1.22.2 to 1.22.3",
			Does: "fails a record whose context has ended only while it is sure that it was never written"},
		{Name: "franz-go-plain", Is: client{franzGo: true}, Release: "with DisableIdempotentWrite, in the same release",
			Does: "likewise, as long as no answer is lost"},
	},
	Statements: []scenario.Statement{{
		ID:       "1427",
		Says:     "WriteMessages returns context.Canceled, and the message is delivered later.",
		Verdict:  scenario.True,
		Evidence: "The batch is in the queue, and nothing that the caller does takes it out. Where the answer and the end of the context are there at once, Go's select may even choose the error of a record that is written. Released kafka-go 0.4.51 does it under the witness (witness release kafka-go@v0.4.51).",
		Command:  "simrun explore error-then-delivered",
	}},
	Schedule: `
		ctx cancel context; app write messages; app queue batch; app await batch (w.ctx.done)
		writer next batch; writer produce; writer->broker Produce`,
	Story: "ctx cancel context before writer->broker Produce",
	Build: build,
}

// build makes an application over a client, and a broker.
func build(w *sim.World, is client, p Params) {
	w.AddNode("broker", broker.New(broker.Config{Partitions: []model.Partition{0}}))
	if is.franzGo {
		buildFranzGo(w, is, p)
		return
	}
	writer := kafkago.NewWriter(w.Dial("kafka-go", "broker"), kafkago.Config{
		Proposal: is.proposal, Context: is.context, Records: p.Records, MaxAttempts: 10,
	})
	w.Share("w", writer)
	w.GoProgram("app", writer.NewApplication())
	w.GoProgram("writer", writer.NewPartitionWriter())
	if is.context {
		w.GoProgram("ctx", writer.NewContext())
	}
}

// buildFranzGo makes a franz-go client, with a request in flight at a time, and an
// application that hands over again what fails.
func buildFranzGo(w *sim.World, is client, p Params) {
	config := kgo.ProducerConfig{
		Idempotent: is.idempotent, InFlight: 1, BatchRecords: 1, RecordRetries: -1, Keys: 1, Partitions: 1, Batches: p.Records + 1,
	}
	if is.idempotent {
		config.InFlight = 5
	}
	app := kgo.AppConfig{Remedy: kgo.HandOverAgain, Records: p.Records, Mark: kgo.WithContext}
	for r := range p.Records {
		app.Marked = append(app.Marked, model.Record(r+1))
	}
	cl := kgo.NewProducer(nil, config, w.Dial("kgo", "broker"))
	application := kgo.NewApp(cl, app)
	application.AddTo(w, application.NewSubmitter(1, model.Record(p.Records+1), 1))
	w.GoProgram("context", &kgo.Context{Producer: cl})
}
