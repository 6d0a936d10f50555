package sim

import (
	"slices"

	"racelab/sim/internal/hook"
)

// Data races in single runs: two accesses to a Var, one of them a write, that
// nothing orders. Ordered means what The Go Memory Model calls "happens
// before"; vector clocks follow it. It does not take the two accesses to be
// next to each other: a race is reported even if the accesses did not overlap in
// this run.
//
// A clock belongs to a run from its first step on, so it is no part of a saved
// state. It begins anew when the state at the start is loaded, and stands still
// once another one is, where a search has a criterion of its own: two steps
// that race and are both enabled.

// apart is what has let a task go on only because of what another one did, and has
// not ordered the two. It keeps accesses apart that race: they are never both next.
type apart uint8

const (
	fellBelow apart = 1 << iota // a WaitGroup's counter below zero: who is not below has seen an Add
	unlocked                    // an unlock that found no lock: who unlocks has seen another's Lock
	tryFailed                   // a TryLock that failed
	gaveUp                      // a default was taken
	asked                       // the length of a channel, or whether a timer still ran
)

// apartNames say what it was, in the words of a verdict.
var apartNames = []string{"a WaitGroup whose counter falls below zero", "an unlock of what is not locked", "a TryLock that fails",
	"a default that is taken", "what a Len, Stop or Reset returned"}

// unordered says what has kept steps apart in some run so far without ordering them;
// empty: nothing, or there is no Var that could race.
func (w *World) unordered() string {
	contended := false
	for i := range w.met.accesses {
		contended = contended || w.met.contended(w, i)
	}
	if !contended {
		return ""
	}
	if w.pace.timed() {
		return "time"
	}
	for i, name := range apartNames {
		if w.met.apart>>i&1 != 0 {
			return name
		}
	}
	return ""
}

// races is what a run knows of happens-before. Its threads are the tasks and,
// behind them, the nodes.
//
// Source: Flanagan, Freund: FastTrack (PLDI 2009), here with a whole clock for
// the reads of each variable; what locks and atomics order, as in the race
// detector of Go.
type races struct {
	on    bool
	idle  bool      // there is no variable to race at
	start *snapshot // of the state in which clocks begin; nil: it was not saved

	steps      int    // since the start
	point      string // from which the current step began
	clocks     []vector
	objects    []vector   // by number: what comes before whoever acquires it; empty: nothing
	vars       []variable // by number
	sendClocks []vector   // by number, from 1: what comes before whoever takes the message
	sent       int        // messages since the start

	kept bool   // what comes before what is a part of the state
	data []int  // kept: the Vars, by number
	now  *order // kept: of the present state; nil: not asked for
	walk accessOrder
}

// reset begins a run.
func (r *races) reset(w *World) {
	if r.clocks == nil {
		n := len(w.tasks) + len(w.nodes)
		for range n {
			r.clocks = append(r.clocks, make(vector, n))
		}
		r.objects, r.vars = make([]vector, len(w.objects)+1), make([]variable, len(w.objects)+1)
		r.idle = !w.mayRace()
	}
	for i, clock := range r.clocks {
		clear(clock)
		clock[i] = 1
	}
	for _, clock := range r.objects {
		clear(clock)
	}
	for i := range r.vars {
		clear(r.vars[i].reads)
		r.vars[i] = variable{reads: r.vars[i].reads}
	}
	for _, c := range w.passages {
		c.forget()
	}
	r.on, r.steps, r.sent, r.now = true, 0, 0, nil
}

// mayRace says whether there is a variable to race at.
func (w *World) mayRace() bool {
	return slices.ContainsFunc(w.objects, func(o objectHolder) bool { return o.bound().kind == hook.Data })
}

// forget forgets what the tasks of a process did to what it had. What it comes to
// do next is after all that it did.
func (r *races) forget(w *World, tasks []*Task, owns []*object) {
	if !w.follows() {
		return
	}
	for _, o := range owns {
		clear(r.objects[o.number])
		v := &r.vars[o.number]
		clear(v.reads)
		*v = variable{reads: v.reads, raced: v.raced}
		if c, ok := w.objects[o.number-1].(passage); ok {
			c.forget()
		}
	}
	first := r.clocks[tasks[0].number-1]
	for _, t := range tasks {
		first.join(r.clocks[t.number-1])
	}
	for _, t := range tasks {
		r.clocks[t.number-1].join(first)
	}
	for _, t := range tasks {
		t.sendClock = 0
		r.clocks[t.number-1][t.number-1]++
	}
}

