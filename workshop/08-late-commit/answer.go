//go:build ignore

package answer

func consume() {
	offset := poll()
	work()
	err := commit(offset, generation())
	if err != nil {
		report(err)
	}
}
