package group

import (
	"racelab/model"
	"racelab/sim"
)

// joinGroup takes part in a rebalance: it joins, syncs, and finds out where to
// read on.
func (m *Member) joinGroup(t *sim.Task) {
	m.join(t)
	if m.now.GenerationID == 0 || m.fatal != model.None {
		return
	}
	m.sync(t)
	if m.joined {
		m.fetchCommittedOffsets(t)
	}
}

// join ends with a generation, or without one.
func (m *Member) join(t *sim.Task) {
	m.coordinator.Send(t, &model.JoinGroupRequest{
		MemberID: m.now.MemberID, GroupInstanceID: m.now.GroupInstanceID,
		SessionTimeout: SessionTimeout, RebalanceTimeout: RebalanceTimeout,
	})
	response := m.coordinator.Receive(t.At(PointAwaitJoinGroup)).(*model.JoinGroupResponse)
	m.resetGeneration() // All that it owned is revoked.
	m.handle(response.Error)
	m.leads = m.leads[:0]
	if response.Error == model.None {
		m.now.MemberID, m.now.GenerationID = response.MemberID, response.GenerationID
		if !response.SkipAssignment {
			m.leads = append(m.leads, response.Members...)
		}
	}
}

// sync ends with an assignment, or without one.
func (m *Member) sync(t *sim.Task) {
	m.coordinator.Send(t, &model.SyncGroupRequest{ConsumerGroupMetadata: m.now, Assignments: m.assign()})
	response := m.coordinator.Receive(t.At(PointAwaitSyncGroup)).(*model.SyncGroupResponse)
	m.leads = m.leads[:0]
	m.handle(response.Error)
	if response.Error != model.None {
		return
	}
	m.joined = true
	for _, p := range response.Assignment {
		m.assigned = append(m.assigned, position{p, model.NoOffset})
	}
}

// assign is what a leader does for all: each member gets a range, the newest the
// first one.
//
// Source: RangeAssignor, which goes by the order of the member ids. Those are
// random, so that who joins may get what others had, as always here.
func (m *Member) assign() []model.MemberAssignment {
	var all []model.MemberAssignment
	next, partitions, members := 0, len(m.config.Start), len(m.leads)
	for i := range m.leads {
		a := model.MemberAssignment{MemberID: m.leads[members-1-i]}
		size := partitions / members
		if i < partitions%members {
			size++
		}
		for ; size > 0; size-- {
			a.Partitions = append(a.Partitions, model.Partition(next))
			next++
		}
		all = append(all, a)
	}
	return all
}
