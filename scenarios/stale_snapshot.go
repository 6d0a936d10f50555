package scenarios

import (
	"fmt"

	"racelab/sim"
)

// staleSnapshot is the offset rewind without Kafka: a marker counts up, and
// committers take what is marked and commit it, in two steps.
var staleSnapshot = Scenario{
	Name:  "stale-snapshot",
	Title: "A committer takes a snapshot, is overtaken, and commits what is old by then",
	Stake: "A marker counts up; each committer takes the count and, in a second step, commits it. " +
		"A committer that took its snapshot early and commits late makes the committed count fall. " +
		"It is the offset rewind with all of Kafka taken away.",
	Do:      "Hold one lock over both steps, the snapshot and the commit.",
	Group:   Pattern,
	Sources: []string{"the shape of sarama issue 2940"},
	Code:    []string{"scenarios/stale_snapshot.go"},
	Parameters: []Parameter{
		{Name: "committers", Help: "tasks that commit", Default: "2", Takes: Numbers{1, 16}},
		{Name: "marks", Help: "how far the marker counts", Default: "2", Takes: Numbers{1, 8}},
		{Name: "commits", Help: "commits of each committer", Default: "1", Takes: Numbers{1, 4}},
	},
	Variants: []Variant{
		{"unfixed", "nothing around snapshot and commit", "takes the count, then commits it"},
		{"locked", "a lock around snapshot and commit", "takes the count and commits it under a lock"},
	},
	Worlds: []World{
		{Name: "2x2"},
		{Name: "3x2x2", Set: "committers=3 commits=2"},
	},
	Properties: []Claimed{
		{"committed-never-falls", "the committed count never falls"},
	},
	Breaks: []Expectation{
		{"unfixed", "committed-never-falls", "2x2 3x2x2"},
		// The marker does not take the lock, so locked still races on the count.
		{"unfixed locked", "no-data-race", "2x2 3x2x2"},
	},
	Idle: []Expectation{
		{"unfixed", "no-deadlock no-progress", "2x2 3x2x2"},
	},
	Schedule: "C0 snapshot; marker mark; C1 snapshot; C1 commit; C0 commit",
	Story:    "marker mark before C1 snapshot\nC1 commit before C0 commit\nC0 snapshot before marker mark",
	Build:    buildStaleSnapshot,
}

const (
	pointMark     sim.Point = "mark"
	pointSnapshot sim.Point = "snapshot"
	pointCommit   sim.Point = "commit"
)

// counts is what marker and committers share.
type counts struct {
	locked            bool `sim:"config"`
	lock              sim.Mutex
	marked, committed sim.Var[int]
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
		t.Yield(pointMark)
		m.marked.Set(t, m.marked.Get(t)+1)
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
			c.lock.Lock(t, pointLock)
		}
		t.Yield(pointSnapshot)
		c.snapshot = c.marked.Get(t)
		t.Yield(pointCommit)
		c.committed.Set(t, c.snapshot)
		t.Returned(&number{c.snapshot})
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

func buildStaleSnapshot(variant string, values Values) *sim.World {
	w := sim.NewWorld()
	c := &counts{locked: variant == "locked"}
	w.Share("shared", c)
	w.Go("marker", &marker{counts: c, marks: values.Int("marks")})
	for i := range values.Int("committers") {
		w.Go(fmt.Sprintf("C%d", i), &committer{counts: c, commits: values.Int("commits")})
	}
	w.Watch(committedNeverFalls())
	return w
}
