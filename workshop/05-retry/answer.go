//go:build ignore

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
