package broker

import (
	"fmt"
	"slices"
	"sort"

	"racelab/model"
)

// partitionLog is the log of one partition, and what it knows of the producers
// that write to it.
//
// Source: UnifiedLog, ProducerStateManager, ProducerAppendInfo, TransactionIndex.
// Differs: of a producer a replay tells what the log still has; Kafka has a snapshot too.
type partitionLog struct {
	partition model.Partition     `sim:"config"`
	rules     model.Rules         `sim:"config"`
	maxEpoch  model.ProducerEpoch `sim:"config"` // 0: model.MaxProducerEpoch
	// lags says that another broker has the partition too: the high watermark moves
	// when that is known to have a batch (advance), not with the write.
	lags          bool `sim:"config"`
	replica       replica
	deleted       bool // its topic is
	logStart      model.Offset
	firstBatch    model.Offset // where the first batch begins, at logStart or before it
	expired       bool         // producers were forgotten, so that the batches say more of them
	batches       []model.RecordBatch
	producers     []producerState // ascending by producer id
	aborted       []abortedTxn    // in the order of their markers
	unreplicated  []completedTxn  // complete, and its marker is not below the high watermark
	highWatermark model.Offset
	// highestStable is the largest last stable offset since this broker leads; 0: it follows.
	//
	// Invariant: the last stable offset is never less. On a new leader it may be.
	highestStable model.Offset
}

// noOffset stands where there is no offset.
const noOffset model.Offset = -1

// abortedTxn is an aborted transaction in the index.
//
// Source: AbortedTxn.
type abortedTxn struct {
	producerID  model.ProducerID
	firstOffset model.Offset
	lastOffset  model.Offset // of the marker
	// lastStable is the last stable offset when the marker was written, as if all
	// was replicated: behind it this entry tells nothing.
	lastStable model.Offset
}

// completedTxn is a transaction whose marker is written.
type completedTxn struct{ firstOffset, lastOffset model.Offset }

// logEndOffset is the offset of the next record.
func (l *partitionLog) logEndOffset() model.Offset {
	if len(l.batches) == 0 {
		return l.firstBatch
	}
	return l.batches[len(l.batches)-1].LastOffset() + 1
}

// lastStableOffset is where a read_committed consumer stops: at the first
// offset of a transaction that is not decided, or whose decision is not
// replicated, and at the high watermark; but not before the start of the log.
//
// Source: UnifiedLog.fetchLastStableOffsetMetadata, ProducerStateManager.firstUnstableOffset,
// UnifiedLog.maybeIncrementFirstUnstableOffset.
func (l *partitionLog) lastStableOffset() model.Offset {
	stable := l.firstOpen(l.highWatermark)
	for _, txn := range l.unreplicated {
		stable = min(stable, txn.firstOffset)
	}
	return max(stable, min(l.logStart, l.highWatermark))
}

// firstOpen is the first offset of an open transaction, or the limit if that
// comes first.
func (l *partitionLog) firstOpen(limit model.Offset) model.Offset {
	for i := range l.producers {
		if first := l.producers[i].currentTxnFirstOffset; first != noOffset {
			limit = min(limit, first)
		}
	}
	return limit
}

// advance moves the high watermark: all replicas have what is below.
//
// Source: Partition.maybeIncrementLeaderHW, ProducerStateManager.onHighWatermarkUpdated.
func (l *partitionLog) advance(to model.Offset) {
	l.highWatermark = max(l.highWatermark, min(to, l.logEndOffset()))
	l.unreplicated = slices.DeleteFunc(l.unreplicated, func(t completedTxn) bool { return t.lastOffset < l.highWatermark })
	l.noteStable()
}

// truncateTo drops what is at an offset and behind it. What is known of producers is
// made anew from what stays: their last batches, what they have open, and what they
// aborted. Only memory held the attempts to verify.
//
// Source: UnifiedLog.truncateTo, ProducerStateManager.truncateAndReload.
// Differs: there are no snapshots, so what is replayed gives all five batches back.
func (l *partitionLog) truncateTo(end model.Offset) {
	kept := l.batches
	if n := slices.IndexFunc(kept, func(b model.RecordBatch) bool { return b.BaseOffset >= end }); n >= 0 {
		kept = kept[:n]
	}
	high := l.highWatermark
	l.expired = false
	l.batches, l.producers, l.aborted, l.unreplicated, l.highWatermark, l.highestStable = nil, nil, nil, nil, 0, 0
	for i := range kept {
		l.write(kept[i])
	}
	l.advance(high)
}

