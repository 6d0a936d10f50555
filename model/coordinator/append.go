package coordinator

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// pendingAppend is a transition on its way to the log.
type pendingAppend struct {
	transactionalID model.TransactionalID
	next            txnTransitMetadata
	epoch           model.CoordinatorEpoch // under which it was sent
	request         sim.Envelope           // that is answered after it; the zero Envelope: none
}

// ConnectLog hands over the connection to the transaction log. Without one what is
// appended is there at once.
func (t *Transactions) ConnectLog(log *sim.Conn) {
	t.log, t.leads = log, t.config.Self == 0
}

// appendTransactionToLog writes a transition down: it comes true, and the request
// that it comes from is answered. The zero Envelope stands for none.
//
// Source: TransactionStateManager.appendTransactionToLog.
func (t *Transactions) appendTransactionToLog(m *transactionMetadata, next txnTransitMetadata, e sim.Envelope, out *sim.Outbox) {
	if t.downgraded && next.clientTransactionVersion.SupportsEpochBump() && !t.config.Rules.Has(model.WritableAfterDowngrade) {
		t.refuse(e, model.ErrUnknownServerError, out) // An exception, and pendingState stays.
		return
	}
	if t.log == nil {
		if t.config.Crashes {
			t.records[m.transactionalID] = recordOf(m.transactionalID, next)
		}
		t.appended(m, next, e, out)
		return
	}
	if next.state.decided() && !t.config.Rules.Has(model.WriteAhead) {
		t.appended(m, next, e, out)
		e = sim.Envelope{}
	}
	t.send(pendingAppend{m.transactionalID, next, t.epoch, e}, out)
}

func (t *Transactions) send(p pendingAppend, out *sim.Outbox) {
	t.appends = append(t.appends, p)
	record := recordOf(p.transactionalID, p.next)
	record.txnStart = 0 // A message has no moments.
	out.Send(t.log, &appendRequest{p.epoch, record})
}

// logAnswered takes what comes back from the log, or that nothing does: the record
// may be there then, or not.
//
// Source: TransactionStateManager.updateCacheCallback.
func (t *Transactions) logAnswered(e sim.Envelope, out *sim.Outbox) {
	switch answer := e.Message.(type) {
	case *loadResponse:
		t.install(e.Request.(*loadRequest).epoch, answer, out)
		return
	case *appendResponse:
		t.answered(answer.err, out)
	default: // ErrBroken
		if load, ok := e.Request.(*loadRequest); ok {
			out.Send(t.log, load)
			return
		}
		t.answered(model.ErrRequestTimedOut, out)
	}
}

func (t *Transactions) answered(code model.Error, out *sim.Outbox) {
	p := t.appends[0]
	t.appends = append(t.appends[:0], t.appends[1:]...)
	m := &t.metadata[p.transactionalID]
	same := t.leads && p.epoch == t.epoch
	code = asCoordinatorError(code)
	switch {
	case code == model.None && !same:
		code = model.ErrNotCoordinator // though the record is there
		if t.loading {
			code = model.ErrCoordinatorLoadInProgress
		}
	case code == model.None && m.pendingState == p.next.state:
		t.appended(m, p.next, p.request, out)
		return
	case code == model.None:
		return // completeTransitionTo throws: it was complete before (before KAFKA-10080).
	case same && code == model.ErrCoordinatorNotAvailable && p.next.state.complete():
		t.send(p, out)
		return
	case same && m.pendingState == p.next.state:
		m.pendingState = none
		if m.fenced && t.config.Rules.Has(model.FailedFence) {
			m.hasFailedEpochFence = true
		}
	}
	t.refuse(p.request, code, out)
}

// asCoordinatorError says what an error of the log is to a client.
//
// Source: TransactionStateManager.appendTransactionToLog.
func asCoordinatorError(code model.Error) model.Error {
	switch code {
	case model.ErrUnknownTopicOrPartition, model.ErrNotEnoughReplicas, model.ErrNotEnoughReplicasAfterAppend, model.ErrRequestTimedOut:
		return model.ErrCoordinatorNotAvailable
	case model.ErrNotLeaderOrFollower, model.ErrKafkaStorageError:
		return model.ErrNotCoordinator
	case model.ErrMessageTooLarge:
		return model.ErrUnknownServerError
	}
	return code
}

