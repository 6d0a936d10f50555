package rebalance

import (
	"time"

	"racelab/model"
)

// claim is a ConsumeClaim of a session.
type claim struct {
	open    bool
	next    int  // of its records
	told    bool // Messages is closed
	commits bool // it waits for its last commit
	ended   bool // it has returned
	workers int  // the number of its worker is that of the partition, and this
}

// joinSarama is joinSync, for a session that is to begin or, cooperative, goes on.
// Neither heartbeats nor commits are sent until it is over.
func (s *System) joinSarama(m *member) {
	m.state, m.rejoins = joining, false
	s.send(m, request{joins: true})
}

// joinTimedOut is a JoinGroup without an answer: Consume returns an error, and a
// session that goes on over generations ends.
//
// Source: Net.ReadTimeout of Sarama, 30 s.
// Differs: a member whose SyncGroup is refused after that time finds its connection
// as it left it.
func (s *System) joinTimedOut(m *member) {
	switch {
	case m.inSession:
		m.broken = true
		s.lostHeldAssignment(m)
	case m.closing:
		s.leave(m)
	default:
		s.joinSarama(m)
	}
}

// syncedSarama begins a session, or goes on with it in the next generation.
func (s *System) syncedSarama(m *member) {
	m.state = consuming
	if m.session > 0 && !m.ending && s.config.Protocol == Cooperative && m.inSession {
		s.reconcile(m)
		return
	}
	m.session++
	m.inSession, m.broken = true, false
	m.ending, m.flushing, m.tries, m.heartbeat = false, false, 0, false
	m.firstPoll = s.now.Add(subscribeTime)
	s.openClaims(m, m.told)
	if s.ticks() {
		s.arm(laneOf(m.who, laneTick), commitEvery)
	}
	if m.closing {
		s.endSession(m)
		return
	}
	s.sendHeartbeat(m)
}

// openClaims starts a ConsumeClaim for each partition.
func (s *System) openClaims(m *member, parts mask) {
	for p := range partitions {
		if !parts.has(p) {
			continue
		}
		c := &m.claims[p]
		workers := 0
		if s.config.App.Workers == aPartition && m.session > 1 {
			workers = partitions - c.workers
		}
		*c = claim{open: true, next: s.startAt(p), workers: workers}
		m.queues[m.workerOf(p)] = nil
		m.offsets[p] = offset{there: true, head: s.startAt(p), committed: s.startAt(p)}
	}
	m.owned |= parts
	if parts != none {
		s.arm(laneOf(m.who, laneFetch), subscribeTime)
	}
}

// feedClaims hands each claim its records.
func (s *System) feedClaims(m *member) {
	for p := range partitions {
		c := &m.claims[p]
		if !c.open || c.told {
			continue
		}
		for ; c.next < s.log; c.next++ {
			r := record{p, c.next}
			if s.config.App.Commits == handedOut {
				s.markSarama(m, r)
			}
			s.put(m, r)
		}
	}
	s.work(m)
}

// mayTake says whether a worker may take another record: a loop in ConsumeClaim
// looks at its session's context, or takes what Messages still has.
func (s *System) mayTake(m *member, w int) bool {
	if s.config.App.Workers != inLoop {
		return true
	}
	c := &m.claims[w%partitions]
	if !c.open || w != m.workerOf(w%partitions) {
		return false
	}
	return !c.told || !m.ending || s.config.App.Revoke == drainsMessages
}

// endSession ends the session's context. Claims notice it a moment later.
func (s *System) endSession(m *member) {
	if m.ending {
		return
	}
	m.ending = true
	s.arm(laneOf(m.who, laneStop), 2*roundTrip)
}

