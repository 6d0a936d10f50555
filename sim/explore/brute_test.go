package explore

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"racelab/sim"
)

// The searches are held against a brute force that shares nothing with them: it
// runs every schedule in a world of its own, from its first step, and knows
// neither Save nor Load, neither fingerprints nor what a step touches. A final
// state is the fields of the world, and who has not ended.

var (
	randomPrograms = flag.Int("random-programs", 10_000, "how many random programs TestRandomPrograms compares")
	randomSeed     = flag.Uint64("random-seed", 1, "the seed of the random programs")
)

// bruteForce is what there is.
type bruteForce struct {
	ends    map[string]bool // final states
	broken  map[string]bool // properties
	refused string          // why the model was refused, in some run
	runs    int
	classes map[uint64]bool // happens-before classes, by what steps touch
	best    map[string]cost // of a schedule that breaks a property
	all     []bruteRun
}

// cost is how long a schedule is.
type cost struct{ steps, switches int }

func (c cost) less(d cost) bool {
	return c.steps < d.steps || c.steps == d.steps && c.switches < d.switches
}

// bruteRun is one of the runs.
type bruteRun struct {
	schedule sim.Schedule
	broke    map[string]int // by property: after how many steps first
}

// enumerate runs every schedule. It is not ok if there are more than maxRuns, or
// one of more than maxSteps; or if a quarter of the runs leaves so much that there are
// surely more.
func enumerate(build func() *sim.World, maxRuns, maxSteps int) (b *bruteForce, ok bool) {
	b = &bruteForce{ends: map[string]bool{}, broken: map[string]bool{}, classes: map[uint64]bool{}, best: map[string]cost{}}
	var last *sim.World
	alike := func() *sim.World {
		w := build()
		if last != nil {
			Of(w).Resemble(Of(last))
		}
		last = w
		return w
	}
	var choices, of []int
	for {
		if b.runs++; b.runs > maxRuns || b.runs == maxRuns/4 && passed(choices, of) < 1./16 {
			return b, false
		}
		choices, of, ok = b.run(alike, choices, of, maxSteps)
		if !ok {
			return b, false
		}
		for len(choices) > 0 && choices[len(choices)-1]+1 == of[len(of)-1] {
			choices, of = choices[:len(choices)-1], of[:len(of)-1]
		}
		if len(choices) == 0 {
			return b, true
		}
		choices[len(choices)-1]++
	}
}

// passed is which part of all runs comes before the choices, if each of several
// choices leads to as many.
func passed(choices, of []int) float64 {
	part, each := 0., 1.
	for i := range choices {
		each /= float64(of[i])
		part += each * float64(choices[i])
	}
	return part
}

// run takes the choices, and then always the first.
func (b *bruteForce) run(build func() *sim.World, choices, of []int, maxSteps int) (_, _ []int, ok bool) {
	w := build()
	defer w.Close()
	var events []sim.Event
	var accesses [][]Access
	step, switches := 0, 0
	broke := map[string]int{}
	err := func() (err error) {
		defer sim.RecoverModelError(&err)
		Of(w).Enabled()
		b.note(w, broke, cost{})
		for ; len(Of(w).Enabled()) > 0 && step < maxSteps; step++ {
			if step == len(choices) {
				choices, of = append(choices, 0), append(of, len(Of(w).Enabled()))
			}
			events = append(events, Of(w).Enabled()[choices[step]])
			if step > 0 && events[step].Place != events[step-1].Place {
				switches++
			}
			Of(w).Take(choices[step])
			accesses = append(accesses, slices.Clone(Of(w).Accesses()))
			b.note(w, broke, cost{step + 1, switches})
		}
		return nil
	}()
	if err != nil {
		b.refused = err.Error()
		return choices, of, true
	}
	if step == maxSteps {
		return choices, of, false
	}
	b.ends[finalState(Of(w))] = true
	b.classes[class(events, accesses)] = true
	b.all = append(b.all, bruteRun{asSchedule(events), broke})
	return choices, of, true
}

