package kgo

import (
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
	offset    model.Offset
	priorDone int
}

// AsyncCommit is the goroutine of one of its commits.
type AsyncCommit struct {
	committing
	start  sim.Chan[asked]
	onDone sim.Chan[bool] // closed by the application's onDone
}

// NewAsyncApplication returns an application that commits after each of so many polls,
// and the goroutines of its commits, which have the numbers from 1 on.
func NewAsyncApplication(g *GroupConsumer, waits bool, polls ...int) (*AsyncApplication, []*AsyncCommit) {
	a := &AsyncApplication{committing: committing{GroupConsumer: g}, polls: polls, waits: waits}
	for i := range polls {
		c := &AsyncCommit{committing: committing{GroupConsumer: g, number: i + 1}}
		c.start.Init(1)
		c.onDone.Init(0)
		a.async = append(a.async, c)
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
	g.offset = g.dirty.Get(t)
	g.async[g.i].start.Send(t.At(PointStartCommit), asked{g.offset, g.priorDone}) // There is room.
	g.mu.Unlock(t)
}

func (g *AsyncCommit) Run(t *sim.Task) {
	started, _ := g.start.Receive(t.At(PointGo))
	g.offset, g.priorDone = started.offset, started.priorDone
	g.issue(t)
	g.onDone.Close(t) // Before autocommits are let through.
	g.unblock(t)
	g.mine().done.Unlock(t)
}
