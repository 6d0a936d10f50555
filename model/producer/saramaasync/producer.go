package saramaasync

import (
	"fmt"

	"racelab/model"
	"racelab/sim"
)

// Release is a release of Sarama, for how it retries.
type Release uint8

const (
	// Release1_43_3 gives a message its sequence number where it is dispatched, and none
	// to one that is buffered behind a retry.
	//
	// Source: sarama 1.43.3 to 1.46.2.
	Release1_43_3 Release = iota
	// Release1_46_3 also numbers what was buffered.
	//
	// Source: sarama 1.46.3 to 1.47.0, flushRetryBuffers; issue 3354.
	Release1_46_3
	// Release1_48_0 mutes a partition while a batch of it is in flight.
	//
	// Source: sarama 1.48.0 to 1.50.3, partitionMuter; pull request 3422.
	Release1_48_0
	// Release1_60_0 sends a batch that was lost with its connection again as it is, idempotent
	// or not.
	//
	// Source: sarama 1.60.0, handleError.
	Release1_60_0
	// Release1_60_1 wakes a brokerProducer when a partition is unmuted.
	//
	// Source: sarama 1.60.1 to 1.61.0, tryBuildFlushingBatch; issue 3689.
	Release1_60_1
	// Release1_61_1 numbers a batch when it is built and muted, and takes a slot before
	// it writes.
	//
	// Source: sarama 1.61.1, sequenceFlushingBatch.
	Release1_61_1
)

// Config is what is set before the producer starts.
type Config struct {
	Release         Release
	Idempotent      bool
	MaxOpenRequests int
	// RetryMax is how often a message is sent again.
	//
	// Default: 3.
	// Source: Config.Producer.Retry.Max.
	RetryMax int32
	Messages int
	Unread   bool // errors are returned, and nobody reads them
	// Leaders are whom the metadata names, by the place of their connections, one load after the
	// other; then the last again. None: the first leads, and metadata makes no difference.
	Leaders []int
	// SingleFlight says that who wants metadata while another one loads it waits for that.
	//
	// Default: true since 1.46.0, in which it is new.
	// Source: Config.Metadata.SingleFlight.
	SingleFlight bool
}

// message is a message, or a syn or fin between the goroutines.
//
// Source: ProducerMessage.
type message struct {
	record  model.Record
	retries int32
	flag    flag
	seq     model.Sequence
	epoch   model.ProducerEpoch
	hasSeq  bool
	resent  bool  // retryBatch has sent its set again, since 1.61.1
	made    bool  // retryBatch has made the brokerProducer that it has handed its set to
	conn    int64 // of a syn: the connection of the brokerProducer that it opens
}

type flag int32

const (
	noFlag flag = iota
	syn         // the partition is open again
	fin         // the chaser: all that went before it has come back
)

// response is an answer, with what it answers, or a promise of one.
type response struct {
	set  []message
	err  model.Error
	conn int64 // the connection that the request was written on, by number
}

// holder is who has asked for the brokerProducer that whoever asks for one gets.
type holder = int32

const (
	nobody          holder = iota // there is none: the next who asks makes it
	partitionHolds                // partitionProducer has it
	retryBatchHolds               // only retryBatch, which gives it back when its set is handed over
)

// Producer is what the goroutines of a producer share.
//
// Source: asyncProducer in sarama 1.43.3, 1.46.3, 1.48.0 and 1.61.1, async_producer.go.
// Differs: the unmute signal is a token and no closed channel: only the brokerProducer that
// the partition has waits for it. One
// partition, whose brokerProducers live on, as with another
// partition they do, until their connection is lost. The brokerProducer of a connection that
// is lost and the next one of the partition are one goroutine, told apart by the connection;
// so are the bridges and readers of all. What a brokerProducer that only retryBatch has does
// with its answer makes no difference from 1.60.1 on, and is left out there. dispatcher
// and topicProducer only hand on, and are left out. The channels retries and pending have
// room for all, as the queues behind them have. No flush settings: every set is ready.
// Backoffs take no time. Neither does a refresh of metadata but for the lock that it waits for
// up to 1.47.0: in the release it may be asked of the leader, behind what that has to answer.
// Close begins when all is told:
// from 1.60.0 on a batch that is to go again when Close has begun may fail with ErrShuttingDown.
type Producer struct {
	config  Config `sim:"config"`
	brokers []*broker

	input    sim.Chan[message]
	retries  sim.Chan[message]
	batches  sim.Chan[response] // go retryBatch
	unread   sim.Chan[bool]     // Errors, if nobody reads it: nil
	inFlight sim.WaitGroup      // all messages from the start, and each syn and fin
	muted    sim.Atomic[bool]   // partitionMuter, under its own lock
	unmuted  sim.Chan[bool]     // unmuteSignal; up to 1.60.0 only waitForSpace listens
	sequence sim.Atomic[int64]  // of txnmgr: epoch, and the next sequence number
	loads    sim.Atomic[int64]  // of metadata
	refresh  sim.Mutex          // currentRefresh.ongoing, with SingleFlight
}

