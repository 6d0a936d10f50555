package model

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Release is a release of Kafka's brokers. The zero value is the newest that the
// models know.
type Release uint8

// The releases that differ in a rule of transactions.
const (
	Newest Release = iota
	Kafka0_11
	Kafka2_4
	Kafka2_5
	Kafka2_6
	Kafka2_6_1
	Kafka3_5
	Kafka3_6
	Kafka3_8
	Kafka3_9
	Kafka3_9_1
	Kafka4_0
	Kafka4_0_1
	Kafka4_1
	Kafka4_1_1
	Kafka4_2
	Kafka4_3
	Unreleased // what is proposed, or merged after the newest
)

func (r Release) String() string {
	return [...]string{"4.3", "0.11", "2.4", "2.5", "2.6", "2.6.1", "3.5", "3.6", "3.8", "3.9", "3.9.1", "4.0", "4.0.1", "4.1", "4.1.1", "4.2", "4.3", "no release to 4.3.1"}[r]
}

// Rule is one rule of the protocol that a release may have or not. Several are
// joined by |.
type Rule uint64

// The rules, in the order of their release.
const (
	WriteAhead Rule = 1 << iota
	MarkersAtLoad
	Fencing
	CoordinatorFencing
	OffsetsInLogOrder
	StateFromLog
	TruncateByEpoch
	CompleteOnce
	StorageErrorAgain
	GroupMetadata
	StableOffsets
	StrictEndTxnEpoch
	FailedFence
	Verification
	GuardPerTransaction
	CompletionByValue
	RefusedOffsetsLeaveNothing
	OffsetsBeforeAnswer
	AddAtSameEpoch
	GuardOfNext
	PendingBeforeEpoch
	BrokerAddsAgain
	OneBump
	EpochBeforeAdd
	FirstSequenceZero
	EpochBeforeGuard
	StrictMarkers
	MarkerAgain
	LastEpoch
	RotationInLog
	FencedCommitRetry
	CommitAgainstFence
	LoadToHighWatermark
	LoadWhole
	AnswerWhenSkipped
	UnexpectedMarkerError
	OwnMarkerResult
	WritableAfterDowngrade
	OwnOperation
	AddQueueByProducerID
	GuardTakesVersion
	FetchAllStable
	KeepGroupInTransaction
	AddWhatIsKnown
	KeepPrepared
	lastRule = KeepPrepared
)

// Fact is what is known of a rule.
type Fact struct {
	Rule   Rule
	Name   string // as variants and texts call it
	Issue  string // where it was decided
	Since  Release
	Says   string
	Mended string // what it mends, or what breaks without it; one sentence
}

