package sim

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Tasks are alike that run one program, set up in one way. Which of them is which
// makes no difference then: a state and the one in which two of them have changed
// places have the same future, but for names. A search that wants it so takes both
// for one.
//
// What is known of a state without names is: of each task, its own fields and where
// it is parked, and all places where it is named; and of everything else, its words,
// where each word that names a task says only that it does. Names can be given back
// to that in any way, and each is one of those states. So a task's own fields may not
// name another one that is like it.
//
// That names are all that tells them apart is not proved but checked; see
// checkSymmetry.

// symmetry is the tasks of a world that are alike.
type symmetry struct {
	world   *World
	classes [][]*Task
	class   []int  // by a task's number: its class, from 1; 0: none is like it
	groups  []ours // by a group's number
	objects []ours // by an object's number
	named   map[string]int

	rest uint64   // of the hashes of what is nobody's own
	sums []uint64 // by a task's number: of what is its own, and where it is named
}

// ours is whose own a thing is, and which of those.
type ours struct{ task, place int }

// form is how a word names a task.
type form uint8

const (
	byNumber form = iota
	byPlace       // with a flag in its lowest bit
	byObject      // by a thing of its own, with flags far above
	byName        // a text
)

// naming is a word that names a task.
type naming struct {
	word, ref int // where it is; ref: of a text
	form      form
	task      int
}

// impersonal is a record without names.
type impersonal struct {
	hash  uint64
	rest  uint64 // another hash of the same
	marks []mark
}

// mark is that a task is named somewhere.
type mark struct {
	task int
	hash uint64
}

// alike finds the tasks that are alike where the world is, which is the start of a
// search, and lets the world know of each state what it is without names. It lists
// their names. A property that looks at states may tell them apart in any: then each
// step has to be checked.
func (w *World) alike() (names [][]string, looked bool) {
	y := &symmetry{world: w, class: make([]int, len(w.tasks)+1), sums: make([]uint64, len(w.tasks)+1), named: map[string]int{}}
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
		r.without = y.without(g, r.words, r.refs)
		y.count(g, r, 1)
	}
	return names, slices.ContainsFunc(w.claims, (*Property).looks)
}

