package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/sim"
)

// quay is what the tasks of these tests share.
type waitFixture struct {
	chans [2]sim.Chan[int]
	timer sim.Timer
	lock  sim.Mutex
	cond  sim.Cond
	group sim.WaitGroup
	x     sim.Var[int]
}

func newWaitFixture() *waitFixture {
	q := &waitFixture{}
	q.chans[0].Init(0)
	q.chans[1].Init(1)
	q.cond.L = &q.lock
	return q
}

func (q *waitFixture) world(tasks ...func(t *sim.Task)) *sim.World {
	w := sim.NewWorld()
	w.Share("q", q)
	for i, task := range tasks {
		w.GoProgram(string(rune('A'+i)), &script{run: func(t *sim.Task, _ *script) { task(t) }})
	}
	return w
}

// lastBroken plays a schedule and returns what its last step broke.
func lastBroken(t *testing.T, w *sim.World, text string) string {
	t.Helper()
	defer w.Close()
	if text != "" {
		if _, err := sim.Run(w, schedule(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	w.Enabled()
	return fmt.Sprint(w.Violations())
}

func TestWhoWaitsForWhatIsSaid(t *testing.T) {
	for _, test := range []struct {
		name  string
		tasks func(q *waitFixture) []func(t *sim.Task)
		plays string
		want  string
	}{
		{"receive", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){func(t *sim.Task) { q.chans[1].Receive(t.At("get")) }}
		}, "", `A, before "get", waits for a value from q.chans[1]`},
		{"hand over", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){func(t *sim.Task) { q.chans[0].Send(t.At("give"), 1) }}
		}, "", `A, before "give", waits for a receiver of q.chans[0]`},
		{"full", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){func(t *sim.Task) {
				q.chans[1].Send(t.At("first"), 1)
				q.chans[1].Send(t.At("second"), 2)
			}}
		}, "A first", `A, before "second", waits for room in q.chans[1], which holds 1`},
		{"select", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){func(t *sim.Task) {
				var none *sim.Chan[int]
				t.At("choose").Select(q.chans[0].Receiving(), none.Receiving(), q.timer.Receiving())
			}}
		}, "", `A, before "choose", waits for a value from q.chans[0] or q.timer, which is not armed`},
		{"nothing", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){func(t *sim.Task) { t.At("choose").Select() }}
		}, "", `A, before "choose", waits for nothing that ever comes`},
		{"group", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){func(t *sim.Task) {
				t.Step("add")
				q.group.Add(t, 2)
				q.group.Done(t)
				q.group.Wait(t.At("wait"))
			}}
		}, "A add", `A, before "wait", waits for q.group, which counts 1`},
		{"condition", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){func(t *sim.Task) {
				q.lock.Lock(t.At("lock"))
				q.cond.Wait(t.At("wait"))
			}}
		}, "A lock", `A, before "wait", waits for a signal of q.cond`},
	} {
		q := newWaitFixture()
		if got := lastBroken(t, q.world(test.tasks(q)...), test.plays); !strings.Contains(got, sim.NoProgress) || !strings.Contains(got, test.want) {
			t.Errorf("%s: broke %s, want %s: %s", test.name, got, sim.NoProgress, test.want)
		}
	}
}

func TestPanicsOfChannelsAreGos(t *testing.T) {
	for _, test := range []struct {
		does func(q *waitFixture, t *sim.Task)
		want string
	}{
		{func(q *waitFixture, t *sim.Task) { q.chans[1].Close(t); q.chans[1].Close(t) }, "close of closed channel"},
		{func(q *waitFixture, t *sim.Task) { (&sim.Chan[int]{}).Close(t) }, "memory that nobody shared"},
		{func(q *waitFixture, t *sim.Task) { q.chans[1].Close(t); q.chans[1].Send(t.At("send"), 1) }, "send on closed channel"},
		{func(q *waitFixture, t *sim.Task) { q.group.Done(t) }, "negative WaitGroup counter"},
		{func(q *waitFixture, t *sim.Task) { q.cond.Wait(t.At("wait")) }, "unlock of unlocked mutex"},
		{func(q *waitFixture, t *sim.Task) { q.chans[0].Received(t) }, "received nothing"},
		{func(q *waitFixture, t *sim.Task) { t.At("s").Select(q.chans[0].Receiving(), q.chans[0].Sending(1)) }, "two cases of one channel"},
	} {
		q := newWaitFixture()
		w := q.world(func(t *sim.Task) {
			t.Step("go")
			test.does(q, t)
		})
		got := ""
		if err := refused(func() {
			for len(w.Enabled()) > 0 {
				w.Take(0)
				got += fmt.Sprint(w.Violations())
			}
		}); err != nil {
			got = err.Error()
		}
		w.Close()
		if !strings.Contains(got, test.want) {
			t.Errorf("broke %s, want %s", got, test.want)
		}
	}
}

