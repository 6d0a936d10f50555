package transactionprotocol

import (
	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/producer/plain"
	"racelab/scenario"
	"racelab/sim"
)

// What transactions do.
func commits(partitions ...model.Partition) plain.Transaction {
	return plain.Transaction{Partitions: partitions, Result: model.Commit}
}

func aborts(partitions ...model.Partition) plain.Transaction {
	return plain.Transaction{Partitions: partitions}
}

func commitsOffset(offset model.Offset) plain.Transaction {
	return plain.Transaction{Offsets: []model.Offset{offset}, Result: model.Commit}
}

func abortsOffset(offset model.Offset) plain.Transaction {
	return plain.Transaction{Offsets: []model.Offset{offset}}
}

// does is a producer of T0 that does some transactions.
func does(version model.TransactionVersion, transactions ...plain.Transaction) plain.Config {
	return plain.Config{Version: version, Transactions: transactions}
}

// with changes a producer.
func with(c plain.Config, change func(*plain.Config)) plain.Config {
	change(&c)
	return c
}

func lacks(rule model.Rule) model.Rules { return model.Rules{Without: rule} }

func one(c plain.Config) []plain.Config { return []plain.Config{c} }

var (
	tv1, tv2 = model.TV1, model.TV2
	moves    = []coordinator.Election{{}}
	again    = []coordinator.Election{{Same: true}}
)

// crash has the coordinator of a transaction over two partitions move, once, at any
// moment.
func crash(version model.TransactionVersion, rules model.Rules) World {
	return World{Rules: rules, Cluster: version, Brokers: 2, Elections: moves, Producers: one(does(version, commits(0, 1)))}
}

// CoordinatorCrash is a coordinator that is lost while a transaction ends.
var CoordinatorCrash = race(scenario.Scenario[struct{}, World]{
	Name:  "coordinator-crash",
	Title: "The coordinator is lost while a transaction ends",
	Stake: "A transaction is decided, its markers are on their way, and another broker takes the coordinator's place. " +
		"What it knows is what the transaction log holds. " +
		"It must end the transaction as the first one did, and the client's next step must succeed.",
	Do:    "Nothing: Kafka writes the decision before it answers, and whoever loads it sends the markers again. NOT_COORDINATOR is retriable.",
	Fixed: "Kafka 0.11",
	Sources: []string{
		"TransactionStateManager.appendTransactionToLog and loadTransactionsForTxnTopicPartition of Kafka 4.3", "KIP-98",
	},
	Code:   []string{"model/coordinator/append.go", "model/coordinator/transaction_log.go", "model/coordinator/marker_channel.go"},
	Claims: []*claim{noLostWrite, noTorn, stableMoves, completes, goesOn},
	Schedule: `
		controller drive; A start; A->C0 InitProducerId; C0->log append; log->C0 append response; A await id; A begin
		A->B0 Produce; B0->C0 AddPartitionsToTxn; C0->log append#2; controller->log elect; controller driven
		log->C1 elected; log->C0 append response#2; C0->B0 AddPartitionsToTxn response; A await produce; A->B1 Produce
		B1->C0 AddPartitionsToTxn; C1->log load; C1->log elected response; C0->log append#3; log->C0 append response#3
		C0->B1 AddPartitionsToTxn response; A await produce#2; A back off; A->B1 Produce#2; log->C1 load response
		B1->C1 AddPartitionsToTxn; C1->log append; log->C1 append response; C1->B1 AddPartitionsToTxn response
		A await produce#3; A->C0 EndTxn; log->C0 elected; A await end; C0->B0 WriteTxnMarkers; C0->log append#4
		C0->log elected response; B0->C0 WriteTxnMarkers response; log->C0 append response#4`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "answer-first", Is: crash(tv2, lacks(model.WriteAhead)), Release: "no Kafka: what if",
			Does: "answers EndTxn and sends the markers before the decision is in the log",
			Expect: expect{
				scenario.Breaks(noLostWrite, noTorn, stableMoves).Because("what was answered is not in the log that the next coordinator loads"),
				scenario.Breaks(goesOn).Because("a coordinator that was replaced, and was not told yet, answers EndTxn by what it remembers: INVALID_TXN_STATE"),
			}},
		{Name: "no-markers-at-load", Is: crash(tv2, lacks(model.MarkersAtLoad)), Release: "no Kafka: what if",
			Does: "loads the log and leaves what is decided as it is",
			Expect: expect{
				scenario.Breaks(stableMoves, completes).Because("the new coordinator knows the decision, and tells nobody"),
				scenario.Breaks(fair).Because("the client is answered CONCURRENT_TRANSACTIONS for ever"),
				scenario.Breaks(goesOn).Because("a coordinator that was replaced, and was not told yet, answers EndTxn by what it remembers: INVALID_TXN_STATE"),
			}},
		{Name: "tv1", Is: crash(tv1, model.Rules{}), Release: "Kafka 4.3, TV1", Does: "writes first, and sends the markers again"},
		{Name: "tv2", Is: crash(tv2, model.Rules{}), Release: "Kafka 4.3, TV2", Does: "likewise; each transaction has an epoch of its own",
			Expect: expect{scenario.Breaks(goesOn, stableMoves).Because("a coordinator that was replaced, and was not told yet, answers EndTxn by what it remembers: INVALID_TXN_STATE; the transaction stays open until it times out")}},
	},
})

