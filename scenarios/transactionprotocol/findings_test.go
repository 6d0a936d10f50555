package transactionprotocol

import (
	"racelab/model"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/model/producer/plain"
	"racelab/sim"
	"racelab/sim/explore"
)

const (
	isReachable  = explore.Broken
	isNeverThere = explore.Exhausted
)

func mended(rule model.Rule) model.Rules { return model.Rules{With: rule} }

// replaced is a producer, and one that takes its place.
func replaced(c plain.Config) []plain.Config {
	return []plain.Config{c, with(does(c.Version), func(c *plain.Config) { c.First = 1 })}
}

// apart are producers with a transactional id each.
func apart(configs ...plain.Config) []plain.Config {
	for i := range configs {
		configs[i].TransactionalID, configs[i].First = model.TransactionalID(i), i
	}
	return configs
}

// drives is one message to one node, at any moment.
func drives(to string, message sim.Message) []Drive { return []Drive{{"", to, message}} }

// findings are the conjectures, the most harmful first.
func findings() []finding {
	return []finding{
		{
			name: "split-by-a-lagging-replica", title: "Two elections of the coordinator commit a transaction here and abort it there",
			seen:  "a torn transaction: one partition has the commit, the other an abort, and no error tells anybody.",
			story: "PrepareCommit is in the leader's log, and a replica lags. The next coordinator reads its log to the end, not to the high watermark, and sends COMMIT. One partition writes it. Then the lagging replica, which is in sync, is elected cleanly. It knows the transaction as Ongoing, it times out, and the other partition gets ABORT. Under TV2 the first takes that ABORT for a second try.",
			mends: "load-to-high-watermark: a coordinator acts on what it has loaded when that is committed.",
			looks: []look{
				{at: "all Kafka, TV1", world: lagging(tv1, model.Rules{}, 3, false), claim: finally(split), want: isReachable, kept: true},
				{at: "with load-to-high-watermark, TV1", world: lagging(tv1, mended(model.LoadToHighWatermark), 3, false), claim: finally(split), want: isNeverThere, deep: true, open: true},
			},
		},
		{
			name: "acknowledged-record-without-a-marker", title: "Two elections of the coordinator lose a record that was acknowledged",
			seen:  "a lost write, and the last stable offset sticks: the commit is acknowledged, and a partition of it never gets a marker.",
			story: "As above, but the record that only the first log has is the add of a partition. The next coordinator loads it, and answers a second add of that partition NONE, without a write: it has it. The record is written and acknowledged. After the second election nobody knows of the partition.",
			mends: "load-to-high-watermark.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: lagging(tv2, model.Rules{}, 3, true), claim: finally((*parts).lostWrite), want: isReachable, deep: true, sampled: 3},
				{at: "with load-to-high-watermark, TV2", world: lagging(tv2, mended(model.LoadToHighWatermark), 3, true), claim: finally((*parts).lostWrite), want: isNeverThere, deep: true},
			},
		},
		{
			name: "replaced-coordinator", title: "A coordinator that was replaced answers EndTxn by what it remembers",
			seen:  "the producer's commit fails with INVALID_TXN_STATE, which is fatal, though nothing is wrong with its transaction.",
			story: "C0 initialises A. Another broker, C1, is elected; C0 is not told yet. B0 adds the partition: C0 cannot append and answers NOT_COORDINATOR, so B0 asks C1, where the transaction is Ongoing now. A commits, and asks C0, which knows A as Empty. The check needs no append, so nothing tells C0 that it is no longer the leader. Under TV1 the client itself adds its partitions, and learns of the new coordinator first.",
			mends: "a coordinator that has failed to append for not being the leader could answer NOT_COORDINATOR from then on.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: World{Elections: moves, Producers: one(does(tv2, commits(0)))}, claim: finally((*parts).goesOn), want: isReachable},
				{at: "Kafka 4.3, TV1", world: World{Cluster: tv1, Elections: moves, Producers: one(does(tv1, commits(0)))}, claim: finally((*parts).goesOn), want: isNeverThere},
			},
		},
		{
			name: "late-marker", title: "A late marker ends half of the next transaction",
			seen:  "an aborted read (G1a): a record of a transaction that the application aborts is read.",
			story: "C sends the commit marker of T1 to B0, and the connection breaks. C sends it again on a new one, B0 answers, T1 is complete. A begins T2 and writes to B0. Then B0 handles the first marker, from the old connection. Under TV1 T2 has the marker's epoch; under TV2 the marker carries the epoch of T2.",
			mends: "strict-markers with marker-again (4.2), which want a newer epoch while a transaction is open. TV1 stays open to it, in all releases.",
			looks: []look{
				{at: "Kafka 4.0 and 4.1, TV2", world: lateMarker(tv2, model.Rules{Release: model.Kafka4_1}), claim: finally((*parts).abortedRead), want: isReachable, deep: true},
				{at: "Kafka 4.2 and later, TV2", world: lateMarker(tv2, model.Rules{Release: model.Kafka4_2}), claim: finally((*parts).abortedRead), want: isNeverThere, deep: true},
			},
		},
		{
			name: "late-offset", title: "A late TxnOffsetCommit takes an offset back",
			seen:  "inconsistent offsets: the transaction commits the older offset, and input is processed twice.",
			story: "TxnOffsetCommit has no sequence number, and of a transaction's offsets the last record counts. A request that timed out, and was tried again on a new connection, arrives after the next one. Under TV2 both must be of one transaction; under TV1 the late one joins the next.",
			mends: "nothing that Kafka has. A client can pass all offsets of a transaction at once, and take a new epoch after a TxnOffsetCommit without an answer.",
			looks: []look{
				{at: "Kafka 4.3, TV2, two sendOffsetsToTransaction in a transaction", want: isReachable, claim: finally((*parts).offsets),
					world: World{Offsets: true, Closes: "group", Producers: one(does(tv2, plain.Transaction{Offsets: []model.Offset{5, 9}, Result: model.Commit}))}},
				{at: "all Kafka, TV1, one in each of two transactions", want: isReachable, claim: finally((*parts).offsets),
					world: World{Cluster: tv1, Offsets: true, Closes: "group", Producers: one(does(tv1, commitsOffset(5), commitsOffset(9)))}},
				{at: "Kafka 4.3, TV2, one in each of two transactions", want: isNeverThere, claim: finally((*parts).offsets),
					world: World{Offsets: true, Closes: "group", Producers: one(does(tv2, commitsOffset(5), commitsOffset(9)))}},
			},
		},
		{
			name: "markers-never-answered", title: "WriteTxnMarkers is never answered",
			seen:  "CONCURRENT_TRANSACTIONS for request.timeout.ms (30 s), of every transaction that touches the broker.",
			story: "A request carries several markers, the last of which has no partition on the broker: its topic was just deleted, or has moved. All before it are written by then. Whoever writes a marker answers if it was the last; whoever skips one does not look. The coordinator has one request under way to a broker, so all others wait.",
			mends: "answer-when-skipped: to look whether it was the last also when a marker is skipped.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: deletedTopic(model.Rules{}), claim: finally(owes), want: isReachable, deep: true},
				{at: "with answer-when-skipped, TV2", world: deletedTopic(mended(model.AnswerWhenSkipped)), claim: finally(owes), want: isNeverThere, deep: true},
			},
		},
		{
			name: "unexpected-marker-error", title: "One unexpected error of a marker strands its neighbours",
			seen:  "CONCURRENT_TRANSACTIONS that ends only when the coordinator moves, of a transaction whose own marker was written.",
			story: "A leader answers a marker with an error that the coordinator has no case for: UNKNOWN_SERVER_ERROR, of any exception. The coordinator throws; this marker and all behind it in the answer are neither sent again nor completed.",
			mends: "unexpected-marker-error: to send such a marker again. KAFKA-9749 was one case of it.",
			looks: []look{
				{at: "Kafka 4.3, TV2, of its neighbour", world: strange(model.Rules{}), claim: always(strandsOther), want: isReachable, deep: true},
				{at: "Kafka 4.3, TV2, of the marker itself", world: World{MarkersRefused: refusedMarker(1), Producers: one(does(tv2, commits(0)))}, claim: always((*parts).completes), want: isReachable},
				{at: "with unexpected-marker-error, TV2", world: World{Rules: mended(model.UnexpectedMarkerError), MarkersRefused: refusedMarker(1), Producers: one(does(tv2, commits(0), commits(0)))}, claim: always((*parts).completes), want: isNeverThere},
			},
		},
		{
			name: "marker-of-an-older-epoch", title: "A marker that a partition refuses for its epoch leaves a transaction decided for ever",
			seen:  "it would be CONCURRENT_TRANSACTIONS until the coordinator moves.",
			story: "INVALID_PRODUCER_EPOCH makes the coordinator give up. The question is what makes a TV2 partition hold the marker's epoch, with a transaction open. In these worlds nothing does: a partition gets an epoch only from a batch or a marker, and the coordinator hands out the next one when all markers are written.",
			mends: "marker-again (4.2) for a marker that is sent twice; coordinator-fencing for one of an older coordinator.",
			looks: []look{
				{at: "Kafka 4.3, TV2, an election", world: World{Elections: again, One: true, Producers: one(does(tv2, commits(0), commits(0)))}, claim: always((*parts).completes), want: isNeverThere},
				{at: "Kafka 4.3, TV2, a timeout and a lost connection", world: World{Scan: true, Closes: "B0", Producers: one(with(does(tv2, commits(0), commits(0)), func(c *plain.Config) { c.GivesUp, c.Recovers = true, true }))}, claim: always((*parts).completes), want: isNeverThere},
				{at: "Kafka 4.3, TV2, a producer that is replaced", world: zombie(tv2, model.Rules{}), claim: always((*parts).completes), want: isNeverThere},
				{at: "candidates of Kafka 4.2, an election", world: World{Rules: lacks(model.MarkerAgain), Elections: again, One: true, Producers: one(does(tv2, commits(0)))}, claim: always((*parts).completes), want: isReachable},
			},
		},
		{
			name: "marker-sent-twice", title: "A marker is queued twice, and the second ends half of the next transaction",
			seen:  "under TV1 an aborted read (G1a): a record of a transaction that the application aborts is read.",
			story: "P1's leader was not alive when T1 was decided, so its marker waited by itself. When that leader is there, P0's marker is to be sent again too: one request has two markers of one producer. Their answers are looked up by the producer id alone, so each queues again what was refused of P0. P0's leader changes between the two. So one goes to the new leader, and T1 is complete. The other goes to the former one, is refused there, and comes to the new one when T2 is open.",
			mends: "own-marker-result: to take of an answer what is said of the marker's own partitions. TV2's strict-markers (4.2) refuse the second marker while T2 is open.",
			looks: []look{
				{at: "all Kafka, TV1", world: sentTwice(tv1, model.Rules{}), claim: finally((*parts).abortedRead), want: isReachable, deep: true},
				{at: "Kafka 4.3, TV2, two transactions", world: sentTwice(tv2, model.Rules{}), claim: finally((*parts).abortedRead), want: isNeverThere, deep: true},
				{at: "with own-marker-result, TV1", world: sentTwice(tv1, mended(model.OwnMarkerResult)), claim: finally((*parts).abortedRead), want: isNeverThere, deep: true},
			},
		},
		{
			name: "result-taken-twice", title: "A result that is taken twice completes the next transaction without its marker",
			seen:  "an aborted read (G1a): a record of a transaction that the application aborts is read, under TV2 too.",
			story: "One request has two markers of T1, as above. Both are written. Of the answer the first entry takes the results of both, and T1 is complete. Before the sender's thread comes to the second entry, T2 has begun, written to P0, and is decided to be aborted. The second entry takes P0 from T2, which is complete then, though its marker is not sent yet. T3 begins and writes to P0, where T2 is open still. T2's marker has T3's epoch, and is refused. T3's commit ends both. The thread must stop between two entries for the time of a short transaction.",
			mends: "own-marker-result: to take of an answer what is said of the marker's own partitions.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: takenTwice(tv2, model.Rules{}), claim: finally((*parts).abortedRead), want: isReachable},
				{at: "with own-marker-result, TV2", world: takenTwice(tv2, mended(model.OwnMarkerResult)), claim: finally((*parts).abortedRead), want: isNeverThere},
			},
		},
		{
			name: "commit-in-the-fence-window", title: "A commit in the window of a fence",
			seen:  "UNKNOWN_SERVER_ERROR, fatal to a client, where CONCURRENT_TRANSACTIONS or PRODUCER_FENCED was due.",
			story: "B's InitProducerId fences A's transaction (pending PrepareEpochFence), and the lock is released. A's EndTxn(commit) passes every check, because the pending check leaves a fence out. Only an abort clears the pending state, so prepareTransitionTo throws.",
			mends: "commit-against-fence: EndTxn of a client is CONCURRENT_TRANSACTIONS while a fence is pending.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: World{Fine: true, Producers: replaced(does(tv2, commits(0)))}, claim: finally(unknownError), want: isReachable},
				{at: "Kafka 4.3, TV1", world: World{Fine: true, Cluster: tv1, Producers: replaced(does(tv1, commits(0)))}, claim: finally(unknownError), want: isReachable},
				{at: "with commit-against-fence, TV2", world: World{Rules: mended(model.CommitAgainstFence), Fine: true, Producers: replaced(does(tv2, commits(0)))}, claim: finally(unknownError), want: isNeverThere},
			},
		},
		{
			name: "scan-fences-a-fresh-transaction", title: "The timeout scan aborts a transaction that has just begun",
			seen:  "a transaction fails with INVALID_TXN_STATE, though it is as young as can be.",
			story: "The scan lists T1 as timed out. A commits T1, and begins T2 with the same producer id. Then the scan comes to that id, compares the producer id only, fences and aborts T2.",
			mends: "to ask for epoch, state and start again under the lock. Without steps in a fence there is no window.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: World{Fine: true, Scan: true, Producers: one(does(tv2, commits(0), commits(0)))}, claim: freshFails, want: isReachable},
				{at: "a scan in one step, TV2", world: World{Scan: true, Producers: one(does(tv2, commits(0), commits(0)))}, claim: freshFails, want: isNeverThere},
			},
		},
		{
			name: "load-stops-early", title: "A coordinator that cannot read its log serves what it has read",
			seen:  "INVALID_PRODUCER_ID_MAPPING, and the last stable offset sticks.",
			story: "Any exception while the log is read is logged, and what was read so far is installed. A transactional id that is missing is a new one to its client: InitProducerId gives another producer id, and nobody ends what the old one has open. In this world nothing at all is read, once.",
			mends: "load-whole: to serve nothing, and to load again.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: unreadable(model.Rules{}), claim: finally((*parts).stable), want: isReachable},
				{at: "with load-whole, TV2", world: unreadable(mended(model.LoadWhole)), claim: finally((*parts).stable), want: isNeverThere},
			},
		},
		{
			name: "downgrade", title: "After a downgrade to transaction.version 0 nothing can be written",
			seen:  "UNKNOWN_SERVER_ERROR once, then CONCURRENT_TRANSACTIONS until the coordinator moves, and again after that.",
			story: "A record of version 0 has no place for the client's transaction version, and that field alone is set without a guard. Writing a transition of an id that was last used under TV2 throws, after the pending state is set.",
			mends: "writable-after-downgrade: to leave the field out.",
			looks: []look{
				{at: "Kafka 4.3, TV2, then transaction.version 0", world: downgraded(model.Rules{}), fair: true, want: isReachable},
				{at: "with writable-after-downgrade", world: downgraded(mended(model.WritableAfterDowngrade)), fair: true, want: isNeverThere},
			},
		},
		{
			name: "error-of-another-version", title: "The first of a batch decides the error's name",
			seen:  "an old client gets TRANSACTION_ABORTABLE, which it does not know, or a new one INVALID_TXN_STATE, which is fatal on TxnOffsetCommit.",
			story: "The broker gathers what it asks the coordinator. It keeps one operation for the whole request, that of its first entry, and translates all errors by it.",
			mends: "own-operation: to keep it for each entry.",
			looks: []look{
				{at: "Kafka 4.3, Produce of versions 10 and 11", world: mixedFleet(model.Rules{}), claim: misnamed, want: isReachable},
				{at: "with own-operation", world: mixedFleet(mended(model.OwnOperation)), claim: misnamed, want: isNeverThere},
			},
		},
		{
			name: "rotation-in-the-add-queue", title: "A new producer id is refused because its epoch is 0",
			seen:  "INVALID_PRODUCER_EPOCH, fatal on TxnOffsetCommit, though nobody has fenced the producer.",
			story: "The queue of adds has one entry a transactional id. Of two the older epoch is refused, and producer ids are not compared. A request of the old id, at its last epoch, meets one of the new id, at epoch 0. In this world the last epoch is 2.",
			mends: "add-queue-by-producer-id: to compare epochs of one producer id only.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: rotation(model.Rules{}), claim: finally((*parts).goesOn), want: isReachable},
				{at: "with add-queue-by-producer-id, TV2", world: rotation(mended(model.AddQueueByProducerID)), claim: finally((*parts).goesOn), want: isNeverThere},
			},
		},
		{
			name: "proof-left-over-an-upgrade", title: "A verification state left over from TV1 fails a TV2 transaction",
			seen:  "INVALID_TXN_STATE of a transaction that nothing is wrong with.",
			story: "A late TV1 record leaves a verification state on a partition. The client goes on under TV2, whose first record there is refused (it is too large), so the state stays, as one of TV1. Then the marker of that transaction voids the proof of the next one, which it would keep under TV2.",
			mends: "guard-takes-version: an attempt under TV2 makes the state that it shares one of TV2.",
			looks: []look{
				{at: "Kafka 4.3, TV1, then TV2", world: leftOver(model.Rules{}), claim: finally(thirdFails), want: isReachable},
				{at: "with guard-takes-version", world: leftOver(mended(model.GuardTakesVersion)), claim: finally(thirdFails), want: isNeverThere},
			},
		},
		{
			name: "attempt-of-a-zombie", title: "A producer that was replaced puts its successor's records out of order",
			seen:  "OUT_OF_ORDER_SEQUENCE_NUMBER of a transaction that nothing is wrong with. Only its end mends that: whatever it writes to the partition until then is refused.",
			story: "B has taken A's place, and has written to P0. A record of A comes to P0, late. What is open there has B's epoch, so it does not save A the question to the coordinator: the leader begins a verification, and notes A's sequence number as the lowest that waits. The coordinator refuses A, and the note stays. B's next record needs no proof, is held against the note all the same, and has a higher number. Kafka 3.6 to 3.9 take what is open for A's, ask nobody, and note nothing.",
			mends: "epoch-before-add (4.1, KAFKA-18042), which was meant to spare the coordinator a request.",
			looks: []look{
				{at: "Kafka 4.0, TV2", world: zombieAttempts(tv2, model.Kafka4_0), claim: outOfOrder, want: isReachable},
				{at: "Kafka 4.0, TV1", world: zombieAttempts(tv1, model.Kafka4_0), claim: outOfOrder, want: isReachable},
				{at: "Kafka 3.9, TV1", world: zombieAttempts(tv1, model.Kafka3_9_1), claim: outOfOrder, want: isNeverThere},
				{at: "Kafka 4.1, TV2", world: zombieAttempts(tv2, model.Kafka4_1), claim: outOfOrder, want: isNeverThere},
				{at: "Kafka 4.1, TV1", world: zombieAttempts(tv1, model.Kafka4_1), claim: outOfOrder, want: isNeverThere},
			},
		},
		{
			name: "expiry-and-a-lost-answer", title: "The tombstone of a transactional id times out, and is there",
			seen:  "it would be INVALID_PRODUCER_ID_MAPPING of a producer that is at work.",
			story: "The append of the tombstone is answered REQUEST_TIMED_OUT, so the id lives on in memory, and after an election it is gone. But whatever the producer does after that is a later record of the id, and the last record counts. So it is an id that has been idle, and was to expire.",
			mends: "the log's order: the last record of a key counts.",
			looks: []look{{at: "Kafka 4.3, TV2, an expiry, a timeout of the append, an election", world: expiring(), claim: refusedAfterExpiry, want: isNeverThere, deep: true}},
		},
		{
			name: "fetch-all-leaves-out", title: "OffsetFetch of all partitions leaves out what is pending",
			seen:  "inconsistent offsets: a reader that asks for stable offsets is told that there are none, and begins where its reset policy says.",
			story: "With RequireStable a partition with a pending offset is UNSTABLE_OFFSET_COMMIT. OffsetFetch of all partitions goes through the committed ones, so that a partition whose first offset is pending is not looked at.",
			mends: "fetch-all-stable: to go through the pending ones too.",
			looks: []look{
				{at: "Kafka 4.3", world: fetchAll(model.Rules{}), claim: leftOut, want: isReachable},
				{at: "with fetch-all-stable", world: fetchAll(mended(model.FetchAllStable)), claim: leftOut, want: isNeverThere},
			},
		},
		{
			name: "group-deleted-in-a-transaction", title: "A transaction commits, and its offsets are gone",
			seen:  "inconsistent offsets: EndTxn(commit) is answered NONE, and the group has no offset.",
			story: "DeleteGroups of an empty group, or OffsetDelete, writes a tombstone. It removes what is committed and what is pending; an open transaction is no obstacle. The marker finds nothing. Of a group that is made again at once that is lost progress.",
			mends: "keep-group-in-transaction: NON_EMPTY_GROUP while a transaction holds offsets of the group.",
			looks: []look{
				{at: "Kafka 4.3", world: deletedGroup(model.Rules{}), claim: offsetsGone, want: isReachable},
				{at: "with keep-group-in-transaction", world: deletedGroup(mended(model.KeepGroupInTransaction)), claim: offsetsGone, want: isNeverThere},
			},
		},
		{
			name: "failed-group-coordinator", title: "A group coordinator that has failed holds all transactions with offsets",
			seen:  "CONCURRENT_TRANSACTIONS for as long as the partition of __consumer_offsets stays where it is, and WriteTxnMarkers without a pause.",
			story: "A group coordinator that could not load is FAILED until its partition moves, and answers markers NOT_LEADER_OR_FOLLOWER. The transaction coordinator sends them again, to the same leader, without a backoff.",
			mends: "nothing that Kafka has: a backoff would spare the brokers, not the producers.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: World{Offsets: true, Drives: drives("B0", &broker.GroupCoordinatorFailed{}), Producers: one(does(tv2, commitsOffset(5)))}, claim: everComplete, want: isReachable},
				{at: "a group coordinator that is well", world: World{Offsets: true, Producers: one(does(tv2, commitsOffset(5)))}, claim: everComplete, want: isNeverThere},
			},
		},
		{
			name: "append-without-an-answer", title: "CONCURRENT_TRANSACTIONS for as long as an append takes",
			seen:  "CONCURRENT_TRANSACTIONS, to the producer and to the one that replaces it, for up to the transaction's timeout (60 s; two-phase commit: for ever).",
			story: "Below min.insync.replicas an append to the log waits until its timeout, which is the transaction's own. All the while the transition is pending: neither InitProducerId nor the timeout scan may act.",
			mends: "an append timeout of its own. In this world the replica stops after two records.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: World{Elections: []coordinator.Election{}, One: true, Lags: true, Answers: 2, Producers: replaced(does(tv2, commits(0)))}, fair: true, want: isReachable},
				{at: "a replica that answers", world: World{Elections: []coordinator.Election{}, One: true, Lags: true, Producers: replaced(does(tv2, commits(0)))}, fair: true, want: isNeverThere},
			},
		},
		{
			name: "unknown-partition-fails-others", title: "A partition that is new to the coordinator fails its neighbours",
			seen:  "OPERATION_NOT_ATTEMPTED, which a producer does not try again: the transaction is aborted for nothing.",
			story: "One Produce, under TV2, is the first in its transaction for a new topic and for an old one. The coordinator's broker does not have the new topic in its metadata yet. It answers UNKNOWN_TOPIC_OR_PARTITION for that and OPERATION_NOT_ATTEMPTED for the other, and the leader passes both on.",
			mends: "add-what-is-known: to add what is known.",
			looks: []look{
				{at: "Kafka 4.3, TV2", world: newTopic(model.Rules{}), claim: always((*parts).noFailure), want: isReachable},
				{at: "with add-what-is-known, TV2", world: newTopic(mended(model.AddWhatIsKnown)), claim: always((*parts).noFailure), want: isNeverThere},
			},
		},
	}
}