func (b *bruteForce) note(w *sim.World, broke map[string]int, at cost) {
	for _, v := range w.Violations() {
		if best, found := b.best[v.Property]; !found || at.less(best) {
			b.best[v.Property] = at
		}
		b.broken[v.Property] = true
		if _, found := broke[v.Property]; !found {
			broke[v.Property] = at.steps
		}
	}
}

// plays says how long a schedule is, played in a world of its own, and whether it
// fits and its last step breaks the property.
func plays(build func() *sim.World, s sim.Schedule, property string) (at cost, err error) {
	w := build()
	defer w.Close()
	defer sim.RecoverModelError(&err)
	replay, place := sim.NewReplay(s), 0
	Of(w).Enabled()
	for range s {
		i, err := replay.Choose(Of(w).Enabled())
		if err != nil {
			return at, err
		}
		if p := Of(w).Enabled()[i].Place; p != place {
			if place != 0 {
				at.switches++
			}
			place = p
		}
		at.steps++
		Of(w).Take(i)
	}
	if brokenBy(&Worlds{Engine: Of(w)}, property) == nil {
		return at, fmt.Errorf("%s does not break %s", s, property)
	}
	return at, nil
}

// finalState is the fields, but for the time of day, and who has not ended.
func finalState(w Engine) string {
	var s strings.Builder
	for _, f := range w.Fields() {
		value, _, _ := strings.Cut(f.Value, "due at")
		s.WriteString(f.Path + "=" + value + " ")
	}
	fmt.Fprint(&s, w.Unfinished())
	return s.String()
}

// class hashes the happens-before class of a schedule: its events, and for each
// two that depend on each other, which came first.
func class(events []sim.Event, accesses [][]Access) uint64 {
	id := make([]uint64, len(events))
	count := map[int]uint64{}
	hash := uint64(0)
	for i, e := range events {
		count[e.Thread]++
		id[i] = uint64(e.Thread)<<32 | count[e.Thread]
		for _, c := range e.Label { // Which way it was.
			id[i] = scramble(id[i] ^ uint64(c))
		}
		hash += scramble(id[i])
		for k := range i {
			if dependent(accesses[k], accesses[i]) {
				hash += scramble(scramble(id[k]) ^ id[i])
			}
		}
	}
	return hash
}

func scramble(x uint64) uint64 {
	x = (x ^ x>>31) * 0x9e3779b97f4a7c15
	x = (x ^ x>>29) * 0xbf58476d1ce4e5b9
	return x ^ x>>32
}

// searched is what a search says of a program.
type searched struct {
	result *Result
	err    error
	ends   map[string]bool
}

func searchBy(sys *Worlds, trusting bool, search func(System, Options) (*Result, error)) searched {
	s := searched{ends: map[string]bool{}}
	s.result, s.err = search(sys, Options{
		Limit: 1 << 24, Workers: 1, trusting: trusting,
		atEnd: func(System) { s.ends[finalState(sys.Engine)] = true },
	})
	return s
}

// differs says how a search differs from what there is; empty: not at all. One
// that does not say that it is complete may have missed something, but not
// invented it; strictly, it may not. Nor may it miss a data race, unless it says that
// only runs can judge it.
func (s *searched) differs(b *bruteForce, strict bool) string {
	if s.err != nil || b.refused != "" {
		switch {
		case s.err == nil && s.result.Complete:
			return fmt.Sprintf("it is not refused, and brute force is: %s", b.refused)
		case b.refused == "":
			return fmt.Sprintf("it is refused, and brute force is not: %v", s.err)
		}
		return ""
	}
	complete := s.result.Complete || strict
	if d := differ("final state", s.ends, b.ends, complete); d != "" {
		return d
	}
	broken := map[string]bool{}
	for _, v := range s.result.Verdicts {
		broken[v.Property] = v.Bad > 0
	}
	return differ("broken property", broken, b.broken, complete)
}

