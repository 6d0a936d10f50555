package sim_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/sim"
)

func delay(t testing.TB, text string) sim.Delay {
	t.Helper()
	d, err := sim.ParseDelay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDelayIsPrintedAsItIsRead(t *testing.T) {
	for _, text := range []string{"0s", "3ms", "1.5ms", "uniform:1ms,5ms", "exp:3ms", "lognormal:3ms,0.5", "bimodal:3ms,50ms,0.1", "empirical:1ms,2ms,2ms", "empirical:7ms"} {
		if got := delay(t, text).String(); got != text {
			t.Errorf("ParseDelay(%q) prints %q", text, got)
		}
	}
}

func TestParseDelaySaysWhatIsPossible(t *testing.T) {
	for _, text := range []string{"", "3", "-1ms", "uniform", "uniform:1ms", "uniform:5ms,1ms", "uniform:1ms,2ms,3ms", "exp:", "exp:1ms,2ms",
		"lognormal:3ms", "lognormal:3ms,-1", "lognormal:3ms,NaN", "lognormal:3ms,1,2", "bimodal:3ms,50ms", "bimodal:3ms,50ms,1.5", "bimodal:3ms,x,0.5", "empirical:2ms,1ms", "empirical:", "normal:3ms", "1ms,2ms", "2000h", ":3ms\n3"} {
		_, err := sim.ParseDelay(text)
		if err == nil {
			t.Errorf("ParseDelay(%q) accepts it", text)
		} else if !strings.Contains(err.Error(), "; want 3ms, uniform:") || strings.Contains(err.Error(), "\n") {
			t.Errorf("ParseDelay(%q): %v", text, err)
		}
	}
}

// Mean and quantiles of many draws are those of the distribution, within what
// 200,000 draws allow; a seed always draws the same, and another seed or source
// something else.
func TestDelaysAreDistributedAsTheyClaim(t *testing.T) {
	const n = 200_000
	normal := math.Exp(0.5 * 0.5 / 2)
	for _, test := range []struct {
		text                   string
		mean, q10, median, q90 float64 // in ms
	}{
		{"3ms", 3, 3, 3, 3},
		{"uniform:1ms,5ms", 3, 1.4, 3, 4.6},
		{"exp:3ms", 3, 3 * math.Log(1/0.9), 3 * math.Ln2, 3 * math.Log(10)},
		{"lognormal:3ms,0.5", 3 * normal, 3 * math.Exp(-0.5*1.2815516), 3, 3 * math.Exp(0.5*1.2815516)},
		{"bimodal:3ms,50ms,0.2", 12.4, 3, 3, 50},
		{"empirical:1ms,2ms,3ms,10ms", 4, 1, 2.5, 10},
	} {
		d := delay(t, test.text)
		r := sim.NewRandom(1, "test")
		var draws []float64
		sum := 0.0
		for range n {
			x := float64(d.Draw(&r)) / float64(ms)
			draws = append(draws, x)
			sum += x
		}
		slices.Sort(draws)
		median := (draws[n/2-n/1000] + draws[n/2+n/1000]) / 2
		for _, got := range []struct {
			name       string
			is, should float64
		}{{"mean", sum / n, test.mean}, {"10 % quantile", draws[n/10], test.q10}, {"median", median, test.median}, {"90 % quantile", draws[n*9/10], test.q90}} {
			if math.Abs(got.is-got.should) > 0.02*got.should && !(got.name == "median" && test.text[0:3] == "emp" && (got.is == 2 || got.is == 3)) {
				t.Errorf("%s: %s %.4f ms, want %.4f", test.text, got.name, got.is, got.should)
			}
		}
	}
	first := func(seed uint64, source string) time.Duration {
		r := sim.NewRandom(seed, source)
		d := delay(t, "exp:3ms")
		return d.Draw(&r)
	}
	// Pinned: a change would silently change every seed's run.
	if got := first(1, "a"); got != first(1, "a") || got == first(2, "a") || got == first(1, "b") || got.String() != "593.925µs" {
		t.Errorf("draws: %v %v %v %v", got, first(1, "a"), first(2, "a"), first(1, "b"))
	}
}

// clients send requests to one node, each over a connection of its own, and
// then sleep; the node parks some of them.
type timedClient struct {
	c     *sim.Conn
	lock  *sim.Mutex
	sleep sim.Timer
	n     int
}

func (p *timedClient) Run(t *sim.Task) {
	t.Step("start")
	for p.n = 0; p.n < 5; p.n++ {
		p.lock.Lock(t.At("lock"))
		p.c.Send(t, &message{fmt.Sprint(p.n)})
		t.Step("unlock")
		p.lock.Unlock(t)
		p.c.Receive(t.At("await"))
		p.sleep.Sleep(t.At("wake"), 2*ms)
	}
}

// slow answers at once or, every third request, after a while.
type slow struct {
	parked [3]sim.Envelope
	served int
}

func (n *slow) Timers() []string { return []string{"delay0", "delay1", "delay2"} }
func (n *slow) Handle(e sim.Envelope, out *sim.Outbox) {
	n.served++
	if n.served%3 > 0 {
		out.Reply(e, &message{"now"})
		return
	}
	for i := range n.parked {
		if n.parked[i].Message == nil {
			n.parked[i] = e
			out.After(i, 4*ms)
			return
		}
	}
}
func (n *slow) Expire(timer int, out *sim.Outbox) {
	out.Reply(n.parked[timer], &message{"late"})
	n.parked[timer] = sim.Envelope{}
}

func buildTimed(timing sim.Timing, faults *sim.Faults) func() *sim.World {
	return func() *sim.World {
		w := sim.NewWorld()
		w.AddNode("broker", &slow{})
		l := &locked{}
		w.Share("l", l)
		for _, name := range []string{"A", "B", "C"} {
			w.GoProgram(name, &timedClient{c: w.Dial(name, "broker"), lock: &l.lock})
		}
		w.Timed(timing)
		if faults != nil {
			w.Allow(*faults)
		}
		return w
	}
}

func drawn(t testing.TB, seed uint64) sim.Timing {
	return sim.Timing{Seed: seed, Step: delay(t, "exp:1ms"), Latency: delay(t, "lognormal:1ms,1"), Service: delay(t, "uniform:0s,2ms"),
		Overrides: []sim.DelayOverride{{"broker->B", delay(t, "empirical:0s,9ms")}}, ThinkTimes: []sim.DelayOverride{{"unlock", delay(t, "uniform:1ms,4ms")}},
		Wake: delay(t, "exp:500us")}
}

func drawnAll(t testing.TB, seed uint64) sim.Timing {
	timing := drawn(t, seed)
	timing.Overrides = nil
	return timing
}

func fixed() sim.Timing {
	return sim.Timing{Step: sim.Constant(ms), Latency: sim.Constant(ms), Service: sim.Constant(ms)}
}

// Time goes on, messages keep their order, and each takes what the timing says.
func TestTimedEventsComeInTheOrderOfTheirTime(t *testing.T) {
	w := sim.NewWorld()
	w.AddNode("echo", &echo{})
	a, b := w.Dial("a", "echo"), w.Dial("b", "echo")
	for _, c := range []*sim.Conn{a, b} {
		w.GoProgram("T"+fmt.Sprint(len(w.Unfinished())), &script{run: func(task *sim.Task, _ *script) {
			task.Step("send")
			c.Send(task, &message{"1"})
			c.Send(task, &message{"2"})
			c.Receive(task.At("await"))
			c.Receive(task.At("await"))
		}})
	}
	w.Timed(sim.Timing{Step: sim.Constant(ms), Latency: sim.Constant(10 * ms), Service: sim.Constant(3 * ms),
		Overrides: []sim.DelayOverride{{"b->echo", sim.Constant(11 * ms)}, {"T1", sim.Constant(5 * ms)}}})
	trace, ending := run(t, w, sim.NewWalk(3))
	if ending != sim.Finished {
		t.Fatalf("run ended by %q", ending)
	}
	var got []string
	for _, step := range trace.Steps {
		got = append(got, fmt.Sprint(step.Actor, " ", step.Label, " ", step.At.Sub(0).Milliseconds()))
	}
	slices.Sort(got)
	// The broker is busy for 3 ms a request: through at 13, 16, 19 and 22; an
	// answer takes 10 ms more.
	want := []string{"T0 await 23", "T0 await 26", "T0 send 0", "T0/a->echo Ping 10", "T0/a->echo Ping 10",
		"T1 await 29", "T1 await 34", "T1 send 0", "T1/b->echo Ping 11", "T1/b->echo Ping 11"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("steps and their times:\n%v\nwant\n%v", got, want)
	}
}

// What stands before a point takes its own time, drawn apart from the steps.
func TestTimeBeforeAPoint(t *testing.T) {
	times := func(step, before string) []time.Duration {
		w := sim.NewWorld()
		w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
			task.Step("start")
			task.Step("work")
			task.Step("end")
			task.Step("work")
		}})
		w.Timed(sim.Timing{Seed: 1, Step: delay(t, step), ThinkTimes: []sim.DelayOverride{{"work", delay(t, before)}}})
		trace, _ := run(t, w, sim.NewWalk(1))
		var at []time.Duration
		for _, step := range trace.Steps {
			at = append(at, step.At.Sub(0))
		}
		return at
	}
	if got, want := times("1ms", "5ms"), []time.Duration{0, 5 * ms, 6 * ms, 11 * ms}; !slices.Equal(got, want) {
		t.Errorf("steps at %v, want %v", got, want)
	}
	a, b := times("1ms", "exp:5ms"), times("uniform:1ms,2ms", "exp:5ms")
	if a[1] != b[1] || a[3]-a[2] != b[3]-b[2] || a[3]-a[2] == a[1] {
		t.Errorf("work by %v, and by %v with other steps: want two times, the same in both", a, b)
	}
}

