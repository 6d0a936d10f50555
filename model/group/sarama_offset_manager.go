package group

import (
	"strconv"

	"racelab/model"
	"racelab/sim"
)

// CommitOrdering is what keeps one commit's snapshot and send together: the
// difference between the releases.
type CommitOrdering uint8

const (
	// Unordered builds the request and sends it, with nothing around the two.
	//
	// Source: sarama 1.38.0 to 1.43.2.
	Unordered CommitOrdering = iota
	// CommitLock holds a lock of its own over all of flushToBroker.
	//
	// Source: sarama pull request 2941, closed in favour of 2947.
	CommitLock
	// BrokerLock builds and sends under the broker's lock, and awaits the
	// response without it.
	//
	// Source: sarama pull request 2947, release 1.43.3.
	BrokerLock
)

// SaramaOffsetManager is what the goroutines of a consumer share: the offsets
// that they have marked, and the connection to the coordinator.
//
// Source: offsetManager in sarama 1.43.2, offset_manager.go.
// Differs: pomsLock, brokerLock and the look-up of the coordinator are not
// modelled yet: the coordinator is known and never moves, and no partition is
// released. With them, release 1.43.3 can deadlock (sarama issue 3191). No
// errors: the connection holds and every commit is accepted.
type SaramaOffsetManager struct {
	ordering   CommitOrdering `sim:"config"`
	poms       []*partitionOffsetManager
	broker     saramaBroker
	commitLock sim.Mutex // CommitLock only
}

// saramaBroker is the client's end of the connection to the coordinator.
//
// Source: Broker in sarama 1.43.2, broker.go.
// Differs: responseReceiver is part of the connection: it hands each response
// to whoever awaits it, oldest first, and waits until it is taken, as the
// unbuffered channel of a promise does.
type saramaBroker struct {
	lock sim.Mutex
	conn *sim.Conn
}

// partitionOffsetManager is the offset that one partition's goroutine marks.
// An offset is dirty from the mark until the coordinator has acknowledged just
// that offset; what is clean is not sent again.
//
// Source: partitionOffsetManager in sarama 1.43.2, offset_manager.go.
// Differs: no metadata, no leader epoch.
type partitionOffsetManager struct {
	partition model.Partition `sim:"config"`
	lock      sim.Mutex
	offset    sim.Var[model.Offset]
	dirty     sim.Var[bool]
}

// NewSaramaOffsetManager returns an offset manager whose partitions start,
// clean, at the given offsets, with its connection to the group coordinator.
func NewSaramaOffsetManager(ordering CommitOrdering, coordinator *sim.Conn, committed ...model.Offset) *SaramaOffsetManager {
	om := &SaramaOffsetManager{ordering: ordering}
	om.broker.conn = coordinator
	for i, offset := range committed {
		pom := &partitionOffsetManager{partition: model.Partition(i)}
		pom.offset.Init(offset)
		om.poms = append(om.poms, pom)
	}
	return om
}

// SaramaClaim is the goroutine of one claimed partition, ConsumeClaim as
// applications write it: for each message it marks the next offset and
// commits. Its fields are the local variables of the functions that it calls.
type SaramaClaim struct {
	*SaramaOffsetManager
	claimed model.Partition `sim:"config"`
	last    model.Offset    `sim:"config"` // where the goroutine is done
	next    model.Offset    // to mark

	req  []model.PartitionOffset // the blocks of the request; none: there is no request
	resp []model.PartitionError
	i    int // of the partition at hand, in loops that contain a point
}

// NewSaramaClaim returns the goroutine of a partition, which processes the
// given number of messages and commits after each.
func NewSaramaClaim(om *SaramaOffsetManager, partition model.Partition, messages int) *SaramaClaim {
	start := om.poms[partition].offset.Peek()
	return &SaramaClaim{SaramaOffsetManager: om, claimed: partition, next: start + 1, last: start + model.Offset(messages)}
}

// Run is ConsumeClaim.
func (om *SaramaClaim) Run(t *sim.Task) {
	for om.next <= om.last {
		om.markOffset(t)
		om.next++
		om.commit(t)
	}
}

// markOffset is MarkOffset of the claimed partition.
func (om *SaramaClaim) markOffset(t *sim.Task) {
	om.poms[om.claimed].lock.Lock(t, PointMark)
	pom := om.poms[om.claimed]
	if om.next > pom.offset.Get(t) {
		pom.offset.Set(t, om.next)
		pom.dirty.Set(t, true)
	}
	pom.lock.Unlock(t)
}

// commit is Commit.
func (om *SaramaClaim) commit(t *sim.Task) {
	switch om.ordering {
	case Unordered:
		om.flushToBroker(t)
	case CommitLock:
		om.flushToBrokerUnderCommitLock(t)
	case BrokerLock:
		om.flushToBrokerUnderBrokerLock(t)
	}
}

