package simtest_test

import (
	"fmt"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/simtest"
)

// recorder is a test that notes what it is told.
type recorder struct {
	testing.TB
	name   string
	failed []string
	logged []string
}

func (r *recorder) Helper()                    {}
func (r *recorder) Name() string               { return r.name }
func (r *recorder) Log(args ...any)            { r.logged = append(r.logged, fmt.Sprint(args...)) }
func (r *recorder) Logf(f string, args ...any) { r.logged = append(r.logged, fmt.Sprintf(f, args...)) }
func (r *recorder) Error(args ...any)          { r.failed = append(r.failed, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) {
	r.failed = append(r.failed, fmt.Sprintf(f, args...))
}
func (r *recorder) Fatal(args ...any)            { r.Error(args...); panic(r) }
func (r *recorder) Fatalf(f string, args ...any) { r.Errorf(f, args...); panic(r) }

// checked is what Check says of a world.
func checked(s simtest.Search, build func(*sim.World)) (r *recorder) {
	r = &recorder{name: "TestIt"}
	defer func() {
		if reason := recover(); reason != nil && reason != any(r) {
			panic(reason)
		}
	}()
	s.Check(r, build)
	return r
}

func lost(w *sim.World) {
	var n sim.Var[int]
	w.Share("n", &n)
	for i := range 2 {
		w.Go(fmt.Sprint("G", i), func(t *sim.Task) { v := n.Get(t); n.Set(t, v+1) })
	}
	w.Finally("both updates count", func(c *sim.Claim) { c.Assert(n.Peek() == 2, "n is %d, want 2", n.Peek()) })
}

// Goal: a break is one picture, why, and the command that repeats it.
func TestCheckDrawsABreak(t *testing.T) {
	r := checked(simtest.Search{}, lost)
	want := `both updates count: n is 1, want 2
at the start: n 0

     G0                  G1
  1  │                   ● read n
  2  ● read n            │
  3  ● write n: n 0 → 1  │
  4  │                   ● write n
  ✗  both updates count: n is 1, want 2
`
	if len(r.failed) != 1 || !strings.HasPrefix(r.failed[0], want) ||
		!strings.Contains(strings.ReplaceAll(r.failed[0], "\n          ", " "), "replay  go test -v -run '^TestIt$' racelab/sim/simtest -sim.schedule='G1 read n; G0 read n; G0 write n; G1 write n'") {
		t.Errorf("it says %q", r.failed)
	}
}

// Goal: what makes a test fail, and what does not.
func TestCheckFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		search simtest.Search
		build  func(*sim.World)
		want   string // in the first failure; empty: it passes
	}{
		{"a claim that holds", simtest.Search{}, func(w *sim.World) {
			var s struct {
				mu sim.Mutex
				n  sim.Var[int]
			}
			w.Share("s", &s)
			for i := range 2 {
				w.Go(fmt.Sprint("G", i), func(t *sim.Task) {
					s.mu.Lock(t)
					defer s.mu.Unlock(t)
					s.n.Set(t, s.n.Get(t)+1)
				})
			}
			w.Finally("both updates count", func(c *sim.Claim) { c.Assert(s.n.Peek() == 2, "n is %d", s.n.Peek()) })
		}, ""},
		{"an assertion", simtest.Search{}, func(w *sim.World) {
			w.Go("G", func(t *sim.Task) { t.Assert(true, "") })
		}, ""},
		{"nothing claimed", simtest.Search{}, func(w *sim.World) {
			w.Go("G", func(t *sim.Task) { t.Step("a") })
		}, "this world claims nothing"},
		{"a vacuous claim", simtest.Search{}, func(w *sim.World) {
			w.Go("G", func(t *sim.Task) { t.Step("a") })
			w.Always("never judged", func(c *sim.Claim) {})
		}, "never judged is vacuous"},
		{"a deadlock", simtest.Search{}, func(w *sim.World) {
			var s struct{ a, b sim.Mutex }
			w.Share("s", &s)
			take := func(t *sim.Task, first, second *sim.Mutex) {
				first.Lock(t)
				defer first.Unlock(t)
				second.Lock(t)
				defer second.Unlock(t)
				t.Assert(true, "")
			}
			w.Go("G0", func(t *sim.Task) { take(t, &s.a, &s.b) })
			w.Go("G1", func(t *sim.Task) { take(t, &s.b, &s.a) })
			w.Finally("both end", func(c *sim.Claim) { c.Assert(len(c.Waits().Waits) == 0, "one waits") })
		}, "no-deadlock: G0 holds s.a and wants s.b"},
		{"a panic", simtest.Search{}, func(w *sim.World) {
			w.Go("G", func(t *sim.Task) { t.Assert(true, ""); t.Step("a"); panic("oh") })
		}, "no-panic: G panicked: oh"},
		{"a break that is expected", simtest.Search{Expect: []string{"both updates count", sim.NoDataRace}}, lost, ""},
		{"none, and one is expected", simtest.Search{Expect: []string{sim.NoPanic}}, func(w *sim.World) {
			w.Go("G", func(t *sim.Task) { t.Assert(true, "") })
		}, "no-panic is expected to break, and does not"},
		{"what is not judged is expected", simtest.Search{Expect: []string{"nope"}}, lost, `Expect has "nope", which this world does not judge; it judges both updates count, `},
		{"a map", simtest.Search{}, func(w *sim.World) {
			w.Share("m", &struct{ M map[int]int }{})
		}, "m.M is a map, whose order is random"},
		{"unfinished, and sampled", simtest.Search{Limit: 2}, lost, "both updates count: n is 1, want 2"},
		{"unfinished, where it must not be", simtest.Search{Limit: 1, Complete: true}, func(w *sim.World) {
			for i := range 3 {
				w.Go(fmt.Sprint("G", i), func(t *sim.Task) { t.Step("a"); t.Step("b"); t.Assert(true, "") })
			}
		}, "unfinished: "},
		{"another strategy", simtest.Search{Strategy: "guess"}, lost, "there is no strategy \"guess\""},
		{"pct", simtest.Search{Strategy: "pct"}, lost, "both updates count: n is 1, want 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := checked(test.search, test.build)
			switch {
			case test.want == "" && r.failed != nil:
				t.Errorf("it fails: %s", r.failed)
			case test.want != "" && (r.failed == nil || !strings.Contains(r.failed[0], test.want)):
				t.Errorf("it says %q, want %q", r.failed, test.want)
			}
		})
	}
}

