package coordinator

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"racelab/model"
	"racelab/sim"
)

// Goal: each state is reached from the states that Kafka names, and no other.
func TestValidPreviousStates(t *testing.T) {
	all := []TransactionState{EmptyTransaction, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort, DeadTransaction, PrepareEpochFence}
	for _, test := range []struct {
		state    TransactionState
		previous []TransactionState
	}{
		{EmptyTransaction, []TransactionState{EmptyTransaction, CompleteCommit, CompleteAbort}},
		{Ongoing, []TransactionState{EmptyTransaction, Ongoing, CompleteCommit, CompleteAbort}},
		{PrepareCommit, []TransactionState{Ongoing}},
		{PrepareAbort, []TransactionState{EmptyTransaction, Ongoing, CompleteCommit, CompleteAbort, PrepareEpochFence}},
		{CompleteCommit, []TransactionState{PrepareCommit}},
		{CompleteAbort, []TransactionState{PrepareAbort}},
		{DeadTransaction, []TransactionState{EmptyTransaction, CompleteCommit, CompleteAbort}},
		{PrepareEpochFence, []TransactionState{Ongoing}},
	} {
		var got []TransactionState
		for _, before := range all {
			if test.state.mayFollow(before) {
				got = append(got, before)
			}
		}
		if !slices.Equal(got, test.previous) {
			t.Errorf("%v may follow %v, want %v", test.state, got, test.previous)
		}
	}
}

// row is one row of a handler's table.
type row struct {
	name    string
	node    *Transactions
	request sim.Message
	want    string // the answer
	after   string // what T0 came to; "" for no change
}

func checkRows(t *testing.T, rows []row) {
	t.Helper()
	for _, test := range rows {
		after := test.after
		if after == "" {
			after = describe(test.node)
		}
		if got := ask(t, test.node, test.request); got != test.want {
			t.Errorf("%s: %s %v: %s, want %s", test.name, sim.NameOf(test.request), test.request, got, test.want)
		}
		if got := describe(test.node); got != after {
			t.Errorf("%s: %s %v: T0 comes to %s, want %s", test.name, sim.NameOf(test.request), test.request, got, after)
		}
	}
}

