package properties_test

import (
	"fmt"
	"testing"

	"racelab/model"
	"racelab/properties"
	"racelab/sim"
)

// syncGroup and those below make what an oracle of a group sees.
func syncGroup(to string, partitions ...model.Partition) sim.Act {
	return sim.Act{Action: sim.Answered, Actor: "coordinator", Peer: to,
		Request: &model.SyncGroupRequest{}, Message: &model.SyncGroupResponse{Assignment: partitions}}
}

func groupHeartbeat(to string, partitions ...model.Partition) sim.Act {
	return sim.Act{Action: sim.Answered, Actor: "coordinator", Peer: to,
		Request: &model.ConsumerGroupHeartbeatRequest{}, Message: &model.ConsumerGroupHeartbeatResponse{Assignment: partitions}}
}

func committed(by string, code model.Error, partition model.Partition, offset model.Offset) sim.Act {
	o := commit(sim.Answered, code, model.PartitionOffset{Partition: partition, Offset: offset})
	o.Peer = by
	return o
}

func refused(who string, code model.Error) sim.Act {
	return sim.Act{Action: sim.Received, Actor: who, Peer: "coordinator",
		Message: &model.OffsetCommitResponse{Partitions: []model.PartitionError{{Partition: 0, Error: code}}}}
}

func returned(who string, code model.Error) sim.Act {
	return sim.Act{Action: sim.Returned, Actor: who, Message: &model.Committed{Error: code}}
}

func process(who string, partition model.Partition, offset model.Offset) sim.Act {
	return sim.Act{Action: sim.Called, Actor: who, Message: &model.Processed{Partition: partition, Offset: offset}}
}

func sent(who string) sim.Act {
	return sim.Act{Action: sim.Sent, Actor: who, Peer: "coordinator", Message: &model.HeartbeatRequest{}}
}

// Goal: each oracle refuses what it should, and nothing else.
func TestGroupOracles(t *testing.T) {
	const stale = model.ErrStaleMemberEpoch
	owner := func() *sim.Property { return properties.FormerOwnerTakesNothingBack("A", "B") }
	skipped := func() *sim.Property { return properties.NoMessageIsSkipped(10, 20) }
	twice := func() *sim.Property { return properties.NoMessageIsProcessedTwice(10, 20) }
	reported := func() *sim.Property { return properties.RefusedCommitIsReported("A", "B") }
	for _, test := range []struct {
		name   string
		oracle func() *sim.Property
		acts   []sim.Act
		tested bool // by any act
		want   string
	}{
		{"the owner commits", owner, []sim.Act{syncGroup("A", 0), committed("A", model.None, 0, 11)}, false, "<nil>"},
		{"the owner goes back", owner, []sim.Act{syncGroup("A", 0), committed("A", model.None, 0, 12), committed("A", model.None, 0, 11)}, false, "<nil>"},
		{"a former owner goes back", owner, []sim.Act{syncGroup("A", 0), syncGroup("B", 0), committed("B", model.None, 0, 12), committed("A", model.None, 0, 11)}, true,
			"A took the committed offset of P0 back from 12 to 11, which is B's"},
		{"a former owner of a KIP-848 group goes back", owner,
			[]sim.Act{groupHeartbeat("A", 0), groupHeartbeat("B", 0), committed("B", model.None, 0, 12), committed("A", model.None, 0, 11)}, true,
			"A took the committed offset of P0 back from 12 to 11, which is B's"},
		{"a former owner is refused", owner, []sim.Act{syncGroup("A", 0), syncGroup("B", 0), committed("B", model.None, 0, 12), committed("A", stale, 0, 11)}, true, "<nil>"},
		{"a former owner goes forward", owner, []sim.Act{syncGroup("A", 0), syncGroup("B", 0), committed("A", model.None, 0, 11)}, true, "<nil>"},
		{"it is the owner again", owner, []sim.Act{syncGroup("A", 0), syncGroup("B", 0), committed("B", model.None, 0, 12), syncGroup("A", 0), committed("A", model.None, 0, 11)}, false, "<nil>"},
		{"another partition", owner, []sim.Act{syncGroup("A", 0), syncGroup("B", 1), committed("B", model.None, 1, 12), committed("A", model.None, 0, 11)}, false, "<nil>"},

		{"processed, then committed", skipped, []sim.Act{process("A", 0, 10), committed("A", model.None, 0, 11)}, true, "<nil>"},
		{"processed by another", skipped, []sim.Act{process("A", 0, 10), committed("B", model.None, 0, 11)}, true, "<nil>"},
		{"committed where it stands", skipped, []sim.Act{committed("A", model.None, 1, 20)}, true, "<nil>"},
		{"committed, not processed", skipped, []sim.Act{process("A", 0, 10), committed("A", model.None, 0, 12)}, true,
			"A committed offset 12 of P0, and nobody has processed message 11"},
		{"one left out", skipped, []sim.Act{process("A", 0, 11), committed("A", model.None, 0, 12)}, true,
			"A committed offset 12 of P0, and nobody has processed message 10"},
		{"refused", skipped, []sim.Act{committed("A", stale, 0, 12)}, false, "<nil>"},

		{"each once", twice, []sim.Act{process("A", 0, 10), process("B", 0, 11), process("B", 1, 20)}, true, "<nil>"},
		{"three times", twice, []sim.Act{process("A", 0, 10), process("B", 0, 10), process("B", 0, 10)}, true,
			"B processed message 10 of P0, which makes 3 times"},

		{"refused and told", reported, []sim.Act{refused("A", stale), returned("A", stale), sent("A")}, true, "<nil>"},
		{"accepted", reported, []sim.Act{refused("A", model.None), returned("A", model.None), sent("A")}, false, "<nil>"},
		{"refused, and told that it was not", reported, []sim.Act{refused("A", stale), returned("A", model.None)}, true,
			"the commit of A came back with NONE, and the coordinator said STALE_MEMBER_EPOCH"},
		{"refused, and goes on", reported, []sim.Act{refused("A", stale), sent("A")}, true,
			"the commit of A was refused with STALE_MEMBER_EPOCH, and its application went on without being told"},
		{"refused, and another goes on", reported, []sim.Act{refused("A", stale), sent("B"), returned("A", stale)}, true, "<nil>"},
	} {
		oracle := test.oracle()
		tested, err := false, error(nil)
		for _, act := range test.acts {
			if seen, put, broke := oracle.Judge(act); seen {
				tested, err = tested || put, broke
			}
		}
		if tested != test.tested || fmt.Sprint(err) != test.want {
			t.Errorf("%s: tested %v, %v; want %v, %s", test.name, tested, err, test.tested, test.want)
		}
	}
}

func TestFormerOwnerErrorSaysWhatItMeans(t *testing.T) {
	err := &properties.FormerOwnerError{RewindError: properties.RewindError{Partition: 0, Was: 14, Is: 11}, By: "A", Owner: "B"}
	want := "A had lost P0, and nothing in its commit told the coordinator so. B has processed up to 13 and does not know of it: whoever owns P0 next reads on from 11."
	if got := err.Meaning(); got != want {
		t.Errorf("Meaning() = %s, want %s", got, want)
	}
}