// Goal: a schedule can be kept as a test of its own, and a fuzzer may choose.
func TestReplay(t *testing.T) {
	r := &recorder{name: "TestIt"}
	simtest.Replay(r, lost, "G1 read n; G0 read n; G0 write n; G1 write n")
	if len(r.failed) != 1 || !strings.Contains(r.failed[0], "n is 1, want 2") {
		t.Errorf("it says %q", r.failed)
	}
	r = &recorder{name: "TestIt"}
	simtest.Replay(r, lost, "G1 read n; G1 write n; G0 read n; G0 write n")
	if len(r.failed) > 1 || len(r.failed) == 1 && !strings.HasPrefix(r.failed[0], sim.NoDataRace) {
		t.Errorf("it says %q", r.failed)
	}
}

func FuzzIt(f *testing.F) {
	simtest.Fuzz(f, func(w *sim.World) {
		var n sim.Atomic[int]
		w.Share("n", &n)
		for i := range 2 {
			w.Go(fmt.Sprint("G", i), func(t *sim.Task) { n.Add(t, 1) })
		}
		w.Finally("both count", func(c *sim.Claim) { c.Assert(n.Peek() == 2, "n is %d", n.Peek()) })
	})
}

type ping struct{}

// timerless is a node that forgot to name its timers.
type timerless struct{}

func (timerless) Handle(_ sim.Envelope, out *sim.Outbox) { out.After(0, 1) }

