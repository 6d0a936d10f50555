package rt_test

import (
	"context"
	"fmt"
	"log"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"racelab/sim/explore"
	"racelab/witness/internal/search"
	"racelab/witness/rt"
	"racelab/witness/rt/atomic"
	rtcontext "racelab/witness/rt/context"
	rtio "racelab/witness/rt/io"
	rtnet "racelab/witness/rt/net"
)

type key struct{}

// hold takes locks in order, and gives them back.
func hold(locks ...sync.Locker) {
	for _, l := range locks {
		l.Lock()
		defer l.Unlock()
	}
}

// kernel is a small use of one primitive. body says what came of it; want are all
// the outcomes that Go allows.
type kernel struct {
	name string
	body func() string
	want []string
}

// lockedWriter keeps what is written.
type lockedWriter struct {
	mu   rt.Mutex
	text string
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text += string(p)
	return len(p), nil
}

// both runs a and b side by side and waits for them.
func both(a, b func()) {
	var wg rt.WaitGroup
	wg.Add(2)
	rt.Go("a", func() { defer wg.Done(); a() })
	rt.Go("b", func() { defer wg.Done(); b() })
	wg.Wait()
}

var kernels = []kernel{
	{"two senders, no buffer", func() string {
		c := make(chan string)
		rt.Go("a", func() { rt.Chan(c).Send("a") })
		rt.Go("b", func() { rt.Chan(c).Send("b") })
		return rt.Recv(c) + rt.Recv(c)
	}, []string{"ab", "ba"}},
	{"two senders, a buffer of one", func() string {
		c := make(chan string, 1)
		rt.Go("a", func() { rt.Chan(c).Send("a") })
		rt.Go("b", func() { rt.Chan(c).Send("b") })
		return rt.Recv(c) + rt.Recv(c)
	}, []string{"ab", "ba"}},
	{"one sender keeps its order", func() string {
		c := make(chan int, 1)
		rt.Go("a", func() {
			for i := range 3 {
				rt.Chan(c).Send(i)
			}
			rt.Close(c)
		})
		s := ""
		for it, v := rt.ChanIter(c); it.Next(&v); {
			s += fmt.Sprint(v)
		}
		return s
	}, []string{"012"}},
	{"a select with two cases that are ready", func() string {
		a, b := make(chan int, 1), make(chan int, 1)
		rt.Chan(a).Send(1)
		rt.Chan(b).Send(2)
		x, y := rt.RecvOf(a), rt.RecvOf(b)
		if rt.Select(false, x, y) == 0 {
			return fmt.Sprint("a", x.V, x.OK)
		}
		return fmt.Sprint("b", y.V, y.OK)
	}, []string{"a1 true", "b2 true"}},
	{"a try to send needs a receiver that waits", func() string {
		c := make(chan int)
		got := make(chan string, 1)
		rt.Go("receiver", func() {
			x, y := rt.RecvOf(c), rt.RecvOf(rt.After(5*time.Millisecond))
			if rt.Select(false, x, y) == 0 {
				rt.Chan(got).Send("got")
			} else {
				rt.Chan(got).Send("nothing")
			}
		})
		sent := "dropped"
		if rt.Select(true, rt.Chan(c).Case(1)) == 0 {
			sent = "sent"
		}
		return sent + " " + rt.Recv(got)
	}, []string{"sent got", "dropped nothing"}},
	{"close wakes all who wait", func() string {
		c := make(chan int)
		var n atomic.Int32
		rt.Go("closer", func() { rt.Close(c) })
		both(
			func() { _, ok := rt.Recv2(c); n.Add(map[bool]int32{true: 1}[ok]) },
			func() { _, ok := rt.Recv2(c); n.Add(map[bool]int32{true: 1}[ok]) },
		)
		return fmt.Sprint(n.Load())
	}, []string{"0"}},
	{"send on a channel that is closed meanwhile", func() (s string) {
		c := make(chan int)
		done := make(chan string, 1)
		rt.Go("sender", func() {
			defer func() { rt.Chan(done).Send(fmt.Sprint(recover())) }()
			rt.Chan(c).Send(1)
		})
		rt.Close(c)
		return rt.Recv(done)
	}, []string{"send on closed channel"}},
	{"a mutex keeps an update whole", func() string {
		var mu rt.Mutex
		n := 0
		add := func() { mu.Lock(); n++; mu.Unlock() }
		both(add, add)
		return fmt.Sprint(n)
	}, []string{"2"}},
	{"load and store lose an update", func() string {
		var n atomic.Int64
		add := func() { n.Store(n.Load() + 1) }
		both(add, add)
		return fmt.Sprint(n.Load())
	}, []string{"1", "2"}},
	{"TryLock meets a lock that is held, or not", func() string {
		var mu rt.Mutex
		got := ""
		both(
			func() { mu.Lock(); rt.Gosched(); mu.Unlock() },
			func() {
				if mu.TryLock() {
					got = "locked"
					mu.Unlock()
				} else {
					got = "held"
				}
			})
		return got
	}, []string{"locked", "held"}},
	{"readers share, a writer does not", func() string {
		var mu rt.RWMutex
		var in, most atomic.Int32
		read := func() {
			mu.RLock()
			most.Store(max(most.Load(), in.Add(1)))
			in.Add(-1)
			mu.RUnlock()
		}
		both(read, read)
		hold(&mu)
		return fmt.Sprint(most.Load())
	}, []string{"1", "2"}},
	{"signal wakes one who waits, and is lost on nobody", func() string {
		var mu rt.Mutex
		c := rt.NewCond(&mu)
		ready := false
		both(
			func() {
				mu.Lock()
				for !ready {
					c.Wait()
				}
				mu.Unlock()
			},
			func() { mu.Lock(); ready = true; c.Signal(); mu.Unlock() })
		return "woken"
	}, []string{"woken"}},
	{"once", func() string {
		var once rt.Once
		who := ""
		both(func() { once.Do(func() { who += "a" }) }, func() { once.Do(func() { who += "b" }) })
		return who
	}, []string{"a", "b"}},
	{"OnceValue", func() string {
		n := 0
		f := rt.OnceValue(func() int { n++; return n })
		both(func() { f() }, func() { f() })
		return fmt.Sprint(f(), n)
	}, []string{"1 1"}},
	{"a result and a timeout", func() string {
		c := make(chan int, 1)
		rt.Go("worker", func() { rt.Sleep(10 * time.Millisecond); rt.Chan(c).Send(1) })
		x, y := rt.RecvOf(c), rt.RecvOf(rt.After(11*time.Millisecond))
		if rt.Select(false, x, y) == 0 {
			return "result"
		}
		return "timeout"
	}, []string{"result", "timeout"}},
	{"a timer that is stopped does not fire", func() string {
		t := rt.NewTimer(time.Hour)
		was := t.Stop()
		x, y := rt.RecvOf(t.C), rt.RecvOf(rt.After(time.Millisecond))
		return fmt.Sprint(was, rt.Select(false, x, y))
	}, []string{"true 1"}},
	{"a deadline of a context, or cancel", func() string {
		ctx, cancel := rtcontext.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		rt.Go("canceller", func() { rt.Sleep(time.Millisecond); cancel() })
		rt.Recv(ctx.Done())
		return ctx.Err().Error()
	}, []string{"context canceled", "context deadline exceeded"}},
	{"a child ends with its parent, and has its cause", func() string {
		parent, cancel := rtcontext.WithCancelCause(context.Background())
		child, stop := rtcontext.WithTimeout(context.WithValue(parent, key{}, 1), time.Hour)
		defer stop()
		rt.Go("canceller", func() { cancel(fmt.Errorf("enough")) })
		rt.Recv(child.Done())
		return fmt.Sprint(child.Err(), ": ", rtcontext.Cause(child))
	}, []string{"context canceled: enough"}},
	{"LoadOrStore", func() string {
		var m rt.Map
		both(func() { m.LoadOrStore("k", "a") }, func() { m.LoadOrStore("k", "b") })
		v, _ := m.Load("k")
		return v.(string)
	}, []string{"a", "b"}},
	{"a pipe hands over all bytes", func() string {
		a, b := rtnet.Pipe()
		rt.Go("writer", func() { a.Write([]byte("hello")); a.Close() })
		s := ""
		for p := make([]byte, 3); ; {
			n, err := b.Read(p)
			s += string(p[:n])
			if err != nil {
				return s + " " + err.Error()
			}
		}
	}, []string{"hello EOF"}},
	{"two senders, one by reflect, and a receiver by reflect", func() string {
		c := make(chan string)
		rt.Go("a", func() { rt.Chan(c).Send("a") })
		rt.Go("b", func() { rt.Reflected(reflect.ValueOf(c)).Send(reflect.ValueOf("b")) })
		x, _ := rt.Reflected(reflect.ValueOf(c)).Recv()
		y, ok := rt.Reflected(reflect.ValueOf(c)).Recv()
		return fmt.Sprint(x, y, ok)
	}, []string{"a b true", "b a true"}},
	{"senders by reflect, a buffer of one, a receiver", func() string {
		c := make(chan any, 1)
		rt.Go("a", func() { rt.Reflected(reflect.ValueOf(c)).Send(reflect.ValueOf("a")) })
		rt.Go("b", func() { rt.Reflected(reflect.ValueOf(c)).Send(reflect.ValueOf(2)) })
		return fmt.Sprint(rt.Recv(c), rt.Recv(c))
	}, []string{"a2", "2a"}},
	{"reflect.Select: what is ready, and close", func() string {
		a, b := make(chan int, 1), make(chan int)
		both(func() { rt.Chan(a).Send(1) }, func() { rt.Reflected(reflect.ValueOf(b)).Close() })
		i, v, ok := rt.ReflectSelect([]reflect.SelectCase{
			{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(a)},
			{Dir: reflect.SelectRecv},
			{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(b)},
			{Dir: reflect.SelectSend, Chan: reflect.ValueOf((chan int)(nil)), Send: reflect.ValueOf(1)},
		})
		return fmt.Sprint(i, v, ok)
	}, []string{"0 1 true", "2 0 false"}},
	{"reflect.Select waits until a partner comes", func() string {
		a, b := make(chan int), make(chan int)
		got := make(chan string, 2)
		rt.Go("a", func() { rt.Chan(got).Send(fmt.Sprint("got ", rt.Recv(a))) })
		rt.Go("b", func() { rt.Chan(b).Send(2) })
		i, v, _ := rt.ReflectSelect([]reflect.SelectCase{
			{Dir: reflect.SelectSend, Chan: reflect.ValueOf(a), Send: reflect.ValueOf(1)},
			{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(b)},
		})
		if i == 0 {
			rt.Recv(b)
			return rt.Recv(got)
		}
		rt.Chan(a).Send(1)
		return fmt.Sprint(v, ", ", rt.Recv(got))
	}, []string{"got 1", "2, got 1"}},
	{"a try to send by reflect needs a receiver that waits", func() string {
		c := make(chan int)
		got := make(chan string, 1)
		rt.Go("receiver", func() {
			x, y := rt.RecvOf(c), rt.RecvOf(rt.After(5*time.Millisecond))
			if rt.Select(false, x, y) == 0 {
				rt.Chan(got).Send("got")
			} else {
				rt.Chan(got).Send("nothing")
			}
		})
		sent := rt.Reflected(reflect.ValueOf(c)).TrySend(reflect.ValueOf(1))
		return fmt.Sprint(sent, " ", rt.Recv(got))
	}, []string{"true got", "false nothing"}},
	{"a try to receive by reflect: nothing, a value, closed", func() string {
		c := make(chan int)
		rt.Go("sender", func() {
			rt.Select(true, rt.Chan(c).Case(7))
			rt.Close(c)
		})
		v, ok := rt.Reflected(reflect.ValueOf(c)).TryRecv()
		return fmt.Sprint(v.IsValid(), ok)
	}, []string{"false false", "true false"}},
	{"send by reflect on a channel that is closed meanwhile", func() string {
		c := make(chan int)
		done := make(chan string, 1)
		rt.Go("sender", func() {
			defer func() { rt.Chan(done).Send(fmt.Sprint(recover())) }()
			rt.Reflected(reflect.ValueOf(c)).Send(reflect.ValueOf(1))
		})
		rt.Close(c)
		return rt.Recv(done)
	}, []string{"send on closed channel"}},
	{"what reflect refuses", func() (s string) {
		refuses := func(f func()) {
			defer func() { s += fmt.Sprint(recover()) + "; " }()
			f()
		}
		c := make(chan int, 1)
		refuses(func() { rt.Reflected(reflect.ValueOf(1)).Recv() })
		refuses(func() { rt.Reflected(reflect.ValueOf((<-chan int)(c))).Send(reflect.ValueOf(1)) })
		refuses(func() { rt.Reflected(reflect.ValueOf(c)).Send(reflect.ValueOf("a")) })
		refuses(func() {
			rt.ReflectSelect([]reflect.SelectCase{{Dir: reflect.SelectDefault}, {Dir: reflect.SelectDefault}})
		})
		return s
	}, []string{"reflect: call of reflect.Value.Recv on int Value; reflect: send on recv-only channel; " +
		"reflect.Value.Send: value of type string is not assignable to type int; reflect.Select: multiple default cases; "}},
	{"a range over a channel by reflect", func() (s string) {
		c := make(chan int, 1)
		rt.Go("sender", func() {
			for i := range 3 {
				rt.Chan(c).Send(i)
			}
			rt.Close(c)
		})
		for v := range rt.Reflected(reflect.ValueOf(c)).Seq() {
			s += fmt.Sprint(v)
		}
		return s
	}, []string{"012"}},
	{"io.Pipe: a write waits for all its readers", func() string {
		r, w := rtio.Pipe()
		var s rt.Map
		read := func(who string) func() {
			return func() {
				p := make([]byte, 2)
				n, _ := r.Read(p)
				s.Store(who, string(p[:n]))
			}
		}
		rt.Go("a", read("a"))
		rt.Go("b", read("b"))
		n, err := w.Write([]byte("abc"))
		x, _ := s.Load("a")
		y, _ := s.Load("b")
		return fmt.Sprint(n, err, x != nil && y != nil)
	}, []string{"3 <nil> false", "3 <nil> true"}},
	{"io.Pipe: writers take turns, and the first reason stays", func() string {
		r, w := rtio.Pipe()
		rt.Go("a", func() { w.Write([]byte("aa")) })
		rt.Go("b", func() { w.Write([]byte("bb")) })
		p := make([]byte, 4)
		s := ""
		for len(s) < 4 {
			n, _ := r.Read(p[:1])
			s += string(p[:n])
		}
		w.CloseWithError(fmt.Errorf("enough"))
		w.Close()
		_, err := r.Read(p)
		return s + " " + err.Error()
	}, []string{"aabb enough", "bbaa enough"}},
	{"io.Pipe: a reader that goes away", func() string {
		r, w := rtio.Pipe()
		rt.Go("reader", func() {
			r.Read(make([]byte, 1))
			r.Close()
		})
		n, err := w.Write([]byte("ab"))
		_, after := w.Write(nil)
		return fmt.Sprint(n, err, after)
	}, []string{"1 io: read/write on closed pipe io: read/write on closed pipe"}},
	{"io.Pipe: a write of nothing waits for a reader, close overtakes it or not", func() string {
		r, w := rtio.Pipe()
		rt.Go("reader", func() { r.Read(nil); r.CloseWithError(fmt.Errorf("gone")) })
		rt.Go("closer", func() { w.Close() })
		n, err := w.Write(nil)
		return fmt.Sprint(n, err)
	}, []string{"0 <nil>", "0 io: read/write on closed pipe"}},
	{"a writer with a lock, below a logger with one", func() string {
		w := &lockedWriter{}
		l := log.New(w, "", 0)
		both(func() { l.Print("a") }, func() { l.Print("b") })
		return w.text
	}, []string{"a\nb\n", "b\na\n"}},
	{"a WaitGroup waits for all", func() string {
		var wg rt.WaitGroup
		var n atomic.Int32
		for range 2 {
			wg.Go(func() { n.Add(1) })
		}
		wg.Wait()
		return fmt.Sprint(n.Load())
	}, []string{"2"}},
	{"one fault in two places, while others move", func() string {
		rt.Faults(1)
		x, y := "", ""
		both(func() { x = rt.Fault("disk", "is full", "fails") }, func() { y = rt.Fault("clock", "stops") })
		return x + "|" + y
	}, []string{"|", "is full|", "fails|", "|stops"}},
	{"faults of one kind", func() string {
		rt.Faults(2, "disk")
		return rt.Fault("disk", "fails") + "|" + rt.Fault("clock", "stops")
	}, []string{"|", "fails|"}},
	{"no faults", func() string {
		s := rt.Fault("disk", "fails")
		rt.Faults(1)
		rt.Calm(func() { s += rt.Fault("disk", "fails") })
		return s
	}, []string{""}},
}

