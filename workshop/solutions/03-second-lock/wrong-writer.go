//go:build ignore

// The lock for writing: worse.
//
// grade: NOT YET, it holds until a fourth goroutine looks for the coordinator. no-deadlock: G0 holds om.pomsLock for writing and wants om.brokerLock for writing (before "release coordinator"); C1 holds om.brokerLock for writing and wants om.connection (before "lock broker.lock"); G1 holds om.connection and wants om.pomsLock for reading (before "read-lock pomsLock")
package answer

func handleResponse() {
	pomsLock.Lock()
	for p := range partitions {
		if refused(p) {
			releaseCoordinator()
		} else {
			updateCommitted(p)
		}
	}
	pomsLock.Unlock()
}
