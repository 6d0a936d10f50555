package sarama

import "racelab/sim"

// Steps is what a flushToBroker of one's own is made of (Config.Flush): the steps
// of the releases, for one goroutine. They are a task's, and wait where the
// releases do.
type Steps struct{ om *goroutine }

// Coordinator sees to it that the coordinator is known.
func (s Steps) Coordinator(t *sim.Task) { s.om.coordinator(t) }

// ConstructRequest collects the offsets that are dirty, and says whether there
// are any.
func (s Steps) ConstructRequest(t *sim.Task) bool {
	s.om.constructRequest(t)
	s.om.sent, s.om.answered = false, false
	return len(s.om.req) > 0
}

// Send writes the request, and holds no lock while it does.
func (s Steps) Send(t *sim.Task) {
	s.om.err = false
	t.Step(PointWrite)
	if len(s.om.req) == 0 {
		panic("send() without a request: build() comes first, and has to find something")
	}
	s.om.send(t, s.om.request())
	s.om.promise(t)
	s.om.sent = true
}

// AwaitResponse waits for the response to the oldest request on the way.
func (s Steps) AwaitResponse(t *sim.Task) {
	s.om.handleResponsePromise(t)
	s.om.answered = true
}

// HandleResponse marks as clean what was acknowledged, or gives up if the
// connection broke.
func (s Steps) HandleResponse(t *sim.Task) {
	switch {
	case !s.om.sent:
		panic("clean() without a request that was sent: send() comes first")
	case !s.om.answered:
		panic("clean() without an answer: await() comes first, the coordinator may refuse")
	case s.om.err:
		s.om.giveUp(t)
		return
	case len(s.om.resp) != len(s.om.req):
		panic("clean() with the answer to an older request: each send() has its await()")
	}
	s.om.handleResponse(t)
}

// LockBroker takes broker.lock, which every request on the connection takes.
func (s Steps) LockBroker(t *sim.Task) { s.om.broker.lock.Lock(t.At(PointBrokerLock)) }

// UnlockBroker releases broker.lock.
func (s Steps) UnlockBroker(t *sim.Task) { s.om.broker.lock.Unlock(t) }

// LockCommit takes commitLock, which nothing else takes (pull request 2941).
func (s Steps) LockCommit(t *sim.Task) { s.om.commitLock.Lock(t.At(PointCommit)) }

// UnlockCommit releases commitLock.
func (s Steps) UnlockCommit(t *sim.Task) { s.om.commitLock.Unlock(t) }
