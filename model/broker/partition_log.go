package broker

import (
	"fmt"
	"slices"

	"racelab/model"
)

// partitionLog is the log of one partition, and what it knows of the producers
// that write to it.
//
// Source: UnifiedLog, ProducerStateManager, ProducerAppendInfo, TransactionIndex.
// Differs: one replica, so that the high watermark is the end of the log and a
// transaction is replicated when it is complete; nothing is ever deleted.
type partitionLog struct {
	partition model.Partition `sim:"config"`
	batches   []model.RecordBatch
	producers []producerState // ascending by producer id
	aborted   []abortedTxn    // in the order of their markers
	lastGuard verificationGuard
	// highestStable is the largest last stable offset so far.
	//
	// Invariant: the last stable offset is never less.
	highestStable model.Offset
}

// noOffset stands where there is no offset.
const noOffset model.Offset = -1

// abortedTxn is an aborted transaction in the index.
//
// Source: AbortedTxn.
// Differs: it does not hold the last stable offset of its time, by which Kafka
// knows where to stop reading the index.
type abortedTxn struct {
	producerID  model.ProducerID
	firstOffset model.Offset
	lastOffset  model.Offset // of the marker
}

// logEndOffset is the offset of the next record.
func (l *partitionLog) logEndOffset() model.Offset {
	if len(l.batches) == 0 {
		return 0
	}
	return l.batches[len(l.batches)-1].LastOffset() + 1
}

// lastStableOffset is where a read_committed consumer stops: at the first
// offset of a transaction that is not decided.
//
// Source: UnifiedLog.fetchLastStableOffsetMetadata, ProducerStateManager.firstUnstableOffset.
func (l *partitionLog) lastStableOffset() model.Offset {
	stable := l.logEndOffset()
	for i := range l.producers {
		if first := l.producers[i].currentTxnFirstOffset; first != noOffset {
			stable = min(stable, first)
		}
	}
	return stable
}

// append writes a client's batch, or says why not. A batch that is there already
// is not written again, and gets the offset that it has.
//
// Source: UnifiedLog.analyzeAndValidateProducerState, then
// ProducerAppendInfo.appendDataBatch.
func (l *partitionLog) append(b model.RecordBatch, guard verificationGuard, verifies bool) (model.Offset, model.Error) {
	if b.ProducerID == model.NoProducerID {
		at := l.write(b)
		l.noteStable()
		return at, model.None
	}
	p := l.producer(b.ProducerID)
	if at, ok := p.findDuplicateBatch(&b); ok {
		return at, model.None
	}
	if b.Transactional && !p.hasOngoingTransaction(b.ProducerEpoch) && verifies && !p.verified(guard) {
		if b.ProducerEpoch < p.producerEpoch {
			return noOffset, model.ErrInvalidProducerEpoch
		}
		return noOffset, model.ErrInvalidTxnState
	}
	if b.ProducerEpoch < p.producerEpoch {
		return noOffset, model.ErrInvalidProducerEpoch
	}
	if !p.takesSequence(b.ProducerEpoch, b.BaseSequence) {
		return noOffset, model.ErrOutOfOrderSequenceNumber
	}
	if p.currentTxnFirstOffset != noOffset && !b.Transactional {
		return noOffset, model.ErrInvalidTxnState
	}
	at := l.write(b)
	p.addBatch(b.ProducerEpoch, batchMetadata{b.BaseSequence, b.LastSequence(), at})
	if b.Transactional {
		if p.currentTxnFirstOffset == noOffset {
			p.currentTxnFirstOffset = at
		}
		p.verification = verificationState{}
	}
	l.updateProducer(p)
	return at, model.None
}

// appendEndTxnMarker ends a producer's transaction, if it has one here.
//
// Errors: INVALID_PRODUCER_EPOCH if a producer with a newer epoch has been here,
// TRANSACTION_COORDINATOR_FENCED if a newer coordinator has.
// Source: ProducerAppendInfo.appendEndTxnMarker.
func (l *partitionLog) appendEndTxnMarker(m *model.TxnMarker) model.Error {
	p := l.producer(m.ProducerID)
	if !p.takesMarkerEpoch(m.ProducerEpoch, m.TransactionVersion) {
		return model.ErrInvalidProducerEpoch
	}
	if m.CoordinatorEpoch < p.coordinatorEpoch {
		return model.ErrTransactionCoordinatorFenced
	}
	at := l.write(model.RecordBatch{
		ProducerID: m.ProducerID, ProducerEpoch: m.ProducerEpoch, BaseSequence: model.NoSequence,
		Transactional: true, Control: m.Result.Control(),
	})
	if first := p.currentTxnFirstOffset; first != noOffset && m.Result == model.Abort {
		l.aborted = append(l.aborted, abortedTxn{m.ProducerID, first, at})
	}
	p.setEpoch(m.ProducerEpoch)
	p.coordinatorEpoch, p.currentTxnFirstOffset = m.CoordinatorEpoch, noOffset
	if !p.verification.isNextTransactionOf(m.ProducerEpoch) {
		p.verification = verificationState{}
	}
	l.updateProducer(p)
	return model.None
}

// write puts a batch at the end.
func (l *partitionLog) write(b model.RecordBatch) model.Offset {
	b.BaseOffset, b.Records = l.logEndOffset(), slices.Clone(b.Records)
	l.batches = append(l.batches, b)
	return b.BaseOffset
}

