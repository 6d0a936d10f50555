package coordinator

import "racelab/model"

// Specification tells what the coordinator checks, request by request.
func Specification() []model.Section {
	const test = "model/coordinator/decisions_test.go, TestDecisions"
	return []model.Section{
		{Request: "InitProducerId, what the request says",
			Then:   "A null transactional id gets a new producer id and epoch 0.",
			Source: "TransactionCoordinator.handleInitProducerId", Code: "model/coordinator/init_producer_id.go",
			Test: "model/coordinator/transactions_test.go, TestInitProducerID", Checks: model.Tell(initRequestChecks)},
		{Request: "InitProducerId, what the state says",
			Then:   "Ongoing: the transaction is fenced and aborted, and the answer is CONCURRENT_TRANSACTIONS. Else a new epoch, or the last one again for a second try, or PRODUCER_FENCED; at the last epoch a new producer id.",
			Source: "TransactionCoordinator.prepareInitProducerIdTransit", Code: "model/coordinator/init_producer_id.go",
			Test: "model/coordinator/transactions_test.go, TestInitProducerID", Checks: model.Tell(initStateChecks)},
		{Request: "AddPartitionsToTxn, AddOffsetsToTxn",
			Then:   "Ongoing with all of the partitions: NONE without a write. Else the partitions go to the log.",
			Source: "TransactionCoordinator.handleAddPartitionsToTransaction", Code: "model/coordinator/add_partitions_to_txn.go",
			Test: test, Checks: model.Tell(addChecks)},
		{Request: "AddPartitionsToTxn, verify only",
			Then:   "NONE for each partition of the transaction, TRANSACTION_ABORTABLE for the others.",
			Source: "TransactionCoordinator.handleVerifyPartitionsInTransaction", Code: "model/coordinator/add_partitions_to_txn.go",
			Test: test, Checks: model.Tell(verifyChecks)},
		{Request: "EndTxn to version 4 (TV1)",
			Then:   "Complete with the same result: NONE. Ongoing: the decision goes to the log, is answered, and then the markers are sent.",
			Source: "TransactionCoordinator.endTransactionWithTV1", Code: "model/coordinator/end_txn.go",
			Test: test, Checks: model.Tell(endChecksTV1)},
		{Request: "EndTxn from version 5 (TV2)",
			Then:   "Complete with the same result and the epoch before: NONE, with the epoch of now. Else the decision goes to the log with the next epoch; an abort may end a transaction without partitions.",
			Source: "TransactionCoordinator.endTransaction", Code: "model/coordinator/end_txn.go",
			Test: test, Checks: model.Tell(endChecksTV2)},
	}
}

// States lists the states of a transactional id, and from which each is reached.
func States() (states []string, previous [][]string) {
	for s := EmptyTransaction; s <= PrepareEpochFence; s++ {
		states = append(states, s.String())
		var before []string
		for _, p := range s.validPreviousStates() {
			before = append(before, p.String())
		}
		previous = append(previous, before)
	}
	return states, previous
}
