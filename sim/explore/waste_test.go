package explore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
)

// keeper reads under a lock and, if it is tidy, forgets what it read once it has
// written.
type keeper struct {
	*table
	tidy bool `sim:"config"`
	seen [2]int
}

func (k *keeper) Run(t *sim.Task) {
	t.Step("read")
	k.seen[0], k.seen[1] = k.x.Get(t), k.Y.Get(t)
	t.Step("write")
	k.x.Set(t, k.seen[0]+1)
	if k.tidy {
		k.seen = [2]int{}
	}
	t.Step("finish")
	k.Y.Set(t, 1)
}

func keepers(tidy bool) func() *sim.World {
	return func() *sim.World {
		w, b := sim.NewWorld(), &table{}
		w.Share("b", b)
		for i := range 3 {
			w.GoProgram(fmt.Sprint("K", i), &keeper{table: b, tidy: tidy})
		}
		w.Finally("one", func(c *sim.Claim) { c.Assert(b.x.Peek() == 1, "x is %d", b.x.Peek()) })
		return w
	}
}

// caller asks a server, which says more than the caller needs.
type caller struct {
	server *sim.Conn
	turns  int
}

func (c *caller) Run(t *sim.Task) {
	for c.turns = 0; c.turns < 2; c.turns++ {
		t.Step("ask")
		c.server.Send(t, ask{})
		c.server.Receive(t.At("await answer"))
	}
}

type ask struct{}

type answer struct {
	Served []int
	Late   bool
}

// server counts what it serves, and keeps who was the last.
type server struct {
	served int
	last   string
}

func (s *server) Handle(e sim.Envelope, out *sim.Outbox) {
	s.served++
	s.last = e.From()
	out.Reply(e, answer{Served: []int{s.served}})
}

func callers() *sim.World {
	w := sim.NewWorld()
	w.AddNode("S", &server{})
	for _, name := range []string{"A", "B"} {
		w.GoProgram(name, &caller{server: w.Dial(name, "S")})
	}
	return w
}

func wasteOf(t *testing.T, build func() *sim.World) (w *explore.Waste, causes []explore.WasteCause, compared int) {
	t.Helper()
	sys, err := explore.NewWorlds(build)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	if w, err = explore.FindWaste(sys, explore.Options{Limit: 10_000}); err != nil {
		t.Fatal(err)
	}
	causes, compared = w.Causes()
	return w, causes, compared
}

// Goal: states that differ only in what nobody needs any more are one class, and the
// report names the fields. Method: the model that clears them has as many classes as the
// other, of fewer states, and they no longer differ in these.
func TestWaste(t *testing.T) {
	kept, causes, compared := wasteOf(t, keepers(false))
	tidied, left, _ := wasteOf(t, keepers(true))
	if kept.Classes != tidied.Classes || kept.States < 2*tidied.States || !kept.Complete {
		t.Errorf("%d states, %d classes; tidy: %d states, %d classes", kept.States, kept.Classes, tidied.States, tidied.Classes)
	}
	sum := 0
	for _, c := range causes {
		sum += c.States
	}
	if sum != kept.States-kept.Classes || sum != compared {
		t.Errorf("%d states by cause, %d were compared, want the %d that are too many", sum, compared, kept.States-kept.Classes)
	}
	if !slices.IsSortedFunc(causes, func(a, b explore.WasteCause) int { return b.States - a.States }) {
		t.Errorf("the most costly is not the first: %+v", causes)
	}
	for _, name := range []string{"K0.seen[*], at finish", "K2.seen[*], at the end"} {
		alone := func(c explore.WasteCause) bool { return slices.Equal(c.Names, []string{name}) }
		if !slices.ContainsFunc(causes, alone) {
			t.Errorf("nothing names %s alone: %+v", name, causes)
		}
	}
	for _, c := range left {
		if strings.Contains(strings.Join(c.Names, ";"), ".seen[*], at finish") {
			t.Errorf("tidied: %+v", c)
		}
	}
}

// Goal: what a message or a node holds is named as a field of a task is. Method: a server
// that counts and tells what no caller looks at.
func TestWasteOfMessages(t *testing.T) {
	_, causes, _ := wasteOf(t, callers)
	for _, want := range []explore.WasteDifference{{"S.last", "B", "A"}, {"S->A (arrivals)[0].answer.Served[0]", "1", "2"}} {
		i := slices.IndexFunc(causes, func(c explore.WasteCause) bool { return slices.Contains(c.Example, want) })
		if i < 0 {
			t.Errorf("nothing shows %+v: %+v", want, causes)
			continue
		}
		sys, err := explore.NewWorlds(callers)
		if err != nil {
			t.Fatal(err)
		}
		defer sys.Close()
		if err := sys.Begin(causes[i].After); err != nil {
			t.Fatal(err)
		}
		part := func(p explore.StatePart) bool { return p.Path == want.Name && p.Value == want.First }
		if !slices.ContainsFunc(sys.Parts(sys.Save()), part) {
			t.Errorf("after %s %s is not %s", causes[i].After, want.Name, want.First)
		}
	}
}