// A sender that is parked when its channel is closed panics, in a select too.
func TestACloseWakesWhoIsParked(t *testing.T) {
	q := newWaitFixture()
	w := q.world(
		func(t *sim.Task) { q.chans[0].Send(t.At("give"), 1) },
		func(t *sim.Task) { t.At("choose").Select(q.chans[0].Sending(2), q.chans[1].Receiving()) },
		func(t *sim.Task) { t.Step("close"); q.chans[0].Close(t) })
	if got := possible(w); got != "C close" {
		t.Errorf("possible: %s", got)
	}
	got := ""
	for len(w.Enabled()) > 0 {
		w.Take(0)
		got += fmt.Sprint(w.Violations())
	}
	w.Close()
	if strings.Count(got, "send on closed channel") != 2 {
		t.Errorf("broke %s, want two panics", got)
	}
}

// The events name the case, and the other task where values go from hand to
// hand; what is not ready is no event.
func TestWaysAreNamed(t *testing.T) {
	q := newWaitFixture()
	w := q.world(
		func(t *sim.Task) { q.chans[0].Send(t.At("give"), 1) },
		func(t *sim.Task) { q.chans[0].Send(t.At("give"), 2) },
		func(t *sim.Task) {
			t.At("choose").Select(q.chans[0].Receiving(), q.chans[1].Sending(7), q.timer.Receiving(), sim.SelectDefault())
			t.At("again").Select(q.chans[1].Sending(8), sim.SelectDefault())
			q.chans[0].Receive(t.At("take"))
		})
	defer w.Close()
	for _, step := range []struct{ possible, take string }{
		{"C choose (q.chans[0] with A); C choose (q.chans[0] with B); C choose (q.chans[1])", "C choose (q.chans[1])"},
		{"C again (default)", "C again (default)"},
		{"C take (with A); C take (with B)", "C take (with B)"},
		{"B give", "B give"},
		{"", ""},
	} {
		if got := possible(w); got != step.possible {
			t.Fatalf("possible: %s; want %s", got, step.possible)
		}
		for i, e := range w.Enabled() {
			if e.String() == step.take {
				w.Take(i)
				break
			}
		}
	}
}

// Those who wait for a condition are woken in the order in which they came, and
// have the lock again.
func TestCondWakesInOrder(t *testing.T) {
	q := newWaitFixture()
	var woken []string
	waits := func(t *sim.Task) {
		q.lock.Lock(t.At("lock"))
		q.cond.Wait(t.At("wait"))
		woken = append(woken, t.Name())
		q.lock.Unlock(t)
	}
	w := q.world(waits, waits, waits, func(t *sim.Task) {
		t.Step("signal")
		q.cond.Signal(t)
		t.Step("broadcast")
		q.cond.Broadcast(t)
		t.Step("signal")
		q.cond.Signal(t)
	})
	w.Enabled()
	step := func(text string) {
		t.Helper()
		for i, e := range w.Enabled() {
			if e.String() == text {
				w.Take(i)
				return
			}
		}
		t.Fatalf("%s cannot happen: %s", text, possible(w))
	}
	step("B lock")
	step("A lock")
	step("C lock")
	step("D signal")
	if got := possible(w); got != "B wait; D broadcast" {
		t.Errorf("possible after a signal: %s", got)
	}
	step("D broadcast")
	if got := possible(w); got != "A wait; B wait; C wait; D signal" {
		t.Errorf("possible after a broadcast: %s", got)
	}
	for _, text := range []string{"C wait", "B wait", "B wait (lock)", "C wait (lock)", "A wait", "A wait (lock)", "D signal"} {
		step(text)
	}
	if got := fmt.Sprint(woken, w.Unfinished()); got != "[B C A] []" {
		t.Errorf("woken and unfinished: %s", got)
	}
	w.Close()
}

