//go:build ignore

// Each access has the lock, and the two together have not.
//
// grade: NOT YET. no-update-is-lost: 2 goroutines counted from 0, and the counter is 1
package answer

func visit() {
	mu.Lock()
	x := read()
	mu.Unlock()
	mu.Lock()
	write(x + 1)
	mu.Unlock()
}
