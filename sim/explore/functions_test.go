package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
)

// Functions are trusted because, on random ones, the searches see what an
// interpreter sees that knows nothing of this package: it keeps the whole state of
// each task, and lets another one run after every single operation.

// act is one operation of a random function, or a block of them.
type act struct {
	kind   actKind
	object int
	block  []act
}

type actKind uint8

const (
	reads     actKind = iota // register += variable
	writes                   // variable = register + 1
	loads                    // register += atomic
	stores                   // atomic = register + 1
	sends                    // the register to a channel
	receives                 // register += what comes from it
	locked                   // the block under a lock, unlocked by a deferred call
	twice                    // the block two times, in a range
	inClosure                // the block in a function literal, which has the register
	ifOdd                    // the block if the register is odd
)

const (
	functionVars  = 2
	functionLocks = 2
	functionChans = 2 // the first holds one value, the second none
)

func drawActs(r *rand.Rand, n, depth int, held []int) []act {
	var acts []act
	for range n {
		switch a := (act{kind: actKind(r.IntN(int(ifOdd) + 1)), object: r.IntN(2)}); {
		case a.kind < locked:
			acts = append(acts, a)
		case depth == 0 || a.kind == locked && slices.Contains(held, a.object):
			acts = append(acts, act{kind: actKind(r.IntN(2)), object: a.object})
		default:
			inner := held
			if a.kind == locked {
				inner = append(slices.Clone(held), a.object)
			}
			a.block = drawActs(r, 1+r.IntN(2), depth-1, inner)
			acts = append(acts, a)
		}
	}
	return acts
}

// sea is what random functions share.
type sea struct {
	Vars  [functionVars]sim.Var[int]
	Atom  sim.Atomic[int]
	Locks [functionLocks]sim.Mutex
	Chans [functionChans]sim.Chan[int]
	Ends  [3]sim.Atomic[int] // the registers at the end, plus 1
}

// do performs acts as a function does that somebody wrote.
func (s *sea) do(t *sim.Task, acts []act, register *int) {
	for _, a := range acts {
		switch a.kind {
		case reads:
			*register += s.Vars[a.object].Get(t)
		case writes:
			s.Vars[a.object].Set(t, *register+1)
		case loads:
			*register += s.Atom.Load(t)
		case stores:
			s.Atom.Store(t, *register+1)
		case sends:
			s.Chans[a.object].Send(t, *register)
		case receives:
			value, _ := s.Chans[a.object].Receive(t)
			*register += value
		case locked:
			func() {
				s.Locks[a.object].Lock(t)
				defer s.Locks[a.object].Unlock(t)
				s.do(t, a.block, register)
			}()
		case twice:
			for range 2 {
				s.do(t, a.block, register)
			}
		case inClosure:
			mine := *register
			f := func() { s.do(t, a.block, &mine) }
			f()
			*register = mine
		case ifOdd:
			if *register%2 == 1 {
				s.do(t, a.block, register)
			}
		}
	}
}

func (s *sea) String() string {
	return fmt.Sprint(s.Vars[0].Peek(), s.Vars[1].Peek(), s.Atom.Peek(), s.Chans[0].Peek(), s.Ends[0].Peek(), s.Ends[1].Peek(), s.Ends[2].Peek())
}

// seas builds worlds of the functions; the sea of the last one is in *last.
func seas(tasks [][]act, last **sea) func() *sim.World {
	return func() *sim.World {
		w := sim.NewWorld()
		s := &sea{}
		*last = s
		s.Chans[0].Init(1)
		s.Chans[1].Init(0)
		w.Share("s", s)
		for i, acts := range tasks {
			w.Go(fmt.Sprint("T", i), func(t *sim.Task) {
				register := 0
				s.do(t, acts, &register)
				s.Ends[i].Store(t, register+1)
			})
		}
		return w
	}
}

// plainOp is an operation without a block: one of acts, or to unlock, or to skip
// the next n unless the register is odd, or to end.
type plainOp struct {
	kind   actKind
	object int
}

