package sarama

import (
	"racelab/model"
	"racelab/sim"
)

// findCoordinator asks the least loaded broker, which is the one there is, who
// coordinates the group.
//
// Source: client.findCoordinator, Broker.FindCoordinator.
// Differs: the cluster has one broker. Where the coordinator moves to another one, a goroutine that
// commits alone does the same; of several, some could hold the old one's lock while others have the
// new one's, and a late refusal of the old one does not forget the new one. client.lock, which guards the list of
// brokers, is left out: only the goroutine that holds brokerLock takes it here.
// There is no limit to the attempts, and no time between them.
func (om *goroutine) findCoordinator(t *sim.Task) {
	for !om.found {
		om.leastLoadedBroker(t)
		om.broker.lock.Lock(t.At(PointFindCoordinator))
		om.takeSlot(t)
		om.send(t, &model.FindCoordinatorRequest{})
		om.promised(t)
		om.awaitCoordinator(t)
		om.broker.lock.Unlock(t)
		if om.err {
			om.closeBroker(t)
		}
	}
	om.found = false
}

// leastLoadedBroker returns the one broker that there is, and opens it.
func (om *goroutine) leastLoadedBroker(t *sim.Task) {
	om.responseSize(t)
	om.open(t)
}

// awaitCoordinator is handleResponsePromise of a FindCoordinator.
func (om *goroutine) awaitCoordinator(t *sim.Task) {
	if om.err {
		return
	}
	answer := om.broker.conn.Receive(t.At(PointAwaitCoordinator))
	om.broker.reader.Read(t)
	_, om.found = answer.(*model.FindCoordinatorResponse)
	om.err = !om.found
	om.keepPromise(t)
}