// facts are all rules, by the bit of each.
var facts = [...]Fact{
	{WriteAhead, "write-ahead", "KIP-98", Kafka0_11, "A decision is answered, and its markers are sent, only when it is in the transaction log.", "A coordinator that answers first forgets a commit in a crash."},
	{MarkersAtLoad, "markers-at-load", "KIP-98", Kafka0_11, "A coordinator that loads PrepareCommit or PrepareAbort sends its markers again.", "Without it a crash between decision and marker leaves a transaction open for ever."},
	{Fencing, "fencing", "KIP-98", Kafka0_11, "InitProducerId gives a new epoch, and requests of an older one are refused.", "Without it a process that was taken for dead goes on writing."},
	{CoordinatorFencing, "coordinator-fencing", "KIP-98", Kafka0_11, "A partition refuses markers of a coordinator epoch that is older than the last it has seen.", "Without it a coordinator that was replaced ends a transaction that is not its own."},
	{OffsetsInLogOrder, "offsets-in-log-order", "KIP-98", Kafka0_11, "Of two committed offsets the one whose record is later in __consumer_offsets counts.", "Ordered by the marker, an offset after a replay is not the one before it."},
	{StateFromLog, "state-from-log", "KIP-98", Kafka0_11, "A replica takes from the log what it knows of producers: their last batches, what they have open, and what they aborted.", "A new leader writes a second try twice, and a consumer gets what was aborted."},
	{TruncateByEpoch, "truncate-by-epoch", "KIP-101", Kafka0_11, "A replica that follows a new leader drops what that leader does not have, and no more.", "It drops what is behind its own high watermark, which all may have, and two elections in a row lose it."},
	{CompleteOnce, "complete-once", "KIP-98; candidates of 2.6 lacked it, KAFKA-10080", Kafka0_11, "Whoever completes a transaction takes it out of the list of those to complete, as one step.", "Two threads write that one transaction is complete, and the second does when the next one is open: a coordinator that loads its log has forgotten that."},
	{StorageErrorAgain, "storage-error-again", "KAFKA-9749", Kafka2_5, "A marker refused with KAFKA_STORAGE_ERROR is sent again.", "The transaction stays decided for ever."},
	{GroupMetadata, "group-metadata", "KIP-447", Kafka2_5, "TxnOffsetCommit carries member and generation, which the group checks.", "A former owner of a partition commits offsets over those of the new one."},
	{StableOffsets, "stable-offsets", "KIP-447", Kafka2_5, "OffsetFetch with RequireStable is refused while a transaction holds offsets of the partition.", "A new owner starts from an offset that is about to move."},
	{StrictEndTxnEpoch, "strict-end-txn-epoch", "KAFKA-9600", Kafka2_6, "EndTxn of a client needs the very epoch that is stored.", "A newer epoch than the stored one was accepted."},
	{FailedFence, "failed-fence", "KAFKA-9666", Kafka2_6_1, "A fence whose write to the log failed is not counted twice (TV1).", "InitProducerId, tried again while the log is away, used up the epochs."},
	{Verification, "verification", "KIP-890", Kafka3_6, "A leader asks the coordinator before it lets a batch begin a transaction.", "A late batch opens a transaction that nobody ends (KAFKA-14402)."},
	{GuardPerTransaction, "guard-per-transaction", "KAFKA-14884", Kafka3_6, "A marker voids the proof with which a batch may begin a transaction.", "A proof from before the marker lets a late batch in after it."},
	{CompletionByValue, "completion-by-value", "KAFKA-16352; 3.7.1 and 3.7.2 were not read", Kafka3_8, "What is over takes its own entry from the list of those to complete, and not a newer one of the same id.", "A stale answer takes away the next completion, and the transaction stays decided."},
	{RefusedOffsetsLeaveNothing, "refused-offsets-leave-nothing", "KAFKA-16371; 3.7.1 and 3.7.2 were not read", Kafka3_8, "An offset that is refused for its metadata leaves nothing pending.", "UNSTABLE_OFFSET_COMMIT for ever."},
	{OffsetsBeforeAnswer, "offsets-before-answer", "KAFKA-17507", Kafka3_9_1, "WriteTxnMarkers for __consumer_offsets is answered when the offsets are committed.", "The next transaction's pending offsets are committed with the last one."},
	{AddAtSameEpoch, "add-at-same-epoch", "KAFKA-18654", Kafka4_0, "Only an open transaction of the same epoch saves a batch the question to the coordinator.", "A record joins the transaction before its own."},
	{GuardOfNext, "guard-of-next", "KAFKA-18575", Kafka4_0, "A TV2 marker keeps the proof of a batch of the epoch that it begins.", "A batch that was added before the marker is refused after it."},
	{PendingBeforeEpoch, "pending-before-epoch", "KAFKA-18464", Kafka4_0, "A pending transition is answered CONCURRENT_TRANSACTIONS before id and epoch are looked at.", "A producer with the epoch that it was given is fenced by itself."},
	{BrokerAddsAgain, "broker-adds-again", "KAFKA-18654", Kafka4_0, "Under TV2 the broker repeats an add that is answered CONCURRENT_TRANSACTIONS.", "Each transaction waits for the client's backoff."},
	{OneBump, "one-bump", "KAFKA-19367", Kafka4_0_1, "A fence under TV2 takes one epoch, not one for itself and one for the abort.", "The epoch passes its maximum and turns negative."},
	{EpochBeforeAdd, "epoch-before-add", "KAFKA-18042", Kafka4_1, "A batch of an older epoch is refused before the coordinator is asked.", "A late batch of a producer that was replaced puts those of its successor out of order."},
	{FirstSequenceZero, "first-sequence-zero", "KAFKA-18202", Kafka4_1, "Under TV2 the first batch of a transaction on a partition without batches has sequence number 0.", "A batch that was overtaken begins the transaction."},
	{EpochBeforeGuard, "epoch-before-guard", "KAFKA-19690; on the branches of 3.9 and 4.0 too", Kafka4_1_1, "A batch of an older epoch is refused as such, and not for its missing proof.", "INVALID_TXN_STATE, which is fatal, where INVALID_PRODUCER_EPOCH was due."},
	{StrictMarkers, "strict-markers", "KAFKA-19446", Kafka4_2, "A TV2 marker needs a newer epoch than the partition's.", "A late marker ends the next transaction."},
	{MarkerAgain, "marker-again", "KAFKA-19999", Kafka4_2, "A TV2 marker of the partition's own epoch is a second try, if nothing is open.", "A marker that is sent again is refused, and CONCURRENT_TRANSACTIONS never ends."},
	{LastEpoch, "last-epoch", "KAFKA-20090", Kafka4_3, "An abort by the coordinator that takes the last epoch gives a new producer id, and a marker of the last epoch is accepted again.", "A late EndTxn(abort) is taken for a second try, and its client begins what nobody can end."},
	{RotationInLog, "rotation-in-log", "KAFKA-20310", Kafka4_3, "The next producer id is in the log with the decision.", "A failover forgets the producer id that EndTxn's answer has promised."},
	{FencedCommitRetry, "fenced-commit-retry", "KAFKA-20785; 4.3.2 and 4.4 were not read", Unreleased, "EndTxn(commit) of the epoch before, for a transaction that the coordinator has aborted, is PRODUCER_FENCED.", "INVALID_TXN_STATE ends the application, where it could have begun anew."},
	{CommitAgainstFence, "commit-against-fence", "proposed here", Unreleased, "EndTxn of a client is CONCURRENT_TRANSACTIONS while a fence is pending.", "A commit in the window between fence and abort fails with an exception: UNKNOWN_SERVER_ERROR."},
	{LoadToHighWatermark, "load-to-high-watermark", "proposed here", Unreleased, "A coordinator acts on what it has loaded when that is committed.", "Two failovers in a row tear a transaction: one partition has a commit, the other an abort."},
	{LoadWhole, "load-whole", "proposed here", Unreleased, "A coordinator that cannot read its log to the end serves nothing.", "It serves what it has read, and forgets the rest: a transaction stays open for ever."},
	{AnswerWhenSkipped, "answer-when-skipped", "proposed here", Unreleased, "WriteTxnMarkers is answered with its last marker, also if that one is skipped.", "A request whose last marker has no partition here is not answered, and holds up all others to this broker."},
	{UnexpectedMarkerError, "unexpected-marker-error", "proposed here", Unreleased, "A marker refused with an error that nobody expects is sent again.", "It is dropped with all that follow it in the answer: CONCURRENT_TRANSACTIONS until the coordinator moves."},
	{OwnMarkerResult, "own-marker-result", "proposed here", Unreleased, "Of an answer to WriteTxnMarkers each marker takes what is said of its own partitions.", "Two markers of one transaction in a request each send again what was refused of either: one of these comes when the next transaction is open."},
	{WritableAfterDowngrade, "writable-after-downgrade", "proposed here", Unreleased, "A record of version 0 leaves out the client's transaction version.", "After a downgrade to transaction.version 0 no transition of a TV2 transaction can be written."},
	{OwnOperation, "own-operation", "proposed here", Unreleased, "Each entry of a request to the coordinator has its own error translated for its own client.", "The first entry decides, and a client gets the error that is meant for another's version."},
	{AddQueueByProducerID, "add-queue-by-producer-id", "proposed here", Unreleased, "The add queue compares epochs of one producer id only.", "After a rotation the new producer id is refused, because its epoch is 0."},
	{GuardTakesVersion, "guard-takes-version", "proposed here", Unreleased, "An attempt under TV2 makes the verification state that it shares one of TV2.", "A state left over from TV1 is cleared by a marker that should keep it: INVALID_TXN_STATE."},
	{FetchAllStable, "fetch-all-stable", "proposed here", Unreleased, "OffsetFetch of all partitions with RequireStable counts partitions that have a pending offset only.", "They are left out, and a reader starts from its reset policy."},
	{KeepGroupInTransaction, "keep-group-in-transaction", "proposed here", Unreleased, "A group with offsets of an open transaction is not deleted.", "The transaction commits, and its offsets are gone."},
	{AddWhatIsKnown, "add-what-is-known", "proposed here", Unreleased, "A partition that the coordinator does not know keeps no other one out.", "The others are OPERATION_NOT_ATTEMPTED, which a producer does not try again."},
	{KeepPrepared, "keep-prepared", "KIP-939, as proposed", Unreleased, "InitProducerId can keep the open transaction, and gives its client an epoch to end it with; a transaction of two-phase commit does not time out.", "What a database has decided to commit is aborted when the process comes back."},
}

