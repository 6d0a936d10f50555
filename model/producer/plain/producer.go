package plain

import (
	"slices"
	"time"

	"racelab/model"
	"racelab/model/producer"
	"racelab/sim"
)

// Config is what a producer means to do, and how.
type Config struct {
	TransactionalID model.TransactionalID
	Version         model.TransactionVersion
	Transactions    []Transaction
	// Produce is the version of the request. Default: 11 under TV1, 12 under TV2.
	Produce model.APIVersion
	// First is the number of its first transaction: the records of transaction n are
	// 10n and on.
	First int
	// GivesUp takes a Produce without an answer for failed, and aborts.
	//
	// Source: delivery.timeout.ms.
	GivesUp bool
	// InitOnUnknown takes an EndTxn without an answer for unknown, and asks for a new
	// epoch instead of trying again: that fences the EndTxn that may still come.
	//
	// Source: kgo 1.21.6, endUnconfirmed.
	InitOnUnknown bool
	// Group is whom a TxnOffsetCommit says that it comes from; zero: it says nothing.
	Group model.ConsumerGroupMetadata
	// NoBump keeps the epoch after an error (before KIP-360), and from TV1 to TV2
	// (before KAFKA-18227).
	NoBump bool
	// Recovers asks for a new epoch where EndTxn is answered PRODUCER_FENCED.
	Recovers bool
	// Input is how many records of P0 there are to consume, one a transaction, for as
	// long as there are; each transaction commits the offset after it. 0: it only
	// produces.
	Input model.Offset
	// Seeks goes back to the committed offset after an abort.
	Seeks bool
}

// Transaction is what one transaction does.
type Transaction struct {
	Partitions []model.Partition // one record to each, ascending
	Offsets    []model.Offset    // that it commits of P0, one after the other
	TooLarge   bool              // their metadata is
	AtOnce     bool              // one request writes to all partitions, which have one leader
	Result     model.TransactionResult
	Upgrade    bool // the client follows TV2 from here on
}

// Producer is a transactional producer.
type Producer struct {
	config       Config `sim:"config"`
	coordinators []*sim.Conn
	leaders      []*sim.Conn // by partition
	replicas     []*sim.Conn // by partition: who may lead it instead; nil: nobody
	moved        []bool      // by partition: that one does, as far as this producer knows
	group        *sim.Conn   // who has __consumer_offsets
	coordinator  int         // whom it takes for the coordinator, by place

	version       model.TransactionVersion
	producerID    model.ProducerID
	producerEpoch model.ProducerEpoch
	sequences     []model.Sequence // by partition
	txn, place    int
	result        model.TransactionResult
	state         model.TxnStatus
	failure       model.Error  // the fatal one
	bump          bool         // a new epoch is needed
	answer        model.Error  // None until there is one
	position      model.Offset // of the input
	committed     model.Offset // of the input
	outcomes      []Outcome
}

// Outcome is how a transaction ended, as its application was told.
type Outcome struct {
	Transaction int // its number
	CommitAsked bool
	Done        bool // it was told so
	Offset      model.Offset
	Failed      model.Error // the first one that it did not get over
}

// Outcomes lists those of the transactions so far.
func (p *Producer) Outcomes() []Outcome { return p.outcomes }

// Failed is the error that only a new producer gets out of; None: there was none.
func (p *Producer) Failed() model.Error { return p.failure }

// New returns a producer with its connections: to those that may be the transaction
// coordinator, to who has __consumer_offsets (nil: nobody), and to the partitions'
// leaders.
func New(config Config, coordinators []*sim.Conn, group *sim.Conn, leaders ...*sim.Conn) *Producer {
	if config.Version == 0 {
		config.Version = model.TV2
	}
	return &Producer{
		config: config, coordinators: coordinators, leaders: leaders, group: group, version: config.Version,
		producerID: model.NoProducerID, producerEpoch: model.NoProducerEpoch, sequences: make([]model.Sequence, len(leaders)),
		moved: make([]bool, len(leaders)),
	}
}

// ConnectReplicas hands over the connections to those that may lead the partitions
// instead.
func (p *Producer) ConnectReplicas(replicas ...*sim.Conn) { p.replicas = replicas }

// to is the partition of the next record.
func (p *Producer) to() model.Partition { return p.plan().Partitions[p.place] }

// leader is the connection to whom it takes for the leader of that partition.
func (p *Producer) leader() *sim.Conn {
	if p.moved[p.to()] {
		return p.replicas[p.to()]
	}
	return p.leaders[p.to()]
}

func (p *Producer) Run(t *sim.Task) {
	t.Step(PointStart)
	p.initProducerID(t)
	for p.txn = 0; p.txn < len(p.config.Transactions) && p.state != model.TxnFatalError && (p.config.Input == 0 || p.position < p.config.Input); p.txn++ {
		p.transaction(t)
	}
	p.close()
}

