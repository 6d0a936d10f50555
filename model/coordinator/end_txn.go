package coordinator

import (
	"fmt"

	"racelab/model"
	"racelab/sim"
)

// ending is a wish to end a transaction: of a client, by EndTxn, or of the
// coordinator, which fences and aborts.
type ending struct {
	producerID    model.ProducerID
	producerEpoch model.ProducerEpoch
	result        model.TransactionResult
	fromClient    bool
	version       model.TransactionVersion
}

// verdict is what comes of the wish.
type verdict uint8

const (
	refused     verdict = iota // for the error that comes with it
	alreadyDone                // the request is a second try; NONE
	decides                    // the transaction ends; under TV2 an abort may end one without partitions
)

// endTxn decides a transaction.
//
// Source: TransactionCoordinator.handleEndTransaction.
func (t *Transactions) endTxn(e sim.Envelope, request *model.EndTxnRequest, out *sim.Outbox) {
	m, err := t.transaction(request.TransactionalID)
	if err != model.None {
		replyToEnd(e, err, txnTransitMetadata{}, out)
		return
	}
	t.endTransaction(m, ending{request.ProducerID, request.ProducerEpoch, request.Result, true, request.TransactionVersion()}, e, out)
}

// endTransaction decides the transaction, if the wish is granted.
//
// Source: TransactionCoordinator.endTransaction.
func (t *Transactions) endTransaction(m *transactionMetadata, end ending, e sim.Envelope, out *sim.Outbox) {
	judge := m.judgeEndTV1
	if end.version.SupportsEpochBump() {
		judge = m.judgeEndTV2
	}
	switch verdict, err := judge(end); verdict {
	case refused:
		replyToEnd(e, err, txnTransitMetadata{}, out)
	case alreadyDone:
		replyToEnd(e, model.None, m.txnTransitMetadata, out)
	case decides:
		t.appendTransactionToLog(m, t.prepareEnd(m, end), e, out)
	}
}

// prepareEnd is the transition to the decision. A fence under TV1 takes its
// epoch here; under TV2 the epoch that ends each transaction is enough. Whatever
// uses up the epochs, a fence too, gets a new producer id: else a late EndTxn is
// taken for a second try, is told the last epoch, and begins with it what nobody
// can end.
//
// Source: TransactionCoordinator.generateTxnTransitMetadataForTxnCompletion;
// KAFKA-19367, KAFKA-20090.
func (t *Transactions) prepareEnd(m *transactionMetadata, end ending) txnTransitMetadata {
	state := PrepareAbort
	if end.result == model.Commit {
		state = PrepareCommit
	}
	fence := m.pendingState == PrepareEpochFence
	nextProducerID := model.NoProducerID
	if end.version.SupportsEpochBump() && m.isEpochExhausted(m.producerEpoch) {
		nextProducerID = t.generateProducerID()
	}
	if fence {
		m.pendingState = none
		if !end.version.SupportsEpochBump() {
			m.producerEpoch, m.lastProducerEpoch = end.producerEpoch, model.NoProducerEpoch
		}
	}
	return m.prepareAbortOrCommit(state, end.version, nextProducerID)
}

// judgeEndTV1 is the table for clients that keep their epoch.
//
// Source: TransactionCoordinator.endTransactionWithTV1; KAFKA-9600 for the
// strict epoch.
func (m *transactionMetadata) judgeEndTV1(end ending) (verdict, model.Error) {
	switch {
	case m.producerID != end.producerID:
		return refused, model.ErrInvalidProducerIDMapping
	case end.fromClient && m.producerEpoch != end.producerEpoch, end.producerEpoch < m.producerEpoch:
		return refused, model.ErrProducerFenced
	case m.pendingTransitionInProgress() && m.pendingState != PrepareEpochFence:
		return refused, model.ErrConcurrentTransactions
	}
	same := m.result() == end.result
	switch m.state {
	case Ongoing:
		return decides, model.None
	case CompleteCommit, CompleteAbort:
		if same {
			return alreadyDone, model.None
		}
		return refused, model.ErrInvalidTxnState
	case PrepareCommit, PrepareAbort:
		if same {
			return refused, model.ErrConcurrentTransactions
		}
		return refused, model.ErrInvalidTxnState
	case EmptyTransaction:
		return refused, model.ErrInvalidTxnState
	}
	panic(fmt.Sprintf("coordinator: EndTxn of %v, which is %v", m.transactionalID, m.state))
}

