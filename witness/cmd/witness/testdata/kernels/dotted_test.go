package kernels

import (
	. "sync"
	"testing"
)

// pair has two locks, by names of import.
type pair struct {
	Mutex
	other RWMutex
}

// TestDotted: two locks, in either order.
func TestDotted(t *testing.T) {
	var p pair
	var wg WaitGroup
	wg.Go(func() {
		p.Lock()
		defer p.Unlock()
		p.other.RLock()
		p.other.RUnlock()
	})
	wg.Go(func() {
		p.other.Lock()
		defer p.other.Unlock()
		p.Lock()
		p.Unlock()
	})
	wg.Wait()
}
