package librdkafka

import (
	"time"

	"racelab/model"
	"racelab/model/producer"
	"racelab/sim"
)

// Transactions is a transactional librdkafka producer that consumes,
// processes and produces: each transaction is a record, and the offset that was
// consumed for it.
//
// It adds twice, and backs off twice. The partition is registered by a timer of
// the main thread, and again 20 ms after CONCURRENT_TRANSACTIONS; the offsets are
// added by the application's call, and again after retry.backoff.ms, as any request
// is that is retried. So the longer of the two is what a transaction waits.
//
// Source: rd_kafka_txn_schedule_register_partitions,
// rd_kafka_txn_handle_AddPartitionsToTxn, rd_kafka_txn_handle_AddOffsetsToTxn and
// rd_kafka_send_offsets_to_transaction of librdkafka 1.5.
// Differs: no errors but CONCURRENT_TRANSACTIONS; no abort. The main thread's
// timer and the broker's thread are one task. TxnOffsetCommit is the batch that
// the group's coordinator makes of it, to __consumer_offsets.
type Transactions struct {
	producer.TxnAPI
	config      Config `sim:"config"`
	coordinator *sim.Conn
	leader      *sim.Conn // of the record's partition, and of __consumer_offsets
	sleep       sim.Timer

	producerID    model.ProducerID
	producerEpoch model.ProducerEpoch
	committed     model.Sequence // of offsets
	main          mainThread
}

// mainThread registers a partition and sends its record.
type mainThread struct {
	client    *Transactions
	pending   sim.Chan[model.Record]
	delivered sim.Chan[bool]
	timer     sim.Timer
	record    model.Record
	enqueued  sim.Time // the record
	sent      model.Sequence
}

// Config is what its configuration says that matters here.
type Config struct {
	// TransactionalID is transactional.id.
	TransactionalID model.TransactionalID
	// RetryBackoff is retry.backoff.ms, for all but the registration.
	//
	// Default: 100 ms.
	RetryBackoff time.Duration
	// Linger is linger.ms: how long a record waits for others to its batch.
	//
	// Default: 5 ms, since 1.5.
	Linger time.Duration
}

// How soon a partition is registered.
const (
	registerAtOnce = time.Millisecond // the least that the timer is set to
	registerAgain  = 20 * time.Millisecond
)

// NewTransactions returns a producer with its connections to the
// transaction coordinator and to the leader, and the program of its main thread.
func NewTransactions(config Config, coordinator, leader *sim.Conn) (client *Transactions, main sim.Program) {
	p := &Transactions{
		config: config, coordinator: coordinator, leader: leader,
		producerID: model.NoProducerID, producerEpoch: model.NoProducerEpoch,
	}
	p.main.client, p.main.enqueued = p, sim.Never
	p.main.pending.Init(1)
	p.main.delivered.Init(1)
	return p, &p.main
}

// InitTransactions is rd_kafka_init_transactions.
func (p *Transactions) InitTransactions(t *sim.Task) {
	p.coordinator.Send(t, &model.InitProducerIDRequest{
		Version: 4, TransactionalID: p.config.TransactionalID, TransactionTimeout: time.Minute,
		ProducerID: p.producerID, ProducerEpoch: p.producerEpoch,
	})
	response := p.coordinator.Receive(t.At(producer.PointAwaitID)).(*model.InitProducerIDResponse)
	p.producerID, p.producerEpoch = response.ProducerID, response.ProducerEpoch
	p.leave(response.Error, model.TxnReady)
}

// leave hands the application what a call returns.
func (p *Transactions) leave(code model.Error, status model.TxnStatus) {
	p.Failure, p.Status = producer.TxnError(code), status
}

func (p *Transactions) BeginTxn(*sim.Task) { p.leave(model.None, model.TxnInTransaction) }

// Send is rd_kafka_produce: the record is in the queue, and its partition is
// pending.
func (p *Transactions) Send(t *sim.Task) {
	p.main.enqueued = t.Now()
	p.main.pending.Send(t.At(PointEnqueue), p.Record)
	p.leave(model.None, model.TxnInTransaction)
}

