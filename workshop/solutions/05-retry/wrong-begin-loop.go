//go:build ignore

// A write-up's loop: it never turns.
//
// grade: NOT YET, it holds until the markers of a transaction are written after the answer to its commit. every-order-is-committed: order 1 was never committed: produce() was refused with CONCURRENT_TRANSACTIONS, which begin() never returns
package answer

func produceAll() {
	for order := range orders {
		err := begin()
		for err == ErrConcurrentTransactions {
			sleep()
			err = begin()
		}
		produce(order)
		commit()
	}
}
