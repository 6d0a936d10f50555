package broker

import (
	"fmt"
	"slices"
	"time"

	"racelab/model"
	"racelab/sim"
)

// offsetMetadata is what the group coordinator makes of its partition of
// __consumer_offsets: the committed offsets of one group, and those that open
// transactions hold.
//
// Source: OffsetMetadataManager.
// Differs: no offset expires. Who is in the group, the scenario says
// (model.GroupRebalanced).
type offsetMetadata struct {
	rules     model.Rules                 `sim:"config"`
	owner     model.ConsumerGroupMetadata // the one member; zero: the group is empty
	committed []offsetAndRecord           // ascending by partition
	pending   []pendingOffset             // in the order of their records
	ended     []endedTransaction          // whose offsets are still to be committed (before KAFKA-17507)
}

// offsetAndRecord is an offset and where in __consumer_offsets it stands.
//
// Source: OffsetAndMetadata.recordOffset.
type offsetAndRecord struct {
	model.PartitionOffset
	record model.Offset
}

// pendingOffset waits for a marker. It goes by the producer id, not by the epoch.
//
// Source: OffsetMetadataManager.pendingTransactionalOffsets.
type pendingOffset struct {
	producerID model.ProducerID
	offsetAndRecord
}

type endedTransaction struct {
	producerID model.ProducerID
	control    model.ControlRecordType
}

// replay takes a batch of __consumer_offsets into account.
//
// Source: OffsetMetadataManager.replay, OffsetMetadataManager.replayEndTransactionMarker.
func (o *offsetMetadata) replay(b *model.RecordBatch) {
	if b.Control != model.NoControl {
		o.endTransaction(endedTransaction{b.ProducerID, b.Control}, true)
		return
	}
	if b.Tombstones {
		o.committed, o.pending = nil, nil
		return
	}
	for i, p := range b.Offsets {
		at := offsetAndRecord{p, b.BaseOffset + model.Offset(i)}
		if b.Transactional {
			o.pending = slices.DeleteFunc(o.pending, func(was pendingOffset) bool { return was.producerID == b.ProducerID && was.Partition == p.Partition })
			o.pending = append(o.pending, pendingOffset{b.ProducerID, at})
		} else {
			o.commit(at)
		}
	}
}

// endTransaction commits or drops what the producer's transaction holds.
func (o *offsetMetadata) endTransaction(txn endedTransaction, inLogOrder bool) {
	for _, p := range o.pending {
		if p.producerID != txn.producerID || txn.control != model.CommitMarker {
			continue
		}
		if i, found := o.find(p.Partition); !inLogOrder || !found || o.committed[i].record < p.record {
			o.commit(p.offsetAndRecord)
		}
	}
	o.pending = slices.DeleteFunc(o.pending, func(p pendingOffset) bool { return p.producerID == txn.producerID })
}

// materialise commits what ended transactions held, or what their producers hold by
// now.
func (o *offsetMetadata) materialise() {
	for _, txn := range o.ended {
		o.endTransaction(txn, true)
	}
	o.ended = nil
}

func (o *offsetMetadata) commit(at offsetAndRecord) {
	i, found := o.find(at.Partition)
	if !found {
		o.committed = slices.Insert(o.committed, i, offsetAndRecord{})
	}
	o.committed[i] = at
}

func (o *offsetMetadata) find(p model.Partition) (int, bool) {
	return slices.BinarySearchFunc(o.committed, p, func(at offsetAndRecord, p model.Partition) int { return int(at.Partition - p) })
}

// fetch answers with what is committed.
//
// Source: OffsetMetadataManager.fetchOffsets.
// Differs: the whole answer is UNSTABLE_OFFSET_COMMIT where Kafka says so of a
// partition; with one partition a request it is the same.
func (o *offsetMetadata) fetch(request *model.OffsetFetchRequest) *model.OffsetFetchResponse {
	response := &model.OffsetFetchResponse{}
	partitions := request.Partitions
	if request.All {
		partitions = o.all()
	}
	for _, p := range partitions {
		held := slices.ContainsFunc(o.pending, func(at pendingOffset) bool { return at.Partition == p })
		if request.RequireStable && held && o.rules.Has(model.StableOffsets) {
			return &model.OffsetFetchResponse{Error: model.ErrUnstableOffsetCommit}
		}
		at := model.PartitionOffset{Partition: p, Offset: model.NoOffset}
		if i, found := o.find(p); found {
			at.Offset = o.committed[i].Offset
		}
		response.Partitions = append(response.Partitions, at)
	}
	return response
}

