package explore_test

import (
	"fmt"
	"racelab/sim"
	"racelab/sim/explore"
	"testing"
	"time"
)

type marker struct {
	marked *sim.Var[int]
	n, i   int
}

func (m *marker) Run(t *sim.Task) {
	for m.i = 0; m.i < m.n; m.i++ {
		t.Yield("mark")
		m.marked.Set(t, m.marked.Get(t)+1)
	}
}
func (m *marker) State(s *sim.State) { sim.Int(s, &m.i); sim.Int(s, &m.n) }

type committer struct {
	marked, committed *sim.Var[int]
	req, i, n         int
}

func (m *committer) Run(t *sim.Task) {
	for m.i = 0; m.i < m.n; m.i++ {
		t.Yield("take")
		m.req = m.marked.Get(t)
		t.Yield("commit")
		m.committed.Set(t, m.req)
	}
}
func (m *committer) State(s *sim.State) { sim.Int(s, &m.i); sim.Int(s, &m.n); sim.Int(s, &m.req) }

type ocr struct{ marked, committed sim.Var[int] }

func (o *ocr) State(s *sim.State) { o.marked.State(s); o.committed.State(s) }
func ocrWorld(n, m, k int) func() *sim.World {
	return func() *sim.World {
		w := sim.NewWorld()
		o := &ocr{}
		w.Share("o", o)
		w.Go("M", &marker{marked: &o.marked, n: m})
		for i := range n {
			w.Go(fmt.Sprintf("C%d", i), &committer{marked: &o.marked, committed: &o.committed, n: k})
		}
		return w
	}
}

func TestDpor(t *testing.T) {
	for _, n := range []int{2, 3, 4, 5} {
		t0 := time.Now()
		r := explore.Exhaustive(system(t, lostUpdate(n, false)), explore.Options{Limit: 1000000})
		fmt.Println("LOST", n, r.Runs, r.Redundant, time.Since(t0), r.Steps)
	}
	for _, c := range [][2]int{{2, 2}, {3, 2}, {4, 2}} {
		t0 := time.Now()
		r := explore.Exhaustive(system(t, ocrWorld(c[0], c[1], 1)), explore.Options{Limit: 1000000})
		fmt.Println("OCR", c, r.Runs, r.Redundant, time.Since(t0), r.Steps)
		r = explore.States(system(t, ocrWorld(c[0], c[1], 1)), explore.Options{Limit: 10000000})
		fmt.Println(r.States)
	}
	t0 := time.Now()
	r := explore.States(system(t, ocrWorld(3, 6, 4)), explore.Options{Limit: 10000000, Workers: 1})
	fmt.Println(r.States, r.Transitions, time.Since(t0))
}
