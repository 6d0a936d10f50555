package sim

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unsafe"
)

// A parked coroutine is a jump target. Its future depends on the place where
// it is parked and on fields, so with the fields of any saved state put back,
// any coroutine of the task that is parked at the right place may go on.
//
// This file finds one. Coroutines are few: when none is parked at the wanted
// place, one is driven there, through states from which it is known to come
// nearer.

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

// before returns the state before the current step. Where it was not saved, it
// is found by running there from the last one that was; a task comes to a site
// from another for the first time only so often.
func (w *World) before() *snapshot {
	if w.base != nil {
		return w.base
	}
	now, clocks := w.snapshot(), w.races.saveSendClocks(w)
	w.driving = true
	w.load(w.last)
	for _, choice := range w.since[:len(w.since)-1] {
		w.findEnabled()
		event := w.enabled[choice]
		if event.task != nil {
			event.task.attach()
		}
		w.pace.begin(&event)
		w.step(event)
		w.pace.loaded() // While driving, no step says what it touched.
		w.pace.end(&event)
	}
	before := w.snapshot()
	w.load(now)
	w.races.restoreSendClocks(w, clocks)
	w.driving = false
	return before
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

// isRun says whether an address lies in Task.run, the bottom of a task's stack.
func isRun(pc uintptr) bool {
	f := runtime.FuncForPC(pc - 1)
	return f != nil && strings.HasSuffix(f.Name(), ".(*Task).run")
}

// pool is the coroutines of a task that are parked without being its current
// one.
type pool struct {
	alive int          // coroutines made and not stopped
	ended []*coroutine // parked at the end of their program
}

// put parks a coroutine where it is, or ends it if there are enough.
func (p *pool) put(c *coroutine) {
	if p.alive > c.task.world.maxCoroutines {
		p.alive--
		c.stop()
		return
	}
	if c.site == nil {
		p.ended = append(p.ended, c)
	} else {
		c.site.parked = append(c.site.parked, c)
	}
}

// maxCoroutines is how many coroutines a task keeps for jumps, unless the engine
// is told otherwise.
const maxCoroutines = 32

// attach makes sure that the task has a coroutine where it is parked. It may
// take the world elsewhere meanwhile; it is back in its state at the end.
func (t *Task) attach() {
	if t.coroutine != nil {
		return
	}
	if t.program == nil {
		t.rejoin()
		return
	}
	at := t.site
	if c := at.take(); c != nil {
		t.coroutine = c
		return
	}
	w := t.world
	driving, back := w.driving, w.base
	if back == nil {
		back = w.snapshot()
	}
	w.driving = true
	clocks := w.races.saveSendClocks(w)
	c := t.drive(at)
	if at == t.sites.first {
		// A run begins: the others will want the same.
		w.beginAll()
	}
	w.load(back)
	w.races.restoreSendClocks(w, clocks)
	w.driving = driving
	t.coroutine = c
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

// drive brings a coroutine to a site: from the nearest site, backwards along
// the recipes, at which one is parked, or from the beginning.
func (t *Task) drive(to *site) *coroutine {
	route, from := t.route(to)
	c := from.take()
	if c == nil {
		c = t.fromStart()
	}
	for _, r := range route {
		t.world.load(r.recipe.state)
		t.way = r.recipe.way
		t.move(c, r.to)
	}
	return c
}

// hop is one step of a drive: by the recipe, to the site.
type hop struct {
	recipe recipe
	to     *site
}

// route finds the shortest way to a site from one where a coroutine is parked,
// or from the first one. It is valid until the next call.
func (t *Task) route(to *site) ([]hop, *site) {
	table := &t.sites
	table.search++
	to.found = table.search
	queue := append(table.queue[:0], to)
	for k := 0; k < len(queue); k++ {
		at := queue[k]
		if len(at.parked) > 0 || at == table.first {
			table.queue, table.route = queue, table.route[:0]
			from := at
			for at != to {
				table.route = append(table.route, at.next)
				at = at.next.to
			}
			return table.route, from
		}
		for _, r := range at.recipes {
			if r.from.found != table.search {
				r.from.found, r.from.next = table.search, hop{r, at}
				queue = append(queue, r.from)
			}
		}
	}
	panic(fmt.Sprintf("sim: nobody knows how task %s comes to %q: its state was loaded from another world, without Learn", t.name, to.point))
}

// fromStart brings a coroutine to the first point of the program.
func (t *Task) fromStart() *coroutine {
	t.world.load(t.world.begins())
	return t.beginHere()
}

// beginHere is fromStart in a world whose tasks have not begun.
func (t *Task) beginHere() *coroutine {
	var c *coroutine
	if n := len(t.pool.ended); n > 0 {
		c = t.pool.ended[n-1]
		t.pool.ended = t.pool.ended[:n-1]
	} else {
		c = t.newCoroutine()
	}
	t.move(c, t.sites.first)
	return c
}

// beginAll parks a coroutine at the first point of each task that has none
// there and one that has come to its end. One state to begin from serves all.
func (w *World) beginAll() {
	loaded := false
	for _, t := range w.tasks {
		if first := t.sites.first; first != nil && len(first.parked) == 0 && len(t.pool.ended) > 0 {
			if !loaded {
				w.load(w.begins())
				loaded = true
			}
			first.parked = append(first.parked, t.beginHere())
		}
	}
}

// letRun runs a coroutine that is not the task's current one to its next point.
func (t *Task) letRun(c *coroutine) {
	if t.coroutine != nil {
		t.pool.put(t.coroutine)
	}
	t.coroutine = c
	t.world.mark(&t.object)
	c.resume()
	t.coroutine = nil
}

// move runs a coroutine to its next point, which must be the given one.
func (t *Task) move(c *coroutine, to *site) {
	if t.letRun(c); c.site != to {
		where := "the end of its program"
		if c.site != nil {
			where = fmt.Sprintf("%q", c.site.point)
		}
		panic(fmt.Sprintf("sim: task %s, put back into a state, came to %s instead of %q: it carries something across a point in a local variable",
			t.name, where, to.point))
	}
}

// close ends all coroutines of the task.
func (t *Task) close() {
	if t.coroutine != nil {
		t.coroutine.end()
	}
	for _, c := range t.parked.list {
		c.end()
	}
	t.parked.list = nil
	for _, s := range t.sites.order {
		for _, c := range s.parked {
			c.stop()
		}
		s.parked = nil
	}
	for _, c := range t.pool.ended {
		c.stop()
	}
	t.coroutine, t.pool = nil, pool{}
}

// learn takes over from a world built alike how its tasks come to their sites,
// so that this one can load states that the other saved.
func (w *World) learn(from *World) {
	w.events()
	for i, t := range w.tasks {
		for _, theirs := range from.tasks[i].sites.order {
			s := t.sites.all[theirs.hash]
			if s == nil {
				s = t.sites.add(t, theirs.hash, theirs.point)
				s.event.Actor = theirs.event.Actor
			}
			for _, r := range theirs.recipes {
				known := slices.ContainsFunc(s.recipes, func(mine recipe) bool { return mine.from.hash == r.from.hash })
				if known {
					continue
				}
				before := t.sites.all[r.from.hash]
				if before == nil {
					before = t.sites.add(t, r.from.hash, r.from.point)
				}
				s.recipes = append(s.recipes, recipe{before, r.way, r.state})
			}
		}
	}
}
