package coordinator

import (
	"fmt"

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
		err = m.refuseAdd(add.producerID, add.producerEpoch)
	}
	if err != model.None || m.state == Ongoing && m.contains(add.partitions) {
		replyToAdd(e, err, out)
		return
	}
	t.appendTransactionToLog(m, m.prepareAddPartitions(add.partitions, out.Now(), add.version), e, out)
}

// refuseAdd says why a transaction takes no partition now.
//
// Source: KAFKA-18660 moved the pending state to the front.
func (m *transactionMetadata) refuseAdd(id model.ProducerID, epoch model.ProducerEpoch) model.Error {
	switch {
	case m.pendingTransitionInProgress():
		return model.ErrConcurrentTransactions
	case m.producerID != id:
		return model.ErrInvalidProducerIDMapping
	case m.producerEpoch != epoch:
		return model.ErrProducerFenced
	case m.state.decided():
		return model.ErrConcurrentTransactions
	}
	return model.None
}

// verifyPartitions tells a broker whether partitions are in the transaction. It
// does not ask for the pending state, since the append to the partition's log
// is judged once more.
//
// Source: TransactionCoordinator.handleVerifyPartitionsInTransaction; KIP-890.
func (t *Transactions) verifyPartitions(request *model.AddPartitionsToTxnRequest) *model.AddPartitionsToTxnResponse {
	m, err := t.transaction(request.TransactionalID)
	switch {
	case err != model.None:
	case m.producerID != request.ProducerID:
		err = model.ErrInvalidProducerIDMapping
	case m.producerEpoch != request.ProducerEpoch:
		err = model.ErrProducerFenced
	case m.state.decided():
		err = model.ErrConcurrentTransactions
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
func replyToAdd(e sim.Envelope, err model.Error, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *model.AddPartitionsToTxnRequest:
		response := &model.AddPartitionsToTxnResponse{}
		for _, p := range request.Partitions {
			response.Partitions = append(response.Partitions, model.PartitionError{Partition: p, Error: asKnownTo(request.Version, err)})
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
