package model

// OffsetFetchRequest asks for committed offsets.
//
// Source: OffsetFetchRequest.json.
type OffsetFetchRequest struct {
	ConsumerGroupMetadata             // of a KIP-848 member; of nobody else
	Partitions            []Partition // ascending
	// RequireStable refuses a partition while a transaction holds offsets of it.
	//
	// Source: KIP-447.
	RequireStable bool
	All           bool // of all partitions that have one, and not of Partitions
}

func (r *OffsetFetchRequest) String() string {
	of := FormatPartitions(r.Partitions)
	if r.All {
		of = "all"
	}
	return of + by(r.ConsumerGroupMetadata)
}

// by is who made a request, for its text.
func by(m ConsumerGroupMetadata) string {
	if text := m.String(); text != "" {
		return " by " + text
	}
	return ""
}

// OffsetFetchResponse answers with an offset for each partition of the request.
//
// Source: OffsetFetchResponse.json.
type OffsetFetchResponse struct {
	Error      Error
	Partitions []PartitionOffset // in the order of the request; NoOffset where there is none
}

func (r *OffsetFetchResponse) String() string {
	if r.Error != None {
		return r.Error.String()
	}
	return FormatOffsets(r.Partitions)
}
