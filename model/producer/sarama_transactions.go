package producer

import (
	"slices"
	"time"

	"racelab/model"
	"racelab/sim"
)

// SaramaRelease is a release of Sarama, for what it does about transactions.
type SaramaRelease uint8

const (
	// Sarama143 is 1.43.1: CONCURRENT_TRANSACTIONS on InitProducerId is fatal, and
	// AbortTxn of a transaction without a partition asks for no new epoch although
	// it goes to Initializing for one.
	Sarama143 SaramaRelease = iota
	// Sarama160 is 1.60.1, which backs off before it sends a batch again that the
	// partition's leader refused (pull request 2469); else as 1.43.1.
	Sarama160
	// Sarama161 is 1.61.1, in which both are repaired.
	Sarama161
)

// SaramaConfig is what a sarama.Config says that matters here.
type SaramaConfig struct {
	Release SaramaRelease
	// TransactionalID is Producer.Transaction.ID.
	TransactionalID model.TransactionalID
	// RetryMax is Producer.Transaction.Retry.Max: Max + 1 attempts, and a sleep
	// after each, the last one too.
	//
	// Default: 50.
	RetryMax int
	// RetryBackoff is Producer.Transaction.Retry.Backoff.
	//
	// Default: 100 ms.
	RetryBackoff time.Duration
	// BackoffFunc is Producer.Transaction.Retry.BackoffFunc. If it is set, the
	// first AddPartitionsToTxn is tried no faster than the rest.
	//
	// Default: none.
	BackoffFunc func(retries, maxRetries int) time.Duration
	// ProducerRetryMax is Producer.Retry.Max.
	//
	// Default: 3.
	ProducerRetryMax int
	// ProducerRetryBackoff is Producer.Retry.Backoff.
	//
	// Default: 100 ms.
	ProducerRetryBackoff time.Duration
}

// addPartitionsRetryBackoff is how soon the first AddPartitionsToTxn of a
// transaction is tried again.
const addPartitionsRetryBackoff = 20 * time.Millisecond

// producerTxnStatusFlag is Sarama's status of a transaction: a bit for where it
// is, and a second one for why.
//
// Source: ProducerTxnStatusFlag.
type producerTxnStatusFlag int16

const (
	producerTxnFlagUninitialized producerTxnStatusFlag = 1 << iota
	producerTxnFlagInitializing
	producerTxnFlagReady
	producerTxnFlagInTransaction
	producerTxnFlagEndTransaction
	producerTxnFlagInError
	producerTxnFlagCommittingTransaction
	producerTxnFlagAbortingTransaction
	producerTxnFlagAbortableError
	producerTxnFlagFatalError
)

// status is what the flags come to.
func (s producerTxnStatusFlag) status() model.TxnStatus {
	switch {
	case s&producerTxnFlagFatalError != 0:
		return model.TxnFatalError
	case s&producerTxnFlagAbortableError != 0:
		return model.TxnAbortableError
	case s&producerTxnFlagEndTransaction != 0:
		return model.TxnEnding
	case s&producerTxnFlagInTransaction != 0:
		return model.TxnInTransaction
	case s&producerTxnFlagReady != 0:
		return model.TxnReady
	case s&producerTxnFlagInitializing != 0:
		return model.TxnInitializing
	}
	return model.TxnUninitialized
}

// isTransitionValid is the table producerTxnTransitions: a transition is valid
// if any bit of the status allows any bit of the target.
func (s producerTxnStatusFlag) isTransitionValid(target producerTxnStatusFlag) bool {
	allowed := func(status, targets producerTxnStatusFlag) bool { return s&status != 0 && targets&target != 0 }
	return allowed(producerTxnFlagUninitialized, producerTxnFlagReady|producerTxnFlagInError) ||
		allowed(producerTxnFlagInitializing, producerTxnFlagInitializing|producerTxnFlagReady|producerTxnFlagInError) ||
		allowed(producerTxnFlagReady, producerTxnFlagInTransaction) ||
		allowed(producerTxnFlagInTransaction, producerTxnFlagEndTransaction|producerTxnFlagInError) ||
		allowed(producerTxnFlagEndTransaction, producerTxnFlagInitializing|producerTxnFlagReady|producerTxnFlagInError) ||
		allowed(producerTxnFlagAbortableError, producerTxnFlagAbortingTransaction|producerTxnFlagInError) ||
		allowed(producerTxnFlagFatalError, producerTxnFlagFatalError)
}

