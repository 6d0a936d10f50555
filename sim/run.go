package sim

import (
	"errors"
	"fmt"
	"racelab/sim/internal/hook"
	"slices"
	"strings"
)

// start fixes the wiring, as the first call of events does, and runs each task
// to its first point. The error names a field that no state can hold.
func (w *World) start() error {
	if w.started {
		return nil
	}
	w.prepareGoroutines()
	w.prepareProcesses()
	w.prepareLines()
	if err := w.layOut(); err != nil {
		return err
	}
	if w.clock.used || len(w.timers.single) > 0 || w.faults != nil {
		w.runEnd.kind, w.runEnd.label = hook.Clock, "the end of the run"
		w.bind(&w.runEnd)
	}
	w.prepareClaims()
	w.prepareClock()
	w.prepareAsking()
	w.prepareFaults()
	w.pace.prepare()
	w.pace.layout()
	w.seal()
	if n := len(w.judged()); n > mostJudged {
		return fmt.Errorf("sim: this world judges %d properties, its own among them, and has room for %d: search it with some at a time", n, mostJudged)
	}
	w.startNodes()
	w.raw = walker{world: w}
	for _, g := range w.plan.groups {
		w.raw.save(g)
	}
	w.raw.loading = true
	for _, t := range w.tasks {
		if !t.unused {
			t.begin(t.function)
		}
	}
	for _, t := range w.tasks {
		w.bases = append(w.bases, t.sites.base)
	}
	w.keepStarts()
	w.plan.shapes.keep()
	for _, c := range w.conns {
		c.nameSenders()
	}
	w.started = true
	w.began = slices.Clone(w.violations)
	w.races.reset(w)
	w.findEnabled()
	return nil
}

// layOut plans the state, and gives the objects their numbers.
func (w *World) layOut() error {
	if w.clock.used {
		w.bind(&w.clock)
	}
	p := &planner{world: w}
	p.compile()
	if p.bad {
		return w.refusal()
	}
	for _, c := range w.conns {
		c.layout(w)
	}
	for _, p := range w.processes {
		p.layout(w)
	}
	if w.faults != nil {
		w.faults.layout(w)
	}
	return nil
}

// events lists what may happen next, always in the same order: tasks as they
// were added, then connections, answers to nodes, timers, restarts and faults. It is valid until
// the next take. An empty list is the end of the run.
func (w *World) events() []Event {
	if !w.started {
		if err := w.start(); err != nil {
			panic(err)
		}
	}
	return w.enabled
}

func (w *World) findEnabled() {
	w.enabled = w.enabled[:0]
	w.contended = false
	w.pace.find()
	if len(w.enabled) == 0 {
		if err := w.noProgress(); err != nil {
			w.broke(NoProgress, err)
		}
	}
	w.findFaults()
}

// take lets the i-th enabled event happen.
func (w *World) take(i int) {
	w.taken = w.events()[i]
	event := &w.taken
	if w.jumps {
		w.since = append(w.since, int32(i))
	}
	var known *remembered
	mayRecall := w.mayRecall(event)
	if mayRecall {
		known = w.remembers(event)
	}
	if known != nil && known.confirmed && w.recall.mode == recallOn {
		w.begin(event)
		w.recollect(known)
		w.end(event, nil)
		return
	}
	var from *site
	if event.task != nil {
		event.task.attach()
		from = event.task.site
	}
	w.begin(event)
	since := w.clock.now
	if mayRecall {
		w.note()
	}
	w.step(event)
	if mayRecall {
		w.remember(event, since, known)
	}
	w.end(event, from)
}

// begin prepares the world for a step.
func (w *World) begin(event *Event) {
	w.outcome.reset()
	if w.trace != nil {
		w.trace.Begin(*event)
	}
	w.pace.begin(event)
	if w.races.on {
		w.races.step(event.Label)
	}
}

// end sees to what follows from a step. From is where its task has gone on by itself;
// nil: it is no task's, or was recollected.
func (w *World) end(event *Event, from *site) {
	if event.task != nil {
		w.checkDeadlock(event.task)
	}
	w.pace.end(event)
	if from != nil {
		event.task.noteRecipe(from)
	}
	w.base = nil
	w.findEnabled()
	w.look(event)
	if w.trace != nil {
		w.trace.End()
	}
}

func (w *World) step(event *Event) {
	if t := event.task; t != nil {
		t.way = event.way
		t.step()
		return
	}
	defer func() {
		if reason := recover(); reason != nil {
			w.panicked(&panicError{event.Lane(), reason, panicSite()})
		}
	}()
	event.source.happen(w)
}

// noProgress says who waits for what when nothing can happen any more. It is nil
// when every task has ended, and when a deadlock is why: the step that closed
// it has broken NoDeadlock.
func (w *World) noProgress() error {
	var waits []string
	for _, t := range w.tasks {
		if w.findCircle(t) != nil {
			return nil
		}
		if t.waits() {
			waits = append(waits, fmt.Sprintf("%s, before %q, waits for %s", t.name, t.site.point, t.awaits.waitingFor(w)))
		}
	}
	if waits == nil {
		return nil
	}
	return errors.New(strings.Join(waits, "; "))
}

// left lists the tasks that have not ended.
func (w *World) left() []string {
	var names []string
	for _, t := range w.tasks {
		if !t.done {
			names = append(names, t.name)
		}
	}
	return names
}

// blockedEvent is what cannot happen, and the object that it waits for, or one of
// several: a task that is parked, a request on a muted connection, or, when every
// task has ended, a ticker or a fault that might have come before.
type blockedEvent = struct {
	Event  Event
	Object int
}

