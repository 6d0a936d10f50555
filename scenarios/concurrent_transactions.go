package scenarios

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
	"racelab/sim"
)

// concurrentTransactions is the window between the answer to EndTxn and the
// transaction's completion, and what clients make of it.
var concurrentTransactions = Scenario{
	Name:     "concurrent-transactions",
	Title:    "The next transaction begins before the last one is complete",
	Fixed:    "Sarama 1.61.1",
	Symptoms: concurrentTransactionsSymptoms,
	Stake: "The coordinator answers EndTxn once its decision is in the transaction log, and has the markers written after " +
		"that, on its own; until the last one is, it refuses the next transaction. " +
		"The client says that it is ready all the same, and whether its application ever hears of the refusal depends on " +
		"two budgets of retries, one inside the other, and on the time that they come to. " +
		"When they run out, the error is the smaller loss: some releases are left in a state that the documented " +
		"calls do not lead out of.",
	Do:    "Use Sarama 1.61.1 or later. On an error call AbortTxn until it succeeds, then repeat the whole transaction; set the backoff by simrun advise.",
	Group: Protocol,
	Sources: []string{
		"sarama issues 2859 and 2915",
		"transactionManager and asyncProducer of sarama 1.43.1, 1.60.1 and 1.61.1",
		"doWithConcurrentTransactions and EndTransaction of franz-go 1.22.2",
		"TransactionManager of Kafka's Java client; TransactionCoordinator, TransactionMarkerChannelManager; KAFKA-5482, KIP-890",
	},
	Code: []string{
		"model/producer/sarama/transaction_manager.go", "model/producer/kgo/txn.go", "model/producer/java/transaction_manager.go",
		"model/app/transactional.go", "model/coordinator/transactions.go", "model/coordinator/marker_channel.go",
		"model/broker/produce.go", "properties/concurrent_transactions.go", "properties/transactions.go",
	},

	Parameters: []Parameter{
		{Name: "transactions", Help: "transactions, one after the other", Default: "2", Takes: Numbers{1, 1000}},
		{Name: "records", Help: "records of each, to two partitions in turn", Default: "1", Takes: Numbers{1, 10}},
		{Name: "max", Help: "Producer.Transaction.Retry.Max of Sarama; none of no-retry, the two retries and the pause", Default: "50", Takes: Numbers{0, 1000}},
		{Name: "backoff", Help: "Producer.Transaction.Retry.Backoff of Sarama, retry.backoff.ms of Java", Default: "100ms", Takes: Durations{}},
		{Name: "producer-max", Help: "Producer.Retry.Max of Sarama, likewise", Default: "3", Takes: Numbers{0, 100}},
		{Name: "too-large", Help: "the transaction, from 1, whose first record is larger than the broker allows; 0 is none", Default: "0", Takes: Numbers{0, 1000}},
		{Name: "pause", Help: "what delay-between waits before a transaction, app-retry and txn-retry before they try again", Default: "100ms", Takes: Durations{}},
		{Name: "tries", Help: "how often txn-retry tries a transaction", Default: "3", Takes: Numbers{1, 100}},
		{Name: "broker-retry", Help: "how long, under TV2, the broker tries by itself to add a partition", Default: "100ms", Takes: Durations{}},
		{Name: "clock", Help: "timed, or untimed: whatever can happen may happen at any time", Default: "untimed", Takes: Words{"untimed", "timed"}},
		{Name: "lag", Help: "timed: from EndTxn's answer to the transaction's completion", Default: "50ms", Takes: Delays{}},
		{Name: "seed", Help: "of what is drawn of the lag", Default: "0", Takes: Numbers{0, 1_000_000}},
	},
	Variants: []Variant{
		{"no-retry", "Sarama 1.43.1 with both Retry.Max at 0", "gives the refusal to its application"},
		{"sarama-1.43", "Sarama 1.43.1", "tries again by two nested budgets; CONCURRENT_TRANSACTIONS on InitProducerId is fatal"},
		{"sarama-1.60", "Sarama 1.60.1", "likewise"},
		{"sarama-1.61.1", "Sarama 1.61.1", "likewise, but InitProducerId is tried again, and AbortTxn always asks for the new epoch that it goes to Initializing for"},
		{"kgo", "franz-go 1.22.2, TV1", "tries again until the context ends: every 20 ms, and less often after 1, 2.5 and 5 s"},
		{"java", "Kafka's Java client, TV1", "tries the first add again every 20 ms, all else every retry.backoff.ms, and does not count"},
		{"app-retry", "a write-up, on no-retry", "the application calls BeginTxn in a loop for as long as that answers CONCURRENT_TRANSACTIONS"},
		{"txn-retry", "app-retry where it can work, on Sarama 1.61.1", "the application aborts the transaction, until that succeeds, and does all of it again"},
		{"delay-between", "a write-up, on no-retry", "the application waits before it begins the next transaction"},
		{"tv2", "franz-go 1.22.2, TV2 (KIP-890)", "leaves it to the broker to add a partition and to try again; what still comes back waits for the metadata"},
	},
	// Untimed, the window lasts as long as it likes, so every budget runs out; it is
	// made small there. Timed, nothing but backoffs and markers takes time.
	Worlds: []World{
		{Name: "untimed", Set: "max=1 producer-max=1"},
		{Name: "three", Set: "transactions=3 max=1 producer-max=0", Deep: "kgo"},
		{Name: "two-partitions", Set: "records=2 max=1 producer-max=0"},
		{Name: "too-large", Set: "max=1 producer-max=0 too-large=1"},
		{Name: "50ms", Set: "clock=timed transactions=3"},
		{Name: "5s", Set: "clock=timed lag=5s transactions=3"},
		{Name: "too-large-50ms", Set: "clock=timed too-large=1"},
		{Name: "short-backoff", Set: "clock=timed lag=2s transactions=3 max=1 backoff=1ms"},
	},
	Properties: []Claimed{
		{"begun-transactions-can-write", "a client that lets a transaction begin gets its records into it, in the end; the verdict says which budget ran out"},
		{"commits-make-progress", "an application that begins and commits in a loop gets each transaction committed, but for one that has to fail"},
		{"abort-allows-begin", "after AbortTxn has succeeded, BeginTxn does"},
		{"delay-is-never-fatal", "a coordinator that is merely slow drives no client into a fatal error"},
		{"always-recoverable", "no client is left where one more AbortTxn, BeginTxn and Send do not lead on"},
		{"transactions-are-atomic", "read_committed consumers see all of a transaction or nothing"},
		{"read-committed-sees-the-outcome", "and nothing of it before it is to be committed, nothing that is aborted, and all that is committed"},
	},
	Breaks: []Expectation{
		{"no-retry sarama-1.43 sarama-1.60 sarama-1.61.1 app-retry delay-between", "begun-transactions-can-write commits-make-progress", "untimed three two-partitions 5s short-backoff"},
		{"no-retry app-retry", "begun-transactions-can-write commits-make-progress abort-allows-begin", "50ms"},
		{"no-retry sarama-1.43 sarama-1.60 app-retry delay-between", "abort-allows-begin", "three 5s short-backoff"},
		{"no-retry sarama-1.43 sarama-1.60 app-retry delay-between", "commits-make-progress delay-is-never-fatal always-recoverable", "too-large too-large-50ms"},
		// The second AbortTxn leads to Ready, without a new epoch; the sequence number
		// of the record that was never sent is gone, and the next one is out of order.
		// Where the window is still open, that is not seen yet.
		{"no-retry sarama-1.43 sarama-1.60 app-retry delay-between", "always-recoverable", "three"},
		{"sarama-1.43 sarama-1.60", "always-recoverable", "5s"},
		// Its client has no retries; its application makes up for that.
		{"txn-retry", "begun-transactions-can-write", "untimed three two-partitions too-large 50ms 5s too-large-50ms short-backoff"},
	},
	Idle: []Expectation{
		// Nobody takes a lock.
		{everyVariant, sim.NoDeadlock, "untimed three two-partitions too-large 50ms 5s too-large-50ms short-backoff"},
		// Nothing is aborted, or it is the last transaction.
		{"kgo java tv2", "abort-allows-begin", "untimed three two-partitions 50ms 5s short-backoff"},
		{"no-retry sarama-1.43 sarama-1.60 sarama-1.61.1 app-retry delay-between", "abort-allows-begin", "untimed two-partitions"},
		{"sarama-1.43 sarama-1.60 sarama-1.61.1 delay-between", "abort-allows-begin", "50ms"},
		// The pause is longer than the window.
		{"delay-between", "delay-is-never-fatal", "50ms"},
		// The client is fatal before it has written anything, and AbortTxn fails.
		{"no-retry sarama-1.43 sarama-1.60 app-retry delay-between", "abort-allows-begin transactions-are-atomic read-committed-sees-the-outcome", "too-large-50ms"},
	},
	Schedule: `
		app start
		app->coordinator InitProducerId; app await id
		app begin
		app->coordinator AddPartitionsToTxn; app await add
		app->B0 Produce; B0->coordinator AddPartitionsToTxn; coordinator->B0 AddPartitionsToTxn response; app await produce
		app->coordinator EndTxn; app await end
		app begin#2
		app->coordinator AddPartitionsToTxn#2; app await add#2
		app.client.sleep fires; app back off`,
	Story: `
		app->coordinator AddPartitionsToTxn#2 before coordinator->B0 WriteTxnMarkers
		app await add#2 before coordinator->B0 WriteTxnMarkers
		coordinator->B0 WriteTxnMarkers before app.client.sleep fires
		B0->coordinator WriteTxnMarkers response before app.client.sleep fires
		B0->coordinator WriteTxnMarkers response#2 before consumer fetch`,
	Claims: []Claim{
		{
			ID:       "C0.1",
			Says:     "The error comes when a transaction begins right after a commit, because the coordinator answers once PrepareCommit is written and writes CompleteCommit later, on its own.",
			Verdict:  Confirmed,
			Evidence: "The search needs no more than that: EndTxn answered, the next AddPartitionsToTxn before the markers. The transition to CompleteCommit is pending from before the answer until the last marker is written.",
			Command:  "simrun run concurrent-transactions",
		},
		{
			ID:       "C0.2",
			Says:     "It shows at the add-partitions step; the client retries and may fail in the end.",
			Verdict:  Confirmed,
			Evidence: "At a lag of 50 ms the first add of each transaction is refused three times, and all commit. At 5 s the send fails at 4.38 s, after 4 x 51 tries. After an abort that needs a new epoch it shows at InitProducerId, which before 1.61.1 is fatal.",
			Command:  "go test ./scenarios -run 'TestSaramaAtALagOf|TestSaramaAfterAProduceError'",
		},
		{
			ID:       "C0.3",
			Says:     "Short Retry.Backoff makes it likelier.",
			Verdict:  "only when answers are counted, and not transactions",
			Evidence: "Whether a transaction meets the window is a matter of the window and of the gap before it: at 3 ms 99 of 100 do that follow at once, at any backoff. A short one is refused more often each time, 1.7 times at 1 ms. It fails only if Max times the backoff is shorter than the window: with 10 retries and one window of 300 ms in fifty, 2.2 % fail at any backoff up to 20 ms, and none at 100 ms by a BackoffFunc.",
			Command:  "simrun sweep backoff-retries",
			Figure:   "figures/gallery/backoff-retries.png",
		},
		{
			ID:       "C0.4",
			Says:     "Raise Producer.Transaction.Retry.Max, set Backoff to about 100 ms.",
			Verdict:  "only when Max alone is meant",
			Evidence: "Max decides what fails. Backoff above 20 ms changes nothing, because the first add waits 20 ms at most: at a window of 3 ms 42 commits a second at 20 ms, at 100 ms and at 2 s, and 155 at 1 ms. Where 100 ms is really waited (a BackoffFunc, or librdkafka's second add, which was measured) it is ten commits a second.",
			Command:  "simrun sweep backoff",
			Figure:   "figures/gallery/backoff.png",
		},
		{
			ID:       "C0.6",
			Says:     "A pause between transactions solves it, at the price of throughput.",
			Verdict:  "only when the pause is longer than the window, and then throughput may well rise",
			Evidence: "At a window of 3 ms and the default backoff a pause of 5 ms raises 42 commits a second to 102: it is cheaper than the 20 ms after a refusal. A backoff of 1 ms needs no pause, and commits 155; there a pause does cost.",
			Command:  "simrun sweep transaction-pause",
			Figure:   "figures/gallery/transaction-pause.png",
		},
		{
			ID:       "C0.9",
			Says:     "Shorter backoff: more throughput, more conflicts; longer: steadier, slower. Load-test to find the best; monitor and alert.",
			Verdict:  "only when it is below 20 ms, and steadier is not better",
			Evidence: "From 20 ms to 1 ms throughput rises 3.7 times, requests to the coordinator 4.6 times. A longer one is steadier (p50 and p99 are both 24 ms at 20 ms) and worse in both: 5 and 13 ms at 1 ms. What is best follows from the window and the round trip, which a broker's log tells: simrun advise.",
			Command:  "simrun sweep backoff",
			Figure:   "figures/gallery/backoff-load.png",
		},
		{
			ID:       "C0.5",
			Says:     "An application loop around BeginTxn that sleeps and retries on ErrConcurrentTransactions solves it.",
			Verdict:  Refuted,
			Evidence: "BeginTxn asks nobody and never returns that error, so the loop never turns: app-retry has just the states of no-retry. The loop must stand around the whole transaction: AbortTxn until it succeeds, then all of it again (txn-retry, from 1.61.1 on). Before 1.61.1 AbortTxn succeeds and leaves a client that refuses BeginTxn.",
			Command:  "simrun explore concurrent-transactions --variant app-retry",
		},
		{
			ID:       "C0.7",
			Says:     "The Java client treats the error as retriable with a short backoff; Sarama does the same but needs its parameters set.",
			Verdict:  "only when the window is longer than 4.38 s",
			Evidence: "Java tries the first add again every 20 ms, all else every retry.backoff.ms. So does Sarama by its defaults, up to 4 x 51 tries or 4.38 s; only InitProducerId was not tried again, before 1.61.1, and no parameter changed that. Both take 39.2 ms a transaction at a window of 30 ms.",
			Command:  "go test ./scenarios -run 'TestPeriodOfTransactions|TestSaramaAtALagOf5s'",
		},
		{
			ID:       "C0.8",
			Says:     "States: Uninitialized, Ready, InTransaction, CommittingTransaction, AbortingTransaction, AbortableError, FatalError; TxnStatus lets the application choose its reaction.",
			Verdict:  "only when Initializing is added",
			Evidence: "They are bits, some set together: EndTransaction with Committing or Aborting, InError with Abortable or Fatal. The list lacks Initializing, where 1.43.1 and 1.60.1 are left after an AbortTxn that succeeded. TxnStatus tells, and what to do about it no documentation does: a second AbortTxn leads to Ready, and the next record is answered OUT_OF_ORDER_SEQUENCE_NUMBER.",
			Command:  "simrun explore concurrent-transactions --variant sarama-1.60 --set clock=timed --set lag=5s --set transactions=3",
		},
		{
			ID:       "C1.2",
			Says:     "Transactions need enable.idempotence, a unique transactional.id, and a broker switch transaction.state.log.enable.",
			Verdict:  "only when the switch is left out",
			Evidence: "There is no such switch: the settings that begin with transaction.state.log say how the log is kept. Clients refuse a transactional id without idempotence. Unique: who comes second with an id fences the first, whose requests are then answered PRODUCER_FENCED.",
			Command:  "go test ./model/coordinator -run TestFence",
		},
		{
			ID:       "C1.4",
			Says:     "Producer states BEGIN, READY, COMMITTING, ROLLING_BACK, UNKNOWN; after a restart the producer asks for the state of its unfinished transaction and completes it.",
			Verdict:  Refuted,
			Evidence: "No client has these states; for those it has, see C0.8. After a restart InitProducerId aborts what is open and answers CONCURRENT_TRANSACTIONS until that is done; what is decided, the coordinator completes. Nothing tells the producer how it ended.",
			Command:  "go test ./model/coordinator -run TestInitProducerID",
		},
		{
			ID:       "C1.10",
			Says:     "Of a relational database: commit in batches of 100 to 1,000; a table of commit-each, commit-all and commit-in-batches against throughput, risk of loss and lock time.",
			Verdict:  "only when it is asked of a database: Kafka's transactions stop costing at 10,000 records",
			Evidence: "Another system; of Kafka's transactions, with records of 10 us: 100 a transaction leave 4 % of the throughput by Sarama's defaults and 13 % at a backoff of 2 ms, 1,000 leave 30 % and 59 %, 10,000 leave 81 % and 93 %. What is not committed is not lost but read again; what corresponds to a lock is that read_committed consumers wait for the end of the transaction, so for as long as its records take.",
			Command:  "simrun sweep transaction-size",
			Figure:   "figures/gallery/transaction-size.png",
		},
		{
			ID:       "C1.12",
			Says:     "Sarama's API: TransactionalfID, RollbackTxn, a TransactionProducer interface.",
			Verdict:  Refuted,
			Evidence: "There is Config.Producer.Transaction.ID, and BeginTxn, CommitTxn, AbortTxn, TxnStatus, AddOffsetsToTxn and AddMessageToTxn of AsyncProducer and SyncProducer.",
			Command:  "cd witness && go doc github.com/IBM/sarama.AsyncProducer",
		},
	},
	Build: buildConcurrentTransactions,
}

