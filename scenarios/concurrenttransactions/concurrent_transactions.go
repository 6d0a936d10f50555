// Package concurrenttransactions is the window between the answer to EndTxn and the
// transaction's completion, and what clients make of it.
package concurrenttransactions

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/app"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/model/producer"
	"racelab/model/producer/java"
	"racelab/model/producer/kgo"
	"racelab/model/producer/sarama"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct {
	Transactions, Records int
	Max                   int
	Backoff               time.Duration
	ProducerMax           int
	TooLarge              int
	Pause                 time.Duration
	Inside                time.Duration
	Commit, Repeat        bool
	Flush                 bool
	Timeout               time.Duration
	LoadError             time.Duration
	Tries                 int
	BrokerRetry           time.Duration
	Timed                 bool
	Lag                   sim.Delay
	Seed                  int
	// Silences is how many requests to the coordinator may be left unanswered, whether it has heard
	// of them or not. No flag has it: conform's test says which.
	Silences    int
	ReadTimeout time.Duration // Net.ReadTimeout of Sarama, RequestTimeoutOverhead of franz-go
}

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Transactions, "transactions", 2, 1, 1000, "transactions, one after the other")
	f.Int(&p.Records, "records", 1, 1, 10, "records of each, to two partitions in turn")
	f.Int(&p.Max, "max", 50, 0, 1000, "Producer.Transaction.Retry.Max of Sarama; 0 in fewest-retries, the two retries and the pause")
	f.Duration(&p.Backoff, "backoff", 100*time.Millisecond, "Producer.Transaction.Retry.Backoff of Sarama, retry.backoff.ms of Java")
	f.Int(&p.ProducerMax, "producer-max", 3, 0, 100, "Producer.Retry.Max of Sarama, 1 there; Sarama refuses 0")
	f.Int(&p.TooLarge, "too-large", 1, 0, 1000, "the transaction, from 1, whose first record is larger than the broker allows; 0 is none")
	f.Duration(&p.Pause, "pause", 100*time.Millisecond, "what delay-between waits before a transaction, app-retry and txn-retry before they try again")
	f.Int(&p.Tries, "tries", 3, 1, 100, "how often txn-retry tries a transaction")
	f.Duration(&p.Inside, "inside", 0, "how long after its record, which nobody waits for, the second transaction ends; 0 is: it is like the others")
	f.Switch(&p.Commit, "ends", "abort", "commit", false, "how it ends there")
	f.Switch(&p.Repeat, "repeat", "no", "yes", false, "whether a commit there that came back with a TimeoutException is called again; if not, the transaction is aborted")
	f.Switch(&p.Flush, "flush", "no", "yes", false, "what is buffered is got rid of before it is aborted there: AbortBufferedRecords of franz-go, the others do it by themselves")
	f.Duration(&p.Timeout, "timeout", 0, "when the context of franz-go's EndTransaction ends there, from the call on, and max.block.ms of Java; 0 is never. Sarama's calls take none")
	f.Duration(&p.LoadError, "load-error", 0, "when franz-go's metadata loses the topic, once; 0 is never")
	f.Duration(&p.BrokerRetry, "broker-retry", 100*time.Millisecond, "how long, under TV2, the broker tries by itself to add a partition")
	f.Switch(&p.Timed, "clock", "untimed", "timed", false, "timed, or untimed: whatever can happen may happen at any time")
	f.Delay(&p.Lag, "lag", "50ms", "timed: from EndTxn's answer to the transaction's completion")
	f.Int(&p.Seed, "seed", 0, 0, 1_000_000, "of what is drawn of the lag")
}

// Client is a client with its application.
type Client struct {
	// Sinks says that for each leader it has a goroutine, which has the connection.
	Sinks bool
	// Sender says that it has a thread which has all connections.
	Sender bool
	// Make makes it, and says what its application does.
	Make func(p Params, coordinator *sim.Conn, leaders []*sim.Conn, dial Dial) (producer.TxnClient, app.TxnPlan)
}

// Dial connects a task to a node.
type Dial func(task, node string) *sim.Conn

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

