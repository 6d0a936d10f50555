package properties

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// transactions is what oracles remember of an application's transactions: what
// was written in each, how it was to end, and what a read_committed consumer
// has seen of it.
//
// A transaction is the application's, not the broker's: which one a record is
// of, the application knows. What the broker took it for is what is judged.
type transactions struct {
	of      func(model.Record) int // the transaction of a record, from 0
	current []current
	list    []transaction
	written []written
}

// current is the transaction that a producer has written to last. Producers of
// one transactional id have different epochs.
type current struct {
	producerID    model.ProducerID
	producerEpoch model.ProducerEpoch
	transaction   int
}

// transaction is one transaction of the application.
type transaction struct {
	commitAsked, commitDone, abortDone bool
	read, leftOut                      model.Record // one that a read_committed consumer saw, and passed by; or noRecord
}

const noRecord model.Record = -1

// written is a record that a broker has acknowledged.
type written struct {
	partition model.Partition
	offset    model.Offset
	record    model.Record
}

// follow lets judge see each act that tells of transactions, once it is taken
// into account, and whether it showed a consumer something: records on their way
// and in the log, the end asked for and granted, what read_committed consumers
// get.
func (x *transactions) follow(p *sim.Property, judge func(c *sim.Claim, read bool)) *sim.Property {
	sim.On(p, sim.Sent, func(c *sim.Claim, _ sim.Act, request *model.ProduceRequest) {
		if b := &request.Partitions[0].Batch; b.Transactional {
			x.writes(current{b.ProducerID, b.ProducerEpoch, x.of(b.Records[0])})
		}
		judge(c, false)
	})
	sim.OnReply(p, func(c *sim.Claim, _ sim.Act, request *model.ProduceRequest, response *model.ProduceResponse) {
		x.acknowledged(request, response)
		judge(c, false)
	})
	sim.On(p, sim.Sent, func(c *sim.Claim, _ sim.Act, request *model.EndTxnRequest) {
		if t := x.currentOf(request); t != nil && request.Result == model.Commit {
			t.commitAsked = true
		}
		judge(c, false)
	})
	sim.OnReply(p, func(c *sim.Claim, _ sim.Act, request *model.EndTxnRequest, response *model.EndTxnResponse) {
		if t := x.currentOf(request); t != nil && response.Error == model.None {
			t.commitDone = t.commitDone || request.Result == model.Commit && t.commitAsked
			t.abortDone = t.abortDone || request.Result == model.Abort
		}
		judge(c, false)
	})
	sim.OnReply(p, func(c *sim.Claim, _ sim.Act, request *model.FetchRequest, response *model.FetchResponse) {
		if response.Error != model.None || request.IsolationLevel != model.ReadCommitted {
			c.Skip()
			return
		}
		judge(c, x.fetched(request, response))
	})
	return p
}

// writes notes that a producer has written to a transaction.
func (x *transactions) writes(now current) {
	for i := range x.current {
		if c := &x.current[i]; c.producerID == now.producerID && c.producerEpoch == now.producerEpoch {
			*c = now
			return
		}
	}
	x.current = append(x.current, now)
}

// currentOf is the transaction that EndTxn is about, or nil if its producer has
// written nothing.
func (x *transactions) currentOf(request *model.EndTxnRequest) *transaction {
	for _, c := range x.current {
		if c.producerID == request.ProducerID && c.producerEpoch == request.ProducerEpoch {
			return x.transaction(c.transaction)
		}
	}
	return nil
}

func (x *transactions) transaction(n int) *transaction {
	for n >= len(x.list) {
		x.list = append(x.list, transaction{read: noRecord, leftOut: noRecord})
	}
	return &x.list[n]
}

func (x *transactions) acknowledged(request *model.ProduceRequest, response *model.ProduceResponse) {
	for i, outcome := range response.Partitions {
		if outcome.Error != model.None || !request.Partitions[i].Batch.Transactional {
			continue
		}
		for j, record := range request.Partitions[i].Batch.Records {
			w := written{outcome.Partition, outcome.BaseOffset + model.Offset(j), record}
			if !slices.Contains(x.written, w) { // A duplicate is acknowledged again.
				x.written = append(x.written, w)
			}
		}
	}
}

// fetched goes through the records that a consumer has got or passed by. It
// passes by what lies before the last stable offset; behind that it should get
// nothing.
func (x *transactions) fetched(request *model.FetchRequest, response *model.FetchResponse) (read bool) {
	records := response.Committed(request.FetchOffset)
	for _, w := range x.written {
		if w.partition != request.Partition || w.offset < request.FetchOffset {
			continue
		}
		if slices.Contains(records, w.record) {
			x.transaction(x.of(w.record)).read, read = w.record, true
		} else if w.offset < response.LastStableOffset {
			x.transaction(x.of(w.record)).leftOut, read = w.record, true
		}
	}
	return read
}

// TransactionsAreAtomic claims that read_committed consumers see all of a
// transaction or nothing, over all partitions. The function says which
// transaction a record is of. It judges after each fetch that passed a record of
// a transaction.
func TransactionsAreAtomic(of func(model.Record) int) *sim.Property {
	m := &transactions{of: of}
	return m.follow(sim.NewProperty("transactions-are-atomic", m), func(c *sim.Claim, read bool) {
		if !read {
			return
		}
		c.Holds()
		for n := range m.list {
			if t := &m.list[n]; t.read != noRecord && t.leftOut != noRecord {
				c.Fail(fmt.Errorf("of transaction %d a read_committed consumer saw record %d and not record %d", n, t.read, t.leftOut))
			}
		}
	})
}

// ReadCommittedSeesTheOutcome claims that a read_committed consumer sees every
// committed record, no aborted one, and none before anybody asked to commit it.
// The function says which transaction a record is of. It judges after each fetch
// that passed a record of a transaction, and when an outcome is told after that.
//
// Errors: of Jepsen's names, the first two are G1a, an aborted read; the third is
// a lost write.
func ReadCommittedSeesTheOutcome(of func(model.Record) int) *sim.Property {
	m := &transactions{of: of}
	return m.follow(sim.NewProperty("read-committed-sees-the-outcome", m), func(c *sim.Claim, read bool) {
		if read {
			c.Holds()
		}
		for n := range m.list {
			switch t := &m.list[n]; {
			case t.read != noRecord && !t.commitAsked:
				c.Fail(fmt.Errorf("of transaction %d a read_committed consumer saw record %d before anybody asked to commit it", n, t.read))
			case t.read != noRecord && t.abortDone && !t.commitDone:
				c.Fail(fmt.Errorf("of transaction %d, which is aborted, a read_committed consumer saw record %d", n, t.read))
			case t.leftOut != noRecord && t.commitDone && !t.abortDone:
				c.Fail(fmt.Errorf("of transaction %d, which is committed, a read_committed consumer did not see record %d", n, t.leftOut))
			}
		}
	})
}
