package kgo

import (
	"strconv"
	"strings"
	"time"

	"racelab/model"
	"racelab/model/group"
	"racelab/sim"
)

// Prior is what a commit does about the one before it that is not done yet:
// the difference between the releases.
type Prior uint8

const (
	// CancelPrior cancels it, and waits until its goroutine has ended. That is
	// soon: a request whose context is cancelled gets no answer, because the
	// client kills the connection.
	//
	// Source: groupConsumer.commit in franz-go up to 1.20.7.
	CancelPrior Prior = iota
	// AwaitPrior waits until it has its answer, or has failed by itself.
	//
	// Source: groupConsumer.commit in franz-go 1.21.0, commit 416e8269.
	AwaitPrior
	// AwaitPriorCount is AwaitPrior, and autocommits are blocked as long as any commit
	// of the application is out; before, until one is done.
	//
	// Source: groupConsumer.blockAuto in franz-go 1.21.4, commit 769d52d1.
	AwaitPriorCount
	// AwaitPriorAbandon is AwaitPriorCount, and a cancelled request is abandoned: its
	// connection goes on, and its answer is dropped when it comes.
	//
	// Source: brokerCxn.abandonOnCancel in franz-go 1.22.2.
	AwaitPriorAbandon
)

// GroupConsumer is what the goroutines of a kgo client share that consumes
// in a group: the offsets that were polled and committed, the last commit, and
// the connection to the coordinator (broker.cxnNormal).
//
// A commit is a goroutine of its own, and all commits of a client form a chain:
// each waits for the one before it. What that is worth depends on what the wait
// ends with.
//
// Source: groupConsumer in franz-go 1.20.7, 1.21.0 and 1.22.2,
// pkg/kgo/consumer_group.go; handleReq and handleResp in broker.go.
// Differs: without a Session there is no join and no sync, so
// noCommitDuringJoinAndSync is never held, and no commit waits for
// syncCommitMu. The goroutines that write requests and read responses are part of those who call
// them: whoever cancels a context also kills the connection. kgo answers the
// cancelled request before it does, so the next commit may still be written to
// the dying connection, and then goes again on a new one.
type GroupConsumer struct {
	prior   Prior `sim:"config"`
	noEpoch bool  `sim:"config"`
	auto    bool  `sim:"config"` // it autocommits
	retries Retries
	cxn     *sim.Conn
	reader  *group.ReadDeadline // of cxn
	session *Session            // nil: it is assigned its partitions, and keeps them

	mu          sim.Mutex
	uncommitted []*uncommit
	blockAuto   sim.Var[int32] // commits of the application that are out; up to 1.21.3 at most 1
	commitDone  sim.Var[int]   // the number of the last commit; 0: there was none

	commits []*commit // by number, from 1
}

// uncommit is what a client knows of a partition.
type uncommit struct {
	dirty     sim.Var[epochOffset] // past what the last poll returned
	head      sim.Var[epochOffset] // past what the poll before returned, and so was processed
	committed sim.Var[epochOffset]
	polled    sim.Var[epochOffset] // past the last record that the application got, if it got one
	there     sim.Var[bool]        // in the map
	fetched   sim.Atomic[bool]     // there are records to poll
}

// Retries is how often a request is repeated whose connection broke, or which the
// coordinator refused because it moves or loads, after how long, and until when. Zero: at
// once, and for ever; the coordinator then refuses none.
//
// Source: retryable.Request, Client.shouldRetry, Client.maybeDeleteStaleCoordinator.
// Differs: the backoff is constant. From 1.19.5 or before, a
// request is not repeated whose connection ends before it gave any answer, unless
// AlwaysRetryEOF is set; here it is. ILLEGAL_GENERATION and UNKNOWN_MEMBER_ID make the client
// join again from 1.21.3 on, if it has a Session; without one it goes on.
type Retries struct {
	Max     int           `sim:"config"` // RequestRetries; up to 1.18.1, RequestRetries less 1
	Backoff time.Duration `sim:"config"`
	Timeout time.Duration `sim:"config"` // RetryTimeout: no backoff ends later, counted from the first try; 0: any may
	// Overhead is how long a response may take; 0: as long as it does. Then the requests that
	// are out go again, to the same broker: nobody looks up whether the coordinator is another
	// by now.
	//
	// Default: 10 s.
	// Source: RequestTimeoutOverhead; connTimeouter.
	Overhead time.Duration       `sim:"config"`
	any      *group.ReadDeadline // to the broker that is asked who the coordinator is
	stale    sim.Atomic[bool]
}

