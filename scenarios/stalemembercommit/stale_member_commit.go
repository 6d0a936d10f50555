// Package stalemembercommit is the late commit of a member that has lost its partition:
// which checks of the coordinator keep it out, and what a client must put into a commit
// for them to work.
package stalemembercommit

import (
	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/group"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct{ Partitions, Polls, Joins int }

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Partitions, "partitions", 1, 1, 2, "partitions of the topic")
	f.Int(&p.Polls, "polls", 2, 1, 3, "polls of B, of a message each; A, which is slow, polls one")
	f.Int(&p.Joins, "joins", 2, 1, 3, "how often A joins before its application gives up; B joins once")
}

// Protocol is what a variant is built from.
type Protocol struct {
	coordinator func(start ...model.Offset) sim.Node
	member      group.MemberConfig            // what makes it differ
	own         func(group.Steps) sim.Program // what A does in each round, or nil
}

// Own is the classic protocol, or that of KIP-848, with an application of A's own.
func Own(kip848 bool, consume func(group.Steps) sim.Program) Protocol {
	protocol := classic(coordinator.Validated, group.MemberConfig{Committing: group.CommitAsPolled})
	if kip848 {
		protocol = consumer(coordinator.Validated, group.CommitAsPolled)
	}
	protocol.own = consume
	return protocol
}

func classic(check coordinator.Validation, member group.MemberConfig) Protocol {
	return Protocol{
		coordinator: func(start ...model.Offset) sim.Node { return coordinator.NewClassicGroup(check, 2, start...) },
		member:      member,
	}
}

func consumer(check coordinator.Validation, committing group.Committing) Protocol {
	return Protocol{
		coordinator: func(start ...model.Offset) sim.Node { return coordinator.NewConsumerGroup(check, 2, start...) },
		member:      group.MemberConfig{Protocol: group.Consumer, Committing: committing},
	}
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
	counts  = map[*setting]int
)

var (
	oneJoin  = &setting{Name: "1-join", Set: func(p *Params) { p.Joins = 1 }}
	twoJoins = &setting{Name: "2-joins"}

	takesNothingBack = &claim{Name: "former-owner-takes-nothing-back", Says: "only the owner of a partition takes its committed offset back",
		Property: func(Params) *sim.Property { return properties.FormerOwnerTakesNothingBack("A", "B") }}
	neverRewinds = &claim{Name: "committed-offset-never-rewinds", Says: "the offset that the coordinator holds for a partition never goes back",
		Property: func(Params) *sim.Property { return properties.CommittedOffsetNeverRewinds() }}
	noneSkipped = &claim{Name: "no-message-is-skipped", Says: "the committed offset never passes a message that nobody has processed",
		Property: func(p Params) *sim.Property { return properties.NoMessageIsSkipped(p.start()...) }}
	processedOnce = &claim{Name: "no-message-is-processed-twice", Says: "a message is processed once (Kafka promises at least once)",
		Property: func(p Params) *sim.Property { return properties.NoMessageIsProcessedTwice(p.start()...) }}
	refusalReported = &claim{Name: "refused-commit-is-reported", Says: "an application hears of each of its commits that was refused",
		Property: func(Params) *sim.Property { return properties.RefusedCommitIsReported("A", "B") }}
)

// rejoined is what those break whose commit says what the member is by now.
var rejoined = expect{scenario.Breaks(takesNothingBack, neverRewinds).Where(twoJoins).
	Because("once it has joined again, its late commit carries what is valid by now")}

// symptoms are how a user meets the race. The texts of Sarama were read in 1.43.0 to
// 1.61.1, those of franz-go in 1.20.7 to 1.22.3, those of librdkafka in 1.3.0 to 2.15.1.
var symptoms = []scenario.Symptom{{
	Seen: []scenario.Seen{
		{By: "Sarama", Text: "kafka server: The provided generation id is not the current generation"},
		{By: "franz-go", Text: "ILLEGAL_GENERATION: Specified group generation id is not valid."},
		{By: "Sarama", Text: "kafka server: The provided member is not known in the current generation"},
		{By: "franz-go", Text: "UNKNOWN_MEMBER_ID: The coordinator is not aware of this member."},
		{By: "Java", Text: "CommitFailedException"},
		{By: "librdkafka", Text: "Broker: Specified group generation id is not valid"},
		{By: "librdkafka", Text: "Broker: Unknown member"},
		{Text: "an older offset after a rebalance, and no error at all"},
	},
	Cause:   "A member that has lost its partition commits late.",
	Also:    "depends on what the client puts into a commit",
	Do:      "Commit with the generation under which the message was polled.",
	Command: scenario.Command("show", "stale-member-commit"),
}}

