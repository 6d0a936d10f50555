// Package rewindagain is franz-go's second commit race: autocommits are unblocked as soon
// as one of several commits is done.
package rewindagain

import (
	"fmt"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/group/kgo"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct {
	Ticks   int
	Waits   bool
	NoEpoch bool
}

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Ticks, "ticks", 1, 0, 2, "autocommits")
	f.Switch(&p.Waits, "commits", "overlap", "wait", false, "whether the application waits for a commit before it goes on")
	f.Switch(&p.NoEpoch, "epoch", "record", "none", false, "the leader epoch of the offsets that the application commits: the record's, or -1")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

var (
	overlap = &setting{Name: "overlap"}
	wait    = &setting{Name: "wait", Set: func(p *Params) { p.Waits = true }}

	noEpoch = &setting{Name: "no-epoch", Set: func(p *Params) { p.Waits, p.NoEpoch = true, true }}

	neverRewinds = &claim{Name: "committed-offset-never-rewinds", Says: "the offset that the coordinator holds for a partition never goes back",
		Property: func(Params) *sim.Property { return properties.CommittedOffsetNeverRewinds() }}
	wireMonotone = &claim{Name: "offsets-on-the-wire-are-monotone", Says: "the offsets that the client sends for a partition never go back",
		Property: func(Params) *sim.Property { return properties.OffsetsOnTheWireAreMonotone() }}
)

// Scenario is the race. A variant is a release.
var Scenario = scenario.Scenario[Params, kgo.Prior]{
	Name:  "rewind-again",
	Title: "An autocommit is taken between two commits of the application, and sent after both",
	Stake: "franz-go blocks autocommits while a commit of the application is out, and commits go out one after the other. " +
		"With two out, the first that is done unblocks them. An autocommit then takes its offset, which lies between the two, and waits " +
		"behind the second: the committed offset goes up, and back. " +
		"After a restart or a rebalance, messages that were processed and committed are consumed twice.",
	Do:    "Use franz-go 1.21.4 or later; or disable autocommit, if you commit by yourself. To wait for each commit before the next is not enough. In all releases, commit the record's leader epoch.",
	Group: scenario.ClientRace,
	Fixed: "franz-go 1.21.4",
	Symptoms: []scenario.Symptom{{
		Seen: []scenario.Seen{
			{Text: "the broker sees commits 100, 200, 150 of one franz-go consumer"},
			{Text: "CommitOffsets beside autocommit, and the committed offset goes back although nothing failed"},
		},
		Cause:    "The first of two commits that is done lets autocommits through, while the second is out.",
		Variants: []string{"flag"},
		Also:     "; before, a commit is cancelled, see commit-reconnect",
		Do:       "Use franz-go 1.21.4, or disable autocommit.",
		Command:  scenario.Command("run", "rewind-again"),
	}, {
		Seen: []scenario.Seen{
			{Text: "franz-go autocommit undoes CommitOffsets with EpochOffset{Epoch: -1}, until the next poll"},
		},
		Cause:    "EpochOffset.Less compares leader epochs first. Without one, a commit does not move what the next autocommit takes.",
		Variants: []string{"flag", "count"},
		Also:     "; by the source, before too",
		Do:       "Commit the record's LeaderEpoch, or UncommittedOffsets, or CommitRecords; or disable autocommit.",
		Command:  scenario.Command("explore", "rewind-again/count@no-epoch"),
	}},
	Sources: []string{
		"franz-go commit 769d52d1 (blockAuto is a count; release 1.21.4)",
		"groupConsumer.loopCommit, Client.CommitOffsets and groupConsumer.commit of franz-go 1.21.0, 1.21.3 and 1.21.4",
		"groupConsumer.updateCommitted and EpochOffset.Less of franz-go 1.17.1, 1.20.7 and 1.22.3",
	},
	Code:     []string{"model/group/kgo/async.go", "model/group/kgo/consumer_group.go", "model/coordinator/group.go"},
	Flags:    (*Params).flags,
	Settings: []*setting{overlap, wait, noEpoch},
	Claims:   []*claim{neverRewinds, wireMonotone},
	Always: expect{
		scenario.Breaks(neverRewinds, wireMonotone).Where(noEpoch).
			Because("an offset with an epoch is past any without one, so the next autocommit takes what was polled before"),
	},
	Variants: []scenario.Variant[Params, kgo.Prior]{
		{Name: "flag", Is: kgo.AwaitPrior, Release: "franz-go 1.21.0 to 1.21.3",
			Does: "a commit that is done lets autocommits through",
			Expect: expect{
				scenario.Breaks(neverRewinds, wireMonotone).Where(overlap).
					Because("the second commit is still out, and the autocommit goes behind it with what it took before"),
				scenario.Breaks(neverRewinds, wireMonotone).Where(wait).
					Because("onDone is called before autocommits are let through, so the next commit may be out by then"),
			}},
		{Name: "count", Is: kgo.AwaitPriorCount, Release: "franz-go 1.21.4 to 1.22.3",
			Does: "the last commit that is done lets autocommits through"},
	},
	Statements: []scenario.Statement{{
		ID:       "769d52d1",
		Says:     "With two overlapping commits, the first completion re-enables autocommit while the second is in flight, and the offset at the broker goes back: 100 200 150.",
		Verdict:  scenario.True,
		Evidence: "The search finds 11 13 12 with three polls, two commits and one autocommit. What the client sends goes back by itself: it needs no second connection. With a count it holds in all states. With a flag it does not help to wait for each commit: its onDone is called first, and autocommits are let through a moment later, when the next commit may be out.",
		Command:  "simrun explore rewind-again",
	}},
	Schedule: `
		app poll; app commit async; app block auto; app start commit; app poll#2
		app poll#3; app commit async#2; app block auto#2; app start commit#2; commit1 go
		commit1 issue commit; commit1->coordinator OffsetCommit; commit1 await response; commit1 update committed; commit1 unblock auto
		commit2 go; commit2 await prior; commit2 issue commit; auto1 tick; auto1 autocommit
		commit2->coordinator OffsetCommit; commit2 await response; commit2 update committed; commit2 unblock auto; auto1 await prior
		auto1 issue commit; auto1->coordinator OffsetCommit`,
	Story: `
		app poll#3 before auto1 autocommit
		commit1 unblock auto before auto1 autocommit
		app start commit#2 before auto1 autocommit
		auto1 autocommit before commit2 update committed`,
	Build: build,
}

// build makes a client with one partition at offset 10, whose application commits after
// its first poll, and after its third.
func build(w *sim.World, prior kgo.Prior, p Params) {
	const committed model.Offset = 10
	w.AddNode("coordinator", coordinator.NewGroup(committed))
	g := kgo.NewGroupConsumer(prior, w.Dial("kgo", "coordinator"), 2+p.Ticks, committed)
	w.Share("g", g)
	g.NoEpoch(p.NoEpoch)
	app, commits, _ := kgo.NewAsyncApplication(g, p.Waits, kgo.Commit{Polls: make([]model.Partition, 1)}, kgo.Commit{Polls: make([]model.Partition, 2)})
	w.GoProgram("app", app)
	for i, c := range commits {
		w.GoProgram(fmt.Sprint("commit", i+1), c)
	}
	for i := range p.Ticks {
		w.GoProgram(fmt.Sprint("auto", i+1), kgo.NewTick(g, 3+i))
	}
}
