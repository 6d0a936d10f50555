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

// sideBySide takes n searches, some at a time, the first ones first. Each is told when to stop.
// What the i-th came to lies in results[i]; end stops those that are left, and waits for them.
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
