package coordinator

import (
	"slices"
	"time"

	"racelab/model"
	"racelab/sim"
)

// markerChannel is the coordinator's way to one broker: one WriteTxnMarkers at a
// time, and what is decided while it is under way waits for the next. So a
// marker that is slow to write holds up the transactions behind it.
//
// Source: TransactionMarkerChannelManager, TxnMarkerQueue,
// TransactionMarkerRequestCompletionHandler; one request in flight is the
// NetworkClient's maxInFlightRequestsPerConnection there.
// Differs: what waits goes into one request. In Kafka the sender thread takes
// from the queue when it wakes up, so what comes while a request is under way
// can be several that follow each other.
type markerChannel struct {
	conn         *sim.Conn
	queue        []queuedMarker // first in, first out
	inFlight     []queuedMarker // the request that the broker has
	disconnected bool           // it broke, and is not dialled anew yet
}

// reconnectBackoff is how long a broken channel stays so.
//
// Source: TransactionMarkerChannelManager, whose NetworkClient has it fixed.
const reconnectBackoff = 50 * time.Millisecond

// queuedMarker is a marker and whose it is.
//
// Source: PendingCompleteTxnAndMarkerEntry.
type queuedMarker struct {
	transactionalID model.TransactionalID
	marker          model.TxnMarker
}

// next is the request to send, or nil if there is none, or the broker still has
// one, or there is no way to it.
func (c *markerChannel) next() *model.WriteTxnMarkersRequest {
	if len(c.inFlight) > 0 || len(c.queue) == 0 || c.disconnected {
		return nil
	}
	c.queue, c.inFlight = nil, c.queue
	request := &model.WriteTxnMarkersRequest{}
	for _, q := range c.inFlight {
		marker := q.marker
		marker.Partitions = slices.Clone(marker.Partitions)
		request.Markers = append(request.Markers, marker)
	}
	return request
}

// back takes the request that nobody waits for any more.
func (c *markerChannel) back() []queuedMarker {
	markers := c.inFlight
	c.inFlight = nil
	return markers
}

func (c *markerChannel) holds(id model.TransactionalID, p model.Partition) bool {
	is := func(q queuedMarker) bool { return q.transactionalID == id && slices.Contains(q.marker.Partitions, p) }
	return slices.ContainsFunc(c.queue, is) || slices.ContainsFunc(c.inFlight, is)
}

// pendingCompleteTxn is a transaction that completes when its partitions have
// their markers.
//
// Source: PendingCompleteTxn; TransactionMarkerChannelManager.transactionsWithPendingMarkers.
type pendingCompleteTxn struct {
	waiting     bool
	epoch       model.CoordinatorEpoch
	newMetadata txnTransitMetadata
}

// noCompletion is that no transaction of the id is to be completed.
func noCompletion() pendingCompleteTxn {
	return pendingCompleteTxn{newMetadata: txnTransitMetadata{txnStart: sim.Never}}
}

// completion tells one pendingCompleteTxn from another of the same id.
type completion struct {
	epoch         model.CoordinatorEpoch
	producerID    model.ProducerID
	producerEpoch model.ProducerEpoch
}

func completionOf(epoch model.CoordinatorEpoch, next txnTransitMetadata) completion {
	return completion{epoch, next.producerID, next.producerEpoch}
}

// remove takes out the entry, if it is that very one, or by the id alone (before
// KAFKA-16352).
func (c *pendingCompleteTxn) remove(which completion, byValue bool) {
	if c.waiting && (!byValue || completionOf(c.epoch, c.newMetadata) == which) {
		*c = noCompletion()
	}
}

// addTxnMarkersToSend has the markers of a decided transaction written, and the
// transaction completed after them.
//
// Source: TransactionMarkerChannelManager.addTxnMarkersToSend.
func (t *Transactions) addTxnMarkersToSend(m *transactionMetadata, complete txnTransitMetadata, out *sim.Outbox) {
	t.completions[m.transactionalID] = pendingCompleteTxn{true, t.epoch, complete}
	t.addTxnMarkersToBrokerQueue(m.transactionalID, model.TxnMarker{
		ProducerID: m.producerID, ProducerEpoch: m.producerEpoch, CoordinatorEpoch: t.epoch,
		Result: m.result(), TransactionVersion: m.clientTransactionVersion, Partitions: m.partitions,
	})
	t.maybeWriteTxnCompletion(m, out)
	t.sendMarkers(out)
}