// Untimed, the window lasts as long as it likes, so every budget runs out; it is
// made small there: of 1 x 2 tries, Producer.Retry.Max 1 being the least that Sarama
// accepts. Timed, nothing but backoffs and markers takes time.
var (
	untimed       = &setting{Name: "untimed", Set: func(p *Params) { p.TooLarge, p.Max, p.ProducerMax = 0, 1, 1 }}
	three         = &setting{Name: "three", Set: func(p *Params) { p.TooLarge, p.Transactions, p.Max, p.ProducerMax = 0, 3, 0, 1 }}
	twoPartitions = &setting{Name: "two-partitions", Set: func(p *Params) { p.TooLarge, p.Records, p.Max, p.ProducerMax = 0, 2, 0, 1 }}
	tooLarge      = &setting{Name: "too-large", Set: func(p *Params) { p.Max, p.ProducerMax = 0, 1 }}
	lag50ms       = &setting{Name: "50ms", Set: func(p *Params) { p.TooLarge, p.Timed, p.Transactions = 0, true, 3 }}
	lag5s         = &setting{Name: "5s", Set: func(p *Params) { p.TooLarge, p.Timed, p.Transactions, p.Lag = 0, true, 3, sim.Constant(5*time.Second) }}
	tooLarge50ms  = &setting{Name: "too-large-50ms", Set: func(p *Params) { p.Timed = true }}
	inside        = &setting{Name: "abort-inside", Set: func(p *Params) {
		p.TooLarge, p.Timed, p.Transactions, p.Lag, p.Inside = 0, true, 3, sim.Constant(505*time.Millisecond), 50*time.Millisecond
	}}
	insideFlushed = &setting{Name: "abort-flushed", Set: func(p *Params) { inside.Set(p); p.Flush = true }}
	insideTimeout = &setting{Name: "abort-deadline", Set: func(p *Params) { inside.Set(p); p.Timeout = 100 * time.Millisecond }}
	commitTimeout = &setting{Name: "commit-deadline", Set: func(p *Params) { insideTimeout.Set(p); p.Commit = true }}
	commitRepeats = &setting{Name: "commit-repeated", Set: func(p *Params) { commitTimeout.Set(p); p.Repeat = true }}
	insideLoadErr = &setting{Name: "abort-load-error", Set: func(p *Params) { insideFlushed.Set(p); p.LoadError = 30 * time.Millisecond }}
	inside5s      = &setting{Name: "abort-inside-5s", Set: func(p *Params) { inside.Set(p); p.Lag = sim.Constant(5 * time.Second) }}
	shortBackoff  = &setting{Name: "short-backoff", Set: func(p *Params) {
		p.TooLarge, p.Timed, p.Transactions, p.Lag, p.Max, p.Backoff = 0, true, 3, sim.Constant(2*time.Second), 1, time.Millisecond
	}}
)

var (
	canWrite = &claim{Name: "begun-transactions-can-write",
		Says:     "a client that lets a transaction begin gets its records into it, in the end; the verdict says which budget ran out",
		Property: func(Params) *sim.Property { return properties.BegunTransactionsCanWrite() }}
	progress = &claim{Name: "commits-make-progress",
		Says:     "an application that begins and commits in a loop gets each transaction committed, but for one that has to fail",
		Property: func(Params) *sim.Property { return properties.CommitsMakeProgress() }}
	abortAllowsBegin = &claim{Name: "abort-allows-begin", Says: "after AbortTxn has succeeded, BeginTxn does",
		Property: func(Params) *sim.Property { return properties.AbortAllowsBegin() }}
	delayNeverFatal = &claim{Name: "delay-is-never-fatal", Says: "a coordinator that is merely slow drives no client into a fatal error",
		Property: func(Params) *sim.Property { return properties.DelayIsNeverFatal() }}
	recoverable = &claim{Name: "always-recoverable", Says: "no client is left where one more AbortTxn, BeginTxn and Send do not lead on",
		Property: func(Params) *sim.Property { return properties.AlwaysRecoverable() }}
	atomic = &claim{Name: "transactions-are-atomic", Says: "read_committed consumers see all of a transaction or nothing",
		Property: func(Params) *sim.Property { return properties.TransactionsAreAtomic(app.TransactionOf) }}
	outcome = &claim{Name: "read-committed-sees-the-outcome",
		Says: "and nothing of it before it is to be committed, nothing that is aborted, and all that is committed",
		Property: func(Params) *sim.Property {
			return properties.ReadCommittedSeesTheOutcome(app.TransactionOf)
		}}
)