const (
	unlocks actKind = 100 + iota
	skips
	ends
)

func flat(acts []act) []plainOp {
	var ops []plainOp
	for _, a := range acts {
		block := flat(a.block)
		switch a.kind {
		case locked:
			ops = append(append(append(ops, plainOp{locked, a.object}), block...), plainOp{unlocks, a.object})
		case twice:
			ops = append(append(ops, block...), block...)
		case inClosure:
			ops = append(ops, block...)
		case ifOdd:
			ops = append(append(ops, plainOp{skips, len(block)}), block...)
		default:
			ops = append(ops, plainOp{a.kind, a.object})
		}
	}
	return ops
}

// ocean is the whole state of the interpreter.
type ocean struct {
	at, register, end [3]int
	vars              [functionVars]int
	atom              int
	holder            [functionLocks]int // from 1; 0: free
	buffer            int                // of the first channel
	full              bool
	met               [3]bool // its send on the second channel is done
}

// interpreter visits every state.
type interpreter struct {
	tasks [][]plainOp
	seen  map[ocean]bool
	finals
}

// finals is what a search of functions sees.
type finals struct {
	ends    map[string]bool // final states
	stuck   bool
	race    bool
	visited int
}

// next is the next operation of a task that is none to skip.
func (in *interpreter) settle(o *ocean) {
	for i := range in.tasks {
		for o.at[i] < len(in.tasks[i]) && in.tasks[i][o.at[i]].kind == skips {
			if o.register[i]%2 != 1 {
				o.at[i] += in.tasks[i][o.at[i]].object
			}
			o.at[i]++
		}
	}
}

func (in *interpreter) visit(o ocean) {
	in.settle(&o)
	if in.seen[o] {
		return
	}
	in.seen[o] = true
	moved := false
	var accesses []plainOp
	for i := range in.tasks {
		if o.at[i] == len(in.tasks[i]) {
			continue
		}
		op := in.tasks[i][o.at[i]]
		for _, next := range in.steps(o, i, op) {
			moved = true
			in.visit(next)
		}
		if op.kind <= writes {
			for _, other := range accesses {
				in.race = in.race || other.object == op.object && (other.kind == writes || op.kind == writes)
			}
			accesses = append(accesses, op)
		}
	}
	if moved {
		return
	}
	if slices.ContainsFunc([]int{0, 1, 2}[:len(in.tasks)], func(i int) bool { return o.at[i] < len(in.tasks[i]) }) {
		in.stuck = true
	}
	buffer := []int{}
	if o.full {
		buffer = append(buffer, o.buffer)
	}
	in.ends[fmt.Sprint(o.vars[0], o.vars[1], o.atom, buffer, o.end[0], o.end[1], o.end[2])] = true
}

// steps lists where the operation of a task leads to.
func (in *interpreter) steps(o ocean, i int, op plainOp) []ocean {
	next := o
	next.at[i]++
	r := &next.register[i]
	switch op.kind {
	case reads:
		*r += o.vars[op.object]
	case writes:
		next.vars[op.object] = *r + 1
	case loads:
		*r += o.atom
	case stores:
		next.atom = *r + 1
	case ends:
		next.end[i] = *r + 1
	case locked:
		if o.holder[op.object] > 0 {
			return nil
		}
		next.holder[op.object] = i + 1
	case unlocks:
		next.holder[op.object] = 0
	case sends:
		switch {
		case op.object == 0 && o.full:
			return nil
		case op.object == 0:
			next.full, next.buffer = true, *r
		case !o.met[i]:
			return nil // The receiver moves.
		default:
			next.met[i] = false
		}
	case receives:
		if op.object == 0 {
			if !o.full {
				return nil
			}
			*r += o.buffer
			next.full, next.buffer = false, 0
			break
		}
		var list []ocean
		for k := range in.tasks {
			if o.at[k] < len(in.tasks[k]) && in.tasks[k][o.at[k]] == (plainOp{sends, 1}) && !o.met[k] && k != i {
				met := next
				met.register[i] += o.register[k]
				met.met[k] = true
				list = append(list, met)
			}
		}
		return list
	}
	return []ocean{next}
}

