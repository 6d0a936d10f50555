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
	randomPrograms = flag.Int("random-programs", 3000, "how many random programs TestRandomPrograms compares")
	randomSeed     = flag.Uint64("random-seed", 1, "the seed of the random programs")
)

// bruteForce is what there is.
type bruteForce struct {
	ends    map[string]bool // final states
	broken  map[string]bool // properties
	refused string          // why the model was refused, in some run
	runs    int
	classes map[uint64]bool // happens-before classes, by what steps touch
}

// enumerate runs every schedule. It is not ok if there are more than maxRuns, or
// one of more than maxSteps.
func enumerate(build func() *sim.World, maxRuns, maxSteps int) (b *bruteForce, ok bool) {
	b = &bruteForce{ends: map[string]bool{}, broken: map[string]bool{}, classes: map[uint64]bool{}}
	var choices, of []int
	for {
		if b.runs++; b.runs > maxRuns {
			return b, false
		}
		choices, of, ok = b.run(build, choices, of, maxSteps)
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

// run takes the choices, and then always the first.
func (b *bruteForce) run(build func() *sim.World, choices, of []int, maxSteps int) (_, _ []int, ok bool) {
	w := build()
	defer w.Close()
	var events []sim.Event
	var accesses [][]sim.Access
	step := 0
	err := func() (err error) {
		defer sim.RecoverModelError(&err)
		w.Enabled()
		b.note(w)
		for ; len(w.Enabled()) > 0 && step < maxSteps; step++ {
			if step == len(choices) {
				choices, of = append(choices, 0), append(of, len(w.Enabled()))
			}
			events = append(events, w.Enabled()[choices[step]])
			w.Take(choices[step])
			accesses = append(accesses, slices.Clone(w.Accesses()))
			b.note(w)
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
	b.ends[finalState(w)] = true
	b.classes[class(events, accesses)] = true
	return choices, of, true
}

func (b *bruteForce) note(w *sim.World) {
	for _, v := range w.Violations() {
		b.broken[v.Property] = true
	}
}

// finalState is the fields, but for the time of day, and who has not ended.
func finalState(w *sim.World) string {
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
func class(events []sim.Event, accesses [][]sim.Access) uint64 {
	id := make([]uint64, len(events))
	count := map[int]uint64{}
	hash := uint64(0)
	for i, e := range events {
		count[e.Process]++
		id[i] = uint64(e.Process)<<32 | count[e.Process]
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
		Limit: 1 << 30, Workers: 1, trusting: trusting,
		atEnd: func(System) { s.ends[finalState(sys.World)] = true },
	})
	return s
}

// differs says how a search differs from what there is; empty: not at all. One
// that does not say that it is complete may have missed something, but not
// invented it.
func (s *searched) differs(b *bruteForce, timed bool) string {
	if s.err != nil || b.refused != "" {
		switch {
		case s.err == nil && s.result.Complete:
			return fmt.Sprintf("it is not refused, and brute force is: %s", b.refused)
		case b.refused == "":
			return fmt.Sprintf("it is refused, and brute force is not: %v", s.err)
		}
		return ""
	}
	complete := s.result.Complete
	if d := differ("final state", s.ends, b.ends, complete); d != "" {
		return d
	}
	broken := map[string]bool{}
	for _, v := range s.result.Verdicts {
		if v.Bad > 0 && !(timed && v.Property == sim.NoDataRace) {
			broken[v.Property] = true
		}
	}
	want := b.broken
	if timed {
		want = map[string]bool{}
		for p := range b.broken {
			if p != sim.NoDataRace {
				want[p] = true
			}
		}
	}
	return differ("broken property", broken, want, complete)
}

func differ(what string, got, want map[string]bool, complete bool) string {
	for x := range got {
		if !want[x] {
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
func (p *program) compare(trusting bool) (difference string, b *bruteForce, ok bool) {
	b, ok = enumerate(p.build, programRuns, programSteps)
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
		if d := s.differs(b, p.timing != nil); d != "" {
			return fmt.Sprintf("%s: %s%v", search.name, d, p), b, true
		}
		if s.err == nil && search.name == "exhaustive" && s.result.Complete && b.refused == "" && s.result.Runs != len(b.classes) {
			return fmt.Sprintf("exhaustive: %d classes, and there are %d%v", s.result.Runs, len(b.classes), p), b, true
		}
	}
	return "", b, true
}

// fullEvery is how many programs are compared for each whose searches check the
// model, too, and defend their proofs.
const fullEvery = 25

// Goal: the searches see what brute force sees: the same final states, the same
// verdicts, and each happens-before class once.
func TestRandomPrograms(t *testing.T) {
	n := uint64(*randomPrograms)
	if testing.Short() {
		n = min(n, 500)
	}
	const workers = 2
	var next atomic.Uint64
	var wait sync.WaitGroup
	var mutex sync.Mutex
	met := map[string]int{}
	for range workers {
		wait.Go(func() {
			mine := map[string]int{}
			for seed := next.Add(1) - 1; seed < n; seed = next.Add(1) - 1 {
				p := newProgram(rand.New(rand.NewPCG(seed, *randomSeed)))
				difference, b, ok := p.compare(seed%fullEvery != 0)
				if difference != "" {
					t.Errorf("program %d of seed %d: %s", seed, *randomSeed, difference)
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
	for _, property := range []string{"rising", sim.NoPanic, sim.NoDataRace, sim.NoDeadlock, sim.NoProgress, "refused"} {
		if met[property] < int(n)/500 {
			t.Errorf("%d of %d programs break %s: too few to show anything", met[property], n, property)
		}
	}
	if met["too large"] > int(n)/2 {
		t.Errorf("%d of %d programs are too large to enumerate", met["too large"], n)
	}
}

func must(r *Result, err error) *Result {
	if err != nil {
		panic(err)
	}
	return r
}
