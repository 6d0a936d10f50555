package saramaasync

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

func (pp *PartitionProducer) describe() string { return fmt.Sprint("level ", pp.highWatermark) }

// BrokerProducer is the goroutine that gathers messages into sets, and handles the
// answers.
//
// Source: brokerProducer.
type BrokerProducer struct {
	*Producer
	*broker
	accumulating []message           // accumulatingBatch; up to 1.47.0 buffer
	flushing     []message           // flushingBatch, since 1.48.0
	epoch        model.ProducerEpoch // of accumulating, up to 1.61.0: the producer's when that began
	ready        bool                // output != nil, up to 1.47.0
	retrying     bool                // currentRetries of the partition
	conn         int64               // whose brokerProducer the partition has: that of its last syn
	lost         int64               // connections up to this one, from 1 on, are lost: closing
	msg          message
	answered     response
	keepMuted    bool
	dropped      []message
	i            int
}

// NewBrokerProducer returns that of a leader.
func (p *Producer) NewBrokerProducer(place int) *BrokerProducer {
	return &BrokerProducer{Producer: p, broker: p.brokers[place]}
}

func (bp *BrokerProducer) Run(t *sim.Task) {
	for {
		chosen := t.At(PointRun).Select(bp.bpInput.Receiving(), bp.flush(), bp.pending.Receiving(), bp.unmuteSignal())
		switch chosen {
		case &bp.bpInput:
			msg, ok := bp.bpInput.Received(t)
			if !ok {
				bp.output.Close(t)
				return
			}
			bp.msg = msg
			added := bp.take(t)
			if bp.msg = (message{}); !added {
				continue
			}
		case &bp.output:
			bp.flushed(t)
		case &bp.pending:
			bp.receive(t)
		case &bp.unmuted:
			bp.unmuted.Received(t)
		}
		bp.tryBuildFlushingBatch(t)
		bp.ready = !bp.mutes() && len(bp.accumulating) > 0
	}
}

// flush is the case of the output, if a set is ready. Up to 1.47.0 that is looked at only when a
// turn of run ends, and a message that is retried ends none: if its set was dropped meanwhile, an empty
// one goes out, a request without a partition.
func (bp *BrokerProducer) flush() sim.SelectCase {
	switch {
	case bp.ready:
		return bp.output.Sending(bp.sealed(bp.accumulating))
	case len(bp.flushing) > 0:
		return bp.output.Sending(slices.Clone(bp.flushing))
	}
	return sim.SelectCase{}
}

// flushed is that the output has taken the set.
func (bp *BrokerProducer) flushed(t *sim.Task) {
	if bp.mutes() {
		bp.flushing = bp.flushing[:0]
	} else {
		bp.rollOver(t)
	}
}

// rollOver begins a set.
func (bp *BrokerProducer) rollOver(t *sim.Task) {
	bp.accumulating = bp.accumulating[:0]
	if bp.numbersEarly() {
		t.Step(PointNewSet)
		bp.epoch = bp.currentEpoch(t)
	}
}

// sealed is a set with its epoch, whatever those of its messages are.
func (bp *BrokerProducer) sealed(set []message) []message {
	if set = slices.Clone(set); bp.numbersEarly() {
		for i := range set {
			set[i].epoch = bp.epoch
		}
	}
	return set
}

// receive handles the next response.
func (bp *BrokerProducer) receive(t *sim.Task) {
	answered, _ := bp.pending.Received(t)
	bp.handle(t, answered)
}

func (bp *BrokerProducer) handle(t *sim.Task, answered response) {
	bp.answered.set = append(bp.answered.set[:0], answered.set...) // What is kept of a message is copied.
	bp.answered.err, bp.answered.conn = answered.err, answered.conn
	bp.handleResponse(t)
}

// unmuteSignal is the case of the partition's being unmuted, if a set waits for that.
//
// Source: sarama 1.60.1; before nobody tells run.
func (bp *BrokerProducer) unmuteSignal() sim.SelectCase {
	if bp.config.Release < Release1_60_1 || len(bp.flushing) > 0 || len(bp.accumulating) == 0 {
		return sim.SelectCase{}
	}
	return bp.unmuted.Receiving()
}

// tryBuildFlushingBatch mutes the partition for the set that has gathered.
func (bp *BrokerProducer) tryBuildFlushingBatch(t *sim.Task) {
	if !bp.mutes() || len(bp.flushing) > 0 || len(bp.accumulating) == 0 || bp.muted.Load(t) {
		return
	}
	bp.muted.Store(t, true)
	bp.flushing = append(bp.flushing[:0], bp.sealed(bp.accumulating)...)
	bp.rollOver(t)
	if bp.config.Idempotent && bp.config.Release >= Release1_61_1 { // sequenceFlushingBatch
		for i := range bp.flushing {
			bp.number(t, &bp.flushing[i])
		}
	}
}

