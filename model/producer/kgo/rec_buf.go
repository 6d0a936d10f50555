package kgo

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// recBuf is the buffer of a partition.
//
// Source: recBuf, recBatch in franz-go 1.22.2, sink.go.
type recBuf struct {
	mu              sim.Mutex
	batches         sim.List[sim.Ref] // oldest first
	batchDrainIdx   sim.Var[int32]
	inflightBatches sim.List[sim.Ref] // in the order of their requests
	sink            sim.Var[int32]    // of its leader, by place
	inflightOnSink  sim.Var[int32]    // whose batches these are, while there are any
	okOnSink        sim.Var[bool]
	seq             sim.Var[model.Sequence]
	batch0Seq       sim.Var[model.Sequence]
	needSeqReset    sim.Var[bool]
	epoch           sim.Var[int32]
	failing         sim.Var[bool]
	lingering       sim.Timer
	isLingering     sim.Var[bool]
	made            []*recBatch // by Ref, from 1
	proposedRecBuf
}

// recBatch is a batch. Its place is free once nothing refers to it.
type recBatch struct {
	refs                sim.Var[int32]
	records             sim.List[promisedRec]
	frozen              sim.Var[bool]
	tries               sim.Var[int32]
	canFailFromLoadErrs sim.Var[bool]
	pinned              sim.Var[bool]
}

func newRecBuf(cl *Producer) *recBuf {
	b := &recBuf{made: each[recBatch](cl.config.Batches)}
	b.proposedRecBuf.init(cl, &b.mu)
	return b
}

func (b *recBuf) at(r sim.Ref) *recBatch { return b.made[r-1] }

// bufferRecord puts the record into the last batch, or into a new one. The caller
// holds recBuf.mu.
//
// Differs: a record that is too large is refused before it is tried with a batch.
// What is buffered stays.
func (g *goroutine) bufferRecord(t *sim.Task) {
	b := g.recBuf()
	err := g.refusal(t)
	if err == 0 && g.pr.is(tooLarge) {
		err = recordError(model.ErrMessageTooLarge)
	}
	if err != 0 {
		g.promiseRecord(t, g.pr, err)
		return
	}
	mkNewBatch := true
	if int(b.batchDrainIdx.Get(t)) != b.batches.Len(t) {
		batch := b.at(b.batches.Get(t)[b.batches.Len(t)-1])
		mkNewBatch = !g.tryBuffer(t, batch)
	}
	if mkNewBatch {
		newBatch := b.newRecordBatch(t)
		g.tryBuffer(t, b.at(newBatch))
		b.batches.Append(t, newBatch)
	}
	if g.pr.is(withDeadline) {
		g.deadline.Start(t, g.config.RecordDeliveryTimeout)
	}
	g.maybeTriggerDrain(t)
}

// tryBuffer puts the record into a batch that has not gone out and has room.
func (g *goroutine) tryBuffer(t *sim.Task, batch *recBatch) (appended bool) {
	if batch.frozen.Get(t) || batch.records.Len(t) == g.config.BatchRecords {
		return false
	}
	batch.records.Append(t, g.pr)
	return true
}

// maybeTriggerDrain drains, or begins to linger. The caller holds recBuf.mu.
//
// Differs: the sink is not started for what createReq would pass over.
func (g *goroutine) maybeTriggerDrain(t *sim.Task) {
	if g.checkIfShouldDrainOrStartLinger(t) && g.drainable(t) {
		g.recBuf().lockedStopLinger(t)
		g.leader(t).drain.start(t)
	}
}

func (g *goroutine) checkIfShouldDrainOrStartLinger(t *sim.Task) bool {
	b := g.recBuf()
	nbufBatches := b.batches.Len(t) - int(b.batchDrainIdx.Get(t))
	return g.config.Linger == 0 && nbufBatches > 0 ||
		nbufBatches > 1 ||
		nbufBatches == 1 && !g.lockedMaybeLinger(t)
}

// lockedMaybeLinger begins to linger, unless the producer is being flushed.
func (g *goroutine) lockedMaybeLinger(t *sim.Task) bool {
	if g.flushing.Load(t) > 0 {
		return false
	}
	if b := g.recBuf(); !b.isLingering.Get(t) {
		b.isLingering.Set(t, true)
		b.lingering.Start(t, g.config.Linger)
	}
	return true
}

func (b *recBuf) lockedStopLinger(t *sim.Task) {
	if b.isLingering.Get(t) {
		b.isLingering.Set(t, false)
		b.lingering.Stop(t)
	}
}

// unlingerAndManuallyDrain drains what has lingered.
func (g *goroutine) unlingerAndManuallyDrain(t *sim.Task) {
	g.recBuf().mu.Lock(t.At(PointUnlinger))
	g.recBuf().lockedStopLinger(t)
	g.leader(t).drain.start(t)
	g.recBuf().mu.Unlock(t)
}

