package kgo

import (
	"slices"

	"racelab/model"
	"racelab/sim"
)

// Proposal is what the client does, beside failAllRecords or instead, about
// records that are still to come. None was ever released.
type Proposal uint8

const (
	// Released is none: what is buffered fails, and what comes next is taken.
	Released Proposal = iota
	// FailPartition fails what comes next as well, until the application calls
	// RecoverFailedProducePartitions.
	//
	// Source: FailPartitionOnProduceFailure, proposed in franz-go issue 852.
	FailPartition
	// CallHook fails nothing. The partition keeps its buffer and sends nothing, and
	// the application is called on the spot, under recBuf.mu; what is buffered fails
	// when it calls ClearPartition.
	//
	// Source: proposed in franz-go issue 852.
	CallHook
	// PausePartition fails what is buffered, and lets Produce wait until Resume,
	// but for what the application hands over again.
	PausePartition
	// PauseKeys does so for the keys of the records that have failed.
	PauseKeys
)

// proposedRecBuf is what a proposal keeps of a partition.
type proposedRecBuf struct {
	failed  sim.Var[bool]     // FailPartition: the sticky error is set
	halted  sim.Var[bool]     // CallHook: nothing is sent
	paused  []*sim.Var[bool]  // by scope
	pauses  []*sim.Var[int32] // by scope: how many there were
	resumed sim.Cond
}

func (b *proposedRecBuf) init(cl *Producer, mu *sim.Mutex) {
	b.resumed.L = mu
	if cl.config.Proposal == PausePartition || cl.config.Proposal == PauseKeys {
		b.paused, b.pauses = each[sim.Var[bool]](cl.scopes()), each[sim.Var[int32]](cl.scopes())
	}
}

// scopes is how many pauses there can be.
func (cl *Producer) scopes() int {
	if cl.config.Proposal == PauseKeys {
		return cl.config.Keys
	}
	return 1
}

// scope is the pause that a record is under.
func (cl *Producer) scope(r model.Record) int { return int(r) % cl.scopes() }

// awaitResume is where Produce waits for the end of a pause. The caller holds
// recBuf.mu.
func (g *goroutine) awaitResume(t *sim.Task) {
	for g.mustWait(t) {
		g.recBuf().resumed.Wait(t.At(PointPaused))
	}
}

// mustWait says whether the record is to wait for the end of a pause.
func (g *goroutine) mustWait(t *sim.Task) bool {
	b, scope := g.recBuf(), g.scope(g.pr.record())
	return b.paused != nil && g.pause == 0 && b.paused[scope].Get(t)
}

// refusal is the error that a record fails with at once.
func (g *goroutine) refusal(t *sim.Task) recordError {
	b, scope := g.recBuf(), g.scope(g.pr.record())
	switch {
	case b.failed.Get(t):
		return errFailedPartition
	case g.pause > 0 && b.pauses[scope].Get(t) != g.pause:
		return errStalePause
	}
	return 0
}

// onProduceFailure is what a proposal does before failAllRecords, or instead.
func (g *goroutine) onProduceFailure(t *sim.Task) {
	switch g.config.Proposal {
	case FailPartition:
		g.recBuf().failed.Set(t, true)
	case PausePartition, PauseKeys:
		g.recBuf().pauseAll(t, g.Producer)
	case CallHook:
		if g.keepsBuffer() {
			g.callHook(t)
		}
	}
}

// keepsBuffer says whether what is buffered stays: with a hook, until the
// partition is cleared.
func (g *goroutine) keepsBuffer() bool { return g.config.Proposal == CallHook && g.err != errCleared }

// callHook calls the application at the moment of the failure.
func (g *goroutine) callHook(t *sim.Task) {
	if !g.recBuf().halted.Get(t) {
		g.recBuf().halted.Set(t, true)
		g.inHook = true
		g.onFailure(t)
		g.inHook = false
	}
	g.err = 0
}

// pauseAll pauses the scopes of all that is buffered.
func (b *recBuf) pauseAll(t *sim.Task, cl *Producer) {
	var scopes []int
	for _, r := range b.batches.Get(t) {
		for _, pr := range b.at(r).records.Get(t) {
			scopes = append(scopes, cl.scope(pr.record()))
		}
	}
	slices.Sort(scopes)
	for _, scope := range slices.Compact(scopes) {
		b.paused[scope].Set(t, true)
		b.pauses[scope].Set(t, b.pauses[scope].Get(t)+1)
	}
}

// recover is RecoverFailedProducePartitions: what comes next is taken.
func (g *goroutine) recover(t *sim.Task) {
	g.recBuf().mu.Lock(t.At(PointRecover))
	g.recBuf().failed.Set(t, false)
	g.recBuf().mu.Unlock(t)
}

// clearPartition fails what is buffered, in its order, and lets what comes next be
// sent. In the hook it would wait for a lock that its caller holds.
func (g *goroutine) clearPartition(t *sim.Task) {
	if g.inHook && !g.config.ReentrantHook {
		return
	}
	g.recBuf().mu.Lock(t.At(PointClear))
	g.err = errCleared
	g.failAllRecords(t)
	g.recBuf().halted.Set(t, false)
	g.recBuf().mu.Unlock(t)
}

// resume ends the pause of the scope a.i.
func (a *Application) resume(t *sim.Task) {
	a.recBuf().mu.Lock(t.At(PointResume))
	b := a.recBuf()
	if b.pauses[a.i].Get(t) == a.rounds[a.i].pause {
		b.paused[a.i].Set(t, false)
		b.resumed.Broadcast(t)
	}
	a.rounds[a.i].pause = 0
	b.mu.Unlock(t)
}
