package coordinator

import (
	"fmt"
	"math"
	"slices"
	"time"

	"racelab/model"
	"racelab/sim"
)

// transactionMetadata is what the coordinator knows of one transactional id.
//
// It changes in two steps: a prepare method sets pendingState and returns what
// is to become of it, which goes to the transaction log; completeTransitionTo
// makes it so. In between nobody else may prepare a transition.
//
// Source: TransactionMetadata.
type transactionMetadata struct {
	transactionalID model.TransactionalID `sim:"config"`
	maxEpoch        model.ProducerEpoch   `sim:"config"`
	known           bool                  // InitProducerId has been here
	txnTransitMetadata
	pendingState TransactionState // none, or where the transition on its way leads
	// fenced says that the abort on its way has taken its epoch before it is in the
	// log, as under TV1; hasFailedEpochFence that such a one has failed: the next fence
	// takes no epoch more (KAFKA-9666).
	fenced, hasFailedEpochFence bool
}

// txnTransitMetadata is one record of the transaction log: all of the metadata
// but the pending state.
//
// Source: TxnTransitMetadata, TransactionLogValue.json.
// Differs: no time of the last update, since a scenario says when ids expire.
type txnTransitMetadata struct {
	state          TransactionState
	producerID     model.ProducerID
	prevProducerID model.ProducerID // that of the record before
	// nextProducerID replaces producerID when the transaction is complete. It is
	// set from Prepare to Complete, if this transaction used up the epochs.
	nextProducerID model.ProducerID
	producerEpoch  model.ProducerEpoch
	// lastProducerEpoch is the one that a client may still come with, to ask
	// again for what it did not see answered.
	lastProducerEpoch model.ProducerEpoch
	// keptFor is the epoch that a client was given to end the open transaction with,
	// which has the one before; 0: the client has the transaction's own.
	//
	// Source: nextProducerEpoch of #21735, not merged; KIP-939.
	// Differs: no new producer id when that uses up the epochs.
	keptFor    model.ProducerEpoch
	txnTimeout time.Duration
	partitions []model.Partition // without a marker yet; ascending
	// txnStart is when the first partition was added.
	//
	// Differs: Never once the transaction is decided, or if no scan comes; nobody asks
	// for it then.
	txnStart                 sim.Time
	clientTransactionVersion model.TransactionVersion
}

// newTransactionMetadata is a transactional id that nobody has used.
func newTransactionMetadata(id model.TransactionalID, maxEpoch model.ProducerEpoch) transactionMetadata {
	return transactionMetadata{
		transactionalID: id, maxEpoch: maxEpoch, pendingState: none,
		txnTransitMetadata: txnTransitMetadata{
			state: EmptyTransaction, producerID: model.NoProducerID, prevProducerID: model.NoProducerID,
			nextProducerID: model.NoProducerID, producerEpoch: model.NoProducerEpoch,
			lastProducerEpoch: model.NoProducerEpoch, txnStart: sim.Never, clientTransactionVersion: model.TV1,
		},
	}
}

// isEpochExhausted says whether no client may get an epoch after this one. The
// very last is kept back, to fence with.
func (m *transactionMetadata) isEpochExhausted(epoch model.ProducerEpoch) bool {
	return epoch >= m.maxEpoch-1
}

func (m *transactionMetadata) pendingTransitionInProgress() bool { return m.pendingState != none }

// prepareFenceProducerEpoch begins to shut out whoever has the current epoch.
// Nobody is ever told the epoch that does it.
func (m *transactionMetadata) prepareFenceProducerEpoch(rules model.Rules) txnTransitMetadata {
	next := m.unchanged(PrepareEpochFence)
	next.producerEpoch = m.producerEpoch + 1
	switch {
	case m.hasFailedEpochFence:
		next.producerEpoch = m.producerEpoch
	case rules.Has(model.LastEpoch):
		next.producerEpoch = min(next.producerEpoch, m.maxEpoch)
	}
	return m.prepareTransitionTo(next)
}

