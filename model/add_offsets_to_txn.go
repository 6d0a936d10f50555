package model

import "fmt"

// AddOffsetsToTxnRequest tells the transaction coordinator that a transaction
// will commit offsets of the group, which are written to a partition too.
//
// Source: AddOffsetsToTxnRequest.json.
// Differs: there is one group, so it is not named.
type AddOffsetsToTxnRequest struct {
	Version         APIVersion
	TransactionalID TransactionalID
	ProducerID      ProducerID
	ProducerEpoch   ProducerEpoch
}

func (r *AddOffsetsToTxnRequest) String() string {
	return fmt.Sprintf("%v %s", r.TransactionalID, FormatProducer(r.ProducerID, r.ProducerEpoch))
}

// AddOffsetsToTxnResponse answers it.
//
// Source: AddOffsetsToTxnResponse.json.
type AddOffsetsToTxnResponse struct{ Error Error }

func (r *AddOffsetsToTxnResponse) String() string { return r.Error.String() }
