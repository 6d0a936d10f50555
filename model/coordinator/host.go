package coordinator

import (
	"racelab/model"
	"racelab/sim"
)

// Host is the broker that hosts the group's coordinator. It is asked who that
// is, and may have to refuse: the group's partition of __consumer_offsets has
// moved away, or is being loaded, and is back before the next request.
//
// Source: KafkaApis.handleFindCoordinatorRequest, GroupCoordinatorService.
// Differs: the cluster has one broker, so the partition comes back to it.
type Host struct {
	*Group
	// refused is the first OffsetCommit, counted from 1, that is refused; 0: none is.
	refused int         `sim:"config"`
	last    int         `sim:"config"` // that is refused
	refusal model.Error `sim:"config"` // for which it is refused; None: it is never answered
	commits int         // that came, up to the last that is refused
}

// NewHost returns a broker that hosts the group, and refuses so many OffsetCommits from one
// on, counted from 1, for an error, or for None never answers them; with 0, none.
func NewHost(group *Group, refused, times int, refusal model.Error) *Host {
	h := &Host{Group: group, refused: refused, refusal: refusal}
	if refused > 0 {
		h.last = refused + times - 1
	}
	return h
}

func (h *Host) Handle(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *model.FindCoordinatorRequest:
		out.Reply(e, &model.FindCoordinatorResponse{})
	case *model.OffsetCommitRequest:
		switch {
		case !h.refuses():
			h.Group.Handle(e, out)
		case h.refusal != model.None:
			out.Reply(e, refuse(request, h.refusal))
		}
	default:
		h.Group.Handle(e, out)
	}
}

// refuses counts an OffsetCommit, and says whether it is refused.
func (h *Host) refuses() bool {
	if h.commits == h.last {
		return false
	}
	h.commits++
	return h.commits >= h.refused
}

// refuse answers every partition with the same error.
func refuse(request *model.OffsetCommitRequest, code model.Error) *model.OffsetCommitResponse {
	response := &model.OffsetCommitResponse{}
	for _, p := range request.Partitions {
		response.Partitions = append(response.Partitions, model.PartitionError{Partition: p.Partition, Error: code})
	}
	return response
}
