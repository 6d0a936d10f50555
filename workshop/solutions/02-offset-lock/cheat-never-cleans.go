//go:build ignore

// All stays dirty, and is sent again.
//
// grade: NOT YET, it never marks as clean: G0 sends offset 21 of P1, of which it has heard that it is committed
package answer

func commit() {
	commitLock.Lock()
	defer commitLock.Unlock()
	find()
	if build() {
		send()
		await()
	}
}
