package model

import "fmt"

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
	ErrNotLeaderOrFollower          Error = 6
	ErrMessageTooLarge              Error = 10
	ErrRequestTimedOut              Error = 7
	ErrOffsetMetadataTooLarge       Error = 12
	ErrNetworkException             Error = 13
	ErrCoordinatorLoadInProgress    Error = 14
	ErrCoordinatorNotAvailable      Error = 15
	ErrNotCoordinator               Error = 16
	ErrNotEnoughReplicas            Error = 19
	ErrNotEnoughReplicasAfterAppend Error = 20
	ErrIllegalGeneration            Error = 22
	ErrUnknownMemberID              Error = 25
	ErrRebalanceInProgress          Error = 27
	ErrTopicAuthorizationFailed     Error = 29
	ErrUnsupportedVersion           Error = 35
	ErrInvalidRequest               Error = 42
	ErrOutOfOrderSequenceNumber     Error = 45
	ErrInvalidProducerEpoch         Error = 47
	ErrInvalidTxnState              Error = 48
	ErrInvalidProducerIDMapping     Error = 49
	ErrInvalidTransactionTimeout    Error = 50
	ErrConcurrentTransactions       Error = 51
	ErrTransactionCoordinatorFenced Error = 52
	ErrOperationNotAttempted        Error = 55
	ErrKafkaStorageError            Error = 56
	ErrNonEmptyGroup                Error = 68
	ErrGroupIDNotFound              Error = 69
	ErrGroupMaxSizeReached          Error = 81
	ErrFencedInstanceID             Error = 82
	ErrInvalidRecord                Error = 87
	ErrUnstableOffsetCommit         Error = 88
	ErrProducerFenced               Error = 90
	ErrFencedMemberEpoch            Error = 110
	ErrStaleMemberEpoch             Error = 113
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
	case ErrNotLeaderOrFollower:
		return "NOT_LEADER_OR_FOLLOWER"
	case ErrMessageTooLarge:
		return "MESSAGE_TOO_LARGE"
	case ErrRequestTimedOut:
		return "REQUEST_TIMED_OUT"
	case ErrOffsetMetadataTooLarge:
		return "OFFSET_METADATA_TOO_LARGE"
	case ErrNetworkException:
		return "NETWORK_EXCEPTION"
	case ErrCoordinatorLoadInProgress:
		return "COORDINATOR_LOAD_IN_PROGRESS"
	case ErrCoordinatorNotAvailable:
		return "COORDINATOR_NOT_AVAILABLE"
	case ErrNotCoordinator:
		return "NOT_COORDINATOR"
	case ErrNotEnoughReplicas:
		return "NOT_ENOUGH_REPLICAS"
	case ErrNotEnoughReplicasAfterAppend:
		return "NOT_ENOUGH_REPLICAS_AFTER_APPEND"
	case ErrIllegalGeneration:
		return "ILLEGAL_GENERATION"
	case ErrUnknownMemberID:
		return "UNKNOWN_MEMBER_ID"
	case ErrRebalanceInProgress:
		return "REBALANCE_IN_PROGRESS"
	case ErrTopicAuthorizationFailed:
		return "TOPIC_AUTHORIZATION_FAILED"
	case ErrUnsupportedVersion:
		return "UNSUPPORTED_VERSION"
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
	case ErrOperationNotAttempted:
		return "OPERATION_NOT_ATTEMPTED"
	case ErrKafkaStorageError:
		return "KAFKA_STORAGE_ERROR"
	case ErrNonEmptyGroup:
		return "NON_EMPTY_GROUP"
	case ErrGroupIDNotFound:
		return "GROUP_ID_NOT_FOUND"
	case ErrGroupMaxSizeReached:
		return "GROUP_MAX_SIZE_REACHED"
	case ErrFencedInstanceID:
		return "FENCED_INSTANCE_ID"
	case ErrInvalidRecord:
		return "INVALID_RECORD"
	case ErrUnstableOffsetCommit:
		return "UNSTABLE_OFFSET_COMMIT"
	case ErrProducerFenced:
		return "PRODUCER_FENCED"
	case ErrFencedMemberEpoch:
		return "FENCED_MEMBER_EPOCH"
	case ErrStaleMemberEpoch:
		return "STALE_MEMBER_EPOCH"
	case ErrTransactionAbortable:
		return "TRANSACTION_ABORTABLE"
	default:
		return fmt.Sprintf("ERROR_%d", int16(e))
	}
}
