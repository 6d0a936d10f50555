package sarama

import (
	"slices"
	"strconv"
	"time"

	"racelab/model"
	"racelab/model/group"
	"racelab/sim"
)

// Release is a release of Sarama, for what keeps a commit's snapshot and its send
// together.
type Release uint8

const (
	// Release1_37_2 builds the request and sends it, with nothing around the two;
	// the broker's lock is held for the send.
	//
	// Source: Shopify/sarama 1.37.2.
	Release1_37_2 Release = iota
	// Release1_43_2 holds the broker's lock until the response is there; else as
	// 1.37.2.
	//
	// Source: sarama 1.38.0 to 1.43.2.
	Release1_43_2
	// Release1_43_3 builds and sends under the broker's lock, and awaits the
	// response without it.
	//
	// Source: sarama pull request 2947, releases 1.43.3 to 1.47.
	Release1_43_3
	// Release1_48_0 releases the coordinator only after pomsLock; else as 1.43.3.
	//
	// Source: sarama pull request 3477, releases 1.48.0 to 1.61.0.
	Release1_48_0
	// Release1_61_1 takes one of MaxOpenRequests slots before it writes, and waits
	// for it with the broker's lock held; else as 1.48.0.
	//
	// Source: Broker.inFlight in sarama 1.61.1.
	Release1_61_1
)

// Config is how a client is set up.
//
// Source: Config in sarama 1.43.3, config.go.
type Config struct {
	Release  Release
	Proposal Proposal // on top of the release

	AutoCommit time.Duration // Consumer.Offsets.AutoCommit.Interval; 0: not enabled
	// Errors is how many errors of a partition wait to be read, as with
	// Consumer.Return.Errors; 0: they are logged.
	//
	// Default: 256, Config.ChannelBufferSize, if they are returned.
	Errors          int
	RetryMax        int // Consumer.Offsets.Retry.Max: further flushes of Close
	MaxOpenRequests int // Net.MaxOpenRequests
	// ReadTimeout is how long a response may take; 0: as long as it does. It is kept outside
	// a cooperative session.
	//
	// Default: 30 s.
	// Source: Config.Net.ReadTimeout.
	ReadTimeout time.Duration

	Goroutines         int  // that may commit at once
	Manages            bool // the partitions are still to be managed: their offsets are fetched
	NoWriterPreference bool // of pomsLock and brokerLock, which Go's locks have

	// Member is who commits, in a cooperative session; 0: nobody's member.
	Member model.MemberID

	// Flush makes the flushToBroker of a goroutine that has one of its own, in place
	// of that of a release. nil: none has.
	Flush func(Steps) sim.Program
}

// OffsetManager is what the goroutines of a consumer share: the offsets
// that they have marked, and who the coordinator is.
//
// Lock order, where there is one: brokerLock before broker.lock (coordinator),
// broker.lock before pomsLock (flushToBroker since #2947), pomsLock before
// pom.lock; and, until 1.48.0, pomsLock before brokerLock (handleResponse),
// which closes the circle. generationLock comes before all of them.
//
// Source: offsetManager in sarama 1.43.3, offset_manager.go.
// Differs: one topic. The partitions are visited in ascending order, where Go's
// maps have none.
type OffsetManager struct {
	conf       Config    `sim:"config"`
	commitLock sim.Mutex // of the proposal CommitLock

	broker      broker
	brokerLock  sim.RWMutex
	coordinated sim.Var[bool] // om.broker != nil

	poms     []*partitionOffsetManager
	pomsLock sim.RWMutex

	loop *mainLoop // nil without automatic commits

	member *membership // nil outside a cooperative session
}

// membership is what a commit says of its sender. It changes with generationLock
// held for writing, and each commit holds it for reading until its response is there.
//
// Source: offsetManager.generationLock, generation and memberID in sarama 1.61.1. The
// lock is there from 1.60.1 on; nothing takes it for writing before 1.61.0, nor outside
// a cooperative session.
type membership struct {
	id             model.MemberID `sim:"config"`
	generationLock sim.RWMutex
	generation     sim.Var[model.GenerationID]
}

