package sim

import (
	"fmt"
	"slices"

	"racelab/sim/internal/hook"
)

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

// hidden is the reason that all give who notice that something decides what happens and
// stands in no state: they cannot say what it is.
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

// Go starts a goroutine that runs the function, as World.Go adds one before the
// first step. A name that a task has already gets a number: "worker#2". A run can
// start as many as World.Goroutines says. The goroutine is one of the process of the
// task that starts it, if that has one, and is gone when it crashes.
//
// It is a point, as who is started first has the first name.
func (t *Task) Go(name string, f func(*Task)) {
	if t.program != nil {
		panic(fmt.Sprintf("sim: task %s is a program, which starts no goroutines: make it a function", t.name))
	}
	if r := &t.coroutine.rerun; r.finds && len(r.left) == 0 {
		r.found, r.killed = f, true
		panic(errKilled)
	}
	if !t.comesBy("go " + name) {
		return
	}
	w := t.world
	w.touched(&w.starts, true)
	child := w.unusedTask()
	if child == nil {
		panic(fmt.Sprintf("sim: task %s starts %s, and has no room for more than %d goroutines: World.Goroutines makes more", t.name, name, w.goroutines))
	}
	n := 1
	for _, other := range w.tasks {
		w.looksAt(&other.object)
		if !other.unused && (other.name == name || other.name == fmt.Sprintf("%s#%d", name, n)) {
			n++
		}
	}
	if n > 1 {
		name = fmt.Sprintf("%s#%d", name, n)
	}
	child.name, child.unused, child.process = name, false, t.process
	child.log = newOrigin(origin{name: name, parent: t.number, after: t.log})
	w.touched(&child.object, true)
	if w.follows() {
		w.acquire(child.number-1, w.release(t.number-1))
	}
	child.begin(f)
	t.did(uint64(child.number))
}

// nextOr is the name that At gave, or else the one of these two parts.
func (t *Task) nextOr(verb, object string) string {
	if name := t.next; name != "" {
		t.next = ""
		return name
	}
	return verb + object
}

// defaultGoroutines is how many goroutines a run can start where functions run.
const defaultGoroutines = 8

// Goroutines sets how many goroutines a run can start; see Task.Go. Default: 8.
func (w *World) Goroutines(n int) {
	w.mustNotRun("Goroutines")
	w.goroutines = n
}

// prepareGoroutines makes room for what a run can start.
func (w *World) prepareGoroutines() {
	functions := false
	for _, t := range w.tasks {
		functions = functions || t.program == nil
	}
	if !functions {
		return
	}
	w.starts.kind, w.starts.label = hook.Memory, "goroutines"
	w.bind(&w.starts)
	for range w.goroutines {
		w.tasks = append(w.tasks, &Task{world: w, number: len(w.tasks) + 1, unused: true, done: true})
		w.tasks[len(w.tasks)-1].label = fmt.Sprintf("goroutine %d", len(w.tasks))
	}
}

// slots is how many tasks a run may start, behind the others.
func (w *World) slots() int {
	if w.starts.number == 0 {
		return 0
	}
	return w.goroutines
}

// unusedTask is the next that a run can start.
func (w *World) unusedTask() *Task {
	for _, t := range w.tasks {
		if t.unused {
			return t
		}
	}
	return nil
}

// walkUnused walks whether a task that a run may start has been started.
func (t *Task) walkUnused(s *walker) bool {
	if !s.loading {
		started := uint64(1)
		if t.process != nil {
			started += 1 + uint64(slices.Index(t.world.processes, t.process))
		}
		if t.unused {
			started = 0
		}
		s.words = append(s.words, started)
		return t.unused
	}
	started := s.next()
	if t.process = nil; started > 1 {
		t.process = t.world.processes[started-2]
	}
	if t.unused = started == 0; t.unused {
		t.vanish()
	}
	return t.unused
}

// vanish makes room for another goroutine.
func (t *Task) vanish() {
	t.unused, t.log, t.process = true, nil, nil
	t.putAt(0, 0)
}

// Loop is for a loop that need not end. Each turn begins at a point of that name:
//
//	for range t.Loop("poll") {
//		...
//	}
//
// Its turns must not pass anything to the next one in a local variable: whatever a turn
// needs of those before is in a Var or another object. So the search may forget what
// earlier turns were given, and comes back to states that it has seen. What the function
// had before the loop, it has in each turn; what the last turn has found, it has after the
// loop. The analyzer liveness finds a local variable that is passed on after all.
//
// A loop that is left and come to again, as that of a spin lock which a function takes
// twice, is another loop, with another past.
//
// Without Loop, a search of all states ends, unfinished, once it sees that a function
// can do 1,000 operations in a run.
func (t *Task) Loop(name string) func(turn func() bool) {
	if t.program != nil {
		panic(fmt.Sprintf("sim: task %s is a program, and has its state in fields: it has no use for Loop", t.name))
	}
	return func(turn func() bool) {
		for loop := t.enters(name); loop != nil; loop = t.turns(loop) {
			if t.Step(name); !turn() {
				return
			}
		}
	}
}

// enters begins the first turn of a loop or, where the function runs again, that in which it
// was. It is nil if the coroutine ends.
func (t *Task) enters(name string) *origin {
	c := t.coroutine
	switch r := &c.rerun; {
	case r.killed:
		return nil
	case len(r.left) > 0:
		first := r.left[0]
		if first.before != nil || !first.origin.loop || first.name != name {
			r.fail(fmt.Sprintf("it comes to the loop %q instead of %q", name, first.name))
		}
		r.left = r.left[1:]
		return first.origin
	}
	c.mustNotRerun()
	loop := &origin{name: name, loop: true, after: t.log}
	t.log = newOrigin(*loop)
	return loop
}

// turns begins another turn, and forgets those before. It is nil if the coroutine ends.
func (t *Task) turns(loop *origin) *origin {
	switch r := &t.coroutine.rerun; {
	case r.killed:
		return nil
	case r.on:
		r.fail(fmt.Sprintf("it begins another turn of %q", loop.name))
	}
	t.log = newOrigin(*loop)
	return loop
}

// overLoop is what to suspect besides of a task that is in a turn of a Loop.
func (t *Task) overLoop() string {
	if t == nil || t.log == nil || !t.log.origin.loop {
		return ""
	}
	return fmt.Sprintf("; or what %s keeps in a local variable over Loop(%q)", t.name, t.log.origin.name)
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
