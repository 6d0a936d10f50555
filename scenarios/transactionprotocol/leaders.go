package transactionprotocol

import (
	"racelab/model"
	"racelab/model/producer/plain"
	"racelab/scenario"
)

// LeaderMoves is a partition whose leader changes while a batch is written.
var LeaderMoves = race(scenario.Scenario[struct{}, World]{
	Name:  "leader-moves",
	Title: "The leader of a partition changes while a batch is written",
	Stake: "A leader writes a batch, the other replica fetches it, and that one is elected. Each broker learns of it at its own time. " +
		"What only the first leader had is dropped. " +
		"What the replica has too it must know for what it is: the producer was told NOT_LEADER_OR_FOLLOWER, and sends the batch again.",
	Do:      "Use an idempotent producer with acks=all, as Java does by default since 3.2.",
	Fixed:   "Kafka 0.11",
	Sources: []string{"KIP-98", "KIP-101", "Partition.makeFollower", "DelayedProduce", "ProducerStateManager"},
	Code:    []string{"model/broker/replication.go", "model/broker/partition_log.go", "model/producer/plain/pipeline.go"},
	Claims:  []*claim{ackedThere, onceThere, replicasAgree},
	Symptoms: []scenario.Symptom{{
		Seen:    []scenario.Seen{{Text: "a record that was acknowledged is gone after a leader election"}},
		Cause:   "With acks=1 the leader acknowledges what no replica has. The next leader does not have it, and the first one drops it.",
		Also:    "producers with acks=1",
		Do:      "Use acks=all.",
		Command: scenario.Command("run", "leader-moves"),
	}},
	Schedule: `
		quorum elect; A send; A send#2; A->B0 Produce; A->B0 Produce#2; quorum->B1 elected; B0->B1 replicate
		A await produce; A await produce#2; B1->B0 replicate; quorum->B0 elected
		B1->B0 replicate response; B0->B1 replicate response`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "acks-1", Is: moving(plain.PipelineConfig{LeaderOnly: true}, model.Rules{}, "B1"), Release: "producers with acks=1", Does: "takes the leader's word", Expect: expect{scenario.Breaks(ackedThere).Because("the leader acknowledges what the next one does not have")}},
		{Name: "not-idempotent", Is: moving(plain.PipelineConfig{}, model.Rules{}, "B1"), Release: "acks=all without enable.idempotence", Does: "sends again what was answered NOT_LEADER_OR_FOLLOWER", Expect: expect{scenario.Breaks(onceThere).Because("the next leader has the batch, and cannot tell a second try from a new one")}},
		{Name: "no-state", Is: moving(plain.PipelineConfig{Idempotent: true}, lacks(model.StateFromLog), "B1"), Release: "no Kafka: what if", Does: "takes over without knowing what a producer wrote last", Expect: expect{scenario.Breaks(onceThere).Because("the next leader has the batch, and does not know that it does")}},
		{Name: "kafka-0.10", Is: moving(plain.PipelineConfig{Idempotent: true}, lacks(model.TruncateByEpoch), "B0", "B1"), Release: "replicas of Kafka 0.10, with a producer of today", Does: "drops what is behind its high watermark when it follows a new leader", Expect: expect{scenario.Breaks(ackedThere).Because("its high watermark lags: it drops what all had, and is elected before it has fetched that again")}},
		{Name: "acks-all", Is: moving(plain.PipelineConfig{Idempotent: true}, model.Rules{}, "B1"), Release: "idempotent producers, Kafka 0.11 and later", Does: "sends again what was answered NOT_LEADER_OR_FOLLOWER, with its sequence number"},
		{Name: "twice", Is: moving(plain.PipelineConfig{Idempotent: true}, model.Rules{}, "B0", "B1"), Release: "idempotent producers, Kafka 0.11 and later, two elections", Does: "drops what the new leader does not have, and no more"},
	},
})

// moving is a producer of two batches, and leaders of their partition that are elected
// meanwhile.
func moving(config plain.PipelineConfig, rules model.Rules, leaders ...string) World {
	config.Batches, config.InFlight = 2, 2
	return World{Rules: rules, Leaders: leaders, Pipeline: config}
}

// LeaderMovesInTransaction is a partition whose leader changes during transactions.
var LeaderMovesInTransaction = race(scenario.Scenario[struct{}, World]{
	Name:  "leader-moves-in-transaction",
	Title: "The leader of a partition changes while a transaction is open on it",
	Stake: "The new leader must know from the log which transactions are open, which were aborted, and how far each producer is. " +
		"Proofs and waiting requests are gone: the record and the marker come again. " +
		"Without that state an abort marker ends nothing, no index tells of it, and consumers get what was aborted.",
	Do:      "Nothing: a replica keeps the state of producers as it fetches.",
	Fixed:   "Kafka 0.11",
	Sources: []string{"KIP-98", "ProducerStateManager", "TransactionIndex", "TransactionMarkerRequestCompletionHandler"},
	Code:    []string{"model/broker/replication.go", "model/broker/partition_log.go", "model/coordinator/marker_channel.go"},
	Claims:  []*claim{noAbortedRead, noLostWrite, stableMoves, completes, goesOn, replicasAgree},
	Schedule: `
		quorum elect; A start; A->C InitProducerId; A await id; A begin; A->B0 Produce; B0->C AddPartitionsToTxn
		C->B0 AddPartitionsToTxn response; B0->B1 replicate; B1->B0 replicate response; A await produce; A->C EndTxn
		quorum->C elected; A await end; A begin#2; C->B0 WriteTxnMarkers; B0->B1 replicate#2; A->B0 Produce#2
		B1->B0 replicate response#2; B0->C WriteTxnMarkers response; B0->C AddPartitionsToTxn#2
		C->B0 AddPartitionsToTxn response#2; B0->B1 replicate#3; quorum->B1 elected; B1->B0 replicate
		B1->B0 replicate response#3; quorum->B0 elected; A await produce#2; A->C EndTxn#2; A await end#2
		C->B1 WriteTxnMarkers; B0->B1 replicate response; B1->B0 replicate#2; B0->B1 replicate response#2
		B1->C WriteTxnMarkers response`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "no-state", Is: movingInTransaction(tv2, lacks(model.StateFromLog)), Release: "no Kafka: what if", Does: "takes over without knowing what is open", Expect: expect{scenario.Breaks(noAbortedRead).Because("the abort marker finds nothing open, so the index has no entry of it")}},
		{Name: "tv1", Is: movingInTransaction(tv1, model.Rules{}), Release: "Kafka 4.3, TV1", Does: "has what is open from the log; the coordinator sends the marker to the new leader"},
		{Name: "tv2", Is: movingInTransaction(tv2, model.Rules{}), Release: "Kafka 4.3, TV2", Does: "likewise; the leader asks the coordinator anew"},
	},
})

func movingInTransaction(version model.TransactionVersion, rules model.Rules) World {
	return World{Rules: rules, Cluster: version, Leaders: []string{"B1"}, Producers: one(does(version, commits(0), aborts(0)))}
}