// appending is a client's batch before the checks.
type appending struct {
	log      *partitionLog
	producer producerState
	batch    *model.RecordBatch
	guard    verificationGuard
}

// beginsHere says whether the batch would begin a transaction on the partition.
func (a appending) beginsHere() bool {
	return a.batch.Transactional && !a.log.ongoing(&a.producer, a.batch.ProducerEpoch)
}

func (a appending) isOlder() bool { return a.batch.ProducerEpoch < a.producer.producerEpoch }

// transactionChecks are those of a batch that may begin a transaction.
//
// Source: UnifiedLog.analyzeAndValidateProducerState, ProducerAppendInfo.checkProducerEpoch.
var transactionChecks = []model.Check[appending]{
	{If: "it begins a transaction here, and its epoch is older than the last one here", Rule: model.EpochBeforeGuard, Error: model.ErrInvalidProducerEpoch,
		Holds: func(a appending) bool { return a.beginsHere() && a.isOlder() }},
	{If: "it begins a transaction here, and its proof is missing or void", Rule: model.Verification, Error: model.ErrInvalidTxnState,
		Holds: func(a appending) bool { return a.beginsHere() && !a.producer.verified(a.guard) }},
	{If: "its epoch is older than the last one here", Error: model.ErrInvalidProducerEpoch, Holds: appending.isOlder},
}

// offsetLogChecks are those of offsets, which have no sequence numbers.
//
// Source: CoordinatorPartitionWriter.
var offsetLogChecks = model.Checks[appending]{Request: "TxnOffsetCommit, what the log says", List: transactionChecks}

// appendChecks are those of a batch of records, after duplicates are found.
//
// Source: UnifiedLog.analyzeAndValidateProducerState, then ProducerAppendInfo.
var appendChecks = model.Checks[appending]{Request: "Produce, a batch of an idempotent producer", List: slices.Concat(transactionChecks, []model.Check[appending]{
	{If: "it is verified under TV2, no batch of this epoch is here, and it does not begin with 0", Rule: model.FirstSequenceZero, Error: model.ErrOutOfOrderSequenceNumber,
		Holds: func(a appending) bool {
			v := &a.producer.verification
			return v.guard != noGuard && v.version.SupportsEpochBump() && a.batch.BaseSequence != 0 && len(a.producer.batches) == 0
		}},
	{If: "it is verified, and a batch with a lower sequence number waits too", Rule: model.Verification, Error: model.ErrOutOfOrderSequenceNumber,
		Holds: func(a appending) bool {
			v := &a.producer.verification
			return v.guard != noGuard && a.batch.BaseSequence > v.lowestSequence
		}},
	{If: "it is the first of an epoch, the producer was here before, and it does not begin with 0; or it does not follow the last one of its epoch", Error: model.ErrOutOfOrderSequenceNumber,
		Holds: func(a appending) bool { return !a.producer.takesSequence(a.batch.ProducerEpoch, a.batch.BaseSequence) }},
	{If: "it is not transactional, and a transaction of its producer is open here", Error: model.ErrInvalidTxnState,
		Holds: func(a appending) bool { return a.producer.currentTxnFirstOffset != noOffset && !a.batch.Transactional }},
})}

// ongoing says whether a transaction is open here that a batch of the epoch would
// be a part of.
func (l *partitionLog) ongoing(p *producerState, epoch model.ProducerEpoch) bool {
	if !l.rules.Has(model.AddAtSameEpoch) {
		return p.currentTxnFirstOffset != noOffset
	}
	return p.hasOngoingTransaction(epoch)
}

