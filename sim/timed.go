package sim

import (
	"fmt"
	"slices"
	"time"
	"unsafe"

	"racelab/sim/internal/hook"
)

// Timing is how long things take in a timed world.
type Timing struct {
	Seed      uint64          // of all that is drawn: one search is of one seed
	Step      Delay           // from one step of a task to its next
	Latency   Delay           // of a message
	Service   Delay           // of a node with a message, one after the other
	Overrides []DelayOverride // of single participants, in place of Step, Latency or Service
	Wake      Delay           // of a task that was waiting for a Mutex; if it never takes any time, whoever waits may be next
	// Unchecked asks no node's Check, whose cost may grow with the run, and does not
	// look whether messages change on their way: for measurements of what is checked
	// where runs are short.
	Unchecked  bool
	ThinkTimes []DelayOverride // in place of Step, of any task before a point, such as an application's work before "mark"; Of is the point's name
}

// DelayOverride is a delay that replaces the usual one.
type DelayOverride struct {
	// Of is whose: in Overrides a task or a node by its name, or a direction of a
	// connection as "sarama->coordinator"; in ThinkTimes the name of a point.
	Of    string
	Delay Delay
}

// Timed makes the next event the earliest one; of those that are due at the
// same instant any may be next. Without it, any enabled event may be.
//
// A step happens at one instant, and then its task is busy. A node takes a
// message into account when it arrives; what it sends leaves when the node is
// through with it and all that came before.
func (w *World) Timed(timing Timing) {
	w.mustNotRun("Timed")
	w.pace = &timed{Timing: timing, world: w, clock: &w.clock}
	w.clock.used = true
}

// timed keeps what is due in a heap, and learns from what a step touched which
// of it has changed.
type timed struct {
	Timing
	world      *World
	clock      *clock
	tasks      []taskTime // by number - 1
	conns      []link     // by number - 1
	nodes      []service  // by number - 1
	due        queue
	threads    []timedThread // by number; nil: a fault, which is never due
	steps      int           // so far
	looked     []int         // by thread: the last step after which it was looked at
	objects    []objectInfo  // by the number of an object
	lockQueues []*lockQueue  // at each Mutex
	ties       []int32
	stale      bool // a state was loaded: due must be made anew
	running    int  // tasks that have not ended
	locked     int  // tasks that wait for a lock
	choosing   int  // tasks that are parked at a select or a channel
}

// taskTime is the time of a task.
type taskTime struct {
	next       Time // not before this does it go on
	cost       Delay
	draws      Random
	thinkTimes []thinkTime
	waits      int32 // the object it waits for; 0: none, or more than one
	running    bool
	locked     bool
	choosing   bool
}

// thinkTime is the time of a task before a point. Its draws are its own, so that
// think times are paired across variants (common random numbers).
type thinkTime struct {
	point string
	cost  Delay
	draws Random
}

// step is how long the task takes to where it is parked now.
func (x *taskTime) step(at *site) time.Duration {
	for i := range x.thinkTimes {
		if b := &x.thinkTimes[i]; at != nil && b.point == at.point {
			return b.cost.Draw(&b.draws)
		}
	}
	return x.cost.Draw(&x.draws)
}

// link is the time of a connection: there and back.
type link struct{ out, in wire }

type wire struct {
	latency Delay
	draws   Random
}

// service is the time of a node.
type service struct {
	free  Time // when it is through with what has come
	cost  Delay
	draws Random
}

// objectInfo is who is looked at again when an object was written.
type objectInfo struct {
	threads   []int32    // that go by it alone
	lockQueue *lockQueue // of a Mutex, if wake-ups take time
	group     int32      // the object under which those are listed who wait for this one
	waiters   []int32    // of the whole group
}

// prepare builds the tables, once all that there is has its number.
func (td *timed) prepare() {
	w := td.world
	td.objects = make([]objectInfo, len(w.objects)+1)
	td.threads = make([]timedThread, len(w.tasks)+len(w.conns)+w.otherThreads+1)
	used := make([]bool, len(td.Overrides))
	delay := func(of string, usual Delay) Delay {
		for i, x := range td.Overrides {
			if x.Of == of {
				used[i] = true
				return x.Delay
			}
		}
		return usual
	}
	td.prepareObjects()
	td.prepareTasks(delay)
	td.prepareConns(delay)
	for _, m := range w.nodes {
		td.nodes = append(td.nodes, service{cost: delay(m.name, td.Service), draws: NewRandom(td.Seed, "service "+m.name)})
		if r, ok := m.restart.source.(*restart); ok {
			td.add(m.restart.Thread, r, &m.object)
		}
	}
	for _, p := range w.processes {
		if p.number > 0 {
			td.add(p.begins.Thread, p, &p.object)
		}
	}
	for _, m := range w.timers.single {
		td.add(m.event.Thread, m, &m.object)
	}
	for _, a := range w.timers.alarms {
		td.add(a.event.Thread, a) // Whoever arms it or stops it says so.
	}
	for i, x := range td.Overrides {
		if !used[i] {
			panic(fmt.Sprintf("sim: Timing.Overrides names %q: no task, node or direction of a connection has that name", x.Of))
		}
	}
	td.due.at, td.looked = make([]int32, len(td.threads)), make([]int, len(td.threads))
	td.stale = true
}

