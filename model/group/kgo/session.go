package kgo

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// SessionConfig is how a client consumes that also joins its group.
type SessionConfig struct {
	Cooperative bool          // the group's balancer: a member keeps what it keeps
	Heartbeat   time.Duration // HeartbeatInterval
	Backoff     time.Duration // RetryBackoffFn, where it gives the same each time
	Revoking    Revoking
	// Rejoins says that a commit which is refused with UNKNOWN_MEMBER_ID or
	// ILLEGAL_GENERATION makes the client join again, and not only the next heartbeat.
	//
	// Source: commitHasFatalMemberError in franz-go 1.21.3.
	Rejoins bool
	// Uncommitted says that the application commits UncommittedOffsets, and not all that it
	// has polled.
	Uncommitted bool
	// DropsOld says that a commit which was accepted changes nothing here if the member's
	// epoch is another by then.
	//
	// Source: updateCommitted up to 1.22.0, under KIP-848; since 1.22.1 it compares member ids.
	DropsOld bool
	// LocksFirst says that a commit of the application takes syncCommitMu before it waits for a
	// join, and gives it back only with the answer of its request.
	//
	// Source: CommitOffsets and commitOffsetsSync in franz-go 1.13.2 to 1.16.0.
	LocksFirst bool
}

// Revoking is what OnPartitionsRevoked commits.
type Revoking uint8

const (
	// RevokesNothing commits nothing.
	RevokesNothing Revoking = iota
	// RevokesHead commits what autocommit would: groupConsumer.defaultRevoke.
	RevokesHead
	// RevokesUncommitted commits UncommittedOffsets, with what the last poll returned.
	RevokesUncommitted
)

// fastCheck is when the first heartbeat of a cooperative session is due.
//
// Source: cooperativeFastCheck in groupConsumer.heartbeat.
const fastCheck = 500 * time.Millisecond

// partitionSet is a set of partitions, a bit each.
type partitionSet uint32

func (s partitionSet) has(p int) bool { return s>>p&1 == 1 }

// Session is what the goroutines of a client share that joins its group and commits: who it
// is, what is assigned, and the locks by which a join and a commit wait for each other.
//
// Held against the releases at drawn settings: go -C witness/conform test ..
//
// Source: groupConsumer in franz-go 1.19.0 to 1.22.3: manage, manageFailWait, joinAndSync,
// setupAssignedAndHeartbeat, heartbeat, revoke, fetchOffsets, updateCommitted.
// Differs: up to 1.18.1 a session whose heartbeat failed also waits for new metadata before
// it joins again. The member is no leader. onAssigned does nothing. What a cooperative
// generation adds and what it takes are not both there. An OffsetFetch has its answer before
// the session ends, so none is cancelled. A record is there to poll as soon as its partition
// is. A commit that waits for a join does so even if its context ends, but for that of a
// Rejoin.
type Session struct {
	config SessionConfig `sim:"config"`

	noCommitDuringJoinAndSync sim.RWMutex
	syncCommitMu              sim.RWMutex
	generation                sim.Atomic[model.GenerationID] // memberGen
	nowAssigned               sim.Atomic[partitionSet]
	lastAssigned              sim.Atomic[partitionSet] // of a cooperative session
	rejoinCh                  sim.Chan[bool]
	began                     sim.Chan[assignment]
	fetchDone                 sim.Chan[bool]
	ends                      sim.Chan[bool]
	revoked                   sim.Chan[bool]
	joining                   sim.Atomic[bool] // of a Rejoin
	joined                    sim.Chan[bool]
}

// assignment is what a session begins with.
type assignment struct{ added, lost partitionSet }

// Joins has the client join its group, and returns the membership, whose Manage is to be
// added, and the goroutine that revokes and fetches offsets. The first of its commits has
// the number first.
func (g *GroupConsumer) Joins(config SessionConfig, id model.MemberID, join *sim.Conn, first int) (*Membership, *Revoker) {
	s := &Session{config: config}
	s.rejoinCh.Init(1)
	s.began.Init(1)
	s.fetchDone.Init(1)
	s.ends.Init(1)
	s.revoked.Init(1)
	g.session = s
	for _, of := range g.uncommitted {
		of.there.Init(false)
		of.fetched.Init(false)
	}
	m := NewMembership(AsksContext, id, join)
	m.group, m.session = g, s
	return m, &Revoker{committing: committing{GroupConsumer: g, number: first - 1}}
}

// Epoch is what a member of a KIP-848 group learns from a heartbeat, and when.
type Epoch struct {
	At sim.Time           // 0: at any moment
	Is model.GenerationID // the member epoch
}

// Epochs is the heartbeats of a member of a KIP-848 group that keeps its partitions: it learns
// one epoch after the other.
//
// Source: g848.handleResp in franz-go 1.21.0 to 1.22.3.
type Epochs struct {
	*GroupConsumer
	plan  []Epoch `sim:"config"`
	timer sim.Timer
	i     int
}

