//go:build ignore

// A loop that never ends, and lets others run.
//
// grade: NOT YET. ends-when-fair: steps 1 to 4 (of G0, G1) can repeat for ever, though whoever can go on does, and no fault comes
package answer

func visit() {
	for {
		mu.Lock()
		mu.Unlock()
	}
}
