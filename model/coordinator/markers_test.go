package coordinator

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"racelab/model"
	"racelab/sim"
)

// transactionOf returns the acts of a client that begins a transaction with new
// producer ids: T0 gets 1/0, T1 2/0.
func transactionOf(id model.TransactionalID, partitions ...model.Partition) []any {
	producerID := model.ProducerID(id) + 1
	return []any{
		&model.InitProducerIDRequest{Version: 4, TransactionalID: id, TransactionTimeout: time.Minute, ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch},
		&model.AddPartitionsToTxnRequest{Version: 3, TransactionalID: id, ProducerID: producerID, Partitions: partitions},
	}
}

func commitOf(id model.TransactionalID) *model.EndTxnRequest {
	return &model.EndTxnRequest{Version: 4, TransactionalID: id, ProducerID: model.ProducerID(id) + 1, Result: model.Commit}
}

func newTransactions() *Transactions {
	return NewTransactions(TransactionsConfig{TransactionalIDs: 3, Brokers: brokers})
}

// channels shows what each broker has, and what waits for it.
func channels(node *stage) string {
	text := ""
	show := func(markers []queuedMarker) {
		text += "["
		for i, q := range markers {
			if i > 0 {
				text += ", "
			}
			text += fmt.Sprint(q.transactionalID, " ", q.marker.Result, " ", q.marker.Partitions)
		}
		text += "]"
	}
	for i := range node.channels {
		if i > 0 {
			text += " "
		}
		text += node.config.Brokers[i].Name + " has "
		show(node.channels[i].inFlight)
		text += " then "
		show(node.channels[i].queue)
	}
	return text
}

// Goal: from EndTxn's answer to the last marker, the next transaction is
// refused. Method: one transaction on both brokers, and an add after each step.
func TestWindow(t *testing.T) {
	node := newStage(t, newTransactions())
	node.play(t, slices.Concat(transactionOf(0, 0, 2), []any{commitOf(0)})...)
	add := &model.AddPartitionsToTxnRequest{Version: 3, ProducerID: 1, Partitions: []model.Partition{1}}
	if got, want := channels(node), "B0 has [T0 commit [P0]] then [] B1 has [T0 commit [P2]] then []"; got != want {
		t.Errorf("after EndTxn: %s, want %s", got, want)
	}
	for _, test := range []struct {
		act  sim.Message
		want string
	}{
		{add, "CONCURRENT_TRANSACTIONS"},
		{commitOf(0), "CONCURRENT_TRANSACTIONS"},
		{&markersWritten{0, model.None}, "0 NONE"},
		{add, "CONCURRENT_TRANSACTIONS"}, // P2 has no marker yet.
		{&markersWritten{1, model.None}, "1 NONE"},
		{commitOf(0), "NONE"},
		{add, "NONE"},
	} {
		if got := node.play(t, test.act)[0]; got != test.want {
			t.Errorf("%s %v: %s, want %s; T0 is %s", sim.NameOf(test.act), test.act, got, test.want, describe(node.Transactions))
		}
	}
}

// Goal: a broker has one request at a time, so a transaction waits for the
// markers of another that was decided before it; and what waits goes together.
func TestMarkersWaitInLine(t *testing.T) {
	node := newStage(t, newTransactions())
	for id := range model.TransactionalID(3) {
		node.play(t, append(transactionOf(id, 0), commitOf(id))...)
	}
	if got, want := channels(node), "B0 has [T0 commit [P0]] then [T1 commit [P0], T2 commit [P0]] B1 has [] then []"; got != want {
		t.Fatalf("after three commits: %s, want %s", got, want)
	}
	node.play(t, &markersWritten{0, model.None})
	if got, want := channels(node), "B0 has [T1 commit [P0], T2 commit [P0]] then [] B1 has [] then []"; got != want {
		t.Errorf("after the first answer: %s, want %s", got, want)
	}
	for id, want := range []TransactionState{CompleteCommit, PrepareCommit, PrepareCommit} {
		if got := node.metadata[id].state; got != want {
			t.Errorf("after the first answer: T%d is %v, want %v", id, got, want)
		}
	}
	node.play(t, &markersWritten{0, model.None})
	for id := range node.metadata {
		if got := node.metadata[id].state; got != CompleteCommit {
			t.Errorf("after the second answer: T%d is %v, want CompleteCommit", id, got)
		}
	}
}

