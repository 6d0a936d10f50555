package sim

import (
	"fmt"
	"reflect"
	"slices"
)

// CheckStep takes the i-th enabled event and, besides, checks what a search
// takes for granted about it:
//
//   - Twin: the step, taken again from the same state on a coroutine with
//     another past, comes to the same state. Else the task carries something
//     across a point in a local variable.
//   - Writes: whatever the step changed, it recorded as written. Else a search
//     that goes by the record believes steps independent that are not.
//   - Reads: with other values in all variables that it did not record as
//     touched, it does the same. Else it reads one without saying so.
//
// The world is left as Take leaves it. The error is a fault of the model, or of
// this package.
func (w *World) CheckStep(i int) error {
	before := w.Save()
	event := w.Enabled()[i]
	owners, was := w.owners(), w.absolute()
	w.Take(i)
	violations := slices.Clone(w.violations)
	accesses := slices.Clone(w.accesses)
	after := w.Save()

	if err := w.checkWrites(event, owners, was, w.absolute(), accesses); err != nil {
		return err
	}
	if event.task != nil {
		if err := w.checkTwin(event, i, before, after); err != nil {
			return err
		}
	}
	if err := w.checkReads(event, i, owners, before, after, accesses); err != nil {
		return err
	}
	w.Load(after)
	w.violations = append(w.violations[:0], violations...)
	w.accesses = append(w.accesses[:0], accesses...)
	return nil
}

// owners says which words of the current state are whose.
func (w *World) owners() []owner {
	s := walker{marks: true, world: w}
	s.save(w.plan.groups)
	return s.owners
}

// absolute is the current state by the time of day. When the clock moves, what
// is due comes nearer, and nobody has changed it.
func (w *World) absolute() *Snapshot {
	s := walker{absolute: true, world: w}
	s.save(w.plan.groups)
	return &Snapshot{words: s.words}
}

// wordsOf returns the words of the k-th owner.
func wordsOf(s *Snapshot, owners []owner, k int) []uint64 {
	if k+1 < len(owners) {
		return s.words[owners[k].at:owners[k+1].at]
	}
	return s.words[owners[k].at:]
}

// checkWrites compares all that was not recorded as written.
func (w *World) checkWrites(event Event, before []owner, was, is *Snapshot, accesses []Access) error {
	for i := range w.plan.wires {
		if x := &w.plan.wires[i]; x.is() != x.was {
			return fmt.Errorf("sim: the step %q changed wiring, which is fixed before the first step: %s", event, w.rewired(x))
		}
	}
	after := w.owners()
	for k, o := range before {
		if slices.Equal(wordsOf(was, before, k), wordsOf(is, after, k)) || w.mayWrite(event, o.object, accesses) {
			continue
		}
		if o.object == 0 {
			return fmt.Errorf("sim: the step %q changed a field of %s, which several tasks share: make it a sim.Var", event, w.rootOf(k))
		}
		return fmt.Errorf("sim: the step %q changed %s without recording it", event, w.ObjectName(o.object))
	}
	return nil
}

// thing is the thing of a number; nil: of what is nobody's.
func (w *World) thing(number int) thing {
	if number == 0 {
		return nil
	}
	return w.things[number-1]
}

// rootOf names the shared structure that has the k-th group.
func (w *World) rootOf(k int) string { return w.shared[w.plan.groups[k].root].name }

// rewired names what a wire is.
func (w *World) rewired(x *wiring) string {
	name := "a pointer"
	w.survey(func(path string, v reflect.Value, kind surveyed) {
		if kind == wiringField && v.Addr().UnsafePointer() == x.at {
			name = path + ". Let a field hold a number or a sim.Ref that says which one"
		}
	})
	return name
}

func (w *World) mayWrite(event Event, object int, accesses []Access) bool {
	if object == 0 {
		return false
	}
	if event.task != nil && event.task.bound().number == object {
		return true
	}
	return slices.ContainsFunc(accesses, func(a Access) bool {
		// What is sent lies with the arrivals, until it arrives.
		return a.Write && (a.Object == object || w.things[object-1].bound().pair == a.Object)
	})
}

// checkTwin takes the step again on another coroutine.
func (w *World) checkTwin(event Event, i int, before, after *Snapshot) error {
	w.Load(before)
	t := event.task
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
	w.Take(i)
	return w.sameState(event, after, "taken again on a coroutine with another past")
}

// driveStrangely is drive through states in which all variables have other
// values, so that what a task carries in local variables is sure to be another.
// It returns nil if that leads the task elsewhere.
func (t *Task) driveStrangely(to *site) *coroutine {
	route, _ := t.route(to)
	hops := slices.Clone(route)
	c := t.begin()
	for _, h := range hops {
		t.world.load(t.world.strange(h.recipe.state))
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

// strange is a saved state with other values in its variables.
func (w *World) strange(s *Snapshot) *Snapshot {
	w.load(s)
	owners := w.owners()
	other := &Snapshot{words: slices.Clone(s.words), refs: s.refs, ghosts: s.ghosts}
	for k, o := range owners {
		if v, ok := w.thing(o.object).(stranger); ok {
			word := &wordsOf(other, owners, k)[0]
			*word = v.strange(*word)
		}
	}
	return other
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
func (w *World) checkReads(event Event, i int, owners []owner, before, after *Snapshot, accesses []Access) error {
	strange := &Snapshot{words: slices.Clone(before.words), refs: before.refs, ghosts: before.ghosts}
	want := &Snapshot{words: slices.Clone(after.words), refs: after.refs, ghosts: after.ghosts}
	w.Load(after)
	ownersAfter := w.owners()
	changed := false
	for k, o := range owners {
		v, ok := w.thing(o.object).(stranger)
		if !ok || slices.ContainsFunc(accesses, func(a Access) bool { return a.Object == o.object }) {
			continue
		}
		word := &wordsOf(strange, owners, k)[0]
		*word = v.strange(*word)
		wordsOf(want, ownersAfter, k)[0] = *word
		changed = true
	}
	if !changed {
		return nil
	}
	w.Load(strange)
	w.Take(i)
	return w.sameState(event, want, "taken with other values in variables that it does not touch")
}

// sameState compares the state that the step came to.
func (w *World) sameState(event Event, want *Snapshot, how string) error {
	got := w.Save()
	if slices.Equal(got.words, want.words) {
		return nil
	}
	is := w.Fields()
	w.Load(want)
	difference := FirstDifference(w.Fields(), is)
	if difference == "" {
		difference = "a task's place or a message is another"
	}
	return fmt.Errorf("sim: the step %q, %s, comes to another state: %s", event, how, difference)
}
