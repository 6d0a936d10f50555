package rebalance

import (
	"time"

	"racelab/model"
)

// callback is a callback of franz-go that is in progress, or waits for its turn.
type callback uint8

const (
	noCallbackRuns callback = iota
	sessionEnds             // OnPartitionsRevoked before JoinGroup: all of an eager member, none of another
	prerevokes              // OnPartitionsRevoked of what the new assignment lacks
	loses                   // OnPartitionsLost
	leaves                  // OnPartitionsRevoked in Close
)

// poll is PollFetches: it returns what there is, and else waits.
//
// Source: Client.PollRecords, groupConsumer.updateUncommitted and
// undirtyUncommitted.
func (s *System) poll(m *member) {
	if m.closing || m.crashed || !m.started || s.config.App.Workers == inLoop && (m.workers[0].busy || m.workers[0].commits || len(m.queue) > 0) {
		return
	}
	s.undirty(m)
	got := false
	for p := range partitions {
		if m.positions[p] < 0 || m.positions[p] >= s.log || !m.owned.has(p) {
			continue
		}
		got = true
		o := &m.offsets[p]
		if !o.there {
			*o = offset{there: true, dirty: m.positions[p], head: m.positions[p], committed: m.positions[p]}
		}
		for ; m.positions[p] < s.log; m.positions[p]++ {
			s.put(m, record{p, m.positions[p]})
		}
		o.dirty = s.log
		if c := s.config.App.Commits; c == greedy || c == eachBefore || c == eachAfter || c == batchAfter || s.config.Client.MarksUnpolled && c == handedOut {
			o.head = o.dirty
		}
	}
	if !got {
		return
	}
	if s.config.App.Workers == inLoop {
		m.holds = s.config.App.Blocks
	} else {
		s.undirty(m) // The loop polls again.
	}
	s.work(m)
}

// undirty lets autocommit take what the poll before this one returned.
func (s *System) undirty(m *member) {
	for p := range m.offsets {
		if o := &m.offsets[p]; o.there && s.config.App.Commits == handedOut {
			o.head = o.dirty
		}
	}
}

// joinFranzGo is joinAndSync, which keeps commits out from here to the end.
func (s *System) joinFranzGo(m *member) {
	s.disarm(laneOf(m.who, laneHeartbeat))
	s.disarm(laneOf(m.who, laneTimeout))
	m.heartbeat, m.rejoins, m.lostIt = false, false, false
	if s.config.Protocol == Consumer {
		m.id = 0
		m.state = joining
		if !m.cut {
			s.joinArrives(m)
		}
		return
	}
	if m.inFlight > 0 {
		m.state = joinWaits
		return
	}
	m.state = joining
	if s.config.Trigger == CloseJoin && s.trigger.fired && m.who == 0 {
		s.arm(laneOf(m.who, laneTimeout), rebalanceTimeout+requestTimeout)
		s.arm(laneOf(m.who, laneClose), time.Second)
	}
	if !m.cut {
		s.joinArrives(m)
	}
}

// sessionBegins is setupAssignedAndHeartbeat.
func (s *System) sessionBegins(m *member) {
	lost := m.owned &^ m.told
	added := m.told &^ m.owned
	m.owned = m.told
	m.state = consuming
	s.arm(laneOf(m.who, laneHeartbeat), heartbeatEvery+roundTrip)
	parked := m.parked
	m.parked = nil
	for _, w := range parked {
		m.inFlight++ // It keeps the next join waiting.
		s.answer(answer{who: m.who, resumes: true, worker: w})
	}
	s.autocommitsHeld(m)
	m.added = added
	switch {
	case lost != none:
		s.callBack(m, prerevokes, lost)
	case len(parked) > 0: // Its own offsets it reads behind its own commits.
		s.answer(answer{who: m.who, reads: true})
	default:
		s.assigned(m)
	}
}

