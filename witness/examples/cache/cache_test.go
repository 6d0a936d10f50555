package cache

import (
	"sync"
	"sync/atomic"
	"testing"
)

func twoAsk(t *testing.T, get func(load func(string) string) func(string) string) {
	var loads atomic.Int32
	ask := get(func(string) string { loads.Add(1); return "x" })
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if v := ask("key"); v != "x" {
				t.Errorf("got %q", v)
			}
		}()
	}
	wg.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("loaded %d times", n)
	}
}

func TestCache(t *testing.T) {
	twoAsk(t, func(load func(string) string) func(string) string { return New(load).Get })
}

func TestCacheFixed(t *testing.T) {
	twoAsk(t, func(load func(string) string) func(string) string { return NewFixed(load).Get })
}
