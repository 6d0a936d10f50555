//go:build ignore

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