// SaramaTransactions is a Sarama SyncProducer with a transactional id: its
// transactionManager, and as much of its asyncProducer as one batch meets.
//
// Two budgets are nested. publishTxnPartitions tries Transaction.Retry.Max + 1
// times; whatever it fails for, handleError takes for a broken connection to the
// partition's leader, and the batch goes again Producer.Retry.Max times, each
// with a whole budget inside.
//
// Source: transactionManager in transaction_manager.go, asyncProducer in
// async_producer.go, of Sarama 1.43.1, 1.60.1 and 1.61.1.
// Differs: SendMessage waits for its record and finishTransaction for all, so the
// goroutines between them (dispatcher, partitionProducer, brokerProducer) take
// turns, and are one here, without locks. A batch is a record. No connection
// breaks; the one to the leader, which handleError closes, carries nothing then.
// Clusters are of 2.5 and later (coordinatorSupportsBumpingEpoch). No offsets.
type SaramaTransactions struct {
	txnAPI
	config      SaramaConfig `sim:"config"`
	coordinator *sim.Conn
	leaders     []*sim.Conn // by partition
	sleep       sim.Timer

	producerID        model.ProducerID
	producerEpoch     model.ProducerEpoch
	sequenceNumbers   []model.Sequence // by partition
	status            producerTxnStatusFlag
	lastError         txnError
	epochBumpRequired bool
	// The sets are ascending.
	pendingPartitionsInCurrentTxn []model.Partition
	partitionsInCurrentTxn        []model.Partition

	// What the functions of the original keep in local variables.
	err               txnError // that is returned
	fromResponse      bool     // it is the leader's, and not publishTxnPartitions'
	attemptsRemaining int
	retryBackoff      time.Duration
	isEpochBump       bool
	epochBump         bool
	commit            bool
	retries           int // of the batch
	sequenceNumber    model.Sequence
}

// NewSaramaTransactions returns a producer with its connections to the
// transaction coordinator and to the partitions' leaders.
func NewSaramaTransactions(config SaramaConfig, coordinator *sim.Conn, leaders ...*sim.Conn) *SaramaTransactions {
	return &SaramaTransactions{
		config: config, coordinator: coordinator, leaders: leaders,
		producerID: model.NoProducerID, producerEpoch: model.NoProducerEpoch, sequenceNumbers: make([]model.Sequence, len(leaders)),
		status: producerTxnFlagUninitialized,
	}
}

// leave hands the application what a call returns.
func (p *SaramaTransactions) leave() {
	p.failure, p.txnAPI.status = p.err, p.status.status()
	p.err, p.fromResponse, p.attemptsRemaining, p.retryBackoff = errNil, false, 0, 0
	p.isEpochBump, p.epochBump, p.commit, p.retries, p.sequenceNumber = false, false, false, 0, 0
}

// transitionTo goes to a status, if the table allows it. With an error status it
// returns the error.
func (p *SaramaTransactions) transitionTo(target producerTxnStatusFlag, err txnError) txnError {
	if !p.status.isTransitionValid(target) {
		return errNotAllowed
	}
	p.lastError = errNil
	if target&producerTxnFlagInError != 0 {
		p.lastError = err
	}
	p.status = target
	return err
}

// computeBackoff is how long a refusal is slept upon.
func (p *SaramaTransactions) computeBackoff(backoff time.Duration) time.Duration {
	if p.config.BackoffFunc != nil {
		return p.config.BackoffFunc(p.config.RetryMax-p.attemptsRemaining, p.config.RetryMax)
	}
	return backoff
}

// initTransactions is NewAsyncProducer, as far as newTransactionManager goes.
func (p *SaramaTransactions) initTransactions(t *sim.Task) {
	p.initializeTransactions(t)
	p.leave()
}

