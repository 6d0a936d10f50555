package kgo

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// AsyncApplication is a goroutine that polls and commits what it has polled, and does
// not wait for its commits, unless it is told to.
//
// Source: Client.CommitOffsets.
type AsyncApplication struct {
	committing
	plan  []Commit `sim:"config"`
	waits bool     `sim:"config"`
	async []*AsyncCommit
	i     int // commits so far
	n     int // polls since the last one
}

// Commit is a commit of an application, and what it polls before: a record of each of these
// partitions, in turn.
type Commit struct {
	Polls []model.Partition
	Ends  bool          // the context that it is given ends,
	After time.Duration // so long after the call; 0: before
}

// asked is what a commit's goroutine is started with.
type asked struct {
	offsets   epochOffsets
	priorDone int
	under     model.GenerationID
}

// AsyncCommit is the goroutine of one of its commits.
type AsyncCommit struct {
	committing
	auto   bool `sim:"config"`
	sync   bool `sim:"config"` // CommitOffsetsSync
	start  sim.Chan[asked]
	onDone sim.Chan[bool] // closed by the application's onDone
	never  sim.Chan[bool] // commitOffsetsSync's done, where no request closes it
	ends   *Ends          // nil: its context does not end, or has ended before
}

func newAsyncCommit(g *GroupConsumer, number int, auto bool) *AsyncCommit {
	c := &AsyncCommit{committing: committing{GroupConsumer: g, number: number}, auto: auto}
	c.start.Init(1)
	c.onDone.Init(0)
	c.never.Init(0)
	return c
}

// CommitDone is what the onDone of a commit is called with, by the commit's number.
type CommitDone struct {
	Number   int
	Outcomes []model.PartitionError // of those that it has; none: there is no response
}

func (c *CommitDone) Name() string { return "commit" }

func (c *CommitDone) String() string {
	if len(c.Outcomes) == 0 {
		return fmt.Sprintf("%d: no response", c.Number)
	}
	return fmt.Sprintf("%d: %s", c.Number, model.FormatErrors(c.Outcomes))
}

// Ends is the goroutine that ends a commit's context.
//
// Source: context.WithTimeout; brokerCxn.abandonOnCancel from 1.22.2 on.
type Ends struct {
	of    *AsyncCommit
	after time.Duration `sim:"config"`
	start sim.Chan[bool]
	clock sim.Timer
}

func (e *Ends) Run(t *sim.Task) {
	e.start.Receive(t.At(PointCalled))
	e.clock.Sleep(t.At(PointDeadline), e.after)
	e.of.cancel(t, e.of.number)
	if e.of.prior == AwaitPriorAbandon && e.of.mine().inFlight.CompareAndSwap(t, true, false) {
		e.of.done(t, &CommitDone{Number: e.of.number})
	}
}

// Describe shows nothing besides what is shared.
func (e *Ends) Describe(func(name, value string)) {}

// NewAsyncApplication returns an application that makes these commits, the goroutines of
// the commits, which have the numbers from 1 on, and those that end their contexts.
func NewAsyncApplication(g *GroupConsumer, waits bool, commits ...Commit) (*AsyncApplication, []*AsyncCommit, []*Ends) {
	a := &AsyncApplication{committing: committing{GroupConsumer: g}, plan: commits, waits: waits}
	var ends []*Ends
	for i, c := range commits {
		of := newAsyncCommit(g, i+1, false)
		of.sync = waits
		a.async = append(a.async, of)
		if c.Ends && c.After > 0 {
			of.ends = &Ends{of: of, after: c.After}
			of.ends.start.Init(1)
			ends = append(ends, of.ends)
		}
	}
	return a, a.async, ends
}

func (g *AsyncApplication) Run(t *sim.Task) {
	for g.i = 0; g.i < len(g.plan); g.i++ {
		for g.n = 0; g.n < len(g.plan[g.i].Polls); g.n++ {
			g.polls = g.plan[g.i].Polls[g.n]
			g.pollRecords(t)
		}
		g.number = g.i + 1
		if g.offsets = g.toCommit(t); g.offsets == (epochOffsets{}) {
			continue
		}
		g.commitOffsets(t)
		if g.waits {
			g.async[g.i].onDone.Receive(t.At(PointAwaitCommit))
		}
	}
}

// toCommit is what it commits next: all that it has polled, or UncommittedOffsets.
func (g *AsyncApplication) toCommit(t *sim.Task) (offsets epochOffsets) {
	if g.session == nil || !g.session.config.Uncommitted {
		return g.ofApplication(t)
	}
	g.mu.Lock(t.At(PointUncommitted))
	offsets = g.getUncommittedLocked(t, true)
	g.mu.Unlock(t)
	return offsets
}

