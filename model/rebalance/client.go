package rebalance

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// What of a client depends on its family is here, a switch a function.

// join begins to take part in the group.
func (s *System) join(m *member) {
	switch s.config.Client.Kind {
	case FranzGo:
		s.joinFranzGo(m)
	case Sarama:
		s.joinSarama(m)
	case KafkaGo:
		s.joinKafkaGo(m)
	}
}

// backedOff is the end of a wait.
func (s *System) backedOff(m *member) {
	switch {
	case s.config.Client.Kind == Sarama:
		s.revokeTimedOut(m)
	case s.config.Client.Kind == KafkaGo && m.closing:
		s.leave(m)
	default:
		s.rejoin(m)
	}
}

// rejoin joins after a backoff.
func (s *System) rejoin(m *member) {
	if m.closing {
		s.leave(m)
		return
	}
	s.join(m)
}

// joinArrives is JoinGroup at the coordinator, and once more without a member id
// if that is not known; in a KIP-848 group it is the first heartbeat.
func (s *System) joinArrives(m *member) {
	if s.config.Protocol == Consumer {
		m.told, m.gen, _ = s.groupHeartbeat(m.who, 0, true, none)
		s.sessionBegins(m)
		return
	}
	if s.config.Client.Kind == Sarama && s.config.Trigger == CloseJoin && s.config.Timed && m.closing {
		s.arm(laneOf(m.who, laneJoined), 30*time.Second) // MEMBER_ID_REQUIRED: it is late, too.
		return
	}
	claimed := none
	if s.config.Protocol == Cooperative {
		claimed = m.owned
	}
	if s.joinGroup(m.who, m.id, claimed) == model.ErrUnknownMemberID {
		m.id = 0 // What it says it owns is of an older generation, and does not count.
		if s.config.Client.Kind == Sarama && m.inSession {
			s.lostHeldAssignment(m)
			return
		}
		s.joinGroup(m.who, 0, none)
	}
}

// answer is an answer to JoinGroup or SyncGroup. It is taken at the end of the
// step in which the coordinator gives it.
type answer struct {
	who      int
	joins    bool
	gen      int
	assigned mask
	refusal  model.Error
	commits  bool    // the answer is to a commit that nobody waits for
	resumes  bool    // no answer, but a commit that was held: all read their offsets first
	reads    bool    // no answer, but the member goes on to read its offsets
	fails    bool    // or one that cannot be sent any more
	worker   int     // whose commit that is
	request  request // or autocommit's, if there is one
}

func (s *System) answer(a answer) { s.answers = append(s.answers, a) }

// takeAnswers lets the members take what the coordinator has answered.
func (s *System) takeAnswers() {
	for len(s.answers) > 0 {
		a := s.answers[0]
		s.answers = append(s.answers[:0:0], s.answers[1:]...)
		switch {
		case a.commits:
			s.answered(&s.members[a.who], a.request)
		case a.resumes && a.request.commit.parts != none:
			s.send(&s.members[a.who], a.request)
		case a.fails:
			s.commitDone(&s.members[a.who], a.worker)
		case a.resumes && s.config.Client.Kind == FranzGo:
			s.queueCommit(&s.members[a.who], a.worker)
		case a.resumes:
			s.sendCommit(&s.members[a.who], a.worker)
		case a.reads:
			s.assigned(&s.members[a.who])
		case a.joins:
			s.joinAnswered(a.who, a.gen)
		default:
			s.syncAnswered(a)
		}
	}
}

// joinAnswered is the answer to JoinGroup.
func (s *System) joinAnswered(who, gen int) {
	m := &s.members[who]
	m.nextGen = gen
	if s.config.Timed && who == 0 && s.trigger.fired {
		switch {
		case s.config.Trigger == SlowJoin && !s.trigger.delayed:
			s.trigger.delayed = true
			s.arm(laneOf(who, laneJoined), 3*time.Second)
			return
		case s.config.Trigger == CloseJoin:
			s.arm(laneOf(who, laneJoined), 30*time.Second)
			return
		}
	}
	s.joined(m)
}

// joined sends SyncGroup.
func (s *System) joined(m *member) {
	if m.state != joining || m.crashed {
		return
	}
	if s.config.Client.Kind == Sarama && s.config.Timed && s.config.Trigger == CloseJoin && m.who == 0 && s.trigger.fired && (m.inSession || s.coin()) {
		s.joinTimedOut(m) // Its answer comes as the time is over that Sarama waits for one.
		return
	}
	m.gen, m.state = m.nextGen, syncing
	if s.trigger.delayed && !m.delayOver && m.who == 0 {
		m.delayOver, m.caughtUp = true, s.now
	}
	if s.config.Client.Kind == Sarama {
		s.send(m, request{syncs: true})
		return
	}
	s.syncGroup(m.who, m.id, m.gen)
}

