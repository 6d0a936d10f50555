package sim

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Tasks are alike that run one program, set up in one way. Which of them is which
// makes no difference then: a state and the one in which two of them have changed
// places have the same future, but for names. All that come of one state like that are
// its orbit. A search that wants it so takes an orbit for one state.
//
// What is known of a state without names is: of each task, its own fields and where
// it is parked, and all places where it is named; and of everything else, its words,
// where each word that names a task says only that it does. Names can be given back
// to that in any way, and each is one of those states. So a task's own fields may not
// name another one that is like it.
//
// That names are all that tells them apart is not proved but checked; see
// checkSymmetry.
//
// Source: Ip, Dill: Better Verification Through Symmetry (Formal Methods in System
// Design 1996). There an orbit goes by one canonical state of it. Here it goes by a hash
// that no change of names changes.

// symmetry is the tasks of a world that are alike.
type symmetry struct {
	world   *World
	classes [][]*Task
	class   []int     // by a task's number: its class, from 1; 0: none is like it
	groups  []ownedBy // by a group's number
	objects []ownedBy // by an object's number
	named   map[string]int

	now tally // of the state
}

// tally is the sums of hashes by which a state is known without names.
type tally struct {
	rest  uint64   // of what is nobody's own
	sums  []uint64 // by a task's number: of what is its own, and where it is named
	other bool     // of the other hashes of the same
}

// ownedBy is whose own a thing is, and which of those.
type ownedBy struct{ task, place int }

// alike finds the tasks that are alike where the world is, which is the start of a
// search, and lets the world know of each state what it is without names. It lists
// their names. A property that looks at states may tell them apart in any: then each
// step has to be checked.
func (w *World) alike() (names [][]string, looked bool) {
	y := &symmetry{world: w, class: make([]int, len(w.tasks)+1), now: tally{sums: make([]uint64, len(w.tasks)+1)}, named: map[string]int{}}
	w.symmetry = nil
	start := w.save()
	if !w.pace.timed() && w.starts.number == 0 {
		y.own()
		y.findClasses(start)
	}
	if len(y.classes) == 0 {
		return nil, false
	}
	for _, class := range y.classes {
		var list []string
		for _, t := range class {
			list = append(list, t.name)
		}
		names = append(names, list)
	}
	w.made = kept[*record]{} // Of those, none says what it is without names.
	w.symmetry = y
	for i, g := range w.plan.groups {
		r := w.records[i]
		r.anonymous = y.anonymize(g, r.words, r.refs)
		y.count(&y.now, g, r, 1)
	}
	return names, slices.ContainsFunc(w.claims, (*Property).looks)
}

// own notes what belongs to one task: its group, and where a lock notes that it
// reads.
func (y *symmetry) own() {
	w := y.world
	y.groups, y.objects = make([]ownedBy, len(w.plan.groups)), make([]ownedBy, len(w.objects)+1)
	groups, objects := make([]int, len(w.tasks)+1), make([]int, len(w.tasks)+1)
	for i, o := range w.objects {
		if n := taskOfObject(o); n > 0 {
			y.objects[i+1] = ownedBy{n, objects[n]}
			objects[n]++
		}
	}
	for i, g := range w.plan.groups {
		if g.owner == nil {
			continue
		}
		if n := y.objects[g.owner.number].task; n > 0 {
			y.groups[i] = ownedBy{n, groups[n]}
			groups[n]++
		}
	}
}

func taskOfObject(o objectHolder) int {
	switch o := o.(type) {
	case *Task:
		return o.number
	case *readHold:
		return o.task
	}
	return 0
}

// findClasses puts together what is alike.
func (y *symmetry) findClasses(start *snapshot) {
	w := y.world
	set := y.setUp()
	for _, t := range w.tasks {
		if t.program == nil || y.hasObjects(t) {
			continue
		}
		i := slices.IndexFunc(y.classes, func(c []*Task) bool { return y.isLike(c[0], t, set) && y.fits(c[0], t, start) })
		if i < 0 {
			y.classes = append(y.classes, nil)
			i = len(y.classes) - 1
		}
		y.classes[i] = append(y.classes[i], t)
	}
	y.classes = slices.DeleteFunc(y.classes, func(c []*Task) bool { return len(c) == 1 })
	for i, c := range y.classes {
		for _, t := range c {
			y.class[t.number], y.named[t.name] = i+1, t.number
		}
	}
}

