package kgo

import (
	"fmt"
	"slices"
	"time"

	"racelab/model"
	"racelab/sim"
)

// OnFailure is what failAllRecords does about records that are still to come:
// what is released, and what was proposed instead.
type OnFailure uint8

const (
	// Purge fails what is buffered, and takes what comes next.
	//
	// Source: recBuf.failAllRecords of franz-go 1.22.2.
	Purge OnFailure = iota
	// FailPartition fails what comes next as well, until the application calls
	// RecoverFailedProducePartitions.
	//
	// Source: FailPartitionOnProduceFailure, proposed in franz-go issue 852.
	FailPartition
	// CallHook fails nothing. The partition keeps its buffer and sends nothing, and
	// the application is called on the spot, under recBuf.mu; what is buffered fails
	// when it calls ClearPartition.
	//
	// Source: proposed in franz-go issue 852.
	CallHook
	// PausePartition fails what is buffered, and lets Produce wait until Resume,
	// but for what the application hands over again.
	PausePartition
	// PauseKeys does so for the keys of the records that have failed.
	PauseKeys
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
	// RecordDeliveryTimeout is how long a record may take that is marked for it.
	RecordDeliveryTimeout time.Duration
	// Linger is how long the last batch waits for more, unless the next is begun.
	//
	// Default of kgo: 10 ms. ProducerLinger.
	Linger time.Duration
	// LoadErrors is how often the metadata has an error for the partition.
	LoadErrors int
	OnFailure  OnFailure
	// ReentrantHook lets the hook call ClearPartition, where it is refused else.
	ReentrantHook bool
	Keys          int // of the records
	Partitions    int
	Batches       int // that a partition can have at a time, those in flight included
	// Paced says that goroutines take their time, as in a timed world: whoever
	// submits a record before it does, and the one that calls promises before it
	// runs.
	Paced         bool
	Transactional bool
}

// Producer is what the goroutines of a kgo client share that produces.
//
// Source: producer, sink and recBuf in franz-go 1.22.2, producer.go and sink.go.
// Differs: one broker, so recBufsMu guards nothing that changes. bufferedRecords
// is a counter with those who wait for it, in place of producer.mu, its condition
// and the broadcasts; it has no limit. A request holds one partition's batch. The
// producer id is there at the start, and each partition has an epoch of its own:
// the broker compares them by partition too. Batches are not merged. A write does
// not fail, and there is no backoff. An idempotent producer has all its slots from
// the start; one request is in flight all the same until the first answer, by
// okOnSink. drain is started when there is something to send, and not when it
// would find nothing.
type Producer struct {
	config ProducerConfig `sim:"config"`
	conn   *sim.Conn
	// coordinator is the connection to the transaction coordinator, if there is one.
	coordinator *sim.Conn

	producerID      sim.Atomic[int64]
	closed          sim.Atomic[bool]
	flushing        sim.Atomic[int32]
	bufferedRecords []*sim.WaitGroup // by scope
	cancelled       sim.Atomic[bool]
	deadline        sim.Timer   // of RecordDeliveryTimeout
	recBufs         []*recBuf   // by partition
	drain           goStatement // sink.drain
	handleSeqResps  goStatement // sink.handleSeqResps
	inflight        sim.Atomic[int32]
	batchPromises   ring
	updateMetadata  goStatement
	app             *App // whose promises and hook are called
}