// close forgets what a producer has no use for any more.
func (p *Producer) close() {
	p.producerID, p.producerEpoch, p.txn, p.coordinator = model.NoProducerID, model.NoProducerEpoch, 0, 0
	p.bump, p.answer, p.position, p.committed = false, model.None, 0, 0
	clear(p.sequences)
	clear(p.moved)
}

func (p *Producer) plan() *Transaction { return &p.config.Transactions[p.txn] }

// transaction is one transaction from its begin to its end.
func (p *Producer) transaction(t *sim.Task) {
	t.Step(PointBegin)
	if p.plan().Upgrade && p.version == model.TV1 {
		p.version = model.TV2
		if !p.config.NoBump {
			p.initProducerID(t)
		}
	}
	if p.state != model.TxnFatalError {
		p.state, p.result = model.TxnInTransaction, p.plan().Result
		p.outcomes = append(p.outcomes, Outcome{Transaction: p.config.First + p.txn, Offset: p.last()})
	}
	if p.version == model.TV1 && len(p.plan().Partitions) > 0 {
		p.addPartitions(t)
	}
	for p.place = 0; p.place < len(p.plan().Partitions) && p.state == model.TxnInTransaction; p.place++ {
		p.produce(t)
	}
	for p.place = 0; p.place < len(p.offsets()) && p.state == model.TxnInTransaction; p.place++ {
		p.commitOffsets(t)
	}
	p.place = 0
	if p.state == model.TxnAbortableError {
		p.result = model.Abort
	}
	if p.state != model.TxnFatalError {
		p.outcomes[len(p.outcomes)-1].CommitAsked = p.result == model.Commit
		p.end(t)
	}
	p.result = model.Abort
}

// offsets are what the transaction commits of P0.
func (p *Producer) offsets() []model.Offset {
	if p.config.Input > 0 {
		return []model.Offset{p.position + 1}
	}
	return p.plan().Offsets
}

// last is the last of the offsets; 0: there is none.
func (p *Producer) last() model.Offset {
	if all := p.offsets(); len(all) > 0 {
		return all[len(all)-1]
	}
	return 0
}

// consumed moves the application's position, once its transaction has ended. After an
// abort the client's position is past what was aborted.
//
// Source: KAFKA-17582.
func (p *Producer) consumed() {
	if p.config.Input == 0 {
		return
	}
	p.position++
	if p.result == model.Commit {
		p.committed = p.position
	} else if p.config.Seeks {
		p.position = p.committed
	}
}

// fails moves to an error state, and tells the application.
func (p *Producer) fails(t *sim.Task, call model.TxnCall, to model.TxnStatus) {
	p.state = to
	if to == model.TxnFatalError {
		p.failure = p.answer
	}
	if n := len(p.outcomes); n > 0 && p.outcomes[n-1].Failed == model.None && !p.outcomes[n-1].Done {
		p.outcomes[n-1].Failed = p.answer
	}
	t.Return(&model.TxnReturned{Call: call, Error: p.answer, Status: to})
}

// isRetriable says whether a request goes again, perhaps to another coordinator.
//
// Source: the handlers of TransactionManager.
func (p *Producer) isRetriable() bool {
	switch p.answer {
	case model.ErrNotCoordinator:
		p.coordinator = (p.coordinator + 1) % len(p.coordinators)
		return true
	case model.ErrConcurrentTransactions, model.ErrCoordinatorLoadInProgress, model.ErrCoordinatorNotAvailable, model.ErrNetworkException:
		return true
	}
	return false
}

// ask sends a request to the coordinator, and takes what comes back.
func (p *Producer) ask(t *sim.Task, request sim.Message, await string) sim.Message {
	p.answer = model.None
	p.coordinators[p.coordinator].Send(t, request)
	return p.coordinators[p.coordinator].Receive(t.At(await))
}

// backOff waits until a request goes again: for the coordinator, or for a new
// connection to it.
func (p *Producer) backOff(t *sim.Task) {
	if p.answer == model.ErrNetworkException {
		p.coordinators[p.coordinator].Redial(t)
	} else {
		p.answer = model.None
		t.Step(producer.PointBackoff)
	}
}

// initProducerID asks for a producer id and epoch until it has one.
//
// Source: TransactionManager.InitProducerIdHandler.
func (p *Producer) initProducerID(t *sim.Task) {
	for {
		response, ok := p.ask(t, &model.InitProducerIDRequest{
			Version: 4, TransactionalID: p.config.TransactionalID, TransactionTimeout: time.Minute,
			ProducerID: p.producerID, ProducerEpoch: p.producerEpoch,
		}, producer.PointAwaitID).(*model.InitProducerIDResponse)
		if p.answer = model.ErrNetworkException; ok {
			p.answer = response.Error
		}
		switch {
		case p.answer == model.None:
			p.producerID, p.producerEpoch, p.bump = response.ProducerID, response.ProducerEpoch, false
			clear(p.sequences)
			p.state = model.TxnReady
			return
		case !p.isRetriable():
			p.fails(t, model.InitTransactions, model.TxnFatalError)
			return
		}
		p.backOff(t)
	}
}

