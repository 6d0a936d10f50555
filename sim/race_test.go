package sim_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/internal/hook"
)

// arena is what the tasks of random racy programs share.
type arena struct {
	x    [2]sim.Var[int]
	lock sim.Mutex
	rw   sim.RWMutex
	flag sim.Atomic[int]
	hand sim.Chan[int]  // unbuffered
	pipe sim.Chan[int]  // of capacity 1
	done sim.Chan[bool] // never sent to
	work sim.WaitGroup
	conn [2]*sim.Conn // to one node
	log  *[]act       // what happened, for the oracle
}

// act is something that happened: by whom, what, to what, in which step.
type act struct {
	who, what, to string
	step          int
}

func (a *arena) note(who, what, to string) {
	*a.log = append(*a.log, act{who, what, to, 0})
}

// logged is a node that notes what it takes and answers.
type logged struct{ log *[]act }

func (n *logged) Handle(e sim.Envelope, out *sim.Outbox) {
	to := sim.ContentsOf(e.Message)
	*n.log = append(*n.log, act{"node", "arrive", to, 0}, act{"node", "answer", to, 0})
	out.Reply(e, e.Message)
}

// racer performs what its operations say; "get0 unlock set1" is three in one
// step, and a "," begins another.
type racer struct {
	*arena
	ops []string `sim:"config"`
	i   int
}

func (p *racer) Run(t *sim.Task) {
	t.Step("start")
	for p.i = 0; p.i < len(p.ops); p.i++ {
		p.perform(t)
	}
}

func (p *racer) perform(t *sim.Task) {
	operation := p.ops[p.i]
	switch operation {
	case ",":
		t.Step("next")
	case "get0", "get1":
		p.x[operation[3]-'0'].Get(t)
	case "set0", "set1":
		p.x[operation[3]-'0'].Set(t, 1)
	case "lock":
		p.lock.Lock(t.At("lock"))
	case "unlock":
		p.lock.Unlock(t)
	case "rlock":
		p.rw.RLock(t.At("rlock"))
	case "runlock":
		p.rw.RUnlock(t)
	case "wlock":
		p.rw.Lock(t.At("wlock"))
	case "wunlock":
		p.rw.Unlock(t)
	case "load":
		p.flag.Load(t)
	case "store":
		p.flag.Store(t, 1)
	case "add":
		p.flag.Add(t, 1)
	case "cas":
		if p.flag.CompareAndSwap(t, 1, 2) {
			p.note(t.Name(), "add", "")
		} else {
			p.note(t.Name(), "load", "")
		}
		return
	case "send0", "send1":
		p.conn[operation[4]-'0'].Send(t, &message{operation[4:]})
	case "receive0", "receive1":
		p.conn[operation[7]-'0'].Receive(t.At("receive"))
	case "give":
		p.note(t.Name(), "offer", t.Name())
		p.hand.Send(t.At("give"), int(t.Name()[0]))
		p.note(t.Name(), "gave", t.Name())
		return
	case "take", "try":
		n := 0
		if operation == "take" {
			n, _ = p.hand.Receive(t.At("take"))
		} else if chosen := t.At("try").Select(p.hand.Receiving(), sim.SelectDefault()); chosen == &p.hand {
			n, _ = p.hand.Received(t)
		} else {
			return
		}
		p.note(t.Name(), "take", string(rune(n)))
		return
	case "push":
		p.pipe.Send(t.At("push"), 1)
	case "pull":
		p.pipe.Receive(t.At("pull"))
	case "close":
		p.done.Close(t)
	case "closed":
		p.done.Receive(t.At("closed"))
	case "more":
		p.work.Add(t, 1)
	case "finish":
		p.work.Done(t)
	case "wait":
		p.work.Wait(t.At("wait"))
	}
	// Not its receiver, which may be another by now: both hold the same log.
	p.note(t.Name(), p.ops[p.i], "")
}

