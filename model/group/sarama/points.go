package sarama

import "racelab/sim"

// Points of Sarama's offset manager. Each stands before a statement at which
// the Go scheduler may run another goroutine with effect: the acquisition of a
// lock, a send, the wait for a response. Inside a critical section of
// PartitionOffsetManager.lock there is none, because all who touch its fields
// take that lock.
const (
	PointFetchOffset     sim.Point = "fetch offset"        // FetchOffset takes broker.lock, and writes the request
	PointAwaitOffset     sim.Point = "await offset"        // the promise's channel
	PointManage          sim.Point = "manage partition"    // ManagePartition takes pomsLock for writing
	PointMark            sim.Point = "mark"                // MarkOffset takes pom.lock
	PointReset           sim.Point = "reset"               // ResetOffset takes pom.lock
	PointCommit          sim.Point = "commit"              // flushToBroker takes commitLock (#2941)
	PointConstruct       sim.Point = "construct request"   // constructRequest takes pomsLock for reading
	PointSnapshot        sim.Point = "snapshot"            // constructRequest takes pom.lock, once a partition
	PointCoordinator     sim.Point = "coordinator"         // coordinator takes brokerLock for reading
	PointSend            sim.Point = "send"                // CommitOffset takes broker.lock, and writes the request
	PointBrokerLock      sim.Point = "lock broker"         // flushToBroker takes broker.lock (#2947)
	PointWrite           sim.Point = "write"               // the request is written, with broker.lock held since "lock broker"
	PointAwaitResponse   sim.Point = "await response"      // the promise's channel
	PointHandleResponse  sim.Point = "handle response"     // handleResponse takes pomsLock for reading
	PointUpdateCommitted sim.Point = "update committed"    // updateCommitted takes pom.lock, once a partition
	PointRelease         sim.Point = "release coordinator" // releaseCoordinator takes brokerLock for writing
	PointReleasePOMs     sim.Point = "release poms"        // releasePOMs takes pomsLock for writing
	PointReleasePOM      sim.Point = "release pom"         // releasePOMs takes pom.lock, once a partition
	PointHandleError     sim.Point = "handle error"        // handleError takes pomsLock for reading
	PointMainLoop        sim.Point = "main loop"           // mainLoop's goroutine begins
	PointNext            sim.Point = "next"                // mainLoop's select
	PointAwaitClaims     sim.Point = "await claims"        // release waits for the goroutines that consume
	PointClose           sim.Point = "close"               // Close closes om.closing
	PointAwaitMainLoop   sim.Point = "await main loop"     // Close waits for om.closed
	PointAsyncClose      sim.Point = "async close"         // asyncClosePOMs takes pomsLock for reading
	PointAsyncClosePOM   sim.Point = "async close pom"     // AsyncClose takes pom.lock, once a partition
	PointForgetBroker    sim.Point = "forget coordinator"  // Close takes brokerLock for writing
)

// Points of Sarama's client and its connections.
const (
	PointRefresh          sim.Point = "refresh coordinator" // coordinator takes brokerLock for writing
	PointResponseSize     sim.Point = "response size"       // LeastLoadedBroker takes broker.lock
	PointOpen             sim.Point = "open"                // Open swaps broker.opened
	PointDial             sim.Point = "dial"                // Open takes broker.lock
	PointConnect          sim.Point = "connect"             // the dial
	PointFindCoordinator  sim.Point = "find coordinator"    // FindCoordinator takes broker.lock, and writes the request
	PointAwaitCoordinator sim.Point = "await coordinator"   // the promise's channel
	PointPromise          sim.Point = "promise"             // the promise goes to responseReceiver, if that has room
	PointKeepPromise      sim.Point = "keep promise"        // responseReceiver takes its next promise
	PointCloseBroker      sim.Point = "close broker"        // Close takes broker.lock
)
