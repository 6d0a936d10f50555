package explore

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim"
)

// EndsWhenFair is a property of every system: each run ends by itself, once faults
// stop and whoever can go on gets its turn. One that does not is a livelock, a storm
// of retries, or waits for something that never comes.
//
// Fair is a run in which
//
//   - whoever can go on again and again does: a task, a message that is on its way, a
//     node that restarts. Go's mutex and channels are fair in that way, and so is a
//     network;
//   - a timer that stays armed fires. One that is armed anew again and again need not;
//   - no fault comes any more;
//   - a select, of whose cases several are ready again and again in one state, takes
//     each of them, as Go picks one at random.
//
// States judges it by the cycles among the states: a set of states that a fair run
// never has to leave breaks it. A sampler judges a run that it has not brought to its
// end in a fifth of all steps.
const EndsWhenFair = "ends-when-fair"

// ForeverError is that a run can go round for ever, and what it never comes to.
type ForeverError struct {
	From, To int      // steps, from 1: after To all is as it was before From
	Who      []string // takes these steps
	Wants    error    // that would be so at some time; nil: an end
}

func (e *ForeverError) Error() string {
	round := fmt.Sprintf("steps %d to %d (of %s) can", e.From, e.To, strings.Join(e.Who, ", "))
	if e.From == e.To {
		round = fmt.Sprintf("step %d (of %s) can", e.From, e.Who[0])
	}
	if e.Wants != nil {
		return fmt.Sprintf("%s repeat for ever, though whoever can go on does: %v", round, e.Wants)
	}
	return round + " repeat for ever, though whoever can go on does, and no fault comes"
}

// Meaning implements sim.Explained.
func (e *ForeverError) Meaning() string {
	return "It goes round for ever: nobody is stuck, and nothing comes of it."
}

// putOff lists the timers that the last step armed or stopped.
func (c *cursor) putOff() []int {
	if c.world == nil {
		return nil
	}
	return slices.Clone(c.world.PutOff())
}

// discontent says which properties want something in the end that a state does not
// have: bit i for the i-th.
func (c *cursor) discontent(index func(property string) int) uint64 {
	var mask uint64
	if c.world != nil {
		for _, v := range c.world.Discontent() {
			mask |= 1 << index(v.Property)
		}
	}
	return mask
}

// liveness judges what a run comes to in the end, by the states that were expanded.
func (s *search) liveness() {
	if !s.graph.circle {
		return
	}
	f := s.graph.fairness()
	if s.result.Alike != nil && !f.goesRound() {
		return
	}
	for i := range s.result.Verdicts {
		v, wants := &s.result.Verdicts[i], s.graph.wants[i]
		if v.Bad > 0 || wants == nil && v.Property != EndsWhenFair {
			continue
		}
		if s.result.Alike != nil {
			v.round = true
			continue
		}
		found := f.closed(func(state uint32) bool { return v.Property == EndsWhenFair || hasBit(wants, state) })
		if len(found) == 0 {
			continue
		}
		for _, states := range found {
			v.Bad += len(states)
		}
		s.goRound(v, s.graph.stem(found[0][0]), f.round(found[0]))
	}
}

// goRound makes a way round the schedule of a verdict. In a new world it has to end
// where it began: else something decides what happens that is in no field.
func (s *search) goRound(v *Verdict, stem, round []uint32) {
	at := s.pool.cursors[0]
	at.Reset()
	sys := System(at)
	if at.world != nil {
		w := at.world.Rebuild()
		defer w.Close()
		sys = &Worlds{Engine: w}
	}
	var events []sim.Event
	take := func(steps []uint32) {
		for _, step := range steps {
			choice := int(step - s.graph.first.at(s.graph.origin(step)))
			if choice < len(sys.Enabled()) {
				events = append(events, sys.Enabled()[choice])
				sys.Take(choice)
			}
		}
	}
	take(stem)
	began := sys.Fingerprint()
	err := &ForeverError{From: len(stem) + 1, To: len(stem) + len(round)}
	if world, ok := sys.(model); ok {
		for _, wanted := range world.Discontent() {
			if wanted.Property == v.Property {
				err.Wants = wanted.Err
			}
		}
	}
	take(round)
	v.Err, v.Schedule, v.Round = err, asSchedule(events), len(round)
	for _, e := range events[len(stem):] {
		if !slices.Contains(err.Who, e.Actor) {
			err.Who = append(err.Who, e.Actor)
		}
	}
	for range 2 {
		if sys.Fingerprint() != began {
			panic(&sim.ModelError{Reason: fmt.Sprintf("explore: %v, and yet they do not in a new world (schedule: %s): something decides what happens that is in no field. "+
				"Is a local variable kept over a turn of a Loop?", err, v.Schedule)})
		}
		take(round)
	}
}
