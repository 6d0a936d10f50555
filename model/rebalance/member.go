package rebalance

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// state is where a client's group loop is.
type state uint8

const (
	away       state = iota // not in the group, and not on its way
	joinWaits               // franz-go: JoinGroup waits until no commit is in flight
	joining                 // JoinGroup is out
	syncing                 // SyncGroup is out
	consuming               // in a generation
	backingOff              // it joins again later
	left
)

// record is a record of the log.
type record struct{ partition, offset int }

// offset is what a client keeps of a partition between poll and commit.
//
// Source: uncommit of franz-go (dirty, head, committed); partitionOffsetManager of
// Sarama (head is its offset, and dirty that it differs from committed).
type offset struct {
	there     bool
	dirty     int // franz-go: past what the last poll returned
	head      int // what autocommit takes
	committed int
}

// commit is an OffsetCommit.
type commit struct {
	id, gen int
	parts   mask
	offsets [partitions]int
}

// request is what waits on a connection, or its answer.
type request struct {
	commit    commit
	by        int // who waits for the answer; see byTick
	heartbeat bool
	joins     bool // Sarama: JoinGroup
	syncs     bool // Sarama: SyncGroup
	served    bool // the answer is on its way
	refusal   model.Error
}

// Who waits for the answer to a commit, other than a worker by its number.
const (
	byTick   = -1 // autocommit
	byRevoke = -2 // a callback, or the end of a session
	byClaim  = -3 // Sarama: the commit in ConsumeClaim as it ends; one a partition below it
)

// worker is a goroutine of the application that works on records.
type worker struct {
	busy    bool
	commits bool // it waits for the answer to a commit
	before  bool // that commit comes before the work
	record  record
	under   int // the generation in which it took the record
	session int // Sarama: and the session
	asked   commit
	fresh   bool // its batch has just been polled
	batch   []record
}

// member is a client and the application around it.
type member struct {
	who                               int
	started, crashed, closing, closed bool
	cut                               bool // from its network

	id, gen int  // as whom it goes; 0: nobody
	told    mask // what its last SyncGroup or heartbeat answer gave it
	owned   mask // what it consumes
	state   state
	nextGen int      // that JoinGroup has been answered with
	closeAt sim.Time // when Close was called

	positions   [partitions]int // next to fetch
	offsets     [partitions]offset
	wire        []request // waits for its turn on the connection, or for its answer
	heartbeat   bool      // one is out
	heartbeatOf sim.Time  // when it was due
	inFlight    int       // commits
	parked      []int     // workers whose commit waits for the end of a join
	tickBusy    bool      // Sarama, kafka-go: autocommit waits for an answer
	tickDue     bool      // and has another one to send

	// franz-go
	callback          callback
	runs              bool // it has begun; else it waits for AllowRebalance
	commitsInCallback bool
	syncCommits       int   // that block autocommit
	syncQueue         []int // workers whose commit waits for another one
	ticksDue          int   // autocommits that wait for the end of a join
	patience          mask  // partitions that the callback still waits a second for
	added             mask  // where to read on is to be found out
	rejoins           bool  // a rejoin is owed: after what was lost, or a commit of a stranger
	lostIt            bool  // the membership was lost while a callback was in progress
	waits             mask  // what the callback is about
	gaveUp            bool  // the application no longer waits in it
	holds             bool  // BlockRebalanceOnPoll: polled, and not allowed yet

	// Sarama
	claims    [partitions]claim
	session   int
	inSession bool
	ending    bool // the session ends
	flushing  bool // and commits its marks
	tries     int  // of that
	revoking  mask // cooperative: claims that are to end in this generation
	firstPoll sim.Time
	lastPoll  sim.Time // when the long poll ends that was out as the claims were told
	caughtUp  sim.Time // when an answer came that was late, and all behind it
	broken    bool     // its connection is: no fetch is out on it
	onGrid    sim.Time // when a request last went between two long polls

	// kafka-go
	version   int
	stash     offsets // of the interval
	waiting   []int   // workers that wait in CommitMessages
	messages  []versioned
	stopped   bool // the application's loop has ended, or waits for ever
	delayOver bool
	draining  bool // what is sent now waits behind what waits already
	together  bool // commits that have waited go at one instant, each without the other's answer
	expired   bool // its member id is of no use any more

	queue   []record             // of a loop or a pool
	queues  [maxWorkers][]record // of a worker, or of a claim
	workers [maxWorkers]worker
}

type offsets struct {
	parts mask
	at    [partitions]int
}

// versioned is a message in the queue of kafka-go's Reader.
type versioned struct {
	record
	version int
}

// start is the application's first call.
func (s *System) start(m *member) {
	if s.ticks() && s.config.Client.Kind == FranzGo {
		s.arm(laneOf(m.who, laneTick), commitEvery)
	}
	s.join(m)
}

// ticks says whether the client commits by itself.
func (s *System) ticks() bool {
	switch s.config.App.Commits {
	case eachBefore, eachAfter, batchAfter:
		return false
	default:
		return s.config.Client.Kind != KafkaGo || s.config.App.Interval
	}
}

