package closehangs

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// The members of the group.
const (
	closing model.MemberID = 1 // whose client is closed
	other   model.MemberID = 2
)

// group coordinates a classic group of two.
//
// Source: GroupMetadataManager.classicGroupJoin and what it calls.
// Differs: a generation has no number and no leader, and the coordinator assigns. No
// timeout expires. The other member comes back with the id that it had.
type group struct {
	members   [2]membership
	preparing bool // a rebalance: it waits for all members to join
}

// membership is one member's.
type membership struct {
	in, left bool
	join     sim.Envelope // that waits for the others'
	joined   bool         // join is there
}

func (g *group) member(id model.MemberID) *membership { return &g.members[id-1] }

func (g *group) Handle(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *model.JoinGroupRequest:
		g.joinGroup(e, request.MemberID, out)
	case *model.SyncGroupRequest:
		out.Reply(e, &model.SyncGroupResponse{Error: g.standing(request.MemberID)})
	case *model.HeartbeatRequest:
		out.Reply(e, &model.HeartbeatResponse{Error: g.standing(request.MemberID)})
	case *model.LeaveGroupRequest:
		g.leaveGroup(request.MemberID, out)
		out.Reply(e, &model.LeaveGroupResponse{})
	default:
		panic(fmt.Sprintf("closehangs: the group has no handler for %T", request))
	}
}

// joinGroup begins a rebalance, or goes on with one.
func (g *group) joinGroup(e sim.Envelope, id model.MemberID, out *sim.Outbox) {
	m := g.member(id)
	if m.left && id == closing {
		out.Reply(e, &model.JoinGroupResponse{Error: model.ErrUnknownMemberID})
		return
	}
	*m = membership{in: true, join: e, joined: true}
	g.prepareRebalance(out)
}

// standing is what a member hears of its generation.
func (g *group) standing(id model.MemberID) model.Error {
	switch {
	case !g.member(id).in:
		return model.ErrUnknownMemberID
	case g.preparing:
		return model.ErrRebalanceInProgress
	}
	return model.None
}

func (g *group) leaveGroup(id model.MemberID, out *sim.Outbox) {
	m := g.member(id)
	if m.joined {
		out.Reply(m.join, &model.JoinGroupResponse{Error: model.ErrUnknownMemberID})
	}
	*m = membership{left: true}
	g.prepareRebalance(out)
}

// prepareRebalance waits for all, and begins the generation once they have joined.
func (g *group) prepareRebalance(out *sim.Outbox) {
	g.preparing = false
	for i := range g.members {
		if m := &g.members[i]; m.in && !m.joined {
			g.preparing = true
		}
	}
	for i := range g.members {
		if m := &g.members[i]; m.joined && !g.preparing {
			out.Reply(m.join, &model.JoinGroupResponse{MemberID: model.MemberID(i + 1)})
			m.join, m.joined = sim.Envelope{}, false
		}
	}
}

// Describe shows who is in the group.
func (g *group) Describe(show func(name, value string)) {
	for i := range g.members {
		state := "out"
		switch {
		case g.members[i].joined:
			state = "joining"
		case g.members[i].in:
			state = "in"
		}
		show(model.MemberID(i+1).String(), state)
	}
	if g.preparing {
		show("state", "preparing rebalance")
	}
}

// Points of the other member.
const (
	pointStart      = "start"
	pointBusy       = "work"
	pointJoin       = "join"
	pointAwaitJoin  = "await join"
	pointAwaitSync  = "await sync"
	pointLeave      = "leave"
	pointAwaitLeave = "await leave"
)

// comer is the other member, of any client: it joins, and leaves, and comes again.
type comer struct {
	conn   *sim.Conn
	rounds int           `sim:"config"` // 0: it never stops
	busy   time.Duration `sim:"config"` // that it works before it joins
	clock  sim.Timer
	i      int
	err    model.Error
}

func (o *comer) Run(t *sim.Task) {
	if o.busy > 0 {
		t.Step(pointStart)
		o.clock.Sleep(t.At(pointBusy), o.busy)
	}
	for o.rounds == 0 || o.i < o.rounds {
		o.joinGroup(t)
		t.Step(pointLeave)
		o.conn.Send(t, &model.LeaveGroupRequest{MemberID: other})
		o.conn.Receive(t.At(pointAwaitLeave))
		if o.rounds > 0 {
			o.i++
		}
	}
}

// joinGroup ends with a generation.
func (o *comer) joinGroup(t *sim.Task) {
	for o.err = model.ErrRebalanceInProgress; o.err != model.None; {
		t.Step(pointJoin)
		o.conn.Send(t, &model.JoinGroupRequest{MemberID: other})
		o.conn.Receive(t.At(pointAwaitJoin))
		o.conn.Send(t, &model.SyncGroupRequest{ConsumerGroupMetadata: model.ConsumerGroupMetadata{MemberID: other}})
		o.err = o.conn.Receive(t.At(pointAwaitSync)).(*model.SyncGroupResponse).Error
	}
}

// Describe shows nothing: the group shows the member.
func (o *comer) Describe(func(name, value string)) {}
