package explore

import (
	"strconv"
	"strings"
	"testing"

	"racelab/sim"
)

// Goal: what a task at a select has to record beside the case that happens. Each
// program tells whether one rule is kept; of random ones few do.
func TestProgramsThatNeedARule(t *testing.T) {
	for _, test := range []struct {
		rule  string
		chans [2]int
		tasks []string
	}{
		{"who meets a task keeps it from its other cases", [2]int{1, 0},
			[]string{"load write0 tell start0 choose15", "get1 load tell"}},
		{"who passes by a task does so because that one had no need to wait", [2]int{1, 0},
			[]string{"give0", "choose7 close1", "read0 get1 choose33"}},
		{"who passes by a task would have met it, had that one had to wait", [2]int{1, 0},
			[]string{"choose77 choose56", "give0", "choose42 give1"}},
		{"who is met might have gone by another case", [2]int{0, 1},
			[]string{"give1 choose35 choose28", "read0", "choose28 choose7"}},
		{"nobody is passed by at a closed channel", [2]int{0, 2},
			[]string{"choose1 read0", "read0 give1 read0", "close0 get1 choose8"}},
	} {
		p := &program{chans: test.chans}
		for _, task := range test.tasks {
			p.tasks = append(p.tasks, parseOps(task))
		}
		if difference, _, ok := p.compare(true, true, 20_000); !ok || difference != "" {
			t.Errorf("%s: %v, %s", test.rule, ok, difference)
		}
	}
}

// Goal: exhaustive does not say that it saw all where a task gives back what another
// one reads: how far it has to look depends on who reads. It was found as program 788
// of seed 1413.
func TestAnRUnlockOfAnotherReader(t *testing.T) {
	p := &program{}
	for _, task := range []string{"runlock", "write1 rlock", "rlock runlock"} {
		p.tasks = append(p.tasks, parseOps(task))
	}
	if difference, _, ok := p.compare(true, false, programRuns); !ok || difference != "" {
		t.Errorf("%v, %s", ok, difference)
	}
}

// Goal: exhaustive goes on with a task of which no way sleeps. A Len may have to come
// before one way of a select that sleeps, and does not depend on the others. They were
// found as programs 2145 of seed 8059 and 2422 of seed 8054.
func TestALenBesideASelect(t *testing.T) {
	for _, tasks := range [][]string{{"tell0 write0 choose89", "len0 len1"}, {"choose8", "len0 read0 get1", "len1"}} {
		p := &program{chans: [2]int{1, 1}}
		for _, task := range tasks {
			p.tasks = append(p.tasks, parseOps(task))
		}
		if difference, _, ok := p.compare(true, true, 200); !ok || difference != "" {
			t.Errorf("%v, %s", ok, difference)
		}
	}
}

// Goal: exhaustive tries the timers that a stopped one waited for: it could have fired
// after them. It was found as program 5790 of seed 4074.
func TestAStoppedTimerBehindAnother(t *testing.T) {
	p := &program{}
	for _, task := range []string{"reset0", "start1 tick new0 drop"} {
		p.tasks = append(p.tasks, parseOps(task))
	}
	if difference, _, ok := p.compare(true, true, 200); !ok || difference != "" {
		t.Errorf("%v, %s", ok, difference)
	}
}

// Goal: no search says that accesses do not race because they are never both next, where
// nothing orders them: it says that only runs can judge that, and why. The first was
// found as program 659 of seed 7041. The last of two writes comes only after what the
// other task did after its own.
func TestRacesThatAreNeverBothNext(t *testing.T) {
	for why, tasks := range map[string][]string{
		"a WaitGroup whose counter falls below zero": {"write0 add", "done write0"},
		"an unlock of what is not locked":            {"write0 lock0", "unlock0 write0"},
		"a TryLock that fails":                       {"write0 lock0", "trylock0 panic1 write0"},
		"a default that is taken":                    {"write0 get0", "give0 choose28 panic1 write0"},
		"what a Len, Stop or Reset returned":         {"write0 get0", "give0 len0 panic1 write0"},
	} {
		p := &program{chans: [2]int{1, 1}}
		for _, task := range tasks {
			p.tasks = append(p.tasks, parseOps(task))
		}
		if difference, b, ok := p.compare(true, true, 1000); !ok || difference != "" || !b.broken[sim.NoDataRace] {
			t.Errorf("%s: %v, %s, brute force: %v", why, ok, difference, b.broken)
		}
		sys := p.system()
		for _, search := range []func(System, Options) (*Result, error){States, Exhaustive} {
			r, err := search(sys, Options{Limit: 1000, trusting: true})
			if err != nil {
				t.Fatal(err)
			}
			if v := r.Verdict(sim.NoDataRace); v.unordered != why || v.ordered == 0 || v.Outcome != Broken {
				t.Errorf("%s, %s: %s, %q", why, r.Strategy, v.Outcome, v.unordered)
			}
		}
		sys.Close()
	}
}

