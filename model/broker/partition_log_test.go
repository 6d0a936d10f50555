package broker

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"racelab/model"
	"racelab/sim"
)

// data is a batch of producer 1: n records from a sequence number on.
func data(epoch model.ProducerEpoch, first model.Sequence, n int) model.RecordBatch {
	return model.RecordBatch{ProducerID: 1, ProducerEpoch: epoch, BaseSequence: first, Records: make([]model.Record, n)}
}

func transactional(b model.RecordBatch) model.RecordBatch {
	b.Transactional = true
	return b
}

func marker(epoch model.ProducerEpoch, result model.TransactionResult, version model.TransactionVersion) *model.TxnMarker {
	return &model.TxnMarker{ProducerID: 1, ProducerEpoch: epoch, Result: result, TransactionVersion: version}
}

// attempt begins to verify a batch.
func attempt(l *partitionLog, b *model.RecordBatch, version model.TransactionVersion) verificationGuard {
	guard, _ := l.maybeStartTransactionVerification(b, version)
	return guard
}

// logOf appends what it is given: batches, each verified if it needs to be, and
// markers.
func logOf(t *testing.T, entries ...any) *partitionLog {
	t.Helper()
	l := &partitionLog{}
	for _, entry := range entries {
		var err model.Error
		switch entry := entry.(type) {
		case model.RecordBatch:
			guard := noGuard
			if entry.Transactional {
				guard = attempt(l, &entry, model.TV1)
			}
			_, err = l.append(&entry, guard)
		case *model.TxnMarker:
			err = l.appendEndTxnMarker(entry)
		}
		if err != model.None {
			t.Fatalf("%v is refused: %v", entry, err)
		}
	}
	return l
}

