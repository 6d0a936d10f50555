//go:build ignore

// The refusal is kept secret.
//
// grade: NOT YET, it keeps a refusal to itself: A's commit was refused with ILLEGAL_GENERATION, and the application was not told
package answer

func consume() {
	g := generation()
	offset := poll()
	work()
	commit(offset, g)
}
