package java

import (
	"slices"
	"time"

	"racelab/model"
	"racelab/model/config"
	"racelab/model/producer"
	"racelab/sim"
)

// Transactions is a transactional KafkaProducer: its TransactionManager, and
// what its Sender does with the requests of that.
//
// CONCURRENT_TRANSACTIONS is retriable in all of them. The first
// AddPartitionsToTxn of a transaction is tried again after 20 ms, everything else
// after retry.backoff.ms, neither growing nor drawn; nothing counts the retries.
//
// Source: KafkaProducer; TransactionManager with InitProducerIdHandler,
// AddPartitionsToTxnHandler and EndTxnHandler; Sender.runOnce and
// Sender.maybeSendAndPollTransactionalRequest, of Kafka 3.9. In 4.0
// INVALID_PRODUCER_ID_MAPPING is fatal (KAFKA-18019), and a cluster that speaks TV2
// gets no AddPartitionsToTxn.
// Differs: the application waits for each send, as it waits for the results of
// transactions, so it and the sender thread take turns, and are one here. Waits
// do not end (max.block.ms, delivery.timeout.ms). No connection breaks. TV1. No
// offsets.
type Transactions struct {
	producer.TxnAPI
	config      Config `sim:"config"`
	coordinator *sim.Conn
	leaders     []*sim.Conn // by partition
	sleep       sim.Timer
	thinks      sim.Timer // of the application: until it aborts

	producerID    model.ProducerID
	producerEpoch model.ProducerEpoch
	nextSequence  []model.Sequence // by partition
	currentState  model.TxnStatus
	lastError     producer.TxnError

	partitionsInTransaction []model.Partition // ascending
	transactionStarted      bool
	epochBumpRequired       bool

	isEpochBump  bool
	retryBackoff time.Duration     // of the AddPartitionsToTxnHandler
	result       producer.TxnError // of the request that the sender is at
	committed    model.TransactionResult
}

// Config is what a ProducerConfig says that matters here.
type Config struct {
	// TransactionalID is transactional.id.
	TransactionalID model.TransactionalID
	// RetryBackoff is retry.backoff.ms.
	//
	// Default: 100 ms.
	RetryBackoff time.Duration
}

// addPartitionsRetryBackoff is how soon the first AddPartitionsToTxn of a
// transaction is tried again.
//
// Source: TransactionManager.ADD_PARTITIONS_RETRY_BACKOFF_MS.
const addPartitionsRetryBackoff = 20 * time.Millisecond

// NewTransactions returns a producer with its connections to the transaction
// coordinator and to the partitions' leaders. It refuses what the constructor of a
// KafkaProducer does.
func NewTransactions(c Config, coordinator *sim.Conn, leaders ...*sim.Conn) *Transactions {
	checked := config.NewJava()
	checked.TransactionalID, checked.EnableIdempotence, checked.RetryBackoff = true, true, c.RetryBackoff
	config.Must("Kafka's Java client", checked)
	return &Transactions{
		config: c, coordinator: coordinator, leaders: leaders,
		producerID: model.NoProducerID, producerEpoch: model.NoProducerEpoch, nextSequence: make([]model.Sequence, len(leaders)),
	}
}

// leave hands the application what a call returns, or throws.
func (m *Transactions) leave() {
	m.Failure, m.Status = m.result, m.currentState
	m.result, m.isEpochBump, m.committed, m.retryBackoff = producer.NoError, false, model.Abort, 0
}

// isTransitionValid is the table of TransactionManager.State.
func (m *Transactions) isTransitionValid(target model.TxnStatus) bool {
	source := m.currentState
	switch target {
	case model.TxnInitializing:
		return source == model.TxnUninitialized || source == model.TxnEnding
	case model.TxnReady:
		return source == model.TxnInitializing || source == model.TxnEnding
	case model.TxnInTransaction:
		return source == model.TxnReady
	case model.TxnEnding: // COMMITTING_TRANSACTION, and ABORTING_TRANSACTION with the error before it
		return source == model.TxnInTransaction || source == model.TxnAbortableError && m.committed == model.Abort
	case model.TxnAbortableError:
		return source == model.TxnInTransaction || source == model.TxnEnding || source == model.TxnAbortableError || source == model.TxnInitializing
	}
	return true // FATAL_ERROR is always open.
}

// transitionTo goes to a state, or throws an IllegalStateException.
func (m *Transactions) transitionTo(target model.TxnStatus, err producer.TxnError) bool {
	if !m.isTransitionValid(target) {
		m.result = producer.ErrNotAllowed
		return false
	}
	m.currentState, m.lastError = target, err
	return true
}

