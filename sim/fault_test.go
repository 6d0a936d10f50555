package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/trace"
)

// ledger is a node that counts requests: in memory, and in a log that is
// flushed by every second one.
type ledger struct{ memory, flushed, restarts int }

func (n *ledger) Handle(e sim.Envelope, out *sim.Outbox) {
	if n.memory++; n.memory%2 == 0 {
		n.flushed = n.memory
	}
	out.Reply(e, &message{fmt.Sprint(n.memory)})
}
func (n *ledger) Crash()                  { n.memory = -1 }
func (n *ledger) Restart(*sim.Outbox)     { n.memory, n.restarts = n.flushed, n.restarts+1 }
func (n *ledger) Timers() []string        { return nil }
func (n *ledger) Expire(int, *sim.Outbox) {}

// pinger sends pings, and sends one again whose connection broke.
type pinger struct {
	c    *sim.Conn
	n    int `sim:"config"`
	done int
	cut  int
}

func (p *pinger) Run(t *sim.Task) {
	for p.done < p.n {
		t.Step("send")
		p.c.Send(t, &message{fmt.Sprint(p.done)})
		if p.answered(t) {
			p.done++
			continue
		}
		p.cut++
		p.c.Redial(t.At("redial"))
	}
}
func (p *pinger) answered(t *sim.Task) bool {
	return p.c.Receive(t.At("await")) != sim.ErrBroken
}

// atMost claims that there are no more than n such acts.
func atMost(n int, name string, action sim.Action, is func(m sim.Message) bool) *sim.Property {
	var seen int
	p := sim.NewProperty(name, &seen)
	sim.On(p, action, func(c *sim.Claim, a sim.Act, m sim.Message) {
		if !is(m) {
			c.Skip()
			return
		}
		seen = min(seen+1, n+1)
		c.Assert(seen <= n, "%s of %s: number %d", sim.NameOf(m), a.Actor, seen)
	})
	return p
}

func buildPing(pings, clients int, b sim.Faults) func() *sim.World {
	return func() *sim.World {
		w := sim.NewWorld()
		w.AddNode("broker", &ledger{})
		for i := range clients {
			name := fmt.Sprint("P", i)
			w.GoProgram(name, &pinger{c: w.Dial(name, "broker"), n: pings})
		}
		w.Allow(b)
		is := func(what sim.Fault) func(sim.Message) bool { return func(m sim.Message) bool { return m == what } }
		any := func(sim.Message) bool { return true }
		w.Watch(atMost(b.NodeCrashes, "crashes-in-budget", sim.Failed, is(sim.Crash)))
		w.Watch(atMost(b.NodeCrashes, "restarts-in-budget", sim.Failed, is(sim.Restart)))
		w.Watch(atMost(0, "nothing-lost", sim.Received, is(sim.ErrBroken)))
		w.Watch(atMost(pings*clients, "no-request-lost", sim.Sent, any))
		w.Watch(atMost(pings*clients, "nothing-served-twice", sim.Arrived, any))
		return w
	}
}

// All that one crash, or one cut, can do to a few pings: the search ends, keeps
// to the budget, and finds what gets lost. A request that is lost is sent again;
// one whose answer is lost is served twice.
func TestFaultsWithinTheBudget(t *testing.T) {
	for _, test := range []struct {
		name   string
		build  func() *sim.World
		states int
		broken []string
	}{
		{"no fault", buildPing(1, 1, sim.Faults{}), 4, nil},
		{"one crash", buildPing(1, 1, sim.Faults{NodeCrashes: 1}), 0, []string{"nothing-lost", "no-request-lost", "nothing-served-twice"}},
		{"one cut", buildPing(1, 1, sim.Faults{Cuts: 1}), 0, []string{"nothing-lost", "no-request-lost", "nothing-served-twice"}},
		{"two crashes and a cut, two clients", buildPing(1, 2, sim.Faults{NodeCrashes: 2, Cuts: 1}), 0, []string{"nothing-lost", "no-request-lost", "nothing-served-twice"}},
	} {
		r := statesOf(t, test.build)
		t.Logf("%s: %d states", test.name, r.States)
		if test.states > 0 && r.States != test.states {
			t.Errorf("%s: %d states, want %d", test.name, r.States, test.states)
		}
		for _, v := range r.Verdicts {
			if broken := v.Outcome == explore.Broken; broken != slices.Contains(test.broken, v.Property) {
				t.Errorf("%s: %s is %s: %v (%v)", test.name, v.Property, v.Outcome, v.Err, v.Schedule)
			}
		}
	}
}

