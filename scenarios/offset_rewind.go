package scenarios

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/group/sarama"
	"racelab/properties"
	"racelab/sim"
)

// offsetRewind is Sarama's offset commit race: a request that was built earlier
// is sent later, and takes a committed offset back.
var offsetRewind = Scenario{
	Name:     "offset-rewind",
	Title:    "A stale commit overtakes a newer one, and the committed offset goes back",
	Fixed:    "Sarama 1.48.0",
	Symptoms: offsetRewindSymptoms,
	Stake: "One goroutine a partition commits through one offset manager, which builds a request and sends it " +
		"with nothing holding the two together. " +
		"A request that was built early and is sent late takes a partition's committed offset back, and since the " +
		"newer offset is acknowledged and clean, nothing sends it again. " +
		"After a restart or a rebalance, messages that were processed and committed are consumed twice.",
	Do:    "Use Sarama 1.48.0 or later. Releases 1.43.3 to 1.47 do not rewind, but can deadlock.",
	Group: ClientRace,
	Sources: []string{
		"sarama issue 2940 (the race), pull request 2941 (a lock of its own, closed)",
		"sarama pull request 2947 (the broker's lock; release 1.43.3)",
		"sarama issue 3191 (the deadlock of that), pull requests 3193 (closed) and 3477 (release 1.48.0)",
	},
	Code: []string{"model/group/sarama/offset_manager.go", "model/group/sarama/proposals.go", "model/group/sarama/broker.go", "model/group/sarama/client.go", "model/group/sarama/consumer_group.go", "model/coordinator/host.go", "model/coordinator/group.go", "properties/offset_commit.go"},

	Parameters: []Parameter{
		{Name: "partitions", Help: "partitions, and goroutines: one claims each", Default: "2", Takes: Numbers{1, 64}},
		{Name: "instances", Help: "consumers, among which the partitions are divided", Default: "1", Takes: Numbers{1, 64}},
		{Name: "commits", Help: "commits of each goroutine", Default: "2", Takes: Numbers{1, 100_000}},
		{Name: "batch", Help: "messages that a goroutine marks before each commit", Default: "1", Takes: Numbers{1, 1000}},
		{Name: "committers", Help: "goroutines that mark nothing and only commit", Default: "0", Takes: Numbers{0, 8}},
		{Name: "not-coordinator", Help: "the OffsetCommit, counted from 1, that is answered NOT_COORDINATOR; 0 is none", Default: "0", Takes: Numbers{0, 1000}},
		{Name: "commit", Help: "whether goroutines commit, or a ticker does", Default: "manual", Takes: Words{"manual", "auto"}},
		{Name: "interval", Help: "of automatic commits, in ms", Default: "1000", Takes: Numbers{1, 60_000}},
		{Name: "close", Help: "whether the consumer is closed in the end; with automatic commits it always is", Default: "no", Takes: Words{"no", "yes"}},
		{Name: "resets", Help: "how often a goroutine resets its offset to process a message again", Default: "0", Takes: Numbers{0, 10}},
		{Name: "crashes", Help: "how often the consumer may crash and come back", Default: "0", Takes: Numbers{0, 2}},
		{Name: "cuts", Help: "how often the connection may be cut", Default: "0", Takes: Numbers{0, 3}},
		{Name: "writer-preference", Help: "whether a reader of an RWMutex waits for a writer that waits, as in Go", Default: "on", Takes: Words{"on", "off"}},
	},
	Variants: []Variant{
		{"unfixed", "Sarama 1.38.0 to 1.43.2", "builds the request, then takes the broker's lock for the round trip"},
		{"send-lock", "Sarama up to 1.37.2", "builds the request, then takes the broker's lock for the send"},
		{"commit-lock", "Sarama pull request 2941, never released", "holds a lock of its own over building, sending and the response"},
		{"broker-lock", "Sarama 1.43.3 to 1.47 (pull request 2947)", "builds and sends under the broker's lock, and awaits the response without it"},
		{"build-outside", "Sarama pull request 3193, never released", "as broker-lock, but takes the lock only once the request is built"},
		{"broker-lock-released", "Sarama 1.48.0 and later (pull request 3477)", "as broker-lock, but forgets the coordinator only after it has released pomsLock"},
	},
	Worlds: []World{
		{Name: "2x2"},
		{Name: "auto", Set: "commit=auto not-coordinator=1"},
		{Name: "moved", Set: "not-coordinator=1"},
		{Name: "four-committers", Set: "commits=1 committers=2 not-coordinator=1", Deep: "unfixed send-lock build-outside"},
		{Name: "cut", Set: "partitions=1 cuts=1"},
		{Name: "crash", Set: "partitions=1 committers=1 crashes=1"},
		{Name: "reset", Set: "partitions=1 committers=1 resets=1"},
	},
	Properties: []Claimed{
		{"committed-offset-never-rewinds", "the offset that the coordinator holds for a partition never goes back"},
		{"offsets-on-the-wire-are-monotone", "the offsets that the client sends for a partition never go back"},
		{"close-commits-what-was-processed", "when a consumer that commits automatically is closed, all that it has processed is committed"},
		{"commit-history-is-monotone", "no consumer that comes back reads less than what was acknowledged before, nor what nobody committed"},
		{"no-message-is-processed-twice", "a message is processed once (Kafka promises at least once)"},
	},
	Breaks: []Expectation{
		{"unfixed send-lock build-outside", "committed-offset-never-rewinds offsets-on-the-wire-are-monotone", "2x2 moved crash"},
		{"unfixed send-lock build-outside", "commit-history-is-monotone", "crash"},
		{"broker-lock", sim.NoDeadlock, "four-committers"},
		// What was written to a connection that broke, or by a process that is
		// gone, may arrive after what comes next. No lock of the client reaches
		// that far.
		{saramas, "committed-offset-never-rewinds", "cut crash"},
		// What was processed and not committed comes again.
		{saramas, "no-message-is-processed-twice", "crash"},
		// The application asks for it.
		{saramas, "committed-offset-never-rewinds offsets-on-the-wire-are-monotone", "reset"},
	},
	Idle: []Expectation{
		// One goroutine takes the locks that others could hold for longer than a
		// step.
		{saramas, sim.NoDeadlock, "auto cut"},
		// What the first committer sends is refused, and the others then send all
		// there is at once: no partition is committed twice.
		{"commit-lock", "committed-offset-never-rewinds", "four-committers"},
	},
	Schedule: `
		G0 mark; G0 construct request; G0 snapshot; G0 snapshot#2; G0 coordinator; G0 send
		G1 mark; G1 construct request; G1 snapshot; G1 snapshot#2; G1 coordinator
		G0->coordinator OffsetCommit
		G0 await response; G0 handle response; G0 update committed; G0 release poms
		G0 mark#2; G0 construct request#2; G0 snapshot#3; G0 snapshot#4; G0 coordinator#2; G0 send#2
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
			Command:  "simrun explore offset-rewind --variant unfixed",
		},
		{
			ID:       "C4.2",
			Says:     "G0 builds {P0: 11}; G1 builds {P0: 11, P1: 21}; G0 sends, builds and sends {P0: 12}; G1 sends: P0 falls from 12 to 11, and after a restart messages are consumed twice.",
			Verdict:  Confirmed,
			Evidence: "It is the shortest schedule there is. Nothing repairs it: 12 was acknowledged, so it is clean and not sent again.",
			Command:  "simrun run offset-rewind",
		},
		{
			ID:      "C4.3",
			Says:    "A separate lock is simple, a little slower and sturdier; the broker's lock is faster and leans on internals; the separate lock is to be preferred.",
			Verdict: Confirmed,
			Evidence: "Both stop the rewind. 300 commits took 511 ms with the lock of its own and 294 ms with the broker's, in the releases; the model has the same order. " +
				"And the broker's lock, as released in 1.43.3, deadlocks: four goroutines commit once, the coordinator has moved, and each of four locks is held by one that wants the next.",
			Command: "simrun explore offset-rewind --variant broker-lock --set commits=1 --set committers=2 --set not-coordinator=1 --fail-fast",
		},
		{
			ID:      "C4.4",
			Says:    "Worst with several partitions a consumer, frequent manual commits, high throughput, network delay.",
			Verdict: "only in part",
			Evidence: "One partition never rewinds, and about six a consumer are worst: with more, the broker's lock is never free and serves in line. " +
				"Throughput counts most: none where a message takes 10 ms, several in 1,000 messages where it takes 0.2 ms. Network delay has no such effect: the odds stay within a factor of three from 0.1 to 50 ms.",
			Command: "simrun sweep rewind-odds",
		},
		{
			ID:      "C4.5",
			Says:    "Until fixed: commit less often, in batches; more instances with fewer partitions each; automatic commit, at the price of control.",
			Verdict: "only when it goes all the way",
			Evidence: "Automatic commits end it: one goroutine commits (in all states; world auto). Batches make rewinds rarer by the message, hardly by the commit. " +
				"Of 12 partitions, two instances are no better than one; six or twelve are.",
			Command: "simrun sweep rewind-odds",
		},
		{
			ID:       "3193",
			Says:     "Building the request before the broker's lock is taken breaks the deadlock of issue 3191 and is safe (pull request 3193).",
			Verdict:  Refuted,
			Evidence: "The deadlock is gone, and the rewind is back: the request may be old once the lock is there.",
			Command:  "simrun explore offset-rewind --variant build-outside",
		},
		{
			ID:      "2947",
			Says:    "With building and sending under one lock, committed offsets no longer go back (pull request 2947).",
			Verdict: "only when the connection and the process live",
			Evidence: "In order on the wire is all that a lock can give. A commit on a connection that was cut, or of a process that crashed, " +
				"may arrive after a newer one on the next connection, in every release.",
			Command: "simrun explore offset-rewind --variant broker-lock-released --set partitions=1 --set cuts=1",
		},
	},
	Build: buildOffsetRewind,
}

// saramas are all variants.
const saramas = "unfixed send-lock commit-lock broker-lock build-outside broker-lock-released"

// buildOffsetRewind makes consumers with one goroutine a partition. The first
// partition starts at offset 10, the next at 20, and so on.
func buildOffsetRewind(variant string, values Values) *sim.World {
	var offsets []model.Offset
	var committed []model.PartitionOffset
	for p := range values.Int("partitions") {
		offsets = append(offsets, model.Offset(10*(p+1)))
		committed = append(committed, model.PartitionOffset{Partition: model.Partition(p), Offset: offsets[p]})
	}
	w := sim.NewWorld()
	w.AddNode("coordinator", coordinator.NewHost(coordinator.NewGroup(offsets...), values.Int("not-coordinator")))
	var clients []string
	n := min(values.Int("instances"), len(committed))
	for i := range n {
		name := "" // of all that the instance has
		if n > 1 {
			name = fmt.Sprintf("%c.", 'a'+i)
		}
		clients = append(clients, addSarama(w, name, variant, values, committed[i*len(committed)/n:(i+1)*len(committed)/n])...)
	}
	cuts, crashes := values.Int("cuts"), values.Int("crashes")
	if cuts+crashes > 0 {
		w.Faults(sim.Budget{Cuts: cuts, ProcessCrashes: crashes})
	}
	w.Watch(properties.CommittedOffsetNeverRewinds())
	w.Watch(properties.OffsetsOnTheWireAreMonotone())
	if values.Word("commit") == "auto" {
		w.Watch(properties.CloseCommitsWhatWasProcessed())
	}
	if crashes > 0 {
		w.Watch(properties.CommitHistoryIsMonotone(&properties.CommitHistory{Clients: clients, Process: "consumer"}))
		w.Watch(properties.NoMessageIsProcessedTwice(offsets...))
	}
	return w
}

// addSarama adds a consumer of some partitions, and returns its goroutines.
func addSarama(w *sim.World, name, variant string, values Values, committed []model.PartitionOffset) (goroutines []string) {
	conf := sarama.Config{
		Release:            saramaReleases[variant].release,
		Proposal:           saramaReleases[variant].proposal,
		RetryMax:           3,
		MaxOpenRequests:    5,
		Goroutines:         len(committed) + values.Int("committers"),
		Manages:            values.Int("crashes") > 0,
		NoWriterPreference: values.Word("writer-preference") == "off",
	}
	auto := values.Word("commit") == "auto"
	if auto {
		conf.AutoCommit = time.Duration(values.Int("interval")) * time.Millisecond
	}
	om := sarama.NewOffsetManager(conf, w.Dial(name+"sarama", "coordinator"), committed...)
	consumer := sarama.NewConsumer(om)
	w.Share(name+"om", consumer)
	start := func(of string, goroutine sim.Program) {
		w.Go(name+of, goroutine)
		goroutines = append(goroutines, name+of)
	}
	for place, c := range committed {
		start(fmt.Sprintf("G%d", c.Partition), sarama.NewClaim(consumer, place, c.Offset,
			values.Int("commits"), values.Int("batch"), values.Int("resets")))
	}
	for c := range values.Int("committers") {
		start(fmt.Sprintf("C%d", c), sarama.NewCommitter(om, values.Int("commits")))
	}
	if auto {
		start("mainLoop", sarama.NewMainLoop(om))
	}
	if auto || values.Word("close") == "yes" {
		start("session", sarama.NewSession(consumer))
	}
	w.Process(name+"consumer", append([]string{name + "om", name + "sarama"}, goroutines...)...)
	return goroutines
}

// saramaReleases says which release a variant stands for, or what was proposed
// on top of it.
var saramaReleases = map[string]struct {
	release  sarama.Release
	proposal sarama.Proposal
}{
	"send-lock":            {sarama.Release1_37_2, sarama.Released},
	"unfixed":              {sarama.Release1_43_2, sarama.Released},
	"commit-lock":          {sarama.Release1_43_2, sarama.CommitLock},
	"broker-lock":          {sarama.Release1_43_3, sarama.Released},
	"build-outside":        {sarama.Release1_43_3, sarama.BuildOutside},
	"broker-lock-released": {sarama.Release1_48_0, sarama.Released},
}
