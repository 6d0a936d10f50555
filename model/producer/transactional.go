package producer

import (
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

// TxnAPI is what an application and its client hand each other.
type TxnAPI struct {
	Record    model.Record // to send
	Partition model.Partition
	Failure   TxnError // of the call that has just returned
	Status    model.TxnStatus
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
