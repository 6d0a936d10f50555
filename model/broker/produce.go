package broker

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// waitingAppend is a Produce or a TxnOffsetCommit that waits until the coordinator
// has said that its partitions are part of the transaction.
//
// Source: ReplicaManager.handleProduceAppend, CoordinatorPartitionWriter.
type waitingAppend struct {
	request sim.Envelope // none: the place is free
	since   sim.Time     // Never, if the broker does not try again: then nobody asks
	// guards are the proofs with which its batches may begin a transaction, in the
	// order of the request; noGuard for those that need none.
	guards []verificationGuard
	early  []model.PartitionError // what was refused before anybody was asked
	// operation is the version of the first request that went to the coordinator with
	// this one (Config.AddQueue).
	operation model.APIVersion
}

func (w *waitingAppend) free() bool { return w.request.Message == nil }

func (w *waitingAppend) leave() { *w = waitingAppend{since: sim.Never} }

// appends is what a request wants written, whichever of the two it is.
type appends struct {
	transactionalID model.TransactionalID
	version         model.TransactionVersion
	apiVersion      model.APIVersion // of Produce, or the one that knows the same errors
	retries         bool             // the broker may add again by itself
	batches         []model.PartitionBatch
}

func appendsOf(m sim.Message) appends {
	switch request := m.(type) {
	case *model.ProduceRequest:
		return appends{request.TransactionalID, request.TransactionVersion(), request.Version, true, request.Partitions}
	case *model.TxnOffsetCommitRequest:
		return appends{request.TransactionalID, request.TransactionVersion(), request.Version + 7, false, []model.PartitionBatch{{Partition: model.ConsumerOffsets, Batch: offsetsBatch(request)}}}
	}
	panic(fmt.Sprintf("broker: %T writes nothing", m))
}

// verify has the batches of a request written, once those that begin a transaction
// here are known to belong to it.
//
// Source: KafkaApis.handleProduceRequest, ReplicaManager.handleProduceAppend.
func (b *Broker) verify(e sim.Envelope, out *sim.Outbox) {
	i := 0
	for i < len(b.waiting) && !b.waiting[i].free() {
		i++
	}
	if i == len(b.waiting) {
		panic(fmt.Sprintf("broker: more than %d requests wait: let Config.ProduceRequests allow more", len(b.waiting)))
	}
	b.waiting[i] = waitingAppend{request: e, since: sim.Never}
	if b.config.RetryBackoffMax > 0 {
		b.waiting[i].since = out.Now()
	}
	b.addPartitions(i, out)
}

// unverified lists the partitions of a request that the coordinator has to be
// asked about, and starts an attempt for each. The guards are noted.
//
// Source: ReplicaManager.maybeSendPartitionsToTransactionCoordinator.
func (b *Broker) unverified(w *waitingAppend) []model.Partition {
	var list []model.Partition
	request := appendsOf(w.request.Message)
	w.guards, w.early = make([]verificationGuard, len(request.batches)), nil
	for i := range request.batches {
		p := &request.batches[i]
		log := b.log(p.Partition)
		if log == nil || !p.Batch.Transactional || !b.config.Rules.Has(model.Verification) {
			continue
		}
		guard, err := log.maybeStartTransactionVerification(&p.Batch, request.version)
		switch w.guards[i] = guard; {
		case err != model.None:
			w.early = append(w.early, model.PartitionError{Partition: p.Partition, Error: err})
		case guard != noGuard:
			list = append(list, p.Partition)
		}
	}
	return list
}

// settleAttempts takes what a step has done into account for the attempts to verify.
func (b *Broker) settleAttempts() {
	b.voidGuards()
	b.forgetAttempts()
}

// voidGuards voids the proofs that wait for a transaction that has begun or ended since.
func (b *Broker) voidGuards() {
	for j := range b.waiting {
		w := &b.waiting[j]
		for i, guard := range w.guards {
			p := &appendsOf(w.request.Message).batches[i]
			if log := b.hosted(p.Partition); guard == liveGuard && (log == nil || log.producer(p.Batch.ProducerID).verification.guard == noGuard) {
				w.guards[i] = voidGuard
			}
		}
	}
}