// assigned finds out where to read on in what is new.
func (s *System) assigned(m *member) {
	for p := range partitions {
		if m.added.has(p) && m.owned.has(p) {
			m.offsets[p], m.positions[p] = offset{}, 0
			if at := s.group.committed[p]; at >= 0 {
				m.offsets[p], m.positions[p] = offset{true, at, at, at}, at
			}
		}
	}
	m.added = none
	s.poll(m)
	if m.closing && m.callback == noCallbackRuns {
		s.callBack(m, leaves, m.owned)
	}
}

// callBack begins a callback, once no poll holds up rebalances.
func (s *System) callBack(m *member, what callback, parts mask) {
	m.callback, m.waits, m.runs, m.gaveUp = what, parts, false, false
	if !m.holds {
		s.runCallback(m)
	}
}

// allowRebalance is AllowRebalance.
func (s *System) allowRebalance(m *member) {
	m.holds = false
	if m.callback != noCallbackRuns && !m.runs {
		s.runCallback(m)
	}
}

// runCallback is a callback's beginning. What it is about is fetched no more.
func (s *System) runCallback(m *member) {
	m.runs = true
	if m.callback == leaves || m.callback == sessionEnds && s.config.Protocol == Eager {
		m.positions = [partitions]int{-1, -1}
	}
	for p := range partitions {
		if m.callback == prerevokes && m.waits.has(p) {
			m.positions[p] = -1
		}
	}
	switch s.config.App.Revoke {
	case drains:
		if m.callback == loses {
			m.drop(m.waits)
		}
	case dropsRest:
		m.drop(m.waits)
	case drainsASecond:
		if m.callback == loses {
			m.drop(m.waits)
		}
		m.patience = m.waits
		s.arm(laneOf(m.who, laneGiveUp), giveUpAfter)
	case dropsAll:
		m.drop(all)
	case dropsRevoked:
		m.drop(m.waits)
	case failsRest:
		for p := range partitions {
			if m.waits.has(p) && s.idle(m, only(p), false) {
				s.failRest(m, p)
			}
		}
	}
	s.revoked(m)
}

// revoked looks whether the application is through with what it does in a
// callback, and then commits, if it or the client does.
func (s *System) revoked(m *member) {
	if s.config.Client.Kind == Sarama {
		s.claimsEnd(m)
		return
	}
	if m.callback == noCallbackRuns || !m.runs || m.commitsInCallback {
		return
	}
	commits := m.callback != loses
	switch s.config.App.Revoke {
	case noCallback:
		commits = commits && s.ticks() && !s.config.Client.LeaveKeepsMarks
	case drains, dropsRest, failsRest:
		if !s.idle(m, m.waits, true) {
			return
		}
	case drainsASecond:
		for p := range partitions { // One after the other, a second each.
			if !m.patience.has(p) {
				continue
			}
			if !s.idle(m, only(p), true) && !m.gaveUp {
				return
			}
			m.drop(only(p))
			m.patience &^= only(p)
			m.gaveUp = false
			s.arm(laneOf(m.who, laneGiveUp), giveUpAfter)
		}
		s.disarm(laneOf(m.who, laneGiveUp))
	default:
		commits = false
	}
	if c, any := s.heads(m); commits && any {
		m.commitsInCallback = true
		m.inFlight++
		m.syncCommits++
		s.send(m, request{commit: c, by: byRevoke})
		return
	}
	s.callbackEnds(m)
}

