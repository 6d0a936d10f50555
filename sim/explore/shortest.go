package explore

import (
	"math"

	"racelab/sim"
)

// broken is how a schedule breaks a property.
type broken struct {
	schedule sim.Schedule
	err      error
	cut      bool // a data race that came before the one looked for: others may be shorter
}

// shortest finds the schedule of at most maxLevel steps that breaks a property
// with the fewest steps and, among those, the fewest switches. It goes through
// the states breadth first and remembers the ways to them. It returns nil if
// there is none, or if it takes more than maxStates states to know.
func shortest(at *cursor, property string, maxLevel, maxStates int) *broken {
	found, _ := nearest(at, property, maxLevel, maxStates, Options{})
	return found
}

// Near is how near a break is.
type Near struct {
	Schedule sim.Schedule // the shortest that leads there, from the start; nil: none was found
	Err      error        // how it breaks; nil: none was found
	States   int          // looked at
	Complete bool         // it is known: either none is shorter or, in all states, there is none
}

// Nearest looks for the shortest schedule that breaks one property, or reaches one
// probe, in at most o.Limit states. It stops at the first level that has one, so it
// is faster than States, and it does not defend itself.
func Nearest(sys System, property string, o Options) (_ *Near, err error) {
	defer sim.RecoverModelError(&err)
	found, near := nearest(newCursor(sys), property, math.MaxInt, o.Limit, o)
	if found != nil {
		near.Schedule, near.Err = found.schedule, found.err
	}
	return &near, nil
}

func nearest(at *cursor, property string, maxLevel, maxStates int, o Options) (*broken, Near) {
	at.Reset()
	if err := brokenBy(at, property); err != nil {
		return &broken{err: err}, Near{States: 1, Complete: true}
	}
	w := ways{index: map[print]int32{}}
	complete := true
	w.reach(at, 0, arrival{from: -1})
	var best *arrival
	var why error
	var first sim.Event // of two steps that race: the other one, to be taken before
	var e expansion
	for i := int32(0); int(i) < len(w.states); i++ {
		if level := int(w.states[i].level); level >= maxLevel {
			break
		}
		if complete = len(w.states) <= maxStates && (i%batch != 0 || !o.stopped()); !complete {
			break
		}
		e.steps = e.steps[:0]
		from := w.states[i].checkpoint
		at.restore(from)
		n := len(at.Enabled())
		for choice := range n {
			if choice > 0 {
				at.restore(from)
			}
			event := at.Enabled()[choice]
			at.Take(choice)
			way := w.cheapest(i, int32(event.Place), int32(choice))
			err := brokenBy(at, property)
			other, object := e.race(at, event)
			if other != nil && property == sim.NoDataRace {
				err = raceError(at, *other, e.steps[len(e.steps)-1], object, int(w.states[i].level)+2)
			}
			switch {
			case err == nil && best == nil:
				w.reach(at, w.states[i].level+1, way)
			case err == nil:
				// Longer than what was found.
			case best == nil || way.switches < best.switches:
				best, why = &way, err
				if other != nil {
					first = other.event
				}
				maxLevel = int(w.states[i].level) + 1
			}
		}
		w.states[i].checkpoint = checkpoint{}
	}
	near := Near{States: len(w.states), Complete: complete}
	if best == nil {
		return nil, near
	}
	found := &broken{schedule: scheduleOf(at, w.through(*best)), err: why}
	if property == sim.NoDataRace {
		found = found.withBoth(at, first)
		near.Complete = near.Complete && !found.cut
	}
	return found, near
}

// withBoth puts the first of two steps that race before the other one, which is the
// last of the schedule. Either can be first, so the order is free.
func (b *broken) withBoth(at *cursor, first sim.Event) *broken {
	n := len(b.schedule) - 1
	b.schedule = append(b.schedule[:n:n].Add(first), b.schedule[n])
	// On the way the clocks may show another: of two steps that are never both
	// enabled, and that nothing orders. A TryLock that fails keeps steps apart like
	// that, and so does a lock that others unlock.
	if before := attempt(at, b.schedule, sim.NoDataRace); before != nil && len(before.schedule) < len(b.schedule) {
		before.cut = true
		return before
	}
	return b
}

