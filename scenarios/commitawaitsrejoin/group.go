package commitawaitsrejoin

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// group is the coordinator of a cooperative group, and all its members but one, which
// has two partitions. Somebody joins, and is to have the second.
//
// Source: GroupMetadataManager.classicGroupJoin, ClassicGroup.validateOffsetCommit;
// KIP-429.
// Differs: the other members are timers, but for who joins. No session and no rebalance
// times out.
type group struct {
	others time.Duration `sim:"config"` // from the member's JoinGroup to the last of the others'
	leader time.Duration `sim:"config"` // from its SyncGroup to the leader's

	generation model.GenerationID
	preparing  bool         // a generation
	completing bool         // it: the leader has not assigned
	parked     sim.Envelope // the member's JoinGroup or SyncGroup
	other      sim.Envelope // the other's JoinGroup
}

// Timers.
const (
	timerJoined = iota
	timerAssigned
)

func newGroup(p Params) *group {
	return &group{others: p.Others, leader: p.Leader, generation: 1, preparing: p.Comes == 0}
}

func (g *group) Timers() []string { return []string{"others-join", "leader-assigns"} }

func (g *group) Handle(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *model.FindCoordinatorRequest:
		out.Reply(e, &model.FindCoordinatorResponse{})
	case *model.HeartbeatRequest:
		out.Reply(e, &model.HeartbeatResponse{Error: g.heartbeat(request)})
	case *model.JoinGroupRequest:
		g.preparing = true
		if request.MemberID != member {
			g.other = e
			return
		}
		g.parked = e
		out.After(timerJoined, g.others)
	case *model.SyncGroupRequest:
		g.parked = e
		out.After(timerAssigned, g.leader)
	case *model.OffsetCommitRequest:
		response := &model.OffsetCommitResponse{}
		for _, p := range request.Partitions {
			response.Partitions = append(response.Partitions, model.PartitionError{Partition: p.Partition, Error: g.validateOffsetCommit(request)})
		}
		out.Reply(e, response)
	default:
		panic(fmt.Sprintf("commitawaitsrejoin: the group has no handler for %T", request))
	}
}

func (g *group) heartbeat(request *model.HeartbeatRequest) model.Error {
	switch {
	case request.GenerationID != g.generation:
		return model.ErrIllegalGeneration
	case g.preparing:
		return model.ErrRebalanceInProgress
	}
	return model.None
}

func (g *group) validateOffsetCommit(request *model.OffsetCommitRequest) model.Error {
	switch {
	case request.GenerationID != g.generation:
		return model.ErrIllegalGeneration
	case g.completing:
		return model.ErrRebalanceInProgress
	}
	return model.None
}

func (g *group) Expire(timer int, out *sim.Outbox) {
	switch timer {
	case timerJoined:
		g.preparing, g.completing = false, true
		g.generation++
		out.Reply(g.parked, &model.JoinGroupResponse{MemberID: member, GenerationID: g.generation})
		if g.other.Message != nil {
			out.Reply(g.other, &model.JoinGroupResponse{MemberID: other, GenerationID: g.generation})
		}
		g.parked, g.other = sim.Envelope{}, sim.Envelope{}
	case timerAssigned:
		g.completing = false
		out.Reply(g.parked, &model.SyncGroupResponse{Assignment: []model.Partition{0}})
		g.parked = sim.Envelope{}
	}
}

// Describe shows the generation.
func (g *group) Describe(show func(name, value string)) {
	state := "stable"
	switch {
	case g.preparing:
		state = "preparing rebalance"
	case g.completing:
		state = "completing rebalance"
	}
	show("generation", fmt.Sprint(g.generation))
	show("state", state)
}

// joiner is who joins. What it does then is the group's.
type joiner struct {
	conn  *sim.Conn
	comes time.Duration `sim:"config"`
	timer sim.Timer
}

// Points of who joins.
const (
	pointStart     = "start"
	pointJoin      = "join"
	pointAwaitJoin = "await join"
)

func (j *joiner) Run(t *sim.Task) {
	t.Step(pointStart)
	j.timer.Sleep(t.At(pointJoin), j.comes)
	j.conn.Send(t, &model.JoinGroupRequest{})
	j.conn.Receive(t.At(pointAwaitJoin))
}
