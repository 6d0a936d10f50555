package coordinator

import (
	"fmt"
	"slices"
	"strconv"

	"racelab/model"
	"racelab/sim"
)

// Group is the group coordinator of one consumer group, as far as it stores
// offsets.
//
// There is no check that an offset moves forward: the last write wins.
//
// Source: GroupCoordinator, OffsetMetadataManager.
// Differs: members and generations are not modelled yet, so every commit comes
// from a simple consumer (generation -1) and is accepted; no expiry of offsets.
type Group struct {
	offsets []model.Offset // committed, by partition
}

// NewGroup returns a coordinator that holds the given committed offsets, one a
// partition.
func NewGroup(committed ...model.Offset) *Group {
	return &Group{offsets: slices.Clone(committed)}
}

func (g *Group) Step(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *model.OffsetCommitRequest:
		out.Reply(e, g.offsetCommit(request))
	case *model.OffsetFetchRequest:
		out.Reply(e, g.offsetFetch(request))
	default:
		panic(fmt.Sprintf("coordinator: no handler for %T", request))
	}
}

// offsetCommit stores each offset of the request, whatever was there before.
func (g *Group) offsetCommit(request *model.OffsetCommitRequest) *model.OffsetCommitResponse {
	response := &model.OffsetCommitResponse{}
	for _, p := range request.Partitions {
		g.offsets[p.Partition] = p.Offset
		response.Partitions = append(response.Partitions, model.PartitionError{Partition: p.Partition, Error: model.None})
	}
	return response
}

// offsetFetch answers with what is committed.
func (g *Group) offsetFetch(request *model.OffsetFetchRequest) *model.OffsetFetchResponse {
	response := &model.OffsetFetchResponse{}
	for _, p := range request.Partitions {
		response.Partitions = append(response.Partitions, model.PartitionOffset{Partition: p, Offset: g.offsets[p]})
	}
	return response
}

func (g *Group) State(s *sim.State) {
	sim.Slice(s, &g.offsets, sim.Int[model.Offset])
}

// Describe shows the committed offsets.
func (g *Group) Describe(show func(name, value string)) {
	for i, offset := range g.offsets {
		show(model.Partition(i).String(), strconv.FormatInt(int64(offset), 10))
	}
}