// The expectations that several variants share.
var (
	runsOut = scenario.Breaks(canWrite, progress).Where(untimed, three, twoPartitions, lag5s, shortBackoff).
		Because("the window outlasts all retries")
	noAbort     = scenario.Vacuous(abortAllowsBegin).Where(untimed, twoPartitions).Because("it is the last transaction that is aborted")
	noAbort50ms = scenario.Vacuous(abortAllowsBegin).Where(lag50ms).Because("nothing is aborted")
	noAbortHere = scenario.Vacuous(abortAllowsBegin).Where(commitTimeout, commitRepeats).Because("nothing is aborted, or not with success")
	stuck       = expect{ // before 1.61.1
		runsOut, noAbort,
		scenario.Breaks(abortAllowsBegin).Where(three, lag5s, shortBackoff).
			Because("AbortTxn succeeds and leaves the client in Initializing"),
		scenario.Breaks(progress, delayNeverFatal, recoverable).Where(tooLarge, tooLarge50ms).
			Because("CONCURRENT_TRANSACTIONS on InitProducerId is fatal"),
		scenario.Breaks(recoverable).Where(three).
			Because("a second AbortTxn leads to Ready without a new epoch; the sequence number of the record that was never sent is gone, and the next one is out of order"),
		scenario.Vacuous(abortAllowsBegin, atomic, outcome).Where(tooLarge50ms).
			Because("the client is fatal before it has written anything, and AbortTxn fails"),
	}
	twoTries = scenario.Breaks(canWrite, progress).Where(inside, insideFlushed, insideTimeout, commitTimeout, commitRepeats, insideLoadErr, inside5s).
			Because("the window outlasts both tries")
	numberIsGone = scenario.Breaks(progress).Where(inside5s).
			Because("the budget runs out while AbortTxn waits: it succeeds, and asks for no new epoch. The sequence number of the record that was never sent is gone, and the next one is out of order")
	fatalAfterThat = scenario.Breaks(delayNeverFatal, recoverable).Where(inside5s).
			Because("of that the transaction fails, and its AbortTxn needs InitProducerId, where CONCURRENT_TRANSACTIONS is fatal")
	neverOpened = scenario.Breaks(delayNeverFatal, progress, abortAllowsBegin, recoverable).Where(inside).
			Because("EndTransaction does not wait for the record: the partition counts as added from when the request is built, so the abort asks for the end of a transaction that was never opened; INVALID_TXN_STATE fails the producer id for good")
	deadlineEnds = scenario.Breaks(delayNeverFatal, progress, abortAllowsBegin, recoverable).Where(insideTimeout).
			Because("the context ends while EndTransaction backs off: that returns CONCURRENT_TRANSACTIONS, which fails the producer id for good, and a second EndTransaction does nothing and returns nil")
	commitTimesOut = scenario.Breaks(progress, recoverable).Where(commitTimeout).
			Because("commitTransaction throws a TimeoutException after max.block.ms, and abortTransaction an IllegalStateException from then on, as does every call but a second commitTransaction; the sender goes on and commits")
	outOfOrder  = scenario.Breaks(recoverable).Where(lag5s).Because("a second AbortTxn leads to Ready, and the next record is out of order")
	neverAborts = expect{noAbortHere, scenario.Vacuous(abortAllowsBegin).Where(untimed, three, twoPartitions, lag50ms, lag5s, shortBackoff).
			Because("nothing is aborted, or it is the last transaction")}
)

const concurrentOperation = "The producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing"

// symptoms are how a user meets the race. The texts of Sarama were read in 1.43.0 to
// 1.61.1, those of franz-go in 1.20.7 to 1.22.3.
var symptoms = []scenario.Symptom{{
	Seen: []scenario.Seen{
		{By: "Sarama", Text: "kafka server: " + concurrentOperation},
		{By: "Sarama", Text: "txnmgr/add-partition-to-txn retrying after 20ms... (0 attempts remaining)"},
		{By: "franz-go", Text: "CONCURRENT_TRANSACTIONS: " + concurrentOperation},
		{By: "Java", Text: "ConcurrentTransactionsException"},
		{By: "librdkafka", Text: "Broker: Producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing"},
	},
	Cause:   "The coordinator has decided the last transaction, and has not written its markers yet. Until it has, it refuses the next one.",
	Also:    "all clients and brokers",
	Do:      "Use Sarama 1.61.1: before, the producer may not recover. After an error call AbortTxn until it succeeds, then repeat the whole transaction. Set the backoff that `simrun advise --window 3ms` has for your window.",
	Command: scenario.Command("run", "concurrent-transactions"),
}, {
	Seen: []scenario.Seen{
		{By: "franz-go", Text: "producer ID has a fatal, unrecoverable error, err: INVALID_TXN_STATE"},
		{By: "franz-go", Text: "invalid attempt to begin a transaction while already in a transaction"},
		{By: "franz-go", Text: "producer ID has a fatal, unrecoverable error, err: CONCURRENT_TRANSACTIONS"},
	},
	Cause:    "EndTransaction aborted while a record of the transaction was still being refused, or its context ended then.",
	Variants: []string{"kgo", "kgo-1.22.3"},
	Also:     ", TV1; under TV2 the record goes out in the next transaction",
	Do:       "Call AbortBufferedRecords before EndTransaction with TryAbort, give EndTransaction no deadline, and use franz-go 1.22.3. To go on, make a new client.",
	Command:  scenario.Command("run", "concurrent-transactions/kgo@abort-inside"),
}, {
	Seen: []scenario.Seen{
		{By: "librdkafka", Text: "Fatal transaction error: Failed to end transaction: Broker: Producer attempted a transactional operation in an invalid state (INVALID_TXN_STATE)"},
	},
	Cause:   "rd_kafka_abort_transaction while the partition was still being refused: what was refused counts as added, so EndTxn goes out for a transaction that was not opened.",
	Also:    "librdkafka, in all releases whose source was read; no model has its abort",
	Do:      "Call rd_kafka_flush before rd_kafka_abort_transaction, so that the messages are delivered first. To go on, make a new producer.",
	Command: scenario.Command("run", "concurrent-transactions/kgo@abort-inside"),
}, {
	Seen: []scenario.Seen{
		{By: "Java", Text: "timed out and must be retried"},
		{By: "Java", Text: "IllegalStateException from abortTransaction after commitTransaction threw a TimeoutException"},
	},
	Cause:    "commitTransaction gave up after max.block.ms while the transaction before was still being completed; its sender goes on.",
	Variants: []string{"java"},
	Also:     ", and Java 4 as far as it was read",
	Do:       "After a TimeoutException call commitTransaction again, until it returns or throws something else; do not abort. Or close the producer.",
	Command:  scenario.Command("run", "concurrent-transactions/java@commit-deadline"),
}, {
	Seen: []scenario.Seen{
		{By: "Sarama", Text: "kafka server: The broker received an out of order sequence number"},
		{Text: "out of order sequence number after AbortTxn succeeded"},
	},
	Cause:    "The transaction was aborted while its record was still being refused, and the retries ran out then.",
	Variants: []string{"sarama-1.43", "sarama-1.49", "sarama-1.61.1"},
	Do:       "Wait for each record's success or error before AbortTxn. Call AbortTxn once more, and repeat the transaction.",
	Command:  scenario.Command("explore", "concurrent-transactions/sarama-1.61.1@abort-inside-5s"),
}}

