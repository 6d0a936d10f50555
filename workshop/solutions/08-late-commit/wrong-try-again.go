//go:build ignore

// A refused commit is repeated with the new generation.
//
// grade: NOT YET, it holds until a rebalance gives the partition to B. offset-never-goes-back: A took the committed offset back from 12 to 11
package answer

func consume() {
	g := generation()
	offset := poll()
	work()
	if err := commit(offset, g); err == ErrIllegalGeneration {
		err = commit(offset, generation())
		if err != nil {
			report(err)
		}
	}
}