// Learns has the client be such a member, whose epochs the first of which it has from the
// start.
func (g *GroupConsumer) Learns(config SessionConfig, epochs ...Epoch) *Epochs {
	g.session = &Session{config: config}
	g.session.generation.Init(epochs[0].Is)
	return &Epochs{GroupConsumer: g, plan: epochs[1:]}
}

func (g *Epochs) Run(t *sim.Task) {
	t.Step(PointStart)
	for g.i = 0; g.i < len(g.plan); g.i++ {
		if g.plan[g.i].At > 0 {
			g.timer.Sleep(t.At(PointHeartbeat), g.plan[g.i].At.Sub(t.Now()))
		} else {
			t.Step(PointHeartbeat)
		}
		g.session.generation.Store(t, g.plan[g.i].Is)
	}
}

// Describe shows nothing besides what is shared.
func (g *Epochs) Describe(func(name, value string)) {}

// Rejoin is a join and sync of a member that keeps its partitions, once: the coordinator
// answers when all others have joined, at any moment.
//
// Source: joinAndSync, with waitJoinSyncMu, in franz-go 1.13.2 to 1.22.3.
// Differs: a commit that comes as it begins waits for its end, even if its context ends.
type Rejoin struct{ *GroupConsumer }

// Rejoins has the client be such a member.
func (g *GroupConsumer) Rejoins(config SessionConfig) *Rejoin {
	g.session = &Session{config: config}
	g.session.joined.Init(0)
	return &Rejoin{g}
}

func (g *Rejoin) Run(t *sim.Task) {
	g.session.noCommitDuringJoinAndSync.Lock(t.At(PointBlockCommits))
	g.session.joining.Store(t, true)
	t.Step(PointAwaitSync)
	g.session.joining.Store(t, false)
	g.session.joined.Close(t)
	g.session.noCommitDuringJoinAndSync.Unlock(t)
}

// Describe shows nothing besides what is shared.
func (g *Rejoin) Describe(func(name, value string)) {}

// staleWait is how long a commit waits for a heartbeat to bring the next epoch, and staleRetries
// how often it does.
//
// Source: groupConsumer.commit from 1.21.0 on.
const (
	staleWait    = 500 * time.Millisecond
	staleRetries = 10
)

// staleEpoch waits if the coordinator says STALE_MEMBER_EPOCH, and says whether the commit goes
// again, under the epoch of then: not if that is the same.
//
// Differs: the wait does not end with the commit's context.
func (g *committing) staleEpoch(t *sim.Task) bool {
	if g.session == nil || g.codes[0] != model.ErrStaleMemberEpoch && g.codes[1] != model.ErrStaleMemberEpoch && g.codes[2] != model.ErrStaleMemberEpoch {
		return false
	}
	if g.stales++; g.stales > staleRetries {
		return false
	}
	g.backoff.Sleep(t.At(PointStale), staleWait)
	was := g.under
	g.under = g.session.generation.Load(t)
	return g.under != was
}

// rejoin ends the session.
//
// Source: groupConsumer.rejoin.
func (s *Session) rejoin(t *sim.Task) {
	t.Select(s.rejoinCh.Sending(true), sim.SelectDefault())
}

// blockCommits keeps commits out until the next generation is there.
func (g *Manage) blockCommits(t *sim.Task) {
	if g.session != nil {
		g.session.noCommitDuringJoinAndSync.Lock(t.At(PointBlockCommits))
	}
}

// unblockCommits lets them in.
func (g *Manage) unblockCommits(t *sim.Task) {
	if g.session != nil {
		g.session.noCommitDuringJoinAndSync.Unlock(t)
	}
}

// drainRejoin forgets a rejoin that was asked for before the join.
func (g *Manage) drainRejoin(t *sim.Task) {
	if g.session != nil {
		t.Select(g.session.rejoinCh.Receiving(), sim.SelectDefault())
	}
}

// joined is memberGen.store.
func (g *Manage) joined(t *sim.Task, r *model.JoinGroupResponse) {
	if g.session != nil {
		g.session.generation.Store(t, r.GenerationID)
	}
}

// synced is handleSyncResp, and says whether the join is over.
func (g *Manage) synced(t *sim.Task, r *model.SyncGroupResponse) bool {
	if g.session == nil {
		return r.Error == model.None
	}
	if r.Error != model.None {
		return r.Error != model.ErrRebalanceInProgress
	}
	var now partitionSet
	for _, p := range r.Assignment {
		now |= 1 << p
	}
	g.session.nowAssigned.Store(t, now)
	return true
}

