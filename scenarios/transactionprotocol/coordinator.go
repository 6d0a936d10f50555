package transactionprotocol

import (
	"racelab/model"
	"racelab/model/producer/plain"
	"racelab/scenario"
	"racelab/sim"
)

// TimeoutMeetsCommit is a commit on its way while the coordinator aborts.
var TimeoutMeetsCommit = race(scenario.Scenario[struct{}, World]{
	Name:  "timeout-meets-commit",
	Title: "A commit is on its way while the coordinator aborts the transaction",
	Stake: "The transaction's timeout passes just as its producer commits. " +
		"The coordinator fences and aborts; the commit has the epoch before, and looks like a second try of something else. " +
		"INVALID_TXN_STATE ends the application; PRODUCER_FENCED would have let it begin anew.",
	Do:      "On INVALID_TXN_STATE of a commit make a new producer with the same transactional id, and do the transaction again.",
	Sources: []string{"KAFKA-20785", "TransactionCoordinator.endTransaction"},
	Code:    []string{"model/coordinator/end_txn.go", "model/coordinator/append.go"},
	Claims:  []*claim{goesOn, noAbortedRead, stableMoves},
	Symptoms: []scenario.Symptom{{
		Seen:     []scenario.Seen{{By: "Java", Text: "InvalidTxnStateException: The producer attempted a transactional operation in an invalid state."}},
		Cause:    "The transaction timed out while its commit was on its way.",
		Variants: []string{"kafka-4.0"},
		Also:     ", TV2",
		Do:       "Make a new producer with the same transactional id, and repeat the transaction; or raise transaction.timeout.ms.",
		Command:  scenario.Command("run", "timeout-meets-commit"),
	}},
	Schedule: `
		clock drive; A start; A->C InitProducerId; A await id; A begin; A->B0 Produce; B0->C AddPartitionsToTxn
		clock->C timeout scan; clock driven; C->B0 AddPartitionsToTxn response; C->B0 WriteTxnMarkers; A await produce
		B0->C WriteTxnMarkers response; A->C EndTxn; A await end`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "kafka-4.0", Is: timeout(model.Rules{}), Release: "Kafka 4.0 to 4.3.1", Does: "answers INVALID_TXN_STATE", Expect: expect{scenario.Breaks(goesOn).Because("the epoch before, with the other result, is INVALID_TXN_STATE")}},
		{Name: "kafka-20785", Is: timeout(model.Rules{With: model.FencedCommitRetry}), Release: "KAFKA-20785, merged on 31 August 2026, after 4.3.1; 4.3.2 and 4.4 were not read", Does: "answers PRODUCER_FENCED"},
	},
})

func timeout(rules model.Rules) World {
	return World{Rules: rules, Scan: true, Producers: one(with(does(tv2, commits(0)), func(c *plain.Config) { c.Recovers = true }))}
}

// SelfFencing is a producer that is fenced for the epoch that it was given.
var SelfFencing = race(scenario.Scenario[struct{}, World]{
	Name:  "self-fencing",
	Title: "A producer is fenced for the epoch that it was just given",
	Stake: "EndTxn is answered with the next epoch while the coordinator still completes the last transaction. " +
		"An abort with that epoch, of a transaction without records, comes too early. " +
		"If the epoch is looked at before the pending transition, the producer counts as a zombie.",
	Do:      "Nothing: no release had it.",
	Fixed:   "Kafka 4.0",
	Sources: []string{"KAFKA-18464"},
	Code:    []string{"model/coordinator/end_txn.go"},
	Claims:  []*claim{goesOn},
	Schedule: `
		A start; A->C InitProducerId; A await id; A begin; A->B0 Produce; B0->C AddPartitionsToTxn
		C->B0 AddPartitionsToTxn response; A await produce; A->C EndTxn; A await end; A begin#2; C->B0 WriteTxnMarkers
		A->C EndTxn#2; B0->C WriteTxnMarkers response; A await end#2`,
	Story: `
		A->C EndTxn#2 before B0->C WriteTxnMarkers response`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "epoch-first", Is: selfFenced(lacks(model.PendingBeforeEpoch)), Release: "candidates of Kafka 4.0", Does: "compares the epoch first", Expect: expect{scenario.Breaks(goesOn).Because("the coordinator has not come to the epoch yet that it has given out")}},
		{Name: "pending-first", Is: selfFenced(model.Rules{}), Release: "Kafka 4.0 and later", Does: "answers CONCURRENT_TRANSACTIONS first"},
	},
})

