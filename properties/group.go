package properties

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// FormerOwnerTakesNothingBack claims that only the owner of a partition moves
// its committed offset back: whoever has lost it does not. The members of the
// group are named by their tasks.
//
// The owner is the member to whom the coordinator assigned the partition last,
// from the moment at which it says so.
func FormerOwnerTakesNothingBack(members ...string) *sim.Property {
	var m struct {
		owners    owners
		committed offsets
	}
	p := sim.NewProperty("former-owner-takes-nothing-back", &m)
	client := func(a sim.Act) int { return slices.Index(members, a.Peer) + 1 }
	sim.On(p, sim.Answered, func(_ *sim.Claim, a sim.Act, answer *model.SyncGroupResponse) {
		m.owners.assign(client(a), answer.Assignment)
	})
	sim.On(p, sim.Answered, func(_ *sim.Claim, a sim.Act, answer *model.ConsumerGroupHeartbeatResponse) {
		m.owners.assign(client(a), answer.Assignment)
	})
	sim.OnReply(p, func(c *sim.Claim, a sim.Act, request *model.OffsetCommitRequest, answer *model.OffsetCommitResponse) {
		for i, asked := range request.Partitions {
			owner := m.owners.of(asked.Partition)
			if owner != client(a) {
				c.Holds()
			}
			if answer.Partitions[i].Error != model.None {
				continue
			}
			if was := m.committed.move(asked.Partition, asked.Offset); asked.Offset < was && owner != client(a) {
				c.Fail(&FormerOwnerError{RewindError{asked.Partition, was, asked.Offset}, a.Peer, members[owner-1]})
			}
		}
	})
	return p
}

// owners is by partition the place of its owner among the members, from 1; 0:
// nobody yet.
type owners []int

func (o *owners) assign(to int, partitions []model.Partition) {
	for _, partition := range partitions {
		for int(partition) >= len(*o) {
			*o = append(*o, 0)
		}
		(*o)[partition] = to
	}
}

func (o owners) of(partition model.Partition) int {
	if int(partition) >= len(o) {
		return 0
	}
	return o[partition]
}

// FormerOwnerError is a committed offset that a former owner took back.
type FormerOwnerError struct {
	RewindError
	By, Owner string
}

func (e *FormerOwnerError) Error() string {
	return fmt.Sprintf("%s took the committed offset of %v back from %d to %d, which is %s's", e.By, e.Partition, e.Was, e.Is, e.Owner)
}

// Meaning is the break as the group sees it.
func (e *FormerOwnerError) Meaning() string {
	return fmt.Sprintf("%s had lost %v, and nothing in its commit told the coordinator so. %s has processed up to %d and "+
		"does not know of it: whoever owns %v next reads on from %d.", e.By, e.Partition, e.Owner, e.Was-1, e.Partition, e.Is)
}

// processed counts how often each message was processed, from the offset at
// which a partition starts.
type processed struct {
	start []model.Offset `sim:"config"` // by partition
	count [][]int        // by partition and message
}

func newProcessed(start []model.Offset) processed {
	return processed{start: start, count: make([][]int, len(start))}
}

// add counts one more, and returns how many there are now.
func (p *processed) add(m *model.Processed) int {
	count := &p.count[m.Partition]
	at := int(m.Offset - p.start[m.Partition])
	for at >= len(*count) {
		*count = append(*count, 0)
	}
	(*count)[at]++
	return (*count)[at]
}

// until is the first offset of a partition that has not been processed.
func (p *processed) until(partition model.Partition) model.Offset {
	count := p.count[partition]
	at := slices.Index(count, 0)
	if at < 0 {
		at = len(count)
	}
	return p.start[partition] + model.Offset(at)
}

// NoMessageIsSkipped claims that the committed offset never passes a message
// that nobody has processed: whoever reads on from there would not see it. The
// partitions start at the given offsets.
func NoMessageIsSkipped(start ...model.Offset) *sim.Property {
	m := newProcessed(start)
	p := sim.NewProperty("no-message-is-skipped", &m)
	sim.On(p, sim.Called, func(_ *sim.Claim, _ sim.Act, message *model.Processed) { m.add(message) })
	sim.OnReply(p, func(c *sim.Claim, a sim.Act, request *model.OffsetCommitRequest, answer *model.OffsetCommitResponse) {
		for i, asked := range request.Partitions {
			if answer.Partitions[i].Error == model.None {
				first := m.until(asked.Partition)
				c.Assert(asked.Offset <= first, "%s committed offset %d of %v, and nobody has processed message %d", a.Peer, asked.Offset, asked.Partition, first)
			}
		}
	})
	return p
}

// NoMessageIsProcessedTwice claims that a message is processed once. Kafka does
// not promise it: what is processed and not yet committed comes again. The
// partitions start at the given offsets.
func NoMessageIsProcessedTwice(start ...model.Offset) *sim.Property {
	m := newProcessed(start)
	p := sim.NewProperty("no-message-is-processed-twice", &m)
	sim.On(p, sim.Called, func(c *sim.Claim, a sim.Act, message *model.Processed) {
		times := m.add(message)
		c.Assert(times == 1, "%s processed message %d of %v, which makes %d times", a.Actor, message.Offset, message.Partition, times)
	})
	return p
}

// RefusedCommitIsReported claims that the application hears of each of its
// commits that was refused, before it goes on. The members are named by their
// tasks.
func RefusedCommitIsReported(members ...string) *sim.Property {
	refused := make([]model.Error, len(members)) // with what, and not reported yet
	of := func(a sim.Act) *model.Error { return &refused[slices.Index(members, a.Actor)] }
	p := sim.NewProperty("refused-commit-is-reported", &refused)
	sim.On(p, sim.Received, func(c *sim.Claim, a sim.Act, answer *model.OffsetCommitResponse) {
		was := of(a)
		for _, partition := range answer.Partitions {
			if partition.Error != model.None {
				*was = partition.Error
			}
		}
		if *was != model.None {
			c.Holds()
		}
	})
	sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, committed *model.Committed) {
		was := of(a)
		if committed.Error != *was && *was != model.None {
			c.Fail(fmt.Errorf("the commit of %s came back with %v, and the coordinator said %v", a.Actor, committed.Error, *was))
		}
		*was = model.None
	})
	goesOn := func(c *sim.Claim, a sim.Act) {
		was := of(a)
		if *was != model.None {
			c.Fail(fmt.Errorf("the commit of %s was refused with %v, and its application went on without being told", a.Actor, *was))
		}
		*was = model.None
	}
	sim.On(p, sim.Called, func(c *sim.Claim, a sim.Act, _ *model.Processed) { goesOn(c, a) })
	sim.On(p, sim.Sent, func(c *sim.Claim, a sim.Act, _ sim.Message) { goesOn(c, a) })
	return p
}
