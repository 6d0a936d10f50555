//go:build ignore

// The generation from before poll(), which may join a new one.
//
// grade: NOT YET. former-owner-takes-nothing-back: A took the committed offset of P0 back from 12 to 11, which is B's
package answer

func consume() {
	g := generation()
	offset := poll()
	if offset == 0 {
		return
	}
	work()
	report(commit(offset, g))
}
