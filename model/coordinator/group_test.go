package coordinator_test

import (
	"fmt"
	"testing"
	"time"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/sim"
)

func join(member model.MemberID, instance model.GroupInstanceID) *model.JoinGroupRequest {
	return joinFor(45*time.Second, member, instance)
}

func joinFor(session time.Duration, member model.MemberID, instance model.GroupInstanceID) *model.JoinGroupRequest {
	return &model.JoinGroupRequest{MemberID: member, GroupInstanceID: instance, SessionTimeout: session, RebalanceTimeout: 5 * time.Minute}
}

func syncOf(who model.ConsumerGroupMetadata, assignments ...model.MemberAssignment) *model.SyncGroupRequest {
	return &model.SyncGroupRequest{ConsumerGroupMetadata: who, Assignments: assignments}
}

func gets(id model.MemberID, partitions ...model.Partition) model.MemberAssignment {
	return model.MemberAssignment{MemberID: id, Partitions: partitions}
}

// groupIn brings a group with offset 10 of P0 into a state. In Stable it has the
// members m1, which leads and owns P0, and m2, which is instance i1, in
// generation 2. From there the others follow: C joins (PreparingRebalance), and
// all join again (CompletingRebalance, generation 3).
func groupIn(t *testing.T, state string) *bench {
	t.Helper()
	return groupOf(t, state, 45*time.Second)
}

// groupOf is groupIn of members with another session timeout.
func groupOf(t *testing.T, state string, session time.Duration) *bench {
	t.Helper()
	join := func(member model.MemberID, instance model.GroupInstanceID) sim.Message {
		return joinFor(session, member, instance)
	}
	committed := model.Offset(10)
	if state == "unknown" {
		committed = model.NoOffset
	}
	b := closing(t, newBench(t, coordinator.NewClassicGroup(coordinator.Validated, 3, committed), "A", "S", "C", "simple"))
	switch state {
	case "unknown", "Empty":
		return b
	case "Dead":
		b.ask("C", &model.DeleteGroupsRequest{})
		return b
	}
	b.ask("A", join(0, 0))
	b.ask("A", syncOf(as(1, 0, 1), gets(1, 0)))
	b.ask("S", join(0, 1))
	b.ask("A", join(1, 0))
	b.answer("S")
	b.ask("A", syncOf(as(1, 0, 2), gets(1, 0)))
	b.ask("S", syncOf(as(2, 1, 2)))
	if state == "Stable" {
		return b
	}
	b.ask("C", join(0, 0))
	if state == "PreparingRebalance" {
		return b
	}
	b.ask("A", join(1, 0))
	b.ask("S", join(2, 1))
	b.answer("A")
	b.answer("C")
	return b
}

