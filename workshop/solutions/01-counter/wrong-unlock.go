//go:build ignore

// A lock that nobody has is given back.
//
// grade: NOT YET. no-panic: G0 panicked: unlock of unlocked mutex
package answer

func visit() {
	write(read() + 1)
	mu.Unlock()
}
