package sim_test

import (
	"fmt"
	"time"

	"racelab/sim"
	"racelab/sim/explore"
)

// states searches all states of a world and prints what breaks in it, and how.
func states(build func(w *sim.World)) {
	sys, err := explore.NewWorlds(func() *sim.World {
		w := sim.NewWorld()
		build(w)
		return w
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sys.Close()
	r, err := explore.States(sys, explore.Options{Limit: 100_000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.States, "states")
	for _, v := range r.Verdicts {
		if v.Bad > 0 {
			fmt.Printf("%s: %v\n", v.Property, v.Err)
			for _, step := range v.Schedule {
				fmt.Println(" ", step)
			}
		}
	}
}

// Two goroutines count in one variable. A search finds the run in which one
// update is lost. In a test, simtest.Check does all of this in one call, and draws
// the run.
func Example() {
	build := func() *sim.World {
		w := sim.NewWorld()
		var n sim.Var[int]
		w.Share("n", &n)
		for i := range 2 {
			w.Go(fmt.Sprint("G", i), func(t *sim.Task) {
				seen := n.Get(t)
				n.Set(t, seen+1)
			})
		}
		w.Finally("both updates count", func(c *sim.Claim) {
			c.Assert(n.Peek() == 2, "n is %d, want 2", n.Peek())
		})
		return w
	}
	worlds, _ := explore.NewWorlds(build)
	defer worlds.Close()
	r, _ := explore.States(worlds, explore.Options{Limit: 100_000})
	v := r.Verdict("both updates count")
	fmt.Printf("%d states: %v\n%s", r.States, v.Err, v.Schedule.Lines())
	// Output:
	// 13 states: n is 1, want 2
	// G1 read n
	// G0 read n
	// G0 write n
	// G1 write n
}

// What is done under a lock needs no points of its own.
func ExampleMutex() {
	states(func(w *sim.World) {
		var s struct {
			mu sim.Mutex
			n  sim.Var[int]
		}
		w.Share("s", &s)
		for i := range 2 {
			w.Go(fmt.Sprint("G", i), func(t *sim.Task) {
				s.mu.Lock(t)
				defer s.mu.Unlock(t)
				s.n.Set(t, s.n.Get(t)+1)
			})
		}
		w.Finally("both updates count", func(c *sim.Claim) { c.Assert(s.n.Peek() == 2, "n is %d", s.n.Peek()) })
	})
	// Output:
	// 5 states
}

// Nobody closes the channel, so the range over it never ends.
func ExampleChan() {
	states(func(w *sim.World) {
		var jobs sim.Chan[int]
		jobs.Init(1)
		w.Share("jobs", &jobs)
		w.Go("producer", func(t *sim.Task) { jobs.Send(t, 1) })
		w.Go("consumer", func(t *sim.Task) {
			for {
				if _, ok := jobs.Receive(t); !ok {
					return
				}
			}
		})
	})
	// Output:
	// 3 states
	// no-progress: consumer, before "receive jobs", waits for a value from jobs
	//   producer send jobs
	//   consumer receive jobs
}

// In a world without timing, an armed timer may fire at any moment.
func ExampleTimer() {
	states(func(w *sim.World) {
		var s struct {
			timeout sim.Timer
			answer  sim.Chan[int]
		}
		s.answer.Init(1)
		w.Share("s", &s)
		w.Go("server", func(t *sim.Task) { s.answer.Send(t, 42) })
		w.Go("client", func(t *sim.Task) {
			s.timeout.Start(t, time.Second)
			chosen := t.Select(s.answer.Receiving(), s.timeout.Receiving())
			t.Assert(chosen == &s.answer, "timed out")
		})
	})
	// Output:
	// 10 states
	// assertions: client: timed out
	//   client start s.timeout
	//   s.timeout fires
	//   client select (s.timeout)
}

// Messages of the bank below.
type (
	Deposit struct{ Amount int }
	Done    struct{ Balance int }
)

// bank is a node: it handles one message after the other.
type bank struct{ balance int }

func (b *bank) Handle(e sim.Envelope, out *sim.Outbox) {
	switch m := e.Message.(type) {
	case Deposit:
		b.balance += m.Amount
		out.Reply(e, Done{b.balance})
	}
}

// A node takes requests in any order in which connections deliver them.
func ExampleNode() {
	states(func(w *sim.World) {
		w.AddNode("bank", &bank{})
		for i := range 2 {
			name := fmt.Sprint("client", i)
			conn := w.Dial(name, "bank")
			w.Go(name, func(t *sim.Task) {
				done, _ := sim.Call[Done](t, conn, Deposit{10})
				t.Assert(done.Balance == 10, "the balance is %d", done.Balance)
			})
		}
	})
	// Output:
	// 20 states
	// assertions: client1: the balance is 20
	//   client0 send Deposit
	//   client1 send Deposit
	//   client0->bank Deposit
	//   client1->bank Deposit
	//   client1 receive from bank
}

// A client that tries again after its connection broke: the request may have been
// served already.
func ExampleConn() {
	states(func(w *sim.World) {
		b := &bank{}
		w.AddNode("bank", b)
		conn := w.Dial("client", "bank")
		w.Go("client", func(t *sim.Task) {
			for {
				if _, err := sim.Call[Done](t, conn, Deposit{10}); err == nil {
					return
				}
				conn.Redial(t)
			}
		})
		w.Allow(sim.Faults{Cuts: 1})
		w.Always("deposited at most once", func(c *sim.Claim) { c.Assert(b.balance <= 10, "the balance is %d", b.balance) })
	})
	// Output:
	// 27 states
	// deposited at most once: the balance is 20
	//   client send Deposit
	//   network cut bank->client
	//   client receive from bank
	//   client redial bank
	//   client send Deposit#2
	//   client->bank Deposit
	//   client->bank/2 Deposit
}

// A property sees what participants do, and remembers what it must.
func ExampleProperty() {
	states(func(w *sim.World) {
		w.AddNode("bank", &bank{})
		for i := range 2 {
			name := fmt.Sprint("client", i)
			conn := w.Dial(name, "bank")
			w.Go(name, func(t *sim.Task) { sim.Call[Done](t, conn, Deposit{10 * (i + 1)}) })
		}
		var last struct{ amount int }
		p := sim.NewProperty("deposits grow", &last)
		sim.OnReply(p, func(c *sim.Claim, a sim.Act, request Deposit, answer Done) {
			c.Assert(request.Amount > last.amount, "%d after %d", request.Amount, last.amount)
			last.amount = request.Amount
		})
		w.Watch(p)
	})
	// Output:
	// 20 states
	// deposits grow: 10 after 20
	//   client0 send Deposit
	//   client1 send Deposit
	//   client1->bank Deposit
	//   client0->bank Deposit
}