// Goal: an OffsetCommit to a classic group is judged row by row as Kafka does,
// and the first row that fits decides. What is refused is not stored.
func TestOffsetCommit(t *testing.T) {
	for _, test := range []struct {
		row   string
		state string
		as    model.ConsumerGroupMetadata
		want  model.Error
	}{
		{"unknown group, with a generation", "unknown", as(1, 0, 1), model.ErrGroupIDNotFound},
		{"unknown group, no generation: a simple group is created", "unknown", as(0, 0, 0), model.None},
		{"Dead", "Dead", as(0, 0, 0), model.ErrCoordinatorNotAvailable},
		{"Dead, with a generation", "Dead", as(1, 0, 1), model.ErrCoordinatorNotAvailable},
		{"Empty, no generation", "Empty", as(0, 0, 0), model.None},
		{"Empty, no generation, a member", "Empty", as(7, 0, 0), model.None},
		{"Empty, with a generation", "Empty", as(1, 0, 1), model.ErrUnknownMemberID},
		{"instance id unknown", "Stable", as(1, 9, 2), model.ErrUnknownMemberID},
		{"instance id held by another member", "Stable", as(1, 1, 2), model.ErrFencedInstanceID},
		{"instance id held by another member, generation differs", "Stable", as(1, 1, 1), model.ErrFencedInstanceID},
		{"instance id held by another member, no generation", "Stable", as(1, 1, 0), model.ErrFencedInstanceID},
		{"member unknown", "Stable", as(9, 0, 2), model.ErrUnknownMemberID},
		{"member unknown, generation differs", "Stable", as(9, 0, 1), model.ErrUnknownMemberID},
		{"no member, with the generation", "Stable", as(0, 0, 2), model.ErrUnknownMemberID},
		{"generation older", "Stable", as(1, 0, 1), model.ErrIllegalGeneration},
		{"generation newer", "Stable", as(1, 0, 3), model.ErrIllegalGeneration},
		{"no generation, a member", "Stable", as(1, 0, 0), model.ErrIllegalGeneration},
		{"no member, no generation, Stable", "Stable", as(0, 0, 0), model.ErrUnknownMemberID},
		{"no member, no generation, PreparingRebalance", "PreparingRebalance", as(0, 0, 0), model.ErrUnknownMemberID},
		{"no member, no generation, CompletingRebalance", "CompletingRebalance", as(0, 0, 0), model.ErrUnknownMemberID},
		{"CompletingRebalance, this generation", "CompletingRebalance", as(1, 0, 3), model.ErrRebalanceInProgress},
		{"CompletingRebalance, the one before", "CompletingRebalance", as(1, 0, 2), model.ErrIllegalGeneration},
		{"PreparingRebalance, valid generation", "PreparingRebalance", as(1, 0, 2), model.None},
		{"PreparingRebalance, generation older", "PreparingRebalance", as(1, 0, 1), model.ErrIllegalGeneration},
		{"Stable, valid generation", "Stable", as(1, 0, 2), model.None},
		{"Stable, static member", "Stable", as(2, 1, 2), model.None},
		{"Stable, of a partition that another member owns", "Stable", as(2, 1, 2), model.None},
	} {
		t.Run(test.row, func(t *testing.T) {
			b := groupIn(t, test.state)
			before := b.fetch("simple", 0)
			if got := b.commit("simple", test.as, 0, 99); got != test.want {
				t.Errorf("OffsetCommit by %v in %s: %v, want %v", test.as, test.state, got, test.want)
			}
			want := before
			if test.want == model.None {
				want = 99
			}
			if got := b.fetch("simple", 0); got != want {
				t.Errorf("OffsetCommit by %v in %s: %d is committed, want %d", test.as, test.state, got, want)
			}
		})
	}
}

// Goal: the last write wins, also if it is the lower one; and OffsetCommit
// version 0 is stored whoever sends it.
func TestOffsetCommitIsNotMonotone(t *testing.T) {
	b := closing(t, newBench(t, coordinator.NewGroup(10), "simple"))
	for _, offset := range []model.Offset{12, 11, 3} {
		if got := b.commit("simple", as(0, 0, 0), 0, offset); got != model.None || b.fetch("simple", 0) != offset {
			t.Errorf("OffsetCommit of %d: %v, and %d is committed", offset, got, b.fetch("simple", 0))
		}
	}
	b = closing(t, newBench(t, coordinator.NewClassicGroup(coordinator.Unvalidated, 1, 10), "A", "simple"))
	b.ask("A", join(0, 0))
	if got := b.commit("simple", as(0, 0, 0), 0, 3); got != model.None || b.fetch("simple", 0) != 3 {
		t.Errorf("OffsetCommit version 0 to a group with a member: %v, and %d is committed, want NONE, 3", got, b.fetch("simple", 0))
	}
}

