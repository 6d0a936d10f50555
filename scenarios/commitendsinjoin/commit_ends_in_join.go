// Package commitendsinjoin is a commit of franz-go whose context ends while the group joins.
package commitendsinjoin

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/group/kgo"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct{ Commits int }

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Commits, "commits", 2, 1, 3, "commits of the application, of which the first has a context that ends")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

var (
	two   = &setting{Name: "two"}
	three = &setting{Name: "three", Set: func(p *Params) { p.Commits = 3 }}

	noProgress = &claim{Name: sim.NoProgress, Says: "every commit of the application returns"}
)

// client is a release.
type client struct {
	prior      kgo.Prior
	locksFirst bool
}

// Scenario is the race. A variant is a release.
var Scenario = scenario.Scenario[Params, client]{
	Name:  "commit-ends-in-join",
	Title: "A commit's context ends while the group joins, and the commit never returns",
	Stake: "The group rebalances, and the member's JoinGroup waits for the others. The application commits with a context that ends before they have joined. " +
		"Its onDone is called with the context's error, and then CommitOffsetsSync waits for a channel that only a request closes. " +
		"It holds the lock of all commits: whoever commits next waits for ever, too.",
	Do:    "Use franz-go 1.16.1 or later. Before, give CommitOffsetsSync, CommitRecords and CommitUncommittedOffsets a context that does not end.",
	Group: scenario.ClientRace,
	Fixed: "franz-go 1.16.1",
	Symptoms: []scenario.Symptom{{
		Seen: []scenario.Seen{
			{Text: "franz-go CommitOffsetsSync does not return although its context has ended"},
			{Text: "CommitRecords or CommitUncommittedOffsets of franz-go hangs during a rebalance, after its context timed out"},
			{Text: "goroutine in groupConsumer.commitOffsetsSync waits in chan receive, others in sync.RWMutex.Lock"},
			{By: "franz-go", Text: "not grabbing mu because context canceled"},
		},
		Cause:    "A commit whose context ends while the group joins waits for a channel that only a request closes, with the lock of all commits held.",
		Variants: []string{"locks-first"},
		Do:       "Use franz-go 1.16.1. Before, give these calls a context that does not end.",
		Command:  scenario.Command("run", "commit-ends-in-join"),
	}},
	Sources: []string{
		"Client.CommitOffsets, groupConsumer.commitOffsetsSync and waitJoinSyncMu of franz-go 1.13.1, 1.13.2, 1.16.0 and 1.16.1",
	},
	Code:     []string{"model/group/kgo/async.go", "model/group/kgo/session.go", "model/group/kgo/consumer_group.go"},
	Flags:    (*Params).flags,
	Settings: []*setting{two, three},
	Claims:   []*claim{noProgress},
	Variants: []scenario.Variant[Params, client]{
		{Name: "locks-first", Is: client{kgo.CancelPrior, true}, Release: "franz-go 1.13.2 to 1.16.0",
			Does: "takes the lock of all commits, and then waits for the join",
			Expect: expect{scenario.Breaks(noProgress).
				Because("the context ends first, so there is no request, which alone would close what CommitOffsetsSync waits for and give the lock back")}},
		{Name: "waits-first", Is: client{kgo.CancelPrior, false}, Release: "franz-go 1.16.1 to 1.20.7",
			Does: "waits for the join, and then takes the lock; returns if the context ends first"},
		{Name: "chained", Is: client{kgo.AwaitPriorCount, false}, Release: "franz-go 1.21.4 to 1.22.1",
			Does: "likewise; a commit waits for the answer of the one before it"},
	},
	Schedule: `
		join block commits; app poll; app commit async; app start commit; app sync commits; app try join sync
		ctx called; join await sync; ctx.clock fires; ctx deadline; app ends in join (g.commits[0].ctx.done); commit1 go`,
	Story: `
		join block commits before app try join sync
		ctx deadline before join await sync`,
	Statements: []scenario.Statement{{
		ID:       "1.16.0",
		Says:     "A commit returns when its context ends.",
		Verdict:  scenario.PartlyTrue,
		When:     "unless the group joins meanwhile, in franz-go 1.13.2 to 1.16.0",
		Evidence: "In every drawn length of a join and of a context released 1.13.2 to 1.16.0 call onDone with the context's error, and CommitOffsetsSync does not return; after a CommitOffsets, which returns, the next CommitOffsetsSync waits for ever. 1.13.1 and 1.16.1 return (go -C witness/conform test . -run TestReleases -releases franz-go@v1.16.0).",
		Command:  "simrun explore commit-ends-in-join",
	}},
	Build: build,
}

// build makes a member with one partition at offset 10 whose group joins once, and an application
// that polls and commits, and waits for each commit.
func build(w *sim.World, is client, p Params) {
	const committed model.Offset = 10
	w.AddNode("coordinator", coordinator.NewClassicGroup(coordinator.Unvalidated, 0, committed))
	g := kgo.NewGroupConsumer(is.prior, w.Dial("kgo", "coordinator"), p.Commits, committed)
	join := g.Rejoins(kgo.SessionConfig{LocksFirst: is.locksFirst})
	w.Share("g", g)
	plan := make([]kgo.Commit, p.Commits)
	for i := range plan {
		plan[i].Polls = make([]model.Partition, 1)
	}
	plan[0].Ends, plan[0].After = true, time.Second // Without a clock: at any moment.
	app, commits, ends := kgo.NewAsyncApplication(g, true, plan...)
	w.GoProgram("app", app)
	for i, c := range commits {
		w.GoProgram(fmt.Sprint("commit", i+1), c)
	}
	w.GoProgram("ctx", ends[0])
	w.GoProgram("join", join)
	w.Allow(sim.Faults{Closes: p.Commits})
}
