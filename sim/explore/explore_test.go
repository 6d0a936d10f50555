package explore_test

import (
	"fmt"
	"slices"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
)

// lost is LOST(N): each of N threads does r = c, then c = r + 1. If told so, it
// panics when it is about to overwrite an update that it has not seen.
type lost struct {
	c      *sim.Var[int]
	panics bool `sim:"config"`
	r      int
}

func (l *lost) Run(t *sim.Task) {
	t.Step("read")
	l.r = l.c.Get(t)
	t.Step("write")
	if l.panics && l.c.Get(t) != l.r {
		panic("an update is lost")
	}
	l.c.Set(t, l.r+1)
}

type counter struct{ c sim.Var[int] }

func lostUpdate(threads int, panics bool) func() *sim.World {
	return func() *sim.World {
		w := sim.NewWorld()
		shared := &counter{}
		w.Share("shared", shared)
		for i := range threads {
			w.GoProgram(fmt.Sprintf("T%d", i), &lost{c: &shared.c, panics: panics})
		}
		return w
	}
}

func system(t *testing.T, build func() *sim.World) *explore.Worlds {
	t.Helper()
	sys, err := explore.NewWorlds(build)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sys.Close)
	return sys
}

// The numbers of states are known: see the table of LOST(N).
func TestStatesOfLostUpdate(t *testing.T) {
	for _, test := range []struct{ threads, states int }{{2, 13}, {3, 84}, {4, 755}} {
		r := must(explore.States(system(t, lostUpdate(test.threads, false)), explore.Options{Limit: 10_000}))
		if r.States != test.states || !r.Complete {
			t.Errorf("LOST %d: %d states, complete %v; want %d, all", test.threads, r.States, r.Complete, test.states)
		}
	}
}

func must(r *explore.Result, err error) *explore.Result {
	if err != nil {
		panic(err)
	}
	return r
}

// all enumerates every schedule of a system by brute force.
func all(sys explore.System, visit func(path []int, broke []sim.Violation)) {
	var from func(path []int, broke []sim.Violation)
	from = func(path []int, broke []sim.Violation) {
		sys.Reset()
		for _, i := range path {
			sys.Take(i)
		}
		n := len(sys.Enabled())
		if n == 0 {
			visit(path, broke)
			return
		}
		for i := range n {
			sys.Reset()
			for _, i := range path {
				sys.Take(i)
			}
			sys.Take(i)
			from(append(slices.Clone(path), i), append(slices.Clone(broke), sys.Violations()...))
		}
	}
	from(nil, nil)
}

func TestBruteForceCountsInterleavings(t *testing.T) {
	n := 0
	all(system(t, lostUpdate(3, false)), func([]int, []sim.Violation) { n++ })
	if n != 90 {
		t.Errorf("LOST 3: %d interleavings, want 90", n)
	}
}

// twice is a lock taken in one order by one task and in the other by another.
type twice struct{ first, second *sim.Mutex }

func (d *twice) Run(t *sim.Task) {
	t.Step("start")
	d.first.Lock(t.At("first"))
	d.second.Lock(t.At("second"))
	d.second.Unlock(t)
	d.first.Unlock(t)
}

type locks struct{ a, b sim.Mutex }

func embrace(opposite bool) func() *sim.World {
	return func() *sim.World {
		w := sim.NewWorld()
		l := &locks{}
		w.Share("l", l)
		w.GoProgram("A", &twice{&l.a, &l.b})
		if opposite {
			w.GoProgram("B", &twice{&l.b, &l.a})
		} else {
			w.GoProgram("B", &twice{&l.a, &l.b})
		}
		return w
	}
}

// The schedule of States has the fewest steps and, among those, the fewest
// switches: compared with all schedules there are.
func TestStatesFindsTheShortestWithTheFewestSwitches(t *testing.T) {
	sys := system(t, embrace(true))
	best, switches := -1, -1
	all(sys, func(path []int, broke []sim.Violation) {
		if broke == nil {
			return
		}
		sys.Reset()
		n, place := 0, 0
		for _, i := range path {
			if p := sys.Enabled()[i].Place; p != place && place != 0 {
				n++
			}
			place = sys.Enabled()[i].Place
			sys.Take(i)
		}
		if best < 0 || len(path) < best || len(path) == best && n < switches {
			best, switches = len(path), n
		}
	})
	v := must(explore.States(sys, explore.Options{Limit: 1000})).Verdict(sim.NoDeadlock)
	n := 0
	for i := 1; i < len(v.Schedule); i++ {
		if v.Schedule[i].Actor != v.Schedule[i-1].Actor {
			n++
		}
	}
	if len(v.Schedule) != best || n != switches {
		t.Errorf("schedule %v: %d steps, %d switches; the best of all has %d and %d", v.Schedule, len(v.Schedule), n, best, switches)
	}
}

