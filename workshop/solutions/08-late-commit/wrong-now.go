//go:build ignore

// Java's commitSync(offsets): the generation of now.
//
// grade: NOT YET, it holds until a rebalance gives the partition to B. offset-never-goes-back: A took the committed offset back from 12 to 11
package answer

func consume() {
	offset := poll()
	work()
	err := commit(offset, generation())
	if err != nil {
		report(err)
	}
}
