package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
)

// Goal: to take tasks that are alike for each other changes no verdict. Method:
// random programs of which two or three tasks are alike, against brute force: the
// same properties break, and each final state is there once its names are given back.
func TestSymmetryOfRandomPrograms(t *testing.T) {
	met := map[string]int{}
	for seed := range uint64(*randomPrograms) / 200 {
		p := newProgram(rand.New(rand.NewPCG(seed, 17)))
		p.timing = nil
		p.like = 2 + int(seed%4)/3
		p.tasks = p.tasks[:min(len(p.tasks), 2)]
		for range p.like - 1 {
			p.tasks = slices.Insert(p.tasks, 1, p.tasks[0])
		}
		switch difference, apart, ok := p.compareAlike(3 * programRuns); {
		case difference != "":
			t.Errorf("program %d: %s%v", seed, difference, p)
		case !ok:
			met["too large"]++
		case apart:
			met["told apart"]++
		default:
			met["compared"]++
		}
	}
	if t.Log(met); met["compared"] < 10*met["told apart"] {
		t.Error("too few are compared to show anything")
	}
}

// compareAlike is compare for a search that takes tasks for alike. It says whether
// that was refused, as something tells them apart.
func (p *program) compareAlike(maxRuns int) (difference string, apart, ok bool) {
	b, ok := enumerate(p.build, maxRuns, programSteps)
	if !ok {
		return "", false, false
	}
	sys := p.system()
	defer sys.Close()
	s := searchBy(sys, false, symmetric)
	if s.err != nil && b.refused == "" && strings.Contains(s.err.Error(), "not alike") {
		return "", true, true
	}
	if s.err == nil {
		if d := differ("final state", s.ends, b.ends, false); d != "" {
			return d, false, true
		}
		s.ends, b.ends = p.nameless(s.ends), p.nameless(b.ends)
	}
	return s.differs(b, false) + s.unfit(p, b), false, true
}

// Goal: wherever the engine itself names a task, that is seen: no two states are taken
// for one that are not, and all are that may be. Method: the counts, and brute force.
func TestSymmetryOfEachKind(t *testing.T) {
	for ops, want := range map[string][2]int{
		"send0 sum0 join0":          {114, 58}, // Whose request comes first, where they have come to differ since.
		"locked0 sum0":              {38, 20},
		"wlock0 sum0 wunlock0":      {26, 14},
		"rlock0 sum0 runlock0 sum0": {80, 42},
		"await0 broadcast0":         {33, 18},
		"send1 receive0":            {46, 24},
		"sum0 give0 get0":           {46, 24},
	} {
		p := &program{like: 2, chans: [2]int{1, 0}, tasks: [][]op{parseOps(ops), parseOps(ops), parseOps("signal0")}}
		if difference, apart, ok := p.compareAlike(100_000); !ok || apart || difference != "" {
			t.Errorf("%s: %v, %v, %s", ops, ok, apart, difference)
		}
		sys := p.system()
		plain, r := searchBy(sys, true, States), searchBy(sys, true, symmetric)
		sys.Close()
		if got := [2]int{plain.result.States, r.result.States}; got != want {
			t.Errorf("%s: %d states, and %d without names; want %v", ops, got[0], got[1], want)
		}
	}
}

func symmetric(sys System, o Options) (*Result, error) {
	o.Symmetry = true
	return States(sys, o)
}

// nameless is final states in which any tasks that are alike may be any.
func (p *program) nameless(ends map[string]bool) map[string]bool {
	all := map[string]bool{}
	for end := range ends {
		least := ""
		for _, names := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			if p.like == 2 && names[2] != 2 {
				continue
			}
			renamed := []string{"[", " ", "]", " "}
			for i, n := range names {
				renamed = append(renamed, fmt.Sprint("T", i), fmt.Sprint("T", n), fmt.Sprint("task ", i+1), fmt.Sprint("task ", n+1))
			}
			words := strings.Fields(strings.NewReplacer(renamed...).Replace(end))
			slices.Sort(words)
			if s := strings.Join(words, " "); least == "" || s < least {
				least = s
			}
		}
		all[least] = true
	}
	return all
}

// counting is a program of some tasks that are alike, with a property of its own.
func counting(tasks int, claim func(w *sim.World)) func() *sim.World {
	p := &program{like: tasks}
	for range tasks {
		p.tasks = append(p.tasks, parseOps("load store tell"))
	}
	return func() *sim.World {
		w := p.build()
		claim(w)
		return w
	}
}

