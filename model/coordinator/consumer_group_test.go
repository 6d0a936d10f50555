package coordinator_test

import (
	"fmt"
	"testing"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/sim"
)

func beat(member model.MemberID, epoch model.MemberEpoch, owned ...model.Partition) *model.ConsumerGroupHeartbeatRequest {
	return &model.ConsumerGroupHeartbeatRequest{MemberID: member, MemberEpoch: epoch, Owned: owned}
}

// consumerGroup is a KIP-848 group of m1 and m2 with two partitions. m1 has had
// P0 and P1 since epoch 1 and is in epoch 3, since m2 has come and gone; now m2
// is back, in epoch 4, and m1 has been told to revoke P1 and has not done so.
func consumerGroup(t *testing.T, v coordinator.Validation) *bench {
	t.Helper()
	b := closing(t, newBench(t, coordinator.NewConsumerGroup(v, 2, 10, 20), "A", "B", "simple"))
	b.ask("A", beat(1, 0))
	b.ask("B", beat(2, 0))
	b.ask("B", beat(2, model.LeaveGroupEpoch))
	b.ask("A", beat(1, 1, 0, 1))
	b.ask("B", beat(2, 0))
	if got := fmt.Sprint(b.ask("A", beat(1, 3, 0, 1))); got != "@3 [P0]" {
		t.Fatalf("ConsumerGroupHeartbeat of m1, which has to revoke P1: %s, want @3 [P0]", got)
	}
	return b
}

// Goal: an OffsetCommit to a KIP-848 group is judged as Kafka does. Method: a row
// each, for Kafka 4.0 to 4.2 and, where it differs, for 4.3.
func TestOffsetCommitToConsumerGroup(t *testing.T) {
	const exact, kip1251 = coordinator.Validated, coordinator.ByAssignmentEpoch
	for _, test := range []struct {
		row        string
		validation coordinator.Validation
		as         model.ConsumerGroupMetadata
		partition  model.Partition
		want       model.Error
	}{
		{"no member, no epoch, and the group is not empty", exact, as(0, 0, 0), 0, model.ErrUnknownMemberID},
		{"member unknown", exact, as(9, 0, 3), 0, model.ErrUnknownMemberID},
		{"member unknown, KIP-1251", kip1251, as(9, 0, 3), 0, model.ErrUnknownMemberID},
		{"its epoch", exact, as(1, 0, 3), 0, model.None},
		{"its epoch, a partition that it is to revoke", exact, as(1, 0, 3), 1, model.None},
		{"its epoch, a partition that it does not own (claim M2)", exact, as(2, 0, 4), 0, model.None},
		{"its epoch, a partition that it does not own, KIP-1251", kip1251, as(2, 0, 4), 0, model.None},
		{"epoch newer", exact, as(1, 0, 4), 0, model.ErrStaleMemberEpoch},
		{"epoch newer, KIP-1251", kip1251, as(1, 0, 4), 0, model.ErrStaleMemberEpoch},
		{"epoch older", exact, as(1, 0, 1), 0, model.ErrStaleMemberEpoch},
		{"epoch older, and the partition its own since then, KIP-1251", kip1251, as(1, 0, 1), 0, model.None},
		{"epoch older, and the partition to be revoked, KIP-1251", kip1251, as(1, 0, 1), 1, model.None},
		{"epoch older than the assignment, KIP-1251", kip1251, as(1, 0, 0), 0, model.ErrStaleMemberEpoch},
		{"epoch older, not its partition, KIP-1251", kip1251, as(2, 0, 3), 0, model.ErrStaleMemberEpoch},
	} {
		t.Run(test.row, func(t *testing.T) {
			b := consumerGroup(t, test.validation)
			before := b.fetch("simple", test.partition)
			if got := b.commit("simple", test.as, test.partition, 99); got != test.want {
				t.Errorf("OffsetCommit by %v: %v, want %v", test.as, got, test.want)
			}
			want := before
			if test.want == model.None {
				want = 99
			}
			if got := b.fetch("simple", test.partition); got != want {
				t.Errorf("OffsetCommit by %v: %d is committed, want %d", test.as, got, want)
			}
		})
	}
	t.Run("one stale partition refuses the request", func(t *testing.T) {
		b := closing(t, newBench(t, coordinator.NewConsumerGroup(kip1251, 2, 10, 20), "A", "B"))
		b.ask("A", beat(1, 0))
		b.ask("B", beat(2, 0))
		b.ask("A", beat(1, 1, 0, 1))
		b.ask("A", beat(1, 1, 0))
		answer := b.ask("A", &model.OffsetCommitRequest{ConsumerGroupMetadata: as(1, 0, 1),
			Partitions: []model.PartitionOffset{{Partition: 0, Offset: 99}, {Partition: 1, Offset: 99}}})
		if sim.ContentsOf(answer) != "STALE_MEMBER_EPOCH" || b.fetch("A", 0) != 10 {
			t.Errorf("OffsetCommit of P0, which is m1's, and P1, which is not: %v, and P0 is at %d; want STALE_MEMBER_EPOCH and 10", answer, b.fetch("A", 0))
		}
	})
	t.Run("no epoch, and the group is empty", func(t *testing.T) {
		b := closing(t, newBench(t, coordinator.NewConsumerGroup(exact, 2, 10), "simple"))
		if got := b.commit("simple", as(0, 0, 0), 0, 99); got != model.None {
			t.Errorf("OffsetCommit: %v, want NONE", got)
		}
	})
}