// mainLoop is what Close and the goroutine that commits automatically
// have in common.
type mainLoop struct {
	ticker          sim.Timer
	closing, closed sim.Chan[bool]
}

// partitionOffsetManager is the offset that one partition's goroutine marks.
// An offset is dirty from the mark until the coordinator has acknowledged just
// that offset; what is clean is not sent again.
//
// Source: partitionOffsetManager in sarama 1.43.3, offset_manager.go.
// Differs: no metadata, no leader epoch.
type partitionOffsetManager struct {
	partition model.Partition `sim:"config"`
	released  sim.Var[bool]   // it is no longer in om.poms

	lock   sim.Mutex
	offset sim.Var[model.Offset]
	dirty  sim.Var[bool]
	done   sim.Var[bool]

	errors *sim.Chan[model.Error] // nil: they are logged
}

// NewOffsetManager returns an offset manager with its connection to the
// group coordinator. Its partitions are managed and clean at the given offsets,
// and the coordinator is known; or nothing is yet, if conf says so.
func NewOffsetManager(conf Config, coordinator *sim.Conn, committed ...model.PartitionOffset) *OffsetManager {
	om := &OffsetManager{conf: conf}
	om.pomsLock.NoPreference = conf.NoWriterPreference
	om.brokerLock.NoPreference = conf.NoWriterPreference
	om.broker.conn = coordinator
	om.broker.reader = group.NewReadDeadline(coordinator, conf.ReadTimeout)
	om.broker.opened.Init(true)
	om.broker.connected.Init(true)
	om.coordinated.Init(!conf.Manages)
	if conf.Goroutines > conf.MaxOpenRequests {
		om.broker.responses = &sim.Chan[bool]{}
		om.broker.responses.Init(conf.MaxOpenRequests)
	}
	if conf.AutoCommit > 0 {
		om.loop = &mainLoop{}
		om.loop.closing.Init(0)
		om.loop.closed.Init(0)
	}
	if conf.Member > 0 {
		om.member = &membership{id: conf.Member}
		om.member.generation.Init(1)
	}
	for _, c := range committed {
		pom := &partitionOffsetManager{partition: c.Partition}
		if conf.Errors > 0 {
			pom.errors = &sim.Chan[model.Error]{}
			pom.errors.Init(conf.Errors)
		}
		if conf.Manages {
			pom.released.Init(true)
		} else {
			pom.offset.Init(c.Offset)
		}
		om.poms = append(om.poms, pom)
	}
	return om
}

// Reader is the reader of the connection, to be added where there is a ReadTimeout.
func (om *OffsetManager) Reader() *group.ReadDeadline { return om.broker.reader }

// goroutine is a goroutine inside the offset manager. Its fields are the
// local variables of the functions that it calls.
type goroutine struct {
	*OffsetManager

	req           []model.PartitionOffset     // the blocks of the request; none: there is no request
	by            model.ConsumerGroupMetadata // whom the request is of
	targets       []int                       // the partitions that may be in it, by their places; none: all
	resp          []model.PartitionError
	i             int          // of the partition at hand, in loops that contain a point
	err           bool         // of what was sent: there was no connection, or it broke
	found         bool         // who the coordinator is
	place         int          `sim:"config"` // in poms, of a claim's partition
	fetched       model.Offset // of that partition
	force         bool         // of releasePOMs
	attempt       int          // of Close
	shouldRelease bool

	flush          sim.Program // of its own, or nil
	sent, answered bool        // the request at hand, by Steps
}

// makeFlush makes the goroutine's own flushToBroker, if it is to have one.
func (om *goroutine) makeFlush() {
	if om.conf.Flush != nil {
		om.flush = om.conf.Flush(Steps{om})
	}
}

// managePartition leaves in fetched where to read on.
func (om *goroutine) managePartition(t *sim.Task) {
	om.fetchInitialOffset(t)
	om.pomsLock.Lock(t.At(PointManage))
	pom := om.poms[om.place]
	pom.released.Set(t, false)
	pom.offset.Set(t, om.fetched)
	om.pomsLock.Unlock(t)
}

