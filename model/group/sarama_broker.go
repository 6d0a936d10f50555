package group

import (
	"racelab/model"
	"racelab/sim"
)

// saramaBroker is the client's end of the connection to a broker.
//
// Source: Broker in sarama 1.43.3, broker.go.
// Differs: responseReceiver is part of the connection: it hands each response
// to whoever awaits it, oldest first, and waits until it is taken, as the
// unbuffered channel of a promise does. Open dials in the caller's goroutine
// and not in one of its own that inherits the lock. MaxOpenRequests is never
// reached: a goroutine has one request in flight.
type saramaBroker struct {
	lock      sim.Mutex
	opened    sim.Atomic[bool]
	connected sim.Var[bool] // b.conn != nil
	conn      *sim.Conn
}

func (b *saramaBroker) State(s *sim.State) {
	b.lock.State(s)
	b.opened.State(s)
	b.connected.State(s)
}

// open is Broker.Open.
func (om *saramaGoroutine) open(t *sim.Task) {
	t.Yield(PointOpen)
	if !om.broker.opened.CompareAndSwap(t, false, true) {
		return // ErrAlreadyConnected
	}
	om.broker.lock.Lock(t, PointDial)
	om.broker.conn.Redial(t, PointConnect)
	om.broker.connected.Set(t, true)
	om.broker.lock.Unlock(t)
}

// closeBroker is Broker.Close.
func (om *saramaGoroutine) closeBroker(t *sim.Task) {
	om.broker.lock.Lock(t, PointCloseBroker)
	if om.broker.connected.Get(t) {
		om.broker.connected.Set(t, false)
		om.broker.opened.Store(t, false)
	}
	om.broker.lock.Unlock(t)
}

// responseSize is Broker.ResponseSize: it counts the responses that are
// awaited, under the lock.
func (om *saramaGoroutine) responseSize(t *sim.Task) {
	om.broker.lock.Lock(t, PointResponseSize)
	om.broker.lock.Unlock(t)
}

// send is Broker.send. The caller holds broker.lock. It fails where there is no
// connection, and leaves it to err to say so.
func (om *saramaGoroutine) send(t *sim.Task, request sim.Message) {
	if om.err = !om.broker.connected.Get(t); !om.err {
		om.broker.conn.Send(t, request)
	}
}

// commitOffset is Broker.CommitOffset, and sendAndReceive below it, which since
// 1.38.0 holds the lock for the whole round trip, and before for send alone.
func (om *saramaGoroutine) commitOffset(t *sim.Task) {
	om.broker.lock.Lock(t, PointSend)
	om.send(t, om.request())
	if om.release == SendLock {
		om.broker.lock.Unlock(t)
		om.awaitResponse(t)
		return
	}
	om.awaitResponse(t)
	om.broker.lock.Unlock(t)
}

// awaitResponse is handleResponsePromise of an OffsetCommit.
func (om *saramaGoroutine) awaitResponse(t *sim.Task) {
	om.resp = om.resp[:0]
	if om.err {
		return // There is no promise.
	}
	answer := om.broker.conn.Receive(t, PointAwaitResponse)
	if response, ok := answer.(*model.OffsetCommitResponse); ok {
		om.resp = append(om.resp, response.Partitions...)
	} else {
		om.err = true
	}
}

// findCoordinator asks the least loaded broker, which is the one there is, who
// coordinates the group.
//
// Source: client.findCoordinator, client.LeastLoadedBroker, Broker.FindCoordinator.
// Differs: the cluster has one broker. client.lock, which guards the list of
// brokers, is left out: only the goroutine that holds brokerLock takes it here.
// There is no limit to the attempts, and no time between them.
func (om *saramaGoroutine) findCoordinator(t *sim.Task) {
	for !om.found {
		om.responseSize(t)
		om.open(t)
		om.broker.lock.Lock(t, PointFindCoordinator)
		om.send(t, &model.FindCoordinatorRequest{})
		om.awaitCoordinator(t)
		om.broker.lock.Unlock(t)
		if om.err {
			om.closeBroker(t)
		}
	}
	om.found = false
}

// awaitCoordinator is handleResponsePromise of a FindCoordinator.
func (om *saramaGoroutine) awaitCoordinator(t *sim.Task) {
	if om.err {
		return
	}
	answer := om.broker.conn.Receive(t, PointAwaitCoordinator)
	_, om.found = answer.(*model.FindCoordinatorResponse)
	om.err = !om.found
}
