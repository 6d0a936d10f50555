package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

const ms = time.Millisecond

// timers is a client's timers.
type timers struct {
	a, b sim.Timer
	set  sim.Timers
}

// statesOf counts the states of a world, and fails where the search is not
// exhausted.
func statesOf(t *testing.T, build func() *sim.World) *explore.Result {
	t.Helper()
	sys, err := explore.NewWorlds(build)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	r := simtest.Must(explore.States(sys, explore.Options{Limit: 100_000, Workers: 1}))
	if !r.Complete {
		t.Fatalf("more than %d states", r.States)
	}
	return r
}

func schedule(t *testing.T, text string) sim.Chooser {
	t.Helper()
	s, err := sim.ParseSchedule(text)
	if err != nil {
		t.Fatal(err)
	}
	return sim.NewReplay(s)
}

// What Stop, Reset and a receive do, before Go 1.23 and from then on. A small
// language: s start 10 ms, k start a ticker of 10 ms, f it fires, S Stop,
// R Reset to 5 ms, r a receive that does not wait. The answers of S, R and r
// follow in that order; at the end, whether it is armed and C holds a value.
//
// Source: the documentation of time.Timer.Stop and time.NewTimer;
// runtime.timer.stop, runtime.timer.modify.
func TestTimerSemantics(t *testing.T) {
	for _, test := range []struct{ does, go122, go123 string }{
		{"r", "false; not armed", "false; not armed"},
		{"S", "false; not armed", "false; not armed"},
		{"s", "due at 10ms", "due at 10ms"},
		{"sS", "true; not armed", "true; not armed"},
		{"sSS", "true false; not armed", "true false; not armed"},
		{"sf", "a value in C", "a value in C"},
		{"sfr", "true; not armed", "true; not armed"},
		{"sfrr", "true false; not armed", "true false; not armed"},
		{"sfS", "false; a value in C", "true; not armed"},
		{"sfSr", "false true; not armed", "true false; not armed"},
		{"sfrS", "true false; not armed", "true false; not armed"},
		{"sfSS", "false false; a value in C", "true false; not armed"},
		{"sR", "true; due at 5ms", "true; due at 5ms"},
		{"sSR", "true false; due at 5ms", "true false; due at 5ms"},
		{"sfR", "false; due at 15ms, a value in C", "true; due at 15ms"},
		{"sfRr", "false true; due at 15ms", "true false; due at 15ms"},
		{"sfrR", "true false; due at 15ms", "true false; due at 15ms"},
		{"sfRf", "false; a value in C", "true; a value in C"},
		{"sfs", "due at 20ms", "due at 20ms"}, // A new timer has a new C.
		{"k", "due at 10ms", "due at 10ms"},
		{"kf", "due at 20ms, a value in C", "due at 20ms, a value in C"},
		{"kffr", "true; due at 30ms", "true; due at 30ms"},
		{"kffrr", "true false; due at 30ms", "true false; due at 30ms"},
		{"kfS", "true; a value in C", "true; not armed"},
		{"kfSr", "true true; not armed", "true false; not armed"},
		{"kfrS", "true true; not armed", "true true; not armed"},
		{"kfR", "true; due at 15ms, a value in C", "true; due at 15ms"},
		{"kRff", "true; due at 15ms, a value in C", "true; due at 15ms, a value in C"},
	} {
		for go122, want := range map[bool]string{true: test.go122, false: test.go123} {
			c := &timers{}
			var answers []string
			w := sim.NewWorld()
			if go122 {
				w.UseGo122Timers()
			}
			w.Share("c", c)
			w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
				for _, act := range test.does {
					if act == 'f' {
						continue
					}
					task.Step(string(act))
					switch act {
					case 's':
						c.a.Start(task, 10*ms)
					case 'k':
						c.a.StartTicker(task, 10*ms)
					case 'S':
						answers = append(answers, fmt.Sprint(c.a.Stop(task)))
					case 'R':
						answers = append(answers, fmt.Sprint(c.a.Reset(task, 5*ms)))
					case 'r':
						answers = append(answers, fmt.Sprint(c.a.TryReceive(task)))
					}
				}
				task.Step("end")
			}})
			for _, act := range test.does {
				actor := "A"
				if act == 'f' {
					actor = "c.a"
				}
				i := slices.IndexFunc(w.Enabled(), func(e sim.Event) bool { return e.Actor == actor })
				if i < 0 {
					t.Fatalf("%s: %s cannot move; enabled: %v", test.does, actor, w.Enabled())
				}
				w.Take(i)
			}
			got := w.Fields()[0].Value
			if answers != nil {
				got = strings.Join(answers, " ") + "; " + got
			}
			if got != want {
				t.Errorf("%s, timers of Go 1.22 %v: %s, want %s", test.does, go122, got, want)
			}
			w.Close()
		}
	}
}

