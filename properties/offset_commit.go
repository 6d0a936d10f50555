package properties

import (
	"fmt"
	"slices"
	"time"

	"racelab/model"
	"racelab/sim"
)

// offsets is the memory of an oracle that follows one offset a partition; it
// holds unknown for a partition not seen yet.
type offsets []model.Offset

const unknown model.Offset = -1

// move notes the offset of a partition, and returns the one before.
func (o *offsets) move(p model.Partition, to model.Offset) (was model.Offset) {
	for int(p) >= len(*o) {
		*o = append(*o, unknown)
	}
	was, (*o)[p] = (*o)[p], to
	return was
}

// CommittedOffsetNeverRewinds claims that the offset which the coordinator
// holds for a partition never goes back.
//
// Kafka does not promise it: a consumer may commit what it likes. It is what an
// application expects that only ever marks forward.
func CommittedOffsetNeverRewinds() *sim.Property {
	var committed offsets
	p := sim.NewProperty("committed-offset-never-rewinds", &committed)
	sim.OnReply(p, func(c *sim.Claim, _ sim.Act, request *model.OffsetCommitRequest, response *model.OffsetCommitResponse) {
		for i, asked := range request.Partitions {
			if response.Partitions[i].Error != model.None {
				continue
			}
			switch was := committed.move(asked.Partition, asked.Offset); {
			case asked.Offset < was:
				c.Fail(&RewindError{asked.Partition, was, asked.Offset})
			case was != unknown:
				c.Holds()
			}
		}
	})
	return p
}

// RewindError is a committed offset that went back.
type RewindError struct {
	Partition model.Partition
	Was, Is   model.Offset
}

func (e *RewindError) Error() string {
	return fmt.Sprintf("committed offset of %v went back from %d to %d", e.Partition, e.Was, e.Is)
}

// Meaning is the break as the consumer sees it.
func (e *RewindError) Meaning() string {
	return fmt.Sprintf("The committed offset is the next to read. %v was processed up to %d, and a consumer that "+
		"restarts now reads on from %d: %s of %v will be consumed twice.", e.Partition, e.Was-1, e.Is, messages(e.Is, e.Was), e.Partition)
}

// messages names those from one offset up to, and without, another.
func messages(from, to model.Offset) string {
	if to-from == 1 {
		return fmt.Sprintf("message %d", from)
	}
	return fmt.Sprintf("messages %d to %d", from, to-1)
}

// OffsetsOnTheWireAreMonotone claims that the offsets which a client sends for
// a partition never go back: the order of its snapshots is the order of its
// sends.
func OffsetsOnTheWireAreMonotone() *sim.Property {
	var sent offsets
	p := sim.NewProperty("offsets-on-the-wire-are-monotone", &sent)
	sim.On(p, sim.Sent, func(c *sim.Claim, a sim.Act, request *model.OffsetCommitRequest) {
		for _, asked := range request.Partitions {
			if was := sent.move(asked.Partition, asked.Offset); was != unknown {
				c.Assert(asked.Offset >= was, "%s sent offset %d of %v after %d was sent", a.Actor, asked.Offset, asked.Partition, was)
			}
		}
	})
	return p
}

// CloseCommitsWhatWasProcessed claims that when Close has returned, each
// partition's committed offset is behind the last message that was processed:
// nothing is left to do again.
func CloseCommitsWhatWasProcessed() *sim.Property {
	var m struct{ processed, committed offsets }
	p := sim.NewProperty("close-commits-what-was-processed", &m)
	sim.On(p, sim.Called, func(_ *sim.Claim, _ sim.Act, message *model.Processed) {
		m.processed.move(message.Partition, message.Offset)
	})
	sim.OnReply(p, func(_ *sim.Claim, _ sim.Act, request *model.OffsetCommitRequest, response *model.OffsetCommitResponse) {
		for i, asked := range request.Partitions {
			if response.Partitions[i].Error == model.None {
				m.committed.move(asked.Partition, asked.Offset)
			}
		}
	})
	sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, _ *model.Closed) {
		c.Holds()
		for i, last := range m.processed {
			committed := unknown
			if i < len(m.committed) {
				committed = m.committed[i]
			}
			c.Assert(last == unknown || committed == last+1,
				"%s closed the consumer, and message %d of %v was processed and is not committed", a.Actor, last, model.Partition(i))
		}
	})
	return p
}

// CommitReturnsStored claims that when a commit has returned without an error, what its
// goroutine has processed is at the coordinator.
func CommitReturnsStored() *sim.Property {
	var m struct {
		stored  offsets
		working []working
	}
	p := sim.NewProperty("commit-returns-stored", &m)
	sim.On(p, sim.Called, func(_ *sim.Claim, a sim.Act, message *model.Processed) {
		i := slices.IndexFunc(m.working, func(w working) bool { return w.actor == a.Actor })
		if i < 0 {
			i, m.working = len(m.working), append(m.working, working{actor: a.Actor})
		}
		m.working[i].partition, m.working[i].processed = message.Partition, message.Offset
	})
	sim.OnReply(p, func(_ *sim.Claim, _ sim.Act, request *model.OffsetCommitRequest, response *model.OffsetCommitResponse) {
		for i, asked := range request.Partitions {
			if response.Partitions[i].Error == model.None {
				m.stored.move(asked.Partition, asked.Offset)
			}
		}
	})
	sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, committed *model.Committed) {
		for _, w := range m.working {
			if w.actor != a.Actor || committed.Error != model.None {
				continue
			}
			stored := unknown
			if int(w.partition) < len(m.stored) {
				stored = m.stored[w.partition]
			}
			c.Assert(stored > w.processed, "the commit of %s has returned, and message %d of %v is not committed", a.Actor, w.processed, w.partition)
		}
	})
	return p
}

// working is a goroutine that processes messages of a partition.
type working struct {
	actor     string
	partition model.Partition
	processed model.Offset
}

// PartitionGoesOn claims that no two messages of a partition that follow each other are
// processed more than so long apart. It is judged in timed worlds.
func PartitionGoesOn(partition model.Partition, limit time.Duration) *sim.Property {
	last := sim.Never
	p := sim.NewProperty("kept-partition-goes-on", &last)
	sim.On(p, sim.Called, func(c *sim.Claim, a sim.Act, message *model.Processed) {
		if message.Partition != partition || a.At == sim.Never {
			return
		}
		was := last
		if last = a.At; was != sim.Never {
			c.Assert(a.At.Sub(was) <= limit, "%v stands still for %v, and is the member's all the time", partition, a.At.Sub(was))
		}
	})
	return p
}
