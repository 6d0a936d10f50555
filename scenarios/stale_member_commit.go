package scenarios

import (
	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/group"
	"racelab/properties"
	"racelab/sim"
)

// staleMemberCommit is the late commit of a member that has lost its partition:
// which checks of the coordinator keep it out, and what a client must put into a
// commit for them to work.
var staleMemberCommit = Scenario{
	Name:     "stale-member-commit",
	Title:    "A member that has lost its partition commits late, and takes the next owner's offset back",
	Symptoms: staleMemberCommitSymptoms,
	Stake: "While A works on a message, a rebalance or the end of its session gives its partition to B, which processes on and commits. " +
		"Then A's commit arrives, which is older. " +
		"Kafka refuses it by what the commit says of its sender, and never by whose the partition is: a client that " +
		"puts into it what it is now, and not what it was when it polled the message, gets through.",
	Do:    "Commit with the generation or member epoch of the poll that returned the messages, not with the one of now.",
	Group: Protocol,
	Sources: []string{
		"ClassicGroup.validateOffsetCommit and ConsumerGroup.validateOffsetCommit of Kafka 4",
		"KIP-345 (static members), KIP-848 (member epochs), KIP-1251 (assignment epochs; Kafka 4.3)",
		"CommitFailedException and \"Detecting Consumer Failures\" in the documentation of KafkaConsumer",
	},
	Code: []string{
		"model/group/member.go", "model/group/member_classic.go", "model/group/member_consumer.go",
		"model/coordinator/group.go", "model/coordinator/membership.go", "model/coordinator/consumer_group.go",
		"model/coordinator/offsets.go", "properties/group.go",
	},
	Parameters: []Parameter{
		{Name: "partitions", Help: "partitions of the topic", Default: "1", Takes: Numbers{1, 2}},
		{Name: "polls", Help: "polls of B, of a message each; A, which is slow, polls one", Default: "2", Takes: Numbers{1, 3}},
		{Name: "joins", Help: "how often A joins before its application gives up; B joins once", Default: "2", Takes: Numbers{1, 3}},
	},
	Variants: []Variant{
		{"unfixed", "OffsetCommit version 0 (Kafka 0.8.2 to 3.x, offsets in ZooKeeper)", "stores whatever comes; the commit says nothing of its sender"},
		{"generation-check", "Kafka since 0.9, with Sarama: a session commits by its own offset manager", "checks member and generation; the commit carries those under which the message was polled"},
		{"generation-now", "Kafka since 0.9, with Java's commitSync(offsets)", "checks member and generation; the commit carries those that the member has by now"},
		{"auto-commit", "Kafka since 0.9, with enable.auto.commit", "as generation-now, and poll commits what it has handed out, processed or not"},
		{"static-member", "Kafka since 2.3 (KIP-345)", "as generation-check; both have the same group.instance.id, as A and the process that was started in its place"},
		{"kip-848", "Kafka 4.0 to 4.2, group.protocol=consumer", "checks member and member epoch; the commit carries those under which the message was polled"},
		{"kip-848-now", "Kafka 4.0 to 4.2, with Java's commitSync(offsets)", "checks member and member epoch; the commit carries those that the member has by now"},
		{"kip-1251", "Kafka 4.3 (KIP-1251)", "as kip-848, and accepts an older epoch from a member that has had the partition since"},
	},
	Worlds: []World{
		{Name: "1-join", Set: "joins=1"},
		{Name: "2-joins"},
	},
	Properties: []Claimed{
		{"former-owner-takes-nothing-back", "only the owner of a partition takes its committed offset back"},
		{"committed-offset-never-rewinds", "the offset that the coordinator holds for a partition never goes back"},
		{"no-message-is-skipped", "the committed offset never passes a message that nobody has processed"},
		{"no-message-is-processed-twice", "a message is processed once (Kafka promises at least once)"},
		{"refused-commit-is-reported", "an application hears of each of its commits that was refused"},
	},
	Breaks: []Expectation{
		{"unfixed", "former-owner-takes-nothing-back committed-offset-never-rewinds", "1-join 2-joins"},
		{"generation-now kip-848-now", "former-owner-takes-nothing-back committed-offset-never-rewinds", "2-joins"},
		{"auto-commit", "no-message-is-skipped refused-commit-is-reported", "1-join 2-joins"},
		// What was processed and not committed comes again, whatever is checked.
		{"unfixed generation-check generation-now auto-commit static-member kip-848 kip-848-now kip-1251",
			"no-message-is-processed-twice", "1-join 2-joins"},
	},
	Idle: []Expectation{
		// Nothing is refused.
		{"unfixed", "refused-commit-is-reported", "1-join 2-joins"},
		// A member is one thread, so nobody waits for a lock.
		{"unfixed generation-check generation-now auto-commit static-member kip-848 kip-848-now kip-1251",
			sim.NoDeadlock, "1-join 2-joins"},
	},
	Schedule: `
		A start; B start
		A->coordinator JoinGroup; A await JoinGroup; A->coordinator SyncGroup; A await SyncGroup
		A->coordinator OffsetFetch; A await OffsetFetch; A->coordinator Heartbeat
		B->coordinator JoinGroup
		coordinator.session1 fires
		A await Heartbeat; A process
		B await JoinGroup; B->coordinator SyncGroup; B await SyncGroup
		B->coordinator OffsetFetch; B await OffsetFetch; B process
		B->coordinator OffsetCommit; B await OffsetCommit
		B->coordinator Heartbeat; B await Heartbeat; B process#2
		B->coordinator OffsetCommit#2
		A->coordinator OffsetCommit`,
	Story: `
		A process before coordinator.session1 fires
		coordinator.session1 fires before B start
		B->coordinator OffsetCommit#2 before A->coordinator OffsetCommit
		A->coordinator OffsetCommit before coordinator.session1 fires#2`,
	Claims: []Claim{
		{
			ID:       "M1",
			Says:     "The coordinator checks the generation, so a member that has lost its partition cannot commit.",
			Verdict:  "only when the commit carries the generation under which the message was polled",
			Evidence: "What a member commits as what it is by now is accepted, once it has joined the next generation. With the generation of the poll no state takes anything back.",
			Command:  "simrun explore stale-member-commit --variant generation-now",
		},
		{
			ID:       "M2",
			Says:     "A coordinator that assigns the partitions itself (KIP-848) knows whose each is, and refuses the others.",
			Verdict:  Refuted,
			Evidence: "A member in the current epoch commits what it likes. Kafka 4.3 looks the partition up, and only for a commit that carries an older epoch.",
			Command:  "simrun explore stale-member-commit --variant kip-848-now",
		},
		{
			ID:      "M3",
			Says:    "While a group prepares a rebalance, commits of the generation that ends are accepted: the next owner may have read its offset before.",
			Verdict: Refuted,
			Evidence: "They are accepted, and come in time: the next owner learns of its partition by SyncGroup, reads the offset after that, " +
				"and by then the generation is another one. Nothing rewinds in any state.",
			Command: "simrun explore stale-member-commit --variant generation-check",
		},
		{
			ID:       "M4",
			Says:     "A static member that comes back causes no rebalance, so its former process has the right generation.",
			Verdict:  Confirmed,
			Evidence: "What refuses the former process is its member id, which the instance id no longer goes with: FENCED_INSTANCE_ID.",
			Command:  "simrun explore stale-member-commit --variant static-member",
		},
		{
			ID:       "M5",
			Says:     "With automatic commits there is no late commit: poll commits before it takes part in a rebalance.",
			Verdict:  "only at the price of messages that nobody processes",
			Evidence: "No offset goes back. But poll commits the position, which is past what the worker still works on, and of a refusal the application hears nothing.",
			Command:  "simrun explore stale-member-commit --variant auto-commit",
		},
		{
			ID:       "M6",
			Says:     "Refusing late commits ends the duplicates.",
			Verdict:  Refuted,
			Evidence: "It keeps the offset where it is. What a member has processed, and may no longer commit, is processed again, in every variant.",
			Command:  "simrun explore stale-member-commit --variant kip-1251",
		},
	},
	Build: buildStaleMemberCommit,
}

