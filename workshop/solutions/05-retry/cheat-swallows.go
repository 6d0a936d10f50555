//go:build ignore

// The error is swallowed, and the order with it.
//
// grade: NOT YET, it holds until the markers of a transaction are written after the answer to its commit. every-order-is-committed: order 1 was never committed: produce() was refused with CONCURRENT_TRANSACTIONS, which begin() never returns
package answer

func produceAll() {
	for order := range orders {
		begin()
		if produce(order) != nil {
			abort()
		} else {
			commit()
		}
	}
}
