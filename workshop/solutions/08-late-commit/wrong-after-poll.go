//go:build ignore

// There is a step between the message and its generation.
//
// grade: NOT YET, it holds until a rebalance gives the partition to B. offset-never-goes-back: A took the committed offset back from 12 to 11
package answer

func consume() {
	offset := poll()
	g := generation()
	work()
	if err := commit(offset, g); err != nil {
		report(err)
	}
}
