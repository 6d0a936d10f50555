package kgo

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// Leaving is what a member does when its client is closed: the difference between
// the releases.
type Leaving uint8

const (
	// JoinsOn asks for the end of the group's context only once it is in a
	// generation: as long as each sync is refused, it joins again.
	//
	// Source: groupConsumer.joinAndSync in franz-go 1.13.3 to 1.22.2.
	JoinsOn Leaving = iota
	// AsksContext asks before each join.
	//
	// Source: groupConsumer.joinAndSync in franz-go 1.22.3, issue 1500.
	AsksContext
	// LeavesAtOnce is AsksContext, and the LeaveGroup does not wait for a join that is
	// on its way: the coordinator then answers that UNKNOWN_MEMBER_ID. What the
	// application commits when its partitions are revoked comes too late. Nobody's yet.
	LeavesAtOnce
)

// HeartbeatInterval is how often a member asks whether its generation still stands.
//
// Default: 3 s.
// Source: kgo.HeartbeatInterval.
const HeartbeatInterval = 3 * time.Second

// Membership is what the goroutines of a client share that is a member of a group.
//
// Source: groupConsumer in franz-go 1.22.2 and 1.22.3, pkg/kgo/consumer_group.go.
// Differs: what it fetches, commits and calls back is a Session's, if it has one; a client
// that has one is not closed. The member has its id from the start.
type Membership struct {
	leaving    Leaving        `sim:"config"`
	id         model.MemberID `sim:"config"`
	cxn        *sim.Conn      // that of joins, syncs and heartbeats
	ctx        sim.Context
	manageDone sim.Chan[bool]
	group      *GroupConsumer // whose commits and session it has; nil: it has none
	session    *Session
}

// NewMembership returns a member with its connection to the coordinator.
func NewMembership(leaving Leaving, id model.MemberID, coordinator *sim.Conn) *Membership {
	g := &Membership{leaving: leaving, id: id, cxn: coordinator}
	g.ctx.Init()
	g.manageDone.Init(0)
	return g
}

// Manage is the goroutine that joins, and joins again after each rebalance.
//
// Source: groupConsumer.manage.
type Manage struct {
	*Membership
	timer    sim.Timer
	fast     sim.Timer // cooperativeFastCheck
	err      model.Error
	canceled bool
	revoking bool // the end of the session waits for that
	part     assignment
}

// NewManage returns it.
func (g *Membership) NewManage() *Manage { return &Manage{Membership: g} }

func (g *Manage) Run(t *sim.Task) {
	for !g.canceled {
		g.joinAndSync(t)
		switch {
		case g.err == model.None && g.session != nil:
			g.setupAssignedAndHeartbeat(t)
		case g.err == model.None && !g.canceled:
			g.heartbeat(t)
		}
		if g.session != nil && g.err != model.ErrRebalanceInProgress {
			g.manageFailWait(t)
		}
	}
	g.manageDone.Close(t)
}

// joinAndSync ends with a generation, or because the client is closed.
//
// Differs: UNKNOWN_MEMBER_ID makes it join as a new member, which here has the same
// id.
func (g *Manage) joinAndSync(t *sim.Task) {
	g.blockCommits(t)
	for {
		t.Step(PointJoin)
		if g.leaving >= AsksContext && g.ctx.Err(t) != nil {
			g.canceled = true
			return
		}
		g.drainRejoin(t)
		g.cxn.Send(t, &model.JoinGroupRequest{MemberID: g.id}) // By the client's context, which goes on.
		response := g.cxn.Receive(t.At(PointAwaitJoin)).(*model.JoinGroupResponse)
		if g.err = response.Error; g.err != model.None {
			continue
		}
		g.joined(t, response)
		g.cxn.Send(t, &model.SyncGroupRequest{ConsumerGroupMetadata: g.metadata(t)})
		synced := g.cxn.Receive(t.At(PointAwaitSync)).(*model.SyncGroupResponse)
		g.err = synced.Error
		if g.synced(t, synced) {
			break
		}
		// The hang: a group that rebalances again and again refuses every sync.
	}
	g.unblockCommits(t)
}

// heartbeat ends when the group rebalances, or when the client is closed.
func (g *Manage) heartbeat(t *sim.Task) {
	g.timer.Start(t, HeartbeatInterval)
	for g.err == model.None {
		chosen := t.At(PointHeartbeat).Select(g.timer.Receiving(), g.ctx.Done())
		if chosen != &g.timer || g.ctx.Err(t) != nil { // A request by a context that is done fails at once.
			g.canceled = true
			break
		}
		g.cxn.Send(t, &model.HeartbeatRequest{ConsumerGroupMetadata: model.ConsumerGroupMetadata{MemberID: g.id}})
		g.err = g.cxn.Receive(t.At(PointAwaitHeartbeat)).(*model.HeartbeatResponse).Error
		g.timer.Reset(t, HeartbeatInterval)
	}
	g.timer.Stop(t)
}

// Closer is the goroutine of the application that closes the client.
//
// Source: Client.Close, Client.LeaveGroupContext, groupConsumer.leave.
type Closer struct {
	*Membership
	leave *sim.Conn
	after time.Duration `sim:"config"`
	clock sim.Timer
}

// NewCloser returns it, with the connection of its LeaveGroup. It closes after a
// while; 0: at any moment.
func (g *Membership) NewCloser(leave *sim.Conn, after time.Duration) *Closer {
	return &Closer{Membership: g, leave: leave, after: after}
}

func (g *Closer) Run(t *sim.Task) {
	if g.after > 0 {
		t.Step(PointStart)
		g.clock.Sleep(t.At(PointClose), g.after)
	} else {
		t.Step(PointClose)
	}
	t.Call(&model.Closed{})
	g.ctx.Cancel(t)
	if g.leaving != LeavesAtOnce {
		g.manageDone.Receive(t.At(PointAwaitManage))
	}
	g.leave.Send(t, &model.LeaveGroupRequest{MemberID: g.id})
	g.leave.Receive(t.At(PointAwaitLeave))
	if g.leaving == LeavesAtOnce {
		g.manageDone.Receive(t.At(PointAwaitManage))
	}
	t.Return(&model.Closed{})
}

// Describe shows whether the client is closed.
func (g *Membership) Describe(func(name, value string)) {}

// Describe shows nothing besides what is shared.
func (g *Manage) Describe(func(name, value string)) {}

// Describe shows nothing besides what is shared.
func (g *Closer) Describe(func(name, value string)) {}