const everyVariant = "no-retry sarama-1.43 sarama-1.60 sarama-1.61.1 kgo java app-retry txn-retry delay-between tv2"

// buildConcurrentTransactions makes an application with its client, the
// coordinator, a leader for each partition, and a consumer.
func buildConcurrentTransactions(variant string, values Values) *sim.World {
	const brokers = 2
	timed := values.Word("clock") == "timed"
	config := coordinator.TransactionsConfig{TransactionalIDs: 1, ScanInterval: -1}
	marks := sim.Delay{}
	interval, fetches := time.Duration(0), 1
	if timed {
		config.ScanInterval = 0 // the default
		marks, interval, fetches = values.Delay("lag"), time.Second, 8
	}
	partitions := min(values.Int("records"), brokers)

	w := sim.NewWorld()
	for p := range partitions {
		config.Brokers = append(config.Brokers, coordinator.Broker{Name: fmt.Sprint("B", p), Partitions: []model.Partition{model.Partition(p)}})
	}
	transactions := coordinator.NewTransactions(config)
	w.AddNode("coordinator", transactions)
	var markers, writes, reads []*sim.Conn
	for p := range partitions {
		name := fmt.Sprint("B", p)
		b := broker.Config{
			Partitions: []model.Partition{model.Partition(p)}, ProduceRequests: 1, RetryBackoffMax: values.Duration("broker-retry"),
			MarkerAppend: marks, Draws: sim.NewDraws(uint64(values.Int("seed")), "markers of "+name),
		}
		if b.RetryBackoffMax == 0 {
			b.RetryBackoffMax = -1
		}
		if n := values.Int("too-large"); n > 0 {
			b.Refusals = []broker.Refusal{{Record: model.Record(10 * (n - 1)), Error: model.ErrMessageTooLarge}}
		}
		node := broker.New(b)
		w.AddNode(name, node)
		markers = append(markers, w.Dial("coordinator", name))
		node.Connect(w.Dial(name, "coordinator"))
		writes, reads = append(writes, w.Dial("app", name)), append(reads, w.Dial("consumer", name))
	}
	transactions.Connect(markers...)
	client, plan := transactionalClient(variant, values, w.Dial("app", "coordinator"), writes)
	w.Go("app", app.NewTransactional(client, plan))
	w.Go("consumer", app.NewAssignedConsumer(fetches, interval, reads...))
	if timed {
		w.Timed(sim.Timing{})
	}
	w.Watch(properties.BegunTransactionsCanWrite())
	w.Watch(properties.CommitsMakeProgress())
	w.Watch(properties.AbortAllowsBegin())
	w.Watch(properties.DelayIsNeverFatal())
	w.Watch(properties.AlwaysRecoverable())
	w.Watch(properties.TransactionsAreAtomic(app.TransactionOf))
	w.Watch(properties.ReadCommittedSeesTheOutcome(app.TransactionOf))
	return w
}