// DuplicateRetry is a batch that is sent again because its acknowledgement was lost.
var DuplicateRetry = race(scenario.Scenario[struct{}, World]{
	Name:  "duplicate-retry",
	Title: "A batch is sent again because its acknowledgement was lost",
	Stake: "Records are written, the connection breaks, and the acknowledgements are lost. The producer sends the batches again. " +
		"A leader tells a batch that it has by its sequence number, and remembers the last five of a producer. " +
		"With six in flight the first of them is forgotten: it is refused as out of order, and the producer sends it once more in a new epoch.",
	Do:      "Use an idempotent producer, with at most five requests in flight. With more Java 4 refuses to start; Java 3 does if enable.idempotence is set, and else switches it off.",
	Fixed:   "Kafka 1.0",
	Sources: []string{"KIP-98", "KAFKA-5494", "ProducerStateEntry.NUM_BATCHES_TO_RETAIN", "TransactionManager.canRetry"},
	Code:    []string{"model/producer/plain/pipeline.go", "model/broker/producer_state.go"},
	Claims:  []*claim{onceThere, ackedThere},
	Symptoms: []scenario.Symptom{{
		Seen:    []scenario.Seen{{Text: "a record is in the topic twice after a produce request was sent again"}},
		Cause:   "The first request was written, and its acknowledgement was lost; nothing tells the second from a new one.",
		Also:    "producers without enable.idempotence",
		Do:      "Set enable.idempotence, and leave max.in.flight.requests.per.connection at 5 or less.",
		Command: scenario.Command("run", "duplicate-retry"),
	}},
	Schedule: `
		A send; A send#2; network cut B0->A; A await produce; A await produce#2; A redial B0; A send#3; A->B0 Produce
		A->B0/2 Produce`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "not-idempotent", Is: pipelined(plain.PipelineConfig{Batches: 2, InFlight: 2}), Release: "producers without enable.idempotence", Does: "sends again what has no acknowledgement", Expect: expect{scenario.Breaks(onceThere).Because("the leader cannot tell a second try from a new batch")}},
		{Name: "six-in-flight", Is: pipelined(plain.PipelineConfig{Batches: 6, InFlight: 6, Idempotent: true}), Release: "no client: Java refuses it", Does: "sends six batches, and all of them again", Expect: expect{scenario.Breaks(onceThere).Because("the leader remembers five, and the first of six is out of order")}},
		{Name: "five-in-flight", Is: pipelined(plain.PipelineConfig{Batches: 6, InFlight: 5, Idempotent: true}), Release: "idempotent producers, Kafka 1.0 and later", Does: "sends five batches, and all of them again"},
	},
})

func pipelined(config plain.PipelineConfig) World {
	return World{Faults: sim.Faults{Cuts: 1}, Pipeline: config}
}