// bumpRepeatedLoadErr fails what is buffered, unless it may have been written.
//
// Differs: the error is TOPIC_AUTHORIZATION_FAILED, for which nobody tries again.
func (g *goroutine) bumpRepeatedLoadErr(t *sim.Task) {
	g.recBuf().mu.Lock(t.At(PointMetadata))
	b := g.recBuf()
	if b.batches.Len(t) > 0 && (!g.config.Idempotent || b.at(b.batches.Get(t)[0]).canFailFromLoadErrs.Get(t)) {
		g.err = recordError(model.ErrTopicAuthorizationFailed)
		g.failAllRecords(t)
	}
	g.recBuf().mu.Unlock(t)
}

// failAllRecords fails all that is buffered with g.err: its promises are pushed,
// and then the buffer is empty. The caller holds recBuf.mu.
//
// If a batch was written, the broker may have it: the next has a new epoch.
//
// Differs: failProducerID, which bumps the epoch when the next request is made, is
// of the partition alone.
func (g *goroutine) failAllRecords(t *sim.Task) {
	g.onProduceFailure(t)
	if g.keepsBuffer() {
		return
	}
	b := g.recBuf()
	b.lockedStopLinger(t)
	pinned := false
	for b.batches.Len(t) > 0 {
		r := b.batches.Get(t)[0]
		batch := b.at(r)
		pinned = pinned || batch.pinned.Get(t)
		g.promiseBatch(t, batch.take(t, g.err))
		b.batches.Drop(t, 1)
		b.release(t, r)
	}
	b.resetBatchDrainIdx(t)
	if pinned {
		b.needSeqReset.Set(t, true)
	}
	g.err = 0
}

// take takes the records out of a batch, with what their promises are called with.
func (b *recBatch) take(t *sim.Task, err recordError) []promisedRec {
	var promises []promisedRec
	for _, pr := range b.records.Get(t) {
		promises = append(promises, pr.failed(err))
	}
	promises[len(promises)-1] |= lastOfBatch
	b.records.Set(t)
	return promises
}

func (b *recBuf) resetBatchDrainIdx(t *sim.Task) {
	b.seq.Set(t, b.batch0Seq.Get(t))
	b.batchDrainIdx.Set(t, 0)
}

// maybeFailErr is the error for which a batch is to fail.
func (g *goroutine) maybeFailErr(t *sim.Task, batch *recBatch) recordError {
	first := batch.records.Get(t)[0]
	switch {
	case first.is(withContext) && g.cancelled.Load(t):
		return errCanceled
	case first.is(withDeadline) && g.deadline.TryReceive(t):
		return errRecordTimeout
	case g.config.RecordRetries >= 0 && batch.tries.Get(t) > g.config.RecordRetries:
		return errRecordRetries
	}
	return 0
}

// newRecordBatch takes the least place that is free.
func (b *recBuf) newRecordBatch(t *sim.Task) sim.Ref {
	for i := range b.made {
		if batch := b.made[i]; batch.refs.Get(t) == 0 {
			batch.refs.Set(t, 1)
			batch.canFailFromLoadErrs.Set(t, true)
			return sim.Ref(i + 1)
		}
	}
	panic(fmt.Sprintf("kgo: a partition has more than %d batches: let ProducerConfig.Batches allow more", len(b.made)))
}

// release lets go of a batch. If nothing refers to it, those behind it move up, so that a
// client comes back to where it was.
func (b *recBuf) release(t *sim.Task, r sim.Ref) {
	batch := b.at(r)
	batch.refs.Set(t, batch.refs.Get(t)-1)
	if batch.refs.Get(t) > 0 {
		return
	}
	for i := int(r); i < len(b.made) && b.made[i].refs.Get(t) > 0; i++ {
		next := b.made[i]
		batch.becomes(t, next.refs.Get(t), next.tries.Get(t), next.frozen.Get(t), next.canFailFromLoadErrs.Get(t), next.pinned.Get(t), next.records.Get(t)...)
		batch = next
	}
	batch.becomes(t, 0, 0, false, false, false)
	for _, list := range []*sim.List[sim.Ref]{&b.batches, &b.inflightBatches} {
		refs := slices.Clone(list.Get(t))
		for i := range refs {
			if refs[i] > r {
				refs[i]--
			}
		}
		list.Set(t, refs...)
	}
}

// becomes makes the batch another one.
func (b *recBatch) becomes(t *sim.Task, refs, tries int32, frozen, canFailFromLoadErrs, pinned bool, records ...promisedRec) {
	b.refs.Set(t, refs)
	b.tries.Set(t, tries)
	b.frozen.Set(t, frozen)
	b.canFailFromLoadErrs.Set(t, canFailFromLoadErrs)
	b.pinned.Set(t, pinned)
	b.records.Set(t, records...)
}

// isOwnersFirstBatch says whether responses to the batch still count.
func (b *recBuf) isOwnersFirstBatch(t *sim.Task, r sim.Ref) bool {
	return b.batches.Len(t) > 0 && b.batches.Get(t)[0] == r
}
