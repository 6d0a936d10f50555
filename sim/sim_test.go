package sim_test

import (
	"fmt"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/trace"
)

// message is the smallest message.
type message struct{ text string }

func (m *message) Name() string   { return "Ping" }
func (m *message) String() string { return m.text }

// echo answers each request with its own text.
type echo struct{ served int }

func (n *echo) Handle(e sim.Envelope, out *sim.Outbox) {
	n.served++
	out.Reply(e, &message{"re " + sim.ContentsOf(e.Message)})
}

// script is a program that runs a function, for tests whose tasks need no
// frame. Its function must keep nothing across a point.
type script struct {
	got []string `sim:"config"` // what a test looks at afterwards; no part of the state
	run func(t *sim.Task, s *script)
}

func (s *script) Run(t *sim.Task) { s.run(t, s) }

type locked struct {
	lock sim.Mutex
	x    sim.Var[int]
}

func run(t *testing.T, w *sim.World, c sim.Chooser) (*trace.Trace, sim.Ending) {
	t.Helper()
	trace := trace.Record(w)
	ending, err := sim.Run(w, c)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	return trace, ending
}

// refused is the refusal that a call panics with, or nil.
func refused(call func()) (err error) {
	defer sim.RecoverModelError(&err)
	call()
	return nil
}

// Whatever the schedule, a connection keeps the order of its requests, and
// each task gets the answers to its own.
func TestConnIsFIFOAndAnsweredInOrder(t *testing.T) {
	for seed := range uint64(200) {
		w := sim.NewWorld()
		w.AddNode("echo", &echo{})
		c := w.Dial("client", "echo")
		var programs []*script
		for _, name := range []string{"A", "B"} {
			p := &script{run: func(task *sim.Task, s *script) {
				task.Step("send")
				c.Send(task, &message{name + "1"})
				task.Step("send")
				c.Send(task, &message{name + "2"})
				s.got = append(s.got, sim.ContentsOf(c.Receive(task.At("await"))))
				s.got = append(s.got, sim.ContentsOf(c.Receive(task.At("await"))))
			}}
			programs = append(programs, p)
			w.GoProgram(name, p)
		}
		trace, ending := run(t, w, sim.NewWalk(seed))
		var sent, arrived, answered []string
		for _, step := range trace.Steps {
			for _, act := range step.Acts {
				switch act.Action {
				case sim.Sent:
					sent = append(sent, sim.ContentsOf(act.Message))
				case sim.Arrived:
					arrived = append(arrived, sim.ContentsOf(act.Message))
				case sim.Answered:
					answered = append(answered, strings.TrimPrefix(sim.ContentsOf(act.Message), "re "))
				}
			}
		}
		if ending == sim.Stuck {
			continue // The reader of the oldest answer is the other one's second; see the test below.
		}
		if ending != sim.Finished {
			t.Fatalf("seed %d: run ended by %q", seed, ending)
		}
		if fmt.Sprint(sent) != fmt.Sprint(arrived) || fmt.Sprint(sent) != fmt.Sprint(answered) {
			t.Fatalf("seed %d: sent %v, arrived %v, answered %v: want one order", seed, sent, arrived, answered)
		}
		for i, name := range []string{"A", "B"} {
			if got, want := fmt.Sprint(programs[i].got), fmt.Sprintf("[re %s1 re %s2]", name, name); got != want {
				t.Errorf("seed %d: %s received %s, want %s", seed, name, got, want)
			}
		}
	}
}

// A held lock disables whoever wants it; when it is free, the one that just
// released it may take it again before one that has waited (barging).
func TestMutexBarges(t *testing.T) {
	build := func() *sim.World {
		l := &locked{}
		w := sim.NewWorld()
		w.Share("l", l)
		for _, name := range []string{"A", "B"} {
			w.GoProgram(name, &script{run: func(task *sim.Task, _ *script) {
				for range 2 {
					l.lock.Lock(task.At("lock"))
					task.Step("unlock")
					l.lock.Unlock(task)
				}
			}})
		}
		return w
	}
	w := build()
	w.Take(0) // A holds the lock.
	if got := w.Enabled(); len(got) != 1 || got[0].String() != "A unlock" {
		t.Errorf("enabled while A holds the lock: %v, want only A unlock", got)
	}
	schedule, err := sim.ParseSchedule("A lock; A unlock; A lock#2; A unlock#2; B lock")
	if err != nil {
		t.Fatal(err)
	}
	if _, ending := run(t, build(), sim.NewReplay(schedule)); ending != sim.ScheduleEnded {
		t.Errorf("A takes the lock twice while B waits: run ended by %q, want %q", ending, sim.ScheduleEnded)
	}
}

