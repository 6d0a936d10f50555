package java

import (
	"slices"
	"time"

	"racelab/model"
	"racelab/model/producer"
	"racelab/sim"
)

// TxnSender is the thread that sends for a transactional producer: its Sender, and what
// of its TransactionManager only that thread uses.
//
// CONCURRENT_TRANSACTIONS is retriable in all requests. The first
// AddPartitionsToTxn of a transaction is tried again after 20 ms, everything else
// after retry.backoff.ms, neither growing nor drawn; nothing counts the retries. A batch
// is sent again after retry.backoff.ms, which doubles up to retry.backoff.max.ms.
//
// Under TV2 no AddPartitionsToTxn is sent: a partition is of the transaction from
// when a record is appended, and its leader adds it. The answer to EndTxn has the epoch
// of the next transaction, so no error asks for one by InitProducerId, and
// INVALID_PRODUCER_ID_MAPPING is fatal (KAFKA-18019).
//
// Source: TransactionManager with InitProducerIdHandler, AddPartitionsToTxnHandler and
// EndTxnHandler; Sender.runOnce and Sender.maybeSendAndPollTransactionalRequest, of Kafka
// 3.9 for TV1, and of trunk between 4.0 and 4.2 for TV2: no release of 4.x was read.
// Differs: one record at a time, in the order of the calls. Waits
// do not end (delivery.timeout.ms). No connection breaks. No
// upgrade: the cluster speaks one version from the start, and 4.x only meets TV2. No
// linger.ms. What a batch waits is not drawn (20 % more or less).
type TxnSender struct {
	*manager
	coordinator *sim.Conn
	leaders     []*sim.Conn // by partition
	sleep       sim.Timer

	producerID    model.ProducerID
	producerEpoch model.ProducerEpoch
	nextSequence  []model.Sequence // by partition

	partitionsInTransaction []model.Partition // ascending
	transactionStarted      bool
	epochBumpRequired       bool

	request      txnRequest // that it is at
	isEpochBump  bool
	retryBackoff time.Duration     // of the AddPartitionsToTxnHandler, or of the batch
	failure      producer.TxnError // of the request
}

// retryBackoffMax is retry.backoff.max.ms, by default.
const retryBackoffMax = time.Second

// addPartitionsRetryBackoff is how soon the first AddPartitionsToTxn of a
// transaction is tried again.
//
// Source: TransactionManager.ADD_PARTITIONS_RETRY_BACKOFF_MS.
const addPartitionsRetryBackoff = 20 * time.Millisecond

func newTxnSender(m *manager, coordinator *sim.Conn, leaders []*sim.Conn) *TxnSender {
	return &TxnSender{
		manager: m, coordinator: coordinator, leaders: leaders,
		producerID: model.NoProducerID, producerEpoch: model.NoProducerEpoch, nextSequence: make([]model.Sequence, len(leaders)),
	}
}

// Run does what it is asked for, one after the other, until the producer is closed.
func (s *TxnSender) Run(t *sim.Task) {
	for {
		request, open := s.requests.Receive(t.At(PointNextRequest))
		if !open {
			return
		}
		s.request = request
		s.runOnce(t)
		s.request, s.failure, s.isEpochBump, s.retryBackoff = txnRequest{}, producer.NoError, false, 0
	}
}

// runOnce does a request, and tells who waits for it. In an error state it fails
// (maybeTerminateRequestWithError).
func (s *TxnSender) runOnce(t *sim.Task) {
	s.failure = s.hasError(t)
	switch {
	case s.request.call == model.Send:
		if s.failure == producer.NoError {
			s.sendRecord(t)
		}
		if s.request.awaited {
			s.future.Send(t, int32(s.failure)) // There is room.
		}
		return
	case s.failure != producer.NoError:
	case s.request.call == model.InitTransactions:
		s.initProducerID(t)
	default:
		s.completeTransaction(t)
	}
	s.result.Send(t, int32(s.failure)) // There is room.
}

