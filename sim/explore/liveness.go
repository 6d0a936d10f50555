package explore

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim"
)

// EndsWhenFair is a property of every system: each run ends by itself, once faults
// stop and whoever can go on gets its turn. One that does not is a livelock, a storm
// of retries, or waits for something that never comes.
//
// Fair is a run in which
//
//   - whoever can go on again and again does: a task, a message that is on its way, a
//     node that restarts. Go's mutex and channels are fair in that way, and so is a
//     network;
//   - a timer that stays armed fires. One that is armed anew again and again need not;
//   - no fault comes any more;
//   - a select, of whose cases several are ready again and again in one state, takes
//     each of them, as Go picks one at random.
//
// States judges it by the cycles among the states: a set of states that a fair run
// never has to leave breaks it. A sampler judges a run that it has not brought to its
// end in a fifth of all steps.
const EndsWhenFair = "ends-when-fair"

// ForeverError is that a run can go round for ever, and what it never comes to.
type ForeverError struct {
	From, To int      // steps, from 1: after To all is as it was before From
	Who      []string // takes these steps
	Wants    error    // that would be so at some time; nil: an end
}

func (e *ForeverError) Error() string {
	round := fmt.Sprintf("steps %d to %d (of %s) can", e.From, e.To, strings.Join(e.Who, ", "))
	if e.From == e.To {
		round = fmt.Sprintf("step %d (of %s) can", e.From, e.Who[0])
	}
	if e.Wants != nil {
		return fmt.Sprintf("%s repeat for ever, though whoever can go on does: %v", round, e.Wants)
	}
	return round + " repeat for ever, though whoever can go on does, and no fault comes"
}

// Meaning implements sim.Explained.
func (e *ForeverError) Meaning() string {
	return "It goes round for ever: nobody is stuck, and nothing comes of it."
}

// putOff lists the timers that the last step armed or stopped.
func (c *cursor) putOff() []int {
	if c.world == nil {
		return nil
	}
	return slices.Clone(c.world.PutOff())
}

// discontent says which properties want something in the end that a state does not
// have: bit i for the i-th.
func (c *cursor) discontent(index func(property string) int) uint64 {
	var mask uint64
	if c.world != nil {
		for _, v := range c.world.Discontent() {
			mask |= 1 << index(v.Property)
		}
	}
	return mask
}

// liveness judges what a run comes to in the end, by the states that were expanded.
func (s *search) liveness() {
	if !s.graph.circle {
		return
	}
	f := s.graph.fairness()
	if s.result.Alike != nil && !f.goesRound() {
		return
	}
	for i := range s.result.Verdicts {
		v, wants := &s.result.Verdicts[i], s.graph.wants[i]
		if v.Bad > 0 || wants == nil && v.Property != EndsWhenFair {
			continue
		}
		if s.result.Alike != nil {
			v.round = true
			continue
		}
		found := f.closed(func(state uint32) bool { return v.Property == EndsWhenFair || hasBit(wants, state) })
		if len(found) == 0 {
			continue
		}
		for _, states := range found {
			v.Bad += len(states)
		}
		s.goRound(v, s.graph.stem(found[0][0]), f.round(found[0]))
	}
}

