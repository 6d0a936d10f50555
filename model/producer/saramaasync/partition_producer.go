package saramaasync

import (
	"slices"

	"racelab/model"
	"racelab/sim"
)

// Application is the goroutine that sends messages and closes the producer. Others read
// Successes and Errors.
//
// Source: AsyncProducer.Input, asyncProducer.shutdown.
type Application struct {
	*Producer
	next model.Record
}

// NewApplication returns it.
func (p *Producer) NewApplication() *Application { return &Application{Producer: p} }

func (a *Application) Run(t *sim.Task) {
	for a.next = 1; int(a.next) <= a.config.Messages; a.next++ {
		t.Step(PointProduce)
		t.Call(&model.Submitted{Record: a.next})
		a.input.Send(t.At(PointInput), message{record: a.next})
	}
	a.inFlight.Wait(t.At(PointClose))
	a.retries.Close(t)
	a.batches.Close(t)
	a.input.Close(t)
}

// PartitionProducer is the goroutine that keeps the order of the partition over retries,
// level by level.
//
// Source: partitionProducer.
type PartitionProducer struct {
	goroutine
	msg           message
	highWatermark int32
	retryState    []retryState
	has           bool  // pp.brokerProducer != nil
	conn          int64 // that of the brokerProducer which a syn opens
	i             int
}

type retryState struct {
	buf          []message
	expectChaser bool
}

// NewPartitionProducer returns it.
func (p *Producer) NewPartitionProducer() *PartitionProducer {
	return &PartitionProducer{goroutine: goroutine{Producer: p}, has: true, retryState: make([]retryState, p.config.RetryMax+1)}
}

// Run is dispatch.
//
// Differs: the syn with which it begins is left out: the partition is open.
func (pp *PartitionProducer) Run(t *sim.Task) {
	for {
		msg, ok := pp.input.Receive(t.At(PointDispatch))
		if pp.msg = msg; !ok {
			break
		}
		if pp.keeps(t) {
			continue
		}
		pp.updateLeaderIfBrokerProducerIsNil(t)
		if pp.numbersEarly() && pp.msg.retries == 0 && pp.msg.flag == noFlag {
			pp.number(t, &pp.msg)
		}
		pp.broker().bpInput.Send(t.At(PointHandOn), pp.msg)
		pp.msg = message{}
	}
	for _, b := range pp.brokers {
		b.bpInput.Close(t)
	}
}

// keeps looks at the level of the message, and says whether it does not go on.
func (pp *PartitionProducer) keeps(t *sim.Task) bool {
	switch {
	case pp.msg.retries > pp.highWatermark:
		pp.updateLeaderIfBrokerProducerIsNil(t)
		pp.newHighWatermark(t, pp.msg.retries)
		return false
	case pp.highWatermark == 0:
		return false
	case pp.msg.retries < pp.highWatermark && pp.msg.flag == fin:
		pp.retryState[pp.msg.retries].expectChaser = false
		pp.inFlight.Done(t)
	case pp.msg.retries < pp.highWatermark:
		level := &pp.retryState[pp.msg.retries]
		level.buf = append(level.buf, pp.msg)
	case pp.msg.flag == fin:
		pp.retryState[pp.highWatermark].expectChaser = false
		pp.flushRetryBuffers(t)
		pp.inFlight.Done(t)
	default:
		return false
	}
	return true
}

// newHighWatermark sends the chaser, and leaves the brokerProducer.
func (pp *PartitionProducer) newHighWatermark(t *sim.Task, hwm int32) {
	pp.highWatermark = hwm
	pp.retryState[hwm].expectChaser = true
	pp.inFlight.Add(t, 1)
	pp.broker().bpInput.Send(t.At(PointFin), message{flag: fin, retries: hwm - 1})
	pp.has = false
}

