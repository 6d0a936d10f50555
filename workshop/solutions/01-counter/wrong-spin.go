//go:build ignore

// A loop that never ends, and lets others run.
//
// grade: NOT YET. no-update-is-lost: nothing put this to the test: no run comes to its end, or to where this could break
package answer

func visit() {
	for {
		mu.Lock()
		mu.Unlock()
	}
}