// maybeFailWithError throws the error of before.
func (m *Transactions) maybeFailWithError() bool {
	if m.currentState == model.TxnAbortableError || m.currentState == model.TxnFatalError {
		m.result = m.lastError
		return true
	}
	return false
}

// InitTransactions awaits the result of an InitProducerId.
func (m *Transactions) InitTransactions(t *sim.Task) {
	if m.transitionTo(model.TxnInitializing, producer.NoError) {
		m.initProducerID(t)
	}
	m.leave()
}

// initProducerID is an InitProducerIdHandler.
func (m *Transactions) initProducerID(t *sim.Task) {
	for {
		m.coordinator.Send(t, &model.InitProducerIDRequest{
			Version: 4, TransactionalID: m.config.TransactionalID, TransactionTimeout: time.Minute, ProducerID: m.producerID, ProducerEpoch: m.producerEpoch,
		})
		response := m.coordinator.Receive(t.At(producer.PointAwaitID)).(*model.InitProducerIDResponse)
		switch response.Error {
		case model.None:
			m.producerID, m.producerEpoch = response.ProducerID, response.ProducerEpoch
			m.transitionTo(model.TxnReady, producer.NoError)
			if m.isEpochBump {
				clear(m.nextSequence)
			}
			return
		case model.ErrNotCoordinator, model.ErrCoordinatorNotAvailable, model.ErrCoordinatorLoadInProgress, model.ErrConcurrentTransactions:
		default:
			m.fatalError(response.Error)
			return
		}
		m.sleep.Sleep(t.At(PointSenderBackoff), m.config.RetryBackoff)
	}
}

func (m *Transactions) fatalError(code model.Error) {
	m.result = producer.TxnError(code)
	m.transitionTo(model.TxnFatalError, m.result)
}

// BeginTxn is beginTransaction.
func (m *Transactions) BeginTxn(*sim.Task) {
	if !m.maybeFailWithError() {
		m.transitionTo(model.TxnInTransaction, producer.NoError)
	}
	m.leave()
}

// Send produces a record, and awaits its Future.
func (m *Transactions) Send(t *sim.Task) {
	if m.failIfNotReadyForSend() {
		m.leave()
		return
	}
	if !slices.Contains(m.partitionsInTransaction, m.Partition) {
		m.addPartitionsToTransaction(t)
	}
	if m.result == producer.NoError {
		m.sendProduceRequest(t)
	}
	m.leave()
}

// AbortInside is send, and later abortTransaction. A batch whose partition is not
// added by then is not sent any more (abortUndrainedBatches); the add goes on.
func (m *Transactions) AbortInside(t *sim.Task) {
	m.thinks.Start(t, m.Inside.After)
	if !slices.Contains(m.partitionsInTransaction, m.Partition) {
		m.addPartitionsToTransaction(t)
	}
	if called := m.thinks.TryReceive(t); !called {
		if m.result == producer.NoError {
			m.sendProduceRequest(t)
		}
		m.thinks.Receive(t.At(PointThinks))
	}
	m.result = producer.NoError
	m.AbortTxn(t)
}

func (m *Transactions) failIfNotReadyForSend() bool {
	if m.maybeFailWithError() {
		return true
	}
	if m.currentState != model.TxnInTransaction {
		m.result = producer.ErrNotAllowed
	}
	return m.result != producer.NoError
}

// addPartitionsToTransaction is an AddPartitionsToTxnHandler.
func (m *Transactions) addPartitionsToTransaction(t *sim.Task) {
	for {
		m.coordinator.Send(t, &model.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: m.config.TransactionalID, ProducerID: m.producerID, ProducerEpoch: m.producerEpoch, Partitions: []model.Partition{m.Partition},
		})
		response := m.coordinator.Receive(t.At(producer.PointAwaitAdd)).(*model.AddPartitionsToTxnResponse)
		if reenqueue := m.partitionsAdded(response.Partitions[0].Error); !reenqueue {
			return
		}
		m.sleep.Sleep(t.At(PointSenderBackoff), min(m.config.RetryBackoff, m.retryBackoff))
	}
}