func race(program []string) (*sim.World, *[]act) {
	log := &[]act{}
	a := &arena{log: log}
	a.hand.Init(0)
	a.pipe.Init(1)
	a.done.Init(0)
	w := sim.NewWorld()
	w.AddNode("node", &logged{log})
	a.conn[0], a.conn[1] = w.Dial("c0", "node"), w.Dial("c1", "node")
	w.Share("a", a)
	for i, ops := range program {
		w.GoProgram(string(rune('A'+i)), &racer{arena: a, ops: strings.Fields(strings.ReplaceAll(ops, ",", " , "))})
	}
	return w, log
}

// oracle finds, by the definition, the first access to each variable that races
// with one before it: "a.x[0] in step 4".
func oracle(log []act) []string {
	after := make([][]bool, len(log)) // by act: which come before it
	var found []string
	for j, b := range log {
		after[j] = make([]bool, len(log))
		writes := 0 // to the atomic, since the one that b reads
		for i := j - 1; i >= 0; i-- {
			a := log[i]
			if orders(log, i, j, &writes) || a.who == b.who {
				after[j][i] = true
				for k := range i {
					after[j][k] = after[j][k] || after[i][k]
				}
			}
		}
		variable, ok := accessed(b.what)
		if !ok || slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, variable) }) {
			continue
		}
		for i, a := range log[:j] {
			if v, ok := accessed(a.what); ok && v == variable && a.what[:3]+b.what[:3] != "getget" && !after[j][i] {
				found = append(found, fmt.Sprintf("%s in step %d", variable, b.step))
				break
			}
		}
	}
	slices.Sort(found)
	return found
}

func accessed(what string) (variable string, ok bool) {
	if strings.HasPrefix(what, "get") || strings.HasPrefix(what, "set") {
		return "a.x[" + what[3:] + "]", true
	}
	return "", false
}

// orders says whether the memory model orders act i before act j.
func orders(log []act, i, j int, writes *int) bool {
	a, b := log[i], log[j]
	nth := func(at int, what, to string) int {
		n := 0
		for _, c := range log[:at] {
			if c.what == what && c.to == to {
				n++
			}
		}
		return n
	}
	switch {
	case a.what == "unlock" && b.what == "lock",
		a.what == "wunlock" && (b.what == "rlock" || b.what == "wlock"),
		a.what == "runlock" && b.what == "wlock":
		return true
	case (a.what == "store" || a.what == "add") && (b.what == "load" || b.what == "add"):
		// Only the write whose value it reads.
		*writes++
		return *writes == 1
	case a.what == "offer" && b.what == "take", a.what == "take" && b.what == "gave":
		return a.to == b.to && nth(i, a.what, a.to) == nth(j, b.what, b.to)
	case a.what == "push" && b.what == "pull":
		return nth(i, "push", "") == nth(j, "pull", "")
	case a.what == "pull" && b.what == "push":
		return nth(i, "pull", "")+1 == nth(j, "push", "")
	case a.what == "close" && b.what == "closed", a.what == "finish" && b.what == "wait":
		return true
	case strings.HasPrefix(a.what, "send") && b.what == "arrive" && a.what[4:] == b.to:
		return nth(i, a.what, "") == nth(j, "arrive", b.to)
	case a.what == "answer" && strings.HasPrefix(b.what, "receive") && b.what[7:] == a.to:
		return nth(i, "answer", a.to) == nth(j, b.what, "")
	}
	return false
}