// Goal: a marker that could not be written is written again, behind what waits;
// one that a newer epoch refuses is given up, for ever.
func TestMarkersRefused(t *testing.T) {
	for _, err := range append(slices.Clone(markerErrorsAgain), model.ErrKafkaStorageError) {
		node := newStage(t, newTransactions())
		node.play(t, append(transactionOf(0, 0), commitOf(0))...)
		node.play(t, append(transactionOf(1, 0), commitOf(1))...)
		node.play(t, &markersWritten{0, err})
		if got, want := channels(node), "B0 has [T1 commit [P0], T0 commit [P0]] then [] B1 has [] then []"; got != want {
			t.Errorf("WriteTxnMarkers: %v: %s, want %s", err, got, want)
		}
		node.play(t, &markersWritten{0, model.None})
		if got := node.metadata[0].state; got != CompleteCommit {
			t.Errorf("WriteTxnMarkers: %v, then NONE: T0 is %v, want CompleteCommit", err, got)
		}
	}
	for _, err := range []model.Error{model.ErrInvalidProducerEpoch, model.ErrTransactionCoordinatorFenced} {
		node := newStage(t, newTransactions())
		node.play(t, append(transactionOf(0, 0, 2), commitOf(0))...)
		node.play(t, &markersWritten{0, err}, &markersWritten{1, model.None})
		if got, want := describe(node.Transactions), "PrepareCommit+CompleteCommit 1/0 last -1 [P0]"; got != want {
			t.Errorf("WriteTxnMarkers: %v: T0 is %s, want %s", err, got, want)
		}
		if got, want := channels(node), "B0 has [] then [] B1 has [] then []"; got != want {
			t.Errorf("WriteTxnMarkers: %v: %s, want %s", err, got, want)
		}
		if got := node.play(t, transactionOf(0)[0])[0]; got != "CONCURRENT_TRANSACTIONS" {
			t.Errorf("WriteTxnMarkers: %v: InitProducerId: %s, want CONCURRENT_TRANSACTIONS", err, got)
		}
	}
}

// Goal: where the connection breaks, nobody knows what was written, so it is
// written again: on a new connection, 50 ms later, with what waits.
func TestMarkersLost(t *testing.T) {
	node := newStage(t, newTransactions())
	node.play(t, append(transactionOf(0, 0), commitOf(0))...)
	node.cut(t, "B0")
	node.play(t, append(transactionOf(1, 0), commitOf(1))...)
	node.play(t, 49*time.Millisecond)
	if got, want := channels(node), "B0 has [] then [T0 commit [P0], T1 commit [P0]] B1 has [] then []"; got != want {
		t.Errorf("after the cut: %s, want %s", got, want)
	}
	node.play(t, 2*time.Millisecond)
	if got, want := channels(node), "B0 has [T0 commit [P0], T1 commit [P0]] then [] B1 has [] then []"; got != want {
		t.Errorf("after 51 ms: %s, want %s", got, want)
	}
	node.play(t, &markersWritten{0, model.None})
	for id := range 2 {
		if got := node.metadata[id].state; got != CompleteCommit {
			t.Errorf("after the answer: T%d is %v, want CompleteCommit", id, got)
		}
	}
}

// Goal: a marker carries what a log needs to judge it. Under TV2 that is the
// epoch that no client has written with.
func TestMarkerOfEachVersion(t *testing.T) {
	for _, test := range []struct {
		version model.TransactionVersion
		epoch   model.ProducerEpoch
	}{{model.TV1, 2}, {model.TV2, 3}} {
		node := in(Ongoing, test.version)
		version := model.APIVersion(4)
		if test.version == model.TV2 {
			version = 5
		}
		ask(t, node, endTxn(version, 10, 2, model.Commit))
		got := node.channels[0].inFlight[0].marker
		if got.ProducerID != 10 || got.ProducerEpoch != test.epoch || got.Result != model.Commit || got.TransactionVersion != test.version {
			t.Errorf("%v: marker %+v, want a commit of 10/%d", test.version, got, test.epoch)
		}
	}
}

