package group

import "racelab/sim"

// Points of Sarama's offset manager. Each stands before a statement at which
// the Go scheduler may run another goroutine with effect: the acquisition of a
// lock, a send, the wait for a response. Inside a critical section of
// PartitionOffsetManager.lock there is none, because all who touch its fields
// take that lock.
const (
	PointMark            sim.Point = "mark"             // MarkOffset takes pom.lock
	PointCommit          sim.Point = "commit"           // flushToBroker takes commitLock (#2941)
	PointBrokerLock      sim.Point = "lock broker"      // flushToBroker takes broker.lock (#2947)
	PointSnapshot        sim.Point = "snapshot"         // constructRequest takes pom.lock, once a partition
	PointSend            sim.Point = "send"             // the request is written; before #2947, with broker.lock taken first
	PointAwaitResponse   sim.Point = "await response"   // the promise's channel
	PointUpdateCommitted sim.Point = "update committed" // updateCommitted takes pom.lock, once a partition
)
