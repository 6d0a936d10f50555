// Witness runs clients as they were released under the searches of the lab. A
// model can be wrong; what was released is what it is.
//
//	go -C witness run ./cmd/locks sarama@v1.43.2 rewind          search for a rewind
//	go -C witness run ./cmd/locks sarama@v1.43.3 deadlock        search for a deadlock
//	go -C witness run ./cmd/locks --help                         what else there is
//	go -C witness test ./...                           what the releases do, as tests
//	go -C witness test ./cmd/locks -deep 10                      the same, with searches ten times as long where nothing is found
//
// What is found comes with its schedule and the command that repeats it, which
// prints the run step by step.
//
// Package franzgo is no search: it forces the one order of produce-reorder on
// franz-go 1.22.2, by go -C witness test ./franzgo, and needs no copy for it.
//
// # How it works
//
// The release comes from the module cache. Its Go files are copied to a
// temporary folder, and their import of sync is pointed to package
// racelab/witness/sync; nothing else is changed, and nothing of it is kept. A
// temporary go.mod replaces the module by the copy, and the go command builds
// the driver: the test binary of package released, because a bubble of
// testing/synctest belongs to a test. The driver runs in a process of its own,
// asked and answering in JSON, with one bubble at a time.
//
// In the bubble, whoever calls Lock, Unlock, RLock or RUnlock parks first. A
// request that a client has written parks before it arrives at the broker, which
// is a fake in memory that speaks Kafka's protocol. When all goroutines are
// parked or blocked, a search of racelab/sim/explore chooses who goes on: bubble
// implements explore.System. A goroutine that is parked before a lock which is
// held cannot be chosen, so locks barge, as Go's do; a writer of a RWMutex
// announces itself and keeps new readers out, as Go's does. While nobody can be
// chosen, virtual time passes, up to the next timer.
//
// An event is the goroutine and what it is about to do: "G0 flushToBroker Lock
// b.lock" is goroutine G0 in flushToBroker before it locks what the source
// there calls b.lock. A goroutine of the experiment has a name; one that the
// client starts is called after the function that started it, and numbered.
// A client's start and its close are no part of a schedule: they take the same
// course each time.
//
// # What is controlled, and what is not
//
// Between two events of locks or of the network, a goroutine runs as Go lets it:
// channels, selects, atomics, goroutines that start, and what a timer wakes. If
// one step sets several goroutines going, they run side by side up to where each
// parks or blocks. So
//
//   - a race that no lock and no request lies next to is not looked for: of two
//     goroutines that meet in a channel or an atomic only, the order is Go's;
//   - a search that finds nothing says so of the orders that it controls, and
//     under its sampler: "0 of 4000 runs";
//   - a run may differ from another by the same choices. Sarama's offset manager
//     ranges over a map of its partitions, and Go begins that anywhere. Each
//     finding is therefore run again by its schedule, a hundred times, and how
//     many did the same stands beside it. One that never does is reported as
//     "replay differs", and is no result. An event does not say which of the
//     locks of one name it is about, so that the order of the map alone does
//     not make a schedule unfit.
//
// The driver uses one processor, which leaves little to Go's scheduler, and the
// sums of the releases are pinned.
//
// # Where it departs from a client in service
//
//   - Connections are memory: no deadlines, no partial reads, no errors.
//   - Mutex never turns to starvation mode, which after a millisecond hands a lock
//     to the longest waiter: time stands still while anybody can go on.
//   - The client's meters are off and its metadata is not refreshed by itself;
//     both are settings of the client.
//
// # How much there is to find
//
// Measured with go -C witness run ./cmd/locks sarama@v1.43.2 rewind --strategy ... --depth
// ..., 2,000 runs from seed 1, two partitions with two commits each: pct of depth
// 2, 3 and 4 rewinds in 422, 315 and 284 runs, a random walk and uniform in none.
// The deadlock of 1.43.3 takes 12 of 5,000 runs by pct of depth 14, four
// partitions with one commit each. A run of the first kind has about 105 steps
// and takes 1 ms, the start and the close of the client included; of the second,
// 145 steps and 1.3 ms. Counts change a little from run to run, by the chance
// above.
package main