// Scenario is the race. A variant is a protocol, its checks, and what a client puts
// into a commit.
var Scenario = scenario.Scenario[Params, Protocol]{
	Name:  "stale-member-commit",
	Title: "A member that has lost its partition commits late, and takes the next owner's offset back",
	Stake: "While A works on a message, a rebalance or the end of its session gives its partition to B, which processes on and commits. " +
		"Then A's commit arrives, which is older. " +
		"Kafka refuses it by what the commit says of its sender, and never by whose the partition is: a client that " +
		"puts into it what it is now, and not what it was when it polled the message, gets through.",
	Do:       "Commit with the generation or member epoch of the poll that returned the messages, not with the one of now.",
	Group:    scenario.Protocol,
	Symptoms: symptoms,
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
	Flags:    (*Params).flags,
	Settings: []*setting{oneJoin, twoJoins},
	Claims:   []*claim{takesNothingBack, neverRewinds, noneSkipped, processedOnce, refusalReported},
	Always: expect{
		scenario.Breaks(processedOnce).Because("what was processed and not committed comes again, whatever is checked"),
	},
	Variants: []scenario.Variant[Params, Protocol]{
		{Name: "unfixed", Is: classic(coordinator.Unvalidated, group.MemberConfig{Committing: group.CommitUnstamped}),
			Release: "OffsetCommit version 0 (Kafka 0.8.2 to 3.x, offsets in ZooKeeper)",
			Does:    "stores whatever comes; the commit says nothing of its sender",
			Expect: expect{
				scenario.Breaks(takesNothingBack, neverRewinds).Because("nothing is checked"),
				scenario.Vacuous(refusalReported).Because("nothing is refused"),
			},
			States: counts{oneJoin: 3432}},
		{Name: "generation-check", Is: classic(coordinator.Validated, group.MemberConfig{Committing: group.CommitAsPolled}),
			Release: "Kafka since 0.9, with Sarama: a session commits by its own offset manager",
			Does:    "checks member and generation; the commit carries those under which the message was polled",
			States:  counts{twoJoins: 16127}},
		{Name: "generation-now", Is: classic(coordinator.Validated, group.MemberConfig{Committing: group.CommitAsNow}),
			Release: "Kafka since 0.9, with Java's commitSync(offsets)",
			Does:    "checks member and generation; the commit carries those that the member has by now",
			Expect:  rejoined,
			States:  counts{oneJoin: 3210, twoJoins: 14686}},
		{Name: "auto-commit", Is: classic(coordinator.Validated, group.MemberConfig{Committing: group.AutoCommit}),
			Release: "Kafka since 0.9, with enable.auto.commit",
			Does:    "as generation-now, and poll commits what it has handed out, processed or not",
			Expect: expect{scenario.Breaks(noneSkipped, refusalReported).
				Because("poll commits the position, which is past what is still being processed, and tells nobody of a refusal")},
			States: counts{oneJoin: 3218}},
		{Name: "static-member", Is: classic(coordinator.Validated, group.MemberConfig{Committing: group.CommitAsPolled, GroupInstanceID: 1}),
			Release: "Kafka since 2.3 (KIP-345)",
			Does:    "as generation-check; both have the same group.instance.id, as A and the process that was started in its place",
			States:  counts{oneJoin: 4079}},
		{Name: "kip-848", Is: consumer(coordinator.Validated, group.CommitAsPolled),
			Release: "Kafka 4.0 to 4.2, group.protocol=consumer",
			Does:    "checks member and member epoch; the commit carries those under which the message was polled",
			States:  counts{twoJoins: 8232}},
		{Name: "kip-848-now", Is: consumer(coordinator.Validated, group.CommitAsNow),
			Release: "Kafka 4.0 to 4.2, with Java's commitSync(offsets)",
			Does:    "checks member and member epoch; the commit carries those that the member has by now",
			Expect:  rejoined,
			States:  counts{oneJoin: 2098, twoJoins: 7746}},
		{Name: "kip-1251", Is: consumer(coordinator.ByAssignmentEpoch, group.CommitAsPolled),
			Release: "Kafka 4.3 (KIP-1251)",
			Does:    "as kip-848, and accepts an older epoch from a member that has had the partition since",
			States:  counts{twoJoins: 8228}},
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
	Statements: []scenario.Statement{
		{
			ID:       "M1",
			Says:     "The coordinator checks the generation, so a member that has lost its partition cannot commit.",
			Verdict:  scenario.PartlyTrue,
			When:     "when the commit carries the generation under which the message was polled",
			Evidence: "What a member commits as what it is by now is accepted, once it has joined the next generation. With the generation of the poll no state takes anything back.",
			Command:  "simrun explore stale-member-commit/generation-now",
		},
		{
			ID:       "M2",
			Says:     "A coordinator that assigns the partitions itself (KIP-848) knows whose each is, and refuses the others.",
			Verdict:  scenario.False,
			Evidence: "A member in the current epoch commits what it likes. Kafka 4.3 looks the partition up, and only for a commit that carries an older epoch.",
			Command:  "simrun explore stale-member-commit/kip-848-now",
		},
		{
			ID:      "M3",
			Says:    "While a group prepares a rebalance, commits of the generation that ends are accepted: the next owner may have read its offset before.",
			Verdict: scenario.False,
			Evidence: "They are accepted, and come in time: the next owner learns of its partition by SyncGroup, reads the offset after that, " +
				"and by then the generation is another one. Nothing rewinds in any state.",
			Command: "simrun explore stale-member-commit/generation-check",
		},
		{
			ID:       "M4",
			Says:     "A static member that comes back causes no rebalance, so its former process has the right generation.",
			Verdict:  scenario.True,
			Evidence: "What refuses the former process is its member id, which the instance id no longer goes with: FENCED_INSTANCE_ID.",
			Command:  "simrun explore stale-member-commit/static-member",
		},
		{
			ID:       "M5",
			Says:     "With automatic commits there is no late commit: poll commits before it takes part in a rebalance.",
			Verdict:  scenario.PartlyTrue,
			When:     "at the price of messages that nobody processes",
			Evidence: "No offset goes back. But poll commits the position, which is past what the worker still works on, and of a refusal the application hears nothing.",
			Command:  "simrun explore stale-member-commit/auto-commit",
		},
		{
			ID:       "M6",
			Says:     "Refusing late commits ends the duplicates.",
			Verdict:  scenario.False,
			Evidence: "It keeps the offset where it is. What a member has processed, and may no longer commit, is processed again, in every variant.",
			Command:  "simrun explore stale-member-commit/kip-1251",
		},
	},
	Build: build,
}

// start are the offsets of the partitions at the start: 10, 20, and so on.
func (p Params) start() []model.Offset {
	var start []model.Offset
	for i := range p.Partitions {
		start = append(start, model.Offset(10*(i+1)))
	}
	return start
}

// build makes a group of two consumers. Each partition has two messages.
func build(w *sim.World, protocol Protocol, p Params) {
	w.AddNode("coordinator", protocol.coordinator(p.start()...))
	a := protocol.member
	a.Messages, a.Start = 2, p.start()
	b := a
	a.MemberID, a.Polls, a.Joins, a.Slow, a.Consume = 1, 1, p.Joins, true, protocol.own
	b.MemberID, b.Polls, b.Joins = 2, p.Polls, 1
	w.GoProgram("A", group.NewMember(w.Dial("A", "coordinator"), a))
	w.GoProgram("B", group.NewMember(w.Dial("B", "coordinator"), b))
}
