package sarama

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// Cooperative is a session of a group that rebalances cooperatively: it goes on from
// one generation to the next, with the partitions that it keeps.
//
// While it joins again, from before JoinGroup is written until SyncGroup is answered, a
// commit waits for generationLock, and a heartbeat for generationMu.
//
// Held against the releases at drawn settings: go -C witness/conform test ..
//
// Source: consumerGroupSession, consumerGroup.consumeCooperative and rejoinCooperative
// in sarama 1.61.1.
// Differs: it begins in a generation, and ends once a rebalance is over. It only gives
// partitions up: those that it keeps are the first. JoinGroup and SyncGroup succeed, so
// nobody tries again, and Rebalance.Timeout does not end it. Fetches are left out: the
// handlers have their messages. 1.61.0 does not drop a signal of before the join.
type Cooperative struct {
	*OffsetManager
	handler []*handler
	// unlocked says that generationLock is not taken for writing, as in 1.60.1. That
	// has no cooperative session; this one would be its own.
	unlocked bool `sim:"config"`

	generationMu sim.Mutex
	rejoin       sim.Chan[bool]
	waitGroup    sim.WaitGroup
	hbDying      sim.Chan[bool]
	hbDead       sim.Chan[bool]
}

// handler is what the session and a ConsumeClaim have in common.
type handler struct {
	messages sim.Chan[bool] // is closed with the claim
	done     sim.Chan[bool]
}

// NewCooperative returns the session of an offset manager whose conf names the member.
func NewCooperative(om *OffsetManager, unlocked bool) *Cooperative {
	s := &Cooperative{OffsetManager: om, unlocked: unlocked}
	s.rejoin.Init(1)
	s.hbDying.Init(0)
	s.hbDead.Init(0)
	s.waitGroup.Init(len(om.poms))
	for range om.poms {
		h := &handler{}
		h.messages.Init(0)
		h.done.Init(0)
		s.handler = append(s.handler, h)
	}
	return s
}

// Handler is the goroutine of a claim: ConsumeClaim as applications write it. It
// processes and marks a message after the other, and commits each, unless that goes
// automatically; and ends when Messages is closed.
type Handler struct {
	Claim
	session *Cooperative
}

// NewHandler returns the goroutine of the partition at a place, which has so many
// messages from an offset on.
func NewHandler(s *Cooperative, place int, start model.Offset, messages int) *Handler {
	h := &Handler{session: s, Claim: Claim{
		goroutine: goroutine{OffsetManager: s.OffsetManager, place: place}, next: start + 1, last: start + model.Offset(messages),
	}}
	return h
}

// Run is ConsumeClaim, and what session.consume does after it.
func (h *Handler) Run(t *sim.Task) {
	for h.next <= h.last {
		if h.messagesClosed(t) {
			h.next = h.last + 2
			break
		}
		h.markOffset(t)
		h.next++
		if h.loop == nil {
			h.commit(t)
			t.Return(&model.Committed{})
		}
	}
	if h.next == h.last+1 {
		h.session.handler[h.place].messages.Receive(t.At(PointNextMessage))
	}
	h.session.handler[h.place].done.Close(t)
	h.session.waitGroup.Done(t)
}

// messagesClosed says whether there is no other message to come.
func (h *Handler) messagesClosed(t *sim.Task) bool {
	chosen := t.At(PointNextMessage).Select(h.session.handler[h.place].messages.Receiving(), sim.SelectDefault())
	return chosen == &h.session.handler[h.place].messages
}

// HeartbeatLoop is the goroutine that keeps the member in its group, and hears of
// rebalances.
type HeartbeatLoop struct {
	goroutine
	session  *Cooperative
	interval time.Duration `sim:"config"` // Consumer.Group.Heartbeat.Interval
	ticker   sim.Timer
	answered model.Error
}

// NewHeartbeatLoop returns it. Without an interval there is one heartbeat, when the
// session begins.
func NewHeartbeatLoop(s *Cooperative, interval time.Duration) *HeartbeatLoop {
	return &HeartbeatLoop{goroutine: goroutine{OffsetManager: s.OffsetManager}, session: s, interval: interval}
}

// Run is heartbeatLoop.
func (s *HeartbeatLoop) Run(t *sim.Task) {
	t.Step(PointHeartbeats)
	if s.interval > 0 {
		s.ticker.StartTicker(t, s.interval)
	}
	for {
		s.sendHeartbeat(t)
		chosen := t.At(PointNextHeartbeat).Select(s.ticker.Receiving(), s.session.hbDying.Receiving())
		if chosen == &s.session.hbDying {
			s.ticker.Stop(t)
			s.session.hbDead.Close(t)
			return
		}
	}
}

// sendHeartbeat tells of a rebalance while it holds generationMu.
func (s *HeartbeatLoop) sendHeartbeat(t *sim.Task) {
	s.session.generationMu.Lock(t.At(PointHeartbeat))
	s.broker.lock.Lock(t.At(PointBeat))
	s.send(t, &model.HeartbeatRequest{ConsumerGroupMetadata: s.session.metadata(t)})
	s.answered = s.broker.conn.Receive(t.At(PointAwaitBeat)).(*model.HeartbeatResponse).Error
	s.broker.lock.Unlock(t)
	if s.answered == model.ErrRebalanceInProgress { // triggerRebalance
		t.Select(s.session.rejoin.Sending(true), sim.SelectDefault())
	}
	s.session.generationMu.Unlock(t)
}

