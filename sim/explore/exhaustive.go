package explore

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"racelab/sim"
)

// Exhaustive runs each happens-before class of schedules once: two schedules
// are in one class if they differ only in the order of steps that do not depend
// on each other, and then they end in the same state. It is dynamic partial
// order reduction with source sets and sleep sets.
//
// A task at a select may have several ways to take its next step. They belong to
// one thread: where that is tried, all of them are, and each sleeps by itself.
//
// Two steps depend on each other if they touch the same object and one of them
// writes it. Nothing else is known of them before they are taken; what a step
// races with is learned by taking it.
//
// Which schedules are left depends on all that went before. One worker goes through
// them in order, and others explore branches ahead of it.
//
// With tickers or faults it may miss a class. Their time is over when the last
// task has ended, and whether a step is the last of its task can depend on the
// order of others. Rarely it may miss one, too, where a step touches less after
// another step than it would before it, as a send does that finds its channel
// closed. So the search of an Irreducible system is never complete. Use States
// there.
//
// Source: Abdulla, Aronis, Jonsson, Sagonas: Source Sets: A Foundation for
// Optimal Dynamic Partial Order Reduction (JACM 2017), algorithm Source-DPOR.
//
// A proof of it has stood against walks of new worlds, each of which must come to
// a final state that the search came to. The error is a ModelError, or says that
// there are too many threads.
func Exhaustive(sys System, o Options) (_ *Result, err error) {
	defer sim.RecoverModelError(&err)
	r := newResult("exhaustive", sys)
	c := newWorkerPool(sys, o.Workers)
	defer c.close()
	d := newDPOR(c, r, o)
	r.Complete = d.run()
	if d.err != nil {
		return nil, d.err
	}
	if world := d.cursor.world; world != nil && r.Complete {
		if why := world.Irreducible(); why != "" {
			r.Left = "with " + why + " not all are told apart, states sees them"
		}
		r.Complete = r.Left == ""
	}
	if !r.Complete {
		r.conclude(Unfinished)
		return r, nil
	}
	r.unordered(sys)
	memory := o.bindMemory()
	defer memory.release()
	c.judgeRaces(r, o, memory)
	h := defence{result: r, pool: c, known: d.ends, ends: true, longest: sim.MaxSteps, walks: o.walks(r.Runs)}
	h.stand()
	r.conclude(Exhausted)
	return r, nil
}

// threads is a set of threads by number, below 64.
type threads uint64

func (p threads) has(thread int) bool { return p>>thread&1 == 1 }

func (p *threads) add(thread int) { *p |= 1 << thread }

// frame is a state on the way to the end of the current execution, and the step
// that was taken there.
type frame struct {
	checkpoint checkpoint
	enabled    []sim.Event
	threads    threads   // of enabled
	backtrack  threads   // to be tried here, by all their ways
	done       []bool    // those of enabled that were tried
	sleep      []sleeper // that need not be tried: other branches have done it

	taken  sim.Event
	step   []Access  // what it touched
	clock  []int32   // by thread: how many of its steps are before or in this one
	before []int32   // the clock of the step of the same thread before it
	beside int       // how many later steps do not come after it
	taking int       // which of all steps of the search it was
	detour []leftOut // without the step

	given   *branch  // that another worker explores
	demands *demands // the frame is that of another search, which is to know of these
	number  int      // there
}

// sleeper is an event that was tried in an earlier branch. Of a task that has
// several ways to go on, one can sleep while another does not.
type sleeper struct {
	event    sim.Event
	accesses []Access
}

type dpor struct {
	cursor  *cursor
	result  *Result
	options Options
	stack   []*frame // the current execution; the last has no step yet
	trail   trail
	free    []*frame
	width   int   // of the clocks
	ends    *seen // final states
	stopped bool
	err     error
	idle    chan *cursor // the other workers that have nothing to do; nil: there are none
	above   int          // how many frames are those of the search that gave this branch away
	demands *demands     // at those
}

func newDPOR(c *workerPool, r *Result, o Options) *dpor {
	d := &dpor{cursor: c.cursors[0], result: r, options: o, ends: newSeen()}
	if d.cursor.world != nil && len(c.cursors) > 1 && o.atEnd == nil {
		d.idle = make(chan *cursor, len(c.cursors)-1)
		for _, at := range c.cursors[1:] {
			d.idle <- at
		}
	}
	return d
}

