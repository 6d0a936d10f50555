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

// heap is the memory of a consumer, and disk what survives it.
type heap struct {
	lock  sim.Mutex
	poms  sim.RWMutex
	mark  sim.Var[int]
	timer sim.Timer
}

type disk struct{ processed sim.Atomic[int] }

// poller asks for records, and processes each; flusher waits for a tick, and
// reads how far the other has come.
type poller struct {
	*heap
	*disk
	conn *sim.Conn
	n    int
}

func (p *poller) Run(t *sim.Task) {
	t.Step("start")
	p.timer.Start(t, 1)
	for p.n < 2 {
		t.Step("fetch")
		p.conn.Send(t, &message{fmt.Sprint(p.n)})
		p.n++
		if p.conn.Receive(t.At("await records")) == sim.ErrBroken {
			p.conn.Redial(t.At("redial"))
		}
		p.lock.Lock(t.At("mark"))
		p.mark.Set(t, p.n)
		t.Step("process")
		p.processed.Add(t, 1)
		p.lock.Unlock(t)
	}
}

type flusher struct {
	*heap
	seen int
}

func (p *flusher) Run(t *sim.Task) {
	p.timer.Receive(t.At("await tick"))
	p.poms.RLock(t.At("share"))
	p.lock.Lock(t.At("flush"))
	p.seen = p.mark.Get(t)
	p.lock.Unlock(t)
	t.Step("done")
	p.poms.RUnlock(t)
}

func buildConsumer(b sim.Faults) func() *sim.World {
	return func() *sim.World {
		w := sim.NewWorld()
		w.AddNode("broker", &ledger{})
		h, d := &heap{}, &disk{}
		w.Share("client", h)
		w.Share("db", d)
		w.GoProgram("poll", &poller{heap: h, disk: d, conn: w.Dial("client", "broker")})
		w.GoProgram("flush", &flusher{heap: h})
		w.Process("consumer", "client", "poll", "flush")
		w.Allow(b)
		return w
	}
}

// Whatever a process has is as at the start after a crash; what it sent may
// arrive, and what it wrote elsewhere stays.
func TestWhatTheCrashOfAProcessTakes(t *testing.T) {
	fresh := "lock free, poms free, mark 0, timer not armed"
	for _, test := range []struct{ name, does, possible, fields string }{
		{"a request arrives after all", "poll start; poll fetch; consumer crash",
			"poll->broker Ping; consumer restart; network cut client->broker",
			fresh + "; memory 0; n 0; seen 0; processed 0"},
		{"its answer is lost", "poll start; poll fetch; consumer crash; poll->broker Ping; consumer restart",
			"poll start", fresh + "; memory 1; n 0; seen 0; processed 0"},
		{"an answer on its way is lost", "poll start; poll fetch; poll->broker Ping; consumer crash; consumer restart",
			"poll start", fresh + "; memory 1; n 0; seen 0; processed 0"},
		{"and no answer comes to another request", "poll start; poll fetch; poll->broker Ping; consumer crash; consumer restart; poll start#2; poll fetch#2",
			"poll->broker/2 Ping; client.timer fires", "lock free, poms free, mark 0, timer due at 1ns; memory 1; n 1; seen 0; processed 0"},
		{"a lock is free", "poll start; poll fetch; poll->broker Ping; poll await records; poll mark; consumer crash; consumer restart",
			"poll start", fresh + "; memory 1; n 0; seen 0; processed 0"},
		{"so is one that is shared", "poll start; client.timer fires; flush await tick; flush share; flush flush; consumer crash; consumer restart",
			"poll start", fresh + "; memory 0; n 0; seen 0; processed 0"},
		{"what was processed is", "poll start; poll fetch; poll->broker Ping; poll await records; poll mark; poll process; consumer crash; consumer restart",
			"poll start", fresh + "; memory 1; n 0; seen 0; processed 1"},
		{"a request of before and one of after", "poll start; poll fetch; consumer crash; consumer restart; poll start#2; poll fetch#2",
			"poll->broker Ping; poll->broker/2 Ping; client.timer fires; network cut client->broker", "lock free, poms free, mark 0, timer due at 1ns; memory 0; n 1; seen 0; processed 0"},
	} {
		w := buildConsumer(sim.Faults{ProcessCrashes: 1})()
		if _, err := sim.Run(w, schedule(t, test.does)); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got := possible(w); got != test.possible {
			t.Errorf("%s: possible: %s; want %s", test.name, got, test.possible)
		}
		got := map[string]string{}
		for _, f := range w.Fields() {
			_, name, _ := strings.Cut(f.Path, ".")
			got[name] = name + " " + f.Value
		}
		line := strings.Join([]string{got["lock"], got["poms"], got["mark"], got["timer"]}, ", ")
		line = strings.Join([]string{line, got["memory"], got["n"], got["seen"], got["processed"]}, "; ")
		if line != test.fields {
			t.Errorf("%s: %s; want %s", test.name, line, test.fields)
		}
		w.Close()
	}
}