// Where nothing fails, the budget's machinery changes nothing.
func TestZeroBudgetIsNoop(t *testing.T) {
	build := func(faults bool) func() *sim.World {
		return func() *sim.World {
			w := sim.NewWorld()
			w.AddNode("broker", &ledger{})
			for _, name := range []string{"A", "B"} {
				w.GoProgram(name, &pinger{c: w.Dial(name, "broker"), n: 2})
			}
			if faults {
				w.Allow(sim.Faults{})
			}
			return w
		}
	}
	if with, without := statesOf(t, build(true)).States, statesOf(t, build(false)).States; with != without {
		t.Errorf("%d states with an empty budget, %d without", with, without)
	}
}

func playPing(t *testing.T, pings int, b sim.Faults, text string) (*trace.Trace, *sim.World) {
	t.Helper()
	w := buildPing(pings, 1, b)()
	trace := trace.Record(w)
	ending, err := sim.Run(w, schedule(t, text))
	t.Cleanup(w.Close)
	if err != nil {
		t.Fatal(err)
	}
	if ending == sim.Stuck {
		t.Fatalf("%s: stuck", text)
	}
	return trace, w
}

func possible(w *sim.World) string {
	var list []string
	for _, e := range w.Enabled() {
		list = append(list, e.String())
	}
	return strings.Join(list, "; ")
}

func fieldsOf(w *sim.World) string {
	var list []string
	for _, f := range w.Fields() {
		_, name, _ := strings.Cut(f.Path, ".")
		list = append(list, name+" "+f.Value)
	}
	return strings.Join(list[:5], ", ")
}