// initializeTransactions is initializeTransactions. Before 1.61.1 the producer
// id is lost if it fails.
func (p *SaramaTransactions) initializeTransactions(t *sim.Task) {
	p.initProducerID(t)
	if p.err == errNil {
		return
	}
	if p.config.Release >= Sarama161 {
		p.epochBumpRequired = true
	} else {
		p.producerID, p.producerEpoch = model.NoProducerID, model.NoProducerEpoch
	}
}

// initProducerID is initProducerId.
func (p *SaramaTransactions) initProducerID(t *sim.Task) {
	p.isEpochBump = p.producerID != model.NoProducerID && p.producerEpoch != model.NoProducerEpoch
	if p.isEpochBump {
		if p.err = p.transitionTo(producerTxnFlagInitializing, errNil); p.err != errNil {
			return
		}
	}
	for p.attemptsRemaining = p.config.RetryMax; p.attemptsRemaining >= 0; p.attemptsRemaining-- {
		p.coordinator.Send(t, &model.InitProducerIDRequest{
			Version: 4, TransactionalID: p.config.TransactionalID, TransactionTimeout: time.Minute, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch,
		})
		response := p.coordinator.Receive(t, PointAwaitID).(*model.InitProducerIDResponse)
		if retry := p.producerIDInitialized(response); !retry {
			return
		}
		p.sleep.Sleep(t, p.computeBackoff(p.config.RetryBackoff), PointBackoff)
	}
}

func (p *SaramaTransactions) producerIDInitialized(response *model.InitProducerIDResponse) (retry bool) {
	p.err = txnError(response.Error)
	switch response.Error {
	case model.None:
		if p.isEpochBump {
			clear(p.sequenceNumbers)
		}
		if p.err = p.transitionTo(producerTxnFlagReady, errNil); p.err != errNil {
			return true
		}
		p.producerID, p.producerEpoch = response.ProducerID, response.ProducerEpoch
		return false
	case model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress:
		return true
	case model.ErrConcurrentTransactions:
		if p.config.Release >= Sarama161 {
			return true // The coordinator is still finishing the previous transaction.
		}
	}
	p.err = p.transitionTo(producerTxnFlagInError|producerTxnFlagFatalError, p.err)
	return false
}

// beginTxn is BeginTxn: it asks nobody, so it is never answered
// CONCURRENT_TRANSACTIONS.
func (p *SaramaTransactions) beginTxn(*sim.Task) {
	p.err = p.transitionTo(producerTxnFlagInTransaction, errNil)
	p.leave()
}

// send is SendMessage of the SyncProducer.
func (p *SaramaTransactions) send(t *sim.Task) {
	p.dispatch(t)
	if p.err != errNil {
		p.returnError()
	}
	p.leave()
}

// dispatch takes the record through dispatcher and partitionProducer to its
// brokerProducer.
func (p *SaramaTransactions) dispatch(t *sim.Task) {
	if p.status&producerTxnFlagInTransaction == 0 {
		p.err = errNotAllowed // ErrTransactionNotReady
		return
	}
	// getAndIncrementSequenceNumber: what becomes of the record, the number is
	// spent.
	p.sequenceNumber = p.sequenceNumbers[p.partition]
	p.sequenceNumbers[p.partition]++
	p.maybeAddPartitionToCurrentTxn()
	for p.retries = 0; ; p.retries++ {
		p.sendBatch(t)
		if !p.isRetriable() || p.retries >= p.config.ProducerRetryMax {
			return
		}
		if p.config.Release > Sarama143 || !p.fromResponse {
			p.sleep.Sleep(t, p.config.ProducerRetryBackoff, PointProducerBackoff)
		}
	}
}

// isRetriable says whether handleSuccess or handleError sends the batch again:
// for some refusals of the leader, and for whatever else there is, which is taken
// for a connection that broke.
func (p *SaramaTransactions) isRetriable() bool {
	switch {
	case p.fromResponse:
		code := p.err.kafka()
		return code == model.ErrUnknownTopicOrPartition || code == model.ErrNotEnoughReplicas
	case p.err == errNotAllowed: // ErrTransactionNotReady of 1.61.1
		return false
	}
	return p.err != errNil
}

