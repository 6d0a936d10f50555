// Package races has data races of known classes, and programs without one, which end in
// Fine. None fails by what it computes.
package races

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// beside runs functions beside each other, and awaits them.
func beside(all ...func()) {
	var wg sync.WaitGroup
	for _, f := range all {
		wg.Add(1)
		go func() { defer wg.Done(); f() }()
	}
	wg.Wait()
}

// Two goroutines count without a lock.
func TestCounter(t *testing.T) {
	n := 0
	add := func() { n++ }
	beside(add, add)
}

// Two goroutines write to a map, under different keys.
func TestMap(t *testing.T) {
	m := map[string]int{}
	beside(func() { m["a"] = 1 }, func() { m["b"] = 2 })
}

// A flag says that the value is there, and nothing orders the two.
func TestPublished(t *testing.T) {
	var value string
	var there bool
	beside(func() { value, there = "x", true }, func() {
		if there {
			_ = value
		}
	})
}

// The first look at the pointer is taken without the lock.
func TestDoubleChecked(t *testing.T) {
	var mu sync.Mutex
	var config *string
	get := func() {
		if config == nil {
			mu.Lock()
			if config == nil {
				config = new(string)
			}
			mu.Unlock()
		}
		_ = *config
	}
	beside(get, get)
}

// One of two methods forgets the lock.
func TestForgottenLock(t *testing.T) {
	var mu sync.Mutex
	total := 0
	beside(func() { mu.Lock(); total++; mu.Unlock() }, func() { _ = total })
}

// A read lock does not keep readers apart who write.
func TestWriteUnderReadLock(t *testing.T) {
	var mu sync.RWMutex
	hits := 0
	read := func() { mu.RLock(); hits++; mu.RUnlock() }
	beside(read, read)
}

// A variable is atomic here and plain there.
func TestAtomicAndPlain(t *testing.T) {
	var n int64
	beside(func() { atomic.AddInt64(&n, 1) }, func() { n++ })
}

// Goroutines share the error of the function around them.
func TestSharedError(t *testing.T) {
	work := func() (err error) {
		done := make(chan struct{})
		go func() { _, err = fmt.Sscan("1", new(int)); close(done) }()
		_, err = fmt.Sscan("2", new(int))
		<-done
		return err
	}
	_ = work()
}

// The channel has room, so that the send orders nothing after the receive.
func TestBufferedIsNoLock(t *testing.T) {
	turn := make(chan struct{}, 2)
	n := 0
	add := func() { turn <- struct{}{}; n++; <-turn }
	beside(add, add)
}

// The result is read after a time, not after the goroutine that writes it.
func TestSleepIsNoOrder(t *testing.T) {
	result := 0
	go func() { result = 1 }()
	time.Sleep(10 * time.Millisecond)
	_ = result
}

// A timer's function writes what its caller reads.
func TestAfterFunc(t *testing.T) {
	late := false
	timer := time.AfterFunc(time.Millisecond, func() { late = true })
	time.Sleep(time.Millisecond)
	timer.Stop()
	_ = late
}

// The slice is appended to by each.
func TestAppend(t *testing.T) {
	var all []int
	add := func() { all = append(all, 1) }
	beside(add, add)
}

// A buffer of the standard library is not made for two, and fmt orders nothing.
func TestSharedBuffer(t *testing.T) {
	var b bytes.Buffer
	write := func() { fmt.Fprintf(&b, "%d\n", 1) }
	beside(write, write)
}

// The group is waited for before it is added to.
func TestAddInGoroutine(t *testing.T) {
	var wg sync.WaitGroup
	go func() { wg.Add(1); defer wg.Done() }()
	wg.Wait()
}

// A send may come after the close.
func TestCloseAndSend(t *testing.T) {
	c := make(chan int, 1)
	go func() {
		defer func() { _ = recover() }()
		c <- 1
	}()
	close(c)
}

// The variable of the loop is that of all goroutines.
func TestLoopVariable(t *testing.T) {
	var wg sync.WaitGroup
	var i, last int
	defer func() { _ = last }()
	for i = 0; i < 3; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); last = i }()
		wg.Wait()
		go func() { last = i }()
	}
}

// The context is cancelled, and what it ends still writes.
func TestAfterCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	state, started := "", make(chan struct{})
	go func() {
		close(started)
		<-ctx.Done()
		state = "stopped"
	}()
	<-started
	cancel()
	_ = state
}

// Once orders its function, not what comes after it.
func TestOnceIsNoLock(t *testing.T) {
	var once sync.Once
	n := 0
	use := func() { once.Do(func() { n = 1 }); n++ }
	beside(use, use)
}

// The goroutines of a WaitGroup race, and the verdict names both.
func TestGroupGo(t *testing.T) {
	var wg sync.WaitGroup
	n := 0
	wg.Go(func() { n++ })
	add := func() { n++ }
	wg.Go(add)
	wg.Wait()
}

// The first goroutine races with the one that it started.
func TestSharedWithMain(t *testing.T) {
	n := 0
	done := make(chan bool)
	go func() { n++; done <- true }()
	n++
	<-done
}

// What is taken from a sync.Map is shared all the same.
func TestValueOfAMap(t *testing.T) {
	var m sync.Map
	m.Store("a", new(int))
	add := func() { v, _ := m.Load("a"); *v.(*int)++ }
	beside(add, add)
}
