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
	completes       completion // the entry that it belongs to
	marker          model.TxnMarker
}

// markersAnswer is an answer to WriteTxnMarkers that is gone through.
type markersAnswer struct {
	broker  int
	results []model.TxnMarkerResult
	next    int  // of the markers of the request
	threw   bool // an exception has come of one
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
	t.addTxnMarkersToBrokerQueue(queuedMarker{m.transactionalID, completionOf(t.epoch, complete), model.TxnMarker{
		ProducerID: m.producerID, ProducerEpoch: m.producerEpoch, CoordinatorEpoch: t.epoch,
		Result: m.result(), TransactionVersion: m.clientTransactionVersion, Partitions: m.partitions,
	}})
	t.maybeWriteTxnCompletion(m, out)
	t.sendMarkers(out)
}

// addTxnMarkersToBrokerQueue queues a marker for each leader of its partitions.
// A partition that the metadata does not have is taken for deleted; that of a leader that
// is not alive waits until another is elected.
func (t *Transactions) addTxnMarkersToBrokerQueue(q queuedMarker) {
	ledBy := func(broker int) (list []model.Partition) {
		for _, p := range q.marker.Partitions {
			if t.leader(p) == broker {
				list = append(list, p)
			}
		}
		return list
	}
	queue := func(broker int, to *[]queuedMarker) {
		if partitions := ledBy(broker); len(partitions) > 0 {
			part := q
			part.marker.Partitions = partitions
			*to = append(*to, part)
		}
	}
	for _, p := range ledBy(deleted) {
		t.metadata[q.transactionalID].removePartition(p)
	}
	queue(dead, &t.unknown)
	for broker := range t.channels {
		queue(broker, &t.channels[broker].queue)
	}
}

// What the metadata has in place of a leader.
const (
	deleted = -1 // no such partition
	dead    = -2 // a broker that is not alive
)

// leader is the place among the brokers of the one that leads the partition, or deleted,
// or dead.
func (t *Transactions) leader(p model.Partition) int {
	for _, m := range t.moved {
		if m.partition == p {
			return m.broker
		}
	}
	if slices.Contains(t.config.Dead, p) {
		return dead
	}
	return slices.IndexFunc(t.config.Brokers, func(b Broker) bool { return slices.Contains(b.Partitions, p) })
}

// leaderElected notes who leads a partition now. What is queued for the broker before it
// goes there all the same; what had nobody to go to is queued.
//
// Source: MetadataCache.getPartitionLeaderEndpoint, which is asked when a marker is queued;
// TransactionMarkerChannelManager.generateRequests, for the queue of unknown brokers.
func (t *Transactions) leaderElected(e *model.LeaderElected, out *sim.Outbox) {
	t.moved = slices.DeleteFunc(t.moved, func(m movedLeader) bool { return m.partition == e.Partition })
	t.moved = append(t.moved, movedLeader{e.Partition, slices.IndexFunc(t.config.Brokers, func(b Broker) bool { return b.Name == e.Leader })})
	waiting := t.unknown
	t.unknown = nil
	for _, q := range waiting {
		t.addTxnMarkersToBrokerQueue(q)
	}
	t.sendMarkers(out)
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

// sendMarkers lets each channel send that can. The thread that sends also goes through
// answers.
func (t *Transactions) sendMarkers(out *sim.Outbox) {
	if len(t.answers) > 0 {
		return
	}
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
		a := markersAnswer{broker: broker}
		for _, m := range response.Markers {
			a.results = append(a.results, model.TxnMarkerResult{ProducerID: m.ProducerID, Partitions: slices.Clone(m.Partitions)})
		}
		t.answers = append(t.answers, a)
		t.markerAnswered(out)
		return
	}
	t.markersLost(broker, out)
	t.sendMarkers(out)
}

