// Package offsetrewind is Sarama's offset commit race: a request that was built
// earlier is sent later, and takes a committed offset back.
package offsetrewind

import (
	"fmt"
	"strings"
	"time"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/group/sarama"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct {
	Partitions, Instances, Commits, Batch, Committers int
	NotCoordinator, Refusals                          int
	Refusal                                           Refusal
	ReadTimeout                                       time.Duration // Net.ReadTimeout; of Silence
	Auto                                              bool
	Interval                                          time.Duration
	Close                                             bool
	Resets, Crashes, Cuts                             int
	MaxOpen                                           int
	WriterPreference                                  bool
}

// Refusal is an error for which an OffsetCommit is refused.
type Refusal uint8

const (
	NotCoordinator Refusal = iota
	LoadInProgress
	MetadataTooLarge
	CoordinatorNotAvailable
	UnknownTopic
	FencedInstance
	// Silence is that it is never answered. No flag has it: where time is not judged, a deadline
	// may be over before any answer.
	Silence
)

// Error is that of Kafka; None: there is no answer.
func (r Refusal) Error() model.Error {
	return [...]model.Error{
		model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress, model.ErrOffsetMetadataTooLarge,
		model.ErrCoordinatorNotAvailable, model.ErrUnknownTopicOrPartition, model.ErrFencedInstanceID,
		model.None,
	}[r]
}

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Partitions, "partitions", 2, 1, 64, "partitions, and goroutines: one claims each")
	f.Int(&p.Instances, "instances", 1, 1, 64, "consumers, among which the partitions are divided")
	f.Int(&p.Commits, "commits", 2, 1, 100_000, "commits of each goroutine")
	f.Int(&p.Batch, "batch", 1, 1, 1000, "messages that a goroutine marks before each commit")
	f.Int(&p.Committers, "committers", 0, 0, 8, "goroutines that mark nothing and only commit")
	f.Int(&p.NotCoordinator, "not-coordinator", 0, 0, 1000, "the first OffsetCommit, counted from 1, that is refused; 0 is none")
	f.Int(&p.Refusals, "refusals", 1, 1, 1000, "how many are, one after the other")
	scenario.Choice(f, &p.Refusal, "refusal", scenario.Words{
		"NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS", "OFFSET_METADATA_TOO_LARGE",
		"COORDINATOR_NOT_AVAILABLE", "UNKNOWN_TOPIC_OR_PARTITION", "FENCED_INSTANCE_ID",
	}, "for which they are")
	f.Switch(&p.Auto, "commit", "manual", "auto", false, "whether goroutines commit, or a ticker does")
	f.Millis(&p.Interval, "interval", 1000, 1, 60_000, "of automatic commits, in ms")
	f.Switch(&p.Close, "close", "no", "yes", false, "whether the consumer is closed in the end; with automatic commits it always is")
	f.Int(&p.Resets, "resets", 0, 0, 10, "how often a goroutine resets its offset to process a message again")
	f.Int(&p.Crashes, "crashes", 0, 0, 2, "how often the consumer may crash and come back")
	f.Int(&p.Cuts, "cuts", 0, 0, 3, "how often the connection may be cut")
	f.Int(&p.MaxOpen, "max-open", 5, 1, 64, "Net.MaxOpenRequests; up to 1.61.0 one more is on the wire")
	f.Switch(&p.WriterPreference, "writer-preference", "off", "on", true, "whether a reader of an RWMutex waits for a writer that waits, as in Go")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
	counts  = map[*setting]int
)

var (
	twoByTwo       = &setting{Name: "2x2"}
	auto           = &setting{Name: "auto", Set: func(p *Params) { p.Auto, p.NotCoordinator = true, 1 }}
	moved          = &setting{Name: "moved", Set: func(p *Params) { p.NotCoordinator = 1 }}
	fourCommitters = &setting{Name: "four-committers", Set: func(p *Params) { p.Commits, p.Committers, p.NotCoordinator = 1, 2, 1 }}
	cut            = &setting{Name: "cut", Set: func(p *Params) { p.Partitions, p.Cuts = 1, 1 }}
	crash          = &setting{Name: "crash", Set: func(p *Params) { p.Partitions, p.Committers, p.Crashes = 1, 1, 1 }}
	reset          = &setting{Name: "reset", Set: func(p *Params) { p.Partitions, p.Committers, p.Resets = 1, 1, 1 }}
)