// saved notes the state at the start: when it is loaded, a run begins.
func (r *races) saved(s *snapshot) {
	if r.on && r.steps == 0 {
		r.start = s
	}
}

func (r *races) loaded(w *World, s *snapshot) {
	if s == r.start {
		r.reset(w)
	} else {
		r.on = false
	}
}

func (r *races) step(point string) {
	r.steps++
	r.point, r.now = point, nil
}

// follows says whether races are looked for in what happens now.
func (w *World) follows() bool { return w.races.on && !w.races.idle && !w.driving }

// release lets what a thread did so far come before whoever acquires the
// object. What released it earlier stays only if it is to be merged.
func (r *races) release(thread int, o *object, merge bool) {
	if r.objects[o.number] == nil {
		r.objects[o.number] = make(vector, len(r.clocks))
	}
	if !merge {
		clear(r.objects[o.number])
	}
	r.objects[o.number].join(r.clocks[thread])
	r.clocks[thread][thread]++
}

// releases lets what the task did so far come before whoever acquires the
// object next, and no longer what others did that released it before.
func (t *Task) releases(o *object) {
	if t.world.follows() {
		t.world.races.release(t.number-1, o, false)
	}
}

// releasesToo lets what the task did so far come before whoever acquires the
// object next, besides what others did that released it before.
func (t *Task) releasesToo(o *object) {
	if t.world.follows() {
		t.world.races.release(t.number-1, o, true)
	}
}

// acquires lets what released the object come before what the task does next.
func (t *Task) acquires(o *object) {
	if t.world.follows() {
		t.world.races.clocks[t.number-1].join(t.world.races.objects[o.number])
	}
}

// takes lets what released the object come before what the task does next. Until the
// task releases it, nobody else acquires it, so nothing needs to be known of it.
func (t *Task) takes(o *object) {
	if t.world.follows() {
		t.acquires(o)
		clear(t.world.races.objects[o.number])
	}
}

// release stores the sender's clock and returns its number, for acquire; 0 if
// races are not followed.
func (w *World) release(thread int) int {
	if !w.follows() {
		return 0
	}
	r := &w.races
	number := r.keep(r.clocks[thread])
	r.clocks[thread][thread]++
	return number
}

// keep stores a clock and returns its number.
func (r *races) keep(clock vector) int {
	if r.sent++; r.sent == len(r.sendClocks)+1 {
		r.sendClocks = append(r.sendClocks, make(vector, len(r.clocks)))
	}
	copy(r.sendClocks[r.sent-1], clock)
	return r.sent
}

// acquire lets what comes before a message come before what the thread does next.
func (w *World) acquire(thread, sendClock int) {
	if w.follows() && sendClock > 0 {
		w.races.clocks[thread].join(w.races.sendClocks[sendClock-1])
	}
}

// wakes lets what comes before its wake-up come before what the task does next.
func (t *Task) wakes() {
	if t.world.follows() {
		t.world.acquire(t.number-1, t.sendClock)
		t.sendClock = 0
	}
}

// races checks an access of the task to a Var against those before.
func (t *Task) races(o *object, write bool) {
	t.world.met.accessed(t.world, o.number, t, write)
	if t.world.follows() {
		t.world.race(t, o, write)
	}
}

func (w *World) race(t *Task, o *object, write bool) {
	r, me := &w.races, t.number-1
	v := &r.vars[o.number]
	if v.reads == nil {
		v.reads = make([]accessed, len(w.tasks))
	}
	now := accessed{thread: me, at: r.clocks[me][me], step: r.steps, point: r.point}
	if !v.raced {
		if v.write.at > r.clocks[me][v.write.thread] {
			w.raced(o, v.write, true, now, write)
		} else if write {
			for _, read := range v.reads {
				if read.at > r.clocks[me][read.thread] {
					w.raced(o, read, false, now, true)
					break
				}
			}
		}
	}
	if write {
		v.write = now
		clear(v.reads) // Whatever comes after this comes after those, unless it races.
	} else {
		v.reads[me] = now
	}
}

func (w *World) raced(o *object, first accessed, firstWrote bool, second accessed, secondWrites bool) {
	w.races.vars[o.number].raced = true
	access := func(a accessed, write bool) hook.RacingAccess {
		return hook.RacingAccess{Task: w.tasks[a.thread].name, Point: a.point, Step: a.step, Write: write}
	}
	w.broke(NoDataRace, &hook.RaceError{Object: w.objectName(o.number), First: access(first, firstWrote), Second: access(second, secondWrites)})
}
