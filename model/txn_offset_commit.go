package model

import "fmt"

// TxnOffsetCommitRequest writes offsets to __consumer_offsets as a part of a
// transaction: they are committed when it is.
//
// Source: TxnOffsetCommitRequest.json; KIP-98, KIP-447 for the group's metadata.
// Differs: one group and one topic, so neither is named.
type TxnOffsetCommitRequest struct {
	Version               APIVersion
	TransactionalID       TransactionalID
	ProducerID            ProducerID
	ProducerEpoch         ProducerEpoch
	ConsumerGroupMetadata                   // zero: it says nothing of its sender
	Partitions            []PartitionOffset // ascending
	// TooLarge is a partition whose metadata is larger than the group allows; -1:
	// none is.
	//
	// Source: offset.metadata.max.bytes.
	TooLarge Partition
}

func (r *TxnOffsetCommitRequest) String() string {
	return fmt.Sprintf("%v %s %s%s", r.TransactionalID, FormatProducer(r.ProducerID, r.ProducerEpoch), FormatOffsets(r.Partitions), by(r.ConsumerGroupMetadata))
}

// TransactionVersion is the version of the protocol that the sender follows: one
// that follows TV2 leaves it to the broker to add the partition.
//
// Source: AddPartitionsToTxnManager.txnOffsetCommitRequestVersionToTransactionSupportedOperation.
func (r *TxnOffsetCommitRequest) TransactionVersion() TransactionVersion {
	if r.Version >= 5 {
		return TV2
	}
	return TV1
}

// TxnOffsetCommitResponse answers for each partition of the request.
//
// Source: TxnOffsetCommitResponse.json.
type TxnOffsetCommitResponse struct{ Partitions []PartitionError }

func (r *TxnOffsetCommitResponse) String() string { return FormatErrors(r.Partitions) }

// GroupRebalanced says that a group has a new generation, whose one member it
// names. A scenario drives the membership by it, where that is not what it is
// about.
type GroupRebalanced struct{ ConsumerGroupMetadata }

func (r *GroupRebalanced) String() string { return r.ConsumerGroupMetadata.String() }