func crashes(p Params) bool { return p.Crashes > 0 }

var (
	neverRewinds = &claim{Name: "committed-offset-never-rewinds", Says: "the offset that the coordinator holds for a partition never goes back",
		Property: func(Params) *sim.Property { return properties.CommittedOffsetNeverRewinds() }}
	wireMonotone = &claim{Name: "offsets-on-the-wire-are-monotone", Says: "the offsets that the client sends for a partition never go back",
		Property: func(Params) *sim.Property { return properties.OffsetsOnTheWireAreMonotone() }}
	closeCommits = &claim{Name: "close-commits-what-was-processed",
		Says:     "when a consumer that commits automatically is closed, all that it has processed is committed",
		If:       func(p Params) bool { return p.Auto },
		Property: func(Params) *sim.Property { return properties.CloseCommitsWhatWasProcessed() }}
	historyMonotone = &claim{Name: "commit-history-is-monotone",
		Says: "no consumer that comes back reads less than what was acknowledged before, nor what nobody committed",
		If:   crashes,
		Property: func(p Params) *sim.Property {
			var clients []string
			for _, i := range p.instances() {
				clients = append(clients, i.goroutines(p)...)
			}
			return properties.CommitHistoryIsMonotone(&properties.CommitHistory{Clients: clients, Process: "consumer"})
		}}
	processedOnce = &claim{Name: "no-message-is-processed-twice", Says: "a message is processed once (Kafka promises at least once)",
		If:       crashes,
		Property: func(p Params) *sim.Property { return properties.NoMessageIsProcessedTwice(p.offsets()...) }}
	noDeadlock = scenario.BuiltIn[Params](sim.NoDeadlock)
)

// stale is what those break whose request may be older than the lock that it is sent
// under.
var stale = expect{
	scenario.Breaks(neverRewinds, wireMonotone).Where(twoByTwo, moved, crash).
		Because("the request is built before the lock is taken, and may be old by then"),
	scenario.Breaks(historyMonotone).Where(crash).Because("the request that comes late is one of the same process, so the next one reads less than was acknowledged"),
}

// symptoms are how a user meets the race.
var symptoms = []scenario.Symptom{{
	Seen: []scenario.Seen{
		{Text: "a message is processed twice after a restart, and no call failed"},
		{Text: "the committed offset went back"},
		{Text: "offset goes back after restart"},
		{Text: "a consumer rewinds after a restart"},
		{Text: "the committed offset was rewound"},
		{Text: "duplicate messages are consumed after a restart or rebalance"},
	},
	Cause:    "A commit that was built earlier was sent later.",
	Variants: []string{"send-lock", "unfixed"},
	Do:       "Use Sarama 1.48.0.",
	Command:  scenario.Command("run", "offset-rewind"),
}, {
	Seen: []scenario.Seen{
		{Text: "Commit or Close of a Sarama consumer hangs after the coordinator moved"},
		{Text: "offset manager deadlock"},
		{Text: "consumer group does not shut down, Close never returns"},
	},
	Cause:    "Four goroutines wait for each other's locks.",
	Variants: []string{"broker-lock"},
	Do:       "Use Sarama 1.48.0.",
	Command:  scenario.Command("explore", "offset-rewind/broker-lock@four-committers", "--fail-fast"),
}}

// Client is a release, and what was proposed on top of it.
type Client struct {
	release  sarama.Release
	proposal sarama.Proposal
	flush    func(sarama.Steps) sim.Program // of its own, or nil
}

// Sarama is a release of Sarama.
func Sarama(release sarama.Release) Client { return Client{release: release} }

// Own is 1.48.0 with a flushToBroker of one's own.
func Own(flush func(sarama.Steps) sim.Program) Client {
	return Client{release: sarama.Release1_48_0, flush: flush}
}

