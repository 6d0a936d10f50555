package sim_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/trace"
)

// op is one operation of a random program.
type op struct {
	kind string // rlock, runlock, lock, unlock: on a RWMutex; mix: change x
	lock int
}

// pair is what the tasks of random programs share.
type pair struct {
	rw [2]sim.RWMutex
	x  sim.Var[int]
}

// performer is a task that performs operations, each a step at least.
type performer struct {
	*pair
	ops []op `sim:"config"`
	i   int
}

func (p *performer) Run(t *sim.Task) {
	for p.i = 0; p.i < len(p.ops); p.i++ {
		p.perform(t)
	}
}

func (p *performer) perform(t *sim.Task) {
	switch p.ops[p.i].kind {
	case "rlock":
		p.rw[p.ops[p.i].lock].RLock(t.At("rlock"))
	case "lock":
		p.rw[p.ops[p.i].lock].Lock(t.At("lock"))
	case "runlock":
		t.Step("runlock")
		p.rw[p.ops[p.i].lock].RUnlock(t)
	case "unlock":
		t.Step("unlock")
		p.rw[p.ops[p.i].lock].Unlock(t)
	case "mix":
		t.Step("mix")
		p.x.Set(t, mixed(p.x.Get(t), int(t.Name()[0]-'A')))
	}
}

// mixed tells apart in what order tasks have changed x.
func mixed(x, task int) int { return x*4 + task + 1 }

// performers returns the world of a program, and its tasks.
func performers(program [][]op, noPreference bool) (*sim.World, []*performer) {
	shared := &pair{}
	shared.rw[0].NoPreference, shared.rw[1].NoPreference = noPreference, noPreference
	w := sim.NewWorld()
	w.Share("l", shared)
	var tasks []*performer
	for i, ops := range program {
		tasks = append(tasks, &performer{pair: shared, ops: ops})
		w.GoProgram(string(rune('A'+i)), tasks[i])
	}
	return w, tasks
}

// randomLocking returns a program whose tasks unlock what they lock.
func randomLocking(r *rand.Rand) [][]op {
	program := make([][]op, 2+r.IntN(2))
	for i := range program {
		var open []op
		for range 2 + r.IntN(4) {
			switch k := r.IntN(6); {
			case k < 2:
				open = append(open, op{"rlock", r.IntN(2)})
				program[i] = append(program[i], open[len(open)-1])
			case k < 3:
				open = append(open, op{"lock", r.IntN(2)})
				program[i] = append(program[i], open[len(open)-1])
			case k < 5 && len(open) > 0:
				last := open[len(open)-1]
				open = open[:len(open)-1]
				program[i] = append(program[i], op{strings.Replace(last.kind, "lock", "unlock", 1), last.lock})
			default:
				program[i] = append(program[i], op{"mix", 0})
			}
		}
		for _, last := range slices.Backward(open) {
			program[i] = append(program[i], op{strings.Replace(last.kind, "lock", "unlock", 1), last.lock})
		}
	}
	return program
}

// visited is a state of a world with the steps out of it.
type visited struct {
	state   *sim.Snapshot
	enabled []sim.Event
	next    []uint64
	broke   [][]sim.Violation
}

// visit goes to every state of a world. It calls atEnd where nothing can happen.
func visit(w *sim.World, atEnd func()) map[uint64]*visited {
	states := map[uint64]*visited{}
	var from func()
	from = func() {
		at := &visited{state: w.Save(), enabled: slices.Clone(w.Enabled())}
		states[w.Fingerprint()] = at
		if len(at.enabled) == 0 && atEnd != nil {
			atEnd()
		}
		for i := range at.enabled {
			w.Load(at.state)
			w.Take(i)
			at.next = append(at.next, w.Fingerprint())
			at.broke = append(at.broke, slices.Clone(w.Violations()))
			if states[w.Fingerprint()] == nil {
				from()
			}
		}
	}
	from()
	return states
}

// ends lists how a program can end: where each task is, and what x holds.
func ends(program [][]op, noPreference bool) []string {
	w, tasks := performers(program, noPreference)
	defer w.Close()
	var list []string
	visit(w, func() {
		var at []int
		for _, p := range tasks {
			at = append(at, p.i)
		}
		list = append(list, fmt.Sprint(at, tasks[0].x.Peek()))
	})
	slices.Sort(list)
	return slices.Compact(list)
}