// commit is what others can see of a commit.
type commit struct {
	done     sim.Mutex // commitDone, a channel: held from when it is made until it is closed
	ctx      sim.Context
	inFlight sim.Atomic[bool] // the request is written, and its response is not read
}

// NewGroupConsumer returns a client whose partitions start at the committed
// offsets, with its connection to the group coordinator and room for a number of
// commits.
func NewGroupConsumer(prior Prior, coordinator *sim.Conn, commits int, committed ...model.Offset) *GroupConsumer {
	g := &GroupConsumer{prior: prior, cxn: coordinator, reader: group.NewReadDeadline(coordinator, 0)}
	for range commits {
		c := &commit{}
		c.ctx.Init()
		g.commits = append(g.commits, c)
	}
	for _, offset := range committed {
		fetched, of := epochOffset(offset), &uncommit{} // By somebody else, without an epoch.
		of.dirty.Init(fetched)
		of.head.Init(fetched)
		of.committed.Init(fetched)
		of.there.Init(true)
		of.fetched.Init(true)
		g.uncommitted = append(g.uncommitted, of)
	}
	return g
}

// Retries has requests repeated, and the coordinator looked up on a connection. With an
// Overhead, the two readers that it returns are to be added.
func (g *GroupConsumer) Retries(r Retries, lookUp *sim.Conn) []*group.ReadDeadline {
	g.retries = r
	g.retries.any = group.NewReadDeadline(lookUp, r.Overhead)
	g.reader = group.NewReadDeadline(g.cxn, r.Overhead)
	return []*group.ReadDeadline{g.reader, g.retries.any}
}

// NoEpoch says whether the application commits offsets as EpochOffset{Epoch: -1}, which
// CommitOffsets allows. Records have an epoch.
func (g *GroupConsumer) NoEpoch(none bool) { g.noEpoch = none }

// epochOffset is an EpochOffset: above 32 bits of offset stands 0 for no epoch, and 1 for
// that of the records, so that < is Less.
type epochOffset int64

const recordEpoch epochOffset = 1 << 32

// epochOffsets is what a commit has for each partition; 0: it leaves that out.
type epochOffsets [3]epochOffset

func (e epochOffsets) String() string {
	var offsets []string
	for _, of := range e {
		if of != 0 {
			offsets = append(offsets, strconv.FormatInt(int64(of.offset()), 10))
		}
	}
	return strings.Join(offsets, " ")
}

func (e epochOffset) offset() model.Offset { return model.Offset(e % recordEpoch) }

// polled is what is dirty once the next record is polled.
func (e epochOffset) polled() epochOffset { return recordEpoch + e%recordEpoch + 1 }

// ofApplication is what an application commits that has polled so far.
func (g *GroupConsumer) ofApplication(t *sim.Task) (offsets epochOffsets) {
	for p, of := range g.uncommitted {
		offsets[p] = of.polled.Get(t)
		if g.noEpoch {
			offsets[p] %= recordEpoch
		}
	}
	return offsets
}

// cancel is the CancelFunc of a commit's context. In flight, the goroutine that
// reads the response gives up (readConn), and kills the connection; up to 1.22.1.
func (g *GroupConsumer) cancel(t *sim.Task, number int) {
	c := g.commits[number-1]
	c.ctx.Cancel(t)
	if g.prior != AwaitPriorAbandon && c.inFlight.Load(t) {
		g.cxn.Close(t)
	}
}

// committing is the frame of a commit: of its caller, and of the goroutine
// that commit starts.
//
// Differs: go func is no point here, so a caller that does not wait for its
// commit does nothing else meanwhile. CommitOffsetsSync waits, but returns
// before the goroutine has unblocked autocommits.
type committing struct {
	*GroupConsumer
	number    int             // of the commit
	priorDone int             // the number of the one before it; 0: none
	polls     model.Partition // whose record it polls next
	offsets   epochOffsets
	under     model.GenerationID // that of the request; 0: nobody's member
	err       bool
	codes     [len(epochOffsets{})]model.Error // of the last response; none: there was none, or all is committed
	tries     int                              // of the request
	stales    int                              // how often the epoch was stale
	backoff   sim.Timer
	timeout   sim.Timer // no backoff begins once it is over
	abandoned int       // requests whose answers are still to come
	left      bool      // the context ended first, and who ended it went on
}

func (g *committing) mine() *commit { return g.commits[g.number-1] }

