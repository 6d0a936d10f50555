package kernels

import (
	"sync"
	"testing"
)

// TestTwice: a method that locks calls another one that does.
func TestTwice(t *testing.T) {
	var mu sync.Mutex
	size := func() int { mu.Lock(); defer mu.Unlock(); return 1 }
	done := make(chan bool)
	go func() {
		mu.Lock()
		defer mu.Unlock()
		size()
		close(done)
	}()
	<-done
}

// TestForgotten: an early return keeps the lock.
func TestForgotten(t *testing.T) {
	var mu sync.Mutex
	update := func(fails bool) {
		mu.Lock()
		if fails {
			return
		}
		mu.Unlock()
	}
	var wg sync.WaitGroup
	for _, fails := range []bool{true, false} {
		wg.Add(1)
		go func() { defer wg.Done(); update(fails) }()
	}
	wg.Wait()
}

type account struct {
	sync.Mutex
	n int
}

func transfer(from, to *account) {
	from.Lock()
	defer from.Unlock()
	to.Lock()
	defer to.Unlock()
	from.n--
	to.n++
}

// TestCrossed: two locks, in either order.
func TestCrossed(t *testing.T) {
	a, b := &account{}, &account{}
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); transfer(a, b) }()
	go func() { defer wg.Done(); transfer(b, a) }()
	wg.Wait()
}

// TestRing: three locks, each taken while the one before is held.
func TestRing(t *testing.T) {
	accounts := []*account{{}, {}, {}}
	var wg sync.WaitGroup
	for i := range accounts {
		wg.Add(1)
		go func() { defer wg.Done(); transfer(accounts[i], accounts[(i+1)%3]) }()
	}
	wg.Wait()
}

// TestReadersAndAWriter: a reader reads again while a writer waits.
func TestReadersAndAWriter(t *testing.T) {
	var mu sync.RWMutex
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		mu.RLock()
		mu.RLock()
		mu.RUnlock()
		mu.RUnlock()
	}()
	go func() { defer wg.Done(); mu.Lock(); mu.Unlock() }()
	wg.Wait()
}

// TestUpgrade: two readers both want to become writers.
func TestUpgrade(t *testing.T) {
	var mu sync.RWMutex
	var gate sync.Mutex
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		mu.RLock()
		gate.Lock()
		gate.Unlock()
		mu.RUnlock()
	}()
	go func() {
		defer wg.Done()
		gate.Lock()
		mu.Lock()
		mu.Unlock()
		gate.Unlock()
	}()
	wg.Wait()
}

// TestFour: the circle of issue 3191 of Sarama: two read locks of one RWMutex, a
// writer between them, and two mutexes.
func TestFour(t *testing.T) {
	var table sync.RWMutex
	var conn, owner sync.Mutex
	var wg sync.WaitGroup
	do := func(f func()) {
		wg.Add(1)
		go func() { defer wg.Done(); f() }()
	}
	do(func() { conn.Lock(); table.RLock(); table.RUnlock(); conn.Unlock() })
	do(func() { table.RLock(); owner.Lock(); owner.Unlock(); table.RUnlock() })
	do(func() { owner.Lock(); conn.Lock(); conn.Unlock(); owner.Unlock() })
	do(func() { table.Lock(); table.Unlock() })
	wg.Wait()
}

// TestOnceAgain: what a Once does asks the same Once.
func TestOnceAgain(t *testing.T) {
	var once sync.Once
	var load func()
	load = func() { once.Do(load) }
	done := make(chan bool)
	go func() { load(); close(done) }()
	<-done
}

// TestUnlockTwice: both ways out of a function unlock.
func TestUnlockTwice(t *testing.T) {
	var mu sync.Mutex
	closed := false
	shut := func() {
		mu.Lock()
		defer mu.Unlock()
		if closed {
			mu.Unlock()
			return
		}
		closed = true
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(1)
		go func() { defer wg.Done(); shut() }()
	}
	wg.Wait()
}

// TestCheckThenAct: what was checked under a lock is used under another.
func TestCheckThenAct(t *testing.T) {
	var mu sync.Mutex
	free := 1
	taken := 0
	take := func() {
		mu.Lock()
		ok := free > 0
		mu.Unlock()
		if ok {
			mu.Lock()
			free--
			taken++
			mu.Unlock()
		}
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(1)
		go func() { defer wg.Done(); take() }()
	}
	wg.Wait()
	if taken > 1 {
		t.Errorf("%d have taken the one", taken)
	}
}

// TestOrderedFine takes the locks in one order.
func TestOrderedFine(t *testing.T) {
	a, b := &account{}, &account{}
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(1)
		go func() { defer wg.Done(); transfer(a, b) }()
	}
	wg.Wait()
	if b.n != 2 {
		t.Error(b.n)
	}
}

// TestCheckAndActFine does both under one lock.
func TestCheckAndActFine(t *testing.T) {
	var mu sync.Mutex
	free, taken := 1, 0
	var wg sync.WaitGroup
	for range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			mu.Lock()
			defer mu.Unlock()
			if free > 0 {
				free--
				taken++
			}
		}()
	}
	wg.Wait()
	if taken != 1 {
		t.Error(taken)
	}
}