// prepareIncrementProducerEpoch gives a client the next epoch. An expected epoch
// is what the client has, or NoProducerEpoch if it is new.
//
// Errors: PRODUCER_FENCED if another has come since; UNKNOWN_SERVER_ERROR, of an
// exception that nobody expects, if the epochs are used up and the client does
// not come with the last one.
func (m *transactionMetadata) prepareIncrementProducerEpoch(timeout time.Duration, expected model.ProducerEpoch) (txnTransitMetadata, model.Error) {
	if m.isEpochExhausted(m.producerEpoch) {
		return txnTransitMetadata{}, model.ErrUnknownServerError
	}
	next := m.unchanged(EmptyTransaction)
	next.partitions, next.txnStart, next.txnTimeout = nil, sim.Never, timeout
	switch {
	case expected == model.NoProducerEpoch:
		// A new producer. The last epoch is forgotten, so that who had it is fenced.
		next.producerEpoch, next.lastProducerEpoch = m.producerEpoch+1, model.NoProducerEpoch
	case expected == m.producerEpoch || m.producerEpoch == model.NoProducerEpoch:
		next.producerEpoch, next.lastProducerEpoch = m.producerEpoch+1, m.producerEpoch
	case expected == m.lastProducerEpoch:
		// It asks again for what it did not see answered.
	default:
		return txnTransitMetadata{}, model.ErrProducerFenced
	}
	return m.prepareTransitionTo(next), model.None
}

// prepareProducerIDRotation gives a client a new producer id, since the epochs of
// the old one are used up.
func (m *transactionMetadata) prepareProducerIDRotation(id model.ProducerID, timeout time.Duration, recordLastEpoch bool) txnTransitMetadata {
	next := m.unchanged(EmptyTransaction)
	next.producerID, next.producerEpoch, next.lastProducerEpoch = id, 0, model.NoProducerEpoch
	if recordLastEpoch {
		next.lastProducerEpoch = m.producerEpoch
	}
	next.partitions, next.txnStart, next.txnTimeout = nil, sim.Never, timeout
	return m.prepareTransitionTo(next)
}

// prepareAddPartitions adds partitions to the transaction, or begins one.
func (m *transactionMetadata) prepareAddPartitions(added []model.Partition, now sim.Time, version model.TransactionVersion) txnTransitMetadata {
	next := m.unchanged(Ongoing)
	next.partitions = append(next.partitions, added...)
	slices.Sort(next.partitions)
	next.partitions = slices.Compact(next.partitions)
	if m.state != Ongoing {
		next.txnStart = now
	}
	next.clientTransactionVersion = version
	return m.prepareTransitionTo(next)
}

// noTimeout is that a transaction never times out.
//
// Source: TransactionMetadata.isDistributedTwoPhaseCommitTxn.
const noTimeout time.Duration = math.MaxInt64

// clientEpoch is the epoch that the client has who may go on with the transaction.
func (m *transactionMetadata) clientEpoch() model.ProducerEpoch {
	return max(m.producerEpoch, m.keptFor)
}

// prepareKeep gives a client an epoch of its own to end the open transaction with.
func (m *transactionMetadata) prepareKeep() txnTransitMetadata {
	next := m.unchanged(Ongoing)
	next.keptFor = m.clientEpoch() + 1
	return m.prepareTransitionTo(next)
}

// prepareAbortOrCommit decides the transaction. Under TV2 that ends its epoch.
func (m *transactionMetadata) prepareAbortOrCommit(state TransactionState, version model.TransactionVersion, nextProducerID model.ProducerID, rules model.Rules) txnTransitMetadata {
	next := m.unchanged(state)
	if version.SupportsEpochBump() {
		next.producerEpoch, next.lastProducerEpoch = m.producerEpoch+1, m.producerEpoch
		if rules.Has(model.LastEpoch) {
			next.producerEpoch = min(next.producerEpoch, m.maxEpoch)
		}
	}
	next.nextProducerID, next.clientTransactionVersion, next.txnStart = nextProducerID, version, sim.Never
	return m.prepareTransitionTo(next)
}

