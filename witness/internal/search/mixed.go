package search

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"racelab/sim"
	"racelab/sim/explore"
)

// Mixed samples runs in four ways, one after the other, as no single way is good at
// all bugs.
//
//   - Priorities: that of explore.PCT, of a depth from 1 to the given one.
//   - Few objects: one to three objects that goroutines share are chosen; a goroutine
//     that is about to use one of them may stand there until nobody else can go on.
//   - Locks in a circle: the same with the locks that some goroutines take in one
//     order and some in another, as far as the pilot saw. Without any, few objects.
//   - Events: each event gets a random priority, and a new one when it was overtaken
//     by another use of its object.
//
// In each way up to so many faults happen as the run allows, in one run of eight none:
// where, is drawn before the run from all places where the longest run so far could have
// had one.
//
// Sources: Burckhardt et al.: A Randomized Scheduler with Probabilistic Guarantees of
// Finding Bugs (ASPLOS 2010); Yuan, Yang, Gu: Partial Order Aware Concurrency Sampling
// (CAV 2018); Zhao et al.: Selectively Uniform Concurrency Testing (ASPLOS 2025);
// Joshi et al.: A Randomized Dynamic Program Analysis Technique for Detecting Real
// Deadlocks (PLDI 2009).
//
// Strategy is one of Ways, or "mixed" for all of them.
func Mixed(sys *System, strategy string, seed uint64, depth int, o explore.Options) (*explore.Result, error) {
	k := &known{users: map[uintptr]map[int]bool{}, within: map[uintptr]map[uintptr]bool{}}
	k.pilot(sys, seed)
	r, err := explore.Sample(strategy, sys, seed, o, func(seed uint64) sim.Chooser {
		k.conclude()
		random := rand.New(rand.NewPCG(seed, 1))
		c := &chooser{sys: sys, known: k, random: random, turn: map[int]int{}, stands: map[int]bool{}, asked: map[int]int{}, priority: map[int]int{}}
		way := strategy
		if way == "mixed" {
			way = Ways[seed%uint64(len(Ways))]
		}
		switch {
		case way == "locks" && len(k.circle) > 0:
			c.hot = k.circle
		case way == "objects" || way == "locks":
			c.hot = map[uintptr]bool{}
			for range min(1+random.IntN(3), len(k.shared)) {
				c.hot[k.shared[random.IntN(len(k.shared))]] = true
			}
		case way == "events":
			c.events = true
		}
		if k.faults > 0 {
			c.faults = map[int]bool{}
			if random.IntN(8) > 0 {
				for range 1 + random.IntN(k.faults) {
					c.faults[random.IntN(k.places)] = true
				}
			}
		}
		for range random.IntN(depth) {
			c.changes = append(c.changes, random.IntN(max(k.longest, 1)))
		}
		return c
	})
	if err != nil {
		return nil, err
	}
	k.conclude()
	r.Sampler = fmt.Sprintf("depth up to %d, %d shared objects, %d locks in a circle, %d steps, as far as was seen", depth, len(k.shared), len(k.circle), k.longest)
	return r, nil
}

// Ways are those of Mixed.
var Ways = []string{"priorities", "objects", "locks", "events"}

// pilotRuns is how many random walks a pilot takes.
const pilotRuns = 10

// known is what the runs so far say of a system. Runs are taken one after the other,
// so each depends on those before it.
type known struct {
	longest int                          // steps of a run of the pilot
	users   map[uintptr]map[int]bool     // of each object
	within  map[uintptr]map[uintptr]bool // locks that were taken while another was held
	grown   bool
	faults  int // that a run allows
	places  int // where a fault could have happened, in the run with most of them

	shared []uintptr        // objects that several goroutines use
	circle map[uintptr]bool // locks of which one is taken while another is held, and the other way round
}

// learn adds what the last step was about.
func (k *known) learn(sys *System) {
	for _, step := range sys.Trace() {
		next := step.Next
		if next.Object == 0 || step.Aside {
			continue
		}
		if k.users[next.Object] == nil {
			k.users[next.Object] = map[int]bool{}
		}
		if by := k.users[next.Object]; !by[step.Event.Process] {
			by[step.Event.Process], k.grown = true, true
		}
		for _, held := range next.Holds {
			if k.within[held] == nil {
				k.within[held] = map[uintptr]bool{}
			}
			if in := k.within[held]; !in[next.Object] {
				in[next.Object], k.grown = true, true
			}
		}
	}
}

