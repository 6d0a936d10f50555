package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
)

// Goal: what a world remembers of a step is what the step does. Method: in the states of
// random programs, each step is foreseen and then taken, and checked: a step that does
// something else than it did from another state, in which all that it looks at was the
// same, is refused. So is one that looks at something and does not say so.
func TestForeseenStepsAreThoseTaken(t *testing.T) {
	const mostStates = 200
	foreseen := 0
	for seed := range uint64(*randomPrograms / 20) {
		r := rand.New(rand.NewPCG(seed, *randomSeed))
		p := newProgram(r)
		if seed%2 == 0 {
			p = newLoop(r)
		}
		n, err := foresee(p.build, mostStates)
		if err != nil && !refused(err) {
			t.Errorf("program %d of seed %d: %v%v", seed, *randomSeed, err, p)
		}
		foreseen += n
		tasks := [][]act{drawActs(r, 3, 2, nil), drawActs(r, 3, 2, nil)}
		var s *sea
		if n, err = foresee(seas(tasks, &s), mostStates); err != nil && !refused(err) {
			t.Errorf("functions %d of seed %d: %v%s", seed, *randomSeed, err, printActs(tasks))
		}
		foreseen += n
	}
	if foreseen < 10_000 {
		t.Errorf("%d steps were foreseen: the programs could not have failed", foreseen)
	}
}

// shelf is what a task of TestForeseenReaderClosesACircle locks: a lock that lets readers in
// while a writer waits, and a plain one.
type shelf struct {
	readers sim.RWMutex
	plain   sim.Mutex
	x       sim.Var[int]
}

type shelver struct {
	*shelf
	does string `sim:"config"`
	turn int
}

func (s *shelver) Run(t *sim.Task) {
	switch s.does {
	case "reads":
		s.readers.RLock(t.At("rlock"))
		t.Step("runlock")
		s.readers.RUnlock(t)
	case "writes":
		s.plain.Lock(t.At("lock"))
		s.readers.Lock(t.At("write"))
		s.readers.Unlock(t)
		s.plain.Unlock(t)
	case "reads and locks":
		s.readers.RLock(t.At("rlock"))
		s.plain.Lock(t.At("lock"))
		s.plain.Unlock(t)
		s.readers.RUnlock(t)
	case "counts":
		for s.turn = 0; s.turn < 3; s.turn++ {
			t.Step("count")
			s.x.Set(t, s.x.Get(t)+1)
		}
	}
}

// Goal: a step that comes to a lock is foreseen only if it closes no circle. Method: a reader
// comes in while a writer waits for another one, and then waits for the writer's other lock.
// No random program has that.
func TestForeseenReaderClosesACircle(t *testing.T) {
	n, err := foresee(func() *sim.World {
		s := &shelf{}
		s.readers.NoPreference = true
		w := sim.NewWorld()
		w.Share("s", s)
		for i, does := range []string{"reads", "writes", "reads and locks", "counts"} {
			w.GoProgram(string(rune('A'+i)), &shelver{shelf: s, does: does})
		}
		return w
	}, 1000)
	if err != nil || n < 100 {
		t.Errorf("%d steps were foreseen, and %v", n, err)
	}
}

// refused says whether a program breaks a rule, whatever is remembered.
func refused(err error) bool {
	return strings.HasPrefix(err.Error(), "sim: ") && !strings.Contains(err.Error(), "all that it looks at")
}

// foresee compares the steps out of the first states of a world with what was foreseen
// of them, and says how many were.
func foresee(build func() *sim.World, mostStates int) (n int, err error) {
	defer sim.RecoverModelError(&err)
	w, err := NewWorlds(build)
	if err != nil {
		return 0, nil
	}
	defer w.Close()
	ofSteps := uint64(0)  // properties that a step tests by itself, wherever it leads
	ofEverys := uint64(0) // those of them that every step does
	for i, name := range w.Properties() {
		switch name {
		case sim.NoDeadlock, sim.NoProgress:
		case sim.NoPanic, sim.NoDataRace, sim.NodeInvariants:
			ofEverys |= 1 << i
			fallthrough
		default:
			ofSteps |= 1 << i
		}
	}
	seen := map[uint64]bool{w.Fingerprint(): true}
	for queue := []any{w.Save()}; len(queue) > 0 && len(seen) < mostStates; queue = queue[1:] {
		w.Load(queue[0])
		for i := range w.Enabled() {
			w.Load(queue[0])
			prospect := w.Foresee(true, false)[i]
			var leap any
			leaps := false
			if prospect.Known {
				leap, leaps = w.Leap(i)
				w.Tell(i)
			}
			accesses, putOff, tested, broke := slices.Clone(w.Accesses()), slices.Clone(w.PutOff()), w.Tested(), properties(w.Violations())
			if err := w.CheckStep(i); err != nil {
				return n, err
			}
			is, broken, next := w.Fingerprint(), properties(w.Violations()), slices.Clone(w.Enabled())
			if !seen[is] {
				seen[is], queue = true, append(queue, w.Save())
			}
			w.Load(queue[0])
			if w.Take(i); w.Fingerprint() != is || !slices.Equal(properties(w.Violations()), broken) ||
				!slices.EqualFunc(w.Enabled(), next, sameEvent) {
				return n, &sim.ModelError{Reason: "it is not what it is remembered as"}
			}
			if !prospect.Known {
				continue
			}
			n++
			switch {
			case is != prospect.Fingerprint || w.Rest() != prospect.Rest:
				return n, &sim.ModelError{Reason: "it leads elsewhere"}
			case !slices.Equal(accesses, w.Accesses()) || !slices.Equal(putOff, w.PutOff()):
				return n, &sim.ModelError{Reason: "it touches other objects"}
			case prospect.Quiet != (len(putOff) == 0 && len(broke) == 0 && !slices.ContainsFunc(accesses, func(a Access) bool { return a.Kind == Data })):
				return n, &sim.ModelError{Reason: "it is not as quiet"}
			case ((prospect.Tested|ofEverys)^w.Tested())&ofSteps != 0:
				return n, &sim.ModelError{Reason: "it tests something else"}
			case isEnd(w):
				if leaps {
					return n, &sim.ModelError{Reason: "the run ends there"}
				}
				// What the state as a whole breaks is not foreseen.
			case (tested^w.Tested())&ofSteps != 0 || !slices.Equal(broke, properties(w.Violations())):
				return n, &sim.ModelError{Reason: "it is judged differently"}
			}
			if leaps {
				fields, events := w.Fields(), slices.Clone(w.Enabled())
				if w.Load(w.Land(queue[0], leap)); !slices.Equal(w.Fields(), fields) || !slices.EqualFunc(w.Enabled(), events, sameEvent) {
					return n, &sim.ModelError{Reason: "a leap leads elsewhere"}
				}
			}
		}
	}
	return n, nil
}

