package coordinator

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// initProducerID gives a producer its id and epoch. An ongoing transaction is
// aborted first, and the client is to come again.
//
// Source: TransactionCoordinator.handleInitProducerId,
// TransactionCoordinator.prepareInitProducerIdTransit.
func (t *Transactions) initProducerID(e sim.Envelope, request *model.InitProducerIDRequest, out *sim.Outbox) {
	refuse := func(err model.Error) {
		if err == model.ErrProducerFenced && request.Version < 4 {
			err = model.ErrInvalidProducerEpoch
		}
		out.Reply(e, &model.InitProducerIDResponse{Error: err, ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch})
	}
	if request.TransactionalID == model.NoTransactionalID && (request.ProducerID == model.NoProducerID) == (request.ProducerEpoch == model.NoProducerEpoch) {
		out.Reply(e, &model.InitProducerIDResponse{Error: model.None, ProducerID: t.generateProducerID(), ProducerEpoch: 0})
		return
	}
	if err := model.Refusal(t.config.Rules, initRequestChecks, initialising{t, nil, request}); err != model.None {
		refuse(err)
		return
	}
	m := &t.metadata[request.TransactionalID]
	if !m.known {
		m.known, m.producerID, m.txnTimeout = true, t.generateProducerID(), timeoutOf(request)
	}
	if err := model.Refusal(t.config.Rules, initStateChecks, initialising{t, m, request}); err != model.None {
		refuse(err)
		return
	}
	switch m.state {
	case EmptyTransaction, CompleteCommit, CompleteAbort:
		next, err := t.prepareInitProducerID(m, request)
		if err != model.None {
			refuse(err)
			return
		}
		t.appendTransactionToLog(m, next, e, out)
	case Ongoing:
		if request.KeepPrepared {
			t.appendTransactionToLog(m, m.prepareKeep(), e, out)
			return
		}
		t.abortWithFence(m, e, out)
	default:
		panic(fmt.Sprintf("coordinator: InitProducerId of %v, which is %v", m.transactionalID, m.state))
	}
}

// initialising is an InitProducerId before the checks.
type initialising struct {
	t       *Transactions
	m       *transactionMetadata
	request *model.InitProducerIDRequest
}

// maxTimeout is the longest transaction timeout that a client may have.
//
// Source: transaction.max.timeout.ms; its default.
const maxTimeout = 15 * time.Minute

// initRequestChecks are those that do not need the transactional id's state.
//
// Source: KafkaApis.handleInitProducerIdRequest, TransactionCoordinator.handleInitProducerId.
var initRequestChecks = model.Checks[initialising]{Request: "InitProducerId, what the request says", List: []model.Check[initialising]{
	{If: "it carries a producer id without an epoch, or the other way round", Error: model.ErrInvalidRequest,
		Holds: func(i initialising) bool {
			return (i.request.ProducerID == model.NoProducerID) != (i.request.ProducerEpoch == model.NoProducerEpoch)
		}},
	{If: "the transactional id is empty", Error: model.ErrInvalidRequest,
		Holds: func(i initialising) bool { return i.request.TransactionalID == model.EmptyTransactionalID }},
	{If: "it asks to keep a prepared transaction", Until: model.KeepPrepared, Error: model.ErrUnsupportedVersion,
		Holds: func(i initialising) bool { return i.request.KeepPrepared }},
	{If: "the timeout is 0 or less, or larger than transaction.max.timeout.ms, and it is not of two-phase commit", Error: model.ErrInvalidTransactionTimeout,
		Holds: func(i initialising) bool {
			return !i.request.TwoPhase && (i.request.TransactionTimeout <= 0 || i.request.TransactionTimeout > maxTimeout)
		}},
	{If: "the broker is loading the transaction log", Error: model.ErrCoordinatorLoadInProgress,
		Holds: func(i initialising) bool { return i.t.loading }},
	{If: "the broker does not lead the transaction log", Error: model.ErrNotCoordinator,
		Holds: func(i initialising) bool { return !i.t.leads }},
}}

// initStateChecks are those that do.
//
// Source: TransactionCoordinator.prepareInitProducerIdTransit.
var initStateChecks = model.Checks[initialising]{Request: "InitProducerId, what the state says", List: []model.Check[initialising]{
	{If: "a transition is pending", Error: model.ErrConcurrentTransactions,
		Holds: func(i initialising) bool { return i.m.pendingTransitionInProgress() }},
	{If: "it carries a producer id that is neither the current one, nor the one before with its epochs used up", Error: model.ErrProducerFenced,
		Holds: func(i initialising) bool {
			return i.request.ProducerID != model.NoProducerID && !i.m.mayInitialise(i.request)
		}},
	{If: "the transaction is decided, and not complete", Error: model.ErrConcurrentTransactions,
		Holds: func(i initialising) bool { return i.m.state.decided() }},
}}

// mayInitialise says whether a client that goes on after an error still has the
// right to: it has the current producer id, or had the one before until its
// epochs were used up, and did not see the answer.
func (m *transactionMetadata) mayInitialise(request *model.InitProducerIDRequest) bool {
	return m.producerEpoch == model.NoProducerEpoch ||
		request.ProducerID == m.producerID ||
		request.ProducerID == m.prevProducerID && m.isEpochExhausted(request.ProducerEpoch)
}

func (t *Transactions) prepareInitProducerID(m *transactionMetadata, request *model.InitProducerIDRequest) (txnTransitMetadata, model.Error) {
	expected := request.ProducerEpoch != model.NoProducerEpoch
	if m.isEpochExhausted(m.producerEpoch) && (!expected || request.ProducerEpoch == m.producerEpoch) {
		return m.prepareProducerIDRotation(t.generateProducerID(), timeoutOf(request), expected), model.None
	}
	if !t.config.Rules.Has(model.Fencing) {
		next := m.unchanged(EmptyTransaction)
		next.producerEpoch = max(m.producerEpoch, 0)
		return m.prepareTransitionTo(next), model.None
	}
	return m.prepareIncrementProducerEpoch(timeoutOf(request), request.ProducerEpoch)
}

// timeoutOf is that of the client's transactions.
//
// Differs: two-phase commit needs no permission here.
func timeoutOf(request *model.InitProducerIDRequest) time.Duration {
	if request.TwoPhase {
		return noTimeout
	}
	return request.TransactionTimeout
}