// goRWMutex is sync.RWMutex, each of its atomic operations a step.
type goRWMutex struct {
	w                                             bool
	writerSem, readerSem, readerCount, readerWait int
}

const rwmutexMaxReaders = 1 << 30

// goState is a program on such locks.
type goState struct {
	locks [2]goRWMutex
	x     int
	i, pc [3]int // of each task: its operation, and how far it is in it
	r     [3]int // what the operation remembers
}

// step takes the next atomic operation of a task, and says whether it could.
func (s *goState) step(task int, o op) bool {
	rw, pc, r := &s.locks[o.lock], &s.pc[task], &s.r[task]
	done := false
	switch at := fmt.Sprint(o.kind, *pc); at {
	case "mix0":
		s.x = mixed(s.x, task)
		done = true
	case "rlock0":
		rw.readerCount++
		done = rw.readerCount >= 0
	case "rlock1":
		if rw.readerSem == 0 {
			return false
		}
		rw.readerSem--
		done = true
	case "runlock0":
		rw.readerCount--
		done = rw.readerCount >= 0
	case "runlock1":
		rw.readerWait--
		done = rw.readerWait != 0
	case "runlock2":
		rw.writerSem++
		done = true
	case "lock0":
		if rw.w {
			return false
		}
		rw.w = true
	case "lock1":
		*r = rw.readerCount
		rw.readerCount -= rwmutexMaxReaders
		done = *r == 0
	case "lock2":
		rw.readerWait += *r
		done = rw.readerWait == 0
	case "lock3":
		if rw.writerSem == 0 {
			return false
		}
		rw.writerSem--
		done = true
	case "unlock0":
		rw.readerCount += rwmutexMaxReaders
		*r = rw.readerCount
	case "unlock1":
		if *r > 0 {
			rw.readerSem++
			*r--
			return true
		}
	case "unlock2":
		rw.w = false
		done = true
	}
	*pc++
	if done {
		*pc, *r = 0, 0
		s.i[task]++
	}
	return true
}

func goEnds(program [][]op) []string {
	seen := map[goState]bool{}
	var list []string
	var from func(s goState)
	from = func(s goState) {
		if seen[s] {
			return
		}
		seen[s] = true
		end := true
		for task, ops := range program {
			next := s
			if s.i[task] < len(ops) && next.step(task, ops[s.i[task]]) {
				end = false
				from(next)
			}
		}
		if end {
			list = append(list, fmt.Sprint(s.i[:len(program)], s.x))
		}
	}
	from(goState{})
	slices.Sort(list)
	return slices.Compact(list)
}

// Goal: the model of RWMutex can do just what Go's can, although it has no
// queue and needs one step where Go needs several. Method: random programs on
// both, Go's taken apart into its atomic operations; all runs of each; the same
// ends, deadlocks among them. Without writer preference they must differ.
func TestRWMutexIsGos(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	stuck, preferred := 0, 0
	for range 250 {
		program := randomLocking(r)
		got, want := ends(program, false), goEnds(program)
		if !slices.Equal(got, want) {
			t.Fatalf("program %v ends by\n%v\nwant, as Go's lock does,\n%v", program, got, want)
		}
		for _, end := range want {
			var finished []int
			for _, ops := range program {
				finished = append(finished, len(ops))
			}
			if !strings.HasPrefix(end, fmt.Sprint(finished)) {
				stuck++
			}
		}
		if !slices.Equal(ends(program, true), want) {
			preferred++
		}
	}
	if stuck < 20 || preferred < 20 {
		t.Errorf("%d ends are deadlocks, and %d programs depend on writer preference; want 20 of each, or the test shows little", stuck, preferred)
	}
}

// recursiveRead is what the documentation of sync.RWMutex prohibits: a task
// that reads reads once more, and a writer may come between.
var recursiveRead = [][]op{
	{{"rlock", 0}, {"rlock", 0}, {"runlock", 0}, {"runlock", 0}},
	{{"lock", 0}, {"unlock", 0}},
}