// all lists the partitions that OffsetFetch takes for all.
//
// Source: OffsetMetadataManager.fetchAllOffsets, which goes through what is committed.
func (o *offsetMetadata) all() []model.Partition {
	var list []model.Partition
	for _, at := range o.committed {
		list = append(list, at.Partition)
	}
	if o.rules.Has(model.FetchAllStable) {
		for _, at := range o.pending {
			list = append(list, at.Partition)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// deleteGroup deletes the group's offsets, and with them what transactions hold.
//
// Source: OffsetMetadataManager.deleteAllOffsets, OffsetMetadataManager.replay of a
// tombstone: an open transaction is no obstacle.
func (b *Broker) deleteGroup() *model.DeleteGroupsResponse {
	log := b.log(model.ConsumerOffsets)
	switch {
	case log == nil || b.failed:
		return &model.DeleteGroupsResponse{Error: model.ErrNotCoordinator}
	case b.offsets.owner != model.ConsumerGroupMetadata{}, b.config.Rules.Has(model.KeepGroupInTransaction) && len(b.offsets.pending) > 0:
		return &model.DeleteGroupsResponse{Error: model.ErrNonEmptyGroup}
	}
	log.write(model.RecordBatch{ProducerID: model.NoProducerID, BaseSequence: model.NoSequence, Offsets: []model.PartitionOffset{{Offset: model.NoOffset}}, Tombstones: true})
	b.offsets.replay(&log.batches[len(log.batches)-1])
	return &model.DeleteGroupsResponse{}
}

// committing is a TxnOffsetCommit before the group's checks.
type committing struct {
	group   *offsetMetadata
	request *model.TxnOffsetCommitRequest
}

// offsetChecks are the group's, for a transaction. One that says nothing of its
// sender passes them.
//
// Source: ClassicGroup.validateOffsetCommit, OffsetMetadataManager.validateTransactionalOffsetCommit.
// Differs: no static members, no KIP-848 groups.
var offsetChecks = model.Checks[committing]{Request: "TxnOffsetCommit, what the group says", List: []model.Check[committing]{
	{If: "it names a member that the group does not have", Rule: model.GroupMetadata, Error: model.ErrUnknownMemberID,
		Holds: func(c committing) bool {
			return c.request.ConsumerGroupMetadata != model.ConsumerGroupMetadata{} && c.request.MemberID != c.group.owner.MemberID
		}},
	{If: "it names a generation that is not the group's", Rule: model.GroupMetadata, Error: model.ErrIllegalGeneration,
		Holds: func(c committing) bool {
			return c.request.ConsumerGroupMetadata != model.ConsumerGroupMetadata{} && c.request.GenerationID != c.group.owner.GenerationID
		}},
}}

func offsetsBatch(request *model.TxnOffsetCommitRequest) model.RecordBatch {
	return model.RecordBatch{
		ProducerID: request.ProducerID, ProducerEpoch: request.ProducerEpoch, BaseSequence: model.NoSequence, Transactional: true,
		Offsets: slices.DeleteFunc(slices.Clone(request.Partitions), func(p model.PartitionOffset) bool { return p.Partition == request.TooLarge }),
	}
}

// commitTransactionalOffsets writes offsets as a part of a transaction.
//
// Source: GroupCoordinatorService.commitTransactionalOffsets.
func (b *Broker) commitTransactionalOffsets(request *model.TxnOffsetCommitRequest, guard verificationGuard, outcomes []model.PartitionError, operation model.APIVersion) *model.TxnOffsetCommitResponse {
	response := &model.TxnOffsetCommitResponse{}
	code := asOffsetsError(refusalOf(model.ConsumerOffsets, outcomes), operation)
	log := b.log(model.ConsumerOffsets)
	if log == nil || b.failed {
		code = model.ErrNotCoordinator
	}
	if code == model.None {
		code = model.Refusal(b.config.Rules, offsetChecks, committing{&b.offsets, request})
	}
	batch := offsetsBatch(request)
	if code == model.None && len(batch.Offsets) > 0 {
		if _, code = log.append(&batch, guard); code == model.None {
			b.offsets.replay(&log.batches[len(log.batches)-1])
		}
	}
	for _, p := range request.Partitions {
		outcome := model.PartitionError{Partition: p.Partition, Error: code}
		if p.Partition == request.TooLarge && code == model.None {
			outcome.Error = model.ErrOffsetMetadataTooLarge
			b.leavesPending(p)
		}
		response.Partitions = append(response.Partitions, outcome)
	}
	return response
}

// leavesPending is that an offset which was refused waits for a marker all the
// same, which finds it under no partition of its own (before KAFKA-16371).
//
// Source: GroupMetadata.prepareTxnOffsetCommit, GroupMetadata.failPendingTxnOffsetCommit.
func (b *Broker) leavesPending(p model.PartitionOffset) {
	if !b.config.Rules.Has(model.RefusedOffsetsLeaveNothing) {
		b.offsets.pending = append(b.offsets.pending, pendingOffset{model.NoProducerID, offsetAndRecord{p, noOffset}})
	}
}

// commitOffsets stores offsets of a consumer without a transaction.
//
// Source: GroupCoordinatorService.commitOffsets.
func (b *Broker) commitOffsets(request *model.OffsetCommitRequest) *model.OffsetCommitResponse {
	code, log := model.None, b.log(model.ConsumerOffsets)
	switch {
	case log == nil || b.failed:
		code = model.ErrNotCoordinator
	case request.MemberID != b.offsets.owner.MemberID:
		code = model.ErrUnknownMemberID
	case request.GenerationID != b.offsets.owner.GenerationID:
		code = model.ErrIllegalGeneration
	default:
		log.write(model.RecordBatch{ProducerID: model.NoProducerID, BaseSequence: model.NoSequence, Offsets: request.Partitions})
		b.offsets.replay(&log.batches[len(log.batches)-1])
	}
	response := &model.OffsetCommitResponse{}
	for _, p := range request.Partitions {
		response.Partitions = append(response.Partitions, model.PartitionError{Partition: p.Partition, Error: code})
	}
	return response
}

// endsTransaction is that a marker is in the log: the group's offsets follow it.
//
// Source: CoordinatorRuntime.completeTransaction.
func (b *Broker) endsTransaction(p model.Partition, marker *model.TxnMarker, code model.Error, out *sim.Outbox) {
	if p != model.ConsumerOffsets || code != model.None {
		return
	}
	txn := endedTransaction{marker.ProducerID, marker.Result.Control()}
	if !b.config.Rules.Has(model.OffsetsBeforeAnswer) {
		b.offsets.ended = append(b.offsets.ended, txn)
		out.After(materialise, time.Millisecond)
		return
	}
	b.offsets.endTransaction(txn, b.config.Rules.Has(model.OffsetsInLogOrder))
}

// loadOffsets makes the group's offsets anew from the log.
//
// Source: CoordinatorLoaderImpl.
func (b *Broker) loadOffsets() {
	log := b.log(model.ConsumerOffsets)
	if log == nil {
		return
	}
	b.offsets.committed, b.offsets.pending, b.offsets.ended = nil, nil, nil
	for i := range log.batches {
		b.offsets.replay(&log.batches[i])
	}
}

// checkOffsets compares the group's offsets with what a replay of the log gives.
func (b *Broker) checkOffsets() error {
	log := b.log(model.ConsumerOffsets)
	if log == nil || !b.config.Rules.Has(model.OffsetsBeforeAnswer) || !b.config.Rules.Has(model.OffsetsInLogOrder) || !b.config.Rules.Has(model.RefusedOffsetsLeaveNothing) {
		return nil
	}
	anew := offsetMetadata{rules: b.config.Rules}
	for i := range log.batches {
		anew.replay(&log.batches[i])
	}
	if !slices.Equal(anew.committed, b.offsets.committed) || !slices.Equal(anew.pending, b.offsets.pending) {
		return fmt.Errorf("the group's offsets are %v with %v pending, and after a replay %v with %v",
			b.offsets.committed, b.offsets.pending, anew.committed, anew.pending)
	}
	return nil
}

// asOffsetsError says what the coordinator's refusal is to a producer that commits
// offsets: what is meant of the transaction's coordinator looks as if it were meant
// of the group's.
//
// Source: AddPartitionsToTxnHandler.onComplete, CoordinatorOperationExceptionHelper.
func asOffsetsError(err model.Error, operation model.APIVersion) model.Error {
	switch err {
	case model.ErrProducerFenced:
		return model.ErrInvalidProducerEpoch
	case model.ErrTransactionAbortable:
		if operation < 4 {
			return model.ErrInvalidTxnState
		}
	case model.ErrNetworkException:
		return model.ErrCoordinatorLoadInProgress
	case model.ErrUnknownTopicOrPartition, model.ErrNotEnoughReplicas, model.ErrRequestTimedOut:
		return model.ErrCoordinatorNotAvailable
	case model.ErrNotLeaderOrFollower, model.ErrKafkaStorageError:
		return model.ErrNotCoordinator
	}
	return err
}

// Describe shows the committed offsets, and what transactions hold.
func (o *offsetMetadata) Describe(show func(name, value string)) {
	for _, at := range o.committed {
		show("offset of "+at.Partition.String(), fmt.Sprint(at.Offset))
	}
	for _, at := range o.pending {
		show("pending "+at.Partition.String(), fmt.Sprint(at.Offset))
	}
}
