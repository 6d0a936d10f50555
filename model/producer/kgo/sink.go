package kgo

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// Sink is the goroutine that sends requests to a leader.
//
// Source: sink.drain, sink.produce.
type Sink struct {
	goroutine
	*sink
	place int32 `sim:"config"` // of the leader
}

// NewSink returns the goroutine that sends the client's requests to a leader, by its place.
func (cl *Producer) NewSink(place int) *Sink {
	return &Sink{goroutine: goroutine{Producer: cl}, sink: cl.sinks[place], place: int32(place)}
}

// Run is drain, each time that it is started, for all partitions.
func (s *Sink) Run(t *sim.Task) {
	for {
		s.drain.begins(t, PointDrainSink)
		if s.closed.Load(t) {
			return
		}
		s.maybeBackoff(t)
		for s.partition = 0; int(s.partition) < len(s.recBufs); s.partition++ {
			s.createReq(t)
		}
		s.partition = 0
	}
}

// maybeBackoff backs off, which takes no time, and meanwhile has metadata loaded that is old
// enough.
//
// Source: sink.maybeBackoff, Client.triggerUpdateMetadata.
func (s *Sink) maybeBackoff(t *sim.Task) {
	age := s.config.MetadataMinAge
	if age > 0 && s.needBackoff.Swap(t, false) && t.Now() >= s.lastUpdate.Load(t)+sim.Time(age) {
		s.updateMetadata.start(t)
	}
}

// createReq makes a request of the partition's next batch, and writes it.
//
// Differs: a request has one batch. recBuf.mu is held over the write. A batch that
// fails in between is not written, as if it had failed before.
func (s *Sink) createReq(t *sim.Task) {
	s.recBuf().mu.Lock(t.At(PointCreateReq))
	if s.recBuf().sink.Get(t) == s.place && s.drainable(t) {
		s.loadConnection(t)
		added := s.tryAddBatch(t)
		if added {
			s.doSequenced(t)
			s.maybeTriggerDrain(t)
		}
	}
	s.recBuf().mu.Unlock(t)
}

// loadConnection connects anew if the connection is dead.
//
// Source: broker.loadConnection.
func (s *Sink) loadConnection(t *sim.Task) {
	if s.dead.Load(t) {
		s.conn.Redial(t.At(PointLoadConnection))
		s.dead.Store(t, false)
		if s.config.FirstReadFails {
			s.unread.Store(t, true)
		}
	}
}

// drainable says whether a batch of the partition may go out: there is a slot in
// its sink (inflightSem), and nothing for which createReq passes over it.
func (g *goroutine) drainable(t *sim.Task) bool {
	b := g.recBuf()
	inflight := b.inflightBatches.Len(t) > 0
	return int(g.leader(t).inflight.Load(t)) < g.config.InFlight &&
		!b.failing.Get(t) && !b.halted.Get(t) && b.batches.Len(t) > int(b.batchDrainIdx.Get(t)) &&
		!(b.needSeqReset.Get(t) && inflight) && !(inflight && b.inflightOnSink.Get(t) != b.sink.Get(t)) && !(inflight && !b.okOnSink.Get(t))
}

// tryAddBatch looks whether the first batch has to fail, and else takes the next.
func (s *Sink) tryAddBatch(t *sim.Task) (added bool) {
	s.err = s.failFirst(t)
	if s.err != 0 {
		s.failAllRecords(t)
		return false
	}
	b := s.recBuf()
	batch := b.at(b.batches.Get(t)[b.batchDrainIdx.Get(t)])
	if b.batchDrainIdx.Get(t) == 0 && b.needSeqReset.Get(t) && !batch.pinned.Get(t) {
		b.needSeqReset.Set(t, false)
		b.epoch.Set(t, b.epoch.Get(t)+1)
		b.seq.Set(t, 0)
		b.batch0Seq.Set(t, 0)
	}
	batch.frozen.Set(t, true)
	return true
}

