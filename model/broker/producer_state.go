package broker

import (
	"fmt"
	"slices"

	"racelab/model"
)

// producerState is what a partition's log knows of a producer.
//
// Source: ProducerStateEntry, VerificationStateEntry.
type producerState struct {
	producerID       model.ProducerID
	producerEpoch    model.ProducerEpoch // NoProducerEpoch: it has written nothing
	coordinatorEpoch model.CoordinatorEpoch
	// batches are the last ones of this epoch, to know a duplicate by.
	//
	// Invariant: at most numBatchesToRetain.
	batches               []batchMetadata // oldest first
	currentTxnFirstOffset model.Offset    // noOffset: no transaction is open here
	verification          verificationState
}

// numBatchesToRetain is how many batches a producer may have in flight.
//
// Source: ProducerStateEntry.NUM_BATCHES_TO_RETAIN.
const numBatchesToRetain = 5

// batchMetadata is what is kept of a batch.
type batchMetadata struct {
	firstSeq, lastSeq model.Sequence
	firstOffset       model.Offset
}

// verificationGuard proves that a batch was verified. There is one a producer,
// which all its attempts share until its transaction begins or a marker comes: so a
// proof from before a marker is none after it (KAFKA-14884), which voidGuards sees to.
//
// Source: VerificationGuard.
type verificationGuard uint8

const (
	noGuard verificationGuard = iota
	liveGuard
	voidGuard
)

// verificationState is the attempt that is under way.
//
// Source: VerificationStateEntry.
type verificationState struct {
	guard          verificationGuard
	epoch          model.ProducerEpoch
	lowestSequence model.Sequence // of those that wait for it: none may overtake it
	version        model.TransactionVersion
}

func newProducerState(id model.ProducerID) producerState {
	return producerState{
		producerID: id, producerEpoch: model.NoProducerEpoch, coordinatorEpoch: model.NoCoordinatorEpoch, currentTxnFirstOffset: noOffset,
	}
}

// findDuplicateBatch finds a batch of the same epoch with just the same sequence
// numbers, and says where it is.
//
// Source: ProducerStateEntry.findDuplicateBatch.
func (p *producerState) findDuplicateBatch(b *model.RecordBatch) (at model.Offset, found bool) {
	if b.ProducerEpoch != p.producerEpoch {
		return noOffset, false
	}
	for _, was := range p.batches {
		if was.firstSeq == b.BaseSequence && was.lastSeq == b.LastSequence() {
			return was.firstOffset, true
		}
	}
	return noOffset, false
}

// hasOngoingTransaction says whether a transaction of this epoch is open here.
func (p *producerState) hasOngoingTransaction(epoch model.ProducerEpoch) bool {
	return p.currentTxnFirstOffset != noOffset && p.producerEpoch == epoch
}

// verified says whether the guard is that of the attempt under way.
func (p *producerState) verified(guard verificationGuard) bool {
	return guard != noGuard && guard == p.verification.guard
}

// takesSequence says whether a batch with this first sequence number comes in
// its turn.
//
// Source: ProducerAppendInfo.checkSequence.
func (p *producerState) takesSequence(epoch model.ProducerEpoch, first model.Sequence) bool {
	switch {
	case p.producerEpoch == model.NoProducerEpoch:
		return true // Its records may have been deleted: any will do.
	case epoch != p.producerEpoch:
		return first == 0
	case len(p.batches) == 0:
		return first == 0
	}
	return first == p.batches[len(p.batches)-1].lastSeq.Plus(1)
}

// addBatch notes a batch, in place of the oldest if need be. The list is a new one, as
// the log still has the one before.
func (p *producerState) addBatch(epoch model.ProducerEpoch, b batchMetadata) {
	p.setEpoch(epoch)
	kept := p.batches[max(0, len(p.batches)+1-numBatchesToRetain):]
	p.batches = append(slices.Clip(kept), b)
}

// setEpoch begins a new epoch, if it is one.
//
// Source: ProducerStateEntry.maybeUpdateProducerEpoch.
func (p *producerState) setEpoch(epoch model.ProducerEpoch) {
	if p.producerEpoch != epoch {
		p.producerEpoch, p.batches = epoch, nil
	}
}

// isNextTransactionOf says whether the attempt is about the transaction after the
// one that a marker of this epoch ends: under TV2 the marker already has the next
// epoch. Such a batch was sooner than the marker, and loses nothing by it.
//
// Source: UnifiedLog.updateProducers; KAFKA-18575.
func (v *verificationState) isNextTransactionOf(marker model.ProducerEpoch) bool {
	return v.guard != noGuard && v.version.SupportsEpochBump() && v.epoch == marker
}

// tellsNothing says whether the attempt, which nobody waits for, leaves nothing that the
// next one, of the same transaction version, would not bring by itself: whatever has a
// larger sequence number than its lowest is out of sequence anyway. Of an older epoch
// than the attempt's nothing is let in, as the coordinator has given out a newer one.
func (p *producerState) tellsNothing(rules model.Rules) bool {
	v := &p.verification
	switch {
	case p.currentTxnFirstOffset != noOffset:
		return false // Its batches are judged by the attempt, and need none.
	case p.producerEpoch == model.NoProducerEpoch:
		return v.version.SupportsEpochBump() && rules.Has(model.FirstSequenceZero)
	case v.epoch > p.producerEpoch || len(p.batches) == 0:
		return true
	}
	return v.epoch == p.producerEpoch && v.lowestSequence >= p.batches[len(p.batches)-1].lastSeq.Plus(1)
}

// maybeUpdateLowestSequenceAndEpoch notes one more batch that waits to be
// verified.
//
// Source: VerificationStateEntry.maybeUpdateLowestSequenceAndEpoch.
func (v *verificationState) maybeUpdateLowestSequenceAndEpoch(sequence model.Sequence, epoch model.ProducerEpoch) {
	switch {
	case epoch == v.epoch:
		v.lowestSequence = min(v.lowestSequence, sequence)
	case epoch > v.epoch:
		v.epoch, v.lowestSequence = epoch, sequence
	}
}

// follow takes a batch of the producer into account as it stands in the log, for
// Check. It knows nothing of who was let in and why.
func (p *producerState) follow(b *model.RecordBatch) error {
	if b.ProducerEpoch < p.producerEpoch {
		return fmt.Errorf("epoch %d of producer %d follows %d", b.ProducerEpoch, p.producerID, p.producerEpoch)
	}
	if b.Control != model.NoControl {
		p.setEpoch(b.ProducerEpoch)
		p.currentTxnFirstOffset = noOffset
		return nil
	}
	if b.Offsets == nil && b.ProducerEpoch == p.producerEpoch && len(p.batches) > 0 {
		if last := p.batches[len(p.batches)-1].lastSeq; b.BaseSequence != last.Plus(1) {
			return fmt.Errorf("sequence number %d of producer %d follows %d", b.BaseSequence, p.producerID, last)
		}
	}
	if b.Transactional && p.currentTxnFirstOffset == noOffset {
		p.currentTxnFirstOffset = b.BaseOffset
	}
	if b.Offsets != nil {
		p.setEpoch(b.ProducerEpoch)
		return nil
	}
	p.addBatch(b.ProducerEpoch, batchMetadata{b.BaseSequence, b.LastSequence(), b.BaseOffset})
	return nil
}
