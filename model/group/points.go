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

// Points of kgo's commits. Each stands where a goroutine takes groupConsumer.mu,
// waits for another goroutine, or hands a request to the connection. Await
// response and update committed are as above.
const (
	PointPoll         sim.Point = "poll"          // PollRecords takes g.mu
	PointCommitSync   sim.Point = "commit sync"   // commitOffsetsSync is called
	PointBlockAuto    sim.Point = "block auto"    // it takes g.mu, and issues the commit
	PointUnblockAuto  sim.Point = "unblock auto"  // its onDone takes g.mu
	PointTick         sim.Point = "tick"          // loopCommit receives from its ticker
	PointAutocommit   sim.Point = "autocommit"    // it takes g.mu, and issues the commit
	PointCancelPrior  sim.Point = "cancel prior"  // commit calls priorCancel, before 1.21.0
	PointAwaitPrior   sim.Point = "await prior"   // commit receives from priorDone
	PointIssue        sim.Point = "issue commit"  // handleReq loads a connection and writes the request
	PointDeadline     sim.Point = "deadline"      // the context that the application gave is done
	PointFetchOffsets sim.Point = "fetch offsets" // the next member's fetchOffsets
)
