package model

import "fmt"

// Error is an error code of the protocol. Kafka refuses by a code in a
// response, never by a Go error.
//
// Source: org.apache.kafka.common.protocol.Errors.
type Error int16

const (
	None                         Error = 0
	ErrCoordinatorLoadInProgress Error = 14
	ErrCoordinatorNotAvailable   Error = 15
	ErrNotCoordinator            Error = 16
	ErrIllegalGeneration         Error = 22
	ErrUnknownMemberID           Error = 25
	ErrRebalanceInProgress       Error = 27
	ErrNonEmptyGroup             Error = 68
	ErrGroupIDNotFound           Error = 69
	ErrGroupMaxSizeReached       Error = 81
	ErrFencedInstanceID          Error = 82
	ErrFencedMemberEpoch         Error = 110
	ErrStaleMemberEpoch          Error = 113
)

func (e Error) String() string {
	switch e {
	case None:
		return "NONE"
	case ErrCoordinatorLoadInProgress:
		return "COORDINATOR_LOAD_IN_PROGRESS"
	case ErrCoordinatorNotAvailable:
		return "COORDINATOR_NOT_AVAILABLE"
	case ErrNotCoordinator:
		return "NOT_COORDINATOR"
	case ErrIllegalGeneration:
		return "ILLEGAL_GENERATION"
	case ErrUnknownMemberID:
		return "UNKNOWN_MEMBER_ID"
	case ErrRebalanceInProgress:
		return "REBALANCE_IN_PROGRESS"
	case ErrNonEmptyGroup:
		return "NON_EMPTY_GROUP"
	case ErrGroupIDNotFound:
		return "GROUP_ID_NOT_FOUND"
	case ErrGroupMaxSizeReached:
		return "GROUP_MAX_SIZE_REACHED"
	case ErrFencedInstanceID:
		return "FENCED_INSTANCE_ID"
	case ErrFencedMemberEpoch:
		return "FENCED_MEMBER_EPOCH"
	case ErrStaleMemberEpoch:
		return "STALE_MEMBER_EPOCH"
	default:
		return fmt.Sprintf("ERROR_%d", int16(e))
	}
}
