package simrun

import (
	"errors"
	"sync/atomic"
	"testing"

	"racelab/sim/explore"
)

// Goal: searches side by side are handed over in their order, each with its own error, and
// none runs on after the end. Method: searches of which the first is the last to be done, one
// fails, and those after it wait until they are stopped.
func TestSideBySide(t *testing.T) {
	const n, fails = 12, 4
	var running, begun atomic.Int64
	last := make(chan bool)
	results, end := sideBySide(n, 3, func() bool { return false }, func(i int, stop func() bool) (*explore.Result, error) {
		running.Add(1)
		defer running.Add(-1)
		begun.Add(1)
		switch {
		case i == 0:
			<-last
		case i == fails-1:
			close(last)
		case i == fails:
			return nil, errors.New("it fails")
		case i > fails:
			for !stop() {
			}
			return nil, nil
		}
		return &explore.Result{States: i}, nil
	})
	for i := range fails {
		if x := <-results[i]; x.err != nil || x.result.States != i {
			t.Fatalf("result %d is %v, %v; want that of search %d", i, x.result, x.err, i)
		}
	}
	if x := <-results[fails]; x.err == nil {
		t.Errorf("search %d fails, and nobody is told", fails)
	}
	end()
	if running.Load() > 0 {
		t.Errorf("%d searches run on after the end", running.Load())
	}
	for i := fails + 1; i < n; i++ {
		if x := <-results[i]; x.result != nil || x.err != nil {
			t.Errorf("search %d was stopped, and its result is %v, %v", i, x.result, x.err)
		}
	}
	if begun.Load() == n {
		t.Errorf("all %d searches began: the end stops none", n)
	}
}
