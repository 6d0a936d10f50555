package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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
	Pairs    int  // of such states that were compared
	Fields   []WastedField
}

// WastedField is a field in which states of one class differ.
type WastedField struct {
	Name  string // with [*] for every index; that of a task with its point
	Pairs int    // differ in it
	Alone int    // differ in nothing else
}

// Factor is by how much the states are more than the classes.
func (w *Waste) Factor() float64 { return float64(w.States) / float64(w.Classes) }

// wastePairs is how many pairs of states are compared, and wasteTries with how many
// others of its class each is, to find the one that it is most alike.
const (
	wastePairs = 4000
	wasteTries = 3
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
	w := &Waste{States: len(s.states), Complete: s.expanded == len(s.states), Classes: n}
	w.compare(sys.Engine, s.states, class)
	return w, nil
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
	expanded int
}

type wasteStep struct {
	is uint64 // what it is without where it leads
	to uint32
}

func (s *wasteSearch) reach() uint32 {
	number, isNew := s.seen.add(s.at.Fingerprint())
	if isNew {
		s.states = append(s.states, s.at.save())
		s.looks = append(s.looks, s.at.discontent(s.index))
	}
	return number
}

func (s *wasteSearch) run(o Options) {
	s.reach()
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
			s.steps = append(s.steps, wasteStep{s.number(is), s.reach()})
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

// compare says in which fields states of one class differ.
func (w *Waste) compare(e Engine, states []checkpoint, class []uint64) {
	members := map[uint64][]int{}
	at := map[string]int{}
	every := max(1, (w.States-w.Classes)/wastePairs)
	repeats := 0
	for i, c := range class {
		others := members[c]
		members[c] = append(others, i)
		if len(others) == 0 {
			continue
		}
		if repeats++; repeats%every != 0 {
			continue
		}
		var least []string
		for _, other := range others[max(0, len(others)-wasteTries):] {
			names := wastedFields(e.Differences(states[i].at, states[other].at))
			if least == nil || len(names) < len(least) {
				least = names
			}
		}
		w.Pairs++
		for _, name := range least {
			k, known := at[name]
			if !known {
				k, at[name] = len(w.Fields), len(w.Fields)
				w.Fields = append(w.Fields, WastedField{Name: name})
			}
			w.Fields[k].Pairs++
			if len(least) == 1 {
				w.Fields[k].Alone++
			}
		}
	}
	slices.SortFunc(w.Fields, func(a, b WastedField) int {
		return cmp.Or(cmp.Compare(b.Pairs, a.Pairs), cmp.Compare(a.Name, b.Name))
	})
}

// wastedFields puts [*] for every index, and names each once.
func wastedFields(paths []string) []string {
	for i, path := range paths {
		var b strings.Builder
		for {
			before, after, ok := strings.Cut(path, "[")
			b.WriteString(before)
			if !ok {
				break
			}
			index, rest, _ := strings.Cut(after, "]")
			if strings.Trim(index, "0123456789") == "" {
				index = "*"
			}
			b.WriteString("[" + index + "]")
			path = rest
		}
		paths[i] = b.String()
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