// Two runs of one seed are the same; the times of a run never go back.
func TestTimedRunIsAFunctionOfItsSeeds(t *testing.T) {
	record := func(seed uint64) string {
		trace, ending := run(t, buildTimed(drawn(t, seed), nil)(), sim.NewWalk(seed))
		if ending != sim.Finished {
			t.Fatalf("seed %d: run ended by %q", seed, ending)
		}
		var b strings.Builder
		last := sim.Time(0)
		for _, step := range trace.Steps {
			if step.At < last {
				t.Fatalf("seed %d: step at %v after one at %v", seed, step.At, last)
			}
			last = step.At
			fmt.Fprintln(&b, step.Step, step.At.Sub(0))
		}
		return b.String()
	}
	for seed := range uint64(20) {
		if first, again := record(seed), record(seed); first != again {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
	if record(1) == record(2) {
		t.Error("two seeds have the same run")
	}
}

// sharer takes turns with others at one connection and one lock.
type sharer struct {
	c    *sim.Conn
	lock *sim.RWMutex
	n    int
}

func (p *sharer) Run(t *sim.Task) {
	t.Step("start")
	for p.n = 0; p.n < 3; p.n++ {
		p.lock.RLock(t.At("read"))
		p.c.Send(t, &message{fmt.Sprint(p.n)})
		t.Step("leave")
		p.lock.RUnlock(t)
		p.c.Receive(t.At("await"))
		p.lock.Lock(t.At("write"))
		t.Step("unlock")
		p.lock.Unlock(t)
	}
}

type rwLocked struct{ lock sim.RWMutex }

func buildSharers(timing sim.Timing) func() *sim.World {
	return func() *sim.World {
		w := sim.NewWorld()
		w.AddNode("broker", &slow{})
		l := &rwLocked{}
		w.Share("l", l)
		c := w.Dial("client", "broker")
		for _, name := range []string{"A", "B", "C"} {
			w.GoProgram(name, &sharer{c: c, lock: &l.lock})
		}
		w.Timed(timing)
		return w
	}
}

// What is due is kept in a heap, and only what a step touched is looked at
// again. A world that was just loaded looks at everything: both must agree.
func TestTimedWorldsAreSavedAndRestored(t *testing.T) {
	for seed := range uint64(20) {
		sameAfterLoad(t, fmt.Sprintf("drawn, seed %d", seed), buildTimed(drawn(t, seed), nil), seed)
		sameAfterLoad(t, fmt.Sprintf("fixed, seed %d", seed), buildTimed(fixed(), nil), seed)
		sameAfterLoad(t, fmt.Sprintf("shared, drawn, seed %d", seed), buildSharers(drawnAll(t, seed)), seed)
		sameAfterLoad(t, fmt.Sprintf("shared, fixed, seed %d", seed), buildSharers(fixed()), seed)
		faults := &sim.Faults{NodeCrashes: 1, Cuts: 1, Delays: 1, Down: delay(t, "exp:5ms"), Late: delay(t, "exp:5ms")}
		sameAfterLoad(t, fmt.Sprintf("drawn with faults, seed %d", seed), buildTimed(drawn(t, seed), faults), seed)
		sameAfterLoad(t, fmt.Sprintf("fixed with faults, seed %d", seed), buildTimed(fixed(), faults), seed)
	}
}

// lostUpdate is a task that reads and then writes one more.
type lostUpdate struct {
	x   *sim.Var[int]
	got int
}

func (l *lostUpdate) Run(t *sim.Task) {
	t.Step("read")
	l.got = l.x.Get(t)
	t.Step("write")
	l.x.Set(t, l.got+1)
}

// Where two tasks keep step, both read before either writes. With fixed times
// the ties are the choices: either may read first (2 states), both have (1),
// either may write first (2), both have (1), and the start; of 13 untimed.
func TestTimedStates(t *testing.T) {
	for _, test := range []struct {
		timing *sim.Timing
		want   int
	}{{nil, 13}, {&sim.Timing{}, 13}, {&sim.Timing{Step: sim.Constant(ms)}, 7},
		{&sim.Timing{Step: sim.Constant(ms), Overrides: []sim.DelayOverride{{"B", sim.Constant(3 * ms)}}}, 6}} {
		got := statesOf(t, func() *sim.World {
			w := sim.NewWorld()
			l := &locked{}
			w.Share("l", l)
			w.GoProgram("A", &lostUpdate{x: &l.x})
			w.GoProgram("B", &lostUpdate{x: &l.x})
			if test.timing != nil {
				w.Timed(*test.timing)
			}
			return w
		}).States
		if got != test.want {
			t.Errorf("timing %+v: %d states, want %d", test.timing, got, test.want)
		}
	}
}

// How long ago a task could have gone on tells nothing: one that waits for ever
// beside a client that loops adds only the states of its own start.
func TestTimedStatesForgetThePast(t *testing.T) {
	states := func(waits bool) int {
		return statesOf(t, func() *sim.World {
			w := buildLooping()
			l := &timers{}
			w.Share("l", l)
			w.GoProgram("W", &script{run: func(task *sim.Task, _ *script) {
				if !waits {
					task.Step("start")
				}
				l.a.Receive(task.At("await"))
			}})
			w.Timed(sim.Timing{Step: sim.Constant(ms)})
			return w
		}).States
	}
	if with, without := states(false), states(true); with > without+3 {
		t.Errorf("%d states with a step before the wait, %d without: want 3 more at most", with, without)
	}
}

func TestTimingNamesWhoIsNotThere(t *testing.T) {
	w := buildTimed(sim.Timing{Overrides: []sim.DelayOverride{{"broker->D", sim.Delay{}}}}, nil)()
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, `"broker->D"`) {
			t.Errorf("panic %v", got)
		}
	}()
	w.Enabled()
}

