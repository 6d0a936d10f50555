package java

import (
	"time"

	"racelab/model"
	"racelab/model/config"
	"racelab/model/producer"
	"racelab/sim"
)

// Transactions is a transactional KafkaProducer, as its application calls it. What it
// asks of Kafka its Sender does, in a thread of its own.
//
// A call waits for the result at most max.block.ms. Then it throws a TimeoutException,
// and the sender goes on. From then on each call but the same one throws an
// IllegalStateException, even when the sender is done; the same one gets the result.
//
// Source: KafkaProducer; TransactionManager with handleCachedTransactionRequestResult
// and throwIfPendingState; TransactionalRequestResult.await, of Kafka 3.9 for TV1, and of
// trunk between 4.0 and 4.2 for TV2: no release of 4.x was read.
// Differs: initTransactions, commitTransaction and abortTransaction wait; the application
// awaits each other send, but for the one in EndInside. No offsets.
type Transactions struct {
	producer.TxnAPI
	manager
	thinks   sim.Timer // of the application: until it ends the transaction
	maxBlock sim.Timer

	pending   model.TxnCall // pendingTransition: what was asked for,
	isPending bool          // and no call has returned the result of
	thrown    producer.TxnError
	sender    *TxnSender
}

// manager is the TransactionManager, as far as both threads use it.
type manager struct {
	config Config `sim:"config"`

	requests     sim.Chan[txnRequest] // pendingRequests, and the RecordAccumulator
	result       sim.Chan[int32]      // a producer.TxnError: the TransactionalRequestResult
	future       sim.Chan[int32]      // a producer.TxnError: of the record that is awaited
	currentState sim.Atomic[int32]    // a model.TxnStatus
	lastError    sim.Atomic[int32]    // a producer.TxnError
	committing   sim.Atomic[bool]     // in TxnEnding: COMMITTING_TRANSACTION, not ABORTING_TRANSACTION
}

// txnRequest is what the application hands the sender.
type txnRequest struct {
	call      model.TxnCall
	record    model.Record
	partition model.Partition
	awaited   bool // the application waits for the record
}

// Config is what a ProducerConfig says that matters here.
type Config struct {
	// TransactionalID is transactional.id.
	TransactionalID model.TransactionalID
	// RetryBackoff is retry.backoff.ms.
	//
	// Default: 100 ms.
	RetryBackoff time.Duration
	// MaxBlock is max.block.ms. 0: for ever.
	//
	// Differs: the release's default is 60 s.
	MaxBlock time.Duration
	// TransactionVersion is TV2 if the client is 4.0 or later and the cluster's
	// transaction.version is 2; TV1 is the client of 3.9.
	TransactionVersion model.TransactionVersion
}

// NewTransactions returns a producer whose sender has the connections to the
// transaction coordinator and to the partitions' leaders. It refuses what the constructor
// of a KafkaProducer does.
func NewTransactions(c Config, coordinator *sim.Conn, leaders ...*sim.Conn) *Transactions {
	checked := config.NewJava()
	checked.TransactionalID, checked.EnableIdempotence, checked.RetryBackoff = true, true, c.RetryBackoff
	config.Must("Kafka's Java client", checked)
	m := &Transactions{manager: manager{config: c}}
	m.requests.Init(2) // a record that is not awaited, and the end
	m.result.Init(1)
	m.future.Init(1)
	m.sender = newTxnSender(&m.manager, coordinator, leaders)
	return m
}

// Sender is the thread that sends.
func (m *Transactions) Sender() *TxnSender { return m.sender }

// transactionV2 is isTransactionV2Enabled.
func (m *manager) transactionV2() bool { return m.config.TransactionVersion.SupportsEpochBump() }

func (m *manager) state(t *sim.Task) model.TxnStatus { return model.TxnStatus(m.currentState.Load(t)) }

func (m *manager) isAborting(t *sim.Task) bool {
	return m.state(t) == model.TxnEnding && !m.committing.Load(t)
}

// isTransitionValid is the table of TransactionManager.State.
func (m *manager) isTransitionValid(t *sim.Task, target model.TxnStatus, committing bool) bool {
	source := m.state(t)
	switch target {
	case model.TxnInitializing:
		return source == model.TxnUninitialized || source == model.TxnEnding
	case model.TxnReady:
		return source == model.TxnInitializing || source == model.TxnEnding
	case model.TxnInTransaction:
		return source == model.TxnReady
	case model.TxnEnding: // COMMITTING_TRANSACTION, and ABORTING_TRANSACTION with the error before it
		return source == model.TxnInTransaction || source == model.TxnAbortableError && !committing
	case model.TxnAbortableError:
		return source == model.TxnInTransaction || source == model.TxnEnding || source == model.TxnAbortableError || source == model.TxnInitializing
	}
	return true // FATAL_ERROR is always open.
}

