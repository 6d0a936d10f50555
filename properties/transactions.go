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

// watches wants what tells of transactions: records on their way and in the log,
// the end asked for and granted, and what read_committed consumers get.
func (x *transactions) watches(o sim.Observation) bool {
	switch message := o.Message.(type) {
	case *model.ProduceRequest, *model.EndTxnRequest:
		return o.Action == sim.Sent
	case *model.ProduceResponse, *model.EndTxnResponse:
		return o.Action == sim.Answered
	case *model.FetchResponse:
		return o.Action == sim.Answered && message.Error == model.None && o.Request.(*model.FetchRequest).IsolationLevel == model.ReadCommitted
	}
	return false
}

// observe takes an act into account, and says whether it showed a consumer
// something.
func (x *transactions) observe(o sim.Observation) (read bool) {
	switch message := o.Message.(type) {
	case *model.ProduceRequest:
		if b := &message.Partitions[0].Batch; b.Transactional {
			x.writes(current{b.ProducerID, b.ProducerEpoch, x.of(b.Records[0])})
		}
	case *model.ProduceResponse:
		x.acknowledged(o.Request.(*model.ProduceRequest), message)
	case *model.EndTxnRequest:
		if t := x.currentOf(message); t != nil && message.Result == model.Commit {
			t.commitAsked = true
		}
	case *model.EndTxnResponse:
		request := o.Request.(*model.EndTxnRequest)
		t := x.currentOf(request)
		if t == nil || message.Error != model.None {
			return false
		}
		t.commitDone = t.commitDone || request.Result == model.Commit && t.commitAsked
		t.abortDone = t.abortDone || request.Result == model.Abort
	case *model.FetchResponse:
		return x.fetched(o.Request.(*model.FetchRequest), message)
	}
	return false
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
// transaction or nothing, over all partitions.
type TransactionsAreAtomic struct{ transactions }

// NewTransactionsAreAtomic returns the oracle, given which transaction a record
// is of.
func NewTransactionsAreAtomic(of func(model.Record) int) *TransactionsAreAtomic {
	return &TransactionsAreAtomic{transactions{of: of}}
}

func (p *TransactionsAreAtomic) Name() string { return "transactions-are-atomic" }

func (p *TransactionsAreAtomic) Watches(o sim.Observation) bool { return p.watches(o) }

// Observe judges after each fetch that passed a record of a transaction.
func (p *TransactionsAreAtomic) Observe(o sim.Observation) (tested bool, err error) {
	if !p.observe(o) {
		return false, nil
	}
	for n := range p.list {
		if t := &p.list[n]; t.read != noRecord && t.leftOut != noRecord {
			return true, fmt.Errorf("of transaction %d a read_committed consumer saw record %d and not record %d", n, t.read, t.leftOut)
		}
	}
	return true, nil
}

// ReadCommittedSeesTheOutcome claims that read_committed consumers see of a
// transaction what its application was told: nothing before it asks to commit,
// nothing that is aborted, and all that is committed.
//
// Errors: of Jepsen's names, the first two are G1a, an aborted read; the third is
// a lost write.
type ReadCommittedSeesTheOutcome struct{ transactions }

// NewReadCommittedSeesTheOutcome returns the oracle, given which transaction a
// record is of.
func NewReadCommittedSeesTheOutcome(of func(model.Record) int) *ReadCommittedSeesTheOutcome {
	return &ReadCommittedSeesTheOutcome{transactions{of: of}}
}

func (p *ReadCommittedSeesTheOutcome) Name() string { return "read-committed-sees-the-outcome" }

func (p *ReadCommittedSeesTheOutcome) Watches(o sim.Observation) bool { return p.watches(o) }

// Observe judges after each fetch that passed a record of a transaction, and
// when an outcome is told after that.
func (p *ReadCommittedSeesTheOutcome) Observe(o sim.Observation) (tested bool, err error) {
	tested = p.observe(o)
	for n := range p.list {
		switch t := &p.list[n]; {
		case t.read != noRecord && !t.commitAsked:
			return tested, fmt.Errorf("of transaction %d a read_committed consumer saw record %d before anybody asked to commit it", n, t.read)
		case t.read != noRecord && t.abortDone && !t.commitDone:
			return tested, fmt.Errorf("of transaction %d, which is aborted, a read_committed consumer saw record %d", n, t.read)
		case t.leftOut != noRecord && t.commitDone && !t.abortDone:
			return tested, fmt.Errorf("of transaction %d, which is committed, a read_committed consumer did not see record %d", n, t.leftOut)
		}
	}
	return tested, nil
}
