// Package stalesnapshot is the offset rewind without Kafka: a marker counts up, and
// committers take what is marked and commit it, in two steps.
package stalesnapshot

import (
	"fmt"

	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct{ Committers, Marks, Commits int }

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Committers, "committers", 2, 1, 16, "tasks that commit")
	f.Int(&p.Marks, "marks", 2, 1, 8, "how far the marker counts")
	f.Int(&p.Commits, "commits", 1, 1, 4, "commits of each committer")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

var (
	twoByTwo   = &setting{Name: "2x2"}
	threeByTwo = &setting{Name: "3x2x2", Set: func(p *Params) { p.Committers, p.Commits = 3, 2 }}

	neverFalls = &claim{Name: "committed-never-falls", Says: "the committed count never falls",
		Property: func(Params) *sim.Property { return committedNeverFalls() }}
)

// Scenario is the race. A variant is whether there is a lock.
var Scenario = scenario.Scenario[Params, bool]{
	Name:  "stale-snapshot",
	Title: "A committer takes a snapshot, is overtaken, and commits what is old by then",
	Stake: "A marker counts up; each committer takes the count and, in a second step, commits it. " +
		"A committer that took its snapshot early and commits late makes the committed count fall. " +
		"It is the offset rewind with all of Kafka taken away.",
	Do:      "Hold one lock over both steps, the snapshot and the commit.",
	Group:   scenario.Pattern,
	Sources: []string{"the shape of sarama issue 2940"},
	Code:    []string{"scenarios/stalesnapshot/stale_snapshot.go"},

	Flags:    (*Params).flags,
	Settings: []*setting{twoByTwo, threeByTwo},
	Claims:   []*claim{neverFalls},
	Variants: []scenario.Variant[Params, bool]{
		{Name: "unfixed", Is: false, Release: "nothing around snapshot and commit",
			Does:   "takes the count, then commits it",
			Expect: expect{scenario.Breaks(neverFalls)},
			States: map[*setting]int{twoByTwo: 91, threeByTwo: 6743}},
		{Name: "locked", Is: true, Release: "a lock around snapshot and commit",
			Does:   "takes the count and commits it under a lock",
			States: map[*setting]int{threeByTwo: 2274}},
	},
	Schedule: "C0 snapshot; marker mark; C1 snapshot; C1 commit; C0 commit",
	Story:    "marker mark before C1 snapshot\nC1 commit before C0 commit\nC0 snapshot before marker mark",
	Build: func(w *sim.World, locked bool, p Params) {
		c := &counts{locked: locked}
		w.Share("shared", c)
		w.GoProgram("marker", &marker{counts: c, marks: p.Marks})
		for i := range p.Committers {
			w.GoProgram(fmt.Sprintf("C%d", i), &committer{counts: c, commits: p.Commits})
		}
	},
}

const (
	pointMark     string = "mark"
	pointLock     string = "lock"
	pointSnapshot string = "snapshot"
	pointCommit   string = "commit"
)

// number is what a committer comes back with.
type number struct{ n int }

func (n *number) Name() string   { return "number" }
func (n *number) String() string { return fmt.Sprint(n.n) }

// counts is what marker and committers share. Both are read and written atomically, so
// that there is a race and no data race: go test -race has nothing to say.
type counts struct {
	locked            bool `sim:"config"`
	lock              sim.Mutex
	marked, committed sim.Atomic[int]
}

func (c *counts) Describe(show func(name, value string)) {
	show("marked", fmt.Sprint(c.marked.Peek()))
	show("committed", fmt.Sprint(c.committed.Peek()))
}

// marker counts up.
type marker struct {
	*counts
	marks int `sim:"config"`
	i     int
}

func (m *marker) Run(t *sim.Task) {
	for m.i = 0; m.i < m.marks; m.i++ {
		t.Step(pointMark)
		m.marked.Add(t, 1)
	}
}

// Describe shows nothing besides what is shared.
func (m *marker) Describe(func(name, value string)) {}

// committer takes snapshots and commits them.
type committer struct {
	*counts
	commits  int `sim:"config"`
	i        int
	snapshot int
}

func (c *committer) Run(t *sim.Task) {
	for c.i = 0; c.i < c.commits; c.i++ {
		if c.locked {
			c.lock.Lock(t.At(pointLock))
		}
		t.Step(pointSnapshot)
		c.snapshot = c.marked.Load(t)
		t.Step(pointCommit)
		c.committed.Store(t, c.snapshot)
		t.Return(&number{c.snapshot})
		if c.locked {
			c.lock.Unlock(t)
		}
	}
}

func (c *committer) Describe(show func(name, value string)) {
	show("snapshot", fmt.Sprint(c.snapshot))
}

// committedNeverFalls judges what is committed.
func committedNeverFalls() *sim.Property {
	var was int
	p := sim.NewProperty("committed-never-falls", &was)
	sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, committed *number) {
		if was > 0 {
			c.Assert(committed.n >= was, "%s took the committed count back from %d to %d", a.Actor, was, committed.n)
		}
		was = committed.n
	})
	return p
}
