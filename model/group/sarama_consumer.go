package group

import (
	"racelab/model"
	"racelab/sim"
)

// SaramaConsumer is a consumer with one offset manager, and a goroutine for
// each partition.
//
// Source: consumerGroupSession in sarama 1.43.3, consumer_group.go.
// Differs: no group: the partitions are assigned, and stay. Each goroutine
// manages its own partition, where the session manages all before the first
// goroutine starts.
type SaramaConsumer struct {
	*SaramaOffsetManager
	claims sim.WaitGroup // waitGroup: the goroutines that consume
}

// NewSaramaConsumer returns a consumer of all partitions of the offset manager.
func NewSaramaConsumer(om *SaramaOffsetManager) *SaramaConsumer {
	c := &SaramaConsumer{SaramaOffsetManager: om}
	c.claims.Init(len(om.poms))
	return c
}

// SaramaClaim is the goroutine of one claimed partition, ConsumeClaim as
// applications write it: it processes and marks each message, and commits,
// unless that goes automatically.
type SaramaClaim struct {
	saramaGoroutine
	consumer *SaramaConsumer
	last     model.Offset `sim:"config"` // where the goroutine is done
	batch    model.Offset `sim:"config"` // messages a commit
	next     model.Offset // to mark
	resets   int          // to go
}

// NewSaramaClaim returns the goroutine of the consumer's partition at a place,
// which starts at an offset. It commits so many times, after a batch of messages
// each. So many times it finds, after a commit, that it has to process its last
// message again.
func NewSaramaClaim(c *SaramaConsumer, place int, start model.Offset, commits, batch, resets int) *SaramaClaim {
	return &SaramaClaim{
		saramaGoroutine: saramaGoroutine{SaramaOffsetManager: c.SaramaOffsetManager, place: place},
		consumer:        c, next: start + 1, last: start + model.Offset(commits*batch), batch: model.Offset(batch), resets: resets,
	}
}

// Run is ConsumeClaim.
func (om *SaramaClaim) Run(t *sim.Task) {
	if om.conf.Manages {
		om.managePartition(t)
		om.next = om.fetched + 1
	}
	for om.next <= om.last {
		om.markOffset(t)
		om.next++
		if om.loop == nil && (om.last-om.next+1)%om.batch == 0 {
			om.commit(t)
			if om.resets > 0 {
				om.resets--
				om.next--
				om.resetOffset(t)
			}
		}
	}
	om.consumer.claims.Done(t)
}

// markOffset is MarkOffset of the claimed partition, of the message that was
// just processed.
func (om *SaramaClaim) markOffset(t *sim.Task) {
	om.poms[om.place].lock.Lock(t, PointMark)
	t.Called(&model.Processed{Partition: om.poms[om.place].partition, Offset: om.next - 1})
	pom := om.poms[om.place]
	if om.next > pom.offset.Get(t) {
		pom.offset.Set(t, om.next)
		pom.dirty.Set(t, true)
	}
	pom.lock.Unlock(t)
}

// resetOffset is ResetOffset of the claimed partition, back to the message that
// comes next.
func (om *SaramaClaim) resetOffset(t *sim.Task) {
	om.poms[om.place].lock.Lock(t, PointReset)
	pom := om.poms[om.place]
	if om.next-1 <= pom.offset.Get(t) {
		pom.offset.Set(t, om.next-1)
		pom.dirty.Set(t, true)
	}
	pom.lock.Unlock(t)
}

// SaramaMainLoop is the goroutine that commits automatically.
type SaramaMainLoop struct{ saramaGoroutine }

// NewSaramaMainLoop returns it, for an offset manager whose conf has AutoCommit.
func NewSaramaMainLoop(om *SaramaOffsetManager) *SaramaMainLoop {
	return &SaramaMainLoop{saramaGoroutine{SaramaOffsetManager: om}}
}

// Run is mainLoop.
func (om *SaramaMainLoop) Run(t *sim.Task) {
	t.Yield(PointMainLoop)
	om.loop.ticker.StartTicker(t, om.conf.AutoCommit)
	for {
		chosen := t.Select(PointNext, om.loop.ticker.Receiving(), om.loop.closing.Receiving())
		if chosen == &om.loop.closing {
			om.loop.ticker.Stop(t)
			om.loop.closed.Close(t)
			return
		}
		om.commit(t)
	}
}

// SaramaSession is the goroutine that waits for those that consume, and then
// closes the offset manager.
//
// Source: consumerGroupSession.release.
type SaramaSession struct {
	saramaGoroutine
	consumer *SaramaConsumer
}

// NewSaramaSession returns it.
func NewSaramaSession(c *SaramaConsumer) *SaramaSession {
	return &SaramaSession{saramaGoroutine{SaramaOffsetManager: c.SaramaOffsetManager}, c}
}

// Run is release.
func (om *SaramaSession) Run(t *sim.Task) {
	om.consumer.claims.Wait(t, PointAwaitClaims)
	om.close(t)
	t.Returned(&model.Closed{})
}

// SaramaCommitter is a goroutine of the application that marks nothing, and
// calls Commit now and then.
type SaramaCommitter struct {
	saramaGoroutine
	commits int // to go
}

// NewSaramaCommitter returns a goroutine that commits so many times.
func NewSaramaCommitter(om *SaramaOffsetManager, commits int) *SaramaCommitter {
	return &SaramaCommitter{saramaGoroutine{SaramaOffsetManager: om}, commits}
}

// Run is the application's loop.
func (om *SaramaCommitter) Run(t *sim.Task) {
	for om.commits > 0 {
		om.commit(t)
		om.commits--
	}
}
