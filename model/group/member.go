package group

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// Protocol is how a member takes part in its group: group.protocol.
type Protocol uint8

const (
	Classic  Protocol = iota // JoinGroup, SyncGroup, Heartbeat
	Consumer                 // ConsumerGroupHeartbeat: KIP-848
)

// Committing is who commits, and which generation (member epoch) a commit
// carries.
type Committing uint8

const (
	// CommitUnstamped commits as a simple consumer does.
	//
	// Source: OffsetCommit version 0, which has no field for a member.
	CommitUnstamped Committing = iota
	// CommitAsNow carries the member id and generation that the member has when it
	// commits.
	//
	// Source: ConsumerCoordinator.sendOffsetCommitRequest (generationIfStable);
	// CommitRequestManager.OffsetCommitRequestState (the member's epoch).
	CommitAsNow
	// CommitAsPolled carries those under which the message was polled.
	//
	// Source: newConsumerGroupSession in sarama 1.43.2: each session has an offset
	// manager of its own, with the session's member id and generation.
	CommitAsPolled
	// AutoCommit leaves it to poll, which commits the positions: what it has handed
	// out, whether it is processed or not.
	//
	// Source: enable.auto.commit; ConsumerCoordinator.maybeAutoCommitOffsetsAsync.
	AutoCommit
)

// Timeouts that a member asks for.
//
// Source: ConsumerConfig: session.timeout.ms, max.poll.interval.ms.
const (
	SessionTimeout   = 45 * time.Second
	RebalanceTimeout = 5 * time.Minute
)

// MemberConfig is what an application sets.
type MemberConfig struct {
	Protocol        Protocol
	Committing      Committing
	MemberID        model.MemberID        // of a Consumer, which makes its id itself
	GroupInstanceID model.GroupInstanceID // group.instance.id
	Start           []model.Offset        // where the log of each partition starts
	Messages        int                   // in each of them
	Polls           int                   // after so many the application closes the consumer
	Joins           int                   // after so many it does not join again
	Slow            bool                  // a message takes longer than the time between two polls
	// Consume makes what the application does in each round, in place of Committing.
	// nil: it has nothing of its own.
	Consume func(Steps) sim.Program
}

// Member is a consumer in a group, and the application on top of it: one thread
// that polls a message, has it processed by a worker, keeps polling with its
// partitions paused until the worker is done (so that it stays in the group and
// takes part in rebalances), and commits.
//
// Source: KafkaConsumer.poll, ConsumerCoordinator, AbstractCoordinator; for
// Consumer, AbstractMembershipManager. The shape of the application is what the
// documentation of KafkaConsumer advises for slow processing.
// Differs: a message is in the log at each offset up to its end, and poll hands
// out one, so nothing is fetched. Heartbeats are sent by poll, one a poll, and
// not by a thread of their own: what an answer asks for waits for poll there too.
// All partitions are revoked in a rebalance of the classic protocol, and the
// application hears nothing of it. The coordinator is known and never moves, and
// the connection holds.
type Member struct {
	coordinator *sim.Conn
	config      MemberConfig `sim:"config"`

	now      model.ConsumerGroupMetadata // member id and generation (member epoch)
	joined   bool                        // has an assignment of this generation
	leads    []model.MemberID            // it assigns to these
	assigned []position                  // ascending
	record   polled                      // that the application works on
	round    int
	joins    int
	fatal    model.Error // what ended its membership for good
	own      sim.Program // a round of its own, or nil
}

// position is where a member reads on in a partition that it owns.
type position struct {
	partition model.Partition
	offset    model.Offset // NoOffset: the committed one is to be fetched
}

// polled is a message in the application's hands.
type polled struct {
	any       bool
	partition model.Partition
	offset    model.Offset
	under     model.ConsumerGroupMetadata // as whom the member polled it; of CommitAsPolled
}