// failFirst is the error for which the first batch has to fail, if it is next and
// cannot be on the broker.
func (s *Sink) failFirst(t *sim.Task) recordError {
	b := s.recBuf()
	batch := b.at(b.batches.Get(t)[b.batchDrainIdx.Get(t)])
	if b.batchDrainIdx.Get(t) == 0 && (!s.config.Idempotent || batch.canFailFromLoadErrs.Get(t)) {
		return s.maybeFailErr(t, batch)
	}
	return 0
}

// doSequenced writes the request, and has its response handled after those of the
// requests before it.
//
// Source: the end of createReq's loop, produceRequest.AppendTo, doSequenced.
func (s *Sink) doSequenced(t *sim.Task) {
	b := s.recBuf()
	ref := b.batches.Get(t)[b.batchDrainIdx.Get(t)]
	batch := b.at(ref)
	batch.canFailFromLoadErrs.Set(t, false)
	batch.pinned.Set(t, s.config.Idempotent && !s.config.Transactional && !s.config.ReusesNumbers)
	batch.refs.Set(t, batch.refs.Get(t)+1)
	b.inflightBatches.Append(t, ref)
	b.inflightOnSink.Set(t, s.place)
	s.conn.Send(t, s.appendTo(t, batch))
	b.batchDrainIdx.Set(t, b.batchDrainIdx.Get(t)+1)
	b.lockedStopLinger(t)
	b.seq.Set(t, b.seq.Get(t).Plus(batch.records.Len(t)))
	if s.inflight.Add(t, 1) == 1 {
		s.handleSeqResps.start(t)
	}
}

// appendTo is what goes on the wire.
func (s *Sink) appendTo(t *sim.Task, batch *recBatch) *model.ProduceRequest {
	b := s.recBuf()
	request := &model.ProduceRequest{Version: 11, TransactionalID: model.NoTransactionalID}
	if s.config.Transactional {
		request.Version, request.TransactionalID = 12, 0
	}
	wire := model.RecordBatch{ProducerID: model.NoProducerID, BaseSequence: model.NoSequence, Transactional: s.config.Transactional}
	if s.config.Idempotent {
		wire.ProducerID, wire.ProducerEpoch = model.ProducerID(s.producerID.Load(t)), model.ProducerEpoch(b.epoch.Get(t))
		wire.BaseSequence = b.seq.Get(t)
	}
	for _, pr := range batch.records.Get(t) {
		wire.Records = append(wire.Records, pr.record())
	}
	request.Partitions = []model.PartitionBatch{{Partition: model.Partition(s.partition), Batch: wire}}
	return request
}

// Responses is the goroutine that handles the responses, in the order of their
// requests.
//
// Source: sink.handleSeqResps, sink.handleReqResp.
type Responses struct {
	goroutine
	*sink
	place     int32       `sim:"config"` // of the leader
	code      model.Error // of the answer
	firstRead bool        // which is none, and would have been the first of a new connection
}

// NewResponses returns the goroutine that handles the responses of a leader, by its place.
func (cl *Producer) NewResponses(place int) *Responses {
	return &Responses{goroutine: goroutine{Producer: cl}, sink: cl.sinks[place], place: int32(place)}
}

// Run is handleSeqResps, each time that it is started.
func (r *Responses) Run(t *sim.Task) {
	for {
		r.handleSeqResps.begins(t, PointAwaitRequest)
		if r.closed.Load(t) {
			return
		}
		r.readResponse(t)
		r.handleReqResp(t)
		r.partition, r.code, r.firstRead = 0, 0, false
	}
}

// readResponse reads the next answer, or that there is none: all that is in flight when
// the connection is found dead.
//
// Source: brokerCxn.handleResps.
func (r *Responses) readResponse(t *sim.Task) {
	if r.deadInflight.Load(t) > 0 {
		r.deadInflight.Add(t, -1)
		r.code = model.ErrNetworkException // errChosenBrokerDead
		return
	}
	response, ok := r.conn.ReceiveAny(t.At(PointReadProduced)).(*model.ProduceResponse)
	if !ok {
		r.dead.Store(t, true)
		r.deadInflight.Store(t, r.inflight.Load(t)-1)
		r.code = model.ErrNetworkException
		r.firstRead = r.config.FirstReadFails && r.unread.Load(t)
		return
	}
	if r.config.FirstReadFails {
		r.unread.Store(t, false)
	}
	r.partition, r.code = int32(response.Partitions[0].Partition), response.Partitions[0].Error
}

