package properties

import (
	"fmt"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"

	"racelab/model"
	"racelab/sim"
)

// MonotoneRegister is what a partition's committed offset should look like to
// clients: a register whose value is the greatest offset committed so far, and
// which begins as whatever the first fetch finds.
//
// A plain register, whose value is the last write, is too weak. Let A commit 11
// and B commit 12, at the same time, and let both be acknowledged before C
// fetches 11. A plain register accepts that: 12 was written first, then 11. But
// for C it is a rewind, and what was processed is consumed again. An overlap is
// just what a race of commits consists of, so a plain register accepts the race;
// and a commit without an answer overlaps with all that follow it, so it even
// accepts one that goes back at any later time. Here the order of 11 and 12 does
// not matter: with both acknowledged the value is 12, and C's 11 is refused.
//
// The convention: who commits means "all before this is processed". A commit of
// less than what is already committed is then no wish to go back but news that
// is old.
//
// Differs: Kafka promises the plain register, in which an administrator can go
// back. The claim is about clients that only ever mark forward.
func MonotoneRegister() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			var parts [][]porcupine.Operation
			for _, op := range history {
				p := int(op.Input.(access).partition)
				for p >= len(parts) {
					parts = append(parts, nil)
				}
				parts[p] = append(parts[p], op)
			}
			return slices.DeleteFunc(parts, func(part []porcupine.Operation) bool { return part == nil })
		},
		Init: func() any { return unknown },
		Step: func(state, input, output any) (bool, any) {
			value := state.(model.Offset)
			switch op := input.(access); {
			case !op.fetches:
				return true, max(value, op.offset)
			case value == unknown:
				return true, op.offset
			default:
				return op.offset == value, value
			}
		},
		DescribeOperation: func(input, output any) string { return input.(access).describe(output.(bool)) },
		DescribeState: func(state any) string {
			if state == unknown {
				return "not known"
			}
			return fmt.Sprint(state)
		},
	}
}

// access is what an operation does with the register of a partition. Its output
// is whether there was an answer.
type access struct {
	client    string
	partition model.Partition
	fetches   bool
	offset    model.Offset // committed, or fetched
}

func (a access) describe(answered bool) string {
	switch {
	case a.fetches:
		return fmt.Sprintf("%s fetches %v: %d", a.client, a.partition, a.offset)
	case answered:
		return fmt.Sprintf("%s commits %v: %d", a.client, a.partition, a.offset)
	default:
		return fmt.Sprintf("%s commits %v: %d, no answer", a.client, a.partition, a.offset)
	}
}

// CommitHistoryIsMonotone claims that the commits and fetches of all clients, as
// each of them saw its own, are those of a MonotoneRegister for each partition.
// So no fetch reads less than what was acknowledged before it began, or than
// what an earlier one read; and it reads nothing that nobody committed.
//
// A commit without an answer, because its connection broke, its client crashed
// or the run has ended, may have happened or not, at any time. One that was
// refused has not happened.
//
// Differs: REQUEST_TIMED_OUT, which no coordinator of the lab answers, leaves the
// outcome open too, and would count as refused.
//
// It is judged when a fetch is answered: a commit alone is never refused. Its
// memory is the whole history, so a search through states tells two histories
// apart that led to one state.
type CommitHistoryIsMonotone struct {
	// Clients are the tasks that commit and fetch, each on one connection.
	Clients []string `sim:"config"`
	// Process is the one that all Clients are goroutines of, if it may crash.
	Process string `sim:"config"`

	calls []call // by called, then by client
}

// call is a request of a client, and its answer.
//
// The only time there is counts from request to request that comes after an
// answer: all that matters of two calls is whether one was answered before the
// other began. So histories that differ in nothing that matters are one state.
type call struct {
	client   int // place in Clients
	fetches  bool
	offsets  []model.PartitionOffset // to commit, and not refused; of a fetch, what it read
	called   int
	returned int // or open, or lost
}

const (
	open = -1 // There is no answer yet.
	lost = -2 // There will be none.
)

// before says whether the call was answered before the other began.
func (c *call) before(other *call) bool { return c.returned >= 0 && c.returned < other.called }

func (p *CommitHistoryIsMonotone) Name() string { return "commit-history-is-monotone" }

func (p *CommitHistoryIsMonotone) Watches(o sim.Observation) bool {
	if o.Action == sim.Failed {
		return p.crashes(o)
	}
	if o.Action != sim.Sent && o.Action != sim.Received {
		return false
	}
	switch o.Message.(type) {
	case *model.OffsetCommitRequest, *model.OffsetFetchRequest, *model.OffsetCommitResponse, *model.OffsetFetchResponse:
		return true
	}
	return o.Message == sim.Cut && slices.Contains(p.Clients, o.Actor)
}

// crashes says whether the clients crash, whose calls then get no answer.
func (p *CommitHistoryIsMonotone) crashes(o sim.Observation) bool {
	return o.Message == sim.Crash && p.Process != "" && o.Actor == p.Process
}

// Observe keeps the history, and judges it when a fetch is answered.
func (p *CommitHistoryIsMonotone) Observe(o sim.Observation) (tested bool, err error) {
	switch message := o.Message.(type) {
	case *model.OffsetCommitRequest:
		p.begin(o, call{offsets: slices.Clone(message.Partitions)})
	case *model.OffsetFetchRequest:
		p.begin(o, call{fetches: true})
	case *model.OffsetCommitResponse:
		c := p.answered(o)
		c.offsets = accepted(c.offsets, message.Partitions)
	case *model.OffsetFetchResponse:
		c := p.answered(o)
		if message.Error == model.None {
			c.offsets = slices.Clone(message.Partitions)
			return p.judge(c)
		}
	default:
		if p.crashes(o) {
			p.loseAll()
			break
		}
		if c := p.awaited(o); c != nil { // The client may have asked for something else.
			c.returned = lost
		}
	}
	return false, nil
}

