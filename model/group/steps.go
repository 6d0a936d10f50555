package group

import (
	"racelab/model"
	"racelab/sim"
)

// Steps is what a round of one's own is made of (MemberConfig.Consume). They are the
// member's calls, and wait where it does.
type Steps struct{ member *Member }

// Poll takes the next message, and gives the offset to commit once it is processed;
// 0: there is none.
func (s Steps) Poll(t *sim.Task) model.Offset {
	m := s.member
	m.record = polled{}
	m.poll(t)
	if !m.record.any {
		return 0
	}
	return m.record.offset + 1
}

// Generation is that in which the member is now (its member epoch); 0: in none.
func (s Steps) Generation() model.GenerationID { return s.member.now.GenerationID }

// Work processes the message. The member goes on polling, with its partitions
// paused, so it takes part in a rebalance meanwhile.
func (s Steps) Work(t *sim.Task) {
	if !s.member.record.any {
		panic("work() without a message: poll() comes first, and gave 0")
	}
	s.member.poll(t)
	s.member.process(t)
}

// Commit commits an offset of the message's partition as a member of a generation,
// and gives what the coordinator answers. The member id is the one that the
// generation goes with.
func (s Steps) Commit(t *sim.Task, offset model.Offset, generation model.GenerationID) model.Error {
	m := s.member
	if !m.record.any {
		panic("commit() without a message: poll() comes first, and gave 0")
	}
	as := m.now
	if generation == m.record.under.GenerationID {
		as = m.record.under
	}
	as.GenerationID = generation
	m.coordinator.Send(t, &model.OffsetCommitRequest{
		ConsumerGroupMetadata: as, Partitions: []model.PartitionOffset{{Partition: m.record.partition, Offset: offset}},
	})
	response := m.coordinator.Receive(t.At(PointAwaitOffsetCommit)).(*model.OffsetCommitResponse)
	return response.Partitions[0].Error
}

// Report tells the application how its commit went.
func (s Steps) Report(t *sim.Task, e model.Error) { t.Return(&model.Committed{Error: e}) }