// goRound makes a way round the schedule of a verdict. In a new world it has to end
// where it began: else something decides what happens that is in no field.
func (s *search) goRound(v *Verdict, stem, round []uint32) {
	at := s.pool.cursors[0]
	at.Reset()
	sys := System(at)
	if at.world != nil {
		w := at.world.Rebuild()
		defer w.Close()
		sys = &Worlds{Engine: w}
	}
	var events []sim.Event
	take := func(steps []uint32) {
		for _, step := range steps {
			choice := int(step - s.graph.first.at(s.graph.origin(step)))
			if choice < len(sys.Enabled()) {
				events = append(events, sys.Enabled()[choice])
				sys.Take(choice)
			}
		}
	}
	take(stem)
	began := sys.Fingerprint()
	err := &ForeverError{From: len(stem) + 1, To: len(stem) + len(round)}
	if world, ok := sys.(model); ok {
		for _, wanted := range world.Discontent() {
			if wanted.Property == v.Property {
				err.Wants = wanted.Err
			}
		}
	}
	take(round)
	v.Err, v.Schedule, v.Round = err, asSchedule(events), len(round)
	for _, e := range events[len(stem):] {
		if !slices.Contains(err.Who, e.Actor) {
			err.Who = append(err.Who, e.Actor)
		}
	}
	for range 2 {
		if sys.Fingerprint() != began {
			panic(&sim.ModelError{Reason: fmt.Sprintf("explore: %v, and yet they do not in a new world (schedule: %s): something decides what happens that is in no field. "+
				"Is a local variable kept over a turn of a Loop?", err, v.Schedule)})
		}
		take(round)
	}
}

// fairness finds sets of states that a fair run never has to leave.
//
// Source: the algorithm for strong fairness by strongly connected components, as in
// Emerson, Lei: Modalities for Model Checking (1987), and for choices at random by
// maximal end components, as in de Alfaro: Formal Verification of Probabilistic
// Systems (1997).
type fairness struct {
	*graph
	set    []uint32 // by state: which set it is in; 0: none
	sets   uint32   // that there were
	leaves []uint64 // a bit a step: of its ways, another leads out
	index  []uint32 // Tarjan's, by state
	low    []uint32
	movers []uint16            // that can go on somewhere in the set that is looked at
	does   map[uint16]*tasting // what each of them does there
}

// tasting is what a mover does in a set of states.
type tasting struct {
	enabled int  // in so many states
	moves   bool // and stays in the set
	putOff  bool
}

func (g *graph) fairness() *fairness {
	return &fairness{graph: g, set: make([]uint32, g.states), index: make([]uint32, g.states), low: make([]uint32, g.states)}
}

// closed returns the states of all sets that a fair run never has to leave, in which
// every state is one of these; nil: there is none. The first is the nearest to the
// start.
func (f *fairness) closed(in func(state uint32) bool) [][]uint32 {
	f.leaves = make([]uint64, f.to.n/64+1)
	var all []uint32
	for state := range uint32(f.first.n - 1) {
		if in(state) {
			all = append(all, state)
		}
	}
	var found [][]uint32
	for left := [][]uint32{all}; len(left) > 0; {
		states := left[len(left)-1]
		left = left[:len(left)-1]
		for _, c := range f.components(states) {
			switch rest, fair := f.look(c); {
			case fair:
				found = append(found, c)
			case len(rest) > 0:
				left = append(left, rest)
			}
		}
	}
	for _, c := range found {
		slices.Sort(c)
	}
	slices.SortFunc(found, func(a, b []uint32) int { return int(a[0]) - int(b[0]) })
	return found
}

// goesRound says whether some states lead back to themselves.
func (f *fairness) goesRound() bool {
	f.leaves = make([]uint64, f.to.n/64+1)
	var all []uint32
	for state := range uint32(f.first.n - 1) {
		all = append(all, state)
	}
	return len(f.components(all)) > 0
}

// stays says whether a step can be taken for ever in a set.
func (f *fairness) stays(step, set uint32) bool {
	return f.set[f.to.at(step)] == set && f.mover.at(step)&aFault == 0 && !hasBit(f.leaves, step)
}

// mark makes states a set.
func (f *fairness) mark(states []uint32) uint32 {
	f.sets++
	for _, state := range states {
		f.set[state] = f.sets
	}
	return f.sets
}