// Goal: a lock under which all accesses are does not keep races away where others unlock
// it, nor where writers hold it for reading. A default, or a counter, makes the search
// rely on locks.
func TestLocksThatGuard(t *testing.T) {
	for _, test := range []struct {
		tasks []string
		races bool
	}{
		{[]string{"choose27 lock0 write0 unlock0", "lock0 write0 unlock0"}, false},
		{[]string{"choose27 wlock write0 wunlock", "rlock read0 runlock"}, false},
		{[]string{"rlock write0 add runlock", "done rlock write0 runlock"}, true},
		{[]string{"lock0 write0 add", "done unlock0 lock0 write0"}, true},
	} {
		p := &program{chans: [2]int{1, 1}}
		for _, task := range test.tasks {
			p.tasks = append(p.tasks, parseOps(task))
		}
		if difference, b, ok := p.compare(true, true, 1000); !ok || difference != "" || b.broken[sim.NoDataRace] != test.races {
			t.Errorf("%v: %v, %s, brute force: %v", test.tasks, ok, difference, b.broken)
		}
	}
}

// Goal: what comes before what tells states apart. Whichever of the two tasks has the
// lock first, the same state follows before the second write. It is ordered behind the
// first where the first task had the lock first.
func TestTheOrderIsState(t *testing.T) {
	tasks := []string{"write0 add lock1 unlock1 add", "done lock1 unlock1 done write0"}
	for range 2 {
		p := &program{}
		for _, task := range tasks {
			p.tasks = append(p.tasks, parseOps(task))
		}
		if difference, b, ok := p.compare(true, true, 1000); !ok || difference != "" || !b.broken[sim.NoDataRace] {
			t.Errorf("%v: %v, %s, brute force: %v", tasks, ok, difference, b.broken)
		}
		tasks[0], tasks[1] = tasks[1], tasks[0]
	}
}

// Goal: the schedule of a data race ends where a run of it first shows one. Method: two
// steps that nothing orders are never both enabled, and come before two that are: a task
// unlocks what another one has locked, or its TryLock fails. The second was found as
// program 302 of seed 2004.
func TestARaceBeforeTheOneLookedFor(t *testing.T) {
	for want, tasks := range map[string][]string{
		"T1 lock; T0 unlock; T0 write":           {"unlock0 write0", "locked0 unlock0", "lock0 write0"},
		"T1 stop; T1 lock; T0 trylock; T0 write": {"trylock0 write0", "stop0 locked0"},
	} {
		p := &program{}
		for _, task := range tasks {
			p.tasks = append(p.tasks, parseOps(task))
		}
		if difference, _, ok := p.compare(true, false, 100); !ok || difference != "" {
			t.Errorf("%v, %s", ok, difference)
		}
		sys := p.system()
		near, err := Nearest(sys, sim.NoDataRace, Options{Limit: 1000})
		if err != nil || near.Schedule.String() != want || near.Complete {
			t.Errorf("%v, complete: %v, %v; want %s", near.Schedule, near.Complete, err, want)
		}
		sys.Close()
	}
}

func parseOps(text string) []op {
	var ops []op
	for _, word := range strings.Fields(text) {
		name := strings.TrimRight(word, "0123456789")
		arg, _ := strconv.Atoi(word[len(name):])
		ops = append(ops, op{kindOf(name), arg})
	}
	return ops
}
