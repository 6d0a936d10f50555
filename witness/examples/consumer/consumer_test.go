package consumer

import (
	"context"
	"slices"
	"sync"
	"testing"
)

// partition is a Log in memory.
type partition struct {
	mu        sync.Mutex
	values    []string
	next      int64
	committed int64
}

func (p *partition) Next(ctx context.Context) (Record, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil || p.next == int64(len(p.values)) {
		return Record{}, false
	}
	r := Record{p.next, p.values[p.next]}
	p.next++
	return r, true
}

func (p *partition) Commit(offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed = offset
}

// rebalance lets one consumer be stopped at any moment, and the next one go on.
func rebalance(t *testing.T, run func(context.Context, Log, func(Record))) {
	log := &partition{values: []string{"a", "b", "c"}}
	var processed []string
	process := func(r Record) { processed = append(processed, r.Value) }

	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan bool)
	go func() {
		run(ctx, log, process)
		close(stopped)
	}()
	stop()
	<-stopped

	log.next = log.committed
	run(context.Background(), log, process)
	for _, value := range log.values {
		if !slices.Contains(processed, value) {
			t.Errorf("record %s was lost: processed are %v", value, processed)
		}
	}
}

func TestCommitsFirst(t *testing.T) { rebalance(t, Run) }
func TestCommitsLast(t *testing.T)  { rebalance(t, RunFixed) }
