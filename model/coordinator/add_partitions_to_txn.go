package coordinator

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// addPartitionsToTxn adds partitions to a transaction, or tells whether they
// were.
//
// Source: KafkaApis.handleAddPartitionsToTxnRequest.
func (t *Transactions) addPartitionsToTxn(e sim.Envelope, request *model.AddPartitionsToTxnRequest, out *sim.Outbox) {
	if request.VerifyOnly {
		out.Reply(e, t.verifyPartitions(request))
		return
	}
	t.addPartitions(e, adding{
		request.TransactionalID, request.ProducerID, request.ProducerEpoch, request.Partitions, request.TransactionVersion(),
	}, out)
}

// addOffsetsToTxn adds the partition that holds the group's offsets.
//
// Source: KafkaApis.handleAddOffsetsToTxnRequest.
func (t *Transactions) addOffsetsToTxn(e sim.Envelope, request *model.AddOffsetsToTxnRequest, out *sim.Outbox) {
	t.addPartitions(e, adding{
		request.TransactionalID, request.ProducerID, request.ProducerEpoch, []model.Partition{model.ConsumerOffsets}, model.TV1,
	}, out)
}

// adding is what both adds come to.
type adding struct {
	transactionalID model.TransactionalID
	producerID      model.ProducerID
	producerEpoch   model.ProducerEpoch
	partitions      []model.Partition
	version         model.TransactionVersion
}

// addPartitions begins a transaction, or goes on with one.
//
// Source: TransactionCoordinator.handleAddPartitionsToTransaction.
func (t *Transactions) addPartitions(e sim.Envelope, add adding, out *sim.Outbox) {
	m, err := t.transaction(add.transactionalID)
	if err == model.None {
		err = model.Refusal(t.config.Rules, addChecks, adds{m, add.producerID, add.producerEpoch})
	}
	if err == model.None && t.refusesUnknown(add.partitions) {
		response := &model.AddPartitionsToTxnResponse{}
		for _, p := range add.partitions {
			code := model.ErrOperationNotAttempted
			if t.isUnknown(p) {
				code = model.ErrUnknownTopicOrPartition
			}
			response.Partitions = append(response.Partitions, model.PartitionError{Partition: p, Error: code})
		}
		out.Reply(e, response)
		return
	}
	if err == model.None {
		add.partitions = slices.DeleteFunc(slices.Clone(add.partitions), t.isUnknown)
	}
	if err != model.None || len(add.partitions) == 0 || m.state == Ongoing && m.contains(add.partitions) {
		t.replyToAdd(e, err, out)
		return
	}
	t.appendTransactionToLog(m, m.prepareAddPartitions(add.partitions, t.start(out), add.version), e, out)
}

// refusesUnknown says whether a partition is not in this broker's metadata yet, which
// keeps all others out. Alone it is refused in any case.
//
// Source: KafkaApis.handleAddPartitionsToTxnRequest.
// Differs: Kafka looks at the metadata before it asks the coordinator, so that the
// errors of that come second.
func (t *Transactions) refusesUnknown(partitions []model.Partition) bool {
	return slices.ContainsFunc(partitions, t.isUnknown) && !t.config.Rules.Has(model.AddWhatIsKnown)
}

func (t *Transactions) isUnknown(p model.Partition) bool { return slices.Contains(t.config.Unknown, p) }

// adds is an add before the checks.
type adds struct {
	m     *transactionMetadata
	id    model.ProducerID
	epoch model.ProducerEpoch
}

// addChecks are those of AddPartitionsToTxn and AddOffsetsToTxn.
//
// Source: TransactionCoordinator.handleAddPartitionsToTransaction. KAFKA-18660 moved
// the pending state to the front.
var addChecks = model.Checks[adds]{Request: "AddPartitionsToTxn, AddOffsetsToTxn", List: slices.Concat(
	[]model.Check[adds]{{If: "a transition is pending", Rule: model.PendingBeforeEpoch, Error: model.ErrConcurrentTransactions, Holds: adds.isPending}},
	producerChecks,
	[]model.Check[adds]{
		{If: "a transition is pending", Until: model.PendingBeforeEpoch, Error: model.ErrConcurrentTransactions, Holds: adds.isPending},
		{If: "the transaction is decided, and not complete", Error: model.ErrConcurrentTransactions, Holds: func(a adds) bool { return a.m.state.decided() }},
	})}

// producerChecks are those of all requests about a transaction under way.
var producerChecks = []model.Check[adds]{
	{If: "the producer id is not the current one", Error: model.ErrInvalidProducerIDMapping, Holds: func(a adds) bool { return a.m.producerID != a.id }},
	{If: "the epoch is not the current one", Error: model.ErrProducerFenced, Holds: func(a adds) bool { return a.m.clientEpoch() != a.epoch }},
}

// verifyChecks are those of a verify-only add. It does not ask for the pending
// state, since the append to the partition's log is judged once more.
//
// Source: TransactionCoordinator.handleVerifyPartitionsInTransaction; KIP-890.
var verifyChecks = model.Checks[adds]{Request: "AddPartitionsToTxn, verify only", List: slices.Concat(producerChecks, []model.Check[adds]{
	{If: "the transaction is decided, and not complete", Error: model.ErrConcurrentTransactions, Holds: func(a adds) bool { return a.m.state.decided() }},
})}

func (a adds) isPending() bool { return a.m.pendingTransitionInProgress() }

// verifyPartitions tells a broker whether partitions are in the transaction.
//
// Source: TransactionCoordinator.handleVerifyPartitionsInTransaction; KIP-890.
func (t *Transactions) verifyPartitions(request *model.AddPartitionsToTxnRequest) *model.AddPartitionsToTxnResponse {
	m, err := t.transaction(request.TransactionalID)
	if err == model.None {
		err = model.Refusal(t.config.Rules, verifyChecks, adds{m, request.ProducerID, request.ProducerEpoch})
	}
	response := &model.AddPartitionsToTxnResponse{}
	for _, p := range request.Partitions {
		outcome := model.PartitionError{Partition: p, Error: err}
		if err == model.None && !m.contains([]model.Partition{p}) {
			outcome.Error = model.ErrTransactionAbortable
		}
		response.Partitions = append(response.Partitions, outcome)
	}
	return response
}

// replyToAdd answers either add. Clients older than version 2 know only
// INVALID_PRODUCER_EPOCH.
func (t *Transactions) replyToAdd(e sim.Envelope, err model.Error, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *model.AddPartitionsToTxnRequest:
		response := &model.AddPartitionsToTxnResponse{}
		for _, p := range request.Partitions {
			outcome := model.PartitionError{Partition: p, Error: asKnownTo(request.Version, err)}
			if err == model.None && t.isUnknown(p) {
				outcome.Error = model.ErrUnknownTopicOrPartition
			}
			response.Partitions = append(response.Partitions, outcome)
		}
		out.Reply(e, response)
	case *model.AddOffsetsToTxnRequest:
		out.Reply(e, &model.AddOffsetsToTxnResponse{Error: asKnownTo(request.Version, err)})
	default:
		panic(fmt.Sprintf("coordinator: %T added partitions", request))
	}
}

// asKnownTo replaces PRODUCER_FENCED for clients that do not know it: those
// that send an add or EndTxn of a version before 2.
//
// Source: KafkaApis.handleEndTxnRequest; KIP-588.
func asKnownTo(version model.APIVersion, err model.Error) model.Error {
	if err == model.ErrProducerFenced && version < 2 {
		return model.ErrInvalidProducerEpoch
	}
	return err
}