func TestInitProducerID(t *testing.T) {
	// expecting is the request of a client that has a producer id and epoch.
	expecting := func(id model.ProducerID, epoch model.ProducerEpoch) *model.InitProducerIDRequest {
		return &model.InitProducerIDRequest{Version: 4, TransactionTimeout: time.Minute, ProducerID: id, ProducerEpoch: epoch}
	}
	fresh := expecting(model.NoProducerID, model.NoProducerEpoch)
	asking := func(change func(r *model.InitProducerIDRequest)) *model.InitProducerIDRequest {
		r := *fresh
		change(&r)
		return &r
	}
	unknown := func() *Transactions {
		return NewTransactions(TransactionsConfig{TransactionalIDs: 1, Brokers: brokers, MaxEpoch: maxEpoch})
	}
	last := func(e model.ProducerEpoch) func(m *transactionMetadata) {
		return func(m *transactionMetadata) { m.lastProducerEpoch = e }
	}
	checkRows(t, []row{
		{"half an expected producer", in(EmptyTransaction, model.TV1), expecting(10, model.NoProducerEpoch), "INVALID_REQUEST", ""},
		{"no transactional id", in(Ongoing, model.TV1), asking(func(r *model.InitProducerIDRequest) { r.TransactionalID = model.NoTransactionalID }), "NONE 11/0", ""},
		{"an empty transactional id", in(EmptyTransaction, model.TV1), asking(func(r *model.InitProducerIDRequest) { r.TransactionalID = model.EmptyTransactionalID }), "INVALID_REQUEST", ""},
		{"no timeout", in(EmptyTransaction, model.TV1), asking(func(r *model.InitProducerIDRequest) { r.TransactionTimeout = 0 }), "INVALID_TRANSACTION_TIMEOUT", ""},
		{"the longest timeout", in(EmptyTransaction, model.TV1), asking(func(r *model.InitProducerIDRequest) { r.TransactionTimeout = 15 * time.Minute }), "NONE 10/3", "Empty 10/3 last -1"},
		{"a longer timeout", in(EmptyTransaction, model.TV1), asking(func(r *model.InitProducerIDRequest) { r.TransactionTimeout = 15*time.Minute + 1 }), "INVALID_TRANSACTION_TIMEOUT", ""},
		{"an unknown transactional id", unknown(), fresh, "NONE 1/0", "Empty 1/0 last -1"},
		{"an unknown transactional id, expected by somebody", unknown(), expecting(77, 5), "NONE 1/0", "Empty 1/0 last -1"},

		{"pending before fenced", in(PrepareCommit, model.TV1), expecting(77, 2), "CONCURRENT_TRANSACTIONS", ""},
		{"another producer id", in(EmptyTransaction, model.TV1), expecting(77, 2), "PRODUCER_FENCED", ""},
		{"the previous producer id, its epochs not used up", in(EmptyTransaction, model.TV1), expecting(9, 2), "PRODUCER_FENCED", ""},
		{"the previous producer id, its epochs used up", in(EmptyTransaction, model.TV1, epoch(0), last(3)), expecting(9, 3), "NONE 10/0", "Empty 10/0 last 3"},
		{"an old version is told in its words", in(EmptyTransaction, model.TV1), asking(func(r *model.InitProducerIDRequest) { r.Version, r.ProducerID, r.ProducerEpoch = 3, 77, 2 }), "INVALID_PRODUCER_EPOCH", ""},
		{"PrepareCommit", in(PrepareCommit, model.TV1), fresh, "CONCURRENT_TRANSACTIONS", ""},
		{"PrepareAbort", in(PrepareAbort, model.TV2), fresh, "CONCURRENT_TRANSACTIONS", ""},

		{"Empty", in(EmptyTransaction, model.TV1), fresh, "NONE 10/3", "Empty 10/3 last -1"},
		{"CompleteCommit", in(CompleteCommit, model.TV1), fresh, "NONE 10/3", "Empty 10/3 last -1"},
		{"CompleteAbort", in(CompleteAbort, model.TV1), fresh, "NONE 10/3", "Empty 10/3 last -1"},
		{"the current epoch", in(CompleteAbort, model.TV1), expecting(10, 2), "NONE 10/3", "Empty 10/3 last 2"},
		{"the last epoch: a retry", in(CompleteAbort, model.TV1), expecting(10, 1), "NONE 10/2", "Empty 10/2 last 1"},
		{"an older epoch", in(CompleteAbort, model.TV1), expecting(10, 0), "PRODUCER_FENCED", ""},
		{"a newer epoch", in(CompleteAbort, model.TV1), expecting(10, 3), "PRODUCER_FENCED", ""},
		{"no epoch left", in(CompleteAbort, model.TV1, epoch(3)), fresh, "NONE 11/0", "Empty 11/0 last -1"},
		{"no epoch left, the current one", in(CompleteAbort, model.TV1, epoch(3)), expecting(10, 3), "NONE 11/0", "Empty 11/0 last 3"},
		{"no epoch left, not the current one", in(CompleteAbort, model.TV1, epoch(3)), expecting(10, 2), "UNKNOWN_SERVER_ERROR", ""},

		{"Ongoing", in(Ongoing, model.TV1), fresh, "CONCURRENT_TRANSACTIONS", "PrepareAbort+CompleteAbort 10/3 last 2 [P0]"},
		{"Ongoing, expected", in(Ongoing, model.TV1), expecting(10, 2), "CONCURRENT_TRANSACTIONS", "PrepareAbort+CompleteAbort 10/3 last 2 [P0]"},
		{"Ongoing, fenced", in(Ongoing, model.TV1), expecting(77, 2), "PRODUCER_FENCED", ""},
	})
}

