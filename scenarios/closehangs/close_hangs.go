// Package closehangs is Close that does not return: of a member whose group rebalances,
// of a connection whose reader needs the lock that Close holds, and of an offset manager
// whose errors nobody reads.
package closehangs

import (
	"time"

	"racelab/model"
	"racelab/model/group/kafkago"
	"racelab/model/group/kgo"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// All lists the races.
func All() []scenario.Any { return []scenario.Any{&Scenario, &Reader, &Errors} }

// Params are the parameters.
type Params struct {
	Rounds int
	Timed  bool
	Busy   time.Duration
	After  time.Duration
	Grace  time.Duration
}

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Rounds, "rounds", 0, 0, 10, "how often the other member joins and leaves; 0: it never stops")
	f.Switch(&p.Timed, "clock", "untimed", "timed", false, "whether things take their time")
	f.Millis(&p.Busy, "busy", 0, 0, 300_000, "how long the other member, which is in the group, works before it joins again, in ms; 0: it is not in the group")
	f.Millis(&p.After, "close-after", 0, 0, 300_000, "when the application closes its client, in ms; 0: at any moment")
	f.Millis(&p.Grace, "grace", 10_000, 1, 300_000, "how long a process has from SIGTERM to SIGKILL, in ms; docker stop has 10,000")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

var (
	rolling = &setting{Name: "rolling"}
	once    = &setting{Name: "once", Set: func(p *Params) { p.Rounds = 1 }}
	slow    = &setting{Name: "slow", Set: func(p *Params) {
		p.Rounds, p.Timed, p.Busy, p.After = 1, true, 25*time.Second, time.Second
	}}

	closeEnds = &claim{Name: "close-ends", Says: "Close returns in the end, however often the group rebalances",
		Property: func(Params) *sim.Property { return properties.CloseEnds[*model.Closed]() }}
	hasLeft = &claim{Name: "closed-member-has-left", Says: "when Close has returned, the member is not in its group any more",
		Property: func(Params) *sim.Property { return properties.ClosedMemberHasLeft(closing) }}
	inTime = &claim{Name: "close-ends-in-time", Says: "Close returns before the process is killed",
		If:       func(p Params) bool { return p.Timed },
		Property: func(p Params) *sim.Property { return properties.CloseEndsWithin[*model.Closed](p.Grace) }}
)

var (
	noProgress   = scenario.BuiltIn[Params](sim.NoProgress)
	endsWhenFair = scenario.BuiltIn[Params]("ends-when-fair")
)

var awaitsOthers = scenario.Breaks(inTime).Where(slow).Because("Close waits for a join that waits for the others' work, up to the rebalance timeout")

// client is whose member is closed.
type client struct {
	kafkaGo bool
	leaving kgo.Leaving // of franz-go
}

