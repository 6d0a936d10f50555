//go:build ignore

// Java's commitSync(offsets): the generation of now.
//
// grade: NOT YET. former-owner-takes-nothing-back: A took the committed offset of P0 back from 12 to 11, which is B's
package answer

func consume() {
	offset := poll()
	if offset == 0 {
		return
	}
	work()
	report(commit(offset, generation()))
}