// callbackEnds goes on with what the callback was for.
func (s *System) callbackEnds(m *member) {
	was := m.callback
	m.callback, m.commitsInCallback = noCallbackRuns, false
	switch {
	case was == leaves || m.closing && was != prerevokes:
		s.leave(m)
	case was == loses:
		m.owned, m.offsets, m.positions = none, [partitions]offset{}, [partitions]int{-1, -1}
		m.state = backingOff
		if s.config.Protocol == Consumer {
			s.rejoin(m)
			return
		}
		s.arm(laneOf(m.who, laneBackoff), failBackoff)
	case was == prerevokes:
		for p := range partitions {
			if m.waits.has(p) {
				m.offsets[p] = offset{}
			}
		}
		if m.lostIt {
			s.lose(m)
			return
		}
		if s.config.Protocol == Consumer {
			s.assigned(m)
			s.sendHeartbeat(m)
			return
		}
		s.assigned(m)
		if m.callback == noCallbackRuns {
			s.callBack(m, sessionEnds, none)
		}
	case s.config.Protocol == Consumer:
		s.sessionBegins(m)
	default:
		if s.config.Protocol == Eager {
			m.owned, m.offsets = none, [partitions]offset{}
		}
		if m.lostIt && !m.rejoins {
			s.lose(m)
			return
		}
		s.joinFranzGo(m)
	}
}

// lose is manageFailWait: the membership is gone.
func (s *System) lose(m *member) {
	s.disarm(laneOf(m.who, laneHeartbeat))
	s.disarm(laneOf(m.who, laneTimeout))
	m.heartbeat, m.lostIt = false, false
	s.callBack(m, loses, m.owned)
}

// leave is the end of Close.
func (s *System) leave(m *member) {
	for _, lane := range []int{laneHeartbeat, laneTimeout, laneTick, laneBackoff, laneGiveUp} {
		s.disarm(laneOf(m.who, lane))
	}
	if !m.cut {
		s.leaveGroup(m.who, m.id)
	}
	m.state, m.owned, m.closed = left, none, true
	m.offsets = [partitions]offset{}
	m.positions = [partitions]int{-1, -1}
	if s.config.Timed {
		s.tally.closed(s.now.Sub(m.closeAt))
	}
}

// closeFranzGo is Close up to leaving the group, which waits for a callback or a join.
func (s *System) closeFranzGo(m *member) {
	s.disarm(laneOf(m.who, laneTick))
	m.holds = false
	switch {
	case m.callback != noCallbackRuns:
		s.allowRebalance(m)
	case m.state == consuming:
		s.disarm(laneOf(m.who, laneHeartbeat))
		s.callBack(m, leaves, m.owned)
	case m.state == joining || m.state == syncing || m.state == joinWaits:
		// It leaves when the join is over.
	default:
		s.leave(m)
	}
}

// heads is what autocommit would commit: MarkedOffsets and UncommittedOffsets.
func (s *System) heads(m *member) (c commit, any bool) {
	c.id, c.gen = m.id, m.gen
	for p := range partitions {
		if o := &m.offsets[p]; o.there && o.head != o.committed {
			c.parts |= only(p)
			c.offsets[p] = o.head
		}
	}
	return c, c.parts != none
}

// dirty is what CommitUncommittedOffsets commits.
func (s *System) dirty(m *member) (c commit, any bool) {
	c.id, c.gen = m.id, m.gen
	for p := range partitions {
		if o := &m.offsets[p]; o.there && o.dirty != o.committed {
			c.parts |= only(p)
			c.offsets[p] = o.dirty
		}
	}
	return c, c.parts != none
}

// sendCommitFranzGo is CommitOffsets. A commit waits for the end of a classic join.
func (s *System) sendCommitFranzGo(m *member, w int) {
	if m.closed {
		s.commitDone(m, w) // The client is closed: an error, and no request.
		return
	}
	if s.config.Protocol != Consumer && (m.state == joinWaits || m.state == joining || m.state == syncing) {
		m.parked = append(m.parked, w)
		return
	}
	m.inFlight++
	s.queueCommit(m, w)
}

// queueCommit lets a worker's commit wait for the one that is out.
func (s *System) queueCommit(m *member, w int) {
	if m.syncCommits > 0 {
		m.syncQueue = append(m.syncQueue, w)
		return
	}
	s.issueCommit(m, w)
}