// NewMember returns a consumer with its connection to the coordinator.
func NewMember(coordinator *sim.Conn, config MemberConfig) *Member {
	m := &Member{coordinator: coordinator, config: config}
	m.now.GroupInstanceID = config.GroupInstanceID
	if config.Protocol == Consumer {
		m.now.MemberID = config.MemberID
	}
	if config.Consume != nil {
		m.own = config.Consume(Steps{m})
	}
	return m
}

// Run is the application.
func (m *Member) Run(t *sim.Task) {
	t.Step(PointStart)
	for m.round = 0; m.round < m.config.Polls && m.fatal == model.None; m.round++ {
		if m.own != nil {
			m.own.Run(t)
			m.record = polled{}
			continue
		}
		m.poll(t)
		if !m.record.any {
			continue
		}
		if m.config.Slow {
			m.poll(t) // With its partitions paused.
		}
		m.process(t)
		if m.config.Committing != AutoCommit {
			m.commitSync(t)
		}
		m.record = polled{}
	}
	m.close(t)
}

// poll keeps the member in its group, and hands out the next message of the
// partitions that it owns, if there is one. While a message is worked on it hands
// out nothing.
func (m *Member) poll(t *sim.Task) {
	if m.joined {
		m.heartbeat(t)
	}
	if m.config.Committing == AutoCommit && len(m.assigned) > 0 {
		m.autoCommit(t)
	}
	m.joinGroupIfNeeded(t)
	for i := range m.assigned {
		p := &m.assigned[i]
		if m.joined && !m.record.any && p.offset < m.config.Start[p.partition]+model.Offset(m.config.Messages) {
			m.record = polled{any: true, partition: p.partition, offset: p.offset}
			if m.config.Committing == CommitAsPolled {
				m.record.under = m.now
			}
			p.offset++
		}
	}
}

// process is the worker.
func (m *Member) process(t *sim.Task) {
	t.Step(PointProcess)
	t.Call(&model.Processed{Partition: m.record.partition, Offset: m.record.offset})
}

// joinGroupIfNeeded joins the group, and again until it is in, unless the
// application has had enough.
func (m *Member) joinGroupIfNeeded(t *sim.Task) {
	for !m.joined && m.joins < m.config.Joins && m.fatal == model.None {
		m.joins++
		if m.config.Protocol == Consumer {
			m.consumerGroupHeartbeat(t)
		} else {
			m.joinGroup(t)
		}
	}
}

func (m *Member) heartbeat(t *sim.Task) {
	if m.config.Protocol == Consumer {
		m.consumerGroupHeartbeat(t)
		return
	}
	m.coordinator.Send(t, &model.HeartbeatRequest{ConsumerGroupMetadata: m.now})
	response := m.coordinator.Receive(t.At(PointAwaitHeartbeat)).(*model.HeartbeatResponse)
	m.handle(response.Error)
}

// commitSync commits the message that is processed, and tells the application
// how that went. Between two generations there is none to commit as: nothing is
// sent then (CommitFailedException).
func (m *Member) commitSync(t *sim.Task) {
	if m.config.Committing == CommitAsNow && !m.joined {
		t.Return(&model.Committed{Error: model.ErrUnknownMemberID})
		return
	}
	request := &model.OffsetCommitRequest{
		ConsumerGroupMetadata: m.stamp(),
		Partitions:            []model.PartitionOffset{{Partition: m.record.partition, Offset: m.record.offset + 1}},
	}
	m.coordinator.Send(t, request)
	response := m.coordinator.Receive(t.At(PointAwaitOffsetCommit)).(*model.OffsetCommitResponse)
	refusal := response.Partitions[0].Error
	if m.stamp() == m.now {
		m.handle(refusal) // It is about this generation, not about one that is over.
	}
	t.Return(&model.Committed{Error: refusal})
}

// stamp is as whom the member commits.
func (m *Member) stamp() model.ConsumerGroupMetadata {
	switch m.config.Committing {
	case CommitUnstamped:
		return model.ConsumerGroupMetadata{}
	case CommitAsPolled:
		return m.record.under
	default:
		return m.now
	}
}