// refuse answers a request of any kind with an error.
func (t *Transactions) refuse(e sim.Envelope, code model.Error, out *sim.Outbox) {
	switch e.Message.(type) {
	case *model.AddPartitionsToTxnRequest, *model.AddOffsetsToTxnRequest:
		t.replyToAdd(e, code, out)
	case *model.InitProducerIDRequest, *model.EndTxnRequest:
		replyToEnd(e, code, txnTransitMetadata{}, out)
	}
}

// appended is that a transition is in the log.
func (t *Transactions) appended(m *transactionMetadata, next txnTransitMetadata, e sim.Envelope, out *sim.Outbox) {
	m.completeTransitionTo(next)
	switch next.state {
	case EmptyTransaction:
		out.Reply(e, &model.InitProducerIDResponse{Error: model.None, ProducerID: m.producerID, ProducerEpoch: m.producerEpoch})
	case Ongoing:
		if _, ok := e.Message.(*model.InitProducerIDRequest); ok {
			out.Reply(e, &model.InitProducerIDResponse{ProducerID: m.producerID, ProducerEpoch: m.keptFor, Kept: true, KeptID: m.producerID, KeptEpoch: m.producerEpoch})
			return
		}
		t.replyToAdd(e, model.None, out)
	case PrepareCommit, PrepareAbort:
		// What is prepared here closes the door on the next transaction, before
		// the client knows that this one is decided.
		complete := m.prepareComplete()
		replyToEnd(e, model.None, complete, out)
		t.addTxnMarkersToSend(m, complete, out)
	case DeadTransaction:
		*m = newTransactionMetadata(m.transactionalID, m.maxEpoch)
	default:
		t.completions[m.transactionalID].remove(completionOf(t.epoch, next), true)
		t.dropped[m.transactionalID] = false
	}
}

// elect is that the log has a leader of a new epoch. What was queued for brokers is
// dropped; what they have already is not called back. What was known of transactions the
// log will tell.
//
// Source: TransactionCoordinator.onElection, TransactionCoordinator.onResignation.
// Differs: who loads the log in Kafka keeps what it had until that is done, and lets
// nobody look at it.
func (t *Transactions) elect(e *elected, out *sim.Outbox) {
	t.epoch = e.epoch
	t.leads, t.loading = false, e.leads
	for i := range t.channels {
		t.channels[i].queue = nil
	}
	t.unknown = nil
	for _, f := range t.fences {
		t.refuse(f.request, model.ErrNotCoordinator, out)
	}
	t.dropCompletions()
	t.forget()
	if e.leads {
		out.Send(t.log, &loadRequest{e.epoch})
	}
}

// dropCompletions drops what is under way.
func (t *Transactions) dropCompletions() {
	for i := range t.completions {
		t.completions[i] = noCompletion()
	}
	clear(t.dropped)
	t.fences = nil
}

// Crash loses the broker without a log of its own: what it has appended is there, and
// another one takes its place under its name.
func (t *Transactions) Crash() {
	if !t.config.Crashes {
		panic("coordinator: without TransactionsConfig.Crashes the coordinator keeps no log to come back from")
	}
	for i := range t.channels {
		t.channels[i] = markerChannel{conn: t.channels[i].conn}
	}
	t.dropCompletions()
	t.again, t.answers, t.unknown = nil, nil, nil
	t.forget()
}

// Restart loads what was appended, in a new epoch.
func (t *Transactions) Restart(out *sim.Outbox) {
	t.epoch++
	t.loading = true
	t.install(t.epoch, &loadResponse{records: t.records}, out)
	t.scheduleScan(out)
}

