package model

import "strings"

// OffsetFetchRequest asks for committed offsets.
//
// Source: OffsetFetchRequest.json.
// Differs: no RequireStable: with no transactional offsets there is nothing to
// wait for.
type OffsetFetchRequest struct {
	Partitions []Partition // ascending
}

func (r *OffsetFetchRequest) Name() string { return "OffsetFetch" }

func (r *OffsetFetchRequest) String() string { return FormatPartitions(r.Partitions) }

// OffsetFetchResponse answers with an offset for each partition of the request.
//
// Source: OffsetFetchResponse.json.
type OffsetFetchResponse struct {
	Error      Error
	Partitions []PartitionOffset // in the order of the request; NoOffset where there is none
}

func (r *OffsetFetchResponse) Name() string { return "OffsetFetch" }

func (r *OffsetFetchResponse) String() string {
	if r.Error != None {
		return r.Error.String()
	}
	return FormatOffsets(r.Partitions)
}

// FormatPartitions writes partitions as pictures show them: "[P0 P1]".
func FormatPartitions(partitions []Partition) string {
	parts := make([]string, len(partitions))
	for i, p := range partitions {
		parts[i] = p.String()
	}
	return "[" + strings.Join(parts, " ") + "]"
}
