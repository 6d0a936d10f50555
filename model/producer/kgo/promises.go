package kgo

import (
	"slices"

	"racelab/model"
	"racelab/sim"
)

// ring holds the promises that are to be called, in their order. Who pushes onto
// an empty one starts the goroutine that calls them. What that is at stays in the
// ring until it is done.
//
// Source: ring, producer.batchPromises.
// Differs: ring.mu is held at no point. Who pushes holds recBuf.mu, and nothing
// that a promise does goes past that; and between the last promise of a batch and
// dropPeek nobody finds the ring other than before.
type ring struct {
	elems          sim.List[promisedRec] // batchPromises, one after the other
	finishPromises goStatement
}

// promiseBatch pushes a batchPromise.
func (cl *Producer) promiseBatch(t *sim.Task, promises []promisedRec) {
	r := &cl.batchPromises
	first := r.elems.Len(t) == 0
	r.elems.Append(t, promises...)
	if first {
		r.finishPromises.start(t)
	}
}

// promiseRecord pushes the promise of a record that fails by itself.
func (cl *Producer) promiseRecord(t *sim.Task, pr promisedRec, err recordError) {
	cl.promiseBatch(t, []promisedRec{pr.failed(err) | pr&tooLarge | lastOfBatch})
}

// Promises is the goroutine that calls promises.
//
// Source: producer.finishPromises.
// Differs: promises without an error run in one step with the one before. The
// application only counts them.
type Promises struct {
	*Producer
	recs []promisedRec // of the batch that are to be called
}

// NewPromises returns the goroutine that calls the client's promises.
func (cl *Producer) NewPromises() *Promises { return &Promises{Producer: cl} }

// Run is finishPromises, each time that it is started.
func (g *Promises) Run(t *sim.Task) {
	for {
		g.batchPromises.finishPromises.begins(t, PointStartPromises) // The reordering: what is handed over meanwhile is taken.
		if g.closed.Load(t) {
			return
		}
		if g.config.Paced {
			t.Step(PointScheduled)
		}
		g.recs = append(g.recs[:0], g.batchPromises.head(t)...)
		g.finishPromises(t)
	}
}

// finishPromises calls promises until the ring is empty.
func (g *Promises) finishPromises(t *sim.Task) {
	for len(g.recs) > 0 {
		g.finishRecordPromise(t)
		if len(g.recs) == 0 {
			g.dropPeek(t)
		}
		if len(g.recs) > 0 && g.recs[0].err() != 0 {
			t.Step(PointCallPromise)
		}
	}
}

// finishRecordPromise calls the next promise.
func (g *Promises) finishRecordPromise(t *sim.Task) {
	pr := g.recs[0]
	t.Return(&model.Promised{Record: pr.record(), Failed: pr.err().String(), Unbuffered: pr.is(tooLarge)})
	g.app.promise(t, pr)
	g.bufferedRecords[g.scope(pr.record())].Done(t)
	g.recs = slices.Delete(g.recs, 0, 1)
}

// dropPeek takes the batch that is done out of the ring, and looks at the next.
func (g *Promises) dropPeek(t *sim.Task) {
	r := &g.batchPromises
	r.elems.Drop(t, len(r.head(t)))
	g.recs = append(g.recs[:0], r.head(t)...)
}

// head is the batchPromise whose turn it is.
func (r *ring) head(t *sim.Task) []promisedRec {
	elems := r.elems.Get(t)
	return elems[:1+slices.IndexFunc(elems, func(pr promisedRec) bool { return pr.is(lastOfBatch) })]
}

// promisedRec is a record with its promise: which record it is, what it was
// handed over with, and in the end what the promise is called with.
//
// Source: promisedRec; batchPromise.
type promisedRec int64

const (
	withContext  promisedRec = 1 << (48 + iota) // its context may be cancelled
	withDeadline                                // it may time out
	tooLarge                                    // it does not fit into a batch
	lastOfBatch                                 // of its batchPromise
)

func (pr promisedRec) record() model.Record { return model.Record(uint32(pr)) }
func (pr promisedRec) err() recordError     { return recordError(pr >> 32) }
func (pr promisedRec) is(flag promisedRec) bool {
	return pr&flag != 0
}

// failed is the record with what its promise is called with.
func (pr promisedRec) failed(err recordError) promisedRec {
	return promisedRec(uint32(pr)) | promisedRec(uint16(err))<<32
}

// recordError is an error that a promise is called with: Kafka's, or the client's
// own.
type recordError int16

const (
	errRecordRetries   recordError = -101 // ErrRecordRetries
	errRecordTimeout   recordError = -102 // ErrRecordTimeout
	errCanceled        recordError = -103 // context.Canceled
	errFailedPartition recordError = -104 // the sticky error
	errStalePause      recordError = -105 // the partition has failed again since
	errCleared         recordError = -106 // ClearPartition
)

func (e recordError) String() string {
	switch e {
	case 0:
		return ""
	case errRecordRetries:
		return "retried too many times"
	case errRecordTimeout:
		return "timed out"
	case errCanceled:
		return "context canceled"
	case errFailedPartition:
		return "partition has failed"
	case errStalePause:
		return "partition has failed again"
	case errCleared:
		return "partition was cleared"
	}
	return model.Error(e).String()
}

// Describe shows nothing besides what is shared.
func (g *Promises) Describe(func(name, value string)) {}