// Goal: where a property looks at states, each step is checked for what it makes of alike
// tasks. Method: a search that checks nothing else.
func TestAPropertyThatLooksIsCheckedAtEachStep(t *testing.T) {
	for apart, looks := range map[bool]func(m *memory, c *sim.Claim){
		false: func(m *memory, c *sim.Claim) { c.Assert(m.atom.Peek() < 2, "too much") },
		true: func(_ *memory, c *sim.Claim) {
			waits := c.Waits().Waits
			c.Assert(len(waits) == 0 || waits[0].Task != "T1", "T1 waits")
		},
	} {
		p := &program{like: 2, tasks: [][]op{parseOps("lock0 load0 store0 unlock0"), parseOps("lock0 load0 store0 unlock0")}}
		sys, err := NewWorlds(func() *sim.World {
			w := p.build()
			m := p.memory
			w.Always("as it should be", func(c *sim.Claim) { looks(m, c) })
			return w
		})
		if err != nil {
			t.Fatal(err)
		}
		if s := searchBy(sys, true, symmetric); (s.err != nil) != apart {
			t.Errorf("refused, as it tells tasks apart (%v): %v", apart, s.err)
		}
		sys.Close()
	}
}

// Goal: what goes round for ever is not judged where tasks are taken for each other,
// and the verdict says so.
func TestSymmetryJudgesNoRounds(t *testing.T) {
	p := &program{like: 2, loops: true, tasks: [][]op{parseOps("load0 until1"), parseOps("load0 until1")}}
	sys := p.system()
	defer sys.Close()
	r, err := symmetric(sys, Options{Limit: 10_000, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	v := r.Verdict(EndsWhenFair)
	if want := "a search without symmetry judges"; v.Outcome != Unfinished || !strings.Contains(v.Sentence(r), want) || !r.Complete {
		t.Errorf("%s, %s; want unfinished, %s", v.Outcome, v.Sentence(r), want)
	}
}

// friend is a program that knows another one.
type friend struct {
	of   string
	said int
}

func (f *friend) Run(t *sim.Task) { t.Step("say"); f.said++ }

// Goal: a task that keeps the name of another one is no case for symmetry.
func TestATaskThatKeepsAName(t *testing.T) {
	sys, err := NewWorlds(func() *sim.World {
		w := sim.NewWorld()
		w.GoProgram("T0", &friend{of: "T1"})
		w.GoProgram("T1", &friend{of: "T0"})
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	if _, err := symmetric(sys, Options{Limit: 100}); err == nil || !strings.Contains(err.Error(), "T0 keeps the name of T1") {
		t.Errorf("%v", err)
	}
}

// Goal: a property may remember who did what. It may not treat one as another.
func TestPropertiesThatNameTasks(t *testing.T) {
	remembers := func(w *sim.World) {
		var by struct {
			last string
			told int
		}
		p := sim.NewProperty("told by one more than by the last", &by)
		sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, told *number) {
			c.Assert(a.Actor != by.last, "%s tells twice", a.Actor)
			by.last = a.Actor
		})
		w.Watch(p)
	}
	numbers := func(w *sim.World) {
		var last int
		p := sim.NewProperty("told in order", &last)
		sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, told *number) {
			c.Holds()
			last = strings.Index("T0T1T2", a.Actor)
		})
		w.Watch(p)
	}
	favours := func(w *sim.World) {
		p := sim.NewProperty("T1 tells no 2", nil)
		sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, told *number) {
			c.Assert(a.Actor != "T1" || told.n < 2, "T1 tells %d", told.n)
		})
		w.Watch(p)
	}
	asks := func(w *sim.World) {
		p := sim.NewProperty("T1 tells something", nil)
		sim.On(p, sim.Returned, func(c *sim.Claim, a sim.Act, told *number) {
			if a.Actor == "T1" {
				c.Holds()
			}
		})
		w.Watch(p)
	}
	for _, test := range []struct {
		name  string
		claim func(*sim.World)
		apart bool
	}{{"remembers", remembers, false}, {"numbers", numbers, true}, {"favours", favours, true}, {"asks", asks, true}} {
		sys, err := NewWorlds(counting(3, test.claim))
		if err != nil {
			t.Fatal(err)
		}
		plain := must(States(sys, Options{Limit: 1 << 20, Workers: 1}))
		r, err := States(sys, Options{Limit: 1 << 20, Workers: 2, Symmetry: true})
		sys.Close()
		switch {
		case test.apart && err == nil:
			t.Errorf("%s: it is not seen that the property tells tasks apart", test.name)
		case test.apart && !strings.Contains(err.Error(), "are not alike"):
			t.Errorf("%s: %v", test.name, err)
		case test.apart:
		case err != nil:
			t.Errorf("%s: %v", test.name, err)
		case r.States*4 > plain.States || r.States*6 < plain.States:
			t.Errorf("%s: %d states instead of %d", test.name, r.States, plain.States)
		default:
			t.Log(test.name, r.States, plain.States, r.Explored())
			for i := range r.Verdicts {
				if r.Verdicts[i].Outcome != plain.Verdicts[i].Outcome || len(r.Verdicts[i].Schedule) != len(plain.Verdicts[i].Schedule) {
					t.Errorf("%s: %s is %s instead of %s", test.name, r.Verdicts[i].Property, r.Verdicts[i].Outcome, plain.Verdicts[i].Outcome)
				}
			}
		}
	}
}
