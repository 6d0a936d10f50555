package sarama

import (
	"slices"
	"time"

	"racelab/model"
	"racelab/model/config"
	"racelab/model/producer"
	"racelab/sim"
)

// Config is what a sarama.Config says that matters here.
type Config struct {
	Release Release
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
	// Default: 3. The least that a transactional producer may have is 1.
	ProducerRetryMax int
	// ProducerRetryBackoff is Producer.Retry.Backoff.
	//
	// Default: 100 ms.
	ProducerRetryBackoff time.Duration
	// ReadTimeout is how long the coordinator may take to answer.
	//
	// Default: 30 s.
	// Source: Config.Net.ReadTimeout.
	ReadTimeout time.Duration
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

// Transactions is a Sarama SyncProducer with a transactional id: its
// transactionManager, and as much of its asyncProducer as one batch meets.
//
// Two budgets are nested. publishTxnPartitions tries Transaction.Retry.Max + 1
// times; whatever it fails for, handleError takes for a broken connection to the
// partition's leader, and the batch goes again Producer.Retry.Max times, each
// with a whole budget inside.
//
// Held against the releases at drawn settings: go -C witness/conform test ..
//
// Source: transactionManager in transaction_manager.go, asyncProducer in
// async_producer.go, of Sarama 1.43.1, 1.48.0, 1.49.0, 1.60.1 and 1.61.1.
// Differs: SendMessage waits for its record and finishTransaction for all, so the
// goroutines between them (dispatcher, partitionProducer, brokerProducer) take
// turns, and are one here, without locks. A batch is a record. The coordinator alone may
// leave a request unanswered; the connection to the leader, which handleError closes, carries nothing then.
// Clusters are of 2.5 and later (coordinatorSupportsBumpingEpoch). No offsets.
type Transactions struct {
	producer.TxnAPI
	config      Config `sim:"config"`
	coordinator *sim.Conn
	leaders     []*sim.Conn // by partition
	sleep       sim.Timer
	thinks      sim.Timer // of the application: until it ends the transaction

	producerID        model.ProducerID
	producerEpoch     model.ProducerEpoch
	sequenceNumbers   []model.Sequence // by partition
	status            producerTxnStatusFlag
	lastError         producer.TxnError
	epochBumpRequired bool
	// The sets are ascending.
	pendingPartitionsInCurrentTxn []model.Partition
	partitionsInCurrentTxn        []model.Partition
	closing                       []bool // brokerProducer.closing, which the partitionProducer does not know of; by partition

	// What the functions of the original keep in local variables.
	err               producer.TxnError // that is returned
	fromResponse      bool              // it is the leader's, and not publishTxnPartitions'
	attemptsRemaining int
	retryBackoff      time.Duration
	isEpochBump       bool
	epochBump         bool
	commit            bool
	retries           int // of the batch
	sequenceNumber    model.Sequence
}

// NewTransactions returns a producer with its connections to the
// transaction coordinator and to the partitions' leaders.
//
// It refuses what Config.Validate does.
func NewTransactions(c Config, coordinator *sim.Conn, leaders ...*sim.Conn) *Transactions {
	checked := config.TransactionalSarama()
	checked.TransactionRetryMax, checked.TransactionRetryBackoff = c.RetryMax, c.RetryBackoff
	checked.ProducerRetryMax, checked.ProducerRetryBackoff = c.ProducerRetryMax, c.ProducerRetryBackoff
	config.Must("Sarama", checked)
	return &Transactions{
		config: c, coordinator: coordinator, leaders: leaders,
		producerID: model.NoProducerID, producerEpoch: model.NoProducerEpoch, sequenceNumbers: make([]model.Sequence, len(leaders)), closing: make([]bool, len(leaders)),
		status: producerTxnFlagUninitialized,
	}
}

// leave hands the application what a call returns.
func (p *Transactions) leave() {
	p.Failure, p.Status = p.err, p.status.status()
	p.err, p.fromResponse, p.attemptsRemaining, p.retryBackoff = producer.NoError, false, 0, 0
	p.isEpochBump, p.epochBump, p.commit, p.retries, p.sequenceNumber = false, false, false, 0, 0
}

// transitionTo goes to a status, if the table allows it. With an error status it
// returns the error.
func (p *Transactions) transitionTo(target producerTxnStatusFlag, err producer.TxnError) producer.TxnError {
	if !p.status.isTransitionValid(target) {
		return producer.ErrNotAllowed
	}
	p.lastError = producer.NoError
	if target&producerTxnFlagInError != 0 {
		p.lastError = err
	}
	p.status = target
	return err
}

// computeBackoff is how long a refusal is slept upon.
func (p *Transactions) computeBackoff(backoff time.Duration) time.Duration {
	if p.config.BackoffFunc != nil {
		return p.config.BackoffFunc(p.config.RetryMax-p.attemptsRemaining, p.config.RetryMax)
	}
	return backoff
}

// InitTransactions is NewAsyncProducer, as far as newTransactionManager goes.
func (p *Transactions) InitTransactions(t *sim.Task) {
	p.initializeTransactions(t)
	p.leave()
}

// initializeTransactions asks for a producer id. Before 1.61.1 the one it had is
// lost if that fails.
func (p *Transactions) initializeTransactions(t *sim.Task) {
	p.initProducerID(t)
	if p.err == producer.NoError {
		return
	}
	if p.config.Release >= Release1_61_1 {
		p.epochBumpRequired = true
	} else {
		p.producerID, p.producerEpoch = model.NoProducerID, model.NoProducerEpoch
	}
}

func (p *Transactions) initProducerID(t *sim.Task) {
	p.isEpochBump = p.producerID != model.NoProducerID && p.producerEpoch != model.NoProducerEpoch
	if p.isEpochBump {
		if p.err = p.transitionTo(producerTxnFlagInitializing, producer.NoError); p.err != producer.NoError {
			return
		}
	}
	for p.attemptsRemaining = p.config.RetryMax; p.attemptsRemaining >= 0; p.attemptsRemaining-- {
		p.coordinator.Send(t, &model.InitProducerIDRequest{
			Version: 4, TransactionalID: p.config.TransactionalID, TransactionTimeout: time.Minute, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch,
		})
		response, ok := p.coordinator.Receive(t.At(producer.PointAwaitID)).(*model.InitProducerIDResponse)
		if !ok {
			p.timesOut(t)
		} else if retry := p.producerIDInitialized(response); !retry {
			return
		}
		p.sleep.Sleep(t.At(producer.PointBackoff), p.computeBackoff(p.config.RetryBackoff))
	}
}

// timesOut is that a request or its answer is lost: the read of the answer ends after
// ReadTimeout, and the coordinator is looked up anew.
//
// Differs: the look-up takes no time.
func (p *Transactions) timesOut(t *sim.Task) {
	p.sleep.Sleep(t.At(producer.PointTimeout), p.config.ReadTimeout)
	p.err = producer.TxnError(model.ErrRequestTimedOut)
}

func (p *Transactions) producerIDInitialized(response *model.InitProducerIDResponse) (retry bool) {
	p.err = producer.TxnError(response.Error)
	switch response.Error {
	case model.None:
		if p.isEpochBump {
			clear(p.sequenceNumbers)
		}
		if p.err = p.transitionTo(producerTxnFlagReady, producer.NoError); p.err != producer.NoError {
			return true
		}
		p.producerID, p.producerEpoch = response.ProducerID, response.ProducerEpoch
		return false
	case model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress:
		return true
	case model.ErrConcurrentTransactions:
		if p.config.Release >= Release1_61_1 {
			return true // The coordinator is still finishing the previous transaction.
		}
	}
	p.err = p.transitionTo(producerTxnFlagInError|producerTxnFlagFatalError, p.err)
	return false
}

// BeginTxn sends no request, so it is never answered CONCURRENT_TRANSACTIONS.
func (p *Transactions) BeginTxn(*sim.Task) {
	p.err = p.transitionTo(producerTxnFlagInTransaction, producer.NoError)
	p.leave()
}

// Send is SendMessage of the SyncProducer.
func (p *Transactions) Send(t *sim.Task) {
	p.dispatch(t)
	if p.err != producer.NoError {
		p.returnError()
	}
	p.leave()
}

// EndInside is a message on Input, and later AbortTxn or CommitTxn, which waits for what
// becomes of the message.
//
// Differs: that it was called shows in the status at once. Until the message
// fails nothing looks at that, so it shows then.
func (p *Transactions) EndInside(t *sim.Task) {
	p.thinks.Start(t, p.Inside.After)
	p.dispatch(t)
	if called := p.thinks.TryReceive(t); called {
		p.commit = p.Inside.Commit
		p.endsTransaction()
		if p.err != producer.NoError {
			p.returnError()
		}
	} else {
		if p.err != producer.NoError {
			p.returnError()
		}
		p.leave()
		p.thinks.Receive(t.At(PointThinks))
		p.commit = p.Inside.Commit
		p.endsTransaction()
	}
	p.finishTransaction(t)
	p.leave()
}

// dispatch takes the record through dispatcher and partitionProducer to its
// brokerProducer.
func (p *Transactions) dispatch(t *sim.Task) {
	if p.status&producerTxnFlagInTransaction == 0 {
		p.err = producer.ErrNotAllowed // ErrTransactionNotReady
		return
	}
	// getAndIncrementSequenceNumber: what becomes of the record, the number is
	// spent.
	p.sequenceNumber = p.sequenceNumbers[p.Partition]
	p.sequenceNumbers[p.Partition]++
	p.maybeAddPartitionToCurrentTxn()
	if p.closing[p.Partition] {
		// The partitionProducer still has the brokerProducer that handleError closed:
		// that hands the record back, which takes a level of retries and its backoff.
		p.closing[p.Partition] = false
		p.retries = 1
		p.sleep.Sleep(t.At(PointProducerBackoff), p.config.ProducerRetryBackoff)
	}
	for ; ; p.retries++ {
		p.sendBatch(t)
		if p.connectionError() && (p.config.Release >= Release1_48_0 || p.retries >= p.config.ProducerRetryMax) {
			p.closing[p.Partition] = true // Before 1.48.0 a record that goes again passes the partitionProducer.
		}
		if !p.isRetriable() || p.retries >= p.config.ProducerRetryMax {
			return
		}
		if p.backsOff() {
			p.sleep.Sleep(t.At(PointProducerBackoff), p.config.ProducerRetryBackoff)
		}
	}
}

// connectionError says whether handleError takes the connection for broken.
func (p *Transactions) connectionError() bool {
	return !p.fromResponse && p.err != producer.NoError && p.err != producer.ErrNotAllowed
}

// backsOff says whether Producer.Retry.Backoff passes before the batch goes again:
// in partitionProducer.dispatch before 1.48.0, if it was not refused but failed, and
// in retryBatch since 1.49.0.
func (p *Transactions) backsOff() bool {
	if p.config.Release >= Release1_49_0 {
		return true
	}
	return p.config.Release != Release1_48_0 && !p.fromResponse
}

// isRetriable says whether handleSuccess or handleError sends the batch again:
// for some refusals of the leader, and for whatever else there is, which is taken
// for a connection that broke.
func (p *Transactions) isRetriable() bool {
	switch {
	case p.fromResponse:
		code := p.err.Kafka()
		return code == model.ErrUnknownTopicOrPartition || code == model.ErrNotEnoughReplicas
	}
	return p.connectionError()
}

// maybeAddPartitionToCurrentTxn notes the partition for publishTxnPartitions.
func (p *Transactions) maybeAddPartitionToCurrentTxn() {
	if !slices.Contains(p.partitionsInCurrentTxn, p.Partition) && !slices.Contains(p.pendingPartitionsInCurrentTxn, p.Partition) {
		p.pendingPartitionsInCurrentTxn = append(p.pendingPartitionsInCurrentTxn, p.Partition)
		slices.Sort(p.pendingPartitionsInCurrentTxn)
	}
}

// sendBatch is the bridge of newBrokerProducer with a batch: it adds what is
// pending, and produces.
func (p *Transactions) sendBatch(t *sim.Task) {
	p.publishTxnPartitions(t)
	p.fromResponse = false
	if p.err == producer.NoError && p.config.Release >= Release1_61_1 && !slices.Contains(p.partitionsInCurrentTxn, p.Partition) {
		p.err = producer.ErrNotAllowed
	}
	if p.err != producer.NoError {
		return
	}
	p.leaders[p.Partition].Send(t, &model.ProduceRequest{Version: 7, TransactionalID: p.config.TransactionalID, Partitions: []model.PartitionBatch{{
		Partition: p.Partition,
		Batch: model.RecordBatch{
			ProducerID: p.producerID, ProducerEpoch: p.producerEpoch, BaseSequence: p.sequenceNumber, Transactional: true,
			Records: []model.Record{p.Record},
		},
	}}})
	response := p.leaders[p.Partition].Receive(t.At(producer.PointAwaitAppend)).(*model.ProduceResponse)
	p.err, p.fromResponse = producer.TxnError(response.Partitions[0].Error), true
}

// publishTxnPartitions adds what is pending: the inner budget.
func (p *Transactions) publishTxnPartitions(t *sim.Task) {
	if p.status&producerTxnFlagInError != 0 {
		p.err = p.lastError
		return
	}
	if p.err = producer.NoError; len(p.pendingPartitionsInCurrentTxn) == 0 {
		return
	}
	p.retryBackoff = p.config.RetryBackoff
	for p.attemptsRemaining = p.config.RetryMax; p.attemptsRemaining >= 0; p.attemptsRemaining-- {
		p.coordinator.Send(t, &model.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch, Partitions: slices.Clone(p.pendingPartitionsInCurrentTxn),
		})
		response, ok := p.coordinator.Receive(t.At(producer.PointAwaitAdd)).(*model.AddPartitionsToTxnResponse)
		if !ok {
			p.timesOut(t)
		} else if retry := p.partitionsPublished(response); !retry {
			return
		}
		p.sleep.Sleep(t.At(producer.PointBackoff), p.computeBackoff(p.retryBackoff))
	}
}