// components splits states into those that lead to each other, by at least one step.
//
// Source: Tarjan: Depth-First Search and Linear Graph Algorithms (1972).
func (f *fairness) components(states []uint32) [][]uint32 {
	set := f.mark(states)
	type frame struct{ state, step uint32 }
	var (
		found [][]uint32
		path  []frame
		stack []uint32
		count uint32
	)
	enter := func(state uint32) {
		count++
		f.index[state], f.low[state] = count, count
		stack = append(stack, state)
		path = append(path, frame{state, f.first.at(state)})
	}
	const done = ^uint32(0)
	for _, root := range states {
		if f.index[root] > 0 {
			continue
		}
		for enter(root); len(path) > 0; {
			top := &path[len(path)-1]
			state := top.state
			if top.step < f.first.at(state+1) {
				step := top.step
				top.step++
				if !f.stays(step, set) {
					continue
				}
				if to := f.to.at(step); f.index[to] == 0 {
					enter(to)
				} else if f.index[to] != done {
					f.low[state] = min(f.low[state], f.index[to])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				up := path[len(path)-1].state
				f.low[up] = min(f.low[up], f.low[state])
			}
			if f.low[state] < f.index[state] {
				continue
			}
			at := len(stack) - 1
			for stack[at] != state {
				at--
			}
			c := stack[at:]
			stack = stack[:at]
			for _, member := range c {
				f.index[member] = done
			}
			if len(c) > 1 || f.circles(state, set) {
				found = append(found, slices.Clone(c))
			}
		}
	}
	for _, state := range states {
		f.index[state] = 0
	}
	return found
}

// circles says whether a step leads from a state to itself.
func (f *fairness) circles(state, set uint32) bool {
	from, before := f.steps(state)
	for step := from; step < before; step++ {
		if f.to.at(step) == state && f.stays(step, set) {
			return true
		}
	}
	return false
}

// look says whether a fair run can stay for ever in states that lead to each other.
// If not, the rest is those of them in which it might.
func (f *fairness) look(states []uint32) (rest []uint32, fair bool) {
	set := f.mark(states)
	f.movers, f.does = f.movers[:0], map[uint16]*tasting{}
	whole := true
	for _, state := range states {
		from, before := f.steps(state)
		for step := from; step < before; {
			end := f.ways(step, before)
			whole = f.taste(step, end, set) && whole
			step = end
		}
	}
	if !whole {
		return states, false
	}
	starves := func(state uint32) bool {
		from, before := f.steps(state)
		for step := from; step < before; step++ {
			if m := f.mover.at(step); m&(aFault|aTimer) == 0 && !f.does[m].moves {
				return true
			}
		}
		return false
	}
	if slices.ContainsFunc(states, starves) {
		return slices.DeleteFunc(states, starves), false
	}
	for _, mover := range f.movers {
		if t := f.does[mover]; mover&aTimer > 0 && t.enabled == len(states) && !t.moves && !t.putOff {
			return nil, false // Of fewer states and steps it is owed no less.
		}
	}
	return nil, true
}

// taste looks at the ways of a mover out of a state of the set. It is false if some of
// them lead out, so that none of them can be taken for ever.
func (f *fairness) taste(step, end, set uint32) bool {
	mover := f.mover.at(step)
	if mover&aFault > 0 {
		return true
	}
	t := f.tasting(mover)
	t.enabled++
	stay := 0
	for way := step; way < end; way++ {
		if f.stays(way, set) {
			stay++
			for _, p := range f.puttingOff(way) {
				f.tasting(p.mover).putOff = true
			}
		}
	}
	if stay > 0 && stay < int(end-step) {
		for way := step; way < end; way++ {
			f.leaves = setBit(f.leaves, way)
		}
		return false
	}
	t.moves = t.moves || stay > 0
	return true
}

func (f *fairness) tasting(mover uint16) *tasting {
	t := f.does[mover]
	if t == nil {
		t = &tasting{}
		f.movers = append(f.movers, mover)
		f.does[mover] = t
	}
	return t
}

// round is a way that is gone for ever in a set, back to its first state.
type round struct {
	*fairness
	set   uint32
	at    uint32
	steps []uint32
	debts []debt        // in the order in which they came
	owed  map[debt]bool // false: it was, and is settled
	by    []uint32      // by state: the step by which a search came there
	came  []uint32      // by state: which search it was
	turn  uint32        // the search
}

// debt is what a fair run owes that goes round: to a mover, that it moves, or to one
// of its ways out of a state, that it is taken.
type debt struct {
	mover uint16
	way   uint32 // the step; whichever: any
}

const whichever = ^uint32(0)

// round returns the steps of a way round, from the first of a set of states that a
// fair run never has to leave. Whoever can go on along that way does.
func (f *fairness) round(states []uint32) []uint32 {
	r := &round{
		fairness: f, set: f.mark(states), at: states[0],
		owed: map[debt]bool{}, by: make([]uint32, f.states), came: make([]uint32, f.states),
	}
	for r.arrive(); ; {
		switch {
		case r.owes():
			r.walk(r.settles)
		case r.at == states[0] && len(r.steps) > 0:
			return r.steps
		default:
			r.walk(func(step uint32) bool { return f.to.at(step) == states[0] })
		}
	}
}

func (r *round) owes() bool {
	return slices.ContainsFunc(r.debts, func(d debt) bool { return r.owed[d] })
}

// walk goes the shortest way to the next step that is wanted, and takes it.
func (r *round) walk(wanted func(step uint32) bool) {
	r.turn++
	r.came[r.at] = r.turn
	for queue := []uint32{r.at}; ; queue = queue[1:] {
		from, before := r.graph.steps(queue[0])
		for step := from; step < before; step++ {
			to := r.to.at(step)
			if !r.stays(step, r.set) {
				continue
			}
			if wanted(step) {
				r.follow(r.at, step)
				return
			}
			if r.came[to] < r.turn {
				r.came[to], r.by[to] = r.turn, step
				queue = append(queue, to)
			}
		}
	}
}

// follow takes the steps from a state to the last of them.
func (r *round) follow(from, last uint32) {
	path := []uint32{last}
	for state := r.origin(last); state != from; state = r.origin(path[len(path)-1]) {
		path = append(path, r.by[state])
	}
	for _, step := range slices.Backward(path) {
		r.take(step)
	}
}

// take takes a step.
func (r *round) take(step uint32) {
	r.steps = append(r.steps, step)
	mover := r.mover.at(step)
	r.owed[debt{mover, whichever}] = false
	for first, end := r.waysOf(step); first < end; first++ {
		r.owe(debt{mover, first})
	}
	r.owed[debt{mover, step}] = false
	for _, p := range r.puttingOff(step) {
		r.owed[debt{p.mover, whichever}] = false
	}
	r.at = r.to.at(step)
	r.arrive()
}

// owe notes a debt, once.
func (r *round) owe(d debt) {
	if _, known := r.owed[d]; !known {
		r.debts = append(r.debts, d)
		r.owed[d] = true
	}
}

// arrive owes whoever can go on; to a timer that cannot fire nothing is owed.
func (r *round) arrive() {
	from, before := r.graph.steps(r.at)
	for step := from; step < before; step++ {
		if mover := r.mover.at(step); mover&aFault == 0 {
			r.owe(debt{mover, whichever})
		}
	}
	for _, d := range r.debts {
		if r.idle(d, r.at) {
			r.owed[d] = false
		}
	}
}

// idle says whether a debt is one to a timer that cannot fire in a state.
func (r *round) idle(d debt, state uint32) bool {
	from, before := r.graph.steps(state)
	if d.mover&aTimer == 0 {
		return false
	}
	for step := from; step < before; step++ {
		if r.mover.at(step) == d.mover {
			return false
		}
	}
	return true
}

// settles says whether a step settles something that is owed.
func (r *round) settles(step uint32) bool {
	if r.owed[debt{r.mover.at(step), whichever}] || r.owed[debt{r.mover.at(step), step}] {
		return true
	}
	for _, p := range r.puttingOff(step) {
		if r.owed[debt{p.mover, whichever}] {
			return true
		}
	}
	return slices.ContainsFunc(r.debts, func(d debt) bool { return r.owed[d] && r.idle(d, r.to.at(step)) })
}