// metadata is as whom the member goes.
func (g *Manage) metadata(t *sim.Task) model.ConsumerGroupMetadata {
	m := model.ConsumerGroupMetadata{MemberID: g.id}
	if g.session != nil {
		m.GenerationID = g.session.generation.Load(t)
	}
	return m
}

// setupAssignedAndHeartbeat is a session, up to the error that ends it.
func (g *Manage) setupAssignedAndHeartbeat(t *sim.Task) {
	g.part = g.session.diffAssigned(t)
	g.session.began.Send(t.At(PointBegin), g.part) // There is room.
	g.part = assignment{}
	g.session.lastAssigned.Store(t, g.session.nowAssigned.Load(t))
	g.timer.Start(t, g.session.config.Heartbeat)
	if g.session.config.Cooperative {
		g.fast.Start(t, fastCheck)
	}
	g.heartbeats(t)
	g.timer.Stop(t)
	if g.session.config.Cooperative {
		g.fast.Stop(t)
	}
	g.session.fetchDone.Receive(t.At(PointAwaitFetch))
}

// diffAssigned is what the session adds, and what it takes.
func (s *Session) diffAssigned(t *sim.Task) assignment {
	now, last := s.nowAssigned.Load(t), s.lastAssigned.Load(t)
	if !s.config.Cooperative {
		return assignment{added: now}
	}
	return assignment{added: now &^ last, lost: last &^ now}
}

// heartbeats is heartbeat: it leaves in err what has ended the session, and, if that is a
// rebalance, what came while partitions were revoked.
func (g *Manage) heartbeats(t *sim.Task) {
	for g.err, g.revoking = model.None, false; ; {
		chosen := t.At(PointHeartbeat).Select(g.fast.Receiving(), g.timer.Receiving(), g.session.rejoinCh.Receiving(), g.session.revoked.Receiving())
		answered := model.None
		switch chosen {
		case &g.session.revoked:
			g.revoking = false
			return
		case &g.session.rejoinCh:
			answered = model.ErrRebalanceInProgress
		default:
			answered = g.hbfn(t)
		}
		if answered == model.None {
			continue
		}
		g.err = answered
		switch {
		case g.revoking:
		case answered != model.ErrRebalanceInProgress:
			return // Nothing is revoked: it is lost.
		default:
			g.revoking = true
			g.session.ends.Send(t.At(PointRevoke), true) // There is room.
		}
	}
}

// hbfn is heartbeatFn.
func (g *Manage) hbfn(t *sim.Task) model.Error {
	cxn := g.group.cxn
	cxn.Send(t, &model.HeartbeatRequest{ConsumerGroupMetadata: g.metadata(t)})
	answered := cxn.Receive(t.At(PointAwaitHeartbeat)).(*model.HeartbeatResponse).Error
	g.timer.Reset(t, g.session.config.Heartbeat)
	return answered
}

// manageFailWait gives up what is assigned, and waits.
func (g *Manage) manageFailWait(t *sim.Task) {
	g.group.mu.Lock(t.At(PointLose))
	g.group.invalidate(t, ^partitionSet(0))
	g.group.forget(t, ^partitionSet(0))
	g.group.mu.Unlock(t)
	g.session.nowAssigned.Store(t, 0)
	g.session.lastAssigned.Store(t, 0)
	g.timer.Sleep(t.At(PointBackOff), g.session.config.Backoff)
}

// forget has nothing polled of partitions, and nothing committed that was. The caller holds
// g.mu.
func (g *GroupConsumer) forget(t *sim.Task, lost partitionSet) {
	for p, of := range g.uncommitted {
		if lost.has(p) {
			of.there.Set(t, false)
		}
	}
}

// Revoker is the goroutines of a session beside its heartbeats, which wait for each other:
// prerevoke and fetchOffsets when it begins, revoke when it ends.
//
// Source: assignRevokeSession.
type Revoker struct {
	committing
	part assignment
}

func (g *Revoker) Run(t *sim.Task) {
	for {
		chosen := t.At(PointSession).Select(g.session.began.Receiving(), g.session.ends.Receiving())
		if chosen == &g.session.ends {
			g.revokeThisSession(t)
			g.session.revoked.Send(t.At(PointRevoked), true) // There is room.
			continue
		}
		g.part, _ = g.session.began.Received(t)
		if g.part.lost != 0 {
			g.prerevoke(t)
		}
		if g.part.added != 0 {
			g.fetchOffsets(t)
		}
		g.part = assignment{}
		g.session.fetchDone.Send(t.At(PointFetched), true) // There is room.
	}
}

// prerevoke revokes what a cooperative session has lost; another join is due then.
func (g *Revoker) prerevoke(t *sim.Task) {
	t.Step(PointInvalidate)
	g.invalidate(t, g.part.lost)
	g.onRevoked(t)
	g.mu.Lock(t.At(PointForget))
	g.forget(t, g.part.lost)
	g.mu.Unlock(t)
	g.session.rejoin(t)
}

