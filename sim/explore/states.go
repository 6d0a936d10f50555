package explore

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"runtime"
	"slices"

	"racelab/sim"
)

// batch is how many states are expanded between two looks at the budget. It is
// part of what a search finds when its budget ends it, so it does not depend on
// the workers.
const batch = 1024

// firstBatch is how many, while all steps are checked, which takes long.
const firstBatch = 64

// States visits every reachable state, breadth first, and then finds the
// shortest schedule to each property that broke. A proof of it has stood against
// walks of new worlds.
//
// The error is a ModelError, by which what was found until then is worth nothing, or says that
// the search has no room to begin.
func States(sys System, o Options) (_ *Result, err error) {
	defer sim.RecoverModelError(&err)
	r := newResult("states", sys)
	c := newWorkerPool(sys, o.Workers)
	defer c.close()
	if o.Symmetry {
		if r.Alike, err = c.alike(); err != nil {
			return nil, err
		}
	}
	s := newSearch(c, r)
	if s.seen.wide = c.cursors[0].world != nil && o.Limit >= o.wideFrom(); s.seen.wide {
		r.Wide = true
		for _, at := range c.cursors {
			at.wide = true
		}
	}
	memory := o.bindMemory()
	defer memory.release()
	if err := cmp.Or(memory.begins(), s.frontiers(&o)); err != nil {
		return nil, err
	}
	complete := s.run(o, memory)
	if !complete {
		runtime.GC() // The last one may have been before the first state.
		r.Memory = memoryInUse()
	}
	r.States, r.Complete = s.seen.n(), complete
	s.liveness()
	if complete {
		r.unordered(sys)
		c.judgeRaces(r, o, memory)
		d := defence{result: r, pool: c, known: s.seen, alike: o.Symmetry, longest: min(sim.MaxSteps, 4*len(r.Levels)+64), walks: o.walks(s.seen.n())}
		d.stand()
		r.conclude(Exhausted)
	} else {
		r.conclude(Unfinished)
	}
	s.shortest(c.cursors[0])
	return r, nil
}

type search struct {
	pool     *workerPool
	result   *Result
	seen     *seen
	graph    *graph
	now      *frontier     // the level that is being expanded
	next     *frontier     // that after it
	breaks   []firstBreaks // by property
	ends     []uint64      // the states out of which nothing but faults can come, a bit each
	expanded int           // states
	ended    int           // levels of which every step was taken
	suspect  int           // how many operations of a function make the search look whether it loops
	clocked  bool          // clocks alone judge data races
}

func newSearch(c *workerPool, r *Result) *search {
	return &search{pool: c, result: r, seen: newSeen(), graph: newGraph(len(r.Verdicts)), breaks: make([]firstBreaks, len(r.Verdicts)), suspect: manyOperations / 16}
}

// firstBreaks is the first steps that broke a property, all of one level.
type firstBreaks struct {
	level int      // 0: none
	steps []uint32 // of the graph
}

// run visits the states, level by level, and says whether that was all.
func (s *search) run(o Options, memory *memoryBound) bool {
	at := s.pool.cursors[0]
	s.seen.add(at.state())
	s.graph.states = 1
	s.count(0, at.Tested(), at.Violations(), 0)
	s.next.push(at.save())
	expanded := make([]expansion, batch)
	for level := 1; s.next.n > 0; level++ {
		s.now, s.next = s.next, s.now
		s.result.Levels = append(s.result.Levels, s.now.n)
		s.graph.level()
		for s.now.n > 0 {
			size := batch
			if s.result.Transitions < checkFirst {
				size = firstBatch
			}
			if !s.mayGoOn(&o, memory) {
				return false
			}
			checkpoints, err := s.now.take(size)
			if err != nil {
				s.result.Left = err.Error()
				return false
			}
			s.pool.each(len(checkpoints), func(at *cursor, i int) {
				expanded[i].expand(at, checkpoints[i], uint32(s.expanded+i), s, &o)
			})
			s.expanded += len(checkpoints)
			for i := range checkpoints {
				if i+1 < len(checkpoints) {
					s.fetch(&expanded[i+1])
				}
				if !s.merge(level, &expanded[i], checkpoints[i]) {
					return false
				}
				checkpoints[i] = checkpoint{}
			}
			s.pool.share()
			s.result.States = s.seen.n()
			o.progress(s.result)
		}
		s.ended = level
	}
	return true
}

// mayGoOn says whether the search is within its budget.
func (s *search) mayGoOn(o *Options, memory *memoryBound) bool {
	if o.stopped() || s.seen.n() > o.Limit || o.First && s.result.AnyBroken() {
		return false
	}
	s.result.Left = s.keepTo(memory, o.spilling > 0)
	return s.result.Left == ""
}