// What comes before what, and so is no data race.
//
// Source: "Channel communication" in The Go Memory Model; sync.WaitGroup,
// sync.Cond.
func TestWhatComesBeforeWhat(t *testing.T) {
	set := func(q *waitFixture, t *sim.Task) { t.Step("set"); q.x.Set(t, 1) }
	for _, test := range []struct {
		name  string
		tasks func(q *waitFixture) []func(*sim.Task)
		plays string
		races bool
	}{
		{"a send before its receive", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){
				func(t *sim.Task) { set(q, t); q.chans[1].Send(t.At("give"), 1) },
				func(t *sim.Task) { q.chans[1].Receive(t.At("get")); q.x.Get(t) }}
		}, "A set; A give; B get", false},
		{"not what follows the send", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){
				func(t *sim.Task) { q.chans[1].Send(t.At("give"), 1); set(q, t) },
				func(t *sim.Task) { q.chans[1].Receive(t.At("get")); q.x.Get(t) }}
		}, "A give; A set; B get", true},
		{"from hand to hand", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){
				func(t *sim.Task) { set(q, t); q.chans[0].Send(t.At("give"), 1) },
				func(t *sim.Task) { q.chans[0].Receive(t.At("get")); q.x.Get(t) }}
		}, "A set; B get (with A)", false},
		{"and back", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){
				func(t *sim.Task) { set(q, t); q.chans[0].Receive(t.At("get")) },
				func(t *sim.Task) { q.chans[0].Send(t.At("give"), 1); q.x.Get(t) }}
		}, "A set; A get (with B); B give", false},
		{"a receive before the send that needs its room", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){
				func(t *sim.Task) { set(q, t); q.chans[1].Receive(t.At("get")) },
				func(t *sim.Task) { q.chans[1].Send(t.At("first"), 1); q.chans[1].Send(t.At("second"), 2); q.x.Get(t) }}
		}, "A set; B first; A get; B second", false},
		{"a close", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){
				func(t *sim.Task) { set(q, t); q.chans[1].Close(t) },
				func(t *sim.Task) { q.chans[1].Receive(t.At("get")); q.x.Get(t) }}
		}, "A set; B get", false},
		{"each Done before what Wait waits for", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){
				func(t *sim.Task) { t.Step("add"); q.group.Add(t, 2); set(q, t); q.group.Done(t) },
				func(t *sim.Task) { t.Step("done"); q.group.Done(t) },
				func(t *sim.Task) { q.group.Wait(t.At("wait")); q.x.Get(t) }}
		}, "A add; A set; B done; C wait", false},
		{"a signal before who is woken", func(q *waitFixture) []func(*sim.Task) {
			return []func(*sim.Task){
				func(t *sim.Task) { set(q, t); q.cond.Signal(t) },
				func(t *sim.Task) { q.lock.Lock(t.At("lock")); q.cond.Wait(t.At("wait")); q.x.Get(t) }}
		}, "B lock; A set; B wait; B wait (lock)", false},
	} {
		q := newWaitFixture()
		got := lastBroken(t, q.world(test.tasks(q)...), test.plays)
		if strings.Contains(got, sim.NoDataRace) != test.races {
			t.Errorf("%s: broke %s; a race: want %v", test.name, got, test.races)
		}
	}
}

// Timed, a task at a select goes on when the first of its cases is ready; at one
// instant, any.
func TestSelectInTime(t *testing.T) {
	for _, test := range []struct {
		sends int // ms
		want  string
	}{
		{3, "[q.chans[0] 3ms]"},
		{9, "[timer 5ms]"},
		{5, "[q.chans[0] 5ms] [timer 5ms]"},
	} {
		seen := map[string]bool{}
		for seed := range uint64(40) {
			q, by := newWaitFixture(), ""
			var pause sim.Timer
			w := q.world(func(t *sim.Task) {
				t.Step("start")
				q.timer.Start(t, 5*ms)
				chosen := t.At("choose").Select(q.chans[0].Receiving(), q.timer.Receiving())
				switch chosen {
				case &q.chans[0]:
					by = "q.chans[0]"
				case &q.timer:
					by = "timer"
				}
				by = fmt.Sprint("[", by, " ", t.Now(), "]")
			}, func(t *sim.Task) {
				t.Step("start")
				pause.Sleep(t.At("sleep"), time.Duration(test.sends)*ms)
				q.chans[0].Send(t.At("give"), 1)
			})
			w.Share("pause", &pause)
			w.Timed(sim.Timing{})
			if _, err := sim.Run(w, sim.NewWalk(seed)); err != nil {
				t.Fatal(err)
			}
			w.Close()
			seen[by] = true
		}
		var got []string
		for by := range seen {
			got = append(got, by)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != test.want {
			t.Errorf("sent at %d ms: %s, want %s", test.sends, got, test.want)
		}
	}
}
