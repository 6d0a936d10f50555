package sim

import (
	"fmt"
	"slices"

	"racelab/sim/internal/hook"
)

// What a step does is decided by what it looks at: its task or its node, the objects
// that it touches, the memory of the properties that see it. A search takes the same
// step out of many states, which differ elsewhere. So a world remembers what a step
// came to, by the records of all that it looked at. Where these are the same, no
// coroutine runs: the records that the step left are loaded.
//
// What follows from the state as a whole is worked out each time: who can go on, who
// waits in a circle, what the properties say that look at states.
//
// A step is believed only once it has come to the same out of two states. Each step that
// a search checks is held against what is remembered of it, too. Where they
// differ, the step looks at something and does not say so, which is refused.
//
// Source: Blom, van de Pol, Weber: LTSmin (CAV 2010), which remembers transitions by the
// part of a state that they depend on. There a specification names that part; here each
// step does.

// recall is the steps that a world remembers.
type recall struct {
	mode  recallMode
	views [][]view      // by thread
	slots []*remembered // by key
	used  int           // of slots
	err   error         // of a step that is checked: it was remembered differently

	// Of the enabled events; see foresee.
	prospects []hook.Prospect
	foreseen  []*remembered

	// Of the step that is noted.
	at     []int32   // the groups that it looks at
	before []*record // of these
	others []change  // what it has marked besides
	seen   []uint32  // by group: the last step that looked at it
	steps  uint32    // that were noted
}

// recallMode is what the world does with what it remembers.
type recallMode uint8

const (
	recallOn      recallMode = iota // steps are taken from memory, and remembered
	recallChecked                   // each step is taken, and held against what is remembered of it
	recallOff                       // neither
)

// view is the groups that some steps of a thread look at.
type view struct {
	way    way
	groups []int32
	salt   uint64
}

// remembered is what a step came to.
type remembered struct {
	outcome
	key       uint64
	confirmed bool // out of two states
	elapsed   Time
	changes   []change
	quiet     bool // see hook.Prospect
	goesOn    bool // whoever took it can take another one at once
	cameTo    lock // where its task is parked; nil: elsewhere
}

// change is a record that a step has changed.
type change struct {
	group int32
	is    *record
}

const (
	leastSlots = 1 << 8
	mostSlots  = 1 << 16
	mostViews  = 8 // of a thread, by one way
)

// mayRecall says whether the step is one to remember. The world stands at a state that
// was saved or loaded, so its records are those of the state.
func (w *World) mayRecall(e *Event) bool {
	if w.recall.mode == recallOff || w.base == nil || w.races.on || w.races.kept || w.trace != nil || w.pace.timed() || len(w.stale) > 0 || w.told() {
		return false
	}
	_, wide := e.source.(wideEvent)
	return !wide
}

// wideEvent is an event that looks at half the world. It runs no coroutine, so there is
// little to gain.
type wideEvent interface{ looksWide() }

// remembers is what is known of a step; nil: nothing.
func (w *World) remembers(e *Event) *remembered {
	r := &w.recall
	if e.Thread >= len(r.views) {
		return nil
	}
	views := r.views[e.Thread]
	for i := range views {
		v := &views[i]
		if v.way != e.way {
			continue
		}
		if m := *r.slot(w.keyOf(v)); m != nil {
			if i > 0 {
				views[0], views[i] = views[i], views[0]
			}
			return m
		}
	}
	return nil
}

// keyOf is the hash of what a view shows.
func (w *World) keyOf(v *view) uint64 {
	key := v.salt
	for _, g := range v.groups {
		key = mix(key, w.records[g].hash)
	}
	for _, g := range w.plan.unmarked {
		key = mix(key, w.records[g.number].hash)
	}
	return scramble(key)
}

// recollect comes to where a step that is remembered came to.
func (w *World) recollect(m *remembered) {
	if m.elapsed > 0 {
		w.clock.now += m.elapsed
		w.markMoments()
	}
	for _, x := range m.changes {
		w.loadGroup(w.plan.groups[x.group], x.is)
	}
	w.outcome.set(&m.outcome)
}

// note begins to note what a step looks at.
func (w *World) note() {
	r := &w.recall
	w.noting, w.lookedAt = true, w.lookedAt[:0]
	if r.seen == nil {
		r.seen = make([]uint32, len(w.plan.groups))
		r.slots = make([]*remembered, leastSlots)
	}
}