// forgetAttempts drops attempts that nobody waits for and that tell nothing (tellsNothing),
// and with one what is known of a producer that has written nothing: a search need not
// tell such states apart.
//
// Differs: Kafka keeps them until a transaction begins or a marker comes.
func (b *Broker) forgetAttempts() {
	if !b.config.OneVersion {
		return
	}
	for i := range b.logs {
		log := &b.logs[i]
		for j := len(log.producers) - 1; j >= 0; j-- {
			p := &log.producers[j]
			if p.verification.guard == noGuard || !p.tellsNothing(b.config.Rules) || b.awaited(log.partition, p.producerID) {
				continue
			}
			p.verification = verificationState{}
			if p.producerEpoch == model.NoProducerEpoch {
				log.producers = slices.Delete(log.producers, j, j+1)
			}
		}
	}
}

// awaited says whether a request waits with the proof of a producer's attempt.
func (b *Broker) awaited(p model.Partition, id model.ProducerID) bool {
	return slices.ContainsFunc(b.waiting, func(w waitingAppend) bool {
		for i, guard := range w.guards {
			if batch := &appendsOf(w.request.Message).batches[i]; guard == liveGuard && batch.Partition == p && batch.Batch.ProducerID == id {
				return true
			}
		}
		return false
	})
}

// addPartitions asks the coordinator: under TV2 to add the partitions, before
// that whether the client has.
//
// Source: AddPartitionsToTxnManager.addOrVerifyTransaction.
// Differs: without Config.AddQueue, one request a time and produce request; Kafka
// gathers those of all producers for the next. With it, those of one round go one
// behind the other, and the next round waits until all are answered.
func (b *Broker) addPartitions(i int, out *sim.Outbox) {
	switch partitions := b.unverified(&b.waiting[i]); {
	case partitions == nil:
		b.finish(i, nil, out)
	case b.config.AddQueue:
		b.queueAdd(int32(i), out)
	case slices.ContainsFunc(b.asked, func(a asked) bool { return a.lost && int(a.coordinator) == b.coordinator }):
		b.finish(i, disconnected(partitions), out)
	default:
		b.ask(i, partitions, out)
	}
}

// leaves frees the place of a request that is answered. Where the broker tries again by
// itself a timer may go by each place; else those behind it move up.
func (b *Broker) leaves(i int) {
	b.waiting[i].leave()
	if b.config.RetryBackoffMax > 0 {
		return
	}
	free := b.waiting[i]
	b.waiting = append(slices.Delete(b.waiting, i, i+1), free)
	for j := range b.asked {
		if a := &b.asked[j]; int(a.waiting) > i {
			a.waiting--
		}
	}
	for j := range b.adds {
		if int(b.adds[j]) > i {
			b.adds[j]--
		}
	}
}

// queueAdd queues a question. There is one of a transactional id: of a second the older
// epoch is refused, and of the same epoch the first. Producer ids are not compared.
//
// Source: AddPartitionsToTxnManager.addOrVerifyTransaction, addTxnData.
func (b *Broker) queueAdd(i int32, out *sim.Outbox) {
	mine := appendsOf(b.waiting[i].request.Message)
	at := slices.IndexFunc(b.adds, func(j int32) bool {
		return appendsOf(b.waiting[j].request.Message).transactionalID == mine.transactionalID
	})
	if at < 0 {
		b.adds = append(b.adds, i)
		b.askNext(out)
		return
	}
	queued := &appendsOf(b.waiting[b.adds[at]].request.Message).batches[0].Batch
	switch first := &mine.batches[0].Batch; {
	case queued.ProducerID != first.ProducerID && b.config.Rules.Has(model.AddQueueByProducerID):
		b.adds = append(b.adds, i)
	case queued.ProducerEpoch > first.ProducerEpoch:
		b.refuseAll(i, model.ErrInvalidProducerEpoch, out)
	default:
		code := model.ErrInvalidProducerEpoch
		if queued.ProducerEpoch == first.ProducerEpoch {
			code = model.ErrNetworkException
		}
		was := b.adds[at]
		b.adds[at] = i
		b.refuseAll(was, code, out)
	}
}

