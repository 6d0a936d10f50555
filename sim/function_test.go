package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/explore"
)

// verdicts searches all states, and returns how each property breaks.
func verdicts(t *testing.T, build func(w *sim.World)) map[string]string {
	t.Helper()
	sys, err := explore.NewWorlds(func() *sim.World {
		w := sim.NewWorld()
		build(w)
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	r, err := explore.States(sys, explore.Options{Limit: 100_000})
	if err != nil || !r.Complete {
		return map[string]string{"": fmt.Sprint(err)}
	}
	broken := map[string]string{}
	for _, v := range r.Verdicts {
		switch v.Outcome {
		case explore.Broken, explore.Reached:
			broken[v.Property] = v.Err.Error()
		case explore.Vacuous:
			broken[v.Property] = "vacuous"
		}
	}
	return broken
}

// Goal: what is done once is done before anybody goes on.
func TestOnce(t *testing.T) {
	got := verdicts(t, func(w *sim.World) {
		var s struct {
			once sim.Once
			n    sim.Var[int]
		}
		w.Share("s", &s)
		for _, name := range []string{"G0", "G1"} {
			w.Go(name, func(t *sim.Task) {
				s.once.Do(t, func() { s.n.Set(t, s.n.Get(t)+1) })
				n := s.n.Get(t)
				t.Assert(n == 1, "n is %d", n)
			})
		}
	})
	if got[sim.Assertions] != "" || got[sim.NoDataRace] != "" || got[sim.NoProgress] != "" {
		t.Error(got)
	}
}

// Goal: TryLock finds the lock free and held, and a lock that functions try says so.
func TestTryLock(t *testing.T) {
	build := func(tried bool) func(w *sim.World) {
		return func(w *sim.World) {
			s := &struct {
				mu sim.Mutex
				n  sim.Var[int]
			}{mu: sim.Mutex{Tried: tried}}
			w.Share("s", s)
			w.Probe("it is free", func() bool { return s.n.Peek() == 11 })
			w.Probe("it is held", func() bool { return s.n.Peek() == 101 })
			w.Go("G0", func(t *sim.Task) {
				s.mu.Lock(t)
				defer s.mu.Unlock(t)
				s.n.Set(t, s.n.Get(t)+1)
			})
			w.Go("G1", func(t *sim.Task) {
				t.Step("try")
				add := 100
				if s.mu.TryLock(t) {
					defer s.mu.Unlock(t)
					add = 10
				}
				s.n.Set(t, s.n.Get(t)+add)
			})
		}
	}
	if got := verdicts(t, build(true)); got["it is free"] != "reached" || got["it is held"] != "reached" {
		t.Error(got)
	}
	if got := verdicts(t, build(false)); !strings.Contains(got[""], "make it a sim.Mutex{Tried: true}") {
		t.Error("TryLock of a lock that is not Tried passes")
	}
}

// Goal: a Context ends by Cancel and by its deadline, whichever is first.
func TestContext(t *testing.T) {
	got := verdicts(t, func(w *sim.World) {
		var s struct {
			ctx sim.Context
			why sim.Atomic[int]
		}
		s.ctx.Init()
		w.Share("s", &s)
		w.Go("timeout", func(t *sim.Task) { s.ctx.Expire(t, time.Second) })
		w.Go("owner", func(t *sim.Task) { s.ctx.Cancel(t) })
		w.Go("worker", func(t *sim.Task) {
			t.Select(s.ctx.Done())
			switch s.ctx.Err(t) {
			case sim.ErrCanceled:
				s.why.Store(t, 1)
			case sim.ErrDeadlineExceeded:
				s.why.Store(t, 2)
			default:
				t.Assert(false, "done, and no reason")
			}
		})
		w.Probe("canceled", func() bool { return s.why.Peek() == 1 })
		w.Probe("exceeded", func() bool { return s.why.Peek() == 2 })
	})
	if got["canceled"] != "reached" || got["exceeded"] != "reached" || got[sim.Assertions] != "" || got[sim.NoProgress] != "" || got[sim.NoPanic] != "" {
		t.Error(got)
	}
}

// Goal: an AfterFunc is called, or stopped, and never both.
func TestAfterFunc(t *testing.T) {
	got := verdicts(t, func(w *sim.World) {
		var s struct {
			after   sim.AfterFunc
			called  sim.Atomic[bool]
			stopped sim.Atomic[bool]
		}
		s.after.Init()
		w.Share("s", &s)
		w.Go("after", func(t *sim.Task) { s.after.Run(t, time.Second, func() { s.called.Store(t, true) }) })
		w.Go("owner", func(t *sim.Task) { s.stopped.Store(t, s.after.Stop(t)) })
		w.Finally("once", func(c *sim.Claim) { c.Assert(s.called.Peek() != s.stopped.Peek(), "called and stopped, or neither") })
		w.Probe("called", func() bool { return s.called.Peek() })
		w.Probe("stopped", func() bool { return s.stopped.Peek() })
	})
	if got["once"] != "" || got["called"] != "reached" || got["stopped"] != "reached" || got[sim.NoProgress] != "" {
		t.Error(got)
	}
}

// Goal: an answer of another type is a fault of the model, with the remedy.
func TestCallOfAnotherType(t *testing.T) {
	got := verdicts(t, func(w *sim.World) {
		w.AddNode("bank", &bank{})
		conn := w.Dial("client", "bank")
		w.Go("client", func(t *sim.Task) { sim.Call[Deposit](t, conn, Deposit{1}) })
	})
	if want := "sim: Call[sim_test.Deposit] of Deposit to bank is answered by sim_test.Done: name that type, or any"; got[""] != want {
		t.Errorf("%s, want %s", got[""], want)
	}
}

type (
	publish struct{ N int }
	ack     struct{}
)

type journal struct{ log []int }

func (j *journal) Handle(e sim.Envelope, out *sim.Outbox) {
	j.log = append(j.log, e.Message.(publish).N)
	out.Reply(e, ack{})
}

// Goal: the functions of a process that crashes begin anew, and what is not of the
// process survives.
func TestFunctionsOfAProcessThatCrashes(t *testing.T) {
	build := func(crashes int) func(w *sim.World) {
		return func(w *sim.World) {
			var db struct{ sent sim.Atomic[int] }
			j := &journal{}
			w.AddNode("broker", j)
			conn := w.Dial("relay", "broker")
			w.Share("db", &db)
			w.Go("relay.main", func(t *sim.Task) {
				for n := db.sent.Load(t); n < 1; n++ {
					if _, err := sim.Call[ack](t, conn, publish{n + 1}); err != nil {
						return
					}
					db.sent.Store(t, n+1)
				}
			})
			w.Process("relay", "relay.main", "relay")
			w.Allow(sim.Faults{ProcessCrashes: crashes})
			w.Always("published once", func(c *sim.Claim) { c.Assert(len(j.log) < 2, "log is %v", j.log) })
			w.Probe("all is sent", func() bool { return db.sent.Peek() == 1 })
		}
	}
	if got := verdicts(t, build(0)); got["published once"] != "" || got["all is sent"] != "reached" {
		t.Error(got)
	}
	if got := verdicts(t, build(1)); got["published once"] != "log is [1 1]" || got["all is sent"] != "reached" {
		t.Error(got)
	}
}

// keeper is a program that would keep an argument over a point.
type keeper struct {
	n   *sim.Var[int]
	got int
}

func (k *keeper) Run(t *sim.Task) {
	k.got = k.n.Get(t.At("read"))
	k.n.Set(t.At("write"), k.got+1)
}

// Goal: a program keeps no argument over a point.
func TestAProgramKeepsNoArgument(t *testing.T) {
	got := verdicts(t, func(w *sim.World) {
		n := &sim.Var[int]{}
		w.Share("n", n)
		w.GoProgram("G", &keeper{n: n})
	})
	if !strings.Contains(got[""], `would keep the argument of "write" over the point "write": call Step("write") before`) {
		t.Error(got)
	}
}
