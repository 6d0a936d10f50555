package sim

import "slices"

// What comes before what, as a part of the state. The clocks of a run grow for ever;
// of them it matters only who knows of which access that can still race. In these terms
// there are finitely many, and a search can go through all: see Engine.FollowOrder.
//
// Source: Elmas, Qadeer, Tasiran: Goldilocks (PLDI 2007), which follows, for each
// variable, the threads and locks that come after its last access.

// followOrder makes what comes before what a part of the states that are saved from
// now on, and says whether it can.
func (w *World) followOrder() bool {
	r := &w.races
	r.kept, w.base = true, nil
	for i := range w.objects {
		if w.met.contended(w, i+1) {
			r.vars[i+1].reads = make([]accessed, len(w.tasks))
			r.data = append(r.data, i+1)
		}
	}
	return r.on
}

// orderNow is what comes before what.
func (w *World) orderNow() *order {
	r := &w.races
	if r.now != nil {
		return r.now
	}
	x := &r.walk
	x.words, x.vars, x.steps = x.words[:0], x.vars[:0], r.steps
	r.dropKnown(w)
	x.epochs = slices.Grow(x.epochs[:0], len(r.clocks))[:len(r.clocks)]
	for i := range x.epochs {
		x.epochs[i] = x.epochs[i][:0]
	}
	for _, number := range r.data {
		r.vars[number].each(func(a *accessed, _ bool) {
			if a.at > 0 && !slices.Contains(x.epochs[a.thread], a.at) {
				x.epochs[a.thread] = append(x.epochs[a.thread], a.at)
			}
		})
	}
	for _, epochs := range x.epochs {
		slices.Sort(epochs)
	}
	r.walkOrder(w, x)
	hash := uint64(len(x.words))
	for _, b := range x.words {
		hash = mix(hash, uint64(b))
	}
	r.now = &order{scramble(hash), r.steps, slices.Clone(x.words), slices.Clone(x.vars)}
	return r.now
}

// dropKnown forgets the accesses that come before whatever a task can still do that
// could race with them, as far as any task has done such a thing.
func (r *races) dropKnown(w *World) {
	for _, number := range r.data {
		v := &r.vars[number]
		if v.raced {
			v.write = accessed{}
			clear(v.reads)
			continue
		}
		v.each(func(a *accessed, write bool) {
			if a.at == 0 {
				return
			}
			for k, t := range w.tasks {
				if w.met.mayRace(number, k, write) && !w.hasEnded(t) && r.clocks[k][a.thread] < a.at {
					return
				}
			}
			*a = accessed{}
		})
	}
}

// hasEnded says whether a task is at its end and stays there.
func (w *World) hasEnded(t *Task) bool { return t.done && w.processes == nil }

// setOrder makes the clocks those of a saved state.
func (w *World) setOrder(o *order) {
	r := &w.races
	r.reset(w)
	r.steps, r.now = o.steps, o
	x := &r.walk
	x.epochs, x.order, x.put, x.at, x.access = x.epochs[:0], *o, true, 0, 0
	r.walkOrder(w, x)
	clear(x.epochs) // They are ranks, which are not to be written to.
	x.put, x.order = false, order{}
}

// walkOrder writes what comes before what, or reads it.
func (r *races) walkOrder(w *World, x *accessOrder) {
	for i := range r.clocks {
		n := uint16(0)
		if !x.put {
			n = uint16(len(x.epochs[i]))
		}
		n = x.number(n)
		if x.put {
			x.epochs = append(x.epochs, x.firsts(int(n)))
			r.clocks[i][i] = uint32(n) + 1
		}
	}
	for _, number := range r.data {
		v := &r.vars[number]
		raced := uint16(0)
		if v.raced {
			raced = 1
		}
		v.raced = x.number(raced) != 0
		v.each(x.accessed)
	}
	for i := range r.clocks {
		if i >= len(w.tasks) || !w.hasEnded(w.tasks[i]) {
			x.clock(&r.clocks[i], i)
		}
	}
	for i := range r.objects {
		x.clock(&r.objects[i], -1)
	}
	for _, c := range w.conns {
		for i := range c.requests {
			r.sentClock(x, &c.requests[i].sendClock)
		}
		for i := range c.responses {
			r.sentClock(x, &c.responses[i].sendClock)
		}
	}
	for _, t := range w.tasks {
		r.sentClock(x, &t.sendClock)
	}
	for _, c := range w.passages {
		for _, list := range c.sends() {
			n := int(x.number(uint16(len(*list))))
			if x.put {
				*list = append((*list)[:0], make([]int, n)...)
			}
			for i := range *list {
				r.sentClock(x, &(*list)[i])
			}
		}
	}
}

// sentClock is the clock of what is under way: a message, a value, a wake-up.
func (r *races) sentClock(x *accessOrder, number *int) {
	var clock vector
	if !x.put && *number > 0 {
		clock = r.sendClocks[*number-1]
	}
	x.clock(&clock, -1)
	if x.put {
		if *number = 0; clock != nil {
			*number = r.keep(clock)
		}
	}
}