// broker is the connection to one who may lead the partition, with what the goroutines share
// that gather for it, write and read.
//
// Source: Broker, brokerProducer.
type broker struct {
	conn     *sim.Conn
	bpInput  sim.Chan[message] // brokerProducer.input
	output   sim.Chan[[]message]
	promises sim.Chan[response]
	lock     sim.Mutex      // Broker.lock; kept up to 1.47.0
	slots    sim.Chan[bool] // Broker.inFlight, since 1.61.1
	pending  sim.Chan[response]
	holder   sim.Atomic[holder] // of asyncProducer.brokers
	alone    sim.Atomic[bool]   // nobody joined retryBatch: the brokerProducer that it made ends with its answer
	ending   sim.Chan[response] // responses of that
	opened   sim.Atomic[int64]  // how often the broker was connected to anew
	closed   sim.Atomic[bool]   // and whether it has to be: its brokerProducer is abandoned
}

// NewProducer returns a producer with its connections to the one or two who may lead the
// partition, of whom the first does at the start.
func NewProducer(config Config, leaders ...*sim.Conn) *Producer {
	p := &Producer{config: config}
	room := 2 * (config.Messages + int(config.RetryMax))
	for _, conn := range leaders {
		p.brokers = append(p.brokers, newBroker(conn, config, room))
	}
	p.input.Init(room)
	p.retries.Init(room)
	p.batches.Init(room)
	p.unmuted.Init(1)
	p.inFlight.Init(config.Messages)
	return p
}

func newBroker(conn *sim.Conn, config Config, room int) *broker {
	b := &broker{conn: conn}
	b.bpInput.Init(0)
	b.output.Init(0)
	b.promises.Init(config.MaxOpenRequests - 1)
	if config.Release >= Release1_61_1 {
		b.slots.Init(config.MaxOpenRequests)
		b.promises.Init(config.MaxOpenRequests)
	}
	b.pending.Init(room)
	b.ending.Init(1)
	b.holder.Init(partitionHolds)
	return b
}

// AddTo shares the producer with a world, and adds its goroutines: app hands the messages over, pp
// is the partition's, and each leader has bp, bridge and reader. If connections to the first are
// lost, bp2 is what only retryBatch has, up to 1.60.0.
func (p *Producer) AddTo(w *sim.World, lost bool) {
	for place, b := range p.brokers {
		w.Share(fmt.Sprint("leader", place+1), b)
	}
	w.Share("p", p)
	w.GoProgram("app", p.NewApplication())
	w.GoProgram("pp", p.NewPartitionProducer())
	for place := range p.brokers {
		of := ""
		if place > 0 {
			of = fmt.Sprint("-", place+1)
		}
		w.GoProgram("bp"+of, p.NewBrokerProducer(place))
		w.GoProgram("bridge"+of, p.NewBridge(place))
		w.GoProgram("reader"+of, p.NewResponseReceiver(place))
	}
	w.GoProgram("retries", p.NewRetryHandler())
	if p.config.Idempotent || lost && p.config.Release >= Release1_60_0 {
		for i := range 2 {
			w.GoProgram(fmt.Sprint("batch", i+1), p.NewRetryBatch())
		}
		if lost && p.missesUnmute() {
			w.GoProgram("bp2", p.NewEndingBrokerProducer(0))
		}
	}
}

// numbersEarly says whether a message has its number before its batch is built.
func (p *Producer) numbersEarly() bool {
	return p.config.Idempotent && p.config.Release < Release1_61_1
}

// currentEpoch is the producer's epoch.
func (p *Producer) currentEpoch(t *sim.Task) model.ProducerEpoch {
	return model.ProducerEpoch(p.sequence.Load(t) >> 32)
}

func (p *Producer) mutes() bool { return p.config.Release >= Release1_48_0 }

// missesUnmute says whether a brokerProducer is not told that another one is done with the
// partition.
func (p *Producer) missesUnmute() bool { return p.mutes() && p.config.Release < Release1_60_1 }

// refreshMetadata loads the metadata, or waits for who does. It waits for the locks of the leaders'
// connections, which a request holds that waits for room.
//
// Source: client.LeastLoadedBroker, Broker.ResponseSize; singleFlightMetadataRefresher.
// Differs: the locks are asked for once, in order, and that of a leader that comes first of all brokers
// not again; from 1.48.0 on they are left out. What is loaded is known at once.
func (p *Producer) refreshMetadata(t *sim.Task) {
	if p.config.SingleFlight && len(p.config.Leaders) > 0 {
		first := p.refresh.TryLock(t.At(PointRefresh))
		if !first {
			p.refresh.Lock(t.At(PointRefresh))
			p.refresh.Unlock(t)
			return
		}
	}
	if !p.mutes() {
		p.brokers[0].responseSize(t)
		if len(p.brokers) > 1 {
			p.brokers[1].responseSize(t)
		}
	}
	if len(p.config.Leaders) > 0 {
		t.Step(PointMetadata)
		p.loads.Add(t, 1)
		if p.config.SingleFlight {
			p.refresh.Unlock(t)
		}
	}
}

