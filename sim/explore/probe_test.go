package explore_test

import (
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
)

// counting is what the incrementers share: each adds 1, in two steps.
type counting struct{ n sim.Var[int] }

type incrementer struct {
	*counting
	seen int
}

func (p *incrementer) Run(t *sim.Task) {
	t.Step("read")
	p.seen = p.n.Get(t)
	t.Step("write")
	p.n.Set(t, p.seen+1)
	t.Assert(p.n.Peek() == p.seen+1, "wrote %d, and it is %d", p.seen+1, p.n.Peek())
	t.Assert(p.seen == 0, "read %d", p.seen)
}

// Goal: a probe is answered, with the shortest schedule or with no, and breaks
// nothing; Always, Finally and Assert break where they should.
func TestProbesAndClaimsOfStates(t *testing.T) {
	sys, err := explore.NewWorlds(func() *sim.World {
		w, c := sim.NewWorld(), &counting{}
		w.Share("c", c)
		w.GoProgram("A", &incrementer{counting: c})
		w.GoProgram("B", &incrementer{counting: c})
		w.Probe("two", func() bool { return c.n.Peek() == 2 })
		w.Probe("three", func() bool { return c.n.Peek() == 3 })
		w.Always("at most two", func(cl *sim.Claim) { cl.Assert(c.n.Peek() <= 2, "n is %d", c.n.Peek()) })
		w.Finally("both count", func(cl *sim.Claim) { cl.Assert(c.n.Peek() == 2, "n is %d, want 2", c.n.Peek()) })
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	r := must(explore.States(sys, explore.Options{Limit: 1000}))
	for _, want := range []struct {
		property string
		outcome  explore.Outcome
		steps    int
		err      string
	}{
		{"two", explore.Reached, 4, "reached"},
		{"three", explore.Unreachable, 0, ""},
		{"at most two", explore.Exhausted, 0, ""},
		{"both count", explore.Broken, 4, "n is 1, want 2"},
		{sim.Assertions, explore.Broken, 4, "B: read 1"},
	} {
		v := r.Verdict(want.property)
		got := ""
		if v.Err != nil {
			got = v.Err.Error()
		}
		if v.Outcome != want.outcome || len(v.Schedule) != want.steps || got != want.err {
			t.Errorf("%s: %s in %d steps, %q; want %s in %d, %q", want.property, v.Outcome, len(v.Schedule), got, want.outcome, want.steps, want.err)
		}
	}
}
