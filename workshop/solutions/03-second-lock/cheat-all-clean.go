//go:build ignore

// All is clean, also what was refused.
//
// grade: NOT YET, it marks other partitions as clean than those that were acknowledged: partition P0 is dirty: false; it was refused: true
package answer

func handleResponse() {
	releaseCoordinator()
	pomsLock.RLock()
	for p := range partitions {
		updateCommitted(p)
	}
	pomsLock.RUnlock()
}
