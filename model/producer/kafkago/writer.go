package kafkago

import (
	"racelab/model"
	"racelab/sim"
)

// Proposal is what WriteMessages does when its context ends.
type Proposal uint8

const (
	// Released returns the context's error, and leaves the batch where it is.
	//
	// Source: Writer.WriteMessages of kafka-go 0.4.51.
	Released Proposal = iota
	// Withdraw takes the batch out of the queue, if it has not gone out yet, and
	// otherwise waits for its outcome.
	//
	// Source: none; kafka-go issue 1427 asks for it.
	Withdraw
)

// Config is what is set before the writer starts.
type Config struct {
	Proposal Proposal
	// Context says that the application gives a context that may end to the first
	// write of each record, and one that does not to what it writes again.
	Context bool
	Records int
	// MaxAttempts is how often a batch is sent.
	//
	// Default: 10.
	// Source: Writer.MaxAttempts.
	MaxAttempts int32
}

// Writer is what the goroutines of a writer share.
//
// Source: Writer, partitionWriter in kafka-go 0.4.51, writer.go.
// Differs: one partition. A batch has one message (BatchSize 1), so that it is queued at
// once. The connection is the transport's pool.
type Writer struct {
	config  Config `sim:"config"`
	conn    *sim.Conn
	ctx     sim.Context
	mutex   sim.Mutex
	batches []*writeBatch
	made    sim.Var[int32]  // batches so far; under mutex
	queue   sim.Chan[int32] // their places
}

// writeBatch is a batch.
type writeBatch struct {
	message sim.Var[model.Record]
	err     sim.Var[int32] // a model.Error
	done    sim.Chan[bool]
	gone    sim.Var[bool] // it went out, or was withdrawn; under mutex
}

// NewWriter returns a writer with its connection to the leader.
func NewWriter(conn *sim.Conn, config Config) *Writer {
	w := &Writer{config: config, conn: conn}
	w.ctx.Init()
	for range 2 * config.Records {
		b := &writeBatch{}
		b.done.Init(0)
		w.batches = append(w.batches, b)
	}
	w.queue.Init(len(w.batches))
	return w
}

// Application is the goroutine that writes, one record after the other. What it hears
// has failed, it writes again.
type Application struct {
	*Writer
	record model.Record
	batch  int32 // its place
	again  bool
	err    string // of WriteMessages; empty: none
}

// NewApplication returns it.
func (w *Writer) NewApplication() *Application { return &Application{Writer: w} }

func (a *Application) Run(t *sim.Task) {
	for a.record = 1; int(a.record) <= a.config.Records; a.record++ {
		a.again = false
		a.writeMessages(t)
		for a.err != "" {
			a.again = true
			a.writeMessages(t)
		}
	}
	a.queue.Close(t) // Close
}

// writeMessages is WriteMessages of one message.
func (a *Application) writeMessages(t *sim.Task) {
	a.mutex.Lock(t.At(PointWrite))
	t.Call(&model.Submitted{Record: a.record, Again: a.again})
	a.batch = a.made.Get(t)
	a.made.Set(t, a.batch+1)
	a.batches[a.batch].message.Set(t, a.record)
	a.queue.Send(t.At(PointQueue), a.batch) // There is room.
	a.mutex.Unlock(t)
	a.err = ""
	if !a.config.Context || a.again {
		a.batches[a.batch].done.Receive(t.At(PointAwait))
		a.outcome(t)
	} else {
		a.awaitBatch(t)
	}
	t.Return(&model.Promised{Record: a.record, Failed: a.err})
}

// awaitBatch waits for the outcome, or for the context's end.
func (a *Application) awaitBatch(t *sim.Task) {
	chosen := t.At(PointAwait).Select(a.ctx.Done(), a.batches[a.batch].done.Receiving())
	switch {
	case chosen == &a.batches[a.batch].done:
		a.outcome(t)
	case a.config.Proposal == Withdraw && !a.withdraw(t):
		a.batches[a.batch].done.Receive(t.At(PointAwait))
		a.outcome(t)
	default:
		a.err = sim.ErrCanceled.Error() // The batch stays queued, and is written.
	}
}