// refuseAll ends the wait of a request with an error for each partition.
func (b *Broker) refuseAll(i int32, code model.Error, out *sim.Outbox) {
	var outcomes []model.PartitionError
	for _, batch := range appendsOf(b.waiting[i].request.Message).batches {
		outcomes = append(outcomes, model.PartitionError{Partition: batch.Partition, Error: code})
	}
	b.finish(int(i), outcomes, out)
}

// askNext asks what is queued, if no question is under way. The version of the first
// goes for all.
//
// Source: AddPartitionsToTxnManager.generateRequests, AddPartitionsToTxnHandler.
func (b *Broker) askNext(out *sim.Outbox) {
	if len(b.asked) > 0 || len(b.adds) == 0 {
		return
	}
	adds := b.adds
	b.adds = nil
	first := appendsOf(b.waiting[adds[0]].request.Message).apiVersion
	for _, i := range adds {
		w := &b.waiting[i]
		if w.operation = first; b.config.Rules.Has(model.OwnOperation) {
			w.operation = appendsOf(w.request.Message).apiVersion
		}
		var partitions []model.Partition
		for j, batch := range appendsOf(w.request.Message).batches {
			if w.guards[j] != noGuard {
				partitions = append(partitions, batch.Partition)
			}
		}
		b.ask(int(i), partitions, out)
	}
}

// disconnected is what comes back from a connection that is broken: of all that is in
// flight, and of what is asked before that is known.
//
// Source: NetworkClient.ready, AddPartitionsToTxnHandler.onComplete.
// Differs: in Kafka what was in flight comes back at once, so that nothing is asked in
// between.
func disconnected(partitions []model.Partition) (outcomes []model.PartitionError) {
	for _, p := range partitions {
		outcomes = append(outcomes, model.PartitionError{Partition: p, Error: model.ErrNetworkException})
	}
	return outcomes
}

// ask sends a question to the coordinator.
func (b *Broker) ask(i int, partitions []model.Partition, out *sim.Outbox) {
	request := appendsOf(b.waiting[i].request.Message)
	first := &request.batches[0].Batch
	b.asked = append(b.asked, asked{waiting: int32(i), coordinator: int32(b.coordinator)})
	out.Send(b.coordinators[b.coordinator], &model.AddPartitionsToTxnRequest{
		Version: 4, TransactionalID: request.transactionalID, ProducerID: first.ProducerID, ProducerEpoch: first.ProducerEpoch,
		VerifyOnly: !request.version.SupportsEpochBump(), Partitions: partitions,
	})
}

// partitionsAdded takes what comes back from the coordinator. A transaction
// before this one that is not complete yet is not the client's business, as long
// as that does not last: under TV2 the broker tries again by itself.
//
// Source: ReplicaManager.handleProduceAppend, AddPartitionsToTxnHandler.onComplete.
func (b *Broker) partitionsAdded(e sim.Envelope, out *sim.Outbox) {
	place := slices.IndexFunc(b.asked, func(a asked) bool {
		return b.config.Coordinators == nil || b.config.Coordinators[a.coordinator] == e.From()
	})
	i, coordinator := int(b.asked[place].waiting), b.asked[place].coordinator
	b.asked = slices.Delete(b.asked, place, place+1)
	w := &b.waiting[i]
	var outcomes []model.PartitionError
	if response, ok := e.Message.(*model.AddPartitionsToTxnResponse); ok {
		outcomes = response.Partitions
	} else {
		outcomes = disconnected(e.Request.(*model.AddPartitionsToTxnRequest).Partitions)
		for j := range b.asked {
			b.asked[j].lost = b.asked[j].lost || b.asked[j].coordinator == coordinator
		}
	}
	answered := func(code model.Error) bool {
		return slices.ContainsFunc(outcomes, func(o model.PartitionError) bool { return o.Error == code })
	}
	if answered(model.ErrNotCoordinator) {
		b.coordinator = (int(coordinator) + 1) % len(b.coordinators)
	}
	request := appendsOf(w.request.Message)
	if answered(model.ErrConcurrentTransactions) && request.retries && request.version.SupportsEpochBump() &&
		b.config.Rules.Has(model.BrokerAddsAgain) && b.config.RetryBackoffMax > 0 && out.Now().Sub(w.since) < b.config.RetryBackoffMax {
		out.After(retryAdd+i, b.config.RetryBackoff)
	} else {
		b.finish(i, outcomes, out)
	}
	b.askNext(out)
}