// stepper steps for ever.
type stepper struct{}

func (*stepper) Run(t *sim.Task) {
	for {
		t.Step("step")
	}
}

func benchmarkTimed(b *testing.B, tasks int) {
	w := sim.NewWorld()
	for i := range tasks {
		w.GoProgram(fmt.Sprint("T", i), &stepper{})
	}
	w.Timed(sim.Timing{Seed: 1, Step: delay(b, "exp:1ms")})
	defer w.Close()
	w.Enabled()
	for range 10 * tasks {
		w.Take(0)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		w.Take(0)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkTimed2(b *testing.B)    { benchmarkTimed(b, 2) }
func BenchmarkTimed1000(b *testing.B) { benchmarkTimed(b, 1000) }

// BenchmarkTimers1000 has events without a coroutine: 1,000 tickers.
func BenchmarkTimers1000(b *testing.B) {
	c := &tickers{list: make([]sim.Timer, 1000)}
	w := sim.NewWorld()
	w.Share("c", c)
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		task.Step("start")
		for i := range c.list {
			c.list[i].StartTicker(task, ms+time.Duration(i*i)*time.Microsecond)
		}
		for {
			c.never.Receive(task.At("await"))
		}
	}})
	w.Timed(sim.Timing{})
	defer w.Close()
	w.Take(0)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		w.Take(0)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

