package kernels

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// condQueue hands one item to each of two consumers, who wait in a loop or not.
func condQueue(t *testing.T, loop bool) {
	var mu sync.Mutex
	c := sync.NewCond(&mu)
	var items []int
	var wg sync.WaitGroup
	take := func() {
		defer wg.Done()
		mu.Lock()
		defer mu.Unlock()
		if loop {
			for len(items) == 0 {
				c.Wait()
			}
		} else if len(items) == 0 {
			c.Wait()
		}
		if len(items) == 0 {
			t.Error("woken, and nothing is there")
			return
		}
		items = items[1:]
	}
	wg.Add(2)
	go take()
	go take()
	for i := range 2 {
		mu.Lock()
		items = append(items, i)
		c.Broadcast()
		mu.Unlock()
	}
	wg.Wait()
}

// TestCondIf: woken together, two consumers find one item.
func TestCondIf(t *testing.T) { condQueue(t, false) }

// TestCondLoopFine looks again after each wait.
func TestCondLoopFine(t *testing.T) { condQueue(t, true) }

// lazy makes its value at first use.
type lazy struct {
	mu   sync.Mutex
	done atomic.Bool
	v    atomic.Pointer[string]
}

func (l *lazy) get(early bool) string {
	if l.done.Load() {
		if p := l.v.Load(); p != nil {
			return *p
		}
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.done.Load() {
		s := "v"
		if early {
			l.done.Store(true)
			l.v.Store(&s)
		} else {
			l.v.Store(&s)
			l.done.Store(true)
		}
	}
	return *l.v.Load()
}

// dcl lets two ask at once.
func dcl(t *testing.T, early bool) {
	l := &lazy{}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if got := l.get(early); got != "v" {
				t.Errorf("got %q", got)
			}
		})
	}
	wg.Wait()
}

// TestDoubleChecked: the flag that the fast path reads is set before the value.
func TestDoubleChecked(t *testing.T) { dcl(t, true) }

// TestDoubleCheckedFine sets it after the value.
func TestDoubleCheckedFine(t *testing.T) { dcl(t, false) }

// gather takes the results of a group of which one fails at once.
func gather(t *testing.T, stops bool) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	results := make(chan int)
	for i := range 3 {
		go func() {
			if i == 0 {
				cancel(errors.New("boom"))
				return
			}
			var over <-chan struct{}
			if stops {
				over = ctx.Done()
			}
			select {
			case results <- i:
			case <-over:
			}
		}()
	}
	for n := 0; n < 2; n++ {
		select {
		case <-results:
		case <-ctx.Done():
			if context.Cause(ctx).Error() != "boom" {
				t.Error(context.Cause(ctx))
			}
			return
		}
	}
}

// TestGroupLeak: the group is cancelled, and those that send do not look.
func TestGroupLeak(t *testing.T) { gather(t, false) }

// TestGroupStopsFine ends them.
func TestGroupStopsFine(t *testing.T) { gather(t, true) }

// idle uses a connection at the moment when its idle timer fires.
func idle(t *testing.T, check bool) {
	var mu sync.Mutex
	last := time.Now()
	closed := false
	var timer *time.Timer
	mu.Lock()
	timer = time.AfterFunc(100*time.Millisecond, func() {
		mu.Lock()
		defer mu.Unlock()
		if check && time.Since(last) < 100*time.Millisecond {
			return
		}
		closed = true
	})
	mu.Unlock()
	time.Sleep(100 * time.Millisecond)
	mu.Lock()
	if !closed {
		last = time.Now()
		timer.Reset(100 * time.Millisecond)
		mu.Unlock()
		time.Sleep(10 * time.Millisecond)
		mu.Lock()
		if closed {
			t.Error("closed right after it was used")
		}
	}
	mu.Unlock()
	timer.Stop()
}

// TestIdleTimer: the timer has fired, and its function waits for the lock under which the
// timer is reset.
func TestIdleTimer(t *testing.T) { idle(t, false) }

// TestIdleTimerFine looks at the clock under the lock.
func TestIdleTimerFine(t *testing.T) { idle(t, true) }

// bus has a channel a subscriber.
type bus struct {
	mu   sync.Mutex
	subs map[string]chan int
}

func (b *bus) publish(v int, hold bool) {
	b.mu.Lock()
	var all []chan int
	for _, c := range b.subs {
		all = append(all, c)
	}
	if !hold {
		b.mu.Unlock()
	}
	for _, c := range all {
		select {
		case c <- v:
		default:
		}
	}
	if hold {
		b.mu.Unlock()
	}
}
func (b *bus) unsubscribe(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, ok := b.subs[name]; ok {
		close(c)
		delete(b.subs, name)
	}
}
func runBus(hold bool) {
	b := &bus{subs: map[string]chan int{"a": make(chan int, 1), "b": make(chan int, 1)}}
	var wg sync.WaitGroup
	wg.Go(func() { b.publish(1, hold) })
	wg.Go(func() { b.unsubscribe("a") })
	wg.Wait()
}

