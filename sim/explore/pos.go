package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"racelab/sim"
)

// POS samples partial orders: each step that a thread may take next gets a random
// priority, of those that can happen the highest does, and each other one that depends
// on it gets a new priority. So the orders of steps that depend on each other are drawn
// anew, and those of others are not drawn at all. Of a bug that needs few orders its
// authors show, as of PCT, a lower bound; it is no number that is known beforehand.
//
// Source: Yuan, Yang, Gu: Partial Order Aware Concurrency Sampling (CAV 2018).
// Differs: what a step will touch is not known before it is taken. It counts as
// dependent by what steps of its name touched in some random walks.
func POS(sys System, seed uint64, o Options) (_ *Result, err error) {
	defer sim.RecoverModelError(&err)
	f := newFootprints(sys, seed)
	r, err := sample("pos", sys, seed, o, sampler{chooser: func(seed uint64) sim.Chooser { return &pos{random: random(seed), touches: f} }})
	if err != nil {
		return nil, err
	}
	r.Sampler = fmt.Sprintf("what depends on what, as far as %d walks saw", pilotRuns)
	return r, nil
}

// named is a step by its name.
type named struct {
	thread int
	label  string
}

// footprints is what steps touched in some walks, by their names.
type footprints map[named][]Access

func newFootprints(sys System, seed uint64) footprints {
	f := footprints{}
	at := newCursor(sys)
	for i := range uint64(pilotRuns) {
		at.Reset()
		walk := sim.NewWalk(seed + i)
		for n := 0; len(at.Enabled()) > 0 && n < sim.MaxSteps; n++ {
			i, _ := walk.Choose(at.Enabled())
			event := at.Enabled()[i]
			at.Take(i)
			f.add(named{event.Thread, event.Label}, at.Accesses())
		}
	}
	return f
}

func (f footprints) add(step named, accesses []Access) {
	all := f[step]
	for _, a := range accesses {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	f[step] = all // It is known, even if it touches nothing.
}

// dependent says whether two steps may depend on each other. A step that no walk took
// may depend on any.
func (f footprints) dependent(a, b named) bool {
	x, known := f[a]
	y, also := f[b]
	return !known || !also || dependent(x, y)
}

// pos chooses the step of the highest priority.
type pos struct {
	random  *rand.Rand
	touches footprints
	next    []pending // by thread
}

// pending is the step that a thread takes next.
type pending struct {
	step     named
	priority float64 // 0: none yet
}

func (c *pos) Choose(enabled []sim.Event) (int, error) {
	best := -1
	for i := 0; i < len(enabled); i += waysFrom(enabled, i) {
		e := enabled[i]
		for e.Thread >= len(c.next) {
			c.next = append(c.next, pending{})
		}
		p := &c.next[e.Thread]
		if step := (named{e.Thread, e.Label}); p.priority == 0 || p.step != step {
			*p = pending{step, 1 - c.random.Float64()}
		}
		if best < 0 || p.priority > c.next[enabled[best].Thread].priority {
			best = i
		}
	}
	chosen := anyWay(c.random, enabled, best)
	c.next[enabled[best].Thread].priority = 0
	taken := named{enabled[chosen].Thread, enabled[chosen].Label}
	for i := range c.next {
		if p := &c.next[i]; p.priority > 0 && c.touches.dependent(taken, p.step) {
			p.priority = 0
		}
	}
	return chosen, nil
}
