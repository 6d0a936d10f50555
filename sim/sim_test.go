package sim_test

import (
	"fmt"
	"maps"
	"slices"
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

// Goal: what no state can hold is refused at the start, by its path; so is what is
// shared by value. Method: a task with a field of each sort.
func TestWhatNoStateCanHoldIsRefused(t *testing.T) {
	type inner struct{ M map[int]int }
	for _, test := range []struct {
		shared any
		want   string
	}{
		{&struct{ m map[int]int }{}, "sim: x.m is a map, whose order is random: use a slice"},
		{&struct{ c chan int }{}, "sim: x.c is a channel of Go's: use sim.Chan"},
		{&struct{ in *inner }{&inner{}}, "sim: x.in.M is a map"},
		{&struct{ any any }{map[int]int{}}, "sim: x.any is a map"},
		{&struct{ list []inner }{}, "sim: x.list is a []sim_test.inner, which no state can hold"},
		{&struct{ p uintptr }{}, "sim: x.p is a uintptr, which no state can hold"},
		{struct{ n int }{}, `sim: Share("x") wants a pointer, has struct`},
		{&struct {
			m map[int]int `sim:"config"`
			f func()
			a any
		}{}, "<nil>"},
	} {
		w := sim.NewWorld()
		got := fmt.Sprint(panicOf(func() {
			w.Share("x", test.shared)
			w.Enabled()
		}))
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%T: %s, want %s", test.shared, got, test.want)
		}
	}
}

// kinds has a field of each kind of state.
type kinds struct {
	Flag   bool
	small  int8
	middle uint16
	large  int32
	word   uint64
	ratio  float64
	text   string
	array  [2]int
	list   []int
	deep   [][]int32
	of     []struct {
		n    int8
		name string
		in   []bool
	}
	at   sim.Time
	next *kinds
	any  any
	Name string `sim:"config"`

	change func(k *kinds) // what its step does
}

func (k *kinds) Run(t *sim.Task) {
	t.Step("only")
	if k.change != nil {
		k.change(k)
	}
}

// Goal: each field counts, is put back by Load, and has its path. Method: change
// one field at a time, in a step, behind a pointer
// and an interface too.
func TestEachFieldIsState(t *testing.T) {
	changes := map[string]func(k *kinds){
		"A.Flag":           func(k *kinds) { k.Flag = true },
		"A.small":          func(k *kinds) { k.small = -1 },
		"A.middle":         func(k *kinds) { k.middle = 1 << 8 },
		"A.large":          func(k *kinds) { k.large = 1 << 16 },
		"A.word":           func(k *kinds) { k.word = 1 << 32 },
		"A.ratio":          func(k *kinds) { k.ratio = 0.5 },
		"A.text":           func(k *kinds) { k.text = "x" },
		"A.array[1]":       func(k *kinds) { k.array[1] = 1 },
		"A.list[0]":        func(k *kinds) { k.list = append(k.list, 0) },
		"A.deep[0][0]":     func(k *kinds) { k.deep = append(k.deep, []int32{0}) },
		"A.of[0].n":        func(k *kinds) { k.of = append(k.of, k.of[:1]...)[:1:1]; k.of[0].n = 7 },
		"A.of[0].name":     func(k *kinds) { k.of[0].name = "y" },
		"A.of[0].in[0]":    func(k *kinds) { k.of[0].in = append(k.of[0].in, true) },
		"A.at":             func(k *kinds) { k.at = 5 },
		"A.next.word":      func(k *kinds) { k.next.word = 1 },
		"A.next.any.small": func(k *kinds) { k.next.any.(*kinds).small = 1 },
	}
	for _, path := range slices.Sorted(maps.Keys(changes)) {
		k := &kinds{next: &kinds{any: &kinds{}}}
		k.next.next = k // A circle.
		k.of = make([]struct {
			n    int8
			name string
			in   []bool
		}, 1)
		w := sim.NewWorld()
		w.GoProgram("A", k)
		before, print, was := w.Save(), w.Fingerprint(), w.Fields()
		w.Take(0)
		end := w.Fingerprint()
		w.Load(before)
		k.change = changes[path]
		if w.Take(0); w.Fingerprint() == end {
			t.Errorf("%s: two states that differ there have one fingerprint", path)
		}
		if !slices.ContainsFunc(w.Fields(), func(f sim.Field) bool { return f.Path == path && !slices.Contains(was, f) }) {
			t.Errorf("%s is not among the fields, or has its old value", path)
		}
		w.Load(before)
		if got := w.Fields(); w.Fingerprint() != print || !slices.Equal(got, was) {
			t.Errorf("%s is not put back: %s", path, sim.FirstDifference(was, got))
		}
		w.Close()
	}
}

