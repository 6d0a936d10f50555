package properties

import (
	"errors"
	"fmt"

	"racelab/model"
	"racelab/sim"
)

// BegunTransactionsCanWrite claims that a client which lets a transaction begin
// gets its records into it, however long the transaction before takes to
// complete: ready is ready. The error says which budget ran out.
func BegunTransactionsCanWrite() *sim.Property {
	p := sim.NewProperty("begun-transactions-can-write", nil)
	sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, r *model.TxnReturned) {
		if r.Call != model.Send {
			c.Skip()
			return
		}
		c.Assert(r.Error != model.ErrConcurrentTransactions,
			"%s could not write to a transaction that it was let begin: %v, until %s ran out", a.Actor, r.Error, r.Budget)
	})
	return p
}

// AbortAllowsBegin claims that after AbortTxn has succeeded, BeginTxn does.
func AbortAllowsBegin() *sim.Property {
	var aborted bool // by the last call
	p := sim.NewProperty("abort-allows-begin", &aborted)
	sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, r *model.TxnReturned) {
		if aborted && r.Call == model.BeginTxn {
			c.Assert(r.OK(), "AbortTxn of %s succeeded, and then BeginTxn did not: %v", a.Actor, r)
		}
		aborted = r.Call == model.AbortTxn && r.OK()
	})
	return p
}

// CommitsMakeProgress claims that an application which begins transactions and
// commits them gets each of them committed, but for one that has to fail.
func CommitsMakeProgress() *sim.Property {
	p := sim.NewProperty("commits-make-progress", nil)
	sim.On(p, sim.Any, func(c *sim.Claim, a sim.Act, _ *model.GaveUp) {
		c.Fail(errors.New(a.Actor + " gave up with transactions left to commit"))
	})
	sim.On(p, sim.Any, func(c *sim.Claim, a sim.Act, m *model.TxnLost) {
		c.Assert(m.Error != model.ErrConcurrentTransactions && m.Error != model.ErrOutOfOrderSequenceNumber,
			"%s could not commit a transaction for %v, and went on without it", a.Actor, m.Error)
	})
	sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, r *model.TxnReturned) {
		if r.Call == model.CommitTxn {
			c.Holds()
		} else {
			c.Skip()
		}
	})
	return p
}

// DelayIsNeverFatal claims that a coordinator which is merely slow does not drive
// a client into an error that only a new client gets out of. What puts the claim
// to the test is a coordinator that is not done with the transaction before. An end
// that comes for it is refused too, or for one that was never opened.
func DelayIsNeverFatal() *sim.Property {
	p := sim.NewProperty("delay-is-never-fatal", nil)
	sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, r *model.TxnReturned) {
		if r.Status == model.TxnFatalError && (r.Error == model.ErrConcurrentTransactions || r.Error == model.ErrInvalidTxnState) {
			c.Fail(&FatalForDelayError{Client: a.Actor, Call: r.Call, Refusal: r.Error})
		}
	})
	sim.On(p, sim.Answered, func(c *sim.Claim, _ sim.Act, m sim.Message) {
		if answersConcurrentTransactions(m) {
			c.Holds()
		} else {
			c.Skip()
		}
	})
	return p
}

// FatalForDelayError is a client that gave up for good because a coordinator was
// slow.
type FatalForDelayError struct {
	Client  string
	Call    model.TxnCall
	Refusal model.Error
}

func (e *FatalForDelayError) Error() string {
	return fmt.Sprintf("%s of %s ended in %v for %v", e.Call, e.Client, model.TxnFatalError, e.Refusal)
}

// Meaning is the break as the application sees it.
func (e *FatalForDelayError) Meaning() string {
	return fmt.Sprintf("The coordinator was not done with the last transaction yet, and would have been soon after. From now on the client refuses "+
		"whatever %s asks of it, and only a new client helps. The transaction itself was aborted in good order: repeat it with the new client.", e.Client)
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

// AlwaysRecoverable claims that from every state in which an application has
// given up, calling AbortTxn, BeginTxn and Send gets the client working again.
// That the transaction before is still not complete is no state that the client
// is left in, unless it has failed for good with that error.
func AlwaysRecoverable() *sim.Property {
	var gaveUp bool
	p := sim.NewProperty("always-recoverable", &gaveUp)
	sim.On(p, sim.Any, func(_ *sim.Claim, _ sim.Act, _ *model.GaveUp) { gaveUp = true })
	sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, r *model.TxnReturned) {
		if r.Call != model.BeginTxn && r.Call != model.Send {
			c.Skip()
			return
		}
		c.Assert(!gaveUp || r.OK() || r.Error == model.ErrConcurrentTransactions && r.Status != model.TxnFatalError,
			"%s gave up, and after one more AbortTxn its %v came back with: %v", a.Actor, r.Call, r)
	})
	return p
}