// maybeAddPartitionToCurrentTxn notes the partition for publishTxnPartitions.
func (p *SaramaTransactions) maybeAddPartitionToCurrentTxn() {
	if !slices.Contains(p.partitionsInCurrentTxn, p.partition) && !slices.Contains(p.pendingPartitionsInCurrentTxn, p.partition) {
		p.pendingPartitionsInCurrentTxn = append(p.pendingPartitionsInCurrentTxn, p.partition)
		slices.Sort(p.pendingPartitionsInCurrentTxn)
	}
}

// sendBatch is the bridge of newBrokerProducer with a batch: it adds what is
// pending, and produces.
func (p *SaramaTransactions) sendBatch(t *sim.Task) {
	p.publishTxnPartitions(t)
	p.fromResponse = false
	if p.err == errNil && p.config.Release >= Sarama161 && !slices.Contains(p.partitionsInCurrentTxn, p.partition) {
		p.err = errNotAllowed
	}
	if p.err != errNil {
		return
	}
	p.leaders[p.partition].Send(t, &model.ProduceRequest{Version: 7, TransactionalID: p.config.TransactionalID, Partitions: []model.PartitionBatch{{
		Partition: p.partition,
		Batch: model.RecordBatch{
			ProducerID: p.producerID, ProducerEpoch: p.producerEpoch, BaseSequence: p.sequenceNumber, Transactional: true,
			Records: []model.Record{p.record},
		},
	}}})
	response := p.leaders[p.partition].Receive(t, PointAwaitAppend).(*model.ProduceResponse)
	p.err, p.fromResponse = txnError(response.Partitions[0].Error), true
}

// publishTxnPartitions is publishTxnPartitions: the inner budget.
func (p *SaramaTransactions) publishTxnPartitions(t *sim.Task) {
	if p.status&producerTxnFlagInError != 0 {
		p.err = p.lastError
		return
	}
	if p.err = errNil; len(p.pendingPartitionsInCurrentTxn) == 0 {
		return
	}
	p.retryBackoff = p.config.RetryBackoff
	for p.attemptsRemaining = p.config.RetryMax; p.attemptsRemaining >= 0; p.attemptsRemaining-- {
		p.coordinator.Send(t, &model.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch, Partitions: slices.Clone(p.pendingPartitionsInCurrentTxn),
		})
		response := p.coordinator.Receive(t, PointAwaitAdd).(*model.AddPartitionsToTxnResponse)
		if retry := p.partitionsPublished(response); !retry {
			return
		}
		p.sleep.Sleep(t, p.computeBackoff(p.retryBackoff), PointBackoff)
	}
}

func (p *SaramaTransactions) partitionsPublished(response *model.AddPartitionsToTxnResponse) (retry bool) {
	for _, outcome := range response.Partitions {
		switch p.err = txnError(outcome.Error); outcome.Error {
		case model.None:
			p.partitionsInCurrentTxn = append(p.partitionsInCurrentTxn, outcome.Partition)
			slices.Sort(p.partitionsInCurrentTxn)
			p.pendingPartitionsInCurrentTxn = slices.DeleteFunc(p.pendingPartitionsInCurrentTxn, func(q model.Partition) bool { return q == outcome.Partition })
		case model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator, model.ErrUnknownTopicOrPartition, model.ErrCoordinatorLoadInProgress:
		case model.ErrConcurrentTransactions:
			// Only the first add is hastened: it meets the end of the transaction
			// before (KAFKA-5482).
			if len(p.partitionsInCurrentTxn) == 0 {
				p.retryBackoff = min(p.retryBackoff, addPartitionsRetryBackoff)
			}
		case model.ErrInvalidProducerIDMapping:
			p.pendingPartitionsInCurrentTxn = nil
			if p.config.Release < Sarama161 {
				p.abortableErrorIfPossible()
				return false
			}
			fallthrough
		default:
			p.pendingPartitionsInCurrentTxn = nil
			p.err = p.transitionTo(producerTxnFlagInError|producerTxnFlagFatalError, p.err)
			return false
		}
	}
	return len(p.pendingPartitionsInCurrentTxn) > 0
}