// ZombieProducer is a producer that was replaced and goes on.
var ZombieProducer = race(scenario.Scenario[struct{}, World]{
	Name:  "zombie-producer",
	Title: "A producer that was replaced goes on writing",
	Stake: "A process stalls, another is started in its place with the same transactional id, and the first one wakes up. " +
		"Both write, and one commit ends what the other has open.",
	Do:    "Give each instance its own transactional id, and the one that replaces it the same.",
	Fixed: "Kafka 0.11",
	Symptoms: []scenario.Symptom{{
		Seen: []scenario.Seen{
			{By: "Java", Text: "ProducerFencedException: There is a newer producer with the same transactionalId which fences the current one."},
			{By: "franz-go", Text: "PRODUCER_FENCED: There is a newer producer with the same transactionalId which fences the current one."},
			{By: "Sarama", Text: "kafka server: Producer attempted an operation with an old epoch"},
			{By: "franz-go", Text: "INVALID_PRODUCER_EPOCH: Producer attempted an operation with an old epoch."},
			{By: "librdkafka", Text: "Local: This instance has been fenced by a newer instance"},
			{By: "librdkafka", Text: "transactional producer fenced by newer producer instance"},
		},
		Cause:   "Another producer with the same transactional id was started, or the transaction took longer than transaction.timeout.ms. Kafka fences the older producer on purpose.",
		Also:    "all",
		Do:      "Give each instance its own transactional id; end transactions in time, or raise transaction.timeout.ms. Make a new producer, and repeat the transaction.",
		Command: "simrun run zombie-producer/tv1",
	}},
	Sources: []string{"TransactionCoordinator.handleInitProducerId", "KIP-98"},
	Code:    []string{"model/coordinator/init_producer_id.go", "model/broker/partition_log.go"},
	Claims:  []*claim{noAbortedRead, noTorn, noLostWrite, stableMoves, fenced},
	Statements: []scenario.Statement{{
		ID:      "C1.6",
		Says:    "<PID, sequence> removes duplicates in a partition; the same transactional.id maps to the same PID after a restart, and the epoch fences the older instance.",
		Verdict: scenario.PartlyTrue,
		When:    "for what the client sends again, not the application; until the epochs are used up",
		Evidence: "tv1 and tv2 hold in every state with two instances of one transactional id; without the epoch nothing does. " +
			"What an application sends anew has a new sequence number, and is there twice: outbox. An epoch that is used up gives another PID: epoch-exhaustion.",
		Command: "simrun explore zombie-producer/tv2",
	}},
	Schedule: `
		A start; B start; A->C InitProducerId; B->C InitProducerId; A await id; A begin; B await id; B begin
		A->C AddPartitionsToTxn; A await add; A->B0 Produce; B0->C AddPartitionsToTxn; B->C AddPartitionsToTxn; B await add
		C->B0 AddPartitionsToTxn response; B->B0 Produce; A await produce; A->B1 Produce; B await produce
		B1->C AddPartitionsToTxn; B->C EndTxn; B await end; C->B0 WriteTxnMarkers; C->B1 WriteTxnMarkers
		C->B1 AddPartitionsToTxn response; A await produce#2; B0->C WriteTxnMarkers response
		B1->C WriteTxnMarkers response; A->C EndTxn; A await end`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "no-fence", Is: zombie(tv1, lacks(model.Fencing)), Release: "no Kafka: what if", Does: "gives the second process the epoch of the first",
			Expect: expect{scenario.Breaks(noAbortedRead, noTorn, noLostWrite, fenced).Because("both have one epoch, so that one ends what the other has open")}},
		{Name: "tv1", Is: zombie(tv1, model.Rules{}), Release: "Kafka 4.3, TV1", Does: "gives a new epoch, and aborts what is open"},
		{Name: "tv2", Is: zombie(tv2, model.Rules{}), Release: "Kafka 4.3, TV2", Does: "likewise"},
	},
})

func zombie(version model.TransactionVersion, rules model.Rules) World {
	return World{Rules: rules, Cluster: version, Brokers: 2, Producers: []plain.Config{
		does(version, aborts(0, 1)), with(does(version, commits(0)), func(c *plain.Config) { c.First = 1 }),
	}}
}

