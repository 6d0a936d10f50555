package model

import "fmt"

// Record is one record. Models need no more of it than which it is.
type Record int32

// Sequence numbers the records that a producer writes to a partition.
type Sequence int32

const (
	// NoSequence is that of a producer without idempotence, and of a marker.
	NoSequence Sequence = -1
	// MaxSequence is the last; 0 follows it.
	MaxSequence Sequence = 1<<31 - 1
)

// Plus is the sequence number n records later.
//
// Source: DefaultRecordBatch.incrementSequence.
func (s Sequence) Plus(n int) Sequence {
	if s > MaxSequence-Sequence(n) {
		return Sequence(n) - (MaxSequence - s) - 1
	}
	return s + Sequence(n)
}

// ControlRecordType says what a batch is: records, or a transaction's end.
//
// Source: ControlRecordType.
type ControlRecordType uint8

const (
	NoControl ControlRecordType = iota
	AbortMarker
	CommitMarker
)

// Control is the marker of a result.
func (r TransactionResult) Control() ControlRecordType {
	if r == Commit {
		return CommitMarker
	}
	return AbortMarker
}

// RecordBatch is what a producer writes at a time, or the marker that ends a
// transaction.
//
// Source: DefaultRecordBatch.
type RecordBatch struct {
	BaseOffset    Offset // the log assigns it
	ProducerID    ProducerID
	ProducerEpoch ProducerEpoch
	BaseSequence  Sequence
	Transactional bool
	Control       ControlRecordType
	Records       []Record // none in a marker
	// Offsets are those that a batch of __consumer_offsets holds, in place of
	// Records.
	Offsets []PartitionOffset
	// Tombstones says that the batch deletes the offsets of the group.
	Tombstones bool
	// CoordinatorEpoch is that of a marker.
	//
	// Source: EndTransactionMarker.
	CoordinatorEpoch CoordinatorEpoch
}

// Count is how many offsets the batch takes.
func (b *RecordBatch) Count() int {
	if b.Control != NoControl {
		return 1
	}
	return len(b.Records) + len(b.Offsets)
}

// LastOffset is the offset of its last record.
func (b *RecordBatch) LastOffset() Offset { return b.BaseOffset + Offset(b.Count()) - 1 }

// LastSequence is the sequence number of its last record.
func (b *RecordBatch) LastSequence() Sequence {
	if b.BaseSequence == NoSequence {
		return NoSequence
	}
	return b.BaseSequence.Plus(b.Count() - 1)
}

func (b *RecordBatch) String() string {
	switch b.Control {
	case CommitMarker:
		return "commit of " + FormatProducer(b.ProducerID, b.ProducerEpoch)
	case AbortMarker:
		return "abort of " + FormatProducer(b.ProducerID, b.ProducerEpoch)
	}
	if b.Offsets != nil {
		return FormatProducer(b.ProducerID, b.ProducerEpoch) + " " + FormatOffsets(b.Offsets)
	}
	if b.ProducerID == NoProducerID {
		return fmt.Sprint(b.Records)
	}
	return fmt.Sprintf("%s seq %d %v", FormatProducer(b.ProducerID, b.ProducerEpoch), b.BaseSequence, b.Records)
}
