// Package commitreconnect is franz-go's commit race: to cancel a commit in flight kills
// its connection, and on a new connection a newer commit overtakes it.
package commitreconnect

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
	Polls     int
	EveryPoll bool
	Ticks     int
	Deadlines int
	Cuts      int
}

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Polls, "polls", 2, 1, 3, "polls of a record each")
	f.Switch(&p.EveryPoll, "commit", "end", "poll", false, "when the application commits: after every poll, or in the end, as from OnPartitionsRevoked")
	f.Int(&p.Ticks, "ticks", 1, 0, 3, "autocommits")
	f.Int(&p.Deadlines, "deadlines", 0, 0, 1, "contexts of the application that end, wherever its first commit is")
	f.Int(&p.Cuts, "cuts", 0, 0, 1, "cuts of the network")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
	counts  = map[*setting]int
)

var (
	autocommit = &setting{Name: "autocommit"}
	twoTicks   = &setting{Name: "two-ticks", Set: func(p *Params) { p.Polls, p.Ticks = 3, 2 }}
	deadline   = &setting{Name: "deadline", Set: func(p *Params) { p.EveryPoll, p.Ticks, p.Deadlines = true, 0, 1 }}
	cut        = &setting{Name: "cut", Set: func(p *Params) { p.Cuts = 1 }}

	historyMonotone = &claim{Name: "commit-history-is-monotone",
		Says: "no fetch reads less than what was acknowledged, or read, before it began, nor what nobody committed",
		Property: func(p Params) *sim.Property {
			return properties.CommitHistoryIsMonotone(&properties.CommitHistory{Clients: append(p.clients(), "successor")})
		}}
	neverRewinds = &claim{Name: "committed-offset-never-rewinds", Says: "the offset that the coordinator holds for a partition never goes back",
		Property: func(Params) *sim.Property { return properties.CommittedOffsetNeverRewinds() }}
	wireMonotone = &claim{Name: "offsets-on-the-wire-are-monotone", Says: "the offsets that the client sends for a partition never go back",
		Property: func(Params) *sim.Property { return properties.OffsetsOnTheWireAreMonotone() }}
)

// symptoms are how a user meets the race. The text of franz-go was read in 1.20.7 to
// 1.22.3, and is logged at level debug only.
var symptoms = []scenario.Symptom{{
	Seen: []scenario.Seen{
		{By: "franz-go", Text: "default commit canceled"},
		{Text: "a commit was cancelled, and later the committed offset goes back"},
	},
	Cause:    "A cancelled commit arrives after its successor, on an older connection.",
	Variants: []string{"unfixed"},
	Do:       "Use franz-go 1.22.2. From 1.21.0 on it is still possible if your own context cancels a commit.",
	Command:  scenario.Command("run", "commit-reconnect"),
}}

