package broker

import "racelab/model"

// Specification tells what a leader checks, request by request.
func Specification() []model.Section {
	const code, test = "model/broker/partition_log.go", "model/broker/decisions_test.go, TestDecisions"
	return []model.Section{
		model.Tell(partitionChecks, "Produce with acks=all, and WriteTxnMarkers, are answered when all replicas have what was written, which is below the high watermark then. A leader that is deposed meanwhile answers NOT_LEADER_OR_FOLLOWER, and the batch may be there or not. The next leader has from the log what it must know of producers, and no proof.",
			"ReplicaManager.getPartitionOrException, DelayedProduce, Partition.makeFollower", "model/broker/replication.go", "model/broker/replication_test.go, TestReplication"),
		model.Tell(appendChecks, "Before these a duplicate, one of the last five batches of its epoch with just its sequence numbers, is acknowledged with the offset that it has. After them the batch is written.",
			"UnifiedLog.analyzeAndValidateProducerState, ProducerAppendInfo", code, test),
		model.Tell(offsetChecks, "A request that says nothing of its sender passes.",
			"ClassicGroup.validateOffsetCommit", "model/broker/offsets.go", "model/broker/offsets_test.go, TestOffsets"),
		model.Tell(offsetLogChecks, "There is no duplicate and no sequence number: the last record of a transaction counts. The offset waits for the marker.",
			"CoordinatorPartitionWriter, ProducerAppendInfo.checkProducerEpoch", code, test),
		model.Tell(markerChecks, "The marker is written, whether anything is open or not. An abort of something open is noted in the index.",
			"ProducerAppendInfo.appendEndTxnMarker", code, test),
		model.Tell(fetchChecks, "Batches from the offset on, up to the high watermark, or under read_committed to the last stable offset: the first offset of what is open, or whose marker is not replicated. Under read_committed also the aborted transactions that lie between. The last stable offset is never before the start of the log.",
			"UnifiedLog.read, LocalLog.addAbortedTransactions", code, "model/broker/log_start_test.go, TestLogStart"),
		model.Tell(deleteChecks, "The log starts at the offset, if it did not start later. What is known of producers stays, with what they have open, and so do entries of the aborted index whose marker stays. UNKNOWN_PRODUCER_ID is never answered: of a producer that has expired any sequence number is taken.",
			"UnifiedLog.maybeIncrementLogStartOffset, ProducerStateManager.onLogStartOffsetIncremented", "model/broker/log_start.go", "model/broker/log_start_test.go, TestLogStart"),
	}
}