// A process that restarts while the broker is down gets no connection, and
// finds out when it asks.
func TestAProcessRestartsWithoutItsBroker(t *testing.T) {
	w := buildConsumer(sim.Faults{ProcessCrashes: 1, NodeCrashes: 1})()
	defer w.Close()
	if _, err := sim.Run(w, schedule(t, `poll start; consumer crash; broker crash; consumer restart; poll start#2; poll fetch; poll await records;
		broker restart; poll redial; poll mark; poll process; poll fetch#2; poll->broker/3 Ping; poll await records#2`)); err != nil {
		t.Fatal(err)
	}
}

// All that one crash can do: the search ends, checks the record of what each
// step touches, keeps to the budget, and always comes to an end.
func TestSearchWithACrashOfAProcess(t *testing.T) {
	r := statesOf(t, buildConsumer(sim.Faults{ProcessCrashes: 1}))
	t.Logf("%d states", r.States)
	for _, v := range r.Verdicts {
		if v.Outcome == explore.Broken {
			t.Errorf("%s: %v (%v)", v.Property, v.Err, v.Schedule)
		}
	}
	sys, err := explore.NewWorlds(buildConsumer(sim.Faults{ProcessCrashes: 1}))
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	steps := 0
	for seed := range uint64(60) {
		sys.Reset()
		walk := sim.NewWalk(seed)
		for len(sys.Enabled()) > 0 {
			i, _ := walk.Choose(sys.Enabled())
			if err := sys.CheckStep(i); err != nil {
				t.Fatal(err)
			}
			steps++
		}
		if left := sys.Unfinished(); len(left) > 0 {
			t.Errorf("seed %d: %v did not end", seed, left)
		}
	}
	t.Logf("%d steps checked", steps)
}

func TestProcessesAreSavedAndRestored(t *testing.T) {
	for seed := range uint64(40) {
		sameAfterLoad(t, fmt.Sprintf("seed %d", seed), buildConsumer(sim.Faults{ProcessCrashes: 2, Cuts: 1, NodeCrashes: 1}), seed)
	}
}

// Where no process may crash, to name one changes nothing.
func TestAProcessThatCannotCrash(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		w.AddNode("broker", &ledger{})
		h, d := &heap{}, &disk{}
		w.Share("client", h)
		w.Share("db", d)
		w.GoProgram("poll", &poller{heap: h, disk: d, conn: w.Dial("client", "broker")})
		w.GoProgram("flush", &flusher{heap: h})
		return w
	}
	if with, without := statesOf(t, buildConsumer(sim.Faults{})).States, statesOf(t, build).States; with != without {
		t.Errorf("%d states with a process, %d without", with, without)
	}
}

