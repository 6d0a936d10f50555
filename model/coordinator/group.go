package coordinator

import (
	"errors"
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// GroupState is where a classic group is between two generations.
//
// Source: ClassicGroupState.
type GroupState uint8

const (
	// Empty has no members. It is what a group begins as, and what a simple
	// consumer commits to.
	//
	// Answers: JoinGroup of a new member begins a generation; JoinGroup of another,
	// SyncGroup, Heartbeat, LeaveGroup: UNKNOWN_MEMBER_ID. OffsetCommit of a simple
	// consumer is stored. DeleteGroups deletes.
	// Leads to: PreparingRebalance (a new member), Dead (DeleteGroups).
	Empty GroupState = iota
	// PreparingRebalance waits until all members have joined again.
	//
	// Answers: JoinGroup is parked. SyncGroup, Heartbeat: REBALANCE_IN_PROGRESS.
	// OffsetCommit of the generation that ends is stored: its members still own
	// what they had. LeaveGroup removes the member.
	// Leads to: CompletingRebalance (all have joined, or the rebalance timeout is
	// over), Empty (all have left).
	PreparingRebalance
	// CompletingRebalance has a new generation, and waits for its leader to say
	// who gets what.
	//
	// Answers: JoinGroup of a member is answered again. SyncGroup is parked until
	// the leader's. Heartbeat: NONE. OffsetCommit: REBALANCE_IN_PROGRESS.
	// LeaveGroup removes the member.
	// Leads to: Stable (the leader's SyncGroup), PreparingRebalance (a member comes,
	// goes, or is too late).
	CompletingRebalance
	// Stable has members that all may know what they own.
	//
	// Answers: JoinGroup of a follower is answered with this generation, JoinGroup
	// of the leader or of a new member begins another. SyncGroup: the assignment.
	// Heartbeat: NONE. OffsetCommit of a member in this generation is stored.
	// LeaveGroup removes the member.
	// Leads to: PreparingRebalance (a member comes, goes, or is too late).
	Stable
	// Dead is being deleted.
	//
	// Answers: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit:
	// COORDINATOR_NOT_AVAILABLE. OffsetFetch: no offsets. DeleteGroups:
	// GROUP_ID_NOT_FOUND.
	// Leads to: nothing. Kafka drops the object, and the next who comes finds no
	// group, which here is an Empty one with nothing in it.
	Dead
)

func (s GroupState) String() string {
	return [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}[s]
}

// Group is the coordinator of one classic group: its members, its generations,
// and its committed offsets.
//
// Source: GroupMetadataManager (classicGroupJoin and below), ClassicGroup,
// OffsetMetadataManager of Kafka 4; GroupCoordinator.handleDeleteGroups of 3.9.
// Differs: group.initial.rebalance.delay.ms is 0: a first generation waits for
// nobody. A new member's JoinGroup never times out. What is written to the log
// is there at once. A crash loses nothing, since none is modelled.
type Group struct {
	offsetStore
	state      GroupState
	generation model.GenerationID
	leader     model.MemberID
	lastID     model.MemberID // that was given out
	members    []member       // by place; see Timers
	deleting   sim.Envelope   // the DeleteGroups that is being served
}

// member is a place in the group, and who has it.
//
// Source: ClassicGroupMember.
type member struct {
	id         model.MemberID // 0: the place is free
	instance   model.GroupInstanceID
	timeouts   timeouts
	assignment []model.Partition
	synced     bool         // has sent SyncGroup in this generation
	join       sim.Envelope // the JoinGroup that is parked
	sync       sim.Envelope // the SyncGroup that is parked
}

// NewGroup returns a group that nobody can join, with the given committed
// offsets, one a partition: that of simple consumers.
func NewGroup(committed ...model.Offset) *Group { return NewClassicGroup(Validated, 0, committed...) }

// NewClassicGroup returns a group with room for some members
// (group.max.size), with the given committed offsets, one a partition.
func NewClassicGroup(v Validation, size int, committed ...model.Offset) *Group {
	return &Group{offsetStore: newOffsetStore(v, committed), members: make([]member, size)}
}

func (g *Group) Handle(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *model.JoinGroupRequest:
		g.joinGroup(e, request, out) // may park the request
	case *model.SyncGroupRequest:
		g.syncGroup(e, request, out) // may park the request
	case *model.HeartbeatRequest:
		out.Reply(e, g.heartbeat(request, out))
	case *model.LeaveGroupRequest:
		out.Reply(e, g.leaveGroup(request, out))
	case *model.OffsetCommitRequest:
		out.Reply(e, g.offsetCommit(request, out))
	case *model.OffsetFetchRequest:
		out.Reply(e, g.offsetFetch(request))
	case *model.DeleteGroupsRequest:
		g.deleteGroups(e, out) // parks the request
	default:
		panic(fmt.Sprintf("coordinator: no handler for %T", request))
	}
}

// offsetCommit stores offsets. In Stable and PreparingRebalance it also counts
// as a heartbeat.
func (g *Group) offsetCommit(request *model.OffsetCommitRequest, out *sim.Outbox) *model.OffsetCommitResponse {
	refusal := g.validateOffsetCommit(request.ConsumerGroupMetadata)
	if m := g.find(request.MemberID); refusal == model.None && m != nil {
		g.expectHeartbeat(m, out)
	}
	return g.commitOffset(request, refusal)
}