func TestVerdicts(t *testing.T) {
	outcome := func(build func() *sim.World, budget explore.Options) explore.Outcome {
		return must(explore.States(system(t, build), budget)).Verdict(sim.NoDeadlock).Outcome
	}
	alone := func() *sim.World {
		w := sim.NewWorld()
		l := &locks{}
		w.Share("l", l)
		w.GoProgram("A", &twice{&l.a, &l.b})
		return w
	}
	for _, test := range []struct {
		name string
		got  explore.Outcome
		want explore.Outcome
	}{
		{"opposite order", outcome(embrace(true), explore.Options{Limit: 1000}), explore.Broken},
		{"same order", outcome(embrace(false), explore.Options{Limit: 1000}), explore.Exhausted},
		{"nobody to wait for", outcome(alone, explore.Options{Limit: 1000}), explore.Vacuous},
		{"budget too small", outcome(embrace(false), explore.Options{Limit: 6}), explore.Unfinished},
		{"walks, same order", must(explore.Walks(system(t, embrace(false)), 1, explore.Options{Limit: 50})).Verdict(sim.NoDeadlock).Outcome, explore.Sampled},
		{"walks, opposite order", must(explore.Walks(system(t, embrace(true)), 1, explore.Options{Limit: 50})).Verdict(sim.NoDeadlock).Outcome, explore.Broken},
	} {
		if test.got != test.want {
			t.Errorf("%s: %s, want %s", test.name, test.got, test.want)
		}
	}
}

// The culprit is checked by brute force: every schedule that keeps its orders
// breaks, and without any one of them some schedule does not.
func TestCulpritForcesTheBreak(t *testing.T) {
	sys := system(t, lostUpdate(2, true))
	v := must(explore.States(sys, explore.Options{Limit: 1000})).Verdict(sim.NoPanic)
	culprit := explore.FindCulprit(sys, v.Schedule, sim.NoPanic)
	if culprit == nil {
		t.Fatal("no culprit found")
	}
	forced := func(orders []explore.Order) bool {
		kept, broken := 0, 0
		all(sys, func(path []int, broke []sim.Violation) {
			var schedule sim.Schedule
			sys.Reset()
			for _, i := range path {
				schedule = schedule.Add(sys.Enabled()[i])
				sys.Take(i)
			}
			for _, o := range orders {
				later := slices.Index(schedule, o.Later)
				if earlier := slices.Index(schedule, o.Earlier); later >= 0 && (earlier < 0 || earlier > later) {
					return
				}
			}
			kept++
			if slices.ContainsFunc(broke, func(v sim.Violation) bool { return v.Property == sim.NoPanic }) {
				broken++
			}
		})
		return kept > 0 && kept == broken
	}
	if !forced(culprit.Orders) {
		t.Errorf("the orders %v do not force the break", culprit.Orders)
	}
	for i := range culprit.Orders {
		if fewer := slices.Delete(slices.Clone(culprit.Orders), i, i+1); forced(fewer) {
			t.Errorf("the order %v is not needed", culprit.Orders[i])
		}
	}
}

// What was checked is one state or several.
func TestCulpritCountsItsStates(t *testing.T) {
	order := explore.Order{}
	for _, test := range []struct {
		culprit explore.Culprit
		want    string
	}{
		{explore.Culprit{States: 1}, "every run breaks it: it needs no order of steps (checked in the one state)"},
		{explore.Culprit{States: 1, Orders: []explore.Order{order}}, "any run with this order breaks it (checked in the one state that keeps it):"},
		{explore.Culprit{States: 1, Orders: []explore.Order{order, order}}, "any run with these 2 orders breaks it (checked in the one state that keeps them):"},
		{explore.Culprit{States: 1200, Orders: []explore.Order{order, order}}, "any run with these 2 orders breaks it (checked in all 1,200 states that keep them):"},
	} {
		if got := test.culprit.Sentences()[0]; got != test.want {
			t.Errorf("%d orders, %d states: %q, want %q", len(test.culprit.Orders), test.culprit.States, got, test.want)
		}
	}
}

