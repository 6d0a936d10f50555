// Package consumer takes records of a partition in order, processes them and commits
// how far it is, so that the next owner of the partition goes on from there.
package consumer

import "context"

// Record is a record of the partition.
type Record struct {
	Offset int64
	Value  string
}

// Log is the broker's side.
type Log interface {
	Next(ctx context.Context) (Record, bool) // false: the consumer is to stop
	Commit(offset int64)                     // of the record that the next owner begins with
}

// Run has a mistake: it commits when it has a record, and processes afterwards. A
// stop in between loses the record: the next owner begins behind it.
func Run(ctx context.Context, log Log, process func(Record)) {
	for {
		r, ok := log.Next(ctx)
		if !ok {
			return
		}
		log.Commit(r.Offset + 1)
		if ctx.Err() != nil {
			return
		}
		process(r)
	}
}

// RunFixed commits what it has processed. A stop in between has the record processed
// twice, which the application must bear.
func RunFixed(ctx context.Context, log Log, process func(Record)) {
	for {
		r, ok := log.Next(ctx)
		if !ok {
			return
		}
		if ctx.Err() != nil {
			return
		}
		process(r)
		log.Commit(r.Offset + 1)
	}
}