// Goal: a beginner's mistake is named with who made it and what to do.
func TestCheckNamesMistakes(t *testing.T) {
	for _, test := range []struct {
		build func(*sim.World)
		want  string
	}{
		{func(w *sim.World) {
			var n sim.Var[int]
			w.Go("A", func(t *sim.Task) { n.Set(t, 1) })
		}, "sim: task A is about to write what nobody shared: hand it, or the struct that holds it, to World.Share (check_test.go:"},
		{func(w *sim.World) {
			w.Go("A", func(t *sim.Task) { t.Assert(t.Now() >= 0, "") })
		}, "sim: task A asks what time it is, and this world has no clock: a Timer gives it one, or World.Timed"},
		{func(w *sim.World) {
			var n sim.Var[int]
			w.Share("n", &n)
			n.Set(nil, 1)
		}, "sim: an operation has no task: before the first step use Init, and in a property Peek"},
		{func(*sim.World) { panic("oops") }, "sim: what builds the world panicked at check_test.go:"},
		{func(w *sim.World) { w.Dial("A", "node") }, "sim: A dials node, and there is no such node: AddNode comes before Dial"},
		{func(w *sim.World) {
			var n, m sim.Var[int]
			w.Share("n", &n)
			w.Share("n", &m)
		}, `sim: Share("n") for the second time`},
		{func(w *sim.World) { w.Allow(sim.Faults{Losses: -1}) }, "sim: Allow has -1 Losses; want 0 or more"},
		{func(*sim.World) { sim.Uniform(5, 3) }, "sim: Uniform(5ns, 3ns) has no delays"},
		{func(*sim.World) { sim.Empirical(nil) }, "sim: Empirical([]) has no delays"},
		{func(w *sim.World) {
			n := 0 // Hidden, and the property's.
			for _, name := range []string{"A", "B"} {
				w.Go(name, func(t *sim.Task) { t.Step("a"); t.Step("b") })
			}
			w.Always("odd", func(c *sim.Claim) { n++; c.Assert(n%7 != 0, "n is %d", n) })
		}, "a plain variable that tasks or properties share"},
		{func(w *sim.World) {
			var c sim.Context
			w.Share("ctx", &c)
			w.Go("A", func(t *sim.Task) { c.Cancel(t) })
		}, "sim: task A ends a Context that nobody made"},
		{func(w *sim.World) {
			var c sim.Chan[int]
			w.Share("c", &c)
			w.Go("A", func(t *sim.Task) { c.Send(t, 1) })
		}, `no-progress, at the start, before any step: A, before "send c", waits for c, which is nil`},
		{func(w *sim.World) {
			w.AddNode("node", timerless{})
			c := w.Dial("A", "node")
			w.Go("A", func(t *sim.Task) { c.Send(t, ping{}) })
		}, "sim: node node (simtest_test.timerless) uses timer 0, and has no methods Timers and Expire"},
		{func(w *sim.World) {
			w.AddNode("node", timerless{})
			c := w.Dial("A", "node")
			w.Go("A", func(t *sim.Task) { c.Close(t) })
		}, "sim: A closes its connection to node once more than the Closes of its Faults: World.Allow allows more"},
	} {
		if r := checked(simtest.Search{}, test.build); r.failed == nil || !strings.Contains(r.failed[0], test.want) {
			t.Errorf("it says %q, want %q", r.failed, test.want)
		}
	}
	for _, panics := range []func(t *sim.Task, l *sim.List[int]){
		func(*sim.Task, *sim.List[int]) { panic("x") },
		func(t *sim.Task, l *sim.List[int]) { l.Drop(t, 1) }, // In package slices.
	} {
		r := checked(simtest.Search{}, func(w *sim.World) {
			var l sim.List[int]
			w.Share("l", &l)
			w.Go("A", func(t *sim.Task) { panics(t, &l) })
		})
		if !strings.Contains(strings.Join(r.logged, "\n"), "the panic comes from check_test.go:") {
			t.Errorf("of a panic it says %q, %q", r.failed, r.logged)
		}
	}
}

// Goal: only the goroutines that a run has started have lanes.
func TestPictureHasNoEmptyLanes(t *testing.T) {
	r := checked(simtest.Search{}, func(w *sim.World) {
		w.Go("A", func(t *sim.Task) { t.Return(ping{}); t.Assert(false, "no") })
	})
	if len(r.failed) == 0 || !strings.Contains(r.failed[0], "     A\n  1  ● return ping\n") {
		t.Errorf("it says %q", r.failed)
	}
}

// Goal: a node that panics is shown as that, and not as who waits for its answer.
func TestPanicComesBeforeWhatHangs(t *testing.T) {
	build := func(w *sim.World) {
		w.AddNode("node", &panics{})
		c := w.Dial("A", "node")
		w.Go("A", func(t *sim.Task) { sim.Call[ping](t, c, ping{}) })
		w.Finally("nothing to say", func(c *sim.Claim) { c.Assert(false, "wrong") })
	}
	r := checked(simtest.Search{}, build)
	if len(r.failed) == 0 || !strings.HasPrefix(r.failed[0], "no-panic: node panicked: no ping") {
		t.Errorf("a search says %q", r.failed)
	}
	r = &recorder{name: "TestIt"}
	simtest.Replay(r, build, "A send ping; A->node ping")
	if len(r.failed) == 0 || !strings.HasPrefix(r.failed[0], "no-panic: node panicked: no ping") {
		t.Errorf("a run says %q", r.failed)
	}
}

type panics struct{}

func (*panics) Handle(sim.Envelope, *sim.Outbox) { panic("no ping") }

// Goal: who says what is to break claims something.
func TestExpectIsAClaim(t *testing.T) {
	r := checked(simtest.Search{Expect: []string{sim.NoProgress}}, func(w *sim.World) {
		var c sim.Chan[int]
		c.Init(0)
		w.Share("c", &c)
		w.Go("A", func(t *sim.Task) { c.Receive(t) })
	})
	if r.failed != nil {
		t.Errorf("it says %q", r.failed)
	}
}