// take is the case of a message, and says whether it was added to the set.
func (bp *BrokerProducer) take(t *sim.Task) (added bool) {
	switch {
	case bp.msg.flag == syn:
		bp.retrying, bp.conn = false, bp.msg.conn
		bp.inFlight.Done(t)
	case bp.closing(): // needsRetry
		bp.retryMessage(t, bp.msg, model.ErrNetworkException)
	case bp.retrying:
		bp.retryMessage(t, bp.msg, model.ErrNotLeaderOrFollower)
		if bp.msg.flag == fin {
			bp.retrying = false
		}
	case bp.msg.flag == fin:
		bp.retryMessage(t, bp.msg, model.ErrNotLeaderOrFollower) // ErrShuttingDown
	case bp.numbersEarly() && bp.msg.epoch != bp.epoch && !bp.waitForSpace(t):
		bp.retryMessage(t, bp.msg, model.ErrNotLeaderOrFollower)
	default:
		return bp.add(t)
	}
	return false
}

// waitForSpace begins a set for a message of another epoch than the set's; the set then
// has the epoch of now, and the message its own number. It says whether the message may
// go into it: not if its partition is retried meanwhile.
//
// Up to 1.47.0 the set goes out even if nothing is in it: a request without a partition.
func (bp *BrokerProducer) waitForSpace(t *sim.Task) bool {
	for {
		switch {
		case !bp.mutes():
			if t.At(PointSpace).Select(bp.output.Sending(bp.sealed(bp.accumulating)), bp.pending.Receiving()) == &bp.output {
				bp.rollOver(t)
				return true
			}
			bp.receive(t)
		case len(bp.flushing) > 0:
			if t.At(PointSpace).Select(bp.flush(), bp.pending.Receiving()) == &bp.output {
				bp.flushed(t)
				continue
			}
			bp.receive(t)
		case len(bp.accumulating) == 0:
			bp.rollOver(t)
			return true
		default:
			if bp.tryBuildFlushingBatch(t); len(bp.flushing) > 0 {
				continue
			}
			if t.At(PointSpace).Select(bp.unmuted.Receiving(), bp.pending.Receiving()) == &bp.unmuted {
				bp.unmuted.Received(t)
				continue
			}
			bp.receive(t)
		}
		if bp.retrying || bp.closing() { // needsRetry
			return false
		}
	}
}

// closing says whether the brokerProducer that the partition has takes nothing more.
func (bp *BrokerProducer) closing() bool { return bp.conn < bp.lost }

// stale says whether the answer is one for a brokerProducer before, which has gathered
// nothing more.
func (bp *BrokerProducer) stale() bool { return bp.answered.conn < bp.conn }

// add puts a message into the set.
//
// Source: produceSet.add, which wants each number to follow the one before.
func (bp *BrokerProducer) add(t *sim.Task) bool {
	if bp.numbersEarly() && len(bp.accumulating) > 0 && bp.msg.seq < bp.accumulating[0].seq {
		t.Step(PointOutOfSequence)
		bp.returnError(t, bp.msg, model.ErrOutOfOrderSequenceNumber) // "assertion failed: message out of sequence added to a batch"
		return false
	}
	bp.accumulating = append(bp.accumulating, bp.msg)
	return true
}

// handleResponse is handleResponse and handleSuccess.
func (bp *BrokerProducer) handleResponse(t *sim.Task) {
	bp.keepMuted = false
	switch bp.answered.err {
	case model.None:
		for _, m := range bp.answered.set {
			t.Return(&model.Promised{Record: m.record})
			bp.inFlight.Done(t)
		}
	case model.ErrNotLeaderOrFollower:
		if bp.config.Idempotent {
			bp.refreshMetadata(t)
		}
		bp.retrying = bp.retrying || !bp.stale()
		bp.keepMuted = bp.config.Idempotent || bp.answered.set[0].resent
		bp.retrySet(t)
	case model.ErrNetworkException:
		bp.handleError(t)
	default:
		for bp.i = 0; bp.i < len(bp.answered.set); bp.i++ {
			bp.returnErrorOf(t, bp.answered.set, bp.i, bp.answered.err)
		}
		bp.i = 0
	}
	bp.answered.set, bp.answered.err, bp.answered.conn = bp.answered.set[:0], model.None, 0
	if !bp.keepMuted {
		bp.unmute(t)
	}
	bp.keepMuted = false
	if len(bp.accumulating) == 0 {
		bp.rollOver(t)
	}
}

// handleError abandons the connection that an answer was to come on, and retries. From
// 1.60.0 on a set that is not idempotent, too, is sent again as it is.
//
// Differs: up to 1.47.0, and with several partitions later, a second set in flight that comes here after the broker was connected to anew
// closes that connection too; here it is only retried.
func (bp *BrokerProducer) handleError(t *sim.Task) {
	if bp.answered.conn == bp.opened.Load(t) {
		bp.closed.Store(t, true) // abandonBrokerConnection, Broker.Close
		bp.holder.Store(t, nobody)
	}
	bp.lost = max(bp.lost, bp.answered.conn+1)
	bp.keepMuted = bp.mutes() && (bp.config.Idempotent || bp.config.Release >= Release1_60_0)
	bp.retrySet(t)
}

