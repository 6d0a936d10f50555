package broker

import (
	"fmt"
	"testing"

	"racelab/model"
)

// Goal: each rule of the start of a log: what DeleteRecords refuses, what Fetch says, what
// is left of producers, of what is open, and of the index. Method: one log a rule.
func TestLogStart(t *testing.T) {
	open, plain := transactional(data(0, 0, 1)), data(0, 0, 1)
	abort, commit := marker(0, model.Abort, model.TV1), marker(0, model.Commit, model.TV1)
	delete := func(l *partitionLog, to model.Offset) model.Error {
		b := &Broker{logs: []partitionLog{*l}}
		err := b.deleteRecords(&model.DeleteRecordsRequest{Offset: to}).Error
		*l = b.logs[0]
		return err
	}
	read := func(l *partitionLog, from model.Offset) *model.FetchResponse {
		return l.fetch(&model.FetchRequest{FetchOffset: from, IsolationLevel: model.ReadCommitted})
	}
	try := func(l *partitionLog, b model.RecordBatch) string {
		at, err := l.append(&b, attempt(l, &b, model.TV1))
		return fmt.Sprintf("%v at %d", err, at)
	}
	for _, test := range []struct {
		rule string
		log  []any
		to   model.Offset
		got  func(l *partitionLog, err model.Error) string
		want string
	}{
		{"not beyond the high watermark", []any{plain}, 2, func(l *partitionLog, err model.Error) string { return fmt.Sprint(err, l.logStart) }, "OFFSET_OUT_OF_RANGE 0"},
		{"not below 0", []any{plain}, -2, func(l *partitionLog, err model.Error) string { return fmt.Sprint(err, l.logStart) }, "OFFSET_OUT_OF_RANGE 0"},
		{"to the high watermark, without an offset", []any{plain, data(0, 1, 1)}, model.NoOffset, func(l *partitionLog, err model.Error) string { return fmt.Sprint(err, l.logStart, l.logEndOffset()) }, "NONE 2 2"},
		{"never back", []any{plain, data(0, 1, 1)}, 2, func(l *partitionLog, _ model.Error) string { return fmt.Sprint(delete(l, 1), l.logStart) }, "NONE 2"},
		{"a fetch before the start", []any{plain, data(0, 1, 1)}, 1, func(l *partitionLog, _ model.Error) string {
			return fmt.Sprint(read(l, 0).Error, read(l, 1).Error, read(l, 2).Error, read(l, 3).Error, read(l, 1).LogStartOffset)
		}, "OFFSET_OUT_OF_RANGE NONE NONE OFFSET_OUT_OF_RANGE 1"},
		{"the start may be inside a batch, which stays whole", []any{data(0, 0, 3)}, 2, func(l *partitionLog, _ model.Error) string { return fmt.Sprint(len(read(l, 2).Batches), l.firstBatch) }, "1 0"},
		{"a producer goes on where it was", []any{plain, data(0, 1, 1)}, 2, func(l *partitionLog, _ model.Error) string { return try(l, data(0, 2, 1)) }, "NONE at 2"},
		{"a gap is a gap", []any{plain, data(0, 1, 1)}, 2, func(l *partitionLog, _ model.Error) string { return try(l, data(0, 3, 1)) }, "OUT_OF_ORDER_SEQUENCE_NUMBER at -1"},
		{"a duplicate of what is deleted is one", []any{plain, data(0, 1, 1)}, 2, func(l *partitionLog, _ model.Error) string { return try(l, data(0, 1, 1)) }, "NONE at 1"},
		{"an expired producer may begin anywhere", []any{plain, data(0, 1, 1)}, 2, func(l *partitionLog, _ model.Error) string {
			l.removeExpiredProducers()
			return try(l, data(0, 7, 1))
		}, "NONE at 2"},
		{"who has something open does not expire", []any{open}, 1, func(l *partitionLog, _ model.Error) string {
			l.removeExpiredProducers()
			return fmt.Sprint(len(l.producers))
		}, "1"},
		{"what is open stays open, from the start on", []any{open, transactional(data(0, 1, 1))}, 1, func(l *partitionLog, _ model.Error) string {
			return fmt.Sprint(l.producer(1).currentTxnFirstOffset, l.lastStableOffset())
		}, "0 1"},
		{"its end is its end", []any{open, transactional(data(0, 1, 1))}, 2, func(l *partitionLog, _ model.Error) string {
			return fmt.Sprint(l.appendEndTxnMarker(commit), l.lastStableOffset())
		}, "NONE 3"},
		{"an abort whose marker stays is told", []any{open, transactional(data(0, 1, 1)), abort}, 1, func(l *partitionLog, _ model.Error) string { return fmt.Sprint(read(l, 1).AbortedTransactions) }, "[{1 0}]"},
		{"an abort whose marker is gone is not", []any{open, abort, transactional(data(0, 1, 1))}, 2, func(l *partitionLog, _ model.Error) string { return fmt.Sprint(len(l.aborted)) }, "0"},
		{"a truncated log starts where it did", []any{plain, data(0, 1, 1), data(0, 2, 1)}, 1, func(l *partitionLog, _ model.Error) string {
			l.truncateTo(2)
			return fmt.Sprint(l.logStart, " ", l.logEndOffset(), " ", try(l, data(0, 2, 1)))
		}, "1 2 NONE at 2"},
	} {
		l := logOf(t, test.log...)
		err := delete(l, test.to)
		if got := test.got(l, err); got != test.want {
			t.Errorf("%s: %s, want %s", test.rule, got, test.want)
		}
		if err := l.Check(); err != nil {
			t.Errorf("%s: %v", test.rule, err)
		}
	}
}