// lagging has a replica of the transaction log, which lags and in the end stops, become
// the leader. One broker is the coordinator all the time, or two in turn.
func lagging(version model.TransactionVersion, rules model.Rules, answers int, alone bool) World {
	return World{
		Rules: rules, Cluster: version, Brokers: 2, Lags: true, Answers: answers, One: alone, Scan: true,
		Elections: []coordinator.Election{{Same: alone}, {Same: alone, Lagging: true}}, Producers: one(does(version, commits(0, 1))),
	}
}

// split is that a transaction is over, and only a part of it is seen.
func split(p *parts, c *sim.Claim) {
	for i := range p.brokers {
		if _, all := p.leader(i).Committed(model.Partition(i)); !all {
			return
		}
	}
	p.torn(c)
}

func deletedTopic(rules model.Rules) World {
	return World{Rules: rules, Together: 2, Drives: drives("B0", &broker.Deleted{Partition: 1}),
		Producers: apart(does(tv2, commits(0)), does(tv2, commits(0)), does(tv2, commits(1)))}
}

// owes is that a leader never answers WriteTxnMarkers.
func owes(p *parts, c *sim.Claim) {
	c.Assert(!p.coordinators[0].Waits(), "C waits for ever for the answer to WriteTxnMarkers, and so does whoever has a transaction on B0")
}

