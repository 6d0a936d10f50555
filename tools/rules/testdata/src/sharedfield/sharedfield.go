// Package sharedfield has fields that the functions of tasks must not share.
package sharedfield

import "racelab/sim"

type counter struct {
	lock sim.Mutex
	n    sim.Var[int]
	sum  int
	list []int
	name string
	many [2]sim.Var[int] // Its elements are memory of the world.
}

func (c *counter) add(t *sim.Task) {
	c.lock.Lock(t.At("add"))
	c.n.Set(t, c.n.Get(t)+1)
	c.sum++ // want `c.sum is written here by the function of a task and used by that of another, and is no memory of the world; make sum a sim.Var`
	c.append(len(c.name))
	c.many[0].Set(t, c.many[1].Get(t))
	c.lock.Unlock(t)
}

func (c *counter) append(n int) {
	c.list[0] = n // want `c.list\[0\] is written here`
}

func (c *counter) show(t *sim.Task) { println(c.list, c.name) }

func methods(w *sim.World) {
	shared := &counter{}
	w.Go("adder", shared.add)
	w.Go("show", func(t *sim.Task) { shared.show(t); println(shared.sum) })
}

type worker struct{ turns, all int }

func (w *worker) run(t *sim.Task)  { w.turns++ }
func (w *worker) both(t *sim.Task) { w.all++ } // want `w.all is written here`

func loops(w *sim.World) {
	both := &worker{}
	for range 2 {
		own := &worker{}
		w.Go("own", own.run)
		w.Go("both", both.both)
	}
}

// A Program shares fields as it likes: they are part of the state.
type program struct{ *counter }

func (p *program) Run(t *sim.Task) { p.add(t) }

func programs(w *sim.World) {
	c := &counter{}
	w.GoProgram("a", &program{c})
	w.GoProgram("b", &program{c})
}
