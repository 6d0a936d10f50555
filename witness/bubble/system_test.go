package bubble_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/bubble"
)

// sum claims that a counter, which goroutines report when they have ended, lost
// no update.
func sum(want int) *sim.Property {
	var ended int
	p := sim.NewProperty("no-lost-update", &ended)
	sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, n value) {
		if ended++; ended >= want {
			c.Assert(int(n) >= want, "%d threads counted to %v", want, n)
		}
	})
	return p
}

// value is a sim.Message: the counter.
type value int

func (value) Name() string     { return "counter" }
func (v value) String() string { return fmt.Sprint(int(v)) }

// lostUpdate is the program in which each thread reads a counter and writes it,
// in two steps.
func lostUpdate(threads int) bubble.Program { return lostUpdates(threads, threads) }

func lostUpdates(threads, want int) bubble.Program {
	return func(r *bubble.Run) func() {
		counter := 0
		for i := range threads {
			r.Go(fmt.Sprintf("T%d", i), func() {
				bubble.Park("read", nil)
				seen := counter
				bubble.Park("write", nil)
				counter = seen + 1
				r.Observe(sim.Act{Action: sim.Returned, Actor: r.Self(), Message: value(counter)})
			})
		}
		r.Watch(sum(want))
		return func() {}
	}
}

// The searches see a bubble as they see a world, but for what only a world can.
var _ explore.System = (*bubble.System)(nil)

// Goal: every strategy works on a bubble. Method: a program whose numbers of
// schedules and of bad ones are known. A bubble never calls two states one, and
// two steps always dependent, so classes are schedules.
func TestStrategies(t *testing.T) {
	for _, test := range []struct{ threads, schedules, bad int }{{2, 6, 4}, {3, 90, 84}} {
		sys := bubble.New(t, lostUpdate(test.threads))
		schedules, bad, ok := explore.CountSchedules(sys, "no-lost-update", 10_000)
		if int(schedules) != test.schedules || int(bad) != test.bad || !ok {
			t.Errorf("%d threads: %d schedules, %d bad, %v; want %d and %d", test.threads, schedules, bad, ok, test.schedules, test.bad)
		}
		o := explore.Options{Limit: 10_000, Workers: 4}
		r := must(explore.Exhaustive(sys, o))
		if r.Runs != test.schedules || r.Verdict("no-lost-update").Bad != test.bad || !r.Complete {
			t.Errorf("%d threads: exhaustive: %s, %d bad; want %d, %d bad", test.threads, r.Explored(), r.Verdict("no-lost-update").Bad, test.schedules, test.bad)
		}
		r = must(explore.States(sys, o))
		if v := r.Verdict("no-lost-update"); v.Bad != test.bad || !r.Complete || len(v.Schedule) != 2*test.threads {
			t.Errorf("%d threads: states: %s, %d bad, first %v; want %d bad", test.threads, r.Explored(), v.Bad, v.Schedule, test.bad)
		}
		o.Limit = 200
		for _, r := range []*explore.Result{must(explore.Walks(sys, 1, o)), must(explore.Uniform(sys, 1, o)), must(explore.PCT(sys, 1, 2, o))} {
			v := r.Verdict("no-lost-update")
			if v.Outcome != explore.Broken || v.Bad == o.Limit || len(v.Schedule) != 2*test.threads {
				t.Errorf("%d threads: %s: %d of %d runs bad, first %v; want some, not all", test.threads, r.Strategy, v.Bad, o.Limit, v.Schedule)
			}
			short := explore.Shrink(sys, v.Schedule, v.Property, 0)
			if short.Err == nil || short.Err.Error() != v.Err.Error() && test.threads == 2 {
				t.Errorf("%d threads: %s: shrunk to %v: %v, want %v", test.threads, r.Strategy, short.Schedule, short.Err, v.Err)
			}
		}
		sys.Close()
	}
}

// Goal: the schedule of a finding is that of the run which made it, for another
// run by the same choices may do something else. Method: a program that panics
// in one run only.
func TestScheduleIsOfItsRun(t *testing.T) {
	runs := 0
	sys := bubble.New(t, func(r *bubble.Run) func() {
		runs++
		r.Go("A", func() {
			bubble.Park("one", nil)
			if runs == 5 {
				panic("only once")
			}
			bubble.Park("two", nil)
		})
		return func() {}
	})
	defer sys.Close()
	v := must(explore.Walks(sys, 1, explore.Options{Limit: 10})).Verdict(sim.NoPanic)
	if v.Bad != 1 || v.Schedule.String() != "A one" {
		t.Errorf("%d of 10 runs panicked, by %q; want 1, by \"A one\"", v.Bad, v.Schedule)
	}
}

