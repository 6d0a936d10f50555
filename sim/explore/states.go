package explore

import (
	"slices"

	"racelab/sim"
)

// batch is how many states are expanded between two looks at the budget. It is
// part of what a search finds when its budget ends it, so it does not depend on
// the workers.
const batch = 1024

// States visits every reachable state, breadth first, and then finds the
// shortest schedule to each property that broke.
func States(sys System, o Options) *Result {
	r := newResult("states", sys)
	c := newCrew(sys, o.Workers)
	defer c.close()
	s := search{crew: c, result: r, seen: newSeen(), breaks: make([]int, len(r.Verdicts))}
	complete := s.run(o)
	r.States, r.Complete = s.seen.n, complete
	if complete {
		r.conclude(Exhausted)
	} else {
		r.conclude(Unfinished)
	}
	s.shortest(c.cursors[0])
	return r
}

type search struct {
	crew   *crew
	result *Result
	seen   *seen
	breaks []int // by property: the level of the first step that broke it
}

// run visits the states, level by level, and says whether that was all.
func (s *search) run(o Options) bool {
	at := s.crew.cursors[0]
	s.seen.add(at.Fingerprint())
	s.count(0, at.Tested(), at.Violations(), nil)
	frontier := []spot{at.mark()}
	expanded := make([]expansion, batch)
	for level := 1; len(frontier) > 0; level++ {
		var next []spot
		for from := 0; from < len(frontier); from += batch {
			spots := frontier[from:min(from+batch, len(frontier))]
			if o.stopped() || s.seen.n > o.Limit || o.First && s.result.anyBad() {
				return false
			}
			s.crew.each(len(spots), func(at *cursor, i int) { expanded[i].expand(at, spots[i], s.seen, o.atEnd) })
			for i := range spots {
				spots[i] = spot{}
				e := &expanded[i]
				s.result.Transitions += e.transitions
				s.count(level, e.tested, e.violations, e.races)
				for _, reached := range e.reached {
					if s.seen.add(reached.fingerprint) {
						next = append(next, reached.spot)
					}
				}
			}
			s.crew.share()
			s.result.States = s.seen.n
			o.progress(s.result)
		}
		frontier = next
	}
	return true
}

// count notes what steps on their way to a level put to the test and broke.
func (s *search) count(level int, tested uint64, violations []sim.Violation, races []sim.Violation) {
	for i := range s.result.Verdicts {
		v := &s.result.Verdicts[i]
		v.tested = v.tested || tested>>i&1 == 1
	}
	for _, list := range [2][]sim.Violation{violations, races} {
		for _, violation := range list {
			i := s.result.index(violation.Property)
			s.result.Verdicts[i].Bad++
			if s.breaks[i] == 0 {
				s.breaks[i] = max(level, 1)
			}
		}
	}
}

// expansion is what the steps out of one state came to.
type expansion struct {
	transitions int
	tested      uint64
	violations  []sim.Violation
	races       []sim.Violation
	reached     []reachedState // that were not seen before this batch
	steps       []step         // for the races
}

type reachedState struct {
	fingerprint uint64
	spot        spot
}

// expand takes every step out of a state.
func (e *expansion) expand(at *cursor, from spot, known *seen, atEnd func(System)) {
	*e = expansion{violations: e.violations[:0], races: e.races[:0], reached: e.reached[:0], steps: e.steps[:0]}
	at.back(from)
	n := len(at.Enabled())
	if n == 0 && atEnd != nil {
		atEnd(at)
	}
	for i := range n {
		if i > 0 {
			at.back(from)
		}
		event := at.Enabled()[i]
		at.Take(i)
		e.transitions++
		e.tested |= at.Tested()
		e.violations = append(e.violations, at.Violations()...)
		if fingerprint := at.Fingerprint(); !known.has(fingerprint) {
			e.reached = append(e.reached, reachedState{fingerprint, at.mark()})
		}
		if race := e.race(at, event); race != nil {
			e.races = append(e.races, *race)
		}
	}
}

// step is an event with what it touched.
type step struct {
	event    sim.Event
	accesses []sim.Access
}

// race compares the step just taken with the others out of the same state: two
// that touch the same variable, one of them writing, race, unless a lock that
// both take keeps them apart.
func (e *expansion) race(at System, event sim.Event) *sim.Violation {
	n := len(e.steps)
	if n < cap(e.steps) {
		e.steps = e.steps[:n+1]
	} else {
		e.steps = append(e.steps, step{})
	}
	now := &e.steps[n]
	now.event = event
	now.accesses = append(now.accesses[:0], at.Accesses()...)
	for i := range n {
		if object := races(e.steps[i].accesses, now.accesses); object > 0 {
			return &sim.Violation{Property: sim.NoDataRace, Err: &RaceError{e.steps[i].event.String(), event.String(), at.ObjectName(object)}}
		}
	}
	return nil
}

// races returns the variable on which two steps race, or 0.
func races(a, b []sim.Access) int {
	object := 0
	for _, x := range a {
		for _, y := range b {
			if x.Object != y.Object || !x.Write && !y.Write {
				continue
			}
			if x.Kind == sim.Lock {
				return 0
			}
			if x.Kind == sim.Data {
				object = x.Object
			}
		}
	}
	return object
}

// RaceError is a data race: two steps that can both be next.
type RaceError struct {
	First, Second string // the steps
	Object        string
}