// own notes what belongs to one task: its group, and where a lock notes that it
// reads.
func (y *symmetry) own() {
	w := y.world
	y.groups, y.objects = make([]ours, len(w.plan.groups)), make([]ours, len(w.objects)+1)
	groups, objects := make([]int, len(w.tasks)+1), make([]int, len(w.tasks)+1)
	for i, o := range w.objects {
		if n := taskOfObject(o); n > 0 {
			y.objects[i+1] = ours{n, objects[n]}
			objects[n]++
		}
	}
	for i, g := range w.plan.groups {
		if g.owner == nil {
			continue
		}
		if n := y.objects[g.owner.number].task; n > 0 {
			y.groups[i] = ours{n, groups[n]}
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

// names lists the words of a group's record that name tasks which are alike.
func (y *symmetry) names(g *group, words []uint64, refs []any) []naming {
	n := namer{y: y, words: words, refs: refs}
	for i := range g.slots {
		x := &g.slots[i]
		if x.op == special {
			n.special(x.self)
		} else {
			n.slot(x.op, x.elem)
		}
	}
	if g.owner == nil {
		return n.found
	}
	switch y.world.objects[g.owner.number-1].(type) {
	case *Mutex, *RWMutex:
		n.name(naming{form: byNumber, task: int(words[0])})
	case *Cond:
		for i := range words[0] {
			n.name(naming{word: int(i) + 1, form: byNumber, task: int(words[i+1])})
		}
	}
	return n.found
}

// namer reads a record as it was saved.
type namer struct {
	y       *symmetry
	words   []uint64
	refs    []any
	at, ref int // the next
	found   []naming
}

func (n *namer) name(x naming) {
	if x.task > 0 && x.task < len(n.y.class) && n.y.class[x.task] > 0 {
		n.found = append(n.found, x)
	}
}

// place is a word that is a party's place, and a flag.
func (n *namer) place(at int) { n.name(naming{word: at, form: byPlace, task: int(n.words[at] >> 1)}) }

func (n *namer) slot(o op, e *element) {
	switch o {
	case text:
		n.name(naming{word: n.at, ref: n.ref, form: byName, task: n.y.named[n.refs[n.ref].(string)]})
		n.at++
		n.ref++
	case unhashed:
		n.ref++
	case request:
		if n.at++; n.words[n.at-1] > 0 {
			n.place(n.at)
			n.at += 2
			n.ref++
		}
	case list:
		length := int(n.words[n.at])
		if n.at++; e.word {
			n.at += length
			return
		}
		for range length {
			for k := range e.parts {
				n.slot(e.parts[k].op, e.parts[k].elem)
			}
		}
	default:
		n.at++
	}
}

func (n *namer) special(self walks) {
	switch self.(type) {
	case *Task:
		object := n.words[n.at+1] &^ (anyAnswer | aChoice)
		if object < uint64(len(n.y.objects)) {
			n.name(naming{word: n.at + 1, form: byObject, task: n.y.objects[object].task})
		}
		choosing := n.words[n.at+1] == aChoice
		if n.at += 2; choosing {
			n.choice()
		}
	case *Conn:
		n.place(n.at)
		n.at++
	case *envelopes:
		length := n.words[n.at]
		n.at++
		for range length {
			n.place(n.at)
			n.at += 2
			n.ref++
		}
	default: // A process.
		n.at++
	}
}

// choice reads what choice.save has written.
func (n *namer) choice() {
	word := n.words[n.at]
	if n.at++; word>>2&(1<<30-1) > 0 {
		n.at++
		n.ref++
	}
	for range word >> 32 {
		if n.at++; n.words[n.at-1]&1 != 0 {
			n.at++
			n.ref++
		}
	}
}

// somebody stands for the name of a task in words that say no more.
const somebody = 0x9e6c63d0876a9a35

// without is what a record is without names.
func (y *symmetry) without(g *group, words []uint64, refs []any) *impersonal {
	own, x := y.groups[g.number], &impersonal{}
	mine := y.class[own.task]
	place := uint64(g.number) << 1
	if mine > 0 {
		place = uint64(mine)<<32 | uint64(own.place)<<1 | 1
	}
	names := y.names(g, words, refs)
	x.hash, x.rest = place, ^place
	for i, word := range words {
		if len(names) > 0 && names[0].word == i {
			n := names[0]
			names = names[1:]
			switch {
			case mine > 0 && n.task != own.task:
				panic(fmt.Sprintf("sim: task %s keeps the name of %s, which is like it: search without symmetry",
					y.world.tasks[own.task-1].name, y.world.tasks[n.task-1].name))
			case mine == 0:
				x.marks = append(x.marks, mark{n.task, scramble(mix(mix(somebody, place), uint64(i)))})
			}
			word = somebody + uint64(y.class[n.task])<<2 + y.impersonal(n, word)
		}
		x.hash, x.rest = mix(x.hash, word), mix(x.rest, word)
	}
	x.hash, x.rest = scramble(x.hash), scramble(x.rest)
	return x
}

// impersonal is what a word says besides a name.
func (y *symmetry) impersonal(n naming, word uint64) uint64 {
	switch n.form {
	case byPlace:
		return word & 1
	case byObject:
		return word&anyAnswer + uint64(y.objects[word&^anyAnswer].place)<<8
	}
	return 0
}

// renamed is a word that names another task instead.
func (y *symmetry) renamed(n naming, word uint64, task *Task) uint64 {
	switch n.form {
	case byPlace:
		return uint64(task.number)<<1 | word&1
	case byObject:
		place := y.objects[word&^anyAnswer].place
		return word&anyAnswer | uint64(slices.Index(y.objects, ours{task.number, place}))
	case byName:
		return mixString(0, task.name)
	}
	return uint64(task.number)
}

// swapped is a state in which two tasks that are alike have changed places.
func (y *symmetry) swapped(s *snapshot, a, b *Task) *snapshot {
	return s.with(func(i int, r *record) *record {
		if own := y.groups[i]; own.task == a.number || own.task == b.number {
			r = s.record(slices.Index(y.groups, ours{a.number + b.number - own.task, own.place}))
		}
		return y.renames(r, y.world.plan.groups[i], a, b)
	})
}

// renames is a record of a group, or of its like, in which two tasks have changed
// names.
func (y *symmetry) renames(r *record, g *group, a, b *Task) *record {
	words, refs := slices.Clone(r.words), slices.Clone(r.refs)
	for _, n := range y.names(g, r.words, r.refs) {
		task := a
		switch n.task {
		case a.number:
			task = b
		case b.number:
		default:
			continue
		}
		if words[n.word] = y.renamed(n, words[n.word], task); n.form == byName {
			refs[n.ref] = task.name
		}
	}
	return y.world.recordOf(g, words, refs)
}

// count counts a record: once more, or once less, which is minus1.
func (y *symmetry) count(g *group, r *record, times uint64) {
	x := r.without
	if x == nil {
		x = y.without(g, r.words, r.refs) // It is older than y, and perhaps not ours.
	}
	if own := y.groups[g.number].task; y.class[own] > 0 {
		y.sums[own] += times * x.hash
	} else {
		y.rest += times * x.hash
	}
	for _, m := range x.marks {
		y.sums[m.task] += times * m.hash
	}
}

const minus1 = ^uint64(0)

// orbit is the fingerprint of a state, without names of tasks that are alike.
func (w *World) orbit() uint64 {
	w.refresh()
	return w.symmetry.total(w.symmetry.sums, w.symmetry.rest)
}

// orbitRest is to orbit what rest is to fingerprint.
func (w *World) orbitRest() uint64 {
	w.willSave()
	w.refresh()
	y := w.symmetry
	sums, rest := make([]uint64, len(y.sums)), uint64(0)
	for i, r := range w.records {
		x := r.without
		if x == nil {
			x = y.without(w.plan.groups[i], r.words, r.refs)
		}
		if own := y.groups[i].task; y.class[own] > 0 {
			sums[own] += x.rest
		} else {
			rest += x.rest
		}
		for _, m := range x.marks {
			sums[m.task] += scramble(^m.hash)
		}
	}
	return y.total(sums, rest)
}

// total is a hash of what tasks that are alike have, whichever has what, and of the rest.
func (y *symmetry) total(sums []uint64, rest uint64) uint64 {
	for i, class := range y.classes {
		for _, t := range class {
			rest += scramble(mix(sums[t.number], uint64(i)))
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
	w.recall.mode = forgets
	w.take(at)
	w.recall.mode = recalls
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
