package explore

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"racelab/sim"
)

// Goal: exhaustive finds the same with any number of workers: runs, redundant ones,
// verdicts, schedules and final states, also where a budget ends it.
func TestBranchesChangeNothing(t *testing.T) {
	search := func(seed uint64, o Options) string {
		sys, err := NewWorlds(newProgram(rand.New(rand.NewPCG(seed, *randomSeed))).build)
		if err != nil {
			return err.Error()
		}
		defer sys.Close()
		o.trusting = true
		r, err := Exhaustive(sys, o)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%+v", *r)
	}
	for seed := range uint64(*randomPrograms / 100) {
		for _, o := range []Options{{Limit: 300}, {Limit: 5 + int(seed)%40, First: seed%3 == 0}} {
			o.Workers = 1
			want := search(seed, o)
			o.Workers = 2 + int(seed)%2
			if got := search(seed, o); !reflect.DeepEqual(got, want) {
				t.Errorf("program %d: with %d workers\n%v\nwith one\n%v", seed, o.Workers, got, want)
			}
		}
	}
}

// Goal: what makes a search incomplete counts, whichever worker has met it.
func TestAWorkerLearnsWhatAnotherHasMet(t *testing.T) {
	sys, err := NewWorlds(func() *sim.World {
		w := sim.NewWorld()
		done := &struct {
			c sim.Chan[int]
			x sim.Var[int]
		}{}
		done.c.Init(1)
		w.Share("done", done)
		for _, name := range []string{"G0", "G1"} {
			w.Go(name, func(t *sim.Task) {
				done.x.Set(t, done.c.Len(t))
				if name == "G0" {
					done.c.Close(t)
				}
			})
		}
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	other := sys.Fork()
	defer other.Close()
	for len(other.Enabled()) > 0 {
		other.Take(0)
	}
	sys.Learn(other)
	if other.Irreducible() == "" || sys.Irreducible() != other.Irreducible() {
		t.Errorf("one has met %q, and the other learns %q", other.Irreducible(), sys.Irreducible())
	}
	if other.Unordered() == "" || sys.Unordered() != other.Unordered() {
		t.Errorf("steps of one were kept apart by %q, and the other learns %q", other.Unordered(), sys.Unordered())
	}
}
