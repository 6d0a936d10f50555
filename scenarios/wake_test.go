package scenarios

import (
	"testing"
	"time"

	offsets "racelab/model/group/sarama"
	"racelab/scenarios/offsetrewind"
	"racelab/sim"
	"racelab/sim/explore"
)

// Goal: in a timed world in which to wake up takes time, a proof stands: the state has
// how long ago a goroutine came to a Mutex, and who was woken. A walk of a new world
// came to states that the search had merged.
func TestStatesWhereLocksTakeTime(t *testing.T) {
	sys, err := explore.NewWorlds(func() *sim.World {
		w := sim.NewWorld()
		p := offsetrewind.Scenario.Default()
		p.Committers = 1
		offsetrewind.Scenario.Build(w, offsetrewind.Sarama(offsets.Release1_43_2), p)
		w.Timed(sim.Timing{
			Seed: 1, Wake: sim.Constant(time.Microsecond),
			ThinkTimes: []sim.DelayOverride{{Of: offsets.PointMark, Delay: sim.Constant(time.Millisecond)}},
			Overrides:  []sim.DelayOverride{{Of: "coordinator->sarama", Delay: sim.Constant(5 * time.Millisecond)}},
		})
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	r, err := explore.States(sys, explore.Options{Limit: 20_000})
	if err != nil || !r.Complete || r.States < 1000 {
		t.Errorf("%v, %v", r, err)
	}
}
