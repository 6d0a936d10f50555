// Package commitawaitsrejoin is what Sarama's cooperative rebalance does with commits:
// each waits for the whole join.
package commitawaitsrejoin

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/group/sarama"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct {
	Kept, Revoked         int
	Work                  sim.Delay
	Comes, Others, Leader time.Duration
	Interval, Heartbeat   time.Duration
	Drain                 time.Duration
	MaxOpen               int
	Timed                 bool
	Limit                 time.Duration
}

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Kept, "kept", 2, 0, 1000, "messages of the partition that the member keeps")
	f.Int(&p.Revoked, "revoked", 0, 0, 1000, "messages of the partition that it has to give up")
	f.Delay(&p.Work, "work", "uniform:900ms,1100ms", "timed: what a handler works on a message")
	f.Millis(&p.Comes, "comes", 0, 0, 60_000, "when somebody joins the group, in ms; 0: it has just joined when the session begins")
	f.Millis(&p.Others, "others", 8000, 0, 300_000, "how long the slowest of the others takes to join again, in ms")
	f.Millis(&p.Leader, "leader", 10, 0, 300_000, "how long the leader takes to assign, in ms")
	f.Millis(&p.Interval, "interval", 1000, 1, 60_000, "of automatic commits, in ms")
	f.Millis(&p.Heartbeat, "heartbeat", 0, 0, 60_000, "Consumer.Group.Heartbeat.Interval, in ms; 0: there is one heartbeat, when the session begins")
	f.Duration(&p.Drain, "drain", 0, "timed: how long Messages stays open after a claim is cancelled, until the fetch that is out is answered")
	f.Int(&p.MaxOpen, "max-open", 5, 1, 64, "Net.MaxOpenRequests")
	f.Switch(&p.Timed, "clock", "untimed", "timed", true, "whether things take their time")
	f.Millis(&p.Limit, "limit", 5000, 1, 300_000, "timed: how long a partition that is kept may stand still, in ms")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

// The members of the group that have a name.
const (
	member model.MemberID = 1
	other  model.MemberID = 2
)

var (
	slow = &setting{Name: "slow"}
	one  = &setting{Name: "one", Set: func(p *Params) { p.Timed, p.Kept, p.Revoked = false, 0, 1 }}
	both = &setting{Name: "both", Set: func(p *Params) { p.Timed, p.Kept, p.Revoked = false, 1, 1 }}

	stored = &claim{Name: "commit-returns-stored", Says: "when Commit returns, what its handler has processed is committed",
		Property: func(Params) *sim.Property { return properties.CommitReturnsStored() }}
	goesOn = &claim{Name: "kept-partition-goes-on", Says: "a partition that the member keeps is processed while the group rebalances",
		If:       func(p Params) bool { return p.Timed },
		Property: func(p Params) *sim.Property { return properties.PartitionGoesOn(0, p.Limit) }}
)

// Consumer is a member of the group with its application.
type Consumer struct {
	unlocked bool
	marks    bool // and the client commits
}

// Commits is Sarama since 1.61.0, and handlers that commit.
var Commits = Consumer{}

// Marks is Sarama since 1.61.0, and handlers that mark.
var Marks = Consumer{marks: true}

var (
	noDataRace  = scenario.BuiltIn[Params](sim.NoDataRace)
	standsStill = scenario.Breaks(goesOn).Where(slow).
			Because("the handler of the partition that is kept is in Commit, and that waits until the slowest of the others has joined")
)