// TestBus: a subscriber's channel is closed between its lookup and the send.
func TestBus(t *testing.T) { runBus(false) }

// TestBusFine sends under the lock.
func TestBusFine(t *testing.T) { runBus(true) }

// TestSemaphoreUpgrade: each holds one of two slots, and wants the other.
func TestSemaphoreUpgrade(t *testing.T) {
	slots := make(chan struct{}, 2)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			slots <- struct{}{}
			slots <- struct{}{}
			<-slots
			<-slots
		})
	}
	wg.Wait()
}

// node is one of a stack without a lock.
type node struct {
	v    int
	next atomic.Pointer[node]
}
type stack struct{ head atomic.Pointer[node] }

func (s *stack) push(n *node) {
	for {
		h := s.head.Load()
		n.next.Store(h)
		if s.head.CompareAndSwap(h, n) {
			return
		}
	}
}
func (s *stack) pop() *node {
	for {
		h := s.head.Load()
		if h == nil {
			return nil
		}
		next := h.next.Load()
		if s.head.CompareAndSwap(h, next) {
			return h
		}
	}
}
func aba(t *testing.T, fresh bool) {
	s := &stack{}
	for i := range 3 {
		s.push(&node{v: i})
	}
	var mu sync.Mutex
	taken := map[*node]int{}
	take := func(n *node) {
		if n == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		taken[n]++
		if taken[n] > 1 {
			t.Errorf("node %d is taken twice", n.v)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { take(s.pop()) })
	wg.Go(func() {
		a := s.pop()
		b := s.pop()
		take(b)
		if a != nil {
			if fresh {
				a = &node{v: a.v}
			}
			s.push(a)
		}
	})
	wg.Wait()
	for n := s.pop(); n != nil; n = s.pop() {
		take(n)
	}
}

// TestABA: the head is the same node again, and what was below it is not.
func TestABA(t *testing.T) { aba(t, false) }

// TestABAFine pushes no node twice.
func TestABAFine(t *testing.T) { aba(t, true) }

type buf struct{ b []byte }

func pool(t *testing.T, early bool) {
	p := sync.Pool{New: func() any { return &buf{} }}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range 2 {
		wg.Go(func() {
			x := p.Get().(*buf)
			mu.Lock()
			x.b = append(x.b[:0], byte(i))
			mu.Unlock()
			if early {
				p.Put(x)
			}
			mu.Lock()
			got := x.b[0]
			mu.Unlock()
			if got != byte(i) {
				t.Errorf("another's bytes")
			}
			if !early {
				p.Put(x)
			}
		})
	}
	wg.Wait()
}

// TestPool: a buffer is given back to the pool while it is read.
func TestPool(t *testing.T) { pool(t, true) }

// TestPoolFine gives it back after that.
func TestPoolFine(t *testing.T) { pool(t, false) }

// TestSubtestsFine: sub-tests have their names, clean up at their ends, and end alone.
func TestSubtestsFine(t *testing.T) {
	cleaned := ""
	for _, name := range []string{"a b", "c", "c"} {
		if !t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { cleaned += t.Name() + " " })
			done := make(chan bool)
			go func() { done <- true }()
			<-done
			if name == "c" {
				t.Skip("enough")
			}
		}) {
			t.Error(name)
		}
	}
	if cleaned != "TestSubtestsFine/a_b TestSubtestsFine/c TestSubtestsFine/c#01 " {
		t.Error(cleaned)
	}
}

// reads runs f in a goroutine, and awaits its end.
func reads(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// TestStopped: the flag is looked at, then the channel is closed, then it is sent to.
// A deferred close, of the same type, came before.
func TestStopped(t *testing.T) {
	reads(func() {})
	c, stop := make(chan struct{}, 1), make(chan struct{})
	go func() {
		select {
		case <-stop:
		default:
			c <- struct{}{}
		}
	}()
	close(stop)
	close(c)
}

// TestStopUnderLock: stop holds the lock that the loop needs at each tick.
func TestStopUnderLock(t *testing.T) {
	var mu sync.Mutex
	stop, stopped := make(chan struct{}), make(chan struct{})
	n := 0
	go func() {
		defer close(stopped)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				mu.Lock()
				n++
				mu.Unlock()
			}
		}
	}()
	time.Sleep(20 * time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	close(stop)
	<-stopped
}

// TestReused: the next Add comes before Wait has returned.
func TestReused(t *testing.T) {
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		wg.Done()
		wg.Add(1)
		wg.Done()
	}()
	wg.Wait()
}

// closer closes its channel unless it is closed.
type closer struct {
	c chan struct{}
	n sync.WaitGroup
}

func (c *closer) Close() {
	select {
	case <-c.c:
	default:
		close(c.c)
	}
}

// TestClosers: two goroutines of a WaitGroup find the channel open.
func TestClosers(t *testing.T) {
	c := &closer{c: make(chan struct{})}
	for range 2 {
		c.n.Go(c.Close)
	}
	c.n.Wait()
}
