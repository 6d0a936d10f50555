package model

import "time"

// InitProducerIDRequest asks for a producer id and epoch. With a transactional
// id it fences all who had one for it before, and aborts what they left open.
//
// Source: InitProducerIdRequest.json.
// Differs: two-phase commit only as proposed (KeepPrepared).
type InitProducerIDRequest struct {
	Version            APIVersion
	TransactionalID    TransactionalID
	TransactionTimeout time.Duration
	// ProducerID and ProducerEpoch are what the client has, if it goes on after
	// an error (KIP-360): so it is fenced, and does not fence another.
	ProducerID    ProducerID
	ProducerEpoch ProducerEpoch
	// TwoPhase is that transactions never time out, KeepPrepared that an open one is
	// kept, for the client to end it.
	//
	// Source: Enable2Pc, KeepPreparedTxn of version 6; KIP-939.
	TwoPhase, KeepPrepared bool
}

func (r *InitProducerIDRequest) Name() string { return "InitProducerId" }

func (r *InitProducerIDRequest) String() string {
	if r.ProducerID == NoProducerID {
		return r.TransactionalID.String()
	}
	return r.TransactionalID.String() + " after " + FormatProducer(r.ProducerID, r.ProducerEpoch)
}

// InitProducerIDResponse answers with the producer id and epoch to use.
//
// Source: InitProducerIdResponse.json.
type InitProducerIDResponse struct {
	Error         Error
	ProducerID    ProducerID
	ProducerEpoch ProducerEpoch
	// Kept is that there is an open transaction, and KeptID and KeptEpoch whose.
	//
	// Source: OngoingTxnProducerId, OngoingTxnProducerEpoch of version 6; KIP-939.
	Kept      bool
	KeptID    ProducerID
	KeptEpoch ProducerEpoch
}

func (r *InitProducerIDResponse) Name() string { return "InitProducerId" }

func (r *InitProducerIDResponse) String() string {
	if r.Error != None {
		return r.Error.String()
	}
	return r.Error.String() + " " + FormatProducer(r.ProducerID, r.ProducerEpoch)
}