// judgeEndTV2 is the table for clients whose epoch ends with the transaction.
// So a request with the epoch before is a second try, whose answer got lost;
// one with the current epoch is about the next transaction.
//
// Source: TransactionCoordinator.endTransaction; KIP-890. KAFKA-18464 moved the
// pending state to the front.
func (m *transactionMetadata) judgeEndTV2(end ending) (verdict, model.Error) {
	fence := m.pendingState == PrepareEpochFence
	bumped := !fence && m.producerEpoch == end.producerEpoch+1
	// The epochs were used up: the answer that got lost held a new producer id.
	overflowed := !fence && m.prevProducerID == end.producerID && end.producerEpoch == m.maxEpoch-1 && m.producerEpoch == 0
	retry := bumped || overflowed
	switch {
	case m.pendingTransitionInProgress() && !fence:
		return refused, model.ErrConcurrentTransactions
	case m.producerID != end.producerID && !overflowed:
		return refused, model.ErrInvalidProducerIDMapping
	case !m.acceptsEpochTV2(end, fence, retry):
		return refused, model.ErrProducerFenced
	}
	same := m.result() == end.result
	switch m.state {
	case Ongoing:
		return decides, model.None
	case CompleteCommit, CompleteAbort:
		switch {
		case retry && same:
			return alreadyDone, model.None
		case !retry && end.result == model.Abort:
			return decides, model.None
		}
		return refused, model.ErrInvalidTxnState
	case PrepareCommit, PrepareAbort:
		if same {
			return refused, model.ErrConcurrentTransactions
		}
		return refused, model.ErrInvalidTxnState
	case EmptyTransaction:
		if end.result == model.Abort {
			return decides, model.None
		}
		return refused, model.ErrInvalidTxnState
	}
	panic(fmt.Sprintf("coordinator: EndTxn of %v, which is %v", m.transactionalID, m.state))
}

func (m *transactionMetadata) acceptsEpochTV2(end ending, fence, retry bool) bool {
	switch {
	case fence:
		return end.producerEpoch >= m.producerEpoch && (!end.fromClient || end.producerEpoch == m.producerEpoch)
	case m.state.decided():
		return m.producerEpoch == end.producerEpoch+1
	case m.state.complete():
		return retry || end.producerEpoch == m.producerEpoch
	}
	return end.producerEpoch == m.producerEpoch
}

// result is how the transaction ends, if it is decided.
func (m *transactionMetadata) result() model.TransactionResult {
	if m.state == PrepareCommit || m.state == CompleteCommit {
		return model.Commit
	}
	return model.Abort
}

// replyToEnd answers whoever wished the end: EndTxn, or InitProducerId, which is
// to come again, or nobody. Under TV2 the answer to EndTxn has the producer id
// and epoch of the next transaction.
func replyToEnd(e sim.Envelope, err model.Error, next txnTransitMetadata, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *model.EndTxnRequest:
		response := &model.EndTxnResponse{Error: asKnownTo(request.Version, err), ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch}
		if err == model.None && request.TransactionVersion().SupportsEpochBump() {
			response.ProducerID, response.ProducerEpoch = next.producerID, next.producerEpoch
		}
		out.Reply(e, response)
	case *model.InitProducerIDRequest:
		if err == model.None {
			err = model.ErrConcurrentTransactions
		}
		out.Reply(e, &model.InitProducerIDResponse{Error: err, ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch})
	}
}

// abortWithFence aborts an ongoing transaction and shuts out its producer.
func (t *Transactions) abortWithFence(m *transactionMetadata, e sim.Envelope, out *sim.Outbox) {
	fence := m.prepareFenceProducerEpoch()
	t.endTransaction(m, ending{fence.producerID, fence.producerEpoch, model.Abort, false, t.config.TransactionVersion}, e, out)
}