// commit is what commit does before it starts its goroutine. The caller holds
// g.mu, and the commit's own done.
func (g *committing) commit(t *sim.Task) {
	g.priorDone = g.commitDone.Get(t)
	g.commitDone.Set(t, g.number)
	if g.session != nil {
		g.under = g.session.generation.Load(t)
	}
}

// block keeps autocommits from being issued. The caller holds g.mu.
//
// Differs: kgo does it without autocommits, too, where nobody asks.
func (g *committing) block(t *sim.Task) {
	switch {
	case !g.auto:
	case g.counts():
		g.blockAuto.Set(t, g.blockAuto.Get(t)+1)
	default:
		g.blockAuto.Set(t, 1)
	}
}

// unblock is the commit's onDone.
func (g *committing) unblock(t *sim.Task) {
	g.mu.Lock(t.At(PointUnblockAuto))
	switch {
	case !g.auto:
	case g.counts():
		g.blockAuto.Set(t, g.blockAuto.Get(t)-1)
	default:
		g.blockAuto.Set(t, 0) // The rewind: another commit of the application may be out.
	}
	g.mu.Unlock(t)
}

func (g *committing) counts() bool { return g.prior >= AwaitPriorCount }

// issue is the goroutine of a commit, up to its onDone.
func (g *committing) issue(t *sim.Task) {
	if g.priorDone > 0 {
		g.awaitPrior(t)
	}
	for g.request(t); g.staleEpoch(t); g.request(t) {
	}
	g.stales = 0
	if g.answered() {
		g.rejoinIfFatal(t)
		g.updateCommitted(t)
	}
}

// rejoinIfFatal joins again if the coordinator does not know the member.
func (g *committing) rejoinIfFatal(t *sim.Task) {
	if g.session == nil || !g.session.config.Rejoins {
		return
	}
	for _, code := range g.codes {
		if code == model.ErrUnknownMemberID || code == model.ErrIllegalGeneration {
			g.session.rejoin(t)
			return
		}
	}
}

// answered says whether there is a response.
func (g *committing) answered() bool { return !g.err || g.codes != [len(g.codes)]model.Error{} }

// awaitPrior waits for the prior commit to be done.
func (g *committing) awaitPrior(t *sim.Task) {
	if g.prior == CancelPrior {
		t.Step(PointCancelPrior)
		g.cancel(t, g.priorDone)
	}
	g.commits[g.priorDone-1].done.Lock(t.At(PointAwaitPrior))
	g.commits[g.priorDone-1].done.Unlock(t)
	g.priorDone = 0
}

// request is RequestWith: a request whose connection breaks goes again on a new one, unless
// its context is cancelled; one that the coordinator refused, once that was looked up.
func (g *committing) request(t *sim.Task) {
	if g.retries.Timeout > g.retries.Backoff {
		g.timeout.Start(t, g.retries.Timeout-g.retries.Backoff)
	}
	for g.tries = 0; g.try(t) && g.repeats(t); {
	}
	g.tries = 0
	if g.retries.Timeout > g.retries.Backoff {
		g.timeout.Stop(t)
	}
}

// try issues the request, and says whether it may be issued again.
func (g *committing) try(t *sim.Task) bool {
	g.err, g.codes = true, [len(g.codes)]model.Error{}
	if g.retries.any != nil && g.retries.stale.Load(t) && !g.loadCoordinator(t) {
		return true
	}
	g.cxn.Redial(t.At(PointIssue))
	if g.mine().ctx.Err(t) != nil {
		return false
	}
	g.writeRequest(t)
	if g.prior == AwaitPriorAbandon && g.abandonOnCancel(t) {
		return false
	}
	for g.abandoned > 0 && g.cxn.Receive(t.At(PointDropResponse)) != sim.ErrBroken {
		g.reader.Read(t)
		g.abandoned--
	}
	if g.abandoned > 0 { // The connection broke by itself.
		g.reader.Read(t)
		g.abandoned = 0
		return true
	}
	response := g.cxn.Receive(t.At(PointAwaitResponse))
	g.reader.Read(t)
	if !g.mine().inFlight.CompareAndSwap(t, true, false) {
		g.left = true
		return false
	}
	if response == sim.ErrBroken {
		// If it broke by itself, the request that was on it may still arrive, after the
		// next one and all that follow.
		return g.mine().ctx.Err(t) == nil
	}
	g.err = false
	for _, p := range response.(*model.OffsetCommitResponse).Partitions {
		g.codes[p.Partition] = p.Error
		g.err = g.err || p.Error != model.None
	}
	return g.stale(t, response.(*model.OffsetCommitResponse).Partitions[0].Error)
}