// sentTwice is two partitions of B0: P1's leader is not alive at first, as far as the
// coordinator knows, and P0's changes. P0's marker is refused once.
func sentTwice(version model.TransactionVersion, rules model.Rules) World {
	return World{
		Rules: rules, Fine: true, Cluster: version, Together: 2, Leaders: []string{"B1"}, Dead: []model.Partition{1},
		MarkersRefused: []broker.MarkerRefusal{{ProducerID: 1, Error: model.ErrNotEnoughReplicas}},
		Drives:         drives("C", &model.LeaderElected{Partition: 1, Leader: "B0", Epoch: 1}), Producers: one(does(version, commits(0, 1), aborts(0))),
	}
}

// takenTwice is the same without an election.
func takenTwice(version model.TransactionVersion, rules model.Rules) World {
	x := sentTwice(version, rules)
	x.Leaders, x.Producers = nil, one(does(version, commits(0, 1), aborts(0), commits(0)))
	return x
}

func refusedMarker(id model.ProducerID) []broker.MarkerRefusal {
	return []broker.MarkerRefusal{{ProducerID: id, Error: model.ErrUnknownServerError}}
}

func strange(rules model.Rules) World {
	return World{Rules: rules, MarkersRefused: refusedMarker(2), Producers: apart(does(tv2, commits(0)), does(tv2, commits(0)), does(tv2, commits(0)))}
}