// handleReqResp does what the answer to a batch asks for.
//
// Differs: handleReqRespBatch, handleRetryBatches and decInflight take recBuf.mu
// each. Nothing of the partition can be sent in between, so one critical section is
// equivalent.
func (r *Responses) handleReqResp(t *sim.Task) {
	r.recBuf().mu.Lock(t.At(PointHandleResponse))
	retry := r.handleReqRespBatch(t)
	if retry {
		r.handleRetryBatches(t)
	}
	r.maybeTriggerBackoff(t)
	r.decInflight(t)
	r.recBuf().mu.Unlock(t)
}

// answered is the batch that the answer is about.
func (r *Responses) answered(t *sim.Task) sim.Ref { return r.recBuf().inflightBatches.Get(t)[0] }

// handleReqRespBatch counts the try, and finishes the batch unless it is to go
// again. The answer is not about a batch that is no longer the first.
//
// Differs: a try that only comes before the last transaction is complete does not
// count and fails no batch, so that an application which aborts at once comes to an
// end.
func (r *Responses) handleReqRespBatch(t *sim.Task) (retry bool) {
	b, batch := r.recBuf(), r.recBuf().at(r.answered(t))
	if r.config.RecordRetries >= 0 && r.code != model.ErrConcurrentTransactions { // Else nobody asks.
		batch.tries.Set(t, batch.tries.Get(t)+1)
	}
	if !b.isOwnersFirstBatch(t, r.answered(t)) {
		return false
	}
	if r.code == model.ErrNetworkException {
		return true // handleReqClientErr: nobody knows whether it is written.
	}
	batch.canFailFromLoadErrs.Set(t, true)
	retry = r.code == model.ErrConcurrentTransactions ||
		r.code == model.ErrNotLeaderOrFollower && (r.config.RecordRetries < 0 || batch.tries.Get(t) <= r.config.RecordRetries)
	if !retry || !r.config.StaysOK {
		b.okOnSink.Set(t, r.code == model.None && (r.config.CreditsOK || !r.moved(t)))
	}
	if retry {
		return true
	}
	r.err = recordError(r.code)
	r.finishBatch(t)
	return false
}

// moved says whether the partition has another leader now.
func (r *Responses) moved(t *sim.Task) bool { return r.recBuf().sink.Get(t) != r.place }

// finishBatch takes the first batch out of the buffer: it is written, or with
// g.err fails, and all behind it.
func (g *goroutine) finishBatch(t *sim.Task) {
	if g.err != 0 {
		g.failAllRecords(t)
		return
	}
	b := g.recBuf()
	ref := b.batches.Get(t)[0]
	b.batch0Seq.Set(t, b.batch0Seq.Get(t).Plus(b.at(ref).records.Len(t)))
	b.batches.Drop(t, 1)
	b.batchDrainIdx.Set(t, b.batchDrainIdx.Get(t)-1)
	promises := b.at(ref).take(t, 0)
	b.release(t, ref)
	g.promiseBatch(t, promises)
}

// handleRetryBatches sends a batch again, and all behind it, once the metadata is
// new, or fails them. After a lost connection that gave an answer it asks for no metadata,
// and an idempotent batch does not fail. If the partition has moved, all goes at once to the
// new leader.
func (r *Responses) handleRetryBatches(t *sim.Task) {
	if r.moved(t) && !r.config.AwaitsMetadata {
		r.recBuf().resetBatchDrainIdx(t)
		return
	}
	lost := r.code == model.ErrNetworkException
	if r.code != model.ErrConcurrentTransactions && !(lost && r.config.Idempotent) {
		r.err = r.maybeFailErr(t, r.recBuf().at(r.answered(t)))
	}
	if r.err != 0 {
		r.failAllRecords(t)
		return
	}
	b := r.recBuf()
	b.resetBatchDrainIdx(t)
	if lost && !r.firstRead {
		return
	}
	b.failing.Set(t, true)
	r.updateMetadata.start(t)
}

