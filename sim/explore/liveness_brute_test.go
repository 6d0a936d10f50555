package explore

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/trace"
)

// Cycles are held against a reference of their own: a graph whose states are what
// new worlds print of themselves, and fair runs by the definition, without strongly
// connected components in the manner of Tarjan. It takes from the searched world
// which timers a step puts off.

// printedGraph is the states of a program as they print themselves.
type printedGraph struct {
	of    map[string]*printedState
	order []*printedState
}

type printedState struct {
	key         string
	fingerprint uint64
	path        []int                // of choices, to get there
	steps       map[string][]printed // by actor: its ways
}

// printed is a way that a step can go.
type printed struct {
	to           *printedState
	fault, timer bool
	putOff       []string // actors
}

var due = regexp.MustCompile(`due at (\w[\w.µ]*)`)

// printState is all that a new world prints after some steps.
func printState(w *sim.World, trace *trace.Trace) string {
	var s strings.Builder
	for _, f := range Of(w).Fields() {
		s.WriteString(f.Path + "=" + due.ReplaceAllStringFunc(f.Value, func(at string) string {
			d, err := time.ParseDuration(strings.TrimPrefix(at, "due at "))
			if err != nil {
				panic(err)
			}
			return fmt.Sprint("due in ", d-w.Now())
		}) + " ")
	}
	fmt.Fprintln(&s, Of(w).Unfinished())
	for _, e := range Of(w).Enabled() {
		s.WriteString(e.String() + "; ")
	}
	for _, b := range Of(w).Blocked() {
		fmt.Fprintf(&s, "%s by %d; ", b.Event, b.Object)
	}
	var sent []string
	for _, step := range trace.Steps {
		for _, act := range step.Acts {
			content := ": " + sim.NameOf(act.Message) + sim.ContentsOf(act.Message)
			switch act.Action {
			case sim.Sent, sim.Answered:
				sent = append(sent, act.Actor+">"+act.Peer+content)
			case sim.Arrived, sim.Received:
				if i := slices.Index(sent, act.Peer+">"+act.Actor+content); i >= 0 {
					sent = slices.Delete(sent, i, i+1)
				}
			}
		}
	}
	slices.SortStableFunc(sent, func(a, b string) int { // By direction; what is on its way there keeps its order.
		a, _, _ = strings.Cut(a, ": ")
		b, _, _ = strings.Cut(b, ": ")
		return strings.Compare(a, b)
	})
	fmt.Fprint(&s, sent)
	return s.String()
}

// printGraph is nil if there are more than most states, if the model is refused, or if
// states that print the same are not.
func printGraph(build func() *sim.World, most int) (g *printedGraph, coarse bool) {
	g = &printedGraph{of: map[string]*printedState{}}
	// at is the state after some steps, and what the last of them put off.
	at := func(path []int) (s *printedState, n int, events []sim.Event, putOff []string, ok bool) {
		w := build()
		defer w.Close()
		err := func() (err error) {
			defer sim.RecoverModelError(&err)
			trace := trace.Record(w)
			actors := map[int]string{}
			note := func() {
				for _, e := range Of(w).Enabled() {
					actors[e.Thread] = e.Actor
				}
			}
			for _, i := range path {
				note()
				Of(w).Take(i)
			}
			note()
			for _, process := range Of(w).PutOff() {
				if actors[process] == "" {
					actors[process] = fmt.Sprint("process ", process) // It cannot fire in this state, nor could it before.
				}
				putOff = append(putOff, actors[process])
			}
			events = slices.Clone(Of(w).Enabled())
			s = &printedState{key: printState(w, trace), fingerprint: Of(w).Fingerprint(), path: path, steps: map[string][]printed{}}
			return nil
		}()
		return s, len(events), events, putOff, err == nil
	}
	known := func(s *printedState) *printedState {
		if was := g.of[s.key]; was != nil {
			coarse = coarse || was.fingerprint != s.fingerprint
			return was
		}
		g.of[s.key] = s
		g.order = append(g.order, s)
		return s
	}
	start, _, _, _, ok := at(nil)
	if !ok {
		return nil, false
	}
	known(start)
	for i := 0; i < len(g.order); i++ {
		if len(g.order) > most {
			return nil, coarse
		}
		from := g.order[i]
		_, n, events, _, _ := at(from.path)
		for k := range n {
			to, _, _, putOff, ok := at(append(slices.Clone(from.path), k))
			if !ok {
				return nil, coarse
			}
			e := events[k]
			from.steps[e.Actor] = append(from.steps[e.Actor], printed{known(to), e.Fault, e.Timer, putOff})
		}
	}
	return g, coarse
}

