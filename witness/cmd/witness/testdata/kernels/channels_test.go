package kernels

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestAbandoned: who asked went away at a time-out; who answers waits for ever.
func TestAbandoned(t *testing.T) {
	answer := make(chan int)
	go func() { answer <- 1 }()
	select {
	case <-answer:
	case <-time.After(10 * time.Millisecond):
	}
}

// TestFirstError: the first error ends the loop; the other workers still send.
func TestFirstError(t *testing.T) {
	errs := make(chan error)
	for range 3 {
		go func() { errs <- errors.New("failed") }()
	}
	if err := <-errs; err == nil {
		t.Error("no error")
	}
}

// TestCloseTwice: both sides shut the channel.
func TestCloseTwice(t *testing.T) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	shut := func() {
		select {
		case <-done:
		default:
			close(done)
		}
	}
	for range 2 {
		wg.Add(1)
		go func() { defer wg.Done(); shut() }()
	}
	wg.Wait()
}

// TestSendAfterClose: the owner closes while a worker still sends.
func TestSendAfterClose(t *testing.T) {
	jobs := make(chan int, 2)
	var wg sync.WaitGroup
	var stopped atomic.Bool
	wg.Add(1)
	go func() {
		defer wg.Done()
		if !stopped.Load() {
			jobs <- 1
		}
	}()
	stopped.Store(true)
	close(jobs)
	wg.Wait()
}

// TestLockAndChannel: a lock is held over a send, and the receiver wants it first.
func TestLockAndChannel(t *testing.T) {
	var mu sync.Mutex
	c := make(chan int)
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); mu.Lock(); c <- 1; mu.Unlock() }()
	go func() { defer wg.Done(); mu.Lock(); mu.Unlock(); <-c }()
	wg.Wait()
}

// TestFullBuffer: the worker that empties the buffer sends to it itself.
func TestFullBuffer(t *testing.T) {
	queue := make(chan int, 1)
	done := make(chan bool)
	var left atomic.Int32
	left.Store(4)
	go func() {
		for n := range queue {
			if n > 0 {
				queue <- n - 1
			}
			if left.Add(-1) == 0 {
				close(done)
				return
			}
		}
	}()
	queue <- 1
	queue <- 1
	<-done
}

// TestMissedSignal: the signal comes before the wait, and what it tells of is not
// looked at.
func TestMissedSignal(t *testing.T) {
	var mu sync.Mutex
	c := sync.NewCond(&mu)
	go func() { mu.Lock(); c.Signal(); mu.Unlock() }()
	mu.Lock()
	c.Wait()
	mu.Unlock()
}

// TestUnlockedSignal: who signals does not hold the lock, and comes between the look and the
// wait.
func TestUnlockedSignal(t *testing.T) {
	var mu sync.Mutex
	var ready atomic.Bool
	c := sync.NewCond(&mu)
	go func() {
		ready.Store(true)
		c.Signal()
	}()
	mu.Lock()
	defer mu.Unlock()
	for !ready.Load() {
		c.Wait()
	}
}

// TestOneSignal: two wait, one is woken.
func TestOneSignal(t *testing.T) {
	var mu sync.Mutex
	ready := false
	c := sync.NewCond(&mu)
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			mu.Lock()
			defer mu.Unlock()
			for !ready {
				c.Wait()
			}
		}()
	}
	mu.Lock()
	ready = true
	c.Signal()
	mu.Unlock()
	wg.Wait()
}

// TestAddLate: Add is called in the goroutine, so Wait may be first.
func TestAddLate(t *testing.T) {
	var wg sync.WaitGroup
	var n atomic.Int32
	for range 2 {
		go func() {
			wg.Add(1)
			defer wg.Done()
			n.Add(1)
		}()
	}
	wg.Wait()
	if n.Load() != 2 {
		t.Errorf("%d of 2 are done", n.Load())
	}
}

// TestDoneForgotten: an early return without Done.
func TestDoneForgotten(t *testing.T) {
	var wg sync.WaitGroup
	wg.Add(2)
	for i := range 2 {
		go func() {
			if i == 1 {
				return
			}
			wg.Done()
		}()
	}
	wg.Wait()
}

// TestNoCancel: the context is never cancelled, and its goroutine stays.
func TestNoCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_ = cancel
	ticks := make(chan int)
	go func() {
		for i := 0; ; i++ {
			select {
			case ticks <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	if <-ticks != 0 {
		t.Error("not 0")
	}
}

// TestStopAndWork: stop and work are both ready, and work that was accepted is lost.
func TestStopAndWork(t *testing.T) {
	work, stop := make(chan int, 1), make(chan bool, 1)
	done := make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-work:
				n++
			case <-stop:
				done <- n
				return
			}
		}
	}()
	work <- 1
	stop <- true
	if n := <-done; n != 1 {
		t.Errorf("%d of 1 was done", n)
	}
}

// TestDefault: a send with a default drops what nobody takes at once.
func TestDefault(t *testing.T) {
	notes := make(chan int)
	got := make(chan int, 1)
	go func() { got <- <-notes }()
	select {
	case notes <- 1:
	default:
	}
	select {
	case <-got:
	case <-time.After(time.Second):
		t.Error("the note was lost")
	}
}

// TestBatch: what is left in the batch when the channel closes is not flushed.
func TestBatch(t *testing.T) {
	in := make(chan int, 4)
	var flushed atomic.Int32
	done := make(chan bool)
	go func() {
		defer close(done)
		batch := 0
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case _, ok := <-in:
				if !ok {
					return
				}
				batch++
			case <-tick.C:
				flushed.Add(int32(batch))
				batch = 0
			}
		}
	}()
	in <- 1
	in <- 2
	close(in)
	<-done
	if flushed.Load() != 2 {
		t.Errorf("%d of 2 were flushed", flushed.Load())
	}
}

