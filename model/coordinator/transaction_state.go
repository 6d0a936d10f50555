package coordinator

import "slices"

// TransactionState is where a transactional id stands. In every state but Empty,
// CompleteCommit and CompleteAbort there is something left to do.
//
// What a request is answered depends on the pending state too: while a
// transition is on its way to the log, InitProducerId, both adds and EndTxn are
// answered CONCURRENT_TRANSACTIONS, once nothing else is wrong with them.
//
// Source: TransactionState.
type TransactionState uint8

const (
	// EmptyTransaction has no transaction and has had none with this epoch.
	//
	// Answers: InitProducerId with a new epoch; an add NONE; EndTxn(commit)
	// INVALID_TXN_STATE; EndTxn(abort) INVALID_TXN_STATE under TV1, NONE under
	// TV2, which cannot know whether an add reached the coordinator.
	// Leads to: Ongoing, Empty (InitProducerId), PrepareAbort (TV2), Dead.
	EmptyTransaction TransactionState = iota
	// Ongoing has a transaction with at least one partition.
	//
	// Answers: an add NONE; EndTxn NONE; InitProducerId CONCURRENT_TRANSACTIONS,
	// and aborts the transaction.
	// Leads to: Ongoing (another partition), PrepareCommit, PrepareAbort, and by
	// way of a pending PrepareEpochFence to PrepareAbort.
	Ongoing
	// PrepareCommit is decided, and the markers are on their way. CompleteCommit
	// is pending all the while.
	//
	// Answers: CONCURRENT_TRANSACTIONS to all.
	// Leads to: CompleteCommit.
	PrepareCommit
	// PrepareAbort is PrepareCommit for a transaction that is aborted.
	//
	// Answers: CONCURRENT_TRANSACTIONS to all.
	// Leads to: CompleteAbort.
	PrepareAbort
	// CompleteCommit has all its markers.
	//
	// Answers: InitProducerId with a new epoch; an add NONE; EndTxn(commit) again
	// NONE, and under TV2 only if it carries the epoch before; EndTxn(abort)
	// INVALID_TXN_STATE under TV1, under TV2 NONE with a new epoch.
	// Leads to: Ongoing, Empty (InitProducerId), PrepareAbort (TV2), Dead.
	CompleteCommit
	// CompleteAbort is CompleteCommit with the results exchanged, but that
	// EndTxn(abort) is never wrong.
	//
	// Answers: as CompleteCommit does; EndTxn(commit) INVALID_TXN_STATE.
	// Leads to: Ongoing, Empty (InitProducerId), PrepareAbort (TV2), Dead.
	CompleteAbort
	// DeadTransaction is about to be forgotten.
	//
	// Answers: nothing; a request that finds it is a bug.
	// Leads to: nothing.
	DeadTransaction
	// PrepareEpochFence shuts out the producers of the epoch before. It is only
	// ever pending, within one step of the coordinator.
	//
	// Answers: nothing; a request that finds it is a bug.
	// Leads to: PrepareAbort.
	PrepareEpochFence
	// none is the pending state where no transition is on its way.
	none
)

func (s TransactionState) String() string {
	return [...]string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort",
		"Dead", "PrepareEpochFence", "none"}[s]
}

// validPreviousStates lists the states from which one leads to each.
//
// Source: TransactionState.validPreviousStates.
var validPreviousStates = [...][]TransactionState{
	EmptyTransaction:  {EmptyTransaction, CompleteCommit, CompleteAbort},
	Ongoing:           {Ongoing, EmptyTransaction, CompleteCommit, CompleteAbort},
	PrepareCommit:     {Ongoing},
	PrepareAbort:      {Ongoing, PrepareEpochFence, EmptyTransaction, CompleteCommit, CompleteAbort},
	CompleteCommit:    {PrepareCommit},
	CompleteAbort:     {PrepareAbort},
	DeadTransaction:   {EmptyTransaction, CompleteCommit, CompleteAbort},
	PrepareEpochFence: {Ongoing},
}

func (s TransactionState) mayFollow(before TransactionState) bool {
	return slices.Contains(validPreviousStates[s], before)
}

// decided says whether the end of the transaction is in the log, and markers
// are still to be written.
func (s TransactionState) decided() bool { return s == PrepareCommit || s == PrepareAbort }

// complete says whether all markers of the transaction are written.
func (s TransactionState) complete() bool { return s == CompleteCommit || s == CompleteAbort }
