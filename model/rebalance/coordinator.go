package rebalance

import "racelab/model"

// mask is a set of partitions.
type mask uint8

const (
	none mask = 0
	all  mask = 1<<partitions - 1
)

func only(p int) mask         { return 1 << p }
func (m mask) has(p int) bool { return m&only(p) != 0 }
func (m mask) size() (n int) {
	for p := range partitions {
		if m.has(p) {
			n++
		}
	}
	return n
}

// phase is where a classic group is between two generations.
type phase uint8

const (
	empty phase = iota
	preparing
	completing
	stable
)

// coordinator is the coordinator of the group, classic or KIP-848, and its
// committed offsets. A request is served in the step that sends it.
//
// Source: as of coordinator.Group and coordinator.ConsumerGroup, which park
// requests and answer them by messages of their own.
// Differs: two members at most. A leader's assignor is chosen by the protocol, and
// runs here. A member that joins again always begins a generation. kfake keeps a
// classic member whose session is over until the others have joined; here, as in
// Kafka, it is gone at once. No measured cell depends on it.
type coordinator struct {
	phase     phase
	gen       int // generation, or group epoch
	leader    int
	lastID    int
	places    [members]place
	target    [partitions]int // KIP-848: who shall have it; -1: nobody
	committed [partitions]int
}

// place is what the coordinator knows of a member.
type place struct {
	id       int  // 0: it is none
	joining  bool // its JoinGroup is parked
	syncing  bool // its SyncGroup is parked
	claimed  mask // what it said it owned when it joined
	assigned mask
	revoking mask // KIP-848: it has been told to give them up
	epoch    int  // KIP-848
}

// startAt is where a new owner reads on: at the committed offset, or from the start.
func (s *System) startAt(p int) int { return max(s.group.committed[p], 0) }

func (s *System) in(who, id int) bool { return id != 0 && s.group.places[who].id == id }

// joinGroup parks a member's JoinGroup, or refuses it.
func (s *System) joinGroup(who, id int, claimed mask) model.Error {
	g := &s.group
	p := &g.places[who]
	if id != 0 && p.id != id {
		return model.ErrUnknownMemberID
	}
	if id == 0 {
		g.lastID++
		*p = place{id: g.lastID}
		s.members[who].id = p.id
	}
	p.joining, p.claimed = true, claimed
	s.disarm(laneSession + who)
	if g.phase == empty {
		g.leader = who
	}
	if g.phase != preparing {
		s.prepareRebalance()
		return model.None
	}
	s.completeIfAllJoined()
	return model.None
}

// prepareRebalance asks all members to join again.
func (s *System) prepareRebalance() {
	g := &s.group
	g.phase = preparing
	for who := range g.places {
		if p := &g.places[who]; p.syncing {
			p.syncing = false
			s.answer(answer{who: who, refusal: model.ErrRebalanceInProgress})
		}
	}
	s.arm(laneRebalance, rebalanceTimeout)
	s.completeIfAllJoined()
}

func (s *System) completeIfAllJoined() {
	for _, p := range s.group.places {
		if p.id != 0 && !p.joining {
			return
		}
	}
	s.completeJoin()
}

// completeJoin begins a generation with those that have joined.
func (s *System) completeJoin() {
	g := &s.group
	s.disarm(laneRebalance)
	for who := range g.places {
		if p := &g.places[who]; p.id != 0 && !p.joining {
			*p = place{}
			s.disarm(laneSession + who)
		}
	}
	g.gen++
	if g.places[0].id == 0 && g.places[1].id == 0 {
		g.phase = empty
		return
	}
	if g.places[g.leader].id == 0 {
		g.leader = 1 - g.leader
	}
	g.phase = completing
	for who := range g.places {
		p := &g.places[who]
		if !p.joining {
			continue
		}
		p.joining, p.assigned = false, none
		s.alive(who)
		s.answer(answer{who: who, joins: true, gen: g.gen})
	}
}

// syncGroup parks a member's SyncGroup until the leader's, or answers it.
func (s *System) syncGroup(who, id, gen int) {
	g := &s.group
	p := &g.places[who]
	switch {
	case !s.in(who, id):
		s.answer(answer{who: who, refusal: model.ErrUnknownMemberID})
	case gen != g.gen:
		s.answer(answer{who: who, refusal: model.ErrIllegalGeneration})
	case g.phase == preparing:
		s.answer(answer{who: who, refusal: model.ErrRebalanceInProgress})
	case g.phase == stable:
		s.answer(answer{who: who, assigned: g.places[who].assigned})
	default:
		p.syncing = true
		s.disarm(laneSession + who)
		if who != g.leader {
			return
		}
		s.assign()
		g.phase = stable
		for other := range g.places {
			if g.places[other].syncing {
				g.places[other].syncing = false
				s.alive(other)
				s.answer(answer{who: other, assigned: g.places[other].assigned})
			}
		}
	}
}

// assign is the leader's assignor: range, or one that leaves what it can.
//
// Source: RangeAssignor, CooperativeStickyAssignor.
// Differs: kafka-go ranges over members in no order, and Sarama's cooperative
// assignor gives either partition away. Runs were counted in which the record's
// partition moved, so that one moves here, too; later which one moves is a tie.
func (s *System) assign() {
	g := &s.group
	a, b := &g.places[0], &g.places[1]
	if a.id == 0 || b.id == 0 {
		for who := range g.places {
			if g.places[who].id != 0 {
				g.places[who].assigned = all
			}
		}
		return
	}
	moved := s.moves()
	if s.config.Protocol == Eager {
		b.assigned = only(moved)
		a.assigned = all &^ b.assigned
		return
	}
	a.assigned, b.assigned = a.claimed, b.claimed&^a.claimed
	switch {
	case a.claimed == all:
		a.assigned = all &^ only(moved)
	case b.claimed == all:
		b.assigned = all &^ only(moved)
	default:
		for p := range partitions {
			if (a.assigned | b.assigned).has(p) {
				continue
			}
			if a.assigned.size() <= b.assigned.size() {
				a.assigned |= only(p)
			} else {
				b.assigned |= only(p)
			}
		}
	}
}

