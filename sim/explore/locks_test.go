package explore_test

import (
	"errors"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/internal/hook"
)

// library is what readers and writers share.
type library struct {
	lock sim.RWMutex
	x    sim.Var[int]
}

// visitor is a task that reads, reads again or writes under a RWMutex.
type visitor struct {
	*library
	does string `sim:"config"`
}

func (v *visitor) Run(t *sim.Task) {
	switch v.does {
	case "reads":
		v.lock.RLock(t.At("rlock"))
		t.Step("runlock")
		v.lock.RUnlock(t)
	case "reads again":
		v.lock.RLock(t.At("rlock"))
		v.lock.RLock(t.At("rlock again"))
		v.lock.RUnlock(t)
		v.lock.RUnlock(t)
	case "reads and sets":
		v.lock.RLock(t.At("rlock"))
		v.x.Set(t, 1)
		v.lock.RUnlock(t)
	case "writes":
		v.lock.Lock(t.At("lock"))
		v.x.Set(t, 1)
		t.Step("unlock")
		v.lock.Unlock(t)
	}
}

func visitors(noPreference bool, does ...string) func() *sim.World {
	return func() *sim.World {
		l := &library{}
		l.lock.NoPreference = noPreference
		w := sim.NewWorld()
		w.Share("l", l)
		for i, d := range does {
			w.GoProgram(string(rune('A'+i)), &visitor{library: l, does: d})
		}
		return w
	}
}

// Goal: what a RWMutex records of its use is what the searches need. Method:
// numbers of states and of classes that are known, deadlocks and data races, by
// both searches.
func TestSearchesOfRWMutex(t *testing.T) {
	for _, test := range []struct {
		name            string
		noPreference    bool
		does            []string
		states, classes int
		deadlock, race  bool
	}{
		// Readers do not depend on one another: one class, whatever their order.
		{"two readers", false, []string{"reads", "reads"}, 9, 1, false, false},
		{"three readers", false, []string{"reads", "reads", "reads"}, 27, 1, false, false},
		{"two writers", false, []string{"writes", "writes"}, 8, 2, false, false},
		// The writer first; after the reader; announced before it has left.
		{"reader and writer", false, []string{"reads", "writes"}, 10, 3, false, false},
		{"a reader reads again", false, []string{"reads again", "writes"}, 9, 3, true, false},
		{"a reader reads again, no preference", true, []string{"reads again", "writes"}, 8, 2, false, false},
		{"two readers set a variable", false, []string{"reads and sets", "reads and sets"}, 4, 2, false, true},
		{"a reader and a writer set it", false, []string{"reads and sets", "writes"}, 6, 2, false, false},
	} {
		build := visitors(test.noPreference, test.does...)
		states := must(explore.States(system(t, build), explore.Options{Limit: 1000}))
		classes := must(explore.Exhaustive(system(t, build), explore.Options{Limit: 1000}))
		if states.States != test.states || classes.Runs != test.classes {
			t.Errorf("%s: %d states and %d classes, want %d and %d", test.name, states.States, classes.Runs, test.states, test.classes)
		}
		for _, r := range []*explore.Result{states, classes} {
			deadlock, race := r.Verdict(sim.NoDeadlock), r.Verdict(sim.NoDataRace)
			if (deadlock.Outcome == explore.Broken) != test.deadlock || (race.Outcome == explore.Broken) != test.race {
				t.Errorf("%s, %s: no-deadlock is %q and no-data-race %q; want broken %v and %v",
					test.name, r.Strategy, deadlock.Outcome, race.Outcome, test.deadlock, test.race)
			}
			if want := "A rlock; B lock"; test.deadlock && deadlock.Schedule.String() != want {
				t.Errorf("%s, %s: the deadlock's schedule is %v, want %s", test.name, r.Strategy, deadlock.Schedule, want)
			}
			if r.Verdict(sim.NoProgress).Outcome == explore.Broken {
				t.Errorf("%s, %s: no-progress is broken; a deadlock is not to be counted twice", test.name, r.Strategy)
			}
		}
	}
}

// Goal: a deadlock counts once, at the step that closes it, although another
// task may run on: steps after it would be counted else.
func TestDeadlockCountsOnce(t *testing.T) {
	r := must(explore.States(system(t, visitors(false, "reads again", "writes", "reads and sets")), explore.Options{Limit: 1000}))
	v := r.Verdict(sim.NoDeadlock)
	if v.Err == nil || strings.Count(v.Err.Error(), " holds ") != 2 {
		t.Fatalf("the deadlock is %v, want a circle of 2", v.Err)
	}
	// B announces itself while A reads, before C or after it.
	if v.Bad != 2 {
		t.Errorf("%d steps close a deadlock, want 2", v.Bad)
	}
}

// Goal: the samplers find data races, run by run, from the start on.
func TestWalksFindDataRaces(t *testing.T) {
	r := must(explore.Walks(system(t, visitors(false, "reads and sets", "reads and sets")), 1, explore.Options{Limit: 30, Workers: 2}))
	v := r.Verdict(sim.NoDataRace)
	var race *hook.RaceError
	if v.Bad != 30 || !errors.As(v.Err, &race) || race.Second.Step != 2 || len(v.Schedule) != 2 {
		t.Errorf("%d of 30 runs race, first by %v (%v); want all, in their second step", v.Bad, v.Schedule, v.Err)
	}
	r = must(explore.Walks(system(t, visitors(false, "reads and sets", "writes")), 1, explore.Options{Limit: 30}))
	if v := r.Verdict(sim.NoDataRace); v.Outcome != explore.Sampled {
		t.Errorf("under a lock no-data-race is %q: %v", v.Outcome, v.Err)
	}
}
