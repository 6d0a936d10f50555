package scenarios

import (
	"fmt"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/group"
	"racelab/properties"
	"racelab/sim"
)

// commitReconnect is franz-go's commit race: to cancel a commit in flight kills
// its connection, and on a new connection a newer commit overtakes it.
var commitReconnect = Scenario{
	Name: "commit-reconnect",
	Parameters: []Parameter{
		{Name: "polls", Help: "polls of a record each", Default: "2", Takes: Numbers{1, 3}},
		{Name: "commit", Help: "when the application commits: after every poll, or in the end, as from OnPartitionsRevoked", Default: "end", Takes: Words{"end", "poll"}},
		{Name: "ticks", Help: "autocommits", Default: "1", Takes: Numbers{0, 3}},
		{Name: "deadlines", Help: "contexts of the application that end, wherever its first commit is", Default: "0", Takes: Numbers{0, 1}},
		{Name: "cuts", Help: "cuts of the network", Default: "0", Takes: Numbers{0, 1}},
	},
	Variants: []Variant{
		{"unfixed", "franz-go up to 1.20.7", "a commit cancels the one before it, and waits until its goroutine has ended"},
		{"chained", "franz-go 1.21.0 and later", "a commit waits for the answer of the one before it"},
	},
	Worlds: []World{
		{"autocommit", ""},
		{"two-ticks", "polls=3 ticks=2"},
		{"deadline", "commit=poll ticks=0 deadlines=1"},
		{"cut", "cuts=1"},
	},
	Properties: []Claimed{
		{"committed-offset-never-rewinds", "the offset that the coordinator holds for a partition never goes back"},
		{"offsets-on-the-wire-are-monotone", "the offsets that the client sends for a partition never go back"},
		{"commit-history-is-monotone", "no fetch reads less than what was acknowledged before it began"},
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
	prior, closes := group.AwaitPrior, deadlines
	if variant == "unfixed" {
		prior, closes = group.CancelPrior, deadlines+commits+ticks-1 // Each but the first may cancel another.
	}

	w := sim.NewWorld()
	w.AddNode("coordinator", coordinator.NewGroup(committed))
	g := group.NewKgoGroupConsumer(prior, w.Dial("kgo", "coordinator"), committed, commits+ticks)
	w.Share("g", g)
	clients := []string{"app"}
	w.Go("app", group.NewKgoApplication(g, polls, everyPoll))
	for i := range ticks {
		clients = append(clients, fmt.Sprintf("auto%d", i+1))
		w.Go(clients[i+1], group.NewKgoTick(g, commits+i+1))
	}
	if deadlines > 0 {
		w.Go("deadline", &group.KgoDeadline{Consumer: g})
	}
	w.Go("successor", &group.KgoSuccessor{Coordinator: w.Dial("successor", "coordinator")})
	w.Faults(sim.Budget{Cuts: values.Int("cuts"), Closes: closes})
	w.Watch(&properties.CommittedOffsetNeverRewinds{})
	w.Watch(&properties.OffsetsOnTheWireAreMonotone{})
	w.Watch(&properties.CommitHistoryIsMonotone{Clients: append(clients, "successor")})
	return w
}