// Facts lists all rules.
func Facts() []Fact { return slices.Clone(facts[:]) }

// Rules says which rules a broker follows.
type Rules struct {
	Release Release // has all rules up to it
	Without Rule    // which it lacks all the same
	With    Rule    // which it has before their time
	Omits   Omission
}

// Omission is one check that a broker leaves out, so that somebody may notice.
// The zero value is none.
type Omission struct {
	Request string // as Checks has it
	Check   int    // from 1, in their order
}

// Has says whether the broker follows a rule.
func (r Rules) Has(rule Rule) bool {
	if r.Without&rule != 0 {
		return false
	}
	if r.With&rule != 0 {
		return true
	}
	release := r.Release
	if release == Newest {
		release = Kafka4_3
	}
	return rule.fact().Since <= release
}

func (r Rule) fact() *Fact {
	if i := bits.TrailingZeros64(uint64(r)); i < len(facts) && facts[i].Rule == r {
		return &facts[i]
	}
	panic(fmt.Sprintf("model: %d is no single rule: name one of those of model.Facts", r))
}

// String is the name of a rule, or the names of several.
func (r Rule) String() string {
	var names []string
	for i := range facts {
		if facts[i].Rule&r != 0 {
			names = append(names, facts[i].Name)
		}
	}
	return strings.Join(names, "+")
}

