package sim

import "fmt"

// A task that runs a function keeps what it needs in local variables, where no
// library can see it. But a function that decides nothing by itself is where it
// is because of what it was given: the values that it read, the messages that it
// took, one after the other. So its part of a state is the log of that.
//
// To go on from a state that was loaded, a coroutine is needed that is parked
// where the log ends. If there is none, the function runs again from its
// beginning. Each operation then gives what the log has, and touches nothing in
// the world, until the log is used up.

// entry is one operation that a function has done, linked to those before. It
// never changes.
type entry struct {
	before *entry // nil: this is an origin
	origin *origin
	hash   uint64 // of all up to here
	name   string // of the point
	word   uint64 // what the operation gave
	more   uint64 // the same
	ref    any    // what no word can hold: a message, a list
	told   bool   // what time it is, here or before
	length int    // of the log up to here
}

// origin is where a log begins: with the function, or with a turn of a loop.
type origin struct {
	name   string
	parent int    // number of the task that started this one; 0: it was there before the first step
	loop   bool   // it begins with a turn of the loop of that name
	after  *entry // what led to it: of the parent, or of the task itself
}

// newOrigin returns an empty log.
func newOrigin(o origin) *entry {
	hash := mixString(1, o.name)
	if o.after != nil {
		hash = mix(hash, o.after.hash)
	}
	e := &entry{origin: &o, hash: hash, name: o.name, told: o.after != nil && o.after.told}
	if o.loop {
		e.length = o.after.length + 1 // The turns before do not count.
	}
	return e
}

// history lists what a function that begins anew has to do to come to the entry.
func (e *entry) history() []*entry {
	n := 0
	for x := e; x != nil; x = x.previous() {
		n++
	}
	list := make([]*entry, n)
	for x := e; x != nil; x = x.previous() {
		n--
		list[n] = x
	}
	if o := list[0].origin; !o.loop {
		return list[1:]
	}
	return list
}

// previous is the entry before, also of one that begins a turn.
func (e *entry) previous() *entry {
	if e.before == nil && e.origin.loop {
		return e.origin.after
	}
	return e.before
}

// begins is the origin of the function itself.
func (e *entry) begins() *origin {
	for e.origin.loop {
		e = e.origin.after
	}
	return e.origin
}

// rerun is what a coroutine knows of the log of its function.
type rerun struct {
	body   func(*Task)
	at     *entry   // where it is parked
	left   []*entry // what it still has to do again
	on     bool     // it runs again, up to the point where the task is
	finds  bool     // it runs again, up to a Go
	found  func(*Task)
	killed bool   // its stack is unwound
	fault  string // why it did not come where it was
}

// stops says whether the coroutine is not to go on when its function has ended.
func (r *rerun) stops() bool {
	if r.on && !r.killed && r.fault == "" {
		r.fault = "it ends"
	}
	return r.on || r.killed
}

// again says whether the task has done the operation before, and leaves what that
// gave in t.given. While its stack is unwound it has done all it ever will.
func (t *Task) again(name string) bool {
	t.doing = name
	r := &t.coroutine.rerun
	if r.killed {
		t.given = entry{}
		return true
	}
	if len(r.left) == 0 {
		return false
	}
	next := r.left[0]
	if next.name != name {
		r.fail(fmt.Sprintf("it comes to %q instead of %q", name, next.name))
	}
	r.left = r.left[1:]
	t.given = *next
	return true
}

// fail gives up a coroutine that does not come where it was.
func (r *rerun) fail(how string) {
	r.fault = how
	r.killed = true
	panic(errKilled)
}

// did notes that an operation has been done, and what it gave.
func (t *Task) did(word uint64) {
	if t.program == nil {
		t.didAll(word, 0, nil)
	}
}

func (t *Task) didAll(word, more uint64, ref any) {
	if t.program != nil {
		return
	}
	hash := mix(mix(mixString(t.log.hash, t.doing), word), more)
	t.log = &entry{before: t.log, origin: t.log.origin, hash: hash, name: t.doing, word: word, more: more, ref: ref, told: t.log.told, length: t.log.length + 1}
}

// parks notes where the coroutine of a function parks. One that runs again comes
// to where the task is: the world says what it waits for.
func (c *coroutine) parks(name string, on awaited) {
	t, r := c.task, &c.rerun
	if !r.on {
		c.site = t.sites.byName(t, name)
		t.site, t.awaits, r.at = c.site, on, t.log
		return
	}
	if r.finds || t.site == nil || t.site.point != name {
		r.fail(fmt.Sprintf("it comes to %q", name))
	}
	c.site, r.at, r.on = t.site, t.log, false
}

