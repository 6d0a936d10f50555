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
// after retry.backoff.ms, neither growing nor drawn; nothing counts the retries. A batch
// is sent again after retry.backoff.ms, which doubles up to retry.backoff.max.ms.
//
// Under TV2 no AddPartitionsToTxn is sent: a partition is of the transaction from
// when a record is appended, and its leader adds it. The answer to EndTxn has the epoch
// of the next transaction, so no error asks for one by InitProducerId, and
// INVALID_PRODUCER_ID_MAPPING is fatal (KAFKA-18019).
//
// Source: KafkaProducer; TransactionManager with InitProducerIdHandler,
// AddPartitionsToTxnHandler and EndTxnHandler; Sender.runOnce and
// Sender.maybeSendAndPollTransactionalRequest, of Kafka 3.9 for TV1, and of trunk
// between 4.0 and 4.2 for TV2.
// Differs: the application waits for each send, as it waits for the results of
// transactions, so it and the sender thread take turns, and are one here. Waits
// do not end (max.block.ms, delivery.timeout.ms). No connection breaks. No offsets. No
// upgrade: the cluster speaks one version from the start, and 4.x only meets TV2. No
// linger.ms. What a batch waits is not drawn (20 % more or less).
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
	retryBackoff time.Duration     // of the AddPartitionsToTxnHandler, or of the batch
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
	// TransactionVersion is TV2 if the client is 4.0 or later and the cluster's
	// transaction.version is 2; TV1 is the client of 3.9.
	TransactionVersion model.TransactionVersion
}

// retryBackoffMax is retry.backoff.max.ms, by default.
const retryBackoffMax = time.Second

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

// transactionV2 is TransactionManager.isTransactionV2Enabled.
func (m *Transactions) transactionV2() bool { return m.config.TransactionVersion.SupportsEpochBump() }

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
	m.maybeAddPartition(t)
	if m.result == producer.NoError {
		m.sendProduceRequest(t)
	}
	m.leave()
}

// AbortInside is send, and later abortTransaction. A batch whose partition is not
// added by then is not sent any more (abortUndrainedBatches); the add goes on. One
// that has been sent has its sequence number, and EndTxn waits for it.
func (m *Transactions) AbortInside(t *sim.Task) {
	m.thinks.Start(t, m.Inside.After)
	m.maybeAddPartition(t)
	if called := !m.transactionV2() && m.thinks.TryReceive(t); !called {
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

// maybeAddPartition adds the record's partition to the transaction, unless it is of it.
func (m *Transactions) maybeAddPartition(t *sim.Task) {
	switch {
	case slices.Contains(m.partitionsInTransaction, m.Partition):
	case m.transactionV2():
		m.partitionAdded()
	default:
		m.addPartitionsToTransaction(t)
	}
}

func (m *Transactions) partitionAdded() {
	m.partitionsInTransaction = append(m.partitionsInTransaction, m.Partition)
	slices.Sort(m.partitionsInTransaction)
	m.transactionStarted = true
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
		m.partitionAdded()
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

// sendProduceRequest sends a batch until it is completed. Source: Sender and
// RecordAccumulator.
func (m *Transactions) sendProduceRequest(t *sim.Task) {
	m.retryBackoff = min(m.config.RetryBackoff, retryBackoffMax)
	for {
		request := &model.ProduceRequest{Version: 11, TransactionalID: m.config.TransactionalID, Partitions: []model.PartitionBatch{{
			Partition: m.Partition,
			Batch: model.RecordBatch{
				ProducerID: m.producerID, ProducerEpoch: m.producerEpoch, BaseSequence: m.nextSequence[m.Partition], Transactional: true,
				Records: []model.Record{m.Record},
			},
		}}}
		if m.transactionV2() {
			request.Version = 12
		}
		m.leaders[m.Partition].Send(t, request)
		response := m.leaders[m.Partition].Receive(t.At(producer.PointAwaitAppend)).(*model.ProduceResponse)
		if reenqueue := m.completeBatch(response.Partitions[0].Error); !reenqueue {
			return
		}
		m.sleep.Sleep(t.At(PointBatchBackoff), m.retryBackoff)
		m.retryBackoff = min(2*m.retryBackoff, retryBackoffMax)
	}
}

// completeBatch is that of Sender with handleFailedBatch, which takes the
// sequence number back.
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
	case model.ErrInvalidProducerIDMapping:
		if m.transactionV2() {
			m.fatalError(code)
			return false
		}
	}
	m.epochBumpRequired = !m.transactionV2() // and the coordinator is of 2.5 or later
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

// endTxn is an EndTxnHandler. Under TV2 the answer has the id and epoch of the next
// transaction, whose sequence numbers begin anew.
func (m *Transactions) endTxn(t *sim.Task) {
	for {
		request := &model.EndTxnRequest{Version: 4, TransactionalID: m.config.TransactionalID, ProducerID: m.producerID, ProducerEpoch: m.producerEpoch, Result: m.committed}
		if m.transactionV2() {
			request.Version = 5
		}
		m.coordinator.Send(t, request)
		response := m.coordinator.Receive(t.At(producer.PointAwaitEnd)).(*model.EndTxnResponse)
		switch response.Error {
		case model.None:
			if m.transactionV2() {
				m.producerID, m.producerEpoch = response.ProducerID, response.ProducerEpoch
				clear(m.nextSequence)
			}
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