// append writes a client's batch, or says why not. A batch that is there already
// is not written again, and gets the offset that it has. Offsets of consumers
// have no sequence numbers, so there is nothing to know a duplicate by.
//
// Source: UnifiedLog.analyzeAndValidateProducerState, then
// ProducerAppendInfo.appendDataBatch.
func (l *partitionLog) append(b *model.RecordBatch, guard verificationGuard) (model.Offset, model.Error) {
	checks := appendChecks
	switch a := (appending{l, l.producer(b.ProducerID), b, guard}); {
	case b.ProducerID == model.NoProducerID:
	case b.Offsets != nil:
		checks = offsetLogChecks
		fallthrough
	default:
		if at, ok := a.producer.findDuplicateBatch(b); ok && b.Offsets == nil {
			return at, model.None
		}
		if err := model.Refusal(l.rules, checks, a); err != model.None {
			return noOffset, err
		}
	}
	return l.write(*b), model.None
}

// marking is a marker before the checks.
type marking struct {
	log      *partitionLog
	producer producerState
	marker   *model.TxnMarker
}

// isAgain says whether a TV2 marker has the partition's own epoch.
func (m marking) isAgain() bool {
	return m.marker.TransactionVersion.SupportsEpochBump() && m.marker.ProducerEpoch == m.producer.producerEpoch
}

func (m marking) isOpen() bool { return m.producer.currentTxnFirstOffset != noOffset }

func (m marking) isLast() bool {
	last := m.log.maxEpoch
	if last == 0 {
		last = model.MaxProducerEpoch
	}
	return m.producer.producerEpoch == last
}

// markerChecks are those of a marker. One for a producer that has not been here
// passes them all.
//
// Source: ProducerAppendInfo.checkProducerEpoch, ProducerAppendInfo.appendEndTxnMarker.
var markerChecks = model.Checks[marking]{Request: "WriteTxnMarkers", List: []model.Check[marking]{
	{If: "its epoch is older than the last one here", Error: model.ErrInvalidProducerEpoch,
		Holds: func(m marking) bool { return m.marker.ProducerEpoch < m.producer.producerEpoch }},
	{If: "under TV2 its epoch is the last one here, and a transaction is open", Rule: model.StrictMarkers, Error: model.ErrInvalidProducerEpoch,
		Holds: func(m marking) bool { return m.isAgain() && m.isOpen() && !m.isLast() }},
	{If: "likewise, and there is no epoch after it", Rule: model.StrictMarkers, Until: model.LastEpoch, Error: model.ErrInvalidProducerEpoch,
		Holds: func(m marking) bool { return m.isAgain() && m.isLast() }},
	{If: "under TV2 its epoch is the last one here, and nothing is open: it was written before", Rule: model.StrictMarkers, Until: model.MarkerAgain, Error: model.ErrInvalidProducerEpoch,
		Holds: func(m marking) bool { return m.isAgain() && !m.isOpen() }},
	{If: "a newer coordinator has written a marker of this producer here", Rule: model.CoordinatorFencing, Error: model.ErrTransactionCoordinatorFenced,
		Holds: func(m marking) bool { return m.marker.CoordinatorEpoch < m.producer.coordinatorEpoch }},
}}

// appendEndTxnMarker ends a producer's transaction, if it has one here.
//
// Source: ProducerAppendInfo.appendEndTxnMarker.
func (l *partitionLog) appendEndTxnMarker(m *model.TxnMarker) model.Error {
	p := l.producer(m.ProducerID)
	if err := model.Refusal(l.rules, markerChecks, marking{l, p, m}); err != model.None {
		return err
	}
	keep := l.rules.Has(model.GuardOfNext) && p.verification.isNextTransactionOf(m.ProducerEpoch) || !l.rules.Has(model.GuardPerTransaction)
	l.write(model.RecordBatch{
		ProducerID: m.ProducerID, ProducerEpoch: m.ProducerEpoch, BaseSequence: model.NoSequence,
		Transactional: true, Control: m.Result.Control(), CoordinatorEpoch: m.CoordinatorEpoch,
	})
	if keep {
		i, _ := l.find(m.ProducerID)
		l.producers[i].verification = p.verification
	}
	return model.None
}