// withdraw says whether the batch will never be written.
func (a *Application) withdraw(t *sim.Task) (withdrawn bool) {
	a.mutex.Lock(t.At(PointWithdraw))
	withdrawn = !a.batches[a.batch].gone.Get(t)
	a.batches[a.batch].gone.Set(t, true)
	a.mutex.Unlock(t)
	return withdrawn
}

func (a *Application) outcome(t *sim.Task) {
	if err := model.Error(a.batches[a.batch].err.Get(t)); err != model.None {
		a.err = err.String()
	}
}

// PartitionWriter is the goroutine that writes the batches of the partition.
//
// Source: partitionWriter.writeBatches.
type PartitionWriter struct {
	*Writer
	batch   int32
	attempt int32
	err     model.Error
}

// NewPartitionWriter returns it.
func (w *Writer) NewPartitionWriter() *PartitionWriter { return &PartitionWriter{Writer: w} }

func (ptw *PartitionWriter) Run(t *sim.Task) {
	for {
		batch, ok := ptw.queue.Receive(t.At(PointNext))
		if ptw.batch = batch; !ok {
			return
		}
		if ptw.config.Proposal == Withdraw && !ptw.begin(t) {
			continue
		}
		ptw.writeBatch(t)
	}
}

// begin says whether the batch was not withdrawn. From then on it cannot be.
func (ptw *PartitionWriter) begin(t *sim.Task) bool {
	ptw.mutex.Lock(t.At(PointWithdraw))
	gone := ptw.batches[ptw.batch].gone.Get(t)
	ptw.batches[ptw.batch].gone.Set(t, true)
	ptw.mutex.Unlock(t)
	return !gone
}

// writeBatch sends a batch until it is written, by a context of its own: whoever waits
// for it has no say.
//
// Differs: the broker refuses nothing, so every error is temporary.
func (ptw *PartitionWriter) writeBatch(t *sim.Task) {
	for ptw.attempt, ptw.err = 0, model.ErrNetworkException; ptw.err != model.None && ptw.attempt < ptw.config.MaxAttempts; ptw.attempt++ {
		if ptw.attempt > 0 {
			t.Step(PointBackoff)
		}
		ptw.produce(t)
	}
	ptw.attempt = 0
	ptw.batches[ptw.batch].err.Set(t, int32(ptw.err))
	ptw.batches[ptw.batch].done.Close(t) // complete
}

func (ptw *PartitionWriter) produce(t *sim.Task) {
	t.Step(PointProduce)
	ptw.conn.Send(t, &model.ProduceRequest{TransactionalID: model.NoTransactionalID, Partitions: []model.PartitionBatch{{
		Batch: model.RecordBatch{
			ProducerID: model.NoProducerID, BaseSequence: model.NoSequence,
			Records: []model.Record{ptw.batches[ptw.batch].message.Get(t)},
		},
	}}})
	ptw.err = model.ErrNetworkException
	if response, ok := ptw.conn.Receive(t.At(PointResponse)).(*model.ProduceResponse); ok {
		ptw.err = response.Partitions[0].Error
	}
}

// Context ends the context that the application gave, at any moment.
type Context struct{ *Writer }

// NewContext returns it.
func (w *Writer) NewContext() *Context { return &Context{w} }

func (c *Context) Run(t *sim.Task) {
	t.Step(PointCancel)
	c.ctx.Cancel(t)
}

// Describe shows nothing: what counts is in the log.
func (w *Writer) Describe(func(name, value string)) {}

// Describe shows nothing besides what is shared.
func (a *Application) Describe(func(name, value string)) {}

// Describe shows nothing besides what is shared.
func (ptw *PartitionWriter) Describe(func(name, value string)) {}

// Describe shows nothing besides what is shared.
func (c *Context) Describe(func(name, value string)) {}