// Scenario is the race. A variant is a client with its application.
var Scenario = scenario.Scenario[Params, Client]{
	Name:  "concurrent-transactions",
	Title: "The next transaction begins before the last one is complete",
	Stake: "The coordinator answers EndTxn once its decision is in the transaction log, and has the markers written after " +
		"that, on its own; until the last one is, it refuses the next transaction. " +
		"The client says that it is ready all the same, and whether its application ever hears of the refusal depends on " +
		"two budgets of retries, one inside the other, and on the time that they come to. " +
		"When they run out, the error is the smaller loss: some releases are left in a state that the documented " +
		"calls do not lead out of.",
	Do: "Use Sarama 1.61.1 or later. On an error call AbortTxn until it succeeds, then repeat the whole transaction; set the backoff by simrun advise. " +
		"Before 1.61.1 look at TxnStatus after AbortTxn: unless it has Ready, close the client and make a new one. " +
		"Abort no transaction while a record of it is on its way: with franz-go call AbortBufferedRecords first. " +
		"With Java's client repeat a commitTransaction that throws a TimeoutException, and do not abort.",
	Group:    scenario.Protocol,
	Fixed:    "Sarama 1.61.1",
	Symptoms: symptoms,
	Sources: []string{
		"sarama issues 2859 and 2915",
		"transactionManager and asyncProducer of sarama 1.43.1, 1.60.1 and 1.61.1",
		"doWithConcurrentTransactions, EndTransaction and sink.doTxnReq of franz-go 1.21.6, 1.22.2 and 1.22.3; its pull request 1534",
		"rd_kafka_txn_handle_AddPartitionsToTxn, rd_kafka_txn_op_abort_transaction and rd_kafka_txn_handle_EndTxn of librdkafka 1.5.3, 1.8.2, 2.1.1, 2.3.0, 2.12.0 and 2.15.1; its issue 4849",
		"KafkaProducer, TransactionManager and TransactionalRequestResult of Kafka's Java client 3.9, and of trunk between 4.0 and 4.2, no release of which was read; TransactionCoordinator, TransactionMarkerChannelManager; KAFKA-5482, KIP-890",
	},
	Code: []string{
		"model/producer/sarama/transaction_manager.go", "model/producer/kgo/txn.go", "model/producer/kgo/txn_sink.go", "model/producer/java/transaction_manager.go", "model/producer/java/txn_sender.go",
		"model/app/transactional.go", "model/coordinator/transactions.go", "model/coordinator/marker_channel.go",
		"model/broker/produce.go", "properties/concurrent_transactions.go", "properties/transactions.go",
	},

	Flags:    (*Params).flags,
	Settings: []*setting{untimed, three, twoPartitions, tooLarge, lag50ms, lag5s, tooLarge50ms, shortBackoff, inside, insideFlushed, insideTimeout, commitTimeout, commitRepeats, insideLoadErr, inside5s},
	Claims:   []*claim{delayNeverFatal, canWrite, progress, abortAllowsBegin, recoverable, atomic, outcome},
	Variants: []scenario.Variant[Params, Client]{
		{Name: "sarama-1.43", Release: "Sarama 1.37.0 to 1.48.2",
			Does:   "tries again by two nested budgets; CONCURRENT_TRANSACTIONS on InitProducerId is fatal",
			Is:     Sarama(sarama.Release1_43_1),
			Expect: append(expect{outOfOrder, noAbort50ms, noAbortHere, numberIsGone, fatalAfterThat}, stuck...)},
		{Name: "sarama-1.49", Release: "Sarama 1.49.0 to 1.61.0",
			Does:   "likewise, and backs off before it sends a refused batch again",
			Is:     Sarama(sarama.Release1_49_0),
			Expect: append(expect{outOfOrder, noAbort50ms, noAbortHere, numberIsGone, fatalAfterThat}, stuck...)},
		{Name: "sarama-1.61.1", Release: "Sarama 1.61.1",
			Does:   "likewise, but InitProducerId is tried again, and AbortTxn always asks for the new epoch that it goes to Initializing for",
			Is:     Sarama(sarama.Release1_61_1),
			Expect: expect{runsOut, noAbort, noAbort50ms, noAbortHere, numberIsGone}},
		{Name: "kgo", Release: "franz-go 1.21.4 to 1.22.2, TV1",
			Does: "tries again until the context ends: every 20 ms, and less often after 1, 2.5 and 5 s",
			Is:   Kgo(kgo.Release1_22_2, model.TV1),
			Expect: append(expect{neverOpened, deadlineEnds, scenario.Breaks(delayNeverFatal, progress, abortAllowsBegin, recoverable).Where(insideLoadErr).
				Because("a load error of the metadata fails the record while its partition is being added; Flush sees nothing buffered, and it goes on as without")}, neverAborts...),
			SlowIn: []*setting{three}},
		{Name: "kgo-1.22.3", Release: "franz-go 1.22.3, TV1",
			Does:   "likewise, but Flush waits for a partition that is being added, and AbortBufferedRecords ends that",
			Is:     Kgo(kgo.Release1_22_3, model.TV1),
			Expect: append(expect{neverOpened, deadlineEnds}, neverAborts...), SlowIn: []*setting{untimed, three, twoPartitions, tooLarge}},
		{Name: "java", Release: "Java 3.9, TV1",
			Does:   "tries the first add again every 20 ms, all else every retry.backoff.ms, and does not count",
			Is:     Java(model.TV1),
			Expect: append(expect{commitTimesOut}, neverAborts...)},
		{Name: "java-4", Release: "Kafka's Java client, trunk between 4.0 and 4.2 (no release was read), TV2 (KIP-890)",
			Does:   "leaves it to the broker to add a partition; a batch that still comes back goes again after retry.backoff.ms, which doubles up to a second",
			Is:     Java(model.TV2),
			Expect: append(expect{commitTimesOut}, neverAborts...)},
		{Name: "fewest-retries", Release: "the fewest retries that Sarama 1.43.1 accepts",
			Does:   "tries twice: Transaction.Retry.Max is 0, and Producer.Retry.Max 1",
			Is:     fewestRetries(sarama.Release1_43_1, func(Params, *app.TxnPlan) {}),
			Expect: append(expect{noAbort50ms, twoTries}, stuck...)},
		{Name: "app-retry", Release: "a write-up, on fewest-retries",
			Does:   "the application calls BeginTxn in a loop for as long as that answers CONCURRENT_TRANSACTIONS",
			Is:     fewestRetries(sarama.Release1_43_1, func(p Params, plan *app.TxnPlan) { plan.BeginRetry = p.Pause }),
			Expect: append(expect{noAbort50ms, twoTries}, stuck...)},
		{Name: "txn-retry", Release: "app-retry where it can work, on Sarama 1.61.1",
			Does: "the application aborts the transaction, until that succeeds, and does all of it again",
			Is:   fewestRetries(sarama.Release1_61_1, func(p Params, plan *app.TxnPlan) { plan.Tries = p.Tries }),
			Expect: expect{
				scenario.Breaks(canWrite).Where(untimed, three, twoPartitions, tooLarge, lag5s, shortBackoff, inside, insideFlushed, insideTimeout, commitTimeout, commitRepeats, insideLoadErr, inside5s).
					Because("its client has too few retries; its application makes up for that"),
				noAbort50ms,
			}},
		{Name: "delay-between", Release: "a write-up, on fewest-retries",
			Does: "the application waits before it begins the next transaction",
			Is:   fewestRetries(sarama.Release1_43_1, func(p Params, plan *app.TxnPlan) { plan.Pause = p.Pause }),
			Expect: append(expect{
				noAbort50ms, twoTries,
				scenario.Vacuous(delayNeverFatal).Where(lag50ms).Because("the pause is longer than the window"),
			}, stuck...)},
		{Name: "tv2", Release: "franz-go 1.21.4 to 1.22.3, TV2 (KIP-890)",
			Does: "leaves it to the broker to add a partition and to try again; what still comes back waits for the metadata",
			Is:   Kgo(kgo.Release1_22_2, model.TV2),
			Expect: append(expect{deadlineEnds, scenario.Breaks(outcome).Where(inside).
				Because("the record that nobody waited for is still buffered after EndTransaction, and goes out in the next transaction")}, neverAborts...)},
	},
	Schedule: `
		app start
		app->coordinator InitProducerId; app await id
		app begin
		app->coordinator AddPartitionsToTxn; app await add
		app->B0 Produce; B0->coordinator AddPartitionsToTxn; coordinator->B0 AddPartitionsToTxn response; app await produce
		app abort
		app->coordinator EndTxn; app await end
		app->coordinator InitProducerId#2; app await id#2`,
	Story: `
		app->coordinator InitProducerId#2 before coordinator->B0 WriteTxnMarkers
		app await id#2 before coordinator->B0 WriteTxnMarkers
		coordinator->B0 WriteTxnMarkers before app.client.sleep fires
		B0->coordinator WriteTxnMarkers response before app.client.sleep fires
		B0->coordinator WriteTxnMarkers response#2 before consumer fetch`,
	Statements: []scenario.Statement{
		{
			ID:       "C0.1",
			Says:     "The error comes when a transaction begins right after a commit, because the coordinator answers once PrepareCommit is written and writes CompleteCommit later, on its own.",
			Verdict:  scenario.True,
			Evidence: "The search needs no more than that: EndTxn answered, the next AddPartitionsToTxn before the markers. The transition to CompleteCommit is pending from before the answer until the last marker is written. A transaction that is aborted has the same window: there InitProducerId meets it.",
			Command:  "simrun explore concurrent-transactions/fewest-retries@untimed",
		},
		{
			ID:       "C0.2",
			Says:     "It shows at the add-partitions step; the client retries and may fail in the end.",
			Verdict:  scenario.True,
			Evidence: "At a lag of 50 ms the first add of each transaction is refused three times, and all commit. At 5 s the send fails at 4.38 s, after 4 x 51 tries (in 1.48.0 to 1.48.2, which do not back off in between, at 4.08 s). After an abort that needs a new epoch it shows at InitProducerId, which before 1.61.1 is fatal.",
			Command:  "go test ./scenarios -run 'TestSaramaAtALagOf|TestSaramaAfterAProduceError'",
		},
		{
			ID:       "C0.3",
			Says:     "Short Retry.Backoff makes it likelier.",
			Verdict:  scenario.PartlyTrue,
			When:     "when answers are counted, and not transactions",
			Evidence: "Whether a transaction meets the window is a matter of the window and of the gap before it: at 3 ms 99 of 100 do that follow at once, at any backoff. A short one is refused more often each time, 1.7 times at 1 ms. It fails only if all its tries together are shorter than the window: with 10 retries, Producer.Retry.Max 1 (the least that Sarama accepts) and one window of 300 ms in fifty, 2.2 % fail at a backoff up to 8 ms, one of 4,000 at 15 ms, and none from 20 ms on; at Producer.Retry.Max 3, the default, nothing fails at any backoff.",
			Command:  "simrun sweep backoff-retries",
			Figure:   "figures/gallery/backoff-retries.png",
		},
		{
			ID:       "C0.4",
			Says:     "Raise Producer.Transaction.Retry.Max, set Backoff to about 100 ms.",
			Verdict:  scenario.PartlyTrue,
			When:     "Max yes, Backoff no",
			Evidence: "Max decides what fails. Backoff above 20 ms changes nothing, because the first add waits 20 ms at most: at a window of 3 ms 42 commits a second at 20 ms, at 100 ms and at 2 s, and 155 at 1 ms. Where 100 ms is really waited (a BackoffFunc, or librdkafka's second add, which was measured) it is ten commits a second.",
			Command:  "simrun sweep backoff",
			Figure:   "figures/gallery/backoff.png",
		},
		{
			ID:       "C0.6",
			Says:     "A pause between transactions solves it, at the price of throughput.",
			Verdict:  scenario.PartlyTrue,
			When:     "when the pause is longer than the window, and then throughput may well rise",
			Evidence: "At a window of 3 ms and the default backoff a pause of 5 ms raises 42 commits a second to 102: it is cheaper than the 20 ms after a refusal. A backoff of 1 ms needs no pause, and commits 155; there a pause does cost.",
			Command:  "simrun sweep transaction-pause",
			Figure:   "figures/gallery/transaction-pause.png",
		},
		{
			ID:       "C0.9",
			Says:     "Shorter backoff: more throughput, more conflicts; longer: steadier, slower. Load-test to find the best; monitor and alert.",
			Verdict:  scenario.PartlyTrue,
			When:     "when it is below 20 ms, and steadier is not better",
			Evidence: "From 20 ms to 1 ms throughput rises 3.7 times, requests to the coordinator 4.6 times. A longer one is steadier (p50 and p99 are both 24 ms at 20 ms) and worse in both: 5 and 13 ms at 1 ms. What is best follows from the window and the round trip, which a broker's log tells: simrun advise.",
			Command:  "simrun sweep backoff",
			Figure:   "figures/gallery/backoff-load.png",
		},
		{
			ID:       "C0.5",
			Says:     "An application loop around BeginTxn that sleeps and retries on ErrConcurrentTransactions solves it.",
			Verdict:  scenario.False,
			Evidence: "BeginTxn asks nobody and never returns that error, so the loop never turns: app-retry has just the states of fewest-retries. The loop must stand around the whole transaction: AbortTxn until it succeeds, then all of it again (txn-retry, from 1.61.1 on). Before 1.61.1 AbortTxn succeeds and leaves a client that refuses BeginTxn.",
			Command:  "simrun explore concurrent-transactions/app-retry",
		},
		{
			ID:       "C0.7",
			Says:     "The Java client treats the error as retriable with a short backoff; Sarama does the same but needs its parameters set.",
			Verdict:  scenario.PartlyTrue,
			When:     "when the window is longer than 4.38 s",
			Evidence: "Java tries the first add again every 20 ms, all else every retry.backoff.ms. So does Sarama by its defaults, up to 4 x 51 tries or 4.38 s; only InitProducerId was not tried again, before 1.61.1, and no parameter changed that. Both take 39.2 ms a transaction at a window of 30 ms.",
			Command:  "go test ./scenarios -run 'TestPeriodOfTransactions|TestSaramaAtALagOf5s'",
		},
		{
			ID:       "C0.8",
			Says:     "States: Uninitialized, Ready, InTransaction, CommittingTransaction, AbortingTransaction, AbortableError, FatalError; TxnStatus lets the application choose its reaction.",
			Verdict:  scenario.PartlyTrue,
			When:     "when Initializing is added",
			Evidence: "They are bits, some set together: EndTransaction with Committing or Aborting, InError with Abortable or Fatal. The list lacks Initializing, where releases before 1.61.1 are left after an AbortTxn that succeeded. TxnStatus tells, and what to do about it no documentation does: a second AbortTxn leads to Ready, and the next record is answered OUT_OF_ORDER_SEQUENCE_NUMBER.",
			Command:  "simrun explore concurrent-transactions/sarama-1.49@5s",
		},
		{
			ID:       "C1.2",
			Says:     "Transactions need enable.idempotence, a unique transactional.id, and a broker switch transaction.state.log.enable.",
			Verdict:  scenario.PartlyTrue,
			When:     "when the switch is left out",
			Evidence: "There is no such switch: the settings that begin with transaction.state.log say how the log is kept. Clients refuse a transactional id without idempotence. Unique: who comes second with an id fences the first, whose requests are then answered PRODUCER_FENCED.",
			Command:  "go test ./model/coordinator -run TestFence",
		},
		{
			ID:       "C1.4",
			Says:     "Producer states BEGIN, READY, COMMITTING, ROLLING_BACK, UNKNOWN; after a restart the producer asks for the state of its unfinished transaction and completes it.",
			Verdict:  scenario.False,
			Evidence: "No client has these states; for those it has, see C0.8. After a restart InitProducerId aborts what is open and answers CONCURRENT_TRANSACTIONS until that is done; what is decided, the coordinator completes. Nothing tells the producer how it ended.",
			Command:  "go test ./model/coordinator -run TestInitProducerID",
		},
		{
			ID:       "C1.10",
			Says:     "Of a relational database: commit in batches of 100 to 1,000; a table of commit-each, commit-all and commit-in-batches against throughput, risk of loss and lock time.",
			Verdict:  scenario.PartlyTrue,
			When:     "when it is asked of a database: Kafka's transactions stop costing at 10,000 records",
			Evidence: "Another system; of Kafka's transactions, with records of 10 us: 100 a transaction leave 4 % of the throughput by Sarama's defaults and 13 % at a backoff of 2 ms, 1,000 leave 30 % and 59 %, 10,000 leave 81 % and 93 %. What is not committed is not lost but read again; what corresponds to a lock is that read_committed consumers wait for the end of the transaction, so for as long as its records take.",
			Command:  "simrun sweep transaction-size",
			Figure:   "figures/gallery/transaction-size.png",
		},
		{
			ID:       "C1.12",
			Says:     "Sarama's API: TransactionalfID, RollbackTxn, a TransactionProducer interface.",
			Verdict:  scenario.False,
			Evidence: "There is Config.Producer.Transaction.ID, and BeginTxn, CommitTxn, AbortTxn, TxnStatus, AddOffsetsToTxn and AddMessageToTxn of AsyncProducer and SyncProducer.",
			Command:  "cd witness/conform && go doc github.com/IBM/sarama.AsyncProducer",
		},
	},
	Build: build,
}