// DelayedEndTxn is an EndTxn that comes when its transaction is long over.
var DelayedEndTxn = race(scenario.Scenario[struct{}, World]{
	Name:  "delayed-end-txn",
	Title: "A late EndTxn ends half of the next transaction",
	Stake: "EndTxn gets no answer, the client asks again on a new connection, and is answered. " +
		"The next transaction has the same producer id and epoch, so the first EndTxn, when it arrives at last, is as good as one of its own. " +
		"It commits what the application is about to abort.",
	Do:      "Use Kafka 4 with TV2, or a client that asks for a new epoch after an EndTxn without an answer.",
	Fixed:   "Kafka 4.0, TV2",
	Sources: []string{"KAFKA-17754", "KIP-890", "Jepsen: Bufstream 0.1.0 (2024)"},
	Code:    []string{"model/coordinator/end_txn.go", "model/producer/plain/producer.go"},
	Claims:  []*claim{noAbortedRead, noTorn, noLostWrite, stableMoves},
	Symptoms: []scenario.Symptom{{
		Seen:    []scenario.Seen{{Text: "a read_committed consumer gets records of a transaction that was aborted"}},
		Cause:   "EndTxn was tried again, and the first one arrived during the next transaction, which has the same epoch.",
		Also:    "all of TV1: Kafka before 4, and clients without TV2",
		Do:      "Use Kafka 4 and a client with TV2.",
		Command: scenario.Command("run", "delayed-end-txn"),
	}},
	Schedule: `
		A start; A->C InitProducerId; A await id; A begin; A->C AddPartitionsToTxn; A await add; A->B0 Produce
		B0->C AddPartitionsToTxn; C->B0 AddPartitionsToTxn response; A await produce; timeout time out; A await end
		A redial C; A->C/2 EndTxn; A await end#2; A begin#2; C->B0 WriteTxnMarkers; B0->C WriteTxnMarkers response
		A->C/2 AddPartitionsToTxn; A await add#2; A->B0 Produce#2; B0->C AddPartitionsToTxn#2; A->C EndTxn
		C->B0 AddPartitionsToTxn response#2; C->B0 WriteTxnMarkers#2; A await produce#2; B0->C WriteTxnMarkers response#2
		A->C/2 EndTxn#2; A await end#3`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "tv1", Is: delayed(tv1, false), Release: "all Kafka, TV1", Does: "keeps the epoch from transaction to transaction", Expect: expect{scenario.Breaks(noAbortedRead).Because("the late EndTxn has the producer id and epoch of the next transaction")}},
		{Name: "tv1-init", Is: delayed(tv1, true), Release: "franz-go 1.21.6 to 1.22.3, TV1", Does: "asks for a new epoch after an EndTxn without an answer"},
		{Name: "tv2", Is: delayed(tv2, false), Release: "Kafka 4.0 and later, TV2", Does: "ends each transaction's epoch with it"},
	},
})

func delayed(version model.TransactionVersion, init bool) World {
	return World{Cluster: version, Closes: "C",
		Producers: one(with(does(version, commits(0), aborts(0)), func(c *plain.Config) { c.InitOnUnknown = init }))}
}

// DelayedMarker is a marker that comes when its transaction is long over.
var DelayedMarker = race(scenario.Scenario[struct{}, World]{
	Name:  "delayed-marker",
	Title: "A late marker ends half of the next transaction",
	Stake: "The coordinator's connection to a leader breaks, and it sends its markers again on a new one. " +
		"The transaction is complete, the next one has begun, and then the first marker arrives. " +
		"Before Kafka 4.2 the leader takes it for the end of what is open now.",
	Do:      "Use Kafka 4.2 or later with TV2.",
	Fixed:   "Kafka 4.2, TV2",
	Sources: []string{"KAFKA-19446", "ProducerAppendInfo.checkProducerEpoch", "found by search here, on the way to delayed-end-txn"},
	Code:    []string{"model/broker/partition_log.go", "model/coordinator/marker_channel.go"},
	Claims:  []*claim{noAbortedRead, noTorn, noLostWrite, stableMoves},
	Symptoms: []scenario.Symptom{{
		Seen:     []scenario.Seen{{Text: "a record of an aborted transaction is read, after a leader's connection broke"}},
		Cause:    "A marker was sent again, and the first one arrived during the next transaction.",
		Variants: []string{"kafka-4.0"},
		Also:     ", TV2; all, TV1",
		Do:       "Use Kafka 4.2 or later and a client with TV2.",
		Command:  scenario.Command("run", "delayed-marker"),
	}},
	Schedule: `
		A start; A->C InitProducerId; A await id; A begin; A->B0 Produce; B0->C AddPartitionsToTxn
		C->B0 AddPartitionsToTxn response; A await produce; A->C EndTxn; A await end; A begin#2; network cut B0->C
		B0->C cut; C.reconnect-B0 fires; A->B0 Produce#2; C->B0/2 WriteTxnMarkers; B0->C/2 WriteTxnMarkers response
		B0->C AddPartitionsToTxn#2; C->B0 AddPartitionsToTxn response#2; C->B0 WriteTxnMarkers; A await produce#2
		A->C EndTxn#2; A await end#2; C->B0/2 WriteTxnMarkers#2; B0->C/2 WriteTxnMarkers response#2`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "kafka-4.0", Is: lateMarker(tv2, model.Rules{Release: model.Kafka4_1}), Release: "Kafka 4.0 to 4.1, TV2", Does: "accepts a marker of the partition's own epoch, which is that of the next transaction", Expect: expect{scenario.Breaks(noAbortedRead).Because("the late marker has the epoch of the next transaction")}},
		{Name: "tv1", Is: lateMarker(tv1, model.Rules{}), Release: "all Kafka, TV1", Does: "likewise; a late EndTxn does the same there", Expect: expect{scenario.Breaks(noAbortedRead).Because("the late marker has the epoch of the next transaction")}},
		{Name: "kafka-4.2", Is: lateMarker(tv2, model.Rules{Release: model.Kafka4_2}), Release: "Kafka 4.2 and later, TV2", Does: "wants a newer epoch, while a transaction is open"},
	},
})