// write puts a batch at the end, and takes it into account: it is what a replica
// does too, which refuses nothing.
//
// Source: UnifiedLog.append, UnifiedLog.updateProducers, TransactionIndex.
func (l *partitionLog) write(b model.RecordBatch) model.Offset {
	b.BaseOffset, b.Records, b.Offsets = l.logEndOffset(), slices.Clone(b.Records), slices.Clone(b.Offsets)
	l.batches = append(l.batches, b)
	if !l.lags {
		l.highWatermark = l.logEndOffset()
	}
	if b.ProducerID != model.NoProducerID {
		l.updateProducer(l.takes(l.producer(b.ProducerID), &b))
		if b.Control == model.AbortMarker && len(l.aborted) > 0 {
			if last := &l.aborted[len(l.aborted)-1]; last.lastOffset == b.BaseOffset {
				last.lastStable = l.firstOpen(b.BaseOffset + 1)
			}
		}
	}
	l.noteStable()
	return b.BaseOffset
}

// takes is a producer after a batch of it.
func (l *partitionLog) takes(p producerState, b *model.RecordBatch) producerState {
	first := p.currentTxnFirstOffset
	switch {
	case b.Control != model.NoControl:
		if first != noOffset {
			if b.Control == model.AbortMarker {
				l.aborted = append(l.aborted, abortedTxn{producerID: b.ProducerID, firstOffset: first, lastOffset: b.BaseOffset})
			}
			if l.lags {
				l.unreplicated = append(l.unreplicated, completedTxn{first, b.BaseOffset})
			}
		}
		p.setEpoch(b.ProducerEpoch)
		p.coordinatorEpoch, p.currentTxnFirstOffset = b.CoordinatorEpoch, noOffset
	case b.Offsets != nil:
		p.setEpoch(b.ProducerEpoch)
	default:
		p.addBatch(b.ProducerEpoch, batchMetadata{b.BaseSequence, b.LastSequence(), b.BaseOffset})
	}
	if b.Transactional {
		if b.Control == model.NoControl && first == noOffset {
			p.currentTxnFirstOffset = b.BaseOffset
		}
		p.verification = verificationState{}
	}
	return p
}

// maybeStartTransactionVerification returns the guard with which the next batch
// of a producer may begin a transaction here, once the coordinator has said that
// the partition is part of it; noGuard if a transaction is open here, which needs
// no proof. All attempts of a producer share one guard.
//
// Errors: INVALID_PRODUCER_EPOCH for an older epoch.
// Source: UnifiedLog.maybeStartTransactionVerification; KIP-890. KAFKA-18654 for
// the epoch.
func (l *partitionLog) maybeStartTransactionVerification(b *model.RecordBatch, version model.TransactionVersion) (verificationGuard, model.Error) {
	p := l.producer(b.ProducerID)
	if l.rules.Has(model.EpochBeforeAdd) && b.ProducerEpoch < p.producerEpoch {
		return noGuard, model.ErrInvalidProducerEpoch
	}
	if l.ongoing(&p, b.ProducerEpoch) {
		return noGuard, model.None
	}
	if p.verification.guard == noGuard {
		p.verification = verificationState{liveGuard, b.ProducerEpoch, b.BaseSequence, version}
	}
	if l.rules.Has(model.GuardTakesVersion) {
		p.verification.version = max(p.verification.version, version)
	}
	p.verification.maybeUpdateLowestSequenceAndEpoch(b.BaseSequence, b.ProducerEpoch)
	l.updateProducer(p)
	return p.verification.guard, model.None
}

// producer returns what is known of a producer.
func (l *partitionLog) producer(id model.ProducerID) producerState {
	if i, found := l.find(id); found {
		return l.producers[i]
	}
	return newProducerState(id)
}

func (l *partitionLog) updateProducer(p producerState) {
	i, found := l.find(p.producerID)
	if !found {
		l.producers = slices.Insert(l.producers, i, producerState{})
	}
	l.producers[i] = p
}

func (l *partitionLog) noteStable() {
	if !l.replica.follows {
		l.highestStable = max(l.highestStable, l.lastStableOffset())
	}
}

