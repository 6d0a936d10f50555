package sim_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"racelab/sim"
)

// Goal: a channel carries texts and structs, buffered or from hand to hand, to
// functions and to programs, and states that differ in them are two.
func TestChanOfAnyType(t *testing.T) {
	for _, capacity := range []int{0, 1} {
		got := verdicts(t, func(w *sim.World) {
			s := &jobChannels{}
			s.jobs.Init(capacity)
			s.names.Init(capacity)
			w.Share("s", s)
			for _, x := range []job{{"a", []int{1}}, {"b", []int{1, 2}}} {
				w.Go("send-"+x.name, func(t *sim.Task) { s.jobs.Send(t, x) })
			}
			w.GoProgram("work", &work{jobChannels: s})
			w.Go("take", func(t *sim.Task) {
				first, _ := s.names.Receive(t)
				second, ok := s.names.Receive(t)
				t.Assert(ok && first+second == "a1b2", "%s%s", first, second)
			})
		})
		if got[sim.Assertions] != "take: b2a1" {
			t.Errorf("capacity %d: %v, want that the other order is found, and whole", capacity, got)
		}
	}
}

type job struct {
	name  string
	parts []int
}

type jobChannels struct {
	jobs  sim.Chan[job]
	names sim.Chan[string]
}

// work is a program that hands names on.
type work struct {
	*jobChannels
	done int
}

func (p *work) Run(t *sim.Task) {
	for p.done = 0; p.done < 2; p.done++ {
		x, _ := p.jobs.Receive(t)
		p.names.Send(t, fmt.Sprint(x.name, len(x.parts)))
	}
}

// Goal: what ends a Context ends its children, and a child alone ends none else.
func TestContextWithChildren(t *testing.T) {
	build := func(whole bool) func(w *sim.World) {
		return func(w *sim.World) {
			var s struct{ parent, child, other sim.Context }
			s.parent.Init()
			s.child.InitChild(&s.parent)
			s.other.InitChild(&s.parent)
			w.Share("s", &s)
			w.Go("owner", func(t *sim.Task) {
				if whole {
					s.parent.Cancel(t)
				} else {
					s.child.Cancel(t)
				}
			})
			w.Go("worker", func(t *sim.Task) {
				t.Select(s.child.Done())
				t.Assert(s.child.Err(t) == sim.ErrCanceled, "done, and not cancelled")
				t.Assert(whole || s.parent.Err(t) == nil, "a child ends its parent")
				t.Select(s.other.Done())
			})
		}
	}
	if got := verdicts(t, build(true)); got[sim.Assertions] != "" || got[sim.NoProgress] != "" {
		t.Errorf("the parent is cancelled: %v", got)
	}
	if got := verdicts(t, build(false)); got[sim.Assertions] != "" || !strings.Contains(got[sim.NoProgress], "children[1].done") {
		t.Errorf("one child is cancelled: %v, want that the other is not", got)
	}
}

// Goal: who sleeps for longer wakes up later, and no earlier by the clock.
func TestSleep(t *testing.T) {
	build := func(timed bool) func(w *sim.World) {
		return func(w *sim.World) {
			var s struct {
				first sim.Atomic[int]
				tick  sim.Timer // There is a clock.
			}
			w.Share("s", &s)
			if timed {
				w.Timed(sim.Timing{})
			}
			for i, d := range []time.Duration{time.Second, time.Minute} {
				w.Go(string(rune('A'+i)), func(t *sim.Task) {
					began := t.Now()
					t.Sleep(d)
					t.Assert(t.Now().Sub(began) >= d, "woke up too soon")
					s.first.CompareAndSwap(t, 0, i+1)
				})
			}
			w.Probe("B is first", func() bool { return s.first.Peek() == 2 })
		}
	}
	if got := verdicts(t, build(true)); got[""] != "" || got[sim.Assertions] != "" || got["B is first"] != "" {
		t.Errorf("timed: %v", got)
	}
	// Untimed, A may be awake and not come to anything before B does.
	if got := verdicts(t, build(false)); got[""] != "" || got[sim.Assertions] != "" || got["B is first"] != "reached" {
		t.Errorf("untimed: %v", got)
	}
}

// ledgerNode counts deposits.
type ledgerNode struct{ balance int }

type deposit struct{ Amount int }
type deposited struct{ Balance int }

func (n *ledgerNode) Handle(e sim.Envelope, out *sim.Outbox) {
	n.balance += e.Message.(deposit).Amount
	out.Reply(e, deposited{n.balance})
}

