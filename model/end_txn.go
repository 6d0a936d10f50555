package model

import "fmt"

// EndTxnRequest commits or aborts a transaction.
//
// Source: EndTxnRequest.json.
type EndTxnRequest struct {
	Version         APIVersion
	TransactionalID TransactionalID
	ProducerID      ProducerID
	ProducerEpoch   ProducerEpoch
	Result          TransactionResult
}

func (r *EndTxnRequest) String() string {
	return fmt.Sprintf("%v %s %v", r.TransactionalID, FormatProducer(r.ProducerID, r.ProducerEpoch), r.Result)
}

// TransactionVersion is the version of the protocol that the sender follows.
//
// Source: TransactionVersion.transactionVersionForEndTxn.
func (r *EndTxnRequest) TransactionVersion() TransactionVersion {
	if r.Version >= 5 {
		return TV2
	}
	return TV1
}

// EndTxnResponse answers when the decision is in the transaction log. The
// markers are still to be written.
//
// Source: EndTxnResponse.json.
type EndTxnResponse struct {
	Error Error
	// ProducerID and ProducerEpoch are those of the next transaction, under TV2.
	ProducerID    ProducerID
	ProducerEpoch ProducerEpoch
}

func (r *EndTxnResponse) String() string {
	if r.ProducerID == NoProducerID {
		return r.Error.String()
	}
	return r.Error.String() + " " + FormatProducer(r.ProducerID, r.ProducerEpoch)
}
