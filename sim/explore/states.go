package explore

import "racelab/sim"

// Budget bounds a search.
type Budget struct {
	// MaxStates is the number of states after which States gives up.
	MaxStates int
	// First ends the search with the first step that breaks a property.
	First bool
}

// reached is one state in the breadth-first search.
type reached struct {
	fingerprint uint64
	level       int32
	// arrivals are the ways of fewest switches to get here in `level` steps,
	// one for each place where the last step may have been.
	arrivals []arrival
}

// arrival is a last step, and what led to it.
type arrival struct {
	place    int32 // of the last step; 0 at the start
	switches int32
	from     int32 // index of the reached state before
	via      int32 // index of the arrival there
	choice   int32 // index of the event taken there
}

// States searches breadth first, by running again from the start for every
// transition. It needs no more of a system than that it can start over.
func States(sys System, budget Budget) *Result {
	r := newResult("states", sys)
	sys.Reset()
	s := search{sys: sys, index: map[uint64]int32{}, result: r}
	s.reach(sys.Fingerprint(), 0, arrival{from: -1})
	s.judge(0, arrival{from: -1})
	for at := int32(0); int(at) < len(s.reached); at++ {
		if len(s.reached) > budget.MaxStates || budget.First && s.broken {
			r.States = len(s.reached)
			r.conclude(Unfinished)
			return s.finish()
		}
		s.expand(at)
	}
	r.States, r.Complete = len(s.reached), true
	r.conclude(Exhausted)
	return s.finish()
}

type search struct {
	sys     System
	index   map[uint64]int32 // into reached, by fingerprint
	reached []reached
	result  *Result
	broken  bool
	breaks  []breakAt // the first for each verdict, by index of it
}

// breakAt is a transition that breaks a property, at the least level.
type breakAt struct {
	property string
	level    int32
	last     arrival
	err      error
}

// expand tries every event of a reached state.
func (s *search) expand(at int32) {
	path := s.path(at, 0)
	s.replay(path)
	events := append([]sim.Event(nil), s.sys.Enabled()...)
	for i, event := range events {
		if i > 0 {
			s.replay(path)
		}
		s.sys.Take(i)
		s.result.Transitions++
		way, level := s.cheapest(at, event, i), s.reached[at].level+1
		s.reach(s.sys.Fingerprint(), level, way)
		s.judge(level, way)
	}
}

func (s *search) replay(path []int32) {
	s.sys.Reset()
	for _, choice := range path {
		s.sys.Take(int(choice))
	}
}

// cheapest is the step by event out of a state, on its way of fewest switches.
func (s *search) cheapest(at int32, event sim.Event, choice int) arrival {
	best := arrival{switches: -1}
	for via, before := range s.reached[at].arrivals {
		switches := before.switches
		if before.place != int32(event.Place) && before.place != 0 {
			switches++
		}
		if best.switches < 0 || switches < best.switches {
			best = arrival{int32(event.Place), switches, at, int32(via), int32(choice)}
		}
	}
	return best
}

// reach notes a state and the ways to it. Breadth first, the first way to a
// state has the fewest steps; another of as many steps may have fewer switches.
func (s *search) reach(fingerprint uint64, level int32, way arrival) {
	at, known := s.index[fingerprint]
	if !known {
		s.index[fingerprint] = int32(len(s.reached))
		s.reached = append(s.reached, reached{fingerprint, level, []arrival{way}})
		return
	}
	if state := &s.reached[at]; level == state.level {
		state.arrive(way)
	}
}

func (r *reached) arrive(way arrival) {
	for i := range r.arrivals {
		if r.arrivals[i].place == way.place {
			if way.switches < r.arrivals[i].switches {
				r.arrivals[i] = way
			}
			return
		}
	}
	r.arrivals = append(r.arrivals, way)
}

// judge counts what a step broke, and keeps the best schedule for each.
func (s *search) judge(level int32, last arrival) {
	s.result.watch(s.sys)
	for _, violation := range s.sys.Violations() {
		s.broken = true
		s.result.Verdict(violation.Property).Bad++
		s.keep(breakAt{violation.Property, level, last, violation.Err})
	}
}

func (s *search) keep(b breakAt) {
	for i, earlier := range s.breaks {
		if earlier.property == b.property {
			if b.level == earlier.level && b.last.switches < earlier.last.switches {
				s.breaks[i] = b
			}
			return
		}
	}
	s.breaks = append(s.breaks, b)
}

// finish turns the kept breaks into schedules.
func (s *search) finish() *Result {
	for _, b := range s.breaks {
		v := s.result.Verdict(b.property)
		v.Err = b.err
		if b.level == 0 {
			continue // Broken before the first step.
		}
		s.sys.Reset()
		for _, choice := range append(s.path(b.last.from, b.last.via), b.last.choice) {
			v.Schedule = v.Schedule.Add(s.sys.Enabled()[choice])
			s.sys.Take(int(choice))
		}
	}
	return s.result
}

// path is the choices that lead to a reached state by one of its arrivals.
func (s *search) path(at, via int32) []int32 {
	path := make([]int32, s.reached[at].level)
	for i := len(path) - 1; i >= 0; i-- {
		a := s.reached[at].arrivals[via]
		path[i], at, via = a.choice, a.from, a.via
	}
	return path
}