func selfFenced(rules model.Rules) World {
	return World{Rules: rules, Producers: one(does(tv2, commits(0), aborts()))}
}

// StuckPrepare is an old answer that takes away a new completion.
var StuckPrepare = race(scenario.Scenario[struct{}, World]{
	Name:  "stuck-prepare",
	Title: "An old answer takes away what the new coordinator waits for",
	Stake: "The coordinator is elected again while a marker is on its way, loads its log, and sends the marker again. " +
		"The answer to the first one is nobody's. " +
		"If it is matched by the transactional id alone, it takes the new entry away, and the transaction stays decided for ever.",
	Do:      "Use Kafka 3.8 or later. A transaction that is stuck completes when its partition of __transaction_state moves.",
	Fixed:   "Kafka 3.8",
	Sources: []string{"KAFKA-16352", "TransactionMarkerChannelManager"},
	Code:    []string{"model/coordinator/marker_channel.go", "model/coordinator/append.go"},
	Claims:  []*claim{completes},
	Symptoms: []scenario.Symptom{{
		Seen:     []scenario.Seen{{Text: "CONCURRENT_TRANSACTIONS that does not end until the coordinator moves"}},
		Cause:    "The answer to a marker of an earlier election took the entry of the present one away.",
		Variants: []string{"by-id"},
		Do:       "Use Kafka 3.8 or later; to free one, move the leader of its partition of __transaction_state.",
		Command:  scenario.Command("run", "stuck-prepare"),
	}},
	Schedule: `
		controller drive; A start; A->C InitProducerId; C->log append; log->C append response; A await id; A begin
		A->C AddPartitionsToTxn; C->log append#2; log->C append response#2; A await add; A->B0 Produce
		B0->C AddPartitionsToTxn; C->B0 AddPartitionsToTxn response; A await produce; A->C EndTxn; C->log append#3
		controller->log elect; log->C append response#3; log->C elected; C->B0 WriteTxnMarkers; C->log load
		log->C load response; B0->C WriteTxnMarkers response`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "by-id", Is: electedAgain(lacks(model.CompletionByValue)), Release: "Kafka 0.11 to 3.7.0", Does: "removes the entry of the transactional id", Expect: expect{scenario.Breaks(completes).Because("the answer takes away the entry of the election after it")}},
		{Name: "by-value", Is: electedAgain(model.Rules{}), Release: "Kafka 3.8 and later", Does: "removes the entry that the answer belongs to"},
	},
})

func electedAgain(rules model.Rules) World {
	return World{Rules: rules, Elections: again, One: true, Producers: one(does(tv1, commits(0)))}
}

// DuplicateCompletion is a transaction that is written complete twice.
var DuplicateCompletion = race(scenario.Scenario[struct{}, World]{
	Name:  "duplicate-completion",
	Title: "A transaction is written complete twice, and the next one is forgotten",
	Stake: "Two threads of the coordinator see that all markers are written, and both append that the transaction is complete. " +
		"The second does when the next transaction is open. In memory nothing happens; in the log that is over. " +
		"The next coordinator goes by the log: it answers the commit as a second try, and no marker is ever sent.",
	Do:      "Nothing: no release had it.",
	Fixed:   "Kafka 2.6",
	Sources: []string{"KAFKA-10080", "KAFKA-9777, which brought it: in 2.5.0 a DelayedOperation completes once", "TransactionMarkerChannelManager.maybeWriteTxnCompletion"},
	Code:    []string{"model/coordinator/marker_channel.go", "model/coordinator/append.go"},
	Claims:  []*claim{noLostWrite, noAbortedRead, stableMoves},
	Schedule: `
		controller drive; A start; A->C InitProducerId; C->log append; log->C append response; A await id; A begin
		A->C AddPartitionsToTxn; C->log append#2; log->C append response#2; A await add; A->B0 Produce
		B0->C AddPartitionsToTxn; C->B0 AddPartitionsToTxn response; A await produce; A->C EndTxn; C->log append#3
		log->C append response#3; A await end; A begin#2; C->B0 WriteTxnMarkers; B0->C WriteTxnMarkers response
		C->log append#4; log->C append response#4; A->C AddPartitionsToTxn#2; C.complete-again fires; C->log append#5
		C->log append#6; controller->log elect; log->C append response#5; A await add#2; A->B0 Produce#2
		B0->C AddPartitionsToTxn#2; log->C elected; C->B0 AddPartitionsToTxn response#2; A await produce#2
		controller driven; C->log load; C->log elected response; log->C append response#6; log->C load response
		A->C EndTxn#2; A await end#2`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "looks-first", Is: completedTwice(lacks(model.CompleteOnce)), Release: "candidates of Kafka 2.6", Does: "looks whether a marker is left, and then takes the transaction off the list", Expect: expect{scenario.Breaks(noLostWrite, stableMoves).Because("the log ends with the completion of the transaction before")}},
		{Name: "takes-first", Is: completedTwice(model.Rules{}), Release: "Kafka 0.11 and later", Does: "lets one thread take it off the list, and that one writes"},
	},
})