func (m *Transactions) partitionsAdded(code model.Error) (reenqueue bool) {
	m.retryBackoff = m.config.RetryBackoff
	switch code {
	case model.None:
		m.partitionsInTransaction = append(m.partitionsInTransaction, m.Partition)
		slices.Sort(m.partitionsInTransaction)
		m.transactionStarted = true
		return false
	case model.ErrConcurrentTransactions:
		// Only the first add is hastened (maybeOverrideRetryBackoffMs; KAFKA-5482).
		if len(m.partitionsInTransaction) == 0 {
			m.retryBackoff = addPartitionsRetryBackoff
		}
		return true
	case model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress, model.ErrUnknownTopicOrPartition:
		return true
	case model.ErrInvalidProducerEpoch, model.ErrProducerFenced, model.ErrInvalidTxnState:
		m.fatalError(code)
		return false
	case model.ErrInvalidProducerIDMapping:
		m.epochBumpRequired = true
	}
	m.result = producer.TxnError(code)
	m.transitionTo(model.TxnAbortableError, m.result)
	return false
}

// sendProduceRequest sends a batch until it is completed. Source: Sender.
func (m *Transactions) sendProduceRequest(t *sim.Task) {
	for {
		m.leaders[m.Partition].Send(t, &model.ProduceRequest{Version: 11, TransactionalID: m.config.TransactionalID, Partitions: []model.PartitionBatch{{
			Partition: m.Partition,
			Batch: model.RecordBatch{
				ProducerID: m.producerID, ProducerEpoch: m.producerEpoch, BaseSequence: m.nextSequence[m.Partition], Transactional: true,
				Records: []model.Record{m.Record},
			},
		}}})
		response := m.leaders[m.Partition].Receive(t.At(producer.PointAwaitAppend)).(*model.ProduceResponse)
		if reenqueue := m.completeBatch(response.Partitions[0].Error); !reenqueue {
			return
		}
		m.sleep.Sleep(t.At(PointSenderBackoff), m.config.RetryBackoff)
	}
}

// completeBatch is that of Sender with handleFailedBatch, which takes the
// sequence number back.
//
// Differs: a batch goes again after retry.backoff.ms, which in Kafka grows and is
// drawn; no world here has a batch go again.
func (m *Transactions) completeBatch(code model.Error) (reenqueue bool) {
	switch code {
	case model.None:
		m.nextSequence[m.Partition]++
		return false
	case model.ErrNotEnoughReplicas, model.ErrUnknownTopicOrPartition, model.ErrConcurrentTransactions:
		return true
	case model.ErrProducerFenced:
		m.fatalError(code)
		return false
	}
	m.epochBumpRequired = true // canBumpEpoch: it is TV1, and the coordinator of 2.5 or later
	m.result = producer.TxnError(code)
	m.transitionTo(model.TxnAbortableError, m.result)
	return false
}

// CommitTxn is commitTransaction: beginCommit, and the wait for its result.
func (m *Transactions) CommitTxn(t *sim.Task) {
	m.committed = model.Commit
	if !m.maybeFailWithError() && m.transitionTo(model.TxnEnding, producer.NoError) {
		m.completeTransaction(t)
	}
	m.leave()
}

// AbortTxn is abortTransaction: beginAbort, and the wait for its result.
func (m *Transactions) AbortTxn(t *sim.Task) {
	if (m.currentState == model.TxnAbortableError || !m.maybeFailWithError()) && m.transitionTo(model.TxnEnding, producer.NoError) {
		m.completeTransaction(t)
	}
	m.leave()
}

// completeTransaction is beginCompletingTransaction, and what the sender does of
// it: EndTxn if there is anything to end, then a new epoch if one is required.
func (m *Transactions) completeTransaction(t *sim.Task) {
	m.isEpochBump = m.epochBumpRequired
	if m.transactionStarted {
		m.endTxn(t)
	}
	if m.result != producer.NoError {
		return
	}
	ended := model.TxnReady
	if m.isEpochBump {
		ended = model.TxnInitializing
	}
	m.transitionTo(ended, producer.NoError)
	m.epochBumpRequired, m.transactionStarted, m.partitionsInTransaction = false, false, nil
	if m.isEpochBump {
		m.initProducerID(t)
	}
}

// endTxn is an EndTxnHandler.
func (m *Transactions) endTxn(t *sim.Task) {
	for {
		m.coordinator.Send(t, &model.EndTxnRequest{Version: 4, TransactionalID: m.config.TransactionalID, ProducerID: m.producerID, ProducerEpoch: m.producerEpoch, Result: m.committed})
		response := m.coordinator.Receive(t.At(producer.PointAwaitEnd)).(*model.EndTxnResponse)
		switch response.Error {
		case model.None:
			return
		case model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress, model.ErrConcurrentTransactions:
		default:
			m.fatalError(response.Error)
			return
		}
		m.sleep.Sleep(t.At(PointSenderBackoff), m.config.RetryBackoff)
	}
}

// Close does nothing: what it ends is not modelled.
func (m *Transactions) Close(*sim.Task) {}
