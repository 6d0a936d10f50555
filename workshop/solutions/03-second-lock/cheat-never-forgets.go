//go:build ignore

// The coordinator is never forgotten.
//
// grade: NOT YET, it keeps a coordinator that is none: two partitions were refused, and the client still believes that it knows the coordinator
package answer

func handleResponse() {
	pomsLock.RLock()
	for p := range partitions {
		if !refused(p) {
			updateCommitted(p)
		}
	}
	pomsLock.RUnlock()
}
