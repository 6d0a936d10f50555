//go:build ignore

// Sarama 1.43.3: build and send under the lock of the connection.
//
// grade: HOLDS, in all 11,144 states of 2 worlds. 4 requests on the way at once; 4 goroutines need 40 round trips and 51.2 ms for 10 commits each, if an answer takes 5ms
package answer

func commit() {
	find()
	broker.lock.Lock()
	if !build() {
		broker.lock.Unlock()
		return
	}
	send()
	broker.lock.Unlock()
	await()
	clean()
}