// Scenario is Close of a member. A variant is a release.
var Scenario = scenario.Scenario[Params, client]{
	Name:  "close-hangs",
	Title: "A member's client is closed while the group rebalances, and Close does not return",
	Stake: "Close waits for the goroutine that joins the group, and that joins again whenever its sync is refused. " +
		"In a group that keeps rebalancing, as in a rolling restart, it is refused again and again. " +
		"The process is killed in the end: nothing is flushed, and the member stays in the group until its session times out.",
	Do: "Use franz-go 1.22.3. In kafka-go 0.4.51 Close returns, but the group is not told: the others wait for its session to time out. " +
		"With every client, let the slowest work between two polls be shorter than the time from SIGTERM to SIGKILL.",
	Group: scenario.ClientRace,
	Fixed: "franz-go 1.22.3",
	Symptoms: []scenario.Symptom{
		{
			Seen: []scenario.Seen{
				{By: "franz-go", Text: "sync failed with RebalanceInProgress, rejoining"},
				{Text: "Close of a franz-go consumer hangs during a rolling restart"},
				{Text: "the consumer does not shut down while the group keeps rebalancing"},
			},
			Cause:    "Close waits for the goroutine that joins, and that joins again each time its sync is refused.",
			Variants: []string{"unfixed"},
			Do:       "Use franz-go 1.22.3.",
			Command:  scenario.Command("run", "close-hangs"),
		},
		{
			Seen: []scenario.Seen{
				{Text: "a closed kafka-go Reader stays in its group, and its partitions stand still until the session times out"},
				{Text: "kafka-go Reader.Close sends no LeaveGroup"},
			},
			Cause:    "A Reader that is closed when its sync is refused ends without leaving the group.",
			Variants: []string{"kafka-go"},
			Do:       "Give SessionTimeout what you can wait for; no setting makes it leave.",
			Command:  scenario.Command("explore", "close-hangs/kafka-go"),
		},
	},
	Sources: []string{
		"franz-go issue 1500 (Close during a rebalance; release 1.22.3)",
		"groupConsumer.manage, joinAndSync, heartbeat and leave of franz-go 1.22.2 and 1.22.3; joinAndSync of 1.0.0 and 1.13.2, where Close ends the join, and of 1.13.3",
		"kafka-go issues 1248, 1307 (open); Reader.Close, Reader.run, ConsumerGroup.run and nextGeneration of kafka-go 0.3.1, 0.4.20 and 0.4.51",
	},
	Code: []string{
		"model/group/kgo/manage.go", "model/group/kafkago/reader.go", "model/group/kafkago/consumer_group.go",
		"scenarios/closehangs/group.go", "properties/close.go",
	},
	Flags:    (*Params).flags,
	Settings: []*setting{once, rolling, slow}, // The first is one in which every run ends: schedules are drawn there.
	Claims:   []*claim{closeEnds, hasLeft, inTime},
	Always:   expect{scenario.Breaks(endsWhenFair).Where(rolling).Because("the other member never stops")},
	Variants: []scenario.Variant[Params, client]{
		{Name: "unfixed", Is: client{leaving: kgo.JoinsOn}, Release: "franz-go 1.13.3 to 1.22.2",
			Does: "joins again as often as its sync is refused, and then sees that it is closed",
			Expect: expect{
				scenario.Breaks(closeEnds).Where(rolling).Because("each time that it syncs, the group rebalances anew"),
				awaitsOthers,
			}},
		{Name: "asks-context", Is: client{leaving: kgo.AsksContext}, Release: "franz-go 1.22.3",
			Does:   "looks before each join whether it is closed",
			Expect: expect{awaitsOthers}},
		{Name: "kafka-go", Is: client{kafkaGo: true}, Release: "kafka-go 0.3.1 to 0.4.51",
			Does: "looks after each refused sync whether it is closed, and then ends without a LeaveGroup",
			Expect: expect{
				scenario.Breaks(hasLeft).Where(rolling, once).Because("after a refused sync it ends at once, and only a group that was closed in a generation is left"),
				scenario.Breaks(noProgress).Where(rolling, once).Because("the others wait for it to join, until its session times out, which the model leaves out"),
				awaitsOthers,
			}},
		{Name: "leave-at-once", Is: client{leaving: kgo.LeavesAtOnce}, Release: "nobody's yet",
			Does: "looks before each join, and leaves without waiting for the join that is on its way; the price: what is committed in revoke is refused"},
	},
	Schedule: `
		app close; manage join; other join; manage/kgo->coordinator JoinGroup; manage await join
		other->coordinator JoinGroup; manage/kgo->coordinator SyncGroup; manage await sync; manage join#2; manage/kgo->coordinator JoinGroup#2
		manage await join#2; other await join; other->coordinator SyncGroup; other await sync; other leave
		other->coordinator LeaveGroup; other await leave; other join#2; other->coordinator JoinGroup#2`,
	Statements: []scenario.Statement{
		{
			ID:       "1500",
			Says:     "A client that is closed while its group keeps rebalancing joins again and again, and does not shut down.",
			Verdict:  scenario.True,
			Evidence: "Each sync is refused because somebody came or went after the join, and the next join asks nobody. If the others come once, Close returns in all states; if they never stop, it need not. franz-go 1.22.3 asks before each join.",
			Command:  "simrun explore close-hangs",
		},
		{
			ID:      "1307",
			Says:    "kafka-go's Reader.Close hangs while the group rebalances.",
			Verdict: scenario.PartlyTrue,
			When:    "it hangs for as long as the join does, up to RebalanceTimeout",
			Evidence: "It returns in all states, however often the group rebalances. But a join is not interrupted: where another member works for 25 s, Close takes about 24. " +
				"franz-go 1.22.3 waits as long. And where the sync is refused, the Reader ends without a LeaveGroup, so that the others wait for its session to time out.",
			Command: "simrun explore close-hangs/kafka-go",
		},
	},
	Build: build,
}

// build makes a member whose client is closed, and another one.
func build(w *sim.World, is client, p Params) {
	if p.Timed {
		w.Timed(sim.Timing{Latency: sim.Constant(time.Millisecond)})
	}
	coordinator := &group{}
	coordinator.member(other).in = p.Busy > 0
	w.AddNode("coordinator", coordinator)
	if is.kafkaGo {
		r := kafkago.NewReader(closing, w.Dial("kafka-go", "coordinator"))
		w.Share("r", r)
		w.GoProgram("app", r.NewCloser(p.After))
		w.GoProgram("run", r.NewRun())
		w.GoProgram("cg", r.NewConsumerGroup(w.Dial("leaving", "coordinator")))
	} else {
		g := kgo.NewMembership(is.leaving, closing, w.Dial("kgo", "coordinator"))
		w.Share("g", g)
		w.GoProgram("app", g.NewCloser(w.Dial("leaving", "coordinator"), p.After))
		w.GoProgram("manage", g.NewManage())
	}
	w.GoProgram("other", &comer{conn: w.Dial("other", "coordinator"), rounds: p.Rounds, busy: p.Busy})
}
