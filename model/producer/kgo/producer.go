package kgo

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/config"
	"racelab/sim"
)

// ProducerConfig is what is set before the client starts.
type ProducerConfig struct {
	// Idempotent producers number what they write.
	//
	// Default of kgo: true. DisableIdempotentWrite.
	Idempotent bool
	// InFlight is how many requests there may be at a time.
	//
	// Default of kgo: 5 if idempotent, else 1. MaxProduceRequestsInflightPerBroker.
	InFlight int
	// BatchRecords is how many records fill a batch.
	//
	// Source: ProducerBatchMaxBytes, for records of one size.
	BatchRecords int
	// RecordRetries is how often a batch may go again. Negative: as often as it
	// takes, the default of kgo.
	RecordRetries int32
	// ReusesNumbers says that no new epoch begins when batches fail that may be written: the
	// next ones have their sequence numbers.
	//
	// Source: recBuf.failAllRecords up to 1.22.1.
	ReusesNumbers bool
	// StaysOK says that a refusal for which a batch goes again leaves okOnSink as it is: the
	// batch does not wait for what is in flight behind it.
	//
	// Source: sink.handleReqRespBatch up to 1.16.1.
	StaysOK bool
	// FirstReadFails says that a new connection which ends before it gave any answer is taken
	// for one that is set up wrongly: its first batch waits for new metadata. Otherwise it goes
	// again at once, as after a reset.
	//
	// Source: ErrFirstReadEOF in isRetryableBrokerErr from 1.19.0 on, without AlwaysRetryEOF.
	// Differs: not of the client's first connection.
	FirstReadFails bool
	// RecordDeliveryTimeout is how long a record may take that is marked for it.
	RecordDeliveryTimeout time.Duration
	// Linger is how long the last batch waits for more, unless the next is begun.
	//
	// Default of kgo: 10 ms. ProducerLinger.
	Linger time.Duration
	// LoadErrors is how often the metadata has an error for the partition.
	LoadErrors int
	// MetadataMinAge is how old the metadata is at least when it is loaded again. 0: it is
	// loaded at once.
	//
	// Default of kgo: 5 s.
	MetadataMinAge time.Duration
	Proposal       Proposal
	// ReentrantHook lets the hook of CallHook call ClearPartition, where it is
	// refused else.
	ReentrantHook bool
	Keys          int // of the records
	Partitions    int
	Batches       int // that a partition can have at a time, those in flight included
	// Paced says that goroutines take their time, as in a timed world: whoever
	// submits a record before it does, and the one that calls promises before it
	// runs.
	Paced         bool
	Transactional bool
	// Leaders are whom loads of the metadata name as the leader of partition 0, one load after
	// the other, by their places; later loads name the last of them. None: it stays the first.
	Leaders []int32
	// KeepsOK says that okOnSink stays as it is when a partition moves to another leader.
	//
	// Source: topicPartition.migrateProductionTo up to 1.21.0.
	KeepsOK bool
	// CreditsOK says that it counts for okOnSink what the leader before answers after that.
	//
	// Source: sink.handleReqRespBatch up to 1.21.1.
	CreditsOK bool
	// AwaitsMetadata says that a batch which its leader refuses waits for new metadata although
	// the partition has moved meanwhile.
	//
	// Source: sink.handleRetryBatches up to 1.17.0.
	AwaitsMetadata bool
}

// Producer is what the goroutines of a kgo client share that produces.
//
// Source: producer, sink and recBuf in franz-go 1.22.2, producer.go and sink.go.
// Differs: a partition leaves a sink and comes to another one in one step, under its lock.
// bufferedRecords is a counter with those who wait for it, in place of producer.mu, its condition
// and the broadcasts; it has no limit. A request holds one partition's batch. The
// producer id is there at the start, and each partition has an epoch of its own:
// the broker compares them by partition too. Batches are not merged. There is
// no backoff: RetryBackoffFn gives 0. A connection that is lost has the requests of
// one partition. An idempotent producer has all its slots from the start; one request
// is in flight all the same until the first answer, by okOnSink. drain is started when
// there is something to send, and not when it would find nothing. Up to 1.18.1
// RecordRetries counts the first try; up to 1.19.5 nine requests without an answer are written on a
// connection, whatever InFlight is, and the tenth is made and waits (ringResp has eight places); up to 1.22.0 an idempotent producer has four slots.
// A batch that fails while its request is being made is not written; kgo writes that request
// without it, and before 1.21.6 so that nobody can read it. A request of which nothing could be
// written goes at once on a new connection, from 1.21.0 on (broker.handleReq); here it is
// written, and goes nowhere, as on TCP until the client knows that the connection is dead.
type Producer struct {
	config ProducerConfig `sim:"config"`
	sinks  []*sink        // by leader
	// coordinator is the connection to the transaction coordinator, if there is one.
	coordinator *sim.Conn

	producerID      sim.Atomic[int64]
	closed          sim.Atomic[bool]
	flushing        sim.Atomic[int32]
	bufferedRecords []*sim.WaitGroup // by scope; of what is released there is one
	cancelled       sim.Atomic[bool]
	deadline        sim.Timer // of RecordDeliveryTimeout
	recBufs         []*recBuf // by partition
	batchPromises   ring
	updateMetadata  goStatement
	loadedAt        sim.Atomic[sim.Time] // the metadata, as the loop that loads it knows; with MetadataMinAge
	lastUpdate      sim.Atomic[sim.Time] // likewise, as others know, a moment later
	app             *App                 // whose promises and hook are called
}

