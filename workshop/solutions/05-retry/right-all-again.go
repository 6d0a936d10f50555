//go:build ignore

// Abort, and do all of it again.
//
// grade: HOLDS, in all 105 states of 3 worlds.
package answer

func produceAll() {
	for order := range orders {
		for {
			begin()
			err := produce(order)
			if err == nil {
				err = commit()
			}
			if err == nil {
				break
			}
			abort()
			sleep()
		}
	}
}
