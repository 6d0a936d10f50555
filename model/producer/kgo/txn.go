package kgo

import (
	"slices"
	"time"

	"racelab/model"
	"racelab/model/config"
	"racelab/model/producer"
	"racelab/sim"
)

// Transactions is a transactional kgo client.
//
// On CONCURRENT_TRANSACTIONS every request to the coordinator is tried again
// after 20 ms, and after longer when that has gone on for long: until the context
// ends, which here it does not. Under TV2 the partition's leader may answer so as
// well, and a batch that failed waits for the next update of the metadata.
//
// Source: Client.BeginTransaction, EndTransaction and
// doWithConcurrentTransactions in txn.go, sink.doTxnReq and handleReqRespBatch in
// sink.go, of franz-go 1.22.2.
// Differs: ProduceSync, and a record a batch, so the sink's goroutine and the
// application take turns, and are one here. No connection breaks, and no producer
// id is recovered: what fails it is fatal here.
type Transactions struct {
	producer.TxnAPI
	config      Config `sim:"config"`
	coordinator *sim.Conn
	leaders     []*sim.Conn // by partition
	after       sim.Timer
	// metadata is when the metadata may be updated again; a value in it is that
	// it may.
	metadata sim.Timer

	id    model.ProducerID
	epoch model.ProducerEpoch
	err   producer.TxnError // of the producer id
	seqs  []model.Sequence  // by partition

	inTxn         bool
	producedInTxn bool
	addedToTxn    []model.Partition // ascending

	// What doWithConcurrentTransactions keeps in local variables.
	start   sim.Time
	backoff time.Duration

	commit model.TransactionResult
	code   model.Error // of the last response
}

// Config is what a kgo client is configured with.
type Config struct {
	// TransactionalID is the option of that name.
	TransactionalID model.TransactionalID
	// TransactionVersion is TV2 if the cluster supports KIP-890 part 2 and
	// EndTxn v5 says so.
	TransactionVersion model.TransactionVersion
	// ConcurrentTransactionsBackoff is the option of that name.
	//
	// Default: 20 ms.
	ConcurrentTransactionsBackoff time.Duration
	// MetadataMinAge is the option of that name: the least time between two
	// updates of the metadata.
	//
	// Default: 5 s.
	MetadataMinAge time.Duration
}

// NewTransactions returns a client with its connections to the transaction
// coordinator and to the partitions' leaders. It refuses what NewClient does.
func NewTransactions(c Config, coordinator *sim.Conn, leaders ...*sim.Conn) *Transactions {
	checked := config.NewKgo()
	checked.Transactional, checked.MetadataMinAge = true, c.MetadataMinAge
	config.Must("franz-go", checked)
	return &Transactions{
		config: c, coordinator: coordinator, leaders: leaders,
		id: model.NoProducerID, epoch: model.NoProducerEpoch, seqs: make([]model.Sequence, len(leaders)),
		start: sim.Never,
	}
}

func (cl *Transactions) tx890p2() bool { return cl.config.TransactionVersion.SupportsEpochBump() }

// leave hands the application what a call returns.
func (cl *Transactions) leave(err producer.TxnError) {
	cl.Failure, cl.code, cl.commit = err, model.None, model.Abort
	switch {
	case cl.err != producer.NoError:
		cl.Status = model.TxnFatalError
	case cl.inTxn:
		cl.Status = model.TxnInTransaction
	default:
		cl.Status = model.TxnReady
	}
}

// tries begins doWithConcurrentTransactions.
func (cl *Transactions) tries(t *sim.Task) {
	cl.start, cl.backoff = t.Now(), cl.config.ConcurrentTransactionsBackoff
}

