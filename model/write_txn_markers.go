package model

import (
	"fmt"
	"strings"
)

// WriteTxnMarkersRequest makes a broker write how transactions ended into the
// partitions that it leads.
//
// Source: WriteTxnMarkersRequest.json.
type WriteTxnMarkersRequest struct{ Markers []TxnMarker }

// TxnMarker is how one transaction ended.
//
// Source: WriteTxnMarkersRequest.TxnMarkerEntry.
type TxnMarker struct {
	ProducerID         ProducerID
	ProducerEpoch      ProducerEpoch
	CoordinatorEpoch   CoordinatorEpoch
	Result             TransactionResult
	TransactionVersion TransactionVersion
	Partitions         []Partition // ascending
}

func (r *WriteTxnMarkersRequest) String() string {
	parts := make([]string, len(r.Markers))
	for i, m := range r.Markers {
		parts[i] = fmt.Sprintf("%s %v %v", FormatProducer(m.ProducerID, m.ProducerEpoch), m.Result, m.Partitions)
	}
	return strings.Join(parts, ", ")
}

// WriteTxnMarkersResponse answers when all markers of the request are written,
// or refused.
//
// Source: WriteTxnMarkersResponse.json.
type WriteTxnMarkersResponse struct{ Markers []TxnMarkerResult }

// TxnMarkerResult is the outcome of one marker, for each of its partitions.
//
// Source: WriteTxnMarkersResponse.errorsByProducerId.
type TxnMarkerResult struct {
	ProducerID ProducerID
	Partitions []PartitionError // in the order of the request
}

func (r *WriteTxnMarkersResponse) String() string {
	parts := make([]string, len(r.Markers))
	for i, m := range r.Markers {
		parts[i] = FormatErrors(m.Partitions)
	}
	return strings.Join(parts, ", ")
}