// Goal: what the states' comments say under Answers.
func TestGroupAnswers(t *testing.T) {
	const parked = "parked"
	heartbeat := func(who model.ConsumerGroupMetadata) sim.Message {
		return &model.HeartbeatRequest{ConsumerGroupMetadata: who}
	}
	for _, test := range []struct {
		state   string
		from    string
		request sim.Message
		want    string
	}{
		{"Empty", "A", join(0, 0), "m1@1 leads m1"},
		{"Empty", "A", join(1, 0), "UNKNOWN_MEMBER_ID"},
		{"Empty", "A", syncOf(as(1, 0, 1)), "UNKNOWN_MEMBER_ID"},
		{"Empty", "A", heartbeat(as(1, 0, 1)), "UNKNOWN_MEMBER_ID"},
		{"Empty", "A", &model.LeaveGroupRequest{MemberID: 1}, "UNKNOWN_MEMBER_ID"},
		{"Empty", "A", &model.DeleteGroupsRequest{}, parked},
		{"unknown", "A", &model.DeleteGroupsRequest{}, "GROUP_ID_NOT_FOUND"},

		{"PreparingRebalance", "A", join(1, 0), parked},
		{"PreparingRebalance", "A", join(9, 0), "UNKNOWN_MEMBER_ID"},
		{"PreparingRebalance", "A", join(1, 1), "FENCED_INSTANCE_ID"},
		{"PreparingRebalance", "simple", join(0, 0), "GROUP_MAX_SIZE_REACHED"},
		{"PreparingRebalance", "A", syncOf(as(1, 0, 2)), "REBALANCE_IN_PROGRESS"},
		{"PreparingRebalance", "A", heartbeat(as(1, 0, 2)), "REBALANCE_IN_PROGRESS"},
		{"PreparingRebalance", "A", heartbeat(as(1, 0, 1)), "ILLEGAL_GENERATION"},
		{"PreparingRebalance", "A", &model.LeaveGroupRequest{MemberID: 1}, "NONE"},
		{"PreparingRebalance", "A", &model.DeleteGroupsRequest{}, "NON_EMPTY_GROUP"},

		{"CompletingRebalance", "A", join(1, 0), "m1@3 leads m1, m2, m3"},
		{"CompletingRebalance", "C", join(3, 0), "m3@3"},
		{"CompletingRebalance", "C", syncOf(as(3, 0, 3)), parked},
		{"CompletingRebalance", "C", syncOf(as(3, 0, 2)), "ILLEGAL_GENERATION"},
		{"CompletingRebalance", "A", syncOf(as(1, 0, 3), gets(1), gets(3, 0)), "[]"},
		{"CompletingRebalance", "C", heartbeat(as(3, 0, 3)), "NONE"},
		{"CompletingRebalance", "C", &model.LeaveGroupRequest{MemberID: 3}, "NONE"},

		{"Stable", "S", join(2, 1), "m2@2"},
		{"Stable", "A", join(1, 0), parked},
		{"Stable", "C", join(0, 0), parked},
		{"Stable", "C", join(0, 1), "m3@2"},
		{"Stable", "A", syncOf(as(1, 0, 2)), "[P0]"},
		{"Stable", "S", syncOf(as(2, 1, 2)), "[]"},
		{"Stable", "A", heartbeat(as(1, 0, 2)), "NONE"},
		{"Stable", "A", heartbeat(as(1, 1, 2)), "FENCED_INSTANCE_ID"},
		{"Stable", "S", &model.LeaveGroupRequest{MemberID: 2, GroupInstanceID: 1}, "NONE"},
		{"Stable", "A", &model.LeaveGroupRequest{MemberID: 1, GroupInstanceID: 1}, "FENCED_INSTANCE_ID"},

		{"Dead", "A", join(0, 0), "COORDINATOR_NOT_AVAILABLE"},
		{"Dead", "A", syncOf(as(1, 0, 1)), "COORDINATOR_NOT_AVAILABLE"},
		{"Dead", "A", heartbeat(as(1, 0, 1)), "COORDINATOR_NOT_AVAILABLE"},
		{"Dead", "A", &model.LeaveGroupRequest{MemberID: 1}, "COORDINATOR_NOT_AVAILABLE"},
		{"Dead", "A", &model.DeleteGroupsRequest{}, "GROUP_ID_NOT_FOUND"},
		{"Dead", "A", &model.OffsetFetchRequest{Partitions: []model.Partition{0}}, "{P0: -1}"},
	} {
		b := groupIn(t, test.state)
		got := parked
		if answer := b.ask(test.from, test.request); answer != nil {
			got = sim.ContentsOf(answer)
		}
		if got != test.want {
			t.Errorf("%s %v in %s: %s, want %s", sim.NameOf(test.request), test.request, test.state, got, test.want)
		}
	}
}

// Goal: a group that was deleted is one that nobody knows.
func TestDeletedGroupIsUnknown(t *testing.T) {
	b := groupIn(t, "Dead")
	b.expire("tombstones")
	if got := fmt.Sprint(b.answer("C")); got != "NONE" {
		t.Errorf("DeleteGroups: %s, want NONE", got)
	}
	if got := b.commit("simple", as(1, 0, 1), 0, 99); got != model.ErrGroupIDNotFound {
		t.Errorf("OffsetCommit after it: %v, want GROUP_ID_NOT_FOUND", got)
	}
}