// Goal: a search in which no run put a property to the test says so.
func TestVacuous(t *testing.T) {
	sys := bubble.New(t, lostUpdates(2, 3))
	defer sys.Close()
	if got := must(explore.Walks(sys, 1, explore.Options{Limit: 10})).Verdict("no-lost-update").Outcome; got != explore.Vacuous {
		t.Errorf("a property that judges three threads is %q in runs of two, want %q", got, explore.Vacuous)
	}
}

// judged runs a program to its end, always the first that can go on, and
// returns all that broke.
func judged(t *testing.T, program bubble.Program) (broke []sim.Violation) {
	t.Helper()
	sys := bubble.New(t, program)
	defer sys.Close()
	for len(sys.Enabled()) > 0 {
		sys.Take(0)
		broke = append(broke, sys.Violations()...)
	}
	return broke
}

// Goal: time passes while nobody can go on, and only then.
func TestVirtualTime(t *testing.T) {
	var woke, worked time.Time
	var work time.Duration
	began := time.Now()
	broke := judged(t, func(r *bubble.Run) func() {
		r.Go("A", func() {
			bubble.Park("sleep", nil)
			time.Sleep(59 * time.Minute)
			woke = time.Now()
			bubble.Park("end", nil)
		})
		r.Go("B", func() {
			began := time.Now()
			for range 3 {
				bubble.Park("work", nil)
			}
			worked, work = time.Now(), time.Since(began)
		})
		return func() {}
	})
	if broke != nil {
		t.Errorf("a goroutine that sleeps for less than an hour broke %v", broke)
	}
	if work != 0 || woke.Sub(worked) != 59*time.Minute {
		t.Errorf("B worked for %v, and A woke %v later; want 0 and 59 minutes", work, woke.Sub(worked))
	}
	if real := time.Since(began); real > time.Minute {
		t.Errorf("59 virtual minutes took %v", real)
	}
}

// Goal: what never ends, and panics, are found and told.
func TestWhatGoesWrong(t *testing.T) {
	for _, test := range []struct {
		name, property, want string
		program              func()
	}{
		{"waits for ever", sim.NoProgress, "A waits for something that is no lock", func() {
			bubble.Park("wait", nil)
			<-make(chan int)
		}},
		{"panics", sim.NoPanic, "A panicked: no!", func() {
			bubble.Park("panic", nil)
			panic("no!")
		}},
	} {
		broke := judged(t, func(r *bubble.Run) func() {
			r.Go("A", test.program)
			return func() {}
		})
		if len(broke) != 1 || broke[0].Property != test.property || broke[0].Err.Error() != test.want {
			t.Errorf("a goroutine that %s broke %v; want %s: %s", test.name, broke, test.property, test.want)
		}
	}
}

// Goal: a goroutine that the code under test starts is known by what started
// it, and by its number among those.
func TestNamesOfGoroutines(t *testing.T) {
	sys := bubble.New(t, func(r *bubble.Run) func() {
		r.Go("A", func() {
			bubble.Park("start", nil)
			go started("work")
		})
		return func() {}
	})
	defer sys.Close()
	sys.Enabled()
	sys.Reset() // Names do not run on.
	sys.Take(0)
	// A has ended, and with it the run; what it started is not to be chosen.
	if got := fmt.Sprint(sys.Enabled()); got != "[]" {
		t.Errorf("after the end there is %s", got)
	}

	sys = bubble.New(t, func(r *bubble.Run) func() {
		r.Go("A", func() {
			bubble.Park("start", nil)
			for i := range 2 {
				go started(fmt.Sprint("work ", i))
			}
			bubble.Park("end", nil)
		})
		return func() {}
	})
	defer sys.Close()
	sys.Take(0)
	var got []string
	for _, e := range sys.Enabled() {
		got = append(got, fmt.Sprintf("%v (thread %d)", e, e.Thread))
	}
	want := "A end (thread 1), TestNamesOfGoroutines.func2.1(1) work 0 (thread 2), TestNamesOfGoroutines.func2.1(2) work 1 (thread 3)"
	if strings.Join(got, ", ") != want {
		t.Errorf("to be chosen: %s; want %s", strings.Join(got, ", "), want)
	}
}

func started(point string) { bubble.Park(point, nil) }

// Goal: what only a run can do is refused outside of one.
func TestOutsideARun(t *testing.T) {
	defer func() {
		if reason := fmt.Sprint(recover()); !strings.HasPrefix(reason, "bubble: a lock, or the network, is used outside a run") {
			t.Errorf("Park outside a run: %s", reason)
		}
	}()
	bubble.Park("anywhere", nil)
	t.Error(errors.New("Park outside a run returned"))
}

func must(r *explore.Result, err error) *explore.Result {
	if err != nil {
		panic(err)
	}
	return r
}
