package scenarios

import (
	"fmt"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/group"
	"racelab/properties"
	"racelab/sim"
)

// offsetRewind is Sarama's offset commit race: a request that was built earlier
// is sent later, and takes a committed offset back.
var offsetRewind = Scenario{
	Name:  "offset-rewind",
	Title: "A stale commit overtakes a newer one, and the committed offset goes back",
	Stake: "One goroutine a partition commits through one offset manager, which builds a request and sends it " +
		"with nothing holding the two together. " +
		"A request that was built early and is sent late takes a partition's committed offset back, and since the " +
		"newer offset is acknowledged and clean, nothing sends it again. " +
		"After a restart or a rebalance, messages that were processed and committed are consumed twice.",
	Sources: []string{
		"sarama issue 2940 (the race), pull request 2941 (a lock of its own, closed)",
		"sarama pull request 2947 (the broker's lock; release 1.43.3)",
	},
	Code: []string{"model/group/sarama_offset_manager.go", "model/coordinator/group.go", "properties/offset_commit.go"},

	Parameters: []Parameter{
		{Name: "partitions", Help: "partitions, and goroutines: one claims each", Default: "2", Takes: Numbers{1, 64}},
		{Name: "commits", Help: "messages of each partition, with a commit after each", Default: "2", Takes: Numbers{1, 1000}},
	},
	Variants: []Variant{
		{"unfixed", "Sarama 1.38.0 to 1.43.2", "builds the request, then takes the broker's lock for the round trip"},
		{"commit-lock", "Sarama pull request 2941, never released", "holds a lock of its own over building, sending and the response"},
		{"broker-lock", "Sarama 1.43.3 (pull request 2947)", "builds and sends under the broker's lock, and awaits the response without it"},
	},
	Worlds: []World{{"2x2", ""}},
	Properties: []Claimed{
		{"committed-offset-never-rewinds", "the offset that the coordinator holds for a partition never goes back"},
		{"offsets-on-the-wire-are-monotone", "the offsets that the client sends for a partition never go back"},
	},
	Breaks: []Expectation{
		{"unfixed", "committed-offset-never-rewinds", "2x2"},
		{"unfixed", "offsets-on-the-wire-are-monotone", "2x2"},
	},
	Schedule: `
		G0 mark; G0 snapshot; G0 snapshot#2; G0 send
		G1 mark; G1 snapshot; G1 snapshot#2
		G0->coordinator OffsetCommit
		G0 await response; G0 update committed
		G0 mark#2; G0 snapshot#3; G0 snapshot#4; G0 send#2
		G0->coordinator OffsetCommit#2
		G0 await response#2
		G1 send
		G1->coordinator OffsetCommit`,
	Story: `
		G1 snapshot#2 before G0 await response
		G0 update committed#2 before G1 send`,
	Claims: []Claim{
		{
			ID:       "C4.1",
			Says:     "One goroutine a partition; Commit is build, find coordinator, send, without synchronisation: stale requests overtake newer ones.",
			Verdict:  Confirmed,
			Evidence: "The search reaches it. Each send does take the broker's lock, which since 1.38.0 is held for the whole round trip; that holds the stale request back for as long and does not make it fresh.",
			Command:  "go run ./cmd/simrun explore offset-rewind --variant unfixed",
		},
		{
			ID:       "C4.2",
			Says:     "G0 builds {P0: 11}; G1 builds {P0: 11, P1: 21}; G0 sends, builds and sends {P0: 12}; G1 sends: P0 falls from 12 to 11, and after a restart messages are consumed twice.",
			Verdict:  Confirmed,
			Evidence: "It is the shortest schedule there is. Nothing repairs it: 12 was acknowledged, so it is clean and not sent again.",
			Command:  "go run ./cmd/simrun run offset-rewind",
		},
		{ID: "C4.3", Says: "A separate lock is simple, a little slower and sturdier; the broker's lock is faster and leans on internals; the separate lock is to be preferred.", Verdict: Open,
			Evidence: "That either stops the rewind is shown (commit-lock, broker-lock); the cost, and what the other locks of 1.43.3 do, are not modelled yet."},
		{ID: "C4.4", Says: "Worst with several partitions a consumer, frequent manual commits, high throughput, network delay.", Verdict: Open, Evidence: "Odds need the timed mode."},
		{ID: "C4.5", Says: "Until fixed: commit less often, in batches; more instances with fewer partitions each; automatic commit, at the price of control.", Verdict: Open, Evidence: "Odds need the timed mode."},
	},
	Build: buildOffsetRewind,
}

// buildOffsetRewind makes a consumer with one goroutine a partition. The first
// partition starts at offset 10, the next at 20, and so on.
func buildOffsetRewind(variant string, values Values) *sim.World {
	var committed []model.Offset
	for p := range values.Int("partitions") {
		committed = append(committed, model.Offset(10*(p+1)))
	}
	w := sim.NewWorld()
	w.AddNode("coordinator", coordinator.NewGroup(committed...))
	om := group.NewSaramaOffsetManager(commitOrdering(variant), w.Dial("sarama", "coordinator"), committed...)
	w.Share("om", om)
	for p := range values.Int("partitions") {
		w.Go(fmt.Sprintf("G%d", p), group.NewSaramaClaim(om, model.Partition(p), values.Int("commits")))
	}
	w.Watch(&properties.CommittedOffsetNeverRewinds{})
	w.Watch(&properties.OffsetsOnTheWireAreMonotone{})
	return w
}

func commitOrdering(variant string) group.CommitOrdering {
	switch variant {
	case "commit-lock":
		return group.CommitLock
	case "broker-lock":
		return group.BrokerLock
	default:
		return group.Unordered
	}
}