// addPartitions adds what the transaction will write to, under TV1.
//
// Source: TransactionManager.AddPartitionsToTxnHandler.
// Differs: all in one request, before the first record.
func (p *Producer) addPartitions(t *sim.Task) {
	for {
		response, ok := p.ask(t, &model.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch,
			Partitions: slices.Clone(p.plan().Partitions),
		}, producer.PointAwaitAdd).(*model.AddPartitionsToTxnResponse)
		if p.answer = model.ErrNetworkException; ok {
			p.answer = response.Partitions[0].Error
		}
		if p.answer == model.None || !p.isRetriable() {
			break
		}
		p.backOff(t)
	}
	if p.answer != model.None {
		p.fails(t, model.Send, model.TxnFatalError)
	}
}

// produce writes one record, until it is acknowledged or fails.
//
// Source: Sender.completeBatch, TransactionManager.handleFailedBatch.
func (p *Producer) produce(t *sim.Task) {
	for {
		p.answer = model.None
		p.leader().Send(t, p.produceRequest())
		response, ok := p.leader().Receive(t.At(producer.PointAwaitAppend)).(*model.ProduceResponse)
		if p.answer = model.ErrNetworkException; ok {
			p.answer = firstError(response)
		}
		switch {
		case p.answer == model.None:
			for _, to := range p.targets() {
				p.sequences[to]++
			}
			if p.plan().AtOnce {
				p.place = len(p.plan().Partitions) - 1
			}
			return
		case p.answer == model.ErrNotLeaderOrFollower && p.replicas != nil:
			p.moved[p.to()] = !p.moved[p.to()]
			continue
		case mayProduceAgain(p.answer):
		case p.answer == model.ErrNetworkException:
			p.leader().Redial(t)
			if !p.config.GivesUp {
				continue
			}
			p.bump = true
			p.fails(t, model.Send, model.TxnAbortableError)
			return
		default:
			p.bump = true
			p.fails(t, model.Send, model.TxnAbortableError)
			return
		}
		p.answer = model.None
		t.Step(producer.PointBackoff)
	}
}

// targets are the partitions that the next request writes to.
func (p *Producer) targets() []model.Partition {
	if p.plan().AtOnce {
		return p.plan().Partitions
	}
	return p.plan().Partitions[p.place : p.place+1]
}

// firstError is the first in an answer after which a producer does not try again; else
// the first.
func firstError(response *model.ProduceResponse) (code model.Error) {
	for _, partition := range response.Partitions {
		switch {
		case partition.Error != model.None && !mayProduceAgain(partition.Error):
			return partition.Error
		case code == model.None:
			code = partition.Error
		}
	}
	return code
}

func mayProduceAgain(code model.Error) bool {
	switch code {
	case model.ErrNotEnoughReplicas, model.ErrNotLeaderOrFollower, model.ErrUnknownTopicOrPartition, model.ErrConcurrentTransactions:
		return true
	}
	return false
}

func (p *Producer) produceRequest() *model.ProduceRequest {
	request := &model.ProduceRequest{Version: p.config.Produce, TransactionalID: p.config.TransactionalID}
	switch {
	case request.Version > 0:
	case p.version.SupportsEpochBump():
		request.Version = 12
	default:
		request.Version = 11
	}
	for i, to := range p.targets() {
		request.Partitions = append(request.Partitions, model.PartitionBatch{
			Partition: to,
			Batch: model.RecordBatch{
				ProducerID: p.producerID, ProducerEpoch: p.producerEpoch, BaseSequence: p.sequences[to], Transactional: true,
				Records: []model.Record{p.record(p.place + i)},
			},
		})
	}
	return request
}

// record is the next one: what is made of the input, if there is any, has its number.
func (p *Producer) record(place int) model.Record {
	if p.config.Input > 0 {
		return model.Record(p.position)
	}
	return model.Record(10*(p.config.First+p.txn) + place)
}

// commitOffsets makes offsets a part of the transaction: under TV1 the coordinator is
// told before.
//
// Source: TransactionManager.AddOffsetsToTxnHandler, TransactionManager.TxnOffsetCommitHandler.
func (p *Producer) commitOffsets(t *sim.Task) {
	for p.version == model.TV1 {
		response, ok := p.ask(t, &model.AddOffsetsToTxnRequest{
			Version: 3, TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch,
		}, PointAwaitAddOffsets).(*model.AddOffsetsToTxnResponse)
		if p.answer = model.ErrNetworkException; ok {
			p.answer = response.Error
		}
		if p.answer == model.None {
			break
		}
		if !p.isRetriable() {
			p.fails(t, model.Send, model.TxnFatalError)
			return
		}
		p.backOff(t)
	}
	p.txnOffsetCommit(t)
}

