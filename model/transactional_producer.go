package model

import "fmt"

// TxnCall is a function of a transactional client's public API, by what it does.
type TxnCall uint8

const (
	InitTransactions TxnCall = iota
	BeginTxn
	Send
	CommitTxn
	AbortTxn
)

func (c TxnCall) String() string {
	return [...]string{"InitTransactions", "BeginTxn", "Send", "CommitTxn", "AbortTxn"}[c]
}

// TxnStatus is what a client says of itself, as far as all clients can say it.
//
// Source: ProducerTxnStatusFlag of Sarama, TransactionManager.State of Java.
type TxnStatus uint8

const (
	TxnUninitialized  TxnStatus = iota
	TxnInitializing             // it asks for a producer id, or for a new epoch
	TxnReady                    // a transaction may begin
	TxnInTransaction            // records may be sent
	TxnEnding                   // it commits or aborts
	TxnAbortableError           // the transaction must be aborted
	TxnFatalError               // nothing helps but a new client
)

func (s TxnStatus) String() string {
	return [...]string{"Uninitialized", "Initializing", "Ready", "InTransaction", "EndTransaction", "AbortableError", "FatalError"}[s]
}

// TxnCalled is what an application asks of its client.
type TxnCalled struct {
	Call   TxnCall
	Record Record // of Send
}

func (c *TxnCalled) Name() string { return c.Call.String() }

func (c *TxnCalled) String() string {
	if c.Call == Send {
		return fmt.Sprint(c.Record)
	}
	return ""
}

// TxnReturned is what it gets to see of that.
type TxnReturned struct {
	Call TxnCall
	// Error is Kafka's, for which the call failed.
	Error Error
	// NotAllowed says that the client's own state does not allow the call, so
	// that Kafka was not even asked.
	NotAllowed bool
	Status     TxnStatus // afterwards
	Budget     string    // that ran out, if one did: "4 x 51 tries (...)"
}

func (r *TxnReturned) Name() string { return r.Call.String() }

// OK says whether the call succeeded.
func (r *TxnReturned) OK() bool { return r.Error == None && !r.NotAllowed }

func (r *TxnReturned) String() string {
	outcome := "ok"
	switch {
	case r.NotAllowed:
		outcome = "not allowed"
	case r.Error != None:
		outcome = r.Error.String()
	}
	return outcome + ", " + r.Status.String()
}

// GaveUp is an application that knows no way on.
type GaveUp struct{}

func (*GaveUp) Name() string   { return "give up" }
func (*GaveUp) String() string { return "" }

// TxnLost is an application that goes on without a transaction that failed.
type TxnLost struct{ Error Error } // what for

func (*TxnLost) Name() string     { return "lose the transaction" }
func (l *TxnLost) String() string { return l.Error.String() }