// concurrent says whether doWithConcurrentTransactions tries again, and sets the
// backoff. The longer it has gone on, the longer that is.
func (cl *Transactions) concurrent(t *sim.Task) bool {
	if cl.code != model.ErrConcurrentTransactions {
		cl.start, cl.backoff = sim.Never, 0
		return false
	}
	if cl.start == sim.Never {
		return true // The last floor is reached.
	}
	switch since := t.Now().Sub(cl.start); {
	case since > 5*time.Second:
		cl.backoff = max(cl.backoff, time.Second)
		cl.start = sim.Never
	case since > 5*time.Second/2:
		cl.backoff = max(cl.backoff, 500*time.Millisecond)
	case since > time.Second:
		cl.backoff = max(cl.backoff, 200*time.Millisecond)
	}
	return true
}

// InitTransactions is NewClient, which asks nobody, but for the metadata.
func (cl *Transactions) InitTransactions(t *sim.Task) {
	cl.metadata.Start(t, cl.config.MetadataMinAge)
	cl.leave(producer.NoError)
}

// BeginTxn is BeginTransaction. The first one loads the producer id.
func (cl *Transactions) BeginTxn(t *sim.Task) {
	if cl.inTxn {
		cl.leave(producer.ErrNotAllowed)
		return
	}
	if cl.id == model.NoProducerID && cl.err == producer.NoError {
		cl.producerID(t)
	}
	if cl.err == producer.NoError {
		cl.inTxn, cl.producedInTxn = true, false
	}
	cl.leave(cl.err)
}

// producerID is doInitProducerID.
func (cl *Transactions) producerID(t *sim.Task) {
	cl.tries(t)
	for {
		cl.coordinator.Send(t, &model.InitProducerIDRequest{
			Version: 4, TransactionalID: cl.config.TransactionalID, TransactionTimeout: 40 * time.Second, ProducerID: cl.id, ProducerEpoch: cl.epoch,
		})
		response := cl.coordinator.Receive(t.At(producer.PointAwaitID)).(*model.InitProducerIDResponse)
		if cl.code = response.Error; !cl.concurrent(t) {
			cl.err = producer.TxnError(response.Error)
			if response.Error == model.None {
				cl.id, cl.epoch = response.ProducerID, response.ProducerEpoch
			}
			return
		}
		cl.after.Sleep(t.At(producer.PointBackoff), cl.backoff)
	}
}

// Send is ProduceSync: sink.produce, until the record's promise is kept.
func (cl *Transactions) Send(t *sim.Task) {
	if !cl.inTxn {
		cl.leave(producer.ErrNotAllowed) // errNotInTransaction
		return
	}
	if !cl.tx890p2() && !slices.Contains(cl.addedToTxn, cl.Partition) {
		cl.doTxnReq(t)
	}
	if cl.err == producer.NoError {
		cl.produce(t)
	}
	if cl.err != producer.NoError {
		cl.leave(cl.err)
		return
	}
	cl.leave(producer.TxnError(cl.code))
}

// doTxnReq adds the partition to the transaction.
func (cl *Transactions) doTxnReq(t *sim.Task) {
	cl.tries(t)
	for {
		cl.coordinator.Send(t, &model.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: cl.config.TransactionalID, ProducerID: cl.id, ProducerEpoch: cl.epoch, Partitions: []model.Partition{cl.Partition},
		})
		response := cl.coordinator.Receive(t.At(producer.PointAwaitAdd)).(*model.AddPartitionsToTxnResponse)
		if cl.code = response.Partitions[0].Error; !cl.concurrent(t) {
			if cl.err = producer.TxnError(cl.code); cl.err == producer.NoError {
				cl.added()
			}
			return
		}
		cl.after.Sleep(t.At(producer.PointBackoff), cl.backoff)
	}
}

func (cl *Transactions) added() {
	if !slices.Contains(cl.addedToTxn, cl.Partition) {
		cl.addedToTxn = append(cl.addedToTxn, cl.Partition)
		slices.Sort(cl.addedToTxn)
	}
}

