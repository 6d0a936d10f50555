package broker

import "racelab/model"

// Specification tells what a leader checks, request by request.
func Specification() []model.Section {
	const code, test = "model/broker/partition_log.go", "model/broker/decisions_test.go, TestDecisions"
	return []model.Section{
		{Request: "Produce, Fetch, WriteTxnMarkers, of each partition",
			Then:   "Produce with acks=all, and WriteTxnMarkers, are answered when all replicas have what was written, which is below the high watermark then. A leader that is deposed meanwhile answers NOT_LEADER_OR_FOLLOWER, and the batch may be there or not. The next leader has from the log what it must know of producers, and no proof.",
			Source: "ReplicaManager.getPartitionOrException, DelayedProduce, Partition.makeFollower", Code: "model/broker/replication.go",
			Test: "model/broker/replication_test.go, TestReplication", Checks: model.Tell(partitionChecks)},
		{Request: "Produce, a batch of an idempotent producer",
			Then:   "Before these a duplicate, one of the last five batches of its epoch with just its sequence numbers, is acknowledged with the offset that it has. After them the batch is written.",
			Source: "UnifiedLog.analyzeAndValidateProducerState, ProducerAppendInfo", Code: code,
			Test: test, Checks: model.Tell(appendChecks)},
		{Request: "TxnOffsetCommit, what the group says",
			Then:   "A request that says nothing of its sender passes.",
			Source: "ClassicGroup.validateOffsetCommit", Code: "model/broker/offsets.go",
			Test: "model/broker/offsets_test.go, TestOffsets", Checks: model.Tell(offsetChecks)},
		{Request: "TxnOffsetCommit, what the log says",
			Then:   "There is no duplicate and no sequence number: the last record of a transaction counts. The offset waits for the marker.",
			Source: "CoordinatorPartitionWriter, ProducerAppendInfo.checkProducerEpoch", Code: code,
			Test: test, Checks: model.Tell(transactionChecks)},
		{Request: "WriteTxnMarkers",
			Then:   "The marker is written, whether anything is open or not. An abort of something open is noted in the index.",
			Source: "ProducerAppendInfo.appendEndTxnMarker", Code: code,
			Test: test, Checks: model.Tell(markerChecks)},
	}
}
