//go:build ignore

// The generation of the message, or an older one.
//
// grade: HOLDS, in all 32 states of 3 worlds.
package answer

func consume() {
	g := generation()
	offset := poll()
	work()
	if err := commit(offset, g); err != nil {
		report(err)
	}
}
