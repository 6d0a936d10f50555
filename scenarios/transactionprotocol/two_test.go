package transactionprotocol

import (
	"testing"

	"racelab/model"
	"racelab/sim"
	"racelab/sim/explore"
)

// twoByTwo is two producers, each with a transactional id of its own, and two partitions;
// each has one transaction over both. One commits, the other aborts.
func twoByTwo(version model.TransactionVersion) World {
	return World{Cluster: version, Brokers: 2, Producers: apart(does(version, commits(0, 1)), does(version, aborts(0, 1)))}
}

// crashing has the coordinator move, once, at any moment.
func crashing(version model.TransactionVersion) World {
	x := twoByTwo(version)
	x.Elections = moves
	return x
}

// Goal: two transactions at a time, over two partitions, are atomic, and a read_committed
// consumer gets what was committed, and no more. Method: all states, under each version.
// With -deep the coordinator moves too, once: that search does not end. Under TV1 it
// breaks nothing in 3,000,343 states, to step 43, and each further step reaches a fifth
// more states than the one before. A run is over after about 80, so there may be some
// 10^9.
func TestTwoByTwo(t *testing.T) {
	type world struct {
		name   string
		world  World
		states int // in all
	}
	worlds := []world{{"TV1", twoByTwo(tv1), 6_094}, {"TV2", twoByTwo(tv2), 5_846}}
	if *deep {
		worlds = []world{{"TV1, an election", crashing(tv1), 0}, {"TV2, an election", crashing(tv2), 0}}
	}
	for _, test := range worlds {
		sys, err := explore.NewWorlds(func() *sim.World {
			w := sim.NewWorld()
			p := test.world.build(w)
			for _, c := range []*claim{noAbortedRead, noTorn, noLostWrite} {
				judge(w, c.Name, p)
			}
			return w
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := explore.States(sys, explore.Options{Limit: 3_000_000, Again: true})
		sys.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d states in %d levels, complete %v, the last levels %v", test.name, r.States, len(r.Levels), r.Complete, r.Levels[max(0, len(r.Levels)-3):])
		if r.States != test.states && !*deep {
			t.Errorf("%s: %d states, want %d", test.name, r.States, test.states)
		}
		for _, c := range []*claim{noAbortedRead, noTorn, noLostWrite} {
			v := r.Verdict(c.Name)
			if v.Outcome == explore.Broken || v.Outcome != explore.Exhausted && !*deep {
				t.Errorf("%s: %s is %s: %v (schedule: %v)", test.name, c.Name, v.Outcome, v.Err, v.Schedule)
			}
		}
	}
}
