package librdkafka

import (
	"slices"

	"racelab/model"
	"racelab/model/producer"
	"racelab/sim"
)

// ProducerConfig is a producer's configuration.
type ProducerConfig struct {
	// Idempotent is enable.idempotence.
	Idempotent bool
	// InFlight is max.in.flight.requests.per.connection.
	//
	// Default: 1,000,000; an idempotent producer's is at most 5.
	InFlight int
	// Retries is message.send.max.retries: how often a message is sent again that may be
	// written already. Where the broker has refused it, it goes again until
	// message.timeout.ms is over.
	//
	// Default: 2,147,483,647.
	Retries int32
}

// message is a message, by its id.
type message struct {
	record  model.Record // and its id: ids count messages of the partition from 1
	retries int32
	last    model.Record // of an idempotent batch that is sent again: its last message
}

// request is what is in flight.
type request struct {
	messages []message
	epoch    model.ProducerEpoch
}

// Producer is a broker's thread, which sends, for a producer without transactions.
//
// Source: rd_kafka_toppar_producer_serve, rd_kafka_handle_Produce_error,
// rd_kafka_handle_idempotent_Produce_error, rd_kafka_handle_idempotent_Produce_success,
// rd_kafka_retry_msgq, rd_kafka_idemp_drain_toppar and rd_kafka_idemp_drain_epoch_bump0
// of librdkafka 2.3.0, 2.12.0 and 2.15.1, which are alike.
// Differs: one partition, whose leader stays. A producer has its id from the start. No
// queue.buffering.max.ms: a message is sent as it comes. Backoffs take no time, and no
// message.timeout.ms ends.
type Producer struct {
	config ProducerConfig `sim:"config"`
	in     *producer.Input
	pipe   *producer.Pipe

	queue    []message // by id
	inFlight []request // in their order
	drains   bool      // wait_drain: nothing goes out until all in flight is answered
	bumps    bool      // and then a new epoch begins
	epoch    model.ProducerEpoch
	base     model.Record // the message whose sequence number is 0
	acked    model.Record // the last one
	fatal    bool
}

// NewProducer returns the thread that sends.
func NewProducer(in *producer.Input, pipe *producer.Pipe, config ProducerConfig) *Producer {
	return &Producer{config: config, in: in, pipe: pipe, base: 1}
}

func (p *Producer) Run(t *sim.Task) {
	for {
		switch t.At(producer.PointPoll).Select(p.in.Records.Receiving(), p.pipe.Answers.Receiving()) {
		case &p.in.Records:
			r, ok := p.in.Records.Received(t)
			if !ok {
				p.pipe.Close(t)
				return
			}
			p.queue = append(p.queue, message{record: r})
		default:
			refusal, _ := p.pipe.Answers.Received(t)
			p.handleProduce(t, refusal)
			if refusal == model.ErrNetworkException {
				p.brokerFail(t)
			}
		}
		p.drained(t)
		for len(p.queue) > 0 && len(p.inFlight) < p.config.InFlight && !p.drains {
			p.produce(t)
		}
	}
}

// produce sends a batch of what is queued. A batch that an idempotent producer sends
// again has the messages that it had.
func (p *Producer) produce(t *sim.Task) {
	n := len(p.queue)
	if p.config.Idempotent {
		last := p.queue[0].last
		n = slices.IndexFunc(p.queue, func(m message) bool { return m.last != last || last > 0 && m.record > last })
		if n < 0 {
			n = len(p.queue)
		}
	}
	r := request{slices.Clone(p.queue[:n]), p.epoch}
	p.queue = slices.Delete(p.queue, 0, n)
	p.inFlight = append(p.inFlight, r)
	batch := model.RecordBatch{ProducerID: model.NoProducerID, BaseSequence: model.NoSequence}
	if p.config.Idempotent {
		batch.ProducerID, batch.ProducerEpoch, batch.BaseSequence = 1, p.epoch, model.Sequence(r.messages[0].record-p.base)
	}
	for _, m := range r.messages {
		batch.Records = append(batch.Records, m.record)
	}
	p.pipe.Send(t, batch)
}

// handleProduce takes the answer to the oldest request.
func (p *Producer) handleProduce(t *sim.Task, refusal model.Error) {
	r := p.inFlight[0]
	p.inFlight = slices.Delete(p.inFlight, 0, 1)
	first, last := r.messages[0].record, r.messages[len(r.messages)-1].record
	switch refusal {
	case model.None:
		if p.config.Idempotent && p.acked < first-1 {
			p.implicitAck(t, last)
		}
		p.acked = max(p.acked, last)
		for _, m := range r.messages {
			p.in.Outcome(t, m.record, model.None)
		}
		return
	case model.ErrOutOfOrderSequenceNumber:
		if first <= p.acked+1 { // It is the next one, or one before: the broker has lost some.
			p.fatal = true
		}
		p.bumps = true
	}
	p.drains = p.config.Idempotent
	// A refusal says that nothing is written, so sending again repeats nothing: it is not
	// counted. Of a lost connection nobody knows.
	var counts int32
	if refusal == model.ErrNetworkException {
		counts = 1
	}
	for _, m := range r.messages {
		if p.fatal || m.retries+counts > p.config.Retries {
			// A gap in the sequence numbers is left: what comes next is refused as out of
			// order, and begins a new epoch.
			p.in.Outcome(t, m.record, refusal)
			continue
		}
		m.retries += counts
		if p.config.Idempotent {
			m.last = last
		}
		at, _ := slices.BinarySearchFunc(p.queue, m.record, func(x message, id model.Record) int { return int(x.record - id) })
		p.queue = slices.Insert(p.queue, at, m)
	}
}

// implicitAck takes for written what comes before a batch that is written, whether it was lost
// or refused.
//
// Source: rd_kafka_dr_implicit_ack, of librdkafka 1.3.0 to 2.15.1; confluent-kafka-go issue 921.
func (p *Producer) implicitAck(t *sim.Task, last model.Record) {
	n := slices.IndexFunc(p.queue, func(m message) bool { return m.record > last })
	if n < 0 {
		n = len(p.queue)
	}
	for _, m := range p.queue[:n] {
		p.in.Outcome(t, m.record, model.None)
	}
	p.queue = slices.Delete(p.queue, 0, n)
}

// brokerFail fails what waits for an answer, the oldest first, before the thread connects
// anew.
//
// Source: rd_kafka_broker_fail, rd_kafka_broker_bufq_purge_by_toppar.
func (p *Producer) brokerFail(t *sim.Task) {
	for len(p.inFlight) > 0 {
		refusal, _ := p.pipe.Answers.Receive(t.At(producer.PointLost))
		p.handleProduce(t, refusal)
	}
	p.pipe.Redial(t)
}

// drained goes on once nothing is in flight: with a new epoch, if one is due.
func (p *Producer) drained(t *sim.Task) {
	if len(p.inFlight) > 0 {
		return
	}
	p.drains = false
	if p.fatal {
		for _, m := range p.queue {
			p.in.Outcome(t, m.record, model.ErrOutOfOrderSequenceNumber)
		}
		p.queue = nil
		return
	}
	if p.bumps && len(p.queue) > 0 {
		p.bumps = false
		p.epoch++
		p.base, p.acked = p.queue[0].record, p.queue[0].record-1
	}
}
