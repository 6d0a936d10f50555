package sarama

import (
	"racelab/model"
	"racelab/sim"
)

// Consumer is a consumer with one offset manager, and a goroutine for
// each partition.
//
// Source: consumerGroupSession in sarama 1.43.3, consumer_group.go.
// Differs: no group: the partitions are assigned, and stay. Each goroutine
// manages its own partition, where the session manages all before the first
// goroutine starts.
type Consumer struct {
	*OffsetManager
	claims sim.WaitGroup // waitGroup: the goroutines that consume
}

// NewConsumer returns a consumer of all partitions of the offset manager.
func NewConsumer(om *OffsetManager) *Consumer {
	c := &Consumer{OffsetManager: om}
	c.claims.Init(len(om.poms))
	return c
}

// Claim is the goroutine of one claimed partition, ConsumeClaim as
// applications write it: it processes and marks each message, and commits,
// unless that goes automatically.
type Claim struct {
	goroutine
	consumer *Consumer
	last     model.Offset `sim:"config"` // where the goroutine is done
	batch    model.Offset `sim:"config"` // messages a commit
	next     model.Offset // to mark
	resets   int          // to go
}

// NewClaim returns the goroutine of the consumer's partition at a place,
// which starts at an offset. It commits so many times, after a batch of messages
// each. So many times it finds, after a commit, that it has to process its last
// message again.
func NewClaim(c *Consumer, place int, start model.Offset, commits, batch, resets int) *Claim {
	om := &Claim{
		goroutine: goroutine{OffsetManager: c.OffsetManager, place: place},
		consumer:  c, next: start + 1, last: start + model.Offset(commits*batch), batch: model.Offset(batch), resets: resets,
	}
	om.makeFlush()
	return om
}

// Run is ConsumeClaim.
func (om *Claim) Run(t *sim.Task) {
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
func (om *Claim) markOffset(t *sim.Task) {
	om.poms[om.place].lock.Lock(t.At(PointMark))
	t.Call(&model.Processed{Partition: om.poms[om.place].partition, Offset: om.next - 1})
	pom := om.poms[om.place]
	if om.next > pom.offset.Get(t) {
		pom.offset.Set(t, om.next)
		pom.dirty.Set(t, true)
	}
	pom.lock.Unlock(t)
}

// resetOffset is ResetOffset of the claimed partition, back to the message that
// comes next.
func (om *Claim) resetOffset(t *sim.Task) {
	om.poms[om.place].lock.Lock(t.At(PointReset))
	pom := om.poms[om.place]
	if om.next-1 <= pom.offset.Get(t) {
		pom.offset.Set(t, om.next-1)
		pom.dirty.Set(t, true)
	}
	pom.lock.Unlock(t)
}

// MainLoop is the goroutine that commits automatically.
type MainLoop struct{ goroutine }

// NewMainLoop returns it, for an offset manager whose conf has AutoCommit.
func NewMainLoop(om *OffsetManager) *MainLoop {
	loop := &MainLoop{goroutine{OffsetManager: om}}
	loop.makeFlush()
	return loop
}

// Run is mainLoop.
func (om *MainLoop) Run(t *sim.Task) {
	t.Step(PointMainLoop)
	om.loop.ticker.StartTicker(t, om.conf.AutoCommit)
	for {
		chosen := t.At(PointNext).Select(om.loop.ticker.Receiving(), om.loop.closing.Receiving())
		if chosen == &om.loop.closing {
			om.loop.ticker.Stop(t)
			om.loop.closed.Close(t)
			return
		}
		om.commit(t)
	}
}

// Session is the goroutine that waits for those that consume, and then
// closes the offset manager.
//
// Source: consumerGroupSession.release.
type Session struct {
	goroutine
	consumer *Consumer
}

// NewSession returns it.
func NewSession(c *Consumer) *Session {
	session := &Session{goroutine{OffsetManager: c.OffsetManager}, c}
	session.makeFlush()
	return session
}

// Run is release.
func (om *Session) Run(t *sim.Task) {
	om.consumer.claims.Wait(t.At(PointAwaitClaims))
	t.Call(&model.Closed{})
	om.close(t)
	t.Return(&model.Closed{})
}

// Committer is a goroutine of the application that marks nothing, and
// calls Commit now and then.
type Committer struct {
	goroutine
	commits int // to go
}

// NewCommitter returns a goroutine that commits so many times.
func NewCommitter(om *OffsetManager, commits int) *Committer {
	committer := &Committer{goroutine{OffsetManager: om}, commits}
	committer.makeFlush()
	return committer
}

// Run is the application's loop.
func (om *Committer) Run(t *sim.Task) {
	for om.commits > 0 {
		om.commit(t)
		om.commits--
	}
}

// ErrorReader is a goroutine of the application that reads the errors of a partition,
// until there are no more.
//
// Source: PartitionOffsetManager.Errors.
type ErrorReader struct{ errors *sim.Chan[model.Error] }

// NewErrorReader returns it, for the partition at a place.
func NewErrorReader(om *OffsetManager, place int) *ErrorReader {
	return &ErrorReader{om.poms[place].errors}
}

func (r *ErrorReader) Run(t *sim.Task) {
	for {
		if _, ok := r.errors.Receive(t.At(PointReadErrors)); !ok {
			return
		}
	}
}
