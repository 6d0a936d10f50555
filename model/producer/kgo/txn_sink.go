package kgo

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/producer"
	"racelab/sim"
)

// SinkConns are the connections of a sink.
type SinkConns struct{ Coordinator, Leader *sim.Conn }

// txnSink is the goroutine that sends what is buffered for a partition, and the
// buffer itself.
//
// Source: sink.drain, sink.produce and recBuf in sink.go.
type txnSink struct {
	concurrentTransactions
	cl        *Transactions
	leader    *sim.Conn
	partition model.Partition `sim:"config"`

	batches    sim.Chan[model.Record]
	buffered   sim.WaitGroup     // of bufferedRecords, the partition's
	promised   sim.Atomic[int32] // a producer.TxnError: what the last promise was called with
	state      sim.Atomic[int32] // of the batch that is being sent
	seq        sim.Atomic[int32]
	addedToTxn sim.Atomic[bool]

	record model.Record
	// Records behind one that has failed fail with it (failAllRecords).
	failing int
	failure producer.TxnError
}

const noRecord model.Record = -1

// What becomes of a batch.
const (
	noBatch       int32 = iota // there is none
	batchBuffered              // it can still fail by itself: canFailFromLoadErrs
	batchWritten               // its outcome is the broker's
	batchFailed                // its promise was called
)

// Run sends one batch after the other, until the client is closed.
func (s *txnSink) Run(t *sim.Task) {
	for {
		record, open := s.batches.Receive(t.At(PointDrainSink))
		if !open {
			return
		}
		s.record = record
		s.state.Store(t, batchBuffered)
		if s.failing > 0 {
			s.failing--
			s.promise(t, s.failure)
		} else {
			s.failure = producer.NoError
			s.send(t)
		}
		s.record = noRecord
		s.state.Store(t, noBatch)
	}
}

// send is drain until the batch is done with.
func (s *txnSink) send(t *sim.Task) {
	for s.state.Load(t) != batchFailed {
		switch {
		case s.cl.failed(t) != producer.NoError:
			s.promise(t, s.cl.failed(t)) // fatal InitProducerID error, failing all buffered records
			return
		case s.cl.aborting.Load(t):
			s.promise(t, producer.ErrNotAllowed) // ErrAborting
			return
		}
		if !s.addToTxn(t) {
			continue
		}
		if s.cl.closed.Load(t) || s.produce(t) {
			return
		}
	}
}

// promise finishes the batch, whose promise hears of the error. It is called once.
func (s *txnSink) promise(t *sim.Task, err producer.TxnError) {
	s.promised.Store(t, int32(err))
	s.state.Store(t, batchFailed)
	s.buffered.Done(t)
}

// addToTxn adds the partition to the transaction under TV1, unless that is done.
// It marks the partition when the request is built (txnReqBuilder.add).
func (s *txnSink) addToTxn(t *sim.Task) (added bool) {
	if s.cl.tx890p2() || s.addedToTxn.Swap(t, true) {
		return true
	}
	s.cl.addingToTxn.Add(t, 1)
	s.doTxnReq(t)
	s.cl.addingToTxn.Done(t)
	switch {
	case s.code == model.ErrConcurrentTransactions: // It is being aborted, or the client is closed.
		s.addedToTxn.Store(t, false) // undoStagedBatches
		return false
	case s.code != model.None:
		s.addedToTxn.Store(t, false)
		s.cl.err.CompareAndSwap(t, 0, int32(s.code)) // failProducerID
		return false
	}
	return true
}