// add adds a thread, which goes by some objects.
func (td *timed) add(number int, x timedThread, by ...*object) {
	td.threads[number] = x
	for _, o := range by {
		td.objects[o.number].threads = append(td.objects[o.number].threads, int32(number))
	}
}

func (td *timed) prepareObjects() {
	for i, o := range td.world.objects {
		info := &td.objects[i+1]
		info.group = int32(i + 1)
		switch o := o.(type) {
		case *head:
			info.group = int32(o.pair) // What arrives was put in at the other end.
		case *readHold:
			info.group = int32(o.lock.number) // Readers wait for writers, and writers for readers.
		case *Mutex:
			if td.Wake.shape != constant || td.Wake.from > 0 {
				info.lockQueue = &lockQueue{mutex: o, wake: td.Wake, draws: NewRandom(td.Seed, "wake "+td.world.objectName(o.number))}
				td.lockQueues = append(td.lockQueues, info.lockQueue)
			}
		}
	}
}

func (td *timed) prepareTasks(delay func(of string, usual Delay) Delay) {
	for _, t := range td.world.tasks {
		x := taskTime{cost: delay(t.name, td.Step), draws: NewRandom(td.Seed, "step "+t.name)}
		for _, b := range td.ThinkTimes {
			x.thinkTimes = append(x.thinkTimes, thinkTime{b.Of, b.Delay, NewRandom(td.Seed, "before "+b.Of+" "+t.name)})
		}
		td.tasks = append(td.tasks, x)
		td.add(t.number, t, &t.object)
	}
}

func (td *timed) prepareConns(delay func(of string, usual Delay) Delay) {
	for _, c := range td.world.conns {
		wire := func(d *direction, from, to string) wire {
			return wire{delay(from+"->"+to, td.Latency), NewRandom(td.Seed, fmt.Sprintf("latency %s %d", d.tail.label, c.number))}
		}
		td.conns = append(td.conns, link{wire(&c.out, c.name, c.node.name), wire(&c.in, c.node.name, c.name)})
		ends := []*object{&c.out.tail, &c.out.head.object, &c.in.tail, &c.in.head.object}
		td.add(c.thread(), c, ends...)
		if c.asks != nil {
			td.add(c.asks.thread, c.asks, ends...)
		}
	}
}

// layout plans what is busy until when, and how much was drawn.
func (td *timed) layout() {
	w := td.world
	own := func(o *object) *group { return w.plan.group(o, ofWorld) }
	for i := range td.tasks {
		x, t := &td.tasks[i], w.tasks[i]
		g := own(&t.object)
		g.special(&taskTimeState{td, t, x}, true)
		g.draws(&x.cost, &x.draws)
		for k := range x.thinkTimes {
			g.draws(&x.thinkTimes[k].cost, &x.thinkTimes[k].draws)
		}
	}
	for i := range td.conns {
		l, c := &td.conns[i], w.conns[i]
		own(&c.out.tail).draws(&l.out.latency, &l.out.draws)
		own(&c.in.tail).draws(&l.in.latency, &l.in.draws)
	}
	for i := range td.nodes {
		n := &td.nodes[i]
		g := own(&w.nodes[i].object)
		g.add(past, unsafe.Pointer(&n.free))
		g.draws(&n.cost, &n.draws)
	}
	for _, m := range td.lockQueues {
		m.layout(own(&m.mutex.object))
	}
}

// taskTimeState is when a task goes on. That counts as now once it has passed, but
// before a Mutex whose queue says who came first, and how long ago.
type taskTimeState struct {
	timed *timed
	task  *Task
	time  *taskTime
}

func (x *taskTimeState) walk(s *walker) {
	at := unsafe.Pointer(&x.time.next)
	switch {
	case s.loading:
		s.next()
		s.get(moment, at, nil)
	case x.timed.lockQueueOf(x.task) != nil:
		s.words = append(s.words, 1)
		s.put(moment, at, nil)
	default:
		// The word tells a moment that has passed from one that is now. When it was is in
		// no record; memory still has it, for a record that a world has is not loaded.
		s.words = append(s.words, 0)
		s.put(past, at, nil)
	}
}

// idle makes tasks that are gone busy with nothing.
func (td *timed) idle(tasks []*Task) {
	for _, t := range tasks {
		td.tasks[t.number-1].next = td.clock.now
	}
}

// sent gives the newest request its time of arrival.
func (td *timed) sent(c *Conn) {
	leaves := td.clock.now
	if c.asks != nil {
		leaves = td.through(c.asks.by)
	}
	td.stamp(c.requests, leaves, &td.conns[c.number-1].out)
}

// through is when the node is through with what has come.
func (td *timed) through(m *nodeState) Time {
	return max(td.nodes[m.number-1].free, td.clock.now)
}

// served makes the node busy with a message.
func (td *timed) served(m *nodeState) {
	n := &td.nodes[m.number-1]
	n.free = td.through(m).Add(n.cost.Draw(&n.draws))
}

