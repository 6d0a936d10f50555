package scenarios

import (
	"fmt"

	"racelab/sim"
)

// lostUpdate is the smallest race there is: read, then write what was read plus
// one. Its numbers of interleavings, classes and states are known, so it is what
// the searches are tested and measured with.
var lostUpdate = Scenario{
	Name:  "lost-update",
	Title: "Two threads add one to a counter, and one of the updates is lost",
	Stake: "Each thread reads a counter and then writes what it read plus one. " +
		"A thread that writes after another one wrote, and read before, takes its update back. " +
		"It is the shape behind most of the races here, as small as it gets.",
	Do:      "Hold one lock over the read and the write, or use one atomic addition.",
	Group:   Toy,
	Sources: []string{"folklore; the counts follow from n threads of two steps each"},
	Code:    []string{"scenarios/lost_update.go"},
	Parameters: []Parameter{
		{Name: "threads", Help: "threads that add one each", Default: "2", Takes: Numbers{1, 6}},
	},
	Variants: []Variant{
		{"unfixed", "nothing around the two steps", "reads the counter, then writes it"},
		{"locked", "a lock around the two steps", "reads and writes under a lock"},
	},
	Worlds: []World{{Name: "2"}, {Name: "4", Set: "threads=4"}},
	Properties: []Claimed{
		{"no-update-is-lost", "no two threads leave the counter at the same value"},
	},
	Breaks: []Expectation{
		{"unfixed", "no-update-is-lost no-data-race", "2 4"},
	},
	Idle: []Expectation{
		// Without a lock nobody waits for one, nor for anything else.
		{"unfixed", "no-deadlock no-progress", "2 4"},
	},
	Schedule: "T1 read; T0 read; T0 write; T1 write",
	Story:    "T1 read before T0 write",
	Build:    buildLostUpdate,
}

const (
	pointRead  sim.Point = "read"
	pointWrite sim.Point = "write"
	pointLock  sim.Point = "lock"
)

// counter is what the threads share.
type counter struct {
	locked bool `sim:"config"`
	lock   sim.Mutex
	value  sim.Var[int]
}

// adder is a thread that adds one.
type adder struct {
	*counter
	register int
}

func (a *adder) Run(t *sim.Task) {
	if a.locked {
		a.lock.Lock(t, pointLock)
	}
	t.Yield(pointRead)
	a.register = a.value.Get(t)
	t.Yield(pointWrite)
	a.value.Set(t, a.register+1)
	t.Returned(&number{a.register + 1})
	if a.locked {
		a.lock.Unlock(t)
	}
}

func (a *adder) Describe(show func(name, value string)) {
	show("register", fmt.Sprint(a.register))
}

func (c *counter) Describe(show func(name, value string)) {
	show("counter", fmt.Sprint(c.value.Peek()))
}

// number is what a thread of the small scenarios comes back with.
type number struct{ n int }

func (n *number) Name() string   { return "number" }
func (n *number) String() string { return fmt.Sprint(n.n) }

// noUpdateIsLost judges the values that threads leave the counter at.
func noUpdateIsLost() *sim.Property {
	var left []int // how often, by value
	p := sim.NewProperty("no-update-is-lost", &left)
	sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, now *number) {
		for len(left) <= now.n {
			left = append(left, 0)
		}
		left[now.n]++
		c.Assert(left[now.n] == 1, "%s left the counter at %d, as another thread had before: an update is lost", a.Actor, now.n)
	})
	return p
}

func buildLostUpdate(variant string, values Values) *sim.World {
	w := sim.NewWorld()
	c := &counter{locked: variant == "locked"}
	w.Share("shared", c)
	for i := range values.Int("threads") {
		w.Go(fmt.Sprintf("T%d", i), &adder{counter: c})
	}
	w.Watch(noUpdateIsLost())
	return w
}
