package explore

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"racelab/sim"
)

// Walks samples runs in which each enabled event is as likely as any other.
// Run i is that of sim.NewWalk(seed + i).
//
// The error of each sampler is a ModelError.
func Walks(sys System, seed uint64, o Options) (_ *Result, err error) {
	defer sim.RecoverModelError(&err)
	return sample("walk", sys, seed, o, sampler{chooser: func(seed uint64) sim.Chooser { return sim.NewWalk(seed) }})
}

// Uniform samples runs so that, as far as blocking allows, each interleaving is
// as likely as any other: a thread is chosen by how many steps it has left.
// How many it takes is learned from some random walks first.
func Uniform(sys System, seed uint64, o Options) (_ *Result, err error) {
	defer sim.RecoverModelError(&err)
	p := newPilot(sys, seed)
	return sample("uniform", sys, seed, o, sampler{chooser: p.uniform})
}

// PCT samples runs by random priorities: of the threads that can move, the
// one of the highest priority does, and at depth-1 random steps the one that
// moves falls behind all others. A run finds a bug of that depth with a
// probability of at least 1/(n k^(depth-1)), for n threads and k steps; and if
// it needs its tasks to go certain ways through their selects, by 1/w more, for w
// combinations of ways in a run, of which each is as likely. All three are
// learned from some random walks first, and the bound is as good as those.
//
// Source: Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler
// with Probabilistic Guarantees of Finding Bugs (ASPLOS 2010).
func PCT(sys System, seed uint64, depth int, o Options) (_ *Result, err error) {
	defer sim.RecoverModelError(&err)
	p := newPilot(sys, seed)
	r, err := sample("pct", sys, seed, o, sampler{chooser: func(seed uint64) sim.Chooser { return newPCT(seed, depth, p) }})
	if err != nil {
		return nil, err
	}
	r.Guarantee = 1 / float64(p.threads) / p.ways
	for range depth - 1 {
		r.Guarantee /= float64(p.longest)
	}
	r.Sampler = fmt.Sprintf("depth %d, %d threads, %d steps", depth, p.threads, p.longest)
	if p.ways > 1 {
		r.Sampler += fmt.Sprintf(", %.3g ways through selects", p.ways)
	}
	r.Sampler += fmt.Sprintf(", as far as %d walks saw", pilotRuns)
	return r, nil
}

