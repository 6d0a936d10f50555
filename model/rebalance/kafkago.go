package rebalance

import (
	"time"

	"racelab/model"
)

// joinKafkaGo is ConsumerGroup.nextGeneration. The application is not told.
func (s *System) joinKafkaGo(m *member) {
	if m.closing {
		return
	}
	if m.expired {
		m.id, m.expired = 0, false
	}
	m.state = joining
	if s.config.Trigger == CloseJoin && s.trigger.fired && m.who == 0 {
		s.arm(laneOf(m.who, laneTimeout), rebalanceTimeout+kafkaGoTimeout)
		s.arm(laneOf(m.who, laneClose), time.Second)
	}
	if !m.cut {
		s.joinArrives(m)
	}
}

// generationBegins is Reader.subscribe, and the commit loop.
func (s *System) generationBegins(m *member) {
	if m.closing {
		s.leave(m)
		return
	}
	m.state, m.owned = consuming, m.told
	m.version++
	m.heartbeat = false
	s.arm(laneOf(m.who, laneHeartbeat), heartbeatEvery+roundTrip)
	if s.ticks() {
		s.arm(laneOf(m.who, laneTick), commitEvery)
	}
	for p := range partitions {
		m.positions[p] = -1
		if m.owned.has(p) {
			m.positions[p] = s.startAt(p)
		}
	}
	m.tickBusy = false
	s.commitsWaiting(m)
	s.feedReader(m)
}

// feedReader puts what the fetchers have into the queue of the Reader, one
// partition after the other.
func (s *System) feedReader(m *member) {
	if m.state != consuming {
		return
	}
	first := 0
	if s.config.Timed && s.config.App.Workers != pool && s.coin() {
		first = 1
	}
	for i := range partitions {
		p := (first + i) % partitions
		for ; m.positions[p] >= 0 && m.positions[p] < s.log; m.positions[p]++ {
			r := record{p, m.positions[p]}
			if s.config.App.Workers != aPartition {
				m.messages = append(m.messages, versioned{r, m.version})
				continue
			}
			if s.config.App.Commits == handedOut {
				c := commit{id: m.id, gen: m.gen, parts: only(p)}
				c.offsets[p] = r.offset + 1
				s.send(m, request{commit: c, by: byTick})
			}
			s.put(m, r)
		}
	}
	s.work(m)
}

// fetchMessage is FetchMessage: it passes over what is of an older version.
func (s *System) fetchMessage(m *member, w int) (r record, ok bool) {
	k := &m.workers[w]
	if m.closing && !m.stopped {
		m.stopped = s.config.Timed && s.coin() // Of a queue and a context that are both ready, select takes either.
	}
	if m.stopped {
		return record{}, false
	}
	n := 1
	if s.config.App.Commits == batchAfter {
		n = batchSize
	}
	for len(m.messages) > 0 && n > 0 {
		v := m.messages[0]
		m.messages = append(m.messages[:0:0], m.messages[1:]...)
		if v.version >= m.version {
			k.batch = append(k.batch, v.record)
			n--
		}
	}
	if len(k.batch) == 0 {
		return record{}, false
	}
	r, k.batch = k.batch[0], append(k.batch[:0:0], k.batch[1:]...)
	return r, true
}

// sendCommitKafkaGo is CommitMessages: it waits for a commit loop, and so for the
// next generation if there is none.
func (s *System) sendCommitKafkaGo(m *member, w int) {
	k := &m.workers[w]
	if m.closing { // Its context is cancelled: an error, and no request.
		if m.stopped = m.stopped || k.before; !k.before {
			s.commitDone(m, w)
		}
		return
	}
	if s.config.App.Interval && !k.before {
		s.stashKafkaGo(m, k.record)
		s.commitDone(m, w)
		return
	}
	if m.state != consuming || m.tickBusy {
		m.waiting = append(m.waiting, w)
		return
	}
	m.tickBusy = true
	c := commit{id: m.id, gen: m.gen, parts: only(k.record.partition)}
	if s.config.Client.CommitsAsPolled {
		c.gen = k.under
	}
	c.offsets[k.record.partition] = k.record.offset + 1
	s.send(m, request{commit: c, by: w})
}

