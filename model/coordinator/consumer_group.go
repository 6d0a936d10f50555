package coordinator

import (
	"fmt"
	"slices"
	"time"

	"racelab/model"
	"racelab/sim"
)

// ConsumerSessionTimeout is how long a KIP-848 group waits for a heartbeat before
// it removes a member.
//
// Source: group.consumer.session.timeout.ms.
const ConsumerSessionTimeout = 45 * time.Second

// ConsumerGroup is the coordinator of one KIP-848 group: it assigns the
// partitions by itself, and moves each member to the new epoch once that has
// given up what it must. There is no barrier: members move one by one.
//
// Source: GroupMetadataManager.consumerGroupHeartbeat, ConsumerGroup,
// CurrentAssignmentBuilder of Kafka 4.
// Differs: no static members, no members of the classic protocol, no rebalance
// timeout (who never revokes keeps its partitions until its session ends). The
// target assignment is there as soon as the epoch. What is written to the log is
// there at once. A crash loses nothing, since none is modelled.
type ConsumerGroup struct {
	offsetStore
	epoch   model.GroupEpoch
	target  []model.MemberID // by partition; 0: nobody
	members []consumerMember // by place, which is that of its session timer
}

// consumerMember is a place in the group, and who has it.
//
// Source: ConsumerGroupMember. Its MemberState follows from the rest: it is
// UNREVOKED_PARTITIONS while it has something to revoke, and
// UNRELEASED_PARTITIONS while others have not released what it shall get.
type consumerMember struct {
	id       model.MemberID // 0: the place is free
	epoch    model.MemberEpoch
	previous model.MemberEpoch
	assigned []assigned
	revoking []assigned // it has been told to, and has not confirmed it
}

// assigned is a partition of a member, and the epoch in which it got it.
type assigned struct {
	partition model.Partition
	epoch     model.MemberEpoch
}

// NewConsumerGroup returns a group with room for some members
// (group.consumer.max.size), with the given committed offsets, one a partition.
func NewConsumerGroup(v Validation, size int, committed ...model.Offset) *ConsumerGroup {
	return &ConsumerGroup{
		offsetStore: newOffsetStore(v, committed),
		target:      make([]model.MemberID, len(committed)),
		members:     make([]consumerMember, size),
	}
}

func (g *ConsumerGroup) Handle(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *model.ConsumerGroupHeartbeatRequest:
		out.Reply(e, g.consumerGroupHeartbeat(request, out))
	case *model.OffsetCommitRequest:
		out.Reply(e, g.commitOffset(request, g.validateOffsetCommit(request)))
	case *model.OffsetFetchRequest:
		out.Reply(e, g.offsetFetch(request))
	default:
		panic(fmt.Sprintf("coordinator: no handler for %T", request))
	}
}

// Timers are the sessions of the members, by place.
func (g *ConsumerGroup) Timers() []string {
	var names []string
	for place := range g.members {
		names = append(names, fmt.Sprintf("session%d", place+1))
	}
	return names
}

// Expire is the end of a member's session.
func (g *ConsumerGroup) Expire(timer int, _ *sim.Outbox) { g.fence(&g.members[timer]) }

// consumerGroupHeartbeat lets a member join, go on, or leave.
func (g *ConsumerGroup) consumerGroupHeartbeat(request *model.ConsumerGroupHeartbeatRequest, out *sim.Outbox) *model.ConsumerGroupHeartbeatResponse {
	m := g.find(request.MemberID)
	if m == nil && request.MemberEpoch == model.JoinGroupEpoch {
		if m = g.find(0); m == nil {
			return &model.ConsumerGroupHeartbeatResponse{Error: model.ErrGroupMaxSizeReached}
		}
		m.id = request.MemberID
		g.bump()
	}
	if m == nil {
		return &model.ConsumerGroupHeartbeatResponse{Error: model.ErrUnknownMemberID}
	}
	if request.MemberEpoch == model.LeaveGroupEpoch {
		out.Cancel(g.place(m))
		g.fence(m)
		return &model.ConsumerGroupHeartbeatResponse{MemberEpoch: model.LeaveGroupEpoch}
	}
	if !m.accepts(request) {
		return &model.ConsumerGroupHeartbeatResponse{Error: model.ErrFencedMemberEpoch}
	}
	out.After(g.place(m), ConsumerSessionTimeout)
	g.reconcile(m, request.Owned)
	return &model.ConsumerGroupHeartbeatResponse{MemberEpoch: m.epoch, Assignment: partitionsOf(m.assigned)}
}