// addTxnMarkersToBrokerQueue queues a marker for each leader of its partitions.
// A partition that nobody leads is taken for deleted.
func (t *Transactions) addTxnMarkersToBrokerQueue(id model.TransactionalID, marker model.TxnMarker) {
	for _, p := range marker.Partitions {
		if t.leader(p) < 0 {
			t.metadata[id].removePartition(p)
		}
	}
	for broker := range t.channels {
		part := marker
		part.Partitions = nil
		for _, p := range marker.Partitions {
			if t.leader(p) == broker {
				part.Partitions = append(part.Partitions, p)
			}
		}
		if len(part.Partitions) > 0 {
			t.channels[broker].queue = append(t.channels[broker].queue, queuedMarker{id, part})
		}
	}
}

// leader is the place among the brokers of the one that leads the partition; -1: the
// metadata has no such partition.
func (t *Transactions) leader(p model.Partition) int {
	for _, m := range t.moved {
		if m.partition == p {
			return m.broker
		}
	}
	return slices.IndexFunc(t.config.Brokers, func(b Broker) bool { return slices.Contains(b.Partitions, p) })
}

// leaderElected notes who leads a partition now. What is queued for the broker before it
// goes there all the same.
//
// Source: MetadataCache.getPartitionLeaderEndpoint, which is asked when a marker is queued.
func (t *Transactions) leaderElected(e *model.LeaderElected) {
	t.moved = slices.DeleteFunc(t.moved, func(m movedLeader) bool { return m.partition == e.Partition })
	t.moved = append(t.moved, movedLeader{e.Partition, slices.IndexFunc(t.config.Brokers, func(b Broker) bool { return b.Name == e.Leader })})
}

// maybeWriteTxnCompletion completes a transaction whose markers are all written.
func (t *Transactions) maybeWriteTxnCompletion(m *transactionMetadata, out *sim.Outbox) {
	completion := &t.completions[m.transactionalID]
	if !completion.waiting || len(m.partitions) > 0 {
		return
	}
	complete := completion.newMetadata
	*completion = noCompletion()
	if !t.config.Rules.Has(model.CompleteOnce) && t.log != nil {
		t.again = append(t.again, pendingAppend{transactionalID: m.transactionalID, next: complete, epoch: t.epoch})
		out.After(completeAgain, 0)
	}
	t.appendTransactionToLog(m, complete, sim.Envelope{}, out)
}

// writeCompletionAgain is the thread that has queued the markers. It has looked, too,
// whether any is left, and has found as the sender's thread has that none is; only now
// it goes on.
//
// Source: TransactionMarkerChannelManager.maybeWriteTxnCompletion before KAFKA-10080.
func (t *Transactions) writeCompletionAgain(out *sim.Outbox) {
	p := t.again[0]
	t.again = append(t.again[:0], t.again[1:]...)
	if t.unavailable() == model.None && p.epoch == t.epoch {
		t.send(p, out)
	}
	if len(t.again) > 0 {
		out.After(completeAgain, 0)
	}
}

// sendMarkers lets each channel send that can.
func (t *Transactions) sendMarkers(out *sim.Outbox) {
	for broker := range t.channels {
		if request := t.channels[broker].next(); request != nil {
			out.Send(t.channels[broker].conn, request)
		}
	}
}

// writeTxnMarkersAnswered takes what comes back from a broker: its answer, or
// that the connection is broken.
func (t *Transactions) writeTxnMarkersAnswered(e sim.Envelope, out *sim.Outbox) {
	broker := slices.IndexFunc(t.config.Brokers, func(b Broker) bool { return b.Name == e.From() })
	if response, ok := e.Message.(*model.WriteTxnMarkersResponse); ok {
		t.markersAnswered(broker, response, out)
	} else {
		t.markersLost(broker, out)
	}
	t.sendMarkers(out)
}

// markersLost queues again what the broker may have written or not.
func (t *Transactions) markersLost(broker int, out *sim.Outbox) {
	t.channels[broker].disconnected = true
	out.After(reconnect+broker, reconnectBackoff)
	for _, q := range t.channels[broker].back() {
		if t.isMine(q) {
			t.addTxnMarkersToBrokerQueue(q.transactionalID, q.marker)
		}
	}
}

