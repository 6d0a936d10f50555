package coordinator

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"racelab/model"
	"racelab/sim"
)

// refusingLog answers each append with one error, and takes what it is told to: an
// append that fails may be there all the same.
type refusingLog struct{ err model.Error }

func (l *refusingLog) Handle(e sim.Envelope, out *sim.Outbox) { out.Reply(e, &appendResponse{l.err}) }

// Goal: the rows of a failed append: what the client is told, and that nothing is
// pending after it.
func TestAppendFails(t *testing.T) {
	for _, test := range []struct{ err, want model.Error }{
		{model.ErrUnknownTopicOrPartition, model.ErrCoordinatorNotAvailable},
		{model.ErrNotEnoughReplicas, model.ErrCoordinatorNotAvailable},
		{model.ErrNotEnoughReplicasAfterAppend, model.ErrCoordinatorNotAvailable},
		{model.ErrRequestTimedOut, model.ErrCoordinatorNotAvailable},
		{model.ErrNotLeaderOrFollower, model.ErrNotCoordinator},
		{model.ErrKafkaStorageError, model.ErrNotCoordinator},
		{model.ErrMessageTooLarge, model.ErrUnknownServerError},
	} {
		node := in(Ongoing, model.TV2)
		s := newStage(t, node)
		s.world.AddNode("log", &refusingLog{test.err})
		node.ConnectLog(s.world.Dial("coordinator", "log"))
		before := describe(node)
		for _, request := range []sim.Message{
			endTxn(5, 10, 2, model.Commit), &model.AddPartitionsToTxnRequest{Version: 4, ProducerID: 10, ProducerEpoch: 2, Partitions: []model.Partition{2}},
		} {
			if got := s.play(t, request)[0]; got != test.want.String() {
				t.Errorf("%s while the log says %v: %s, want %v", sim.NameOf(request), test.err, got, test.want)
			}
			if got := describe(node); got != before {
				t.Errorf("%s while the log says %v: T0 is %s, want %s", sim.NameOf(request), test.err, got, before)
			}
		}
	}
}

// Goal: who becomes coordinator knows what is in the log, sends the markers of what is
// decided again under its epoch, and has forgotten the last epoch.
func TestLoad(t *testing.T) {
	decided := in(PrepareCommit, model.TV2).metadata[0].txnTransitMetadata
	decided.txnStart = 0
	node := NewTransactions(TransactionsConfig{TransactionalIDs: 2, Brokers: brokers, MaxEpoch: maxEpoch, Self: 1, Coordinators: 2})
	s := newStage(t, node)
	log := NewTransactionLog(LogConfig{Brokers: []string{"other", "coordinator"}})
	log.records = []logRecord{{0, decided}}
	log.records[0].txnStart = sim.Never
	s.world.AddNode("log", log)
	s.world.AddNode("other", NewTransactions(TransactionsConfig{TransactionalIDs: 2}))
	node.ConnectLog(s.world.Dial("coordinator", "log"))
	log.Connect(nil, s.world.Dial("log", "other"), s.world.Dial("log", "coordinator"))
	s.client.log = s.world.Dial("client", "log")
	if got := s.play(t, endTxn(5, 10, 1, model.Commit))[0]; got != "NOT_COORDINATOR" {
		t.Errorf("EndTxn before the election: %s, want NOT_COORDINATOR", got)
	}
	s.play(t, &Election{})
	if got, want := describe(node), "PrepareCommit+CompleteCommit 10/2 last -1 [P0]"; got != want {
		t.Errorf("after the load: T0 is %s, want %s", got, want)
	}
	if marker := node.channels[0].inFlight[0].marker; marker.CoordinatorEpoch != 1 || marker.Result != model.Commit {
		t.Errorf("after the load: marker %+v, want a commit of coordinator epoch 1", marker)
	}
}