// sendRecord sends a record. One whose transaction is being aborted by when its partition
// is added is not sent any more (abortUndrainedBatches); the add goes on. One that has
// been sent has its sequence number, and EndTxn waits for it.
func (s *TxnSender) sendRecord(t *sim.Task) {
	switch {
	case slices.Contains(s.partitionsInTransaction, s.request.partition):
	case s.transactionV2():
		s.partitionAdded()
	case s.isAborting(t):
	default:
		s.addPartitionsToTransaction(t)
	}
	if s.failure == producer.NoError && !s.isAborting(t) {
		s.sendProduceRequest(t)
	}
}

// fatalError goes to FATAL_ERROR.
func (s *TxnSender) fatalError(t *sim.Task, code model.Error) {
	s.failure = producer.TxnError(code)
	s.transitionTo(t, model.TxnFatalError, s.failure, false)
}

// abortableError goes to ABORTABLE_ERROR, unless the transaction is being aborted.
func (s *TxnSender) abortableError(t *sim.Task, code model.Error) {
	s.failure = producer.TxnError(code)
	if !s.isAborting(t) {
		s.transitionTo(t, model.TxnAbortableError, s.failure, false)
	}
}

// initProducerID is an InitProducerIdHandler.
func (s *TxnSender) initProducerID(t *sim.Task) {
	for {
		s.coordinator.Send(t, &model.InitProducerIDRequest{
			Version: 4, TransactionalID: s.config.TransactionalID, TransactionTimeout: time.Minute, ProducerID: s.producerID, ProducerEpoch: s.producerEpoch,
		})
		response := s.coordinator.Receive(t.At(producer.PointAwaitID)).(*model.InitProducerIDResponse)
		switch response.Error {
		case model.None:
			s.producerID, s.producerEpoch = response.ProducerID, response.ProducerEpoch
			s.transitionTo(t, model.TxnReady, producer.NoError, false)
			if s.isEpochBump {
				clear(s.nextSequence)
			}
			return
		case model.ErrNotCoordinator, model.ErrCoordinatorNotAvailable, model.ErrCoordinatorLoadInProgress, model.ErrConcurrentTransactions:
		default:
			s.fatalError(t, response.Error)
			return
		}
		s.sleep.Sleep(t.At(PointSenderBackoff), s.config.RetryBackoff)
	}
}

func (s *TxnSender) partitionAdded() {
	s.partitionsInTransaction = append(s.partitionsInTransaction, s.request.partition)
	slices.Sort(s.partitionsInTransaction)
	s.transactionStarted = true
}

// addPartitionsToTransaction is an AddPartitionsToTxnHandler.
func (s *TxnSender) addPartitionsToTransaction(t *sim.Task) {
	for {
		s.coordinator.Send(t, &model.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: s.config.TransactionalID, ProducerID: s.producerID, ProducerEpoch: s.producerEpoch,
			Partitions: []model.Partition{s.request.partition},
		})
		response := s.coordinator.Receive(t.At(producer.PointAwaitAdd)).(*model.AddPartitionsToTxnResponse)
		if reenqueue := s.partitionsAdded(t, response.Partitions[0].Error); !reenqueue {
			return
		}
		s.sleep.Sleep(t.At(PointSenderBackoff), min(s.config.RetryBackoff, s.retryBackoff))
	}
}

func (s *TxnSender) partitionsAdded(t *sim.Task, code model.Error) (reenqueue bool) {
	s.retryBackoff = s.config.RetryBackoff
	switch code {
	case model.None:
		s.partitionAdded()
		return false
	case model.ErrConcurrentTransactions:
		// Only the first add is hastened (maybeOverrideRetryBackoffMs; KAFKA-5482).
		if len(s.partitionsInTransaction) == 0 {
			s.retryBackoff = addPartitionsRetryBackoff
		}
		return true
	case model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress, model.ErrUnknownTopicOrPartition:
		return true
	case model.ErrInvalidProducerEpoch, model.ErrProducerFenced, model.ErrInvalidTxnState:
		s.fatalError(t, code)
		return false
	case model.ErrInvalidProducerIDMapping:
		s.epochBumpRequired = true
	}
	s.abortableError(t, code)
	return false
}