// Goal: an ongoing transaction is aborted with one epoch more, and the next try
// gets yet another. The cluster's version counts, not the client's.
func TestFence(t *testing.T) {
	fresh := &model.InitProducerIDRequest{Version: 4, TransactionTimeout: time.Minute, ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch}
	for _, test := range []struct {
		cluster, client model.TransactionVersion
		epoch           model.ProducerEpoch
		want, then      string
	}{
		{model.TV1, model.TV1, 1, "PrepareAbort+CompleteAbort 10/2 last -1 [P0]", "NONE 10/3"},
		{model.TV2, model.TV1, 1, "PrepareAbort+CompleteAbort 10/2 last 1 [P0]", "NONE 10/3"},
		{model.TV2, model.TV2, 1, "PrepareAbort+CompleteAbort 10/2 last 1 [P0]", "NONE 10/3"},
		// The epoch that is kept back for it. Under TV2 a new producer id comes with
		// the end of the transaction, under TV1 when it is asked for.
		{model.TV1, model.TV1, 3, "PrepareAbort+CompleteAbort 10/4 last -1 [P0]", "NONE 11/0"},
		{model.TV2, model.TV2, 3, "PrepareAbort+CompleteAbort 10/4 last 3 [P0]", "NONE 11/1"},
	} {
		name := fmt.Sprintf("a %v cluster fences epoch %d of a %v client", test.cluster, test.epoch, test.client)
		node := in(Ongoing, test.client, epoch(test.epoch))
		node.config.TransactionVersion = test.cluster
		stage := newStage(t, node)
		if got := stage.play(t, fresh)[0]; got != "CONCURRENT_TRANSACTIONS" {
			t.Errorf("%s: InitProducerId: %s, want CONCURRENT_TRANSACTIONS", name, got)
		}
		if got := describe(node); got != test.want {
			t.Errorf("%s: T0 comes to %s, want %s", name, got, test.want)
		}
		marker := node.channels[0].inFlight[0].marker
		if marker.ProducerEpoch != test.epoch+1 || marker.Result != model.Abort || marker.TransactionVersion != test.cluster {
			t.Errorf("%s with marker %+v, want an abort of %v with epoch %d", name, marker, test.cluster, test.epoch+1)
		}
		if got := stage.play(t, &markersWritten{0, model.None}, fresh)[1]; got != test.then {
			t.Errorf("%s: InitProducerId after the markers: %s, want %s", name, got, test.then)
		}
	}
}

// Goal: an EndTxn that comes after a fence with the last epoch gets no epoch that
// there is nothing after (KAFKA-20090).
func TestEndTxnAfterTheLastFence(t *testing.T) {
	node := in(Ongoing, model.TV2, epoch(3))
	fresh := &model.InitProducerIDRequest{Version: 4, TransactionTimeout: time.Minute, ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch}
	answers := newStage(t, node).play(t, fresh, &markersWritten{0, model.None}, endTxn(5, 10, 3, model.Abort))
	if got := answers[2]; got != "NONE 11/0" {
		t.Errorf("EndTxn after the fence: %s, want NONE 11/0; T0 is %s", got, describe(node))
	}
}

func TestAddPartitionsToTxn(t *testing.T) {
	add := func(id model.ProducerID, epoch model.ProducerEpoch, partitions ...model.Partition) *model.AddPartitionsToTxnRequest {
		return &model.AddPartitionsToTxnRequest{Version: 3, ProducerID: id, ProducerEpoch: epoch, Partitions: partitions}
	}
	named := func(id model.TransactionalID) *model.AddPartitionsToTxnRequest {
		r := add(10, 2, 0)
		r.TransactionalID = id
		return r
	}
	old, v2 := add(10, 1, 0), add(10, 2, 0)
	old.Version, v2.Version = 1, 4
	checkRows(t, []row{
		{"an empty transactional id", in(EmptyTransaction, model.TV1), named(model.EmptyTransactionalID), "INVALID_REQUEST", ""},
		{"no transactional id", in(EmptyTransaction, model.TV1), named(model.NoTransactionalID), "INVALID_REQUEST", ""},
		{"an unknown transactional id", in(EmptyTransaction, model.TV1), named(1), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"pending before the producer id", in(PrepareCommit, model.TV1), add(77, 2, 0), "CONCURRENT_TRANSACTIONS", ""},
		{"pending before the epoch", in(PrepareCommit, model.TV2), add(10, 1, 0), "CONCURRENT_TRANSACTIONS", ""},
		{"another producer id before the epoch", in(Ongoing, model.TV1), add(77, 1, 0), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"an older epoch", in(Ongoing, model.TV1), add(10, 1, 0), "PRODUCER_FENCED", ""},
		{"a newer epoch", in(Ongoing, model.TV1), add(10, 3, 0), "PRODUCER_FENCED", ""},
		{"an old version is told in its words", in(Ongoing, model.TV1), old, "INVALID_PRODUCER_EPOCH", ""},
		{"PrepareAbort", in(PrepareAbort, model.TV1), add(10, 2, 0), "CONCURRENT_TRANSACTIONS", ""},
		{"Ongoing has it", in(Ongoing, model.TV1), add(10, 2, 0), "NONE", ""},
		{"Ongoing has one of two", in(Ongoing, model.TV1), add(10, 2, 0, 1), "NONE", "Ongoing 10/2 last 1 [P0 P1]"},
		{"Empty", in(EmptyTransaction, model.TV1), add(10, 2, 1), "NONE", "Ongoing 10/2 last 1 [P1]"},
		{"CompleteCommit", in(CompleteCommit, model.TV1), add(10, 2, 1), "NONE", "Ongoing 10/2 last 1 [P1]"},
		{"CompleteAbort", in(CompleteAbort, model.TV2), v2, "NONE", "Ongoing 10/2 last 1 [P0]"},
	})
}