// fits says whether the state at the start does not tell two tasks apart.
func (y *symmetry) fits(t, u *Task, start *snapshot) bool {
	y.class[t.number], y.class[u.number] = 1, 1
	y.named[t.name], y.named[u.name] = t.number, u.number
	fits := y.swapped(start, t, u).isLike(start)
	clear(y.class)
	clear(y.named)
	return fits
}

// field is what a program is set up with.
type field struct {
	path string
	v    reflect.Value
	kind surveyed
}

// setUp lists the fields of all programs, by their tasks' numbers.
func (y *symmetry) setUp() [][]field {
	w := y.world
	set := make([][]field, len(w.tasks)+1)
	p := &planner{world: w, shows: stateField | objectField | fixedFields}
	p.look = func(path string, v reflect.Value, kind surveyed) {
		if i := p.root - len(w.shared) - len(w.nodes); i >= 0 && i < len(w.tasks) {
			set[i+1] = append(set[i+1], field{strings.TrimPrefix(path, w.tasks[i].name), v, kind})
		}
	}
	p.compile()
	return set
}

// hasObjects says whether a task has Vars, locks or the like of its own.
func (y *symmetry) hasObjects(t *Task) bool {
	root := len(y.world.shared) + len(y.world.nodes) + t.number - 1
	return slices.ContainsFunc(y.world.plan.groups, func(g *group) bool { return g.root == root && g.owner != &t.object })
}

// isLike says whether two tasks run one program, set up in one way.
func (y *symmetry) isLike(t, u *Task, set [][]field) bool {
	if reflect.TypeOf(t.program) != reflect.TypeOf(u.program) || t.process != u.process {
		return false
	}
	if !slices.EqualFunc(set[t.number], set[u.number], func(a, b field) bool {
		switch {
		case a.path != b.path || a.kind != b.kind || a.v.Type() != b.v.Type():
			return false
		case a.kind == configField:
			return reflect.DeepEqual(a.v.Interface(), b.v.Interface())
		case a.kind == wiringField && a.v.Kind() == reflect.Slice:
			return a.v.Len() == b.v.Len()
		case a.kind == wiringField && a.v.Kind() != reflect.Pointer:
			return a.v.IsNil() == b.v.IsNil() && (a.v.Kind() != reflect.Interface || a.v.IsNil() || a.v.Elem().Type() == b.v.Elem().Type())
		}
		return true
	}) {
		return false
	}
	mine, others := y.groupsOf(t), y.groupsOf(u)
	return slices.EqualFunc(mine, others, func(a, b *group) bool {
		return slices.EqualFunc(a.slots, b.slots, func(x, y slot) bool { return x.op == y.op && x.elem == y.elem })
	})
}

// groupsOf lists the groups that are a task's own.
func (y *symmetry) groupsOf(t *Task) []*group {
	var list []*group
	for i, g := range y.world.plan.groups {
		if y.groups[i].task == t.number {
			list = append(list, g)
		}
	}
	return list
}

// swapped is a state in which two tasks that are alike have changed places.
func (y *symmetry) swapped(s *snapshot, a, b *Task) *snapshot {
	return s.with(func(i int, r *record) *record {
		if own := y.groups[i]; own.task == a.number || own.task == b.number {
			r = s.record(slices.Index(y.groups, ownedBy{a.number + b.number - own.task, own.place}))
		}
		return y.renames(r, y.world.plan.groups[i], a, b)
	})
}

// count counts a record: once more, or once less, which is minus1.
func (y *symmetry) count(t *tally, g *group, r *record, times uint64) {
	x := r.anonymous
	if x == nil {
		x = y.anonymize(g, r.words, r.refs) // It is older than y, and perhaps another world's.
	}
	hash := x.hash
	if t.other {
		hash = x.rest
	}
	if own := y.groups[g.number].task; y.class[own] > 0 {
		t.sums[own] += times * hash
	} else {
		t.rest += times * hash
	}
	for _, m := range x.mentions {
		if hash = m.hash; t.other {
			hash = scramble(^hash)
		}
		t.sums[m.task] += times * hash
	}
}

