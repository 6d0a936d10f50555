package explore

import (
	"cmp"
	"fmt"
	"math/rand/v2"
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
		err := r.join(&o, c.cursors[0], chooser)
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
			n = min(n, firstRuns)
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

// firstRuns is how many of the first runs are taken at once.
const firstRuns = 64

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
	return &fair{random: random(0)}
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