// In timed mode what crashed is down for its time.
func TestDowntime(t *testing.T) {
	for _, test := range []struct {
		who    string
		budget sim.Faults
	}{
		{"consumer", sim.Faults{ProcessCrashes: 1, Down: sim.Constant(70 * ms)}},
		{"broker", sim.Faults{NodeCrashes: 1, Down: sim.Constant(70 * ms)}},
	} {
		w := buildConsumer(test.budget)()
		w.Timed(sim.Timing{Step: sim.Constant(ms), Latency: sim.Constant(10 * ms), Service: sim.Constant(ms)})
		trace := trace.Record(w)
		for range sim.MaxSteps {
			enabled := w.Enabled()
			if len(enabled) == 0 {
				break
			}
			crash := slices.IndexFunc(enabled, func(e sim.Event) bool { return e.Label == "crash" && w.Now() >= 5*ms })
			w.Take(max(crash, 0))
		}
		var at []int64
		for _, step := range trace.Steps {
			if step.Actor == test.who {
				at = append(at, step.At.Sub(0).Milliseconds())
			}
		}
		if len(at) != 2 || at[1]-at[0] != 70 {
			t.Errorf("%s crashed and restarted at %v ms, want 70 ms between", test.who, at)
		}
		if left := w.Unfinished(); len(left) > 0 {
			t.Errorf("%s: %v did not end", test.who, left)
		}
		w.Close()
	}
}

// What a process did before it crashed races with nothing that it does later.
func TestNoRaceAcrossACrash(t *testing.T) {
	build := func() *sim.World {
		w := sim.NewWorld()
		l := &locked{}
		w.Share("l", l)
		w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
			task.Step("write")
			l.x.Set(task, 1)
			task.Step("rest")
		}})
		w.GoProgram("B", &script{run: func(task *sim.Task, _ *script) {
			task.Step("read")
			l.x.Get(task)
		}})
		w.Process("client", "A", "B", "l")
		w.Allow(sim.Faults{ProcessCrashes: 1})
		return w
	}
	for does, races := range map[string]bool{
		"A write; B read": true,
		"A write; client crash; client restart; B read":            false,
		"A write; client crash; client restart; A write#2; B read": true,
	} {
		w := build()
		trace, _ := run(t, w, schedule(t, does))
		broken := false
		for _, step := range trace.Steps {
			broken = broken || slices.ContainsFunc(step.Broke, func(v sim.Violation) bool { return v.Property == sim.NoDataRace })
		}
		if broken != races {
			t.Errorf("%s: a race: %v, want %v", does, broken, races)
		}
	}
}

// lottery draws a number, and keeps it outside of its process.
type lottery struct {
	draws sim.Random
	drawn *[]uint64 `sim:"config"`
	delay sim.Delay `sim:"config"`
}

func (p *lottery) Run(t *sim.Task) {
	t.Step("draw")
	*p.drawn = append(*p.drawn, uint64(p.delay.Draw(&p.draws)))
	t.Step("end")
}

// A process that begins anew does not draw the same numbers again.
func TestAProcessDrawsOn(t *testing.T) {
	delay, err := sim.ParseDelay("uniform:0s,1000h")
	if err != nil {
		t.Fatal(err)
	}
	var drawn []uint64
	w := sim.NewWorld()
	w.GoProgram("A", &lottery{draws: sim.NewRandom(1, "A"), drawn: &drawn, delay: delay})
	w.Process("client", "A")
	w.Allow(sim.Faults{ProcessCrashes: 1})
	run(t, w, schedule(t, "A draw; client crash; client restart; A draw#2"))
	if len(drawn) != 2 || drawn[0] == drawn[1] {
		t.Errorf("drew %v, want two different numbers", drawn)
	}
}