// build makes an application with its client, the coordinator, a leader for each
// partition, and a consumer.
func build(w *sim.World, client Client, p Params) {
	const brokers = 2
	config := coordinator.TransactionsConfig{TransactionalIDs: 1, ScanInterval: -1}
	marks := sim.Delay{}
	interval, fetches := time.Duration(0), 1
	if p.Timed {
		config.ScanInterval = 0 // the default
		marks, interval, fetches = p.Lag, time.Second, 8
	}
	partitions := min(p.Records, brokers)
	for i := range partitions {
		config.Brokers = append(config.Brokers, coordinator.Broker{Name: fmt.Sprint("B", i), Partitions: []model.Partition{model.Partition(i)}})
	}
	transactions := coordinator.NewTransactions(config)
	w.AddNode("coordinator", transactions)
	caller := "app"
	if client.Sender {
		caller = "sender"
	}
	var markers, writes, reads []*sim.Conn
	for i := range partitions {
		name := fmt.Sprint("B", i)
		b := broker.Config{
			Partitions: []model.Partition{model.Partition(i)}, ProduceRequests: 1, RetryBackoffMax: p.BrokerRetry,
			MarkerAppend: marks, Draws: sim.NewRandom(uint64(p.Seed), "markers of "+name),
		}
		if b.RetryBackoffMax == 0 {
			b.RetryBackoffMax = -1
		}
		if p.TooLarge > 0 {
			b.Refusals = []broker.Refusal{{Record: model.Record(10 * (p.TooLarge - 1)), Error: model.ErrMessageTooLarge}}
		}
		node := broker.New(b)
		w.AddNode(name, node)
		markers = append(markers, w.Dial("coordinator", name))
		node.Connect(w.Dial(name, "coordinator"))
		writer := caller
		if client.Sinks {
			writer = sinkName(i)
		}
		writes, reads = append(writes, w.Dial(writer, name)), append(reads, w.Dial("consumer", name))
	}
	transactions.Connect(markers...)
	made, plan := client.Make(p, w.Dial(caller, "coordinator"), writes, w.Dial)
	plan.Inside, plan.Repeat = producer.Inside{After: p.Inside, Commit: p.Commit, Flush: p.Flush, Timeout: p.Timeout}, p.Repeat
	w.GoProgram("app", app.NewTransactional(made, plan))
	switch cl := made.(type) {
	case *java.Transactions:
		w.GoProgram("sender", cl.Sender())
	case *kgo.Transactions:
		for i, sink := range cl.Programs() {
			w.GoProgram(sinkName(i), sink)
		}
		if p.LoadError > 0 {
			w.GoProgram("metadata", &kgo.LoadError{Client: cl, After: p.LoadError})
		}
	}
	w.GoProgram("consumer", app.NewAssignedConsumer(fetches, interval, reads...))
	if p.Silences > 0 {
		w.Allow(sim.Faults{Losses: p.Silences})
	}
	if p.Timed {
		w.Timed(sim.Timing{})
	}
}

