package sim_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/explore"
)

// asks is a node that does with a request what a test wants.
type asks struct {
	handle func(e sim.Envelope, out *sim.Outbox)
}

func (n *asks) Handle(e sim.Envelope, out *sim.Outbox) { n.handle(e, out) }

// byValue is a node that no pointer leads to.
type byValue [1]int

func (n byValue) Handle(sim.Envelope, *sim.Outbox) {}

// alarmed has timers of these names.
type alarmed struct {
	asks
	timers []string
}

func (n *alarmed) Timers() []string      { return n.timers }
func (*alarmed) Expire(int, *sim.Outbox) {}

// eager is a node that begins by itself.
type eager struct {
	alarmed
	start func(out *sim.Outbox)
}

func (n *eager) Start(out *sim.Outbox) { n.start(out) }

type question struct{ N int }

// Goal: whoever breaks a rule of the package is told which, in one line, and where.
func TestRefusals(t *testing.T) {
	step := func(w *sim.World) { w.Go("G0", func(t *sim.Task) { t.Step("x") }) }
	asking := func(m sim.Message, answer sim.Message) func(w *sim.World) {
		return func(w *sim.World) {
			w.AddNode("n", &asks{func(e sim.Envelope, out *sim.Outbox) { out.Reply(e, answer) }})
			conn := w.Dial("G0", "n")
			w.Go("G0", func(t *sim.Task) { sim.Call[any](t, conn, m) })
		}
	}
	for _, c := range []struct {
		name  string
		build func(w *sim.World)
		want  string
	}{
		{"a task without a function", func(w *sim.World) { w.Go("G0", nil) }, `sim: Go("G0") wants a function, has nil`},
		{"a task without a program", func(w *sim.World) { w.GoProgram("G0", nil) }, `sim: GoProgram("G0") wants a pointer, has <nil>`},
		{"no node", func(w *sim.World) { w.AddNode("n", nil) }, `sim: AddNode("n") wants a pointer, has <nil>`},
		{"a node by value", func(w *sim.World) { w.AddNode("n", byValue{}) }, `sim: AddNode("n") wants a pointer, has sim_test.byValue`},
		{"no property", func(w *sim.World) { w.Watch(nil) }, "sim: Watch wants a property, has nil"},
		{"a property without a name", func(w *sim.World) { w.Always(" ", func(*sim.Claim) {}) }, `sim: a property is named " "`},
		{"nobody judges", func(w *sim.World) { w.Finally("f", nil) }, `sim: the property "f" has nil in place of a function that judges it`},
		{"nobody asks", func(w *sim.World) { w.Probe("p", nil) }, `sim: the property "p" has nil`},
		{"memory by value", func(w *sim.World) { w.Watch(sim.NewProperty("m", 3)) }, `sim: the memory of NewProperty("m") wants a pointer, has int`},
		{"a judge panics", func(w *sim.World) {
			step(w)
			w.Always("a", func(*sim.Claim) { panic("oops") })
		}, "sim: what judges a panicked at refusal_test.go:"},
		{"an end's judge panics", func(w *sim.World) {
			step(w)
			w.Eventually("e", func(*sim.Claim) { panic("oops") })
		}, "sim: what judges e panicked at refusal_test.go:"},
		{"an act's judge panics", func(w *sim.World) {
			w.Go("G0", func(t *sim.Task) { t.Step("x"); t.Call(question{1}) })
			p := sim.NewProperty("acts", nil)
			sim.On(p, sim.Called, func(_ *sim.Claim, _ sim.Act, m question) { _ = make([]int, 1)[m.N] })
			w.Watch(p)
		}, "sim: what judges acts panicked at refusal_test.go:"},
		{"a capacity below zero", func(*sim.World) { new(sim.Chan[int]).Init(-1) }, "sim: a channel has no capacity of -1"},
		{"a constant delay below zero", func(*sim.World) { sim.Constant(-time.Second) }, "sim: Constant(-1s) is no delay"},
		{"an exponential delay below zero", func(*sim.World) { sim.Exponential(-time.Second) }, "sim: Exponential(-1s) is no delay"},
		{"a node sends in Start", func(w *sim.World) {
			n := &eager{}
			w.AddNode("n", n)
			w.AddNode("m", &asks{})
			conn := w.Dial("n", "m")
			n.start = func(out *sim.Outbox) { out.Send(conn, question{1}) }
		}, "sim: n sends question in Start: there a node arms timers, and one that fires may send"},
		{"two timers of one name", func(w *sim.World) { w.AddNode("n", &alarmed{timers: []string{"retry", "retry"}}) }, `sim: n has two timers "retry"`},
		{"a timer whose name has a space", func(w *sim.World) { w.AddNode("n", &alarmed{timers: []string{"patience ends"}}) }, `sim: a timer is named "patience ends": a schedule could not be read back`},
		{"a shared timer whose name has a space", func(w *sim.World) {
			var linger sim.Timer
			w.Share("my linger", &linger)
			w.Go("G0", func(t *sim.Task) { linger.Reset(t, time.Second) })
		}, `sim: a timer is named "my linger": a schedule could not be read back`},
		{"two connections of one name, and the same request on both", func(w *sim.World) {
			w.AddNode("n", &asks{func(e sim.Envelope, out *sim.Outbox) { out.Reply(e, question{}) }})
			c, d := w.Dial("G0", "n"), w.Dial("G0", "n")
			w.Go("G0", func(t *sim.Task) { c.Send(t, question{1}); d.Send(t, question{2}); c.Receive(t); d.Receive(t) })
		}, `sim: two events that may come next are called "G0->n question", and no schedule could tell them apart; the client G0 has two connections to n: give one of them another name in World.Dial`},
		{"a process that is called as a node", func(w *sim.World) {
			w.AddNode("n", &asks{})
			w.Go("G0", func(t *sim.Task) { t.Step("x") })
			w.Process("n", "G0")
			w.Allow(sim.Faults{NodeCrashes: 1, ProcessCrashes: 1})
		}, `sim: two events that may come next are called "n crash", and no schedule could tell them apart; one happens in n and one in G0: rename one of the two`},
		{"a task whose name begins with a space of Unicode", func(w *sim.World) {
			w.Go("\u00a0G0", func(t *sim.Task) { t.Step("x") })
		}, `sim: a task is named "\u00a0G0": a schedule could not be read back`},
		{"a point that is no text", func(w *sim.World) {
			w.Go("G0", func(t *sim.Task) { t.Step("x"); t.Step("y\xff") })
		}, `sim: a point is named "y\xff": a schedule could not be read back`},
		{"a started task whose name has a space", func(w *sim.World) {
			w.Go("G0", func(t *sim.Task) { t.Go("my worker", func(t *sim.Task) {}) })
		}, `sim: a goroutine is named "my worker": a schedule could not be read back`},
		{"a request that is nil", asking(nil, question{}), "sim: a message is nil"},
		{"an answer that is nil", asking(question{}, nil), "sim: a message is nil"},
		{"a request without a name", asking(struct{ N int }{}, question{}), "sim: a message is a struct { N int }: give its type a name of its own"},
		{"a lock of Go's", func(w *sim.World) {
			w.Share("s", &struct{ mu sync.Mutex }{})
		}, "sim: s.mu is a sync.Mutex, which the search does not see"},
		{"a date of Go's", func(w *sim.World) {
			w.AddNode("n", &struct {
				asks
				seen struct{ at time.Time }
			}{})
		}, "sim: n.seen.at is a time.Time: a world has a clock of its own; keep a sim.Time"},
		{"a name that nothing takes", func(w *sim.World) {
			w.Go("G0", func(t *sim.Task) { t.Step("x"); t.At("send") })
		}, `sim: task G0 has At("send") and no operation that it names`},
		{"two names for one operation", func(w *sim.World) {
			w.Go("G0", func(t *sim.Task) { t.At("send").At("receive").Step("x") })
		}, `sim: task G0 has At("send") and no operation that it names`},
		{"a test's Fatal in a task", func(w *sim.World) {
			w.Go("G0", func(t *sim.Task) { t.Step("x"); runtime.Goexit() })
		}, "sim: task G0 ends its goroutine by runtime.Goexit, as Fatal of a test does"},
		{"another's Task", func(w *sim.World) {
			var other *sim.Task
			w.Go("G0", func(t *sim.Task) { other = t; t.Step("x") })
			w.Go("G1", func(t *sim.Task) { t.Step("x"); other.Step("y") })
		}, "sim: somebody else uses the Task of G0"},
		{"a task that a task adds to the world", func(w *sim.World) {
			w.Go("G0", func(*sim.Task) { w.Go("G1", func(t *sim.Task) { t.Step("x") }) })
		}, "sim: Go after the first step: wiring is fixed by then"},
		{"a pointer that is nil", func(w *sim.World) { w.Share("s", (*sim.Mutex)(nil)) }, `sim: Share("s") wants a pointer, has a nil *sim.Mutex`},
		{"a condition without a lock", func(w *sim.World) {
			var c sim.Cond
			w.Share("c", &c)
			w.Go("G0", c.Wait)
		}, `sim: task G0 comes to "wait for c", and the Cond has no Mutex: set its L before the first step`},
		{"a loop under a lock", func(w *sim.World) {
			var s struct {
				mu   sim.Mutex
				done sim.Var[bool]
			}
			w.Share("s", &s)
			w.Go("G0", func(t *sim.Task) {
				for s.mu.Lock(t); !s.done.Get(t); {
				}
			})
		}, "sim: task G0 has done 1,000,000 operations under a lock"},
	} {
		sys, err := explore.NewWorlds(func() *sim.World {
			w := sim.NewWorld()
			c.build(w)
			return w
		})
		if err == nil {
			_, err = explore.States(sys, explore.Options{Limit: 1000})
			sys.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
