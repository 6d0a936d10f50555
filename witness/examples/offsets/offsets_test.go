package offsets

import (
	"sync"
	"testing"
)

type tracker interface {
	Done(partition int32, offset int64)
	Offset(partition int32) int64
}

// work lets two workers finish a record each, and commits after each of them.
func work(t *testing.T, tr tracker) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var committed int64
	for _, offset := range []int64{1, 0} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			tr.Done(0, offset)
			mu.Lock()
			defer mu.Unlock()
			next := tr.Offset(0)
			if next < committed {
				t.Errorf("the committed offset went back from %d to %d", committed, next)
			}
			committed = next
		}()
	}
	wg.Wait()
	if committed != 2 {
		t.Errorf("both records are done, and %d is committed", committed)
	}
}

func TestTracker(t *testing.T)      { work(t, New()) }
func TestTrackerFixed(t *testing.T) { work(t, NewFixed()) }
