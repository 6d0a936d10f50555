package explore

import (
	"fmt"
	"testing"

	"racelab/sim"
)

// counted counts how often a search takes a step, and how often it goes back.
type counted struct {
	*Worlds
	takes, loads int
}

func (c *counted) Take(i int) {
	c.takes++
	c.Worlds.Take(i)
}

func (c *counted) Load(state any) {
	c.loads++
	c.Worlds.Load(state)
}

// worker takes steps of its own, and then asks a node, or writes to some variables.
type worker struct {
	own    int `sim:"config"` // steps
	asks   []*sim.Conn
	writes []*sim.Var[int]
	at     int
}

func (w *worker) Run(t *sim.Task) {
	for w.at = 0; w.at < w.own; w.at++ {
		t.Step("work")
	}
	for w.at = 0; w.at < len(w.asks); w.at++ {
		t.Step("ask")
		w.asks[w.at].Send(t, &number{})
		w.asks[w.at].Receive(t.At("answer"))
	}
	for w.at = 0; w.at < len(w.writes); w.at++ {
		t.Step("write")
		w.writes[w.at].Set(t, 1)
	}
}

// Goal: what exhaustive does grows with the steps that race, and not with all pairs of steps.
// Method: after many arrivals at one node come some from new connections, which could not
// have come before any. And a first write races with later ones, while another task takes
// many steps in between: these are not taken again for each run.
func TestExhaustiveTriesFewSteps(t *testing.T) {
	const long = 300
	for name, build := range map[string]func(w *sim.World){
		"arrivals": func(w *sim.World) {
			w.AddNode("server", &server{})
			asker, one := &worker{}, w.Dial("one", "server")
			for range long {
				asker.asks = append(asker.asks, one)
			}
			for i := range 20 {
				asker.asks = append(asker.asks, w.Dial(fmt.Sprint("new", i), "server"))
			}
			w.GoProgram("A", asker)
		},
		"writes": func(w *sim.World) {
			s := &struct{ x, y sim.Var[int] }{}
			w.Share("s", s)
			w.GoProgram("A", &worker{writes: []*sim.Var[int]{&s.x}})
			w.GoProgram("B", &worker{own: long, writes: []*sim.Var[int]{&s.y}})
			w.GoProgram("C", &worker{writes: []*sim.Var[int]{&s.y, &s.x}})
			w.GoProgram("D", &worker{writes: []*sim.Var[int]{&s.y, &s.x}})
		},
	} {
		sys, err := NewWorlds(func() *sim.World { w := sim.NewWorld(); build(w); return w })
		if err != nil {
			t.Fatal(err)
		}
		c := &counted{Worlds: sys}
		r := must(Exhaustive(c, Options{Limit: 1000, Workers: 1, trusting: true}))
		sys.Close()
		t.Log(name, r.Runs, r.Redundant, r.Steps, c.takes, c.loads)
		if !r.Complete || c.takes > 3*r.Steps || c.loads > 3*r.Steps {
			t.Errorf("%s: %d runs of %d steps (complete: %v), for which %d were taken and %d states loaded", name, r.Runs, r.Steps, r.Complete, c.takes, c.loads)
		}
	}
}