// Goal: under control, each primitive does all that Go's may do, and nothing else.
// Method: every run with up to four preemptions gives the outcomes that are listed,
// no more and no fewer; and the same code outside a run, under Go's scheduler,
// gives none that is not listed.
func TestKernels(t *testing.T) {
	for _, k := range kernels {
		t.Run(k.name, func(t *testing.T) {
			got := map[string]bool{}
			sys := search.New(func() {
				outcome := k.body()
				got[outcome] = true
			})
			defer sys.Close()
			r, err := explore.Bounded(sys, 4, explore.Options{Limit: 200_000})
			if err != nil {
				t.Fatal(err)
			}
			if !r.Complete {
				t.Fatalf("%d runs are not all", r.Runs)
			}
			for _, v := range r.Verdicts {
				if v.Bad > 0 && v.Property != rt.NoLeak {
					t.Errorf("%s: %v: %v", v.Property, v.Err, v.Schedule)
				}
			}
			slices.Sort(k.want)
			if all := slices.Sorted(maps.Keys(got)); !slices.Equal(all, k.want) {
				t.Errorf("%d runs gave %q, want %q", r.Runs, all, k.want)
			}
			before := rt.NumGoroutine()
			defer func() { // A goroutine of Go's scheduler must not go on within the next run.
				for range 100 {
					if rt.NumGoroutine() <= before {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
				t.Error("goroutines are left under Go's own scheduler")
			}()
			for range 20 {
				if outcome := k.body(); !slices.Contains(k.want, outcome) {
					t.Errorf("under Go's own scheduler it gives %q, which is not in %q", outcome, k.want)
				}
			}
		})
	}
}

// Goal: in a bubble of testing/synctest no timer comes early, Wait waits for all others,
// and Test for those that were started.
func TestBubble(t *testing.T) {
	err := find(t, rt.Fails, func() {
		var steps atomic.Int32
		rt.Bubble(func() {
			ctx, cancel := rtcontext.WithTimeout(context.Background(), time.Second)
			defer cancel()
			rt.Go("other", func() {
				rt.Recv(ctx.Done())
				steps.Add(1)
				rt.Sleep(time.Millisecond)
				steps.Add(1)
			})
			rt.Sleep(time.Second - 1)
			rt.AllWait()
			if ctx.Err() != nil {
				rt.Fail(fmt.Errorf("too early"))
			}
			rt.Sleep(1)
			rt.AllWait()
			if ctx.Err() == nil || steps.Load() != 1 {
				rt.Fail(fmt.Errorf("%v after %d steps", ctx.Err(), steps.Load()))
			}
		})
		if steps.Load() != 2 {
			rt.Fail(fmt.Errorf("ended after %d steps", steps.Load()))
		}
	})
	if err != nil {
		t.Error(err)
	}
	if err := find(t, rt.NoDeadlock, func() { rt.Bubble(func() { rt.Go("stuck", rt.Block) }) }); err == nil ||
		!strings.HasPrefix(err.Error(), "main waits in synctest.Test at rt_test.go:") {
		t.Errorf("a goroutine that is left: %v", err)
	}
}

// find searches for a break of the property.
func find(t *testing.T, property string, body func()) error {
	t.Helper()
	sys := search.New(body)
	defer sys.Close()
	r, err := explore.Bounded(sys, 2, explore.Options{Limit: 20_000, First: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Verdicts {
		if v.Property == property {
			return v.Err
		}
	}
	return nil
}

// Goal: who waits for nothing at all waits for no nil.
func TestBlockedForEver(t *testing.T) {
	if err := find(t, rt.NoDeadlock, rt.Block); err == nil || !strings.Contains(err.Error(), "main waits in select {}") || strings.Contains(err.Error(), "nil") {
		t.Error(err)
	}
}

// Goal: where all wait, the default schedule lets the earliest timer go off, whichever was armed
// first; and a sleeper that another timer overtakes is late by so much.
func TestTimersInTheirOrder(t *testing.T) {
	var order []string
	sys := rt.NewSystem(func() {
		order = nil
		for _, ms := range []int{30, 10, 20} {
			rt.Go("sleeper", func() {
				rt.Sleep(time.Duration(ms) * time.Millisecond)
				order = append(order, fmt.Sprint(ms))
			})
		}
	})
	defer sys.Close()
	run := func(pick func([]rt.Event) int) (late []time.Duration) {
		sys.Reset()
		for len(sys.Enabled()) > 0 {
			sys.Take(pick(sys.Enabled()))
			for _, s := range sys.Trace() {
				if s.Event.Label == "Sleep ends" {
					late = append(late, s.Late)
				}
			}
		}
		return late
	}
	if late := run(func([]rt.Event) int { return 0 }); fmt.Sprint(order, late) != "[10 20 30] [0s 0s 0s]" {
		t.Errorf("the default schedule wakes %v, %v late", order, late)
	}
	last := func(all []rt.Event) int {
		if all[0].Label == "Sleep ends" {
			return len(all) - 1
		}
		return 0
	}
	if late := run(last); fmt.Sprint(order, late) != "[30 20 10] [0s 10ms 20ms]" {
		t.Errorf("the last timer first wakes %v, %v late", order, late)
	}
}

// Goal: what goes wrong is named: who waits for what, who holds it, who panicked,
// who is left.
func TestWhatGoesWrong(t *testing.T) {
	cases := []struct {
		name, property, says string
		body                 func()
	}{
		{"two locks crossed", rt.NoDeadlock, "which b holds", func() {
			var x, y rt.Mutex
			both(func() { hold(&x, &y) }, func() { hold(&y, &x) })
		}},
		{"a lock taken twice", rt.NoDeadlock, "which it holds itself", func() {
			var x rt.Mutex
			x.Lock()
			x.Lock()
		}},
		{"a reader behind a writer that waits", rt.NoDeadlock, "RLock", func() {
			var x rt.RWMutex
			both(func() { hold(x.RLocker(), x.RLocker()) }, func() { hold(&x) })
		}},
		{"a signal that comes too early", rt.NoDeadlock, "Wait", func() {
			var mu rt.Mutex
			c := rt.NewCond(&mu)
			both(func() { mu.Lock(); c.Wait(); mu.Unlock() }, func() { c.Signal() })
		}},
		{"a sender that nobody hears", rt.NoLeak, "waits in send", func() {
			c := make(chan int)
			rt.Go("a", func() { rt.Chan(c).Send(1) })
			rt.Select(true, rt.RecvOf(c))
		}},
		{"a OnceValue that needs itself", rt.NoDeadlock, "main waits in Once at rt_test.go:", func() {
			var f func() int
			f = rt.OnceValue(func() int { return f() })
			f()
		}},
		{"a Once within itself", rt.NoDeadlock, ", which it holds itself", func() {
			var once rt.Once
			once.Do(func() { once.Do(func() {}) })
		}},
		{"a panic in a goroutine", rt.NoPanic, "a panicked", func() {
			rt.Go("a", func() { panic("lost") })
		}},
		{"unlock of a free lock", rt.NoPanic, "unlock of unlocked mutex", func() {
			var mu rt.Mutex
			defer func() { _ = recover() }()
			mu.Unlock()
		}},
		{"a negative WaitGroup", rt.NoPanic, "negative WaitGroup counter", func() {
			var wg rt.WaitGroup
			wg.Add(1)
			both(wg.Done, wg.Done)
		}},
		{"a nil channel", rt.NoDeadlock, "on nil", func() {
			var c chan int
			rt.Recv(c)
		}},
		{"a lock taken twice, beside a ticker", rt.NoDeadlock, "for 10m0s by the virtual clock, main waits in Lock", func() {
			ticks := rt.NewTicker(time.Minute)
			rt.Go("other", func() {
				for {
					rt.Recv(ticks.C)
				}
			})
			var x rt.Mutex
			x.Lock()
			x.Lock()
		}},
		{"a loop that waits for nobody", explore.EndsWhenFair, "still goes on", func() {
			var x atomic.Bool
			rt.Go("other", func() {
				for !x.Load() {
				}
			})
			for !x.Load() {
				rt.Gosched()
			}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			limit := c.body
			err := find(t, c.property, limit)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want %q", c.property, err, c.says)
			}
		})
	}
}

// Goal: beside somebody who takes ticks, a deadlock is found within 200 steps, however
// many ticks go by in the ten minutes that a test may wait. It is none as long as a tick
// may end it, be that the 50,000th, and what comes after such a tick is explored.
func TestWaitsBesideTicks(t *testing.T) {
	beside := func(ticks int, then func()) func() {
		return func() {
			done := make(chan struct{})
			every := rt.NewTicker(10 * time.Millisecond)
			defer every.Stop()
			rt.Go("other", func() {
				for n := 0; ; n++ {
					rt.Recv(every.C)
					if n == ticks {
						then()
						rt.Close(done)
					}
				}
			})
			rt.Recv(done)
		}
	}
	for _, c := range []struct {
		name  string
		body  func()
		broke string
		steps int
	}{
		{"never", beside(-1, nil), rt.NoDeadlock, 200},
		{"a late tick", beside(50_000, func() {}), "", 250},
		{"too late", beside(70_000, func() {}), rt.NoDeadlock, 200},
	} {
		sys := search.New(c.body)
		sys.Leaks = false
		for range 2 { // The second time it is known.
			sys.Reset()
			steps, broke := 0, ""
			for len(sys.Enabled()) > 0 {
				sys.Take(0)
				steps += len(sys.Trace())
				for _, v := range sys.Violations() {
					broke = v.Property
				}
			}
			if broke != c.broke || steps > c.steps {
				t.Errorf("%s: %q broke in %d steps, want %q in at most %d", c.name, broke, steps, c.broke, c.steps)
			}
		}
		sys.Close()
	}
	// Which of two goroutines goes first, that the 1,000th tick wakes, is a choice again.
	firsts := map[string]bool{}
	sys := search.New(func() {
		first := make(chan string, 2)
		start := make(chan struct{})
		for _, name := range []string{"a", "b"} {
			rt.Go(name, func() { rt.Recv(start); rt.Chan(first).Send(name) })
		}
		every := rt.NewTicker(10 * time.Millisecond)
		rt.Go("other", func() {
			for range 1000 {
				rt.Recv(every.C)
			}
			rt.Close(start)
		})
		firsts[rt.Recv(first)] = true
	})
	defer sys.Close()
	sys.Leaks = false
	if _, err := explore.Walks(sys, 1, explore.Options{Limit: 20}); err != nil {
		t.Fatal(err)
	}
	if len(firsts) != 2 {
		t.Errorf("first was only %v", firsts)
	}
}

// Goal: a loop that polls lets others go on, and ends when they do what it waits
// for.
func TestPolling(t *testing.T) {
	err := find(t, explore.EndsWhenFair, func() {
		var x atomic.Bool
		rt.Go("other", func() { x.Store(true) })
		for !x.Load() {
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// Goal: the virtual clock jumps: an hour takes no time, and goes by exactly.
func TestClock(t *testing.T) {
	sys := search.New(func() {
		before := rt.Now()
		rt.Sleep(time.Hour)
		if d := rt.Since(before); d != time.Hour {
			panic(fmt.Sprintf("%v", d))
		}
		ticks := rt.NewTicker(time.Minute)
		defer ticks.Stop()
		for range 3 {
			rt.Recv(ticks.C)
		}
		if d := rt.Since(before); d != time.Hour+3*time.Minute {
			panic(fmt.Sprintf("%v", d))
		}
	})
	defer sys.Close()
	r, err := explore.Walks(sys, 1, explore.Options{Limit: 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Verdicts {
		if v.Bad > 0 {
			t.Errorf("%s: %v", v.Property, v.Err)
		}
	}
}

// Goal: a goroutine that no run started is not taken for one of the run. It does for
// the run what it is asked to, and is named.
func TestOutsiders(t *testing.T) {
	asked, answers := make(chan int), make(chan int)
	defer close(asked)
	var mu rt.Mutex
	rt.Go("outside", func() {
		for it, v := rt.ChanIter(asked); it.Next(&v); {
			mu.Lock()
			v++
			mu.Unlock()
			rt.Chan(answers).Send(v)
		}
	})
	got := 0
	sys := search.New(func() {
		both(func() {
			rt.Chan(asked).Send(1)
			for range 100 {
				runtime.Gosched() // Go's own: the outsider has its turn.
			}
		}, func() {
			answer := rt.RecvOf(answers)
			rt.Select(false, answer, rt.RecvOf((chan int)(nil)))
			got = answer.V
		})
	})
	defer sys.Close()
	for range 20 {
		got = 0
		sys.Reset()
		for len(sys.Enabled()) > 0 {
			sys.Take(0)
		}
		if got != 2 || len(sys.Violations()) > 0 {
			t.Fatalf("the answer is %d, want 2; %v", got, sys.Violations())
		}
	}
	if places := rt.Outsiders(); !slices.ContainsFunc(places, func(p string) bool { return strings.HasPrefix(p, "rt_test.go:") }) {
		t.Errorf("the outsiders are %v, want one of this file", places)
	}
}

// Goal: maps are gone through in one order, whatever their keys are.
func TestMapOrder(t *testing.T) {
	type key struct {
		p *int
		n int
	}
	var orders []string
	sys := search.New(func() {
		m := map[key]int{}
		for i := range 8 {
			m[rt.Key(key{new(int), -i})] = i
		}
		s := ""
		for it, k, v := rt.MapIter(m); it.Next(&k, &v); {
			s += fmt.Sprint(v)
		}
		orders = append(orders, s)
	})
	defer sys.Close()
	for range 5 {
		sys.Reset()
		for len(sys.Enabled()) > 0 {
			sys.Take(0)
		}
	}
	if orders[0] != "01234567" || len(slices.Compact(orders)) != 1 {
		t.Errorf("the orders were %q", orders)
	}
}

// Goal: a run leaves no goroutine behind, however many were stuck in it.
func TestNothingIsLeft(t *testing.T) {
	sys := search.New(func() {
		c := make(chan int)
		for range 5 {
			rt.Go("stuck", func() {
				defer func() { rt.Recv(c) }()
				rt.Recv(c)
			})
		}
	})
	before := rt.NumGoroutine()
	for range 200 {
		sys.Reset()
		for len(sys.Enabled()) > 0 {
			sys.Take(0)
		}
	}
	sys.Close()
	for range 100 {
		if rt.NumGoroutine() <= before+2 { // the watchdog
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, rt.NumGoroutine())
}