func (om *goroutine) close(t *sim.Task) {
	if om.loop != nil {
		t.Step(PointClose)
		om.loop.closing.Close(t)
		om.loop.closed.Receive(t.At(PointAwaitMainLoop))
	}
	om.asyncClosePOMs(t)
	om.force = false
	for om.attempt = 0; om.loop != nil && om.attempt <= om.conf.RetryMax; om.attempt++ {
		om.flushToBroker(t)
		remaining := om.releasePOMs(t)
		if remaining == 0 {
			break
		}
	}
	om.attempt = 0
	om.force = true
	om.releasePOMs(t)
	om.brokerLock.Lock(t.At(PointForgetBroker))
	om.coordinated.Set(t, false)
	om.brokerLock.Unlock(t)
}

// fetchInitialOffset asks the coordinator, and another one if the connection
// breaks.
//
// Differs: it is tried again without a limit, and without a pause.
func (om *goroutine) fetchInitialOffset(t *sim.Task) {
	for om.err = true; om.err; {
		om.coordinator(t)
		om.fetchOffset(t)
		if om.err {
			om.releaseCoordinator(t)
		}
	}
}

// coordinator sees to it that the coordinator is known, and asks if it is not.
func (om *goroutine) coordinator(t *sim.Task) {
	om.brokerLock.RLock(t.At(PointCoordinator))
	known := om.coordinated.Get(t)
	om.brokerLock.RUnlock(t)
	if known {
		return
	}
	om.brokerLock.Lock(t.At(PointRefresh))
	if om.coordinated.Get(t) {
		om.brokerLock.Unlock(t)
		return
	}
	om.findCoordinator(t) // RefreshCoordinator
	om.open(t)            // Coordinator
	om.coordinated.Set(t, true)
	om.brokerLock.Unlock(t)
}

// releaseCoordinator forgets who the coordinator is.
func (om *goroutine) releaseCoordinator(t *sim.Task) {
	om.brokerLock.Lock(t.At(PointRelease))
	om.coordinated.Set(t, false)
	om.brokerLock.Unlock(t)
}

func (om *goroutine) commit(t *sim.Task) {
	om.flushToBroker(t)
	om.force = false
	om.releasePOMs(t)
}

// flushToBroker is that of 1.43.3 and later. It dispatches to flushToBroker of
// earlier releases, and to what was proposed.
func (om *goroutine) flushToBroker(t *sim.Task) {
	switch {
	case om.flush != nil:
		om.flush.Run(t)
		om.req, om.resp = om.req[:0], om.resp[:0]
		return
	case om.conf.Proposal.flushes():
		om.flushProposed(t)
		return
	case om.conf.Release < Release1_43_3:
		om.flushToBroker1_43_2(t)
		return
	case om.member == nil:
		om.flushToBrokerFor(t)
		return
	}
	om.member.generationLock.RLock(t.At(PointGeneration)) // A rejoin is waited for here.
	om.flushToBrokerFor(t)
	om.member.generationLock.RUnlock(t)
}

// flushToBrokerFor sends what is dirty of the goroutine's targets.
func (om *goroutine) flushToBrokerFor(t *sim.Task) {
	om.coordinator(t)
	om.broker.lock.Lock(t.At(PointBrokerLock))
	om.constructRequest(t) // The deadlock: it wants pomsLock.
	if len(om.req) == 0 {
		om.broker.lock.Unlock(t)
		return
	}
	om.sendOffsetCommit(t)
	om.broker.lock.Unlock(t)
	om.handleResponsePromise(t)
	if om.err {
		om.giveUp(t)
		return
	}
	om.handleResponse(t)
}

// flushToBroker1_43_2 is flushToBroker of 1.43.2 and before: between the calls
// another goroutine may build and send a newer request.
func (om *goroutine) flushToBroker1_43_2(t *sim.Task) {
	om.constructRequest(t)
	if len(om.req) == 0 {
		return
	}
	om.coordinator(t)
	om.commitOffset(t) // The rewind: a request that was built earlier is sent later.
	if om.err {
		om.giveUp(t)
		return
	}
	om.handleResponse(t)
}

