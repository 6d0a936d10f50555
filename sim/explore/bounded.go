package explore

import (
	"fmt"

	"racelab/sim"
)

// Bounded takes every run in which the thread that moves loses its turn at most
// so many times while it could go on. To let another one move where it cannot go
// on costs nothing, nor does it to choose among its own ways. Many bugs need one or
// two such preemptions, and the number of these runs is a polynomial of their
// length.
//
// Complete means that no run with so few preemptions is left.
//
// Source: Musuvathi, Qadeer: Iterative Context Bounding for Systematic Testing of
// Multithreaded Programs (PLDI 2007).
func Bounded(sys System, preemptions int, o Options) (_ *Result, err error) {
	defer sim.RecoverModelError(&err)
	r := newResult("bounded", sys)
	r.Sampler = fmt.Sprintf("at most %d preemptions", preemptions)
	r.Verdicts = append(r.Verdicts, Verdict{Property: EndsWhenFair})
	at := newCursor(sys)
	b := &bounded{most: preemptions}
	run := sampled{longest: o.Longest}
	for r.Runs < o.Limit && !o.stopped() && !(o.First && r.AnyBroken()) {
		b.begin()
		run.run(at, b, len(r.Verdicts), r.index)
		r.add(&run, 0)
		r.Runs++
		o.progress(r)
		if !b.next() {
			r.Complete = true
			break
		}
	}
	good := Unfinished
	if r.Complete {
		good = Exhausted
	}
	r.conclude(good)
	return r, nil
}

// bounded is a Chooser that goes through all its runs, depth first.
type bounded struct {
	most  int
	path  []turn
	depth int
	spent int // preemptions so far
	last  int // the thread that moved last; -1: none
}

// turn is a choice that was made.
type turn struct {
	picks []int // what may be chosen, the default first
	at    int   // which of picks it is
	cost  []bool
}

func (b *bounded) begin() { b.depth, b.spent, b.last = 0, 0, -1 }

func (b *bounded) Choose(enabled []sim.Event) (int, error) {
	if b.depth == len(b.path) {
		b.path = append(b.path, b.turn(enabled))
	}
	t := b.path[b.depth]
	b.depth++
	if t.cost[t.at] {
		b.spent++
	}
	b.last = enabled[t.picks[t.at]].Thread
	return t.picks[t.at], nil
}

// turn lists what may be chosen here.
func (b *bounded) turn(enabled []sim.Event) (t turn) {
	can := false
	for _, e := range enabled {
		can = can || e.Thread == b.last
	}
	for pass := range 2 { // those of the thread that moved last come first
		for i, e := range enabled {
			goes := e.Thread == b.last
			if goes != (pass == 0) || !goes && can && b.spent == b.most {
				continue
			}
			t.picks, t.cost = append(t.picks, i), append(t.cost, !goes && can)
		}
	}
	return t
}

// next goes to the next run; false: there is none.
func (b *bounded) next() bool {
	b.path = b.path[:b.depth]
	for len(b.path) > 0 {
		last := &b.path[len(b.path)-1]
		if last.at++; last.at < len(last.picks) {
			return true
		}
		b.path = b.path[:len(b.path)-1]
	}
	return false
}