// markersLost queues again what the broker may have written or not.
func (t *Transactions) markersLost(broker int, out *sim.Outbox) {
	t.channels[broker].disconnected = true
	out.After(reconnect+broker, reconnectBackoff)
	for _, q := range t.channels[broker].back() {
		if t.isMine(q) {
			t.addTxnMarkersToBrokerQueue(q)
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
	t.completions[q.transactionalID].remove(q.completes, t.config.Rules.Has(model.CompletionByValue))
}

// markerAnswered goes on with the first answer: with all of its markers, or, with
// FineMarkers, with the next.
func (t *Transactions) markerAnswered(out *sim.Outbox) {
	for len(t.answers) > 0 {
		a := &t.answers[0]
		markers := t.channels[a.broker].inFlight
		if a.next == len(markers) {
			t.channels[a.broker].back()
			t.answers = append(t.answers[:0], t.answers[1:]...)
			continue
		}
		a.threw = t.takeResult(markers[a.next], a.results, a.threw, out)
		if a.next++; t.config.FineMarkers && a.next < len(markers) {
			out.After(nextMarker, 0)
			return
		}
	}
	t.sendMarkers(out)
}

// takeResult takes what a broker says of one marker, which is looked up by the producer
// id. A broker that does not lead the partition any more, or is not ready, gets it again.
// One that has seen a newer epoch makes the coordinator give up: the transaction stays
// decided, and is never complete. What nobody expects is an exception, and nothing more
// of the answer is looked at; so is that a marker is written of what is not decided.
//
// Source: TransactionMarkerRequestCompletionHandler.onComplete. KAFKA-9749 for
// KAFKA_STORAGE_ERROR.
func (t *Transactions) takeResult(q queuedMarker, results []model.TxnMarkerResult, threw bool, out *sim.Outbox) bool {
	if !t.isMine(q) {
		return threw
	}
	m, again, abandoned := &t.metadata[q.transactionalID], q, false
	again.marker.Partitions = nil
	outcomes := outcomesOf(q.marker.ProducerID, results)
	if t.config.Rules.Has(model.OwnMarkerResult) {
		outcomes = slices.DeleteFunc(outcomes, func(p model.PartitionError) bool { return !slices.Contains(q.marker.Partitions, p.Partition) })
	}
	if threw || t.isUnexpected(m, outcomes) {
		t.dropped[q.transactionalID] = m.state.decided()
		return true
	}
	for _, p := range outcomes {
		switch {
		case p.Error == model.None:
			m.removePartition(p.Partition)
		case slices.Contains(markerErrorsAbandon, p.Error):
			t.drop(q)
			abandoned = true
		default:
			again.marker.Partitions = append(again.marker.Partitions, p.Partition)
		}
	}
	switch {
	case abandoned:
	case len(again.marker.Partitions) > 0:
		t.addTxnMarkersToBrokerQueue(again)
	default:
		t.maybeWriteTxnCompletion(m, out)
	}
	return false
}

// markerErrorsAgain are those after which a marker is sent again.
var markerErrorsAgain = []model.Error{
	model.ErrUnknownTopicOrPartition, model.ErrNotLeaderOrFollower, model.ErrNotEnoughReplicas,
	model.ErrNotEnoughReplicasAfterAppend, model.ErrRequestTimedOut,
}

// markerErrorsAbandon are those after which the coordinator gives up.
var markerErrorsAbandon = []model.Error{model.ErrInvalidProducerEpoch, model.ErrTransactionCoordinatorFenced}

// noPartition is none.
const noPartition model.Partition = -2

// unwritten is a partition whose marker nobody writes, and none is there.
func (t *Transactions) unwritten(m *transactionMetadata) model.Partition {
	for _, p := range m.partitions {
		sends := func(c markerChannel) bool { return c.holds(m.transactionalID, p) }
		waits := func(q queuedMarker) bool {
			return q.transactionalID == m.transactionalID && slices.Contains(q.marker.Partitions, p)
		}
		if !slices.ContainsFunc(t.channels, sends) && !slices.ContainsFunc(t.unknown, waits) {
			return p
		}
	}
	return noPartition
}

// isUnexpected says whether an answer is one that nobody expects: without the producer,
// with an error that has no case of its own, or with a marker of what is not decided.
func (t *Transactions) isUnexpected(m *transactionMetadata, outcomes []model.PartitionError) bool {
	return len(outcomes) == 0 || slices.ContainsFunc(outcomes, func(p model.PartitionError) bool {
		return p.Error == model.None && !m.state.decided() || p.Error != model.None && !slices.Contains(markerErrorsAgain, p.Error) && !slices.Contains(markerErrorsAbandon, p.Error) &&
			(p.Error != model.ErrKafkaStorageError || !t.config.Rules.Has(model.StorageErrorAgain)) && !t.config.Rules.Has(model.UnexpectedMarkerError)
	})
}

// outcomesOf merges what an answer says of a producer.
//
// Source: WriteTxnMarkersResponse.errorsByProducerId.
func outcomesOf(id model.ProducerID, results []model.TxnMarkerResult) []model.PartitionError {
	var merged []model.PartitionError
	for _, m := range results {
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