func (l *partitionLog) find(id model.ProducerID) (place int, found bool) {
	place = sort.Search(len(l.producers), func(i int) bool { return l.producers[i].producerID >= id })
	return place, place < len(l.producers) && l.producers[place].producerID == id
}

// fetching is a Fetch before the checks.
type fetching struct {
	log  *partitionLog
	from model.Offset
}

// fetchChecks are those of the offset.
//
// Source: UnifiedLog.read, LocalLog.read.
var fetchChecks = model.Checks[fetching]{Request: "Fetch", List: []model.Check[fetching]{
	{If: "the offset is before the start of the log, or behind its end", Error: model.ErrOffsetOutOfRange,
		Holds: func(f fetching) bool { return f.from < f.log.logStart || f.from > f.log.logEndOffset() }},
}}

// fetch reads from an offset on.
//
// Source: LocalLog.read, UnifiedLog.read.
func (l *partitionLog) fetch(request *model.FetchRequest) *model.FetchResponse {
	response := &model.FetchResponse{
		Partition: request.Partition, HighWatermark: l.highWatermark, LastStableOffset: l.lastStableOffset(), LogStartOffset: l.logStart,
	}
	if response.Error = model.Refusal(l.rules, fetchChecks, fetching{l, request.FetchOffset}); response.Error != model.None {
		return response
	}
	upperBound := l.highWatermark
	if request.IsolationLevel == model.ReadCommitted {
		upperBound = l.lastStableOffset()
	}
	for i := range l.batches {
		b := l.batches[i]
		if b.LastOffset() >= request.FetchOffset && b.BaseOffset < upperBound {
			b.Records, b.Offsets = slices.Clone(b.Records), slices.Clone(b.Offsets)
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
		if a.lastStable >= upperBound {
			break // What was aborted after it begins behind that.
		}
	}
	slices.SortStableFunc(list, func(a, b model.AbortedTransaction) int { return int(a.FirstOffset - b.FirstOffset) })
	return list
}

// Check goes through the log anew, and compares what it finds with what the log
// believes: offsets and sequence numbers without gaps, each open transaction
// that of a known producer, the last stable offset never back.
func (l *partitionLog) Check() error {
	next := l.firstBatch
	var open []producerState // what the batches say of each producer
	for i := range l.batches {
		b := &l.batches[i]
		if b.BaseOffset != next {
			return fmt.Errorf("%v: offset %d follows %d", l.partition, b.BaseOffset, next-1)
		}
		next = b.LastOffset() + 1
		if b.ProducerID == model.NoProducerID || !l.rules.Has(model.StateFromLog) {
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
	stable := l.highWatermark
	for i := range open {
		p := l.producer(open[i].producerID)
		if l.expired || l.firstBatch > 0 {
			continue // The log knows less of them, or more.
		}
		if l.lags && (open[i].producerEpoch != p.producerEpoch || !slices.Equal(open[i].batches, p.batches)) {
			return fmt.Errorf("%v: the last batches of producer %d are %v in epoch %d, and the log believes %v in %d",
				l.partition, p.producerID, open[i].batches, open[i].producerEpoch, p.batches, p.producerEpoch)
		}
		if open[i].currentTxnFirstOffset != p.currentTxnFirstOffset {
			return fmt.Errorf("%v: producer %d has a transaction open from %d, and the log believes from %d",
				l.partition, p.producerID, open[i].currentTxnFirstOffset, p.currentTxnFirstOffset)
		}
		if first := open[i].currentTxnFirstOffset; first != noOffset {
			stable = min(stable, first)
		}
	}
	if !l.rules.Has(model.StateFromLog) {
		return nil
	}
	if l.expired || l.firstBatch > 0 {
		stable = l.lastStableOffset()
	}
	if got := l.lastStableOffset(); got > stable || got < stable && len(l.unreplicated) == 0 {
		return fmt.Errorf("%v: the last stable offset is %d, want %d", l.partition, got, stable)
	}
	if stable < l.highestStable {
		return fmt.Errorf("%v: last stable offset went back from %d to %d", l.partition, l.highestStable, stable)
	}
	return nil
}