func TestScriptKeepsItsOrdersOrSaysSo(t *testing.T) {
	for _, test := range []struct {
		text          string
		gaveWay, left int
	}{
		{"B first before A second", 0, 1}, // It deadlocks, so A second never happens.
		{"A first before B start", 0, 0},
		{"A second before A first", 1, 0},
		{"A nowhere before B start", 1, 0},
		{"A first before B nowhere", 0, 1},
	} {
		orders, err := explore.ParseOrders(test.text)
		if err != nil {
			t.Fatal(err)
		}
		script := explore.NewScript(orders...)
		w := embrace(true)()
		if _, err := sim.Run(w, script); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if len(script.GaveWay) != test.gaveWay || len(script.Unmet()) != test.left {
			t.Errorf("%s: gave way %v, unmet %v; want %d and %d", test.text, script.GaveWay, script.Unmet(), test.gaveWay, test.left)
		}
	}
}

// Goal: when all is held up, the script's first order gives way, whichever event
// comes first in the world.
func TestTheFirstOrderGivesWay(t *testing.T) {
	orders, err := explore.ParseOrders("A nowhere before B start\nB nowhere before A start")
	if err != nil {
		t.Fatal(err)
	}
	script := explore.NewScript(orders...)
	w := embrace(true)()
	defer w.Close()
	if names := fmt.Sprint(explore.Of(w).Enabled()[0], ", ", explore.Of(w).Enabled()[1]); names != "A start, B start" {
		t.Fatalf("the world begins with %s", names)
	}
	if _, err := script.Choose(explore.Of(w).Enabled()); err != nil || len(script.GaveWay) != 1 || script.GaveWay[0] != orders[0] {
		t.Errorf("%v gave way (%v), want %v", script.GaveWay, err, orders[0])
	}
}

// Goal: how many coroutines a task keeps for jumps changes nothing. Method: the
// counts with 1 and with 64.
func TestCountsDoNotDependOnCoroutines(t *testing.T) {
	for _, build := range []func() *sim.World{lostUpdate(4, true), embrace(true)} {
		var counts []string
		for _, n := range []int{1, 64} {
			sys := system(t, build)
			sys.SetMaxCoroutines(n)
			states := must(explore.States(sys, explore.Options{Limit: 100_000, Workers: 1}))
			classes := must(explore.Exhaustive(sys, explore.Options{Limit: 100_000}))
			counts = append(counts, fmt.Sprint(states.States, states.Transitions, classes.Runs, classes.Redundant))
		}
		if counts[0] != counts[1] {
			t.Errorf("with 1 and 64 coroutines: %v, want the same", counts)
		}
	}
}

// local is a task that carries something across a point outside its State.
type local struct{ x *sim.Var[int] }

func (l *local) Run(t *sim.Task) {
	t.Step("a")
	carried := l.x.Get(t)
	t.Step("b")
	l.x.Set(t, carried+1)
}

// Goal: a search of such a model ends with the fault, not with a verdict.
func TestSearchesCheckTheModel(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		shared := &counter{}
		w.Share("shared", shared)
		for i := range 3 {
			w.GoProgram(fmt.Sprintf("T%d", i), &local{&shared.c})
		}
		return w
	}
	if _, err := explore.States(system(t, build), explore.Options{Limit: 100_000}); err == nil {
		t.Error("the search found no fault")
	}
}

// waiter asks again and again whether somebody has set the flag.
type waiter struct{ set *sim.Var[int] }

func (w *waiter) Run(t *sim.Task) {
	t.Step("ask")
	for w.set.Get(t) == 0 {
		t.Step("ask again")
	}
}

// setter sets it.
type setter struct{ set *sim.Var[int] }

func (s *setter) Run(t *sim.Task) {
	t.Step("set")
	s.set.Set(t, 1)
}

// Goal: a run that goes on for ever is told from one that only was not let end.
func TestEndsWhenFair(t *testing.T) {
	build := func(set bool) func() *sim.World {
		return func() *sim.World {
			w := sim.NewWorld()
			shared := &counter{}
			w.Share("shared", shared)
			w.GoProgram("waiter", &waiter{&shared.c})
			if set {
				w.GoProgram("setter", &setter{&shared.c})
			}
			return w
		}
	}
	// Of random priorities, every other run starves the setter until it is fair.
	for _, test := range []struct {
		set  bool
		want explore.Outcome
	}{{true, explore.Sampled}, {false, explore.Broken}} {
		r := must(explore.PCT(system(t, build(test.set)), 1, 1, explore.Options{Limit: 20, Workers: 1}))
		if got := r.Verdict(explore.EndsWhenFair).Outcome; got != test.want {
			t.Errorf("with a setter: %v: %s, want %s (%v)", test.set, got, test.want, r.Verdict(explore.EndsWhenFair).Err)
		}
	}
}
