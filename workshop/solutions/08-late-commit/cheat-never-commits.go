//go:build ignore

// Nothing is committed, and nothing goes back.
//
// grade: NOT YET, it commits nothing: of 4,941 states, in none of them: A's commit is stored
package answer

func consume() {
	offset := poll()
	if offset == 0 {
		return
	}
	work()
}
