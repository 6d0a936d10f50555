package coordinator

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// timeouts are what a member asks for when it joins.
type timeouts struct {
	session   time.Duration // session.timeout.ms: without a heartbeat for so long, it is removed
	rebalance time.Duration // max.poll.interval.ms in Java: to join again, and to sync
}

// Timers of a group: see Group.Timers.
const (
	timerTombstones = iota
	timerJoin
	timerSync
	timerSessions // and one a place behind it
)

// Timers are that of a deletion, those of the two phases of a rebalance, and the
// session of each place.
func (g *Group) Timers() []string {
	names := []string{"tombstones", "join", "sync"}
	for place := range g.members {
		names = append(names, fmt.Sprintf("session%d", place+1))
	}
	return names
}

// Expire is a timer's end.
func (g *Group) Expire(timer int, out *sim.Outbox) {
	switch timer {
	case timerTombstones:
		g.forget(out)
	case timerJoin:
		g.completeJoin(out)
	case timerSync:
		g.expirePendingSync(out)
	default:
		g.expireHeartbeat(&g.members[timer-timerSessions], out)
	}
}

// joinGroup takes a member into the next generation: classicGroupJoin.
func (g *Group) joinGroup(e sim.Envelope, request *model.JoinGroupRequest, out *sim.Outbox) {
	static := g.findStatic(request.GroupInstanceID)
	switch {
	case g.state == Dead:
		out.Reply(e, &model.JoinGroupResponse{Error: model.ErrCoordinatorNotAvailable})
	case request.MemberID != 0:
		g.joinExistingMember(e, request, out)
	case request.GroupInstanceID != 0 && static != nil:
		g.replaceStaticMember(static, e, request, out)
	case g.freePlace() == nil:
		out.Reply(e, &model.JoinGroupResponse{Error: model.ErrGroupMaxSizeReached})
	default:
		m := g.freePlace()
		m.instance = request.GroupInstanceID
		g.name(m)
		if g.state == Empty {
			g.leader = m.id
		}
		g.parkJoin(m, e, request, out)
		g.prepareRebalanceOrCompleteJoin(out)
	}
}

func (g *Group) joinExistingMember(e sim.Envelope, request *model.JoinGroupRequest, out *sim.Outbox) {
	if refusal := g.validateMember(request.MemberID, request.GroupInstanceID); refusal != model.None {
		out.Reply(e, &model.JoinGroupResponse{Error: refusal})
		return
	}
	m := g.find(request.MemberID)
	if g.state == CompletingRebalance || g.state == Stable && m.id != g.leader {
		// It may have missed the answer of this generation.
		g.expectHeartbeat(m, out)
		out.Reply(e, g.joinResponse(m))
		return
	}
	g.parkJoin(m, e, request, out)
	g.prepareRebalanceOrCompleteJoin(out)
}

// replaceStaticMember gives the place of a static member to its new incarnation,
// under a new id: from now on the old one is fenced. In Stable that needs no
// rebalance.
func (g *Group) replaceStaticMember(m *member, e sim.Envelope, request *model.JoinGroupRequest, out *sim.Outbox) {
	g.refuseParked(m, model.ErrFencedInstanceID, out)
	leads := m.id == g.leader
	g.name(m)
	if leads {
		g.leader = m.id
	}
	switch g.state {
	case Stable:
		m.timeouts = timeouts{request.SessionTimeout, request.RebalanceTimeout}
		g.expectHeartbeat(m, out)
		response := g.joinResponse(m)
		response.SkipAssignment = leads
		out.Reply(e, response)
	case CompletingRebalance:
		// The leader may assign to the old id.
		g.parkJoin(m, e, request, out)
		g.prepareRebalance(out)
	default:
		g.parkJoin(m, e, request, out)
		g.prepareRebalanceOrCompleteJoin(out)
	}
}

// parkJoin keeps a JoinGroup until the generation begins. A member that waits
// for an answer is alive.
func (g *Group) parkJoin(m *member, e sim.Envelope, request *model.JoinGroupRequest, out *sim.Outbox) {
	m.timeouts = timeouts{request.SessionTimeout, request.RebalanceTimeout}
	m.join = e
	out.Cancel(g.session(m))
}

// name gives a member an id that nobody had before.
func (g *Group) name(m *member) {
	g.lastID++
	m.id = g.lastID
}

