// Package sharedvar has what the functions of tasks must not share.
package sharedvar

import "racelab/sim"

type builder struct{ text string }

func (b *builder) add(text string) { b.text += text }

type counter struct {
	lock sim.Mutex
	n    sim.Var[int]
	sum  int
}

func build(w *sim.World) {
	var (
		n       sim.Var[int]
		plain   int
		seen    map[string]bool
		text    builder
		claimed int
		before  = 3
		c       counter
	)
	for i := range 2 {
		w.Go("G", func(t *sim.Task) {
			own := before
			own++
			n.Set(t, n.Get(t)+own+i)
			c.lock.Lock(t.At("a"))
			c.n.Set(t, 1)
			plain = own      // want `a task's function assigns to plain, which is declared outside of it and is no memory of the world`
			plain++          // want `a task's function assigns to plain`
			seen["a"] = true // want `a task's function assigns to seen\["a"\]`
			text.add("a")    // want `a task's function calls add on the address of text`
			c.sum++          // want `a task's function assigns to c.sum`
			if claimed > 0 { // want `a task's function reads claimed, and the function on line \d+ changes it`
				t.Step("a")
			}
			t.Go("inner", func(t *sim.Task) { own++ }) // want `a task's function assigns to own`
		})
	}
	w.Always("counts", func() { claimed++ })
}

func checks(check func(func(*sim.World))) {
	builds := 0
	check(func(w *sim.World) {
		builds++
		w.Go("G0", func(t *sim.Task) { println(builds) })
	})
}