func TestRWMutexCountsStates(t *testing.T) {
	for _, test := range []struct {
		name         string
		program      [][]op
		noPreference bool
		states, ends int
	}{
		// Each reader has 3 places: 3 x 3.
		{"two readers share", [][]op{{{"rlock", 0}, {"runlock", 0}}, {{"rlock", 0}, {"runlock", 0}}}, false, 9, 1},
		// 3 x 3, without the one where both have the lock.
		{"two writers do not", [][]op{{{"lock", 0}, {"unlock", 0}}, {{"lock", 0}, {"unlock", 0}}}, false, 8, 1},
		// The same, and the one in which the writer waits for the reader, and
		// the one in which it may go on.
		{"reader and writer", [][]op{{{"rlock", 0}, {"runlock", 0}}, {{"lock", 0}, {"unlock", 0}}}, false, 10, 1},
		{"reader and writer, no preference", [][]op{{{"rlock", 0}, {"runlock", 0}}, {{"lock", 0}, {"unlock", 0}}}, true, 8, 1},
		// 5 x 3, without the 3 in which both have the lock, and the 4 in which the
		// writer waits; in one of those for ever.
		{"recursive read", recursiveRead, false, 16, 2},
		{"recursive read, no preference", recursiveRead, true, 12, 1},
	} {
		w, _ := performers(test.program, test.noPreference)
		got := len(visit(w, nil))
		w.Close()
		if ends := len(ends(test.program, test.noPreference)); got != test.states || ends != test.ends {
			t.Errorf("%s: %d states and %d ends, want %d and %d", test.name, got, ends, test.states, test.ends)
		}
	}
}

// play takes events by name.
func play(t *testing.T, w *sim.World, schedule string) {
	t.Helper()
	parsed, err := sim.ParseSchedule(schedule)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sim.Run(w, sim.NewReplay(parsed)); err != nil {
		t.Fatal(err)
	}
}

func TestRWMutexPrefersWriters(t *testing.T) {
	program := [][]op{
		{{"rlock", 0}, {"runlock", 0}},
		{{"lock", 0}, {"unlock", 0}},
		{{"rlock", 0}, {"runlock", 0}},
	}
	for _, test := range []struct {
		name, schedule string
		noPreference   bool
		want           string
	}{
		{"readers share", "A rlock", false, "[A runlock B lock C rlock]"},
		{"a writer that waits keeps readers out", "A rlock; B lock", false, "[A runlock]"},
		{"the last reader lets the writer in", "A rlock; C rlock; B lock; C runlock; A runlock", false, "[B lock (readers leave)]"},
		{"and nobody else", "A rlock; B lock; A runlock", false, "[B lock (readers leave)]"},
		{"the writer keeps readers out", "A rlock; B lock; A runlock; B lock (readers leave)", false, "[B unlock]"},
		{"and lets them in", "A rlock; B lock; A runlock; B lock (readers leave); B unlock", false, "[C rlock]"},
		{"a free lock takes one step", "B lock", false, "[B unlock]"},
		{"no preference", "A rlock", true, "[A runlock C rlock]"},
	} {
		w, _ := performers(program, test.noPreference)
		play(t, w, test.schedule)
		if got := fmt.Sprint(w.Enabled()); got != test.want {
			t.Errorf("%s: after %s enabled are %s, want %s", test.name, test.schedule, got, test.want)
		}
		w.Close()
	}
}

// Goal: readers do not depend on one another, and on writers they do.
func TestRWMutexRecordsWhatItTouches(t *testing.T) {
	l := &pair{}
	w := sim.NewWorld()
	w.Share("l", l)
	touched := func(name string) *script {
		return &script{run: func(task *sim.Task, _ *script) {
			if name == "C" {
				l.rw[0].Lock(task.At("lock"))
				task.Step("unlock")
				l.rw[0].Unlock(task)
				return
			}
			l.rw[0].RLock(task.At("rlock"))
			task.Step("runlock")
			l.rw[0].RUnlock(task)
		}}
	}
	for _, name := range []string{"A", "B", "C"} {
		w.GoProgram(name, touched(name))
	}
	trace := trace.Record(w)
	play(t, w, "A rlock; C lock; A runlock; C lock (readers leave); C unlock; B rlock")
	w.Close()
	var got strings.Builder
	for _, step := range trace.Steps {
		fmt.Fprintf(&got, "%s:", step.Step)
		for _, touch := range step.Touched {
			fmt.Fprintf(&got, " %s %v", strings.TrimPrefix(touch.Object, "l."), touch.Write)
		}
		got.WriteString("\n")
	}
	want := `A rlock: rw[0] false rw[0].readers[A] true
C lock: rw[0] true rw[0].readers[A] false rw[0].readers[B] false rw[0].readers[C] false
A runlock: rw[0].readers[A] true
C lock (readers leave): rw[0] true rw[0].readers[A] false rw[0].readers[B] false rw[0].readers[C] false
C unlock: rw[0] true
B rlock: rw[0] false rw[0].readers[B] true
`
	if got.String() != want {
		t.Errorf("touched (true: written):\n%swant:\n%s", got.String(), want)
	}
}

