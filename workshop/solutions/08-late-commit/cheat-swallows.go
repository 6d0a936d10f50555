//go:build ignore

// Nobody hears of a refusal.
//
// grade: NOT YET, it keeps a refusal to itself: the commit of A was refused with UNKNOWN_MEMBER_ID, and its application went on without being told
package answer

func consume() {
	offset := poll()
	if offset == 0 {
		return
	}
	g := generation()
	work()
	commit(offset, g)
}