// A timer may fire at any moment, but not before another that is due earlier;
// of those due together, either may be first. It moves the clock.
func TestTimersFireInDeadlineOrder(t *testing.T) {
	c := &timers{}
	w := sim.NewWorld()
	w.Share("c", c)
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		task.Step("arm")
		c.a.Start(task, 20*ms)
		c.b.Start(task, 10*ms)
		task.Step("reset")
		c.b.Reset(task, 20*ms)
		task.Step("end")
	}})
	defer w.Close()
	w.Take(0)
	if got := fmt.Sprint(w.Enabled()); got != "[A reset c.b fires]" {
		t.Errorf("a is due after 20 ms, b after 10: enabled %v", got)
	}
	w.Take(0)
	if got := fmt.Sprint(w.Enabled()); got != "[A end c.a fires c.b fires]" {
		t.Errorf("both are due after 20 ms: enabled %v", got)
	}
	if w.Take(2); w.Now() != 20*ms {
		t.Errorf("the clock stands at %v after a timer of 20 ms fired", w.Now())
	}
}

// A timer's events belong to a process of its own, and each step says what it
// touched: what is armed, stopped or fires depends on the timer, and what reads
// the clock on what moves it.
func TestTimerStepsRecordWhatTheyTouch(t *testing.T) {
	c := &timers{}
	w := sim.NewWorld()
	w.AddNode("echo", &echo{})
	w.Dial("client", "echo")
	w.Share("c", c)
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		task.Step("arm")
		c.a.Start(task, ms)
		c.a.Receive(task.At("await"))
		c.a.Start(task, ms)
		task.Step("stop")
		c.a.Stop(task)
		task.Step("look")
		c.a.TryReceive(task)
		task.Step("new")
		c.set.At(c.set.New(task)).Start(task, 0)
		c.set.At(1).Receive(task.At("await late"))
	}})
	trace, _ := run(t, w, schedule(t, "A arm; c.a fires; A await; A stop; A look; A new; c.set[1] fires; A await late"))
	var got strings.Builder
	for _, step := range trace.Steps {
		fmt.Fprintf(&got, "%v in %s:", step.Step, step.Lane)
		for _, touch := range step.Touched {
			fmt.Fprintf(&got, " %s %v", touch.Object, touch.Write)
		}
		got.WriteString("\n")
	}
	want := `A arm in A: c.a true clock false
c.a fires in c.a: clock true c.a true
A await in A: c.a true clock false
A stop in A: c.a true clock false
A look in A: c.a false
A new in A: c.set true c.set[1] true clock false
c.set[1] fires in c.set[1]: clock false c.set[1] true
A await late in A: c.set[1] true the end of the run false
`
	if got.String() != want {
		t.Errorf("touched (true: written):\n%swant:\n%s", got.String(), want)
	}
}

func TestReceiveWithoutATimerIsNamed(t *testing.T) {
	c := &timers{}
	w := sim.NewWorld()
	w.Share("c", c)
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		task.Step("start")
		c.a.Receive(task.At("await"))
	}})
	trace, ending := run(t, w, sim.NewWalk(1))
	want := `A, before "await", waits for c.a, which is not armed`
	if broke := trace.Steps[0].Broke; ending != sim.Stuck || len(broke) != 1 || broke[0].Err.Error() != want {
		t.Errorf("run ended by %q and broke %v, want %s", ending, broke, want)
	}
}

// A client makes timers as it runs; dropped ones give their place to others.
func TestTimersAreNumberedByTheirCreator(t *testing.T) {
	c := &timers{}
	c.set.Init(2)
	var got []sim.Ref
	w := sim.NewWorld()
	defer w.Close()
	w.Share("c", c)
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		task.Step("make")
		got = append(got, c.set.New(task), c.set.New(task))
		c.set.At(1).Start(task, ms)
		c.set.Drop(task, 1)
		got = append(got, c.set.New(task))
		task.Step("use")
		c.set.Drop(task, 2)
		c.set.At(2)
	}})
	w.GoProgram("B", &script{run: func(task *sim.Task, _ *script) {
		task.Step("make one too many")
		c.set.New(task)
	}})
	for i, want := range []string{"", "sim: c.set has no room for more than 2 timers", "sim: Ref 2 is no timer"} {
		w.Enabled()
		err := refused(func() { w.Take(i % 2) })
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("step %d: %v, want %q", i+1, err, want)
		}
	}
	if fmt.Sprint(got) != "[1 2 1]" {
		t.Errorf("timers made: %v, want [1 2 1]", got)
	}
}

// looping is a client that sleeps and looks at a ticker for ever: its time goes
// on, and its states come back.
type looping struct {
	c     *timers
	ticks uint8
}