func (g *Group) freePlace() *member {
	for i := range g.members {
		if g.members[i].id == 0 {
			return &g.members[i]
		}
	}
	return nil
}

// prepareRebalanceOrCompleteJoin begins a rebalance, or goes on with the one that
// is being prepared.
func (g *Group) prepareRebalanceOrCompleteJoin(out *sim.Outbox) {
	if g.state != PreparingRebalance {
		g.prepareRebalance(out)
		return
	}
	if g.allJoined() {
		g.completeJoin(out)
	}
}

// prepareRebalance asks all members to join again, and waits for them.
func (g *Group) prepareRebalance(out *sim.Outbox) {
	for i := range g.members {
		m := &g.members[i]
		if g.state == CompletingRebalance {
			m.assignment = m.assignment[:0]
		}
		if m.awaitsSync() {
			out.Reply(m.sync, &model.SyncGroupResponse{Error: model.ErrRebalanceInProgress})
			m.sync = sim.Envelope{}
			g.expectHeartbeat(m, out)
		}
		m.synced = false
	}
	out.Cancel(timerSync)
	g.becomePreparingRebalance()
	if g.allJoined() {
		g.completeJoin(out)
		return
	}
	out.After(timerJoin, g.rebalanceTimeout())
}

func (g *Group) allJoined() bool {
	return g.first(func(m *member) bool { return !m.awaitsJoin() }) == nil
}

// rebalanceTimeout is the longest that a member asks for.
func (g *Group) rebalanceTimeout() time.Duration {
	longest := time.Duration(0)
	for i := range g.members {
		longest = max(longest, g.members[i].timeouts.rebalance)
	}
	return longest
}

// completeJoin begins the next generation, with those that have joined. A static
// member that has not is left in: it may be on its way back.
func (g *Group) completeJoin(out *sim.Outbox) {
	out.Cancel(timerJoin)
	for i := range g.members {
		if m := &g.members[i]; m.id != 0 && !m.awaitsJoin() && m.instance == 0 {
			g.remove(m, out)
		}
	}
	if g.hasMembers() && !g.electJoinedLeader() {
		out.After(timerJoin, g.rebalanceTimeout())
		return
	}
	g.generation++
	if !g.hasMembers() {
		g.becomeEmpty()
		return
	}
	for i := range g.members {
		m := &g.members[i]
		if m.awaitsJoin() {
			out.Reply(m.join, g.joinResponse(m))
			m.join = sim.Envelope{}
			g.expectHeartbeat(m, out)
		}
	}
	out.After(timerSync, g.rebalanceTimeout())
	g.becomeCompletingRebalance()
}

// electJoinedLeader keeps the leader if it has joined, and else takes the first
// that has. It says whether anybody has.
func (g *Group) electJoinedLeader() bool {
	if leader := g.find(g.leader); leader != nil && leader.awaitsJoin() {
		return true
	}
	m := g.first((*member).awaitsJoin)
	if m != nil {
		g.leader = m.id
	}
	return m != nil
}

func (g *Group) joinResponse(m *member) *model.JoinGroupResponse {
	response := &model.JoinGroupResponse{GenerationID: g.generation, MemberID: m.id, Leader: g.leader}
	if m.id == g.leader {
		response.Members = g.joined()
	}
	return response
}

// syncGroup hands a member its assignment: classicGroupSyncToClassicGroup.
func (g *Group) syncGroup(e sim.Envelope, request *model.SyncGroupRequest, out *sim.Outbox) {
	refusal := g.validateGeneration(request.ConsumerGroupMetadata)
	if refusal == model.None && g.state == PreparingRebalance {
		refusal = model.ErrRebalanceInProgress
	}
	if refusal != model.None {
		out.Reply(e, &model.SyncGroupResponse{Error: refusal})
		return
	}
	m := g.find(request.MemberID)
	m.synced = true
	if g.allSynced() {
		out.Cancel(timerSync)
	}
	if g.state == Stable {
		out.Reply(e, syncResponse(m))
		return
	}
	m.sync = e
	out.Cancel(g.session(m))
	if m.id == g.leader {
		g.propagateAssignment(request.Assignments, out)
	}
}

