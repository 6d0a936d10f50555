package sim

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"racelab/sim/internal/hook"
)

// checkStep takes the i-th enabled event and, besides, checks what a search
// takes for granted about it:
//
//   - Names: no other event that may come instead has its name, or two others have
//     one. Else a schedule that is printed may be replayed as another run.
//   - Twin: the step, taken again from the same state on a coroutine with
//     another past, comes to the same state. Else the task carries something
//     across a point in a local variable.
//   - Writes: whatever the step changed, it recorded as written. Else a search
//     that goes by the record believes steps independent that are not.
//   - Reads: with other values in all variables that it did not record as
//     touched, it does the same. Else it reads one without saying so.
//   - Time: at another time of day, with every moment as far away, it does the
//     same. Else states that are taken for one have different futures.
//   - Messages: none on its way has changed since it was sent.
//   - Recall: it does what it did from another state in which all that it looks at was
//     the same. Else it looks at something without saying so.
//
// The world is left as take leaves it. The error is a fault of the model, or of
// this package.
func (w *World) checkStep(i int) error {
	if err := w.checkNames(); err != nil {
		return err
	}
	before := w.save()
	event := w.events()[i]
	w.markMoments()
	w.load(before) // To load sets what has passed to now, which is no change by the step.
	w.findEnabled()
	w.whole.was.note(w)
	w.recall.mode, w.recall.err = recallChecked, nil
	w.take(i)
	w.recall.mode = recallOff
	defer func() { w.recall.mode = recallOn }()
	came := w.outcome.clone()
	after := w.save()

	w.whole.is.note(w)
	if err := w.checkWrites(event, came.accesses); err != nil {
		return err
	}
	if event.task != nil {
		if err := w.checkTwin(event, i, before, after); err != nil {
			return err
		}
	}
	if err := w.checkReads(event, i, before, after, came.accesses); err != nil {
		return err
	}
	if err := w.checkTime(event, i, before, after, &came); err != nil {
		return err
	}
	if err := w.checkMessages(); err != nil {
		return err
	}
	w.goTo(after)
	w.outcome.set(&came)
	return w.recall.err
}

// wholeState is the state of all groups by the time of day. When the clock moves,
// what is due comes nearer, and nobody has changed it.
type wholeState struct {
	saved walker
	ends  []int // by group: where its words end
}

// note takes the state of a world. It goes by no record of what was touched.
func (s *wholeState) note(w *World) {
	s.saved = walker{absolute: true, world: w, words: s.saved.words[:0], refs: s.saved.refs[:0]}
	s.ends = s.ends[:0]
	for _, g := range w.plan.groups {
		s.saved.save(g)
		s.ends = append(s.ends, len(s.saved.words))
	}
}

// group is the words of the k-th group.
func (s *wholeState) group(k int) []uint64 {
	if k == 0 {
		return s.saved.words[:s.ends[0]]
	}
	return s.saved.words[s.ends[k-1]:s.ends[k]]
}

// checkWrites compares all that was not recorded as written.
func (w *World) checkWrites(event Event, accesses []hook.Access) error {
	for i := range w.plan.wires {
		if x := &w.plan.wires[i]; x.is() != x.was {
			return fmt.Errorf("sim: the step %q changed wiring, which is fixed before the first step: %s", event, w.rewired(x))
		}
	}
	for k, g := range w.plan.groups {
		switch {
		case slices.Equal(w.whole.was.group(k), w.whole.is.group(k)):
		case g.owner == nil:
			return fmt.Errorf("sim: the step %q changed a field of %s, which several tasks share: make it a sim.Var", event, w.roots()[g.root].name)
		case !w.mayWrite(event, g.owner.number, accesses):
			return fmt.Errorf("sim: the step %q changed %s without recording it", event, w.objectName(g.owner.number))
		}
	}
	return nil
}

// rewired names what a wire is.
func (w *World) rewired(x *fixed) string {
	name := "a pointer"
	w.survey(wiringField, func(path string, v reflect.Value, _ surveyed) {
		if v.Addr().UnsafePointer() == x.at {
			name = path + ". Let a field hold a number or a sim.Ref that says which one"
		}
	})
	return name
}

func (w *World) mayWrite(event Event, object int, accesses []hook.Access) bool {
	if event.task != nil && event.task.bound().number == object {
		return true
	}
	return slices.ContainsFunc(accesses, func(a hook.Access) bool {
		// What is sent lies with the arrivals, until it arrives.
		return a.Write && (a.Object == object || w.objects[object-1].bound().pair == a.Object)
	})
}

// checkTwin takes the step again on another coroutine.
func (w *World) checkTwin(event Event, i int, before, after *snapshot) error {
	w.goTo(before)
	t := event.task
	if t.program == nil {
		for _, c := range t.parked.list {
			c.end()
		}
		t.parked.list = t.parked.list[:0]
		if t.coroutine != nil {
			t.coroutine.end()
			t.coroutine = nil
		}
		w.take(i)
		return w.sameState(event, after, "taken again by the function run again from its beginning")
	}
	if t.coroutine != nil {
		t.pool.put(t.coroutine)
		t.coroutine = nil
	}
	// A fresh one has come here by the shortest way, whatever the others did.
	w.driving = true
	at, aside := t.site, t.setAside()
	c := t.driveStrangely(at)
	if c == nil {
		c = t.drive(at)
	}
	t.coroutine = c
	t.putBack(aside)
	w.load(before)
	w.driving = false
	w.standAt(before)
	w.findEnabled()
	w.take(i)
	return w.sameState(event, after, "taken again on a coroutine with another past")
}

