package properties

import (
	"errors"
	"fmt"

	"racelab/model"
	"racelab/sim"
)

// isReturned says whether a call of a transactional client's API came back.
func isReturned(o sim.Observation) (*model.TxnReturned, bool) {
	r, ok := o.Message.(*model.TxnReturned)
	return r, ok && o.Action == sim.Returned
}

// BegunTransactionsCanWrite claims that a client which lets a transaction begin
// gets its records into it, however long the transaction before takes to
// complete: ready is ready.
type BegunTransactionsCanWrite struct{}

func (*BegunTransactionsCanWrite) Name() string { return "begun-transactions-can-write" }

func (*BegunTransactionsCanWrite) Watches(o sim.Observation) bool {
	r, ok := isReturned(o)
	return ok && r.Call == model.Send
}

// Observe judges each send. The error says which budget ran out.
func (*BegunTransactionsCanWrite) Observe(o sim.Observation) (tested bool, err error) {
	r, _ := isReturned(o)
	if r.Error == model.ErrConcurrentTransactions {
		err = fmt.Errorf("%s could not write to a transaction that it was let begin: %v, until %s ran out", o.Actor, r.Error, r.Budget)
	}
	return true, err
}

// AbortAllowsBegin claims that after AbortTxn has succeeded, BeginTxn does.
type AbortAllowsBegin struct {
	aborted bool // by the last call
}

func (*AbortAllowsBegin) Name() string { return "abort-allows-begin" }

func (*AbortAllowsBegin) Watches(o sim.Observation) bool {
	_, ok := isReturned(o)
	return ok
}

// Observe judges BeginTxn.
func (p *AbortAllowsBegin) Observe(o sim.Observation) (tested bool, err error) {
	r, _ := isReturned(o)
	if tested = p.aborted && r.Call == model.BeginTxn; tested && !r.OK() {
		err = fmt.Errorf("AbortTxn of %s succeeded, and then BeginTxn did not: %v", o.Actor, r)
	}
	p.aborted = r.Call == model.AbortTxn && r.OK()
	return tested, err
}

// CommitsMakeProgress claims that an application which begins transactions and
// commits them gets each of them committed, but for one that has to fail.
type CommitsMakeProgress struct{}

func (*CommitsMakeProgress) Name() string { return "commits-make-progress" }

func (*CommitsMakeProgress) Watches(o sim.Observation) bool {
	switch o.Message.(type) {
	case *model.GaveUp, *model.TxnLost:
		return true
	}
	r, ok := isReturned(o)
	return ok && r.Call == model.CommitTxn
}

// Observe judges when the application goes on without a transaction, or not at
// all.
func (*CommitsMakeProgress) Observe(o sim.Observation) (tested bool, err error) {
	switch m := o.Message.(type) {
	case *model.GaveUp:
		err = errors.New(o.Actor + " gave up with transactions left to commit")
	case *model.TxnLost:
		if m.Error == model.ErrConcurrentTransactions {
			err = fmt.Errorf("%s could not commit a transaction for %v, and went on without it", o.Actor, m.Error)
		}
	}
	return true, err
}

// SlownessIsNotFatal claims that a coordinator which is merely slow does not drive
// a client into an error that only a new client gets out of.
type SlownessIsNotFatal struct{}

func (*SlownessIsNotFatal) Name() string { return "slowness-is-not-fatal" }

func (*SlownessIsNotFatal) Watches(o sim.Observation) bool {
	_, ok := isReturned(o)
	return ok || o.Action == sim.Answered && answersConcurrentTransactions(o.Message)
}

// Observe judges each call; what puts the claim to the test is a coordinator that
// is not done with the transaction before.
func (*SlownessIsNotFatal) Observe(o sim.Observation) (tested bool, err error) {
	r, ok := isReturned(o)
	if ok && r.Status == model.TxnFatalError && r.Error == model.ErrConcurrentTransactions {
		err = fmt.Errorf("%s of %s ended in %v for %v", r.Call, o.Actor, r.Status, r.Error)
	}
	return !ok, err
}

func answersConcurrentTransactions(m sim.Message) bool {
	switch m := m.(type) {
	case *model.InitProducerIDResponse:
		return m.Error == model.ErrConcurrentTransactions
	case *model.AddPartitionsToTxnResponse:
		return m.Partitions[0].Error == model.ErrConcurrentTransactions
	case *model.ProduceResponse:
		return m.Partitions[0].Error == model.ErrConcurrentTransactions
	case *model.EndTxnResponse:
		return m.Error == model.ErrConcurrentTransactions
	}
	return false
}

// SomeCallLeadsOn claims that an application which has given up gets its client
// to work again by some call: at last it tries AbortTxn, BeginTxn and Send.
type SomeCallLeadsOn struct {
	gaveUp bool
}

func (*SomeCallLeadsOn) Name() string { return "some-call-leads-on" }

func (*SomeCallLeadsOn) Watches(o sim.Observation) bool {
	_, gaveUp := o.Message.(*model.GaveUp)
	r, ok := isReturned(o)
	return gaveUp || ok && (r.Call == model.BeginTxn || r.Call == model.Send)
}

// Observe judges BeginTxn and Send, the last ones of all if the application has
// given up. That the transaction before is still not complete is no state that
// the client is left in.
func (p *SomeCallLeadsOn) Observe(o sim.Observation) (tested bool, err error) {
	r, ok := isReturned(o)
	switch {
	case !ok:
		p.gaveUp = true
	case p.gaveUp && !r.OK() && r.Error != model.ErrConcurrentTransactions:
		err = fmt.Errorf("%s gave up, and after one more AbortTxn its %v came back with: %v", o.Actor, r.Call, r)
	}
	return ok, err
}