// now is the time of the last request.
func (p *CommitHistoryIsMonotone) now() int {
	if len(p.calls) == 0 {
		return 0
	}
	return p.calls[len(p.calls)-1].called
}

// begin notes a request.
func (p *CommitHistoryIsMonotone) begin(o sim.Observation, c call) {
	c.client, c.called, c.returned = slices.Index(p.Clients, o.Actor), p.now(), open
	if c.client < 0 {
		panic(fmt.Sprintf("properties: %s sends %s and is none of the Clients of the history", o.Actor, sim.NameOf(o.Message)))
	}
	if slices.ContainsFunc(p.calls, func(other call) bool { return other.returned == c.called }) {
		c.called++
	}
	at := len(p.calls)
	for at > 0 && p.calls[at-1].called == c.called && p.calls[at-1].client > c.client {
		at--
	}
	p.calls = slices.Insert(p.calls, at, c)
}

// awaited is the client's oldest call without an answer; nil if there is none.
func (p *CommitHistoryIsMonotone) awaited(o sim.Observation) *call {
	for i := range p.calls {
		if c := &p.calls[i]; c.returned == open && p.Clients[c.client] == o.Actor {
			return c
		}
	}
	return nil
}

// answered notes when the client's oldest call was answered.
func (p *CommitHistoryIsMonotone) answered(o sim.Observation) *call {
	c := p.awaited(o)
	if c == nil {
		panic(fmt.Sprintf("properties: %s receives %s, which it does not await in the history: do its calls go over several connections?", o.Actor, sim.NameOf(o.Message)))
	}
	c.returned = p.now()
	return c
}

// loseAll gives up every answer that is awaited.
func (p *CommitHistoryIsMonotone) loseAll() {
	for i := range p.calls {
		if c := &p.calls[i]; c.returned == open {
			c.returned = lost
		}
	}
}

// accepted lists the offsets that were not refused.
func accepted(asked []model.PartitionOffset, answers []model.PartitionError) []model.PartitionOffset {
	var stored []model.PartitionOffset
	for i, offset := range asked {
		if answers[i].Error == model.None {
			stored = append(stored, offset)
		}
	}
	return stored
}

// judge judges the history, whose last event is the answer of a fetch.
func (p *CommitHistoryIsMonotone) judge(fetch *call) (tested bool, err error) {
	for _, read := range fetch.offsets {
		known := p.known(read.Partition, fetch)
		tested = tested || known != unknown
		of := slices.DeleteFunc(p.history(), func(op porcupine.Operation) bool { return op.Input.(access).partition != read.Partition })
		if err == nil && !porcupine.CheckOperations(MonotoneRegister(), of) {
			err = &StaleFetchError{p.Clients[fetch.client], read.Partition, known, read.Offset}
		}
	}
	return tested, err
}

// known is the greatest offset of a partition that was acknowledged or read
// before a call began.
func (p *CommitHistoryIsMonotone) known(partition model.Partition, by *call) model.Offset {
	known := unknown
	for i := range p.calls {
		for _, o := range p.calls[i].offsets {
			if o.Partition == partition && p.calls[i].before(by) {
				known = max(known, o.Offset)
			}
		}
	}
	return known
}

// history is what porcupine judges: an operation for each partition of a call.
// A call without an answer overlaps with all that its client does next, so it
// passes for one of a client of its own. Of one time, all requests come before
// all answers.
func (p *CommitHistoryIsMonotone) history() []porcupine.Operation {
	var history []porcupine.Operation
	var clients []int // by porcupine's number: that of here, or one behind all of these
	for i, c := range p.calls {
		client, returned := c.client, int64(2*c.returned)+1
		if c.returned < 0 {
			client, returned = len(p.Clients)+i, math.MaxInt64
		}
		if !slices.Contains(clients, client) {
			clients = append(clients, client)
		}
		for _, o := range c.offsets {
			history = append(history, porcupine.Operation{
				ClientId: slices.Index(clients, client), Call: 2 * int64(c.called), Return: returned,
				Input: access{p.Clients[c.client], o.Partition, c.fetches, o.Offset}, Output: c.returned >= 0,
			})
		}
	}
	return history
}

// StaleFetchError is a fetch whose answer no MonotoneRegister gives.
type StaleFetchError struct {
	Client    string
	Partition model.Partition
	Known     model.Offset // the greatest acknowledged or read before; -1: none
	Read      model.Offset
}

func (e *StaleFetchError) Error() string {
	if e.Read >= e.Known {
		return fmt.Sprintf("%s read offset %d of %v, which nobody can have committed by then", e.Client, e.Read, e.Partition)
	}
	return fmt.Sprintf("%s read offset %d of %v after %d was known to be committed", e.Client, e.Read, e.Partition, e.Known)
}

// Meaning is the break as the consumer sees it.
func (e *StaleFetchError) Meaning() string {
	if e.Read >= e.Known {
		return fmt.Sprintf("%s begins at %d of %v, where no consumer has got to: messages before it may never be consumed.", e.Client, e.Read, e.Partition)
	}
	return fmt.Sprintf("The committed offset is the next to read. %s consumes %v from %d on, and what lies before %d was processed: %s of %v will be consumed twice.",
		e.Client, e.Partition, e.Read, e.Known, messages(e.Read, e.Known), e.Partition)
}