func TestDeadlockNamesWhoWaitsForWhat(t *testing.T) {
	a, b := &locked{}, &locked{}
	w := sim.NewWorld()
	w.Share("a", a)
	w.Share("b", b)
	take := func(first, second *locked) *script {
		return &script{run: func(task *sim.Task, _ *script) {
			first.lock.Lock(task.At("first"))
			second.lock.Lock(task.At("second"))
		}}
	}
	w.GoProgram("A", take(a, b))
	w.GoProgram("B", take(b, a))
	trace, ending := run(t, w, sim.NewReplay(sim.Schedule{{Actor: "A", Label: "first", Occurrence: 1}, {Actor: "B", Label: "first", Occurrence: 1}}))
	if ending != sim.Stuck {
		t.Fatalf("run ended by %q, want %q", ending, sim.Stuck)
	}
	broke := trace.Steps[1].Broke
	want := `A holds a.lock and wants b.lock (before "second"); B holds b.lock and wants a.lock (before "second")`
	if len(broke) != 1 || broke[0].Property != sim.NoDeadlock || broke[0].Err.Error() != want {
		t.Errorf("the second step broke %v, want %s: %s", broke, sim.NoDeadlock, want)
	}
}

func TestPanicOfATaskIsAFinding(t *testing.T) {
	l := &locked{}
	w := sim.NewWorld()
	w.Share("l", l)
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		task.Step("unlock")
		l.lock.Unlock(task)
	}})
	trace, ending := run(t, w, sim.NewWalk(1))
	if broke := trace.Steps[0].Broke; len(broke) != 1 || broke[0].Err.Error() != "A panicked: unlock of unlocked mutex" {
		t.Errorf("broke %v, want a panic of A", broke)
	}
	if ending != sim.Finished {
		t.Errorf("run ended by %q, want %q: a task that panicked has ended", ending, sim.Finished)
	}
}

// Every step says what it read and wrote.
func TestStepsRecordWhatTheyTouch(t *testing.T) {
	l := &locked{}
	w := sim.NewWorld()
	w.AddNode("echo", &echo{})
	w.Share("l", l)
	c := w.Dial("client", "echo")
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		l.lock.Lock(task.At("lock"))
		task.Step("read")
		l.x.Get(task)
		task.Step("write")
		l.x.Set(task, l.x.Get(task)+1)
		l.lock.Unlock(task)
		task.Step("send")
		c.Send(task, &message{"x"})
		c.Receive(task.At("await"))
	}})
	trace, _ := run(t, w, sim.NewWalk(1))
	var got strings.Builder
	for _, step := range trace.Steps {
		fmt.Fprintf(&got, "%s:", step.Label)
		for _, touch := range step.Touched {
			fmt.Fprintf(&got, " %s %v", touch.Object, touch.Write)
		}
		got.WriteString("\n")
	}
	want := `lock: l.lock true
read: l.x false
write: l.x true l.lock true
send: client->echo true
Ping: client->echo (arrivals) true echo true echo->client true
await: echo->client (arrivals) true
`
	if got.String() != want {
		t.Errorf("touched (true: written):\n%swant:\n%s", got.String(), want)
	}
}

// Goal: a world with more properties than a search can tell apart is refused. The last
// of them would be vacuous for ever.
func TestTooManyProperties(t *testing.T) {
	w := sim.NewWorld()
	defer w.Close()
	for i := range 61 {
		w.Always(fmt.Sprint("claim ", i), func(*sim.Claim) {})
	}
	w.Go("G", func(*sim.Task) {})
	if got := fmt.Sprint(panicOf(func() { w.Enabled() })); !strings.Contains(got, "and has room for 64") {
		t.Error(got)
	}
}

// helper is called from two places; the point in it is two different points.
type twoCalls struct{}

func (c *twoCalls) Run(t *sim.Task) {
	c.helper(t)
	c.helper(t)
}
func (c *twoCalls) helper(t *sim.Task) { t.Step("here") }

func TestAPointIsItsNameAndItsCalls(t *testing.T) {
	w := sim.NewWorld()
	w.GoProgram("A", &twoCalls{})
	defer w.Close()
	first := w.Fingerprint()
	w.Take(0)
	if w.Fingerprint() == first {
		t.Error("a point reached by another call has the same fingerprint: its two futures would be merged")
	}
}
