package sarama

import (
	"racelab/model"
	"racelab/model/group"
	"racelab/sim"
)

// broker is the client's end of the connection to a broker.
//
// Source: Broker in sarama 1.43.3, broker.go.
// Differs: responseReceiver is part of the connection: it hands each response
// to whoever awaits it, oldest first, and waits until it is taken, as the
// unbuffered channel of a promise does. Open dials in the caller's goroutine
// and not in one of its own that inherits the lock.
type broker struct {
	lock      sim.Mutex
	opened    sim.Atomic[bool]
	connected sim.Var[bool] // b.conn != nil
	conn      *sim.Conn
	reader    *group.ReadDeadline // of conn
	// responses has room for the promises that responseReceiver awaits: the one
	// in its hands, and those in the channel. Where there are no more goroutines
	// than that there is always room, since each has one request in flight, and
	// it is left out: nil.
	responses *sim.Chan[bool]
}

// open dials, unless another goroutine does or has.
func (om *goroutine) open(t *sim.Task) {
	t.Step(PointOpen)
	if !om.broker.opened.CompareAndSwap(t, false, true) {
		return // ErrAlreadyConnected
	}
	om.broker.lock.Lock(t.At(PointDial))
	om.broker.conn.Redial(t.At(PointConnect))
	om.broker.connected.Set(t, true)
	om.broker.lock.Unlock(t)
}

// closeBroker is Broker.Close.
func (om *goroutine) closeBroker(t *sim.Task) {
	om.broker.lock.Lock(t.At(PointCloseBroker))
	if om.broker.connected.Get(t) {
		om.broker.connected.Set(t, false)
		om.broker.opened.Store(t, false)
	}
	om.broker.lock.Unlock(t)
}

// responseSize counts the responses that are
// awaited, under the lock.
func (om *goroutine) responseSize(t *sim.Task) {
	om.broker.lock.Lock(t.At(PointResponseSize))
	om.broker.lock.Unlock(t)
}

// send writes a request, or sets err if not connected. The caller holds broker.lock.
func (om *goroutine) send(t *sim.Task, request sim.Message) {
	if om.err = !om.broker.connected.Get(t); !om.err {
		om.broker.conn.Send(t, request)
		om.broker.reader.Wrote(t)
	}
}

// takeSlot and promised stand around the write of a request that has a response, in
// sendInternal. The caller holds broker.lock. Since 1.61.1 it takes a slot before.
func (om *goroutine) takeSlot(t *sim.Task) {
	om.err = false
	if om.conf.Release >= Release1_61_1 {
		om.promise(t)
	}
}

// promised is what follows the write: up to 1.61.0 the promise.
func (om *goroutine) promised(t *sim.Task) {
	if om.conf.Release < Release1_61_1 {
		om.promise(t)
	} else if om.err {
		om.keepPromise(t)
	}
}

// promise is b.responses <- promise, under the lock: with more requests in
// flight than MaxOpenRequests nobody else can send until a response is there.
// Up to 1.61.0 it comes after the write, so one more than that is on the wire.
func (om *goroutine) promise(t *sim.Task) {
	if om.broker.responses != nil && !om.err {
		om.broker.responses.Send(t.At(PointPromise), true)
	}
}

// keepPromise is responseReceiver's way to its next promise.
func (om *goroutine) keepPromise(t *sim.Task) {
	if om.broker.responses != nil {
		om.broker.responses.Receive(t.At(PointKeepPromise))
	}
}

// commitOffset is CommitOffset with sendAndReceive below it, which since 1.38.0
// holds the lock for the whole round trip, and before for send alone.
func (om *goroutine) commitOffset(t *sim.Task) {
	om.broker.lock.Lock(t.At(PointSend))
	om.takeSlot(t)
	om.send(t, om.request())
	om.promised(t)
	if om.conf.Release == Release1_37_2 {
		om.broker.lock.Unlock(t)
		om.handleResponsePromise(t)
		return
	}
	om.handleResponsePromise(t)
	om.broker.lock.Unlock(t)
}

// handleResponsePromise takes the response to an OffsetCommit.
func (om *goroutine) handleResponsePromise(t *sim.Task) {
	om.resp = om.resp[:0]
	if om.err {
		return // There is no promise.
	}
	answer := om.broker.conn.Receive(t.At(PointAwaitResponse))
	om.broker.reader.Read(t)
	if response, ok := answer.(*model.OffsetCommitResponse); ok {
		om.resp = append(om.resp, response.Partitions...)
	} else {
		om.err = true
	}
	om.keepPromise(t)
}

// fetchOffset leaves in fetched what is committed for the partition at hand.
//
// Differs: MaxOpenRequests is left out here.
func (om *goroutine) fetchOffset(t *sim.Task) {
	om.broker.lock.Lock(t.At(PointFetchOffset))
	om.send(t, &model.OffsetFetchRequest{Partitions: []model.Partition{om.poms[om.place].partition}})
	om.awaitOffset(t)
	om.broker.lock.Unlock(t)
}

// awaitOffset is handleResponsePromise of an OffsetFetch.
func (om *goroutine) awaitOffset(t *sim.Task) {
	if om.err {
		return
	}
	answer := om.broker.conn.Receive(t.At(PointAwaitOffset))
	om.broker.reader.Read(t)
	if response, ok := answer.(*model.OffsetFetchResponse); ok {
		om.fetched = response.Partitions[0].Offset
	} else {
		om.err = true
	}
}