// revokeThisSession gives all up, or, if the group is cooperative, nothing.
func (g *Revoker) revokeThisSession(t *sim.Task) {
	if g.session.config.Cooperative {
		g.onRevoked(t)
		return
	}
	t.Step(PointInvalidate)
	g.invalidate(t, ^partitionSet(0))
	g.onRevoked(t)
	g.session.nowAssigned.Store(t, 0)
	g.mu.Lock(t.At(PointForget))
	g.forget(t, ^partitionSet(0))
	g.mu.Unlock(t)
}

// invalidate drops what is fetched and not polled: assignPartitions.
func (g *GroupConsumer) invalidate(t *sim.Task, lost partitionSet) {
	for p, of := range g.uncommitted {
		if lost.has(p) {
			of.fetched.Store(t, false)
		}
	}
}

// onRevoked commits what it is to.
func (g *Revoker) onRevoked(t *sim.Task) {
	if g.session.config.Revoking == RevokesNothing {
		return
	}
	g.mu.Lock(t.At(PointOnRevoked))
	g.offsets = g.getUncommittedLocked(t, g.session.config.Revoking == RevokesUncommitted)
	g.mu.Unlock(t)
	if g.session.config.Revoking == RevokesUncommitted && g.offsets == (epochOffsets{}) {
		return
	}
	g.commitOffsetsSync(t)
}

// commitOffsetsSync waits for the commits of the application, even if there is nothing to
// commit.
func (g *Revoker) commitOffsetsSync(t *sim.Task) {
	g.waitJoinSync(t)
	g.session.syncCommitMu.Lock(t.At(PointSyncCommit))
	g.mu.Lock(t.At(PointBlockAuto))
	g.block(t)
	if g.offsets == (epochOffsets{}) {
		g.mu.Unlock(t)
		g.session.noCommitDuringJoinAndSync.RUnlock(t)
		g.session.syncCommitMu.Unlock(t)
		g.unblock(t)
		return
	}
	g.number++
	g.mine().done.Lock(t.At(PointHoldDone))
	g.commit(t)
	g.mu.Unlock(t)
	g.issue(t)
	g.returns(t, &CommitDone{g.number, g.outcomes()}, true)
	g.unblock(t)
	g.mine().done.Unlock(t)
	g.offsets = epochOffsets{}
}

// waitJoinSync waits until no join is on its way.
//
// Source: groupConsumer.waitJoinSyncMu.
func (g *committing) waitJoinSync(t *sim.Task) {
	if g.session != nil {
		g.session.noCommitDuringJoinAndSync.RLock(t.At(PointJoinSync))
	}
}

// endsInJoin says whether a commit's context ends while a join is on its way, and so its wait.
func (g *committing) endsInJoin(t *sim.Task) bool {
	t.Step(PointTryJoinSync)
	if !g.session.joining.Load(t) {
		return false
	}
	chosen := t.At(PointEndsInJoin).Select(g.session.joined.Receiving(), g.mine().ctx.Done())
	return chosen != &g.session.joined
}

// lockSync waits for all commits that the application has issued, if it waits for its own too;
// else it keeps a CommitOffsetsSync out.
func (g *AsyncApplication) lockSync(t *sim.Task) {
	if g.waits {
		g.session.syncCommitMu.Lock(t.At(PointSyncCommit))
	} else {
		g.session.syncCommitMu.RLock(t.At(PointSyncCommit))
	}
}

// returns is that a commit's onDone is called.
func (g *committing) returns(t *sim.Task, result *CommitDone, sync bool) {
	if g.session != nil {
		g.session.noCommitDuringJoinAndSync.RUnlock(t)
	}
	t.Return(result)
	switch {
	case g.session == nil:
	case sync:
		g.session.syncCommitMu.Unlock(t)
	default:
		g.session.syncCommitMu.RUnlock(t)
	}
}

// fetchOffsets finds out where to begin in what was added.
func (g *Revoker) fetchOffsets(t *sim.Task) {
	t.Step(PointFetchOffsets)
	request := &model.OffsetFetchRequest{}
	for p := range g.uncommitted {
		if g.part.added.has(p) {
			request.Partitions = append(request.Partitions, model.Partition(p))
		}
	}
	g.cxn.Send(t, request)
	response := g.cxn.Receive(t.At(PointAwaitOffsets)).(*model.OffsetFetchResponse)
	for _, p := range response.Partitions {
		fetched, of := epochOffset(p.Offset), g.uncommitted[p.Partition]
		of.dirty.Set(t, fetched)
		of.head.Set(t, fetched)
		of.committed.Set(t, fetched)
		of.there.Set(t, true)
		of.fetched.Store(t, true)
	}
}