// buildStaleMemberCommit makes a group of two consumers. The first partition
// starts at offset 10 and has two messages, the next at 20, and so on.
func buildStaleMemberCommit(variant string, values Values) *sim.World {
	var start []model.Offset
	for p := range values.Int("partitions") {
		start = append(start, model.Offset(10*(p+1)))
	}
	config := group.MemberConfig{
		Committing: committing(variant), Messages: 2, Start: start,
		Polls: values.Int("polls"), Joins: values.Int("joins"),
	}
	w := sim.NewWorld()
	switch variant {
	case "kip-848", "kip-848-now":
		config.Protocol = group.Consumer
		w.AddNode("coordinator", coordinator.NewConsumerGroup(coordinator.Validated, 2, start...))
	case "kip-1251":
		config.Protocol = group.Consumer
		w.AddNode("coordinator", coordinator.NewConsumerGroup(coordinator.ByAssignmentEpoch, 2, start...))
	case "unfixed":
		w.AddNode("coordinator", coordinator.NewClassicGroup(coordinator.Unvalidated, 2, start...))
	case "static-member":
		config.GroupInstanceID = 1
		fallthrough
	default:
		w.AddNode("coordinator", coordinator.NewClassicGroup(coordinator.Validated, 2, start...))
	}
	a, b := config, config
	a.MemberID, b.MemberID = 1, 2
	a.Polls, a.Slow = 1, true
	b.Joins = 1
	w.Go("A", group.NewMember(w.Dial("A", "coordinator"), a))
	w.Go("B", group.NewMember(w.Dial("B", "coordinator"), b))
	w.Watch(properties.FormerOwnerTakesNothingBack("A", "B"))
	w.Watch(properties.CommittedOffsetNeverRewinds())
	w.Watch(properties.NoMessageIsSkipped(start...))
	w.Watch(properties.NoMessageIsProcessedTwice(start...))
	w.Watch(properties.RefusedCommitIsReported("A", "B"))
	return w
}

func committing(variant string) group.Committing {
	switch variant {
	case "unfixed":
		return group.CommitUnstamped
	case "generation-now", "kip-848-now":
		return group.CommitAsNow
	case "auto-commit":
		return group.AutoCommit
	default:
		return group.CommitAsPolled
	}
}