// strandsOther is that an exception about one marker takes another with it.
func strandsOther(p *parts, c *sim.Claim) {
	stuck := p.coordinators[0].Stuck()
	c.Assert(len(stuck) < 2, "one marker is refused, and %v are decided and will never be complete", stuck)
}

// unknownError is that the first producer fails with an exception of the coordinator.
func unknownError(p *parts, c *sim.Claim) {
	c.Assert(p.producers[0].Failed() != model.ErrUnknownServerError, "a commit in the window is %v", p.producers[0].Failed())
}

// freshFails is that a transaction fails which began after the scan.
func freshFails(w *sim.World, p *parts) {
	var seen struct{ ended, begun int } // transactions; that may have begun when the scan came
	property := sim.NewProperty(asked, &seen)
	sim.On(property, sim.Returned, func(_ *sim.Claim, _ sim.Act, r *model.TxnReturned) {
		if r.Error == model.None {
			seen.ended++
		}
	})
	sim.On(property, sim.Arrived, func(_ *sim.Claim, _ sim.Act, _ *coordinator.Scan) { seen.begun = seen.ended + 1 })
	property.Finally(func(c *sim.Claim) {
		for i, o := range p.producers[0].Outcomes() {
			c.Assert(seen.begun == 0 || i < seen.begun || o.Failed == model.None, "transaction %d began after the scan, and fails with %v", i, o.Failed)
		}
	})
	w.Watch(property)
}