// prepareComplete ends the transaction, for when all markers are written. The
// last epoch stays the last that a client has seen.
func (m *transactionMetadata) prepareComplete() txnTransitMetadata {
	next := m.unchanged(CompleteAbort)
	if m.state == PrepareCommit {
		next.state = CompleteCommit
	}
	if m.clientTransactionVersion.SupportsEpochBump() && m.nextProducerID != model.NoProducerID {
		next.producerID, next.producerEpoch = m.nextProducerID, 0
	}
	if m.keptFor > 0 {
		// One more, so that a late EndTxn with the client's is about nothing.
		next.producerEpoch, next.keptFor = m.keptFor+1, 0
	}
	next.nextProducerID, next.partitions = model.NoProducerID, nil
	m.hasFailedEpochFence = false
	return m.prepareTransitionTo(next)
}

// unchanged is a record that differs from the current one in its state only.
func (m *transactionMetadata) unchanged(state TransactionState) txnTransitMetadata {
	next := m.txnTransitMetadata
	next.state, next.prevProducerID = state, m.producerID
	next.partitions = slices.Clone(m.partitions)
	return next
}

func (m *transactionMetadata) prepareTransitionTo(next txnTransitMetadata) txnTransitMetadata {
	if m.pendingTransitionInProgress() {
		panic(fmt.Sprintf("coordinator: %v prepares %v while %v is pending", m.transactionalID, next.state, m.pendingState))
	}
	if !next.state.mayFollow(m.state) {
		panic(fmt.Sprintf("coordinator: %v prepares %v, which may not follow %v", m.transactionalID, next.state, m.state))
	}
	m.pendingState = next.state
	return next
}

// completeTransitionTo makes a prepared transition come true, once it is in the
// log. It alone assigns the state.
func (m *transactionMetadata) completeTransitionTo(next txnTransitMetadata) {
	if m.pendingState != next.state || next.state == PrepareEpochFence {
		panic(fmt.Sprintf("coordinator: %v completes the transition to %v while %v is pending", m.transactionalID, next.state, m.pendingState))
	}
	m.txnTransitMetadata, m.pendingState, m.fenced = next, none, false
	m.partitions = slices.Clone(next.partitions)
}

// contains says whether all of the partitions are in the transaction.
func (m *transactionMetadata) contains(partitions []model.Partition) bool {
	for _, p := range partitions {
		if !slices.Contains(m.partitions, p) {
			return false
		}
	}
	return true
}

// removePartition notes that a partition has its marker.
func (m *transactionMetadata) removePartition(p model.Partition) {
	if !m.state.decided() {
		panic(fmt.Sprintf("coordinator: %v is %v, and a marker of it was written to %v", m.transactionalID, m.state, p))
	}
	m.partitions = slices.DeleteFunc(m.partitions, func(q model.Partition) bool { return q == p })
}

// Check states what must hold between the fields.
func (m *transactionMetadata) Check() error {
	switch pending := m.pendingState; {
	case pending != none && !pending.mayFollow(m.state):
		return fmt.Errorf("%v is %v, and %v is pending, which may not follow", m.transactionalID, m.state, pending)
	case pending.complete() && !m.state.decided():
		return fmt.Errorf("%v is %v, and %v is pending", m.transactionalID, m.state, pending)
	case m.producerEpoch > m.maxEpoch:
		return fmt.Errorf("%v has epoch %d of %d", m.transactionalID, m.producerEpoch, m.maxEpoch)
	case m.state != Ongoing && m.txnStart != sim.Never:
		return fmt.Errorf("%v is %v, and its transaction began at %v", m.transactionalID, m.state, m.txnStart)
	case m.state == Ongoing && len(m.partitions) == 0:
		return fmt.Errorf("%v is %v, without a partition", m.transactionalID, m.state)
	case m.state != Ongoing && !m.state.decided() && len(m.partitions) > 0:
		return fmt.Errorf("%v is %v, with partitions %v", m.transactionalID, m.state, m.partitions)
	}
	return nil
}
