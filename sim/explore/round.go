package explore

import "slices"

// round is a way in a set, back to its first state: that part of a lasso which is gone
// round for ever.
type round struct {
	*fairness
	set   uint32
	at    uint32
	steps []uint32
	order []obligation        // in which they came
	open  map[obligation]bool // false: it is discharged
	by    []uint32            // by state: the step by which a search came there
	came  []uint32            // by state: which search it was
	turn  uint32              // the search
}

// obligation is what fairness asks of a way round: that a mover moves, or that one of its
// ways out of a state is taken.
type obligation struct {
	mover uint16
	way   uint32 // the step; someWay: any
}

const someWay = ^uint32(0)

// round returns the steps of a way round, from the first of a set of states that a
// fair run never has to leave. Whoever can go on along that way does.
func (f *fairness) round(states []uint32) []uint32 {
	r := &round{
		fairness: f, set: f.newSet(states), at: states[0],
		open: map[obligation]bool{}, by: make([]uint32, f.states), came: make([]uint32, f.states),
	}
	for r.oblige(); ; {
		switch {
		case r.isObliged():
			r.walk(r.discharges)
		case r.at == states[0] && len(r.steps) > 0:
			return r.steps
		default:
			r.walk(func(step uint32) bool { return f.to.at(step) == states[0] })
		}
	}
}

func (r *round) isObliged() bool {
	return slices.ContainsFunc(r.order, func(o obligation) bool { return r.open[o] })
}

// walk goes the shortest way to the next step that is wanted, and takes it.
func (r *round) walk(wanted func(step uint32) bool) {
	r.turn++
	r.came[r.at] = r.turn
	for queue := []uint32{r.at}; ; queue = queue[1:] {
		first, end := r.graph.steps(queue[0])
		for step := first; step < end; step++ {
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
	r.open[obligation{mover, someWay}] = false
	for first, end := r.waysOf(step); first < end; first++ {
		r.add(obligation{mover, first})
	}
	r.open[obligation{mover, step}] = false
	for _, p := range r.puttingOff(step) {
		r.open[obligation{p.mover, someWay}] = false
	}
	r.at = r.to.at(step)
	r.oblige()
}

// add adds an obligation, once.
func (r *round) add(o obligation) {
	if _, known := r.open[o]; !known {
		r.order = append(r.order, o)
		r.open[o] = true
	}
}

// oblige adds that whoever can go on does. A timer that cannot fire need not.
func (r *round) oblige() {
	first, end := r.graph.steps(r.at)
	for step := first; step < end; step++ {
		if mover := r.mover.at(step); mover&aFault == 0 {
			r.add(obligation{mover, someWay})
		}
	}
	for _, o := range r.order {
		if r.idle(o, r.at) {
			r.open[o] = false
		}
	}
}

// idle says whether an obligation is that of a timer that cannot fire in a state.
func (r *round) idle(o obligation, state uint32) bool {
	if o.mover&aTimer == 0 {
		return false
	}
	first, end := r.graph.steps(state)
	for step := first; step < end; step++ {
		if r.mover.at(step) == o.mover {
			return false
		}
	}
	return true
}

// discharges says whether a step discharges an obligation.
func (r *round) discharges(step uint32) bool {
	if r.open[obligation{r.mover.at(step), someWay}] || r.open[obligation{r.mover.at(step), step}] {
		return true
	}
	for _, p := range r.puttingOff(step) {
		if r.open[obligation{p.mover, someWay}] {
			return true
		}
	}
	return slices.ContainsFunc(r.order, func(o obligation) bool { return r.open[o] && r.idle(o, r.to.at(step)) })
}
