//go:build ignore

// Sarama up to 1.37.2: the lock for the send.
//
// grade: NOT YET. committed-offset-never-rewinds: committed offset of P0 went back from 12 to 11
package answer

func commit() {
	find()
	if !build() {
		return
	}
	broker.lock.Lock()
	send()
	broker.lock.Unlock()
	await()
	clean()
}