// tellClaims closes Messages of the claims that are to end.
func (s *System) tellClaims(m *member) {
	told := false
	for p := range partitions {
		c := &m.claims[p]
		if !c.open || c.told || !m.ending && !m.revoking.has(p) {
			continue
		}
		c.told, told = true, true
		switch s.config.App.Revoke {
		case dropsRest, dropsAll, dropsRevoked:
			m.drop(only(p))
		case failsRest:
			for _, r := range m.queues[m.workerOf(p)] {
				s.markSarama(m, r)
			}
			m.drop(only(p))
		case drainsASecond:
			m.gaveUp = false
			s.arm(laneOf(m.who, laneGiveUp), giveUpAfter)
		}
		if s.config.App.Workers == pool {
			m.drop(only(p)) // Nobody hands it on any more.
		}
	}
	if told {
		m.lastPoll = s.now.Add(s.pollEnds(m))
	}
	s.claimsEnd(m)
}

// pollEnds is how long the long poll still takes that is out.
func (s *System) pollEnds(m *member) time.Duration {
	if !s.config.Timed || m.cut || m.broken || s.now.Before(m.firstPoll) {
		return 0
	}
	if m.caughtUp > 0 && s.now.Sub(m.caughtUp) <= 10*roundTrip {
		if s.config.Client.SeesEndFirst {
			return 0
		}
		return fetchWait
	}
	into := s.now.Sub(m.firstPoll) % fetchWait
	if s.config.Client.SeesEndFirst && m.ending && into <= 10*roundTrip && s.coin() {
		return 0
	}
	return fetchWait - into
}

// claimsEnd looks which claims that were told to end can return.
func (s *System) claimsEnd(m *member) {
	if !m.ending && m.revoking == none || m.flushing {
		return
	}
	for p := range partitions {
		c := &m.claims[p]
		if !c.open || !c.told || c.ended || c.commits || !s.claimIsThrough(m, p) {
			continue
		}
		switch s.config.App.Revoke {
		case drains, dropsRest, drainsASecond, failsRest:
			if s.config.App.Revoke == drainsASecond {
				m.drop(only(p))
			}
			if r, any := s.heads(m); any {
				c.commits = true
				s.send(m, request{commit: r, by: byClaim - p})
				continue
			}
		}
		c.ended = true
	}
	if !m.ending && m.revoking == none || m.flushing {
		return // The answer to the last claim's commit has brought it on.
	}
	for p := range partitions {
		if c := &m.claims[p]; c.open && !c.ended && (m.ending || m.revoking.has(p)) {
			return
		}
	}
	if noticed := m.lastPoll.Add(5 * roundTrip); s.config.Timed && s.now.Before(noticed) {
		s.arm(laneOf(m.who, laneStop), noticed.Sub(s.now))
		return
	}
	if m.ending {
		s.release(m)
	} else {
		s.removeRevoked(m)
	}
}

// claimIsThrough says whether the application is done with a claim that was told
// to end.
func (s *System) claimIsThrough(m *member, p int) bool {
	k := &m.workers[m.workerOf(p)]
	switch s.config.App.Workers {
	case pool:
		return true
	case inLoop:
		waits := k.busy || k.commits || len(k.batch) > 0
		if !m.ending || s.config.App.Revoke == drainsMessages {
			waits = waits || len(m.queues[m.workerOf(p)]) > 0
		}
		return !waits
	}
	switch s.config.App.Revoke {
	case drains, dropsRest, failsRest:
		return s.idle(m, only(p), true)
	case drainsASecond:
		return s.idle(m, only(p), true) || m.gaveUp
	}
	return true
}

// release is Cleanup and the last commits of a session.
func (s *System) release(m *member) {
	s.disarm(laneOf(m.who, laneTick))
	s.disarm(laneOf(m.who, laneGiveUp))
	if m.tickBusy {
		return // The offset manager ends first.
	}
	m.flushing = true
	s.flush(m, all)
}

