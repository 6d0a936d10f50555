package coordinator

import "racelab/model"

// Specification tells what the coordinator checks, request by request.
func Specification() []model.Section {
	const test = "model/coordinator/decisions_test.go, TestDecisions"
	const code, initTest = "model/coordinator/init_producer_id.go", "model/coordinator/transactions_test.go, TestInitProducerID"
	return []model.Section{
		model.Tell(initRequestChecks, "A null transactional id gets a new producer id and epoch 0.",
			"TransactionCoordinator.handleInitProducerId", code, initTest),
		model.Tell(initStateChecks, "Ongoing: the transaction is fenced and aborted, and the answer is CONCURRENT_TRANSACTIONS. Else a new epoch, or the last one again for a second try, or PRODUCER_FENCED; at the last epoch a new producer id.",
			"TransactionCoordinator.prepareInitProducerIdTransit", code, initTest),
		model.Tell(addChecks, "Ongoing with all of the partitions: NONE without a write. Else the partitions go to the log.",
			"TransactionCoordinator.handleAddPartitionsToTransaction", "model/coordinator/add_partitions_to_txn.go", test),
		model.Tell(verifyChecks, "NONE for each partition of the transaction, TRANSACTION_ABORTABLE for the others.",
			"TransactionCoordinator.handleVerifyPartitionsInTransaction", "model/coordinator/add_partitions_to_txn.go", test),
		model.Tell(endChecksTV1, "Complete with the same result: NONE. Ongoing: the decision goes to the log, is answered, and then the markers are sent.",
			"TransactionCoordinator.endTransactionWithTV1", "model/coordinator/end_txn.go", test),
		model.Tell(endChecksTV2, "Complete with the same result and the epoch before: NONE, with the epoch of now. Else the decision goes to the log with the next epoch; an abort may end a transaction without partitions.",
			"TransactionCoordinator.endTransaction", "model/coordinator/end_txn.go", test),
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