// TestLostUpdate: load and store of an atomic are two steps.
func TestLostUpdate(t *testing.T) {
	var n atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(1)
		go func() { defer wg.Done(); n.Store(n.Load() + 1) }()
	}
	wg.Wait()
	if n.Load() != 2 {
		t.Errorf("2 increments make %d", n.Load())
	}
}

// TestStaleTimer: a timer that was stopped too late has fired already.
func TestStaleTimer(t *testing.T) {
	expired := make(chan bool, 1)
	var renewed atomic.Bool
	timer := time.AfterFunc(10*time.Millisecond, func() { expired <- renewed.Load() })
	time.Sleep(10 * time.Millisecond)
	renewed.Store(true)
	timer.Reset(time.Hour)
	select {
	case <-expired:
		t.Error("the lease expired, and was renewed")
	default:
	}
	timer.Stop()
}

// TestPublishedTooEarly: the flag is set before what it guards.
func TestPublishedTooEarly(t *testing.T) {
	var ready atomic.Bool
	var config atomic.Pointer[string]
	go func() {
		ready.Store(true)
		name := "x"
		config.Store(&name)
	}()
	for !ready.Load() {
	}
	if *config.Load() != "x" {
		t.Error("another")
	}
}

// TestMapOrderMatters: who comes first in a map is anybody.
func TestMapOrderMatters(t *testing.T) {
	leaders := map[string]int{"a": 1, "b": 2}
	first := ""
	for name := range leaders {
		first = name
		break
	}
	if first != "a" {
		t.Error("the leader is", first)
	}
}

// TestSyncMap: Load and Store of a sync.Map are two steps.
func TestSyncMap(t *testing.T) {
	var m sync.Map
	var loads atomic.Int32
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, ok := m.Load("k"); !ok {
				loads.Add(1)
				m.Store("k", 1)
			}
		}()
	}
	wg.Wait()
	if loads.Load() > 1 {
		t.Errorf("loaded %d times", loads.Load())
	}
}

// TestSemaphore: a slot is not given back when the work fails.
func TestSemaphore(t *testing.T) {
	slots := make(chan bool, 1)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			slots <- true
			if i == 0 {
				return
			}
			<-slots
		}()
	}
	wg.Wait()
}

// TestNested: a pipeline whose last stage went away.
func TestNested(t *testing.T) {
	stage := func(in <-chan int) <-chan int {
		out := make(chan int)
		go func() {
			defer close(out)
			for v := range in {
				out <- v + 1
			}
		}()
		return out
	}
	in := make(chan int)
	out := stage(stage(in))
	go func() {
		defer close(in)
		for i := range 3 {
			in <- i
		}
	}()
	if <-out != 2 {
		t.Error("not 2")
	}
}

// TestPanicInWorker: the result is read before anybody set it.
func TestPanicInWorker(t *testing.T) {
	var result atomic.Pointer[int]
	done := make(chan bool, 2)
	go func() { n := 1; result.Store(&n); done <- true }()
	go func() { _ = *result.Load(); done <- true }()
	<-done
	<-done
}

// TestDeadWithTicker: two wait for each other while a ticker goes on.
func TestDeadWithTicker(t *testing.T) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	a, b := make(chan int), make(chan int)
	go func() {
		for {
			select {
			case <-tick.C:
			case <-a:
				return
			}
		}
	}()
	<-b
	a <- 1
}

// TestBufferedFine: who answers never waits.
func TestBufferedFine(t *testing.T) {
	answer := make(chan int, 1)
	go func() { answer <- 1 }()
	select {
	case <-answer:
	case <-time.After(10 * time.Millisecond):
	}
}

// TestCloseOnceFine closes with a Once.
func TestCloseOnceFine(t *testing.T) {
	done := make(chan struct{})
	var once sync.Once
	for range 3 {
		go once.Do(func() { close(done) })
	}
	<-done
}

// TestSignalFine looks at what the signal tells of.
func TestSignalFine(t *testing.T) {
	var mu sync.Mutex
	ready := false
	c := sync.NewCond(&mu)
	go func() { mu.Lock(); ready = true; mu.Unlock(); c.Signal() }()
	mu.Lock()
	for !ready {
		c.Wait()
	}
	mu.Unlock()
}

// TestPipelineFine ends by its context.
func TestPipelineFine(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := make(chan int)
	go func() {
		for i := 0; ; i++ {
			select {
			case out <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	if <-out != 0 || <-out != 1 {
		t.Error("out of order")
	}
}

// TestTickerFine stops when it is told to.
func TestTickerFine(t *testing.T) {
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	time.Sleep(3 * time.Second)
	close(stop)
	wg.Wait()
}

// TestTickFine: that a tick waits is not to be seen at its channel, as nobody could count on it.
func TestTickFine(t *testing.T) {
	timer, tick, own := time.NewTimer(time.Second), time.NewTicker(time.Second), make(chan time.Time, 1)
	defer tick.Stop()
	go func() { own <- <-timer.C }()
	time.Sleep(3 * time.Second)
	for _, c := range []<-chan time.Time{timer.C, tick.C, time.After(0)} {
		if len(c) > 0 || cap(c) > 0 {
			t.Error(len(c), cap(c))
		}
	}
	if len(own) != 1 || cap(own) != 1 {
		t.Error(len(own), cap(own))
	}
}
