//go:build ignore

// It aborts once, and does not ask whether that succeeded.
//
// grade: NOT YET, it holds until the client is Sarama 1.61.1, with a broker, and the window lasts 50 ms. ends-when-fair: steps 38 to 40 (of app.wait, app) can repeat for ever, though whoever can go on does, and no fault comes
package answer

func produceAll() {
	for order := range orders {
		for {
			err := begin()
			if err == nil {
				err = produce(order)
			}
			if err == nil {
				err = commit()
			}
			if err == nil {
				break
			}
			if err == ErrConcurrentTransactions {
				abort()
			}
			sleep()
		}
	}
}