const minus1 = ^uint64(0)

// orbit is the fingerprint of a state, without names of tasks that are alike.
func (w *World) orbit() uint64 {
	w.refresh()
	return w.symmetry.orbitOf(&w.symmetry.now)
}

// orbitRest is to orbit what rest is to fingerprint.
func (w *World) orbitRest() uint64 { return w.symmetry.orbitOf(w.symmetry.others()) }

// others is the tally of the other hashes.
func (y *symmetry) others() *tally {
	w, t := y.world, &tally{sums: make([]uint64, len(y.now.sums)), other: true}
	w.willSave()
	w.refresh()
	for i, r := range w.records {
		y.count(t, w.plan.groups[i], r, 1)
	}
	return t
}

// orbitAfter is the hash of the state to which a step leads.
func (y *symmetry) orbitAfter(t *tally, step *remembered) uint64 {
	w := y.world
	count := func(was, is uint64) {
		for _, x := range step.changes {
			g := w.plan.groups[x.group]
			y.count(t, g, w.records[x.group], was)
			y.count(t, g, x.is, is)
		}
	}
	count(minus1, 1)
	hash := y.orbitOf(t)
	count(1, minus1)
	return hash
}

// orbitOf is a hash of what tasks that are alike have, whichever has what, and of the rest.
func (y *symmetry) orbitOf(t *tally) uint64 {
	rest := t.rest
	for i, class := range y.classes {
		for _, u := range class {
			rest += scramble(mix(t.sums[u.number], uint64(i)))
		}
	}
	return rest
}

// checkSymmetry takes the i-th enabled event, and checks that tasks which are alike
// are: where two of them have changed places, the same can happen, by their names, it
// comes to the same state, and it breaks the same properties. So nobody tells them
// apart: neither the model nor the memory of a property.
func (w *World) checkSymmetry(i int) error {
	y := w.symmetry
	before, events := w.save(), slices.Clone(w.events())
	w.take(i)
	came := w.outcome.clone()
	after := w.save()
	for _, class := range y.classes {
		for k, b := range class[1:] {
			a := class[k]
			swap := func(s *snapshot) *snapshot { return y.swapped(s, a, b) }
			a.learn(b, swap)
			b.learn(a, swap)
			if err := w.checkSwapped(events, i, swap(before), swap(after), &came, a, b); err != nil {
				return fmt.Errorf("%w; %s and %s are not alike, so search without symmetry", err, a.name, b.name)
			}
		}
	}
	w.goTo(after)
	w.outcome.set(&came)
	return nil
}

func (w *World) checkSwapped(events []Event, i int, before, after *snapshot, came *outcome, a, b *Task) error {
	event, how := events[i], fmt.Sprintf("taken with %s and %s in each other's place", a.name, b.name)
	w.goTo(before)
	if len(w.enabled) != len(events) {
		return fmt.Errorf("sim: with %s and %s in each other's place, %d events can be next instead of %d", a.name, b.name, len(w.enabled), len(events))
	}
	at := slices.IndexFunc(w.enabled, func(e Event) bool {
		task := event.task
		switch task {
		case nil:
			return e.task == nil && e.Thread == event.Thread && e.Label == event.Label
		case a:
			task = b
		case b:
			task = a
		}
		return e.task == task && e.Label == event.Label
	})
	if at < 0 {
		return fmt.Errorf("sim: the step %q cannot be %s", event, how)
	}
	w.recall.mode = recallOff
	w.take(at)
	w.recall.mode = recallOn
	swapped := w.outcome.clone()
	if err := w.sameState(event, after, how); err != nil {
		return err
	}
	if !swapped.breaksAs(came) {
		return fmt.Errorf("sim: the step %q, %s, breaks %v instead of %v", event, how, swapped.violations, came.violations)
	}
	if swapped.tested != came.tested {
		return fmt.Errorf("sim: the step %q, %s, puts other properties to the test", event, how)
	}
	return nil
}
