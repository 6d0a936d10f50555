package broker

import "racelab/model"

// Specification tells what a leader checks, request by request.
func Specification() []model.Section {
	const code, test = "model/broker/partition_log.go", "model/broker/decisions_test.go, TestDecisions"
	return []model.Section{
		model.Tell(partitionChecks, "Produce with acks=all, and WriteTxnMarkers, are answered when all replicas have what was written, which is below the high watermark then. A leader that is deposed meanwhile answers NOT_LEADER_OR_FOLLOWER, and the batch may be there or not. The next leader has from the log what it must know of producers, and no proof.",
			"ReplicaManager.getPartitionOrException, DelayedProduce, Partition.makeFollower", "model/broker/replication.go", "model/broker/replication_test.go, TestReplication"),
		model.Tell(appendChecks, "Before these a duplicate, one of the last five batches of its epoch with just its sequence numbers, is acknowledged with the offset that it has. After them the batch is written. Sequence numbers go from 2147483647 to 0. A new epoch forgets the batches of the last one.",
			"UnifiedLog.analyzeAndValidateProducerState, ProducerAppendInfo", code, test),
		{Request: "Produce and TxnOffsetCommit, before they are written", Source: "AddPartitionsToTxnManager, ReplicaManager.handleProduceAppend, VerificationGuard", Code: "model/broker/produce.go", Test: "model/broker/produce_test.go, TestProduceAsksTheCoordinator",
			Then: "A batch of an older epoch is INVALID_PRODUCER_EPOCH (since 4.1). One of an open transaction of its own epoch is written without a question. " +
				"Any other that is transactional needs a proof: the leader asks the coordinator, with AddPartitionsToTxn of version 4, to add the partition (Produce 12, TxnOffsetCommit 5: TV2) or whether it was added (TV1). " +
				"All attempts of a producer share one proof, which the first batch of the transaction and any marker void; a marker under TV2 keeps that of an attempt of the marker's own epoch, which is the next transaction's. " +
				"The coordinator's answer for Produce: PRODUCER_FENCED becomes INVALID_PRODUCER_EPOCH; a broken connection, COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE and NOT_COORDINATOR become NOT_ENOUGH_REPLICAS; so does CONCURRENT_TRANSACTIONS under TV1, and under TV2 the leader asks again every 20 ms for 100 ms, and passes it on then; TRANSACTION_ABORTABLE is INVALID_TXN_STATE before version 11. " +
				"For TxnOffsetCommit: PRODUCER_FENCED becomes INVALID_PRODUCER_EPOCH, a broken connection COORDINATOR_LOAD_IN_PROGRESS, TRANSACTION_ABORTABLE before version 4 INVALID_TXN_STATE; nothing is asked again."},
		model.Tell(offsetChecks, "A request that says nothing of its sender passes.",
			"ClassicGroup.validateOffsetCommit", "model/broker/offsets.go", "model/broker/offsets_test.go, TestOffsets"),
		model.Tell(offsetLogChecks, "There is no duplicate and no sequence number: the last record of a transaction counts. The offset waits for the marker, and is found by the producer id: a commit stores it, unless a record behind it has stored another; an abort drops it. Until then OffsetFetch with RequireStable is UNSTABLE_OFFSET_COMMIT.",
			"CoordinatorPartitionWriter, ProducerAppendInfo.checkProducerEpoch", code, test),
		model.Tell(markerChecks, "The marker is written, whether anything is open or not; a producer that was never here passes all checks. An abort of something open is noted in the index: producer id, first offset, offset of the marker. The producer has the marker's epoch and coordinator epoch from then on.",
			"ProducerAppendInfo.appendEndTxnMarker", code, test),
		model.Tell(fetchChecks, "Batches from the offset on, up to the high watermark, or under read_committed to the last stable offset: the first offset of what is open, or whose marker is not replicated. Under read_committed also the aborted transactions that lie between. The last stable offset is never before the start of the log.",
			"UnifiedLog.read, LocalLog.addAbortedTransactions", code, "model/broker/log_start_test.go, TestLogStart"),
		model.Tell(deleteChecks, "The log starts at the offset, if it did not start later. What is known of producers stays, with what they have open, and so do entries of the aborted index whose marker stays. UNKNOWN_PRODUCER_ID is never answered: of a producer that has expired any sequence number is taken.",
			"UnifiedLog.maybeIncrementLogStartOffset, ProducerStateManager.onLogStartOffsetIncremented", "model/broker/log_start.go", "model/broker/log_start_test.go, TestLogStart"),
	}
}
