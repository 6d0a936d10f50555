package broker

import (
	"slices"

	"racelab/model"
)

// deleteRecords moves the start of a partition's log.
//
// Source: ReplicaManager.deleteRecords, Partition.deleteRecordsOnLeader.
// Differs: it is answered at once; Kafka waits until the other replicas have moved
// theirs, and they do with the next records here.
func (b *Broker) deleteRecords(request *model.DeleteRecordsRequest) *model.DeleteRecordsResponse {
	log, err := b.led(request.Partition)
	if err == model.None {
		to := request.Offset
		if to == model.NoOffset {
			to = log.highWatermark
		}
		err = model.Refusal(b.config.Rules, deleteChecks, deleting{log, to})
		if err == model.None {
			log.incrementLogStart(to)
			return &model.DeleteRecordsResponse{LowWatermark: log.logStart}
		}
	}
	return &model.DeleteRecordsResponse{Error: err, LowWatermark: model.NoOffset}
}

// deleting is a DeleteRecords before the checks.
type deleting struct {
	log *partitionLog
	to  model.Offset
}

// deleteChecks are those of the new start.
//
// Source: Partition.deleteRecordsOnLeader, UnifiedLog.maybeIncrementLogStartOffset.
var deleteChecks = model.Checks[deleting]{Request: "DeleteRecords", List: []model.Check[deleting]{
	{If: "the offset is below 0, or beyond the high watermark", Error: model.ErrOffsetOutOfRange,
		Holds: func(d deleting) bool { return d.to < 0 || d.to > d.log.highWatermark }},
}}

// incrementLogStart lets the log start at an offset, unless it starts later already. What
// is known of producers stays, and so does the entry of an aborted transaction whose
// marker is still there. A transaction whose marker is gone cannot be undone, and holds
// nobody up.
//
// Source: UnifiedLog.maybeIncrementLogStartOffset, ProducerStateManager.onLogStartOffsetIncremented,
// LocalLog.deleteSegments.
// Differs: a segment is a batch, and goes at once.
func (l *partitionLog) incrementLogStart(to model.Offset) {
	if to <= l.logStart {
		return
	}
	end := l.logEndOffset()
	gone := 0
	for gone < len(l.batches) && l.batches[gone].LastOffset() < to {
		gone++
	}
	l.logStart, l.batches = to, slices.Clone(l.batches[gone:])
	l.firstBatch = end
	if len(l.batches) > 0 {
		l.firstBatch = l.batches[0].BaseOffset
	}
	l.aborted = slices.DeleteFunc(l.aborted, func(a abortedTxn) bool { return a.lastOffset < l.firstBatch })
	l.unreplicated = slices.DeleteFunc(l.unreplicated, func(t completedTxn) bool { return t.lastOffset < to })
	l.noteStable()
}

// ProducersExpire is that no producer without an open transaction has written for
// producer.id.expiration.ms: the log knows nothing of them any more. A scenario drives it.
//
// Source: ProducerStateManager.removeExpiredProducers.
type ProducersExpire struct{ Partition model.Partition }

func (*ProducersExpire) Name() string     { return "producers expire" }
func (e *ProducersExpire) String() string { return e.Partition.String() }

// removeExpiredProducers forgets all producers that have nothing open. The next batch of
// one may have any sequence number, and a marker of one any epoch.
func (l *partitionLog) removeExpiredProducers() {
	l.producers = slices.DeleteFunc(l.producers, func(p producerState) bool { return p.currentTxnFirstOffset == noOffset })
	l.expired = true
}