func completedTwice(rules model.Rules) World {
	return World{Rules: rules, Cluster: tv1, Elections: again, One: true, Producers: one(does(tv1, commits(0), commits(0)))}
}

// MarkerLivelock is a marker that is sent again and refused.
var MarkerLivelock = race(scenario.Scenario[struct{}, World]{
	Name:  "marker-livelock",
	Title: "A marker that is sent again is refused",
	Stake: "A marker is written, and its answer is lost, or the coordinator moves. " +
		"It is sent again with the epoch that the partition has by now. " +
		"A leader that wants a newer one refuses it, and the coordinator gives up: CONCURRENT_TRANSACTIONS never ends.",
	Do:      "Nothing: no release had it.",
	Fixed:   "Kafka 4.2",
	Sources: []string{"KAFKA-19446", "KAFKA-19999"},
	Code:    []string{"model/broker/partition_log.go", "model/coordinator/marker_channel.go"},
	Claims:  []*claim{completes},
	Schedule: `
		controller drive; A start; A->C0 InitProducerId; C0->log append; log->C0 append response; A await id; A begin
		A->B0 Produce; B0->C0 AddPartitionsToTxn; C0->log append#2; log->C0 append response#2
		C0->B0 AddPartitionsToTxn response; A await produce; A->C0 EndTxn; C0->log append#3; controller->log elect
		log->C1 elected; C1->log load; log->C0 append response#3; log->C1 load response; C0->B0 WriteTxnMarkers
		C1->B0 WriteTxnMarkers; B0->C1 WriteTxnMarkers response`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "strict", Is: World{Rules: lacks(model.MarkerAgain), Elections: moves, Producers: one(does(tv2, commits(0)))}, Release: "candidates of Kafka 4.2", Does: "refuses a marker of the partition's own epoch", Expect: expect{scenario.Breaks(completes).Because("the partition has the marker's epoch already")}},
		{Name: "kafka-4.2", Is: World{Elections: moves, Producers: one(does(tv2, commits(0)))}, Release: "Kafka 4.2 and later", Does: "accepts it if nothing is open"},
	},
})

// EpochExhaustion is the end of the epochs.
var EpochExhaustion = race(scenario.Scenario[struct{}, World]{
	Name:  "epoch-exhaustion",
	Title: "The epochs of a producer id are used up",
	Stake: "An epoch has 16 bits, and under TV2 each transaction takes one. " +
		"At the last one a new producer id must come, and whoever fences must not take two. " +
		"In this world the last epoch is 3, not 32767.",
	Do:      "Use Kafka 4.3 or later with TV2; before that a producer that is made anew from time to time is safe.",
	Fixed:   "Kafka 4.3",
	Sources: []string{"KAFKA-9666", "KAFKA-19367", "KAFKA-20090", "TransactionMetadata.isEpochExhausted"},
	Code:    []string{"model/coordinator/transaction_metadata.go", "model/coordinator/end_txn.go"},
	Claims:  []*claim{invariants, completes, stableMoves},
	Schedule: `
		A start; B start; A->C InitProducerId; A await id; A begin; A->B0 Produce; B0->C AddPartitionsToTxn
		C->B0 AddPartitionsToTxn response; A await produce; A->C EndTxn; A await end; A begin#2; C->B0 WriteTxnMarkers
		A->B0 Produce#2; B0->C WriteTxnMarkers response; B0->C AddPartitionsToTxn#2; C->B0 AddPartitionsToTxn response#2
		A await produce#2; A->C EndTxn#2; A await end#2; A begin#3; C->B0 WriteTxnMarkers#2; A->B0 Produce#3
		B0->C WriteTxnMarkers response#2; B0->C AddPartitionsToTxn#3; B->C InitProducerId`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "kafka-4.0.0", Is: exhausted(lacks(model.OneBump | model.LastEpoch)), Release: "Kafka 4.0.0", Does: "takes one epoch for the fence and one for the abort", Expect: expect{scenario.Breaks(invariants).Because("the fence takes the last epoch, and the abort the one after it")}},
		{Name: "kafka-4.3", Is: exhausted(model.Rules{}), Release: "Kafka 4.3", Does: "takes one, and a new producer id with the last"},
	},
})