// syncAnswered is the answer to SyncGroup.
func (s *System) syncAnswered(a answer) {
	m := &s.members[a.who]
	if m.state != syncing || m.crashed {
		return
	}
	switch a.refusal {
	case model.None:
		m.told = a.assigned
	case model.ErrRebalanceInProgress:
		m.state = away
		s.join(m)
		return
	default:
		m.id = 0
		if s.config.Client.Kind == Sarama && m.inSession {
			s.lostHeldAssignment(m)
			return
		}
		m.state = away
		s.join(m)
		return
	}
	switch s.config.Client.Kind {
	case FranzGo:
		s.sessionBegins(m)
	case Sarama:
		s.syncedSarama(m)
	case KafkaGo:
		s.generationBegins(m)
	}
}

// sendHeartbeat sends one, unless one is out.
func (s *System) sendHeartbeat(m *member) {
	if m.state != consuming || m.heartbeat {
		return
	}
	m.heartbeat, m.heartbeatOf = true, s.now
	if s.config.Timed && m.cut {
		if s.config.Client.Kind == FranzGo && s.config.Protocol != Consumer {
			s.arm(laneOf(m.who, laneTimeout), requestTimeout)
		}
	}
	s.send(m, request{heartbeat: true, commit: commit{id: m.id, gen: m.gen}})
}

// heartbeatAnswer is what the coordinator says to one.
func (s *System) heartbeatAnswer(m *member, r *request) model.Error {
	if s.config.Protocol != Consumer {
		return s.heartbeat(m.who, r.commit.id, r.commit.gen)
	}
	assigned, epoch, refusal := s.groupHeartbeat(m.who, r.commit.id, m.callback != prerevokes, m.owned)
	if refusal == model.None {
		r.commit.parts, r.commit.gen = assigned, epoch
	}
	return refusal
}

// heartbeatAnswered takes the answer to a heartbeat, and plans the next one.
func (s *System) heartbeatAnswered(m *member, is commit, refusal model.Error) {
	if !m.heartbeat || is.id != m.id {
		return
	}
	m.heartbeat = false
	if m.state != consuming {
		if m.inSession {
			s.arm(laneOf(m.who, laneHeartbeat), heartbeatEvery)
		}
		return
	}
	s.disarm(laneOf(m.who, laneTimeout))
	if !m.closing || s.config.Client.Kind == Sarama {
		next := heartbeatEvery
		if s.config.Client.Kind != FranzGo { // A ticker, and no timer.
			next = max(heartbeatEvery-s.now.Sub(m.heartbeatOf), roundTrip)
		}
		s.arm(laneOf(m.who, laneHeartbeat), next)
	}
	if s.config.Protocol == Consumer && refusal == model.None {
		m.told, m.gen = is.parts, is.gen
	}
	switch s.config.Client.Kind {
	case FranzGo:
		s.heartbeatAnsweredFranzGo(m, refusal)
	case Sarama:
		s.heartbeatAnsweredSarama(m, refusal)
	case KafkaGo:
		s.heartbeatAnsweredKafkaGo(m, refusal)
	}
}

// heartbeatMatters says whether a heartbeat would tell the member anything.
func (s *System) heartbeatMatters(m *member) bool {
	if m.heartbeat || m.state != consuming || m.crashed {
		return false
	}
	p, g := &s.group.places[m.who], &s.group
	if !s.in(m.who, m.id) {
		return !m.lostIt
	}
	if s.config.Protocol != Consumer {
		return (m.gen != g.gen || g.phase == preparing) && !s.hasHeard(m)
	}
	target := none
	for q, owner := range g.target {
		if owner == m.who {
			target |= only(q)
		}
	}
	if m.callback != noCallbackRuns {
		return false
	}
	other := &g.places[1-m.who]
	comes := target &^ p.assigned &^ (other.assigned | other.revoking)
	return p.revoking != none || p.assigned&^target != none || comes != none || p.epoch != g.gen || m.told != m.owned
}

// hasHeard says whether the member knows of the rebalance already.
func (s *System) hasHeard(m *member) bool {
	return m.callback != noCallbackRuns || m.ending || m.revoking != none
}

// requestTimedOut is a request without an answer.
func (s *System) requestTimedOut(m *member) {
	switch s.config.Client.Kind {
	case FranzGo:
		if m.state == joining {
			s.leave(m)
			return
		}
		m.heartbeat = false
		if m.callback != noCallbackRuns {
			m.lostIt = true
			return
		}
		s.lose(m)
	case KafkaGo:
		m.closed, m.state = true, left // It does not leave the group.
		if s.config.Timed {
			s.tally.closed(s.now.Sub(m.closeAt))
		}
	}
}

