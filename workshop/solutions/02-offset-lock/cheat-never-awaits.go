//go:build ignore

// It does not look at the answer.
//
// grade: NOT YET. no-panic: G0 panicked: clean() without an answer: await() comes first, the coordinator may refuse
package answer

func commit() {
	commitLock.Lock()
	defer commitLock.Unlock()
	find()
	if build() {
		send()
		clean()
	}
}
