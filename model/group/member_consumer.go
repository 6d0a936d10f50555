package group

import (
	"slices"

	"racelab/model"
	"racelab/sim"
)

// consumerGroupHeartbeat joins the group or keeps the member in it, tells what
// the member owns, and takes over what the answer assigns.
func (m *Member) consumerGroupHeartbeat(t *sim.Task) {
	m.coordinator.Send(t, &model.ConsumerGroupHeartbeatRequest{
		MemberID: m.now.MemberID, MemberEpoch: model.MemberEpoch(m.now.GenerationID), Owned: m.owned(),
	})
	response := m.coordinator.Receive(t.At(PointAwaitGroupHeartbeat)).(*model.ConsumerGroupHeartbeatResponse)
	m.handle(response.Error)
	if response.Error != model.None {
		return
	}
	m.joined = true
	m.now.GenerationID = model.GenerationID(response.MemberEpoch)
	m.reconcile(response.Assignment)
	m.fetchCommittedOffsets(t)
}

// reconcile drops what the member does not own any more, and adds what is new.
func (m *Member) reconcile(assignment []model.Partition) {
	m.assigned = slices.DeleteFunc(m.assigned, func(p position) bool { return !slices.Contains(assignment, p.partition) })
	for _, p := range assignment {
		if !slices.Contains(m.owned(), p) {
			m.assigned = append(m.assigned, position{p, model.NoOffset})
		}
	}
	slices.SortFunc(m.assigned, func(a, b position) int { return int(a.partition - b.partition) })
}

func (m *Member) owned() []model.Partition {
	var partitions []model.Partition
	for _, p := range m.assigned {
		partitions = append(partitions, p.partition)
	}
	return partitions
}