// Check is one reason to refuse a request, as data: what is read of it in
// docs/specification.md is what the models do.
type Check[T any] struct {
	If    string // when the request is refused, in words
	Rule  Rule   // that brought the check; 0: it was always there
	Until Rule   // that did away with it; 0: it is still there
	Error Error
	Holds func(x T) bool // whether it is refused
}

// Checks are all reasons to refuse a request, in the order in which they are looked at.
type Checks[T any] struct {
	Request string
	List    []Check[T]
}

// Refusal goes through the checks in their order, and says which is the first that
// refuses the request: None if none does.
func Refusal[T any](rules Rules, checks Checks[T], x T) Error {
	for i := range checks.List {
		c := &checks.List[i]
		if rules.Omits.Check == i+1 && rules.Omits.Request == checks.Request {
			continue
		}
		if rules.include(c.Rule, c.Until) && c.Holds(x) {
			return c.Error
		}
	}
	return None
}

// include says whether a check of these two rules is made; see Check.
func (r Rules) include(rule, until Rule) bool {
	return (rule == 0 || r.Has(rule)) && (until == 0 || !r.Has(until))
}

// Told is a check as documents tell it, without its types.
type Told struct {
	If, Error   string
	Rule, Until Rule // as Check has them
}

// In says whether the rules have the check.
func (t Told) In(rules Rules) bool {
	return rules.include(t.Rule, t.Until)
}

// Tell tells the checks of a request; then is what happens if none refuses it, source is in
// Kafka, code is here, and test is what holds the order.
func Tell[T any](checks Checks[T], then, source, code, test string) Section {
	section := Section{Request: checks.Request, Then: then, Source: source, Code: code, Test: test}
	for i := range checks.List {
		c := &checks.List[i]
		section.Checks = append(section.Checks, Told{c.If, c.Error.String(), c.Rule, c.Until})
	}
	return section
}

// Section is the checks of one request, as docs/specification.md tells them.
type Section struct {
	Request string // "EndTxn (TV2)"
	Then    string // what happens if nothing refuses it
	Source  string // in Kafka
	Code    string // here
	Test    string // that holds the order
	Checks  []Told
}