type tickers struct {
	list  []sim.Timer
	never sim.Timer
}

// BenchmarkUntimed2 is the same without time, for comparison.
func BenchmarkUntimed2(b *testing.B) {
	w := sim.NewWorld()
	w.GoProgram("A", &stepper{})
	w.GoProgram("B", &stepper{})
	defer w.Close()
	w.Enabled()
	b.ReportAllocs()
	for i := range b.N {
		w.Take(i & 1)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// Goal: whatever is read as a delay is printed as one that is read the same, and
// draws nothing below zero.
func FuzzParseDelay(f *testing.F) {
	for _, text := range []string{"3ms", "uniform:1ms,5ms", "exp:3ms", "lognormal:3ms,0.5", "bimodal:3ms,50ms,0.1", "empirical:1ms,2ms,2ms", "lognormal:1h,NaN", "exp:-1ns"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := sim.ParseDelay(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error has more than one line: %v", text, err)
			}
			return
		}
		again, err := sim.ParseDelay(d.String())
		if err != nil || again.String() != d.String() {
			t.Errorf("%q prints as %q, and that as %q, %v", text, d, again, err)
		}
		draws := sim.NewRandom(1, text)
		for range 20 {
			if at := d.Draw(&draws); at < 0 {
				t.Errorf("%q draws %v", text, at)
			}
		}
	})
}