// Goal: a producer id goes to one transactional id alone, and one that nobody was told of
// goes to the next who asks. Method: of two coordinators, whose ids are odd and even, the
// first is asked for some ids, and moves before all but some are in the log.
func TestProducerIDsAfterAMove(t *testing.T) {
	for _, test := range []struct {
		name   string
		told   []bool             // by transactional id: its first InitProducerId was answered
		logged []model.ProducerID // by transactional id, as the log turns out to have it; 0: it does not
		next   model.ProducerID
	}{
		{"nobody has asked", nil, nil, 1},
		{"one is told, and the log has lost it", []bool{true}, []model.ProducerID{0}, 3},
		{"all are told", []bool{true, true}, []model.ProducerID{1, 3}, 5},
		{"none is", []bool{false}, []model.ProducerID{0}, 1},
		{"the last is not", []bool{true, false}, []model.ProducerID{1, 0}, 3},
		{"the first is not", []bool{false, true}, []model.ProducerID{0, 3}, 5},
		{"it is in the log", []bool{true, false}, []model.ProducerID{1, 3}, 5},
		{"two are not told, and the last is in the log", []bool{true, false, false}, []model.ProducerID{1, 0, 5}, 7},
		{"the log has one of the other coordinator", []bool{true, false}, []model.ProducerID{1, 4}, 3},
	} {
		node := NewTransactions(TransactionsConfig{TransactionalIDs: len(test.told) + 1, Coordinators: 2})
		response := &loadResponse{}
		for i := range test.told {
			m := &node.metadata[i]
			m.known, m.producerID = true, node.generateProducerID()
			if test.told[i] {
				m.producerEpoch = 0
			}
			if id := test.logged[i]; id != 0 {
				response.records = append(response.records, recordOf(model.TransactionalID(i), txnTransitMetadata{state: EmptyTransaction, producerID: id}))
			}
		}
		slices.Reverse(node.metadata) // Whichever is forgotten first.
		node.forget()
		node.loading = true
		node.install(0, response, nil)
		if got := node.generateProducerID(); got != test.next {
			t.Errorf("%s: the next producer id is %d, want %d", test.name, got, test.next)
		}
	}
}

// Goal: what every request but InitProducerId is refused for before its own checks, in
// their order.
func TestRequestsOfNobody(t *testing.T) {
	for _, test := range []struct {
		id             model.TransactionalID
		loading, leads bool
		want           model.Error
	}{
		{model.EmptyTransactionalID, true, false, model.ErrInvalidRequest},
		{1, true, false, model.ErrCoordinatorLoadInProgress},
		{1, false, false, model.ErrNotCoordinator},
		{1, false, true, model.ErrInvalidProducerIDMapping},
		{0, false, true, model.None},
	} {
		node := NewTransactions(TransactionsConfig{TransactionalIDs: 2})
		node.metadata[0].known = true
		node.loading, node.leads = test.loading, test.leads
		if _, got := node.transaction(test.id); got != test.want {
			t.Errorf("%v, loading %v, leads %v: %v, want %v", test.id, test.loading, test.leads, got, test.want)
		}
	}
}

// Goal: of what all replicas have, the log keeps the last record of each transactional id,
// and a lagging replica that is elected has just those.
func TestTransactionLogIsCleaned(t *testing.T) {
	record := func(id model.TransactionalID, state TransactionState) logRecord {
		return recordOf(id, txnTransitMetadata{state: state})
	}
	l := NewTransactionLog(LogConfig{Brokers: []string{"C"}})
	l.records = []logRecord{record(0, Ongoing), record(1, EmptyTransaction), record(0, PrepareCommit), record(0, CompleteCommit)}
	l.replicated(nil)
	l.records, l.lacking = append(l.records, record(1, Ongoing)), 1
	for _, want := range []string{"[T1 Empty, T0 CompleteCommit, T1 Ongoing], 1 not replicated", "[T1 Empty, T0 CompleteCommit], 0 not replicated"} {
		var list []string
		for _, r := range l.records {
			list = append(list, fmt.Sprint(r.transactionalID, " ", r.state))
		}
		if got := fmt.Sprintf("[%s], %d not replicated", strings.Join(list, ", "), l.lacking); got != want {
			t.Errorf("the log has %s, want %s", got, want)
		}
		l.elect(&Election{Lagging: true, Same: true}, nil)
	}
}