// transitionTo goes to a state, if that is valid.
func (m *manager) transitionTo(t *sim.Task, target model.TxnStatus, err producer.TxnError, committing bool) bool {
	if !m.isTransitionValid(t, target, committing) {
		return false
	}
	m.currentState.Store(t, int32(target))
	m.lastError.Store(t, int32(err))
	m.committing.Store(t, committing)
	return true
}

// hasError gives the error of an error state.
func (m *manager) hasError(t *sim.Task) producer.TxnError {
	if state := m.state(t); state != model.TxnAbortableError && state != model.TxnFatalError {
		return producer.NoError
	}
	return producer.TxnError(m.lastError.Load(t))
}

// leave hands the application what a call returns, or throws.
func (m *Transactions) leave(t *sim.Task) {
	m.Failure, m.Status = m.thrown, m.state(t)
	m.thrown = producer.NoError
}

// throws says whether a call other than the pending one throws: for that
// (throwIfPendingState), or for the error of before (maybeFailWithError).
func (m *Transactions) throws(t *sim.Task) bool {
	if m.isPending {
		m.thrown = producer.ErrNotAllowed
	} else {
		m.thrown = m.hasError(t)
	}
	return m.thrown != producer.NoError
}

// transition goes to a state in the application's thread, or throws an
// IllegalStateException.
func (m *Transactions) transition(t *sim.Task, target model.TxnStatus, committing bool) bool {
	if !m.transitionTo(t, target, producer.NoError, committing) {
		m.thrown = producer.ErrNotAllowed
		return false
	}
	return true
}

// await awaits the result of the pending call.
func (m *Transactions) await(t *sim.Task) {
	var result int32
	if m.config.MaxBlock == 0 {
		result, _ = m.result.Receive(t.At(PointAwaitResult))
	} else {
		m.maxBlock.Start(t, m.config.MaxBlock)
		if t.At(PointAwaitResult).Select(m.result.Receiving(), m.maxBlock.Receiving()) == &m.maxBlock {
			m.thrown = producer.TxnError(model.ErrRequestTimedOut)
			return
		}
		m.maxBlock.Stop(t)
		result, _ = m.result.Received(t)
	}
	m.thrown, m.isPending = producer.TxnError(result), false
}

// InitTransactions awaits the result of an InitProducerId.
func (m *Transactions) InitTransactions(t *sim.Task) {
	m.complete(t, model.InitTransactions, model.TxnInitializing)
}

// CommitTxn is commitTransaction: beginCommit, and the wait for its result.
func (m *Transactions) CommitTxn(t *sim.Task) { m.complete(t, model.CommitTxn, model.TxnEnding) }

// AbortTxn is abortTransaction: beginAbort, and the wait for its result.
func (m *Transactions) AbortTxn(t *sim.Task) { m.complete(t, model.AbortTxn, model.TxnEnding) }

// complete is handleCachedTransactionRequestResult: it asks the sender for what leads to
// a state, unless it has, and awaits the result.
func (m *Transactions) complete(t *sim.Task, call model.TxnCall, next model.TxnStatus) {
	if !m.isPending || m.pending != call {
		abortable := call == model.AbortTxn && m.state(t) == model.TxnAbortableError && !m.isPending
		if !abortable && m.throws(t) || !m.transition(t, next, call == model.CommitTxn) {
			m.leave(t)
			return
		}
		m.pending, m.isPending = call, true
		m.requests.Send(t, txnRequest{call: call}) // There is room.
	}
	m.await(t)
	m.leave(t)
}

// BeginTxn is beginTransaction.
func (m *Transactions) BeginTxn(t *sim.Task) {
	if !m.throws(t) {
		m.transition(t, model.TxnInTransaction, false)
	}
	m.leave(t)
}

// Send produces a record, and awaits its Future.
func (m *Transactions) Send(t *sim.Task) {
	if m.append(t, true) {
		result, _ := m.future.Receive(t.At(PointAwaitFuture))
		m.thrown = producer.TxnError(result)
	}
	m.leave(t)
}

// append is send: the sender has the record, unless the call throws.
func (m *Transactions) append(t *sim.Task, awaited bool) bool {
	if m.throws(t) {
		return false
	}
	if m.state(t) != model.TxnInTransaction {
		m.thrown = producer.ErrNotAllowed
		return false
	}
	m.requests.Send(t, txnRequest{call: model.Send, record: m.Record, partition: m.Partition, awaited: awaited}) // There is room.
	return true
}

// EndInside is send, and later abortTransaction or commitTransaction.
func (m *Transactions) EndInside(t *sim.Task) {
	if m.append(t, false) {
		m.thinks.Sleep(t.At(PointThinks), m.Inside.After)
	}
	m.thrown = producer.NoError
	if m.Inside.Commit {
		m.CommitTxn(t)
	} else {
		m.AbortTxn(t)
	}
}

// Close ends the sender, once it is done with what it has.
func (m *Transactions) Close(t *sim.Task) { m.requests.Close(t) }