// Sample samples runs by a chooser of the caller's, which gets one for the seed of
// each run.
func Sample(strategy string, sys System, seed uint64, o Options, chooser func(seed uint64) sim.Chooser) (_ *Result, err error) {
	defer sim.RecoverModelError(&err)
	return sample(strategy, sys, seed, o, sampler{chooser: chooser})
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// sampler is how runs are chosen.
type sampler struct {
	chooser func(seed uint64) sim.Chooser
	// learn is told of each run, in their order, before those of the next batch are
	// chosen; nil: no run depends on another.
	learn func(*sampled)
	batch int // how many runs are taken at once; 0: batch
}

// sample takes runs, each by a chooser of its own seed. A First search ends
// with the batch that found something; what it reports is the least run.
func sample(strategy string, sys System, seed uint64, o Options, by sampler) (*Result, error) {
	chooser := by.chooser
	r := newResult(strategy, sys)
	c := newWorkerPool(sys, o.Workers)
	defer c.close()
	if o.Parts != nil {
		err := r.join(o.Parts, c.cursors[0], chooser)
		r.conclude(Sampled)
		return r, err
	}
	seed += uint64(o.From)
	checked := !o.trusting && c.cursors[0].world != nil
	for i, left := 0, checkFirst/o.fewer(); checked && i < o.Limit && left > 0; i++ {
		left -= c.cursors[0].checkRun(chooser(seed+uint64(i)), left)
	}
	runs := make([]sampled, cmp.Or(by.batch, batch))
	for i := range runs {
		runs[i].longest = o.Longest
		if by.learn != nil {
			runs[i].class = &causes{wrote: map[int]uint64{}}
		}
	}
	for r.Runs < o.Limit && !o.stopped() && !(o.First && r.AnyBroken()) {
		n := min(len(runs), o.Limit-r.Runs)
		if r.Runs < batch { // Runs may be long, and who looks at the budget wants to know early.
			n = min(n, firstBatch)
		}
		c.each(n, func(at *cursor, i int) {
			if every := checkEvery * o.fewer(); checked && (r.Runs+i)%every == every-1 {
				at.checkRun(chooser(seed+uint64(r.Runs+i)), checkFirst)
			}
			runs[i].run(at, chooser(seed+uint64(r.Runs+i)), len(r.Verdicts), r.index)
		})
		for i := range n {
			r.add(&runs[i], seed+uint64(r.Runs))
			r.Runs++
			if by.learn != nil {
				by.learn(&runs[i])
			}
			if o.First && r.AnyBroken() {
				break
			}
		}
		o.progress(r)
	}
	r.conclude(Sampled)
	return r, nil
}

// sampled is what one run came to.
type sampled struct {
	steps  []sim.Event
	tested uint64
	broke  []firstViolation // by property
	class  *causes          // nil: nobody asks for it

	longest int // how many steps it may have; 0: sim.MaxSteps
}

// bounds are after how many steps a sampler may not choose as it likes any more, and after
// how many the run is cut off.
func (s *sampled) bounds() (unfair, longest int) {
	longest = cmp.Or(s.longest, sim.MaxSteps)
	return longest / 5, longest
}

// firstViolation is how a property first broke in a run.
type firstViolation struct {
	err  error // nil: it held
	step int   // that broke it, from 1; 0: none did

	endless bool // the run was cut off
}

// checkRun takes a run and checks its steps, at most so many; it returns how many
// there were. A check loads states, and the clocks that judge races do not follow,
// so this is no run of the sample.
func (c *cursor) checkRun(chooser sim.Chooser, most int) int {
	c.Reset()
	for n := range most {
		if len(c.Enabled()) == 0 {
			return n
		}
		i, err := chooser.Choose(c.Enabled())
		if err != nil {
			panic(err) // A sampler always has a choice.
		}
		c.checkStep(i)
	}
	return most
}

func (s *sampled) run(at *cursor, chooser sim.Chooser, properties int, index func(string) int) {
	s.steps, s.tested = s.steps[:0], 1<<index(EndsWhenFair)
	s.broke = append(s.broke[:0], make([]firstViolation, properties)...)
	if s.class != nil {
		s.class.reset()
	}
	at.Reset()
	s.note(at.Violations(), index)
	wants := ^uint64(0) // what no state had since faults stopped
	unfair, longest := s.bounds()
	for len(at.Enabled()) > 0 {
		switch len(s.steps) {
		case unfair:
			chooser = at.makeFair()
		case longest:
			s.cutOff(at, wants, index)
			return
		}
		i, err := chooser.Choose(at.Enabled())
		if err != nil {
			panic(err) // A sampler always has a choice.
		}
		s.steps = append(s.steps, at.Enabled()[i])
		at.Take(i)
		if s.class != nil {
			s.class.add(s.steps[len(s.steps)-1], at.Accesses())
		}
		if len(s.steps) > unfair {
			wants &= at.discontent(index)
		}
		s.tested |= at.Tested()
		s.note(at.Violations(), index)
	}
}

// note keeps the first break of each property.
func (s *sampled) note(violations []sim.Violation, index func(string) int) {
	for _, v := range violations {
		if f := &s.broke[index(v.Property)]; f.err == nil {
			*f = firstViolation{err: v.Err, step: len(s.steps)}
		}
	}
}

// makeFair stops the faults and returns a fair chooser.
func (c *cursor) makeFair() sim.Chooser {
	if c.world != nil {
		c.world.StopFaults()
	}
	return &fair{}
}

// cutOff notes what a run breaks that still goes on.
func (s *sampled) cutOff(at *cursor, wants uint64, index func(string) int) {
	broke := func(property string, err error) {
		if f := &s.broke[index(property)]; f.err == nil {
			*f = firstViolation{err: err, endless: true}
		}
	}
	unfair, longest := s.bounds()
	broke(EndsWhenFair, stillGoing(at, longest, longest-unfair))
	if at.world == nil {
		return
	}
	for _, v := range at.world.Discontent() {
		if wants>>index(v.Property)&1 == 1 {
			broke(v.Property, fmt.Errorf("not once in the last %d of %d steps, fair and without faults: %w", longest-unfair, longest, v.Err))
		}
	}
}

func stillGoing(sys System, steps, fair int) error {
	var events []string
	for _, e := range sys.Enabled() {
		events = append(events, e.String())
	}
	return fmt.Errorf("%d steps, the last %d of them fair and without faults, and it still goes on: %s",
		steps, fair, strings.Join(events, ", "))
}

// fair gives the turn to the thread that has waited longest for it.
type fair struct {
	last  []int // by thread: the step of its last turn
	turns []int // by thread
	step  int
}

func (f *fair) Choose(enabled []sim.Event) (int, error) {
	best := -1
	for i, e := range enabled {
		for e.Thread >= len(f.last) {
			f.last, f.turns = append(f.last, 0), append(f.turns, 0)
		}
		if best < 0 || f.last[e.Thread] < f.last[enabled[best].Thread] {
			best = i
		}
	}
	f.step++
	thread := enabled[best].Thread
	f.last[thread] = f.step
	f.turns[thread]++
	return best + f.turns[thread]%waysFrom(enabled, best), nil
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

func (r *Result) add(s *sampled, seed uint64) {
	r.Steps += len(s.steps)
	for i, f := range s.broke {
		v := &r.Verdicts[i]
		v.tested = v.tested || s.tested>>i&1 == 1
		if f.err == nil {
			continue
		}
		if v.Bad == 0 {
			v.Err, v.Seed, v.Endless, v.Schedule = f.err, seed, f.endless, asSchedule(s.steps[:f.step])
		}
		v.Bad++
	}
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