// remember remembers the step that was just taken, or holds it against what is known of
// it. Since is the moment at which it began.
func (w *World) remember(e *Event, since Time, known *remembered) {
	r := &w.recall
	w.noting = false
	v := w.viewOf(e)
	m := &remembered{outcome: w.outcome.clone(), key: w.keyOf(v), elapsed: w.clock.now - since}
	if t := e.task; t != nil {
		m.goesOn = !t.done && !t.gone && t.awaits == nil
		if t.awaits != nil && t.awaits.bound().kind == hook.Lock {
			m.cameTo = t.awaits.(lock)
		}
	}
	m.quiet = len(m.putOff) == 0 && len(m.violations) == 0 && !slices.ContainsFunc(m.accesses, func(a hook.Access) bool { return a.Kind == hook.Data })
	r.before = r.before[:0]
	for _, g := range v.groups {
		r.before = append(r.before, w.records[g])
	}
	if !w.refreshWithin(m.elapsed > 0) {
		return
	}
	for i, g := range v.groups {
		if is := w.records[g]; is != r.before[i] || m.elapsed > 0 {
			m.changes = append(m.changes, change{g, is})
		}
	}
	if known == nil {
		r.keep(m)
		return
	}
	known.confirmed = true
	if what := w.difference(known, m); what != "" {
		r.err = fmt.Errorf("sim: the step %q, taken from two states in which all that it looks at is the same, %s: %s%s", *e, what, hiddenLook, e.task.overLoop())
		if r.mode != recallChecked { // Else a check of the step may find out more, and reports it.
			panic(&ModelError{r.err.Error()})
		}
	}
}

// hiddenLook is what a step may look at and not say so.
const hiddenLook = "it looks at something else. In a task or a node that is a field of another one (make it a sim.Var that they share, or send it); " +
	"where a property judges an act, a field of a participant (keep it in the property's memory, or judge states by Always); " +
	"else a field tagged as config that a step changes, a thing that build made outside of itself, chance, or the real clock"

// viewOf is the view of the step that was just taken.
func (w *World) viewOf(e *Event) *view {
	r := &w.recall
	r.steps++
	r.at = r.at[:0]
	add := func(o *object) {
		for _, g := range o.groups {
			if r.seen[g.number] != r.steps {
				r.seen[g.number] = r.steps
				r.at = append(r.at, int32(g.number))
			}
		}
	}
	if e.task != nil {
		add(&e.task.object)
	}
	for _, a := range w.accesses {
		add(w.objects[a.Object-1].bound())
	}
	for _, o := range w.lookedAt {
		add(o)
	}
	slices.Sort(r.at)
	for e.Thread >= len(r.views) {
		r.views = append(r.views, nil)
	}
	views := r.views[e.Thread]
	same := 0
	for i := range views {
		v := &views[i]
		if v.way != e.way {
			continue
		}
		if same++; slices.Equal(v.groups, r.at) {
			return v
		}
	}
	salt := mix(mix(uint64(e.Thread), uint64(e.way.at)), uint64(e.way.with))
	for _, g := range r.at {
		salt = mix(salt, uint64(g))
	}
	v := view{e.way, slices.Clone(r.at), salt}
	if same < mostViews {
		r.views[e.Thread] = append(views, v)
		return &r.views[e.Thread][len(views)]
	}
	for i := len(views) - 1; ; i-- {
		if views[i].way == e.way {
			views[i] = v
			return &views[i]
		}
	}
}

// refreshWithin makes records of what the step has changed, and says whether that was
// within its view, but for moments that have come nearer.
func (w *World) refreshWithin(moved bool) bool {
	r := &w.recall
	r.others = r.others[:0]
	for _, list := range [...][]*group{w.stale, w.plan.unmarked} {
		for _, g := range list {
			if r.seen[g.number] != r.steps && !(moved && slices.Contains(w.plan.moments, g)) {
				r.others = append(r.others, change{int32(g.number), w.records[g.number]})
			}
		}
	}
	w.refresh()
	return !slices.ContainsFunc(r.others, func(x change) bool { return w.records[x.group] != x.is })
}

// slot returns where the step of a key is, or where it belongs.
func (r *recall) slot(key uint64) **remembered {
	mask := uint64(len(r.slots) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		if at := &r.slots[i]; *at == nil || (*at).key == key {
			return at
		}
	}
}

// keep keeps a step. When there are too many, all are forgotten. To forget single ones by
// their hashes would make counts differ between builds, as hashes depend on where code lies.
func (r *recall) keep(m *remembered) {
	*r.slot(m.key) = m
	if r.used++; r.used <= len(r.slots)/2 {
		return
	}
	if len(r.slots) == mostSlots {
		clear(r.slots)
		r.used = 0
		return
	}
	was := r.slots
	r.slots = make([]*remembered, 2*len(was))
	for _, m := range was {
		if m != nil {
			*r.slot(m.key) = m
		}
	}
}

// difference says in what two steps differ that have looked at the same; empty: in
// nothing.
func (w *World) difference(a, b *remembered) string {
	switch {
	case !a.breaksAs(&b.outcome) || a.tested != b.tested:
		return "is judged differently"
	case a.elapsed != b.elapsed:
		return "takes different times"
	case !slices.Equal(a.accesses, b.accesses) || !slices.Equal(a.putOff, b.putOff):
		return "touches different things"
	}
	for i := range max(len(a.changes), len(b.changes)) {
		if i < len(a.changes) && i < len(b.changes) && a.changes[i].isLike(b.changes[i]) {
			continue
		}
		x := a.changes
		if i >= len(x) {
			x = b.changes
		}
		return "changes " + w.objectName(w.plan.groups[x[i].group].owner.number) + " differently"
	}
	return ""
}

func (x change) isLike(other change) bool {
	return x.group == other.group && x.is.hash == other.is.hash && slices.Equal(x.is.words, other.is.words)
}