// maybeTriggerBackoff has the sink back off after a lost connection.
//
// Differs: also if it has, since the request was made.
func (r *Responses) maybeTriggerBackoff(t *sim.Task) {
	if r.config.MetadataMinAge > 0 && r.code == model.ErrNetworkException && !r.firstRead {
		r.needBackoff.Store(t, true)
		r.drain.start(t)
	}
}

// decInflight is the last that happens to a batch in flight.
func (r *Responses) decInflight(t *sim.Task) {
	b := r.recBuf()
	ref := r.answered(t)
	b.inflightBatches.Drop(t, 1)
	b.release(t, ref)
	if r.inflight.Add(t, -1) > 0 {
		r.handleSeqResps.start(t)
	}
	r.maybeTriggerDrain(t)
	if len(r.recBufs) > 1 {
		r.drain.start(t) // Another partition may have waited for the slot.
	}
}

// Metadata is the metadata loop: at first, at any moments, the metadata has an
// error for the partition; later it is loaded when asked for.
//
// Source: Client.updateMetadataLoop.
// Differs: partition 0.
type Metadata struct {
	goroutine
	errors int32
	loads  int32 // that have named a leader
	wait   sim.Timer
}

// NewMetadata returns the goroutine that loads the client's metadata.
func (cl *Producer) NewMetadata() *Metadata {
	return &Metadata{goroutine: goroutine{Producer: cl}}
}

// Run loads.
func (m *Metadata) Run(t *sim.Task) {
	for m.errors = 0; int(m.errors) < m.config.LoadErrors; m.errors++ {
		m.bumpRepeatedLoadErr(t)
	}
	for {
		m.updateMetadata.begins(t, PointAwaitUpdate)
		if m.closed.Load(t) {
			return
		}
		m.awaitMinAge(t)
		m.mergeTopicPartitions(t)
		if m.config.MetadataMinAge > 0 {
			m.lastUpdate.Store(t, t.Now())
		}
	}
}

// mergeTopicPartitions lets the partition be sent again, to the leader that the metadata names.
//
// Source: Client.mergeTopicPartitions, topicPartition.migrateProductionTo, recBuf.clearFailing.
func (m *Metadata) mergeTopicPartitions(t *sim.Task) {
	m.recBuf().mu.Lock(t.At(PointClearFailing))
	b := m.recBuf()
	if int(m.loads) < len(m.config.Leaders) {
		leader := m.config.Leaders[m.loads]
		if m.loads++; b.sink.Get(t) != leader {
			b.sink.Set(t, leader)
			b.okOnSink.Set(t, m.config.KeepsOK && b.okOnSink.Get(t))
		}
	}
	b.failing.Set(t, false)
	m.maybeTriggerDrain(t)
	m.recBuf().mu.Unlock(t)
}

// awaitMinAge waits until the metadata is old enough. What asks for it meanwhile is served
// with it.
func (m *Metadata) awaitMinAge(t *sim.Task) {
	if m.config.MetadataMinAge == 0 {
		return
	}
	if due := m.loadedAt.Load(t) + sim.Time(m.config.MetadataMinAge); t.Now() < due {
		m.wait.Sleep(t.At(PointAwaitMinAge), time.Duration(due-t.Now()))
	}
	m.updateMetadata.drain(t)
	m.loadedAt.Store(t, t.Now())
}

// Linger is what a linger that is over calls.
//
// Source: recBuf.lingerFn.
type Linger struct{ goroutine }

// NewLinger returns the timer function of a partition.
func (cl *Producer) NewLinger(partition int) *Linger {
	return &Linger{goroutine{Producer: cl, partition: int32(partition)}}
}

// Run waits for the timer again and again, until the client is closed.
func (l *Linger) Run(t *sim.Task) {
	for {
		l.recBuf().lingering.Receive(t.At(PointLinger))
		if l.closed.Load(t) {
			return
		}
		l.unlingerAndManuallyDrain(t)
	}
}

// Context cancels the context that some records were handed over with, at any
// moment.
type Context struct{ Producer *Producer }

func (c *Context) Run(t *sim.Task) {
	t.Step(PointCancelContext)
	c.Producer.cancelled.Store(t, true)
}