// reconnected lets what has waited for the network go on.
func (s *System) reconnected(m *member) {
	m.caughtUp = s.now
	s.drainWire(m)
	if m.state == joining && s.config.Client.Kind != Sarama {
		s.joinArrives(m)
	}
	if m.closed && s.config.Client.Kind == FranzGo {
		s.leaveGroup(m.who, m.id)
	}
}

// close is Close.
func (s *System) close(m *member) {
	m.closing, m.closeAt = true, s.now
	switch s.config.Client.Kind {
	case FranzGo:
		s.closeFranzGo(m)
	case Sarama:
		s.closeSarama(m)
	case KafkaGo:
		s.closeKafkaGo(m)
	}
}

// tick is autocommit's turn.
func (s *System) tick(m *member) {
	if m.closing && s.config.Client.Kind == FranzGo {
		return
	}
	s.arm(laneOf(m.who, laneTick), commitEvery)
	switch s.config.Client.Kind {
	case FranzGo:
		s.autocommit(m)
	case Sarama:
		s.autocommitSarama(m)
	case KafkaGo:
		s.autocommitKafkaGo(m)
	}
}

// tickMatters says whether autocommit would commit anything.
func (s *System) tickMatters(m *member) bool {
	if m.crashed || m.state != consuming || m.tickBusy || m.syncCommits > 0 {
		return false
	}
	joinsAgain := s.config.Client.Kind == FranzGo && s.config.Protocol != Consumer && m.callback == noCallbackRuns
	if !s.in(m.who, m.id) && !joinsAgain {
		return false // It is refused, and nothing comes of it.
	}
	if s.config.Client.Kind == KafkaGo {
		return m.stash.parts != none
	}
	_, any := s.heads(m)
	return any
}

// commitRecord is a worker's commit of its record, which it waits for.
func (s *System) commitRecord(m *member, w int) {
	k := &m.workers[w]
	k.commits = true
	k.asked = commit{id: m.id, gen: m.gen, parts: only(k.record.partition)}
	k.asked.offsets[k.record.partition] = k.record.offset + 1
	s.sendCommit(m, w)
}

// commitBatch is a worker's commit of all that it was given. What that is, franz-go
// decides at the call: a commit that waits for the end of a join still has what the
// join has taken away.
//
// Source: Client.CommitUncommittedOffsets of franz-go.
func (s *System) commitBatch(m *member, w int) {
	k := &m.workers[w]
	k.commits = true
	if s.config.Client.Kind == FranzGo {
		var any bool
		if k.asked, any = s.dirty(m); !any {
			s.commitDone(m, w)
			return
		}
	}
	s.sendCommit(m, w)
}

// sendCommit sends a worker's commit, or lets it wait for the end of a join.
func (s *System) sendCommit(m *member, w int) {
	switch s.config.Client.Kind {
	case FranzGo:
		s.sendCommitFranzGo(m, w)
	case Sarama:
		s.sendCommitSarama(m, w)
	case KafkaGo:
		s.sendCommitKafkaGo(m, w)
	}
}

// commitAnswered hands the answer to a commit to who waits for it.
func (s *System) commitAnswered(m *member, r request) {
	switch s.config.Client.Kind {
	case FranzGo:
		s.commitAnsweredFranzGo(m, r)
	case Sarama:
		s.commitAnsweredSarama(m, r)
	case KafkaGo:
		s.commitAnsweredKafkaGo(m, r)
	}
}

// mark says that a record is done.
func (s *System) mark(m *member, r record) {
	switch s.config.Client.Kind {
	case FranzGo:
		s.markFranzGo(m, r)
	case Sarama:
		s.markSarama(m, r)
	case KafkaGo:
		s.stashKafkaGo(m, r)
	}
}

// recordsArrive lets the application have what can be fetched.
func (s *System) recordsArrive(m *member) {
	switch s.config.Client.Kind {
	case FranzGo:
		s.poll(m)
	case Sarama:
		s.feedClaims(m)
	case KafkaGo:
		s.feedReader(m)
	}
}

// workerIdles is a worker without a next record.
func (s *System) workerIdles(m *member, w int) {
	if m.workers[w].busy || m.workers[w].commits {
		return
	}
	s.revoked(m)
	if s.config.Client.Kind == FranzGo && s.config.App.Workers == inLoop {
		if m.holds {
			s.allowRebalance(m)
		}
		s.poll(m)
	}
}

// stop is what comes a moment after the client has decided it.
func (s *System) stop(m *member) {
	if s.config.Client.Kind == Sarama {
		s.tellClaims(m)
	}
}

const (
	giveUpAfter    = time.Second     // of an application that waits in revoke for so long
	kafkaGoTimeout = 5 * time.Second // kafka-go, of a request, beyond the rebalance timeout
	joinBackoff    = 5 * time.Second // kafka-go, before it joins as another member
)

var _ sim.NodeWithTimers = (*System)(nil)