// retrySet retries a set that was refused, and what has gathered behind it.
func (bp *BrokerProducer) retrySet(t *sim.Task) {
	if bp.keepMuted {
		bp.batches.Send(t.At(PointGo), bp.answered.clone()) // go retryBatch
	} else {
		for bp.i = 0; bp.i < len(bp.answered.set); bp.i++ {
			bp.retryMessage(t, bp.answered.set[bp.i], bp.answered.err)
		}
	}
	if bp.stale() {
		return
	}
	bp.dropped = append(bp.dropped[:0], bp.accumulating...) // dropPartition
	bp.accumulating = bp.accumulating[:0]
	for bp.i = 0; bp.i < len(bp.dropped); bp.i++ {
		bp.retryMessage(t, bp.dropped[bp.i], bp.answered.err)
	}
	bp.dropped, bp.i = bp.dropped[:0], 0
}

// EndingBrokerProducer is one that only retryBatch has had, so that its input is closed. It
// handles the answer to what it was given. The partition's is another one, and is not told.
//
// Source: getBrokerProducer, unrefBrokerProducer, brokerProducer.shutdown.
type EndingBrokerProducer struct{ BrokerProducer }

// NewEndingBrokerProducer returns it, for all that there are of a leader, one after the other.
func (p *Producer) NewEndingBrokerProducer(place int) *EndingBrokerProducer {
	return &EndingBrokerProducer{*p.NewBrokerProducer(place)}
}

func (bp *EndingBrokerProducer) Run(t *sim.Task) {
	for {
		answered, ok := bp.ending.Receive(t.At(PointEnding))
		if !ok {
			return
		}
		bp.handle(t, answered)
		bp.retrying, bp.lost = false, 0
	}
}

// Bridge is the goroutine that writes the sets.
//
// Source: newBrokerProducer, Broker.AsyncProduce, Broker.sendInternal.
type Bridge struct {
	*Producer
	*broker
	set  []message
	conn int64
}

// NewBridge returns that of a leader.
func (p *Producer) NewBridge(place int) *Bridge {
	return &Bridge{Producer: p, broker: p.brokers[place]}
}

func (b *Bridge) Run(t *sim.Task) {
	for {
		set, ok := b.output.Receive(t.At(PointBridge))
		if b.set = append(b.set[:0], set...); !ok {
			break
		}
		if b.config.Release >= Release1_61_1 {
			b.slots.Send(t.At(PointSlot), true)
		}
		if !b.mutes() {
			b.lock.Lock(t.At(PointAsyncProduce))
		}
		b.broker.conn.Send(t, b.request(b.set))
		b.conn = b.opened.Load(t)
		b.promises.Send(t.At(PointWrite), response{set: slices.Clone(b.set), conn: b.conn})
		if !b.mutes() {
			b.lock.Unlock(t)
		}
		b.set, b.conn = b.set[:0], 0
	}
	b.promises.Close(t)
}

// ResponseReceiver is the goroutine that reads the responses.
//
// Source: Broker.responseReceiver.
type ResponseReceiver struct {
	*Producer
	*broker
	promise response
	dead    int64 // connections up to this one, from 1 on, are dead
}

// NewResponseReceiver returns that of a leader.
func (p *Producer) NewResponseReceiver(place int) *ResponseReceiver {
	return &ResponseReceiver{Producer: p, broker: p.brokers[place]}
}

func (r *ResponseReceiver) Run(t *sim.Task) {
	for {
		promise, ok := r.promises.Receive(t.At(PointPromise))
		if r.promise = promise.clone(); !ok {
			r.ending.Close(t)
			return
		}
		r.read(t)
		if r.config.Release >= Release1_61_1 {
			r.slots.Receive(t.At(PointFreeSlot))
		}
		if r.ends(t) {
			r.ending.Send(t.At(PointPending), r.promise.clone()) // There is room.
		} else {
			r.pending.Send(t.At(PointPending), r.promise.clone()) // There is room.
		}
		r.promise = response{}
	}
}

// ends says whether the response is for a brokerProducer that only retryBatch has or had.
func (r *ResponseReceiver) ends(t *sim.Task) bool {
	if len(r.promise.set) == 0 || !r.promise.set[0].made {
		return false
	}
	return r.alone.Swap(t, false) || r.holder.Load(t) == retryBatchHolds
}

// read reads the response. On a connection that is dead there is none.
func (r *ResponseReceiver) read(t *sim.Task) {
	r.promise.err = model.ErrNetworkException
	if r.promise.conn < r.dead {
		return
	}
	answer, ok := r.conn.ReceiveAny(t.At(PointResponse)).(*model.ProduceResponse)
	if !ok {
		r.dead = r.promise.conn + 1
		return
	}
	if r.promise.err = model.None; len(answer.Partitions) > 0 {
		r.promise.err = answer.Partitions[0].Error
	}
}

// clone is the response with a set of its own: what is kept of a message is copied.
func (r response) clone() response {
	r.set = slices.Clone(r.set)
	return r
}