// What may happen after each fault, and what it leaves. "crash" loses what was
// not flushed, and breaks the connection; a cut loses one direction.
func TestWhatAFaultLeaves(t *testing.T) {
	for _, test := range []struct {
		name, does, possible, fields string
		budget                       sim.Faults
	}{
		{"crash before the request arrives", "P0 send; broker crash",
			"P0 await; broker restart", "memory -1, flushed 0, restarts 0, done 0, cut 0", sim.Faults{NodeCrashes: 1}},
		{"crash with the answer on its way", "P0 send; P0->broker Ping; broker crash",
			"P0 await; broker restart; network cut broker->P0", "memory -1, flushed 0, restarts 0, done 0, cut 0", sim.Faults{NodeCrashes: 1}},
		{"the answer arrives after the crash", "P0 send; P0->broker Ping; broker crash; P0 await",
			"P0 send; broker restart", "memory -1, flushed 0, restarts 0, done 1, cut 0", sim.Faults{NodeCrashes: 1}},
		{"the answer is lost", "P0 send; P0->broker Ping; broker crash; network cut broker->P0; P0 await",
			"broker restart", "memory -1, flushed 0, restarts 0, done 0, cut 1", sim.Faults{NodeCrashes: 1}},
		{"what was flushed is back", "P0 send; P0->broker Ping; P0 await; P0 send#2; P0->broker Ping#2; broker crash; broker restart; P0 await#2",
			"P0 send", "memory 2, flushed 2, restarts 1, done 2, cut 0", sim.Faults{NodeCrashes: 1}},
		{"what was not is not", "P0 send; P0->broker Ping; P0 await; broker crash; broker restart",
			"P0 send", "memory 0, flushed 0, restarts 1, done 1, cut 0", sim.Faults{NodeCrashes: 1}},
		{"a request on a broken connection is lost", "P0 send; P0->broker Ping; P0 await; broker crash; broker restart; P0 send#2; P0 await#2; P0 redial; P0 send#3; P0->broker/2 Ping",
			"P0 await", "memory 1, flushed 0, restarts 1, done 1, cut 1", sim.Faults{NodeCrashes: 1}},
		{"a cut loses requests", "P0 send; network cut P0->broker",
			"P0 await", "memory 0, flushed 0, restarts 0, done 0, cut 0", sim.Faults{Cuts: 1}},
		{"or answers", "P0 send; P0->broker Ping; network cut broker->P0",
			"P0 await", "memory 1, flushed 0, restarts 0, done 0, cut 0", sim.Faults{Cuts: 1}},
		{"an answer overtaken by a cut of requests arrives", "P0 send; P0->broker Ping; network cut P0->broker; P0 await",
			"P0 send", "memory 1, flushed 0, restarts 0, done 1, cut 0", sim.Faults{Cuts: 1}},
		{"old requests may still arrive, or not", "P0 send; network cut broker->P0; P0 await; P0 redial; P0 send#2",
			"P0->broker Ping; P0->broker/2 Ping; network cut P0->broker", "memory 0, flushed 0, restarts 0, done 0, cut 1", sim.Faults{Cuts: 1}},
		{"the old one comes last", "P0 send; network cut broker->P0; P0 await; P0 redial; P0 send#2; P0->broker/2 Ping; P0 await#2; P0->broker Ping",
			"P0 send", "memory 2, flushed 2, restarts 0, done 1, cut 1", sim.Faults{Cuts: 1}},
		{"a second cut is of the new connection", "P0 send; network cut P0->broker; P0 await; P0 redial",
			"P0 send; network cut P0->broker/2", "memory 0, flushed 0, restarts 0, done 0, cut 1", sim.Faults{Cuts: 2}},
	} {
		_, w := playPing(t, 3, test.budget, test.does)
		if got := possible(w); got != test.possible {
			t.Errorf("%s: possible: %s; want %s", test.name, got, test.possible)
		}
		if got := fieldsOf(w); got != test.fields {
			t.Errorf("%s: %s; want %s", test.name, got, test.fields)
		}
	}
}

// Each fault touches the budget, and the two directions of what it breaks, so
// that whatever depends on it is known; pictures show it in a lane.
func TestFaultsRecordWhatTheyTouch(t *testing.T) {
	trace, w := playPing(t, 1, sim.Faults{Cuts: 1, NodeCrashes: 1}, "network cut P0->broker; broker crash; broker restart; P0 send; P0 await; P0 redial; P0 send#2")
	var got strings.Builder
	for _, step := range trace.Steps {
		fmt.Fprintf(&got, "%s in %s:", step.Label, step.Lane)
		for _, touch := range step.Touched {
			if touch.Write {
				fmt.Fprintf(&got, " %s,", touch.Object)
			}
		}
		fmt.Fprintln(&got)
	}
	all := "P0->broker, P0->broker (arrivals), broker->P0, broker->P0 (arrivals), P0->broker (dial),"
	want := `cut P0->broker in network: faults, the end of the run, ` + all + `
crash in broker: faults, the end of the run, ` + all + ` crashes-in-budget, broker,
restart in broker: the end of the run, P0->broker (dial), restarts-in-budget, broker,
send in P0: P0->broker, no-request-lost,
await in P0: broker->P0 (arrivals), nothing-lost,
redial in P0: P0->broker (dial), P0->broker/2 (dial),
send in P0: P0->broker/2, no-request-lost,
`
	if got.String() != want {
		t.Errorf("touched:\n%swant:\n%s", got.String(), want)
	}
	seen := map[int]string{}
	for _, e := range w.Enabled() {
		if other := seen[e.Thread]; other != "" {
			t.Errorf("%v and %s share process %d", e, other, e.Thread)
		}
		seen[e.Thread] = e.String()
	}
}