// Goal: the version of the last add that was written down is kept, for the
// markers. One that adds nothing new is not written.
func TestAddPartitionsToTxnKeepsTheVersion(t *testing.T) {
	for _, test := range []struct {
		state   TransactionState
		version model.APIVersion
		add     model.Partition
		want    model.TransactionVersion
	}{
		{EmptyTransaction, 3, 0, model.TV1},
		{EmptyTransaction, 4, 0, model.TV2},
		{Ongoing, 4, 1, model.TV2},
		{Ongoing, 4, 0, model.TV1},
	} {
		node := in(test.state, model.TV1)
		ask(t, node, &model.AddPartitionsToTxnRequest{Version: test.version, ProducerID: 10, ProducerEpoch: 2, Partitions: []model.Partition{test.add}})
		if got := node.metadata[0].clientTransactionVersion; got != test.want {
			t.Errorf("%v, AddPartitionsToTxn of version %d for %v: the transaction is one of %v, want %v", test.state, test.version, test.add, got, test.want)
		}
	}
}

func TestAddOffsetsToTxn(t *testing.T) {
	add := func(id model.ProducerID, epoch model.ProducerEpoch) *model.AddOffsetsToTxnRequest {
		return &model.AddOffsetsToTxnRequest{Version: 3, ProducerID: id, ProducerEpoch: epoch}
	}
	named := func(id model.TransactionalID) *model.AddOffsetsToTxnRequest {
		r := add(10, 2)
		r.TransactionalID = id
		return r
	}
	old := add(10, 1)
	old.Version = 1
	contained := in(Ongoing, model.TV1)
	contained.metadata[0].partitions = []model.Partition{model.ConsumerOffsets}
	checkRows(t, []row{
		{"an empty transactional id", in(EmptyTransaction, model.TV1), named(model.EmptyTransactionalID), "INVALID_REQUEST", ""},
		{"an unknown transactional id", in(EmptyTransaction, model.TV1), named(1), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"pending before the producer id", in(PrepareCommit, model.TV1), add(77, 2), "CONCURRENT_TRANSACTIONS", ""},
		{"another producer id", in(Ongoing, model.TV1), add(77, 1), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"an older epoch", in(Ongoing, model.TV1), add(10, 1), "PRODUCER_FENCED", ""},
		{"an old version is told in its words", in(Ongoing, model.TV1), old, "INVALID_PRODUCER_EPOCH", ""},
		{"Ongoing has it", contained, add(10, 2), "NONE", ""},
		{"Ongoing", in(Ongoing, model.TV1), add(10, 2), "NONE", "Ongoing 10/2 last 1 [__consumer_offsets P0]"},
		{"Empty", in(EmptyTransaction, model.TV1), add(10, 2), "NONE", "Ongoing 10/2 last 1 [__consumer_offsets]"},
	})
}

