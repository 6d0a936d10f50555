package explore

import "slices"

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
	movers []uint16               // that can go on somewhere in the set that is looked at
	stats  map[uint16]*moverStats // of each of them
}

// moverStats is what a mover does in a set of states.
type moverStats struct {
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
			switch rest, fair := f.judge(c); {
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

// newSet makes states a set.
func (f *fairness) newSet(states []uint32) uint32 {
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
	set := f.newSet(states)
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
			if len(c) > 1 || f.loops(state, set) {
				found = append(found, slices.Clone(c))
			}
		}
	}
	for _, state := range states {
		f.index[state] = 0
	}
	return found
}

// loops says whether a step leads from a state to itself.
func (f *fairness) loops(state, set uint32) bool {
	first, end := f.steps(state)
	for step := first; step < end; step++ {
		if f.to.at(step) == state && f.stays(step, set) {
			return true
		}
	}
	return false
}

// judge says whether a fair run can stay for ever in states that lead to each other.
// If not, the rest is those of them in which it might.
func (f *fairness) judge(states []uint32) (rest []uint32, fair bool) {
	set := f.newSet(states)
	f.movers, f.stats = f.movers[:0], map[uint16]*moverStats{}
	whole := true
	for _, state := range states {
		first, end := f.steps(state)
		for step := first; step < end; {
			next := f.ways(step, end)
			whole = f.inspect(step, next, set) && whole
			step = next
		}
	}
	if !whole {
		return states, false
	}
	starves := func(state uint32) bool {
		first, end := f.steps(state)
		for step := first; step < end; step++ {
			if m := f.mover.at(step); m&(aFault|aTimer) == 0 && !f.stats[m].moves {
				return true
			}
		}
		return false
	}
	if slices.ContainsFunc(states, starves) {
		return slices.DeleteFunc(states, starves), false
	}
	for _, mover := range f.movers {
		if t := f.stats[mover]; mover&aTimer > 0 && t.enabled == len(states) && !t.moves && !t.putOff {
			return nil, false // In a part of these states it can fire everywhere and never does, too.
		}
	}
	return nil, true
}

// inspect looks at the ways of a mover out of a state of the set. It is false if some of
// them lead out, so that none of them can be taken for ever.
func (f *fairness) inspect(step, end, set uint32) bool {
	mover := f.mover.at(step)
	if mover&aFault > 0 {
		return true
	}
	t := f.statsOf(mover)
	t.enabled++
	stay := 0
	for way := step; way < end; way++ {
		if f.stays(way, set) {
			stay++
			for _, p := range f.puttingOff(way) {
				f.statsOf(p.mover).putOff = true
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

func (f *fairness) statsOf(mover uint16) *moverStats {
	t := f.stats[mover]
	if t == nil {
		t = &moverStats{}
		f.movers = append(f.movers, mover)
		f.stats[mover] = t
	}
	return t
}