// racesOf runs to the end and returns the races: by the world, by the oracle,
// and in words.
func racesOf(w *sim.World, log *[]act, c sim.Chooser) (got, want []string, words string) {
	*log = (*log)[:0]
	for step := 1; len(w.Enabled()) > 0; step++ {
		before := len(*log)
		i, err := c.Choose(w.Enabled())
		if errors.Is(err, sim.ErrScheduleEnds) {
			break
		}
		if err != nil {
			panic(err)
		}
		w.Take(i)
		for i := before; i < len(*log); i++ {
			(*log)[i].step = step
		}
		for _, v := range w.Violations() {
			var race *hook.RaceError
			if errors.As(v.Err, &race) {
				got = append(got, fmt.Sprintf("%s in step %d", race.Object, race.Second.Step))
				words += race.Error() + "\n"
			}
		}
	}
	slices.Sort(got)
	return got, oracle(*log), words
}

func TestDataRaces(t *testing.T) {
	for _, test := range []struct {
		name     string
		program  []string
		schedule string
		want     string // part of the error; empty: there is none
	}{
		{"counter", []string{"get0,set0", "get0,set0"}, "A start; B start; A next; B next",
			`data race on a.x[0]: B read it at step 2 ("start"), A writes it at step 3 ("next"), and no lock, message or atomic leads from the first to the second`},
		{"far apart", []string{"set0", ",,,get0"}, "A start; B start; B next; B next#2; B next#3",
			`A wrote it at step 1 ("start"), B reads it at step 5 ("next")`},
		{"two writes", []string{"set0", "set0"}, "A start; B start", `A wrote it at step 1 ("start"), B writes it at step 2 ("start")`},
		{"two reads", []string{"get0", "get0"}, "A start; B start", ""},
		{"counter under a lock", []string{"lock get0,set0 unlock", "lock get0,set0 unlock"}, "A start; B start; A lock; A next; B lock; B next", ""},
		{"lock, but not around all", []string{"lock get0 unlock,set0", "lock get0 unlock"}, "A start; B start; A lock; A next; B lock", "data race"},
		{"two readers who write", []string{"rlock set0 runlock", "rlock set0 runlock"}, "A start; B start; A rlock; B rlock", "data race"},
		{"unordered after RUnlock", []string{"rlock set0 runlock", "rlock get0"}, "A start; B start; A rlock; B rlock", "data race"},
		{"reader, then writer", []string{"rlock get0 runlock", "wlock set0"}, "A start; B start; A rlock; B wlock", ""},
		{"writer, then reader", []string{"wlock set0 wunlock", "rlock get0"}, "A start; B start; A wlock; B rlock", ""},
		{"reader whom the writer waits for", []string{"rlock get0,runlock", "wlock set0"}, "A start; B start; A rlock; B wlock; A next; B wlock (readers leave)", ""},
		{"messages", []string{"set0 send0,send0", "send1 receive1 get0"},
			"A start; c0->node Ping; B start; c1->node Ping; B receive", ""},
		{"message that was sent before", []string{"set0 send0", "send1 receive1 get0"},
			"B start; c1->node Ping; A start; c0->node Ping; B receive", "data race"},
		{"send does not order by itself", []string{"set0 send0", "send1 receive1 get0"},
			"A start; B start; c1->node Ping; c0->node Ping; B receive", "data race"},
		{"flag", []string{"set0 store", "load get0"}, "A start; B start", ""},
		{"flag that was set later", []string{"set0,store", "load get0"}, "A start; B start; A next", "data race"},
		{"flag that another overwrote", []string{"set0 store", "store", "load get0"}, "A start; B start; C start", "data race"},
		{"flag that another added to", []string{"set0 store", "add", "load get0"}, "A start; B start; C start", ""},
		{"handed over", []string{"set0 give", "take get0"}, "A start; B start; B take (with A)", ""},
		{"what the sender does next", []string{"give set0", "take get0"}, "A start; B start; B take (with A); A give", "data race"},
		{"what the receiver did before", []string{"give get0", "set0 take"}, "A start; B start; B take (with A); A give", ""},
		{"what the receiver does next", []string{"give get0", "take set0"}, "A start; B start; B take (with A); A give", "data race"},
		{"not the other sender", []string{"set0 give", "give", "take get0"}, "A start; B start; C start; C take (with B)", "data race"},
		{"through a buffer", []string{"set0 push", "pull get0"}, "A start; A push; B start; B pull", ""},
		{"what is pushed later", []string{"push,set0 push", "pull get0"}, "A start; A push; A next; B start; B pull", "data race"},
		{"room in a buffer", []string{"set0 pull", "push push get0"}, "B start; B push; A start; A pull; B push#2", ""},
		{"room that was there before", []string{"set0 pull", "push get0"}, "A start; B start; B push", "data race"},
		{"closed", []string{"set0 close", "closed get0"}, "A start; B start; B closed", ""},
		{"what was to be done", []string{"more,wait get0", "set0 finish"}, "A start; B start; A next; A wait", ""},
		{"what was not", []string{"more,wait get0", "finish set0"}, "A start; B start; A next; A wait", "data race"},
		{"reported once", []string{"set0,set0,set0", "get0"}, "A start; B start; A next; A next#2",
			`B reads it at step 2 ("start"), and no lock, message or atomic leads from the first to the second` + "\n"},
	} {
		// Connections to one node are told apart, and begin with the task.
		schedule := strings.NewReplacer("c0->node", "A/c0->node", "c1->node", "B/c1->node").Replace(test.schedule)
		parsed, err := sim.ParseSchedule(schedule)
		if err != nil {
			t.Fatal(err)
		}
		w, log := race(test.program)
		got, want, words := racesOf(w, log, sim.NewReplay(parsed))
		w.Close()
		if !slices.Equal(got, want) || (words == "") != (test.want == "") || !strings.Contains(words, test.want) || strings.Count(words, "\n") > 1 {
			t.Errorf("%s: races %v, by the definition %v:\n%swant %q", test.name, got, want, words, test.want)
		}
	}
}