// run explores all and says whether it came to the end.
func (d *dpor) run() bool {
	defer d.gather()
	d.cursor.Reset()
	d.note(d.cursor.Violations())
	d.push(nil)
	return d.explore()
}

// explore explores all that is left below the frames of others.
func (d *dpor) explore() bool {
	for len(d.stack) > d.above {
		top := d.stack[len(d.stack)-1]
		choice := d.next(top)
		if choice < 0 {
			d.pop()
			continue
		}
		if d.full() {
			d.result.Estimate = d.estimate()
			return false
		}
		if d.takeOver(top, choice) {
			continue
		}
		d.give()
		d.cursor.restore(top.checkpoint)
		d.take(top, choice)
		if d.stopped {
			return false
		}
	}
	return true
}

// full says whether the budget has ended, or what was looked for is found.
func (d *dpor) full() bool {
	r := d.result
	if r.Steps%64 == 0 && d.options.stopped() {
		return true
	}
	if longest := cmp.Or(d.options.Longest, sim.MaxSteps); len(d.stack) > longest {
		r.Left = fmt.Sprintf("a run has more than %d steps, so runs need not end; use states", longest)
		return true
	}
	return r.Runs+r.Redundant >= d.options.Limit || d.options.First && r.AnyBroken()
}

// estimate is how many runs there may be in all: as many as there were, by the
// share of the branches that they have explored. Branches that are found later
// make it more.
//
// Source: Knuth: Estimating the Efficiency of Backtrack Programs (1975).
func (d *dpor) estimate() float64 {
	share, left := 0.0, 1.0
	for _, f := range d.stack {
		done, all := 0, 0
		for i, e := range f.enabled {
			if f.done[i] {
				done++
			}
			if f.done[i] || f.backtrack.has(e.Thread) && !f.asleep(e) {
				all++
			}
		}
		if all == 0 {
			break
		}
		if f != d.stack[len(d.stack)-1] {
			done-- // It is being explored.
		}
		share += left * float64(done) / float64(all)
		left /= float64(all)
	}
	if share == 0 {
		return 0
	}
	return float64(d.result.Runs+d.result.Redundant) / share
}

// push enters the state where the system is.
func (d *dpor) push(sleep []sleeper) {
	f := d.frame()
	f.checkpoint = d.cursor.save()
	f.enabled = append(f.enabled[:0], d.cursor.Enabled()...)
	f.done = append(f.done[:0], make([]bool, len(f.enabled))...)
	f.sleep = sleep
	var awake, tried threads // by a way of theirs
	for _, e := range f.enabled {
		if e.Thread >= 64 {
			d.err = fmt.Errorf("explore: exhaustive knows at most 63 threads, and %q is number %d; use states, or a smaller world", e, e.Thread)
			d.stopped = true
			return
		}
		f.threads.add(e.Thread)
		if f.asleep(e) {
			tried.add(e.Thread)
		} else {
			awake.add(e.Thread)
		}
		d.width = max(d.width, e.Thread+1)
	}
	d.stack = append(d.stack, f)
	switch {
	case f.threads == 0:
		d.result.Runs++
		d.ends.add(print{hash: d.cursor.Fingerprint()})
		if d.options.atEnd != nil {
			d.options.atEnd(d.cursor)
		}
		d.blockedRaces()
		if d.result.Runs%batch == 0 {
			d.options.progress(d.result)
		}
	case awake == 0:
		// All that could follow was explored in other branches.
		d.result.Redundant++
		d.blockedRaces()
	case awake&^tried == 0:
		// Of each task some ways sleep. A step of another task may have to come before
		// one of those and not depend on the rest, so no task alone will do.
		f.backtrack = awake
	default:
		// Any task of which no way sleeps will do; always the first leaves the fewest
		// redundant runs where that was measured (none for OCR 4,2; going on with the
		// last thread leaves 10).
		f.backtrack.add(bits.TrailingZeros64(uint64(awake &^ tried)))
	}
}

