package sim

import (
	"fmt"
	"slices"
	"time"
)

// otherDay is by how much checkStep moves the time of day: more than any
// deadline of a model is away, and no multiple of anything.
const otherDay = 7919*time.Hour + 31*time.Second + 17

// checkTime takes the step again at another time of day, with every moment as
// far away as it was. States are told apart by how far away moments are, so
// nothing else may decide what a step does.
func (w *World) checkTime(event Event, i int, before, after *snapshot, violations []Violation) error {
	if !w.clock.used || w.told() {
		return nil
	}
	later := func(s *snapshot) *snapshot {
		return &snapshot{now: s.now + Time(otherDay), records: s.records}
	}
	w.goTo(later(before))
	w.take(i)
	broke := slices.Clone(w.violations)
	if err := w.sameState(event, later(after), "taken again at another time of day"); err != nil {
		return fmt.Errorf("%w: it reads the time of day; compare moments with each other, and keep each, a constant too, in a field of type sim.Time", err)
	}
	if !slices.EqualFunc(violations, broke, func(a, b Violation) bool { return a.Property == b.Property }) {
		return fmt.Errorf("sim: the step %q, taken again at another time of day, breaks %v instead of %v: a property reads the time of day", event, broke, violations)
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
				if e := &queue[i]; hashOf(e.Message) != e.hash {
					return &ModelError{fmt.Sprintf("sim: %s %s, on its way between %s and %s, was changed after it was sent: copy what is kept of a message, and what is sent of a field",
						NameOf(e.Message), ContentsOf(e.Message), c.name, c.node.name)}
				}
			}
		}
	}
	return nil
}
