package coordinator

import (
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

// endTransaction decides the transaction, if the wish is granted. A second try of
// what is done is answered as the first was.
//
// Source: TransactionCoordinator.endTransaction, TransactionCoordinator.endTransactionWithTV1.
func (t *Transactions) endTransaction(m *transactionMetadata, end ending, e sim.Envelope, out *sim.Outbox) {
	checks := endChecksTV1
	if end.version.SupportsEpochBump() {
		checks = endChecksTV2
	}
	x := ends{m, end}
	err := model.Refusal(t.config.Rules, checks, x)
	switch {
	case err != model.None:
		replyToEnd(e, err, txnTransitMetadata{}, out)
	case x.isDone():
		replyToEnd(e, model.None, m.txnTransitMetadata, out)
	case end.result == model.Commit && m.pendingState == PrepareEpochFence:
		// Only an abort takes the fence away, so prepareTransitionTo throws.
		replyToEnd(e, model.ErrUnknownServerError, txnTransitMetadata{}, out)
	default:
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
	if end.version.SupportsEpochBump() && m.isEpochExhausted(m.producerEpoch) && (!fence || t.config.Rules.Has(model.LastEpoch)) {
		nextProducerID = t.generateProducerID()
	}
	if fence {
		m.pendingState = none
		if !end.fromClient && (!end.version.SupportsEpochBump() || !t.config.Rules.Has(model.OneBump)) {
			m.producerEpoch, m.lastProducerEpoch, m.fenced = end.producerEpoch, model.NoProducerEpoch, true
		}
	}
	return m.prepareAbortOrCommit(state, end.version, nextProducerID, t.config.Rules)
}

// ends is the wish to end a transaction, before the checks.
type ends struct {
	m *transactionMetadata
	ending
}

func (x ends) isFence() bool { return x.m.pendingState == PrepareEpochFence }

// isPending says whether a transition is on its way that is no fence, which is what
// a fence goes on from.
func (x ends) isPending() bool { return x.m.pendingTransitionInProgress() && !x.isFence() }

func (x ends) isSame() bool { return x.m.result() == x.result }

// overflowed says that the epochs were used up: the answer that got lost held a new
// producer id.
func (x ends) overflowed() bool {
	return !x.isFence() && x.m.prevProducerID == x.producerID && x.producerEpoch == x.m.maxEpoch-1 && x.m.producerEpoch == 0
}

// isRetry says whether a TV2 request has the epoch before, and so is a second try,
// whose answer got lost. One with the current epoch is about the next transaction.
func (x ends) isRetry() bool {
	return !x.isFence() && x.m.producerEpoch == x.producerEpoch+1 || x.overflowed()
}

// isDone says whether the request is a second try of what is complete.
func (x ends) isDone() bool {
	return x.m.state.complete() && x.isSame() && (!x.version.SupportsEpochBump() || x.isRetry())
}

// acceptsEpoch says whether a TV2 request has an epoch of this transaction.
func (x ends) acceptsEpoch() bool {
	switch m := x.m; {
	case x.isFence():
		return x.producerEpoch >= m.producerEpoch && (!x.fromClient || x.producerEpoch == m.producerEpoch)
	case m.state.decided():
		return m.producerEpoch == x.producerEpoch+1
	case m.state.complete():
		return x.isRetry() || x.producerEpoch == m.producerEpoch
	}
	return x.producerEpoch == x.m.clientEpoch()
}

// endChecksTV1 are those for clients that keep their epoch.
//
// Source: TransactionCoordinator.endTransactionWithTV1.
var endChecksTV1 = model.Checks[ends]{Request: "EndTxn to version 4 (TV1)", List: []model.Check[ends]{
	{If: "the producer id is not the current one", Error: model.ErrInvalidProducerIDMapping, Holds: func(x ends) bool { return x.m.producerID != x.producerID }},
	{If: "a client's epoch is not the current one", Rule: model.StrictEndTxnEpoch, Error: model.ErrProducerFenced,
		Holds: func(x ends) bool { return x.fromClient && x.m.producerEpoch != x.producerEpoch }},
	{If: "the epoch is older than the current one", Error: model.ErrProducerFenced, Holds: func(x ends) bool { return x.producerEpoch < x.m.producerEpoch }},
	{If: "a fence is pending, and a client asks", Rule: model.CommitAgainstFence, Error: model.ErrConcurrentTransactions,
		Holds: func(x ends) bool { return x.fromClient && x.isFence() }},
	{If: "a transition is pending that is no fence", Error: model.ErrConcurrentTransactions, Holds: ends.isPending},
	{If: "the transaction is complete, with the other result", Error: model.ErrInvalidTxnState, Holds: func(x ends) bool { return x.m.state.complete() && !x.isSame() }},
	{If: "the transaction is decided, with the same result", Error: model.ErrConcurrentTransactions, Holds: func(x ends) bool { return x.m.state.decided() && x.isSame() }},
	{If: "the transaction is decided, with the other result", Error: model.ErrInvalidTxnState, Holds: func(x ends) bool { return x.m.state.decided() }},
	{If: "there is no transaction", Error: model.ErrInvalidTxnState, Holds: func(x ends) bool { return x.m.state == EmptyTransaction }},
}}

// endChecksTV2 are those for clients whose epoch ends with the transaction.
//
// Source: TransactionCoordinator.endTransaction; KIP-890.
var endChecksTV2 = model.Checks[ends]{Request: "EndTxn from version 5 (TV2)", List: []model.Check[ends]{
	{If: "a fence is pending, and a client asks", Rule: model.CommitAgainstFence, Error: model.ErrConcurrentTransactions,
		Holds: func(x ends) bool { return x.fromClient && x.isFence() }},
	{If: "a transition is pending that is no fence", Rule: model.PendingBeforeEpoch, Error: model.ErrConcurrentTransactions, Holds: ends.isPending},
	{If: "the producer id is not the current one, nor the one before with its last epoch", Error: model.ErrInvalidProducerIDMapping,
		Holds: func(x ends) bool { return x.m.producerID != x.producerID && !x.overflowed() }},
	{If: "the epoch is neither the current one nor, of a transaction that is decided or complete, the one before", Error: model.ErrProducerFenced,
		Holds: func(x ends) bool { return !x.acceptsEpoch() }},
	{If: "a transition is pending that is no fence", Until: model.PendingBeforeEpoch, Error: model.ErrConcurrentTransactions, Holds: ends.isPending},
	{If: "the transaction is aborted, and a commit has the epoch before", Rule: model.FencedCommitRetry, Error: model.ErrProducerFenced,
		Holds: func(x ends) bool { return x.m.state == CompleteAbort && x.isRetry() && x.result == model.Commit }},
	{If: "the transaction is complete with the other result, and the epoch is the one before", Error: model.ErrInvalidTxnState,
		Holds: func(x ends) bool { return x.m.state.complete() && x.isRetry() && !x.isSame() }},
	{If: "the transaction is complete or there is none, and a commit has the current epoch", Error: model.ErrInvalidTxnState,
		Holds: func(x ends) bool {
			return (x.m.state.complete() || x.m.state == EmptyTransaction) && !x.isRetry() && x.result == model.Commit
		}},
	{If: "the transaction is decided, with the same result", Error: model.ErrConcurrentTransactions, Holds: func(x ends) bool { return x.m.state.decided() && x.isSame() }},
	{If: "the transaction is decided, with the other result", Error: model.ErrInvalidTxnState, Holds: func(x ends) bool { return x.m.state.decided() }},
}}

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
