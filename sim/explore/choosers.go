package explore

import (
	"math/rand/v2"
	"slices"

	"racelab/sim"
)

// fair gives the turn to the thread that has waited longest for it. Of several ways to go
// on it takes one at random, as a rule could take one and the same in each round of a loop.
type fair struct {
	random *rand.Rand
	last   []int // by thread: the step of its last turn
	step   int
}

func (f *fair) Choose(enabled []sim.Event) (int, error) {
	best := -1
	for i, e := range enabled {
		for e.Thread >= len(f.last) {
			f.last = append(f.last, 0)
		}
		if best < 0 || f.last[e.Thread] < f.last[enabled[best].Thread] {
			best = i
		}
	}
	f.step++
	f.last[enabled[best].Thread] = f.step
	return anyWay(f.random, enabled, best), nil
}

// waysFrom is how many of the events, from the given one on, are ways of the
// same thread.
func waysFrom(enabled []sim.Event, i int) int {
	n := 1
	for i+n < len(enabled) && enabled[i+n].Thread == enabled[i].Thread {
		n++
	}
	return n
}

// waysOf is how many of the events are ways of the thread.
func waysOf(enabled []sim.Event, thread int) int {
	first := slices.IndexFunc(enabled, func(e sim.Event) bool { return e.Thread == thread })
	return waysFrom(enabled, first)
}

// anyWay returns one of those ways.
func anyWay(random *rand.Rand, enabled []sim.Event, i int) int {
	if n := waysFrom(enabled, i); n > 1 {
		return i + random.IntN(n)
	}
	return i
}

// pilot is what some random walks say of a system's size.
type pilot struct {
	steps   []int // by thread: the most that it took in a run
	threads int
	longest int     // the most steps of a run
	ways    float64 // the most combinations of ways through the selects of a run
}

// pilotRuns is how many walks a pilot takes.
const pilotRuns = 20

func newPilot(sys System, seed uint64) pilot {
	p := pilot{ways: 1}
	at := newCursor(sys)
	for i := range uint64(pilotRuns) {
		at.Reset()
		walk := sim.NewWalk(seed + i)
		var steps []int
		total, ways := 0, 1.0
		for ; len(at.Enabled()) > 0 && total < sim.MaxSteps; total++ {
			i, _ := walk.Choose(at.Enabled())
			thread := at.Enabled()[i].Thread
			ways *= float64(waysOf(at.Enabled(), thread))
			for len(steps) <= thread {
				steps = append(steps, 0)
			}
			steps[thread]++
			at.Take(i)
		}
		p.longest, p.ways = max(p.longest, total), max(p.ways, ways)
		for thread, n := range steps {
			if thread == len(p.steps) {
				p.steps = append(p.steps, 0)
			}
			p.steps[thread] = max(p.steps[thread], n)
		}
	}
	for _, n := range p.steps {
		if n > 0 {
			p.threads++
		}
	}
	return p
}

func (p pilot) uniform(seed uint64) sim.Chooser {
	return &uniform{random: random(seed), left: slices.Clone(p.steps)}
}

// uniform chooses a thread by how many steps it has left.
type uniform struct {
	random *rand.Rand
	left   []int // by thread
}

func (u *uniform) weight(e sim.Event) int {
	if e.Thread < len(u.left) {
		return max(u.left[e.Thread], 1)
	}
	return 1
}

func (u *uniform) Choose(enabled []sim.Event) (int, error) {
	total := 0
	for i := 0; i < len(enabled); i += waysFrom(enabled, i) {
		total += u.weight(enabled[i])
	}
	at := u.random.IntN(total)
	for i := 0; i < len(enabled); i += waysFrom(enabled, i) {
		e := enabled[i]
		if at -= u.weight(e); at < 0 {
			if e.Thread < len(u.left) {
				u.left[e.Thread]--
			}
			return anyWay(u.random, enabled, i), nil
		}
	}
	panic("unreachable")
}

// pct chooses the thread of the highest priority.
type pct struct {
	random   *rand.Rand
	priority []int // by thread
	changes  []int // steps before which the one that would move falls behind all
	step     int
}

func newPCT(seed uint64, depth int, p pilot) *pct {
	c := &pct{random: random(seed)}
	for range depth - 1 {
		c.changes = append(c.changes, c.random.IntN(max(p.longest, 1)))
	}
	for _, rank := range c.random.Perm(len(p.steps)) {
		c.priority = append(c.priority, depth+rank)
	}
	return c
}

func (c *pct) Choose(enabled []sim.Event) (int, error) {
	best := 0
	for i, e := range enabled {
		for e.Thread >= len(c.priority) {
			c.priority = append(c.priority, len(c.changes)+1+c.random.IntN(1<<30))
		}
		if c.priority[e.Thread] > c.priority[enabled[best].Thread] {
			best = i
		}
	}
	for i, at := range c.changes {
		if at == c.step {
			c.changes[i] = -1
			c.priority[enabled[best].Thread] = len(c.changes) - 1 - i
			return c.Choose(enabled)
		}
	}
	c.step++
	return anyWay(c.random, enabled, best), nil
}
