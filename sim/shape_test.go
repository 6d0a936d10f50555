package sim_test

import (
	"fmt"
	"testing"

	"racelab/sim"
)

// tree and branch hold slices of each other.
type tree struct {
	branches []branch
	count    sim.Var[int]
}

type branch struct{ trees []tree }

// Goal: what lies in a slice of a type that comes back to itself is state. Method: two
// tasks add one to the variable of a tree in there, and one of two updates can be lost.
func TestATypeThatComesBackToItself(t *testing.T) {
	got := verdicts(t, func(w *sim.World) {
		root := &tree{branches: []branch{{trees: make([]tree, 2)}}}
		w.Share("root", root)
		n := &root.branches[0].trees[1].count
		for i := range 2 {
			w.Go(fmt.Sprint("G", i), func(t *sim.Task) { n.Set(t, n.Get(t)+1) })
		}
		w.Finally("both count", func(c *sim.Claim) { c.Assert(n.Peek() == 2, "%d", n.Peek()) })
	})
	if got["both count"] != "1" {
		t.Errorf("%v, want that an update is lost", got)
	}
}
