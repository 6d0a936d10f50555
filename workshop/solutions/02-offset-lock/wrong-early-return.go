//go:build ignore

// One way out keeps the lock.
//
// grade: NOT YET. no-deadlock: G1 holds om.broker.lock and wants om.broker.lock (before "lock broker")
package answer

func commit() {
	find()
	broker.lock.Lock()
	if !build() {
		return
	}
	send()
	broker.lock.Unlock()
	await()
	clean()
}