func (l *looping) Run(t *sim.Task) {
	t.Step("start")
	l.c.a.StartTicker(t, 10*ms)
	for {
		l.c.b.Sleep(t.At("wake"), 25*ms)
		if l.c.a.TryReceive(t) {
			l.ticks = (l.ticks + 1) % 3
		}
	}
}

func buildLooping() *sim.World {
	c := &timers{}
	w := sim.NewWorld()
	w.Share("c", c)
	w.GoProgram("A", &looping{c: c})
	return w
}

// Deadlines count from now, so a client that loops has finitely many states: as
// many as the simplest model of it has.
func TestStatesThatDifferInTheTimeOfDayAreOne(t *testing.T) {
	type state struct {
		asleep, tick, woken bool // it has started; values in C
		ticks, toTick, left int  // left: until it wakes, -1: the timer has fired
	}
	seen := map[state]bool{}
	var visit func(s state)
	visit = func(s state) {
		if seen[s] {
			return
		}
		seen[s] = true
		if !s.asleep {
			visit(state{asleep: true, toTick: 10, left: 25})
			return
		}
		if s.woken {
			next := s
			next.woken, next.left = false, 25
			if s.tick {
				next.tick, next.ticks = false, (s.ticks+1)%3
			}
			visit(next)
		}
		if s.left < 0 || s.toTick <= s.left {
			next := s
			next.tick, next.toTick = true, 10
			if s.left >= 0 {
				next.left = s.left - s.toTick
			}
			visit(next)
		}
		if s.left >= 0 && s.left <= s.toTick {
			next := s
			next.woken, next.left, next.toTick = true, -1, s.toTick-s.left
			visit(next)
		}
	}
	visit(state{})
	if got := statesOf(t, buildLooping).States; got != len(seen) {
		t.Errorf("%d states, want %d", got, len(seen))
	}
}

// sessions is a coordinator that parks each request until its timer expires.
type sessions struct {
	parked  [2]sim.Envelope
	taken   int
	renewed sim.Time
}

func (n *sessions) Timers() []string { return []string{"session0", "session1"} }
func (n *sessions) Handle(e sim.Envelope, out *sim.Outbox) {
	n.parked[n.taken] = e
	out.After(n.taken, time.Duration(10-n.taken)*ms)
	n.taken++
	n.renewed = out.Now()
}
func (n *sessions) Expire(timer int, out *sim.Outbox) {
	out.Reply(n.parked[timer], &message{fmt.Sprintf("late %d", timer)})
	n.parked[timer] = sim.Envelope{}
}

func buildSessions() *sim.World {
	w := sim.NewWorld()
	w.AddNode("coordinator", &sessions{})
	for _, name := range []string{"A", "B"} {
		c := w.Dial(name, "coordinator")
		w.GoProgram(name, &script{run: func(task *sim.Task, s *script) {
			task.Step("send")
			c.Send(task, &message{name})
			s.got = append(s.got, sim.ContentsOf(c.Receive(task.At("await"))))
		}})
	}
	return w
}

// A node parks requests and answers them in a later step, by a timer.
func TestNodeAnswersAParkedRequest(t *testing.T) {
	w := buildSessions()
	trace, ending := run(t, w, schedule(t, `A send; B send; A->coordinator Ping; B->coordinator Ping;
		coordinator.session1 fires; B await; coordinator.session0 fires; A await`))
	if ending != sim.Finished {
		t.Fatalf("run ended by %q", ending)
	}
	if got := trace.Steps[4].Acts[0]; sim.ContentsOf(got.Message) != "late 1" || got.Peer != "B" || sim.ContentsOf(got.Request) != "B" {
		t.Errorf("session1 expires: %+v, want the answer to B", got)
	}
	if at := w.Now(); at != 10*ms || trace.Steps[7].At != sim.Never {
		t.Errorf("the last step is at %v, and says %v; want 10ms, and Never: the world is not timed", at, trace.Steps[7].At)
	}
	// Both are parked when the second comes; the one that is due first is first.
	w = buildSessions()
	defer w.Close()
	for range 4 {
		w.Take(0)
	}
	if got := fmt.Sprint(w.Enabled()); got != "[coordinator.session1 fires]" {
		t.Errorf("enabled with both requests parked: %v", got)
	}
}

// maker makes a timer for each round and drops it, as a loop around time.After.
type maker struct {
	set   *sim.Timers
	timer sim.Ref
	twice bool
}

func (m *maker) Run(t *sim.Task) {
	for {
		t.Step("make")
		m.timer = m.set.New(t)
		m.set.At(m.timer).Start(t, 5*ms)
		m.set.At(m.timer).Receive(t.At("await"))
		m.set.Drop(t, m.timer)
		m.timer = 0
		m.twice = !m.twice
	}
}

