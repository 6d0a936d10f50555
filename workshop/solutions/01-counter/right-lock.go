//go:build ignore

// The lock is held from the read to the write.
//
// grade: HOLDS, in all 60 states of 2 worlds.
package answer

func visit() {
	mu.Lock()
	x := read()
	write(x + 1)
	mu.Unlock()
}