// accepts says whether a heartbeat is of this epoch, or of the one before and
// owns nothing more than now: the answer that named the epoch may be lost.
//
// Source: GroupMetadataManager.throwIfConsumerGroupMemberEpochIsInvalid.
func (m *consumerMember) accepts(request *model.ConsumerGroupHeartbeatRequest) bool {
	if request.MemberEpoch == m.epoch {
		return true
	}
	return request.MemberEpoch < m.epoch && request.MemberEpoch == m.previous &&
		!slices.ContainsFunc(request.Owned, func(p model.Partition) bool { return !has(m.assigned, p) })
}

// reconcile moves a member as far towards the target assignment as what it and
// the others own allows: CurrentAssignmentBuilder.
func (g *ConsumerGroup) reconcile(m *consumerMember, owned []model.Partition) {
	owns := func(a assigned) bool { return slices.Contains(owned, a.partition) }
	if slices.ContainsFunc(m.revoking, owns) {
		return
	}
	m.revoking = m.revoking[:0]
	if m.epoch == model.MemberEpoch(g.epoch) && slices.Equal(partitionsOf(m.assigned), g.targetOf(m.id)) {
		return
	}
	shallGo := func(a assigned) bool { return g.target[a.partition] != m.id }
	for _, a := range m.assigned {
		if shallGo(a) {
			m.revoking = append(m.revoking, a)
		}
	}
	m.assigned = slices.DeleteFunc(m.assigned, shallGo)
	if slices.ContainsFunc(m.revoking, owns) {
		return // It keeps its epoch until it has revoked.
	}
	m.revoking = m.revoking[:0]
	if m.epoch != model.MemberEpoch(g.epoch) {
		m.previous, m.epoch = m.epoch, model.MemberEpoch(g.epoch)
	}
	for _, p := range g.targetOf(m.id) {
		if !has(m.assigned, p) && g.isReleased(p) {
			m.assigned = append(m.assigned, assigned{p, m.epoch})
		}
	}
	slices.SortFunc(m.assigned, func(a, b assigned) int { return int(a.partition - b.partition) })
}

// targetOf lists what a member shall get, ascending.
func (g *ConsumerGroup) targetOf(id model.MemberID) []model.Partition {
	var list []model.Partition
	for p, owner := range g.target {
		if owner == id {
			list = append(list, model.Partition(p))
		}
	}
	return list
}

// isReleased says whether no member has the partition any more.
func (g *ConsumerGroup) isReleased(p model.Partition) bool {
	for i := range g.members {
		if has(g.members[i].assigned, p) || has(g.members[i].revoking, p) {
			return false
		}
	}
	return true
}

// bump begins an epoch, with a target assignment that leaves as much as it can
// where it is.
//
// Source: TargetAssignmentBuilder, UniformAssignor.
func (g *ConsumerGroup) bump() {
	g.epoch++
	members := 0
	for i := range g.members {
		if g.members[i].id != 0 {
			members++
		}
	}
	share := make([]int, len(g.members))
	for p := range g.target {
		m := g.find(g.target[p])
		if g.target[p] == 0 || m == nil || share[g.place(m)]*members >= len(g.target) {
			g.target[p] = 0
			continue
		}
		share[g.place(m)]++
	}
	for p := range g.target {
		if g.target[p] != 0 {
			continue
		}
		least := -1
		for i := range g.members {
			if g.members[i].id != 0 && (least < 0 || share[i] < share[least]) {
				least = i
			}
		}
		if least >= 0 {
			g.target[p] = g.members[least].id
			share[least]++
		}
	}
}

// fence removes a member, and gives to others what it had.
func (g *ConsumerGroup) fence(m *consumerMember) {
	*m = consumerMember{assigned: m.assigned[:0], revoking: m.revoking[:0]}
	g.bump()
}

