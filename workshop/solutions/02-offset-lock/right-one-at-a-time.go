//go:build ignore

// Sarama pull request 2941: a lock of its own around all.
//
// grade: HOLDS, in all 2,116 states of 2 worlds. 1 request on the way at once; 4 goroutines need 37 round trips and 189.1 ms for 10 commits each, if an answer takes 5ms
package answer

func commit() {
	commitLock.Lock()
	defer commitLock.Unlock()
	find()
	if !build() {
		return
	}
	send()
	await()
	clean()
}
