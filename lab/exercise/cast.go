package exercise

import "racelab/sim"

// actor is a task that runs a text, so many times.
type actor struct {
	text  *machine
	times int `sim:"config"`
	done  int
}

// Run runs the text.
func (a *actor) Run(t *sim.Task) {
	for a.done < a.times {
		a.text.run(t)
		a.done++
	}
}

// inPlace is the text in the place of a model's own program.
type inPlace struct{ text *machine }

// Run runs the text once.
func (p *inPlace) Run(t *sim.Task) { p.text.run(t) }

// play adds a task that runs a text once.
func play(w *sim.World, name string, c *code, words []operation) {
	w.GoProgram(name, &actor{text: newMachine(c, words), times: 1})
}

// script compiles a text of the exercise's own.
func script(text string, words []word) *code {
	c, err := compile(text, 1, &language{hole: "func script() {", words: words})
	if err != nil {
		panic("exercise: " + err.Error() + " in " + text)
	}
	return c
}

// The words of locks, with a point before each.

func lockWord(name string) []word {
	return []word{
		{name: name + ".Lock", does: "waits until nobody has the lock, and takes it", waits: true},
		{name: name + ".Unlock", does: "gives the lock back", waits: true},
	}
}

func readLockWord(name string) []word {
	return append(lockWord(name),
		word{name: name + ".RLock", does: "takes the lock for reading: waits for whoever writes, or waits to", waits: true},
		word{name: name + ".RUnlock", does: "gives the lock for reading back", waits: true})
}

func lockOperations(name string, m *sim.Mutex) []operation {
	return []operation{
		func(t *sim.Task, _ *machine) int { m.Lock(t.At("lock " + name)); return 0 },
		func(t *sim.Task, _ *machine) int { t.Step("unlock " + name); m.Unlock(t); return 0 },
	}
}

func readLockOperations(name string, m *sim.RWMutex) []operation {
	return []operation{
		func(t *sim.Task, _ *machine) int { m.Lock(t.At("lock " + name)); return 0 },
		func(t *sim.Task, _ *machine) int { t.Step("unlock " + name); m.Unlock(t); return 0 },
		func(t *sim.Task, _ *machine) int { m.RLock(t.At("read-lock " + name)); return 0 },
		func(t *sim.Task, _ *machine) int { t.Step("read-unlock " + name); m.RUnlock(t); return 0 },
	}
}

// doing is an operation that gives nothing back.
func doing(f func(t *sim.Task, m *machine)) operation {
	return func(t *sim.Task, m *machine) int { f(t, m); return 0 }
}

// step is an operation with a point of that name before it.
func step(point string, f func(t *sim.Task, m *machine) int) operation {
	return func(t *sim.Task, m *machine) int {
		t.Step(point)
		return f(t, m)
	}
}
