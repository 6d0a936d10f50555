package kernels

import (
	"context"
	"iter"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// numbers yields what a goroutine sends.
func numbers(n int) iter.Seq[int] {
	c := make(chan int)
	go func() {
		defer close(c)
		for i := range n {
			c <- i
		}
	}()
	return func(yield func(int) bool) {
		for v := range c {
			if !yield(v) {
				return
			}
		}
	}
}

// TestPulled: who pulls stops before the end, and the sender waits for ever.
func TestPulled(t *testing.T) {
	next, stop := iter.Pull(numbers(3))
	defer stop()
	next()
}

// TestPulledFine pulls all, also of a sequence that pulls from another one, in another
// goroutine than it began in.
func TestPulledFine(t *testing.T) {
	next, stop := iter.Pull2(func(yield func(int, int) bool) {
		next, stop := iter.Pull(numbers(3))
		defer stop()
		for i := 0; ; i++ {
			if v, ok := next(); !ok || !yield(i, v) {
				return
			}
		}
	})
	defer stop()
	sum := 0
	add := func() bool {
		i, v, ok := next()
		sum += i + v
		return ok
	}
	add()
	reads(func() {
		for add() {
		}
	})
	if sum != 6 {
		t.Error(sum)
	}
}

// TestReflectedOrder: a map has no order by reflection either.
func TestReflectedOrder(t *testing.T) {
	it := reflect.ValueOf(map[string]int{"a": 1, "b": 2}).MapRange()
	if it.Next(); it.Key().String() != "a" {
		t.Error("a is not the first")
	}
}

// TestReflectedFine counts on no order.
func TestReflectedFine(t *testing.T) {
	m := map[int]string{1: "a", 2: "b", 3: "c"}
	v := reflect.ValueOf(m)
	var it reflect.MapIter
	it.Reset(v)
	text, n := "", reflect.New(reflect.TypeFor[int]()).Elem()
	for it.Next() {
		n.SetIterKey(&it)
		text += it.Value().String()
		for k := range v.Seq() {
			if k.Int() != n.Int() && len(m) == 3 {
				v.SetMapIndex(k, reflect.Value{})
			}
		}
	}
	if len(text) != 2 || len(v.MapKeys()) != 2 {
		t.Error(text, m)
	}
	for k, x := range v.Seq2() {
		if m[int(k.Int())] != x.String() {
			t.Error(k, x)
		}
	}
}

// TestBeside: sub-tests that are parallel share a counter.
func TestBeside(t *testing.T) {
	var n atomic.Int32
	t.Run("all", func(t *testing.T) {
		for range 2 {
			t.Run("one", func(t *testing.T) {
				t.Parallel()
				n.Store(n.Load() + 1)
			})
		}
	})
	if n.Load() != 2 {
		t.Error(n.Load())
	}
}

// TestBesideFine: they begin when the rest of their test has ended, and it cleans up when
// they have.
func TestBesideFine(t *testing.T) {
	var log atomic.Value
	log.Store("")
	t.Cleanup(func() {
		if log.Load() != "rest, sub-tests" {
			t.Error(log.Load())
		}
	})
	for range 2 {
		t.Run("one", func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { log.CompareAndSwap("rest", "rest, sub-tests") })
		})
	}
	log.Store("rest")
}

// TestLongFine hands over so often that a run has more steps than one has else.
func TestLongFine(t *testing.T) {
	const n = 6000
	c, back := make(chan int), make(chan int)
	go func() {
		defer close(back)
		for v := range c {
			back <- v
		}
	}()
	for i := range n {
		c <- i
		if v := <-back; v != i {
			t.Fatal(v)
		}
	}
	close(c)
	<-back
}

// TestThreadFine has a thread for itself.
func TestThreadFine(t *testing.T) {
	reads(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		runtime.Gosched()
	})
}

// TestCopied: a Cond is in use in two places.
func TestCopied(t *testing.T) {
	a := sync.Cond{L: &sync.Mutex{}}
	a.Signal()
	b := a
	b.Signal()
}

// foreign is a context of another package. It ends when it is told to.
type foreign struct {
	context.Context
	done chan struct{}
	over atomic.Bool
}

func newForeign() *foreign { return &foreign{Context: context.Background(), done: make(chan struct{})} }

func (f *foreign) Done() <-chan struct{} { return f.done }

func (f *foreign) Err() error {
	if f.over.Load() {
		return context.Canceled
	}
	return nil
}

func (f *foreign) end() {
	f.over.Store(true)
	close(f.done)
}

// TestForeignContext: what is to happen after the context may not have, when what comes
// from it has ended.
func TestForeignContext(t *testing.T) {
	f := newForeign()
	ctx, cancel := context.WithCancel(f)
	defer cancel()
	var after atomic.Bool
	context.AfterFunc(f, func() { after.Store(true) })
	f.end()
	<-ctx.Done()
	if !after.Load() {
		t.Error("it has not happened")
	}
}

// telling is a foreign that calls who wants to know, and has no other way.
type telling struct {
	*foreign
	mu  sync.Mutex
	all []func()
}

func (c *telling) AfterFunc(f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := len(c.all)
	c.all = append(c.all, f)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		was := c.all[i] != nil
		c.all[i] = nil
		return was
	}
}

func (c *telling) left() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.all {
		if f != nil {
			n++
		}
	}
	return n
}

// TestTellingFine: contexts that come from one that calls are ended by it, and leave it.
func TestTellingFine(t *testing.T) {
	c := &telling{foreign: newForeign()}
	_, cancel := context.WithCancel(c)
	late, cancelLate := context.WithTimeout(c, time.Second)
	defer cancelLate()
	ended, cancelEnded := context.WithCancel(c)
	defer cancelEnded()
	called := make(chan bool)
	context.AfterFunc(c, func() { close(called) })
	stop := context.AfterFunc(c, func() { t.Error("stopped, and called") })
	if !stop() || c.left() != 4 {
		t.Error(c.left(), "want to know")
	}
	cancel()
	<-late.Done()
	time.Sleep(time.Second)
	if n := c.left(); n != 2 {
		t.Error(n, "still want to know")
	}
	c.over.Store(true)
	for _, f := range c.all {
		if f != nil {
			go f()
		}
	}
	<-called
	<-ended.Done()
}

// TestSpinsAtTheEnd: who waits for a flag, as it ends, never sees it.
func TestSpinsAtTheEnd(t *testing.T) {
	var over atomic.Bool
	go func() {
		defer func() {
			for !over.Load() {
			}
		}()
		<-make(chan int)
	}()
}
