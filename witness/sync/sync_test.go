package sync_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/bubble"
	"racelab/witness/sync"
)

// actors makes a program of goroutines A, B, ...
func actors(make func() []func()) bubble.Program {
	return func(r *bubble.Run) func() {
		for i, f := range make() {
			r.Go(string(rune('A'+i)), f)
		}
		return func() {}
	}
}

func lock(m *sync.Mutex)    { m.Lock() }
func unlock(m *sync.Mutex)  { m.Unlock() }
func wlock(m *sync.RWMutex) { m.Lock() }
func rlock(m *sync.RWMutex) { m.RLock() }

func locks(m *sync.Mutex) func()   { return func() { lock(m); unlock(m) } }
func reads(m *sync.RWMutex) func() { return func() { rlock(m); m.RUnlock() } }
func readsAgain(m *sync.RWMutex) func() {
	return func() { rlock(m); rlock(m); m.RUnlock(); m.RUnlock() }
}
func writes(m *sync.RWMutex) func() { return func() { wlock(m); m.Unlock() } }

// Goal: the locks let in whom Go's let in. Method: all schedules, whose number
// follows from that; and deadlocks that only the preference of writers closes.
func TestAllSchedules(t *testing.T) {
	for _, test := range []struct {
		name      string
		program   bubble.Program
		schedules int
		deadlocks int
	}{
		// One after the other, either first.
		{"two lock", actors(func() []func() { var m sync.Mutex; return []func(){locks(&m), locks(&m)} }), 2, 0},
		{"three lock", actors(func() []func() { var m sync.Mutex; return []func(){locks(&m), locks(&m), locks(&m)} }), 6, 0},
		// Any order of lock, unlock; lock, unlock: 4!/(2! 2!).
		{"two locks", actors(func() []func() { var m, n sync.Mutex; return []func(){locks(&m), locks(&n)} }), 6, 0},
		{"two read", actors(func() []func() { var m sync.RWMutex; return []func(){reads(&m), reads(&m)} }), 6, 0},
		{"two write", actors(func() []func() { var m sync.RWMutex; return []func(){writes(&m), writes(&m)} }), 2, 0},
		// The writer first; after the reader; announced before it has left.
		{"one reads, one writes", actors(func() []func() { var m sync.RWMutex; return []func(){reads(&m), writes(&m)} }), 3, 0},
		// The writer first, or announced after one, two, three or all of the reader's steps.
		{"one reads again, one writes", actors(func() []func() { var m sync.RWMutex; return []func(){readsAgain(&m), writes(&m)} }), 5, 1},
		// Deadlocked if each takes its first lock first. Else the second to come does
		// so after the other has released one lock, or both.
		{"two locks crosswise", actors(func() []func() {
			var m, n sync.Mutex
			return []func(){func() { lock(&m); lock(&n); unlock(&n); unlock(&m) }, func() { lock(&n); lock(&m); unlock(&m); unlock(&n) }}
		}), 6, 2},
	} {
		sys := bubble.New(t, test.program)
		schedules, deadlocks, ok := explore.CountSchedules(sys, sim.NoDeadlock, 1000)
		if int(schedules) != test.schedules || int(deadlocks) != test.deadlocks || !ok {
			t.Errorf("%s: %d schedules, %d deadlocked, %v; want %d, %d", test.name, schedules, deadlocks, ok, test.schedules, test.deadlocks)
		}
		r := must(explore.Exhaustive(sys, explore.Options{Limit: 1000}))
		if stuck := r.Verdict(sim.NoProgress).Bad; r.Runs != test.schedules || stuck > 0 {
			t.Errorf("%s: exhaustive: %s, %d of them stuck; want %d, 0", test.name, r.Explored(), stuck, test.schedules)
		}
		sys.Close()
	}
}

// takes runs a program by a schedule.
func takes(t *testing.T, program bubble.Program, schedule string) *bubble.System {
	t.Helper()
	s, err := sim.ParseSchedule(schedule)
	if err != nil {
		t.Fatal(err)
	}
	sys := bubble.New(t, program)
	t.Cleanup(sys.Close)
	replay := sim.NewReplay(s)
	for range s {
		i, err := replay.Choose(sys.Enabled())
		if err != nil {
			t.Fatal(err)
		}
		sys.Take(i)
	}
	return sys
}

// Goal: a lock that was released goes to whoever is chosen, not to whoever
// waited longest.
func TestMutexBarges(t *testing.T) {
	program := actors(func() []func() {
		var m sync.Mutex
		return []func(){func() { lock(&m); unlock(&m); lock(&m); unlock(&m) }, locks(&m)}
	})
	takes(t, program, "A lock Lock m; A unlock Unlock m; A lock Lock m#2; A unlock Unlock m#2")
}

// Goal: a deadlock is named: who holds and wants what, and where.
func TestDeadlockIsNamed(t *testing.T) {
	program := actors(func() []func() { var m sync.RWMutex; return []func(){readsAgain(&m), writes(&m)} })
	sys := takes(t, program, "A rlock RLock m; B wlock Lock m")
	broke := sys.Violations()
	var deadlock *sim.DeadlockError
	if len(broke) != 1 || !errors.As(broke[0].Err, &deadlock) {
		t.Fatalf("it broke %v, want a deadlock", broke)
	}
	want := `A holds m for reading and wants m for reading (before "rlock RLock m"); ` +
		`B holds m as its next writer and wants m for writing (before "wlock Lock m (readers leave)")`
	if got := deadlock.Error(); got != want {
		t.Errorf("it is called %s; want %s", got, want)
	}
	var blocked []string
	for _, b := range sys.Blocked() {
		blocked = append(blocked, b.Event.String())
	}
	if got := strings.Join(blocked, ", "); got != "A rlock RLock m, B wlock Lock m (readers leave)" || len(sys.Enabled()) > 0 {
		t.Errorf("blocked: %s; enabled: %v; want both blocked", got, sys.Enabled())
	}
}