// Scenario is the race.
var Scenario = scenario.Scenario[Params, Client]{
	Name:  "offset-rewind",
	Title: "A stale commit overtakes a newer one, and the committed offset goes back",
	Stake: "One goroutine a partition commits through one offset manager, which builds a request and sends it " +
		"with nothing holding the two together. " +
		"A request that was built early and is sent late takes a partition's committed offset back, and since the " +
		"newer offset is acknowledged and clean, nothing sends it again. " +
		"After a restart or a rebalance, messages that were processed and committed are consumed twice.",
	Do:       "Use Sarama 1.48.0 or later. Releases 1.43.3 to 1.47 do not rewind, but can deadlock.",
	Group:    scenario.ClientRace,
	Fixed:    "Sarama 1.48.0",
	Symptoms: symptoms,
	Sources: []string{
		"sarama issue 2940 (the race), pull request 2941 (a lock of its own, closed)",
		"sarama pull request 2947 (the broker's lock; release 1.43.3)",
		"sarama issue 3191 (the deadlock of that), pull requests 3193 (closed) and 3477 (release 1.48.0)",
	},
	Code: []string{"model/group/sarama/offset_manager.go", "model/group/sarama/proposals.go", "model/group/sarama/broker.go", "model/group/sarama/client.go", "model/group/sarama/consumer_group.go", "model/coordinator/host.go", "model/coordinator/group.go", "properties/offset_commit.go"},

	Flags:    (*Params).flags,
	Settings: []*setting{twoByTwo, auto, moved, fourCommitters, cut, crash, reset},
	Claims:   []*claim{neverRewinds, wireMonotone, closeCommits, historyMonotone, processedOnce},
	Always: expect{
		scenario.Breaks(neverRewinds).Where(cut, crash).
			Because("what was written to a connection that broke, or by a process that is gone, may arrive after what comes next: no lock of the client reaches that far"),
		scenario.Breaks(processedOnce).Where(crash).Because("what was processed and not committed comes again"),
		scenario.Breaks(neverRewinds, wireMonotone).Where(reset).Because("the application asks for it"),
		scenario.Vacuous(noDeadlock).Where(auto, cut).Because("one goroutine takes all locks that are held for longer than a step"),
	},
	Variants: []scenario.Variant[Params, Client]{
		{Name: "unfixed", Is: Client{release: sarama.Release1_43_2}, Release: "Sarama 1.38.0 to 1.43.2",
			Does:   "builds the request, then takes the broker's lock for the round trip",
			Expect: stale, SlowIn: []*setting{fourCommitters},
			States: counts{twoByTwo: 3344, auto: 5053, moved: 6414, cut: 133, crash: 10242, reset: 1722}},
		{Name: "send-lock", Is: Client{release: sarama.Release1_37_2}, Release: "Sarama 1.27.0 to 1.37.2",
			Does:   "builds the request, then takes the broker's lock for the send",
			Expect: stale, SlowIn: []*setting{fourCommitters}, States: counts{twoByTwo: 3536}},
		{Name: "commit-lock", Is: Client{release: sarama.Release1_43_2, proposal: sarama.CommitLock}, Release: "Sarama pull request 2941, never released",
			Does: "holds a lock of its own over building, sending and the response",
			Expect: expect{scenario.Vacuous(neverRewinds).Where(fourCommitters).
				Because("what the first committer sends is refused, and the others then send all there is at once: no partition is committed twice")},
			States: counts{twoByTwo: 587}},
		{Name: "broker-lock", Is: Client{release: sarama.Release1_43_3}, Release: "Sarama 1.43.3 to 1.47 (pull request 2947)",
			Does: "builds and sends under the broker's lock, and awaits the response without it",
			Expect: expect{scenario.Breaks(noDeadlock).Where(fourCommitters).
				Because("four goroutines hold a lock each, and each wants the next one's (sarama issue 3191)")},
			States: counts{twoByTwo: 2543, auto: 3938, moved: 3461, cut: 140, reset: 1505}},
		{Name: "build-outside", Is: Client{release: sarama.Release1_43_3, proposal: sarama.BuildOutside}, Release: "Sarama pull request 3193, never released",
			Does:   "as broker-lock, but takes the lock only once the request is built",
			Expect: stale, SlowIn: []*setting{fourCommitters}, States: counts{twoByTwo: 3214}},
		{Name: "broker-lock-released", Is: Client{release: sarama.Release1_48_0}, Release: "Sarama 1.48.0 and later (pull request 3477)",
			Does:   "as broker-lock, but forgets the coordinator only after it has released pomsLock",
			States: counts{twoByTwo: 2543, auto: 3903, moved: 3323}},
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
	Statements: []scenario.Statement{
		{
			ID:       "C4.1",
			Says:     "One goroutine a partition; Commit is build, find coordinator, send, without synchronisation: stale requests overtake newer ones.",
			Verdict:  scenario.True,
			Evidence: "The search reaches it. Each send does take the broker's lock, which since 1.38.0 is held for the whole round trip; that holds the stale request back for as long and does not make it fresh.",
			Command:  "simrun explore offset-rewind/unfixed",
		},
		{
			ID:       "C4.2",
			Says:     "G0 builds {P0: 11}; G1 builds {P0: 11, P1: 21}; G0 sends, builds and sends {P0: 12}; G1 sends: P0 falls from 12 to 11, and after a restart messages are consumed twice.",
			Verdict:  scenario.True,
			Evidence: "It is the shortest schedule there is. Nothing repairs it: 12 was acknowledged, so it is clean and not sent again.",
			Command:  "simrun run offset-rewind",
		},
		{
			ID:      "C4.3",
			Says:    "A separate lock is simple, a little slower and sturdier; the broker's lock is faster and leans on internals; the separate lock is to be preferred.",
			Verdict: scenario.True,
			Evidence: "Both stop the rewind. 300 commits took 511 ms with the lock of its own and 294 ms with the broker's, in the releases; the model has the same order. " +
				"And the broker's lock, as released in 1.43.3, deadlocks: four goroutines commit once, the coordinator has moved, and each of four locks is held by one that wants the next.",
			Command: "simrun explore offset-rewind/broker-lock@four-committers --fail-fast",
		},
		{
			ID:      "C4.4",
			Says:    "Worst with several partitions a consumer, frequent manual commits, high throughput, network delay.",
			Verdict: scenario.PartlyTrue,
			When:    "partitions and throughput yes, network delay only up to 2 ms",
			Evidence: "One partition never rewinds. Released 1.43.2 took back 0, 4, 9, 10, 15 and 16 partitions in 1,000 messages with 2, 4, 6, 8, 12 and 16 a consumer, and the model has the same trend. " +
				"Stale commits are most at six, for with more the broker's lock is never free and serves in line; but each takes back all that it has. " +
				"By the model alone: no rewind where a message takes 10 ms, several in 1,000 messages where it takes 0.2 ms; 0.6 stale commits at a delay of 0.1 ms, 2.3 at 2 ms.",
			Command: "simrun sweep rewind-odds",
		},
		{
			ID:      "C4.5",
			Says:    "Until fixed: commit less often, in batches; more instances with fewer partitions each; automatic commit, at the price of control.",
			Verdict: scenario.PartlyTrue,
			When:    "when it goes all the way",
			Evidence: "Automatic commits end it: one goroutine commits (in all states; world auto). By the model alone: batches make rewinds rarer by the message, hardly by the commit; " +
				"of 12 partitions, two instances have as many stale commits as one, which take back 5 of 1,000 messages instead of 11; six or twelve have hardly any.",
			Command: "simrun sweep rewind-odds",
		},
		{
			ID:       "3193",
			Says:     "Building the request before the broker's lock is taken breaks the deadlock of issue 3191 and is safe (pull request 3193).",
			Verdict:  scenario.False,
			Evidence: "The deadlock is gone, and the rewind is back: the request may be old once the lock is there.",
			Command:  "simrun explore offset-rewind/build-outside",
		},
		{
			ID:      "2947",
			Says:    "With building and sending under one lock, committed offsets no longer go back (pull request 2947).",
			Verdict: scenario.PartlyTrue,
			When:    "when the connection and the process live",
			Evidence: "In order on the wire is all that a lock can give. A commit on a connection that was cut, or of a process that crashed, " +
				"may arrive after a newer one on the next connection, in every release.",
			Command: "simrun explore offset-rewind/broker-lock-released@cut",
		},
	},
	Build: build,
}

// offsets are those of the partitions at the start: 10, 20, and so on.
func (p Params) offsets() []model.Offset {
	var offsets []model.Offset
	for i := range p.Partitions {
		offsets = append(offsets, model.Offset(10*(i+1)))
	}
	return offsets
}

// instance is a consumer.
type instance struct {
	prefix     string // of all names of what it has
	partitions []model.PartitionOffset
}

// instances divides the partitions.
func (p Params) instances() []instance {
	var committed []model.PartitionOffset
	for i, offset := range p.offsets() {
		committed = append(committed, model.PartitionOffset{Partition: model.Partition(i), Offset: offset})
	}
	var list []instance
	n := min(p.Instances, len(committed))
	for i := range n {
		prefix := ""
		if n > 1 {
			prefix = strings.Repeat(string(rune('a'+i%26)), 1+i/26) + "." // After z. comes aa.
		}
		list = append(list, instance{prefix, committed[i*len(committed)/n : (i+1)*len(committed)/n]})
	}
	return list
}

// build makes consumers with one goroutine a partition.
func build(w *sim.World, client Client, p Params) {
	w.AddNode("coordinator", coordinator.NewHost(coordinator.NewGroup(p.offsets()...), p.NotCoordinator, p.Refusals, p.Refusal.Error()))
	for _, i := range p.instances() {
		i.add(w, client, p)
	}
	faults := sim.Faults{Cuts: p.Cuts, ProcessCrashes: p.Crashes}
	if p.silent() {
		faults.Closes = p.Refusals
	}
	if p.Cuts+p.Crashes+faults.Closes > 0 {
		w.Allow(faults)
	}
}

// silent says whether commits are never answered.
func (p Params) silent() bool { return p.NotCoordinator > 0 && p.Refusal == Silence }

// add adds the consumer.
func (i instance) add(w *sim.World, client Client, p Params) {
	conf := sarama.Config{
		Release:            client.release,
		Proposal:           client.proposal,
		Flush:              client.flush,
		RetryMax:           3,
		MaxOpenRequests:    p.MaxOpen,
		Goroutines:         len(i.partitions) + p.Committers,
		Manages:            p.Crashes > 0,
		NoWriterPreference: !p.WriterPreference,
	}
	if p.Auto {
		conf.AutoCommit = p.Interval
	}
	if p.silent() {
		conf.ReadTimeout = p.ReadTimeout
	}
	om := sarama.NewOffsetManager(conf, w.Dial(i.prefix+"sarama", "coordinator"), i.partitions...)
	consumer := sarama.NewConsumer(om)
	w.Share(i.prefix+"om", consumer)
	names := i.goroutines(p)
	next := names
	start := func(goroutine sim.Program) {
		w.GoProgram(next[0], goroutine)
		next = next[1:]
	}
	for place, c := range i.partitions {
		start(sarama.NewClaim(consumer, place, c.Offset, p.Commits, p.Batch, p.Resets))
	}
	for range p.Committers {
		start(sarama.NewCommitter(om, p.Commits))
	}
	if p.Auto {
		start(sarama.NewMainLoop(om))
	}
	if p.Auto || p.Close {
		start(sarama.NewSession(consumer))
	}
	if p.silent() {
		start(om.Reader())
	}
	w.Process(i.prefix+"consumer", append([]string{i.prefix + "om", i.prefix + "sarama"}, names...)...)
}

// goroutines names them, in the order in which they start.
func (i instance) goroutines(p Params) []string {
	var names []string
	for _, c := range i.partitions {
		names = append(names, fmt.Sprintf("%sG%d", i.prefix, c.Partition))
	}
	for c := range p.Committers {
		names = append(names, fmt.Sprintf("%sC%d", i.prefix, c))
	}
	if p.Auto {
		names = append(names, i.prefix+"mainLoop")
	}
	if p.Auto || p.Close {
		names = append(names, i.prefix+"session")
	}
	if p.silent() {
		names = append(names, i.prefix+"reader")
	}
	return names
}