// Goal: a member that is silent, does not join again, or does not sync is
// removed, and the others go on without it. A static member that does not join
// again stays.
func TestTimeouts(t *testing.T) {
	t.Run("session", func(t *testing.T) {
		b := groupIn(t, "PreparingRebalance")
		b.expire("session1") // A's: now all who are left have joined, but S.
		if got := b.commit("simple", as(1, 0, 2), 0, 11); got != model.ErrUnknownMemberID {
			t.Errorf("OffsetCommit of A: %v, want UNKNOWN_MEMBER_ID", got)
		}
		b.ask("S", join(2, 1))
		if got := fmt.Sprint(b.answer("C")); got != "m3@3" {
			t.Errorf("JoinGroup of C: %s, want m3@3", got)
		}
	})
	for _, test := range []struct {
		name  string
		alive func(b *bench)
	}{
		{"session, after a heartbeat", func(b *bench) {
			b.ask("simple", &model.HeartbeatRequest{ConsumerGroupMetadata: as(2, 1, 3)})
		}},
		{"session, after a commit", func(b *bench) { b.commit("simple", as(2, 1, 3), 0, 11) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := groupIn(t, "Stable")
			b.ask("C", joinFor(time.Minute, 0, 0))
			b.ask("A", join(1, 0))
			b.ask("S", join(2, 1))
			b.answer("A")
			b.ask("A", syncOf(as(1, 0, 3)))
			b.expire("session1") // After 45 s. S's would end now too, and C's in 15 s.
			test.alive(b)
			if b.take("coordinator.session2 fires") {
				t.Error("the session of S ended before that of C")
			}
			b.expire("session3")
		})
	}
	t.Run("join", func(t *testing.T) {
		b := groupOf(t, "PreparingRebalance", time.Hour)
		b.expire("join")
		if got := fmt.Sprint(b.answer("C")); got != "m3@3 leads m2, m3" {
			t.Errorf("JoinGroup of C: %s, want m3@3 leads m2, m3", got)
		}
		if got := b.commit("simple", as(1, 0, 2), 0, 11); got != model.ErrUnknownMemberID {
			t.Errorf("OffsetCommit of A, which is dynamic: %v, want UNKNOWN_MEMBER_ID", got)
		}
		if got := b.commit("simple", as(2, 1, 2), 0, 11); got != model.ErrIllegalGeneration {
			t.Errorf("OffsetCommit of S, which is static: %v, want ILLEGAL_GENERATION", got)
		}
	})
	t.Run("join, and nobody has", func(t *testing.T) {
		b := groupOf(t, "Stable", time.Hour)
		b.ask("A", &model.LeaveGroupRequest{MemberID: 1}) // S alone is left, and would have to join again.
		b.expire("join")
		if got := b.commit("simple", as(2, 1, 2), 0, 11); got != model.None {
			t.Errorf("OffsetCommit of S, who is static: %v, want NONE: the rebalance waits on", got)
		}
		b.expire("join")
		b.ask("S", join(2, 1))
		if got := fmt.Sprint(b.clients["S"].answer); got != "m2@3 leads m2" {
			t.Errorf("JoinGroup of S: %s, want m2@3 leads m2", got)
		}
	})
	t.Run("sync", func(t *testing.T) {
		b := groupOf(t, "CompletingRebalance", time.Hour)
		b.ask("C", syncOf(as(3, 0, 3)))
		b.expire("sync")
		if got := fmt.Sprint(b.answer("C")); got != "REBALANCE_IN_PROGRESS" {
			t.Errorf("SyncGroup of C: %s, want REBALANCE_IN_PROGRESS", got)
		}
		if got := fmt.Sprint(b.ask("C", join(3, 0))); got != "m3@4 leads m3" {
			t.Errorf("JoinGroup of C, who alone is left: %s, want m3@4 leads m3", got)
		}
	})
}

// Goal: when a static member comes back, its former incarnation is fenced,
// wherever it waits, and it keeps what it owns without a rebalance.
func TestStaticMemberComesBack(t *testing.T) {
	b := groupIn(t, "Stable")
	if got := fmt.Sprint(b.ask("C", join(0, 1))); got != "m3@2" {
		t.Errorf("JoinGroup of the new incarnation: %s, want m3@2", got)
	}
	for _, test := range []struct {
		as   model.ConsumerGroupMetadata
		want model.Error
	}{{as(2, 1, 2), model.ErrFencedInstanceID}, {as(3, 1, 2), model.None}, {as(1, 0, 2), model.None}} {
		if got := b.commit("simple", test.as, 0, 11); got != test.want {
			t.Errorf("OffsetCommit by %v: %v, want %v", test.as, got, test.want)
		}
	}

	b = groupIn(t, "CompletingRebalance")
	b.ask("S", syncOf(as(2, 1, 3)))
	b.ask("simple", join(0, 1))
	if got := fmt.Sprint(b.answer("S")); got != "FENCED_INSTANCE_ID" {
		t.Errorf("SyncGroup of the former incarnation: %s, want FENCED_INSTANCE_ID", got)
	}
	if got := b.commit("C", as(3, 0, 3), 0, 11); got != model.None {
		t.Errorf("OffsetCommit by m3@3: %v, want NONE: the rebalance begins anew, and is being prepared", got)
	}
}