func (d *dpor) frame() *frame {
	if n := len(d.free); n > 0 {
		f := d.free[n-1]
		d.free = d.free[:n-1]
		*f = frame{enabled: f.enabled[:0], done: f.done[:0], step: f.step[:0], clock: f.clock[:0], detour: f.detour[:0]}
		return f
	}
	return &frame{}
}

func (d *dpor) pop() {
	n := len(d.stack) - 1
	d.stack[n].withdraw()
	d.free = append(d.free, d.stack[n])
	d.stack = d.stack[:n]
	if n == 0 {
		return
	}
	// What was just explored sleeps in the branches that are left.
	f := d.stack[n-1]
	d.leave(f)
	f.sleep = append(f.sleep, sleeper{f.taken, slices.Clone(f.step)})
}

// next returns the index of an event that is still to be tried in a state, or
// -1: of the first thread, the first way.
func (d *dpor) next(f *frame) int {
	best := -1
	for i, e := range f.enabled {
		if f.backtrack.has(e.Thread) && !f.done[i] && !f.asleep(e) && (best < 0 || e.Thread < f.enabled[best].Thread) {
			best = i
		}
	}
	return best
}

func (f *frame) asleep(e sim.Event) bool {
	return slices.ContainsFunc(f.sleep, func(s sleeper) bool { return same(s.event, e) })
}

// take takes an event out of the last state, and enters the next.
func (d *dpor) take(f *frame, choice int) {
	f.done[choice] = true
	f.taken = f.enabled[choice]
	if d.checked(choice) {
		d.cursor.checkStep(choice)
	} else {
		d.cursor.Take(choice)
	}
	d.result.Steps++
	f.taking = d.result.Steps
	f.step = append(f.step[:0], d.cursor.Accesses()...)
	d.tested(d.cursor.Tested())
	d.note(d.cursor.Violations())
	d.order(f)
	// The races may lead the system elsewhere, and back.
	after := d.cursor.save()
	d.disables(f)
	d.races(f, after)
	d.enter(f)

	var sleep []sleeper
	for _, s := range f.sleep {
		if s.event.Thread != f.taken.Thread && !dependent(s.accesses, f.step) {
			sleep = append(sleep, s)
		}
	}
	d.push(sleep)
}

// disables looks for events that the last step has disabled. Such a step may
// never come again (a timer that was stopped), so its race is dealt with here. A
// timer that was stopped may have waited for others, which are due before it. So
// those are tried in place of the step too, and the step comes again after them.
func (d *dpor) disables(f *frame) {
	enabled := d.cursor.Enabled()
	for _, e := range f.enabled {
		if e.Thread == f.taken.Thread {
			continue
		}
		if e.Timer && len(d.cursor.putOff()) > 0 || !slices.ContainsFunc(enabled, func(now sim.Event) bool { return same(now, e) }) {
			f.want(1<<e.Thread, e.Thread)
		}
	}
}

// want makes sure that one of some threads is tried in a state; preferably
// the given one.
func (f *frame) want(among threads, preferred int) {
	if f.demands != nil {
		f.demands.add(demand{f.number, preferred, among})
		return
	}
	tried := f.threads // in other branches, by all their ways
	for _, e := range f.enabled {
		if !f.asleep(e) {
			tried &^= 1 << e.Thread
		}
	}
	have := f.backtrack | tried
	among &= f.threads
	switch {
	case among&have != 0 || among == 0:
	case among.has(preferred):
		f.backtrack.add(preferred)
	default:
		f.backtrack.add(bits.TrailingZeros64(uint64(among)))
	}
}

func (d *dpor) tested(mask uint64) {
	for i := range d.result.Verdicts {
		v := &d.result.Verdicts[i]
		v.tested = v.tested || mask>>i&1 == 1
	}
}

// note keeps what the current execution broke; the first schedule for each.
func (d *dpor) note(violations []sim.Violation) {
	for _, violation := range violations {
		v := d.result.Verdict(violation.Property)
		v.Bad++
		if v.Bad > 1 {
			continue
		}
		v.Err = violation.Err
		var events []sim.Event
		for _, f := range d.stack {
			events = append(events, f.taken)
		}
		v.Schedule = asSchedule(events)
	}
}
