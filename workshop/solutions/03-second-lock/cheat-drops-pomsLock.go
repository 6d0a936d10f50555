//go:build ignore

// No lock, no deadlock.
//
// grade: NOT YET. no-data-race: data race on om.poms: G0 read it at step 4 ("update committed"), C0 writes it at step 5 ("release poms"), and no lock, message or atomic leads from the first to the second
package answer

func handleResponse() {
	for p := range partitions {
		if refused(p) {
			releaseCoordinator()
		} else {
			updateCommitted(p)
		}
	}
}