// Goal: in timed mode nobody misses that a lock is free. Method: programs that
// cannot deadlock end, with delays that bring tasks into each other's way.
func TestRWMutexInTimedMode(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	waited := 0
	for range 200 {
		program := make([][]op, 3)
		for i := range program {
			for range 3 {
				if r.IntN(2) == 0 {
					program[i] = append(program[i], op{"rlock", 0}, op{"mix", 0}, op{"runlock", 0})
				} else {
					program[i] = append(program[i], op{"lock", 0}, op{"mix", 0}, op{"unlock", 0})
				}
			}
		}
		w, _ := performers(program, r.IntN(2) == 0)
		timing := sim.Timing{Seed: r.Uint64()}
		for i := range program {
			delay := sim.Constant(time.Duration(1 + r.IntN(3)))
			timing.Overrides = append(timing.Overrides, sim.DelayOverride{Of: string(rune('A' + i)), Delay: delay})
		}
		w.Timed(timing)
		trace, ending := run(t, w, sim.NewWalk(r.Uint64()))
		if ending != sim.Finished {
			t.Fatalf("program %v ended by %q: %v", program, ending, trace.Steps[len(trace.Steps)-1].Broke)
		}
		if !slices.Contains(trace.Vacuous, sim.NoDeadlock) {
			waited++
		}
	}
	if waited < 100 {
		t.Errorf("a task waited for the lock in %d of 200 runs; want 100, or the test shows little", waited)
	}
}

func TestRWMutexMisuseIsAPanicOfTheClient(t *testing.T) {
	for _, test := range []struct{ kind, want string }{
		{"runlock", "A panicked: RUnlock of unlocked RWMutex"},
		{"unlock", "A panicked: Unlock of unlocked RWMutex"},
	} {
		w, _ := performers([][]op{{{test.kind, 0}}}, false)
		w.Take(0)
		if broke := w.Violations(); len(broke) != 1 || broke[0].Err.Error() != test.want {
			t.Errorf("broke %v, want %s", broke, test.want)
		}
		w.Close()
	}
}

// As in Go, a task may give back the read lock that another took.
func TestAnotherTaskMayRUnlock(t *testing.T) {
	w, tasks := performers([][]op{{{"rlock", 0}}, {{"runlock", 0}}, {{"lock", 0}}}, false)
	play(t, w, "A rlock; B runlock; C lock")
	if tasks[2].i != 1 {
		t.Error("the writer waits for a read lock that was given back")
	}
	w.Close()
}

// flags is an atomic of each kind.
type flags struct {
	n sim.Atomic[int32]
	u sim.Atomic[uint64]
	b sim.Atomic[bool]
}

func TestAtomicOperations(t *testing.T) {
	f := &flags{}
	f.n.Init(-1)
	w := sim.NewWorld()
	w.Share("f", f)
	var got []any
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		task.Step("all")
		got = append(got,
			f.n.Load(task), f.n.Add(task, 3), f.n.Add(task, -4), f.n.Swap(task, 7),
			f.n.CompareAndSwap(task, 8, 9), f.n.CompareAndSwap(task, 7, 9), f.n.Load(task),
			f.u.Add(task, ^uint64(0)), f.b.Swap(task, true), f.b.CompareAndSwap(task, true, false), f.b.Load(task))
		f.b.Store(task, true)
	}})
	w.Take(0)
	w.Close()
	want := "[-1 2 -2 -2 false true 9 18446744073709551615 false true false]"
	if fmt.Sprint(got) != want || !f.b.Peek() || f.n.Peek() != 9 {
		t.Errorf("the operations return %v and leave n = %v, b = %v; want %s, 9 and true", got, f.n.Peek(), f.b.Peek(), want)
	}
}
