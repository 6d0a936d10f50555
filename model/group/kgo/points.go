package kgo

// Points of kgo's commits. Each stands where a goroutine takes groupConsumer.mu,
// waits for another goroutine, or hands a request to the connection.
const (
	PointPoll             = "poll"              // PollRecords takes g.mu
	PointCommitSync       = "commit sync"       // commitOffsetsSync is called
	PointUncommitted      = "uncommitted"       // UncommittedOffsets takes g.mu
	PointCommitAsync      = "commit async"      // CommitOffsets is called
	PointStartCommit      = "start commit"      // it starts the goroutine of the commit
	PointGo               = "go"                // that goroutine begins
	PointAwaitCommit      = "await commit"      // the application waits for its onDone
	PointBlockAuto        = "block auto"        // it takes g.mu, and issues the commit
	PointUnblockAuto      = "unblock auto"      // its onDone takes g.mu
	PointTick             = "tick"              // loopCommit receives from its ticker
	PointAutocommit       = "autocommit"        // it takes g.mu, and issues the commit
	PointCancelPrior      = "cancel prior"      // commit calls priorCancel, before 1.21.0
	PointAwaitPrior       = "await prior"       // commit receives from priorDone
	PointAwaitResponse    = "await response"    // the response is read
	PointAbandon          = "abandon"           // the context may be done before the response is read
	PointDropResponse     = "drop response"     // that of a request which was abandoned
	PointUpdateCommitted  = "update committed"  // updateCommitted takes g.mu
	PointHoldDone         = "hold done"         // loopCommit makes a commit's done
	PointRetry            = "retry"             // waitTries waits out the backoff
	PointLookUp           = "look up"           // loadCoordinator sends a FindCoordinator
	PointAwaitCoordinator = "await coordinator" // its response is read
	PointIssue            = "issue commit"      // handleReq loads a connection and writes the request
	PointCalled           = "called"            // a context that ends begins with the call
	PointDeadline         = "deadline"          // the context that the application gave is done
	PointFetchOffsets     = "fetch offsets"     // the next member's fetchOffsets
)

// Points of a member that joins, and of who closes its client.
const (
	PointJoin           = "join"            // joinAndSync sends a JoinGroup
	PointAwaitJoin      = "await join"      // its response is read
	PointAwaitSync      = "await sync"      // that of the SyncGroup
	PointHeartbeat      = "heartbeat"       // heartbeat's select
	PointAwaitHeartbeat = "await heartbeat" // the response is read
	PointStart          = "start"           // the application starts
	PointClose          = "close"           // it calls Close, after a while
	PointAwaitManage    = "await manage"    // leave receives from manageDone
	PointAwaitLeave     = "await leave"     // the response of the LeaveGroup is read
)

// Points of a session of a client that commits, beside those of a member.
const (
	PointBlockCommits = "block commits" // joinAndSync takes noCommitDuringJoinAndSync
	PointJoinSync     = "await join"    // a commit takes it for reading
	PointTryJoinSync  = "try join sync" // or tries to, where its context may end
	PointEndsInJoin   = "ends in join"  // and waits for the end of either
	PointAwaitDone    = "await done"    // commitOffsetsSync returns
	PointSyncCommit   = "sync commits"  // and syncCommitMu
	PointBegin        = "begin session" // setupAssignedAndHeartbeat begins
	PointAwaitFetch   = "await fetch"   // it waits for fetchDone
	PointRevoke       = "revoke"        // heartbeat has revoke called
	PointSession      = "session"       // prerevoke or revoke begins
	PointRevoked      = "revoked"       // revokeDone is closed
	PointFetched      = "fetched"       // fetchDone is closed
	PointInvalidate   = "invalidate"    // revoke has assignPartitions drop what is fetched
	PointOnRevoked    = "on revoked"    // OnPartitionsRevoked takes g.mu
	PointForget       = "forget"        // revoke takes g.mu
	PointAwaitOffsets = "await offsets" // the response of the OffsetFetch is read
	PointLose         = "lose"          // manageFailWait takes g.mu
	PointBackOff      = "back off"      // and waits
	PointStale        = "stale epoch"   // a commit waits for the next member epoch
)