// Two tasks share a connection: each is told of its own requests, even when the
// other was the one to dial anew.
func TestEachTaskLearnsOfItsOwnLostRequest(t *testing.T) {
	w := sim.NewWorld()
	w.AddNode("broker", &ledger{})
	c := w.Dial("client", "broker")
	var programs []*pinger
	for _, name := range []string{"A", "B"} {
		p := &pinger{c: c, n: 1}
		programs = append(programs, p)
		w.GoProgram(name, p)
	}
	w.Allow(sim.Faults{Cuts: 1})
	_, ending := run(t, w, schedule(t, `A send; B send; network cut client->broker; A await; A redial; A send#2;
		B await; B redial; B send#2; A->broker/2 Ping; A await#2; B->broker/2 Ping; B await#2`))
	if ending != sim.Finished || programs[0].cut != 1 || programs[1].cut != 1 {
		t.Errorf("run ended by %q, A was cut off %d times, B %d; want %q, once each", ending, programs[0].cut, programs[1].cut, sim.Finished)
	}
}

// slowPinger looks for its answer some time after it asked.
type slowPinger struct{ pinger }

func (p *slowPinger) Run(t *sim.Task) {
	t.Step("send")
	p.c.Send(t, &message{"x"})
	t.Step("think")
	if !p.answered(t) {
		p.cut++
	}
}

// A request is lost with its connection, even if its task looks for the answer
// only when another has dialled anew; and two that find a connection broken make
// one new one.
func TestAnAnswerIsAwaitedWhereItWasAskedFor(t *testing.T) {
	w := sim.NewWorld()
	w.AddNode("broker", &ledger{})
	c := w.Dial("client", "broker")
	slow := &slowPinger{pinger{c: c}}
	w.GoProgram("S", slow)
	for _, name := range []string{"A", "B"} {
		w.GoProgram(name, &pinger{c: c, n: 1})
	}
	w.Allow(sim.Faults{Cuts: 2})
	_, ending := run(t, w, schedule(t, `S send; A send; B send; network cut client->broker; A await; B await; A redial; B redial;
		A send#2; B send#2; A->broker/2 Ping; A await#2; B->broker/2 Ping; B await#2; S think; S await`))
	if ending != sim.Finished || slow.cut != 1 {
		t.Errorf("run ended by %q, S was cut off %d times; want %q, once", ending, slow.cut, sim.Finished)
	}
}

// closer gives up on a connection that others use.
type closer struct{ c *sim.Conn }

func (p *closer) Run(t *sim.Task) {
	t.Step("close")
	p.c.Close(t)
}

// A client that closes its connection gets no answer, not even one that was on
// its way, and those that wait learn of it. Its request still arrives, even
// after one on the next connection, or gets lost.
func TestAClientClosesItsConnection(t *testing.T) {
	for _, test := range []struct{ does, possible, fields string }{
		{"P send; C close", "P await; P->broker Ping; network cut client->broker", "memory 0, flushed 0, restarts 0, done 0, cut 0"},
		{"P send; P->broker Ping; C close; P await", "P redial", "memory 1, flushed 0, restarts 0, done 0, cut 1"},
		{"P send; C close; P await; P redial; P send#2; P->broker/2 Ping; P->broker Ping; P await#2", "", "memory 2, flushed 2, restarts 0, done 1, cut 1"},
		{"P send; C close; network cut client->broker; P await; P redial; P send#2", "P->broker/2 Ping", "memory 0, flushed 0, restarts 0, done 0, cut 1"},
		{"C close; P send; P await", "P redial", "memory 0, flushed 0, restarts 0, done 0, cut 1"},
	} {
		w := sim.NewWorld()
		w.AddNode("broker", &ledger{})
		c := w.Dial("client", "broker")
		w.GoProgram("P", &pinger{c: c, n: 1})
		w.GoProgram("C", &closer{c})
		w.Allow(sim.Faults{Closes: 1})
		run(t, w, schedule(t, test.does))
		if got := possible(w); got != test.possible {
			t.Errorf("%s: possible: %s; want %s", test.does, got, test.possible)
		}
		if got := fieldsOf(w); got != test.fields {
			t.Errorf("%s: %s; want %s", test.does, got, test.fields)
		}
	}
}

