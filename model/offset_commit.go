package model

import (
	"fmt"
	"strings"
)

// OffsetCommitRequest asks the group coordinator to store offsets.
//
// Source: OffsetCommitRequest.json.
// Differs: one group and one topic, so neither is named; no metadata.
type OffsetCommitRequest struct {
	ConsumerGroupMetadata                   // zero: a simple consumer
	Partitions            []PartitionOffset // ascending
}

// PartitionOffset is the offset to store for one partition.
type PartitionOffset struct {
	Partition Partition
	Offset    Offset
}

func (r *OffsetCommitRequest) String() string {
	return FormatOffsets(r.Partitions) + by(r.ConsumerGroupMetadata)
}

// FormatOffsets writes offsets as pictures show them: "{P0: 11, P1: 21}".
func FormatOffsets(offsets []PartitionOffset) string {
	parts := make([]string, len(offsets))
	for i, p := range offsets {
		parts[i] = fmt.Sprintf("%v: %d", p.Partition, p.Offset)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// OffsetCommitResponse answers for each partition of the request.
//
// Source: OffsetCommitResponse.json.
type OffsetCommitResponse struct {
	Partitions []PartitionError // in the order of the request
}

// PartitionError is the outcome for one partition.
type PartitionError struct {
	Partition Partition
	Error     Error
}

func (r *OffsetCommitResponse) String() string { return FormatErrors(r.Partitions) }

// FormatErrors writes outcomes as pictures show them: one code where all
// partitions have the same, else "{P0: NONE, P1: ILLEGAL_GENERATION}".
func FormatErrors(outcomes []PartitionError) string {
	parts := make([]string, len(outcomes))
	same := true
	for i, p := range outcomes {
		same = same && p.Error == outcomes[0].Error
		parts[i] = fmt.Sprintf("%v: %v", p.Partition, p.Error)
	}
	if same && len(outcomes) > 0 {
		return outcomes[0].Error.String()
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