// validateOffsetCommit is ConsumerGroup.validateOffsetCommit, in its order, and
// the validator that it returns for the partitions. One stale partition refuses
// the request.
func (g *ConsumerGroup) validateOffsetCommit(request *model.OffsetCommitRequest) model.Error {
	of, epoch := request.ConsumerGroupMetadata, model.MemberEpoch(request.GenerationID)
	if epoch == 0 && !slices.ContainsFunc(g.members, func(m consumerMember) bool { return m.id != 0 }) {
		return model.None // A simple consumer, or an administrator.
	}
	m := g.find(of.MemberID)
	if of.MemberID == 0 || m == nil {
		return model.ErrUnknownMemberID
	}
	if epoch == m.epoch {
		return model.None
	}
	if epoch > m.epoch || g.validation != ByAssignmentEpoch {
		return model.ErrStaleMemberEpoch
	}
	for _, p := range request.Partitions {
		holds := func(a assigned) bool { return a.partition == p.Partition && a.epoch <= epoch }
		if !slices.ContainsFunc(m.assigned, holds) && !slices.ContainsFunc(m.revoking, holds) {
			return model.ErrStaleMemberEpoch
		}
	}
	return model.None
}

// offsetFetch answers a member of this epoch, and whoever is none.
//
// Source: ConsumerGroup.validateOffsetFetch.
func (g *ConsumerGroup) offsetFetch(request *model.OffsetFetchRequest) *model.OffsetFetchResponse {
	if of := request.ConsumerGroupMetadata; of != (model.ConsumerGroupMetadata{}) {
		m := g.find(of.MemberID)
		if of.MemberID == 0 || m == nil {
			return &model.OffsetFetchResponse{Error: model.ErrUnknownMemberID}
		}
		if model.MemberEpoch(of.GenerationID) != m.epoch {
			return &model.OffsetFetchResponse{Error: model.ErrStaleMemberEpoch}
		}
	}
	return g.fetchOffsets(request)
}

// find returns the member with that id, or nil; for id 0 a free place.
func (g *ConsumerGroup) find(id model.MemberID) *consumerMember {
	for i := range g.members {
		if g.members[i].id == id {
			return &g.members[i]
		}
	}
	return nil
}

func (g *ConsumerGroup) place(m *consumerMember) int {
	return slices.IndexFunc(g.members, func(other consumerMember) bool { return other.id == m.id })
}

func has(list []assigned, p model.Partition) bool {
	return slices.ContainsFunc(list, func(a assigned) bool { return a.partition == p })
}

func partitionsOf(list []assigned) []model.Partition {
	var partitions []model.Partition
	for _, a := range list {
		partitions = append(partitions, a.partition)
	}
	return partitions
}

// Check states what holds of a group after each step.
func (g *ConsumerGroup) Check() error {
	owner := make([]model.MemberID, len(g.target))
	for i := range g.members {
		m := &g.members[i]
		if m.id != 0 && m.epoch > model.MemberEpoch(g.epoch) {
			return fmt.Errorf("%v is in epoch %d of a group in epoch %d", m.id, m.epoch, g.epoch)
		}
		for _, list := range [][]assigned{m.assigned, m.revoking} {
			for _, a := range list {
				if owner[a.partition] != 0 {
					return fmt.Errorf("%v is assigned to %v and to %v", a.partition, owner[a.partition], m.id)
				}
				if a.epoch > m.epoch {
					return fmt.Errorf("%v got %v in epoch %d, and is in epoch %d", m.id, a.partition, a.epoch, m.epoch)
				}
				owner[a.partition] = m.id
			}
		}
	}
	for p, id := range g.target {
		if id != 0 && g.find(id) == nil {
			return fmt.Errorf("%v shall go to %v, which is no member", model.Partition(p), id)
		}
	}
	return nil
}

// Describe shows the group and the committed offsets.
func (g *ConsumerGroup) Describe(show func(name, value string)) {
	value := fmt.Sprintf("@%d", g.epoch)
	for i := range g.members {
		if m := &g.members[i]; m.id != 0 {
			value += fmt.Sprintf(" %v@%d%s", m.id, m.epoch, model.FormatPartitions(partitionsOf(m.assigned)))
		}
	}
	show("group", value)
	g.offsetStore.Describe(show)
}
