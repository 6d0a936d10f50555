package broker

import (
	"slices"
	"testing"

	"racelab/model"
	"racelab/sim"
	"racelab/sim/explore"
)

// several sends requests on connections, and notes what is answered, in any order.
type several struct {
	conns   []*sim.Conn
	sends   []sim.Message `sim:"config"`
	next    int
	answers []model.Error
}

func (a *several) Run(t *sim.Task) {
	for a.next = 0; a.next < len(a.sends); a.next++ {
		t.Step("ask")
		a.conns[a.next].Send(t, a.sends[a.next])
	}
	for a.next = 0; a.next < len(a.sends); a.next++ {
		switch answer := a.conns[a.next].Receive(t.At("await")).(type) {
		case *model.ProduceResponse:
			a.answers = append(a.answers, answer.Partitions[0].Error)
		case *model.WriteTxnMarkersResponse:
			a.answers = append(a.answers, answer.Markers[0].Partitions[0].Error)
		}
	}
}

// replicated is B0, which leads P0, and B1, which has it too; and who asks B0. It takes
// the steps in their order, whatever else may happen.
func replicated(t *testing.T, sends []sim.Message, elections []string, steps ...string) ([]*Broker, *several) {
	t.Helper()
	w := sim.NewWorld()
	t.Cleanup(w.Close)
	brokers := []*Broker{
		New(Config{Self: "B0", Partitions: []model.Partition{0}, Replicated: []model.Partition{0}}),
		New(Config{Self: "B1", Replicas: []model.Partition{0}}),
	}
	w.AddNode("B0", brokers[0])
	w.AddNode("B1", brokers[1])
	brokers[0].ConnectReplica(w.Dial("B0", "B1"))
	brokers[1].ConnectReplica(w.Dial("B1", "B0"))
	a := &several{sends: sends}
	for range sends {
		a.conns = append(a.conns, w.Dial("A", "B0"))
	}
	w.GoProgram("A", a)
	w.GoProgram("quorum", NewController(elections, w.Dial("quorum", "B0"), w.Dial("quorum", "B1")))
	for _, step := range steps {
		enabled := explore.Of(w).Enabled()
		i := slices.IndexFunc(enabled, func(e sim.Event) bool { return e.String() == step })
		if i < 0 {
			t.Fatalf("%s cannot happen, only %v can", step, enabled)
		}
		explore.Of(w).Take(i)
		for _, v := range w.Violations() {
			t.Fatalf("after %s: %v", step, v.Err)
		}
	}
	return brokers, a
}

func produces(leaderOnly bool) *model.ProduceRequest {
	return &model.ProduceRequest{Version: 11, TransactionalID: model.NoTransactionalID, LeaderOnly: leaderOnly,
		Partitions: []model.PartitionBatch{{Batch: data(0, 0, 1)}}}
}

