// Package rt is what rewritten Go code runs on: every goroutine, channel,
// select, lock, timer and map order is a choice, and a search of
// racelab/sim/explore makes it.
//
// The rewriter (racelab/witness/rewrite) puts calls of this package where the
// source has go, <-, select, close and range, and names of this package, or of the
// packages below it, where the source names those of sync, sync/atomic, time,
// context, math/rand, crypto/rand, maps, net, io, os/signal, reflect and
// testing/synctest. Nobody writes such calls by hand.
//
// # A run
//
// Each goroutine is a coroutine. It runs alone, from one preemption point to the
// next; the other goroutines stand. At a point it says what it is about to do and
// hands back. System, the side of the search, lists what each goroutine may do
// next, lets one do it, and looks again. All that a run keeps is read and written
// while everybody else stands, so it needs no locks.
//
// A point stands before its operation. When the search chooses it, the operation
// takes place, or the goroutine queues at the channel and waits. A lock can be
// chosen only while it is free, so locks barge, as Go's do. Releasing a lock, or a
// channel's buffer that nobody waits for, is no point by itself.
//
// # Time
//
// The clock is virtual. It stands while goroutines can run and jumps to the next
// timer when none can. A timer may overtake a runnable goroutine, but only within
// drift of the last moment when all were idle: a machine is seldom late by more.
//
// # Data races
//
// With the tag race, the race detector is told what orders goroutines: [Acquire] and
// [Release] stand at each operation. The hand-over from one goroutine to the next is
// hidden from it, and the package is compiled without its instrumentation. So what
// goroutines of a run share has no maps of Go's, no copy and no append of several
// elements: the detector sees those wherever they are. What a type parameter lets the
// compiler put into the user's package is marked norace where the search runs it.
//
// # Outside a run
//
// Code that runs while no search does (package variables, TestMain, tests that
// explore nothing) gets Go's own behaviour.
package rt
