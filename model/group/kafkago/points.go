package kafkago

// Points of a Reader in a group. Each stands where a goroutine waits for another one
// or for the coordinator, or asks it.
const (
	PointJoin           = "join"            // nextGeneration sends a JoinGroup
	PointAwaitJoin      = "await join"      // its response is read
	PointAwaitSync      = "await sync"      // that of the SyncGroup
	PointOffer          = "offer"           // nextGeneration's select: whoever calls Next, or the group's end
	PointGeneration     = "generation"      // a generation waits for its heartbeat, or for the group's end
	PointAwaitHeartbeat = "await heartbeat" // the response is read
	PointReport         = "report"          // run's select after an error: whoever calls Next, or the group's end
	PointNext           = "next"            // Next's select
	PointAwaitGroup     = "await group"     // ConsumerGroup.Close waits for run
	PointStart          = "start"           // the application starts
	PointClose          = "close"           // it calls Reader.Close, after a while
	PointAwaitRun       = "await run"       // Close receives from r.done
	PointAwaitLeave     = "await leave"     // the response of the LeaveGroup is read
)
