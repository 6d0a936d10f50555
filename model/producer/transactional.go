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

// InsideAborter is a TxnClient whose application need not wait for a record before
// it aborts.
type InsideAborter interface {
	TxnClient
	// AbortInside hands the record over without waiting for it, and calls AbortTxn
	// once the application has thought better of it.
	AbortInside(t *sim.Task)
}

// TxnAPI is what an application and its client hand each other.
type TxnAPI struct {
	Record    model.Record // to send
	Partition model.Partition
	Inside    Inside   `sim:"config"` // how AbortInside goes
	Failure   TxnError // of the call that has just returned
	Status    model.TxnStatus
}

// Inside is how an application aborts a transaction while its record may still be
// on its way.
type Inside struct {
	After time.Duration // from the record to the abort
	// Flush says that the application first gets rid of what is buffered, as
	// AbortTxn of Sarama and of Java's client does by itself.
	Flush bool
	// Timeout is when the context of franz-go's EndTransaction ends, from the call on.
	// 0: never. Sarama's and Java's calls take no context.
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