// Goal: of two locks that the source calls the same, a deadlock says which, and
// an event does not.
func TestLocksOfOneName(t *testing.T) {
	sys := takes(t, actors(func() []func() {
		var m, n sync.Mutex
		return []func(){func() { lock(&m); lock(&n) }, func() { lock(&n); lock(&m) }}
	}), "A lock Lock m; B lock Lock m")
	broke := sys.Violations()
	want := `A holds m and wants m(2) (before "lock Lock m"); B holds m(2) and wants m (before "lock Lock m")`
	if len(broke) != 1 || broke[0].Err.Error() != want {
		t.Errorf("it broke %v; want %s", broke, want)
	}
}

// Goal: a search in which nobody had to wait for a lock could not have found a
// deadlock, and says so.
func TestDeadlockIsExercised(t *testing.T) {
	for _, test := range []struct {
		name    string
		program bubble.Program
		want    explore.Outcome
	}{
		{"one lock", actors(func() []func() { var m sync.Mutex; return []func(){locks(&m), locks(&m)} }), explore.Exhausted},
		{"two locks", actors(func() []func() { var m, n sync.Mutex; return []func(){locks(&m), locks(&n)} }), explore.Vacuous},
	} {
		sys := bubble.New(t, test.program)
		if got := must(explore.Exhaustive(sys, explore.Options{Limit: 1000})).Verdict(sim.NoDeadlock).Outcome; got != test.want {
			t.Errorf("two goroutines and %s: no-deadlock is %q, want %q", test.name, got, test.want)
		}
		sys.Close()
	}
}

// Goal: what must not happen panics, as Go's does.
func TestMisuse(t *testing.T) {
	for _, test := range []struct {
		name, want string
		misuse     func()
	}{
		{"Mutex.Unlock", "sync: unlock of unlocked mutex", func() { var m sync.Mutex; m.Unlock() }},
		{"RWMutex.Unlock", "sync: Unlock of unlocked RWMutex", func() { var m sync.RWMutex; m.Unlock() }},
		{"RWMutex.RUnlock", "sync: RUnlock of unlocked RWMutex", func() { var m sync.RWMutex; m.RUnlock() }},
	} {
		sys := bubble.New(t, actors(func() []func() { return []func(){test.misuse} }))
		sys.Take(0)
		if broke := fmt.Sprint(sys.Violations()); !strings.Contains(broke, test.want) {
			t.Errorf("%s of an unlocked lock broke %s, want a panic: %s", test.name, broke, test.want)
		}
		sys.Close()
	}
}

// Goal: what the rest of the package promises holds in all schedules. Method:
// a goroutine panics where it does not.
func TestPromises(t *testing.T) {
	mustBe := func(is bool, what string) {
		if !is {
			panic(what)
		}
	}
	for _, test := range []struct {
		name    string
		program bubble.Program
	}{
		{"Once calls once, and all wait for its end", actors(func() []func() {
			var once sync.Once
			called, ended := 0, false
			do := func() {
				bubble.Park("come", nil)
				once.Do(func() {
					called++
					bubble.Park("within", nil)
					ended = true
				})
				mustBe(called == 1 && ended, "Do returned before its one call did")
			}
			return []func(){do, do, do}
		})},
		{"WaitGroup waits for all", actors(func() []func() {
			var group sync.WaitGroup
			done := 0
			group.Add(2)
			work := func() {
				bubble.Park("work", nil)
				done++
				group.Done()
			}
			return []func(){work, work, func() { group.Wait(); mustBe(done == 2, "Wait returned early") }}
		})},
		{"Cond wakes a waiter that holds its lock again", actors(func() []func() {
			var m sync.Mutex
			c := sync.NewCond(&m)
			ready, held := false, false
			return []func(){
				func() {
					m.Lock()
					for !ready {
						c.Wait()
					}
					mustBe(!held, "Wait returned without the lock")
					m.Unlock()
				},
				func() {
					m.Lock()
					ready, held = true, true
					c.Signal()
					bubble.Park("still within", nil)
					held = false
					m.Unlock()
				},
			}
		})},
		{"TryLock takes a free lock only", actors(func() []func() {
			var m sync.Mutex
			held := false
			return []func(){
				func() { m.Lock(); held = true; bubble.Park("work", nil); held = false; m.Unlock() },
				func() {
					if m.TryLock() {
						mustBe(!held, "TryLock took a lock that was held")
						m.Unlock()
					}
				},
			}
		})},
	} {
		sys := bubble.New(t, test.program)
		r := must(explore.Exhaustive(sys, explore.Options{Limit: 10_000}))
		for _, property := range []string{sim.NoPanic, sim.NoDeadlock, sim.NoProgress} {
			if v := r.Verdict(property); v.Outcome == explore.Broken || !r.Complete {
				t.Errorf("%s: %s: %s %v: %s", test.name, r.Explored(), property, v.Schedule, v.Sentence(r))
			}
		}
		sys.Close()
	}
}

func must(r *explore.Result, err error) *explore.Result {
	if err != nil {
		panic(err)
	}
	return r
}
