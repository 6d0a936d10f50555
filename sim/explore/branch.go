package explore

import (
	"math"
	"slices"
	"sync/atomic"

	"racelab/sim"
)

// Exhaustive works on several workers by branches. One of them, the first, takes all
// steps in the order that one worker alone would take, but for branches that it gave to
// others, beforehand: what follows the next choice at a frame that it is below. Nothing
// in such a branch depends on what is still to be found elsewhere, only on the choices
// that lead there and on what sleeps: what was explored before it. What it found, the
// first worker takes over where it would have explored the branch itself. If another
// branch has to come before it by then, or the search ends within it, what was found
// there is dropped. So what is found does not depend on how many workers there are.

// branch is one that another worker explores.
type branch struct {
	choice int
	ended  chan struct{}
	cancel atomic.Bool
	found  *dpor // once it has ended
	whole  bool  // nothing is left in it
	err    error // a ModelError

	awaited atomic.Bool // whoever gave it away waits, and does not ask whether to stop
}

// demand is that one of some threads is tried at a frame of whoever gave the branch away.
type demand struct {
	frame, preferred int
	among            threads
}

// demands lists them, each once, in order. The second time would change nothing.
type demands struct {
	list []demand
	had  map[demand]bool
}

func (d *demands) add(x demand) {
	if !d.had[x] {
		d.had[x] = true
		d.list = append(d.list, x)
	}
}

// spareDepth is how far below a frame the search is when it gives a branch of it away:
// small branches are not worth it.
const spareDepth = 3

// give gives a branch to a worker that is idle.
func (d *dpor) give() {
	if len(d.idle) == 0 || !d.options.trusting && d.result.Steps < checkFirst {
		return
	}
	for i := range max(len(d.stack)-spareDepth, 0) {
		f := d.stack[i]
		if f.given != nil {
			continue
		}
		choice := d.next(f)
		if choice < 0 {
			continue
		}
		at := <-d.idle
		at.world.Learn(d.cursor.world)
		f.given = d.branch(at, i, choice)
		go func(b *branch) {
			b.explore()
			close(b.ended)
			d.idle <- at
		}(f.given)
		return
	}
}

// branch is that of the next choice at the i-th frame.
func (d *dpor) branch(at *cursor, i, choice int) *branch {
	b := &branch{choice: choice, ended: make(chan struct{})}
	found := &dpor{cursor: at, result: newResult("exhaustive", at), width: d.width, ends: newSeen(), above: i + 1, demands: &demands{had: map[demand]bool{}}}
	found.options = Options{Limit: d.options.Limit, Longest: d.options.Longest, First: d.options.First, Again: d.options.Again, trusting: d.options.trusting}
	found.options.Stop = func() bool { return b.cancel.Load() || b.awaited.Load() && d.options.stopped() }
	for k, f := range d.stack[:i+1] {
		above := &frame{checkpoint: f.checkpoint, enabled: slices.Clone(f.enabled), threads: f.threads, done: make([]bool, len(f.enabled)), taken: f.taken,
			step: slices.Clone(f.step), clock: slices.Clone(f.clock), demands: found.demands, number: k}
		if found.stack = append(found.stack, above); k < i {
			found.enter(above)
		}
	}
	last := d.stack[i]
	found.stack[i].sleep = append(slices.Clone(last.sleep), sleeper{last.taken, slices.Clone(last.step)})
	b.found = found
	return b
}

// explore explores the branch.
func (b *branch) explore() {
	defer sim.RecoverModelError(&b.err)
	d := b.found
	f := d.stack[d.above-1]
	d.cursor.restore(f.checkpoint)
	d.take(f, b.choice)
	b.whole = !d.stopped && d.explore()
}

// takeOver takes over what was found in the branch of a choice, if that was given away
// and is what this search would have found.
func (d *dpor) takeOver(f *frame, choice int) bool {
	b := f.given
	if b == nil {
		return false
	}
	f.given = nil
	if b.choice != choice {
		b.cancel.Store(true)
		return false
	}
	b.awaited.Store(true)
	<-b.ended
	r, found := d.result, b.found.result
	if r.Runs+r.Redundant+found.Runs+found.Redundant >= d.options.Limit {
		return false
	}
	if b.err != nil {
		panic(b.err)
	}
	if !b.whole {
		return false
	}
	above := b.found.stack[b.found.above-1]
	f.done[choice], f.taken = true, above.taken
	f.step = append(f.step[:0], above.step...)
	f.sleep = append(f.sleep, sleeper{f.taken, slices.Clone(f.step)})
	for _, x := range b.found.demands.list {
		d.stack[x.frame].want(x.among, x.preferred)
	}
	r.Runs, r.Redundant, r.Steps = r.Runs+found.Runs, r.Redundant+found.Redundant, r.Steps+found.Steps
	d.width = max(d.width, b.found.width)
	for i := range r.Verdicts {
		v, its := &r.Verdicts[i], &found.Verdicts[i]
		v.tested = v.tested || its.tested
		if v.Bad == 0 {
			v.Err, v.Schedule = its.Err, its.Schedule
		}
		v.Bad += its.Bad
	}
	for _, end := range b.found.ends.list() {
		d.ends.add(print{hash: end})
	}
	d.options.progress(r)
	return true
}

// withdraw ends the branch of a frame that was given away and that nobody needs.
func (f *frame) withdraw() {
	if f.given != nil {
		f.given.cancel.Store(true)
		f.given = nil
	}
}

// gather ends all branches, and lets the first worker know what the others have
// learned.
func (d *dpor) gather() {
	for _, f := range d.stack {
		f.withdraw()
	}
	for range cap(d.idle) {
		d.cursor.world.Learn((<-d.idle).world)
	}
}

// checked says whether a step is among those of which one in some is checked. That
// depends on the steps that come before it, so that it does not on who takes it.
func (d *dpor) checked(choice int) bool {
	hash := uint64(choice + 1)
	if n := len(d.stack); n > 1 {
		for thread, steps := range d.stack[n-2].clock {
			hash += uint64(steps) * (uint64(thread)<<32 | 0x9e3779b97f4a7c15)
		}
	}
	hash *= 0xd1b54a32d192ed03
	steps := d.result.Steps
	if d.above > 0 {
		steps = math.MaxInt
	}
	return d.options.checks(int(hash>>33), steps)
}