// flushToBroker of 1.43.2: between the two calls another goroutine may build
// and send a newer request.
func (om *SaramaClaim) flushToBroker(t *sim.Task) {
	om.constructRequest(t)
	if len(om.req) == 0 {
		return
	}
	om.commitOffset(t) // The rewind: a request that was built earlier is sent later.
	om.handleResponse(t)
}

// flushToBrokerUnderCommitLock is flushToBroker of pull request 2941.
func (om *SaramaClaim) flushToBrokerUnderCommitLock(t *sim.Task) {
	om.commitLock.Lock(t, PointCommit)
	om.flushToBroker(t)
	om.commitLock.Unlock(t)
}

// flushToBrokerUnderBrokerLock is flushToBroker of 1.43.3.
func (om *SaramaClaim) flushToBrokerUnderBrokerLock(t *sim.Task) {
	om.broker.lock.Lock(t, PointBrokerLock)
	om.constructRequest(t)
	if len(om.req) == 0 {
		om.broker.lock.Unlock(t)
		return
	}
	t.Yield(PointSend)
	om.send(t)
	om.broker.lock.Unlock(t)
	om.awaitResponse(t)
	om.handleResponse(t)
}

// constructRequest collects the offsets that are dirty, one partition after
// the other.
func (om *SaramaClaim) constructRequest(t *sim.Task) {
	om.req = om.req[:0]
	for om.i = 0; om.i < len(om.poms); om.i++ {
		om.poms[om.i].lock.Lock(t, PointSnapshot)
		pom := om.poms[om.i]
		if pom.dirty.Get(t) {
			om.req = append(om.req, model.PartitionOffset{Partition: pom.partition, Offset: pom.offset.Get(t)})
		}
		pom.lock.Unlock(t)
	}
	om.i = 0
}

// commitOffset is Broker.CommitOffset, and sendAndReceive below it, which
// since 1.38.0 holds the broker's lock for the whole round trip.
func (om *SaramaClaim) commitOffset(t *sim.Task) {
	om.broker.lock.Lock(t, PointSend)
	om.send(t)
	om.awaitResponse(t)
	om.broker.lock.Unlock(t)
}

// send is Broker.send. The caller holds broker.lock.
func (om *SaramaClaim) send(t *sim.Task) {
	request := &model.OffsetCommitRequest{Partitions: append([]model.PartitionOffset{}, om.req...)}
	om.broker.conn.Send(t, request)
}

// awaitResponse is handleResponsePromise.
func (om *SaramaClaim) awaitResponse(t *sim.Task) {
	response := om.broker.conn.Receive(t, PointAwaitResponse).(*model.OffsetCommitResponse)
	om.resp = append(om.resp[:0], response.Partitions...)
}

// handleResponse marks as clean what was acknowledged, partition by partition.
func (om *SaramaClaim) handleResponse(t *sim.Task) {
	for om.i = 0; om.i < len(om.resp); om.i++ {
		if om.resp[om.i].Error != model.None {
			continue // It stays dirty, and the next commit sends it again.
		}
		om.updateCommitted(t)
	}
	om.i = 0
	om.req, om.resp = om.req[:0], om.resp[:0]
}

// updateCommitted takes the dirty mark away unless a newer offset has been
// marked since the request was built.
func (om *SaramaClaim) updateCommitted(t *sim.Task) {
	om.poms[om.resp[om.i].Partition].lock.Lock(t, PointUpdateCommitted)
	pom := om.poms[om.resp[om.i].Partition]
	if pom.offset.Get(t) == om.req[om.i].Offset {
		pom.dirty.Set(t, false)
	}
	pom.lock.Unlock(t)
}

func (om *SaramaOffsetManager) State(s *sim.State) {
	for _, pom := range om.poms {
		pom.lock.State(s)
		pom.offset.State(s)
		pom.dirty.State(s)
	}
	om.broker.lock.State(s)
	om.commitLock.State(s)
}

// Describe shows how each partition's offset stands on the client.
func (om *SaramaOffsetManager) Describe(show func(name, value string)) {
	for _, pom := range om.poms {
		value := strconv.FormatInt(int64(pom.offset.Peek()), 10)
		if pom.dirty.Peek() {
			value += " dirty"
		} else {
			value += " clean"
		}
		show(pom.partition.String(), value)
	}
}

// State walks the goroutine's frame.
func (om *SaramaClaim) State(s *sim.State) {
	sim.Int(s, &om.next)
	sim.Int(s, &om.i)
	sim.Slice(s, &om.req, func(s *sim.State, p *model.PartitionOffset) {
		sim.Int(s, &p.Partition)
		sim.Int(s, &p.Offset)
	})
	sim.Slice(s, &om.resp, func(s *sim.State, p *model.PartitionError) {
		sim.Int(s, &p.Partition)
		sim.Int(s, &p.Error)
	})
}

// Describe shows the request that the goroutine holds.
func (om *SaramaClaim) Describe(show func(name, value string)) {
	if len(om.req) > 0 {
		show("request", model.FormatOffsets(om.req))
	}
}
