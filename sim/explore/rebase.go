package explore

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim"
)

// Rebased is an old schedule, made to fit a program that was edited since.
type Rebased struct {
	// Schedule is what the program does now: NewReplay takes it. Where nothing
	// was edited it is the old one.
	Schedule sim.Schedule
	// Matched counts the events of the old schedule that are in it.
	Matched int
	// Late are those that had to wait for events which stood after them.
	Late []sim.Step
	// Skipped are the events of the old schedule that never came.
	Skipped []sim.Step
	// Inserted are the events that the old schedule does not have; Line is that
	// of the event which they made possible.
	Inserted []sim.Step
}

// Bounds of the search for events that make the next one of a schedule
// possible.
const (
	rebaseEvents = 8
	rebaseStates = 1000
)

// Rebase follows an old schedule as far as the program still goes that way:
//
//   - An event that cannot happen yet, but can after some others of which the
//     schedule knows nothing: they are inserted, as few as it takes. Such are
//     points that were added, in the task itself or where another one holds
//     what it waits for.
//   - An event whose task is held up, before it or before one of which the
//     schedule knows nothing: it waits, with all that the task does later, while
//     the schedule goes on elsewhere.
//   - Any other event that cannot happen is gone, and is skipped.
//
// The world must be new. What it does on the way is tried and taken back, so
// play Schedule in another one to see a trace.
func Rebase(w *sim.World, old sim.Schedule) *Rebased {
	r := &rebase{world: Of(w), fit: &Rebased{}}
	for _, step := range old {
		r.lines = append(r.lines, line{Step: step})
	}
	for len(r.lines) > 0 && r.next() {
	}
	for _, l := range r.lines {
		r.fit.Skipped = append(r.fit.Skipped, l.Step)
	}
	slices.SortStableFunc(r.fit.Skipped, func(a, b sim.Step) int { return slices.Index(old, a) - slices.Index(old, b) })
	return r.fit
}

// Whole says whether the old schedule fits as it is.
func (f *Rebased) Whole() bool {
	return len(f.Late) == 0 && len(f.Skipped) == 0 && len(f.Inserted) == 0
}

// String says on one line where the old schedule does not fit any more.
func (f *Rebased) String() string {
	parts := []string{fmt.Sprintf("%d of %d events of the schedule fit", f.Matched, f.Matched+len(f.Skipped))}
	say := func(what string, steps []sim.Step, format string) {
		if len(steps) == 0 {
			return
		}
		var list []string
		for _, s := range steps {
			text := s.String()
			if s.Line > 0 {
				text += fmt.Sprintf(format, s.Line)
			}
			list = append(list, text)
		}
		parts = append(parts, what+": "+strings.Join(list, ", "))
	}
	say("skipped", f.Skipped, " (line %d)")
	say("late", f.Late, " (line %d)")
	say("inserted", f.Inserted, " (before line %d)")
	return strings.Join(parts, "; ")
}

// line is an event of the old schedule that is still to come.
type line struct {
	sim.Step
	waits bool // it was held up when its turn came
}

type rebase struct {
	world Engine
	fit   *Rebased
	lines []line
}

// next deals with one line, and says whether it could.
func (r *rebase) next() bool {
	var held []string // tasks that are held up before a line
	for i := range r.lines {
		l := &r.lines[i]
		task := l.Task()
		if slices.Contains(held, task) {
			continue
		}
		if way, ok := r.way(l.Step); ok {
			r.take(i, way)
			return true
		}
		if r.heldUp(l.Step) {
			l.waits = true
			held = append(held, task)
			continue
		}
		r.fit.Skipped = append(r.fit.Skipped, l.Step)
		r.lines = slices.Delete(r.lines, i, i+1)
		return true
	}
	return false
}

// take takes the events of a way, the last of which is that of the line.
func (r *rebase) take(i int, way []int) {
	l := r.lines[i]
	for k, choice := range way {
		r.fit.Schedule = r.fit.Schedule.Add(r.world.Enabled()[choice])
		if k < len(way)-1 {
			inserted := r.fit.Schedule[len(r.fit.Schedule)-1]
			inserted.Line = l.Line
			r.fit.Inserted = append(r.fit.Inserted, inserted)
		}
		r.world.Take(choice)
	}
	r.fit.Matched++
	if l.waits {
		r.fit.Late = append(r.fit.Late, l.Step)
	}
	r.lines = slices.Delete(r.lines, i, i+1)
}

// way finds the fewest events of which the schedule knows nothing that lead to
// the given one: of its own task if that will do, else of all. It returns them
// and the event, as choices.
func (r *rebase) way(to sim.Step) ([]int, bool) {
	own := func(e sim.Event) bool { return sim.Step{Actor: e.Actor}.Task() == to.Task() }
	if way, ok := r.search(to, own); ok {
		return way, ok
	}
	return r.search(to, func(sim.Event) bool { return true })
}

// search goes breadth first through the states that such events lead to. The
// world is back where it was at the end.
func (r *rebase) search(to sim.Step, may func(sim.Event) bool) ([]int, bool) {
	type reached struct {
		state any
		way   []int
	}
	w := r.world
	here := w.Save()
	defer w.Load(here)
	seen := []uint64{w.Fingerprint()}
	for queue := []reached{{state: here}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		w.Load(at.state)
		events := slices.Clone(w.Enabled())
		if i := slices.IndexFunc(events, to.Is); i >= 0 {
			return append(slices.Clip(at.way), i), true
		}
		for i, e := range events {
			if len(at.way) == rebaseEvents || len(seen) > rebaseStates || !may(e) || r.isPlanned(e) {
				continue
			}
			w.Load(at.state)
			w.Take(i)
			if f := w.Fingerprint(); !slices.Contains(seen, f) {
				seen = append(seen, f)
				queue = append(queue, reached{w.Save(), append(slices.Clip(at.way), i)})
			}
		}
	}
	return nil, false
}

// isPlanned says whether the schedule has the event still to come.
func (r *rebase) isPlanned(e sim.Event) bool {
	return slices.ContainsFunc(r.lines, func(l line) bool { return l.Is(e) })
}

// heldUp says whether the actor of the event cannot move now and still may come
// to it: it stands before the event, or its task before one of which the
// schedule knows nothing.
func (r *rebase) heldUp(s sim.Step) bool {
	return slices.ContainsFunc(r.world.Pending(), func(e sim.Event) bool {
		return s.Is(e) || e.Actor == s.Task() && !r.isPlanned(e)
	})
}
