package kgo

import (
	"slices"
	"time"

	"racelab/model"
	"racelab/model/config"
	"racelab/model/producer"
	"racelab/sim"
)

// Transactions is what the goroutines of a transactional kgo client share: that of
// its application, and a sink for each partition's leader.
//
// On CONCURRENT_TRANSACTIONS every request to the coordinator is tried again
// after 20 ms, and after longer when that has gone on for long: until the context
// ends, which here only that of EndTransaction in EndInside may. Under TV2 the partition's leader may answer so as
// well, and a batch that failed waits for the next update of the metadata.
//
// Held against the releases at drawn settings: go -C witness/conform test ..
//
// Source: Client.BeginTransaction, EndTransaction and
// doWithConcurrentTransactions in txn.go, sink.doTxnReq and handleReqRespBatch in
// sink.go, of franz-go 1.22.1, 1.22.2 and 1.22.3.
// Differs: a record a batch, and one request in flight to a leader; the goroutine
// that handles its answer is the sink's. A sink has a connection of its own to the
// coordinator: what overtakes there, overtakes in the client as well, since each
// goroutine tries again by itself. The coordinator may leave a request unanswered, while no other
// is out and no context ends (EndTransaction returns the context's error then, and the next one
// loads a new epoch); and no producer id is recovered: what fails it is fatal here. The calls of
// the application are in order, so txnMu is never
// waited for; what is stored together in one atomic value, or under recBuf.mu, is several
// atomic values that are stored in one step.
type Transactions struct {
	producer.TxnAPI
	concurrentTransactions
	config   Config     `sim:"config"`
	sinks    []*txnSink // by partition
	metadata sim.Timer  // until it may be updated again

	id    sim.Atomic[int64]
	epoch sim.Atomic[int32]
	err   sim.Atomic[int32] // a producer.TxnError, of the producer id

	inTxn         bool
	producedInTxn bool
	unconfirmed   bool // endUnconfirmed
	aborting      sim.Atomic[bool]
	closed        sim.Atomic[bool]
	ctx           sim.Chan[bool] // is closed with the client
	hasDeadline   bool           // the context of EndTransaction
	deadline      sim.Timer
	addingToTxn   sim.WaitGroup // since 1.22.3

	commit  model.TransactionResult
	swapped []bool // addedSwapped, by partition
}

// concurrentTransactions is what doWithConcurrentTransactions keeps in local
// variables, and the connection that it asks on.
type concurrentTransactions struct {
	coordinator *sim.Conn
	after       sim.Timer
	start       sim.Time
	backoff     time.Duration
	code        model.Error // of the last response
}

// Config is what a kgo client is configured with.
type Config struct {
	Release Release
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
	// RequestTimeoutOverhead is the option of that name: how long the coordinator may take to
	// answer.
	//
	// Default: 10 s.
	RequestTimeoutOverhead time.Duration
}

// Release is a release of franz-go, for what it does about transactions.
type Release uint8

const (
	// Release1_15_0 lets Flush return while a partition is being added, and tries again every
	// 200 ms from 1 s on, however long it takes.
	//
	// Source: franz-go 1.15.0 to 1.21.3.
	Release1_15_0 Release = iota
	// Release1_22_2 is Release1_15_0, but that it tries less often from 2.5 s on, and from 5 s.
	//
	// Source: franz-go 1.21.4 to 1.22.2.
	Release1_22_2
	// Release1_22_3 has Flush wait for that, and stops adding once
	// AbortBufferedRecords is called.
	//
	// Source: franz-go pull request 1534.
	Release1_22_3
)

// NewTransactions returns a client with its connection to the transaction
// coordinator, and for each partition a sink, which is a program of its own. It
// refuses what NewClient does.
func NewTransactions(c Config, coordinator *sim.Conn, sinks ...SinkConns) *Transactions {
	checked := config.NewKgo()
	checked.Transactional, checked.MetadataMinAge = true, c.MetadataMinAge
	config.Must("franz-go", checked)
	cl := &Transactions{config: c, swapped: make([]bool, len(sinks))}
	cl.coordinator, cl.start = coordinator, sim.Never
	cl.ctx.Init(0)
	cl.id.Init(int64(model.NoProducerID))
	cl.epoch.Init(int32(model.NoProducerEpoch))
	for i, conns := range sinks {
		s := &txnSink{cl: cl, leader: conns.Leader, partition: model.Partition(i), record: noRecord}
		s.coordinator, s.start = conns.Coordinator, sim.Never
		s.batches.Init(2)
		cl.sinks = append(cl.sinks, s)
	}
	return cl
}

// Programs are the client's sinks, by partition.
func (cl *Transactions) Programs() []sim.Program {
	var programs []sim.Program
	for _, s := range cl.sinks {
		programs = append(programs, s)
	}
	return programs
}

func (cl *Transactions) tx890p2() bool { return cl.config.TransactionVersion.SupportsEpochBump() }

func (cl *Transactions) failed(t *sim.Task) producer.TxnError {
	return producer.TxnError(cl.err.Load(t))
}