// randomRacing returns a program that uses all there is.
func randomRacing(r *rand.Rand) []string {
	program := make([]string, 2+r.IntN(2))
	for i := range program {
		var ops []string
		for range 2 + r.IntN(4) {
			inner := []string{"get0", "set0", "get1", "set1", "get0 , set1"}[r.IntN(5)]
			ops = append(ops, []string{
				inner, inner, ", " + inner,
				"lock " + inner + " , unlock", "rlock " + inner + " , runlock", "wlock " + inner + " wunlock",
				"store", "load " + inner, inner + " , store", "add", "cas",
				"send0", "send1", fmt.Sprintf("send%d receive%[1]d %s", i%2, inner),
				"give " + inner, inner + " give", "take " + inner, inner + " take", "try " + inner,
				"push", inner + " push " + inner, "pull " + inner, inner + " pull", "closed " + inner,
			}[r.IntN(24)])
		}
		if i == 0 && r.IntN(2) == 0 {
			ops = append(ops, "close")
		}
		program[i] = strings.Join(ops, " ")
	}
	return program
}

// Goal: the clocks find just the races that the definition finds. Method:
// random programs under many seeds; all events of a run, and the closure of
// what orders them. Each run is taken once in a new world and once more after
// the start was loaded, as the samplers do.
func TestRacesAreThoseOfTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	races, clean := 0, 0
	for range 300 {
		program := randomRacing(r)
		again, againLog := race(program)
		start := again.Save()
		for seed := range uint64(20) {
			w, log := race(program)
			got, want, words := racesOf(w, log, sim.NewWalk(seed))
			w.Close()
			if !slices.Equal(got, want) {
				t.Fatalf("program %q, seed %d: races %v, by the definition %v\n%s%v", program, seed, got, want, words, *log)
			}
			again.Load(start)
			_, _, wordsAgain := racesOf(again, againLog, sim.NewWalk(seed))
			if wordsAgain != words {
				t.Fatalf("program %q, seed %d: after loading the start the races are\n%swant\n%s", program, seed, wordsAgain, words)
			}
			if len(want) > 0 {
				races++
			} else {
				clean++
			}
		}
		again.Close()
	}
	if races < 500 || clean < 500 {
		t.Errorf("%d runs race and %d do not; want 500 of each, or the test shows little", races, clean)
	}
}

