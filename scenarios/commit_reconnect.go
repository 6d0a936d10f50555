package scenarios

import (
	"fmt"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/group/kgo"
	"racelab/properties"
	"racelab/sim"
)

// commitReconnect is franz-go's commit race: to cancel a commit in flight kills
// its connection, and on a new connection a newer commit overtakes it.
var commitReconnect = Scenario{
	Name:     "commit-reconnect",
	Title:    "A commit that was cancelled in flight arrives after the one it was cancelled for",
	Fixed:    "franz-go 1.21.0",
	Symptoms: commitReconnectSymptoms,
	Stake: "Before it commits, the client cancels the commit that is still on its way, and cancelling a request " +
		"kills its connection. " +
		"The newer commit goes out on a new connection, is acknowledged, and then the coordinator gets to the older " +
		"one, which nobody waits for any more: the committed offset goes back, and to the client all is committed. " +
		"After a restart or a rebalance, messages that were processed and committed are consumed twice.",
	Do:    "Use franz-go 1.21.0 or later. There it holds, unless your own context cancels a commit.",
	Group: ClientRace,
	Sources: []string{
		"franz-go commit 416e8269 (commits no longer cancel the one before; release 1.21.0)",
		"franz-go issue 689 (a commit whose context ended in the application arrives late)",
		"groupConsumer.commit, broker.handleReq and brokerCxn.handleResp of franz-go 1.0.0, 1.20.7 and 1.21.0",
	},
	Code: []string{"model/group/kgo/consumer_group.go", "model/coordinator/group.go", "properties/commit_history.go"},

	Parameters: []Parameter{
		{Name: "polls", Help: "polls of a record each", Default: "2", Takes: Numbers{1, 3}},
		{Name: "commit", Help: "when the application commits: after every poll, or in the end, as from OnPartitionsRevoked", Default: "end", Takes: Words{"end", "poll"}},
		{Name: "ticks", Help: "autocommits", Default: "1", Takes: Numbers{0, 3}},
		{Name: "deadlines", Help: "contexts of the application that end, wherever its first commit is", Default: "0", Takes: Numbers{0, 1}},
		{Name: "cuts", Help: "cuts of the network", Default: "0", Takes: Numbers{0, 1}},
	},
	Variants: []Variant{
		{"unfixed", "franz-go 1.0.0 to 1.20.7", "a commit cancels the one before it, and waits until its goroutine has ended"},
		{"chained", "franz-go 1.21.0 and later", "a commit waits for the answer of the one before it"},
	},
	Worlds: []World{
		{Name: "autocommit", Set: ""},
		{Name: "two-ticks", Set: "polls=3 ticks=2"},
		{Name: "deadline", Set: "commit=poll ticks=0 deadlines=1"},
		{Name: "cut", Set: "cuts=1"},
	},
	Properties: []Claimed{
		{"commit-history-is-monotone", "no fetch reads less than what was acknowledged, or read, before it began, nor what nobody committed"},
		{"committed-offset-never-rewinds", "the offset that the coordinator holds for a partition never goes back"},
		{"offsets-on-the-wire-are-monotone", "the offsets that the client sends for a partition never go back"},
	},
	Breaks: []Expectation{
		{"unfixed", "commit-history-is-monotone committed-offset-never-rewinds", "autocommit two-ticks deadline cut"},
		{"chained", "commit-history-is-monotone committed-offset-never-rewinds", "deadline cut"},
	},
	// One goroutine takes all locks.
	Idle: []Expectation{{"unfixed chained", sim.NoDeadlock, "deadline"}},
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
	Claims: []Claim{
		{
			ID:       "416e8269",
			Says:     "To cancel a commit in flight kills its connection; the next commit uses another, and the broker may process the two in either order, so that an autocommit of less undoes a commit of more.",
			Verdict:  Confirmed,
			Evidence: "The search finds it with one autocommit and one commit of the application. What the client sends is in order; what arrives is not. The late commit has to arrive before the group's next generation, in which it would be refused.",
			Command:  "simrun run commit-reconnect",
		},
		{
			ID:       "416e8269, the fix",
			Says:     "Waiting for the commit before keeps the connection alive and guarantees that the next one queues behind it.",
			Verdict:  "only when the connection holds",
			Evidence: "Without a fault it holds in all states. When the network cuts the connection, the client sends its commit again on a new one and goes on to the next, and the first copy can still arrive after both.",
			Command:  "simrun explore commit-reconnect --variant chained --set cuts=1",
		},
		{
			ID:       "689",
			Says:     "A commit that runs into its context's deadline and is committed again can arrive later, after a newer commit, and undo that.",
			Verdict:  Confirmed,
			Evidence: "Before and after 1.21.0: the application's own context still kills the connection of a commit in flight.",
			Command:  "simrun explore commit-reconnect --variant chained --set commit=poll --set ticks=0 --set deadlines=1",
		},
	},
	Build: buildCommitReconnect,
}

// buildCommitReconnect makes a client with one partition at offset 10, and the
// member that has the partition next.
func buildCommitReconnect(variant string, values Values) *sim.World {
	const committed model.Offset = 10
	polls, ticks, deadlines := values.Int("polls"), values.Int("ticks"), values.Int("deadlines")
	everyPoll := values.Word("commit") == "poll"
	commits := 1 + deadlines // of the application: one that is cancelled, it repeats
	if everyPoll {
		commits = polls + deadlines
	}
	prior, closes := kgo.AwaitPrior, deadlines
	if variant == "unfixed" {
		prior, closes = kgo.CancelPrior, deadlines+commits+ticks-1 // Each but the first may cancel another.
	}

	w := sim.NewWorld()
	w.AddNode("coordinator", coordinator.NewGroup(committed))
	g := kgo.NewGroupConsumer(prior, w.Dial("kgo", "coordinator"), committed, commits+ticks)
	w.Share("g", g)
	clients := []string{"app"}
	w.Go("app", kgo.NewApplication(g, polls, everyPoll))
	for i := range ticks {
		clients = append(clients, fmt.Sprintf("auto%d", i+1))
		w.Go(clients[i+1], kgo.NewTick(g, commits+i+1))
	}
	if deadlines > 0 {
		w.Go("deadline", &kgo.Deadline{Consumer: g})
	}
	w.Go("successor", &kgo.Successor{Coordinator: w.Dial("successor", "coordinator")})
	w.Faults(sim.Budget{Cuts: values.Int("cuts"), Closes: closes})
	w.Watch(properties.CommittedOffsetNeverRewinds())
	w.Watch(properties.OffsetsOnTheWireAreMonotone())
	w.Watch(properties.CommitHistoryIsMonotone(&properties.CommitHistory{Clients: append(clients, "successor")}))
	return w
}