// pending lists the points where tasks wait, and the oldest requests of connections.
func (w *World) pending() []Event {
	var pending []Event
	for _, t := range w.tasks {
		if t.waits() {
			pending = append(pending, t.site.event)
		}
	}
	for _, c := range w.conns {
		if len(c.requests) > 0 {
			pending = append(pending, c.arrival())
		}
	}
	return pending
}

// blocked lists what cannot happen and would in other circumstances.
func (w *World) blocked() []blockedEvent {
	var blocked []blockedEvent
	for _, t := range w.tasks {
		switch {
		case t.site == nil: // It has ended, or has no point at all.
		case t.gone:
			blocked = append(blocked, blockedEvent{t.site.event, t.process.number})
		case t.choosing():
			if t.waits() {
				for _, x := range t.choice.cases {
					blocked = append(blocked, blockedEvent{t.site.event, x.of.bound().number})
				}
			}
		case t.waits():
			blocked = append(blocked, blockedEvent{t.site.event, t.awaits.bound().number})
		}
	}
	for _, c := range w.conns {
		if c.muted && len(c.requests) > 0 {
			blocked = append(blocked, blockedEvent{c.arrival(), c.node.object.number})
		}
	}
	if w.runEnd.number == 0 || w.goesOn() {
		return blocked
	}
	for _, m := range w.timers.single {
		if m.armed() && m.period > 0 {
			blocked = append(blocked, blockedEvent{m.event, w.runEnd.number})
		}
	}
	for _, m := range w.nodes {
		if m.down && !m.restarts() {
			blocked = append(blocked, blockedEvent{m.restart, w.runEnd.number})
		}
	}
	if f := w.faults; f != nil && !f.stopped {
		for _, x := range f.list {
			if x.possible(f) {
				blocked = append(blocked, blockedEvent{x.event, w.runEnd.number})
			}
		}
	}
	return blocked
}

// irreducible says what a world has had so far that keeps a search from telling
// which steps are independent; empty: nothing. Whether a ticker or a fault can
// come depends on who has ended. A send that finds its channel closed touches
// less than it would have. Who makes a channel anew depends on who has come to its
// buffer, or to a select with a default, and that is not recorded. Which readers an
// RUnlock looks at depends on whether its own task reads.
func (w *World) irreducible() string {
	switch {
	case w.faults != nil:
		return "faults"
	case w.met.ticker:
		return "a ticker"
	case w.met.closed:
		return "a channel that is closed"
	case w.met.remade:
		return "a channel that is made anew"
	case w.met.givenBack:
		return "an RUnlock by a task that does not read"
	}
	return ""
}

// Close ends the tasks. A world that is dropped without it leaks their
// coroutines.
func (w *World) Close() {
	for _, c := range w.surplus {
		c.end()
	}
	w.surplus = nil
	for _, t := range w.tasks {
		t.close()
	}
}

// save returns the state of the world.
func (w *World) save() *snapshot {
	w.jumps = true
	if w.base == nil {
		w.standAt(w.snapshot())
		w.races.saved(w.base)
		if w.races.kept {
			w.base.order = w.orderNow()
		}
	}
	return w.base
}

// goTo puts the world into a saved state. Tasks are not run to get there: a
// task that is asked to go on takes a coroutine that is parked where the task
// is, whatever that coroutine's past.
func (w *World) goTo(s *snapshot) {
	w.jumps = true
	w.violations = w.violations[:0]
	w.load(s)
	w.standAt(s)
	w.races.loaded(w, s)
	if s.order != nil {
		w.setOrder(s.order)
	}
	if w.races.steps == 0 && s == w.races.start {
		w.violations = append(w.violations, w.began...)
	}
	w.findEnabled()
}

// before returns the state before the current step, which has just ended. Where it was
// not saved, it is found by running there from the last one that was; a task comes to a
// site from another for the first time only so often.
func (w *World) before() *snapshot {
	if w.base != nil {
		return w.base
	}
	now, clocks := w.snapshot(), w.races.saveSendClocks(w)
	came := w.outcome.clone()
	w.driving = true
	w.load(w.last)
	for _, choice := range w.since[:len(w.since)-1] {
		w.findEnabled()
		event := w.enabled[choice]
		if event.task != nil {
			event.task.attach()
		}
		w.accesses, w.repeating = w.accesses[:0], true // The queues of locks go by what a step touches.
		w.pace.begin(&event)
		w.step(&event)
		w.pace.end(&event)
		w.repeating = false
	}
	before := w.snapshot()
	w.load(now)
	w.races.restoreSendClocks(w, clocks)
	w.outcome.set(&came)
	w.driving = false
	return before
}

// fingerprint hashes the state: two runs that came to the same state have the
// same fingerprint. Two states share one by accident with probability 2^-64.
func (w *World) fingerprint() uint64 {
	w.refresh()
	return w.withOrder(w.sum)
}

// rest is 64 bits that fingerprint leaves out: of n states two have both alike with a
// probability of about n*n/2^129. It looks at every part of the state.
func (w *World) rest() uint64 {
	w.willSave()
	w.refresh()
	sum := uint64(0)
	for _, r := range w.records {
		sum += r.rest
	}
	return w.withOrder(sum)
}

// withOrder is a hash of the parts of the state with what else tells states apart.
func (w *World) withOrder(hash uint64) uint64 {
	if w.told() {
		hash = mix(hash, uint64(w.clock.now))
	}
	if w.races.kept {
		hash = mix(hash, w.orderNow().hash)
	}
	return hash
}