// back is a walk that, now and then, goes to the start and comes back by loading.
type back struct {
	sim.Chooser
	w     *sim.World
	start *sim.Snapshot
	r     *rand.Rand
	came  int
}

func (b *back) Choose(enabled []sim.Event) (int, error) {
	if b.r.IntN(3) == 0 {
		here, before := b.w.Save(), b.w.Fingerprint()
		b.w.Load(b.start)
		b.w.Load(here)
		if b.came++; b.w.Fingerprint() != before {
			return 0, errors.New("what was loaded is another state")
		}
		enabled = b.w.Enabled()
	}
	return b.Chooser.Choose(enabled)
}

// Goal: where what comes before what is a part of the state, a run that is left and
// loaded again shows the same races, to the word.
func TestRacesOfASavedOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 0))
	races, came := 0, 0
	for range 150 {
		program := randomRacing(r)
		plain, log := race(program)
		start := plain.Save()
		var want []string
		for seed := range uint64(10) {
			plain.Load(start)
			_, _, words := racesOf(plain, log, sim.NewWalk(seed))
			want = append(want, words)
		}
		w, log := race(program)
		w.Learn(plain) // which tasks have which accesses
		if !w.FollowOrder() {
			t.Fatal("the order is not followed from the start")
		}
		start = w.Save()
		for seed := range uint64(10) {
			w.Load(start)
			b := &back{sim.NewWalk(seed), w, start, r, 0}
			if _, _, words := racesOf(w, log, b); words != want[seed] {
				t.Fatalf("program %q, seed %d: the races are\n%swant\n%s", program, seed, words, want[seed])
			}
			came += b.came
			races += min(len(want[seed]), 1)
		}
		w.Close()
		plain.Close()
	}
	if races < 200 || came < 1000 {
		t.Errorf("%d runs race, and %d times one was left; want 200 and 1000, or the test shows little", races, came)
	}
}

// Clocks would be wrong in a run that does not begin at the start.
func TestNoRacesFromALoadedState(t *testing.T) {
	w, log := race([]string{"set0", "get0"})
	start := w.Save()
	w.Take(0)
	middle := w.Save()
	for _, test := range []struct {
		name string
		from *sim.Snapshot
		want int
	}{{"middle", middle, 0}, {"start", start, 1}, {"middle again", middle, 0}} {
		w.Load(test.from)
		if got, _, words := racesOf(w, log, sim.NewWalk(1)); len(got) != test.want {
			t.Errorf("from the %s: %d races, want %d\n%s", test.name, len(got), test.want, words)
		}
	}
	w.Close()
}

// alarmClock is a variable and a timer that tasks share.
type alarmClock struct {
	x     sim.Var[int]
	timer sim.Timer
}

// Goal: what comes from a timer comes after what armed it.
func TestATimerOrders(t *testing.T) {
	for _, test := range []struct {
		armLast bool
		want    int
	}{{true, 0}, {false, 1}} {
		a := &alarmClock{}
		w := sim.NewWorld()
		w.Share("a", a)
		w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
			task.Step("start")
			if test.armLast {
				a.x.Set(task, 1)
			}
			a.timer.Start(task, time.Second)
			if !test.armLast {
				a.x.Set(task, 1)
			}
		}})
		w.GoProgram("B", &script{run: func(task *sim.Task, _ *script) {
			a.timer.Receive(task.At("receive"))
			a.x.Get(task)
		}})
		if got, _, words := racesOf(w, &[]act{}, sim.NewWalk(1)); len(got) != test.want {
			t.Errorf("armed after the write, %v: %d races, want %d\n%s", test.armLast, len(got), test.want, words)
		}
		w.Close()
	}
}
