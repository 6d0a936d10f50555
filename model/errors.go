package model

// Error is an error code of the protocol. Kafka refuses by a code in a
// response, never by a Go error.
//
// Source: org.apache.kafka.common.protocol.Errors.
type Error int16

const (
	None                      Error = 0
	CoordinatorLoadInProgress Error = 14
	NotCoordinator            Error = 16
)

func (e Error) String() string {
	switch e {
	case None:
		return "NONE"
	case CoordinatorLoadInProgress:
		return "COORDINATOR_LOAD_IN_PROGRESS"
	case NotCoordinator:
		return "NOT_COORDINATOR"
	default:
		return "UNKNOWN_SERVER_ERROR"
	}
}
