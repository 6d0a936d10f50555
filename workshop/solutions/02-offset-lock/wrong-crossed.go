//go:build ignore

// Two locks, in two orders.
//
// grade: NOT YET. no-deadlock: G0 holds om.commitLock and wants om.broker.lock (before "lock broker"); G1 holds om.broker.lock and wants om.commitLock (before "commit")
package answer

func commit() {
	find()
	broker.lock.Lock()
	commitLock.Lock()
	found := build()
	commitLock.Unlock()
	if !found {
		broker.lock.Unlock()
		return
	}
	send()
	await()
	commitLock.Lock()
	broker.lock.Unlock()
	clean()
	broker.lock.Lock()
	commitLock.Unlock()
	broker.lock.Unlock()
}
