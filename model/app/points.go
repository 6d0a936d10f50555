package app

// Points of an application: before each call, and while it works or waits.
const (
	PointStart   = "start"             // before the first call
	PointBegin   = "begin"             // before it begins its next transaction
	PointBackoff = "application waits" // the loop or the pause that a write-up puts around BeginTxn
	PointWork    = "work"              // what it does before it commits
	PointAbort   = "abort"             // before it aborts, or tries to again
)

// Points of a consumer without a group.
const (
	PointPoll       = "poll"        // before each round, in a timed world
	PointFetch      = "fetch"       // Fetcher.sendFetches, for one partition
	PointAwaitFetch = "await fetch" // its response is taken
)

// Points of services that have a database and a topic.
const (
	PointPublish      = "publish"       // Producer.send
	PointAwaitTopic   = "await topic"   // the topic's answer is taken
	PointAwaitMessage = "await message" // Consumer.poll comes back
	PointCommitOffset = "commit offset" // Consumer.commitSync
	PointAwaitCommit  = "await commit"  // it comes back
)