func exhausted(rules model.Rules) World {
	return World{Rules: rules, MaxEpoch: 3, Producers: []plain.Config{
		does(tv2, commits(0), commits(0), commits(0)), with(does(tv2, commits(0)), func(c *plain.Config) { c.First = 3 }),
	}}
}

// PendingOffsets is offsets that are committed too late.
var PendingOffsets = race(scenario.Scenario[struct{}, World]{
	Name:  "pending-offsets",
	Title: "The offsets of a transaction are committed with those of the one before",
	Stake: "The group coordinator answers WriteTxnMarkers before it has committed the offsets. " +
		"The next transaction of the producer has offsets pending by then, and they go by the producer id. " +
		"So they are committed with it, even if that transaction is aborted: input is skipped.",
	Do:      "Use brokers of Kafka 3.9.1 or later.",
	Fixed:   "Kafka 3.9.1",
	Sources: []string{"KAFKA-17507", "KAFKA-16371", "OffsetMetadataManager.replayEndTransactionMarker"},
	Code:    []string{"model/broker/offsets.go"},
	Claims:  []*claim{offsetsFollow, offsetsStable},
	Symptoms: []scenario.Symptom{{
		Seen:     []scenario.Seen{{Text: "UNSTABLE_OFFSET_COMMIT that does not end"}},
		Cause:    "An offset whose metadata was too large is pending for ever.",
		Variants: []string{"kafka-3.7"},
		Do:       "Use Kafka 3.8 or later, and shorter metadata.",
		Command:  scenario.Command("explore", "pending-offsets/kafka-3.7"),
	}},
	Schedule: `
		A start; A->C InitProducerId; A await id; A begin; A->C AddOffsetsToTxn; A await add offsets; A->B0 TxnOffsetCommit
		B0->C AddPartitionsToTxn; C->B0 AddPartitionsToTxn response; A await offsets; A->C EndTxn; A await end; A begin#2
		C->B0 WriteTxnMarkers; B0->C WriteTxnMarkers response; A->C AddOffsetsToTxn#2; A await add offsets#2
		A->B0 TxnOffsetCommit#2; B0->C AddPartitionsToTxn#2; C->B0 AddPartitionsToTxn response#2; A await offsets#2
		A->C EndTxn#2; A await end#2; C->B0 WriteTxnMarkers#2; B0.materialise fires; B0->C WriteTxnMarkers response#2`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "kafka-3.9.0", Is: offsets(model.Rules{Release: model.Kafka3_9}, commitsOffset(10), abortsOffset(20)), Release: "Kafka 2.0 to 3.9.0", Does: "answers first, and commits the offsets after that", Expect: expect{scenario.Breaks(offsetsFollow).Because("by the time the first transaction's offsets are committed, the next one's are pending")}},
		{Name: "kafka-3.7", Is: offsets(lacks(model.RefusedOffsetsLeaveNothing), tooLarge(10), commitsOffset(20)), Release: "Kafka 2.5 to 3.7.0", Does: "keeps pending what it has refused", Expect: expect{scenario.Breaks(offsetsStable).Because("no marker ever takes it away")}},
		{Name: "kafka-3.9.1", Is: offsets(model.Rules{Release: model.Kafka3_9_1}, commitsOffset(10), abortsOffset(20)), Release: "Kafka 3.9.1 and later", Does: "answers when the offsets are committed"},
		{Name: "kafka-3.8", Is: offsets(model.Rules{}, tooLarge(10), commitsOffset(20)), Release: "Kafka 3.8 and later", Does: "keeps nothing of what it has refused"},
	},
})