// driveStrangely is drive through states in which all variables have other
// values, so that what a task carries in local variables is sure to be another.
// It returns nil if that leads the task elsewhere.
func (t *Task) driveStrangely(to *site) *coroutine {
	t.world.estranged = true
	defer func() { t.world.estranged = false }()
	route, _ := t.route(to)
	hops := slices.Clone(route)
	c := t.fromStart()
	for _, h := range hops {
		t.world.load(t.world.strange(h.recipe.state, func(int) bool { return false }))
		t.way = h.recipe.way
		if t.letRun(c); c.site != h.to {
			t.pool.put(c)
			return nil
		}
	}
	return c
}

// stranger is an object whose one word can be given another value.
type stranger interface{ strange(word uint64) uint64 }

// strange is a saved state with other values in its variables, but for those of
// which keep is true.
func (w *World) strange(s *snapshot, keep func(object int) bool) *snapshot {
	return s.with(func(i int, r *record) *record {
		g := w.plan.groups[i]
		if g.owner == nil || keep(g.owner.number) {
			return r
		}
		v, ok := w.objects[g.owner.number-1].(stranger)
		if !ok {
			return r
		}
		words := slices.Clone(r.words)
		words[0] = v.strange(words[0])
		return w.recordOf(g, words, r.refs)
	})
}

// setAside hides the parked coroutines of a task, so that a drive begins anew.
func (t *Task) setAside() [][]*coroutine {
	var aside [][]*coroutine
	for _, s := range t.sites.order {
		aside = append(aside, s.parked)
		s.parked = nil
	}
	return aside
}

func (t *Task) putBack(aside [][]*coroutine) {
	for i, parked := range aside {
		t.sites.order[i].parked = append(t.sites.order[i].parked, parked...)
	}
}

// checkReads takes the step again with other values in the variables that it
// has not touched.
func (w *World) checkReads(event Event, i int, before, after *snapshot, accesses []hook.Access) error {
	touched := func(object int) bool {
		return slices.ContainsFunc(accesses, func(a hook.Access) bool { return a.Object == object })
	}
	var violated []bool // by property
	for _, p := range w.claims {
		violated = append(violated, p.violated)
	}
	want := w.strange(after, touched)
	if want.isLike(after) {
		return nil
	}
	w.goTo(w.strange(before, touched))
	w.estranged = true
	w.take(i)
	w.estranged = false
	for k, p := range w.claims {
		if p.looks() {
			p.violated = violated[k] // It does not judge the other values.
			w.mark(&p.object)
		}
	}
	return w.sameState(event, want, "taken with other values in variables that it does not touch")
}

// differs names what is not as it is wanted; empty: the states are alike.
func (w *World) differs(want *snapshot) string {
	got := w.save()
	if got.isLike(want) {
		return ""
	}
	is := w.listFields()
	w.goTo(want)
	return cmp.Or(hook.FirstDifference(w.listFields(), is), "a task's place or a message is another")
}

// sameState compares the state that the step came to.
func (w *World) sameState(event Event, want *snapshot, how string) error {
	difference := w.differs(want)
	if difference == "" {
		return nil
	}
	return fmt.Errorf("sim: the step %q, %s, comes to another state: %s. %s", event, how, difference, hidden)
}

// otherDay is by how much checkStep moves the time of day: more than any
// deadline of a model is away, and no multiple of anything.
const otherDay = 7919*time.Hour + 31*time.Second + 17

// checkTime takes the step again at another time of day, with every moment as
// far away as it was. States are told apart by how far away moments are, so
// nothing else may decide what a step does.
func (w *World) checkTime(event Event, i int, before, after *snapshot, came *outcome) error {
	if !w.clock.used || w.told() {
		return nil
	}
	later := func(s *snapshot) *snapshot {
		return &snapshot{now: s.now + Time(otherDay), blocks: s.blocks}
	}
	w.goTo(later(before))
	w.take(i)
	again := w.outcome.clone()
	if difference := w.differs(later(after)); difference != "" {
		return fmt.Errorf("sim: the step %q, taken again at another time of day, comes to another state: %s: it reads the time of day; "+
			"compare moments with each other, and keep each, a constant too, in a field of type sim.Time", event, difference)
	}
	if !again.breaksAs(came) {
		return fmt.Errorf("sim: the step %q, taken again at another time of day, breaks %v instead of %v: a property reads the time of day", event, again.violations, came.violations)
	}
	return nil
}

// checkMessages looks at all messages on their way. The error names one that was
// changed after it was sent: it is in many saved states, which all change with
// it.
func (w *World) checkMessages() error {
	for _, c := range w.conns {
		for _, queue := range [2][]Envelope{c.requests, c.responses} {
			for i := range queue {
				if e := &queue[i]; e.hash != 0 && hashOf(e.Message) != e.hash {
					return &ModelError{fmt.Sprintf("sim: %s %s, on its way between %s and %s, was changed after it was sent: copy what is kept of a message, and what is sent of a field",
						NameOf(e.Message), ContentsOf(e.Message), c.name, c.node.name)}
				}
			}
		}
	}
	return nil
}