// heartbeat answers a classic heartbeat.
func (s *System) heartbeat(who, id, gen int) model.Error {
	g := &s.group
	switch {
	case !s.in(who, id):
		return model.ErrUnknownMemberID
	case gen != g.gen:
		return model.ErrIllegalGeneration
	}
	s.alive(who)
	if g.phase == preparing {
		return model.ErrRebalanceInProgress
	}
	return model.None
}

// alive begins a member's session anew.
func (s *System) alive(who int) {
	if p := &s.group.places[who]; p.id != 0 && !p.joining && !p.syncing {
		s.arm(laneSession+who, sessionTimeout)
	}
}

// leaveGroup removes a member at its own wish.
func (s *System) leaveGroup(who, id int) {
	if s.in(who, id) {
		s.remove(who)
	}
}

// remove removes a member, and lets the others have what it had.
func (s *System) remove(who int) {
	g := &s.group
	g.places[who] = place{}
	s.disarm(laneSession + who)
	if s.config.Protocol == Consumer {
		s.retarget()
		return
	}
	if g.places[g.leader].id == 0 {
		g.leader = 1 - g.leader
	}
	switch g.phase {
	case preparing:
		s.completeIfAllJoined()
	case completing, stable:
		s.prepareRebalance()
	}
}

// offsetCommit stores offsets, or refuses them all.
func (s *System) offsetCommit(who int, c commit) model.Error {
	g := &s.group
	switch {
	case !s.in(who, c.id):
		return model.ErrUnknownMemberID
	case s.config.Protocol == Consumer:
		if refusal := s.staleEpoch(who, c); refusal != model.None {
			return refusal
		}
	case c.gen != g.gen:
		return model.ErrIllegalGeneration
	case g.phase == completing:
		return model.ErrRebalanceInProgress
	default:
		s.alive(who)
	}
	for p := range partitions {
		if c.parts.has(p) {
			if s.config.Timed {
				s.tally.commit(p, c.offsets[p], s.members[who].told.has(p))
			}
			s.observe(who, p, c.offsets[p])
			g.committed[p] = c.offsets[p]
		}
	}
	return model.None
}

// staleEpoch says whether a KIP-848 group refuses a commit for its epoch.
//
// Source: KIP-1251 and ConsumerGroup.validateOffsetCommit. kfake takes an older
// epoch for a partition that the member does not have; Kafka refuses it.
func (s *System) staleEpoch(who int, c commit) model.Error {
	p := &s.group.places[who]
	if c.gen == p.epoch || !s.config.Kafka && c.gen < p.epoch {
		return model.None
	}
	return model.ErrStaleMemberEpoch
}

// groupHeartbeat is ConsumerGroupHeartbeat: it lets a member join, go on, and
// move towards its target as far as the others let it. owns is what the member
// still has, if it says so.
func (s *System) groupHeartbeat(who, id int, says bool, owns mask) (assigned mask, epoch int, refusal model.Error) {
	g := &s.group
	p := &g.places[who]
	if id == 0 {
		g.lastID++
		*p = place{id: g.lastID}
		s.members[who].id = p.id
		s.retarget()
	} else if p.id != id {
		return none, 0, model.ErrUnknownMemberID
	}
	s.alive(who)
	if says {
		p.revoking &= owns
	}
	target := none
	for q, owner := range g.target {
		if owner == who {
			target |= only(q)
		}
	}
	if taken := p.assigned &^ target; taken != none {
		p.revoking |= taken
		p.assigned &= target
		s.arm(laneRebalance, rebalanceTimeout)
	} else if p.revoking != none && !s.config.Kafka {
		s.arm(laneRebalance, rebalanceTimeout) // kfake begins it anew at each heartbeat.
	}
	if p.revoking == none {
		p.epoch = g.gen
		other := &g.places[1-who]
		p.assigned |= target &^ (other.assigned | other.revoking)
		if g.places[1-who].revoking == none {
			s.disarm(laneRebalance)
		}
	}
	return p.assigned, p.epoch, model.None
}

// retarget begins an epoch in which the members share what there is.
func (s *System) retarget() {
	g := &s.group
	g.gen++
	switch {
	case g.places[0].id == 0 && g.places[1].id == 0:
		g.target = [partitions]int{-1, -1}
	case g.places[0].id == 0:
		g.target = [partitions]int{1, 1}
	case g.places[1].id == 0:
		g.target = [partitions]int{0, 0}
	default:
		for who := range g.places {
			if g.target == [partitions]int{who, who} {
				g.target[s.moves()] = 1 - who
			}
		}
	}
}

// rebalanceTimedOut removes those that have not joined, or have not given up what
// they were told to.
func (s *System) rebalanceTimedOut() {
	if s.config.Protocol != Consumer {
		s.completeJoin()
		return
	}
	for who := range s.group.places {
		if s.group.places[who].revoking != none {
			s.remove(who)
		}
	}
}
