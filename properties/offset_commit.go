package properties

import (
	"fmt"

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
type CommittedOffsetNeverRewinds struct{ committed offsets }

func (p *CommittedOffsetNeverRewinds) Name() string { return "committed-offset-never-rewinds" }

func (p *CommittedOffsetNeverRewinds) Watches(o sim.Observation) bool {
	_, commit := o.Request.(*model.OffsetCommitRequest)
	return commit && o.Action == sim.Answered
}

// Observe judges each offset that the coordinator has accepted.
func (p *CommittedOffsetNeverRewinds) Observe(o sim.Observation) (tested bool, err error) {
	request := o.Request.(*model.OffsetCommitRequest)
	response := o.Message.(*model.OffsetCommitResponse)
	for i, asked := range request.Partitions {
		if response.Partitions[i].Error != model.None {
			continue
		}
		was := p.committed.move(asked.Partition, asked.Offset)
		tested = tested || was != unknown
		if asked.Offset < was && err == nil {
			err = &RewindError{asked.Partition, was, asked.Offset}
		}
	}
	return tested, err
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
type OffsetsOnTheWireAreMonotone struct{ sent offsets }

func (p *OffsetsOnTheWireAreMonotone) Name() string { return "offsets-on-the-wire-are-monotone" }

func (p *OffsetsOnTheWireAreMonotone) Watches(o sim.Observation) bool {
	_, commit := o.Message.(*model.OffsetCommitRequest)
	return commit && o.Action == sim.Sent
}

// Observe judges each offset that is sent.
func (p *OffsetsOnTheWireAreMonotone) Observe(o sim.Observation) (tested bool, err error) {
	for _, asked := range o.Message.(*model.OffsetCommitRequest).Partitions {
		was := p.sent.move(asked.Partition, asked.Offset)
		tested = tested || was != unknown
		if asked.Offset < was && err == nil {
			err = fmt.Errorf("%s sent offset %d of %v after %d was sent", o.Actor, asked.Offset, asked.Partition, was)
		}
	}
	return tested, err
}

// CloseCommitsWhatWasProcessed claims that when Close has returned, each
// partition's committed offset is behind the last message that was processed:
// nothing is left to do again.
type CloseCommitsWhatWasProcessed struct{ processed, committed offsets }

func (p *CloseCommitsWhatWasProcessed) Name() string { return "close-commits-what-was-processed" }

func (p *CloseCommitsWhatWasProcessed) Watches(o sim.Observation) bool {
	_, commit := o.Request.(*model.OffsetCommitRequest)
	_, closed := o.Message.(*model.Closed)
	return isProcessed(o) || commit && o.Action == sim.Answered || closed && o.Action == sim.Returned
}

// Observe notes what is processed and what is committed, and judges a Close.
func (p *CloseCommitsWhatWasProcessed) Observe(o sim.Observation) (tested bool, err error) {
	switch message := o.Message.(type) {
	case *model.Processed:
		p.processed.move(message.Partition, message.Offset)
	case *model.OffsetCommitResponse:
		for i, asked := range o.Request.(*model.OffsetCommitRequest).Partitions {
			if message.Partitions[i].Error == model.None {
				p.committed.move(asked.Partition, asked.Offset)
			}
		}
	case *model.Closed:
		for i, last := range p.processed {
			committed := unknown
			if i < len(p.committed) {
				committed = p.committed[i]
			}
			if last != unknown && committed != last+1 && err == nil {
				err = fmt.Errorf("%s closed the consumer, and message %d of %v was processed and is not committed", o.Actor, last, model.Partition(i))
			}
		}
		return true, err
	}
	return false, nil
}
