// Package rebalancecommit is the application between poll and commit: which patterns
// lose, repeat, reorder or take back what a rebalance moves, over franz-go, Sarama
// and kafka-go.
package rebalancecommit

import (
	"slices"

	"racelab/model/rebalance"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct {
	Client  client
	Event   event
	Records int
}

// client is a client library and the protocol of its group.
type client uint8

const (
	franzGoEager client = iota
	franzGoCooperative
	franzGo848
	saramaEager
	saramaCooperative
	kafkaGo
)

var clientWords = scenario.Words{"franz-go-eager", "franz-go-coop", "franz-go-848", "sarama-eager", "sarama-coop", "kafka-go"}

// of is the release, and its protocol.
func (c client) of() (rebalance.Client, rebalance.Protocol) {
	switch c {
	case franzGoCooperative:
		return rebalance.FranzGo1223, rebalance.Cooperative
	case franzGo848:
		return rebalance.FranzGo1223, rebalance.Consumer
	case saramaEager:
		return rebalance.Sarama1611, rebalance.Eager
	case saramaCooperative:
		return rebalance.Sarama1611, rebalance.Cooperative
	case kafkaGo:
		return rebalance.KafkaGo0451, rebalance.Eager
	}
	return rebalance.FranzGo1223, rebalance.Eager
}

// event is what happens to A besides that B joins.
type event uint8

const (
	join event = iota
	lapse
	crash
	closes
)

var eventWords = scenario.Words{"join", "lapse", "crash", "close"}

func (p *Params) flags(f *scenario.Flags) {
	scenario.Choice(f, &p.Client, "client", clientWords, "the client and its protocol")
	scenario.Choice(f, &p.Event, "event", eventWords, "what comes besides B, at any moment: nothing, the coordinator gives a member up, A crashes, A calls Close")
	f.Int(&p.Records, "records", 2, 1, 3, "records of each of the two partitions")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

// settings are each client while B joins, and an eager one of each library with the
// other events. Where the coordinator
// may give a member up (event=lapse) there are too many states for a table.
var settings = func() []*setting {
	var list []*setting
	for e, what := range eventWords {
		for c, who := range clientWords {
			if _, protocol := client(c).of(); event(e) == lapse || event(e) != join && protocol != rebalance.Eager {
				continue
			}
			list = append(list, &setting{Name: who + "-" + what, Set: func(p *Params) {
				p.Client, p.Event = client(c), event(e)
				if p.Event == crash {
					p.Records = 1 // There are many more states.
				}
			}})
		}
	}
	return list
}()

// in lists settings by their names.
func in(names ...string) []*setting {
	var list []*setting
	for _, name := range names {
		i := slices.IndexFunc(settings, func(s *setting) bool { return s.Name == name })
		if i < 0 {
			panic("rebalancecommit: there is no setting " + name)
		}
		list = append(list, settings[i])
	}
	return list
}

// except lists all settings but some.
func except(names ...string) []*setting {
	keep := in(names...)
	return slices.DeleteFunc(slices.Clone(settings), func(s *setting) bool { return slices.Contains(keep, s) })
}

// counts are numbers of states by the names of settings.
func counts(states map[string]int) map[*setting]int {
	list := map[*setting]int{}
	for _, s := range settings {
		if n, ok := states[s.Name]; ok {
			list[s] = n
		}
	}
	return list
}

func spares(p Params) bool { return p.Event == join || p.Event == closes }

var (
	ownersCommit = &claim{Name: rebalance.OwnersCommit, Says: "no commit is accepted for a partition that another member has"}
	neverRewinds = &claim{Name: rebalance.NeverRewinds, Says: "the committed offset of a partition never goes back"}
	noneLost     = &claim{Name: rebalance.NoRecordLost, Says: "what is committed has been processed by somebody"}
	noneTwice    = &claim{Name: rebalance.NoRecordTwice, If: spares,
		Says: "a record is processed once, where nobody is given up (at least once is all that Kafka promises elsewhere)"}
	orderKept  = &claim{Name: rebalance.OrderKept, Says: "no record is processed for the first time after a later one of its partition"}
	progresses = &claim{Name: rebalance.PartitionsProgress, Says: "once the group is at rest, each record has been processed"}
	closeEnds  = &claim{Name: rebalance.CloseEnds, If: func(p Params) bool { return p.Event == closes }, Says: "Close returns"}
)

// app is a variant by the name of its pattern.
func app(pattern string) rebalance.Application { return rebalance.ApplicationOf(pattern) }

// symptoms are how a user meets the race.
var symptoms = []scenario.Symptom{
	{
		Seen: []scenario.Seen{
			{Text: "messages are lost at a rebalance: they were marked or committed, and never processed"},
			{Text: "each rebalance of the consumer drops the rest of a batch"},
			{Text: "records are skipped after a consumer crash, although every record is committed after it was handed over"},
		},
		Cause:   "What was marked or committed had not been processed yet.",
		Also:    "all: it is in the application, or in a wrapper",
		Do:      "Mark a record after its work, and never one that was dropped.",
		Command: scenario.Command("explore", "rebalance-commit/mark-and-drop"),
	},
	{
		Seen: []scenario.Seen{
			{Text: "the committed offset goes back after a rebalance, and the commit got no error"},
			{Text: "commits for a partition that another consumer of the group owns"},
			{Text: "duplicate messages after each rebalance"},
		},
		Cause: "A member goes on with records of a partition that it has lost, and commits them as what it is by now.",
		Also: "franz-go's CommitRecords and kafka-go's CommitMessages, in all releases read; not Sarama, whose session commits " +
			"under its own generation",
		Do:      "In revoke, wait for the records in work, commit them, and drop what comes later. MarkCommitRecords of franz-go 1.22.3 drops what is lost.",
		Command: scenario.Command("show", "rebalance-commit"),
	},
}

// Scenario is the race. A variant is an application.
var Scenario = scenario.Scenario[Params, rebalance.Application]{
	Name:  "rebalance-commit",
	Title: "A rebalance comes between an application's poll and its commit",
	Stake: "A works on records of a partition when B joins, when the coordinator gives A up, when A crashes, or when it calls Close. " +
		"Whether records are lost, repeated or reordered, and whether A's late commits take back those of B, depends on what the " +
		"application does between poll and commit, and on rules of its client: when it says that partitions are revoked, what it " +
		"commits by itself, and which generation a commit carries.",
	Do: "Drain: a queue and one worker a partition, marks after the work; in revoke wait until the queue is empty, then commit. " +
		"franz-go needs BlockRebalanceOnPoll and OnPartitionsRevoked for it, Sarama a ConsumeClaim that returns when its queue is done. " +
		"A kafka-go Reader has no callback: take a ConsumerGroup there, and Generation.Start. Code to take for all three: examples/drain.",
	Group:    scenario.Application,
	Symptoms: symptoms,
	Sources: []string{
		"franz-go 1.22.2 and 1.22.3, Sarama 1.43.2, 1.48.0 and 1.61.1, kafka-go 0.4.51: measured against kfake in 601 cells, model/rebalance/measured.csv",
		"groupConsumer.revoke, manageFailWait, loopCommit (franz-go); consumerGroupSession.release, reconcileAssignment (Sarama); Reader.commitLoop, Generation (kafka-go)",
		"OpenTelemetry collector #50753; redpanda connect #4477; kafka-go #1308, #1330, #1398",
	},
	Code: []string{
		"model/rebalance/system.go", "model/rebalance/config.go", "model/rebalance/coordinator.go", "model/rebalance/member.go",
		"model/rebalance/franzgo.go", "model/rebalance/sarama.go", "model/rebalance/kafkago.go", "model/rebalance/facts.go", "model/rebalance/measured.go",
	},
	Flags: (*Params).flags, Settings: settings,
	Claims:     []*claim{ownersCommit, neverRewinds, noneLost, noneTwice, orderKept, progresses, closeEnds},
	Variants:   variants,
	Chapters:   []scenario.Chapter{{Title: "Application by client", Lines: table}},
	Statements: statements,
	Schedule: `
		begin send begin; begin->group begin
		group.B.start fires; group.A.start fires; group.B.heartbeat fires; group.B.work0 fires`,
	Story: `
		group.B.start fires before group.A.start fires
		group.B.heartbeat fires before group.B.work0 fires`,
	Build: build,
}

var statements = []scenario.Statement{
	{
		ID:       "B1",
		Says:     "The coordinator refuses the commit of a member that has lost the partition.",
		Verdict:  scenario.False,
		Evidence: "It asks for the member and its generation, and not for the partition. franz-go's CommitRecords and kafka-go's CommitMessages carry those of the moment: accepted.",
		Command:  "simrun explore rebalance-commit/commit-each",
	},
	{
		ID:       "B2",
		Says:     "With OnPartitionsRevoked, the client no longer needs to commit.",
		Verdict:  scenario.PartlyTrue,
		When:     "franz-go leaves it to the callback, whatever that does",
		Evidence: "Any callback of one's own replaces the commit on revoke. One that waits and commits holds; one that drops the queue does not.",
		Command:  "simrun explore rebalance-commit/drop-queue",
	},
	{
		ID:       "B3",
		Says:     "A worker a partition keeps the order and loses nothing in a rebalance.",
		Verdict:  scenario.PartlyTrue,
		When:     "if revoke waits for it",
		Evidence: "drain holds in every state, over franz-go and Sarama. Without the wait, records come again.",
		Command:  "simrun explore rebalance-commit/drain",
	},
	{
		ID:       "B4",
		Says:     "Waiting for a second in revoke is enough.",
		Verdict:  scenario.False,
		Evidence: "The record that is in work then is processed again by the next owner.",
		Command:  "simrun explore rebalance-commit/drain-a-second",
	},
}

// build makes a group of two over a client.
func build(w *sim.World, application rebalance.Application, p Params) {
	library, protocol := p.Client.of()
	config := rebalance.Config{Client: library, Protocol: protocol, App: application.Over(library), Records: p.Records, Kafka: true}
	switch p.Event {
	case lapse:
		config.Lapses = 1
	case crash:
		config.Trigger = rebalance.CrashOfA
	case closes:
		config.Trigger = rebalance.CloseOfA
	}
	s := rebalance.NewSystem(config)
	s.Build(w)
	s.Watch(w)
}