// leave hands the application what a call returns.
func (cl *Transactions) leave(t *sim.Task, err producer.TxnError) {
	cl.Failure, cl.code, cl.commit = err, model.None, model.Abort
	clear(cl.swapped)
	switch {
	case cl.failed(t) != producer.NoError:
		cl.Status = model.TxnFatalError
	case cl.inTxn:
		cl.Status = model.TxnInTransaction
	default:
		cl.Status = model.TxnReady
	}
}

// tries begins doWithConcurrentTransactions.
func (c *concurrentTransactions) tries(t *sim.Task, config *Config) {
	c.start, c.backoff = t.Now(), config.ConcurrentTransactionsBackoff
}

// concurrent says whether doWithConcurrentTransactions tries again, and sets the
// backoff. The longer it has gone on, the longer that is.
func (c *concurrentTransactions) concurrent(t *sim.Task, config *Config) bool {
	if c.code != model.ErrConcurrentTransactions {
		c.start, c.backoff = sim.Never, 0
		return false
	}
	if c.start == sim.Never {
		return true // The last floor is reached.
	}
	switch since := t.Now().Sub(c.start); {
	case config.Release < Release1_22_2 && since > time.Second:
		c.backoff = max(c.backoff, 200*time.Millisecond) // The next floors come after this one, and never.
		c.start = sim.Never
	case since > 5*time.Second:
		c.backoff = max(c.backoff, time.Second)
		c.start = sim.Never
	case since > 5*time.Second/2:
		c.backoff = max(c.backoff, 500*time.Millisecond)
	case since > time.Second:
		c.backoff = max(c.backoff, 200*time.Millisecond)
	}
	return true
}

// timesOut is that a request or its answer is lost: the connection is closed, and the request
// goes again on another one.
//
// Source: brokerCxn.readConn, retryable.Request. Differs: RetryBackoffFn gives 0, the look-up
// takes no time, and neither RequestRetries nor RetryTimeout ends it.
func (c *concurrentTransactions) timesOut(t *sim.Task, config *Config) {
	c.after.Sleep(t.At(producer.PointTimeout), config.RequestTimeoutOverhead)
}

// InitTransactions is NewClient, which asks nobody, but for the metadata.
func (cl *Transactions) InitTransactions(t *sim.Task) {
	cl.metadata.Start(t, cl.config.MetadataMinAge)
	cl.leave(t, producer.NoError)
}

// BeginTxn is BeginTransaction. The first one loads the producer id.
func (cl *Transactions) BeginTxn(t *sim.Task) {
	if cl.inTxn {
		cl.leave(t, producer.ErrNotAllowed)
		return
	}
	if cl.id.Load(t) == int64(model.NoProducerID) && cl.failed(t) == producer.NoError {
		cl.producerID(t)
	}
	if cl.failed(t) == producer.NoError {
		cl.inTxn, cl.producedInTxn = true, false
	}
	cl.leave(t, cl.failed(t))
}

// producerID is doInitProducerID.
func (cl *Transactions) producerID(t *sim.Task) {
	cl.tries(t, &cl.config)
	for {
		cl.coordinator.Send(t, &model.InitProducerIDRequest{
			Version: 4, TransactionalID: cl.config.TransactionalID, TransactionTimeout: 40 * time.Second,
			ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch,
		})
		response, ok := cl.coordinator.Receive(t.At(producer.PointAwaitID)).(*model.InitProducerIDResponse)
		if !ok {
			cl.timesOut(t, &cl.config)
			continue
		}
		if cl.code = response.Error; !cl.concurrent(t, &cl.config) {
			cl.err.Store(t, int32(response.Error))
			if response.Error == model.None {
				cl.storeID(t, response.ProducerID, response.ProducerEpoch)
			}
			return
		}
		cl.after.Sleep(t.At(producer.PointBackoff), cl.backoff)
	}
}

func (cl *Transactions) storeID(t *sim.Task, id model.ProducerID, epoch model.ProducerEpoch) {
	cl.id.Store(t, int64(id))
	cl.epoch.Store(t, int32(epoch))
}

// Send is ProduceSync: Produce, until the record's promise is kept.
func (cl *Transactions) Send(t *sim.Task) {
	if !cl.inTxn {
		cl.leave(t, producer.ErrNotAllowed) // errNotInTransaction
		return
	}
	cl.produce(t)
	cl.sinks[cl.Partition].buffered.Wait(t.At(PointFlush)) // Promises are kept in order.
	cl.leave(t, producer.TxnError(cl.sinks[cl.Partition].promised.Load(t)))
}

// produce is Produce: the record is buffered, and the sink drains.
func (cl *Transactions) produce(t *sim.Task) {
	cl.producedInTxn = true
	s := cl.sinks[cl.Partition]
	s.buffered.Add(t, 1)
	s.batches.Send(t, cl.Record)
}