// Goal: a transaction is aborted at the first scan after its timeout, and not
// at its timeout; its producer is fenced.
func TestTransactionTimeout(t *testing.T) {
	for _, test := range []struct {
		wait  time.Duration
		want  string
		state string
	}{
		{60 * time.Second, "NONE", "PrepareCommit+CompleteCommit 1/0 last -1 [P0]"},
		{70*time.Second - 1, "NONE", "PrepareCommit+CompleteCommit 1/0 last -1 [P0]"},
		{70*time.Second + 1, "CONCURRENT_TRANSACTIONS", "PrepareAbort+CompleteAbort 1/1 last 0 [P0]"},
	} {
		node := newStage(t, newTransactions())
		fenced := commitOf(0)
		fenced.Version = 5
		late := commitOf(0)
		if test.want != "NONE" {
			late = fenced
		}
		answers := node.play(t, append(transactionOf(0, 0), test.wait, late)...)
		if got := answers[2]; got != test.want {
			t.Errorf("EndTxn after %v: %s, want %s", test.wait, got, test.want)
		}
		if got := describe(node.Transactions); got != test.state {
			t.Errorf("after %v: T0 is %s, want %s", test.wait, got, test.state)
		}
	}
}

// Goal: the timeout counts from the first add, not from the last.
func TestTimeoutCountsFromTheStart(t *testing.T) {
	node := newStage(t, newTransactions())
	acts := append(transactionOf(0, 0), 50*time.Second)
	acts = append(acts, transactionOf(0, 1)[1], 21*time.Second)
	node.play(t, acts...)
	if got, want := describe(node.Transactions), "PrepareAbort+CompleteAbort 1/1 last 0 [P0 P1]"; got != want {
		t.Errorf("71 s after the first add and 21 s after the second: T0 is %s, want %s", got, want)
	}
}

// Goal: the scan takes only what is overdue, and comes again for the rest.
func TestScanTakesWhatIsOverdue(t *testing.T) {
	node := newStage(t, newTransactions())
	acts := transactionOf(0, 0)
	acts = append(acts, 30*time.Second)
	acts = append(acts, transactionOf(1, 1)...)
	acts = append(acts, 41*time.Second, commitOf(1), &markersWritten{0, model.None}, &markersWritten{0, model.None})
	node.play(t, acts...)
	for id, want := range []TransactionState{CompleteAbort, CompleteCommit} {
		if got := node.metadata[id].state; got != want {
			t.Errorf("after 71 s: T%d is %v, want %v", id, got, want)
		}
	}
	node = newStage(t, newTransactions())
	acts = append(transactionOf(0, 0), 30*time.Second)
	acts = append(acts, transactionOf(1, 1)...)
	node.play(t, append(acts, 80*time.Second)...)
	for id := range 2 {
		if got := node.metadata[id].state; got != PrepareAbort {
			t.Errorf("after 110 s: T%d is %v, want PrepareAbort", id, got)
		}
	}
}

// Goal: the invariants refuse a coordinator that breaks them.
func TestCheckRefuses(t *testing.T) {
	for _, test := range []struct {
		name  string
		state TransactionState
		spoil func(node *Transactions)
		want  string
	}{
		{"a pending state that may not follow", EmptyTransaction, func(n *Transactions) { n.metadata[0].pendingState = PrepareCommit }, "T0 is Empty, and PrepareCommit is pending, which may not follow"},
		{"a fence that lasts", Ongoing, func(n *Transactions) { n.metadata[0].pendingState = PrepareEpochFence }, "T0 is being fenced, and the step is over"},
		{"decided, and nothing pending", PrepareCommit, func(n *Transactions) { n.metadata[0].pendingState = none }, "T0 is PrepareCommit, and none is pending"},
		{"an epoch that there is not", EmptyTransaction, func(n *Transactions) { n.metadata[0].producerEpoch = 5 }, "T0 has epoch 5 of 4"},
		{"a start without a transaction", EmptyTransaction, func(n *Transactions) { n.metadata[0].txnStart = 0 }, "T0 is Empty, and its transaction began at 0s"},
		{"a transaction without a partition", Ongoing, func(n *Transactions) { n.metadata[0].partitions = nil }, "T0 is Ongoing, without a partition"},
		{"a partition without a transaction", CompleteCommit, func(n *Transactions) { n.metadata[0].partitions = []model.Partition{1} }, "T0 is CompleteCommit, with partitions [P1]"},
		{"markers of nothing", Ongoing, func(n *Transactions) { n.completions[0].waiting = true }, "T0 is Ongoing, and markers of it are to be written"},
		{"a marker that is lost", PrepareAbort, func(n *Transactions) { n.channels[0].inFlight = nil }, "T0 is PrepareAbort and waits for the marker of P0, which nobody writes"},
	} {
		node := in(test.state, model.TV1)
		if err := node.Check(); err != nil {
			t.Fatal(err)
		}
		test.spoil(node)
		if got := fmt.Sprint(node.Check()); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
