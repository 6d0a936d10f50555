//go:build ignore

// Only the write has the lock.
//
// grade: NOT YET. no-update-is-lost: 2 goroutines counted from 0, and the counter is 1
package answer

func visit() {
	x := read()
	mu.Lock()
	write(x + 1)
	mu.Unlock()
}