// finish writes what may be written, and answers.
func (b *Broker) finish(i int, outcomes []model.PartitionError, out *sim.Outbox) {
	e, guards, operation := b.waiting[i].request, b.waiting[i].guards, b.waiting[i].operation
	if operation == 0 {
		operation = appendsOf(e.Message).apiVersion
	}
	outcomes = append(outcomes, b.waiting[i].early...)
	b.leaves(i)
	switch request := e.Message.(type) {
	case *model.ProduceRequest:
		b.answer(b.appendRecords(e, request, guards, outcomes, operation), out)
	case *model.TxnOffsetCommitRequest:
		out.Reply(e, b.commitTransactionalOffsets(request, guards[0], outcomes, operation-7))
	}
}

// appendRecords writes each batch to its log, unless the coordinator, by its
// outcomes, has kept it from that.
//
// Source: ReplicaManager.appendRecords.
func (b *Broker) appendRecords(e sim.Envelope, request *model.ProduceRequest, guards []verificationGuard, outcomes []model.PartitionError, operation model.APIVersion) delayedAppend {
	d := delayedAppend{request: e}
	for i := range request.Partitions {
		p := &request.Partitions[i]
		outcome := model.ProducePartitionResponse{Partition: p.Partition, Error: refusalOf(p.Partition, outcomes), BaseOffset: noOffset}
		log, err := b.led(p.Partition)
		switch {
		case err != model.None:
			outcome.Error = err
		case outcome.Error != model.None:
			outcome.Error = asProduceError(request, outcome.Error, operation)
		default:
			if outcome.Error = b.refusal(p); outcome.Error == model.None {
				outcome.BaseOffset, outcome.Error = log.append(&p.Batch, guards[i])
			}
			if outcome.Error == model.None && !request.LeaderOnly {
				d.waitFor(log, outcome.BaseOffset+model.Offset(len(p.Batch.Records)))
			}
		}
		d.produced = append(d.produced, outcome)
	}
	return d
}

// refusal says whether the batch holds a record that is not taken, and counts for
// each of those that it came.
//
// Source: UnifiedLog.append, which validates records before it looks at their
// producer.
func (b *Broker) refusal(p *model.PartitionBatch) model.Error {
	code := model.None
	for i, refusal := range b.config.Refusals {
		if refusal.Partition != p.Partition || !slices.Contains(p.Batch.Records, refusal.Record) {
			continue
		}
		came := b.came[i]
		if came < refusal.After+refusal.Times {
			b.came[i]++
		}
		if over := refusal.Times > 0 && came == refusal.After+refusal.Times; came >= refusal.After && !over && code == model.None {
			code = refusal.Error
		}
	}
	return code
}

func refusalOf(p model.Partition, outcomes []model.PartitionError) model.Error {
	for _, o := range outcomes {
		if o.Partition == p {
			return o.Error
		}
	}
	return model.None
}

// asProduceError says what the coordinator's refusal is to a producer. Before
// TV2 no producer expected the coordinator behind a produce request, and each
// takes NOT_ENOUGH_REPLICAS for a reason to try again.
//
// Source: AddPartitionsToTxnHandler.onComplete, ReplicaManager.handleProduceAppend.
func asProduceError(request *model.ProduceRequest, err model.Error, operation model.APIVersion) model.Error {
	switch err {
	case model.ErrProducerFenced:
		return model.ErrInvalidProducerEpoch
	case model.ErrTransactionAbortable:
		if operation < 11 {
			return model.ErrInvalidTxnState
		}
	case model.ErrConcurrentTransactions:
		if !request.TransactionVersion().SupportsEpochBump() {
			return model.ErrNotEnoughReplicas
		}
	case model.ErrNetworkException, model.ErrCoordinatorLoadInProgress, model.ErrCoordinatorNotAvailable, model.ErrNotCoordinator:
		return model.ErrNotEnoughReplicas
	}
	return err
}
