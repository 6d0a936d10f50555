// Package simtest holds what tests of a model need: Check, which searches a world and
// fails the test with a picture of what breaks; Broken, which makes one run; schedules
// drawn by rapid; and the checks that every model must pass.
package simtest

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"racelab/sim"
	"racelab/sim/explore"
)

// Drawn is a Chooser whose choices rapid draws, so that rapid shrinks them.
type Drawn struct{ t *rapid.T }

// NewDrawn returns the Chooser of one rapid test case.
func NewDrawn(t *rapid.T) Drawn { return Drawn{t} }

func (d Drawn) Choose(enabled []sim.Event) (int, error) {
	if len(enabled) == 1 {
		return 0, nil
	}
	return rapid.IntRange(0, len(enabled)-1).Draw(d.t, "choice"), nil
}

// Broken runs the world to its end and returns what broke, first things first.
func Broken(w *sim.World, c sim.Chooser) (broken []sim.Violation, schedule sim.Schedule) {
	defer w.Close()
	n := &noting{Chooser: c, world: w, count: map[sim.Step]int{}}
	ending, err := sim.Run(w, n)
	if err != nil {
		panic(err)
	}
	if ending != sim.ScheduleEnded { // Else the last step was noted.
		n.note()
	}
	return n.broken, n.schedule
}

// noting notes what a run takes and breaks. It makes no trace, which takes longer than
// the run.
type noting struct {
	sim.Chooser
	world    *sim.World
	broken   []sim.Violation
	schedule sim.Schedule
	count    map[sim.Step]int // of each event, without its occurrence
}

func (n *noting) note() { n.broken = append(n.broken, n.world.Violations()...) }

func (n *noting) Choose(enabled []sim.Event) (int, error) {
	n.note()
	i, err := n.Chooser.Choose(enabled)
	if err == nil {
		// Schedule.Add looks through all that came before, and runs are long.
		step := sim.Step{Actor: enabled[i].Actor, Label: enabled[i].Label}
		n.count[step]++
		step.Occurrence = n.count[step]
		n.schedule = append(n.schedule, step)
	}
	return i, err
}

// PlayAgain plays the schedule of a broken verdict in a new world, which has to break it
// again. It is not asked of a data race, whose two steps are next at the schedule's end
// and which a run shows later, nor of what repeats for ever: a search goes round that
// itself.
func PlayAgain(w *sim.World, v *explore.Verdict) error {
	if v.Outcome != explore.Broken || v.Property == sim.NoDataRace || v.Round > 0 {
		w.Close()
		return nil
	}
	broken, _ := Broken(w, sim.NewReplay(v.Schedule))
	if slices.ContainsFunc(broken, func(b sim.Violation) bool { return b.Property == v.Property && b.Err.Error() == v.Err.Error() }) {
		return nil
	}
	return fmt.Errorf("the schedule for %s breaks %v: %v", v.Property, broken, v.Schedule)
}

// States searches all states of a world, with properties of the test's own besides
// the world's.
func States(t *testing.T, build func() *sim.World, o explore.Options, own ...func() *sim.Property) *explore.Result {
	t.Helper()
	sys, err := explore.NewWorlds(func() *sim.World {
		w := build()
		for _, p := range own {
			w.Watch(p())
		}
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	result, err := explore.States(sys, o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// Must is for a search whose error ends the test: Must(explore.States(sys, o)).
func Must(r *explore.Result, err error) *explore.Result {
	if err != nil {
		panic(err)
	}
	return r
}

// Case is how to build a world and who chooses in it, drawn by rapid.
type Case func(t *rapid.T) (build func() *sim.World, c sim.Chooser)

// Holds checks that no drawn case breaks anything. Of one that does, rapid
// shrinks the draws, and what is left of its schedule is shrunk to the shortest.
func Holds(t *testing.T, c Case) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		build, chooser := c(rt)
		if broken, schedule := Broken(build(), chooser); broken != nil {
			rt.Fatalf("%s: %v (schedule: %v)", broken[0].Property, broken[0].Err, shortest(build, schedule, broken[0].Property))
		}
	})
}

// shrinkStates bounds the search for a shortest schedule.
const shrinkStates = 10_000

func shortest(build func() *sim.World, schedule sim.Schedule, property string) sim.Schedule {
	sys, err := explore.NewWorlds(build)
	if err != nil {
		panic(err)
	}
	defer sys.Close()
	return explore.Shrink(sys, schedule, property, shrinkStates).Schedule
}

// Finds checks that one of the first n drawn cases breaks the property, and
// logs which, with its schedule shrunk to the shortest.
func Finds(t *testing.T, property string, n int, c Case) {
	t.Helper()
	run := rapid.Custom(func(rt *rapid.T) sim.Schedule {
		build, chooser := c(rt)
		broken, schedule := Broken(build(), chooser)
		if !slices.ContainsFunc(broken, func(v sim.Violation) bool { return v.Property == property }) {
			return nil
		}
		return shortest(build, schedule, property)
	})
	for i := range n {
		if schedule := run.Example(i); schedule != nil {
			t.Logf("draw %d breaks %s: %v", i, property, schedule)
			return
		}
	}
	t.Errorf("none of %d drawn cases breaks %s: the test could not tell a fix from the race", n, property)
}

// Wired checks that in random runs of the world what is declared fixed does not
// change.
func Wired(t *testing.T, build func() *sim.World) {
	t.Helper()
	for seed := range uint64(20) {
		w := build()
		wiring := explore.Of(w).Wiring()
		if _, err := sim.Run(w, sim.NewWalk(seed)); err != nil {
			t.Fatal(err)
		}
		if difference := explore.FirstDifference(wiring, explore.Of(w).Wiring()); difference != "" {
			t.Fatalf("wiring changed during a run: %s", difference)
		}
		w.Close()
	}
}

// Main is what TestMain calls. It makes rapid draw the same cases in each run of a
// test binary and leave no files behind; RAPID_SEED, if it is set, is the seed. And it
// gives the garbage collector room, unless GOGC says how much: tests build many small
// worlds, and would collect after each few of them.
func Main(m *testing.M) {
	seed := os.Getenv("RAPID_SEED")
	if seed == "" {
		seed = "1"
	}
	for _, setting := range [][2]string{{"rapid.seed", seed}, {"rapid.nofailfile", "true"}} {
		if err := flag.Set(setting[0], setting[1]); err != nil {
			panic("simtest: " + err.Error())
		}
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}
