// Package lostupdate is the smallest race there is: read, then write what was read
// plus one. Its numbers of interleavings, classes and states are known, so it is what
// the searches are tested and measured with.
package lostupdate

import (
	"fmt"

	"racelab/scenario"
	"racelab/sim"
)

// Params are the parameters.
type Params struct{ Threads int }

func (p *Params) flags(f *scenario.Flags) {
	f.Int(&p.Threads, "threads", 2, 1, 6, "threads that add one each")
}

type (
	setting = scenario.Setting[Params]
	claim   = scenario.Claim[Params]
	expect  = []scenario.Expect[Params]
)

var (
	two  = &setting{Name: "2"}
	four = &setting{Name: "4", Set: func(p *Params) { p.Threads = 4 }}

	noUpdateIsLost = &claim{Name: "no-update-is-lost", Says: "no two threads leave the counter at the same value",
		Property: func(Params) *sim.Property { return updatesSurvive() }}
)

// Scenario is the race. A variant is whether there is a lock.
var Scenario = scenario.Scenario[Params, bool]{
	Name:  "lost-update",
	Title: "Two threads add one to a counter, and one of the updates is lost",
	Stake: "Each thread reads a counter and then writes what it read plus one. " +
		"A thread that writes after another one wrote, and read before, takes its update back. " +
		"It is the shape behind most of the races here, as small as it gets.",
	Do:      "Hold one lock over the read and the write, or use one atomic addition.",
	Group:   scenario.Toy,
	Sources: []string{"folklore; the counts follow from n threads of two steps each"},
	Code:    []string{"scenarios/lostupdate/lost_update.go"},

	Flags:    (*Params).flags,
	Settings: []*setting{two, four},
	Claims:   []*claim{noUpdateIsLost},
	Variants: []scenario.Variant[Params, bool]{
		{Name: "unfixed", Is: false, Release: "nothing around the two steps",
			Does:   "reads the counter, then writes it",
			Expect: expect{scenario.Breaks(noUpdateIsLost)},
			States: map[*setting]int{two: 13, four: 755}},
		{Name: "locked", Is: true, Release: "a lock around the two steps",
			Does:   "reads and writes under a lock",
			States: map[*setting]int{two: 13, four: 193}},
	},
	Schedule: "T1 read; T0 read; T0 write; T1 write",
	Story:    "T1 read before T0 write",
	Build: func(w *sim.World, locked bool, p Params) {
		c := &counter{locked: locked}
		w.Share("shared", c)
		for i := range p.Threads {
			w.GoProgram(fmt.Sprintf("T%d", i), &adder{counter: c})
		}
	},
}

const (
	pointRead  string = "read"
	pointWrite string = "write"
	pointLock  string = "lock"
)

// counter is what the threads share. It is read and written atomically, so that there
// is a race and no data race: go test -race has nothing to say.
type counter struct {
	locked bool `sim:"config"`
	lock   sim.Mutex
	value  sim.Atomic[int]
}

// adder is a thread that adds one.
type adder struct {
	*counter
	register int
}

func (a *adder) Run(t *sim.Task) {
	if a.locked {
		a.lock.Lock(t.At(pointLock))
	}
	t.Step(pointRead)
	a.register = a.value.Load(t)
	t.Step(pointWrite)
	a.value.Store(t, a.register+1)
	t.Return(&number{a.register + 1})
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

// number is what a thread comes back with.
type number struct{ n int }

func (n *number) Name() string   { return "number" }
func (n *number) String() string { return fmt.Sprint(n.n) }

// updatesSurvive judges the values that threads leave the counter at.
func updatesSurvive() *sim.Property {
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
