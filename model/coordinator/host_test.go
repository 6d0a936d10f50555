package coordinator_test

import (
	"testing"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/sim"
)

// asking is a task that sends requests, one after the other, and keeps what it
// is answered.
type asking struct {
	conn     *sim.Conn
	requests []sim.Message `sim:"config"`
	at       int
	answers  []string `sim:"config"`
}

func (a *asking) Run(t *sim.Task) {
	for a.at = 0; a.at < len(a.requests); a.at++ {
		t.Step("ask")
		a.conn.Send(t, a.requests[a.at])
		answer := a.conn.Receive(t.At("await"))
		a.answers = append(a.answers, sim.ContentsOf(answer))
	}
}

// Goal: the host refuses the commit that it is told to, and no other; what it
// refuses is not stored.
func TestHostRefusesOneCommit(t *testing.T) {
	commit := func(offset model.Offset) *model.OffsetCommitRequest {
		return &model.OffsetCommitRequest{Partitions: []model.PartitionOffset{{Partition: 0, Offset: offset}}}
	}
	fetch := &model.OffsetFetchRequest{Partitions: []model.Partition{0}}
	w := sim.NewWorld()
	w.AddNode("coordinator", coordinator.NewHost(coordinator.NewGroup(10), 2, 1, model.ErrNotCoordinator))
	a := &asking{requests: []sim.Message{&model.FindCoordinatorRequest{}, commit(11), commit(12), fetch, commit(13), fetch}}
	a.conn = w.Dial("client", "coordinator")
	w.GoProgram("client", a)
	defer w.Close()
	if ending, err := sim.Run(w, sim.NewWalk(0)); err != nil || ending != sim.Finished {
		t.Fatalf("the run ended by %q, %v", ending, err)
	}
	want := []string{"NONE", "NONE", "NOT_COORDINATOR", "{P0: 11}", "NONE", "{P0: 13}"}
	for i := range want {
		if a.answers[i] != want[i] {
			t.Errorf("%s %s: %s, want %s", sim.NameOf(a.requests[i]), a.requests[i], a.answers[i], want[i])
		}
	}
}
