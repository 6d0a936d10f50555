package simrun

import (
	"sync"
	"sync/atomic"

	"racelab/sim/explore"
)

// searched is what a search came to; nil and no error: it was stopped.
type searched struct {
	result *explore.Result
	err    error
}

// sideBySide takes n searches, at most atATime of them at once, and begins them in their order.
// Each search asks stop whether to end. results[i] holds what the i-th search came to, once.
// end stops the searches that are left, and waits for them.
func sideBySide(n, atATime int, stop func() bool, search func(i int, stop func() bool) (*explore.Result, error)) (results []chan searched, end func()) {
	var over atomic.Bool
	stops := func() bool { return over.Load() || stop() }
	queue := make(chan int, n)
	for i := range n {
		results = append(results, make(chan searched, 1))
		queue <- i
	}
	close(queue)
	var wait sync.WaitGroup
	for range atATime {
		wait.Go(func() {
			for i := range queue {
				var x searched
				if !stops() {
					x.result, x.err = search(i, stops)
				}
				results[i] <- x
			}
		})
	}
	return results, func() {
		over.Store(true)
		wait.Wait()
	}
}