func offsets(rules model.Rules, transactions ...plain.Transaction) World {
	return World{Rules: rules, Cluster: tv1, Offsets: true, Producers: one(does(tv1, transactions...))}
}

func tooLarge(offset model.Offset) plain.Transaction {
	return plain.Transaction{Offsets: []model.Offset{offset}, Result: model.Commit, TooLarge: true}
}

// ZombieReader is a former owner that commits offsets in a transaction.
var ZombieReader = race(scenario.Scenario[struct{}, World]{
	Name:  "zombie-reader",
	Title: "A former owner of a partition commits its offset in a transaction",
	Stake: "A partition goes from A to B, each with a transactional id of its own. " +
		"A is no zombie to the transaction coordinator, so nothing fences it. " +
		"Its late offset takes back what B has committed, and B's input is processed twice.",
	Do:      "Pass the group's metadata to sendOffsetsToTransaction. In franz-go use GroupTransactSession, in Sarama 1.50.2 or later AddOffsetsToTxnWithGroupMetadata; a read_committed consumer of Sarama asks for stable offsets since 1.61.1.",
	Fixed:   "Kafka 2.5",
	Sources: []string{"KIP-447", "ClassicGroup.validateOffsetCommit"},
	Code:    []string{"model/broker/offsets.go"},
	Claims:  []*claim{ownerKeeps, offsetsStable},
	Schedule: `
		rebalance drive; A start; B start; A->C InitProducerId; B->C InitProducerId; A await id; A begin; B await id
		B begin; rebalance->B0 GroupRebalanced; B->B0 TxnOffsetCommit; A->B0 TxnOffsetCommit; rebalance driven
		B0->C AddPartitionsToTxn; B0->C AddPartitionsToTxn#2; C->B0 AddPartitionsToTxn response; B await offsets
		B->C EndTxn; B await end; C->B0 WriteTxnMarkers; C->B0 AddPartitionsToTxn response#2; A await offsets
		B0->C WriteTxnMarkers response; A->C EndTxn; A await end; C->B0 WriteTxnMarkers#2; B0->C WriteTxnMarkers response#2`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "no-metadata", Is: reader(false), Release: "all Kafka, with clients that pass the group's name only", Does: "says nothing of the sender, and is accepted unchecked", Expect: expect{scenario.Breaks(ownerKeeps).Because("nothing is checked")}},
		{Name: "group-metadata", Is: reader(true), Release: "Kafka 2.5 and later, with clients that pass the group's metadata", Does: "says member and generation, which the group compares"},
	},
})

func reader(metadata bool) World {
	a, b := does(tv2, commitsOffset(10)), does(tv2, commitsOffset(20))
	b.TransactionalID, b.First = 1, 1
	second := model.ConsumerGroupMetadata{MemberID: 2, GenerationID: 2}
	if metadata {
		a.Group, b.Group = model.ConsumerGroupMetadata{MemberID: 1, GenerationID: 1}, second
	}
	return World{Offsets: true, Producers: []plain.Config{a, b}, Rebalance: &model.GroupRebalanced{ConsumerGroupMetadata: second}}
}

// OffsetsAfterReplay is an offset that depends on when it is asked for.
var OffsetsAfterReplay = race(scenario.Scenario[struct{}, World]{
	Name:  "offsets-after-replay",
	Title: "A committed offset is another one after a restart of the broker",
	Stake: "A transaction holds an offset, and a plain commit of the same partition comes in between. " +
		"Which of the two counts must not depend on whether the broker was there or has read its log. " +
		"Kafka goes by the order of the records; a broker that goes by the order of the markers forgets that when it replays.",
	Do:      "Do not mix transactional and plain commits of one group.",
	Fixed:   "all Kafka",
	Sources: []string{"Redpanda CORE-16998, CORE-17000, CORE-17001", "OffsetMetadataManager"},
	Code:    []string{"model/broker/offsets.go"},
	Claims:  []*claim{replaySame, offsetsStable},
	Schedule: `
		consumer drive; A start; A->C InitProducerId; A await id; A begin; A->B0 TxnOffsetCommit; B0->C AddPartitionsToTxn
		C->B0 AddPartitionsToTxn response; consumer->B0 OffsetCommit; A await offsets; consumer driven; A->C EndTxn
		A await end; C->B0 WriteTxnMarkers; B0->C WriteTxnMarkers response`,
	Story: `
		C->B0 AddPartitionsToTxn response before consumer->B0 OffsetCommit
		consumer->B0 OffsetCommit before C->B0 WriteTxnMarkers`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "marker-order", Is: mixed(lacks(model.OffsetsInLogOrder)), Release: "Redpanda, before #31483", Does: "stores what a transaction held when its marker comes", Expect: expect{scenario.Breaks(replaySame).Because("the log tells nothing of when the marker came")}},
		{Name: "log-order", Is: mixed(model.Rules{}), Release: "all Kafka", Does: "stores it unless a later record has set the offset"},
	},
})