// NewProducer returns a client with its connection to the broker, and to the
// coordinator if it is transactional.
func NewProducer(conn, coordinator *sim.Conn, config ProducerConfig) *Producer {
	cl := &Producer{config: config, conn: conn, coordinator: coordinator}
	cl.producerID.Init(1)
	cl.bufferedRecords = each[sim.WaitGroup](cl.scopes())
	for range config.Partitions {
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
	return []*goStatement{&cl.drain, &cl.handleSeqResps, &cl.batchPromises.finishPromises, &cl.updateMetadata}
}

// scopes is how many pauses there can be.
func (cl *Producer) scopes() int {
	if cl.config.OnFailure == PauseKeys {
		return cl.config.Keys
	}
	return 1
}

// scope is the pause that a record is under.
func (cl *Producer) scope(r model.Record) int { return int(r) % cl.scopes() }

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

// begins awaits the go statement.
func (g *goStatement) begins(t *sim.Task, p sim.Point) {
	g.idle.Wait(t, p)
	g.idle.Add(t, 1)
	g.started.Store(t, false)
}

// recBuf is the buffer of a partition.
type recBuf struct {
	mu              sim.Mutex
	batches         sim.List[sim.Ref] // oldest first
	batchDrainIdx   sim.Var[int32]
	inflightBatches sim.List[sim.Ref] // in the order of their requests
	okOnSink        sim.Var[bool]
	seq             sim.Var[model.Sequence]
	batch0Seq       sim.Var[model.Sequence]
	needSeqReset    sim.Var[bool]
	epoch           sim.Var[int32]
	failing         sim.Var[bool]
	lingering       sim.Timer
	isLingering     sim.Var[bool]
	made            []*recBatch // by Ref, from 1

	failed  sim.Var[bool]     // FailPartition: the sticky error is set
	halted  sim.Var[bool]     // CallHook: nothing is sent
	paused  []*sim.Var[bool]  // by scope
	pauses  []*sim.Var[int32] // by scope: how many there were
	resumed sim.Cond
}

// recBatch is a batch. Its place is free once nothing refers to it.
type recBatch struct {
	refs                sim.Var[int32]
	records             sim.List[promisedRec]
	frozen              sim.Var[bool]
	tries               sim.Var[int32]
	canFailFromLoadErrs sim.Var[bool]
	pinned              sim.Var[bool]
}

func newRecBuf(cl *Producer) *recBuf {
	b := &recBuf{made: each[recBatch](cl.config.Batches)}
	b.resumed.L = &b.mu
	if cl.config.OnFailure == PausePartition || cl.config.OnFailure == PauseKeys {
		b.paused, b.pauses = each[sim.Var[bool]](cl.scopes()), each[sim.Var[int32]](cl.scopes())
	}
	return b
}

func (b *recBuf) at(r sim.Ref) *recBatch { return b.made[r-1] }

// newRecordBatch takes the least place that is free, so that a client comes back
// to where it was.
func (b *recBuf) newRecordBatch(t *sim.Task) sim.Ref {
	for i := range b.made {
		if batch := b.made[i]; batch.refs.Get(t) == 0 {
			batch.refs.Set(t, 1)
			batch.canFailFromLoadErrs.Set(t, true)
			return sim.Ref(i + 1)
		}
	}
	panic(fmt.Sprintf("producer: a partition has more than %d batches: let ProducerConfig.Batches allow more", len(b.made)))
}

// release lets go of a batch.
func (b *recBuf) release(t *sim.Task, r sim.Ref) {
	batch := b.at(r)
	batch.refs.Set(t, batch.refs.Get(t)-1)
	if batch.refs.Get(t) == 0 {
		batch.frozen.Set(t, false)
		batch.tries.Set(t, 0)
		batch.canFailFromLoadErrs.Set(t, false)
		batch.pinned.Set(t, false)
	}
}

// isOwnersFirstBatch says whether responses to the batch still count.
func (b *recBuf) isOwnersFirstBatch(t *sim.Task, r sim.Ref) bool {
	return b.batches.Len(t) > 0 && b.batches.Get(t)[0] == r
}

func (b *recBuf) resetBatchDrainIdx(t *sim.Task) {
	b.seq.Set(t, b.batch0Seq.Get(t))
	b.batchDrainIdx.Set(t, 0)
}

// goroutine is a goroutine of the client, or one that calls it. Its fields are
// the local variables of the functions that it calls.
type goroutine struct {
	*Producer
	partition int32
	pr        promisedRec
	pause     int32 // that the record is handed over again in; 0: none
	err       recordError
	i         int32
	inHook    bool
}

func (g *goroutine) recBuf() *recBuf { return g.recBufs[g.partition] }

// produce is Produce, from where the record has its partition: bufferRecord.
//
// A record that is too large is refused here, by itself: what is buffered stays.
func (g *goroutine) produce(t *sim.Task) {
	g.recBuf().mu.Lock(t, PointBufferRecord)
	for g.mustWait(t) {
		g.recBuf().resumed.Wait(t, PointPaused)
	}
	t.Called(&model.Submitted{Record: g.pr.record(), Partition: model.Partition(g.partition), Again: g.pr.is(again)})
	g.bufferedRecords[g.scope(g.pr.record())].Add(t, 1)
	if err := g.refusal(t); err != 0 {
		g.promiseBatch(t, []promisedRec{g.pr.failed(err) | g.pr&tooLarge | lastOfBatch})
	} else {
		g.bufferRecord(t)
	}
	g.recBuf().mu.Unlock(t)
	g.pr, g.pause = 0, 0
}

// mustWait says whether the record is to wait for the end of a pause.
func (g *goroutine) mustWait(t *sim.Task) bool {
	b, scope := g.recBuf(), g.scope(g.pr.record())
	return b.paused != nil && g.pause == 0 && b.paused[scope].Get(t)
}

// refusal is the error that the record fails with at once.
func (g *goroutine) refusal(t *sim.Task) recordError {
	b, scope := g.recBuf(), g.scope(g.pr.record())
	switch {
	case b.failed.Get(t):
		return errFailedPartition
	case g.pause > 0 && b.pauses[scope].Get(t) != g.pause:
		return errStalePause
	case g.pr.is(tooLarge):
		return recordError(model.ErrMessageTooLarge)
	}
	return 0
}

// bufferRecord puts the record into the last batch, or into a new one.
func (g *goroutine) bufferRecord(t *sim.Task) {
	b := g.recBuf()
	last := sim.Ref(0)
	if int(b.batchDrainIdx.Get(t)) != b.batches.Len(t) {
		last = b.batches.Get(t)[b.batches.Len(t)-1]
		if batch := b.at(last); batch.frozen.Get(t) || batch.records.Len(t) == g.config.BatchRecords {
			last = 0
		}
	}
	if last == 0 {
		last = b.newRecordBatch(t)
		b.batches.Append(t, last)
	}
	b.at(last).records.Append(t, g.pr)
	if g.pr.is(withDeadline) {
		g.deadline.Start(t, g.config.RecordDeliveryTimeout)
	}
	g.maybeTriggerDrain(t)
}

// maybeFailErr is the error for which a batch is to fail.
func (g *goroutine) maybeFailErr(t *sim.Task, batch *recBatch) recordError {
	first := batch.records.Get(t)[0]
	switch {
	case first.is(withContext) && g.cancelled.Load(t):
		return errCanceled
	case first.is(withDeadline) && g.deadline.TryReceive(t):
		return errRecordTimeout
	case g.config.RecordRetries >= 0 && batch.tries.Get(t) > g.config.RecordRetries:
		return errRecordRetries
	}
	return 0
}

// failAllRecords fails the partition with g.err. The caller holds recBuf.mu.
func (g *goroutine) failAllRecords(t *sim.Task) {
	switch g.config.OnFailure {
	case FailPartition:
		g.recBuf().failed.Set(t, true)
	case PausePartition, PauseKeys:
		g.recBuf().pauseAll(t, g.Producer)
	}
	if g.config.OnFailure == CallHook {
		g.halt(t)
	} else {
		g.purge(t)
	}
	g.err = 0
}

// pauseAll pauses the scopes of all that is buffered.
func (b *recBuf) pauseAll(t *sim.Task, cl *Producer) {
	var scopes []int
	for _, r := range b.batches.Get(t) {
		for _, pr := range b.at(r).records.Get(t) {
			scopes = append(scopes, cl.scope(pr.record()))
		}
	}
	slices.Sort(scopes)
	for _, scope := range slices.Compact(scopes) {
		b.paused[scope].Set(t, true)
		b.pauses[scope].Set(t, b.pauses[scope].Get(t)+1)
	}
}

// purge is failAllRecords as released: the promises of all batches are pushed,
// and then the buffer is empty.
func (g *goroutine) purge(t *sim.Task) {
	b := g.recBuf()
	for i := range b.batches.Len(t) {
		g.promiseBatch(t, b.take(t, i, g.err))
	}
	b.forget(t)
}

// take takes the records out of a batch, with what their promises are called with.
func (b *recBuf) take(t *sim.Task, i int, err recordError) []promisedRec {
	batch := b.at(b.batches.Get(t)[i])
	var promises []promisedRec
	for _, pr := range batch.records.Get(t) {
		promises = append(promises, pr.failed(err))
	}
	promises[len(promises)-1] |= lastOfBatch
	batch.records.Set(t)
	return promises
}

// forget leaves the partition without batches. If one of them was written, the
// broker may have it: the next has a new epoch.
//
// Source: the end of failAllRecords; failProducerID, which bumps the epoch when
// the next request is made.
func (b *recBuf) forget(t *sim.Task) {
	pinned := false
	for _, r := range b.batches.Get(t) {
		pinned = pinned || b.at(r).pinned.Get(t)
		b.release(t, r)
	}
	b.resetBatchDrainIdx(t)
	b.batches.Set(t)
	b.stopLinger(t)
	if pinned {
		b.needSeqReset.Set(t, true)
	}
}

// halt calls the application at the moment of the failure.
func (g *goroutine) halt(t *sim.Task) {
	if g.recBuf().halted.Get(t) {
		return
	}
	g.recBuf().halted.Set(t, true)
	g.inHook = true
	g.onFailure(t)
	g.inHook = false
}

// finishBatch takes the first batch out of the buffer: it is written. The caller
// holds recBuf.mu.
func (g *goroutine) finishBatch(t *sim.Task) {
	b := g.recBuf()
	promises := b.take(t, 0, 0)
	b.batch0Seq.Set(t, b.batch0Seq.Get(t).Plus(len(promises)))
	b.release(t, b.batches.Get(t)[0])
	b.batches.Drop(t, 1)
	b.batchDrainIdx.Set(t, b.batchDrainIdx.Get(t)-1)
	g.promiseBatch(t, promises)
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