// abortableErrorIfPossible makes the error one that an abort and a new epoch
// heal.
func (p *SaramaTransactions) abortableErrorIfPossible() {
	p.epochBumpRequired = true
	p.err = p.transitionTo(producerTxnFlagInError|producerTxnFlagAbortableError, p.err)
}

// returnError is returnError with maybeTransitionToErrorState.
func (p *SaramaTransactions) returnError() {
	if p.err.kafka() == model.ErrProducerFenced {
		p.transitionTo(producerTxnFlagInError|producerTxnFlagFatalError, p.err)
		return
	}
	p.epochBumpRequired = true
	p.transitionTo(producerTxnFlagInError|producerTxnFlagAbortableError, p.err)
}

func (p *SaramaTransactions) commitTxn(t *sim.Task) {
	p.commit = true
	p.finishTransaction(t)
	p.leave()
}

func (p *SaramaTransactions) abortTxn(t *sim.Task) {
	p.finishTransaction(t)
	p.leave()
}

// finishTransaction is finishTransaction: that of asyncProducer, whose dispatcher
// goes to EndTransaction and only logs it if that is not allowed, and that of
// transactionManager.
func (p *SaramaTransactions) finishTransaction(t *sim.Task) {
	ends := producerTxnFlagEndTransaction | producerTxnFlagAbortingTransaction
	if p.commit {
		ends = producerTxnFlagEndTransaction | producerTxnFlagCommittingTransaction
	}
	p.transitionTo(ends, errNil)
	p.err = errNil
	switch {
	case p.commit && p.status&producerTxnFlagInError != 0, p.status&producerTxnFlagFatalError != 0:
		p.err = p.lastError
		return
	case len(p.partitionsInCurrentTxn) == 0:
		// There is no EndTxn to send. A new epoch there must be all the same, and
		// before 1.61.1 there is none.
		p.epochBump = p.epochBumpRequired && p.config.Release >= Sarama161
		if p.err = p.completeTransaction(); p.err != errNil || !p.epochBump {
			return
		}
		p.initializeTransactions(t)
		return
	}
	p.epochBump = p.epochBumpRequired
	if p.lastError.kafka() != model.ErrInvalidProducerIDMapping || p.config.Release >= Sarama161 {
		p.endTxn(t)
		if p.err != errNil || !p.epochBump {
			return
		}
	}
	p.initializeTransactions(t)
}

// endTxn is endTxn.
func (p *SaramaTransactions) endTxn(t *sim.Task) {
	for p.attemptsRemaining = p.config.RetryMax; p.attemptsRemaining >= 0; p.attemptsRemaining-- {
		request := &model.EndTxnRequest{Version: 3, TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch}
		if p.commit {
			request.Result = model.Commit
		}
		p.coordinator.Send(t, request)
		response := p.coordinator.Receive(t, PointAwaitEnd).(*model.EndTxnResponse)
		if retry := p.txnEnded(response); !retry {
			return
		}
		p.sleep.Sleep(t, p.computeBackoff(p.config.RetryBackoff), PointBackoff)
	}
}

func (p *SaramaTransactions) txnEnded(response *model.EndTxnResponse) (retry bool) {
	switch p.err = txnError(response.Error); response.Error {
	case model.None:
		p.err = p.completeTransaction()
		return false
	case model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress, model.ErrConcurrentTransactions:
		return true
	case model.ErrInvalidProducerIDMapping:
		if p.config.Release < Sarama161 {
			p.abortableErrorIfPossible()
			return false
		}
	}
	p.err = p.transitionTo(producerTxnFlagInError|producerTxnFlagFatalError, p.err)
	return false
}

// completeTransaction is completeTransaction.
func (p *SaramaTransactions) completeTransaction() txnError {
	target := producerTxnFlagReady
	if p.epochBumpRequired {
		target = producerTxnFlagInitializing
	}
	if err := p.transitionTo(target, errNil); err != errNil {
		return err
	}
	p.epochBumpRequired = false
	p.partitionsInCurrentTxn, p.pendingPartitionsInCurrentTxn = nil, nil
	return errNil
}

// close is Close: what it ends is not modelled.
func (p *SaramaTransactions) close(*sim.Task) {}