func mixed(rules model.Rules) World {
	return World{Rules: rules, Offsets: true, Producers: one(does(tv2, commitsOffset(10))),
		Plain: &model.OffsetCommitRequest{Partitions: []model.PartitionOffset{{Partition: 0, Offset: 20}}}}
}

// ConsumeProcessProduce is the loop that exactly-once processing is made of.
var ConsumeProcessProduce = race(scenario.Scenario[struct{}, World]{
	Name:  "consume-process-produce",
	Title: "An application goes on after an abort without going back",
	Stake: "A loop reads a record, writes what it makes of it, and commits offset and output in one transaction. " +
		"After an abort the consumer's position is past what was aborted. " +
		"The next transaction commits an offset that skips it: the input is lost, exactly once.",
	Do:      "After abortTransaction seek to the committed offsets, of all partitions.",
	Sources: []string{"KAFKA-17582", "KIP-98", "Jepsen: Bufstream 0.1.0 (2024)"},
	Code:    []string{"model/producer/plain/producer.go", "model/broker/offsets.go"},
	Claims:  []*claim{inputKept, stableMoves, offsetsStable},
	Statements: []scenario.Statement{{
		ID:      "C1.1",
		Says:    "Transactions give atomic writes across partitions and sessions, and consume-process-produce without duplicates.",
		Verdict: scenario.PartlyTrue,
		When:    "for read_committed readers, with TV2 and Kafka 4.2, and an application that seeks after an abort",
		Evidence: "seek holds in every state with one cut. An application that goes on from its position loses input without any error. " +
			"Under TV1 a late EndTxn or marker commits what was aborted: delayed-end-txn, delayed-marker. A database beside it is no part of the transaction: half-message/kafka-transaction.",
		Command: "simrun explore consume-process-produce/seek",
	}},
	Symptoms: []scenario.Symptom{{
		Seen:    []scenario.Seen{{By: "Java", Text: "input without output after abortTransaction, and no error at all"}},
		Cause:   "The consumer's position is not taken back by an abort.",
		Also:    "all",
		Do:      "After abortTransaction seek to the committed offsets.",
		Command: scenario.Command("run", "consume-process-produce"),
	}},
	Schedule: `
		A start; A->C InitProducerId; network cut A->B1; A await id; A begin; A await produce; A redial B1; A->C EndTxn
		A await end; A begin#2; A->B1/2 Produce; B1->C AddPartitionsToTxn; C->B1 AddPartitionsToTxn response
		A await produce#2; A->B0 TxnOffsetCommit; B0->C AddPartitionsToTxn; C->B0 AddPartitionsToTxn response
		A await offsets; A->C EndTxn#2; A await end#2; C->B0 WriteTxnMarkers; C->B1 WriteTxnMarkers
		B0->C WriteTxnMarkers response; B1->C WriteTxnMarkers response`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "no-seek", Is: loop(false), Release: "all clients, an application that forgets", Does: "goes on from the position", Expect: expect{scenario.Breaks(inputKept).Because("the position is past what was aborted")}},
		{Name: "seek", Is: loop(true), Release: "all clients", Does: "goes back to the committed offset after an abort"},
	},
})

func loop(seeks bool) World {
	return World{Offsets: true, Brokers: 2, Faults: sim.Faults{Cuts: 1}, Producers: one(with(does(tv2, aborts(1), commits(1), commits(1)), func(c *plain.Config) {
		c.Input, c.Seeks, c.GivesUp = 2, seeks, true
	}))}
}