// send sends a request on the member's connection: it is served at once, unless
// the connection is held up.
func (s *System) send(m *member, r request) {
	if m.crashed {
		return
	}
	if s.delays(m, &r) {
		return
	}
	if m.cut || m.draining || len(m.wire) > 0 {
		if s.config.Trigger == AckDelay && len(m.wire) > 0 && s.due[laneOf(m.who, laneWire)] != sim.Never {
			s.serve(m, &r) // It arrives; its answer waits behind the one that is late.
		}
		m.wire = append(m.wire, r)
		return
	}
	if d := s.longPoll(m); d > 0 {
		m.wire = append(m.wire, r)
		s.arm(laneOf(m.who, laneWire), d)
		return
	}
	if r.closesGap() {
		m.onGrid = s.now
	}
	s.serve(m, &r)
	if s.config.Client.Kind == FranzGo && r.by == byTick && !r.heartbeat || m.together {
		s.answers = append(s.answers, answer{who: m.who, commits: true, request: r}) // Nobody waits for it.
		return
	}
	s.answered(m, r)
}

// delays holds up the request, or its answer, that the trigger is about.
func (s *System) delays(m *member, r *request) bool {
	t := s.config.Trigger
	if !s.config.Timed || m.who != 0 || s.trigger.delayed || t != CommitDelay && t != AckDelay {
		return false
	}
	p := s.moves()
	if r.heartbeat || !r.commit.parts.has(p) || r.commit.offsets[p] < 4 {
		return false
	}
	s.trigger.delayed = true
	s.arm(laneOf(1, laneStart), 0)
	if t == AckDelay {
		s.serve(m, r)
	}
	m.wire = append(m.wire, *r)
	s.arm(laneOf(m.who, laneWire), 4*time.Second+5*roundTrip)
	return true
}

// serve lets the coordinator answer.
func (s *System) serve(m *member, r *request) {
	r.served = true
	switch {
	case r.joins, r.syncs:
	case r.heartbeat:
		r.refusal = s.heartbeatAnswer(m, r)
	default:
		r.refusal = s.offsetCommit(m.who, r.commit)
		if s.config.Timed {
			s.tally.refuse(r.commit.parts, r.refusal)
		}
	}
}

// answered hands an answer to who waits for it.
func (s *System) answered(m *member, r request) {
	switch {
	case r.joins:
		if s.config.Trigger == CloseJoin && s.trigger.fired && m.who == 0 && !m.closing {
			s.arm(laneOf(m.who, laneClose), time.Second)
		}
		s.joinArrives(m)
	case r.syncs:
		s.syncGroup(m.who, m.id, m.gen)
	case r.heartbeat:
		s.heartbeatAnswered(m, r.commit, r.refusal)
	default:
		s.commitAnswered(m, r)
	}
}

// drainWire lets all that waits on the connection go on, in order. What is sent
// meanwhile waits behind it.
func (s *System) drainWire(m *member) {
	m.onGrid = s.now
	if s.trigger.delayed && !m.delayOver && m.who == 0 {
		m.delayOver, m.caughtUp = true, s.now
	}
	for len(m.wire) > 0 {
		for waiting := len(m.wire); waiting > 0 && len(m.wire) > 0; waiting-- {
			r := m.wire[0]
			if !r.served {
				s.serve(m, &r)
			}
			m.wire = append(m.wire[:0:0], m.wire[1:]...)
			m.draining = true
			s.answered(m, r)
			m.draining = false
		}
		if d := s.longPoll(m); len(m.wire) > 0 && d > 0 {
			s.arm(laneOf(m.who, laneWire), d)
			return
		}
	}
}

// put adds a record to be worked on.
func (s *System) put(m *member, r record) {
	if s.config.App.Workers == aPartition || s.config.Client.Kind == Sarama {
		w := m.workerOf(r.partition)
		m.queues[w] = append(m.queues[w], r)
	} else {
		m.queue = append(m.queue, r)
	}
}

// workerCount is how many goroutines of a member work.
func (s *System) workerCount() int {
	switch {
	case s.config.App.Workers == pool, s.config.App.Workers == aPartition && s.config.Client.Kind == Sarama:
		return maxWorkers
	case s.config.App.Workers == aPartition, s.config.Client.Kind == Sarama:
		return partitions
	default:
		return 1
	}
}

// work lets idle workers take records.
func (s *System) work(m *member) {
	for w := range s.workerCount() {
		s.takeUp(m, w)
	}
}

// takeUp lets a worker begin its next record, if it is idle and there is one.
func (s *System) takeUp(m *member, w int) {
	k := &m.workers[w]
	if k.busy || k.commits || m.crashed {
		return
	}
	r, ok := s.take(m, w)
	if !ok {
		return
	}
	k.record, k.under, k.session = r, m.gen, m.session
	switch s.config.App.Commits {
	case eachBefore:
		switch {
		case s.config.Client.Kind != FranzGo:
			k.before = true
			s.commitRecord(m, w)
			return
		case k.fresh:
			k.fresh, k.before = false, true
			s.commitBatch(m, w)
			return
		}
	case marksBefore:
		s.mark(m, r)
	case handedOut:
		if s.config.Client.Kind == KafkaGo && s.config.App.Workers == inLoop {
			k.before = true
			s.commitRecord(m, w)
			return
		}
	}
	s.begin(m, w)
}

