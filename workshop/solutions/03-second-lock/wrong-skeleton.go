//go:build ignore

// Sarama 1.43.3 to 1.47.
//
// grade: NOT YET, it holds until a fourth goroutine looks for the coordinator. no-deadlock: G0 holds om.pomsLock for reading and wants om.brokerLock for writing (before "release coordinator"); C1 holds om.brokerLock for writing and wants om.connection (before "lock broker.lock"); G1 holds om.connection and wants om.pomsLock for reading (before "read-lock pomsLock"); C0 holds om.pomsLock as its next writer and wants om.pomsLock for writing (before "lock pomsLock (readers leave)")
package answer

func handleResponse() {
	pomsLock.RLock()
	for p := range partitions {
		if refused(p) {
			releaseCoordinator()
		} else {
			updateCommitted(p)
		}
	}
	pomsLock.RUnlock()
}