// forget drops what only memory holds. A producer id that was never in the log nobody
// was told of: the next one may have it, unless the log turns out to have it after all.
func (t *Transactions) forget() {
	for i := range t.metadata {
		if m := &t.metadata[i]; m.known && m.producerID == t.lastProducerID && m.producerEpoch == model.NoProducerEpoch {
			t.lastProducerID -= model.ProducerID(t.config.Coordinators)
		}
		t.metadata[i] = newTransactionMetadata(model.TransactionalID(i), t.config.MaxEpoch)
	}
}

// install puts what was loaded in the place of what was there. What is decided gets
// its markers again.
//
// Source: TransactionStateManager.loadTransactionsForTxnTopicPartition,
// TransactionLog.read. KAFKA-20310 for the producer ids.
func (t *Transactions) install(epoch model.CoordinatorEpoch, response *loadResponse, out *sim.Outbox) {
	if epoch != t.epoch || !t.loading {
		return
	}
	switch response.err {
	case model.None:
	case model.ErrKafkaStorageError:
		out.Send(t.log, &loadRequest{epoch})
		return
	default:
		return
	}
	t.leads, t.loading = true, false
	for _, r := range response.records {
		m := &t.metadata[r.transactionalID]
		if r.state == DeadTransaction {
			continue
		}
		m.known, m.txnTransitMetadata = true, r.txnTransitMetadata
		if ahead := m.producerID - t.lastProducerID; ahead > 0 && ahead%model.ProducerID(t.config.Coordinators) == 0 {
			t.lastProducerID = m.producerID
		}
		m.partitions = slices.Clone(r.partitions)
		m.lastProducerEpoch = model.NoProducerEpoch // It is not in the log.
		if m.txnStart = sim.Never; m.state == Ongoing {
			m.txnStart = t.start(out)
		}
		if !t.config.Rules.Has(model.RotationInLog) {
			m.prevProducerID, m.nextProducerID = model.NoProducerID, model.NoProducerID
		}
	}
	for i := range t.metadata {
		m := &t.metadata[i]
		if m.state.decided() {
			complete := m.prepareComplete()
			if t.config.Rules.Has(model.MarkersAtLoad) {
				t.addTxnMarkersToSend(m, complete, out)
			}
		}
	}
}

// fencing is a transaction that the coordinator is about to abort by itself. Kafka
// does it in steps: it is found, fenced and aborted, each under the lock anew.
type fencing struct {
	request         sim.Envelope // InitProducerId; none: the scan
	transactionalID model.TransactionalID
	producerID      model.ProducerID
	fence           txnTransitMetadata // if it is fenced
	fenced          bool
}

// abortWithFence aborts an ongoing transaction and shuts out its producer.
//
// Source: TransactionCoordinator.handleInitProducerId, TransactionCoordinator.abortTimedOutTransactions.
func (t *Transactions) abortWithFence(m *transactionMetadata, e sim.Envelope, out *sim.Outbox) {
	f := fencing{request: e, transactionalID: m.transactionalID, producerID: m.producerID, fence: noCompletion().newMetadata}
	if e.Message != nil || !t.config.FineFences {
		f.fence, f.fenced = m.prepareFenceProducerEpoch(t.config.Rules), true
	}
	if t.config.FineFences {
		t.fences = append(t.fences, f)
		out.After(fence, 0)
		return
	}
	t.abortFenced(f, out)
}

// fenceNext goes on with the first of those to fence.
func (t *Transactions) fenceNext(out *sim.Outbox) {
	f := &t.fences[0]
	switch m := &t.metadata[f.transactionalID]; {
	case f.fenced:
		done := *f
		t.fences = append(t.fences[:0], t.fences[1:]...)
		t.abortFenced(done, out)
	case m.producerID != f.producerID || m.pendingTransitionInProgress():
		t.fences = append(t.fences[:0], t.fences[1:]...)
	case m.state != Ongoing:
		// prepareTransitionTo throws; the rest of the round waits for the next scan.
		t.fences = nil
	default:
		f.fence, f.fenced = m.prepareFenceProducerEpoch(t.config.Rules), true
	}
	if len(t.fences) > 0 {
		out.After(fence, 0)
	}
}