// CommitTxn is rd_kafka_send_offsets_to_transaction, and then
// rd_kafka_commit_transaction, which waits for what is outstanding.
func (p *Transactions) CommitTxn(t *sim.Task) {
	p.addOffsets(t)
	p.txnOffsetCommit(t)
	p.main.delivered.Receive(t.At(PointFlush))
	p.endTxn(t)
}

// addOffsets is AddOffsetsToTxn, until it is accepted.
func (p *Transactions) addOffsets(t *sim.Task) {
	for {
		p.coordinator.Send(t, &model.AddOffsetsToTxnRequest{
			TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch,
		})
		response := p.coordinator.Receive(t.At(producer.PointAwaitAdd)).(*model.AddOffsetsToTxnResponse)
		if response.Error != model.ErrConcurrentTransactions {
			return
		}
		p.sleep.Sleep(t.At(producer.PointBackoff), p.config.RetryBackoff)
	}
}

// txnOffsetCommit writes the offset that was consumed.
func (p *Transactions) txnOffsetCommit(t *sim.Task) {
	p.leader.Send(t, p.batch(model.ConsumerOffsets, p.committed, model.Record(p.committed)))
	p.leader.Receive(t.At(producer.PointAwaitAppend))
	p.committed++
}

// batch is a record's way to a partition.
func (p *Transactions) batch(to model.Partition, sequence model.Sequence, record model.Record) *model.ProduceRequest {
	return &model.ProduceRequest{Version: 7, TransactionalID: p.config.TransactionalID, Partitions: []model.PartitionBatch{{
		Partition: to,
		Batch: model.RecordBatch{
			ProducerID: p.producerID, ProducerEpoch: p.producerEpoch, BaseSequence: sequence, Transactional: true,
			Records: []model.Record{record},
		},
	}}}
}

func (p *Transactions) endTxn(t *sim.Task) {
	p.coordinator.Send(t, &model.EndTxnRequest{
		Version: 3, TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch, Result: model.Commit,
	})
	response := p.coordinator.Receive(t.At(producer.PointAwaitEnd)).(*model.EndTxnResponse)
	p.leave(response.Error, model.TxnReady)
}

// AbortTxn is not modelled: what fails is fatal.
func (p *Transactions) AbortTxn(*sim.Task) { p.leave(model.None, model.TxnFatalError) }

func (p *Transactions) Close(t *sim.Task) { p.main.pending.Close(t) }

// Run registers and sends one record after the other.
func (m *mainThread) Run(t *sim.Task) {
	for {
		record, ok := m.pending.Receive(t.At(PointAwaitRecord))
		if !ok {
			return
		}
		m.record = record
		m.timer.Sleep(t.At(PointRegister), registerAtOnce)
		m.registerPartitions(t)
		m.produce(t)
	}
}

// registerPartitions is rd_kafka_txn_register_partitions, with its response.
func (m *mainThread) registerPartitions(t *sim.Task) {
	for {
		p := m.client
		p.coordinator.Send(t, &model.AddPartitionsToTxnRequest{
			Version: 0, TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch,
			Partitions: []model.Partition{0},
		})
		response := m.client.coordinator.Receive(t.At(producer.PointAwaitAdd)).(*model.AddPartitionsToTxnResponse)
		if response.Partitions[0].Error != model.ErrConcurrentTransactions {
			return
		}
		m.timer.Sleep(t.At(PointRegister), registerAgain)
	}
}

// produce sends the batch when it has lingered, and says when it is delivered.
func (m *mainThread) produce(t *sim.Task) {
	if left := m.enqueued.Add(m.client.config.Linger).Sub(t.Now()); left > 0 {
		m.timer.Sleep(t.At(PointLinger), left)
	}
	m.client.leader.Send(t, m.client.batch(0, m.sent, m.record))
	m.client.leader.Receive(t.At(producer.PointAwaitAppend))
	m.sent++
	m.record, m.enqueued = 0, sim.Never
	m.delivered.Send(t.At(PointDelivered), true)
}