// Goal: the checks of an append, in their order.
func TestAppend(t *testing.T) {
	five := []any{data(0, 0, 1), data(0, 1, 1), data(0, 2, 1), data(0, 3, 1), data(0, 4, 1)}
	six := append(slices.Clone(five), data(0, 5, 1))
	open := transactional(data(2, 0, 2))
	const verify, noVerify = true, false
	for _, test := range []struct {
		name     string
		log      []any
		batch    model.RecordBatch
		verified bool // the batch has the guard of the attempt under way
		version  model.TransactionVersion
		want     model.Error
		at       model.Offset // of the batch, if there is no error
	}{
		{"no idempotence", six, model.RecordBatch{ProducerID: model.NoProducerID, Records: make([]model.Record, 3)}, noVerify, 0, model.None, 6},

		{"duplicate, the last batch", six, data(0, 5, 1), noVerify, 0, model.None, 5},
		{"duplicate, the fifth but last", six, data(0, 1, 1), noVerify, 0, model.None, 1},
		{"duplicate, the sixth but last", six, data(0, 0, 1), noVerify, 0, model.ErrOutOfOrderSequenceNumber, noOffset},
		{"not just the same sequence numbers", five, data(0, 4, 2), noVerify, 0, model.ErrOutOfOrderSequenceNumber, noOffset},
		{"duplicate before verification", []any{transactional(data(0, 0, 1)), marker(0, model.Commit, model.TV1)}, transactional(data(0, 0, 1)), noVerify, 0, model.None, 0},
		{"of an older epoch it is no duplicate", []any{data(0, 0, 1), data(1, 0, 1)}, data(0, 0, 1), noVerify, 0, model.ErrInvalidProducerEpoch, noOffset},

		{"transactional, not verified", nil, transactional(data(0, 0, 1)), noVerify, 0, model.ErrInvalidTxnState, noOffset},
		{"transactional, not verified, after a marker", []any{open, marker(2, model.Abort, model.TV1)}, transactional(data(2, 2, 1)), noVerify, 0, model.ErrInvalidTxnState, noOffset},
		{"transactional, not verified, an older epoch", []any{open, marker(2, model.Abort, model.TV1)}, transactional(data(1, 2, 1)), noVerify, 0, model.ErrInvalidProducerEpoch, noOffset},
		{"transactional, not verified, a newer epoch than the open transaction's", []any{open}, transactional(data(3, 0, 1)), noVerify, 0, model.ErrInvalidTxnState, noOffset},
		{"transactional, verified", nil, transactional(data(0, 0, 1)), verify, model.TV1, model.None, 0},
		{"transactional, in the open transaction", []any{open}, transactional(data(2, 2, 1)), noVerify, 0, model.None, 2},

		{"an older epoch before the sequence", []any{data(2, 0, 1)}, data(1, 7, 1), noVerify, 0, model.ErrInvalidProducerEpoch, noOffset},
		{"an older epoch, verified", []any{open, marker(3, model.Abort, model.TV1)}, transactional(data(2, 2, 1)), verify, model.TV1, model.ErrInvalidProducerEpoch, noOffset},

		{"the next sequence number", []any{data(0, 0, 3)}, data(0, 3, 1), noVerify, 0, model.None, 3},
		{"a gap", []any{data(0, 0, 3)}, data(0, 4, 1), noVerify, 0, model.ErrOutOfOrderSequenceNumber, noOffset},
		{"back", []any{data(0, 0, 3)}, data(0, 2, 1), noVerify, 0, model.ErrOutOfOrderSequenceNumber, noOffset},
		{"after the last sequence number 0", []any{data(0, model.MaxSequence-1, 2)}, data(0, 0, 1), noVerify, 0, model.None, 2},
		{"a batch over the end of the numbers", []any{data(0, model.MaxSequence, 3)}, data(0, 2, 1), noVerify, 0, model.None, 3},
		{"a new epoch with 0", []any{data(0, 0, 3)}, data(1, 0, 1), noVerify, 0, model.None, 3},
		{"a new epoch, not with 0", []any{data(0, 0, 3)}, data(1, 3, 1), noVerify, 0, model.ErrOutOfOrderSequenceNumber, noOffset},
		{"the epoch of a marker with 0", []any{marker(1, model.Commit, model.TV2)}, data(1, 0, 1), noVerify, 0, model.None, 1},
		{"the epoch of a marker, not with 0", []any{marker(1, model.Commit, model.TV2)}, data(1, 1, 1), noVerify, 0, model.ErrOutOfOrderSequenceNumber, noOffset},
		{"no state, TV1: any", nil, transactional(data(0, 7, 1)), verify, model.TV1, model.None, 0},
		{"no state, TV2: 0", nil, transactional(data(0, 0, 1)), verify, model.TV2, model.None, 0},
		{"no state, TV2: not 0", nil, transactional(data(0, 7, 1)), verify, model.TV2, model.ErrOutOfOrderSequenceNumber, noOffset},

		{"not transactional in an open transaction", []any{open}, data(2, 2, 1), noVerify, 0, model.ErrInvalidTxnState, noOffset},
		{"not transactional in an open transaction, sequence first", []any{open}, data(2, 3, 1), noVerify, 0, model.ErrOutOfOrderSequenceNumber, noOffset},
		{"not transactional after it", []any{open, marker(2, model.Commit, model.TV1)}, data(2, 2, 1), noVerify, 0, model.None, 3},
	} {
		l := logOf(t, test.log...)
		guard := noGuard
		if test.verified {
			guard = attempt(l, &test.batch, test.version)
		}
		before := l.logEndOffset()
		at, err := l.append(&test.batch, guard)
		if err != test.want || at != test.at {
			t.Errorf("%s: append of %v: %v at %d, want %v at %d", test.name, &test.batch, err, at, test.want, test.at)
		}
		if after := l.logEndOffset(); (after != before) != (at == before) {
			t.Errorf("%s: append of %v: the log went from %d to %d", test.name, &test.batch, before, after)
		}
		if err := l.Check(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// Goal: the checks of a marker, in their order.
func TestAppendEndTxnMarker(t *testing.T) {
	open := transactional(data(2, 0, 1))
	of := func(epoch model.ProducerEpoch, coordinator model.CoordinatorEpoch, version model.TransactionVersion) *model.TxnMarker {
		m := marker(epoch, model.Abort, version)
		m.CoordinatorEpoch = coordinator
		return m
	}
	for _, test := range []struct {
		name   string
		log    []any
		marker *model.TxnMarker
		want   model.Error
	}{
		{"a producer that has not been here", nil, of(0, 0, model.TV1), model.None},
		{"TV1, an older epoch", []any{open}, of(1, 0, model.TV1), model.ErrInvalidProducerEpoch},
		{"TV1, the same epoch", []any{open}, of(2, 0, model.TV1), model.None},
		{"TV1, a newer epoch", []any{open}, of(3, 0, model.TV1), model.None},
		{"TV1, the same epoch again", []any{open, of(2, 0, model.TV1)}, of(2, 0, model.TV1), model.None},
		{"TV2, an older epoch", []any{open}, of(1, 0, model.TV2), model.ErrInvalidProducerEpoch},
		{"TV2, the same epoch", []any{open}, of(2, 0, model.TV2), model.ErrInvalidProducerEpoch},
		{"TV2, a newer epoch", []any{open}, of(3, 0, model.TV2), model.None},
		{"TV2, the same marker again", []any{open, of(3, 0, model.TV2)}, of(3, 0, model.TV2), model.None},
		{"TV2, the same marker again, in the next transaction", []any{open, of(3, 0, model.TV2), transactional(data(3, 0, 1))}, of(3, 0, model.TV2), model.ErrInvalidProducerEpoch},
		{"an older coordinator", []any{of(2, 5, model.TV1), open}, of(2, 4, model.TV1), model.ErrTransactionCoordinatorFenced},
		{"an older coordinator, epoch first", []any{of(2, 5, model.TV1), open}, of(1, 4, model.TV1), model.ErrInvalidProducerEpoch},
		{"the same coordinator", []any{of(2, 5, model.TV1), open}, of(2, 5, model.TV1), model.None},
	} {
		l := logOf(t, test.log...)
		if got := l.appendEndTxnMarker(test.marker); got != test.want {
			t.Errorf("%s: marker %+v: %v, want %v", test.name, *test.marker, got, test.want)
		}
		if err := l.Check(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// Goal: a proof is good for one attempt: not after a marker (ABA), and not for a
// sequence number that would overtake one that waits.
func TestVerificationGuard(t *testing.T) {
	first, second := transactional(data(0, 0, 1)), transactional(data(0, 1, 1))
	b := New(Config{Partitions: []model.Partition{0}})
	l := b.log(0)
	b.waiting[0] = waitingAppend{
		request: sim.Envelope{Message: &model.ProduceRequest{Partitions: []model.PartitionBatch{{Batch: first}}}},
		guards:  []verificationGuard{attempt(l, &first, model.TV1)},
	}
	if err := l.appendEndTxnMarker(marker(0, model.Abort, model.TV1)); err != model.None {
		t.Fatal(err)
	}
	b.voidGuards()
	stale, fresh := b.waiting[0].guards[0], attempt(l, &first, model.TV1)
	if _, err := l.append(&first, stale); err != model.ErrInvalidTxnState {
		t.Errorf("append with a guard from before the marker: %v, want INVALID_TXN_STATE", err)
	}
	if _, err := l.append(&first, fresh); err != model.None {
		t.Errorf("append with the guard: %v, want NONE", err)
	}
	if guard := attempt(l, &second, model.TV1); guard != noGuard {
		t.Errorf("in an open transaction: guard %d, want none", guard)
	}

	l = logOf(t)
	one := attempt(l, &first, model.TV1)
	if two := attempt(l, &second, model.TV1); one != two {
		t.Errorf("two batches that wait: guards %d and %d, want one attempt", one, two)
	}
	if _, err := l.append(&second, one); err != model.ErrOutOfOrderSequenceNumber {
		t.Errorf("append of the second that waits before the first: %v, want OUT_OF_ORDER_SEQUENCE_NUMBER", err)
	}
	bumped := transactional(data(1, 5, 1))
	if _, err := l.append(&bumped, attempt(l, &bumped, model.TV1)); err != model.None {
		t.Errorf("append with an epoch after those that wait: %v, want NONE", err)
	}
}

// Goal: an attempt to verify ends with the marker, which ends the transaction that
// it was about; under TV2 the attempt of the next transaction does not.
func TestMarkerEndsAttempt(t *testing.T) {
	for _, test := range []struct {
		name    string
		epoch   model.ProducerEpoch // of the batch that comes before the marker
		version model.TransactionVersion
		want    model.Error
	}{
		{"TV1", 0, model.TV1, model.ErrInvalidTxnState},
		{"TV2, the transaction before the marker", 0, model.TV2, model.ErrInvalidProducerEpoch},
		{"TV2, the next transaction", 1, model.TV2, model.None},
	} {
		l := logOf(t)
		b := transactional(data(test.epoch, 0, 1))
		guard := attempt(l, &b, test.version)
		marker := model.TxnMarker{ProducerID: b.ProducerID, ProducerEpoch: model.ProducerEpoch(test.version - model.TV1), Result: model.Commit, TransactionVersion: test.version}
		if err := l.appendEndTxnMarker(&marker); err != model.None {
			t.Fatal(err)
		}
		if _, got := l.append(&b, guard); got != test.want {
			t.Errorf("%s: a batch that was verified before the marker: %v, want %v", test.name, got, test.want)
		}
	}
}

// Goal: read_committed stops at the first open transaction, and the aborted ones
// before that are listed and left out.
func TestFetch(t *testing.T) {
	other := func(b model.RecordBatch) model.RecordBatch { b.ProducerID = 2; return b }
	holding := func(b model.RecordBatch, records ...model.Record) model.RecordBatch {
		b.Records = records
		return b
	}
	l := logOf(t,
		transactional(holding(data(0, 0, 0), 10, 11)), // 0 and 1
		transactional(other(holding(data(0, 0, 0), 20))),
		marker(0, model.Abort, model.TV1), // 3
		transactional(holding(data(0, 2, 0), 12)),
		marker(0, model.Commit, model.TV1), // 5
		model.RecordBatch{ProducerID: model.NoProducerID, Records: []model.Record{30}},
	)
	fetch := func(from model.Offset, level model.IsolationLevel) *model.FetchResponse {
		return l.fetch(&model.FetchRequest{FetchOffset: from, IsolationLevel: level})
	}
	if r := fetch(0, model.ReadUncommitted); len(r.Batches) != 6 || r.HighWatermark != 7 || r.LastStableOffset != 2 || r.AbortedTransactions != nil {
		t.Errorf("Fetch from 0 read_uncommitted: %v, high watermark %d, stable %d, aborted %v; want 6 batches, 7, 2, none", r, r.HighWatermark, r.LastStableOffset, r.AbortedTransactions)
	}
	r := fetch(0, model.ReadCommitted)
	if got, want := fmt.Sprint(len(r.Batches), r.AbortedTransactions, r.Committed(0)), "1 [{1 0}] []"; got != want {
		t.Errorf("Fetch from 0 read_committed while 20 is undecided: %s, want %s", got, want)
	}
	if err := l.appendEndTxnMarker(&model.TxnMarker{ProducerID: 2, Result: model.Commit, TransactionVersion: model.TV1}); err != model.None {
		t.Fatal(err)
	}
	r = fetch(0, model.ReadCommitted)
	if got, want := fmt.Sprint(r.LastStableOffset, r.AbortedTransactions, r.Committed(0)), "8 [{1 0}] [20 12 30]"; got != want {
		t.Errorf("Fetch from 0 read_committed: %s, want %s", got, want)
	}
	// It begins in the middle of what was aborted.
	r = fetch(1, model.ReadCommitted)
	if got, want := fmt.Sprint(len(r.Batches), r.AbortedTransactions, r.Committed(1)), "7 [{1 0}] [20 12 30]"; got != want {
		t.Errorf("Fetch from 1 read_committed: %s, want %s", got, want)
	}
	if r = fetch(4, model.ReadCommitted); len(r.AbortedTransactions) != 0 {
		t.Errorf("Fetch from 4 read_committed: aborted %v, want none", r.AbortedTransactions)
	}
	// What was aborted behind the last stable offset is not told yet.
	behind := logOf(t, transactional(other(data(0, 0, 1))), transactional(data(0, 0, 1)), marker(0, model.Abort, model.TV1))
	if r := behind.fetch(&model.FetchRequest{IsolationLevel: model.ReadCommitted}); len(r.AbortedTransactions)+len(r.Batches) != 0 {
		t.Errorf("Fetch from 0 read_committed, stable at 0: %v, aborted %v; want none", r, r.AbortedTransactions)
	}
	for from, want := range map[model.Offset]model.Error{-1: model.ErrOffsetOutOfRange, 8: model.None, 9: model.ErrOffsetOutOfRange} {
		if got := fetch(from, model.ReadCommitted).Error; got != want {
			t.Errorf("Fetch from %d of 8: %v, want %v", from, got, want)
		}
	}
}

// Goal: the invariants refuse a log that breaks them.
func TestCheckRefuses(t *testing.T) {
	open := transactional(data(2, 0, 2))
	for _, test := range []struct {
		name  string
		spoil func(l *partitionLog)
		want  string
	}{
		{"a gap in the offsets", func(l *partitionLog) { l.batches[1].BaseOffset = 3 }, "P0: offset 3 follows 1"},
		{"a gap in the sequence numbers", func(l *partitionLog) { l.batches[1].BaseSequence = 3 }, "P0, offset 2: sequence number 3 of producer 1 follows 1"},
		{"an older epoch", func(l *partitionLog) { l.batches[1].ProducerEpoch = 1 }, "P0, offset 2: epoch 1 of producer 1 follows 2"},
		{"a forgotten producer", func(l *partitionLog) { l.producers = nil }, "P0: producer 1 has a transaction open from 0, and the log believes from -1"},
		{"a transaction that opens behind", func(l *partitionLog) { l.highestStable = 2 }, "P0: last stable offset went back from 2 to 0"},
	} {
		l := logOf(t, open, transactional(data(2, 2, 1)))
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		test.spoil(l)
		if got := fmt.Sprint(l.Check()); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// replay is the dumbest log: a list of what was let in, gone through anew for
// each question.
type replay []model.RecordBatch

// of lists a producer's batches and markers of its newest epoch, after what made
// it the newest.
func (r replay) of(id model.ProducerID) (epoch model.ProducerEpoch, batches []model.RecordBatch) {
	epoch = model.NoProducerEpoch
	for _, b := range r {
		if b.ProducerID == id {
			if b.ProducerEpoch != epoch {
				epoch, batches = b.ProducerEpoch, nil
			}
			if b.Control == model.NoControl {
				batches = append(batches, b)
			}
		}
	}
	return epoch, batches
}

// openFrom is where a producer's open transaction begins, or noOffset.
func (r replay) openFrom(id model.ProducerID) model.Offset {
	from := noOffset
	for _, b := range r {
		switch {
		case b.ProducerID != id:
		case b.Control != model.NoControl:
			from = noOffset
		case b.Transactional && from == noOffset:
			from = b.BaseOffset
		}
	}
	return from
}

func (r replay) end() model.Offset {
	end := model.Offset(0)
	for i := range r {
		end += model.Offset(r[i].Count())
	}
	return end
}

func (r replay) append(b model.RecordBatch) (replay, model.Offset, model.Error) {
	epoch, before := r.of(b.ProducerID)
	if b.ProducerEpoch == epoch {
		for _, was := range before[max(0, len(before)-numBatchesToRetain):] {
			if was.BaseSequence == b.BaseSequence && len(was.Records) == len(b.Records) {
				return r, was.BaseOffset, model.None
			}
		}
	}
	next := model.Sequence(0)
	if b.ProducerEpoch == epoch && len(before) > 0 {
		last := before[len(before)-1]
		next = last.BaseSequence + model.Sequence(len(last.Records))
	}
	switch {
	case b.ProducerEpoch < epoch:
		return r, noOffset, model.ErrInvalidProducerEpoch
	case epoch != model.NoProducerEpoch && b.BaseSequence != next:
		return r, noOffset, model.ErrOutOfOrderSequenceNumber
	case r.openFrom(b.ProducerID) != noOffset && !b.Transactional:
		return r, noOffset, model.ErrInvalidTxnState
	}
	b.BaseOffset = r.end()
	return append(r, b), b.BaseOffset, model.None
}

func (r replay) endTxn(m *model.TxnMarker) (replay, model.Error) {
	epoch, _ := r.of(m.ProducerID)
	again := m.ProducerEpoch == epoch && r.openFrom(m.ProducerID) == noOffset
	if m.ProducerEpoch < epoch || m.TransactionVersion == model.TV2 && m.ProducerEpoch == epoch && !again {
		return r, model.ErrInvalidProducerEpoch
	}
	return append(r, model.RecordBatch{BaseOffset: r.end(), ProducerID: m.ProducerID, ProducerEpoch: m.ProducerEpoch, Control: m.Result.Control()}), model.None
}

// committed lists the records before the first undecided one that were
// committed, or needed no decision.
func (r replay) committed() (records []model.Record, stable model.Offset) {
	for i, b := range r {
		if b.Control != model.NoControl {
			continue
		}
		outcome := model.CommitMarker
		if b.Transactional {
			at := slices.IndexFunc(r[i:], func(m model.RecordBatch) bool { return m.ProducerID == b.ProducerID && m.Control != model.NoControl })
			if at < 0 {
				return records, b.BaseOffset
			}
			outcome = r[i+at].Control
		}
		if outcome == model.CommitMarker {
			records = append(records, b.Records...)
		}
	}
	return records, r.end()
}

// Goal: the log lets in what the dumbest one does, and a read_committed consumer
// sees what was committed, and that only.
func TestPartitionLogAgainstReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, want := &partitionLog{rules: model.Rules{Without: model.Verification}}, replay(nil)
		record := model.Record(0)
		producer := rapid.Custom(func(t *rapid.T) model.ProducerID { return model.ProducerID(rapid.IntRange(1, 2).Draw(t, "producer")) })
		t.Repeat(map[string]func(*rapid.T){
			"Produce": func(t *rapid.T) {
				b := model.RecordBatch{ProducerID: producer.Draw(t, "id"), Transactional: rapid.IntRange(0, 3).Draw(t, "transactional") > 0}
				epoch, before := want.of(b.ProducerID)
				b.ProducerEpoch = max(0, epoch+model.ProducerEpoch(rapid.SampledFrom([]int{0, 0, 0, 0, 1, -1}).Draw(t, "epoch")))
				if b.ProducerEpoch == epoch && len(before) > 0 {
					last := before[len(before)-1]
					b.BaseSequence = last.BaseSequence + model.Sequence(len(last.Records))
				}
				back := rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5, 6, -1}).Draw(t, "sequence")
				b.BaseSequence = max(0, b.BaseSequence-model.Sequence(back))
				for range rapid.IntRange(1, 2).Draw(t, "records") {
					record++
					b.Records = append(b.Records, record)
				}
				var at model.Offset
				var err model.Error
				want, at, err = want.append(b)
				if gotAt, got := l.append(&b, noGuard); got != err || gotAt != at {
					t.Fatalf("append of %v: %v at %d, want %v at %d", &b, got, gotAt, err, at)
				}
			},
			"WriteTxnMarkers": func(t *rapid.T) {
				m := &model.TxnMarker{ProducerID: producer.Draw(t, "id"), TransactionVersion: model.TransactionVersion(rapid.IntRange(1, 2).Draw(t, "version"))}
				epoch, _ := want.of(m.ProducerID)
				m.ProducerEpoch = max(0, epoch+model.ProducerEpoch(rapid.SampledFrom([]int{0, 0, 1, 1, -1}).Draw(t, "epoch")))
				if rapid.Bool().Draw(t, "commit") {
					m.Result = model.Commit
				}
				var err model.Error
				want, err = want.endTxn(m)
				if got := l.appendEndTxnMarker(m); got != err {
					t.Fatalf("marker %+v: %v, want %v", *m, got, err)
				}
			},
			"": func(t *rapid.T) {
				if err := l.Check(); err != nil {
					t.Fatal(err)
				}
				records, stable := want.committed()
				r := l.fetch(&model.FetchRequest{IsolationLevel: model.ReadCommitted})
				if got := r.Committed(0); !slices.Equal(got, records) || r.LastStableOffset != stable || r.HighWatermark != want.end() {
					t.Fatalf("read_committed: %v, stable %d of %d; want %v, %d of %d", got, r.LastStableOffset, r.HighWatermark, records, stable, want.end())
				}
			},
		})
	})
}

// Goal: an older epoch is refused before the coordinator is asked, from 4.1 on; a
// transaction of an older epoch that is open saves nobody the question, from 4.0 on.
func TestStartVerification(t *testing.T) {
	open := transactional(data(2, 0, 1))
	for _, test := range []struct {
		name    string
		without model.Rule
		epoch   model.ProducerEpoch
		asks    bool
		want    model.Error
	}{
		{"an older epoch", 0, 1, false, model.ErrInvalidProducerEpoch},
		{"an older epoch, before 4.1", model.EpochBeforeAdd, 1, true, model.None},
		{"the open transaction", 0, 2, false, model.None},
		{"a newer epoch", 0, 3, true, model.None},
		{"a newer epoch, before 4.0", model.AddAtSameEpoch, 3, false, model.None},
	} {
		l := logOf(t, open)
		l.rules.Without = test.without
		b := transactional(data(test.epoch, 0, 1))
		if guard, err := l.maybeStartTransactionVerification(&b, model.TV2); (guard != noGuard) != test.asks || err != test.want {
			t.Errorf("%s: guard %d, %v; want one: %v, %v", test.name, guard, err, test.asks, test.want)
		}
	}
}

// Goal: a rule that a release lacks is not applied.
func TestRulesOfReleases(t *testing.T) {
	open, second := transactional(data(2, 0, 1)), transactional(data(2, 5, 1))
	older := transactional(data(1, 0, 1))
	v2 := func(epoch model.ProducerEpoch, coordinator model.CoordinatorEpoch) *model.TxnMarker {
		m := marker(epoch, model.Abort, model.TV2)
		m.CoordinatorEpoch = coordinator
		return m
	}
	for _, test := range []struct {
		name    string
		release model.Release
		without model.Rule
		log     []any
		entry   any // unverified, or a marker
		want    model.Error
	}{
		{"not verified, 3.5", model.Kafka3_5, 0, nil, open, model.None},
		{"not verified, 3.6", model.Kafka3_6, 0, nil, open, model.ErrInvalidTxnState},
		{"older and not verified, 4.0", model.Kafka4_0, 0, []any{open, v2(3, 0)}, older, model.ErrInvalidTxnState},
		{"older and not verified, 4.1", model.Kafka4_1, 0, []any{open, v2(3, 0)}, older, model.ErrInvalidTxnState},
		{"older and not verified, 4.1.1", model.Kafka4_1_1, 0, []any{open, v2(3, 0)}, older, model.ErrInvalidProducerEpoch},
		{"the open transaction's marker, 4.1", model.Kafka4_1, 0, []any{open}, v2(2, 0), model.None},
		{"the open transaction's marker, 4.2", model.Kafka4_2, 0, []any{open}, v2(2, 0), model.ErrInvalidProducerEpoch},
		{"the marker again, 4.2", model.Kafka4_2, 0, []any{open, v2(3, 0)}, v2(3, 0), model.None},
		{"the marker again, without KAFKA-19999", model.Kafka4_2, model.MarkerAgain, []any{open, v2(3, 0)}, v2(3, 0), model.ErrInvalidProducerEpoch},
		{"an older coordinator, no fencing", model.Newest, model.CoordinatorFencing, []any{open, v2(3, 5), transactional(data(3, 0, 1))}, v2(4, 4), model.None},
		{"a gap", model.Newest, 0, []any{open}, second, model.ErrOutOfOrderSequenceNumber},
	} {
		l := logOf(t, test.log...)
		l.rules = model.Rules{Release: test.release, Without: test.without}
		var got model.Error
		switch entry := test.entry.(type) {
		case model.RecordBatch:
			_, got = l.append(&entry, noGuard)
		case *model.TxnMarker:
			got = l.appendEndTxnMarker(entry)
		}
		if got != test.want {
			t.Errorf("%s: %v: %v, want %v", test.name, test.entry, got, test.want)
		}
	}
}

// Goal: at the last epoch a marker is accepted again, from 4.3 on.
func TestMarkerOfTheLastEpoch(t *testing.T) {
	for release, want := range map[model.Release]model.Error{model.Kafka4_2: model.ErrInvalidProducerEpoch, model.Kafka4_3: model.None} {
		l := logOf(t, transactional(data(4, 0, 1)))
		l.rules.Release, l.maxEpoch = release, 4
		if got := l.appendEndTxnMarker(marker(4, model.Abort, model.TV2)); got != want {
			t.Errorf("%v: a TV2 marker of the last epoch: %v, want %v", release, got, want)
		}
	}
}

// Goal: nothing behind the high watermark is read, and a transaction is unstable
// until its marker is below it.
func TestHighWatermark(t *testing.T) {
	l := logOf(t, transactional(data(0, 0, 2)))
	l.lags = true
	stable := func(want, high model.Offset) {
		t.Helper()
		if err := l.Check(); err != nil {
			t.Error(err)
		}
		if r := l.fetch(&model.FetchRequest{IsolationLevel: model.ReadCommitted}); r.LastStableOffset != want || r.HighWatermark != high {
			t.Errorf("stable %d of %d, want %d of %d", r.LastStableOffset, r.HighWatermark, want, high)
		}
	}
	stable(0, 2)
	if err := l.appendEndTxnMarker(marker(0, model.Commit, model.TV1)); err != model.None {
		t.Fatal(err)
	}
	stable(0, 2) // The marker is not replicated.
	l.advance(l.logEndOffset())
	stable(3, 3)
}

// Goal: a log that was truncated knows producers, open transactions and duplicates
// from what is left, and no proof.
func TestTruncate(t *testing.T) {
	first, second := transactional(data(0, 0, 1)), transactional(data(0, 1, 1))
	for _, lagging := range []bool{false, true} {
		l := logOf(t, first)
		l.lags = true
		if _, err := l.append(&second, noGuard); err != model.None {
			t.Fatal(err)
		}
		end := l.logEndOffset()
		if lagging {
			end = l.highWatermark
		}
		l.truncateTo(end)
		if err := l.Check(); err != nil {
			t.Error(err)
		}
		p := l.producer(1)
		if want := map[bool]model.Offset{false: 2, true: 1}[lagging]; end != want || p.currentTxnFirstOffset != 0 {
			t.Errorf("lagging %v: the log ends at %d, open from %d; want %d, 0", lagging, end, p.currentTxnFirstOffset, want)
		}
		if at, err := l.append(&second, noGuard); err != model.None || at != 1 {
			t.Errorf("lagging %v: the second batch again: %v at %d, want NONE at 1", lagging, err, at)
		}
	}
}

// Goal: the index is read no further than it needs to be, and far enough.
func TestAbortedIndex(t *testing.T) {
	of := func(id model.ProducerID, entry any) any {
		switch entry := entry.(type) {
		case model.RecordBatch:
			entry.ProducerID = id
			return entry
		case *model.TxnMarker:
			entry.ProducerID = id
			return entry
		}
		return nil
	}
	begin := func(id model.ProducerID) any { return of(id, transactional(data(0, 0, 1))) }
	abort := func(id model.ProducerID) any { return of(id, marker(0, model.Abort, model.TV1)) }
	l := logOf(t, begin(1), begin(2), abort(2), begin(3), abort(1), abort(3))
	if got, want := fmt.Sprint(l.aborted), "[{2 1 2 0} {1 0 4 3} {3 3 5 6}]"; got != want {
		t.Errorf("the index is %s, want %s", got, want)
	}
	for upper, want := range map[model.Offset]string{0: "[]", 1: "[{1 0}]", 3: "[{1 0} {2 1}]", 6: "[{1 0} {2 1} {3 3}]"} {
		if got := fmt.Sprint(l.collectAbortedTransactions(0, upper)); got != want {
			t.Errorf("aborted up to %d: %s, want %s", upper, got, want)
		}
	}
}
