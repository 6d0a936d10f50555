package group

import (
	"racelab/model"
	"racelab/sim"
)

// SaramaClaim is the goroutine of one claimed partition, ConsumeClaim as
// applications write it: it marks each message, and commits.
type SaramaClaim struct {
	saramaGoroutine
	claimed model.Partition `sim:"config"`
	last    model.Offset    `sim:"config"` // where the goroutine is done
	batch   model.Offset    `sim:"config"` // messages a commit
	next    model.Offset    // to mark
}

// NewSaramaClaim returns the goroutine of a partition, which commits so many
// times, after a batch of messages each.
func NewSaramaClaim(om *SaramaOffsetManager, partition model.Partition, commits, batch int) *SaramaClaim {
	start := om.poms[partition].offset.Peek()
	return &SaramaClaim{
		saramaGoroutine: saramaGoroutine{SaramaOffsetManager: om},
		claimed:         partition, next: start + 1, last: start + model.Offset(commits*batch), batch: model.Offset(batch),
	}
}

// Run is ConsumeClaim.
func (om *SaramaClaim) Run(t *sim.Task) {
	for om.next <= om.last {
		om.markOffset(t)
		om.next++
		if (om.last-om.next+1)%om.batch == 0 {
			om.commit(t)
		}
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

// State walks the goroutine's frame.
func (om *SaramaClaim) State(s *sim.State) {
	om.saramaGoroutine.State(s)
	sim.Int(s, &om.next)
}

// SaramaCommitter is a goroutine of the application that marks nothing, and
// calls Commit now and then.
type SaramaCommitter struct {
	saramaGoroutine
	commits int // to go
}

// NewSaramaCommitter returns a goroutine that commits so many times.
func NewSaramaCommitter(om *SaramaOffsetManager, commits int) *SaramaCommitter {
	return &SaramaCommitter{saramaGoroutine: saramaGoroutine{SaramaOffsetManager: om}, commits: commits}
}

// Run is the application's loop.
func (om *SaramaCommitter) Run(t *sim.Task) {
	for om.commits > 0 {
		om.commit(t)
		om.commits--
	}
}

// State walks the goroutine's frame.
func (om *SaramaCommitter) State(s *sim.State) {
	om.saramaGoroutine.State(s)
	sim.Int(s, &om.commits)
}
