//go:build ignore

// The call that was refused is repeated, and the client refuses it.
//
// grade: NOT YET, it holds until the markers of a transaction are written after the answer to its commit. ends-when-fair: steps 8 to 9 (of app) can repeat for ever, though whoever can go on does, and no fault comes
package answer

func produceAll() {
	for order := range orders {
		begin()
		for produce(order) != nil {
			sleep()
		}
		commit()
	}
}