func buildMakers() *sim.World {
	c := &timers{}
	w := sim.NewWorld()
	w.Share("c", c)
	w.GoProgram("A", &maker{set: &c.set})
	w.GoProgram("B", &maker{set: &c.set})
	return w
}

// Whatever the timers do, a state that is saved and loaded goes on as the run
// that saved it did, and the walks leave nothing out.
func TestTimersAreSavedAndRestored(t *testing.T) {
	for name, build := range map[string]func() *sim.World{"looping": buildLooping, "sessions": buildSessions, "makers": buildMakers} {
		for seed := range uint64(20) {
			sameAfterLoad(t, fmt.Sprintf("%s, seed %d", name, seed), build, seed)
		}
	}
}

// What a client wrote before it armed a timer is there for whoever receives
// from it; what it wrote later races with that.
func TestTimersOrderMemory(t *testing.T) {
	for _, test := range []struct {
		late bool
		want int
	}{{false, 0}, {true, 1}} {
		c, l := &timers{}, &locked{}
		w := sim.NewWorld()
		w.Share("c", c)
		w.Share("l", l)
		w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
			task.Step("arm")
			if !test.late {
				l.x.Set(task, 1)
			}
			c.a.Start(task, ms)
			if test.late {
				l.x.Set(task, 1)
			}
		}})
		w.GoProgram("B", &script{run: func(task *sim.Task, _ *script) {
			c.a.Receive(task.At("await"))
			l.x.Get(task)
		}})
		trace, _ := run(t, w, schedule(t, "A arm; c.a fires; B await"))
		if broke := trace.Steps[2].Broke; len(broke) != test.want {
			t.Errorf("written after arming %v: broke %v, want %d data races", test.late, broke, test.want)
		}
	}
}

// sameAfterLoad walks a world, saving each state, and then loads each of them,
// in this world and in one that never ran, and compares what comes after. Each
// step has to have recorded what it touched.
func sameAfterLoad(t *testing.T, name string, build func() *sim.World, seed uint64) {
	t.Helper()
	const steps = 40
	w, other, checked := build(), build(), build()
	defer w.Close()
	defer other.Close()
	defer checked.Close()
	w.Save() // From now on what is needed to load is learned.
	walk := sim.NewWalk(seed)
	type moment struct {
		state   *sim.Snapshot
		is      string
		choice  int
		violate string
	}
	look := func(w *sim.World) string {
		return fmt.Sprint(w.Now(), w.Enabled(), w.Fingerprint(), w.Fields())
	}
	var run []moment
	for len(run) < steps && len(w.Enabled()) > 0 {
		i, _ := walk.Choose(w.Enabled())
		run = append(run, moment{state: w.Save(), is: look(w), choice: i})
		if err := checked.CheckStep(i); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w.Take(i)
		run[len(run)-1].violate = fmt.Sprint(w.Violations(), w.Accesses())
	}
	end := look(w)
	other.Learn(w)
	for _, world := range []*sim.World{w, other} {
		for i := len(run) - 1; i >= 0; i -= 3 {
			world.Load(run[i].state)
			for j := i; j < len(run); j++ {
				if is := look(world); is != run[j].is {
					t.Fatalf("%s: state %d, from state %d on:\n%s\nwant:\n%s", name, j, i, is, run[j].is)
				}
				world.Take(run[j].choice)
				if got := fmt.Sprint(world.Violations(), world.Accesses()); got != run[j].violate {
					t.Fatalf("%s: step %d, from state %d on: %s, want %s", name, j, i, got, run[j].violate)
				}
			}
			if is := look(world); is != end {
				t.Fatalf("%s: the end, from state %d on:\n%s\nwant:\n%s", name, i, is, end)
			}
		}
	}
}

// napper is a program with a timer of its own.
type timerTask struct{ timer sim.Timer }

func (s *timerTask) Run(t *sim.Task) {
	t.Step("nap")
	s.timer.Sleep(t.At("wake"), 10*ms)
}

// A timer stands in the lane of the task whose it is; one that several tasks can
// get at has a lane of its own.
func TestLanesOfTimers(t *testing.T) {
	w := sim.NewWorld()
	w.GoProgram("A", &timerTask{})
	w.GoProgram("B", &timerTask{})
	shared := &timerTask{}
	w.Share("c", shared)
	w.GoProgram("C", &script{run: func(task *sim.Task, _ *script) {
		task.Step("nap")
		shared.timer.Sleep(task.At("wake"), 20*ms)
	}})
	trace, _ := run(t, w, schedule(t, "A nap; B nap; C nap; A.timer fires; B.timer fires; c.timer fires"))
	var lanes []string
	for _, step := range trace.Steps[3:] {
		lanes = append(lanes, step.Lane)
	}
	if got := strings.Join(lanes, " "); got != "A B c.timer" {
		t.Errorf("lanes %s, want A B c.timer", got)
	}
}