// mustNotRerun refuses an operation that is no point where a point should be.
func (c *coroutine) mustNotRerun() {
	if c.rerun.on {
		c.rerun.fail(fmt.Sprintf("it does %q", c.task.doing))
	}
}

// parked is the coroutines of a function that are parked without being its
// current one, by their log.
type parked struct {
	list []*coroutine // the oldest first
}

// put keeps a coroutine, and gives up the oldest if there are enough.
func (p *parked) put(c *coroutine) {
	if len(p.list) >= c.task.world.maxCoroutines {
		p.list[0].end()
		p.list = append(p.list[:0], p.list[1:]...)
	}
	p.list = append(p.list, c)
}

// take returns a coroutine that is parked where the log ends, or nil.
func (p *parked) take(hash uint64) *coroutine {
	for i := len(p.list) - 1; i >= 0; i-- {
		if c := p.list[i]; c.rerun.at.hash == hash {
			p.list = append(p.list[:i], p.list[i+1:]...)
			return c
		}
	}
	return nil
}

// end unwinds the stack of the coroutine. What is deferred there runs, and does
// nothing.
func (c *coroutine) end() {
	t := c.task
	was := t.coroutine
	t.coroutine = c
	c.stop()
	t.coroutine = was
}

// rejoin finds or makes a coroutine of a function that is parked where the task
// is.
func (t *Task) rejoin() {
	if t.coroutine = t.parked.take(t.log.hash); t.coroutine != nil {
		return
	}
	body := t.body(t.log)
	c := t.newCoroutine()
	c.rerun = rerun{body: body, left: t.log.history(), on: true}
	t.world.driven += len(c.rerun.left)
	t.coroutine = c
	c.resume()
	if c.rerun.on {
		panic(t.strayed(c.rerun.fault))
	}
}

// hidden is what to suspect where the same step comes to something else. Which of it,
// no check can say.
const hidden = "Something that no state holds decides what happens: a plain variable that tasks or properties share (make it a sim.Var; " +
	"hand a property's memory to NewProperty), a thing that build made outside of itself, Peek in a task, chance, or the real clock"

// strayed is that a function, run again, did not come where it was.
func (t *Task) strayed(how string) string {
	at := "its end"
	if t.site != nil {
		at = fmt.Sprintf("%q", t.site.point)
	}
	return fmt.Sprintf("sim: the function of task %s, run again with what it was given before, does not come to %s: %s. "+
		"%s", t.name, at, how, hidden)
}

// body is the function of a task with such a log.
func (t *Task) body(log *entry) func(*Task) {
	o := log.begins()
	if o.parent == 0 {
		return t.function
	}
	// The parent has it at hand when it comes to where it started this one.
	parent := t.world.tasks[o.parent-1]
	was, body := parent.coroutine, parent.body(o.after)
	c := parent.newCoroutine()
	c.rerun = rerun{body: body, left: o.after.history(), on: true, finds: true}
	parent.coroutine = c
	c.resume()
	parent.coroutine = was
	if c.rerun.found == nil {
		panic(parent.strayed("it does not start " + o.name))
	}
	return c.rerun.found
}

// holdsLock says whether the task holds a lock that keeps others out.
func (w *World) holdsLock(t *Task) bool {
	for _, l := range w.locks {
		out := l.keepsOut(t)
		if out || w.met.forOthers {
			l.seenBy(w) // Else its log says that the task holds none.
		}
		if out {
			return true
		}
	}
	return false
}

// didSay notes that an operation has been done that says yes or no.
func (t *Task) didSay(yes bool) {
	if yes {
		t.did(1)
	} else {
		t.did(0)
	}
}

// reruns says whether a function does what it has done before, and so nothing.
func (t *Task) reruns() bool {
	return t.program == nil && (t.coroutine.rerun.on || t.coroutine.rerun.killed)
}

// unwinds says whether the task's stack is unwound.
func (t *Task) unwinds() bool { return t.program == nil && t.coroutine.rerun.killed }

// busiest is the function that has done most operations since its start or the turn of
// Loop that it is in, and how many; empty: none has.
func (w *World) busiest() (task string, operations int) {
	for _, t := range w.tasks {
		if t.log != nil && t.log.length > operations {
			task, operations = t.name, t.log.length
		}
	}
	return task, operations
}

// told says whether a function has been told what time it is. A local variable may
// hold that, so then the time of day is a part of the state.
func (w *World) told() bool {
	if w.clock.used && w.starts.number > 0 {
		for _, t := range w.tasks {
			if t.log != nil && t.log.told {
				return true
			}
		}
	}
	return false
}