func (k *known) pilot(sys *System, seed uint64) {
	for i := range uint64(pilotRuns) {
		sys.Reset()
		walk := sim.NewWalk(seed + i)
		steps, places := 0, 0
		for ; len(sys.Enabled()) > 0 && steps < sim.MaxSteps/10; steps++ {
			at, _ := walk.Choose(sys.Enabled())
			if k.place(sys, places) {
				at, places = 0, places+1
			}
			sys.Take(at)
			k.learn(sys)
		}
		k.longest = max(k.longest, steps)
	}
}

// place says whether a fault may happen now, in a run in which it might have happened
// at so many places before.
func (k *known) place(sys *System, before int) bool {
	faults := sys.Next(len(sys.Enabled()) - 1).Faults
	if faults == 0 {
		return false
	}
	k.faults, k.places = max(k.faults, faults), max(k.places, before+1)
	return true
}

// conclude finds what is shared and which locks are in a circle.
func (k *known) conclude() {
	if !k.grown {
		return
	}
	k.grown, k.shared, k.circle = false, nil, map[uintptr]bool{}
	for o, by := range k.users {
		if len(by) > 1 {
			k.shared = append(k.shared, o)
		}
	}
	slices.Sort(k.shared)
	for lock := range k.within {
		if k.reaches(lock, lock, map[uintptr]bool{}) {
			k.circle[lock] = true
		}
	}
}

// reaches says whether one lock is taken, over some steps, while another is held.
func (k *known) reaches(from, to uintptr, seen map[uintptr]bool) bool {
	for next := range k.within[from] {
		if next == to {
			return true
		}
		if !seen[next] {
			seen[next] = true
			if k.reaches(next, to, seen) {
				return true
			}
		}
	}
	return false
}

// chooser chooses by priorities of goroutines, and lets them stand at hot objects.
type chooser struct {
	sys      *System
	known    *known
	random   *rand.Rand
	priority map[int]int // by thread
	changes  []int       // steps before which the one that would move falls behind all
	hot      map[uintptr]bool
	events   bool         // priorities are those of events
	turn     map[int]int  // by thread: how many steps it has taken
	asked    map[int]int  // by thread: the turn before which it was decided whether it stands
	stands   map[int]bool // by thread
	step     int
	faults   map[int]bool // at which places a fault happens
	places   int          // where one might have happened, so far
}

func (c *chooser) Choose(enabled []sim.Event) (int, error) {
	if c.step > 0 {
		c.known.learn(c.sys)
	}
	if c.known.place(c.sys, c.places) {
		c.step++
		c.places++
		if c.faults[c.places-1] {
			return 1 + c.random.IntN(len(enabled)-1), nil
		}
		return 0, nil
	}
	best, standing := -1, []int(nil)
	for i, e := range enabled {
		if _, ok := c.priority[e.Thread]; !ok {
			c.priority[e.Thread] = c.draw()
		}
		if c.waits(i, e.Thread) {
			standing = append(standing, i)
			continue
		}
		if best < 0 || c.priority[e.Thread] > c.priority[enabled[best].Thread] {
			best = i
		}
	}
	if best < 0 {
		best = standing[c.random.IntN(len(standing))]
		delete(c.stands, enabled[best].Thread)
	}
	thread := enabled[best].Thread
	for i, at := range c.changes {
		if at == c.step {
			c.changes[i] = -1
			c.priority[thread] = -1 - i
			return c.Choose(enabled)
		}
	}
	c.step++
	c.turn[thread]++
	if c.events {
		c.overtaken(enabled, best)
	}
	ways := 1
	for best+ways < len(enabled) && enabled[best+ways].Thread == thread {
		ways++
	}
	return best + c.random.IntN(ways), nil
}

func (c *chooser) draw() int { return c.random.IntN(1 << 30) }

// waits decides, once before each step of a goroutine, whether it stands there.
func (c *chooser) waits(i, thread int) bool {
	if len(c.hot) == 0 {
		return false
	}
	if at, ok := c.asked[thread]; !ok || at != c.turn[thread] {
		c.asked[thread] = c.turn[thread]
		next := c.sys.Next(i)
		if c.hot[next.Object] && c.random.IntN(4) < 1+len(next.Holds) {
			c.stands[thread] = true
		}
	}
	return c.stands[thread]
}

// overtaken gives new priorities to the event that is taken, and to those of the same
// object.
func (c *chooser) overtaken(enabled []sim.Event, best int) {
	object := c.sys.Next(best).Object
	for i, e := range enabled {
		if i == best || object != 0 && c.sys.Next(i).Object == object {
			c.priority[e.Thread] = c.draw()
		}
	}
}