// rewirer turns a pointer round.
type rewirer struct {
	to   *int
	list []*int
	how  string `sim:"config"`
}

func (r *rewirer) Run(t *sim.Task) {
	t.Step("rewire")
	switch r.how {
	case "to":
		r.to = new(int)
	case "list":
		r.list = append(r.list, r.to)
	}
}

// Goal: a search says that wiring changed, and which.
func TestCheckStepFindsChangedWiring(t *testing.T) {
	for how, want := range map[string]string{"": "<nil>", "to": "A.to. Let a field", "list": "A.list. Let a field"} {
		w := sim.NewWorld()
		w.GoProgram("A", &rewirer{to: new(int), how: how})
		if got := fmt.Sprint(w.CheckStep(0)); !strings.Contains(got, want) {
			t.Errorf("rewires %q: %s, want %s", how, got, want)
		}
		w.Close()
	}
}

// fixture has what is fixed and what is not, in all places where it can be.
type fixture struct {
	state  int
	limit  int `sim:"config"`
	within struct {
		state int
		deep  [2]struct {
			state int
			limit int `sim:"config"`
		}
	}
	plain []struct{ state int }
	to    *int
	any   any
	call  func()
	parts []*part
	sizes []int `sim:"config"`

	change func(f *fixture) `sim:"config"`
}

type part struct {
	state int
	limit int `sim:"config"`
}

func (f *fixture) Run(t *sim.Task) {
	t.Step("only")
	f.change(f)
}

// Goal: the hash of what is fixed changes with each part of it, and with no part of the
// state.
func TestWiringHash(t *testing.T) {
	for name, test := range map[string]struct {
		fixed  bool
		change func(f *fixture)
	}{
		"nothing":              {false, func(*fixture) {}},
		"state":                {false, func(f *fixture) { f.state++ }},
		"state of a struct":    {false, func(f *fixture) { f.within.state++ }},
		"state of an array":    {false, func(f *fixture) { f.within.deep[1].state++ }},
		"state of a slice":     {false, func(f *fixture) { f.plain = append(f.plain, f.plain...) }},
		"state behind pointer": {false, func(f *fixture) { f.parts[1].state++ }},
		"number behind":        {false, func(f *fixture) { *f.to++ }},
		"config":               {true, func(f *fixture) { f.limit++ }},
		"config of an array":   {true, func(f *fixture) { f.within.deep[1].limit++ }},
		"config behind":        {true, func(f *fixture) { f.parts[1].limit++ }},
		"config, a slice":      {true, func(f *fixture) { f.sizes[0]++ }},
		"pointer":              {true, func(f *fixture) { f.to = new(int) }},
		"interface":            {true, func(f *fixture) { f.any = "text" }},
		"function":             {true, func(f *fixture) { f.call = nil }},
		"pointer in a slice":   {true, func(f *fixture) { f.parts[1] = &part{} }},
	} {
		f := &fixture{to: new(int), any: &part{}, call: func() {}, parts: []*part{{}, {}}, sizes: []int{1}, plain: make([]struct{ state int }, 1), change: test.change}
		w := sim.NewWorld()
		w.GoProgram("A", f)
		before := w.WiringHash()
		w.Take(0)
		if changed := w.WiringHash() != before; changed != test.fixed {
			t.Errorf("%s: the hash changes %v, want %v", name, changed, test.fixed)
		}
		w.Close()
	}
}