// Goal: a lost message breaks no connection: the caller hears of it, and asks again.
// A duplicate is served twice and answered once.
func TestLossesAndDuplicates(t *testing.T) {
	balances := []int{1, 2, 10, 11, 12, 21, 22}
	build := func(faults sim.Faults) func(w *sim.World) {
		return func(w *sim.World) {
			bank := &ledgerNode{}
			w.AddNode("bank", bank)
			conn := w.Dial("client", "bank")
			w.Go("client", func(t *sim.Task) {
				for range 2 {
					if _, err := sim.Call[deposited](t, conn, deposit{1}); err == nil {
						break
					}
				}
				a, err := sim.Call[deposited](t, conn, deposit{10})
				t.Assert(err == nil && a.Balance > 10 || faults.Losses > 0, "balance %d, %v", a.Balance, err)
			})
			w.Allow(faults)
			for _, balance := range balances {
				w.Probe(fmt.Sprint(balance), func() bool { return bank.balance == balance })
			}
			w.Always("never more", func(c *sim.Claim) { c.Assert(bank.balance <= 21, "%d", bank.balance) })
		}
	}
	for _, test := range []struct {
		faults  sim.Faults
		reached string // the balances
	}{
		{sim.Faults{}, "1 11"},
		{sim.Faults{Losses: 1}, "1 2 11 12"},
		{sim.Faults{Duplicates: 1}, "1 2 11 12 21"},
	} {
		got := verdicts(t, build(test.faults))
		var reached []string
		for _, balance := range balances {
			if got[fmt.Sprint(balance)] == "reached" {
				reached = append(reached, fmt.Sprint(balance))
			}
		}
		if list := strings.Join(reached, " "); list != test.reached || got[sim.Assertions] != "" || got["never more"] != "" || got[sim.NoProgress] != "" && got[sim.NoProgress] != "vacuous" {
			t.Errorf("%+v: reached %q, want %q: %v", test.faults, list, test.reached, got)
		}
	}
}

// Goal: what a process has started is gone when it crashes, and starts anew with it.
func TestGoroutinesOfAProcessCrashWithIt(t *testing.T) {
	got := verdicts(t, func(w *sim.World) {
		var own struct{ n sim.Var[int] }
		var disk struct{ began, done, most sim.Atomic[int] }
		w.Share("own", &own)
		w.Share("disk", &disk)
		w.Go("main", func(t *sim.Task) {
			t.Go("worker", func(t *sim.Task) {
				disk.began.Add(t, 1)
				own.n.Set(t, own.n.Get(t)+1)
				disk.most.Store(t, own.n.Get(t))
				disk.done.Add(t, 1)
			})
		})
		w.Process("p", "main", "own")
		w.Allow(sim.Faults{ProcessCrashes: 1})
		w.Probe("the crash takes it", func() bool { return disk.began.Peek() == 2 && disk.done.Peek() == 1 })
		w.Always("memory is new", func(c *sim.Claim) { c.Assert(disk.most.Peek() <= 1, "n is %d", disk.most.Peek()) })
		w.Finally("it comes to its end", func(c *sim.Claim) { c.Assert(disk.done.Peek() >= 1, "nothing is done") })
	})
	if got["the crash takes it"] != "reached" || got["memory is new"] != "" || got["it comes to its end"] != "" || got[""] != "" {
		t.Error(got)
	}
}

// Goal: a notification over an unbuffered channel is dropped where the worker does not
// wait yet; a sender that tries again and again gets through, as the worker does come.
func TestDefaultBeforeTheOtherHasCalled(t *testing.T) {
	for _, again := range []bool{false, true} {
		got := verdicts(t, func(w *sim.World) {
			var wake sim.Chan[bool]
			wake.Init(0)
			w.Share("wake", &wake)
			w.Go("notify", func(t *sim.Task) {
				for range t.Loop("try") {
					if t.Select(wake.Sending(true), sim.SelectDefault()) != nil || !again {
						return
					}
				}
			})
			w.Go("worker", func(t *sim.Task) { wake.Receive(t) })
		})
		want := map[string]string{sim.NoDeadlock: "vacuous"}
		if !again {
			want[sim.NoProgress] = `worker, before "receive wake", waits for a value from wake`
		}
		if !maps.Equal(got, want) {
			t.Errorf("again %v: %v, want %v", again, got, want)
		}
	}
}

// Goal: what judges a state sees no value that no run has, so it may index a table by
// one, and is put to the test by each state. Method: each claim of the four kinds, over
// a variable that some steps do not touch.
func TestJudgesSeeValuesOfRunsOnly(t *testing.T) {
	names := []string{"idle", "busy"}
	got := verdicts(t, func(w *sim.World) {
		var state sim.Atomic[int]
		w.Share("state", &state)
		for _, name := range []string{"A", "B"} {
			w.Go(name, func(t *sim.Task) {
				state.Store(t, 1)
				state.Store(t, 0)
				t.Step("rests")
			})
		}
		known := func(c *sim.Claim) { c.Assert(names[state.Peek()] != "", "no name") }
		w.Always("always", known)
		w.Finally("finally", known)
		w.Eventually("eventually", known)
		w.Probe("busy", func() bool { return names[state.Peek()] == "busy" })
	})
	want := map[string]string{sim.NoDeadlock: "vacuous", sim.NoProgress: "vacuous", "busy": "reached"}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