// clockwork arms a timer for each message.
type clockwork struct{ rings int }

func (n *clockwork) Timers() []string { return []string{"ring"} }
func (n *clockwork) Handle(e sim.Envelope, out *sim.Outbox) {
	out.After(0, 20*ms)
	out.Reply(e, &message{"armed"})
}
func (n *clockwork) Expire(int, *sim.Outbox) { n.rings++ }
func (n *clockwork) Crash()                  {}
func (n *clockwork) Restart(*sim.Outbox)     {}

// napper sends a message, and stays for a while.
type napper struct {
	c     *sim.Conn
	sleep sim.Timer
}

func (p *napper) Run(t *sim.Task) {
	t.Step("send")
	p.c.Send(t, &message{"ping"})
	p.c.Receive(t.At("await"))
	p.sleep.Sleep(t.At("wake"), 50*ms)
}

// A crash takes the timers of a node: none of them fires when it would have.
func TestACrashTakesTimersInTime(t *testing.T) {
	for _, crashes := range []int{0, 1} {
		w, node := sim.NewWorld(), &clockwork{}
		w.AddNode("clock", node)
		w.GoProgram("client", &napper{c: w.Dial("client", "clock")})
		w.Timed(fixed())
		w.Allow(sim.Faults{NodeCrashes: crashes, Down: sim.Constant(ms)})
		for len(w.Enabled()) > 0 {
			armed := w.Enabled()[0].Actor == "clock.ring"
			crash := slices.IndexFunc(w.Enabled(), func(e sim.Event) bool { return e.Label == "crash" && armed })
			w.Take(max(crash, 0))
		}
		if node.rings != 1-crashes || w.Now() < 50*ms {
			t.Errorf("with %d crashes the timer fires %d times until %v", crashes, node.rings, w.Now())
		}
		w.Close()
	}
}
