package explore_test

import (
	"fmt"
	"slices"
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

// Goal: states that differ only in what nobody needs any more are one class, and the
// report names the fields. Method: the model that clears them has as many classes as the
// other, of fewer states, and they no longer differ in these.
func TestWaste(t *testing.T) {
	find := func(tidy bool) (*explore.Waste, error) {
		sys, err := explore.NewWorlds(keepers(tidy))
		if err != nil {
			t.Fatal(err)
		}
		defer sys.Close()
		return explore.FindWaste(sys, explore.Options{Limit: 10_000})
	}
	kept, err := find(false)
	if err != nil {
		t.Fatal(err)
	}
	tidied, err := find(true)
	if err != nil {
		t.Fatal(err)
	}
	if kept.Classes != tidied.Classes || kept.States < 2*tidied.States || !kept.Complete {
		t.Errorf("%d states, %d classes; tidy: %d states, %d classes", kept.States, kept.Classes, tidied.States, tidied.Classes)
	}
	for _, name := range []string{"K0.seen[*], at finish", "K2.seen[*], at the end"} {
		named := func(f explore.WastedField) bool { return f.Name == name && f.Alone > 0 }
		if !slices.ContainsFunc(kept.Fields, named) || slices.ContainsFunc(tidied.Fields, named) {
			t.Errorf("%s: kept %+v, tidied %+v", name, kept.Fields, tidied.Fields)
		}
	}
}
