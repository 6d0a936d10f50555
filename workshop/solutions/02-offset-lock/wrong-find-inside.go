//go:build ignore

// The lock is taken before find(), which takes it too.
//
// grade: NOT YET, it holds until the coordinator moves. no-deadlock: G1 holds om.broker.lock and wants om.broker.lock (before "response size")
package answer

func commit() {
	broker.lock.Lock()
	find()
	if !build() {
		broker.lock.Unlock()
		return
	}
	send()
	broker.lock.Unlock()
	await()
	clean()
}
