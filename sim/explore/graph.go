package explore

import (
	"cmp"
	"slices"
	"sort"

	"racelab/sim"
)

// graph is the states that a search has expanded, by their number, and the steps
// between them. It takes 6 bytes a step and 4 a state.
type graph struct {
	first  column[uint32] // by state: its first step; one more than there are
	to     column[uint32] // by step, in the order of Enabled: the state that it leads to
	mover  column[uint16] // by step: its thread, with what is owed to that
	place  []int32        // by thread
	putOff []putOff       // in the order of steps
	wants  [][]uint64     // by property of Eventually: the states where it is discontent, a bit each; nil: none
	states int            // that are known, with those that are not expanded
	near   uint32         // the states from this on are further from the start than those that are being expanded
	circle bool           // some step leads to one that is not
}

// putOff is a timer that a step armed or stopped.
type putOff struct {
	step  uint32
	mover uint16
}

// What a mover has beside the number of its thread.
const (
	aFault   uint16 = 1 << 15 // a fault: it is never owed
	aTimer   uint16 = 1 << 14 // a timer: it is owed unless somebody puts it off
	threadOf uint16 = aTimer - 1
)

// move is a step out of a state, as it is handed to the graph.
type move struct {
	print      print      // of where it leads
	to         uint32     // where that is in the graph, if
	known      bool       // it was known before this batch
	checkpoint checkpoint // to go there; empty if it was, or by a leap
	leap       any
	broke      uint64 // bit i for the i-th property
	mover      uint16
	place      int32
	putOff     []int
	ends       bool // nothing but faults can come of that state
}

func newGraph(properties int) *graph {
	g := &graph{wants: make([][]uint64, properties)}
	g.expanded()
	return g
}

// moverOf is the mover of an event.
func moverOf(e sim.Event) uint16 {
	if e.Thread > int(threadOf) {
		panic(&sim.ModelError{Reason: "explore: states knows at most 16,383 threads; use a smaller world"})
	}
	mover := uint16(e.Thread)
	if e.Fault {
		mover |= aFault
	}
	if e.Timer {
		mover |= aTimer
	}
	return mover
}

// wanting notes which properties are discontent in the state that is being expanded: bit
// i for the i-th.
func (g *graph) wanting(wants uint64) {
	state := uint32(g.first.n - 1)
	for i := 0; wants != 0; i, wants = i+1, wants>>1 {
		if wants&1 == 1 {
			g.wants[i] = setBit(g.wants[i], state)
		}
	}
}

func setBit(bits []uint64, i uint32) []uint64 {
	for int(i>>6) >= len(bits) {
		bits = append(bits, 0)
	}
	bits[i>>6] |= 1 << (i & 63)
	return bits
}

func hasBit(bits []uint64, i uint32) bool { return int(i>>6) < len(bits) && bits[i>>6]>>(i&63)&1 == 1 }

// level begins a level: the states that are known by now are no further from the start
// than those that are expanded next.
func (g *graph) level() { g.near = uint32(g.states) }

// add adds a step out of the state that is being expanded.
func (g *graph) add(m *move, to uint32) {
	for _, thread := range m.putOff {
		g.putOff = append(g.putOff, putOff{uint32(g.to.n), uint16(thread) | aTimer})
	}
	g.circle = g.circle || to < g.near
	for int(m.mover&threadOf) >= len(g.place) {
		g.place = append(g.place, 0)
	}
	g.place[m.mover&threadOf] = m.place
	g.to.add(to)
	g.mover.add(m.mover)
}

// expanded ends the steps of a state.
func (g *graph) expanded() { g.first.add(uint32(g.to.n)) }

// steps is those out of a state, from the first to before the end.
func (g *graph) steps(state uint32) (first, end uint32) {
	return g.first.at(state), g.first.at(state + 1)
}

// ways is where those of the same mover end that begin with a step, before the end.
func (g *graph) ways(step, end uint32) uint32 {
	next := step + 1
	for next < end && g.mover.at(next) == g.mover.at(step) {
		next++
	}
	return next
}

// waysOf is the steps among which a step is one way of its mover.
func (g *graph) waysOf(step uint32) (first, end uint32) {
	first, end = g.steps(g.origin(step))
	for g.mover.at(first) != g.mover.at(step) {
		first++
	}
	return first, g.ways(first, end)
}

// puttingOff lists the timers that a step puts off.
func (g *graph) puttingOff(step uint32) []putOff {
	from, _ := slices.BinarySearchFunc(g.putOff, step, func(p putOff, step uint32) int { return cmp.Compare(p.step, step) })
	end := from
	for end < len(g.putOff) && g.putOff[end].step == step {
		end++
	}
	return g.putOff[from:end]
}

// origin is the state that a step leads out of: the last that begins there or before.
func (g *graph) origin(step uint32) uint32 {
	after := sort.Search(g.first.n, func(state int) bool { return g.first.at(uint32(state)) > step })
	return uint32(after - 1)
}

// stem is the steps of a shortest way from the start to a state. States have their
// numbers in the order in which they were met, breadth first: the first step that
// leads to a state is that by which it was.
func (g *graph) stem(state uint32) []uint32 {
	by := make([]uint32, g.states)
	for step := g.to.n - 1; step >= 0; step-- {
		by[g.to.at(uint32(step))] = uint32(step)
	}
	var steps []uint32
	for state > 0 {
		steps = append(steps, by[state])
		state = g.origin(by[state])
	}
	slices.Reverse(steps)
	return steps
}
