package exercise

import (
	"fmt"

	"racelab/sim"
)

// counter is exercise 01: a counter loses an update.
func counter() *Exercise {
	p := &program{
		name: "01-counter", title: "A counter loses an update",
		worlds: []world{{name: "two"}, {name: "three", when: "a third goroutine counts too, and the counter begins at 5"}},
		goals:  []goal{{name: "no-update-is-lost", says: "at the end the counter has gone up by one for each goroutine"}},
		build:  buildCounter,
	}
	return &Exercise{
		ID: p.name, Title: "The counter", Minutes: 10,
		Story: "Two goroutines count the same visitors. Each reads the counter and writes it back with one more. " +
			"At closing time two visitors are inside, and the counter says one.",
		Task:     "Place two calls so that no update is lost, whoever runs when.",
		Skeleton: "x := read()\nwrite(x + 1)\n",
		Hints: [3]string{
			"let G0 read, then let G1 run to its end, then let G0 write.",
			"the update is lost if both read before one writes. What has to happen between a read and its write: nothing of the other.",
			"mu.Lock() goes before the read, mu.Unlock() after the write.",
		},
		Stretch: "make it hold with defer, and with the lock in two other places. Which place has fewer states, and why?",
		Shipped: "sync.Mutex, and sync/atomic's Add",
		Link:    "https://go.dev/ref/mem",
		holes: []*language{{hole: "func visit() {", words: []word{
			{name: "read", gives: number, does: "gives the counter", waits: true},
			{name: "write", args: []kind{number}, does: "sets the counter", waits: true},
			{name: "mu.Lock", does: "waits until nobody has the lock, and takes it", waits: true},
			{name: "mu.Unlock", does: "gives the lock back", waits: true},
		}}},
		grade:    p.grade,
		scenario: p.race,
	}
}

const (
	pointRead   = "read"
	pointWrite  = "write"
	pointLock   = "lock"
	pointUnlock = "unlock"
)

// visitors is what the goroutines share.
type visitors struct {
	mu    sim.Mutex
	count sim.Var[int]
}

// Describe shows the counter.
func (v *visitors) Describe(show func(name, value string)) {
	show("counter", fmt.Sprint(v.count.Peek()))
}

func buildCounter(w *sim.World, c []*code, world string) {
	n, start := 2, 0
	if world == "three" {
		n, start = 3, 5
	}
	shared := &visitors{}
	shared.count.Init(start)
	w.Share("shared", shared)
	for i := range n {
		w.GoProgram(fmt.Sprint("G", i), &inPlace{newMachine(c[0], []operation{
			func(t *sim.Task, _ *machine) int { t.Step(pointRead); return shared.count.Get(t) },
			func(t *sim.Task, m *machine) int { t.Step(pointWrite); shared.count.Set(t, m.arg(0)); return 0 },
			func(t *sim.Task, _ *machine) int { shared.mu.Lock(t.At(pointLock)); return 0 },
			func(t *sim.Task, _ *machine) int { t.Step(pointUnlock); shared.mu.Unlock(t); return 0 },
		})})
	}
	w.Finally("no-update-is-lost", func(c *sim.Claim) {
		c.Assert(shared.count.Peek() == start+n, "%d goroutines counted from %d, and the counter is %d", n, start, shared.count.Peek())
	})
}
