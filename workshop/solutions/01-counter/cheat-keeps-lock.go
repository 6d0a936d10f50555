//go:build ignore

// The lock is never given back.
//
// grade: NOT YET. no-progress: G1, before "lock", waits for shared.mu, held by G0, which has ended
package answer

func visit() {
	mu.Lock()
	write(read() + 1)
}
