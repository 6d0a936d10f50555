//go:build ignore

package answer

func consume() {
	offset := poll()
	if offset == 0 {
		return
	}
	work()
	err := commit(offset, generation())
	report(err)
}
