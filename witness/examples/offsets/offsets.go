// Package offsets remembers how far each partition has been processed, while several
// workers process records out of order.
package offsets

import "sync"

// Tracker is what the workers share.
type Tracker struct {
	mu   sync.Mutex
	next map[int32]int64 // by partition: the offset to commit
}

// New returns a Tracker.
func New() *Tracker { return &Tracker{next: map[int32]int64{}} }

// Done has a mistake: the worker that is done last sets the offset, and that may be
// the one with the earlier record. The committed offset goes back.
func (t *Tracker) Done(partition int32, offset int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next[partition] = offset + 1
}

// Offset is what may be committed.
func (t *Tracker) Offset(partition int32) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next[partition]
}

// Fixed also knows which records are done beyond the first that is not.
type Fixed struct {
	mu   sync.Mutex
	next map[int32]int64
	done map[int32]map[int64]bool
}

// NewFixed returns a Fixed.
func NewFixed() *Fixed {
	return &Fixed{next: map[int32]int64{}, done: map[int32]map[int64]bool{}}
}

// Done moves the offset over all that is done without a gap.
func (t *Fixed) Done(partition int32, offset int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done[partition] == nil {
		t.done[partition] = map[int64]bool{}
	}
	done := t.done[partition]
	done[offset] = true
	for done[t.next[partition]] {
		delete(done, t.next[partition])
		t.next[partition]++
	}
}

// Offset is what may be committed.
func (t *Fixed) Offset(partition int32) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next[partition]
}