// A client that closes more often than was said has no room to dial anew.
func TestClosesKeepToTheBudget(t *testing.T) {
	w := sim.NewWorld()
	w.AddNode("broker", &ledger{})
	w.GoProgram("C", &closer{w.Dial("client", "broker")})
	defer w.Close()
	w.Enabled()
	err := refused(func() { w.Take(0) })
	if err == nil || !strings.Contains(err.Error(), "C closes its connection to broker once more than the Closes of its Faults") {
		t.Errorf("Close without a Budget: %v; want a refusal that names the Budget", err)
	}
}

func TestStopFaults(t *testing.T) {
	w := buildPing(1, 1, sim.Faults{NodeCrashes: 2, Cuts: 1})()
	defer w.Close()
	if !w.FaultsLeft() {
		t.Error("no faults left before the first")
	}
	i := slices.IndexFunc(w.Enabled(), func(e sim.Event) bool { return e.String() == "broker crash" })
	w.Take(i)
	before := w.Fingerprint()
	w.StopFaults()
	if w.FaultsLeft() || w.Fingerprint() == before {
		t.Error("faults are left after StopFaults")
	}
	if got := possible(w); got != "P0 send; broker restart" {
		t.Errorf("after StopFaults: %s; want the task and the restart", got)
	}
	for range 20 {
		if n := len(w.Enabled()); n > 0 {
			w.Take(n - 1) // The restart first, and then what there is.
		}
	}
	if len(w.Unfinished()) > 0 {
		t.Errorf("%v did not end once the faults had", w.Unfinished())
	}
}

// A deadlock is one even while a fault could still come.
func TestAFaultIsNoWayOut(t *testing.T) {
	a := &locked{}
	w := sim.NewWorld()
	w.Share("a", a)
	w.AddNode("broker", &ledger{})
	w.Dial("A", "broker")
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		a.lock.Lock(task.At("first"))
		a.lock.Lock(task.At("second"))
	}})
	w.Allow(sim.Faults{Cuts: 1})
	defer w.Close()
	w.Take(0)
	if got := w.Violations(); len(got) != 1 || got[0].Property != sim.NoDeadlock {
		t.Errorf("broke %v, want %s", got, sim.NoDeadlock)
	}
}

func TestFaultsAreSavedAndRestored(t *testing.T) {
	for seed := range uint64(40) {
		sameAfterLoad(t, fmt.Sprintf("seed %d", seed), buildPing(3, 2, sim.Faults{NodeCrashes: 2, Cuts: 2}), seed)
	}
}

// A delayed message and all behind it come later; in order, as before.
func TestDelayOfAMessage(t *testing.T) {
	w := sim.NewWorld()
	w.AddNode("echo", &echo{})
	c := w.Dial("client", "echo")
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		task.Step("send")
		c.Send(task, &message{"1"})
		task.Step("send more")
		c.Send(task, &message{"2"})
		c.Receive(task.At("await"))
		c.Receive(task.At("await"))
	}})
	w.Timed(sim.Timing{Latency: sim.Constant(15 * ms), Step: sim.Constant(10 * ms)})
	w.Allow(sim.Faults{Delays: 1, Late: sim.Constant(20 * ms)})
	trace, _ := run(t, w, schedule(t, "A send; A send more; network delay client->echo; A->echo Ping; A->echo Ping#2; A await; A await#2"))
	var got []int64
	for _, step := range trace.Steps {
		got = append(got, step.At.Sub(0).Milliseconds())
	}
	if fmt.Sprint(got) != "[0 10 10 35 35 50 60]" {
		t.Errorf("steps at %v ms, want [0 10 10 35 35 50 60]", got)
	}
}