// isMine says whether a marker was sent in this coordinator's epoch. If not its
// entry goes: before KAFKA-16352 that of the id, whoever's it is.
func (t *Transactions) isMine(q queuedMarker) bool {
	if t.unavailable() == model.None && q.marker.CoordinatorEpoch == t.epoch {
		return true
	}
	t.drop(q)
	return false
}

// drop takes the entry that a marker belongs to out of those to complete.
func (t *Transactions) drop(q queuedMarker) {
	c := &t.completions[q.transactionalID]
	which := completion{q.marker.CoordinatorEpoch, c.newMetadata.producerID, c.newMetadata.producerEpoch}
	c.remove(which, t.config.Rules.Has(model.CompletionByValue))
}

// markersAnswered goes through what a broker says of each marker, which it looks up
// by the producer id. A broker that does not lead the partition any more, or is not
// ready, gets it again. One that has seen a newer epoch makes the coordinator give
// up: the transaction stays decided, and is never complete. What nobody expects is an
// exception, and nothing more of the answer is looked at; so is a marker of what is
// complete already (before KAFKA-10080).
//
// Source: TransactionMarkerRequestCompletionHandler.onComplete. KAFKA-9749 for
// KAFKA_STORAGE_ERROR.
func (t *Transactions) markersAnswered(broker int, response *model.WriteTxnMarkersResponse, out *sim.Outbox) {
	threw := false
	for _, q := range t.channels[broker].back() {
		if !t.isMine(q) {
			continue
		}
		m, again, abandoned := &t.metadata[q.transactionalID], q.marker, false
		again.Partitions = nil
		outcomes := outcomesOf(q.marker.ProducerID, response)
		if threw = threw || t.isUnexpected(outcomes) || !m.state.decided(); threw {
			t.dropped[q.transactionalID] = true
			continue
		}
		for _, p := range outcomes {
			switch {
			case p.Error == model.None:
				m.removePartition(p.Partition)
			case slices.Contains(markerErrorsAbandon, p.Error):
				t.drop(q)
				abandoned = true
			default:
				again.Partitions = append(again.Partitions, p.Partition)
			}
		}
		switch {
		case abandoned:
		case len(again.Partitions) > 0:
			t.addTxnMarkersToBrokerQueue(q.transactionalID, again)
		default:
			t.maybeWriteTxnCompletion(m, out)
		}
	}
}

// markerErrorsAgain are those after which a marker is sent again.
var markerErrorsAgain = []model.Error{
	model.ErrUnknownTopicOrPartition, model.ErrNotLeaderOrFollower, model.ErrNotEnoughReplicas,
	model.ErrNotEnoughReplicasAfterAppend, model.ErrRequestTimedOut,
}

// markerErrorsAbandon are those after which the coordinator gives up.
var markerErrorsAbandon = []model.Error{model.ErrInvalidProducerEpoch, model.ErrTransactionCoordinatorFenced}

// isUnexpected says whether an answer is one that nobody expects: without the producer,
// or with an error that has no case of its own.
func (t *Transactions) isUnexpected(outcomes []model.PartitionError) bool {
	return len(outcomes) == 0 || slices.ContainsFunc(outcomes, func(p model.PartitionError) bool {
		return p.Error != model.None && !slices.Contains(markerErrorsAgain, p.Error) && !slices.Contains(markerErrorsAbandon, p.Error) &&
			(p.Error != model.ErrKafkaStorageError || !t.config.Rules.Has(model.StorageErrorAgain)) && !t.config.Rules.Has(model.UnexpectedMarkerError)
	})
}

// outcomesOf merges what an answer says of a producer.
//
// Source: WriteTxnMarkersResponse.errorsByProducerId.
func outcomesOf(id model.ProducerID, response *model.WriteTxnMarkersResponse) []model.PartitionError {
	var merged []model.PartitionError
	for _, m := range response.Markers {
		for _, p := range m.Partitions {
			if m.ProducerID != id {
				continue
			}
			merged = slices.DeleteFunc(merged, func(was model.PartitionError) bool { return was.Partition == p.Partition })
			merged = append(merged, p)
		}
	}
	return merged
}