// validateGeneration is validateSyncGroup and validateClassicGroupHeartbeat.
func (g *Group) validateGeneration(of model.ConsumerGroupMetadata) model.Error {
	if g.state == Dead {
		return model.ErrCoordinatorNotAvailable
	}
	if refusal := g.validateMember(of.MemberID, of.GroupInstanceID); refusal != model.None {
		return refusal
	}
	if of.GenerationID != g.generation {
		return model.ErrIllegalGeneration
	}
	return model.None
}

func (g *Group) allSynced() bool {
	return g.first(func(m *member) bool { return !m.synced }) == nil
}

// propagateAssignment answers all that wait for the leader.
func (g *Group) propagateAssignment(assignments []model.MemberAssignment, out *sim.Outbox) {
	for i := range g.members {
		m := &g.members[i]
		m.assignment = m.assignment[:0]
		for _, a := range assignments {
			if m.id != 0 && a.MemberID == m.id {
				m.assignment = append(m.assignment, a.Partitions...)
			}
		}
		if m.awaitsSync() {
			out.Reply(m.sync, syncResponse(m))
			m.sync = sim.Envelope{}
			g.expectHeartbeat(m, out)
		}
	}
	g.becomeStable()
}

func syncResponse(m *member) *model.SyncGroupResponse {
	return &model.SyncGroupResponse{Assignment: append([]model.Partition{}, m.assignment...)}
}

// expirePendingSync removes the members that have not sent SyncGroup in time.
func (g *Group) expirePendingSync(out *sim.Outbox) {
	for i := range g.members {
		if m := &g.members[i]; m.id != 0 && !m.synced {
			g.remove(m, out)
		}
	}
	g.prepareRebalance(out)
}

// heartbeat keeps the member's session, and tells it of a rebalance.
func (g *Group) heartbeat(request *model.HeartbeatRequest, out *sim.Outbox) *model.HeartbeatResponse {
	if refusal := g.validateGeneration(request.ConsumerGroupMetadata); refusal != model.None {
		return &model.HeartbeatResponse{Error: refusal}
	}
	g.expectHeartbeat(g.find(request.MemberID), out)
	if g.state == PreparingRebalance {
		return &model.HeartbeatResponse{Error: model.ErrRebalanceInProgress}
	}
	return &model.HeartbeatResponse{}
}

// expectHeartbeat begins a member's session anew. While it waits for an answer
// it is alive.
func (g *Group) expectHeartbeat(m *member, out *sim.Outbox) {
	if m.awaitsJoin() || m.awaitsSync() {
		return
	}
	out.After(g.session(m), m.timeouts.session)
}

// session is the timer of a member's session.
func (g *Group) session(m *member) int {
	for i := range g.members {
		if &g.members[i] == m {
			return timerSessions + i
		}
	}
	panic("coordinator: the member is none of this group")
}

// expireHeartbeat removes a member that has been silent for too long.
func (g *Group) expireHeartbeat(m *member, out *sim.Outbox) {
	g.remove(m, out)
	g.prepareRebalanceOrCompleteJoin(out)
}

// leaveGroup removes a member at its own wish.
func (g *Group) leaveGroup(request *model.LeaveGroupRequest, out *sim.Outbox) *model.LeaveGroupResponse {
	if g.state == Dead {
		return &model.LeaveGroupResponse{Error: model.ErrCoordinatorNotAvailable}
	}
	if refusal := g.validateMember(request.MemberID, request.GroupInstanceID); refusal != model.None {
		return &model.LeaveGroupResponse{Error: refusal}
	}
	g.remove(g.find(request.MemberID), out)
	g.prepareRebalanceOrCompleteJoin(out)
	return &model.LeaveGroupResponse{}
}

// remove frees a member's place. Whoever waits there is told that it is no
// member.
func (g *Group) remove(m *member, out *sim.Outbox) {
	g.refuseParked(m, model.ErrUnknownMemberID, out)
	out.Cancel(g.session(m))
	gone := m.id
	*m = member{assignment: m.assignment[:0]}
	if g.leader == gone {
		g.leader = 0
		if next := g.first(func(*member) bool { return true }); next != nil {
			g.leader = next.id
		}
	}
}

func (g *Group) refuseParked(m *member, refusal model.Error, out *sim.Outbox) {
	if m.awaitsJoin() {
		out.Reply(m.join, &model.JoinGroupResponse{Error: refusal})
		m.join = sim.Envelope{}
	}
	if m.awaitsSync() {
		out.Reply(m.sync, &model.SyncGroupResponse{Error: refusal})
		m.sync = sim.Envelope{}
	}
}