func (p *Producer) txnOffsetCommit(t *sim.Task) {
	for {
		p.answer = model.None
		p.group.Send(t, p.offsetsRequest())
		response, ok := p.group.Receive(t.At(PointAwaitOffsets)).(*model.TxnOffsetCommitResponse)
		if p.answer = model.ErrNetworkException; ok {
			p.answer = response.Partitions[0].Error
		}
		switch p.answer {
		case model.None:
			return
		case model.ErrNetworkException:
			p.group.Redial(t)
			continue
		case model.ErrConcurrentTransactions, model.ErrCoordinatorLoadInProgress, model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator:
		case model.ErrUnknownMemberID, model.ErrIllegalGeneration, model.ErrStaleMemberEpoch, model.ErrTransactionAbortable, model.ErrOffsetMetadataTooLarge:
			p.fails(t, model.Send, model.TxnAbortableError)
			return
		default:
			p.fails(t, model.Send, model.TxnFatalError)
			return
		}
		p.answer = model.None
		t.Step(producer.PointBackoff)
	}
}

func (p *Producer) offsetsRequest() *model.TxnOffsetCommitRequest {
	request := &model.TxnOffsetCommitRequest{
		Version: 4, TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch,
		ConsumerGroupMetadata: p.config.Group, Partitions: []model.PartitionOffset{{Partition: 0, Offset: p.offsets()[p.place]}}, TooLarge: -1,
	}
	if p.version.SupportsEpochBump() {
		request.Version = 5
	}
	if p.plan().TooLarge {
		request.TooLarge = 0
	}
	return request
}

// end commits or aborts, until it is answered.
//
// Source: TransactionManager.EndTxnHandler.
func (p *Producer) end(t *sim.Task) {
	for {
		version := model.APIVersion(4)
		if p.version.SupportsEpochBump() {
			version = 5
		}
		response, ok := p.ask(t, &model.EndTxnRequest{
			Version: version, TransactionalID: p.config.TransactionalID, ProducerID: p.producerID, ProducerEpoch: p.producerEpoch, Result: p.result,
		}, producer.PointAwaitEnd).(*model.EndTxnResponse)
		if p.answer = model.ErrNetworkException; ok {
			p.answer = response.Error
		}
		switch {
		case p.answer == model.None:
			p.ended(t, response)
			return
		case !ok && p.config.InitOnUnknown:
			p.backOff(t)
			p.initProducerID(t)
			return
		case p.answer == model.ErrProducerFenced && p.config.Recovers:
			p.fails(t, p.call(), model.TxnAbortableError)
			p.initProducerID(t)
			return
		case !p.isRetriable():
			p.fails(t, p.call(), model.TxnFatalError)
			return
		}
		p.backOff(t)
	}
}

func (p *Producer) call() model.TxnCall {
	if p.result == model.Commit {
		return model.CommitTxn
	}
	return model.AbortTxn
}

// ended takes what the transaction leaves: under TV2 a new epoch, else the same one,
// or one that is asked for after an error.
func (p *Producer) ended(t *sim.Task, response *model.EndTxnResponse) {
	p.state = model.TxnReady
	p.outcomes[len(p.outcomes)-1].Done = true
	p.consumed()
	t.Return(&model.TxnReturned{Call: p.call(), Status: p.state})
	switch {
	case response.ProducerID != model.NoProducerID:
		p.producerID, p.producerEpoch, p.bump = response.ProducerID, response.ProducerEpoch, false
		clear(p.sequences)
	case p.bump && !p.config.NoBump:
		p.initProducerID(t)
	}
}

// Describe shows where the producer stands.
func (p *Producer) Describe(show func(name, value string)) { show("status", p.state.String()) }

// Wrote is how many records a transaction of its number was to write.
func (p *Producer) Wrote(transaction int) int {
	return len(p.config.Transactions[transaction-p.config.First].Partitions)
}

// Impatience is a timeout of a client: it closes a connection, once, at any moment.
// What was sent on it may still arrive.
//
// Source: request.timeout.ms; NetworkClient.handleTimedOutRequests.
type Impatience struct{ conn *sim.Conn }

// NewImpatience returns the timeout of a connection.
func NewImpatience(conn *sim.Conn) *Impatience { return &Impatience{conn} }

func (i *Impatience) Run(t *sim.Task) { i.conn.Close(t.At(PointTimeOut)) }