// produce issues the batch until it is done with. One that is to go again waits
// for the metadata (handleRetryBatches), which is not updated more often than
// MetadataMinAge allows.
func (cl *Transactions) produce(t *sim.Task) {
	cl.producedInTxn = true
	for {
		request := &model.ProduceRequest{Version: 11, TransactionalID: cl.config.TransactionalID, Partitions: []model.PartitionBatch{{
			Partition: cl.Partition,
			Batch: model.RecordBatch{
				ProducerID: cl.id, ProducerEpoch: cl.epoch, BaseSequence: cl.seqs[cl.Partition], Transactional: true,
				Records: []model.Record{cl.Record},
			},
		}}}
		if cl.tx890p2() {
			request.Version = 12
		}
		cl.leaders[cl.Partition].Send(t, request)
		response := cl.leaders[cl.Partition].Receive(t.At(producer.PointAwaitAppend)).(*model.ProduceResponse)
		if retry := cl.handleReqRespBatch(response.Partitions[0].Error); !retry {
			return
		}
		cl.metadata.Receive(t.At(PointAwaitMetadata))
		cl.metadata.Start(t, cl.config.MetadataMinAge)
	}
}

// handleReqRespBatch finishes the batch, unless it is to go again. One that fails
// takes no sequence number with it.
func (cl *Transactions) handleReqRespBatch(code model.Error) (retry bool) {
	switch cl.code = code; code {
	case model.None:
		cl.seqs[cl.Partition]++
		cl.added()
	case model.ErrConcurrentTransactions, model.ErrNotEnoughReplicas, model.ErrUnknownTopicOrPartition:
		return true
	case model.ErrOutOfOrderSequenceNumber, model.ErrInvalidProducerIDMapping, model.ErrInvalidProducerEpoch:
		cl.err = producer.TxnError(code) // failProducerID
	}
	return false
}

func (cl *Transactions) CommitTxn(t *sim.Task) {
	cl.commit = model.Commit
	cl.endTransaction(t)
}

func (cl *Transactions) AbortTxn(t *sim.Task) { cl.endTransaction(t) }

func (cl *Transactions) endTransaction(t *sim.Task) {
	if !cl.inTxn {
		cl.leave(producer.NoError)
		return
	}
	anyAdded := len(cl.addedToTxn) > 0
	if !anyAdded && (!cl.tx890p2() || !cl.producedInTxn) {
		cl.inTxn = false
		cl.leave(producer.NoError)
		return
	}
	if !anyAdded {
		// The broker may have added a partition and then refused the batch.
		cl.commit = model.Abort
	}
	if cl.err != producer.NoError && cl.commit == model.Commit {
		cl.leave(cl.err)
		return
	}
	cl.endTxn(t)
	if cl.code != model.None {
		cl.err = producer.TxnError(cl.code)
		cl.leave(cl.err)
		return
	}
	cl.inTxn, cl.addedToTxn = false, nil
	cl.leave(producer.NoError)
}

// endTxn is the request of EndTransaction. Under TV2 the answer holds the epoch
// of the next transaction.
func (cl *Transactions) endTxn(t *sim.Task) {
	cl.tries(t)
	for {
		request := &model.EndTxnRequest{Version: 4, TransactionalID: cl.config.TransactionalID, ProducerID: cl.id, ProducerEpoch: cl.epoch, Result: cl.commit}
		if cl.tx890p2() {
			request.Version = 5
		}
		cl.coordinator.Send(t, request)
		response := cl.coordinator.Receive(t.At(producer.PointAwaitEnd)).(*model.EndTxnResponse)
		if cl.code = response.Error; !cl.concurrent(t) {
			if cl.code == model.None && cl.tx890p2() {
				cl.id, cl.epoch = response.ProducerID, response.ProducerEpoch
				clear(cl.seqs) // resetAllProducerSequences
			}
			return
		}
		cl.after.Sleep(t.At(producer.PointBackoff), cl.backoff)
	}
}

// Close ends the updates of the metadata.
func (cl *Transactions) Close(t *sim.Task) { cl.metadata.Stop(t) }
