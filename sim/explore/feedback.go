package explore

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"racelab/sim"
)

// Feedback samples runs that grow from earlier ones. A run is kept if its
// happens-before class is new. Three of four runs are one of those kept, in which the
// steps of one task or of a few come earlier or later, from a random one on. The others
// are as those of Uniform, or of PCT with a depth of 3. No probability follows from runs
// that break nothing.
//
// A run depends on those before it, so it is repeated by the whole sample alone, and
// there are no parts of it.
//
// Source: Li et al.: Fest: Feedback-guided Adaptive Testing of Distributed Systems
// Designs (NSDI 2026).
// Differs: Fest changes the random numbers from which a run is made, and asks its user
// which steps make two runs different.
func Feedback(sys System, seed uint64, o Options) (_ *Result, err error) {
	defer sim.RecoverModelError(&err)
	if o.From > 0 || o.Parts != nil {
		return nil, errors.New("explore: feedback has no parts: each run depends on those before it")
	}
	return newFeedback(sys, seed).sample(sys, seed, o)
}

// freshDepth is the depth of those runs that do not grow from others and are drawn as by
// PCT. Half of them: Uniform does not find what needs one task to wait for long.
const freshDepth = 3

// generation is how many runs are made from those that were kept, before it is looked
// at what they are.
const generation = 32

// keptSteps is how many steps those runs have that are kept, at most: 24 MB. The oldest
// are dropped.
const keptSteps = 1_000_000

// feedback is the runs that were kept.
type feedback struct {
	size  pilot
	seen  *seen // the classes of all runs
	kept  [][]taken
	steps int // of those
}

// taken is a step of a run.
type taken struct {
	thread int
	label  string
}

func newFeedback(sys System, seed uint64) *feedback {
	return &feedback{size: newPilot(sys, seed), seen: newSeen()}
}

func (f *feedback) sample(sys System, seed uint64, o Options) (*Result, error) {
	r, err := sample("feedback", sys, seed, o, sampler{f.chooser, f.learn, generation})
	if err != nil {
		return nil, err
	}
	r.Sampler = fmt.Sprintf("%s happens-before classes", Thousands(f.seen.n()))
	return r, nil
}

func (f *feedback) chooser(seed uint64) sim.Chooser {
	random := random(seed)
	if len(f.kept) == 0 || random.IntN(4) == 0 {
		if random.IntN(2) == 0 {
			return newPCT(seed, freshDepth, f.size)
		}
		return f.size.uniform(seed)
	}
	run, other := f.kept[random.IntN(len(f.kept))], f.kept[random.IntN(len(f.kept))]
	if len(other) < len(run) { // Those that try something again and again would take all the time.
		run = other
	}
	return newGrown(random, run)
}

// learn keeps a run whose class is new.
func (f *feedback) learn(s *sampled) {
	if _, isNew := f.seen.add(print{hash: s.class.sum}); !isNew || len(s.steps) == 0 {
		return
	}
	run := make([]taken, len(s.steps))
	for i, e := range s.steps {
		run[i] = taken{e.Thread, e.Label}
	}
	f.keep(run)
}

func (f *feedback) keep(run []taken) {
	f.kept, f.steps = append(f.kept, run), f.steps+len(run)
	for f.steps > keptSteps {
		f.kept, f.steps = f.kept[1:], f.steps-len(f.kept[0])
	}
}

// grown takes the steps of an earlier run in their order, but for those that were
// moved. Steps that the earlier run did not have come last, in any order.
type grown struct {
	random *rand.Rand
	steps  [][]planned // by thread, those that are left
}

// planned is a step of the earlier run, and when it is to come.
type planned struct {
	label string
	at    int // twice its place in the earlier run, and by how much it was moved
}

func newGrown(random *rand.Rand, earlier []taken) *grown {
	g := &grown{random: random}
	for at, e := range earlier {
		for e.thread >= len(g.steps) {
			g.steps = append(g.steps, nil)
		}
		g.steps[e.thread] = append(g.steps[e.thread], planned{e.label, 2 * at})
	}
	for more := true; more; more = random.IntN(2) == 0 {
		from := random.IntN(len(earlier))
		by := 2*(random.IntN(2*len(earlier)+1)-len(earlier)) + 1
		steps := g.steps[earlier[from].thread]
		for i := range steps {
			if steps[i].at >= 2*from {
				steps[i].at += by
			}
		}
	}
	return g
}

// otherWay is how rarely a task at a select goes another way than in the earlier run.
const otherWay = 8

func (g *grown) Choose(enabled []sim.Event) (int, error) {
	best, first := -1, 0
	for i := 0; i < len(enabled); i += waysFrom(enabled, i) {
		at := math.MaxInt - g.random.IntN(1<<30)
		if p := g.next(enabled[i].Thread); p != nil {
			at = p.at
		}
		if best < 0 || at < first {
			best, first = i, at
		}
	}
	thread := enabled[best].Thread
	chosen := anyWay(g.random, enabled, best)
	if p := g.next(thread); p != nil {
		for i := range waysFrom(enabled, best) {
			if enabled[best+i].Label == p.label && g.random.IntN(otherWay) > 0 {
				chosen = best + i
			}
		}
		g.steps[thread] = g.steps[thread][1:]
	}
	return chosen, nil
}

// next is the step of a thread that comes next; nil: the earlier run has none left.
func (g *grown) next(thread int) *planned {
	if thread >= len(g.steps) || len(g.steps[thread]) == 0 {
		return nil
	}
	return &g.steps[thread][0]
}

// causes is the happens-before class of a run: two runs have one sum if they take the
// same steps, each after the same ones that it depends on. That a message arrives after
// it was sent is so in every run, and tells none apart.
type causes struct {
	sum   uint64
	last  []uint64       // by thread: its last step
	wrote map[int]uint64 // by object: the last step that wrote it. A read before that tells that it came before
}

func (c *causes) reset() {
	c.sum, c.last = 0, c.last[:0]
	clear(c.wrote)
}

func (c *causes) add(e sim.Event, accesses []Access) {
	for e.Thread >= len(c.last) {
		c.last = append(c.last, 0)
	}
	hash := spread(c.last[e.Thread] ^ uint64(e.Thread))
	for _, char := range []byte(e.Label) {
		hash = spread(hash ^ uint64(char))
	}
	before := uint64(0) // Whatever the order in which the step touched objects.
	for _, a := range accesses {
		before += spread(spread(uint64(a.Object)) ^ c.wrote[a.Object])
	}
	hash = spread(hash ^ spread(before))
	for _, a := range accesses {
		if a.Write {
			c.wrote[a.Object] = hash
		}
	}
	c.last[e.Thread] = hash
	c.sum += hash
}