func (b *broker) responseSize(t *sim.Task) {
	b.lock.Lock(t.At(PointLeastLoaded))
	b.lock.Unlock(t)
}

// goroutine is one that asks who leads the partition.
type goroutine struct {
	*Producer
	leader int // its place
}

func (g *goroutine) broker() *broker { return g.brokers[g.leader] }

// findLeader looks up whom the metadata names, and connects to it if it is not connected.
//
// Source: client.Leader, Broker.Open.
func (g *goroutine) findLeader(t *sim.Task) {
	loads := int(g.loads.Load(t))
	if g.leader = 0; loads > 0 && len(g.config.Leaders) > 0 {
		g.leader = g.config.Leaders[min(loads, len(g.config.Leaders))-1]
	}
	if g.broker().closed.Load(t) {
		g.broker().conn.Redial(t.At(PointOpen))
		if g.broker().closed.Swap(t, false) {
			g.broker().opened.Add(t, 1)
		}
	}
}

// number gives a message its sequence number.
//
// Source: transactionManager.getAndIncrementSequenceNumber.
func (p *Producer) number(t *sim.Task, m *message) {
	next := p.sequence.Load(t)
	m.epoch, m.seq, m.hasSeq = model.ProducerEpoch(next>>32), model.Sequence(next&0xffffffff), true
	p.sequence.Store(t, next+1)
}

// returnError fails a message.
//
// Source: asyncProducer.returnError.
func (p *Producer) returnError(t *sim.Task, m message, err model.Error) {
	p.bumpEpoch(t, m)
	p.fail(t, m, err)
}

// returnErrorOf fails the i-th message of a batch. Since 1.61.1 one epoch begins for
// all of it.
//
// Source: asyncProducer.returnErrors.
func (p *Producer) returnErrorOf(t *sim.Task, set []message, i int, err model.Error) {
	if i == 0 || p.config.Release < Release1_61_1 {
		p.bumpEpoch(t, set[i])
	}
	p.fail(t, set[i], err)
}

// bumpEpoch begins a new epoch, if a message has a sequence number that the broker will
// never see.
//
// Source: asyncProducer.bumpIdempotentProducerEpoch.
func (p *Producer) bumpEpoch(t *sim.Task, m message) {
	if p.config.Idempotent && m.hasSeq {
		p.sequence.Store(t, (p.sequence.Load(t)>>32+1)<<32)
	}
}

// fail tells the application of an error.
func (p *Producer) fail(t *sim.Task, m message, err model.Error) {
	if p.config.Unread {
		p.unread.Send(t.At(PointErrors), true)
		return // Never: nobody reads.
	}
	t.Return(&model.Promised{Record: m.record, Failed: err.String()})
	p.inFlight.Done(t)
}

// retryMessage sends a message to its next level.
func (p *Producer) retryMessage(t *sim.Task, m message, err model.Error) {
	if m.retries >= p.config.RetryMax {
		p.returnError(t, m, err)
		return
	}
	m.retries++
	m.resent, m.made = false, false
	p.retries.Send(t.At(PointRetry), m) // There is room.
}

// unmute lets the next batch of the partition go.
//
// Source: partitionMuter.unmute.
func (p *Producer) unmute(t *sim.Task) {
	if !p.mutes() {
		return
	}
	t.At(PointUnmute).Select(p.unmuted.Sending(true), sim.SelectDefault())
	p.muted.Store(t, false)
}

// request is what goes on the wire. The first message's number is the batch's.
func (p *Producer) request(set []message) *model.ProduceRequest {
	if len(set) == 0 {
		return &model.ProduceRequest{TransactionalID: model.NoTransactionalID}
	}
	batch := model.RecordBatch{ProducerID: model.NoProducerID, BaseSequence: model.NoSequence}
	if p.config.Idempotent {
		batch.ProducerID, batch.ProducerEpoch, batch.BaseSequence = 1, set[0].epoch, set[0].seq
	}
	for _, m := range set {
		batch.Records = append(batch.Records, m.record)
	}
	return &model.ProduceRequest{TransactionalID: model.NoTransactionalID, Partitions: []model.PartitionBatch{{Batch: batch}}}
}

// Describe shows whether the partition is muted.
func (p *Producer) Describe(show func(name, value string)) {
	if p.mutes() {
		show("muted", fmt.Sprint(p.muted.Peek()))
	}
}