// blind is worlds that foresee nothing.
type blind struct{ *Worlds }

func (b blind) Foresee(bool, bool) []Prospect { return make([]Prospect, len(b.Enabled())) }

// Goal: a search that foresees steps finds what one finds that takes them all: as many
// breaks, and the same schedules. In some programs it takes tasks that are alike for each other.
func TestForeseeingChangesNothing(t *testing.T) {
	orbits, stuck, closed := 0, 0, 0
	for seed := range uint64(*randomPrograms / 10) {
		p := newProgram(rand.New(rand.NewPCG(seed, *randomSeed)))
		alike := seed%3 == 0
		if alike {
			p.like, p.timing = 2, nil
			p.tasks = append(p.tasks[:1:1], p.tasks...)
		}
		find := func(sys System) *Result {
			r, err := States(sys, Options{Limit: 2000, Workers: 1, trusting: true, Symmetry: alike})
			if err != nil {
				return nil
			}
			r.Memory = 0
			return r
		}
		a, b := p.system(), p.system()
		with, without := find(a), find(blind{b})
		a.Close()
		b.Close()
		if with == nil || without == nil {
			continue // It is refused.
		}
		if got, want := fmt.Sprint(with.Verdicts, with.Levels, with.Transitions), fmt.Sprint(without.Verdicts, without.Levels, without.Transitions); got != want {
			t.Errorf("program %d of seed %d: foreseen %s, taken %s%v", seed, *randomSeed, got, want, p)
		}
		if alike {
			orbits++
		}
		if with.Verdict(sim.NoProgress).Bad > 0 {
			stuck++
		}
		if with.Verdict(sim.NoDeadlock).Bad > 0 {
			closed++
		}
	}
	if t.Log(orbits, stuck, closed); orbits < 100 || stuck < 50 || closed < 3 { // Of 1,000 programs some 330, 180 and 10.
		t.Errorf("%d programs have alike tasks, %d get stuck and %d have deadlocks: too few", orbits, stuck, closed)
	}
}

func sameEvent(a, b sim.Event) bool { return a.Actor == b.Actor && a.Label == b.Label }

func properties(violations []sim.Violation) (names []string) {
	for _, v := range violations {
		names = append(names, v.Property)
	}
	return names
}

// Goal: that a lock was not held at an access is known where the step is remembered, too.
// Method: A and B ask for a lock, write whether they got it or not, and keep nothing of
// that. Each write is first taken where its task has the lock.
func TestARememberedAccessWithoutItsLock(t *testing.T) {
	sys, err := NewWorlds(func() *sim.World {
		w, s := sim.NewWorld(), &asked{}
		w.Share("s", s)
		w.GoProgram("A", &asker{of: s, waits: 4})
		w.GoProgram("M", &asker{waits: 3})
		w.GoProgram("B", &asker{of: s})
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	got := "" // Before schedules are looked for, which takes steps again.
	must(States(sys, Options{Limit: 10_000, Workers: 1, trusting: true, atEnd: func(System) { got = sys.Unordered() }}))
	if want := "a TryLock that fails"; got != want {
		t.Errorf("what keeps steps apart is %q, want %q: each write seems to be under the lock", got, want)
	}
}

type asked struct {
	lock  sim.Mutex
	value sim.Var[int]
}

// asker waits, asks for the lock and writes.
type asker struct {
	of    *asked
	waits int `sim:"config"`
	at    int
}

func (a *asker) Run(t *sim.Task) {
	for a.at = 0; a.at < a.waits; a.at++ {
		t.Step("wait")
	}
	if a.of == nil {
		return
	}
	t.Step("ask")
	a.of.lock.TryLock(t)
	t.Step("write")
	a.of.value.Set(t, 0)
}
