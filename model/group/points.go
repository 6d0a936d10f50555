package group

import "racelab/sim"

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
