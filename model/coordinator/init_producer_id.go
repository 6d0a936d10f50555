package coordinator

import (
	"fmt"

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
	if (request.ProducerID == model.NoProducerID) != (request.ProducerEpoch == model.NoProducerEpoch) {
		refuse(model.ErrInvalidRequest)
		return
	}
	if request.TransactionalID == model.NoTransactionalID {
		out.Reply(e, &model.InitProducerIDResponse{Error: model.None, ProducerID: t.generateProducerID(), ProducerEpoch: 0})
		return
	}
	if request.TransactionalID == model.EmptyTransactionalID {
		refuse(model.ErrInvalidRequest)
		return
	}
	if request.TransactionTimeout <= 0 || request.TransactionTimeout > t.config.MaxTimeout {
		refuse(model.ErrInvalidTransactionTimeout)
		return
	}
	m := &t.metadata[request.TransactionalID]
	if !m.known {
		m.known, m.producerID, m.txnTimeout = true, t.generateProducerID(), request.TransactionTimeout
	}
	if m.pendingTransitionInProgress() {
		refuse(model.ErrConcurrentTransactions)
		return
	}
	if request.ProducerID != model.NoProducerID && !m.mayInitialise(request) {
		refuse(model.ErrProducerFenced)
		return
	}
	switch m.state {
	case PrepareCommit, PrepareAbort:
		refuse(model.ErrConcurrentTransactions)
	case EmptyTransaction, CompleteCommit, CompleteAbort:
		next, err := t.prepareInitProducerID(m, request)
		if err != model.None {
			refuse(err)
			return
		}
		t.appendTransactionToLog(m, next, e, out)
	case Ongoing:
		t.abortWithFence(m, e, out)
	default:
		panic(fmt.Sprintf("coordinator: InitProducerId of %v, which is %v", m.transactionalID, m.state))
	}
}

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
		return m.prepareProducerIDRotation(t.generateProducerID(), request.TransactionTimeout, expected), model.None
	}
	return m.prepareIncrementProducerEpoch(request.TransactionTimeout, request.ProducerEpoch)
}