// stashKafkaGo is CommitMessages with a CommitInterval.
func (s *System) stashKafkaGo(m *member, r record) {
	if m.closing {
		return
	}
	p := r.partition
	if !m.stash.parts.has(p) || m.stash.at[p] < r.offset+1 {
		m.stash.at[p] = r.offset + 1
	}
	m.stash.parts |= only(p)
}

// autocommitKafkaGo is a turn of commitLoopInterval.
func (s *System) autocommitKafkaGo(m *member) {
	if m.stash.parts == none || m.tickBusy || m.state != consuming {
		return
	}
	m.tickBusy = true
	s.send(m, request{commit: commit{id: m.id, gen: m.gen, parts: m.stash.parts, offsets: m.stash.at}, by: byTick})
}

func (s *System) commitAnsweredKafkaGo(m *member, r request) {
	m.tickBusy = false
	if r.by >= 0 {
		if r.refusal == model.None && len(m.waiting) > 0 {
			w := m.waiting[0]
			m.waiting = append(m.waiting[:0:0], m.waiting[1:]...)
			s.sendCommitKafkaGo(m, w)
		}
		s.commitDone(m, r.by)
		return
	}
	if r.refusal == model.None {
		for p := range partitions {
			if r.commit.parts.has(p) && m.stash.at[p] == r.commit.offsets[p] {
				m.stash.parts &^= only(p)
			}
		}
	}
}

// commitsWaiting lets the commit loop take what waits for it. It goes out when all
// members have read their offsets.
func (s *System) commitsWaiting(m *member) {
	waiting := m.waiting
	m.waiting = nil
	for _, w := range waiting {
		s.answer(answer{who: m.who, resumes: true, worker: w})
	}
}

// generationEnds commits once more what the interval has gathered, and joins when
// the fetchers have ended.
func (s *System) generationEnds(m *member, expired bool) {
	s.disarm(laneOf(m.who, laneHeartbeat))
	s.disarm(laneOf(m.who, laneTick))
	s.disarm(laneOf(m.who, laneTimeout))
	if s.config.App.Interval && !s.config.Client.LeaveKeepsMarks {
		s.autocommitKafkaGo(m)
	}
	if m.cut {
		m.stash, m.tickBusy = offsets{}, false
	}
	m.state, m.heartbeat = backingOff, false
	if expired {
		s.failUnsent(m)
	}
	m.expired = m.expired || expired
	if s.config.Client.DrainsQueue {
		m.messages = nil
	}
	if !m.cut {
		d := kafkaGoFetchers
		if expired {
			d += joinBackoff
		}
		s.arm(laneOf(m.who, laneBackoff), d)
	}
}

// failUnsent closes the connection: an error for what waits on it, and no request.
func (s *System) failUnsent(m *member) {
	unsent := m.wire
	m.wire = nil
	for _, r := range unsent {
		if r.by >= 0 && !r.heartbeat {
			s.answer(answer{who: m.who, resumes: true, fails: true, worker: r.by})
		} else if r.by == byTick {
			m.stash = offsets{}
		}
	}
}

func (s *System) heartbeatAnsweredKafkaGo(m *member, refusal model.Error) {
	if refusal != model.None {
		s.generationEnds(m, refusal != model.ErrRebalanceInProgress)
	}
}

// closeKafkaGo is Close: it waits for nobody.
func (s *System) closeKafkaGo(m *member) {
	if m.state == consuming {
		s.generationEnds(m, false)
		m.closing = true
		if s.config.Timed {
			s.arm(laneOf(m.who, laneBackoff), 60*time.Millisecond)
			return
		}
	}
	if m.state != joining { // JoinGroup cannot be cancelled.
		s.leave(m)
	}
}
