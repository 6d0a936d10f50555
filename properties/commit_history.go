package properties

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"

	"racelab/model"
	"racelab/sim"
	"racelab/sim/trace"
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

// CommitHistory is the commits and fetches of some clients, as each of them saw
// its own.
type CommitHistory struct {
	// Clients are the tasks that commit and fetch, each on one connection.
	Clients []string `sim:"config"`
	// Process is the one that all Clients are goroutines of, if it may crash.
	Process string `sim:"config"`
	// Whole keeps what can no longer matter, for a picture.
	Whole bool `sim:"config"`

	calls []call // by called, then by client
}

// CommitHistoryIsMonotone claims that the history is that of a MonotoneRegister
// for each partition. So no fetch reads less than what was acknowledged before it
// began, or than what an earlier one read; and it reads nothing that nobody
// committed.
//
// A commit without an answer, because its connection broke, its client crashed
// or the run has ended, may have happened or not, at any time. One that was
// refused has not happened.
//
// Differs: REQUEST_TIMED_OUT, which no coordinator of the lab answers, leaves the
// outcome open too, and would count as refused.
//
// It is judged when a fetch is answered: a commit alone is never refused. While one fetch at
// most is on its way it forgets what neither that nor a later one can tell.
func CommitHistoryIsMonotone(h *CommitHistory) *sim.Property {
	p := sim.NewProperty("commit-history-is-monotone", h)
	sim.On(p, sim.Sent, func(_ *sim.Claim, a sim.Act, request *model.OffsetCommitRequest) {
		h.begin(a, call{offsets: slices.Clone(request.Partitions)})
		h.forget()
	})
	sim.On(p, sim.Sent, func(_ *sim.Claim, a sim.Act, _ *model.OffsetFetchRequest) {
		h.begin(a, call{fetches: true})
		h.forget()
	})
	sim.On(p, sim.Received, func(_ *sim.Claim, a sim.Act, response *model.OffsetCommitResponse) {
		c := h.answered(a)
		c.offsets = accepted(c.offsets, response.Partitions)
		h.forget()
	})
	sim.On(p, sim.Received, func(c *sim.Claim, a sim.Act, response *model.OffsetFetchResponse) {
		fetch := h.answered(a)
		if response.Error == model.None {
			fetch.offsets = slices.Clone(response.Partitions)
			h.judge(c, fetch)
		}
		h.forget()
	})
	sim.On(p, sim.Received|sim.Failed, func(c *sim.Claim, a sim.Act, fault sim.Fault) {
		switch {
		case a.Action == sim.Failed && fault == sim.Crash && h.Process != "" && a.Actor == h.Process:
			h.loseAll()
			h.forget()
		case a.Action == sim.Received && fault == sim.ErrBroken && slices.Contains(h.Clients, a.Actor):
			if lostCall := h.awaited(a); lostCall != nil { // The client may have asked for something else.
				lostCall.returned = lost
			}
			h.forget()
		default:
			c.Skip()
		}
	})
	return p
}

