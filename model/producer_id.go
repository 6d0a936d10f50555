package model

import "strconv"

// ProducerID names an idempotent producer to the partition logs.
type ProducerID int64

// NoProducerID stands where no producer id is given.
const NoProducerID ProducerID = -1

// ProducerEpoch tells the incarnations of a producer id apart: a log and a
// coordinator refuse what comes with an older one.
type ProducerEpoch int16

const (
	// NoProducerEpoch stands where no epoch is given.
	NoProducerEpoch ProducerEpoch = -1
	// MaxProducerEpoch is the largest epoch there is. No client ever gets it, so
	// that a coordinator can always fence.
	//
	// Default: 32,767. Worlds that are about its end make it small.
	// Source: TransactionMetadata.isEpochExhausted.
	MaxProducerEpoch ProducerEpoch = 1<<15 - 1
)

// FormatProducer writes a producer id and its epoch as pictures show them:
// "1/0".
func FormatProducer(id ProducerID, epoch ProducerEpoch) string {
	return strconv.FormatInt(int64(id), 10) + "/" + strconv.Itoa(int(epoch))
}

// TransactionalID is the name of a transactional producer, which outlives its
// processes.
//
// Differs: a number for a text.
type TransactionalID int32

const (
	// NoTransactionalID is a producer without one: the null of the protocol.
	NoTransactionalID TransactionalID = -1
	// EmptyTransactionalID is the empty text, which no request may carry.
	EmptyTransactionalID TransactionalID = -2
)

func (id TransactionalID) String() string {
	switch id {
	case NoTransactionalID:
		return "no transactional id"
	case EmptyTransactionalID:
		return `""`
	}
	return "T" + strconv.Itoa(int(id))
}

// CoordinatorEpoch tells the leaders of a partition of the transaction log
// apart. A marker carries it.
type CoordinatorEpoch int32

// NoCoordinatorEpoch is that of a partition that has seen no marker yet.
const NoCoordinatorEpoch CoordinatorEpoch = -1

// APIVersion is the version of a request: what its sender knows of the protocol.
type APIVersion int16

// TransactionVersion is the version of the transaction protocol that a client,
// or a whole cluster, has.
//
// Source: TransactionVersion; KIP-890.
type TransactionVersion int16

const (
	// TV1 keeps an epoch from transaction to transaction, and a client adds each
	// partition before it writes there.
	//
	// Differs: it stands for TransactionVersion.TV_0 too. The two differ only in
	// the format of the transaction log.
	TV1 TransactionVersion = 1
	// TV2 ends each transaction with a new epoch, and the first write to a
	// partition adds it.
	TV2 TransactionVersion = 2
)

func (v TransactionVersion) String() string { return "TV" + strconv.Itoa(int(v)) }

// SupportsEpochBump says whether each transaction has an epoch of its own.
func (v TransactionVersion) SupportsEpochBump() bool { return v >= TV2 }

// TransactionResult is how a transaction ends.
//
// Source: TransactionResult.
type TransactionResult uint8

const (
	Abort TransactionResult = iota
	Commit
)

func (r TransactionResult) String() string {
	if r == Commit {
		return "commit"
	}
	return "abort"
}