// loadCoordinator looks up who the coordinator is, and says whether it has found out: if not,
// that was a try of the commit.
//
// Differs: it does not end with a context. Before 1.21.0 a look-up is tried again by itself.
func (g *committing) loadCoordinator(t *sim.Task) bool {
	g.retries.any.Conn.Redial(t.At(PointLookUp))
	g.retries.any.Conn.Send(t, &model.FindCoordinatorRequest{})
	g.retries.any.Wrote(t)
	response := g.retries.any.Conn.Receive(t.At(PointAwaitCoordinator))
	g.retries.any.Read(t)
	found := response != sim.ErrBroken
	g.retries.stale.Store(t, !found)
	return found
}

// stale says whether the first partition's error is that the coordinator is another, or not
// there yet: the coordinator tells that of all partitions, and the client looks at no other.
func (g *committing) stale(t *sim.Task, first model.Error) bool {
	switch first {
	case model.ErrCoordinatorNotAvailable, model.ErrCoordinatorLoadInProgress, model.ErrNotCoordinator:
		g.retries.stale.Store(t, true)
		return true
	}
	return false
}

// repeats waits out the backoff, and says whether the request goes again then.
func (g *committing) repeats(t *sim.Task) bool {
	if g.retries.Backoff == 0 {
		return true
	}
	if g.tries++; g.tries > g.retries.Max || g.overdue(t) {
		return false
	}
	g.backoff.Start(t, g.retries.Backoff)
	if t.At(PointRetry).Select(g.backoff.Receiving(), g.mine().ctx.Done()) != &g.backoff {
		g.backoff.Stop(t)
		return false
	}
	return true
}

// overdue says whether the backoff would end after RetryTimeout.
func (g *committing) overdue(t *sim.Task) bool {
	return g.retries.Timeout > 0 && (g.retries.Timeout <= g.retries.Backoff || g.timeout.TryReceive(t))
}

// abandonOnCancel says whether the context ended before the answer was there.
//
// Differs: it is asked once. It can be asked as late as one likes. Ends ends a context while
// the answer is awaited.
func (g *committing) abandonOnCancel(t *sim.Task) bool {
	t.Step(PointAbandon)
	if g.mine().ctx.Err(t) == nil {
		return false
	}
	g.mine().inFlight.Store(t, false)
	g.abandoned++
	return true
}

func (g *committing) writeRequest(t *sim.Task) {
	g.mine().inFlight.Store(t, true)
	request := &model.OffsetCommitRequest{ConsumerGroupMetadata: model.ConsumerGroupMetadata{GenerationID: g.under}}
	for p, of := range g.offsets {
		if of != 0 {
			request.Partitions = append(request.Partitions, model.PartitionOffset{Partition: model.Partition(p), Offset: of.offset()})
		}
	}
	g.cxn.Send(t, request)
	g.reader.Wrote(t)
}

// updateCommitted notes what was acknowledged. From then on no autocommit sends
// it again.
func (g *committing) updateCommitted(t *sim.Task) {
	g.mu.Lock(t.At(PointUpdateCommitted))
	if g.session != nil && g.session.config.DropsOld && g.session.generation.Load(t) != g.under {
		g.mu.Unlock(t)
		return
	}
	for p, set := range g.offsets {
		if set == 0 || g.codes[p] != model.None || !g.uncommitted[p].there.Get(t) {
			continue
		}
		of := g.uncommitted[p]
		of.committed.Set(t, set)
		if of.head.Get(t) < set { // The rewind: any offset with an epoch is past one without.
			of.head.Set(t, set)
		}
	}
	g.mu.Unlock(t)
}

// getUncommittedLocked is the head, or what was polled last, where it is not committed. The
// caller holds g.mu.
func (g *GroupConsumer) getUncommittedLocked(t *sim.Task, dirty bool) (offsets epochOffsets) {
	for p, of := range g.uncommitted {
		position := &of.head
		if dirty {
			position = &of.dirty
		}
		if at := position.Get(t); at != of.committed.Get(t) && of.there.Get(t) {
			offsets[p] = at
		}
	}
	return offsets
}

// Tick is one tick of loopCommit, which commits the head, and the goroutine
// of that commit.
type Tick struct{ committing }

// NewTick returns a tick whose commit has that number.
func NewTick(g *GroupConsumer, number int) *Tick {
	g.auto = true
	return &Tick{committing{GroupConsumer: g, number: number}}
}