// transactionalClient makes a variant's client, and what its application does.
func transactionalClient(variant string, values Values, coordinator *sim.Conn, leaders []*sim.Conn) (producer.TxnClient, app.TxnPlan) {
	plan := app.TxnPlan{Transactions: values.Int("transactions"), Records: values.Int("records"), Partitions: len(leaders), Tries: 1}
	saramaConfig := sarama.Config{
		Release: sarama.Release1_43_1, RetryMax: values.Int("max"), RetryBackoff: values.Duration("backoff"),
		ProducerRetryMax: values.Int("producer-max"), ProducerRetryBackoff: 100 * time.Millisecond,
	}
	kgoConfig := kgo.Config{TransactionVersion: model.TV1, ConcurrentTransactionsBackoff: 20 * time.Millisecond, MetadataMinAge: 5 * time.Second}
	switch variant {
	case "kgo":
		return kgo.NewTransactions(kgoConfig, coordinator, leaders...), plan
	case "tv2":
		kgoConfig.TransactionVersion = model.TV2
		return kgo.NewTransactions(kgoConfig, coordinator, leaders...), plan
	case "java":
		return java.NewTransactions(java.Config{RetryBackoff: values.Duration("backoff")}, coordinator, leaders...), plan
	case "sarama-1.60":
		saramaConfig.Release = sarama.Release1_60_1
	case "sarama-1.61.1":
		saramaConfig.Release = sarama.Release1_61_1
	case "no-retry", "app-retry", "delay-between", "txn-retry":
		saramaConfig.RetryMax, saramaConfig.ProducerRetryMax = 0, 0
	}
	switch variant {
	case "app-retry":
		plan.BeginRetry = values.Duration("pause")
	case "delay-between":
		plan.Pause = values.Duration("pause")
	case "txn-retry":
		saramaConfig.Release = sarama.Release1_61_1
		plan.Tries = values.Int("tries")
	}
	plan.Budget = fmt.Sprintf("%d x %d tries (Retry.Max %d, Transaction.Retry.Max %d)",
		saramaConfig.ProducerRetryMax+1, saramaConfig.RetryMax+1, saramaConfig.ProducerRetryMax, saramaConfig.RetryMax)
	return sarama.NewTransactions(saramaConfig, coordinator, leaders...), plan
}