// Goal: a partition goes to its next owner when the one before has revoked it,
// and not earlier. Method: heartbeats in their order, with the answer of each.
func TestConsumerGroupHeartbeat(t *testing.T) {
	b := closing(t, newBench(t, coordinator.NewConsumerGroup(coordinator.Validated, 2, 10, 20), "A", "B"))
	for i, test := range []struct {
		from    string
		request *model.ConsumerGroupHeartbeatRequest
		want    string
	}{
		{"A", beat(1, 1), "UNKNOWN_MEMBER_ID"},
		{"A", beat(1, 0), "@1 [P0 P1]"},
		{"B", beat(2, 0), "@2 []"},
		{"B", beat(3, 0), "GROUP_MAX_SIZE_REACHED"},
		{"A", beat(1, 1, 0, 1), "@1 [P0]"}, // It is to revoke P1, and keeps its epoch until then.
		{"B", beat(2, 2), "@2 []"},         // P1 is not released yet.
		{"A", beat(1, 1, 0, 1), "@1 [P0]"},
		{"A", beat(1, 1, 0), "@2 [P0]"},
		{"B", beat(2, 2), "@2 [P1]"},
		{"A", beat(1, 1, 0), "@2 [P0]"}, // The answer that named epoch 2 was lost.
		{"A", beat(1, 1, 0, 1), "FENCED_MEMBER_EPOCH"},
		{"A", beat(1, 3, 0), "FENCED_MEMBER_EPOCH"},
		{"B", beat(2, model.LeaveGroupEpoch), "@-1 []"},
		{"A", beat(1, 2, 0), "@3 [P0 P1]"},
	} {
		if got := fmt.Sprint(b.ask(test.from, test.request)); got != test.want {
			t.Errorf("heartbeat %d, %v: %s, want %s", i+1, test.request, got, test.want)
		}
	}
	b.expire("session1")
	if got := fmt.Sprint(b.ask("A", beat(1, 3, 0, 1))); got != "UNKNOWN_MEMBER_ID" {
		t.Errorf("heartbeat after the session has ended: %s, want UNKNOWN_MEMBER_ID", got)
	}
}

// Goal: OffsetFetch answers a member of this epoch, and who is none.
func TestOffsetFetchOfConsumerGroup(t *testing.T) {
	b := consumerGroup(t, coordinator.Validated)
	for _, test := range []struct {
		as   model.ConsumerGroupMetadata
		want string
	}{
		{as(0, 0, 0), "{P0: 10}"}, {as(1, 0, 3), "{P0: 10}"},
		{as(1, 0, 2), "STALE_MEMBER_EPOCH"}, {as(9, 0, 3), "UNKNOWN_MEMBER_ID"},
	} {
		answer := b.ask("simple", &model.OffsetFetchRequest{ConsumerGroupMetadata: test.as, Partitions: []model.Partition{0}})
		if sim.ContentsOf(answer) != test.want {
			t.Errorf("OffsetFetch by %v: %v, want %s", test.as, answer, test.want)
		}
	}
}