func (pp *PartitionProducer) updateLeaderIfBrokerProducerIsNil(t *sim.Task) {
	if pp.has {
		return
	}
	pp.refreshMetadata(t)
	pp.findLeader(t)
	pp.inFlight.Add(t, 1)
	pp.conn = pp.broker().opened.Load(t)
	pp.broker().holder.Store(t, partitionHolds) // getBrokerProducer
	pp.broker().bpInput.Send(t.At(PointSyn), message{flag: syn, conn: pp.conn})
	pp.conn, pp.has = 0, true
}

// flushRetryBuffers sends what has waited, down to a level whose chaser is still to
// come.
func (pp *PartitionProducer) flushRetryBuffers(t *sim.Task) {
	for {
		pp.highWatermark--
		pp.updateLeaderIfBrokerProducerIsNil(t)
		for pp.i = 0; pp.i < len(pp.retryState[pp.highWatermark].buf); pp.i++ {
			msg := &pp.retryState[pp.highWatermark].buf[pp.i]
			if pp.numbersEarly() && pp.config.Release >= Release1_46_3 && msg.retries == 0 {
				pp.number(t, msg)
			}
			pp.broker().bpInput.Send(t.At(PointFlush), pp.retryState[pp.highWatermark].buf[pp.i])
		}
		pp.i = 0
		pp.retryState[pp.highWatermark].buf = nil
		if pp.retryState[pp.highWatermark].expectChaser || pp.highWatermark == 0 {
			return
		}
	}
}

// RetryHandler is the goroutine that sends messages to Input again.
//
// Source: asyncProducer.retryHandler.
type RetryHandler struct {
	*Producer
	msg message
}

// NewRetryHandler returns it.
func (p *Producer) NewRetryHandler() *RetryHandler { return &RetryHandler{Producer: p} }

func (r *RetryHandler) Run(t *sim.Task) {
	for {
		msg, ok := r.retries.Receive(t.At(PointRetries))
		if r.msg = msg; !ok {
			return
		}
		r.input.Send(t.At(PointAgain), r.msg)
		r.msg = message{}
	}
}

// RetryBatch is a goroutine that sends a batch again as it is.
//
// Source: asyncProducer.retryBatch.
// Differs: a goroutine serves one batch after the other, and there are as many as can
// be at work at once.
type RetryBatch struct {
	goroutine
	set  []message
	err  model.Error
	made bool // the brokerProducer
	i    int
}

// NewRetryBatch returns it.
func (p *Producer) NewRetryBatch() *RetryBatch { return &RetryBatch{goroutine: goroutine{Producer: p}} }

func (r *RetryBatch) Run(t *sim.Task) {
	for {
		refused, ok := r.batches.Receive(t.At(PointResend))
		if r.set, r.err = append(r.set[:0], refused.set...), refused.err; !ok {
			return
		}
		r.retry(t)
		r.set, r.err = r.set[:0], model.None
	}
}

func (r *RetryBatch) retry(t *sim.Task) {
	if slices.ContainsFunc(r.set, func(m message) bool { return m.retries >= r.config.RetryMax }) {
		for r.i = 0; r.i < len(r.set); r.i++ {
			r.returnErrorOf(t, r.set, r.i, r.err)
		}
		r.i = 0
		r.unmute(t)
		return
	}
	r.findLeader(t)
	r.made = r.missesUnmute() && r.broker().holder.CompareAndSwap(t, nobody, retryBatchHolds) // getBrokerProducer
	r.broker().output.Send(t.At(PointHandOver), r.again())
	if r.made && r.broker().holder.CompareAndSwap(t, retryBatchHolds, nobody) { // unrefBrokerProducer
		r.broker().alone.Store(t, true)
	}
	r.leader, r.made = 0, false
}

// again is the set at its next level.
func (r *RetryBatch) again() []message {
	set := slices.Clone(r.set)
	for i := range set {
		set[i].retries++
		set[i].resent = r.config.Release >= Release1_61_1
		set[i].made = r.made
	}
	return set
}

// Describe shows at which level of retries the partition is.
func (pp *PartitionProducer) Describe(show func(name, value string)) {
	if pp.highWatermark > 0 {
		show("retrying", pp.describe())
	}
}
