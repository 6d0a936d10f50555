package kgo

import "racelab/sim"

// Points of kgo's commits. Each stands where a goroutine takes groupConsumer.mu,
// waits for another goroutine, or hands a request to the connection.
const (
	PointPoll            sim.Point = "poll"             // PollRecords takes g.mu
	PointCommitSync      sim.Point = "commit sync"      // commitOffsetsSync is called
	PointBlockAuto       sim.Point = "block auto"       // it takes g.mu, and issues the commit
	PointUnblockAuto     sim.Point = "unblock auto"     // its onDone takes g.mu
	PointTick            sim.Point = "tick"             // loopCommit receives from its ticker
	PointAutocommit      sim.Point = "autocommit"       // it takes g.mu, and issues the commit
	PointCancelPrior     sim.Point = "cancel prior"     // commit calls priorCancel, before 1.21.0
	PointAwaitPrior      sim.Point = "await prior"      // commit receives from priorDone
	PointAwaitResponse   sim.Point = "await response"   // the response is read
	PointUpdateCommitted sim.Point = "update committed" // updateCommitted takes g.mu
	PointIssue           sim.Point = "issue commit"     // handleReq loads a connection and writes the request
	PointDeadline        sim.Point = "deadline"         // the context that the application gave is done
	PointFetchOffsets    sim.Point = "fetch offsets"    // the next member's fetchOffsets
)
