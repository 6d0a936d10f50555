//go:build ignore

// The generation under which the message was polled.
//
// grade: HOLDS, in all 22,597 states of 2 worlds.
package answer

func consume() {
	offset := poll()
	if offset == 0 {
		return
	}
	g := generation()
	work()
	report(commit(offset, g))
}
