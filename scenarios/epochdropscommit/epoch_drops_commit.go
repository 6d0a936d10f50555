// Package epochdropscommit is franz-go's third commit race: a commit is accepted, and its
// client does not note it, because its member epoch is another by then.
package epochdropscommit

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
type Params struct{ Ticks, Epochs int }

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Ticks, "ticks", 1, 0, 2, "autocommits")
	f.Int(&p.Epochs, "epochs", 1, 0, 2, "how often the member epoch rises")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

var (
	rises    = &setting{Name: "rises"}
	twice    = &setting{Name: "twice", Set: func(p *Params) { p.Ticks, p.Epochs = 2, 2 }}
	oneEpoch = &setting{Name: "one-epoch", Set: func(p *Params) { p.Ticks, p.Epochs = 2, 0 }}

	neverRewinds = &claim{Name: "committed-offset-never-rewinds", Says: "the offset that the coordinator holds for a partition never goes back",
		Property: func(Params) *sim.Property { return properties.CommittedOffsetNeverRewinds() }}
	wireMonotone = &claim{Name: "offsets-on-the-wire-are-monotone", Says: "the offsets that the client sends for a partition never go back",
		Property: func(Params) *sim.Property { return properties.OffsetsOnTheWireAreMonotone() }}
)

// client is a release.
type client struct {
	prior    kgo.Prior
	dropsOld bool
}

var drops = scenario.Breaks(neverRewinds, wireMonotone).Where(rises, twice).
	Because("the answer to the commit is dropped, so the next autocommit takes what was processed before it")

// Scenario is the race. A variant is a release.
var Scenario = scenario.Scenario[Params, client]{
	Name:  "epoch-drops-commit",
	Title: "A member epoch rises while a commit is out, and an autocommit takes back what it committed",
	Stake: "Under KIP-848 a heartbeat brings the next member epoch while a commit of the application is on its way. " +
		"The coordinator takes the commit, although its epoch is older, and answers NONE. The client has another epoch by then, and does not note the answer. " +
		"Its next autocommit sends less: the committed offset goes back, although each call returned without an error. " +
		"A consumer that restarts before the next commit has those messages twice.",
	Do:    "Use franz-go 1.22.1 or later; or disable autocommit; or stay with the classic protocol.",
	Group: scenario.ClientRace,
	Fixed: "franz-go 1.22.1",
	Symptoms: []scenario.Symptom{{
		Seen: []scenario.Seen{
			{Text: "a franz-go consumer of a KIP-848 group commits 13, answered with NONE, and then 12"},
			{Text: "franz-go CommitOffsetsSync returns no error, and the next autocommit takes it back while the group rebalances"},
			{Text: "the committed offset goes back with group.protocol consumer and autocommit, and no commit failed"},
		},
		Cause:    "The member epoch rose while the commit was out, and the client drops the answer.",
		Variants: []string{"flag", "compares-epochs"},
		Also:     ", under KIP-848, where the coordinator takes commits of older epochs (KIP-1251)",
		Do:       "Use franz-go 1.22.1, or disable autocommit, or stay with the classic protocol.",
		Command:  scenario.Command("run", "epoch-drops-commit"),
	}},
	Sources: []string{
		"groupConsumer.updateCommitted of franz-go 1.21.0, 1.22.0 and 1.22.1; by the source, 1.19.0 to 1.20.7 drop it too",
		"KIP-848 (member epochs), KIP-1251 (a commit of an older epoch is taken)",
	},
	Code:     []string{"model/group/kgo/async.go", "model/group/kgo/session.go", "model/group/kgo/consumer_group.go", "model/coordinator/group.go"},
	Flags:    (*Params).flags,
	Settings: []*setting{rises, twice, oneEpoch},
	Claims:   []*claim{neverRewinds, wireMonotone},
	Variants: []scenario.Variant[Params, client]{
		{Name: "compares-epochs", Is: client{kgo.AwaitPriorCount, true}, Release: "franz-go 1.21.4 to 1.22.0",
			Does:   "notes an answer if it still has the epoch of the request",
			Expect: expect{drops}},
		{Name: "flag", Is: client{kgo.AwaitPrior, true}, Release: "franz-go 1.21.0 to 1.21.3",
			Does:   "likewise; a commit that is done lets autocommits through, whether another one is out or not",
			Expect: expect{drops}},
		{Name: "compares-members", Is: client{kgo.AwaitPriorCount, false}, Release: "franz-go 1.22.1 to 1.22.3",
			Does: "notes an answer if it is still the member of the request"},
	},
	Statements: []scenario.Statement{{
		ID:       "1.22.0",
		Says:     "A commit that is answered without an error is not taken back by the client that sent it.",
		Verdict:  scenario.PartlyTrue,
		When:     "unless the member epoch rises before the answer, up to franz-go 1.22.0",
		Evidence: "The search finds 12, answered with NONE, and then 11 from the ticker. Released 1.22.0 does so in virtual time, and 1.22.1 does not (go -C witness/conform test . -run TestReleases -releases franz-go@v1.22.0). If the epoch stays, every variant holds in all states.",
		Command:  "simrun explore epoch-drops-commit",
	}},
	Schedule: `
		app poll; app poll#2; app commit async; app await join; app sync commits; app block auto; app start commit
		commit1 go; commit1 issue commit; heartbeats start; heartbeats heartbeat
		commit1->coordinator OffsetCommit; commit1 await response; commit1 update committed; commit1 unblock auto
		auto1 tick; auto1 autocommit; auto1 await prior; auto1 issue commit; auto1->coordinator OffsetCommit`,
	Story: `
		app block auto before heartbeats heartbeat
		heartbeats heartbeat before commit1 update committed
		commit1 unblock auto before auto1 autocommit`,
	Build: build,
}

// build makes a member with one partition at offset 10, whose application polls two records and
// commits both. The coordinator takes whatever epoch a commit carries.
func build(w *sim.World, is client, p Params) {
	const committed model.Offset = 10
	w.AddNode("coordinator", coordinator.NewClassicGroup(coordinator.Unvalidated, 0, committed))
	g := kgo.NewGroupConsumer(is.prior, w.Dial("kgo", "coordinator"), 1+p.Ticks, committed)
	epochs := []kgo.Epoch{{Is: 1}}
	for i := range p.Epochs {
		epochs = append(epochs, kgo.Epoch{Is: model.GenerationID(2 + i)})
	}
	heartbeats := g.Learns(kgo.SessionConfig{DropsOld: is.dropsOld}, epochs...)
	w.Share("g", g)
	app, commits, _ := kgo.NewAsyncApplication(g, true, kgo.Commit{Polls: make([]model.Partition, 2)})
	w.GoProgram("app", app)
	for i, c := range commits {
		w.GoProgram(fmt.Sprint("commit", i+1), c)
	}
	for i := range p.Ticks {
		w.GoProgram(fmt.Sprint("auto", i+1), kgo.NewTick(g, 2+i))
	}
	w.GoProgram("heartbeats", heartbeats)
}