func TestVerifyOnlyAdd(t *testing.T) {
	verify := func(id model.ProducerID, epoch model.ProducerEpoch, partitions ...model.Partition) *model.AddPartitionsToTxnRequest {
		return &model.AddPartitionsToTxnRequest{Version: 4, ProducerID: id, ProducerEpoch: epoch, VerifyOnly: true, Partitions: partitions}
	}
	named := func(id model.TransactionalID) *model.AddPartitionsToTxnRequest {
		r := verify(10, 2, 0)
		r.TransactionalID = id
		return r
	}
	// A transition that is on its way to the log: it leaves Ongoing.
	pending := in(Ongoing, model.TV1)
	pending.metadata[0].pendingState = PrepareCommit
	if got := pending.verifyPartitions(verify(10, 2, 0)).String(); got != "NONE" {
		t.Errorf("Ongoing, PrepareCommit pending: AddPartitionsToTxn to verify: %s, want NONE", got)
	}
	checkRows(t, []row{
		{"an empty transactional id", in(EmptyTransaction, model.TV1), named(model.EmptyTransactionalID), "INVALID_REQUEST", ""},
		{"an unknown transactional id", in(EmptyTransaction, model.TV1), named(1), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"another producer id before the epoch", in(PrepareCommit, model.TV1), verify(77, 1, 0), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"an older epoch before the state", in(PrepareCommit, model.TV1), verify(10, 1, 0), "PRODUCER_FENCED", ""},
		{"PrepareCommit", in(PrepareCommit, model.TV1), verify(10, 2, 0), "CONCURRENT_TRANSACTIONS", ""},
		{"PrepareAbort", in(PrepareAbort, model.TV1), verify(10, 2, 0), "CONCURRENT_TRANSACTIONS", ""},
		{"Ongoing", in(Ongoing, model.TV1), verify(10, 2, 0), "NONE", ""},
		{"Ongoing without the other", in(Ongoing, model.TV1), verify(10, 2, 0, 1), "{P0: NONE, P1: TRANSACTION_ABORTABLE}", ""},
		{"CompleteCommit", in(CompleteCommit, model.TV1), verify(10, 2, 0), "TRANSACTION_ABORTABLE", ""},
	})
}

// ending requests of T0.
func endTxn(version model.APIVersion, id model.ProducerID, epoch model.ProducerEpoch, result model.TransactionResult) *model.EndTxnRequest {
	return &model.EndTxnRequest{Version: version, ProducerID: id, ProducerEpoch: epoch, Result: result}
}

func TestEndTxnTV1(t *testing.T) {
	end := func(id model.ProducerID, epoch model.ProducerEpoch, result model.TransactionResult) *model.EndTxnRequest {
		return endTxn(4, id, epoch, result)
	}
	named := func(id model.TransactionalID) *model.EndTxnRequest {
		r := end(10, 2, model.Commit)
		r.TransactionalID = id
		return r
	}
	// No pending state, as there would be for a moment after the log is loaded.
	unpending := func(state TransactionState) *Transactions {
		node := in(state, model.TV1)
		node.metadata[0].pendingState = none
		return node
	}
	for _, test := range []struct {
		state  TransactionState
		result model.TransactionResult
		want   model.Error
	}{
		{PrepareCommit, model.Commit, model.ErrConcurrentTransactions},
		{PrepareCommit, model.Abort, model.ErrInvalidTxnState},
		{PrepareAbort, model.Abort, model.ErrConcurrentTransactions},
		{PrepareAbort, model.Commit, model.ErrInvalidTxnState},
	} {
		node := unpending(test.state)
		if got := model.Refusal(model.Rules{}, endChecksTV1, ends{&node.metadata[0], ending{10, 2, test.result, true, model.TV1}}); got != test.want {
			t.Errorf("%v, nothing pending: EndTxn %v: %v, want %v", test.state, test.result, got, test.want)
		}
	}
	checkRows(t, []row{
		{"an empty transactional id", in(Ongoing, model.TV1), named(model.EmptyTransactionalID), "INVALID_REQUEST", ""},
		{"an unknown transactional id", in(Ongoing, model.TV1), named(1), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"another producer id before pending", in(PrepareCommit, model.TV1), end(77, 1, model.Commit), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"an older epoch before pending", in(PrepareCommit, model.TV1), end(10, 1, model.Commit), "PRODUCER_FENCED", ""},
		{"a newer epoch", in(Ongoing, model.TV1), end(10, 3, model.Commit), "PRODUCER_FENCED", ""},
		{"version 1 is told in its words", in(Ongoing, model.TV1), endTxn(1, 10, 3, model.Commit), "INVALID_PRODUCER_EPOCH", ""},
		{"PrepareCommit, commit", in(PrepareCommit, model.TV1), end(10, 2, model.Commit), "CONCURRENT_TRANSACTIONS", ""},
		{"PrepareCommit, abort: pending first", in(PrepareCommit, model.TV1), end(10, 2, model.Abort), "CONCURRENT_TRANSACTIONS", ""},
		{"PrepareAbort, commit: pending first", in(PrepareAbort, model.TV1), end(10, 2, model.Commit), "CONCURRENT_TRANSACTIONS", ""},
		{"Ongoing, commit", in(Ongoing, model.TV1), end(10, 2, model.Commit), "NONE", "PrepareCommit+CompleteCommit 10/2 last 1 [P0]"},
		{"Ongoing, abort", in(Ongoing, model.TV1), end(10, 2, model.Abort), "NONE", "PrepareAbort+CompleteAbort 10/2 last 1 [P0]"},
		{"CompleteCommit, commit", in(CompleteCommit, model.TV1), end(10, 2, model.Commit), "NONE", ""},
		{"CompleteCommit, abort", in(CompleteCommit, model.TV1), end(10, 2, model.Abort), "INVALID_TXN_STATE", ""},
		{"CompleteAbort, abort", in(CompleteAbort, model.TV1), end(10, 2, model.Abort), "NONE", ""},
		{"CompleteAbort, commit", in(CompleteAbort, model.TV1), end(10, 2, model.Commit), "INVALID_TXN_STATE", ""},
		{"Empty, commit", in(EmptyTransaction, model.TV1), end(10, 2, model.Commit), "INVALID_TXN_STATE", ""},
		{"Empty, abort", in(EmptyTransaction, model.TV1), end(10, 2, model.Abort), "INVALID_TXN_STATE", ""},
	})
}

