package sim

import (
	"slices"

	"racelab/sim/internal/hook"
)

// outcome is what a step came to, beside the state that it led to.
type outcome struct {
	accesses   []hook.Access
	putOff     []int // the threads of the timers that it armed or stopped
	violations []Violation
	tested     uint64 // the properties that it put to the test by what it did; see testedNow
}

func (o *outcome) reset() {
	o.accesses, o.putOff, o.violations, o.tested = o.accesses[:0], o.putOff[:0], o.violations[:0], 0
}

// set makes it another one, in the room that it has.
func (o *outcome) set(other *outcome) {
	o.accesses = append(o.accesses[:0], other.accesses...)
	o.putOff = append(o.putOff[:0], other.putOff...)
	o.violations = append(o.violations[:0], other.violations...)
	o.tested = other.tested
}

func (o *outcome) clone() outcome {
	return outcome{slices.Clone(o.accesses), slices.Clone(o.putOff), slices.Clone(o.violations), o.tested}
}

// breaksAs says whether it breaks the same properties as another one.
func (o *outcome) breaksAs(other *outcome) bool {
	return slices.EqualFunc(o.violations, other.violations, func(a, b Violation) bool { return a.Property == b.Property })
}

// bind gives the object its number, in the order of the walk, once.
func (w *World) bind(t objectHolder) {
	if o := t.bound(); o.number == 0 {
		w.objects = append(w.objects, t)
		o.number, o.looker = len(w.objects), w
	}
}

func (w *World) touched(o *object, write bool) {
	if write {
		w.mark(o)
	}
	if w.driving && !w.repeating {
		return
	}
	o.mustBeShared()
	for i := range w.accesses {
		if w.accesses[i].Object == o.number {
			w.accesses[i].Write = w.accesses[i].Write || write
			return
		}
	}
	w.accesses = append(w.accesses, hook.Access{Object: o.number, Write: write, Kind: o.kind, Pair: o.pair})
}

// looksAt notes that the step looks at an object. That is no access: it makes no steps
// depend on each other.
func (w *World) looksAt(o *object) {
	if w.noting && !slices.Contains(w.lookedAt, o) {
		w.lookedAt = append(w.lookedAt, o)
	}
}

// peeked is looksAt for who does not know the world.
func (o *object) peeked() {
	if o.looker != nil {
		o.looker.looksAt(o)
	}
}

// objectName names an object as the model's code does: "om.broker.lock".
func (w *World) objectName(number int) string {
	if w.names == nil {
		w.nameObjects()
	}
	if number <= len(w.names) && w.names[number-1] != "" {
		return w.names[number-1]
	}
	return w.objects[number-1].bound().label
}

// pointName is the name of a point that names itself. It is made once.
func (w *World) pointName(verb string, o *object) string {
	for i := range o.points {
		if p := &o.points[i]; p.verb == verb {
			return p.name
		}
	}
	o.mustBeShared()
	name := verb + " " + w.objectName(o.number)
	o.points = append(o.points, ownPoint{verb, name})
	return name
}

func (w *World) broke(property string, err error) {
	if w.driving {
		return
	}
	w.violations = append(w.violations, Violation{property, err})
}

func (w *World) observe(o Act) {
	if w.driving {
		return
	}
	o.At = w.pace.now()
	if w.trace != nil {
		w.trace.Act(o)
	}
	if w.judgedActs&o.Action == 0 {
		return
	}
	for i, p := range w.claims {
		seen, tested, err := p.Judge(o)
		if !seen {
			if p.asked {
				w.looksAt(&p.object)
			}
			continue
		}
		w.touched(&p.object, true)
		w.judgedBy(i, tested, err)
	}
}

// judgedBy notes what the i-th claim says of an act or of a state.
func (w *World) judgedBy(i int, tested bool, err error) {
	if tested {
		w.tested |= 1 << i
	}
	if err != nil {
		p := w.claims[i]
		p.violated = true
		w.broke(p.name, err)
	}
}

// putsOff notes that a step arms or stops a timer.
func (w *World) putsOff(thread int) { w.putOff = append(w.putOff, thread) }