func sinkName(leader int) string { return fmt.Sprint("sink", leader) }

// plan is what every application does.
func plan(p Params, partitions int) app.TxnPlan {
	return app.TxnPlan{Transactions: p.Transactions, Records: p.Records, Partitions: partitions, Tries: 1}
}

// Sarama is a release of Sarama, and an application that aborts what fails.
func Sarama(release sarama.Release) Client {
	return Client{Make: func(p Params, coordinator *sim.Conn, leaders []*sim.Conn, _ Dial) (producer.TxnClient, app.TxnPlan) {
		plan := plan(p, len(leaders))
		plan.Budget = fmt.Sprintf("%d x %d tries (Retry.Max %d, Transaction.Retry.Max %d)", p.ProducerMax+1, p.Max+1, p.ProducerMax, p.Max)
		return sarama.NewTransactions(sarama.Config{
			Release: release, RetryMax: p.Max, RetryBackoff: p.Backoff, ProducerRetryMax: p.ProducerMax, ProducerRetryBackoff: 100 * time.Millisecond,
			ReadTimeout: p.ReadTimeout,
		}, coordinator, leaders...), plan
	}}
}

// fewestRetries is Sarama with as few retries as Config.Validate accepts, and an
// application that does something of its own.
func fewestRetries(release sarama.Release, application func(Params, *app.TxnPlan)) Client {
	return Client{Make: func(p Params, coordinator *sim.Conn, leaders []*sim.Conn, dial Dial) (producer.TxnClient, app.TxnPlan) {
		p.Max, p.ProducerMax = 0, 1
		client, plan := Sarama(release).Make(p, coordinator, leaders, dial)
		application(p, &plan)
		return client, plan
	}}
}