func TestEndTxnTV2(t *testing.T) {
	end := func(id model.ProducerID, epoch model.ProducerEpoch, result model.TransactionResult) *model.EndTxnRequest {
		return endTxn(5, id, epoch, result)
	}
	named := func(id model.TransactionalID) *model.EndTxnRequest {
		r := end(10, 2, model.Commit)
		r.TransactionalID = id
		return r
	}
	// The epochs were used up by the transaction before: 9/3 became 10/0.
	overflowed := func(state TransactionState) *Transactions {
		return in(state, model.TV2, func(m *transactionMetadata) { m.producerEpoch, m.lastProducerEpoch = 0, 3 })
	}
	for _, test := range []struct {
		name   string
		state  TransactionState
		epoch  model.ProducerEpoch
		result model.TransactionResult
		want   model.Error
	}{
		{"the epoch before", PrepareCommit, 1, model.Commit, model.ErrConcurrentTransactions},
		{"the epoch before", PrepareCommit, 1, model.Abort, model.ErrInvalidTxnState},
		{"the epoch before", PrepareAbort, 1, model.Abort, model.ErrConcurrentTransactions},
		{"the epoch before", PrepareAbort, 1, model.Commit, model.ErrInvalidTxnState},
		{"the current epoch", PrepareCommit, 2, model.Commit, model.ErrProducerFenced},
	} {
		node := in(test.state, model.TV2)
		node.metadata[0].pendingState = none
		if got := model.Refusal(model.Rules{}, endChecksTV2, ends{&node.metadata[0], ending{10, test.epoch, test.result, true, model.TV2}}); got != test.want {
			t.Errorf("%v, nothing pending, %s: EndTxn %v: %v, want %v", test.state, test.name, test.result, got, test.want)
		}
	}
	checkRows(t, []row{
		{"an empty transactional id", in(Ongoing, model.TV2), named(model.EmptyTransactionalID), "INVALID_REQUEST", ""},
		{"an unknown transactional id", in(Ongoing, model.TV2), named(1), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"pending before the producer id", in(PrepareCommit, model.TV2), end(77, 1, model.Commit), "CONCURRENT_TRANSACTIONS", ""},
		{"pending before the epoch: no self-fencing", in(PrepareCommit, model.TV2), end(10, 2, model.Abort), "CONCURRENT_TRANSACTIONS", ""},
		{"another producer id before the epoch", in(Ongoing, model.TV2), end(77, 0, model.Commit), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"Ongoing, an older epoch", in(Ongoing, model.TV2), end(10, 1, model.Commit), "PRODUCER_FENCED", ""},
		{"Ongoing, a newer epoch", in(Ongoing, model.TV2), end(10, 3, model.Commit), "PRODUCER_FENCED", ""},
		{"Complete, two epochs before", in(CompleteCommit, model.TV2), end(10, 0, model.Commit), "PRODUCER_FENCED", ""},
		{"Complete, a newer epoch", in(CompleteCommit, model.TV2), end(10, 3, model.Commit), "PRODUCER_FENCED", ""},

		{"Ongoing, commit", in(Ongoing, model.TV2), end(10, 2, model.Commit), "NONE 10/3", "PrepareCommit+CompleteCommit 10/3 last 2 [P0]"},
		{"Ongoing, abort", in(Ongoing, model.TV2), end(10, 2, model.Abort), "NONE 10/3", "PrepareAbort+CompleteAbort 10/3 last 2 [P0]"},
		{"Ongoing, no epoch left", in(Ongoing, model.TV2, epoch(3)), end(10, 3, model.Commit), "NONE 11/0", "PrepareCommit+CompleteCommit 10/4 last 3 [P0]"},

		{"Empty, abort, retry", in(EmptyTransaction, model.TV2), end(10, 1, model.Abort), "PRODUCER_FENCED", ""},
		{"Empty, abort, current", in(EmptyTransaction, model.TV2), end(10, 2, model.Abort), "NONE 10/3", "CompleteAbort 10/3 last 2"},
		{"Empty, commit, retry", in(EmptyTransaction, model.TV2), end(10, 1, model.Commit), "PRODUCER_FENCED", ""},
		{"Empty, commit, current", in(EmptyTransaction, model.TV2), end(10, 2, model.Commit), "INVALID_TXN_STATE", ""},
		{"CompleteAbort, abort, retry", in(CompleteAbort, model.TV2), end(10, 1, model.Abort), "NONE 10/2", ""},
		{"CompleteAbort, abort, current", in(CompleteAbort, model.TV2), end(10, 2, model.Abort), "NONE 10/3", "CompleteAbort 10/3 last 2"},
		{"CompleteAbort, commit, retry", in(CompleteAbort, model.TV2), end(10, 1, model.Commit), "INVALID_TXN_STATE", ""},
		{"CompleteAbort, commit, current", in(CompleteAbort, model.TV2), end(10, 2, model.Commit), "INVALID_TXN_STATE", ""},
		{"CompleteCommit, abort, retry", in(CompleteCommit, model.TV2), end(10, 1, model.Abort), "INVALID_TXN_STATE", ""},
		{"CompleteCommit, abort, current", in(CompleteCommit, model.TV2), end(10, 2, model.Abort), "NONE 10/3", "CompleteAbort 10/3 last 2"},
		{"CompleteCommit, commit, retry", in(CompleteCommit, model.TV2), end(10, 1, model.Commit), "NONE 10/2", ""},
		{"CompleteCommit, commit, current", in(CompleteCommit, model.TV2), end(10, 2, model.Commit), "INVALID_TXN_STATE", ""},

		{"retry of what used up the epochs", overflowed(CompleteCommit), end(9, 3, model.Commit), "NONE 10/0", ""},
		{"retry of what used up the epochs, the other result", overflowed(CompleteCommit), end(9, 3, model.Abort), "INVALID_TXN_STATE", ""},
		{"the previous producer id, not its last epoch", overflowed(CompleteCommit), end(9, 2, model.Commit), "INVALID_PRODUCER_ID_MAPPING", ""},
		{"empty abort, no epoch left", in(EmptyTransaction, model.TV2, epoch(3)), end(10, 3, model.Abort), "NONE 11/0", "CompleteAbort 11/0 last 3"},
	})
}

