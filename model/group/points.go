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

// Points of a member of a consumer group. It is one thread, and nobody else
// touches its fields; what it sends lies on the connection until it arrives, so
// there is a point where it takes an answer, and none before it sends.
const (
	PointStart               sim.Point = "start"                        // the application calls poll for the first time
	PointAwaitJoinGroup      sim.Point = "await JoinGroup"              // the join of AbstractCoordinator.joinGroupIfNeeded
	PointAwaitSyncGroup      sim.Point = "await SyncGroup"              // and the sync
	PointAwaitHeartbeat      sim.Point = "await Heartbeat"              // HeartbeatResponseHandler
	PointAwaitGroupHeartbeat sim.Point = "await ConsumerGroupHeartbeat" // ConsumerHeartbeatRequestManager
	PointAwaitOffsetFetch    sim.Point = "await OffsetFetch"            // ConsumerCoordinator.initWithCommittedOffsetsIfNeeded
	PointProcess             sim.Point = "process"                      // the application is done with a message
	PointAwaitOffsetCommit   sim.Point = "await OffsetCommit"           // commitSync, or the callback of an automatic commit
)