// zombieAttempts is a producer of one record, and one that takes its place and writes two.
func zombieAttempts(version model.TransactionVersion, release model.Release) World {
	return World{Rules: model.Rules{Release: release}, Cluster: version, Producers: []plain.Config{
		does(version, commits(0)), with(does(version, commits(0, 0)), func(c *plain.Config) { c.First = 1 }),
	}}
}

// outOfOrder is that a leader finds a record out of order.
func outOfOrder(w *sim.World, _ *parts) {
	property := sim.NewProperty(asked, nil)
	sim.On(property, sim.Answered, func(c *sim.Claim, a sim.Act, response *model.ProduceResponse) {
		for _, p := range response.Partitions {
			c.Assert(p.Error != model.ErrOutOfOrderSequenceNumber, "Produce to P%d is answered %v", p.Partition, p.Error)
		}
	})
	w.Watch(property)
}

func unreadable(rules model.Rules) World {
	return World{Rules: rules, Elections: []coordinator.Election{{Same: true, Unreadable: true}}, One: true, Producers: one(does(tv2, commits(0)))}
}

func downgraded(rules model.Rules) World {
	return World{Rules: rules, Drives: drives("C", &coordinator.Downgrade{}), Producers: one(does(tv2, commits(0), commits(0)))}
}