func (e *RaceError) Error() string {
	return "data race on " + e.Object + ": \"" + e.First + "\" and \"" + e.Second + "\" touch it, one of them writes, and either can be first"
}

// shortest finds, for each property that broke, the schedule with the fewest
// steps and, among those, the fewest switches. It goes through the levels
// again, up to the last of those breaks, and this time remembers the ways.
func (s *search) shortest(at *cursor) {
	last := slices.Max(s.breaks)
	if last == 0 {
		return
	}
	w := ways{index: map[uint64]int32{}, best: make([]breaking, len(s.breaks))}
	at.Reset()
	s.breaksAtStart(at)
	w.reach(at, 0, arrival{from: -1})
	var e expansion
	for state := int32(0); int(state) < len(w.states) && int(w.states[state].level) < last; state++ {
		e.steps = e.steps[:0]
		from := w.states[state].spot
		at.back(from)
		n := len(at.Enabled())
		for i := range n {
			if i > 0 {
				at.back(from)
			}
			event := at.Enabled()[i]
			at.Take(i)
			way, level := w.cheapest(state, event, i), w.states[state].level+1
			violations := slices.Clone(at.Violations())
			if race := e.race(at, event); race != nil {
				violations = append(violations, *race)
			}
			for _, v := range violations {
				if p := s.result.index(v.Property); int(level) == s.breaks[p] {
					w.best[p].keep(way, v.Err)
				}
			}
			w.reach(at, level, way)
		}
		w.states[state].spot = spot{}
	}
	for p, b := range w.best {
		if b.err == nil {
			continue
		}
		v := &s.result.Verdicts[p]
		v.Err = b.err
		v.Schedule = scheduleOf(at, append(w.path(b.way.from, b.way.via), b.way.choice))
	}
}

// breaksAtStart gives a property that is broken before the first step its
// error; its schedule is empty.
func (s *search) breaksAtStart(at *cursor) {
	for _, v := range at.Violations() {
		s.result.Verdict(v.Property).Err = v.Err
	}
}

// scheduleOf puts choices in words.
func scheduleOf(sys System, path []int32) sim.Schedule {
	var schedule sim.Schedule
	sys.Reset()
	for _, choice := range path {
		schedule = schedule.Add(sys.Enabled()[choice])
		sys.Take(int(choice))
	}
	return schedule
}

// ways is what is remembered of the ways to the states of the first levels.
type ways struct {
	index  map[uint64]int32 // into states, by fingerprint
	states []waypoint
	best   []breaking // by property
}

type waypoint struct {
	level int32
	spot  spot // until it is expanded
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

// breaking is the best way to break a property.
type breaking struct {
	way arrival
	err error
}

func (b *breaking) keep(way arrival, err error) {
	if b.err == nil || way.switches < b.way.switches {
		b.way, b.err = way, err
	}
}

// cheapest is a step out of a state, on its way of fewest switches.
func (w *ways) cheapest(state int32, event sim.Event, choice int) arrival {
	best := arrival{switches: -1}
	for via, before := range w.states[state].arrivals {
		switches := before.switches
		if before.place != int32(event.Place) && before.place != 0 {
			switches++
		}
		if best.switches < 0 || switches < best.switches {
			best = arrival{int32(event.Place), switches, state, int32(via), int32(choice)}
		}
	}
	return best
}

// reach notes the state where the system is, and a way to it. Breadth first,
// the first way to a state has the fewest steps; another of as many steps may
// have fewer switches.
func (w *ways) reach(at *cursor, level int32, way arrival) {
	fingerprint := at.Fingerprint()
	i, known := w.index[fingerprint]
	if !known {
		w.index[fingerprint] = int32(len(w.states))
		w.states = append(w.states, waypoint{level, at.mark(), []arrival{way}})
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

// path is the choices that lead to a state by one of its arrivals.
func (w *ways) path(state, via int32) []int32 {
	path := make([]int32, w.states[state].level)
	for i := len(path) - 1; i >= 0; i-- {
		a := w.states[state].arrivals[via]
		path[i], state, via = a.choice, a.from, a.via
	}
	return path
}

// seen is a set of fingerprints: open addressing, eight bytes a slot, so 11 to
// 22 bytes a state.
type seen struct {
	slots []uint64 // 0: free
	n     int
}

func newSeen() *seen { return &seen{slots: make([]uint64, 1<<10)} }

// slot returns where the fingerprint is, or where it belongs.
func (s *seen) slot(fingerprint uint64) *uint64 {
	mask := uint64(len(s.slots) - 1)
	for i := fingerprint & mask; ; i = (i + 1) & mask {
		if s.slots[i] == 0 || s.slots[i] == fingerprint {
			return &s.slots[i]
		}
	}
}

func (s *seen) has(fingerprint uint64) bool { return *s.slot(max(fingerprint, 1)) != 0 }

// add says whether the fingerprint is new.
func (s *seen) add(fingerprint uint64) bool {
	fingerprint = max(fingerprint, 1)
	slot := s.slot(fingerprint)
	if *slot != 0 {
		return false
	}
	*slot = fingerprint
	s.n++
	if s.n*4 > len(s.slots)*3 {
		old := s.slots
		s.slots = make([]uint64, 2*len(old))
		for _, f := range old {
			if f != 0 {
				*s.slot(f) = f
			}
		}
	}
	return true
}