// lives says whether a fair run can stay for ever among some states.
func lives(among []*printedState) bool {
	in := map[*printedState]bool{}
	for _, s := range among {
		in[s] = true
	}
	// A step may be taken for ever if each of its ways stays.
	may := func(ways []printed) bool {
		return !ways[0].fault && !slices.ContainsFunc(ways, func(p printed) bool { return !in[p.to] })
	}
	reach := map[*printedState]map[*printedState]bool{}
	for _, s := range among {
		reach[s] = map[*printedState]bool{}
		for todo := []*printedState{s}; len(todo) > 0; todo = todo[1:] {
			for _, ways := range todo[0].steps {
				for _, p := range ways {
					if may(ways) && !reach[s][p.to] {
						reach[s][p.to] = true
						todo = append(todo, p.to)
					}
				}
			}
		}
	}
	for _, s := range among {
		var class []*printedState
		for _, other := range among {
			if reach[s][other] && reach[other][s] {
				class = append(class, other)
			}
		}
		switch {
		case len(class) == 0 || class[0] != s:
			continue // It was looked at with the first of its class.
		case len(class) < len(among):
			if lives(class) {
				return true
			}
			continue
		}
		moves, putOff := map[string]bool{}, map[string]bool{}
		for _, s := range among {
			for actor, ways := range s.steps {
				if may(ways) {
					moves[actor] = true
					for _, p := range ways {
						for _, timer := range p.putOff {
							putOff[timer] = true
						}
					}
				}
			}
		}
		starved := func(s *printedState) bool {
			for actor, ways := range s.steps {
				if !ways[0].fault && !ways[0].timer && !moves[actor] {
					return true
				}
			}
			return false
		}
		if rest := slices.DeleteFunc(slices.Clone(among), starved); len(rest) < len(among) {
			return lives(rest)
		}
		for actor, ways := range s.steps {
			everywhere := !slices.ContainsFunc(among, func(s *printedState) bool { return s.steps[actor] == nil })
			if ways[0].timer && everywhere && !moves[actor] && !putOff[actor] {
				return false
			}
		}
		return true
	}
	return false
}

// Goal: states finds a fair run that never ends where there is one, and only there; and
// its schedule is one.
func TestCyclesOfRandomPrograms(t *testing.T) {
	n := uint64(*randomPrograms) / 66
	met := map[string]int{}
	for seed := range n {
		p := newLoop(rand.New(rand.NewPCG(seed, *randomSeed)))
		g, coarse := printGraph(p.build, 80)
		switch {
		case coarse:
			met["coarse"]++
			continue
		case g == nil:
			met["too large or refused"]++
			continue
		}
		sys := p.system()
		r, err := States(sys, Options{Limit: 1 << 24, Workers: 1, trusting: true})
		if err != nil {
			sys.Close()
			met["refused"]++
			continue
		}
		want := lives(g.order)
		v := r.Verdict(EndsWhenFair)
		met[fmt.Sprint("never ends: ", want)]++
		if (v.Outcome == Broken) != want {
			t.Errorf("program %d: a fair run that never ends: %v, and %s is %q (%v)%v", seed, want, v.Property, v.Outcome, v.Err, p)
		}
		if v.Bad > 0 {
			met["steps of cycles"] += v.Round
		}
		sys.Close()
	}
	t.Logf("%d programs: %v", n, met)
	for _, of := range []string{"never ends: true", "never ends: false"} {
		if met[of] < int(n)/5 {
			t.Errorf("%d of %d programs are compared of which it is said %q: too few to show anything", met[of], n, of)
		}
	}
}