// doTxnReq tries again for as long as another transaction is being ended. Since
// 1.22.3 AbortBufferedRecords ends that.
func (s *txnSink) doTxnReq(t *sim.Task) {
	s.tries(t, &s.cl.config)
	for {
		s.coordinator.Send(t, &model.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: s.cl.config.TransactionalID,
			ProducerID: model.ProducerID(s.cl.id.Load(t)), ProducerEpoch: model.ProducerEpoch(s.cl.epoch.Load(t)),
			Partitions: []model.Partition{s.partition},
		})
		response, ok := s.coordinator.Receive(t.At(producer.PointAwaitAdd)).(*model.AddPartitionsToTxnResponse)
		if !ok {
			s.timesOut(t, &s.cl.config)
			continue
		}
		if s.code = response.Partitions[0].Error; !s.concurrent(t, &s.cl.config) {
			return
		}
		s.after.Sleep(t.At(producer.PointBackoff), s.backoff)
		if s.cl.closed.Load(t) || s.cl.config.Release >= Release1_22_3 && s.cl.aborting.Load(t) {
			s.start, s.backoff = sim.Never, 0
			return
		}
	}
}

// produce issues the batch, and says whether it is done with. One that is to go
// again waits for the metadata (handleRetryBatches), which is not updated more often
// than MetadataMinAge allows.
func (s *txnSink) produce(t *sim.Task) (done bool) {
	if !s.state.CompareAndSwap(t, batchBuffered, batchWritten) {
		return true // It has failed meanwhile, and there is nothing to write.
	}
	request := &model.ProduceRequest{Version: 11, TransactionalID: s.cl.config.TransactionalID, Partitions: []model.PartitionBatch{{
		Partition: s.partition,
		Batch: model.RecordBatch{
			ProducerID: model.ProducerID(s.cl.id.Load(t)), ProducerEpoch: model.ProducerEpoch(s.cl.epoch.Load(t)),
			BaseSequence: model.Sequence(s.seq.Load(t)), Transactional: true, Records: []model.Record{s.record},
		},
	}}}
	if s.cl.tx890p2() {
		request.Version = 12
	}
	s.leader.Send(t, request)
	response := s.leader.Receive(t.At(producer.PointAwaitAppend)).(*model.ProduceResponse)
	if retry := s.handleReqRespBatch(t, response.Partitions[0].Error); !retry {
		return true
	}
	s.state.Store(t, batchBuffered)
	if s.cl.aborting.Load(t) {
		return false
	}
	if t.At(PointAwaitMetadata).Select(s.cl.metadata.Receiving(), s.cl.ctx.Receiving()) == &s.cl.ctx {
		return true
	}
	s.cl.metadata.Start(t, s.cl.config.MetadataMinAge)
	return false
}

// handleReqRespBatch finishes the batch, unless it is to go again. One that fails
// takes no sequence number with it.
func (s *txnSink) handleReqRespBatch(t *sim.Task, code model.Error) (retry bool) {
	switch code {
	case model.None:
		s.seq.Add(t, 1)
		if s.cl.tx890p2() {
			s.addedToTxn.Store(t, true)
		}
	case model.ErrConcurrentTransactions, model.ErrNotEnoughReplicas, model.ErrUnknownTopicOrPartition:
		return true
	case model.ErrOutOfOrderSequenceNumber, model.ErrInvalidProducerIDMapping, model.ErrInvalidProducerEpoch:
		s.cl.err.CompareAndSwap(t, 0, int32(code)) // failProducerID
	}
	s.promise(t, producer.TxnError(code))
	if code != model.None {
		s.failing, s.failure = s.batches.Len(t), producer.TxnError(code)
	}
	return false
}

// LoadError is the metadata loop, which finds after a while that the topic of
// partition 0 is gone, and fails its first batch unless the outcome is the broker's.
//
// Source: recBuf.bumpRepeatedLoadErr.
type LoadError struct {
	Client *Transactions
	After  time.Duration `sim:"config"`
	update sim.Timer
}

func (l *LoadError) Run(t *sim.Task) {
	t.Step(PointAwaitUpdate)
	l.update.Sleep(t.At(PointMetadata), l.After)
	s := l.Client.sinks[0]
	if s.state.Load(t) == batchBuffered {
		s.promise(t, producer.TxnError(model.ErrUnknownTopicOrPartition))
	}
}

// Describe shows what is buffered.
func (s *txnSink) Describe(show func(name, value string)) {
	if s.record != noRecord {
		show(s.partition.String(), fmt.Sprint(s.record))
	}
}