func interpret(tasks [][]act) *finals {
	in := &interpreter{seen: map[ocean]bool{}, finals: finals{ends: map[string]bool{}}}
	for _, acts := range tasks {
		in.tasks = append(in.tasks, append(flat(acts), plainOp{ends, 0}))
	}
	in.visit(ocean{})
	in.visited = len(in.seen)
	return &in.finals
}

// seenBy is what a search sees of the functions, which may trust the model: that
// is faster.
func seenBy(t *testing.T, tasks [][]act, trusting bool, search func(System, Options) (*Result, error)) *finals {
	t.Helper()
	var s *sea
	sys, err := NewWorlds(seas(tasks, &s))
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	f := &finals{ends: map[string]bool{}}
	r, err := search(sys, Options{Limit: 1 << 24, Workers: 1, trusting: trusting, atEnd: func(System) {
		f.ends[s.String()] = true
		f.stuck = f.stuck || len(sys.Unfinished()) > 0
	}})
	if err != nil {
		t.Fatalf("%v%s", err, printActs(tasks))
	}
	f.race, f.visited = r.Verdict(sim.NoDataRace).Bad > 0, r.States
	return f
}

func printActs(tasks [][]act) string {
	var b strings.Builder
	for _, acts := range tasks {
		fmt.Fprintf(&b, "\n  %v", acts)
	}
	return b.String()
}

// differs says how a search differs from the interpreter. Where there is a race,
// the points that are left out under locks may hide states, but not the race.
func (f *finals) differs(want *finals) string {
	switch {
	case f.race != want.race:
		return fmt.Sprintf("a race: %v, want %v", f.race, want.race)
	case want.race:
		return ""
	case f.stuck != want.stuck:
		return fmt.Sprintf("stuck: %v, want %v", f.stuck, want.stuck)
	}
	for end := range want.ends {
		if !f.ends[end] {
			return "never ends in " + end
		}
	}
	for end := range f.ends {
		if !want.ends[end] {
			return "ends in " + end
		}
	}
	return ""
}

// Goal: searches of functions, with loops, deferred calls and closures, see what an
// interpreter sees.
func TestRandomFunctions(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 150
	}
	races, stuck, states, visited := 0, 0, 0, 0
	for seed := range n {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		tasks := make([][]act, 2+r.IntN(2))
		for i := range tasks {
			tasks[i] = drawActs(r, 1+r.IntN(5-len(tasks)), 2, nil)
		}
		want := interpret(tasks)
		if want.visited > 3000 {
			continue
		}
		got := seenBy(t, tasks, seed >= 40, States)
		if d := got.differs(want); d != "" {
			t.Errorf("%d: states: %s%s", seed, d, printActs(tasks))
		}
		if d := seenBy(t, tasks, seed >= 40, Exhaustive).differs(want); d != "" {
			t.Errorf("%d: exhaustive: %s%s", seed, d, printActs(tasks))
		}
		visited += want.visited
		states += got.visited
		if want.race {
			races++
		}
		if want.stuck {
			stuck++
		}
	}
	t.Logf("%d functions: %d race, %d can get stuck; %d states, %d of the interpreter", n, races, stuck, states, visited)
	if races < n/10 || races > n*9/10 || stuck < n/10 {
		t.Error("too few of the functions have anything to find")
	}
}