// unfit says what is wrong with the schedules of states: each must break its
// property in a world of its own, in the fewest steps and then the fewest
// switches that there are.
func (s *searched) unfit(p *program, b *bruteForce) string {
	if s.err != nil || s.result.Strategy != "states" {
		return ""
	}
	for _, v := range s.result.Verdicts {
		if v.Bad == 0 || v.Walked {
			continue
		}
		at, err := plays(p.build, v.Schedule, v.Property)
		if err != nil {
			return fmt.Sprintf("the schedule of %s: %v", v.Property, err)
		}
		if best := b.best[v.Property]; v.Property != sim.NoDataRace && at != best {
			return fmt.Sprintf("the schedule of %s, %s: %+v, and the best has %+v", v.Property, v.Schedule, at, best)
		}
	}
	return ""
}

func differ(what string, got, want map[string]bool, complete bool) string {
	for x := range got {
		if got[x] && !want[x] {
			return fmt.Sprintf("a %s that there is not: %s", what, x)
		}
	}
	for x := range want {
		if complete && !got[x] {
			return fmt.Sprintf("it misses a %s: %s", what, x)
		}
	}
	return ""
}

// The programs that are compared have at most so many schedules, and steps in
// each.
const (
	programRuns  = 60
	programSteps = 40
)

// compare says how the searches of a program differ from brute force. It is not
// ok if there is too much to enumerate.
func (p *program) compare(trusting, strict bool, maxRuns int) (difference string, b *bruteForce, ok bool) {
	b, ok = enumerate(p.build, maxRuns, programSteps)
	if !ok {
		return "", b, false
	}
	for _, search := range []struct {
		name string
		of   func(System, Options) (*Result, error)
	}{{"states", States}, {"exhaustive", Exhaustive}} {
		sys, err := NewWorlds(p.build)
		if err != nil {
			return err.Error(), b, true
		}
		s := searchBy(sys, trusting, search.of)
		sys.Close()
		if d := s.differs(b, strict) + s.unfit(p, b); d != "" {
			return fmt.Sprintf("%s: %s%v", search.name, d, p), b, true
		}
		if s.err == nil && search.name == "exhaustive" && (s.result.Complete || strict) && b.refused == "" && s.result.Runs != len(b.classes) {
			return fmt.Sprintf("exhaustive: %d classes, and there are %d%v", s.result.Runs, len(b.classes), p), b, true
		}
	}
	return "", b, true
}

// fullEvery is how many programs are compared for each whose searches check the
// model, too, and defend their proofs.
const fullEvery = 25

// enoughDifferences is how many end the test.
const enoughDifferences = 10

// Goal: the searches see what brute force sees: the same final states, the same
// verdicts, and each happens-before class once.
func TestRandomPrograms(t *testing.T) {
	n := uint64(*randomPrograms)
	if testing.Short() {
		n = min(n, 500)
	}
	const workers = 2
	var next, differences atomic.Uint64
	var wait sync.WaitGroup
	var mutex sync.Mutex
	met := map[string]int{}
	for range workers {
		wait.Go(func() {
			mine := map[string]int{}
			for seed := next.Add(1) - 1; seed < n; seed = next.Add(1) - 1 {
				p := newProgram(rand.New(rand.NewPCG(seed, *randomSeed)))
				difference, b, ok := p.compare(seed%fullEvery != 0, false, programRuns)
				if difference != "" {
					t.Errorf("program %d of seed %d: %s", seed, *randomSeed, difference)
					if differences.Add(1) == enoughDifferences {
						next.Store(n)
					}
				}
				if !ok {
					mine["too large"]++
					continue
				}
				mine["schedules"] += b.runs
				mine["classes"] += len(b.classes)
				if b.refused != "" {
					mine["refused"]++
				}
				for property := range b.broken {
					mine[property]++
				}
			}
			mutex.Lock()
			defer mutex.Unlock()
			for k, v := range mine {
				met[k] += v
			}
		})
	}
	wait.Wait()
	t.Logf("%d programs: %v", n, met)
	if t.Failed() {
		return
	}
	for _, property := range []string{"rising", sim.NoPanic, sim.NoDataRace, sim.NoDeadlock, sim.NoProgress, "refused"} {
		if met[property] < int(n)/500 {
			t.Errorf("%d of %d programs break %s: too few to show anything", met[property], n, property)
		}
	}
	if met["too large"] > int(n)/3 {
		t.Errorf("%d of %d programs are too large to enumerate", met["too large"], n)
	}
}

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

