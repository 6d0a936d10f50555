package sarama

// Points of Sarama's offset manager. Each stands before a statement at which
// the Go scheduler may run another goroutine with effect: the acquisition of a
// lock, a send, the wait for a response. Inside a critical section of
// PartitionOffsetManager.lock there is none, because all who touch its fields
// take that lock.
const (
	PointFetchOffset     = "fetch offset"        // FetchOffset takes broker.lock, and writes the request
	PointAwaitOffset     = "await offset"        // the promise's channel
	PointManage          = "manage partition"    // ManagePartition takes pomsLock for writing
	PointMark            = "mark"                // MarkOffset takes pom.lock
	PointReset           = "reset"               // ResetOffset takes pom.lock
	PointCommit          = "commit"              // flushToBroker takes commitLock (#2941)
	PointConstruct       = "construct request"   // constructRequest takes pomsLock for reading
	PointSnapshot        = "snapshot"            // constructRequest takes pom.lock, once a partition
	PointCoordinator     = "coordinator"         // coordinator takes brokerLock for reading
	PointSend            = "send"                // CommitOffset takes broker.lock, and writes the request
	PointBrokerLock      = "lock broker"         // flushToBroker takes broker.lock (#2947)
	PointWrite           = "write"               // the request is written, with broker.lock held since "lock broker"
	PointAwaitResponse   = "await response"      // the promise's channel
	PointHandleResponse  = "handle response"     // handleResponse takes pomsLock for reading
	PointUpdateCommitted = "update committed"    // updateCommitted takes pom.lock, once a partition
	PointRelease         = "release coordinator" // releaseCoordinator takes brokerLock for writing
	PointReleasePOMs     = "release poms"        // releasePOMs takes pomsLock for writing
	PointReleasePOM      = "release pom"         // releasePOMs takes pom.lock, once a partition
	PointHandleError     = "handle error"        // handleError takes pomsLock for reading
	PointErrors          = "tell error"          // partitionOffsetManager.handleError sends to Errors, with pomsLock held
	PointReadErrors      = "read errors"         // the application receives from Errors
	PointMainLoop        = "main loop"           // mainLoop's goroutine begins
	PointNext            = "next"                // mainLoop's select
	PointAwaitClaims     = "await claims"        // release waits for the goroutines that consume
	PointClose           = "close"               // Close closes om.closing
	PointAwaitMainLoop   = "await main loop"     // Close waits for om.closed
	PointAsyncClose      = "async close"         // asyncClosePOMs takes pomsLock for reading
	PointAsyncClosePOM   = "async close pom"     // AsyncClose takes pom.lock, once a partition
	PointForgetBroker    = "forget coordinator"  // Close takes brokerLock for writing
)

// Points of a cooperative session.
const (
	PointGeneration    = "enter generation" // flushToBrokerFor takes generationLock for reading
	PointNextMessage   = "next message"     // the handler receives from Messages
	PointAwaitRejoin   = "await rejoin"     // consumeCooperative's select
	PointRejoin        = "rejoin"           // rejoinCooperative takes generationMu
	PointTransition    = "next generation"  // transitionGeneration takes generationLock for writing
	PointJoin          = "join"             // JoinGroup takes broker.lock, and writes the request
	PointAwaitJoin     = "await join"       // the promise's channel
	PointSync          = "sync"             // SyncGroup takes broker.lock, and writes the request
	PointAwaitSync     = "await sync"       // the promise's channel
	PointRevoke        = "revoke"           // revokeClaims cancels a claim
	PointMessagesClose = "close messages"   // the fetch that is out is answered, and Messages closed
	PointAwaitClaim    = "await claim"      // revokeClaims waits for the handler to return
	PointEndSession    = "release session"  // release waits for all handlers
	PointHeartbeats    = "heartbeats"       // heartbeatLoop's goroutine begins
	PointNextHeartbeat = "next heartbeat"   // heartbeatLoop's select
	PointHeartbeat     = "heartbeat"        // sendHeartbeat takes generationMu
	PointBeat          = "beat"             // Heartbeat takes broker.lock, and writes the request
	PointAwaitBeat     = "await heartbeat"  // the promise's channel
	PointAwaitHbDead   = "await heartbeats" // release waits for heartbeatLoop
)

// Points of Sarama's client and its connections.
const (
	PointRefresh          = "refresh coordinator" // coordinator takes brokerLock for writing
	PointResponseSize     = "response size"       // LeastLoadedBroker takes broker.lock
	PointOpen             = "open"                // Open swaps broker.opened
	PointDial             = "dial"                // Open takes broker.lock
	PointConnect          = "connect"             // the dial
	PointFindCoordinator  = "find coordinator"    // FindCoordinator takes broker.lock, and writes the request
	PointAwaitCoordinator = "await coordinator"   // the promise's channel
	PointPromise          = "promise"             // the promise goes to responseReceiver, if that has room
	PointKeepPromise      = "keep promise"        // responseReceiver takes its next promise
	PointCloseBroker      = "close broker"        // Close takes broker.lock
)