func lateMarker(version model.TransactionVersion, rules model.Rules) World {
	return World{Rules: rules, Cluster: version, Faults: sim.Faults{Cuts: 1}, Producers: one(does(version, commits(0), aborts(0)))}
}

// HangingTransaction is a late record that opens a transaction nobody ends.
var HangingTransaction = race(scenario.Scenario[struct{}, World]{
	Name:  "hanging-transaction",
	Title: "A late record opens a transaction that nobody ends",
	Stake: "A Produce gets no answer in time, so the client aborts, and the abort marker is written. " +
		"Then the Produce arrives, and opens a transaction that the coordinator knows nothing of. " +
		"No read_committed consumer ever gets past it.",
	Do:      "Use brokers of Kafka 3.6 or later. kafka-transactions.sh find-hanging and abort end one by hand.",
	Fixed:   "Kafka 3.6",
	Sources: []string{"KAFKA-14402", "KIP-890, part 1", "KIP-664"},
	Code:    []string{"model/broker/partition_log.go", "model/broker/produce.go"},
	Claims:  []*claim{stableMoves, noAbortedRead},
	Symptoms: []scenario.Symptom{{
		Seen:     []scenario.Seen{{Text: "read_committed consumers stand still, and the last stable offset does not move"}},
		Cause:    "A late record has opened a transaction after its abort marker.",
		Variants: []string{"kafka-3.5"},
		Do:       "Use brokers of Kafka 3.6 or later; end what hangs with kafka-transactions.sh.",
		Command:  scenario.Command("run", "hanging-transaction"),
	}},
	Schedule: `
		A start; A->C InitProducerId; A await id; A begin; A->C AddPartitionsToTxn; A await add; timeout time out
		A await produce; A redial B0; A->C EndTxn; A await end; C->B0 WriteTxnMarkers; A->B0 Produce
		B0->C WriteTxnMarkers response; A->C InitProducerId#2; A await id#2`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "kafka-3.5", Is: late(tv1, model.Rules{Release: model.Kafka3_5}, false, commits(0)), Release: "Kafka 0.11 to 3.5", Does: "lets any transactional batch in", Expect: expect{scenario.Breaks(stableMoves).Because("nobody asks the coordinator, which has ended the transaction")}},
		{Name: "kafka-3.6", Is: late(tv1, model.Rules{Release: model.Kafka3_6}, false, commits(0)), Release: "Kafka 3.6 to 3.9", Does: "asks the coordinator before a batch begins a transaction"},
		{Name: "tv2", Is: late(tv2, model.Rules{}, false, commits(0)), Release: "Kafka 4.3, TV2", Does: "adds the partition by itself, at the epoch of the batch"},
	},
})