// mixedFleet is an old client and a newer one, which both write what is not in their
// transactions, while the broker waits for the coordinator.
func mixedFleet(rules model.Rules) World {
	produce := func(by string, version model.APIVersion, id model.TransactionalID, producer model.ProducerID) Drive {
		return Drive{by, "B0", &model.ProduceRequest{Version: version, TransactionalID: id, Partitions: []model.PartitionBatch{{
			Partition: 0, Batch: model.RecordBatch{ProducerID: producer, Transactional: true, Records: []model.Record{99}},
		}}}}
	}
	return World{
		Rules: rules, Cluster: tv1, AddQueue: true, Producers: apart(does(tv1), does(tv1)),
		Drives: []Drive{produce("other", 11, 1, 99), produce("old", 10, 0, 1), produce("new", 11, 1, 2)},
	}
}

// misnamed is that a client is answered with the error of another's version.
func misnamed(w *sim.World, _ *parts) {
	property := sim.NewProperty(asked, nil)
	sim.OnReply(property, func(c *sim.Claim, _ sim.Act, request *model.ProduceRequest, response *model.ProduceResponse) {
		wrong := model.ErrInvalidTxnState
		if request.Version < 11 {
			wrong = model.ErrTransactionAbortable
		}
		c.Assert(response.Partitions[0].Error != wrong, "Produce of version %d is answered %v", request.Version, wrong)
	})
	w.Watch(property)
}