// sink is what the goroutines of a leader's connection share.
type sink struct {
	conn           *sim.Conn
	drain          goStatement
	handleSeqResps goStatement
	inflight       sim.Atomic[int32]
	dead           sim.Atomic[bool]  // brokerCxn.dead: the next request is written on a new one
	deadInflight   sim.Atomic[int32] // requests that wait for an answer on it
	unread         sim.Atomic[bool]  // it is new, and gave no answer yet; with FirstReadFails
	needBackoff    sim.Atomic[bool]  // before more is sent; with MetadataMinAge
}

// NewProducer returns a client with its connections to those who may lead its partitions, of
// whom the first does at the start, and to the coordinator if it is transactional. It refuses
// what NewClient does.
func NewProducer(coordinator *sim.Conn, c ProducerConfig, leaders ...*sim.Conn) *Producer {
	checked := config.NewKgo()
	checked.Transactional, checked.DisableIdempotentWrite = c.Transactional, !c.Idempotent
	checked.Linger, checked.RecordDeliveryTimeout = c.Linger, c.RecordDeliveryTimeout
	if !c.Idempotent {
		checked.InFlight = c.InFlight
	}
	config.Must("franz-go", checked)
	cl := &Producer{config: c, coordinator: coordinator}
	for _, conn := range leaders {
		cl.sinks = append(cl.sinks, &sink{conn: conn})
	}
	cl.producerID.Init(1)
	cl.loadedAt.Init(-sim.Time(c.MetadataMinAge)) // Old enough.
	cl.lastUpdate.Init(-sim.Time(c.MetadataMinAge))
	cl.bufferedRecords = each[sim.WaitGroup](cl.scopes())
	for range c.Partitions {
		cl.recBufs = append(cl.recBufs, newRecBuf(cl))
	}
	for _, g := range cl.goroutines() {
		g.idle.Init(1)
	}
	cl.batchPromises.elems.Locked = true
	return cl
}

// each makes n of a kind.
func each[T any](n int) []*T {
	list := make([]*T, n)
	for i := range list {
		list[i] = new(T)
	}
	return list
}

// goroutines are those that come and go.
func (cl *Producer) goroutines() []*goStatement {
	all := []*goStatement{&cl.batchPromises.finishPromises, &cl.updateMetadata}
	for _, s := range cl.sinks {
		all = append(all, &s.drain, &s.handleSeqResps)
	}
	return all
}

// goStatement starts a goroutine that ends, and is started again. The task is
// there all the time: idle counts 1 while the goroutine is not.
type goStatement struct {
	idle    sim.WaitGroup
	started sim.Atomic[bool]
}

// start is the go statement. One that was started already, and has not begun,
// need not be started again.
func (g *goStatement) start(t *sim.Task) {
	if !g.started.Swap(t, true) {
		g.idle.Done(t)
	}
}

// drain forgets a go statement whose goroutine has not begun.
func (g *goStatement) drain(t *sim.Task) {
	if g.started.Swap(t, false) {
		g.idle.Add(t, 1)
	}
}

// begins awaits the go statement.
func (g *goStatement) begins(t *sim.Task, p string) {
	g.idle.Wait(t.At(p))
	g.idle.Add(t, 1)
	g.started.Store(t, false)
}

// goroutine is a goroutine of the client, or one that calls it. Its fields are
// the local variables of the functions that it calls.
type goroutine struct {
	*Producer
	partition int32
	pr        promisedRec
	again     bool  // the record has failed before
	pause     int32 // that the record is handed over again in; 0: none
	err       recordError
	i         int32
	inHook    bool
}

func (g *goroutine) recBuf() *recBuf { return g.recBufs[g.partition] }

// leader is the partition's sink. The caller holds recBuf.mu.
func (g *goroutine) leader(t *sim.Task) *sink { return g.sinks[g.recBuf().sink.Get(t)] }

// produce is Produce once the record has its partition.
func (g *goroutine) produce(t *sim.Task) {
	g.recBuf().mu.Lock(t.At(PointBufferRecord))
	g.awaitResume(t)
	t.Call(&model.Submitted{Record: g.pr.record(), Partition: model.Partition(g.partition), Again: g.again})
	g.bufferedRecords[g.scope(g.pr.record())].Add(t, 1)
	g.bufferRecord(t)
	g.recBuf().mu.Unlock(t)
	g.pr, g.pause, g.again = 0, 0, false
}

// Describe shows what is buffered.
func (cl *Producer) Describe(show func(name, value string)) {
	for p, b := range cl.recBufs {
		text := ""
		for _, r := range b.batches.Peek() {
			var records []model.Record
			for _, pr := range b.at(r).records.Peek() {
				records = append(records, pr.record())
			}
			text += fmt.Sprint(records)
		}
		if text == "" {
			text = "empty"
		}
		show(model.Partition(p).String(), text)
	}
}

// Describe shows nothing besides what is shared.
func (g *goroutine) Describe(func(name, value string)) {}