// giveUp is the end of flushToBroker if the request or its response is lost. What
// was dirty stays dirty, and the next commit sends it again.
func (om *goroutine) giveUp(t *sim.Task) {
	om.handleError(t)
	om.releaseCoordinator(t)
	om.closeBroker(t)
	om.req = om.req[:0]
}

// sendOffsetCommit writes the request. The caller holds broker.lock.
func (om *goroutine) sendOffsetCommit(t *sim.Task) {
	om.takeSlot(t)
	t.Step(PointWrite)
	om.send(t, om.request())
	om.promised(t)
}

// constructRequest collects the offsets that are dirty, one partition after
// the other.
func (om *goroutine) constructRequest(t *sim.Task) {
	om.req = om.req[:0]
	if om.member != nil {
		om.by = model.ConsumerGroupMetadata{MemberID: om.member.id, GenerationID: om.member.generation.Get(t)}
	}
	om.pomsLock.RLock(t.At(PointConstruct))
	for om.i = 0; om.i < len(om.poms); om.i++ {
		if om.poms[om.i].released.Get(t) || !om.covers(om.i) {
			continue
		}
		om.poms[om.i].lock.Lock(t.At(PointSnapshot))
		pom := om.poms[om.i]
		if pom.dirty.Get(t) {
			om.req = append(om.req, model.PartitionOffset{Partition: pom.partition, Offset: pom.offset.Get(t)})
		}
		pom.lock.Unlock(t)
	}
	om.i = 0
	om.pomsLock.RUnlock(t)
}

// covers says whether a partition, by its place, is among the targets.
func (om *goroutine) covers(place int) bool {
	return len(om.targets) == 0 || slices.Contains(om.targets, place)
}

// request is what goes on the wire.
func (om *goroutine) request() *model.OffsetCommitRequest {
	return &model.OffsetCommitRequest{ConsumerGroupMetadata: om.by, Partitions: append([]model.PartitionOffset{}, om.req...)}
}

// handleResponse marks as clean what was acknowledged, partition by partition,
// and forgets the coordinator if it is none.
func (om *goroutine) handleResponse(t *sim.Task) {
	om.shouldRelease = false
	om.pomsLock.RLock(t.At(PointHandleResponse))
	for om.i = 0; om.i < len(om.poms); om.i++ {
		block := om.block()
		if block < 0 || om.poms[om.i].released.Get(t) {
			continue
		}
		switch om.resp[block].Error {
		case model.None:
			om.updateCommitted(t)
		case model.ErrCoordinatorLoadInProgress:
			// It stays dirty, and the next commit sends it again.
		case model.ErrOffsetMetadataTooLarge, model.ErrFencedInstanceID:
			om.handlePOMError(t, om.resp[block].Error)
		default:
			if om.tells(om.resp[block].Error) {
				om.handlePOMError(t, om.resp[block].Error)
			}
			if om.conf.Release >= Release1_48_0 {
				om.shouldRelease = true
			} else {
				om.releaseCoordinator(t) // The deadlock: it wants brokerLock, with pomsLock held.
			}
		}
	}
	om.i = 0
	om.pomsLock.RUnlock(t)
	if om.shouldRelease {
		om.releaseCoordinator(t)
	}
	om.req, om.resp, om.shouldRelease = om.req[:0], om.resp[:0], false
}

// tells says whether the user is told of an error for which the coordinator is looked up
// anew.
func (om *goroutine) tells(code model.Error) bool {
	switch code {
	case model.ErrNotLeaderOrFollower, model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator:
		return false
	}
	return true
}

// block is where the request has the partition at hand; -1: it has not.
func (om *goroutine) block() int {
	return slices.IndexFunc(om.req, func(p model.PartitionOffset) bool { return p.Partition == om.poms[om.i].partition })
}

