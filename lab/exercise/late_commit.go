package exercise

import (
	"fmt"

	"racelab/sim"
)

// lateCommit is exercise 08: a rebalance comes while a message is processed.
func lateCommit() *Exercise {
	words := []word{
		{name: "poll", gives: number, does: "takes the next message, and gives the offset to commit once it is processed", waits: true},
		{name: "generation", gives: number, does: "the generation of the group in which this member is now", waits: true},
		{name: "work", does: "processes the message; a rebalance may come meanwhile", waits: true},
		{name: "commit", args: []kind{number, number}, gives: failure, does: "commits as a member of a generation: commit(offset, generation)", waits: true},
		{name: "report", args: []kind{failure}, does: "tells the application that the commit failed: the message comes again"},
	}
	p := &program{
		name: "08-late-commit", title: "A rebalance meets a commit",
		worlds: []world{{name: "alone"}, {name: "taken", when: "a rebalance gives the partition to B"}, {name: "kept", when: "a rebalance comes, and A keeps the partition"}},
		goals: []goal{
			{name: "offset-never-goes-back", says: "the committed offset never goes back", property: storedNeverGoesBack, in: []string{"taken"}},
			{name: "something-is-committed", says: "without a rebalance, the message is committed", cheat: "commits nothing", in: []string{"alone"}},
			{name: "refused-is-reported", says: "the application hears of a commit that was refused", cheat: "keeps a refusal to itself"},
		},
		build: func(w *sim.World, c []*code, world string) { buildLateCommit(w, c[0], world) },
	}
	return &Exercise{
		ID: p.name, Title: "The late commit", Minutes: 20,
		Story: "A works on message 10 for a minute. A rebalance gives its partition to B, which processes 10 and 11 and commits 12. " +
			"Then A is done, and commits 11. No call fails, and the group reads 11 again.",
		Task:     "Say what A's commit carries. The coordinator refuses a commit whose generation is not the group's, and no other.",
		Skeleton: "offset := poll()\nwork()\nerr := commit(offset, generation())\nif err != nil {\n\treport(err)\n}\n",
		Hints: [3]string{
			"let the rebalance come during work(), let B commit, and look at what A's commit carries.",
			"the coordinator can only refuse what says that it is old. Of which generation was the message?",
			"take generation() before poll(), and commit with that.",
		},
		Stretch: "put generation() between poll() and work(). Which order of steps breaks that?",
		Shipped: "KIP-848: a commit carries the member epoch. Java's commitSync(offsets) carries that of now",
		Link:    "https://cwiki.apache.org/confluence/display/KAFKA/KIP-848%3A+The+Next+Generation+of+the+Consumer+Rebalance+Protocol",
		holes: []*language{{hole: "func consume() {", words: words, values: map[string]variable{
			"ErrIllegalGeneration": {kind: failure, value: illegalGeneration, does: "the answer to a commit of another generation"},
		}}},
		grade: p.grade, scenario: p.race,
	}
}

// illegalGeneration is Kafka's code.
const illegalGeneration = 22

// group is one partition, who owns it, and what is committed.
//
// Differs: unlike racelab/model/coordinator it is memory, and a member is in the new
// generation as soon as there is one: nothing here is about the network.
type group struct {
	generation sim.Atomic[int]
	committed  sim.Atomic[int]
	unheard    sim.Atomic[bool] // a refusal of which the application has not heard
	polled     sim.WaitGroup    // until A has the message
}

// Describe shows what the coordinator has.
func (g *group) Describe(show func(name, value string)) {
	show("generation", fmt.Sprint(g.generation.Peek()))
	show("committed", fmt.Sprint(g.committed.Peek()))
}

// storedOffset is an offset that the coordinator takes.
type storedOffset struct{ n int }

func (*storedOffset) Name() string     { return "stored" }
func (s *storedOffset) String() string { return fmt.Sprint(s.n) }

func buildLateCommit(w *sim.World, c *code, world string) {
	g := &group{}
	g.generation.Init(4)
	g.committed.Init(10)
	g.polled.Init(1)
	w.Share("group", g)
	commit := func(t *sim.Task, m *machine) int {
		if m.arg(1) != g.generation.Load(t) {
			g.unheard.Store(t, true)
			return illegalGeneration
		}
		g.committed.Store(t, m.arg(0))
		t.Return(&storedOffset{m.arg(0)})
		return 0
	}
	play(w, "A", c, []operation{
		step("poll", func(t *sim.Task, _ *machine) int { g.polled.Done(t); return 11 }),
		step("generation", func(t *sim.Task, _ *machine) int { return g.generation.Load(t) }),
		step("work", func(*sim.Task, *machine) int { return 0 }),
		step("commit", commit),
		func(t *sim.Task, m *machine) int {
			if m.arg(0) != 0 {
				g.unheard.Store(t, false)
			}
			return 0
		},
	})
	others := []word{{name: "polled", waits: true}, {name: "rebalance", waits: true}, {name: "commit", args: []kind{number, number}, gives: failure, waits: true}}
	operations := []operation{
		doing(func(t *sim.Task, _ *machine) { g.polled.Wait(t.At("await poll")) }),
		step("rebalance", func(t *sim.Task, _ *machine) int { g.generation.Store(t, 5); return 0 }),
		step("commit", commit),
	}
	switch world {
	case "taken":
		play(w, "B", script("polled()\nrebalance()\ncommit(12, 5)", others), operations)
	case "kept":
		play(w, "B", script("polled()\nrebalance()", others), operations)
	}
	w.Finally("something-is-committed", func(c *sim.Claim) {
		if world == "alone" {
			c.Assert(g.committed.Peek() == 11, "message 10 was processed, and offset %d is committed", g.committed.Peek())
		}
	})
	w.Finally("refused-is-reported", func(c *sim.Claim) {
		c.Assert(!g.unheard.Peek(), "A's commit was refused with ILLEGAL_GENERATION, and the application was not told")
	})
}

// storedNeverGoesBack judges what the coordinator takes.
func storedNeverGoesBack() *sim.Property {
	var highest int
	p := sim.NewProperty("offset-never-goes-back", &highest)
	sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, s *storedOffset) {
		c.Assert(s.n >= highest, "%s took the committed offset back from %d to %d", a.Actor, highest, s.n)
		highest = s.n
	})
	return p
}