// Goal: KIP-939: an open transaction is kept, who had it is fenced, and the client's epoch
// is not that of the next transaction.
func TestKeepPrepared(t *testing.T) {
	keep := &model.InitProducerIDRequest{Version: 6, TransactionTimeout: time.Minute, ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch, KeepPrepared: true}
	node := in(Ongoing, model.TV2)
	if got := newStage(t, node).play(t, keep)[0]; got != "UNSUPPORTED_VERSION" {
		t.Errorf("before KIP-939: %s", got)
	}
	node.config.Rules.With = model.KeepPrepared
	s := newStage(t, node)
	for _, step := range []struct {
		request sim.Message
		want    string
	}{
		{keep, "NONE 10/3"}, {keep, "NONE 10/4"}, // the first one, too, is fenced
		{endTxn(5, 10, 2, model.Commit), "PRODUCER_FENCED"}, {endTxn(5, 10, 3, model.Commit), "PRODUCER_FENCED"},
		{&model.AddPartitionsToTxnRequest{Version: 4, ProducerID: 10, ProducerEpoch: 2, Partitions: []model.Partition{2}}, "PRODUCER_FENCED"},
		{endTxn(5, 10, 4, model.Commit), "NONE 10/5"},
	} {
		if got := s.play(t, step.request)[0]; got != step.want {
			t.Errorf("%s: %s, want %s", sim.NameOf(step.request), got, step.want)
		}
	}
}