// A world in which it is not clear what a process has is refused.
func TestProcessesAreWhole(t *testing.T) {
	for want, wire := range map[string]func(w *sim.World){
		"no task, structure or connection":  func(w *sim.World) { w.Process("p", "A", "nobody") },
		"has no task":                       func(w *sim.World) { w.Process("p", "l") },
		"is a part of process":              func(w *sim.World) { w.Process("p", "A"); w.Process("q", "A") },
		"is in process p and in copy":       func(w *sim.World) { w.Process("p", "A", "l") },
		"not of its process":                func(w *sim.World) { w.Process("p", "A") },
		"a world without any process":       func(*sim.World) {},
		"holds copy.lock, which is no part": func(w *sim.World) { w.Process("p", "A", "client") },
	} {
		w := sim.NewWorld()
		l := &locked{}
		w.AddNode("broker", &ledger{})
		c := w.Dial("client", "broker")
		if strings.Contains(want, "copy") {
			w.Share("copy", l)
		}
		if !strings.Contains(want, "holds") {
			w.Share("l", l)
		}
		w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
			if !strings.Contains(want, "copy.lock") {
				task.Step("send")
				c.Send(task, &message{"x"})
			}
			l.lock.Lock(task.At("lock"))
			task.Step("end")
		}})
		w.Allow(sim.Faults{ProcessCrashes: 1})
		wire(w)
		does := "A send"
		if strings.Contains(want, "copy.lock") {
			does = "A lock; p crash"
		}
		if got := panicOf(func() {
			if _, err := sim.Run(w, schedule(t, does)); err != nil {
				panic(err)
			}
		}); !strings.Contains(got, want) {
			t.Errorf("%s: panic %q", want, got)
		}
		w.Close()
	}
}

func panicOf(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}

// buildCrew is a process whose goroutines pass values, wait for each other and
// read what a node answers.
func buildCrew(b sim.Faults) *sim.World {
	q := newWaitFixture()
	var conn *sim.Conn
	w := q.world(func(t *sim.Task) {
		t.Step("send")
		conn.Send(t, &message{"1"})
		q.chans[1].Send(t.At("promise"), 1)
		q.timer.Start(t, ms)
		t.At("await").Select(q.chans[0].Receiving(), q.timer.Receiving())
		q.group.Done(t)
	}, func(t *sim.Task) {
		q.chans[1].Receive(t.At("next promise"))
		conn.ReceiveAny(t.At("read"))
		t.At("answer").Select(q.chans[0].Sending(2), sim.SelectDefault())
		q.lock.Lock(t.At("lock"))
		q.x.Set(t, q.x.Get(t)+1)
		q.cond.Signal(t)
		q.lock.Unlock(t)
		t.Step("end")
	}, func(t *sim.Task) {
		t.Step("add")
		q.group.Add(t, 1)
		q.lock.Lock(t.At("lock"))
		for q.x.Get(t) == 0 {
			q.cond.Wait(t.At("condition"))
		}
		q.lock.Unlock(t)
		q.group.Wait(t.At("finish"))
		q.chans[1].Close(t)
	})
	w.AddNode("node", &echo{})
	conn = w.Dial("client", "node")
	w.Process("p", "q", "client", "A", "B", "C")
	w.Allow(b)
	return w
}

// Whatever the goroutines of a process wait for when it crashes, they begin
// anew, and so does what they wait at.
func TestWhatACrashLeavesOfChannels(t *testing.T) {
	fresh := "0 of 0, 0 of 1, not armed, free, 0 wait, 0, 0"
	for _, does := range []string{
		"A send; A promise",                            // in the buffer
		"A send; A promise; B next promise; A->node 1", // before Read, an answer on its way
		"A send; A promise; q.timer fires",             // a value in C
		"C add; C lock",                                // in the queue of the condition
		"A send; A promise; B next promise; A->node 1; B read; B answer (q.chans[0] with A)",                                                        // met, and not gone on
		"A send; A promise; B next promise; A->node 1; B read; B answer (q.chans[0] with A); B lock; C add; C lock; A await (q.chans[0]); C finish", // closed
	} {
		w := buildCrew(sim.Faults{ProcessCrashes: 1})
		if _, err := sim.Run(w, schedule(t, strings.ReplaceAll(does, "node 1", "node Ping")+"; p crash; p restart")); err != nil {
			t.Fatalf("%s: %v", does, err)
		}
		var values []string
		for _, f := range w.Fields() {
			if strings.HasPrefix(f.Path, "q.") {
				values = append(values, f.Value)
			}
		}
		if got := strings.Join(values, ", "); got != fresh {
			t.Errorf("%s: %s, want %s", does, got, fresh)
		}
		if got, _, _ := strings.Cut(possible(w), "; A->node"); got != "A send; C add" {
			t.Errorf("%s: possible: %s", does, got)
		}
		w.Close()
	}
}

