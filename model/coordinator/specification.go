package coordinator

import (
	"strings"

	"racelab/model"
)

// Specification tells what the coordinator checks, request by request.
func Specification() []model.Section {
	again, abandon := strings.Join(namesOf(append([]model.Error{model.ErrKafkaStorageError}, markerErrorsAgain...)), ", "), strings.Join(namesOf(markerErrorsAbandon), ", ")
	const test = "model/coordinator/decisions_test.go, TestDecisions"
	const code, initTest = "model/coordinator/init_producer_id.go", "model/coordinator/transactions_test.go, TestInitProducerID"
	return []model.Section{
		model.Tell(initRequestChecks, "A null transactional id gets a new producer id and epoch 0.",
			"TransactionCoordinator.handleInitProducerId", code, initTest),
		model.Tell(initStateChecks, "Ongoing: the transaction is fenced and aborted, and the answer is CONCURRENT_TRANSACTIONS. Empty or complete, without a producer id: one epoch more, and the last one is forgotten. With the current epoch: one more, and the last one is remembered. With the remembered one: the current epoch once more, as it is a second try. With any other: PRODUCER_FENCED. When the epochs are used up, at 32766: a new producer id, and epoch 0. The transaction's timeout is that of the request.",
			"TransactionCoordinator.prepareInitProducerIdTransit", code, initTest),
		model.Tell(knownChecks, "These go before the checks of each request below.",
			"TransactionStateManager.getTransactionState", "model/coordinator/transactions.go", "model/coordinator/append_test.go, TestRequestsOfNobody"),
		model.Tell(addChecks, "Ongoing with all of the partitions: NONE without a write. Else the partitions go to the log, and the transaction is Ongoing. AddOffsetsToTxn adds the partition of __consumer_offsets that has the group.",
			"TransactionCoordinator.handleAddPartitionsToTransaction", "model/coordinator/add_partitions_to_txn.go", test),
		model.Tell(verifyChecks, "NONE for each partition of the transaction, TRANSACTION_ABORTABLE for the others.",
			"TransactionCoordinator.handleVerifyPartitionsInTransaction", "model/coordinator/add_partitions_to_txn.go", test),
		model.Tell(endChecksTV1, "Complete with the same result: NONE. Ongoing: the decision goes to the log, is answered, and then the markers are sent.",
			"TransactionCoordinator.endTransactionWithTV1", "model/coordinator/end_txn.go", test),
		model.Tell(endChecksTV2, "Complete with the same result and the epoch before: NONE, with the epoch of now. Else the decision goes to the log with the next epoch, which its markers have, and the answer; an abort may end a transaction without partitions. When the epochs are used up, at 32766, the decision and the markers have the old producer id with epoch 32767, and the answer and the completion a new one with epoch 0.",
			"TransactionCoordinator.endTransaction", "model/coordinator/end_txn.go", test),
		{Request: "A write to the transaction log", Source: "TransactionStateManager.appendTransactionToLog", Code: "model/coordinator/append.go", Test: "model/coordinator/append_test.go, TestAppendFails",
			Then: "The transition is pending until the log answers; then it comes true, and the request is answered. " +
				"UNKNOWN_TOPIC_OR_PARTITION, NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND and REQUEST_TIMED_OUT are COORDINATOR_NOT_AVAILABLE to the client, NOT_LEADER_OR_FOLLOWER and KAFKA_STORAGE_ERROR are NOT_COORDINATOR, MESSAGE_TOO_LARGE is UNKNOWN_SERVER_ERROR. " +
				"After any of them nothing is pending, but for the completion, which is written again after COORDINATOR_NOT_AVAILABLE. " +
				"A write that failed may be in the log all the same. If the broker has lost the log meanwhile, or was elected anew, the answer is NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS, though the record may be there."},
		{Request: "A broker that becomes coordinator", Source: "TransactionStateManager.loadTransactionsForTxnTopicPartition", Code: "model/coordinator/append.go", Test: "model/coordinator/append_test.go, TestLoad",
			Then: "It drops what it has queued, and reads the log: of each transactional id the last record counts, and Dead is none. " +
				"The record has producer id and epoch, the one before and the next producer id, state, partitions, timeout and the client's transaction version. The last epoch is not in it: a second try of InitProducerId is PRODUCER_FENCED after a failover. " +
				"What is decided gets its markers again, under the new coordinator epoch; what is Ongoing times out from its start."},
		{Request: "The answer to WriteTxnMarkers", Source: "TransactionMarkerRequestCompletionHandler", Code: "model/coordinator/marker_channel.go", Test: "model/coordinator/markers_test.go, TestMarkersRefused",
			Then: "NONE: the partition is done, and when all are the completion goes to the log. " + again + ": the marker goes again, to who leads the partition then. " + abandon +
				": the coordinator gives the transaction up, and it stays decided until the coordinator moves. So it does with an answer to a marker of an earlier coordinator epoch, but then another marker is on its way. " +
				"A broken connection, or none in time, is as an answer with REQUEST_TIMED_OUT. A broker has one request at a time; what is decided meanwhile waits."},
	}
}

func namesOf(list []model.Error) (names []string) {
	for _, e := range list {
		names = append(names, e.String())
	}
	return names
}

// States lists the states of a transactional id, and from which each is reached.
func States() (states []string, previous [][]string) {
	for s := EmptyTransaction; s <= PrepareEpochFence; s++ {
		states = append(states, s.String())
		var before []string
		for _, p := range validPreviousStates[s] {
			before = append(before, p.String())
		}
		previous = append(previous, before)
	}
	return states, previous
}