// Scenario is the race. A variant is a client and what its handlers do.
var Scenario = scenario.Scenario[Params, Consumer]{
	Name:  "commit-awaits-rejoin",
	Title: "A cooperative consumer joins again, and each Commit waits until the whole group has joined",
	Stake: "Since 1.61.0 Sarama goes through a cooperative rebalance within one session: handlers of partitions that it keeps run on. " +
		"So that no commit is sent under a generation that is over, a lock is held for writing over JoinGroup and SyncGroup, and a commit takes it for reading. " +
		"A handler that commits by itself stands still until the slowest member has joined, up to Rebalance.Timeout: " +
		"what cooperative rebalancing was to avoid.",
	Do: "With a cooperative strategy mark only, and leave the commits to Consumer.Offsets.AutoCommit: MarkMessage does not wait. " +
		"If you commit by yourself, keep the work between two polls of the slowest member short.",
	Group: scenario.ClientRace,
	Symptoms: []scenario.Symptom{{
		Seen: []scenario.Seen{
			{Text: "Sarama session.Commit blocks for seconds while the group rebalances, with a cooperative strategy"},
			{Text: "partitions that a Sarama consumer keeps stand still during a cooperative rebalance"},
			{Text: "goroutine in offsetManager.flushToBrokerFor waits in sync.RWMutex.RLock, another in rejoinCooperative"},
		},
		Cause:    "Commit waits for a lock that is held for the whole JoinGroup and SyncGroup.",
		Variants: []string{"commits"},
		Also:     ", with a cooperative strategy",
		Do:       "Mark only, with automatic commits.",
		Command:  scenario.Command("run", "commit-awaits-rejoin"),
	}},
	Sources: []string{
		"consumerGroup.rejoinCooperative, consumerGroupSession.reconcileAssignment and offsetManager.transitionGeneration of sarama 1.61.0 and 1.61.1; pull request 3696",
		"in sarama 1.60.1 and 1.60.2 the lock is there, and nothing takes it for writing: their sessions end with each rebalance",
	},
	Code: []string{
		"model/group/sarama/cooperative.go", "model/group/sarama/offset_manager.go", "scenarios/commitawaitsrejoin/group.go", "properties/offset_commit.go",
	},
	Flags:    (*Params).flags,
	Settings: []*setting{slow, one, both},
	Claims:   []*claim{goesOn, stored},
	Variants: []scenario.Variant[Params, Consumer]{
		{Name: "commits", Is: Commits, Release: "Sarama 1.61.0 to 1.61.1, and handlers that commit",
			Does:   "waits with each commit until the next generation is there, and sends it under that",
			Expect: expect{standsStill}, SlowIn: []*setting{both}},
		{Name: "marks", Is: Marks, Release: "Sarama 1.61.0 to 1.61.1, and handlers that mark",
			Does:   "likewise, but it is the client that commits, and the handlers go on",
			Expect: expect{scenario.Vacuous(stored).Where(one, both, slow).Because("no handler commits")}, SlowIn: []*setting{both}},
		{Name: "unlocked", Is: Consumer{unlocked: true}, Release: "nobody's",
			Does: "takes generationLock for writing nowhere, as 1.60.1 and 1.60.2, and joins within one session all the same",
			Expect: expect{
				standsStill,
				scenario.Breaks(stored).Where(one, both, slow).
					Because("a commit that was built before the join is refused after it; Commit returns, and has no error to return"),
				scenario.Breaks(noDataRace).Where(one, both, slow).Because("it reads the generation while the join writes it"),
			}, SlowIn: []*setting{both}},
	},
	Schedule: `
		G0 next message (default); heartbeats heartbeats; heartbeats heartbeat; heartbeats beat; heartbeats->coordinator Heartbeat
		heartbeats await heartbeat; heartbeats select (session.rejoin); consume await rejoin; consume rejoin; consume select (default)
		consume next generation; consume join; consume->coordinator JoinGroup; G0 mark; coordinator.others-join fires
		consume await join; consume sync; consume->coordinator SyncGroup; coordinator.leader-assigns fires; consume await sync
		consume revoke; G1 next message; consume await claim; consume async close; consume async close pom; consume release poms
		consume release pom; G0 enter generation; G0 coordinator; G0 lock broker; G0 construct request; G0 snapshot; G0 write
		consume rejoin#2; consume select (default)#2; consume next generation#2; G0->coordinator OffsetCommit; G0 await response
		G0 handle response; G0 update committed; G0 release poms; G0 next message (default)#2; consume next generation (readers leave)
		consume join#2; consume->coordinator JoinGroup#2; G0 mark#2`,
	Statements: []scenario.Statement{
		{
			ID:      "3696",
			Says:    "With a cooperative strategy a consumer goes on with the partitions that it keeps while the group rebalances (pull request 3696).",
			Verdict: scenario.PartlyTrue,
			When:    "if its handlers mark, and do not commit",
			Evidence: "Where the slowest of the others takes 8 s to join, a handler that commits each message stands still for about as long, and one that only marks goes on. " +
				"To take the lock away is no cure: JoinGroup holds the broker's lock until it is answered, so the commit waits for that (variant unlocked). " +
				"1.61.0 and 1.61.1 send their commits, heartbeats and joins when the model does, at drawn settings: go -C witness/conform test . -run TestReleases.",
			Command: "simrun explore commit-awaits-rejoin",
		},
		{
			ID:       "3696-lock",
			Says:     "The lock keeps a commit from crossing from one generation into the next, so none is lost.",
			Verdict:  scenario.True,
			Evidence: "In all states of two handlers that commit, what a Commit returns for is stored, and nothing hangs. Without the lock a commit is refused with ILLEGAL_GENERATION, and Commit returns all the same.",
			Command:  "simrun explore commit-awaits-rejoin@both",
		},
	},
	Build: build,
}

// build makes a member with two partitions, its group, and somebody who joins that.
func build(w *sim.World, is Consumer, p Params) {
	if p.Timed {
		w.Timed(sim.Timing{
			Latency:    sim.Constant(time.Millisecond),
			ThinkTimes: []sim.DelayOverride{{Of: sarama.PointMark, Delay: p.Work}},
		})
	}
	w.AddNode("coordinator", newGroup(p))
	conf := sarama.Config{Release: sarama.Release1_61_1, RetryMax: 3, MaxOpenRequests: p.MaxOpen, Goroutines: 4, Member: member}
	if is.marks {
		conf.AutoCommit = p.Interval
	}
	messages := []int{p.Kept, p.Revoked}
	om := sarama.NewOffsetManager(conf, w.Dial("sarama", "coordinator"), model.PartitionOffset{Partition: 0, Offset: 10}, model.PartitionOffset{Partition: 1, Offset: 20})
	session := sarama.NewCooperative(om, is.unlocked)
	w.Share("session", session)
	for place, n := range messages {
		w.GoProgram(fmt.Sprint("G", place), sarama.NewHandler(session, place, model.Offset(10*(place+1)), n))
	}
	w.GoProgram("consume", sarama.NewConsume(session, p.Drain))
	w.GoProgram("heartbeats", sarama.NewHeartbeatLoop(session, p.Heartbeat))
	if is.marks {
		w.GoProgram("mainLoop", sarama.NewMainLoop(om))
	}
	if p.Comes > 0 {
		w.GoProgram("joiner", &joiner{conn: w.Dial("joiner", "coordinator"), comes: p.Comes})
	}
}
