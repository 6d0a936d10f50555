package exercise

import (
	"racelab/model"
	"racelab/model/group"
	"racelab/properties"
	"racelab/scenarios/stalemembercommit"
	"racelab/sim"
)

// lateCommit is exercise 08: a rebalance comes while a message is processed.
func lateCommit() *Exercise {
	words := []word{
		{name: "poll", gives: number, does: "stays in the group, or joins it, and takes the next message: gives the offset to commit once it is processed; 0: there is none", waits: true},
		{name: "generation", gives: number, does: "the generation of the group in which this member is now; 0: in none. It changes in poll() and in work()"},
		{name: "work", does: "processes the message, and stays in the group meanwhile: a rebalance may come, and this member join again", waits: true},
		{name: "commit", args: []kind{number, number}, gives: failure, does: "commits as a member of a generation: commit(offset, generation)", waits: true},
		{name: "report", args: []kind{failure}, does: "tells the application how its commit went: of a refused one the message comes again"},
	}
	p := &program{
		name: "08-late-commit", title: "A rebalance meets a commit",
		worlds: []world{{name: "kip-848"}, {name: "classic", when: "the group runs the classic protocol"}},
		goals: []goal{
			{name: "former-owner-takes-nothing-back", says: "only the owner of a partition takes its committed offset back",
				property: func() *sim.Property { return properties.FormerOwnerTakesNothingBack("A", "B") }},
			{name: "refused-commit-is-reported", says: "the application hears of a commit that was refused", cheat: "keeps a refusal to itself",
				property: func() *sim.Property { return properties.RefusedCommitIsReported("A", "B") }},
		},
		probes: []probe{{name: "A's commit is stored", never: "commits nothing"}},
		build:  buildLateCommit,
	}
	return &Exercise{
		ID: p.name, Title: "The late commit", Minutes: 20,
		Story: "A works on message 10 for a minute. A rebalance gives its partition to B, which processes 10 and 11 and commits 12. " +
			"Then A is done, and commits 11. No call fails, and the group reads 11 again.",
		Task:     "Say what A's commit carries. The coordinator refuses a commit whose generation is not the group's, and no other.",
		Skeleton: "offset := poll()\nif offset == 0 {\n\treturn\n}\nwork()\nerr := commit(offset, generation())\nreport(err)\n",
		Hints: [3]string{
			"let the rebalance come during work(), let A join again, let B commit, and look at what A's commit carries.",
			"the coordinator can only refuse what says that it is old. Of which generation was the message?",
			"take generation() between poll() and work(), and commit with that.",
		},
		Stretch: "franz-go takes part in a rebalance in a goroutine of its own, and so may move between poll() and generation(). " +
			"What would poll() have to give?",
		Shipped: "Sarama, whose sessions commit under their own generation; KIP-848: a commit carries the member epoch. Java's commitSync(offsets) carries that of now",
		Link:    "https://cwiki.apache.org/confluence/display/KAFKA/KIP-848%3A+The+Next+Generation+of+the+Consumer+Rebalance+Protocol",
		holes: []*language{{hole: "func consume() {", words: words, values: map[string]variable{
			"ErrIllegalGeneration": {kind: failure, value: int(model.ErrIllegalGeneration), does: "the classic protocol's answer to a commit of another generation"},
			"ErrStaleMemberEpoch":  {kind: failure, value: int(model.ErrStaleMemberEpoch), does: "that of KIP-848"},
		}}},
		grade: p.grade, scenario: p.race,
	}
}

// buildLateCommit is the race stale-member-commit with the text as A's application.
func buildLateCommit(w *sim.World, c []*code, world string) {
	stalemembercommit.Scenario.Build(w, stalemembercommit.Own(world == "kip-848", func(steps group.Steps) sim.Program {
		return &inPlace{newMachine(c[0], []operation{
			func(t *sim.Task, _ *machine) int { return int(steps.Poll(t)) },
			func(*sim.Task, *machine) int { return int(steps.Generation()) },
			doing(func(t *sim.Task, _ *machine) { steps.Work(t) }),
			func(t *sim.Task, m *machine) int {
				return int(steps.Commit(t, model.Offset(m.arg(0)), model.GenerationID(m.arg(1))))
			},
			doing(func(t *sim.Task, m *machine) { steps.Report(t, model.Error(m.arg(0))) }),
		})}
	}), stalemembercommit.Scenario.Default())
	var stored bool
	p := sim.NewProperty("commit-of-A", &stored)
	sim.OnReply(p, func(_ *sim.Claim, a sim.Act, _ *model.OffsetCommitRequest, answer *model.OffsetCommitResponse) {
		stored = stored || a.Peer == "A" && answer.Partitions[0].Error == model.None
	})
	w.Watch(p)
	w.Probe("A's commit is stored", func() bool { return stored })
}