// merge takes over what the steps out of a state came to, in their order. It is false if a
// function loops there that need not end.
func (s *search) merge(level int, e *expansion, from checkpoint) bool {
	if e.operations >= s.suspect {
		s.suspect *= 2
		if task := s.unlooped(from); task != "" {
			s.result.Left = fmt.Sprintf("%s can do %d operations in a run, and all that they gave is its state; "+
				"is it a loop that need not end? Then for range t.Loop(NAME) {...} forgets what earlier turns were given", task, manyOperations)
			return false
		}
	}
	s.result.Transitions += len(e.moves)
	s.count(level, e.tested, e.violations, e.races)
	s.graph.wanting(e.wants)
	for k := range e.moves {
		m := &e.moves[k]
		s.firsts(level, m.broke)
		to, isNew := m.to, false
		if !m.known {
			to, isNew = s.seen.add(m.print)
		}
		if isNew {
			if m.leap != nil { // Only now, as one batch may come to a state several times.
				m.checkpoint.at = s.pool.cursors[0].world.Land(from.at, m.leap)
			}
			s.next.push(m.checkpoint)
			s.graph.states = s.seen.n()
			if m.ends {
				s.ends = setBit(s.ends, to)
			}
		}
		s.graph.add(m, to)
	}
	s.graph.expanded()
	return true
}

// fetch fetches what merge will look up.
func (s *search) fetch(e *expansion) {
	for k := range e.moves {
		if m := &e.moves[k]; !m.known {
			s.seen.fetch(m.print.hash)
		}
	}
}

// keepTo makes the search keep to its memory, and says why it cannot go on; empty: it
// can.
func (s *search) keepTo(memory *memoryBound, spilling bool) string {
	if s.result.Memory = memoryInUse(); (s.result.Memory > memory.limit || spilling) && !s.next.spilled {
		if err := cmp.Or(s.now.spill(), s.next.spill()); err != nil {
			return err.Error()
		}
		if s.next.spilled && !spilling {
			runtime.GC()
			s.result.Memory = memoryInUse()
		}
	}
	if err := cmp.Or(s.now.failure(), s.next.failure()); err != nil {
		return err.Error()
	}
	switch {
	case s.result.Memory <= memory.limit || spilling:
		memory.holds(s.result.Memory)
		return ""
	case s.next.spilled:
		return fmt.Sprintf("it holds %d MB beside the states that are on disk, and may hold %d", s.result.Memory>>20, memory.limit>>20)
	}
	return fmt.Sprintf("it holds %d MB, and may hold %d", s.result.Memory>>20, memory.limit>>20)
}

// manyOperations of one function in a run tell of a loop that is none of Task.Loop.
const manyOperations = 1000

// unlooped is a function that loops, and Loop does not say so; empty: none is seen. In a run out
// of a state the busiest function goes first, and where it waits, all others take turns. The
// search would come there too, much later: each state keeps all operations.
func (s *search) unlooped(from checkpoint) string {
	at := s.pool.cursors[0]
	at.restore(from)
	turns := at.makeFair()
	task, n := at.world.Busiest()
	for steps := 0; n < manyOperations && steps < 10*manyOperations && len(at.Enabled()) > 0; steps++ {
		choice := slices.IndexFunc(at.Enabled(), func(e sim.Event) bool { return e.Actor == task })
		if choice < 0 {
			choice, _ = turns.Choose(at.Enabled()) // It always has a choice.
		}
		at.Take(choice)
		task, n = at.world.Busiest()
	}
	if n < manyOperations {
		return ""
	}
	return task
}

// count notes what steps on their way to a level put to the test and broke.
func (s *search) count(level int, tested uint64, violations []sim.Violation, races int) {
	for i := range s.result.Verdicts {
		v := &s.result.Verdicts[i]
		v.tested = v.tested || tested>>i&1 == 1
	}
	for _, violation := range violations {
		s.broke(level, violation.Property, 1)
	}
	if races > 0 {
		s.broke(level, sim.NoDataRace, races)
	}
}

func (s *search) broke(level int, property string, times int) {
	i := s.result.index(property)
	s.result.Verdicts[i].Bad += times
	if s.breaks[i].level == 0 {
		s.breaks[i].level = max(level, 1)
	}
}

// firsts notes what the step broke that the graph is given next.
func (s *search) firsts(level int, broke uint64) {
	for ; broke != 0; broke &= broke - 1 {
		if b := &s.breaks[bits.TrailingZeros64(broke)]; b.level == level {
			b.steps = append(b.steps, uint32(s.graph.to.n))
		}
	}
}

