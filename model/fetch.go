package model

import (
	"fmt"
	"slices"
	"strings"
)

// IsolationLevel says what a consumer wants to see of transactions.
//
// Source: IsolationLevel.
type IsolationLevel uint8

const (
	ReadUncommitted IsolationLevel = iota
	ReadCommitted
)

func (l IsolationLevel) String() string {
	if l == ReadCommitted {
		return "read_committed"
	}
	return "read_uncommitted"
}

// FetchRequest reads a partition from an offset on.
//
// Source: FetchRequest.json.
// Differs: one partition; all there is, without a limit in bytes; answered at
// once, also when there is nothing.
type FetchRequest struct {
	Partition      Partition
	FetchOffset    Offset
	IsolationLevel IsolationLevel
}

func (r *FetchRequest) String() string {
	return fmt.Sprintf("%v from %d %v", r.Partition, r.FetchOffset, r.IsolationLevel)
}

// FetchResponse holds whole batches: the first may begin before the offset
// that was asked for. What was aborted is among them; under read_committed the
// response lists it, and the consumer leaves it out.
//
// Source: FetchResponse.json.
type FetchResponse struct {
	Partition           Partition
	Error               Error
	HighWatermark       Offset
	LastStableOffset    Offset
	LogStartOffset      Offset
	AbortedTransactions []AbortedTransaction // by first offset; ReadCommitted only
	Batches             []RecordBatch
}

// AbortedTransaction says that a producer's records from an offset on, up to its
// next abort marker, do not count.
type AbortedTransaction struct {
	ProducerID  ProducerID
	FirstOffset Offset
}

func (r *FetchResponse) String() string {
	if r.Error != None {
		return r.Error.String()
	}
	parts := make([]string, len(r.Batches))
	for i := range r.Batches {
		parts[i] = fmt.Sprintf("%d: %v", r.Batches[i].BaseOffset, &r.Batches[i])
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Committed lists the records from an offset on that a read_committed consumer
// hands to its application.
//
// Source: CompletedFetch.nextFetchedRecord, CompletedFetch.consumeAbortedTransactionsUpTo.
func (r *FetchResponse) Committed(from Offset) []Record {
	var records []Record
	var aborted []ProducerID // whose records do not count here
	next := 0                // of AbortedTransactions
	for i := range r.Batches {
		b := &r.Batches[i]
		for next < len(r.AbortedTransactions) && r.AbortedTransactions[next].FirstOffset <= b.LastOffset() {
			aborted = append(aborted, r.AbortedTransactions[next].ProducerID)
			next++
		}
		if b.Control != NoControl {
			if b.Control == AbortMarker {
				aborted = slices.DeleteFunc(aborted, func(id ProducerID) bool { return id == b.ProducerID })
			}
			continue
		}
		if b.Transactional && slices.Contains(aborted, b.ProducerID) {
			continue
		}
		for j, record := range b.Records {
			if b.BaseOffset+Offset(j) >= from {
				records = append(records, record)
			}
		}
	}
	return records
}