// Kgo is a release of franz-go on a cluster of a transaction version.
func Kgo(release kgo.Release, version model.TransactionVersion) Client {
	return Client{Sinks: true, Make: func(p Params, coordinator *sim.Conn, leaders []*sim.Conn, dial Dial) (producer.TxnClient, app.TxnPlan) {
		var sinks []kgo.SinkConns
		for i, leader := range leaders {
			sinks = append(sinks, kgo.SinkConns{Coordinator: dial(sinkName(i), "coordinator"), Leader: leader})
		}
		return kgo.NewTransactions(kgo.Config{
			Release: release, TransactionVersion: version, ConcurrentTransactionsBackoff: 20 * time.Millisecond, MetadataMinAge: 5 * time.Second,
			RequestTimeoutOverhead: p.ReadTimeout,
		}, coordinator, sinks...), plan(p, len(leaders))
	}}
}

// Java is Kafka's own client on a cluster of a transaction version: of 3.9 for TV1, of
// 4.x for TV2.
func Java(version model.TransactionVersion) Client {
	return Client{Sender: true, Make: func(p Params, coordinator *sim.Conn, leaders []*sim.Conn, _ Dial) (producer.TxnClient, app.TxnPlan) {
		return java.NewTransactions(java.Config{RetryBackoff: p.Backoff, MaxBlock: p.Timeout, TransactionVersion: version}, coordinator, leaders...), plan(p, len(leaders))
	}}
}
