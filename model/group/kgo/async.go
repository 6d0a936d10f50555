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
	polls []int `sim:"config"` // before each commit
	waits bool  `sim:"config"`
	async []*AsyncCommit
	i     int // commits so far
	n     int // polls since the last one
}

// asked is what a commit's goroutine is started with.
type asked struct {
	offset    epochOffset
	priorDone int
}

// AsyncCommit is the goroutine of one of its commits.
type AsyncCommit struct {
	committing
	auto   bool `sim:"config"`
	start  sim.Chan[asked]
	onDone sim.Chan[bool] // closed by the application's onDone
}

func newAsyncCommit(g *GroupConsumer, number int, auto bool) *AsyncCommit {
	c := &AsyncCommit{committing: committing{GroupConsumer: g, number: number}, auto: auto}
	c.start.Init(1)
	c.onDone.Init(0)
	return c
}

// CommitDone is what the onDone of a commit is called with, by the commit's number.
type CommitDone struct {
	Number int
	Err    bool        // it did not commit
	Code   model.Error // because of that; NONE: it has no response
}

func (c *CommitDone) Name() string { return "commit" }

func (c *CommitDone) String() string {
	if c.Err && c.Code == model.None {
		return fmt.Sprintf("%d: no response", c.Number)
	}
	return fmt.Sprintf("%d: %v", c.Number, c.Code)
}

// NewAsyncApplication returns an application that commits after each of so many polls,
// and the goroutines of its commits, which have the numbers from 1 on.
func NewAsyncApplication(g *GroupConsumer, waits bool, polls ...int) (*AsyncApplication, []*AsyncCommit) {
	a := &AsyncApplication{committing: committing{GroupConsumer: g}, polls: polls, waits: waits}
	for i := range polls {
		a.async = append(a.async, newAsyncCommit(g, i+1, false))
	}
	return a, a.async
}

func (g *AsyncApplication) Run(t *sim.Task) {
	for g.i = 0; g.i < len(g.polls); g.i++ {
		for g.n = 0; g.n < g.polls[g.i]; g.n++ {
			g.pollRecords(t)
		}
		g.number = g.i + 1
		g.commitOffsets(t)
		if g.waits {
			g.async[g.i].onDone.Receive(t.At(PointAwaitCommit))
		}
	}
}

// commitOffsets is CommitOffsets of all that was polled.
func (g *AsyncApplication) commitOffsets(t *sim.Task) {
	g.mine().done.Lock(t.At(PointCommitAsync))
	g.mu.Lock(t.At(PointBlockAuto))
	g.block(t)
	g.commit(t)
	g.offset = g.ofApplication(g.dirty.Get(t))
	g.async[g.i].start.Send(t.At(PointStartCommit), asked{g.offset, g.priorDone}) // There is room.
	g.mu.Unlock(t)
}

func (g *AsyncCommit) Run(t *sim.Task) {
	started, _ := g.start.Receive(t.At(PointGo))
	g.offset, g.priorDone = started.offset, started.priorDone
	g.issue(t)
	t.Return(&CommitDone{g.number, g.err, g.code})
	if !g.auto {
		g.onDone.Close(t) // Before autocommits are let through.
		g.unblock(t)
	}
	g.mine().done.Unlock(t)
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
	g.mu.Lock(t.At(PointAutocommit))
	if g.blockAuto.Get(t) == 0 && g.head.Get(t) != g.committed.Get(t) {
		g.number = g.first + g.i
		g.mine().done.Lock(t.At(PointHoldDone))
		g.commit(t)
		g.offset = g.head.Get(t)
		g.async[g.i].start.Send(t.At(PointStartCommit), asked{g.offset, g.priorDone}) // There is room.
	}
	g.mu.Unlock(t)
}
