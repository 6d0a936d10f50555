//go:build ignore

// The same, with defer.
//
// grade: HOLDS, in all 60 states of 2 worlds.
package answer

func visit() {
	mu.Lock()
	defer mu.Unlock()
	write(read() + 1)
}