func rotation(rules model.Rules) World {
	return World{
		Rules: rules, IDs: 2, MaxEpoch: 2, Offsets: true, AddQueue: true, Closes: "B0",
		Drives: drives("B0", &model.ProduceRequest{Version: 12, TransactionalID: 1, Partitions: []model.PartitionBatch{{
			Partition: 0, Batch: model.RecordBatch{ProducerID: 99, Transactional: true, Records: []model.Record{99}},
		}}}),
		Producers: one(with(does(tv2, aborts(), commits(0), commitsOffset(5)), func(c *plain.Config) { c.GivesUp = true })),
	}
}

func leftOver(rules model.Rules) World {
	second := commits(0)
	second.Upgrade = true
	return World{
		Rules: rules, Closes: "B0", Refuses: []broker.Refusal{{Partition: 0, Record: 10, Error: model.ErrMessageTooLarge}},
		Producers: one(with(does(tv1, commits(0), second, commits(0)), func(c *plain.Config) { c.GivesUp = true })),
	}
}

func thirdFails(p *parts, c *sim.Claim) {
	if all := p.producers[0].Outcomes(); len(all) == 3 {
		c.Assert(all[2].Failed != model.ErrInvalidTxnState, "the third transaction fails with %v", all[2].Failed)
	}
}

