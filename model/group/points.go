package group

// Points of a member of a consumer group. It is one thread, and nobody else
// touches its fields; what it sends lies on the connection until it arrives, so
// there is a point where it takes an answer, and none before it sends.
const (
	PointStart               = "start"                        // the application calls poll for the first time
	PointAwaitJoinGroup      = "await JoinGroup"              // the join of AbstractCoordinator.joinGroupIfNeeded
	PointAwaitSyncGroup      = "await SyncGroup"              // and the sync
	PointAwaitHeartbeat      = "await Heartbeat"              // HeartbeatResponseHandler
	PointAwaitGroupHeartbeat = "await ConsumerGroupHeartbeat" // ConsumerHeartbeatRequestManager
	PointAwaitOffsetFetch    = "await OffsetFetch"            // ConsumerCoordinator.initWithCommittedOffsetsIfNeeded
	PointProcess             = "process"                      // the application is done with a message
	PointReadDeadline        = "read deadline"                // the reader of a connection gives up
	PointAwaitOffsetCommit   = "await OffsetCommit"           // commitSync, or the callback of an automatic commit
)
