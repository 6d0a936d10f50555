//go:build ignore

// The same, the other way round.
//
// grade: HOLDS, in all 1,040 states of 2 worlds.
package answer

func handleResponse() {
	for p := range partitions {
		if refused(p) {
			releaseCoordinator()
		}
	}
	pomsLock.RLock()
	for p := range partitions {
		if !refused(p) {
			updateCommitted(p)
		}
	}
	pomsLock.RUnlock()
}