// Goal: of a timed world whose delays are drawn, a search says that it knows one draw.
func TestOneDraw(t *testing.T) {
	for drawn, latency := range map[bool]sim.Delay{false: sim.Constant(5), true: sim.Uniform(1, 9)} {
		r := checked(simtest.Search{}, func(w *sim.World) {
			w.AddNode("node", &answers{})
			c := w.Dial("A", "node")
			w.Go("A", func(t *sim.Task) { _, err := sim.Call[ping](t, c, ping{}); t.Assert(err == nil, "%v", err) })
			w.Timed(sim.Timing{Latency: latency})
		})
		if says := strings.Contains(strings.Join(r.logged, "\n"), "with another seed, what holds may break"); says != drawn || r.failed != nil {
			t.Errorf("latency %v: it says %q, %q", latency, r.logged, r.failed)
		}
	}
}

type answers struct{}

func (*answers) Handle(e sim.Envelope, out *sim.Outbox) { out.Reply(e, ping{}) }

// Goal: where a data race breaks, nobody takes what else holds for proved. Here a reader
// without the lock could see n before m is set, and the lock hides it.
func TestDataRaceLeavesNoProof(t *testing.T) {
	r := checked(simtest.Search{Expect: []string{sim.NoDataRace}}, func(w *sim.World) {
		var s struct {
			mu   sim.Mutex
			n, m sim.Var[int]
		}
		w.Share("s", &s)
		w.Go("A", func(t *sim.Task) { s.mu.Lock(t); s.n.Set(t, 1); s.m.Set(t, 1); s.mu.Unlock(t) })
		w.Go("B", func(t *sim.Task) {
			if s.n.Get(t) == 1 {
				t.Assert(s.m.Get(t) == 1, "half done")
			}
		})
	})
	if says := strings.Join(r.logged, "\n"); r.failed != nil || !strings.Contains(says, "with a data race, what holds is no proof") {
		t.Errorf("it says %q, %q", r.failed, says)
	}
}

// Goal: what breaks is drawn as short as it gets, whichever search found it. Method: most
// tasks have no part in the break.
func TestCheckShrinks(t *testing.T) {
	build := func(w *sim.World) {
		var n sim.Atomic[int]
		w.Share("n", &n)
		for i := range 5 {
			w.Go(fmt.Sprint("busy", i), func(t *sim.Task) {
				for range 10 {
					t.Step("work")
				}
			})
		}
		for i := range 2 {
			w.Go(fmt.Sprint("G", i), func(t *sim.Task) { t.Step("think"); n.Add(t, 1) })
		}
		w.Always("n stays below 2", func(c *sim.Claim) { c.Assert(n.Peek() < 2, "n is %d", n.Peek()) })
	}
	for _, s := range []simtest.Search{{Strategy: "pct", Limit: 50}, {Strategy: "walk", FailFast: true}, {Limit: 2, FailFast: true}, {FailFast: true}} {
		r := checked(s, build)
		if len(r.failed) != 1 {
			t.Fatalf("%+v: it says %q", s, r.failed)
		}
		text := strings.Join(strings.Fields(r.failed[0]), " ")
		for _, want := range []string{"no schedule is shorter", "-sim.schedule='G0 think; G0 add to n; G1 think; G1 add to n'"} {
			if !strings.Contains(text, want) {
				t.Errorf("%+v: it says %s, want %s", s, r.failed[0], want)
			}
		}
	}
}

// Goal: a schedule that was kept, and that a fix has made impossible, does not fail the
// test: the fixed world is searched.
func TestKeptScheduleNoLongerFits(t *testing.T) {
	t.Chdir(t.TempDir())
	build := func(fixed bool) func(*sim.World) {
		return func(w *sim.World) {
			var s struct {
				mu sim.Mutex
				n  sim.Var[int]
			}
			w.Share("s", &s)
			for i := range 2 {
				w.Go(fmt.Sprint("G", i), func(t *sim.Task) {
					for range 25 {
						t.Step("think")
					}
					if fixed {
						s.mu.Lock(t)
						defer s.mu.Unlock(t)
					}
					s.n.Set(t, s.n.Get(t)+1)
				})
			}
			w.Finally("both updates count", func(c *sim.Claim) { c.Assert(s.n.Peek() == 2, "n is %d", s.n.Peek()) })
		}
	}
	const kept = "testdata/sim/TestIt.schedule"
	if r := checked(simtest.Search{}, build(false)); len(r.failed) != 1 || !strings.Contains(r.failed[0], "@"+kept) {
		t.Fatalf("it says %q", r.failed)
	}
	r := checked(simtest.Search{}, build(true))
	if r.failed != nil || len(r.logged) == 0 || !strings.Contains(r.logged[0], kept+" does not fit this world any more") {
		t.Errorf("it says %q, and logs %q", r.failed, r.logged)
	}
}