// metadata is who the member is.
func (s *Cooperative) metadata(t *sim.Task) model.ConsumerGroupMetadata {
	return model.ConsumerGroupMetadata{MemberID: s.member.id, GenerationID: s.member.generation.Get(t)}
}

// Consume is the goroutine of the application that calls Consume, and there looks after
// the session.
type Consume struct {
	goroutine
	session *Cooperative
	// drain is how long Messages stays open once a claim is cancelled: until the fetch
	// that is out is answered.
	drain    time.Duration `sim:"config"`
	timer    sim.Timer
	joined   model.GenerationID
	assigned int // partitions
	owned    int
	at       int  // the place of the claim at hand
	followUp bool // another join is due
}

// NewConsume returns it.
func NewConsume(s *Cooperative, drain time.Duration) *Consume {
	return &Consume{goroutine: goroutine{OffsetManager: s.OffsetManager}, session: s, drain: drain, owned: len(s.poms)}
}

// Run is consumeCooperative.
func (c *Consume) Run(t *sim.Task) {
	c.session.rejoin.Receive(t.At(PointAwaitRejoin))
	for c.followUp = true; c.followUp; {
		c.rejoinCooperative(t)
		c.reconcileAssignment(t)
	}
	c.release(t)
}

// rejoinCooperative keeps heartbeats and commits out until the next generation is
// there. What was signalled before is part of it.
func (c *Consume) rejoinCooperative(t *sim.Task) {
	c.session.generationMu.Lock(t.At(PointRejoin))
	t.Select(c.session.rejoin.Receiving(), sim.SelectDefault())
	if !c.session.unlocked {
		c.member.generationLock.Lock(t.At(PointTransition))
	}
	c.joinGroupRequest(t)
	c.syncGroupRequest(t)
	c.member.generation.Set(t, c.joined)
	c.joined = 0
	if !c.session.unlocked {
		c.member.generationLock.Unlock(t)
	}
	c.session.generationMu.Unlock(t)
}

func (c *Consume) joinGroupRequest(t *sim.Task) {
	c.broker.lock.Lock(t.At(PointJoin))
	c.send(t, &model.JoinGroupRequest{MemberID: c.member.id})
	c.joined = c.broker.conn.Receive(t.At(PointAwaitJoin)).(*model.JoinGroupResponse).GenerationID
	c.broker.lock.Unlock(t)
}

func (c *Consume) syncGroupRequest(t *sim.Task) {
	c.broker.lock.Lock(t.At(PointSync))
	c.send(t, &model.SyncGroupRequest{ConsumerGroupMetadata: model.ConsumerGroupMetadata{MemberID: c.member.id, GenerationID: c.joined}})
	c.assigned = len(c.broker.conn.Receive(t.At(PointAwaitSync)).(*model.SyncGroupResponse).Assignment)
	c.broker.lock.Unlock(t)
}

// reconcileAssignment gives up what is not assigned any more. Then another join is due.
func (c *Consume) reconcileAssignment(t *sim.Task) {
	if c.followUp = c.assigned < c.owned; !c.followUp {
		return
	}
	c.revokeClaims(t)
	c.removePartitions(t)
	c.owned = c.assigned
}

// revokeClaims cancels the claims that were revoked, and waits for their handlers.
func (c *Consume) revokeClaims(t *sim.Task) {
	if c.drain > 0 {
		c.timer.Sleep(t.At(PointMessagesClose), c.drain)
	}
	for c.at = c.assigned; c.at < c.owned; c.at++ {
		t.Step(PointRevoke)
		c.session.handler[c.at].messages.Close(t)
	}
	for c.at = c.assigned; c.at < c.owned; c.at++ {
		c.session.handler[c.at].done.Receive(t.At(PointAwaitClaim))
	}
	c.at = 0
}

// removePartitions closes the partitions that were revoked. With automatic commits it
// commits them before, in the new generation; without, what a handler has marked and
// not committed is gone.
func (c *Consume) removePartitions(t *sim.Task) {
	for c.i = c.assigned; c.i < c.owned; c.i++ {
		c.targets = append(c.targets, c.i)
	}
	c.pomsLock.RLock(t.At(PointAsyncClose))
	for c.i = c.assigned; c.i < c.owned; c.i++ {
		c.poms[c.i].lock.Lock(t.At(PointAsyncClosePOM))
		pom := c.poms[c.i]
		pom.done.Set(t, true)
		pom.lock.Unlock(t)
	}
	c.i = 0
	c.pomsLock.RUnlock(t)
	for c.attempt = 0; c.loop != nil && c.attempt <= c.conf.RetryMax; c.attempt++ {
		c.flushToBroker(t)
		if c.releasePOMs(t) == c.assigned {
			break
		}
	}
	c.attempt, c.targets, c.force = 0, nil, true
	c.releasePOMs(t)
	c.force = false
}

// release ends the session.
func (c *Consume) release(t *sim.Task) {
	for c.at = 0; c.at < c.owned; c.at++ {
		t.Step(PointRevoke)
		c.session.handler[c.at].messages.Close(t)
	}
	c.at = 0
	c.session.waitGroup.Wait(t.At(PointEndSession))
	c.close(t)
	c.session.hbDying.Close(t)
	c.session.hbDead.Receive(t.At(PointAwaitHbDead))
}
