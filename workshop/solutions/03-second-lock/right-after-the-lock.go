//go:build ignore

// Sarama 1.48.0: the coordinator is forgotten once pomsLock is given back.
//
// grade: HOLDS, in all 648 states of 2 worlds.
package answer

func handleResponse() {
	release := false
	pomsLock.RLock()
	for p := range partitions {
		if refused(p) {
			release = true
		} else {
			updateCommitted(p)
		}
	}
	pomsLock.RUnlock()
	if release {
		releaseCoordinator()
	}
}