// sendProduceRequest sends a batch until it is completed. Source: Sender and
// RecordAccumulator.
func (s *TxnSender) sendProduceRequest(t *sim.Task) {
	s.retryBackoff = min(s.config.RetryBackoff, retryBackoffMax)
	for {
		request := &model.ProduceRequest{Version: 11, TransactionalID: s.config.TransactionalID, Partitions: []model.PartitionBatch{{
			Partition: s.request.partition,
			Batch: model.RecordBatch{
				ProducerID: s.producerID, ProducerEpoch: s.producerEpoch, BaseSequence: s.nextSequence[s.request.partition], Transactional: true,
				Records: []model.Record{s.request.record},
			},
		}}}
		if s.transactionV2() {
			request.Version = 12
		}
		s.leaders[s.request.partition].Send(t, request)
		response := s.leaders[s.request.partition].Receive(t.At(producer.PointAwaitAppend)).(*model.ProduceResponse)
		if reenqueue := s.completeBatch(t, response.Partitions[0].Error); !reenqueue {
			return
		}
		s.sleep.Sleep(t.At(PointBatchBackoff), s.retryBackoff)
		s.retryBackoff = min(2*s.retryBackoff, retryBackoffMax)
	}
}

// completeBatch is that of Sender with handleFailedBatch, which takes the
// sequence number back.
func (s *TxnSender) completeBatch(t *sim.Task, code model.Error) (reenqueue bool) {
	switch code {
	case model.None:
		s.nextSequence[s.request.partition]++
		return false
	case model.ErrNotEnoughReplicas, model.ErrUnknownTopicOrPartition, model.ErrConcurrentTransactions:
		return true
	case model.ErrProducerFenced:
		s.fatalError(t, code)
		return false
	case model.ErrInvalidProducerIDMapping:
		if s.transactionV2() {
			s.fatalError(t, code)
			return false
		}
	}
	s.epochBumpRequired = !s.transactionV2() // and the coordinator is of 2.5 or later
	s.abortableError(t, code)
	return false
}

// completeTransaction is beginCompletingTransaction, and what comes of it: EndTxn if
// there is anything to end, then a new epoch if one is required.
func (s *TxnSender) completeTransaction(t *sim.Task) {
	s.isEpochBump = s.epochBumpRequired
	if s.transactionStarted {
		s.endTxn(t)
	}
	if s.failure != producer.NoError {
		return
	}
	ended := model.TxnReady
	if s.isEpochBump {
		ended = model.TxnInitializing
	}
	s.transitionTo(t, ended, producer.NoError, false)
	s.epochBumpRequired, s.transactionStarted, s.partitionsInTransaction = false, false, nil
	if s.isEpochBump {
		s.initProducerID(t)
	}
}

// endTxn is an EndTxnHandler. Under TV2 the answer has the id and epoch of the next
// transaction, whose sequence numbers begin anew.
func (s *TxnSender) endTxn(t *sim.Task) {
	for {
		request := &model.EndTxnRequest{Version: 4, TransactionalID: s.config.TransactionalID, ProducerID: s.producerID, ProducerEpoch: s.producerEpoch}
		if s.request.call == model.CommitTxn {
			request.Result = model.Commit
		}
		if s.transactionV2() {
			request.Version = 5
		}
		s.coordinator.Send(t, request)
		response := s.coordinator.Receive(t.At(producer.PointAwaitEnd)).(*model.EndTxnResponse)
		switch response.Error {
		case model.None:
			if s.transactionV2() {
				s.producerID, s.producerEpoch = response.ProducerID, response.ProducerEpoch
				clear(s.nextSequence)
			}
			return
		case model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress, model.ErrConcurrentTransactions:
		default:
			s.fatalError(t, response.Error)
			return
		}
		s.sleep.Sleep(t.At(PointSenderBackoff), s.config.RetryBackoff)
	}
}
