package app

import "racelab/sim"

// Points of an application: before each call, and while it works or waits.
const (
	PointStart   sim.Point = "start"             // before the first call
	PointBegin   sim.Point = "begin"             // before it begins its next transaction
	PointBackoff sim.Point = "application waits" // the loop or the pause that a write-up puts around BeginTxn
	PointWork    sim.Point = "work"              // what it does before it commits
	PointAbort   sim.Point = "abort"             // before it aborts, or tries to again
)

// Points of a consumer without a group.
const (
	PointPoll       sim.Point = "poll"        // before each round, in a timed world
	PointFetch      sim.Point = "fetch"       // Fetcher.sendFetches, for one partition
	PointAwaitFetch sim.Point = "await fetch" // its response is taken
)