// issueCommit sends a worker's commit, as whom the member is by now.
func (s *System) issueCommit(m *member, w int) {
	k := &m.workers[w]
	c := k.asked
	c.id, c.gen = m.id, m.gen
	if s.config.Client.CommitsAsPolled {
		c.gen = k.under
	}
	m.syncCommits++
	s.send(m, request{commit: c, by: w})
}

// markFranzGo is MarkCommitRecords.
func (s *System) markFranzGo(m *member, r record) {
	o := &m.offsets[r.partition]
	if !o.there {
		if s.config.Client.MarksOwnedOnly || m.closed {
			return
		}
		*o = offset{there: true}
	}
	o.head = max(o.head, r.offset+1)
}

// autocommit is a turn of loopCommit.
func (s *System) autocommit(m *member) {
	if m.syncCommits > 0 {
		return
	}
	switch m.state {
	case joinWaits, joining, syncing:
		if s.config.Protocol != Consumer {
			m.ticksDue = min(m.ticksDue+1, 2)
			return
		}
	}
	if c, any := s.heads(m); any {
		m.inFlight++
		s.send(m, request{commit: c, by: byTick})
	}
}

// autocommitsHeld is what loopCommit does when the join is over that it waited for:
// a turn, and one more if the ticker has ticked meanwhile. Neither waits for its
// answer.
func (s *System) autocommitsHeld(m *member) {
	for ; m.ticksDue > 0; m.ticksDue-- {
		if c, any := s.heads(m); any {
			m.inFlight++
			s.answer(answer{who: m.who, resumes: true, request: request{commit: c, by: byTick}})
		}
	}
}

// commitAnsweredFranzGo ends a commit.
func (s *System) commitAnsweredFranzGo(m *member, r request) {
	m.inFlight--
	if r.by != byTick {
		m.syncCommits--
	}
	if r.refusal == model.None {
		for p := range partitions {
			if o := &m.offsets[p]; r.commit.parts.has(p) && o.there {
				o.committed = r.commit.offsets[p]
			}
		}
	}
	if r.by != byTick && len(m.syncQueue) > 0 && m.syncCommits == 0 {
		w := m.syncQueue[0]
		m.syncQueue = append(m.syncQueue[:0:0], m.syncQueue[1:]...)
		s.issueCommit(m, w)
	}
	strange := (r.refusal == model.ErrUnknownMemberID || r.refusal == model.ErrIllegalGeneration) && s.config.Protocol != Consumer
	if strange {
		m.rejoins = true
	}
	switch {
	case r.by >= 0:
		s.commitDone(m, r.by)
	case r.by == byRevoke:
		s.callbackEnds(m)
	}
	if strange && m.state == consuming && m.callback == noCallbackRuns && !m.closing && r.commit.id == m.id {
		s.callBack(m, sessionEnds, s.revokes(m))
	}
	if m.state == joinWaits && m.inFlight == 0 {
		s.joinFranzGo(m)
	}
}

// revokes is what a session's end takes away.
func (s *System) revokes(m *member) mask {
	if s.config.Protocol == Eager {
		return m.owned
	}
	return none
}

// heartbeatAnsweredFranzGo is what the heartbeat loop does with an answer.
func (s *System) heartbeatAnsweredFranzGo(m *member, refusal model.Error) {
	switch {
	case refusal == model.None && s.config.Protocol == Consumer:
		if m.told != m.owned && m.callback == noCallbackRuns {
			s.disarm(laneOf(m.who, laneHeartbeat))
			s.callBack(m, sessionEnds, none)
		}
	case refusal == model.None:
	case refusal == model.ErrRebalanceInProgress:
		if m.callback == noCallbackRuns {
			s.callBack(m, sessionEnds, s.revokes(m))
		}
	case m.callback != noCallbackRuns:
		m.lostIt = true
	default:
		s.lose(m)
	}
}