// validateOffsetCommit is ClassicGroup.validateOffsetCommit, in its order, and
// what OffsetMetadataManager checks before.
func (g *Group) validateOffsetCommit(of model.ConsumerGroupMetadata) model.Error {
	if !g.exists() && of.GenerationID != 0 {
		return model.ErrGroupIDNotFound // ILLEGAL_GENERATION before version 9.
	}
	if g.state == Dead {
		return model.ErrCoordinatorNotAvailable
	}
	if of.GenerationID == 0 && g.state == Empty {
		return model.None // A simple consumer, or an administrator.
	}
	if of == (model.ConsumerGroupMetadata{}) {
		return model.ErrUnknownMemberID
	}
	if refusal := g.validateMember(of.MemberID, of.GroupInstanceID); refusal != model.None {
		return refusal
	}
	if of.GenerationID != g.generation {
		return model.ErrIllegalGeneration
	}
	if g.state == CompletingRebalance {
		return model.ErrRebalanceInProgress
	}
	return model.None
}

// exists says whether Kafka would know the group: it has had members or commits,
// and has not been deleted.
func (g *Group) exists() bool {
	return g.state != Empty || g.generation > 0 || g.holdsAny()
}

// validateMember is ClassicGroup.validateMember.
func (g *Group) validateMember(id model.MemberID, instance model.GroupInstanceID) model.Error {
	if instance != 0 {
		static := g.findStatic(instance)
		if static == nil {
			return model.ErrUnknownMemberID
		}
		if static.id != id {
			return model.ErrFencedInstanceID
		}
	}
	if g.find(id) == nil {
		return model.ErrUnknownMemberID
	}
	return model.None
}

func (g *Group) offsetFetch(request *model.OffsetFetchRequest) *model.OffsetFetchResponse {
	return g.fetchOffsets(request)
}

// deleteGroups deletes a group without members. The answer comes when the
// tombstones are written.
func (g *Group) deleteGroups(e sim.Envelope, out *sim.Outbox) {
	switch {
	case g.state == Dead || !g.exists():
		out.Reply(e, &model.DeleteGroupsResponse{Error: model.ErrGroupIDNotFound})
	case g.state != Empty:
		out.Reply(e, &model.DeleteGroupsResponse{Error: model.ErrNonEmptyGroup})
	default:
		g.deleteAllOffsets()
		g.deleting = e
		out.After(timerTombstones, 0)
		g.becomeDead()
	}
}

// forget drops the group that has been deleted.
func (g *Group) forget(out *sim.Outbox) {
	out.Reply(g.deleting, &model.DeleteGroupsResponse{})
	g.deleting = sim.Envelope{}
	g.generation = 0
	g.becomeEmpty()
}

func (g *Group) becomeEmpty()               { g.state = Empty }
func (g *Group) becomePreparingRebalance()  { g.state = PreparingRebalance }
func (g *Group) becomeCompletingRebalance() { g.state = CompletingRebalance }
func (g *Group) becomeStable()              { g.state = Stable }
func (g *Group) becomeDead()                { g.state = Dead }

// find returns the member with that id, or nil.
func (g *Group) find(id model.MemberID) *member {
	if id == 0 {
		return nil
	}
	return g.first(func(m *member) bool { return m.id == id })
}

// findStatic returns the member with that instance id, or nil.
func (g *Group) findStatic(instance model.GroupInstanceID) *member {
	return g.first(func(m *member) bool { return m.instance == instance })
}

// first returns the first member of whom it is true, or nil.
func (g *Group) first(is func(m *member) bool) *member {
	for i := range g.members {
		if m := &g.members[i]; m.id != 0 && is(m) {
			return m
		}
	}
	return nil
}

// hasMembers says whether the group has any.
func (g *Group) hasMembers() bool {
	return g.first(func(*member) bool { return true }) != nil
}

func (m *member) awaitsJoin() bool { return m.join.Message != nil }
func (m *member) awaitsSync() bool { return m.sync.Message != nil }

// Check states what holds of a group after each step.
func (g *Group) Check() error {
	if g.hasMembers() == (g.state == Empty || g.state == Dead) {
		return fmt.Errorf("a group in state %v: members %v", g.state, g.hasMembers())
	}
	if g.hasMembers() && g.find(g.leader) == nil {
		return fmt.Errorf("the leader %v is no member", g.leader)
	}
	assigned := make([]model.MemberID, len(g.offsets))
	for i := range g.members {
		m := &g.members[i]
		if m.id == 0 {
			continue
		}
		if m.awaitsJoin() && g.state != PreparingRebalance {
			return fmt.Errorf("a JoinGroup of %v is parked in state %v", m.id, g.state)
		}
		if m.awaitsSync() && (g.state != CompletingRebalance || m.id == g.leader) {
			return fmt.Errorf("a SyncGroup of %v (the leader is %v) is parked in state %v", m.id, g.leader, g.state)
		}
		if twin := g.findStatic(m.instance); m.instance != 0 && twin != m {
			return fmt.Errorf("%v and %v are both instance %v", twin.id, m.id, m.instance)
		}
		for _, p := range m.assignment {
			if g.state == Stable && assigned[p] != 0 {
				return fmt.Errorf("%v is assigned to %v and to %v", p, assigned[p], m.id)
			}
			assigned[p] = m.id
		}
	}
	if g.state == Dead && g.holdsAny() {
		return errors.New("a dead group holds offsets")
	}
	return nil
}

// Describe shows the group, if it can have members, and the committed offsets.
func (g *Group) Describe(show func(name, value string)) {
	if len(g.members) > 0 {
		value := fmt.Sprintf("%v@%d", g.state, g.generation)
		for i := range g.members {
			if m := &g.members[i]; m.id != 0 {
				value += fmt.Sprintf(" %v%s", m.id, model.FormatPartitions(m.assignment))
			}
		}
		show("group", value)
	}
	g.offsetStore.Describe(show)
}

// joined lists the members' ids in the order in which they were given out.
func (g *Group) joined() []model.MemberID {
	var ids []model.MemberID
	for i := range g.members {
		if id := g.members[i].id; id != 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
