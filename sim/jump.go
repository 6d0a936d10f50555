package sim

import "fmt"

// A parked coroutine is a jump target. Its future depends on the place where
// it is parked and on fields, so with the fields of any saved state put back,
// any coroutine of the task that is parked at the right place may go on.
//
// This file finds one. Coroutines are few: when none is parked at the wanted
// place, one is driven there, through states from which it is known to come
// nearer.

// pool is the coroutines of a task that are parked without being its current
// one.
type pool struct {
	alive int          // coroutines of a program that were made: none is stopped before close
	ended []*coroutine // parked at the end of their program
}

// put parks a coroutine where it is. If there are too many, one of those at the place that has
// the most is to go back to the beginning of its program.
func (p *pool) put(c *coroutine) {
	if c.site == nil {
		p.ended = append(p.ended, c)
		return
	}
	c.site.parked = append(c.site.parked, c)
	if w := c.task.world; p.alive-len(p.ended) > w.maxCoroutines {
		most := c.site
		for _, s := range c.task.sites.order {
			if len(s.parked) > len(most.parked) {
				most = s
			}
		}
		w.surplus = append(w.surplus, most.take())
	}
}

// rewindSurplus takes coroutines that are too many back to the beginning of their programs. They
// keep the stacks that they have grown. What is deferred there runs, and changes the world: so
// this is done where a state is loaded, which undoes it.
func (w *World) rewindSurplus() {
	if len(w.surplus) == 0 {
		return
	}
	driving := w.driving
	w.driving = true
	for _, c := range w.surplus {
		t := c.task
		current, next := t.coroutine, t.next
		w.mark(&t.object)
		t.coroutine, c.returns = c, true
		c.resume()
		t.coroutine, t.next = current, next
		t.pool.ended = append(t.pool.ended, c)
	}
	w.surplus, w.driving = w.surplus[:0], driving
}

// maxCoroutines is how many coroutines a task keeps for jumps, unless the engine
// is told otherwise.
const maxCoroutines = 128

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
	t.world.driven++
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
		panic(fmt.Sprintf("sim: task %s, put back into a state, came to %s instead of %q: it carries something across a point in a local variable, or calls Peek",
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
			c.end()
		}
		s.parked = nil
	}
	for _, c := range t.pool.ended {
		c.end()
	}
	t.coroutine, t.pool = nil, pool{}
}

// learn takes over from a world built alike how its tasks come to their sites,
// so that this one can load states that the other saved.
func (w *World) learn(from *World) {
	w.met.learn(&from.met)
	for i, t := range w.tasks {
		t.learn(from.tasks[i], func(s *snapshot) *snapshot { return s })
	}
}

// learn takes over how another task, which does the same, comes to its sites. Ours makes
// a state of its recipes one of this task.
func (t *Task) learn(from *Task, ours func(*snapshot) *snapshot) {
	for _, theirs := range from.sites.order {
		s := t.sites.like(t, theirs)
		for _, r := range theirs.recipes {
			if before := t.sites.like(t, r.from); !s.knows(before) {
				s.recipes = append(s.recipes, recipe{before, r.way, ours(r.state)})
			}
		}
	}
}

// noteRecipe notes how the task has just come to its site, if it came from that one for
// the first time.
func (t *Task) noteRecipe(from *site) {
	if w := t.world; t.program != nil && w.jumps && t.site != nil && !t.site.knows(from) {
		t.site.recipes = append(t.site.recipes, recipe{from, w.taken.way, w.before()})
	}
}

// saveSendClocks returns the clocks of all messages in flight, by number;
// restoreSendClocks puts them back. A saved state does not hold them, and to
// drive a coroutine loads saved states.
func (r *races) saveSendClocks(w *World) (kept []int) {
	if !r.on {
		return nil
	}
	for _, c := range w.conns {
		for _, queue := range [2][]Envelope{c.requests, c.responses} {
			for i := range queue {
				kept = append(kept, queue[i].sendClock)
			}
		}
	}
	return kept
}

func (r *races) restoreSendClocks(w *World, kept []int) {
	if !r.on {
		return
	}
	at := 0
	for _, c := range w.conns {
		for _, queue := range [2][]Envelope{c.requests, c.responses} {
			for i := range queue {
				queue[i].sendClock = kept[at]
				at++
			}
		}
	}
}
