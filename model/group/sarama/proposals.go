package sarama

import "racelab/sim"

// Proposal is another way to commit, which was never released.
type Proposal uint8

const (
	// Released is none: the client is as released.
	Released Proposal = iota
	// CommitLock holds a lock of its own over all of flushToBroker of 1.43.2.
	//
	// Source: sarama pull request 2941, closed in favour of 2947.
	CommitLock
	// BuildOutside takes the broker's lock only once the request is built; else as
	// 1.43.3.
	//
	// Source: sarama pull request 3193, closed.
	BuildOutside
	// DropErrors drops the error of a partition for which there is no room, as
	// ConsumerGroup does with its own.
	//
	// Source: consumerGroup.handleError of sarama 1.61.1.
	DropErrors
)

// flushes says whether it is about flushToBroker.
func (p Proposal) flushes() bool { return p == CommitLock || p == BuildOutside }

// flushProposed is flushToBroker of a proposal.
func (om *goroutine) flushProposed(t *sim.Task) {
	switch om.conf.Proposal {
	case CommitLock:
		om.commitLock.Lock(t.At(PointCommit))
		om.flushToBroker1_43_2(t)
		om.commitLock.Unlock(t)
	case BuildOutside:
		om.flushToBroker3193(t)
	}
}

// flushToBroker3193 is flushToBroker of pull request 3193.
func (om *goroutine) flushToBroker3193(t *sim.Task) {
	om.coordinator(t)
	om.constructRequest(t)
	if len(om.req) == 0 {
		return
	}
	om.broker.lock.Lock(t.At(PointSend)) // The rewind is back.
	om.send(t, om.request())
	om.promise(t)
	om.broker.lock.Unlock(t)
	om.handleResponsePromise(t)
	if om.err {
		om.giveUp(t)
		return
	}
	om.handleResponse(t)
}