// CommitHistoryOf is the history of a run, whose clients come in the order of
// their first request.
func CommitHistoryOf(trace *trace.Trace) *CommitHistory {
	h := &CommitHistory{Whole: true}
	p := CommitHistoryIsMonotone(h)
	for _, step := range trace.Steps {
		for _, act := range step.Acts {
			switch act.Message.(type) {
			case *model.OffsetCommitRequest, *model.OffsetFetchRequest:
				if act.Action == sim.Sent && !slices.Contains(h.Clients, act.Actor) {
					h.Clients = append(h.Clients, act.Actor)
				}
			}
			_, _, _ = p.Judge(act) // What it says of the run stands in the report.
		}
	}
	return h
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

// now is the time of the last request.
func (h *CommitHistory) now() int {
	if len(h.calls) == 0 {
		return 0
	}
	return h.calls[len(h.calls)-1].called
}

// begin notes a request.
func (h *CommitHistory) begin(a sim.Act, c call) {
	c.client, c.called, c.returned = slices.Index(h.Clients, a.Actor), h.now(), open
	if c.client < 0 {
		panic(fmt.Sprintf("properties: %s sends %s and is none of the Clients of the history", a.Actor, sim.NameOf(a.Message)))
	}
	if slices.ContainsFunc(h.calls, func(other call) bool { return other.returned == c.called }) {
		c.called++
	}
	at := len(h.calls)
	for at > 0 && h.calls[at-1].called == c.called && h.calls[at-1].client > c.client {
		at--
	}
	h.calls = slices.Insert(h.calls, at, c)
}

// awaited is the client's oldest call without an answer; nil if there is none.
func (h *CommitHistory) awaited(a sim.Act) *call {
	for i := range h.calls {
		if c := &h.calls[i]; c.returned == open && h.Clients[c.client] == a.Actor {
			return c
		}
	}
	return nil
}

// answered notes when the client's oldest call was answered.
func (h *CommitHistory) answered(a sim.Act) *call {
	c := h.awaited(a)
	if c == nil {
		panic(fmt.Sprintf("properties: %s receives %s, which it does not await in the history: do its calls go over several connections?", a.Actor, sim.NameOf(a.Message)))
	}
	c.returned = h.now()
	return c
}

// loseAll gives up every answer that is awaited.
func (h *CommitHistory) loseAll() {
	for i := range h.calls {
		if c := &h.calls[i]; c.returned == open {
			c.returned = lost
		}
	}
}

// accepted lists the offsets that were not refused.
func accepted(asked []model.PartitionOffset, answers []model.PartitionError) []model.PartitionOffset {
	return slices.DeleteFunc(asked, func(o model.PartitionOffset) bool {
		return !slices.Contains(answers, model.PartitionError{Partition: o.Partition})
	})
}

// forget keeps, while one fetch at most is on its way, what that and a later one can tell,
// and of each call only whether it was answered before the fetch began, or may be. Before
// it: of each partition the greatest offset that is known. During it: the offsets that were
// acknowledged, those that got lost, and those that have still to be answered. None that
// was committed when a greater one was known can be read any more.
func (h *CommitHistory) forget() {
	if h.Whole {
		return
	}
	fetch := call{called: math.MaxInt, returned: lost}
	for _, c := range h.calls {
		switch {
		case !c.fetches || c.returned != open:
		case fetch.returned == open:
			return
		default:
			fetch = c
		}
	}
	var known, during, gone []model.PartitionOffset
	for _, c := range h.calls {
		if c.before(&fetch) {
			known = append(known, c.offsets...)
		} else if c.returned >= 0 && c.fetches && c.offsets != nil {
			return
		}
	}
	var kept []call
	for _, c := range h.calls {
		isDead := func(o model.PartitionOffset) bool {
			covers := func(k model.PartitionOffset) bool { return k.Partition == o.Partition && k.Offset >= o.Offset }
			return slices.ContainsFunc(known, covers) ||
				slices.ContainsFunc(h.calls, func(k call) bool { return k.before(&c) && slices.ContainsFunc(k.offsets, covers) })
		}
		switch {
		case c.before(&fetch):
			continue
		case !c.fetches:
			c.offsets = slices.DeleteFunc(c.offsets, isDead)
		}
		switch {
		case c.returned >= 0:
			during = append(during, c.offsets...)
		case c.returned == lost:
			gone = append(gone, c.offsets...)
		default:
			kept = append(kept, c)
		}
	}
	isRead := func(o model.PartitionOffset) bool { return slices.Contains(during, o) }
	gone = slices.DeleteFunc(gone, isRead)
	for i := range kept {
		c := &kept[i]
		if c.called = 0; c.fetches {
			c.called = 1
		} else {
			c.offsets = slices.DeleteFunc(c.offsets, isRead)
		}
	}
	slices.SortStableFunc(kept, func(a, b call) int { return cmp.Or(cmp.Compare(a.called, b.called), cmp.Compare(a.client, b.client)) })
	first := []call{{offsets: greatest(known)}, {offsets: ordered(during), returned: 1}, {offsets: ordered(gone), returned: lost}}
	h.calls = slices.Concat(slices.DeleteFunc(first, func(c call) bool { return c.offsets == nil }), kept)
}

// greatest is the greatest offset of each partition, by partition; nil if there are none.
func greatest(offsets []model.PartitionOffset) []model.PartitionOffset {
	offsets = ordered(offsets)
	var last []model.PartitionOffset
	for i, o := range offsets {
		if i == len(offsets)-1 || offsets[i+1].Partition != o.Partition {
			last = append(last, o)
		}
	}
	return last
}

// ordered lists offsets by partition, each once; nil if there are none.
func ordered(offsets []model.PartitionOffset) []model.PartitionOffset {
	slices.SortFunc(offsets, func(a, b model.PartitionOffset) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	if offsets = slices.Compact(offsets); len(offsets) == 0 {
		return nil
	}
	return offsets
}

// judge judges the history, whose last event is the answer of a fetch.
func (h *CommitHistory) judge(c *sim.Claim, fetch *call) {
	for _, read := range fetch.offsets {
		known := h.known(read.Partition, fetch)
		if known != unknown {
			c.Holds()
		}
		of := slices.DeleteFunc(h.history(), func(op porcupine.Operation) bool { return op.Input.(access).partition != read.Partition })
		if !porcupine.CheckOperations(MonotoneRegister(), of) {
			c.Fail(&StaleFetchError{h.Clients[fetch.client], read.Partition, known, read.Offset})
		}
	}
}

// known is the greatest offset of a partition that was acknowledged or read
// before a call began.
func (h *CommitHistory) known(partition model.Partition, by *call) model.Offset {
	known := unknown
	for i := range h.calls {
		for _, o := range h.calls[i].offsets {
			if o.Partition == partition && h.calls[i].before(by) {
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
func (h *CommitHistory) history() []porcupine.Operation {
	var history []porcupine.Operation
	var clients []int // by porcupine's number: that of here, or one behind all of these
	for i, c := range h.calls {
		client, returned := c.client, int64(2*c.returned)+1
		if c.returned < 0 {
			client, returned = len(h.Clients)+i, math.MaxInt64
		}
		if !slices.Contains(clients, client) {
			clients = append(clients, client)
		}
		for _, o := range c.offsets {
			history = append(history, porcupine.Operation{
				ClientId: slices.Index(clients, client), Call: 2 * int64(c.called), Return: returned,
				Input: access{h.Clients[c.client], o.Partition, c.fetches, o.Offset}, Output: c.returned >= 0,
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