// queues loses its first queue, as a model does that serves it: the room behind the
// last one still holds the slice that has moved.
type queues struct{ waiting [][]int }

func (q *queues) Run(t *sim.Task) {
	t.Step("serve")
	q.waiting = append(q.waiting[:0], q.waiting[1:]...)
}

// Goal: two elements of a slice never share what they hold after a load.
func TestRoomOfASliceIsNobodys(t *testing.T) {
	q := &queues{waiting: [][]int{{1}, {2}}}
	w := sim.NewWorld()
	defer w.Close()
	w.GoProgram("A", q)
	before := w.Save()
	w.Take(0)
	w.Load(before)
	if got := fmt.Sprint(q.waiting); got != "[[1] [2]]" {
		t.Errorf("%s, want [[1] [2]]", got)
	}
}

// A lock that no walk reaches has no number, and using it says what to do.
func TestUseOfAnUnvisitedObjectIsNamed(t *testing.T) {
	l := &locked{}
	w := sim.NewWorld()
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		task.Step("lock")
		l.x.Set(task, 1)
	}})
	defer w.Close()
	if _, err := sim.Run(w, sim.NewWalk(1)); err == nil || !strings.Contains(err.Error(), "memory that nobody shared") {
		t.Errorf("%v, want a refusal that names the missing Share", err)
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

// DepositRequest is a message that is a plain struct.
type DepositRequest struct {
	ID     int
	Amount int32
}

// Goal: a message is any struct, by value or by pointer: it has a name, it can be
// printed, and it is saved and told apart.
func TestAMessageIsAnyStruct(t *testing.T) {
	for _, test := range []struct {
		m              sim.Message
		name, contents string
	}{
		{DepositRequest{1, 10}, "Deposit", "{ID:1 Amount:10}"},
		{&DepositRequest{1, 10}, "Deposit", "{ID:1 Amount:10}"},
		{&message{"x"}, "Ping", "x"},
		{sim.ErrBroken, "cut", ""},
	} {
		if name, contents := sim.NameOf(test.m), sim.ContentsOf(test.m); name != test.name || contents != test.contents {
			t.Errorf("%T is %s %s, want %s %s", test.m, name, contents, test.name, test.contents)
		}
	}
	prints := map[uint64]bool{}
	for _, m := range []sim.Message{DepositRequest{1, 10}, DepositRequest{1, 11}, &DepositRequest{1, 10}, &DepositRequest{2, 10}} {
		w := sim.NewWorld()
		w.AddNode("bank", &echo{})
		c := w.Dial("client", "bank")
		w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
			task.Step("send")
			c.Send(task, m)
			task.Step("end")
		}})
		start := w.Save()
		w.Take(0)
		prints[w.Fingerprint()] = true
		w.Load(start)
		w.Take(0)
		prints[w.Fingerprint()] = true
		if got := w.Enabled()[1].String(); got != "A->bank Deposit" {
			t.Errorf("%v arrives as %q", m, got)
		}
		w.Close()
	}
	if len(prints) != 4 {
		t.Errorf("%d fingerprints of 4 states", len(prints))
	}
}

func TestMessagesAreHashedWhole(t *testing.T) {
	fingerprint := func(text string) uint64 {
		w := sim.NewWorld()
		w.AddNode("echo", &echo{})
		c := w.Dial("client", "echo")
		w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
			task.Step("send")
			c.Send(task, &message{text})
			task.Step("end")
		}})
		defer w.Close()
		w.Enabled()
		w.Take(0)
		return w.Fingerprint()
	}
	if fingerprint("a") == fingerprint("b") {
		t.Error("two messages on the wire that differ in one field have the same fingerprint")
	}
	if first, again := fingerprint("a"), fingerprint("a"); first != again {
		t.Error("the same state has two fingerprints")
	}
}