// Goal: the counts that are known of programs are those of functions. What a function has
// read stays in its state when it has ended, as a program's register does: these counts are
// published so.
func TestKnownCountsOfFunctions(t *testing.T) {
	for _, test := range []struct{ tasks, states, classes int }{{2, 13, 4}, {3, 84, 36}, {4, 755, 576}} {
		build := func() *sim.World {
			w := sim.NewWorld()
			var n sim.Var[int]
			w.Share("n", &n)
			for i := range test.tasks {
				w.Go(fmt.Sprint("G", i), func(t *sim.Task) { v := n.Get(t); n.Set(t, v+1) })
			}
			return w
		}
		sys, err := NewWorlds(build)
		if err != nil {
			t.Fatal(err)
		}
		byStates, err := States(sys, Options{Limit: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		byClasses, err := Exhaustive(sys, Options{Limit: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		states, classes := byStates.States, byClasses.Runs
		if sys.Close(); states != test.states || classes != test.classes {
			t.Errorf("%d tasks: %d states and %d classes, want %d and %d", test.tasks, states, classes, test.states, test.classes)
		}
	}
}

// all searches every state of the world that build makes.
func all(build func(w *sim.World)) (*Result, error) {
	sys, err := NewWorlds(func() *sim.World {
		w := sim.NewWorld()
		build(w)
		return w
	})
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	return States(sys, Options{Limit: 1 << 16, Workers: 1})
}

// Goal: what two tasks share in secret is found.
func TestWhatFunctionsMustNotShare(t *testing.T) {
	_, err := all(func(w *sim.World) {
		plain := 0
		count := func() int { plain++; return plain } // Where racevet does not see it.
		for i := range 2 {
			w.Go(fmt.Sprint("G", i), func(t *sim.Task) {
				t.Step("a")
				if count() > 1 {
					t.Step("b")
				}
				t.Step("c")
			})
		}
	})
	if err == nil || !strings.Contains(err.Error(), "run again") {
		t.Errorf("what is found is %v; want what happens when the function is run again", err)
	}
}

// Goal: goroutines that a run starts are tasks like others.
func TestTaskGo(t *testing.T) {
	r, err := all(func(w *sim.World) {
		var s struct {
			n    sim.Var[int]
			done sim.WaitGroup
		}
		w.Share("s", &s)
		s.done.Init(2)
		w.Go("main", func(t *sim.Task) {
			for i := range 2 {
				t.Go("worker", func(t *sim.Task) {
					defer s.done.Done(t)
					v := s.n.Get(t)
					s.n.Set(t, v+i+1)
				})
			}
			s.done.Wait(t)
			n := s.n.Get(t)
			t.Assert(n == 3, "n is %d, want 3", n)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	v := r.Verdict(sim.Assertions)
	if !r.Complete || v.Bad == 0 || v.Schedule.String() != "main go worker; main go worker#2; worker#2 read s.n; worker read s.n; worker write s.n; worker done s.done; worker#2 write s.n; worker#2 done s.done; main wait for s.done; main read s.n" {
		t.Errorf("%v: %v (%v)", r.Explored(), v.Err, v.Schedule)
	}
	if bad := r.Verdict(sim.NoDataRace).Bad; bad == 0 {
		t.Error("no race of the two workers")
	}
}

// Goal: a coroutine that is given up does nothing more, whatever its function has
// deferred; and what a function recovers from is its own.
func TestDeferredCallsOfAFunction(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		Of(w).SetMaxCoroutines(1)
		var s struct {
			mu sim.Mutex
			n  sim.Atomic[int]
		}
		w.Share("s", &s)
		for i := range 3 {
			w.Go(fmt.Sprint("G", i), func(t *sim.Task) {
				defer func() {
					recover()
					s.n.Add(t, 100)
				}()
				s.mu.Lock(t)
				defer s.mu.Unlock(t)
				s.n.Add(t, 1)
				t.Step("work")
			})
		}
		w.Finally("each adds once", func(c *sim.Claim) { c.Assert(s.n.Peek() == 303, "n is %d", s.n.Peek()) })
		return w
	}
	sys, err := NewWorlds(build)
	if err != nil {
		t.Fatal(err)
	}
	r, err := States(sys, Options{Limit: 1 << 16, Workers: 1})
	if sys.Close(); err != nil || !r.Complete || r.AnyBroken() {
		t.Errorf("%+v, %v", r, err)
	}
}
