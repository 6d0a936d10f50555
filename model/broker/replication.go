package broker

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// replica is what a broker knows of a partition that another broker has too.
//
// Modelled: two replicas, both in sync; the high watermark; elections, of which each
// broker is told by itself; a leader that was deposed and does not know. Driven: when
// there is an election (Controller). Not covered: replicas that fall out of sync,
// min.insync.replicas, unclean elections, __consumer_offsets.
//
// Source: Partition, ReplicaManager, ReplicaFetcherThread; KIP-101.
// Differs: the leader sends what it has written, where in Kafka the follower fetches: a
// fetch that waits at the leader comes to the same. A follower learns the high watermark
// with the next records only. Its log becomes the leader's from the leader's high
// watermark on, where Kafka looks for the first offset that differs.
type replica struct {
	follows     bool // another broker leads the partition
	leaderEpoch model.LeaderEpoch
	end         model.Offset // of the other's log, as far as this leader was told; 0: it follows
	sending     bool         // the other owes an answer
	early       sim.Envelope // what a leader has sent that this broker was not told of
}

// replicaAppend is what a leader has written, for the other replica. In Kafka it is the
// answer to a fetch.
type replicaAppend struct {
	partition     model.Partition
	leaderEpoch   model.LeaderEpoch
	from          model.Offset
	batches       []model.RecordBatch // from that offset on
	highWatermark model.Offset
	logStart      model.Offset
}

// replicaAppended says how far the other replica is. In Kafka it is the next fetch.
type replicaAppended struct {
	end    model.Offset
	fenced bool // there is a newer leader
}

func (*replicaAppend) Name() string { return "replicate" }
func (r *replicaAppend) String() string {
	return fmt.Sprintf("%v %d..%d (epoch %d)", r.partition, r.from, r.from+model.Offset(len(r.batches)), r.leaderEpoch)
}

func (*replicaAppended) Name() string { return "replicate" }
func (r *replicaAppended) String() string {
	if r.fenced {
		return "fenced"
	}
	return fmt.Sprint("to ", r.end)
}

// written is what all replicas are to have, up to an offset.
type written struct {
	partition model.Partition
	end       model.Offset
}

// delayedAppend is a Produce or a WriteTxnMarkers that is written, and answered when all
// replicas have it.
//
// Source: DelayedProduce.
// Differs: it waits for as long as it takes; in Kafka REQUEST_TIMED_OUT comes in the end.
type delayedAppend struct {
	request  sim.Envelope
	waits    []written
	produced []model.ProducePartitionResponse // of a Produce, if nothing goes wrong
	markers  []model.TxnMarkerResult          // of a WriteTxnMarkers
}

// waitFor notes what was written, unless all replicas have it already.
func (d *delayedAppend) waitFor(log *partitionLog, end model.Offset) {
	if log.highWatermark < end {
		d.waits = append(d.waits, written{log.partition, end})
	}
}

// fails says of a partition that it is not known whether the new leader has what was
// written.
func (d *delayedAppend) fails(p model.Partition) {
	for i := range d.produced {
		if d.produced[i].Partition == p {
			d.produced[i].Error, d.produced[i].BaseOffset = model.ErrNotLeaderOrFollower, noOffset
		}
	}
	for i := range d.markers {
		for j := range d.markers[i].Partitions {
			if at := &d.markers[i].Partitions[j]; at.Partition == p {
				at.Error = model.ErrNotLeaderOrFollower
			}
		}
	}
}

// isDelayed takes away what is not to be waited for any more, and says whether anything
// is left.
//
// Source: DelayedProduce.tryComplete, Partition.checkEnoughReplicasReachOffset.
func (b *Broker) isDelayed(d *delayedAppend) bool {
	d.waits = slices.DeleteFunc(d.waits, func(w written) bool {
		log := b.log(w.partition)
		if log == nil {
			d.fails(w.partition)
			return true
		}
		return log.highWatermark >= w.end
	})
	return len(d.waits) > 0
}

// answer answers, or waits with it, and sends the replicas what they lack.
func (b *Broker) answer(d delayedAppend, out *sim.Outbox) {
	if b.isDelayed(&d) {
		b.delayed = append(b.delayed, d)
	} else {
		d.reply(out)
	}
	for i := range b.logs {
		l := &b.logs[i]
		if r := &l.replica; l.lags && !r.follows && !r.sending && r.end < l.logEndOffset() {
			b.sendTo(l, out)
		}
	}
}

// complete answers what need not wait any more.
func (b *Broker) complete(out *sim.Outbox) {
	b.delayed = slices.DeleteFunc(b.delayed, func(d delayedAppend) bool {
		if b.isDelayed(&d) {
			return false
		}
		d.reply(out)
		return true
	})
}

func (d *delayedAppend) reply(out *sim.Outbox) {
	if _, ok := d.request.Message.(*model.ProduceRequest); ok {
		out.Reply(d.request, &model.ProduceResponse{Partitions: d.produced})
	} else {
		out.Reply(d.request, &model.WriteTxnMarkersResponse{Markers: d.markers})
	}
}