// expansion is what the steps out of one state came to.
type expansion struct {
	tested     uint64
	violations []sim.Violation
	races      int    // pairs of steps that race
	wants      uint64 // properties that are discontent in the state: bit i for the i-th
	moves      []move
	steps      []step // for the races
	operations int    // that the busiest function has done
}

// expand takes every step out of a state, that of a number. Out of some it also checks
// the steps.
func (e *expansion) expand(at *cursor, from checkpoint, number uint32, s *search, o *Options) {
	*e = expansion{violations: e.violations[:0], moves: e.moves[:0], steps: e.steps[:0]}
	check, race := o.checks(int(number), s.result.Transitions), !s.clocked
	at.restore(from)
	var prospects []Prospect
	if !check && at.world != nil && !at.looked {
		prospects = at.world.Foresee(at.wide, at.alike)
		for i := range prospects {
			s.seen.fetch(prospects[i].Fingerprint)
		}
	}
	if at.world != nil {
		_, e.operations = at.world.Busiest()
	}
	e.wants = at.discontent(s.result.index)
	e.tested = at.Tested() // By the state. What its last step has tested counts already.
	n := len(at.Enabled())
	if n == 0 && o.atEnd != nil {
		o.atEnd(at)
	}
	if isEnd(at) && number > 0 && !hasBit(s.ends, number) {
		panic(&sim.ModelError{Reason: "explore: a run ends where another step was thought to go on: please report it, with the model"})
	}
	away := false
	for i := range n {
		if away {
			at.restore(from)
		}
		event := at.Enabled()[i]
		e.moves = append(e.moves, move{mover: moverOf(event), place: int32(event.Place)})
		m := &e.moves[i]
		away = prospects == nil || !prospects[i].Known || !s.foresees(at, i, &prospects[i], m)
		switch {
		case away:
			s.takes(at, from, i, check, m)
			e.hear(s, at, event, m, race)
		case prospects[i].Quiet:
			e.tested |= prospects[i].Tested
		default:
			at.world.Tell(i)
			e.hear(s, at, event, m, race)
		}
	}
}

// isEnd says whether nothing but faults can come of a state.
func isEnd(at System) bool {
	return !slices.ContainsFunc(at.Enabled(), func(e sim.Event) bool { return !e.Fault })
}

// takes takes a step, and may check what the search takes for granted about it.
func (s *search) takes(at *cursor, from checkpoint, i int, check bool, m *move) {
	if at.alike && (check || at.looked) {
		at.checkSymmetry(i)
		at.restore(from)
	}
	if check {
		at.checkStep(i)
	} else {
		at.Take(i)
	}
	m.print = at.state()
	if m.to, m.known = s.seen.find(m.print); !m.known {
		m.checkpoint, m.ends = at.save(), isEnd(at)
	}
}

// foresees is the move by a step, of which it is known where it leads. False: a run may
// end there, and the step has to be taken, as what it breaks depends on the state as a whole.
func (s *search) foresees(at *cursor, i int, p *Prospect, m *move) bool {
	m.print = print{p.Fingerprint, p.Rest}
	if m.to, m.known = s.seen.find(m.print); m.known {
		return !hasBit(s.ends, m.to)
	}
	leap, ok := at.world.Leap(i)
	if ok {
		m.leap = leap
	}
	return ok
}

// hear notes what the system says of a step.
func (e *expansion) hear(s *search, at *cursor, event sim.Event, m *move, race bool) {
	m.putOff = at.putOff()
	e.tested |= at.Tested()
	e.violations = append(e.violations, at.Violations()...)
	for _, v := range at.Violations() {
		m.broke |= 1 << s.result.index(v.Property)
	}
	if race {
		if other, _ := e.race(at, event); other != nil {
			e.races++
			m.broke |= 1 << s.result.index(sim.NoDataRace)
		}
	}
}

// shortest finds the schedule for each property that broke: among the steps that were
// taken or, where a level was not ended or tasks were taken for each other, by another
// search.
func (s *search) shortest(at *cursor) {
	var w *ways
	levels := 0
	for _, b := range s.breaks {
		if b.level <= s.ended {
			levels = max(levels, b.level)
		}
	}
	for i, b := range s.breaks {
		if b.level == 0 {
			continue
		}
		v := &s.result.Verdicts[i]
		var found *broken
		if s.result.Alike != nil || b.level > s.ended {
			found = shortest(at, v.Property, b.level, math.MaxInt)
		} else {
			if w == nil {
				w = s.ways(levels)
			}
			found = s.fewestSwitches(at, w, v.Property, b.steps)
		}
		if found != nil {
			v.Schedule, v.Err, v.Shortest = found.schedule, found.err, !found.cut
		}
	}
}
