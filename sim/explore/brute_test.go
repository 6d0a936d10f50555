package explore

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
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
		sys.SetMaxCoroutines(2) // Programs are small, and a search is to give up coroutines, too.
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