// Goal: acks=all and a marker are answered when both replicas have what was written, and
// acks=1 before; a leader that is deposed answers NOT_LEADER_OR_FOLLOWER; and the next one
// knows a duplicate, and where it is. Method: the steps of each case, one after the other.
func TestReplication(t *testing.T) {
	marks := &model.WriteTxnMarkersRequest{Markers: []model.TxnMarker{*marker(0, model.Commit, model.TV1)}}
	marks.Markers[0].Partitions = []model.Partition{0}
	for _, test := range []struct {
		name      string
		sends     []sim.Message
		elections []string
		steps     []string
		answers   []model.Error
		ends      [2]model.Offset // of the logs
		high      [2]model.Offset // watermarks
	}{
		{name: "acks=1", sends: []sim.Message{produces(true)}, steps: []string{"A ask", "A->B0 Produce", "A await"},
			answers: []model.Error{model.None}, ends: [2]model.Offset{1, 0}},
		{name: "acks=all waits", sends: []sim.Message{produces(false)}, steps: []string{"A ask", "A->B0 Produce", "B0->B1 replicate"},
			ends: [2]model.Offset{1, 1}},
		{name: "acks=all", sends: []sim.Message{produces(false)}, steps: []string{"A ask", "A->B0 Produce", "B0->B1 replicate", "B1->B0 replicate response", "A await"},
			answers: []model.Error{model.None}, ends: [2]model.Offset{1, 1}, high: [2]model.Offset{1, 0}},
		{name: "a duplicate of what is under way waits too", sends: []sim.Message{produces(false), produces(false)},
			steps: []string{"A ask", "A ask", "A->B0 Produce", "A->B0 Produce", "B0->B1 replicate"}, ends: [2]model.Offset{1, 1}},
		{name: "a marker waits", sends: []sim.Message{marks}, steps: []string{"A ask", "A->B0 WriteTxnMarkers"}, ends: [2]model.Offset{1, 0}},
		{name: "a marker", sends: []sim.Message{marks}, steps: []string{"A ask", "A->B0 WriteTxnMarkers", "B0->B1 replicate", "B1->B0 replicate response", "A await"},
			answers: []model.Error{model.None}, ends: [2]model.Offset{1, 1}, high: [2]model.Offset{1, 0}},
		{name: "a follower knows what its leader does", sends: []sim.Message{marks}, elections: []string{"B1"},
			steps:   []string{"A ask", "A->B0 WriteTxnMarkers", "B0->B1 replicate", "B1->B0 replicate response", "A await", "quorum elect", "quorum->B1 elected", "quorum->B0 elected", "B1->B0 replicate"},
			answers: []model.Error{model.None}, ends: [2]model.Offset{1, 1}},
		{name: "deposed before the replica has it", sends: []sim.Message{produces(false)}, elections: []string{"B1"},
			steps:   []string{"A ask", "A->B0 Produce", "quorum elect", "quorum->B1 elected", "B0->B1 replicate", "B1->B0 replicate response", "quorum->B0 elected", "A await", "B1->B0 replicate", "B0->B1 replicate response"},
			answers: []model.Error{model.ErrNotLeaderOrFollower}},
		{name: "deposed when the replica has it", sends: []sim.Message{produces(false)}, elections: []string{"B1"},
			steps:   []string{"A ask", "A->B0 Produce", "B0->B1 replicate", "quorum elect", "quorum->B1 elected", "B1->B0 replicate", "quorum->B0 elected", "A await", "B0->B1 replicate response", "B1->B0 replicate response"},
			answers: []model.Error{model.ErrNotLeaderOrFollower}, ends: [2]model.Offset{1, 1}, high: [2]model.Offset{0, 1}},
		{name: "a marker of who was deposed", sends: []sim.Message{marks}, elections: []string{"B1"},
			steps: []string{"A ask", "A->B0 WriteTxnMarkers", "quorum elect", "quorum->B0 elected", "A await"}, answers: []model.Error{model.ErrNotLeaderOrFollower}, ends: [2]model.Offset{1, 0}},
		{name: "of a follower", sends: []sim.Message{produces(true), marks}, elections: []string{"B1"},
			steps:   []string{"quorum elect", "quorum->B0 elected", "A ask", "A ask", "A->B0 Produce", "A->B0 WriteTxnMarkers", "A await", "A await"},
			answers: []model.Error{model.ErrNotLeaderOrFollower, model.ErrNotLeaderOrFollower}},
	} {
		t.Run(test.name, func(t *testing.T) {
			brokers, a := replicated(t, test.sends, test.elections, test.steps...)
			if !slices.Equal(a.answers, test.answers) {
				t.Errorf("answers are %v, want %v", a.answers, test.answers)
			}
			for i, b := range brokers {
				l := b.hosted(0)
				if l.logEndOffset() != test.ends[i] || l.highWatermark != test.high[i] {
					t.Errorf("B%d: the log ends at %d, and %d are below the high watermark; want %d, %d", i, l.logEndOffset(), l.highWatermark, test.ends[i], test.high[i])
				}
			}
		})
	}
	brokers, _ := replicated(t, []sim.Message{produces(false)}, []string{"B1"}, "A ask", "A->B0 Produce", "B0->B1 replicate", "quorum elect", "quorum->B1 elected")
	again := data(0, 0, 1)
	if at, err := brokers[1].log(0).append(&again, noGuard); at != 0 || err != model.None {
		t.Errorf("the next leader takes the batch again: %v at %d, want NONE at 0", err, at)
	}
}
