package properties

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// FormerOwnerTakesNothingBack claims that only the owner of a partition moves
// its committed offset back: whoever has lost it does not.
//
// The owner is the member to whom the coordinator assigned the partition last,
// from the moment at which it says so.
type FormerOwnerTakesNothingBack struct {
	members   []string `sim:"config"`
	owner     []int    // by partition: the place in members, from 1; 0: nobody yet
	committed offsets
}

// NewFormerOwnerTakesNothingBack returns the oracle for a group of these
// members, by their tasks' names.
func NewFormerOwnerTakesNothingBack(members ...string) *FormerOwnerTakesNothingBack {
	return &FormerOwnerTakesNothingBack{members: members}
}

func (p *FormerOwnerTakesNothingBack) Name() string { return "former-owner-takes-nothing-back" }

func (p *FormerOwnerTakesNothingBack) Watches(o sim.Observation) bool {
	if o.Action != sim.Answered {
		return false
	}
	switch o.Message.(type) {
	case *model.SyncGroupResponse, *model.ConsumerGroupHeartbeatResponse, *model.OffsetCommitResponse:
		return true
	}
	return false
}

// Observe notes who gets what, and judges each offset that is accepted.
func (p *FormerOwnerTakesNothingBack) Observe(o sim.Observation) (tested bool, err error) {
	client := slices.Index(p.members, o.Peer) + 1
	switch answer := o.Message.(type) {
	case *model.SyncGroupResponse:
		p.assign(client, answer.Assignment)
	case *model.ConsumerGroupHeartbeatResponse:
		p.assign(client, answer.Assignment)
	case *model.OffsetCommitResponse:
		for i, asked := range o.Request.(*model.OffsetCommitRequest).Partitions {
			owned := p.ownerOf(asked.Partition) == client
			tested = tested || !owned
			if answer.Partitions[i].Error != model.None {
				continue
			}
			was := p.committed.move(asked.Partition, asked.Offset)
			if asked.Offset < was && !owned && err == nil {
				err = &FormerOwnerError{RewindError{asked.Partition, was, asked.Offset}, o.Peer, p.members[p.ownerOf(asked.Partition)-1]}
			}
		}
	}
	return tested, err
}

func (p *FormerOwnerTakesNothingBack) assign(to int, partitions []model.Partition) {
	for _, partition := range partitions {
		for int(partition) >= len(p.owner) {
			p.owner = append(p.owner, 0)
		}
		p.owner[partition] = to
	}
}

func (p *FormerOwnerTakesNothingBack) ownerOf(partition model.Partition) int {
	if int(partition) >= len(p.owner) {
		return 0
	}
	return p.owner[partition]
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
// that nobody has processed: whoever reads on from there would not see it.
type NoMessageIsSkipped struct{ processed }

// NewNoMessageIsSkipped returns the oracle for partitions that start at these
// offsets.
func NewNoMessageIsSkipped(start ...model.Offset) *NoMessageIsSkipped {
	return &NoMessageIsSkipped{newProcessed(start)}
}

func (p *NoMessageIsSkipped) Name() string { return "no-message-is-skipped" }

func (p *NoMessageIsSkipped) Watches(o sim.Observation) bool {
	_, commit := o.Message.(*model.OffsetCommitResponse)
	return isProcessed(o) || commit && o.Action == sim.Answered
}

// Observe judges each offset that is accepted.
func (p *NoMessageIsSkipped) Observe(o sim.Observation) (tested bool, err error) {
	if m, ok := o.Message.(*model.Processed); ok {
		p.add(m)
		return false, nil
	}
	answer := o.Message.(*model.OffsetCommitResponse)
	for i, asked := range o.Request.(*model.OffsetCommitRequest).Partitions {
		if answer.Partitions[i].Error != model.None {
			continue
		}
		tested = true
		if first := p.until(asked.Partition); asked.Offset > first && err == nil {
			err = fmt.Errorf("%s committed offset %d of %v, and nobody has processed message %d", o.Peer, asked.Offset, asked.Partition, first)
		}
	}
	return tested, err
}

// NoMessageIsProcessedTwice claims that a message is processed once. Kafka does
// not promise it: what is processed and not yet committed comes again. The oracle
// counts.
type NoMessageIsProcessedTwice struct{ processed }

// NewNoMessageIsProcessedTwice returns the oracle for partitions that start at
// these offsets.
func NewNoMessageIsProcessedTwice(start ...model.Offset) *NoMessageIsProcessedTwice {
	return &NoMessageIsProcessedTwice{newProcessed(start)}
}

func (p *NoMessageIsProcessedTwice) Name() string { return "no-message-is-processed-twice" }

func (p *NoMessageIsProcessedTwice) Watches(o sim.Observation) bool { return isProcessed(o) }

// Observe counts a message.
func (p *NoMessageIsProcessedTwice) Observe(o sim.Observation) (tested bool, err error) {
	m := o.Message.(*model.Processed)
	if times := p.add(m); times > 1 {
		err = fmt.Errorf("%s processed message %d of %v, which makes %d times", o.Actor, m.Offset, m.Partition, times)
	}
	return true, err
}

func isProcessed(o sim.Observation) bool {
	_, ok := o.Message.(*model.Processed)
	return ok && o.Action == sim.Called
}

// RefusedCommitIsReported claims that the application hears of each of its
// commits that was refused, before it goes on.
type RefusedCommitIsReported struct {
	members []string      `sim:"config"`
	refused []model.Error // by the place in members: with what, and not reported yet
}

// NewRefusedCommitIsReported returns the oracle for these members, by their
// tasks' names.
func NewRefusedCommitIsReported(members ...string) *RefusedCommitIsReported {
	return &RefusedCommitIsReported{members: members, refused: make([]model.Error, len(members))}
}

func (p *RefusedCommitIsReported) Name() string { return "refused-commit-is-reported" }

func (p *RefusedCommitIsReported) Watches(o sim.Observation) bool {
	switch o.Message.(type) {
	case *model.OffsetCommitResponse:
		return o.Action == sim.Received
	case *model.Committed:
		return o.Action == sim.Returned
	}
	return o.Action == sim.Sent || isProcessed(o)
}

// Observe sees what a member does after it was refused.
func (p *RefusedCommitIsReported) Observe(o sim.Observation) (tested bool, err error) {
	refused := &p.refused[slices.Index(p.members, o.Actor)]
	switch act := o.Message.(type) {
	case *model.OffsetCommitResponse:
		for _, partition := range act.Partitions {
			if partition.Error != model.None {
				*refused = partition.Error
			}
		}
		return *refused != model.None, nil
	case *model.Committed:
		if act.Error != *refused && *refused != model.None {
			err = fmt.Errorf("the commit of %s came back with %v, and the coordinator said %v", o.Actor, act.Error, *refused)
		}
	default:
		if *refused != model.None {
			err = fmt.Errorf("the commit of %s was refused with %v, and its application went on without being told", o.Actor, *refused)
		}
	}
	*refused = model.None
	return false, err
}