// While its process is down a task does not move, though a case is ready.
func TestNobodyChoosesInAProcessThatIsDown(t *testing.T) {
	for _, timed := range []bool{false, true} {
		q := newWaitFixture()
		w := q.world(func(t *sim.Task) {
			t.At("look").Select(q.chans[1].Receiving(), sim.SelectDefault())
			t.Step("end")
		})
		w.Process("p", "q", "A")
		w.Allow(sim.Faults{ProcessCrashes: 1})
		if timed {
			w.Timed(sim.Timing{})
		}
		if _, err := sim.Run(w, schedule(t, "A look (default); p crash")); err != nil {
			t.Fatal(err)
		}
		if got := possible(w); got != "p restart" {
			t.Errorf("timed %v: possible: %s, want p restart", timed, got)
		}
		w.Close()
	}
}

func TestACrewIsSavedAndRestored(t *testing.T) {
	for seed := range uint64(60) {
		sameAfterLoad(t, fmt.Sprintf("seed %d", seed), func() *sim.World {
			w := buildCrew(sim.Faults{ProcessCrashes: 2, Cuts: 1})
			if seed%2 == 0 {
				w.Timed(sim.Timing{Seed: seed, Step: sim.Constant(ms), Latency: sim.Constant(2 * ms)})
			}
			return w
		}, seed)
	}
}

// What was in a channel when its process crashed leads to nobody who receives
// from it later.
func TestNoOrderAcrossACrashComesFromAChannel(t *testing.T) {
	q := newWaitFixture()
	w := q.world(func(t *sim.Task) {
		t.Step("write")
		q.x.Set(t, 1)
		q.chans[1].Send(t.At("give"), 1)
	}, func(t *sim.Task) {
		q.chans[1].Receive(t.At("get"))
		q.x.Get(t)
	})
	w.Process("p", "q", "A", "B")
	w.Allow(sim.Faults{ProcessCrashes: 1})
	trace, _ := run(t, w, schedule(t, "A write; A give; p crash; p restart; A write#2; A give#2; B get"))
	for _, step := range trace.Steps {
		if len(step.Broke) > 0 {
			t.Errorf("%s %s broke %v", step.Actor, step.Label, step.Broke)
		}
	}
}

// A channel, a wait group or a condition is of one process.
func TestChannelsAreOfOneProcess(t *testing.T) {
	uses := map[string]func(q *waitFixture, t *sim.Task){
		"close": func(q *waitFixture, t *sim.Task) { q.chans[1].Close(t) },
		"send":  func(q *waitFixture, t *sim.Task) { q.chans[1].Send(t.At("give"), 1) },
		"add":   func(q *waitFixture, t *sim.Task) { q.group.Add(t, 1) },
		"wake":  func(q *waitFixture, t *sim.Task) { q.cond.Signal(t) },
		"meet":  func(q *waitFixture, t *sim.Task) { q.chans[0].Receive(t.At("get")) },
	}
	for name, use := range uses {
		for parts, want := range map[string]bool{"A": true, "A q": name == "meet", "B": name == "meet", "B q": true, "A B q": false} {
			q := newWaitFixture()
			w := q.world(func(t *sim.Task) {
				t.Step("go")
				use(q, t)
			}, func(t *sim.Task) { q.chans[0].Send(t.At("give"), 1) }, func(t *sim.Task) { t.Step("go") })
			w.Process("p", strings.Fields(parts)...)
			w.Allow(sim.Faults{ProcessCrashes: 1})
			err := refused(func() {
				for range 2 {
					w.Enabled()
					w.Take(0)
				}
			})
			w.Close()
			if (err != nil && strings.Contains(err.Error(), "has only one of them")) != want {
				t.Errorf("%s, and process p has %s: %v; refused: want %v", name, parts, err, want)
			}
		}
	}
}