func (p *Transactions) partitionsPublished(response *model.AddPartitionsToTxnResponse) (retry bool) {
	for _, outcome := range response.Partitions {
		switch p.err = producer.TxnError(outcome.Error); outcome.Error {
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
			if p.config.Release < Release1_61_1 {
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
func (p *Transactions) abortableErrorIfPossible() {
	p.epochBumpRequired = true
	p.err = p.transitionTo(producerTxnFlagInError|producerTxnFlagAbortableError, p.err)
}

// returnError is returnError with maybeTransitionToErrorState.
func (p *Transactions) returnError() {
	if p.err.Kafka() == model.ErrProducerFenced {
		p.transitionTo(producerTxnFlagInError|producerTxnFlagFatalError, p.err)
		return
	}
	if p.config.Release >= Release1_61_1 {
		if p.status&producerTxnFlagAbortingTransaction != 0 {
			return // An error would make that fail.
		}
		p.epochBumpRequired = true
	} else if ending := p.status&producerTxnFlagEndTransaction != 0; !ending {
		p.epochBumpRequired = true
	}
	p.transitionTo(producerTxnFlagInError|producerTxnFlagAbortableError, p.err)
}

func (p *Transactions) CommitTxn(t *sim.Task) {
	p.commit = true
	p.endsTransaction()
	p.finishTransaction(t)
	p.leave()
}

func (p *Transactions) AbortTxn(t *sim.Task) {
	p.endsTransaction()
	p.finishTransaction(t)
	p.leave()
}

// endsTransaction is finishTransaction of asyncProducer, whose dispatcher goes to
// EndTransaction and only logs it if that is not allowed.
func (p *Transactions) endsTransaction() {
	ends := producerTxnFlagEndTransaction | producerTxnFlagAbortingTransaction
	if p.commit {
		ends = producerTxnFlagEndTransaction | producerTxnFlagCommittingTransaction
	}
	p.transitionTo(ends, producer.NoError)
}

// finishTransaction is that of transactionManager.
func (p *Transactions) finishTransaction(t *sim.Task) {
	p.err = producer.NoError
	switch {
	case p.commit && p.status&producerTxnFlagInError != 0, p.status&producerTxnFlagFatalError != 0:
		p.err = p.lastError
		return
	case len(p.partitionsInCurrentTxn) == 0:
		// There is no EndTxn to send. A new epoch there must be all the same, and
		// before 1.61.1 there is none.
		p.epochBump = p.epochBumpRequired && p.config.Release >= Release1_61_1
		if p.err = p.completeTransaction(); p.err != producer.NoError || !p.epochBump {
			return
		}
		p.initializeTransactions(t)
		return
	}
	p.epochBump = p.epochBumpRequired
	if p.lastError.Kafka() != model.ErrInvalidProducerIDMapping || p.config.Release >= Release1_61_1 {
		p.endTxn(t)
		if p.err != producer.NoError || !p.epochBump {
			return
		}
	}
	p.initializeTransactions(t)
}

func (p *Transactions) endTxn(t *sim.Task) {
	for p.attemptsRemaining = p.config.RetryMax; p.attemptsRemaining >= 0; p.attemptsRemaining-- {
		request := &model.EndTxnRequest{Version: 3, TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch}
		if p.commit {
			request.Result = model.Commit
		}
		p.coordinator.Send(t, request)
		response, ok := p.coordinator.Receive(t.At(producer.PointAwaitEnd)).(*model.EndTxnResponse)
		if !ok {
			p.timesOut(t)
		} else if retry := p.txnEnded(response); !retry {
			return
		}
		p.sleep.Sleep(t.At(producer.PointBackoff), p.computeBackoff(p.config.RetryBackoff))
	}
}

func (p *Transactions) txnEnded(response *model.EndTxnResponse) (retry bool) {
	switch p.err = producer.TxnError(response.Error); response.Error {
	case model.None:
		p.err = p.completeTransaction()
		return false
	case model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress, model.ErrConcurrentTransactions:
		return true
	case model.ErrInvalidProducerIDMapping:
		if p.config.Release < Release1_61_1 {
			p.abortableErrorIfPossible()
			return false
		}
	}
	p.err = p.transitionTo(producerTxnFlagInError|producerTxnFlagFatalError, p.err)
	return false
}

func (p *Transactions) completeTransaction() producer.TxnError {
	target := producerTxnFlagReady
	if p.epochBumpRequired {
		target = producerTxnFlagInitializing
	}
	if err := p.transitionTo(target, producer.NoError); err != producer.NoError {
		return err
	}
	p.epochBumpRequired = false
	p.partitionsInCurrentTxn, p.pendingPartitionsInCurrentTxn = nil, nil
	return producer.NoError
}

// Close does nothing: what it ends is not modelled.
func (p *Transactions) Close(*sim.Task) {}
