//go:build ignore

// Refused, it commits once more, as what it is by now.
//
// grade: NOT YET. former-owner-takes-nothing-back: A took the committed offset of P0 back from 12 to 11, which is B's
package answer

func consume() {
	offset := poll()
	if offset == 0 {
		return
	}
	g := generation()
	work()
	err := commit(offset, g)
	if err == ErrIllegalGeneration || err == ErrStaleMemberEpoch {
		report(err)
		err = commit(offset, generation())
	}
	report(err)
}