func expiring() World {
	return World{
		Elections: again, One: true, Lags: true, Producers: one(does(tv2, aborts(), aborts())),
		Drives: []Drive{{"", "C", &coordinator.Expire{}}, {"", "log", &coordinator.TimeOut{}}},
	}
}

// refusedAfterExpiry is that a transactional id is gone after its producer has ended a
// transaction, so that it was not idle.
func refusedAfterExpiry(w *sim.World, _ *parts) {
	var lives bool
	property := sim.NewProperty(asked, &lives)
	sim.On(property, sim.Arrived, func(_ *sim.Claim, _ sim.Act, _ *coordinator.Expire) { lives = false })
	sim.OnReply(property, func(c *sim.Claim, _ sim.Act, _ *model.EndTxnRequest, response *model.EndTxnResponse) {
		lives = lives || response.Error == model.None
		c.Assert(!lives || response.Error != model.ErrInvalidProducerIDMapping, "an id is gone that has ended a transaction after the expiry")
	})
	w.Watch(property)
}

func fetchAll(rules model.Rules) World {
	return World{Rules: rules, Offsets: true, Drives: drives("B0", &model.OffsetFetchRequest{All: true, RequireStable: true}), Producers: one(does(tv2, commitsOffset(5)))}
}

// leftOut is that a fetch finds nothing, where a transaction holds an offset.
func leftOut(w *sim.World, p *parts) {
	property := sim.NewProperty(asked, nil)
	sim.On(property, sim.Answered, func(c *sim.Claim, _ sim.Act, m *model.OffsetFetchResponse) {
		_, stable := p.brokers[0].Offset(0)
		c.Assert(stable || m.Error != model.None, "P0 has a pending offset, and the answer is %v", m)
	})
	w.Watch(property)
}

func deletedGroup(rules model.Rules) World {
	return World{Rules: rules, Offsets: true, Drives: drives("B0", &model.DeleteGroupsRequest{}), Producers: one(does(tv2, commitsOffset(5)))}
}

// offsetsGone is that the offset of a committed transaction was pending when the group
// was deleted, and is nowhere.
func offsetsGone(w *sim.World, p *parts) {
	var held bool
	property := sim.NewProperty(asked, &held)
	sim.On(property, sim.Arrived, func(_ *sim.Claim, _ sim.Act, _ *model.DeleteGroupsRequest) {
		_, stable := p.brokers[0].Offset(0)
		held = !stable
	})
	property.Finally(func(c *sim.Claim) {
		at, _ := p.brokers[0].Offset(0)
		c.Assert(!held || at == 5, "the transaction has committed offset 5, and the group has %d", at)
	})
	w.Watch(property)
}

// everComplete is that what is decided is complete in the end.
func everComplete(w *sim.World, p *parts) {
	w.Watch(sim.NewProperty(asked, nil).Eventually(func(c *sim.Claim) {
		c.Assert(!p.coordinators[0].Decided(0), "the transaction is decided, and never complete")
	}))
}

func newTopic(rules model.Rules) World {
	return World{Rules: rules, Together: 2, Unknown: []model.Partition{1},
		Producers: one(does(tv2, plain.Transaction{Partitions: []model.Partition{0, 1}, AtOnce: true, Result: model.Commit}))}
}
