package producer

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// TxnClient is a transactional client in the thread of its application. A call
// takes what it needs from its TxnAPI, and leaves there what came of it.
type TxnClient interface {
	API() *TxnAPI
	InitTransactions(t *sim.Task)
	BeginTxn(t *sim.Task)
	Send(t *sim.Task)
	CommitTxn(t *sim.Task)
	AbortTxn(t *sim.Task)
	Close(t *sim.Task)
}

// InsideEnder is a TxnClient whose application need not wait for a record before
// it ends the transaction.
type InsideEnder interface {
	TxnClient
	// EndInside hands the record over without waiting for it, and calls AbortTxn or
	// CommitTxn after a while.
	EndInside(t *sim.Task)
}

// TxnAPI is what an application and its client hand each other.
type TxnAPI struct {
	Record    model.Record // to send
	Partition model.Partition
	Inside    Inside   `sim:"config"` // how EndInside goes
	Failure   TxnError // of the call that has just returned
	Status    model.TxnStatus
}

// Inside is how an application ends a transaction while its record may still be
// on its way.
type Inside struct {
	After time.Duration // from the record to the end
	// Commit says that it commits. It aborts if not.
	Commit bool
	// Flush says that the application first gets rid of what is buffered, as
	// AbortTxn of Sarama and of Java's client does by itself. Before a commit it always
	// waits for what is buffered, as CommitTxn of those does.
	Flush bool
	// Timeout is when the context of franz-go's EndTransaction ends, from the call on.
	// 0: never. Sarama's calls take no context; Java's have max.block.ms.
	Timeout time.Duration
}

// API returns itself: a client embeds it.
func (a *TxnAPI) API() *TxnAPI { return a }

// TxnError is Go's error, or Java's exception: nil, an error of Kafka, or one
// of the client's own.
type TxnError int16

const (
	NoError TxnError = 0
	// ErrNotAllowed is ErrTransitionNotAllowed, ErrTransactionNotReady, or an
	// IllegalStateException: the client's state does not allow the call.
	ErrNotAllowed TxnError = -100
)

// Kafka is the error of Kafka, if it is one.
func (e TxnError) Kafka() model.Error {
	if e == ErrNotAllowed {
		return model.None
	}
	return model.Error(e)
}
