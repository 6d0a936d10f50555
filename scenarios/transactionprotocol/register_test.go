package transactionprotocol

import (
	"strings"
	"testing"

	"racelab/model"
	"racelab/properties"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

// Goal: the coordinator's answers to InitProducerId and EndTxn are those of a fenced,
// atomic register, whatever is lost, replaced or elected; and a coordinator that does not
// fence, or answers before it has written, is caught. Method: all states of each world,
// judged by porcupine at each answer.
func TestCoordinatorIsAFencedRegister(t *testing.T) {
	for _, test := range []struct {
		name  string
		world World
		want  explore.Outcome
	}{
		{"a lost answer, TV2", delayed(tv2, false), explore.Exhausted},
		{"elected again, TV2", World{Elections: again, One: true, Producers: one(does(tv2, commits(0), commits(0)))}, explore.Exhausted},
		{"answer first, TV2", World{Rules: lacks(model.WriteAhead), Elections: again, One: true, Producers: one(does(tv2, commits(0), commits(0)))}, explore.Broken},
	} {
		build := func() *sim.World {
			w := sim.NewWorld()
			test.world.build(w)
			names := strings.Split(producerNames[:len(test.world.Producers)], "")
			w.Watch(properties.TransactionHistoryIsFenced(&properties.TransactionHistory{Clients: names}))
			return w
		}
		sys, err := explore.NewWorlds(build)
		if err != nil {
			t.Fatal(err)
		}
		r := simtest.Must(explore.States(sys, explore.Options{Limit: 100_000, Again: true, First: test.want == explore.Broken}))
		sys.Close()
		v := r.Verdict("transaction-history-is-fenced")
		t.Logf("%s: %s in %d states: %v", test.name, v.Outcome, r.States, v.Err)
		if v.Outcome != test.want {
			t.Errorf("%s: %s in %d states, want %s: %v (schedule: %v)", test.name, v.Outcome, r.States, test.want, v.Err, v.Schedule)
		}
	}
}
