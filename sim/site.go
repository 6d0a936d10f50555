package sim

import "unsafe"

// site is a place where a task may be parked: a point, and the calls that lead
// to it. A helper called from two places has one point there and two futures.
type site struct {
	hash     uint64
	point    string
	event    Event
	variants []variant // of the event, where there are ways
	parked   []*coroutine
	recipes  []recipe

	found uint64 // the last search for a route that came here
	next  hop    // of that route
}

// recipe is how to come to a site: load the state, in which the task is parked
// at another site, and let the task take its step, by the way it took.
type recipe struct {
	from  *site
	way   way
	state *snapshot
}

// knows says whether there is a recipe from a site.
func (s *site) knows(from *site) bool {
	for i := range s.recipes {
		if s.recipes[i].from == from {
			return true
		}
	}
	return false
}

// siteTable holds the sites of a task by their hash.
type siteTable struct {
	first *site // where the program parks first
	base  uintptr
	stack [64]uintptr  // scratch
	near  [64]struct { // by the addresses of a place
		key  uint64
		site *site
	}
	recent [64]*site // by hash
	all    map[uint64]*site
	order  []*site // as they were met

	seconds []secondPoint // names that were put together

	search uint64 // of routes, counted
	queue  []*site
	route  []hop
}

// find returns the site of the point at which the running task is about to
// park. A place that was met before is known by its addresses alone.
//
//go:noinline
func (table *siteTable) find(t *Task, p string) *site {
	stack := &table.stack
	n := callers(stack, &table.base)
	key := uint64(uintptr(unsafe.Pointer(unsafe.StringData(p)))) + uint64(len(p))
	for _, pc := range stack[:n] {
		key = (key ^ uint64(pc)) * 0x9e3779b97f4a7c15
	}
	near := &table.near[key>>58]
	if near.key == key && near.site != nil {
		return near.site
	}
	hash := mixString(0, p)
	for _, pc := range stack[:n] {
		hash = mix(hash, uint64(pc))
	}
	s := table.all[hash]
	if s == nil {
		s = table.add(t, hash, p)
	}
	near.key, near.site = key, s
	return s
}

func (table *siteTable) add(t *Task, hash uint64, p string) *site {
	mustBeLabel("point", p)
	s := &site{hash: hash, point: p, event: Event{Actor: t.name, Label: p, Place: t.number, Thread: t.number, task: t}}
	if table.all == nil {
		table.all = map[uint64]*site{}
	}
	table.all[hash] = s
	table.order = append(table.order, s)
	return s
}

// like returns the site of the task that another one's is.
func (table *siteTable) like(t *Task, theirs *site) *site {
	s := table.all[theirs.hash]
	if s == nil {
		s = table.add(t, theirs.hash, theirs.point)
		if t.program == nil {
			s.event.Actor = theirs.event.Actor // A goroutine has its name once it is started.
		}
	}
	return s
}

// get returns the site of a saved state.
func (table *siteTable) get(hash uint64) *site {
	if s := table.recent[hash%64]; s != nil && s.hash == hash {
		return s
	}
	s := table.all[hash]
	table.recent[hash%64] = s
	if s == nil {
		panic("sim: a state is loaded in which a task is parked where this world never saw it: let the world Learn from the one that saved the state")
	}
	return s
}

// take returns a coroutine that is parked at the site, or nil.
func (s *site) take() *coroutine {
	n := len(s.parked)
	if n == 0 {
		return nil
	}
	c := s.parked[n-1]
	s.parked = s.parked[:n-1]
	return c
}

// hop is one step of a drive: by the recipe, to the site.
type hop struct {
	recipe recipe
	to     *site
}

// variant is the event of a site by one of its ways.
type variant struct {
	of, with int // numbers of the case's object and of the other task
	event    Event
}

// secondPoint is the point of a step that a call takes after its first.
type secondPoint struct{ first, what, second string }

// second is the point where a call waits that came by p, once more. It is made
// once: a name is not put together at each step.
func (table *siteTable) second(p, what string) string {
	for i := range table.seconds {
		if s := &table.seconds[i]; s.first == p && s.what == what {
			return s.second
		}
	}
	table.seconds = append(table.seconds, secondPoint{p, what, p + what})
	return table.seconds[len(table.seconds)-1].second
}

// byName returns the site of a function's point. Its log says how it came there.
func (table *siteTable) byName(t *Task, name string) *site {
	hash := mixString(mixString(0, name), t.name)
	if s := table.all[hash]; s != nil {
		return s
	}
	return table.add(t, hash, name)
}
