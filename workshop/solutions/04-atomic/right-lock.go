//go:build ignore

// Sarama 1.43.1: a lock around both.
//
// grade: HOLDS, in all 300 states of 3 worlds. a second throttle blocks the response reader for 5 ms, and no answer is read meanwhile
package answer

func setThrottle() {
	mu.Lock()
	defer mu.Unlock()
	if old := pointer.Load(); old != 0 {
		if !stop(old) {
			drain(old)
		}
	}
	pointer.Store(newTimer())
}

func waitIfThrottled() {
	mu.Lock()
	defer mu.Unlock()
	if timer := pointer.Load(); timer != 0 {
		receive(timer)
		pointer.Store(0)
	}
}
