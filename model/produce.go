package model

import (
	"fmt"
	"strings"
	"time"
)

// ProduceRequest writes one batch to each of some partitions.
//
// Source: ProduceRequest.json.
// Differs: no acks=0.
type ProduceRequest struct {
	Version         APIVersion
	TransactionalID TransactionalID
	// LeaderOnly is acks=1: it is answered when the leader has the records. Default:
	// acks=all.
	LeaderOnly bool
	Partitions []PartitionBatch // ascending
}

// PartitionBatch is the batch for one partition.
type PartitionBatch struct {
	Partition Partition
	Batch     RecordBatch
}

func (r *ProduceRequest) String() string {
	parts := make([]string, len(r.Partitions))
	for i := range r.Partitions {
		parts[i] = fmt.Sprintf("%v: %v", r.Partitions[i].Partition, &r.Partitions[i].Batch)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// TransactionVersion is the version of the protocol that the sender follows: one
// that follows TV2 leaves it to the broker to add the partition.
//
// Source: AddPartitionsToTxnManager.produceRequestVersionToTransactionSupportedOperation.
func (r *ProduceRequest) TransactionVersion() TransactionVersion {
	if r.Version >= 12 {
		return TV2
	}
	return TV1
}

// ProduceResponse answers for each partition of the request.
//
// Source: ProduceResponse.json.
type ProduceResponse struct {
	Partitions []ProducePartitionResponse // in the order of the request
	// ThrottleTime is how long the client is to send nothing on the connection,
	// because it is over a quota. The broker does not listen for as long.
	//
	// Source: throttle_time_ms; KIP-219.
	ThrottleTime time.Duration
}

// ProducePartitionResponse is the outcome for one partition.
type ProducePartitionResponse struct {
	Partition  Partition
	Error      Error
	BaseOffset Offset // of the batch, if there is no error; else -1
}

func (r *ProduceResponse) String() string {
	parts := make([]string, len(r.Partitions))
	for i, p := range r.Partitions {
		if p.Error == None {
			parts[i] = fmt.Sprintf("%v: NONE at %d", p.Partition, p.BaseOffset)
		} else {
			parts[i] = fmt.Sprintf("%v: %v", p.Partition, p.Error)
		}
	}
	text := "{" + strings.Join(parts, ", ") + "}"
	if r.ThrottleTime > 0 {
		text += fmt.Sprintf(" throttle %v", r.ThrottleTime)
	}
	return text
}
