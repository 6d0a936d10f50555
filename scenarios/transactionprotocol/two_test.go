package transactionprotocol

import (
	"slices"
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

// oneByTwo is a producer alone.
func oneByTwo(version model.TransactionVersion) World {
	return World{Cluster: version, Brokers: 2, Producers: one(does(version, commits(0, 1)))}
}

// crashing has one broker crash, at any moment: the coordinator, or a leader. What it
// had appended it has when it is back.
func crashing(x World) World {
	x.Faults.NodeCrashes = 1
	return x
}

// electing has the coordinator move, once, at any moment, with its log apart.
func electing(x World) World {
	x.Elections = moves
	return x
}

// Goal: two transactions at a time, over two partitions, are atomic; a read_committed
// consumer gets what was committed, and no more; nothing sticks, and nobody goes on for
// ever. Method: all states, under each version; with -deep one broker crashes, too, and
// CI crashes it under one producer. With -deep the coordinator is also elected anew, with
// appends that are under way: that search does not end. Under TV1 it breaks nothing in
// 3,000,397 states, to step 46, and each further step reaches a tenth more states than the
// one before. A run is over after about 80, so there may be some 10^8.
func TestTwoByTwo(t *testing.T) {
	unmarked := crashing(oneByTwo(tv2))
	unmarked.Rules = lacks(model.MarkersAtLoad)
	type world struct {
		name   string
		world  World
		states int      // in all; 0: the search does not end
		broken []string // what breaks
	}
	worlds := []world{
		{"TV1", twoByTwo(tv1), 5_582, nil}, {"TV2", twoByTwo(tv2), 5_334, nil},
		{"TV1, one producer, a crash", crashing(oneByTwo(tv1)), 1_270, nil}, {"TV2, one producer, a crash", crashing(oneByTwo(tv2)), 1_273, nil},
		{"without markers at load, a crash", unmarked, 0, []string{noTorn.Name, noLostWrite.Name, stableMoves.Name, explore.EndsWhenFair}},
	}
	if *deep {
		worlds = []world{
			{"TV1, a crash", crashing(twoByTwo(tv1)), 2_036_531, nil}, {"TV2, a crash", crashing(twoByTwo(tv2)), 2_035_665, nil},
			{"TV1, an election", electing(twoByTwo(tv1)), 0, nil}, {"TV2, an election", electing(twoByTwo(tv2)), 0, nil},
		}
	}
	claims := []string{noAbortedRead.Name, noTorn.Name, noLostWrite.Name, stableMoves.Name, explore.EndsWhenFair}
	for _, test := range worlds {
		sys, err := explore.NewWorlds(func() *sim.World {
			w := sim.NewWorld()
			p := test.world.build(w)
			for _, name := range claims {
				judge(w, name, p)
			}
			return w
		})
		if err != nil {
			t.Fatal(err)
		}
		limit := 3_000_000
		if test.states > 0 {
			limit = 20_000_000
		}
		r, err := explore.States(sys, explore.Options{Limit: limit, Again: true})
		sys.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d states in %d levels, complete %v, the last levels %v", test.name, r.States, len(r.Levels), r.Complete, r.Levels[max(0, len(r.Levels)-3):])
		if test.states > 0 && r.States != test.states {
			t.Errorf("%s: %d states, want %d", test.name, r.States, test.states)
		}
		for _, name := range claims {
			v := r.Verdict(name)
			if is := v.Outcome == explore.Broken; is != slices.Contains(test.broken, name) || !is && test.states > 0 && v.Outcome != explore.Exhausted {
				t.Errorf("%s: %s is %s: %v (schedule: %v)", test.name, name, v.Outcome, v.Err, v.Schedule)
			}
		}
	}
}
