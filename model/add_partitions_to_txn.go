package model

import "fmt"

// AddPartitionsToTxnRequest tells the transaction coordinator to which
// partitions a transaction will write. Up to version 3 clients send it; from 4
// on brokers do, for the transactions of their producers.
//
// Source: AddPartitionsToTxnRequest.json; KIP-98, KIP-890.
// Differs: one transaction a request, also from version 4 on.
type AddPartitionsToTxnRequest struct {
	Version         APIVersion
	TransactionalID TransactionalID
	ProducerID      ProducerID
	ProducerEpoch   ProducerEpoch
	VerifyOnly      bool        // asks whether the partitions were added, and adds none
	Partitions      []Partition // ascending
}

func (r *AddPartitionsToTxnRequest) String() string {
	does := ""
	if r.VerifyOnly {
		does = "verify "
	}
	return fmt.Sprintf("%v %s %s%v", r.TransactionalID, FormatProducer(r.ProducerID, r.ProducerEpoch), does, r.Partitions)
}

// TransactionVersion is the version of the protocol that the sender follows.
//
// Source: TransactionVersion.transactionVersionForAddPartitionsToTxn.
func (r *AddPartitionsToTxnRequest) TransactionVersion() TransactionVersion {
	if r.Version >= 4 {
		return TV2
	}
	return TV1
}

// AddPartitionsToTxnResponse answers for each partition of the request.
//
// Source: AddPartitionsToTxnResponse.json.
type AddPartitionsToTxnResponse struct {
	Partitions []PartitionError // in the order of the request
}

func (r *AddPartitionsToTxnResponse) String() string { return FormatErrors(r.Partitions) }
