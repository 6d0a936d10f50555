package kern

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestDouble(t *testing.T) {
	var mu sync.Mutex
	m := map[string]int{}
	loads := 0
	get := func(k string) int {
		mu.Lock()
		v, ok := m[k]
		mu.Unlock()
		if ok {
			return v
		}
		mu.Lock()
		loads++
		m[k] = 1
		mu.Unlock()
		return 1
	}
	var wg sync.WaitGroup
	for i := 0; i < 2; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); get("a") }()
	}
	wg.Wait()
	if loads != 1 {
		t.Errorf("loaded %d times", loads)
	}
}

func TestLeak(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	res := make(chan int)
	go func() { res <- 1 }()
	select {
	case v := <-res:
		_ = v
	case <-ctx.Done():
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Fatal(ctx.Err())
		}
	}
}

func TestFine(t *testing.T) {
	var n atomic.Int64
	ch := make(chan int, 3)
	go func() {
		defer close(ch)
		for i := range []int{1, 2, 3} {
			ch <- i
		}
	}()
	for v := range ch {
		n.Add(int64(v))
	}
	for k, v := range map[string]int{"a": 1, "b": 2} {
		_, _ = k, v
	}
	t.Run("sub", func(t *testing.T) {
		if n.Load() != 3 {
			t.Fatalf("got %d", n.Load())
		}
	})
}

func TestDead(t *testing.T) {
	var a, b sync.Mutex
	done := make(chan struct{})
	go func() { a.Lock(); b.Lock(); b.Unlock(); a.Unlock(); close(done) }()
	b.Lock()
	a.Lock()
	a.Unlock()
	b.Unlock()
	<-done
}

func check(tb testing.TB, n int) {
	tb.Helper()
	if n != 2 {
		tb.Errorf("%d is not 2", n)
	}
}

func TestHelper(t *testing.T) { check(t, 1) }
