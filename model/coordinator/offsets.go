package coordinator

import (
	"slices"
	"strconv"

	"racelab/model"
)

// Validation is what a coordinator checks before it stores the offsets of a
// commit.
type Validation uint8

const (
	// Validated asks whether the commit comes from a member in its current
	// generation (member epoch), or from a simple consumer and an empty group.
	//
	// Source: ClassicGroup.validateOffsetCommit; ConsumerGroup.validateOffsetCommit
	// of Kafka 4.0 to 4.2.
	Validated Validation = iota
	// Unvalidated asks nothing.
	//
	// Source: KafkaApis.handleOffsetCommitRequest of Kafka 0.8.2 to 3.x, for
	// OffsetCommit version 0, whose offsets go to ZooKeeper.
	Unvalidated
	// ByAssignmentEpoch, in a KIP-848 group, accepts an older member epoch too, as
	// long as the member has had the partition since then.
	//
	// Source: KIP-1251; ConsumerGroup.createAssignmentEpochValidator of Kafka 4.3.
	ByAssignmentEpoch
)

// offsetStore holds the committed offsets of a group. The last write wins:
// there is no check that an offset moves forward.
//
// Source: OffsetMetadataManager.
// Differs: no expiry, no metadata, and no transactional offsets yet.
type offsetStore struct {
	validation Validation     `sim:"config"`
	offsets    []model.Offset // committed, by partition; NoOffset: none
}

func newOffsetStore(v Validation, committed []model.Offset) offsetStore {
	return offsetStore{validation: v, offsets: slices.Clone(committed)}
}

// commitOffset stores each offset of the request, whatever was there before, or
// refuses them all.
func (s *offsetStore) commitOffset(request *model.OffsetCommitRequest, refusal model.Error) *model.OffsetCommitResponse {
	if s.validation == Unvalidated {
		refusal = model.None
	}
	response := &model.OffsetCommitResponse{}
	for _, p := range request.Partitions {
		if refusal == model.None {
			s.offsets[p.Partition] = p.Offset
		}
		response.Partitions = append(response.Partitions, model.PartitionError{Partition: p.Partition, Error: refusal})
	}
	return response
}

// fetchOffsets answers with what is committed.
func (s *offsetStore) fetchOffsets(request *model.OffsetFetchRequest) *model.OffsetFetchResponse {
	response := &model.OffsetFetchResponse{}
	for _, p := range request.Partitions {
		response.Partitions = append(response.Partitions, model.PartitionOffset{Partition: p, Offset: s.offsets[p]})
	}
	return response
}

// deleteAllOffsets forgets what is committed.
func (s *offsetStore) deleteAllOffsets() {
	for p := range s.offsets {
		s.offsets[p] = model.NoOffset
	}
}

// holdsAny says whether anything is committed.
func (s *offsetStore) holdsAny() bool {
	return slices.ContainsFunc(s.offsets, func(o model.Offset) bool { return o != model.NoOffset })
}

// Describe shows the committed offsets.
func (s *offsetStore) Describe(show func(name, value string)) {
	for i, offset := range s.offsets {
		value := ""
		if offset != model.NoOffset {
			value = strconv.FormatInt(int64(offset), 10)
		}
		show(model.Partition(i).String(), value)
	}
}