// late has a producer give up on a record that may still arrive.
func late(version model.TransactionVersion, rules model.Rules, noBump bool, transactions ...plain.Transaction) World {
	return World{Rules: rules, Cluster: version, Closes: "B0",
		Producers: one(with(does(version, transactions...), func(c *plain.Config) { c.GivesUp, c.NoBump = true, noBump }))}
}

// LateRecord is a late record that becomes a part of the next transaction.
var LateRecord = race(scenario.Scenario[struct{}, World]{
	Name:  "late-record-joins-next",
	Title: "A late record joins the next transaction",
	Stake: "As in hanging-transaction, but the next transaction has added the same partition. " +
		"So the coordinator says that the late record belongs to it, and its commit commits what was aborted.",
	Do:      "Use TV2, or a client that asks for a new epoch after an error (KIP-360).",
	Fixed:   "Kafka 4.0, TV2",
	Sources: []string{"KIP-890", "KIP-360"},
	Code:    []string{"model/broker/partition_log.go", "model/coordinator/add_partitions_to_txn.go"},
	Claims:  []*claim{noAbortedRead, stableMoves},
	Schedule: `
		A start; A->C InitProducerId; A await id; A begin; A->C AddPartitionsToTxn; A await add; timeout time out
		A await produce; A redial B0; A->C EndTxn; A await end; A begin#2; C->B0 WriteTxnMarkers; A->B0 Produce
		B0->C WriteTxnMarkers response; A->C AddPartitionsToTxn#2; B0->C AddPartitionsToTxn; A await add#2
		C->B0 AddPartitionsToTxn response; A->B0/2 Produce; A await produce#2; A->C EndTxn#2; A await end#2
		C->B0 WriteTxnMarkers#2; B0->C WriteTxnMarkers response#2`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "same-epoch", Is: late(tv1, model.Rules{}, true, commits(0), commits(0)), Release: "Kafka 3.6 and later, TV1, a client without KIP-360", Does: "keeps the epoch after an abort", Expect: expect{scenario.Breaks(noAbortedRead).Because("the late record has the epoch of the next transaction, which has the partition")}},
		{Name: "kip-360", Is: late(tv1, model.Rules{}, false, commits(0), commits(0)), Release: "Kafka 3.6 and later, TV1, a client with KIP-360", Does: "asks for a new epoch after an error"},
		{Name: "tv2", Is: late(tv2, model.Rules{}, false, commits(0), commits(0)), Release: "Kafka 4.0 and later, TV2", Does: "ends each transaction's epoch with it"},
	},
})

// VerificationABA is a proof from before a marker.
var VerificationABA = race(scenario.Scenario[struct{}, World]{
	Name:  "verification-aba",
	Title: "A proof from before the marker lets a record in after it",
	Stake: "The coordinator has said that a record belongs to the transaction. " +
		"Before the leader writes it the transaction is aborted, marker and all. " +
		"If the leader still trusts the answer, the record opens a transaction that nobody ends.",
	Do:      "Nothing: no release had it.",
	Fixed:   "Kafka 3.6",
	Sources: []string{"KAFKA-14884", "VerificationGuard"},
	Code:    []string{"model/broker/partition_log.go", "model/broker/producer_state.go"},
	Claims:  []*claim{stableMoves, noAbortedRead},
	Schedule: `
		A start; A->C InitProducerId; A await id; A begin; A->C AddPartitionsToTxn; A await add; timeout time out
		A await produce; A redial B0; A->B0 Produce; B0->C AddPartitionsToTxn; A->C EndTxn; A await end
		C->B0 WriteTxnMarkers; C->B0 AddPartitionsToTxn response; B0->C WriteTxnMarkers response; A->C InitProducerId#2
		A await id#2`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "kept-proof", Is: late(tv1, model.Rules{Release: model.Kafka3_6, Without: model.GuardPerTransaction}, false, commits(0)), Release: "candidates of Kafka 3.6", Does: "keeps the answer over a marker", Expect: expect{scenario.Breaks(stableMoves).Because("the proof is from before the marker")}},
		{Name: "kafka-3.6", Is: late(tv1, model.Rules{Release: model.Kafka3_6}, false, commits(0)), Release: "Kafka 3.6 and later", Does: "voids it with the marker"},
	},
})