// fewestSwitches finds, of some steps of one level that break a property, that to which
// a schedule with the fewest switches leads.
func (s *search) fewestSwitches(at *cursor, w *ways, property string, steps []uint32) *broken {
	at.Reset()
	if err := brokenBy(at, property); err != nil {
		return &broken{err: err}
	}
	var best arrival
	for i, step := range steps {
		from := s.graph.origin(step)
		way := w.cheapest(int32(from), s.graph.place[s.graph.mover.at(step)&threadOf], int32(step-s.graph.first.at(from)))
		if i == 0 || way.switches < best.switches {
			best = way
		}
	}
	path := w.through(best)
	found := &broken{schedule: scheduleOf(at, path), err: brokenBy(at, property)}
	if property != sim.NoDataRace || s.clocked {
		return found
	}
	// The other step that can be next is found where both can.
	scheduleOf(at, path[:len(path)-1])
	from := at.save()
	var e expansion
	for choice := range best.choice + 1 {
		at.restore(from)
		event := at.Enabled()[choice]
		at.Take(int(choice))
		if other, object := e.race(at, event); other != nil && choice == best.choice {
			found.err = raceError(at, *other, e.steps[len(e.steps)-1], object, len(path)+1)
			found = found.withBoth(at, other.event)
		}
	}
	return found
}

// ways is the ways of fewest switches to the states of the first levels.
func (s *search) ways(levels int) *ways {
	w := &ways{}
	for level, n := range s.result.Levels[:levels] {
		for range n {
			w.states = append(w.states, waypoint{level: int32(level)})
		}
	}
	w.states[0].arrivals = []arrival{{from: -1}}
	for i := range w.states {
		first, end := s.graph.steps(uint32(i))
		for step := first; step < end; step++ {
			to := s.graph.to.at(step)
			if int(to) < len(w.states) && w.states[to].level == w.states[i].level+1 {
				w.states[to].arrive(w.cheapest(int32(i), s.graph.place[s.graph.mover.at(step)&threadOf], int32(step-first)))
			}
		}
	}
	return w
}

// brokenBy returns how the last step broke the property, or nil.
func brokenBy(sys System, property string) error {
	for _, v := range sys.Violations() {
		if v.Property == property {
			return v.Err
		}
	}
	return nil
}

// scheduleOf puts choices in words.
func scheduleOf(sys System, path []int32) sim.Schedule {
	var events []sim.Event
	sys.Reset()
	for _, choice := range path {
		events = append(events, sys.Enabled()[choice])
		sys.Take(int(choice))
	}
	return asSchedule(events)
}

// ways is what is remembered of the ways to the states of the first levels.
type ways struct {
	index  map[print]int32 // into states
	states []waypoint
}

type waypoint struct {
	level      int32
	checkpoint checkpoint // until it is expanded
	// arrivals are the ways here with the fewest switches in `level` steps, one
	// for each place where the last step may have been.
	arrivals []arrival
}

// arrival is a last step, and what led to it.
type arrival struct {
	place    int32 // of the last step; 0 at the start
	switches int32
	from     int32 // index of the state before
	via      int32 // index of the arrival there
	choice   int32 // index of the event taken there
}

// cheapest is a step out of a state, at a place, on its way of fewest switches.
func (w *ways) cheapest(state, place, choice int32) arrival {
	best := arrival{switches: -1}
	for via, before := range w.states[state].arrivals {
		switches := before.switches
		if before.place != place && before.place != 0 {
			switches++
		}
		if best.switches < 0 || switches < best.switches {
			best = arrival{place, switches, state, int32(via), choice}
		}
	}
	return best
}

// reach notes the state where the system is, and a way to it. Breadth first,
// the first way to a state has the fewest steps; another of as many steps may
// have fewer switches.
func (w *ways) reach(at *cursor, level int32, way arrival) {
	is := at.print()
	i, known := w.index[is]
	if !known {
		w.index[is] = int32(len(w.states))
		w.states = append(w.states, waypoint{level, at.save(), []arrival{way}})
		return
	}
	if state := &w.states[i]; level == state.level {
		state.arrive(way)
	}
}

func (p *waypoint) arrive(way arrival) {
	for i := range p.arrivals {
		if p.arrivals[i].place == way.place {
			if way.switches < p.arrivals[i].switches {
				p.arrivals[i] = way
			}
			return
		}
	}
	p.arrivals = append(p.arrivals, way)
}

// through is the choices of a way, with its last.
func (w *ways) through(last arrival) []int32 { return append(w.path(last.from, last.via), last.choice) }

// path is the choices that lead to a state by one of its arrivals.
func (w *ways) path(state, via int32) []int32 {
	path := make([]int32, w.states[state].level)
	for i := len(path) - 1; i >= 0; i-- {
		a := w.states[state].arrivals[via]
		path[i], state, via = a.choice, a.from, a.via
	}
	return path
}

// asSchedule numbers events by their occurrence.
func asSchedule(events []sim.Event) sim.Schedule {
	schedule := make(sim.Schedule, len(events))
	count := map[sim.Step]int{}
	for i, e := range events {
		step := sim.Step{Actor: e.Actor, Label: e.Label}
		count[step]++
		schedule[i] = step
		schedule[i].Occurrence = count[step]
	}
	return schedule
}