func TestDelaysNeedTime(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "without Timed") {
			t.Errorf("panic %v", got)
		}
	}()
	buildPing(1, 1, sim.Faults{Delays: 1})()
}

// A crash takes a node's timers. A cut does not, and what the node then answers
// is lost.
func TestParkedRequestsMeetFaults(t *testing.T) {
	for _, test := range []struct{ does, possible string }{
		{"A send; A->coordinator Ping; coordinator crash", "A await; B send; coordinator restart"},
		{"A send; A->coordinator Ping; network cut coordinator->A; coordinator.session0 fires; A await", "B send; coordinator crash"},
	} {
		w := buildSessions()
		w.Allow(sim.Faults{NodeCrashes: 1, Cuts: 1})
		if _, err := sim.Run(w, schedule(t, test.does)); err != nil {
			t.Fatal(err)
		}
		if got := possible(w); got != test.possible {
			t.Errorf("%s: possible: %s; want %s", test.does, got, test.possible)
		}
		w.Close()
	}
}

// leaver says something, does not wait for what is said to that, and pings.
type leaver struct {
	pinger
	waits bool `sim:"config"`
}

func (l *leaver) Run(t *sim.Task) {
	t.Step("leave")
	if l.waits {
		l.c.Send(t, &message{"bye"})
	} else {
		l.c.Post(t, &message{"bye"})
	}
	l.pinger.Run(t)
}

// Goal: the answer to what is posted goes nowhere, whatever happens to the request, and
// holds up nobody. Method: all that two tasks on one connection and a fault can do. Sent,
// the answer that nobody takes is in the way of the other's.
func TestPost(t *testing.T) {
	for _, b := range []sim.Faults{{}, {Cuts: 1}, {NodeCrashes: 1}, {Losses: 1}, {Duplicates: 1}} {
		for _, waits := range []bool{false, true} {
			broken := verdicts(t, func(w *sim.World) {
				w.AddNode("broker", &ledger{})
				c := w.Dial("client", "broker")
				w.GoProgram("P0", &pinger{c: c, n: 1})
				w.GoProgram("L", &leaver{pinger{c: c, n: 1}, waits})
				w.Allow(b)
			})
			if _, stuck := broken[sim.NoProgress]; stuck != waits {
				t.Errorf("%+v, awaited %v: %v", b, waits, broken)
			}
		}
	}
}

// Goal: of two connections of a task to a node, either can be lost, and the schedule says
// which: played again, it gives the same run.
func TestFaultsOfTwoConnections(t *testing.T) {
	for fault, faults := range map[string]sim.Faults{
		"cut": {Cuts: 1}, "lose": {Losses: 1}, "duplicate": {Duplicates: 1},
	} {
		var first, second *pinger
		build := func(w *sim.World) {
			w.AddNode("n", &ledger{})
			first, second = &pinger{c: w.Dial("A", "n"), n: 1}, &pinger{c: w.Dial("A", "n"), n: 1}
			w.GoProgram("A", first)
			w.GoProgram("B", second)
			w.Allow(faults)
		}
		play := func(chooser sim.Chooser) (string, sim.Schedule) {
			w := sim.NewWorld()
			defer w.Close()
			build(w)
			log := trace.Record(w)
			ending, err := sim.Run(w, chooser)
			if err != nil {
				t.Fatalf("%s: %v", fault, err)
			}
			return fmt.Sprint(ending, first.cut, second.cut, log.Schedule), log.Schedule
		}
		for seed := range uint64(50) {
			run, schedule := play(sim.NewWalk(seed))
			if again, _ := play(sim.NewReplay(schedule)); again != run {
				t.Fatalf("%s, seed %d: %s, and again %s", fault, seed, run, again)
			}
		}
	}
}