// CompletionRace is the next transaction's first record while the last one is open.
var CompletionRace = race(scenario.Scenario[struct{}, World]{
	Name:  "tv2-completion-race",
	Title: "A record is taken for one of the transaction before its own",
	Stake: "EndTxn is answered with the next epoch while the markers are still on their way. " +
		"The next record finds the last transaction open on its partition. " +
		"If the leader does not compare epochs it lets the record in without asking, and the late marker ends it.",
	Do:      "Nothing: no release had it.",
	Fixed:   "Kafka 4.0",
	Sources: []string{"KAFKA-18575", "KAFKA-18654"},
	Code:    []string{"model/broker/partition_log.go"},
	Claims:  []*claim{noAbortedRead, noFailure, noLostWrite, stableMoves},
	Schedule: `
		A start; A->C InitProducerId; A await id; A begin; A->B0 Produce; B0->C AddPartitionsToTxn
		C->B0 AddPartitionsToTxn response; A await produce; A->C EndTxn; A await end; A begin#2; A->B0 Produce#2
		C->B0 WriteTxnMarkers; A await produce#2; B0->C WriteTxnMarkers response; A->C EndTxn#2; A await end#2; A begin#3
		A->B0 Produce#3; B0->C AddPartitionsToTxn#2; C->B0 AddPartitionsToTxn response#2; A await produce#3; A->C EndTxn#3
		A await end#3; C->B0 WriteTxnMarkers#2; B0->C WriteTxnMarkers response#2`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "any-epoch", Is: next(model.AddAtSameEpoch), Release: "candidates of Kafka 4.0", Does: "adds nothing while any transaction of the producer is open", Expect: expect{scenario.Breaks(noAbortedRead).Because("the record joins the transaction that is still open"), scenario.Breaks(noFailure).Because("the partition is not in the transaction that it belongs to")}},
		{Name: "void-proof", Is: next(model.GuardOfNext), Release: "candidates of Kafka 4.0", Does: "compares epochs; the marker voids the proof of the next transaction", Expect: expect{scenario.Breaks(noFailure).Because("the marker of the last transaction voids the proof of the next one")}},
		{Name: "kafka-4.0", Is: next(0), Release: "Kafka 4.0 and later", Does: "compares epochs, and keeps the proof of the next one"},
	},
})

func next(without model.Rule) World {
	return World{Rules: model.Rules{Release: model.Kafka4_0, Without: without}, Producers: one(does(tv2, commits(0), aborts(0), commits(0)))}
}

// Upgrade is the change of the protocol's version between two transactions.
var Upgrade = race(scenario.Scenario[struct{}, World]{
	Name:  "upgrade-in-between",
	Title: "A client goes from TV1 to TV2 between two transactions",
	Stake: "A TV1 transaction ends without a new epoch, and its markers are on their way. " +
		"The client goes on under TV2, which leaves it to the leader to add the partition. " +
		"The leader finds a transaction of this epoch open, and takes the record for a part of it.",
	Do:      "Nothing: no release had it.",
	Fixed:   "Kafka 4.0",
	Sources: []string{"KAFKA-18227", "TransactionManager.beginCompletingTransaction"},
	Code:    []string{"model/producer/plain/producer.go", "model/broker/partition_log.go"},
	Claims:  []*claim{noAbortedRead, stableMoves, goesOn},
	Schedule: `
		A start; A->C InitProducerId; A await id; A begin; A->C AddPartitionsToTxn; A await add; A->B0 Produce
		B0->C AddPartitionsToTxn; C->B0 AddPartitionsToTxn response; A await produce; A->C EndTxn; A await end; A begin#2
		A->B0 Produce#2; C->B0 WriteTxnMarkers; A await produce#2; B0->C WriteTxnMarkers response; A->C EndTxn#2
		A await end#2`,
	Variants: []scenario.Variant[struct{}, World]{
		{Name: "no-bump", Is: upgraded(true), Release: "candidates of Kafka 4.0", Does: "keeps the epoch", Expect: expect{scenario.Breaks(noAbortedRead).Because("the record joins the transaction that is still open")}},
		{Name: "bump", Is: upgraded(false), Release: "Kafka 4.0 and later", Does: "asks for a new epoch first"},
	},
})

func upgraded(noBump bool) World {
	second := aborts(0)
	second.Upgrade = true
	return World{Producers: one(with(does(tv1, commits(0), second), func(c *plain.Config) { c.NoBump = noBump }))}
}