// handleError tells the partitions of a connection's error.
func (om *goroutine) handleError(t *sim.Task) {
	om.pomsLock.RLock(t.At(PointHandleError))
	for om.i = 0; om.i < len(om.poms); om.i++ {
		if !om.poms[om.i].released.Get(t) {
			om.handlePOMError(t, model.ErrNetworkException)
		}
	}
	om.i = 0
	om.pomsLock.RUnlock(t)
}

// handlePOMError tells the partition at hand of an error, and waits for room. The
// caller holds pomsLock.
//
// Source: partitionOffsetManager.handleError.
func (om *goroutine) handlePOMError(t *sim.Task, e model.Error) {
	switch errors := om.poms[om.i].errors; {
	case errors == nil: // It is logged.
	case om.conf.Proposal == DropErrors:
		t.At(PointErrors).Select(errors.Sending(e), sim.SelectDefault())
	default:
		errors.Send(t.At(PointErrors), e) // The hang: nobody reads.
	}
}

// asyncClosePOMs marks every partition as done.
func (om *goroutine) asyncClosePOMs(t *sim.Task) {
	om.pomsLock.RLock(t.At(PointAsyncClose))
	for om.i = 0; om.i < len(om.poms); om.i++ {
		om.poms[om.i].lock.Lock(t.At(PointAsyncClosePOM))
		pom := om.poms[om.i]
		pom.done.Set(t, true)
		pom.lock.Unlock(t)
	}
	om.i = 0
	om.pomsLock.RUnlock(t)
}

// releasePOMs lets go of the partitions that are closed and clean, or of all
// that are closed, and says how many remain.
func (om *goroutine) releasePOMs(t *sim.Task) (remaining int) {
	om.pomsLock.Lock(t.At(PointReleasePOMs))
	for om.i = 0; om.i < len(om.poms); om.i++ {
		if om.poms[om.i].released.Get(t) || !om.poms[om.i].done.Get(t) {
			continue // No point: done changes under pomsLock too.
		}
		om.poms[om.i].lock.Lock(t.At(PointReleasePOM))
		pom := om.poms[om.i]
		gone := om.force || !pom.dirty.Get(t)
		pom.released.Set(t, gone)
		pom.lock.Unlock(t)
		if gone && pom.errors != nil {
			pom.errors.Close(t)
		}
	}
	om.i = 0
	remaining = om.remaining(t)
	om.pomsLock.Unlock(t)
	return remaining
}

// remaining counts om.poms. The caller holds pomsLock.
func (om *goroutine) remaining(t *sim.Task) (n int) {
	for _, pom := range om.poms {
		if !pom.released.Get(t) {
			n++
		}
	}
	return n
}

// updateCommitted takes the dirty mark away, unless a newer offset has been marked
// since the request was built. Nobody looks at this partition of the two again.
//
// Source: partitionOffsetManager.updateCommitted.
func (om *goroutine) updateCommitted(t *sim.Task) {
	om.poms[om.i].lock.Lock(t.At(PointUpdateCommitted))
	pom := om.poms[om.i]
	block := om.block()
	if pom.offset.Get(t) == om.req[block].Offset {
		pom.dirty.Set(t, false)
	}
	om.req, om.resp = slices.Delete(om.req, block, block+1), slices.Delete(om.resp, block, block+1)
	pom.lock.Unlock(t)
}

// Describe shows how each partition's offset stands on the client.
func (om *OffsetManager) Describe(show func(name, value string)) {
	for _, pom := range om.poms {
		value := strconv.FormatInt(int64(pom.offset.Peek()), 10)
		switch {
		case pom.released.Peek():
			value += " released"
		case pom.dirty.Peek():
			value += " dirty"
		default:
			value += " clean"
		}
		show(pom.partition.String(), value)
	}
	if !om.coordinated.Peek() {
		show("coordinator", "unknown")
	}
}

// Describe shows the request that the goroutine holds, until it is answered.
func (om *goroutine) Describe(show func(name, value string)) {
	if len(om.req) > 0 && len(om.resp) == 0 {
		show("request", model.FormatOffsets(om.req))
	}
}