// Run is the body of loopCommit's loop.
func (g *Tick) Run(t *sim.Task) {
	g.mine().done.Lock(t.At(PointTick))
	g.mu.Lock(t.At(PointAutocommit))
	head := g.getUncommittedLocked(t, false)
	if g.blockAuto.Get(t) > 0 || head == (epochOffsets{}) {
		g.mu.Unlock(t)
		g.mine().done.Unlock(t)
		return
	}
	g.offsets = head
	g.commit(t)
	g.mu.Unlock(t)
	g.issue(t)
	g.mine().done.Unlock(t)
	g.offsets, g.err = epochOffsets{}, false
}

// Application is the goroutine that polls, a record at a time, and commits
// what it has polled: after each poll, or once in the end, as from
// OnPartitionsRevoked. When a commit fails it commits again.
type Application struct {
	committing
	polls     int  `sim:"config"`
	everyPoll bool `sim:"config"`
	polled    int
}

// NewApplication returns an application whose commits have the numbers from
// 1 on.
func NewApplication(g *GroupConsumer, polls int, everyPoll bool) *Application {
	return &Application{committing: committing{GroupConsumer: g}, polls: polls, everyPoll: everyPoll}
}

func (g *Application) Run(t *sim.Task) {
	for g.polled < g.polls {
		g.pollRecords(t)
		g.polled++
		if g.everyPoll || g.polled == g.polls {
			g.commitUncommittedOffsets(t)
		}
	}
}

// pollRecords polls the next record, of a partition. What the poll before returned was processed,
// so the head goes past it. Where there is none, nobody polls.
//
// Differs: undirtyUncommitted and updateUncommitted take g.mu one after the
// other. In between, the head is what it is afterwards, and only this goroutine
// looks at dirty.
func (g *committing) pollRecords(t *sim.Task) {
	g.mu.Lock(t.At(PointPoll))
	next := g.uncommitted[g.polls]
	if next.fetched.Load(t) {
		for _, of := range g.uncommitted {
			of.head.Set(t, of.dirty.Get(t))
		}
		next.dirty.Set(t, next.dirty.Get(t).polled())
		next.polled.Set(t, next.dirty.Get(t))
	}
	g.mu.Unlock(t)
}

// commitUncommittedOffsets commits until it succeeds.
func (g *Application) commitUncommittedOffsets(t *sim.Task) {
	for g.err = true; g.err; {
		g.number++
		g.commitOffsetsSync(t)
	}
}

// commitOffsetsSync is UncommittedOffsets, which takes g.mu although only this
// goroutine looks at dirty, and CommitOffsetsSync.
func (g *Application) commitOffsetsSync(t *sim.Task) {
	g.mine().done.Lock(t.At(PointCommitSync))
	g.offsets = g.ofApplication(t)
	g.mu.Lock(t.At(PointBlockAuto))
	g.block(t)
	g.commit(t)
	g.mu.Unlock(t)
	g.issue(t)
	g.unblock(t)
	g.mine().done.Unlock(t)
}

// Deadline ends the context that the application gave to its first commit,
// wherever that is.
//
// Source: the goroutine in commit that waits for ctx.Done; franz-go issue 689.
type Deadline struct{ Consumer *GroupConsumer }

func (g *Deadline) Run(t *sim.Task) {
	t.Step(PointDeadline)
	g.Consumer.cancel(t, 1)
}

// Successor is fetchOffsets of the member that has the partition next, on a
// connection of its own.
//
// Differs: there is no rebalance that it waits for, so it may ask at any time;
// and no new generation, in which the coordinator would refuse what the client
// sent in the old one (ILLEGAL_GENERATION). A late commit has to arrive before.
type Successor struct{ Coordinator *sim.Conn }

func (g *Successor) Run(t *sim.Task) {
	for {
		g.Coordinator.Redial(t.At(PointFetchOffsets))
		g.Coordinator.Send(t, &model.OffsetFetchRequest{Partitions: []model.Partition{0}})
		response := g.Coordinator.Receive(t.At(PointAwaitResponse))
		if response != sim.ErrBroken {
			return // It begins to consume where the answer says.
		}
	}
}

// Describe shows the offsets of the client.
func (g *GroupConsumer) Describe(show func(name, value string)) {
	var head, dirty, committed epochOffsets
	for p, of := range g.uncommitted {
		head[p], dirty[p], committed[p] = of.head.Peek(), of.dirty.Peek(), of.committed.Peek()
	}
	show("head", head.String())
	show("dirty", dirty.String())
	show("committed", committed.String())
}

// Describe shows what the goroutine commits.
func (g *committing) Describe(show func(name, value string)) {
	if g.offsets != (epochOffsets{}) {
		show("commit", g.offsets.String())
	}
}