// autoCommit commits the positions. Of a refusal the application sees nothing.
func (m *Member) autoCommit(t *sim.Task) {
	request := &model.OffsetCommitRequest{ConsumerGroupMetadata: m.now}
	for _, p := range m.assigned {
		request.Partitions = append(request.Partitions, model.PartitionOffset{Partition: p.partition, Offset: p.offset})
	}
	m.coordinator.Send(t, request)
	response := m.coordinator.Receive(t.At(PointAwaitOffsetCommit)).(*model.OffsetCommitResponse)
	m.handle(response.Partitions[0].Error)
}

// handle does what an error asks for, whatever it answers.
func (m *Member) handle(e model.Error) {
	switch e {
	case model.ErrRebalanceInProgress:
		m.joined = false // The partitions stay its own until it has joined again.
	case model.ErrIllegalGeneration, model.ErrUnknownMemberID, model.ErrFencedMemberEpoch, model.ErrStaleMemberEpoch:
		m.resetGeneration()
	case model.ErrFencedInstanceID:
		m.resetGeneration()
		m.fatal = e
	}
}

// resetGeneration gives up the membership, and all partitions with it.
func (m *Member) resetGeneration() {
	m.joined, m.assigned = false, m.assigned[:0]
	m.now.GenerationID = 0
	if m.config.Protocol == Classic {
		m.now.MemberID = 0
	}
}

// fetchCommittedOffsets finds out where to read on in the partitions that are
// new.
func (m *Member) fetchCommittedOffsets(t *sim.Task) {
	request := &model.OffsetFetchRequest{}
	if m.config.Protocol == Consumer {
		request.ConsumerGroupMetadata = m.now
	}
	for _, p := range m.assigned {
		if p.offset == model.NoOffset {
			request.Partitions = append(request.Partitions, p.partition)
		}
	}
	if len(request.Partitions) == 0 {
		return
	}
	m.coordinator.Send(t, request)
	response := m.coordinator.Receive(t.At(PointAwaitOffsetFetch)).(*model.OffsetFetchResponse)
	m.handle(response.Error)
	for _, fetched := range response.Partitions {
		for i := range m.assigned {
			if m.assigned[i].partition == fetched.Partition {
				m.assigned[i].offset = max(fetched.Offset, m.config.Start[fetched.Partition]) // auto.offset.reset=earliest
			}
		}
	}
}

// close leaves the group, and awaits no answer. A static member stays in it: it
// is about to come back.
//
// Source: AbstractCoordinator.maybeLeaveGroup.
func (m *Member) close(t *sim.Task) {
	switch {
	case m.now.GenerationID == 0 || m.now.GroupInstanceID != 0:
	case m.config.Protocol == Consumer:
		m.coordinator.Post(t, &model.ConsumerGroupHeartbeatRequest{MemberID: m.now.MemberID, MemberEpoch: model.LeaveGroupEpoch})
	default:
		m.coordinator.Post(t, &model.LeaveGroupRequest{MemberID: m.now.MemberID})
	}
	m.resetGeneration()
	m.round, m.joins = 0, 0
}

// Describe shows as whom the member goes, what it owns, and what the application
// works on.
func (m *Member) Describe(show func(name, value string)) {
	who := "nobody"
	if m.joined {
		who = m.now.String()
	}
	show("as", who)
	for p := range m.config.Start {
		at := "not owned"
		for _, a := range m.assigned {
			if int(a.partition) == p {
				at = fmt.Sprintf("at %d", a.offset)
				if a.offset == model.NoOffset {
					at = "owned"
				}
			}
		}
		show(model.Partition(p).String(), at)
	}
	work := "nothing"
	if m.record.any {
		work = fmt.Sprintf("%v %d", m.record.partition, m.record.offset)
	}
	show("works on", work)
}