// sendTo sends the other replica what it lacks; if that is nothing, that this broker
// leads.
func (b *Broker) sendTo(l *partitionLog, out *sim.Outbox) {
	r := &l.replica
	r.sending = true
	request := &replicaAppend{partition: l.partition, leaderEpoch: r.leaderEpoch, from: r.end, highWatermark: l.highWatermark, logStart: l.logStart}
	for i := range l.batches {
		if batch := l.batches[i]; batch.BaseOffset >= r.end {
			batch.Records = slices.Clone(batch.Records)
			request.batches = append(request.batches, batch)
		}
	}
	out.Send(b.other, request)
}

// follow makes the log that of the leader, and its high watermark, down too.
//
// Source: ReplicaFetcherThread.processPartitionData, AbstractFetcherThread.truncateToEpochEndOffsets,
// UnifiedLog.maybeUpdateHighWatermark.
func (b *Broker) follow(e sim.Envelope, request *replicaAppend, out *sim.Outbox) {
	l := b.hosted(request.partition)
	switch r := &l.replica; {
	case request.leaderEpoch > r.leaderEpoch:
		r.early = e // It was not told, and fetches from nobody.
		return
	case request.leaderEpoch < r.leaderEpoch:
		out.Reply(e, &replicaAppended{fenced: true})
		return
	}
	if request.from <= l.logEndOffset() {
		l.truncateTo(request.from)
		for _, batch := range request.batches {
			l.write(batch)
		}
		l.advance(request.highWatermark)
		l.incrementLogStart(min(request.logStart, l.highWatermark))
	}
	out.Reply(e, &replicaAppended{end: l.logEndOffset()})
}

// replicaAnswered takes how far the other replica is, or that the connection is broken.
//
// Source: Partition.updateFollowerFetchState, Partition.maybeIncrementLeaderHW.
func (b *Broker) replicaAnswered(e sim.Envelope, out *sim.Outbox) {
	request := e.Request.(*replicaAppend)
	l := b.hosted(request.partition)
	r := &l.replica
	if r.follows || r.leaderEpoch != request.leaderEpoch {
		return
	}
	r.sending = false
	answer, ok := e.Message.(*replicaAppended)
	switch {
	case !ok:
		b.sendTo(l, out)
		return
	case answer.fenced:
		return // It was deposed, and will be told.
	}
	r.end = answer.end
	l.advance(r.end)
	b.complete(out)
	if r.end < l.logEndOffset() {
		b.sendTo(l, out)
	}
}

// elect follows the controller. Only this leader's memory held the attempts to verify;
// what waits for the other replica is answered NOT_LEADER_OR_FOLLOWER.
//
// Source: Partition.makeLeader, Partition.makeFollower,
// ReplicaManager.completeDelayedOperationsWhenNotPartitionLeader.
func (b *Broker) elect(e *model.LeaderElected, out *sim.Outbox) {
	l := b.hosted(e.Partition)
	r := &l.replica
	early := r.early
	*r = replica{follows: e.Leader != b.config.Self, leaderEpoch: e.Epoch}
	for i := range l.producers {
		l.producers[i].verification = verificationState{}
	}
	l.producers = slices.DeleteFunc(l.producers, func(p producerState) bool { return p.producerEpoch == model.NoProducerEpoch })
	if r.follows && !b.config.Rules.Has(model.TruncateByEpoch) {
		l.truncateTo(l.highWatermark)
	}
	if !r.follows && !b.config.Rules.Has(model.StateFromLog) {
		l.producers, l.aborted, l.unreplicated = nil, nil, nil
	}
	l.highestStable = 0
	l.noteStable()
	b.complete(out)
	if !r.follows {
		r.end = l.highWatermark
		b.sendTo(l, out)
	}
	if request, ok := early.Message.(*replicaAppend); ok {
		b.follow(early, request, out)
	}
}

// Leads says whether the broker takes itself for the leader of a partition, and since
// which election.
func (b *Broker) Leads(p model.Partition) (epoch model.LeaderEpoch, leads bool) {
	if log := b.log(p); log != nil {
		return log.replica.leaderEpoch, true
	}
	return 0, false
}

// Controller elects leaders of P0, each at any moment, and tells all.
//
// Source: KRaft's controller, PartitionChangeBuilder.
type Controller struct {
	leaders []string `sim:"config"` // of P0, one after the other
	conns   []*sim.Conn
	done    int
}

// NewController returns a controller that elects leaders of P0, one after the other, with
// its connections to all who are to be told.
func NewController(leaders []string, conns ...*sim.Conn) *Controller {
	return &Controller{leaders: leaders, conns: conns}
}

func (c *Controller) Run(t *sim.Task) {
	for c.done = 0; c.done < len(c.leaders); c.done++ {
		t.Step(PointElect)
		for _, conn := range c.conns {
			conn.Send(t, &model.LeaderElected{Leader: c.leaders[c.done], Epoch: model.LeaderEpoch(c.done + 1)})
		}
	}
}
