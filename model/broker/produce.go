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
	since   sim.Time
	// guards are the proofs with which its batches may begin a transaction, in the
	// order of the request; noGuard for those that need none.
	guards []verificationGuard
	early  []model.PartitionError // what was refused before anybody was asked
}

func (w *waitingAppend) free() bool { return w.request.Message == nil }

func (w *waitingAppend) leave() { *w = waitingAppend{since: sim.Never} }

// appends is what a request wants written, whichever of the two it is.
type appends struct {
	transactionalID model.TransactionalID
	version         model.TransactionVersion
	retries         bool // the broker may add again by itself
	batches         []model.PartitionBatch
}

func appendsOf(m sim.Message) appends {
	switch request := m.(type) {
	case *model.ProduceRequest:
		return appends{request.TransactionalID, request.TransactionVersion(), true, request.Partitions}
	case *model.TxnOffsetCommitRequest:
		return appends{request.TransactionalID, request.TransactionVersion(), false, []model.PartitionBatch{{Partition: model.ConsumerOffsets, Batch: offsetsBatch(request)}}}
	}
	panic(fmt.Sprintf("broker: %T writes nothing", m))
}

// verify has the batches of a request written, once those that begin a transaction
// here are known to belong to it.
//
// Source: KafkaApis.handleProduceRequest, ReplicaManager.handleProduceAppend.
func (b *Broker) verify(e sim.Envelope, out *sim.Outbox) {
	i := slices.IndexFunc(b.waiting, func(w waitingAppend) bool { return w.free() })
	if i < 0 {
		panic(fmt.Sprintf("broker: more than %d requests wait: let Config.ProduceRequests allow more", len(b.waiting)))
	}
	b.waiting[i] = waitingAppend{request: e, since: out.Now()}
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

// addPartitions asks the coordinator: under TV2 to add the partitions, before
// that whether the client has.
//
// Source: AddPartitionsToTxnManager.addOrVerifyTransaction.
// Differs: one request a time and produce request; Kafka gathers those of all
// producers for the next, and lets a second one of a producer take the place of
// the first.
func (b *Broker) addPartitions(i int, out *sim.Outbox) {
	w := &b.waiting[i]
	partitions := b.unverified(w)
	if partitions == nil {
		b.finish(i, nil, out)
		return
	}
	request := appendsOf(w.request.Message)
	first := &request.batches[0].Batch
	b.asked = append(b.asked, asked{int32(i), int32(b.coordinator)})
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
	i := int(b.asked[place].waiting)
	b.asked = slices.Delete(b.asked, place, place+1)
	w := &b.waiting[i]
	var outcomes []model.PartitionError
	if response, ok := e.Message.(*model.AddPartitionsToTxnResponse); ok {
		outcomes = response.Partitions
	} else {
		for _, p := range e.Request.(*model.AddPartitionsToTxnRequest).Partitions {
			outcomes = append(outcomes, model.PartitionError{Partition: p, Error: model.ErrNetworkException})
		}
	}
	answered := func(code model.Error) bool {
		return slices.ContainsFunc(outcomes, func(o model.PartitionError) bool { return o.Error == code })
	}
	if answered(model.ErrNotCoordinator) {
		b.coordinator = (b.coordinator + 1) % len(b.coordinators)
	}
	request := appendsOf(w.request.Message)
	if answered(model.ErrConcurrentTransactions) && request.retries && request.version.SupportsEpochBump() &&
		b.config.Rules.Has(model.BrokerAddsAgain) && out.Now().Sub(w.since) < b.config.RetryBackoffMax {
		out.After(retryAdd+i, b.config.RetryBackoff)
		return
	}
	b.finish(i, outcomes, out)
}

// finish writes what may be written, and answers.
func (b *Broker) finish(i int, outcomes []model.PartitionError, out *sim.Outbox) {
	e, guards := b.waiting[i].request, b.waiting[i].guards
	outcomes = append(outcomes, b.waiting[i].early...)
	b.waiting[i].leave()
	switch request := e.Message.(type) {
	case *model.ProduceRequest:
		out.Reply(e, b.appendRecords(request, guards, outcomes))
	case *model.TxnOffsetCommitRequest:
		out.Reply(e, b.commitTransactionalOffsets(request, guards[0], outcomes))
	}
}

// appendRecords writes each batch to its log, unless the coordinator, by its
// outcomes, has kept it from that.
//
// Source: ReplicaManager.appendRecords.
func (b *Broker) appendRecords(request *model.ProduceRequest, guards []verificationGuard, outcomes []model.PartitionError) *model.ProduceResponse {
	response := &model.ProduceResponse{}
	for i := range request.Partitions {
		p := &request.Partitions[i]
		outcome := model.ProducePartitionResponse{Partition: p.Partition, Error: refusalOf(p.Partition, outcomes), BaseOffset: noOffset}
		log := b.log(p.Partition)
		switch {
		case log == nil:
			outcome.Error = model.ErrUnknownTopicOrPartition
		case outcome.Error != model.None:
			outcome.Error = asProduceError(request, outcome.Error)
		default:
			if outcome.Error = b.refusal(p); outcome.Error == model.None {
				outcome.BaseOffset, outcome.Error = log.append(p.Batch, guards[i])
			}
		}
		response.Partitions = append(response.Partitions, outcome)
	}
	return response
}

// refusal says whether the batch holds a record that is not taken, and counts for
// each of those.
//
// Source: UnifiedLog.append, which validates records before it looks at their
// producer.
func (b *Broker) refusal(p *model.PartitionBatch) model.Error {
	code := model.None
	for i, refusal := range b.config.Refusals {
		if refusal.Partition != p.Partition || !slices.Contains(p.Batch.Records, refusal.Record) || refusal.Times > 0 && b.refused[i] == refusal.Times {
			continue
		}
		if refusal.Times > 0 {
			b.refused[i]++
		}
		if code == model.None {
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
func asProduceError(request *model.ProduceRequest, err model.Error) model.Error {
	switch err {
	case model.ErrProducerFenced:
		return model.ErrInvalidProducerEpoch
	case model.ErrTransactionAbortable:
		if request.Version < 11 {
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