// commitOffsets is CommitOffsets.
func (g *AsyncApplication) commitOffsets(t *sim.Task) {
	g.mine().done.Lock(t.At(PointCommitAsync))
	switch c := g.plan[g.i]; {
	case c.Ends && c.After == 0:
		g.cancel(t, g.number)
	case c.Ends:
		g.async[g.i].ends.start.Send(t.At(PointStartCommit), true) // There is room.
	}
	if g.session != nil && g.session.config.LocksFirst {
		g.lockSync(t)
	}
	if g.session != nil && g.plan[g.i].Ends && g.endsInJoin(t) {
		g.endedInJoin(t)
		return
	}
	g.waitJoinSync(t)
	if g.session != nil && !g.session.config.LocksFirst {
		g.lockSync(t)
	}
	g.mu.Lock(t.At(PointBlockAuto))
	g.block(t)
	g.commit(t)
	g.async[g.i].start.Send(t.At(PointStartCommit), asked{g.offsets, g.priorDone, g.under}) // There is room.
	g.mu.Unlock(t)
}

// endedInJoin is what becomes of a commit whose context ended while it waited for a join: onDone
// is called. If syncCommitMu was locked first nobody gives it back, and a CommitOffsetsSync
// waits for what only a request closes.
func (g *AsyncApplication) endedInJoin(t *sim.Task) {
	t.Return(&CommitDone{Number: g.number})
	g.async[g.i].start.Close(t)
	g.async[g.i].onDone.Close(t)
	g.mine().done.Unlock(t)
	if g.waits && g.session.config.LocksFirst {
		g.async[g.i].never.Receive(t.At(PointAwaitDone))
	}
}

func (g *AsyncCommit) Run(t *sim.Task) {
	started, ok := g.start.Receive(t.At(PointGo))
	if !ok {
		return
	}
	g.offsets, g.priorDone, g.under = started.offsets, started.priorDone, started.under
	g.issue(t)
	if !g.left {
		g.done(t, &CommitDone{g.number, g.outcomes()})
	}
}

// done is what follows once the request has an answer, or none will be awaited.
func (g *AsyncCommit) done(t *sim.Task, result *CommitDone) {
	if g.auto {
		g.autocommitted(t, result)
	} else {
		g.returns(t, result, g.sync)
		g.onDone.Close(t) // Before autocommits are let through.
		g.unblock(t)
	}
	g.mine().done.Unlock(t)
}

// autocommitted calls the callback of an autocommit.
func (g *AsyncCommit) autocommitted(t *sim.Task, result *CommitDone) {
	if g.session != nil {
		g.session.noCommitDuringJoinAndSync.RUnlock(t)
	}
	t.Return(result)
}

// outcomes are those of the response, if there is one.
func (g *committing) outcomes() (outcomes []model.PartitionError) {
	for p, of := range g.offsets {
		if of != 0 && g.answered() {
			outcomes = append(outcomes, model.PartitionError{Partition: model.Partition(p), Error: g.codes[p]})
		}
	}
	return outcomes
}

// LoopCommit is the goroutine that commits the head at each tick, and does not wait for
// that.
//
// Source: groupConsumer.loopCommit.
type LoopCommit struct {
	committing
	interval time.Duration `sim:"config"`
	ticks    int           `sim:"config"`
	first    int           `sim:"config"` // the number of its first commit
	ticker   sim.Timer
	async    []*AsyncCommit
	i        int // ticks so far
}

// NewLoopCommit returns it with the goroutines of its commits, whose numbers begin at
// first. It ends after so many ticks.
func NewLoopCommit(g *GroupConsumer, interval time.Duration, ticks, first int) (*LoopCommit, []*AsyncCommit) {
	g.auto = true
	l := &LoopCommit{committing: committing{GroupConsumer: g}, interval: interval, ticks: ticks, first: first}
	for i := range ticks {
		l.async = append(l.async, newAsyncCommit(g, first+i, true))
	}
	return l, l.async
}

func (g *LoopCommit) Run(t *sim.Task) {
	t.Step(PointStart)
	g.ticker.StartTicker(t, g.interval)
	for g.i = 0; g.i < g.ticks; g.i++ {
		g.ticker.Receive(t.At(PointTick))
		g.autocommit(t)
	}
	g.ticker.Stop(t)
}

func (g *LoopCommit) autocommit(t *sim.Task) {
	g.waitJoinSync(t)
	g.mu.Lock(t.At(PointAutocommit))
	if g.offsets = g.getUncommittedLocked(t, false); g.blockAuto.Get(t) == 0 && g.offsets != (epochOffsets{}) {
		g.number = g.first + g.i
		g.mine().done.Lock(t.At(PointHoldDone))
		g.commit(t)
		g.async[g.i].start.Send(t.At(PointStartCommit), asked{g.offsets, g.priorDone, g.under}) // There is room.
	} else if g.session != nil {
		g.session.noCommitDuringJoinAndSync.RUnlock(t)
	}
	g.mu.Unlock(t)
}
