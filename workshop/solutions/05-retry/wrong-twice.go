//go:build ignore

// The whole is repeated once too often.
//
// grade: NOT YET. no-order-is-committed-twice: order 0 was committed 2 times
package answer

func produceAll() {
	for order := range orders {
		done := false
		for i := 0; i < 2 || !done; i++ {
			begin()
			if produce(order) == nil && commit() == nil {
				done = true
			} else {
				abort()
			}
		}
	}
}