// Goal: a culprit is what it says. Method: of all runs, those that keep its orders
// break the property, and some do; without any one of them, one does not.
func TestCulpritsOfRandomPrograms(t *testing.T) {
	programs, found := uint64(1500), 0
	if testing.Short() {
		programs = 300
	}
	for seed := range programs {
		p := newProgram(rand.New(rand.NewPCG(seed, 4)))
		b, ok := enumerate(p.build, programRuns, programSteps)
		if !ok || b.refused != "" || len(b.broken) == 0 {
			continue
		}
		sys := p.system()
		r := must(States(sys, Options{Limit: 1 << 24, Workers: 1, trusting: true}))
		for _, v := range r.Verdicts {
			culprit := (*Culprit)(nil)
			if v.Bad > 0 {
				culprit = FindCulprit(sys, v.Schedule, v.Property)
			}
			if culprit == nil {
				continue
			}
			found++
			if kept, held := b.keep(culprit.Orders, v.Property); kept == 0 || held > 0 {
				t.Errorf("program %d: of the runs that keep %v, %d break %s and %d do not%v", seed, culprit.Orders, kept, v.Property, held, p)
			}
			for i := range culprit.Orders {
				fewer := slices.Delete(slices.Clone(culprit.Orders), i, i+1)
				if kept, held := b.keep(fewer, v.Property); kept > 0 && held == 0 {
					t.Errorf("program %d: %v forces a break of %s, even without %v%v", seed, culprit.Orders, v.Property, culprit.Orders[i].Before, p)
				}
			}
		}
		sys.Close()
	}
	t.Logf("%d culprits", found)
	if found < int(programs)/30 {
		t.Error("too few culprits to show anything")
	}
}

// keep counts the runs that keep the orders until the property breaks, and those
// in which it does not.
func (b *bruteForce) keep(orders []Order, property string) (broken, held int) {
	for _, run := range b.all {
		n, breaks := run.broke[property]
		if !breaks {
			n = len(run.schedule)
		}
		kept := !slices.ContainsFunc(orders, func(o Order) bool {
			later := slices.Index(run.schedule[:n], o.Later)
			earlier := slices.Index(run.schedule[:n], o.Earlier)
			return later >= 0 && (earlier < 0 || earlier > later)
		})
		switch {
		case kept && breaks:
			broken++
		case kept:
			held++
		}
	}
	return broken, held
}

// Goal: the change of a priority may come at any step, the last one too.
func TestPCTChangesAtEachStep(t *testing.T) {
	p := pilot{steps: []int{2, 2}, threads: 2, longest: 4, ways: 1}
	at := map[int]bool{}
	for seed := range uint64(200) {
		at[newPCT(seed, 2, p).changes[0]] = true
	}
	for step := range 4 {
		if !at[step] {
			t.Errorf("no run of 200 changes a priority at step %d of 4", step+1)
		}
	}
	if len(at) != 4 {
		t.Errorf("changes at %v, want 0 to 3", at)
	}
}

func must(r *Result, err error) *Result {
	if err != nil {
		panic(err)
	}
	return r
}