func (t *Transactions) abortFenced(f fencing, out *sim.Outbox) {
	m := &t.metadata[f.transactionalID]
	t.endTransaction(m, ending{f.fence.producerID, f.fence.producerEpoch, model.Abort, false, t.config.TransactionVersion}, f.request, out)
}

// Scan makes the coordinator look for transactions that have timed out, and find
// that all have. A scenario drives it.
type Scan struct{}

func (*Scan) Name() string   { return "timeout scan" }
func (*Scan) String() string { return "" }

func (t *Transactions) scan(out *sim.Outbox) {
	if !t.leads {
		return
	}
	for i := range t.metadata {
		if m := &t.metadata[i]; m.state == Ongoing && m.txnTimeout != noTimeout && !m.pendingTransitionInProgress() {
			t.abortWithFence(m, sim.Envelope{}, out)
		}
	}
}

// Expire makes the coordinator look for transactional ids that nobody has used for
// long, and find that all are such. A scenario drives it.
//
// Source: TransactionStateManager.removeExpiredTransactionalIds; transactional.id.expiration.ms.
type Expire struct{}

func (*Expire) Name() string   { return "expire" }
func (*Expire) String() string { return "" }

func (t *Transactions) expire(out *sim.Outbox) {
	for i := range t.metadata {
		m := &t.metadata[i]
		if t.unavailable() == model.None && m.known && (m.state == EmptyTransaction || m.state.complete()) && !m.pendingTransitionInProgress() {
			t.appendTransactionToLog(m, m.prepareTransitionTo(m.unchanged(DeadTransaction)), sim.Envelope{}, out)
		}
	}
}

// Downgrade makes transaction.version 0: records of the log have version 0 from here
// on, which has no place for the client's transaction version. A scenario drives it.
//
// Source: TransactionLog.valueToBytes.
type Downgrade struct{}

func (*Downgrade) Name() string   { return "downgrade" }
func (*Downgrade) String() string { return "" }

// unavailable says why this broker coordinates nothing now.
//
// Source: TransactionStateManager.getAndMaybeAddTransactionState.
func (t *Transactions) unavailable() model.Error {
	switch {
	case t.loading:
		return model.ErrCoordinatorLoadInProgress
	case !t.leads:
		return model.ErrNotCoordinator
	}
	return model.None
}

// describeLog shows whether this broker coordinates.
func (t *Transactions) describeLog(show func(name, value string)) {
	if t.log != nil {
		state := "coordinates"
		if err := t.unavailable(); err != model.None {
			state = err.String()
		}
		show("epoch "+fmt.Sprint(t.epoch), state)
	}
}

// Epoch is that under which the broker coordinates, or last did.
func (t *Transactions) Epoch() model.CoordinatorEpoch { return t.epoch }

// Stuck names the transactions that are decided and that nobody will complete.
func (t *Transactions) Stuck() (ids []model.TransactionalID) {
	for i := range t.metadata {
		m := &t.metadata[i]
		if t.unavailable() == model.None && m.state.decided() && !t.appending(m.transactionalID) && (!t.completions[i].waiting || t.dropped[i] && t.unwritten(m) != noPartition) {
			ids = append(ids, m.transactionalID)
		}
	}
	return ids
}

// Waits says whether a broker owes an answer to WriteTxnMarkers.
func (t *Transactions) Waits() bool {
	return slices.ContainsFunc(t.channels, func(c markerChannel) bool { return len(c.inFlight) > 0 })
}

// Decided says whether a transaction is decided, and not complete.
func (t *Transactions) Decided(id model.TransactionalID) bool { return t.metadata[id].state.decided() }

// appending says whether a transition of the id is on its way to the log.
func (t *Transactions) appending(id model.TransactionalID) bool {
	for i := range t.appends {
		if t.appends[i].transactionalID == id {
			return true
		}
	}
	return false
}