func (s *System) begin(m *member, w int) {
	k := &m.workers[w]
	k.busy = true
	s.arm(laneOf(m.who, laneWork+w), s.begins(m, k.record))
}

// take is the next record of a worker.
func (s *System) take(m *member, w int) (r record, ok bool) {
	k := &m.workers[w]
	if len(k.batch) > 0 {
		r, k.batch = k.batch[0], k.batch[1:]
		return r, true
	}
	from := &m.queue
	switch {
	case s.config.Client.Kind == Sarama && !s.mayTake(m, w):
		return record{}, false
	case s.config.App.Workers == pool && s.config.Client.Kind == Sarama:
		a, b := &m.queues[m.workerOf(0)], &m.queues[m.workerOf(1)]
		if from = a; len(*b) > len(*a) {
			from = b
		}
	case s.config.App.Workers == aPartition, s.config.Client.Kind == Sarama:
		from = &m.queues[w]
	case s.config.Client.Kind == KafkaGo:
		return s.fetchMessage(m, w)
	}
	if len(*from) == 0 {
		return record{}, false
	}
	n := 1
	if c := s.config.App.Commits; c == batchAfter || c == eachBefore && s.config.Client.Kind == FranzGo {
		n, k.fresh = len(*from), true
		if s.config.Client.Kind != FranzGo {
			n = min(n, batchSize)
		}
	}
	k.batch = append(k.batch, (*from)[:n]...)
	*from = append((*from)[:0:0], (*from)[n:]...)
	r, k.batch = k.batch[0], k.batch[1:]
	return r, true
}

const batchSize = 4

// ends is the end of a worker's record.
func (s *System) ends(m *member, w int) {
	k := &m.workers[w]
	k.busy = false
	if s.config.Timed {
		s.tally.ended(k.record)
	}
	s.facts.ended(k.record)
	switch s.config.App.Commits {
	case eachAfter:
		s.commitRecord(m, w)
	case marks:
		s.mark(m, k.record)
	case batchAfter:
		if len(k.batch) == 0 {
			s.commitBatch(m, w)
		}
	}
	s.goOn(m, w)
}

// goOn is a worker that is through with its record.
func (s *System) goOn(m *member, w int) {
	if m.crashed || m.workers[w].commits {
		return
	}
	if s.config.App.Revoke == failsRest {
		s.failRest(m, m.workers[w].record.partition)
	}
	s.takeUp(m, w)
	s.workerIdles(m, w)
}

// commitDone is the answer to a worker's commit.
func (s *System) commitDone(m *member, w int) {
	k := &m.workers[w]
	k.commits = false
	if k.before {
		k.before = false
		s.begin(m, w)
		return
	}
	s.goOn(m, w)
}

// idle says whether nothing is left to do for a partition.
func (s *System) idle(m *member, parts mask, queueToo bool) bool {
	for p := range partitions {
		if !parts.has(p) {
			continue
		}
		w := m.workerOf(p)
		if queueToo && len(m.queues[w]) > 0 {
			return false
		}
		if k := m.workers[w]; k.busy || k.commits {
			return false
		}
	}
	return true
}

func (m *member) drop(parts mask) {
	for p := range partitions {
		if parts.has(p) {
			m.queues[m.workerOf(p)] = nil
		}
	}
}

// workerOf is the worker of a partition. In Sarama each ConsumeClaim has its own,
// and the one before may still be at work.
func (m *member) workerOf(p int) int { return p + m.claims[p].workers }

// failRest marks and drops what is queued of a partition whose context has been
// cancelled.
func (s *System) failRest(m *member, p int) {
	if m.callback == noCallbackRuns || !m.waits.has(p) {
		return
	}
	for _, r := range m.queues[p] {
		s.mark(m, r)
	}
	m.queues[p] = nil
}

// start of a member's report.
func (m *member) describe(name string, show func(name, value string)) {
	who := "nobody"
	if m.state == consuming {
		who = fmt.Sprintf("@%d owns %v", m.gen, m.owned)
	}
	if m.crashed {
		who = "crashed"
	}
	if m.closed {
		who = "closed"
	}
	show(name, who)
	for w := range m.workers {
		k := &m.workers[w]
		value := ""
		if k.busy {
			value = fmt.Sprintf("works on %v", k.record)
		} else if k.commits {
			value = fmt.Sprintf("commits %v", k.record)
		}
		show(fmt.Sprintf("%s.work%d", name, w), value)
	}
}

func (r record) String() string { return fmt.Sprintf("P%d %d", r.partition, r.offset) }

func (m mask) String() string {
	text := ""
	for p := range partitions {
		if m.has(p) {
			text += fmt.Sprintf(" P%d", p)
		}
	}
	if text == "" {
		return "nothing"
	}
	return text[1:]
}