// maybeStartTransactionVerification returns the guard with which the next batch
// of a producer may begin a transaction here, once the coordinator has said that
// the partition is part of it; noGuard if a transaction is open here, which needs
// no proof.
//
// Source: UnifiedLog.maybeStartTransactionVerification; KIP-890. KAFKA-18654 for
// the epoch.
func (l *partitionLog) maybeStartTransactionVerification(b *model.RecordBatch, version model.TransactionVersion) verificationGuard {
	p := l.producer(b.ProducerID)
	if p.hasOngoingTransaction(b.ProducerEpoch) {
		return noGuard
	}
	if p.verification.guard == noGuard {
		l.lastGuard++
		p.verification = verificationState{l.lastGuard, b.ProducerEpoch, b.BaseSequence, version}
	}
	p.verification.maybeUpdateLowestSequenceAndEpoch(b.BaseSequence, b.ProducerEpoch)
	l.updateProducer(p)
	return p.verification.guard
}

// producer returns what is known of a producer.
func (l *partitionLog) producer(id model.ProducerID) producerState {
	if i, found := l.find(id); found {
		p := l.producers[i]
		p.batches = slices.Clone(p.batches)
		return p
	}
	return newProducerState(id)
}

func (l *partitionLog) updateProducer(p producerState) {
	i, found := l.find(p.producerID)
	if !found {
		l.producers = slices.Insert(l.producers, i, producerState{})
	}
	l.producers[i] = p
	l.noteStable()
}

func (l *partitionLog) noteStable() { l.highestStable = max(l.highestStable, l.lastStableOffset()) }

func (l *partitionLog) find(id model.ProducerID) (place int, found bool) {
	return slices.BinarySearchFunc(l.producers, id, func(p producerState, id model.ProducerID) int { return int(p.producerID - id) })
}

// fetch reads from an offset on.
//
// Source: LocalLog.read, UnifiedLog.read.
func (l *partitionLog) fetch(request *model.FetchRequest) *model.FetchResponse {
	response := &model.FetchResponse{
		Partition: request.Partition, HighWatermark: l.logEndOffset(), LastStableOffset: l.lastStableOffset(),
	}
	if request.FetchOffset < 0 || request.FetchOffset > l.logEndOffset() {
		response.Error = model.ErrOffsetOutOfRange
		return response
	}
	upperBound := l.logEndOffset()
	if request.IsolationLevel == model.ReadCommitted {
		upperBound = l.lastStableOffset()
	}
	for i := range l.batches {
		b := l.batches[i]
		if b.LastOffset() >= request.FetchOffset && b.BaseOffset < upperBound {
			b.Records = slices.Clone(b.Records)
			response.Batches = append(response.Batches, b)
		}
	}
	if request.IsolationLevel == model.ReadCommitted {
		response.AbortedTransactions = l.collectAbortedTransactions(request.FetchOffset, upperBound)
	}
	return response
}

// collectAbortedTransactions lists the aborted transactions that lie between two
// offsets, if only in part.
//
// Source: TransactionIndex.collectAbortedTxns.
func (l *partitionLog) collectAbortedTransactions(from, upperBound model.Offset) []model.AbortedTransaction {
	var list []model.AbortedTransaction
	for _, a := range l.aborted {
		if a.lastOffset >= from && a.firstOffset < upperBound {
			list = append(list, model.AbortedTransaction{ProducerID: a.producerID, FirstOffset: a.firstOffset})
		}
	}
	slices.SortStableFunc(list, func(a, b model.AbortedTransaction) int { return int(a.FirstOffset - b.FirstOffset) })
	return list
}

// Check goes through the log anew, and compares what it finds with what the log
// believes: offsets and sequence numbers without gaps, each open transaction
// that of a known producer, the last stable offset never back.
func (l *partitionLog) Check() error {
	var next model.Offset
	var open []producerState // what the batches say of each producer
	for i := range l.batches {
		b := &l.batches[i]
		if b.BaseOffset != next {
			return fmt.Errorf("%v: offset %d follows %d", l.partition, b.BaseOffset, next-1)
		}
		next = b.LastOffset() + 1
		if b.ProducerID == model.NoProducerID {
			continue
		}
		at := slices.IndexFunc(open, func(p producerState) bool { return p.producerID == b.ProducerID })
		if at < 0 {
			at, open = len(open), append(open, newProducerState(b.ProducerID))
		}
		if err := open[at].follow(b); err != nil {
			return fmt.Errorf("%v, offset %d: %w", l.partition, b.BaseOffset, err)
		}
	}
	stable := next
	for i := range open {
		p := l.producer(open[i].producerID)
		if open[i].currentTxnFirstOffset != p.currentTxnFirstOffset {
			return fmt.Errorf("%v: producer %d has a transaction open from %d, and the log believes from %d",
				l.partition, p.producerID, open[i].currentTxnFirstOffset, p.currentTxnFirstOffset)
		}
		if first := open[i].currentTxnFirstOffset; first != noOffset {
			stable = min(stable, first)
		}
	}
	if stable < l.highestStable {
		return fmt.Errorf("%v: last stable offset went back from %d to %d", l.partition, l.highestStable, stable)
	}
	return nil
}