// answered gives the newest response its time of arrival.
func (td *timed) answered(c *Conn) {
	td.stamp(c.responses, td.through(c.node), &td.conns[c.number-1].in)
}

// stamp keeps the order of a direction: what was sent later does not come
// sooner.
func (td *timed) stamp(queue []Envelope, leaves Time, w *wire) {
	last := len(queue) - 1
	at := leaves.Add(w.latency.Draw(&w.draws))
	if last > 0 {
		at = max(at, queue[last-1].at)
	}
	queue[last].at = at
}

// begin moves the clock to the event.
func (td *timed) begin(e *Event) {
	w := td.world
	w.markMoments()
	if e.Fault {
		w.touched(&w.clock.object, false)
		return
	}
	w.advance(Time(td.due.items[0].due))
}

// end looks again at everything that the step may have changed.
func (td *timed) end(e *Event) {
	w := td.world
	task, since := int32(0), Time(0)
	if e.task != nil {
		x := &td.tasks[e.task.number-1]
		task, since = int32(e.task.number), x.next
		x.next = w.clock.now.Add(x.step(e.task.site))
	}
	if len(td.lockQueues) > 0 {
		for i := range w.accesses {
			if a := &w.accesses[i]; a.Write && td.objects[a.Object].lockQueue != nil {
				td.settle(w, td.objects[a.Object].lockQueue, task, since)
			}
		}
	}
	if td.stale {
		return
	}
	td.steps++
	td.lookOnce(int32(e.Thread))
	for _, thread := range w.putOff {
		td.lookOnce(int32(thread))
	}
	if place := e.Place - len(w.tasks); td.choosing > 0 && (place < 1 || place > len(w.nodes)) {
		td.lookAtChoices(w) // What a node does changes no channel and no timer of a task.
	}
	for i := range w.accesses {
		a := &w.accesses[i]
		if !a.Write {
			continue
		}
		info := &td.objects[a.Object]
		for _, thread := range info.threads {
			td.lookOnce(thread)
		}
		for _, waiter := range td.objects[info.group].waiters {
			td.lookOnce(waiter)
		}
	}
}

// lookAtChoices looks at those that wait for more than one thing.
func (td *timed) lookAtChoices(w *World) {
	for _, t := range w.tasks {
		if t.choosing() {
			td.lookOnce(int32(t.number))
		}
	}
}

// lookOnce looks at a thread, unless the step has led there before.
func (td *timed) lookOnce(thread int32) {
	if td.looked[thread] != td.steps {
		td.looked[thread] = td.steps
		td.look(thread)
	}
}

// look notes when a thread is due.
func (td *timed) look(thread int32) {
	due := Never
	if x := td.threads[thread]; x != nil {
		due = x.due(td)
	}
	if due == Never {
		td.due.remove(thread)
	} else {
		td.due.set(thread, int64(max(due, td.clock.now)))
	}
}

// note keeps count of a task: what it waits for, and how.
func (td *timed) note(t *Task, ready bool) {
	x := &td.tasks[t.number-1]
	waits := int32(0)
	if t.awaits != nil {
		waits = td.objects[t.awaits.bound().number].group
	}
	if waits != x.waits {
		td.wait(t, x.waits, waits)
		x.waits = waits
	}
	if x.running == t.done {
		x.running = !t.done
		td.count(x.running, &td.running)
		if td.running == 0 {
			td.stale = true // Tickers tick no more.
		}
	}
	if choosing := t.choosing(); choosing != x.choosing {
		x.choosing = choosing
		td.count(choosing, &td.choosing)
	}
	if locked := waits > 0 && !ready && !t.gone && t.awaits.bound().kind == hook.Lock; locked != x.locked {
		x.locked = locked
		td.count(locked, &td.locked)
	}
}

func (td *timed) count(up bool, n *int) {
	if up {
		*n++
	} else {
		*n--
	}
}

// wait moves a task from those who wait for one object to those of another.
func (td *timed) wait(t *Task, from, to int32) {
	number := int32(t.number)
	if from > 0 {
		list := &td.objects[from].waiters
		i := slices.Index(*list, number)
		*list = slices.Delete(*list, i, i+1)
	}
	if to > 0 {
		td.objects[to].waiters = append(td.objects[to].waiters, number)
	}
}

// find lists what is due first.
func (td *timed) find() {
	w := td.world
	for td.stale {
		td.stale = false
		for thread := range td.threads {
			td.look(int32(thread))
		}
	}
	w.contended = td.locked > 0
	td.ties = td.due.first(td.ties[:0])
	for _, thread := range td.ties {
		td.threads[thread].enable(w)
	}
}

func (td *timed) changed(thread int)             { td.look(int32(thread)) }
func (td *timed) loaded()                        { td.stale = true }
func (td *timed) timed() bool                    { return true }
func (td *timed) checks() bool                   { return !td.Unchecked }
func (td *timed) now() Time                      { return td.clock.now }
func (td *timed) later(d *Delay, r *Random) Time { return td.clock.now.Add(d.Draw(r)) }
func (td *timed) draws(what string) Random       { return NewRandom(td.Seed, what) }