// flush commits what is marked of some partitions, until it is accepted or four
// times.
func (s *System) flush(m *member, parts mask) {
	if s.ticks() && !s.config.Client.LeaveKeepsMarks {
		if c, any := s.heads(m); any && c.parts&parts != none && m.tries < 4 {
			m.tries++
			c.parts &= parts
			s.send(m, request{commit: c, by: byRevoke})
			return
		}
	}
	m.tries = 0
	if m.ending {
		s.sessionOver(m)
	} else {
		s.revokedClaimsGone(m)
	}
}

// sessionOver goes on to the next session, or out of the group.
func (s *System) sessionOver(m *member) {
	for _, lane := range []int{laneHeartbeat, laneStop, laneFetch, laneBackoff} {
		s.disarm(laneOf(m.who, lane))
	}
	m.ending, m.flushing, m.heartbeat = false, false, false
	m.owned, m.revoking, m.offsets = none, none, [partitions]offset{}
	for p := range m.claims {
		m.claims[p].open = false
	}
	m.state, m.inSession = away, false
	if m.closing {
		s.leave(m)
		return
	}
	s.joinSarama(m)
}

// reconcile takes over the assignment of the next generation into the session.
//
// Source: consumerGroupSession.reconcileAssignment of Sarama 1.61.
func (s *System) reconcile(m *member) {
	if s.due[laneOf(m.who, laneHeartbeat)] < 0 {
		s.arm(laneOf(m.who, laneHeartbeat), roundTrip)
	}
	parked := m.parked
	m.parked = nil
	m.together = true
	for _, w := range parked {
		s.sendCommitSarama(m, w)
	}
	m.together = false
	if m.tickDue {
		m.tickDue = false
		s.autocommitSarama(m)
	}
	if m.revoking = m.owned &^ m.told; m.revoking != none {
		s.arm(laneOf(m.who, laneBackoff), rebalanceTimeout)
		s.arm(laneOf(m.who, laneStop), 2*roundTrip)
		return
	}
	if added := m.told &^ m.owned; added != none {
		if s.now.Sub(m.firstPoll) > 0 && m.owned == none {
			m.firstPoll = s.now.Add(subscribeTime)
		}
		s.openClaims(m, added)
	}
	if m.closing {
		s.endSession(m)
	} else if m.rejoins {
		s.joinSarama(m)
	}
}

// lostHeldAssignment ends a cooperative session whose member is none any more.
//
// Source: consumerGroup.lostHeldAssignment of Sarama 1.61.
func (s *System) lostHeldAssignment(m *member) {
	m.state = consuming
	s.endSession(m)
	parked := m.parked
	m.parked = nil
	for _, w := range parked {
		s.sendCommitSarama(m, w)
	}
	if m.tickDue {
		m.tickDue = false
		s.autocommitSarama(m)
	}
}

// removeRevoked commits what is marked of the claims that have ended, in the new
// generation.
func (s *System) removeRevoked(m *member) {
	s.disarm(laneOf(m.who, laneBackoff))
	m.flushing = true
	s.flush(m, m.revoking)
}

// revokedClaimsGone joins once more, so that others can have them.
func (s *System) revokedClaimsGone(m *member) {
	m.flushing = false
	for p := range partitions {
		if m.revoking.has(p) {
			m.offsets[p] = offset{}
			m.claims[p].open = false
		}
	}
	m.owned &^= m.revoking
	m.revoking = none
	s.joinSarama(m)
}

// revokeTimedOut ends the session: its claims have not ended in time.
func (s *System) revokeTimedOut(m *member) {
	if m.revoking != none && !m.flushing {
		s.lapse()
		s.endSession(m)
	}
}

// markSarama is MarkMessage, on the session that the record came from.
func (s *System) markSarama(m *member, r record) {
	if o := &m.offsets[r.partition]; o.there {
		o.head = max(o.head, r.offset+1)
	}
}

