package explore

import (
	"fmt"
	"slices"

	"racelab/sim"
)

// Waste is how many of a system's states nothing tells apart that can still happen.
// Such states are one, for a search, but for a field that nobody needs any more: a
// local variable after its last use, what a property has long judged, a number of
// which only matters whether it equals another.
//
// Source: the coarsest bisimulation; Paige, Tarjan: Three Partition Refinement
// Algorithms (SIAM J. Comput. 1987), here by hashes.
type Waste struct {
	States   int  // looked at
	Complete bool // those are all there are; else each that is not expanded counts as different
	Classes  int  // of states that nothing tells apart

	engine Engine
	search *wasteSearch
	class  []uint64 // by state
}

// Factor is by how much the states are more than the classes.
func (w *Waste) Factor() float64 { return float64(w.States) / float64(w.Classes) }

// WasteCause is what keeps states apart that are too many. In each class as many are as
// it has states but one: each is that to which it takes the fewest parts to come from
// those before it. If no state had these parts, so many states would be gone.
type WasteCause struct {
	Names   []string // of parts; [*] for every index, that of a task with its point
	States  int
	Example []WasteDifference // of two states
	After   sim.Schedule      // to the first of them
}

// WasteDifference is a part that two states have and that is not the same.
type WasteDifference struct{ Name, First, Second string }

// wasteCompared is how many states are compared, those of some classes if there are more,
// and wasteTogether with how many others each is.
const (
	wasteCompared = 4_000
	wasteTogether = 256
)

// FindWaste looks at o.Limit states for those that nothing tells apart: the same events
// can happen, break and put off the same, and lead to states of which that is true. What
// a step puts to the test does not count.
//
// The error is a ModelError.
func FindWaste(sys *Worlds, o Options) (_ *Waste, err error) {
	defer sim.RecoverModelError(&err)
	s := wasteSearch{at: newCursor(sys), numbers: map[string]uint64{}, seen: newSeen(), index: newResult("states", sys).index}
	s.run(o)
	class, n := s.refine()
	return &Waste{len(s.states), s.expanded == len(s.states), n, sys.Engine, &s, class}, nil
}

type wasteSearch struct {
	at       *cursor
	index    func(property string) int
	numbers  map[string]uint64 // of what is said of steps
	seen     *seen
	states   []checkpoint
	looks    []uint64 // by state: what it is without what follows
	first    []int    // by expanded state: its first step; one more than there are
	steps    []wasteStep
	came     []cameBy // by state
	expanded int
}

// cameBy is how a state was come to first.
type cameBy struct {
	from  int
	event sim.Event
}

func (s *wasteSearch) schedule(state int) sim.Schedule {
	var events []sim.Event
	for ; state > 0; state = s.came[state].from {
		events = append(events, s.came[state].event)
	}
	slices.Reverse(events)
	return asSchedule(events)
}

type wasteStep struct {
	is uint64 // what it is without where it leads
	to uint32
}

func (s *wasteSearch) reach(by cameBy) uint32 {
	number, isNew := s.seen.add(print{hash: s.at.Fingerprint()})
	if isNew {
		s.states, s.came = append(s.states, s.at.save()), append(s.came, by)
		s.looks = append(s.looks, s.at.discontent(s.index))
	}
	return number
}

func (s *wasteSearch) run(o Options) {
	s.reach(cameBy{})
	var e expansion
	for ; s.expanded < len(s.states) && len(s.states) < o.Limit && !o.stopped(); s.expanded++ {
		s.first = append(s.first, len(s.steps))
		e.steps = e.steps[:0]
		from := s.states[s.expanded]
		s.at.restore(from)
		for i := range len(s.at.Enabled()) {
			if i > 0 {
				s.at.restore(from)
			}
			event := s.at.Enabled()[i]
			s.at.Take(i)
			is := fmt.Sprint(event, event.Thread, event.Fault, event.Timer, s.at.putOff())
			for _, v := range s.at.Violations() {
				is += " " + v.Property
			}
			if other, object := e.race(s.at, event); other != nil {
				is += fmt.Sprint(" races ", other.event, object)
			}
			s.steps = append(s.steps, wasteStep{s.number(is), s.reach(cameBy{s.expanded, event})})
		}
	}
	s.first = append(s.first, len(s.steps))
}

func (s *wasteSearch) number(text string) uint64 {
	n, ok := s.numbers[text]
	if !ok {
		n = uint64(len(s.numbers) + 1)
		s.numbers[text] = n
	}
	return n
}

// refine returns the class of each state, and how many there are.
func (s *wasteSearch) refine() (class []uint64, n int) {
	class = make([]uint64, len(s.states))
	fingerprints := s.seen.list()
	for i := range class {
		class[i] = spread(s.looks[i])
		if i >= s.expanded {
			class[i] = spread(fingerprints[i])
		}
	}
	next := make([]uint64, len(class))
	for {
		different := make(map[uint64]bool, n)
		for _, c := range class {
			different[c] = true
		}
		if len(different) == n {
			return class, n
		}
		n = len(different)
		copy(next, class)
		for i := range s.expanded {
			sum := uint64(0)
			for _, step := range s.steps[s.first[i]:s.first[i+1]] {
				sum += spread(spread(class[step.to]) ^ step.is)
			}
			next[i] = spread(class[i] ^ spread(sum))
		}
		class, next = next, class
	}
}

// spread is a hash of one word.
//
// Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (OOPSLA
// 2014), as varied by Stafford.
func spread(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