// EndInside is Produce, and later EndTransaction. An abort does not wait for the record:
// AbortBufferedRecords does, if the application calls it first. Before a commit it calls
// Flush.
func (cl *Transactions) EndInside(t *sim.Task) {
	cl.produce(t)
	cl.after.Sleep(t.At(PointThinks), cl.Inside.After)
	switch {
	case cl.Inside.Commit:
		cl.commit = model.Commit
		cl.flush(t)
	case cl.Inside.Flush:
		cl.abortBufferedRecords(t)
	}
	if cl.Inside.Timeout > 0 {
		cl.hasDeadline = true
		cl.deadline.Start(t, cl.Inside.Timeout)
	}
	cl.endTransaction(t)
	if cl.hasDeadline {
		cl.hasDeadline = false
		cl.deadline.Stop(t)
	}
}

// abortBufferedRecords is AbortBufferedRecords, which ends with Flush.
func (cl *Transactions) abortBufferedRecords(t *sim.Task) {
	cl.aborting.Store(t, true)
	cl.flush(t)
	cl.aborting.Store(t, false)
}

// flush is Flush. Since 1.22.3 it waits for a partition that is being added, too.
func (cl *Transactions) flush(t *sim.Task) {
	cl.sinks[cl.Partition].buffered.Wait(t.At(PointFlush))
	if cl.config.Release >= Release1_22_3 {
		cl.addingToTxn.Wait(t.At(PointFlush))
	}
}

func (cl *Transactions) CommitTxn(t *sim.Task) {
	cl.commit = model.Commit
	cl.endTransaction(t)
}

func (cl *Transactions) AbortTxn(t *sim.Task) { cl.endTransaction(t) }

// endTransaction neither flushes nor waits for a sink.
func (cl *Transactions) endTransaction(t *sim.Task) {
	if !cl.inTxn {
		cl.leave(t, producer.NoError)
		return
	}
	unconfirmed := cl.unconfirmed
	cl.inTxn, cl.unconfirmed = false, false
	for i, s := range cl.sinks {
		cl.swapped[i] = s.addedToTxn.Swap(t, false)
	}
	anyAdded := slices.Contains(cl.swapped, true)
	if !anyAdded && (!cl.tx890p2() || !cl.producedInTxn) {
		cl.leave(t, producer.NoError)
		return
	}
	if !anyAdded {
		// The broker may have added a partition and then refused the batch.
		cl.commit = model.Abort
	}
	switch {
	case cl.failed(t) != producer.NoError && cl.commit == model.Commit:
		cl.restore(t, unconfirmed) // OPERATION_NOT_ATTEMPTED
		cl.leave(t, cl.failed(t))
		return
	case unconfirmed:
		cl.leave(t, producer.NoError)
		return
	}
	cl.endTxn(t)
	if cl.code != model.None {
		cl.err.CompareAndSwap(t, 0, int32(cl.code)) // failProducerID
		cl.restore(t, true)
		cl.leave(t, producer.TxnError(cl.code))
		return
	}
	cl.leave(t, producer.NoError)
}

// restore takes back what EndTransaction has taken from the state, for the next one,
// which is to abort.
func (cl *Transactions) restore(t *sim.Task, unconfirmed bool) {
	cl.inTxn, cl.unconfirmed = true, unconfirmed
	for i, s := range cl.sinks {
		if cl.swapped[i] {
			s.addedToTxn.Store(t, true)
		}
	}
}

// endTxn is the request of EndTransaction. Under TV2 the answer holds the epoch
// of the next transaction.
func (cl *Transactions) endTxn(t *sim.Task) {
	cl.tries(t, &cl.config)
	for {
		request := &model.EndTxnRequest{
			Version: 4, TransactionalID: cl.config.TransactionalID,
			ProducerID: model.ProducerID(cl.id.Load(t)), ProducerEpoch: model.ProducerEpoch(cl.epoch.Load(t)), Result: cl.commit,
		}
		if cl.tx890p2() {
			request.Version = 5
		}
		cl.coordinator.Send(t, request)
		response, ok := cl.coordinator.Receive(t.At(producer.PointAwaitEnd)).(*model.EndTxnResponse)
		if !ok {
			cl.timesOut(t, &cl.config)
			continue
		}
		if cl.code = response.Error; !cl.concurrent(t, &cl.config) {
			if cl.code == model.None && cl.tx890p2() {
				cl.storeID(t, response.ProducerID, response.ProducerEpoch)
				for _, s := range cl.sinks {
					s.seq.Store(t, 0) // resetAllProducerSequences
				}
			}
			return
		}
		if cl.abandons(t) {
			cl.start, cl.backoff = sim.Never, 0
			return
		}
	}
}

// abandons waits for the backoff, or for the end of the context of EndTransaction. Then
// that returns the last answer.
func (cl *Transactions) abandons(t *sim.Task) bool {
	if !cl.hasDeadline {
		cl.after.Sleep(t.At(producer.PointBackoff), cl.backoff)
		return false
	}
	cl.after.Start(t, cl.backoff)
	if t.At(producer.PointBackoff).Select(cl.after.Receiving(), cl.deadline.Receiving()) != &cl.deadline {
		return false
	}
	cl.after.Stop(t)
	return true
}

// Close ends the sinks, and the updates of the metadata.
func (cl *Transactions) Close(t *sim.Task) {
	cl.closed.Store(t, true)
	cl.ctx.Close(t)
	cl.metadata.Stop(t)
	for _, s := range cl.sinks {
		s.batches.Close(t)
	}
}