// sendCommitSarama is MarkMessage and Commit in a handler.
func (s *System) sendCommitSarama(m *member, w int) {
	k := &m.workers[w]
	if k.session != m.session || m.state == left || m.closed {
		if s.config.Client.CommitsAsNow && m.state == consuming {
			c := k.asked
			c.id, c.gen = m.id, m.gen
			s.send(m, request{commit: c, by: w})
			return
		}
		s.commitDone(m, w) // The session is over: it sends nothing.
		return
	}
	s.markSarama(m, k.record)
	if s.config.Protocol == Cooperative && m.state != consuming {
		m.parked = append(m.parked, w)
		return
	}
	if c, any := s.heads(m); any {
		s.send(m, request{commit: c, by: w})
		return
	}
	s.commitDone(m, w)
}

// autocommitSarama is the offset manager's main loop.
func (s *System) autocommitSarama(m *member) {
	if m.tickBusy || s.config.Protocol == Cooperative && m.state != consuming {
		m.tickDue = true
		return
	}
	if c, any := s.heads(m); any {
		m.tickBusy = true
		s.send(m, request{commit: c, by: byTick})
	}
}

// commitAnsweredSarama ends a commit.
func (s *System) commitAnsweredSarama(m *member, r request) {
	if r.refusal == model.None {
		for p := range partitions {
			if o := &m.offsets[p]; r.commit.parts.has(p) && o.there {
				o.committed = r.commit.offsets[p]
			}
		}
	}
	switch {
	case r.by >= 0:
		s.commitDone(m, r.by)
	case r.by == byTick:
		m.tickBusy = false
		if m.tickDue {
			m.tickDue = false
			s.autocommitSarama(m)
		}
		s.claimsEnd(m)
	case r.by == byRevoke:
		if m.ending {
			s.flush(m, all)
		} else {
			s.flush(m, m.revoking)
		}
	default:
		c := &m.claims[byClaim-r.by]
		c.commits, c.ended = false, true
		s.claimsEnd(m)
	}
}

// heartbeatAnsweredSarama ends the session, or rejoins within it.
func (s *System) heartbeatAnsweredSarama(m *member, refusal model.Error) {
	switch {
	case refusal == model.None:
	case refusal == model.ErrRebalanceInProgress && s.config.Protocol == Cooperative:
		if m.ending || m.revoking != none {
			m.rejoins = true
		} else {
			s.joinSarama(m)
		}
	case refusal == model.ErrRebalanceInProgress:
		s.endSession(m)
	default:
		s.disarm(laneOf(m.who, laneHeartbeat))
		s.endSession(m)
	}
}

// closeSarama is Close: the session ends, and Close waits for that.
func (s *System) closeSarama(m *member) {
	switch {
	case s.config.Client.CloseWaitsForNone:
		s.leave(m)
	case m.state == consuming:
		s.endSession(m)
	case m.state == away:
		s.leave(m)
	}
}

// closesGap says whether the next fetch goes out behind a request: all but commits,
// which come from several goroutines at one instant.
func (r *request) closesGap() bool { return r.heartbeat || r.joins || r.syncs }

// longPoll is how long a request waits on the connection for the fetch that is
// out on it. Between two of them requests go.
func (s *System) longPoll(m *member) time.Duration {
	if s.config.Client.Kind != Sarama || !s.config.Timed || m.broken || m.owned == none || s.now.Before(m.firstPoll) {
		return 0
	}
	if m.ending {
		if s.now.Before(m.lastPoll) {
			return m.lastPoll.Sub(s.now)
		}
		told := true
		for p := range partitions {
			told = told && (!m.claims[p].open || m.claims[p].told)
		}
		if told {
			return 0
		}
	}
	into := s.now.Sub(m.firstPoll) % fetchWait
	if m.caughtUp == s.now && s.now > 0 {
		return 0
	}
	if into <= 10*roundTrip {
		if s.now.Sub(m.onGrid) > 10*roundTrip || m.onGrid == 0 {
			return 0
		}
	}
	return fetchWait - into
}