// Scenario is the race. A variant is what a commit does about the one before it.
var Scenario = scenario.Scenario[Params, kgo.Prior]{
	Name:  "commit-reconnect",
	Title: "A commit that was cancelled in flight arrives after the one it was cancelled for",
	Stake: "Before it commits, the client cancels the commit that is still on its way, and cancelling a request " +
		"kills its connection. " +
		"The newer commit goes out on a new connection, is acknowledged, and then the coordinator gets to the older " +
		"one, which nobody waits for any more: the committed offset goes back, and to the client all is committed. " +
		"After a restart or a rebalance, messages that were processed and committed are consumed twice.",
	Do:       "Use franz-go 1.22.2 or later. From 1.21.0 to 1.22.1 it holds unless your own context cancels a commit; in all of them a connection that breaks by itself can still do it.",
	Group:    scenario.ClientRace,
	Fixed:    "franz-go 1.21.0",
	Symptoms: symptoms,
	Sources: []string{
		"franz-go commit 416e8269 (commits no longer cancel the one before; release 1.21.0)",
		"franz-go issue 689 (a commit whose context ended in the application arrives late)",
		"groupConsumer.commit, broker.handleReq, brokerCxn.handleResp and abandonOnCancel of franz-go 1.0.0, 1.20.7, 1.21.0, 1.22.2 and 1.22.3",
	},
	Code: []string{"model/group/kgo/consumer_group.go", "model/coordinator/group.go", "properties/commit_history.go"},

	Flags:    (*Params).flags,
	Settings: []*setting{autocommit, twoTicks, deadline, cut},
	Claims:   []*claim{historyMonotone, neverRewinds, wireMonotone},
	Always: expect{
		scenario.Breaks(historyMonotone, neverRewinds).Where(cut).
			Because("what was written to a connection that is gone may arrive after what comes next on another one"),
	},
	Variants: []scenario.Variant[Params, kgo.Prior]{
		{Name: "unfixed", Is: kgo.CancelPrior, Release: "franz-go 1.0.0 to 1.20.7",
			Does: "a commit cancels the one before it, and waits until its goroutine has ended",
			Expect: expect{scenario.Breaks(historyMonotone, neverRewinds).Where(autocommit, twoTicks, deadline).
				Because("to cancel a commit in flight kills its connection, and the next one takes another")},
			States: counts{autocommit: 496, deadline: 779, cut: 4279}},
		{Name: "chained", Is: kgo.AwaitPrior, Release: "franz-go 1.21.0 to 1.22.1",
			Does: "a commit waits for the answer of the one before it",
			Expect: expect{scenario.Breaks(historyMonotone, neverRewinds).Where(deadline).
				Because("the end of a context that the application gave kills the connection as well")},
			States: counts{autocommit: 286, twoTicks: 3415, deadline: 726, cut: 2282}},
		{Name: "abandoned", Is: kgo.AwaitPriorAbandon, Release: "franz-go 1.22.2 to 1.22.3",
			Does:   "likewise, and a commit that is cancelled in flight leaves its connection alone: the next one queues behind it",
			States: counts{autocommit: 363, twoTicks: 4609, deadline: 555, cut: 3043}},
	},
	Schedule: `
		app poll; app poll#2; app commit sync
		auto1 tick; auto1 autocommit; auto1 issue commit
		app block auto; app cancel prior
		auto1 await response
		app await prior; app issue commit
		app/kgo->coordinator/2 OffsetCommit
		app await response
		successor fetch offsets
		auto1/kgo->coordinator OffsetCommit
		successor->coordinator OffsetFetch
		successor await response`,
	Story: `
		app poll#2 before auto1 autocommit
		auto1 issue commit before app block auto
		app/kgo->coordinator/2 OffsetCommit before auto1/kgo->coordinator OffsetCommit
		app await response before successor fetch offsets
		auto1/kgo->coordinator OffsetCommit before successor->coordinator OffsetFetch`,
	Statements: []scenario.Statement{
		{
			ID:       "416e8269",
			Says:     "To cancel a commit in flight kills its connection; the next commit uses another, and the broker may process the two in either order, so that an autocommit of less undoes a commit of more.",
			Verdict:  scenario.True,
			Evidence: "The search finds it with one autocommit and one commit of the application. What the client sends is in order; what arrives is not. The late commit has to arrive before the group's next generation, in which it would be refused.",
			Command:  "simrun run commit-reconnect",
		},
		{
			ID:       "416e8269, the fix",
			Says:     "Waiting for the commit before keeps the connection alive and guarantees that the next one queues behind it.",
			Verdict:  scenario.PartlyTrue,
			When:     "when the connection holds",
			Evidence: "Without a fault it holds in all states. When the network cuts the connection, the client sends its commit again on a new one and goes on to the next, and the first copy can still arrive after both.",
			Command:  "simrun explore commit-reconnect/chained@cut",
		},
		{
			ID:       "689",
			Says:     "A commit that runs into its context's deadline and is committed again can arrive later, after a newer commit, and undo that.",
			Verdict:  scenario.PartlyTrue,
			When:     "up to franz-go 1.22.1",
			Evidence: "Before and after 1.21.0 the application's own context kills the connection of a commit in flight. Since 1.22.2 (brokerCxn.abandonOnCancel) it does not: the request stays written, its answer is dropped, and the next commit queues behind it on the same connection; abandoned@deadline holds in all states. A connection that breaks by itself still does it, in all releases.",
			Command:  "simrun explore commit-reconnect/abandoned@deadline",
		},
	},
	Build: build,
}

// clients are the tasks that commit.
func (p Params) clients() []string {
	clients := []string{"app"}
	for i := range p.Ticks {
		clients = append(clients, fmt.Sprintf("auto%d", i+1))
	}
	return clients
}

// build makes a client with one partition at offset 10, and the member that has the
// partition next.
func build(w *sim.World, prior kgo.Prior, p Params) {
	const committed model.Offset = 10
	commits := 1 + p.Deadlines // of the application: one that is cancelled, it repeats
	if p.EveryPoll {
		commits = p.Polls + p.Deadlines
	}
	closes := 0
	switch prior {
	case kgo.AwaitPrior:
		closes = p.Deadlines
	case kgo.CancelPrior:
		closes = p.Deadlines + commits + p.Ticks - 1 // Each but the first may cancel another.
	}
	w.AddNode("coordinator", coordinator.NewGroup(committed))
	g := kgo.NewGroupConsumer(prior, w.Dial("kgo", "coordinator"), commits+p.Ticks, committed)
	w.Share("g", g)
	w.GoProgram("app", kgo.NewApplication(g, p.Polls, p.EveryPoll))
	for i, name := range p.clients()[1:] {
		w.GoProgram(name, kgo.NewTick(g, commits+i+1))
	}
	if p.Deadlines > 0 {
		w.GoProgram("deadline", &kgo.Deadline{Consumer: g})
	}
	w.GoProgram("successor", &kgo.Successor{Coordinator: w.Dial("successor", "coordinator")})
	w.Allow(sim.Faults{Cuts: p.Cuts, Closes: closes})
}
