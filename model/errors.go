package model

// Error is an error code of the protocol. Kafka refuses by a code in a
// response, never by a Go error.
//
// Source: org.apache.kafka.common.protocol.Errors.
type Error int16

const (
	ErrUnknownServerError           Error = -1
	None                            Error = 0
	ErrOffsetOutOfRange             Error = 1
	ErrUnknownTopicOrPartition      Error = 3
	ErrNetworkException             Error = 13
	ErrNotEnoughReplicas            Error = 19
	ErrInvalidRequest               Error = 42
	ErrOutOfOrderSequenceNumber     Error = 45
	ErrInvalidProducerEpoch         Error = 47
	ErrInvalidTxnState              Error = 48
	ErrInvalidProducerIDMapping     Error = 49
	ErrInvalidTransactionTimeout    Error = 50
	ErrConcurrentTransactions       Error = 51
	ErrTransactionCoordinatorFenced Error = 52
	ErrProducerFenced               Error = 90
	ErrTransactionAbortable         Error = 120
)

func (e Error) String() string {
	switch e {
	case ErrUnknownServerError:
		return "UNKNOWN_SERVER_ERROR"
	case None:
		return "NONE"
	case ErrOffsetOutOfRange:
		return "OFFSET_OUT_OF_RANGE"
	case ErrUnknownTopicOrPartition:
		return "UNKNOWN_TOPIC_OR_PARTITION"
	case ErrNetworkException:
		return "NETWORK_EXCEPTION"
	case ErrNotEnoughReplicas:
		return "NOT_ENOUGH_REPLICAS"
	case ErrInvalidRequest:
		return "INVALID_REQUEST"
	case ErrOutOfOrderSequenceNumber:
		return "OUT_OF_ORDER_SEQUENCE_NUMBER"
	case ErrInvalidProducerEpoch:
		return "INVALID_PRODUCER_EPOCH"
	case ErrInvalidTxnState:
		return "INVALID_TXN_STATE"
	case ErrInvalidProducerIDMapping:
		return "INVALID_PRODUCER_ID_MAPPING"
	case ErrInvalidTransactionTimeout:
		return "INVALID_TRANSACTION_TIMEOUT"
	case ErrConcurrentTransactions:
		return "CONCURRENT_TRANSACTIONS"
	case ErrTransactionCoordinatorFenced:
		return "TRANSACTION_COORDINATOR_FENCED"
	case ErrProducerFenced:
		return "PRODUCER_FENCED"
	case ErrTransactionAbortable:
		return "TRANSACTION_ABORTABLE"
	default:
		return "UNKNOWN_SERVER_ERROR"
	}
}
